"""`perijove mosaic`: many strips into one map or one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.calibrate.balance import white_balance
from perijove.cartography.mosaic_chart import MosaicChart, mosaic_bands
from perijove.cartography.picture import painted
from perijove.cartography.plan import Plan, plan_map
from perijove.cli.common import Steps, json_text
from perijove.cli.framing import Framed, Standing, frame_together, stand
from perijove.cli.map import horizon_of, picture_raster, refuse_existing, warn_of_pole, wish_of
from perijove.cli.mosaic_report import epoch_of, mosaic_lines, mosaic_report, winds_found
from perijove.cli.mosaic_request import MosaicRequest, winds_plot
from perijove.cli.mosaic_strips import Gathered, gather
from perijove.cli.picture import MOST_NATIVE, caption_notes
from perijove.cli.report import describe
from perijove.cli.request_record import record, whole_sources
from perijove.cli.requests import Station
from perijove.cli.solve import light_parameters
from perijove.cli.sources import geometry_parameters
from perijove.enhance.recipes import apply_recipe
from perijove.errors import UsageError
from perijove.figure.annotate import annotated
from perijove.figure.caption import captioned
from perijove.figure.winds import WindFigure, drawn_winds
from perijove.instrument import Filter
from perijove.io.atomic import Staged, check_writable
from perijove.io.maps import possible_files, stage_map
from perijove.io.pictures import encode_picture
from perijove.io.provenance import credit_line, provenance, sidecar_path
from perijove.io.winds import encode_winds
from perijove.label import parse_product_id
from perijove.mosaic.balance import Balance, solve_balance
from perijove.mosaic.drift import MeasuredWinds, measure_winds
from perijove.mosaic.fuse import Mosaic, prepare_mosaic
from perijove.mosaic.glow import Glow, glow_report, without_glow
from perijove.mosaic.look import Look, look_of, parked_look
from perijove.mosaic.merge import Mode
from perijove.observation import Observation
from perijove.raster import Raster, Rows
from perijove.render.planes import Grid, Planes
from perijove.spill import held_down, trim
from perijove.timescale import utc_from_et
from perijove.winds import ZonalWinds, usual_winds

FloatArray = NDArray[np.float64]

USUAL_PIXELS = 64e6
"""Most pixels of a map whose scale nobody gives: one strip from near by would otherwise make a map of all others larger
than anyone can open."""
MOST_NAMED = 4
"""Images that a caption names one by one."""
PICTURE_DEPTHS = {"8": "8", "16": "16", "32": "32f"}


@dataclass(frozen=True)
class Scene:
    """What a mosaic is made of and on: strips, their looks, the epoch (ET) with its strip `lead`, and the winds."""

    gathered: Gathered
    looks: tuple[Look, ...]
    glows: Mapping[str, Sequence[Glow]]
    epoch: float
    lead: Observation
    measured: MeasuredWinds | None
    winds: ZonalWinds | None

    @property
    def body(self) -> Body:
        """The body shown."""
        return self.lead.body

    @property
    def sun(self) -> FloatArray:
        """Body-fixed unit vector (3,) to the Sun at the epoch."""
        turned: FloatArray = self.body.body_from_j2000(self.epoch) @ self.lead.sun
        return turned


@dataclass(frozen=True)
class Made:
    """A mosaic with its grid, its light's balance, and the files it makes."""

    mosaic: Mosaic
    balance: Balance
    numbers: dict[str, Any]


def run_mosaic(request: MosaicRequest) -> bool:
    """Do what the request says; whether nothing had to be left out.

    PerijoveError for what fails, and then none of the files is written.
    """
    check_places(request)
    credit_line(request.credit)
    with held_down():
        return made_mosaic(request, Steps(quiet=request.quiet))


def made_mosaic(request: MosaicRequest, steps: Steps) -> bool:
    """`run_mosaic`, of a request that has been checked."""
    gathered = gather(request, steps)
    # strips on which nothing hangs are no inputs: a repetition need not have them
    request = request.of_strips([raw.path for raw in gathered.raws], gathered.unread)
    scene = set_scene(gathered, request, steps)
    with Staged() as staged:
        made = make_map(scene, request, steps, staged) if request.map else make_picture(scene, request, steps, staged)
        if request.winds is not None:
            stage_winds(staged, scene, request, request.winds)
        report = {
            "strips": [describe(o) for o in gathered.observations],
            "mosaic": told_of(scene, made),
            "product": made.numbers,
            "timings_s": steps.timings_s,
        }
        text = json_text(report)
        if request.report is not None:
            staged.add(request.report, text.encode())
    if request.json:
        print(text, end="")
    elif not request.quiet:
        for line in mosaic_lines(request.output, report):
            print(line)
    return gathered.complete


def check_places(request: MosaicRequest) -> None:
    """Refuse what cannot be written, or is there and not to be replaced, before the work for it begins."""
    check_writable(request.output)
    if request.map is not None:
        for place in possible_files(request.output):
            refuse_existing(place, request.map.overwrite)
    else:
        check_writable(sidecar_path(request.output))
    for path in (request.report, request.winds):
        if path is not None:
            check_writable(path)


def set_scene(gathered: Gathered, request: MosaicRequest, steps: Steps) -> Scene:
    """Epoch, looks and winds of the strips. Raises UsageError for an epoch that is none."""
    observations = gathered.observations
    epoch, lead = epoch_of(request.epoch, observations)
    there = filters_of(gathered)
    shown = there if request.chosen_recipe.measured else request.chosen_recipe.bands(there)
    cleared = []
    with steps.steps("stray light") as turn:
        for o in observations:
            if set(shown) & set(o.calibrated.light):
                turn("stray light", f"stray light in {o.raw.label.product_id}")
                cleared.append(cleared_look(o, request, shown))
    looks, glows = tuple(look for look, _ in cleared), {look.name: found for look, found in cleared}
    usual = usual_winds(lead.body) if request.wind else None
    measured = None
    if usual is not None:
        with steps.step("winds"):
            measured = measure_winds(observations, usual)
    return Scene(gathered, looks, glows, epoch, lead, measured, usual if measured is None else measured.refined)


def cleared_look(
    observation: Observation, request: MosaicRequest, shown: Sequence[Filter]
) -> tuple[Look, tuple[Glow, ...]]:
    """The look that a strip is through the filters `shown`, without the glow beside its lit parts unless stray light is
    to be kept."""
    look = look_of(observation, sharpen=request.sharpen)
    look = replace(look, swaths=tuple(swath for swath in look.swaths if swath.band in shown))
    look, glows = (look, ()) if request.light.keep_stray else without_glow(look, observation.body)
    return parked_look(look, len(request.strips)), glows


def prepared_mosaic(scene: Scene, request: MosaicRequest, grid: Grid, horizon: float | None, steps: Steps) -> Made:
    """The mosaic on a grid, its light brought to one level."""
    with steps.step("balancing"):
        balance = solve_balance(scene.looks, scene.body, scene.epoch, winds=scene.winds)
    # what was used to solve is in nobody's use any more
    trim()
    mosaic = prepare_mosaic(
        scene.looks, scene.body, scene.epoch, grid,
        balance=balance, winds=scene.winds, mode=Mode(request.mode.value), sun_direction=scene.lead.sun,
        interpolation=request.interpolation, horizon=horizon,
    )  # fmt: skip
    return Made(mosaic, balance, {})


def make_map(scene: Scene, request: MosaicRequest, steps: Steps, staged: Staged) -> Made:
    """Make and stage the map."""
    part = request.map
    assert part is not None
    horizon, eye = horizon_of(part), not request.chosen_recipe.measured
    bands = request.chosen_recipe.bands(filters_of(scene.gathered)) if eye else ()
    plan = plan_map(
        scene.gathered.observations, wish_of(part, scene.lead), horizon,
        evened=True, usual_pixels=USUAL_PIXELS, bands=bands,
    )  # fmt: skip
    warn_of_pole(plan)
    made = prepared_mosaic(scene, request, plan.grid, horizon, steps)
    chart = MosaicChart(
        made.mosaic, mosaic_bands(made.mosaic), scene.sun, scene.epoch, part.with_sigma and not eye, request.sources
    )
    balance = white_balance(part.white_balance, scene.lead.raw.label.perijove)
    numbers = map_numbers(plan, request)
    if eye:
        picture = painted(
            chart, request.chosen_recipe, balance, part.dtype,
            annotate=part.annotate, longitudes=part.longitudes.value,
        )  # fmt: skip
        raster, settings = picture_raster(picture), picture.settings
    else:
        grid = plan.grid
        raster = Raster(grid, chart.layers, grid.width, grid.height, "float32", "linear", {}, chart.rows)
        settings = {}
    origin = origin_of(scene, request, made, {"settings": settings, "white_balance": balance, "map": numbers})
    with steps.steps("mapping") as turn:

        def rows(first: int, last: int) -> Rows:
            turn("mapping", f"mapping, {100 * first // max(raster.height, 1)} % done")
            return raster.rows(first, last)

        stage_map(
            staged, replace(raster, origin=origin, rows=rows), request.output,
            format=None if part.format is None else part.format.value,
        )  # fmt: skip
    return replace(made, numbers=numbers)


@dataclass(frozen=True)
class DrawnMosaic:
    """A mosaic's `planes` as seen from where one is `standing`, the view that is framed, and how it was made."""

    planes: Planes
    standing: Standing
    framed: Framed
    made: Made


def drawn_mosaic(scene: Scene, request: MosaicRequest, steps: Steps) -> DrawnMosaic:
    """Fuse the strips as seen from the request's viewpoint; UsageError where nothing would be in the picture."""
    standing, framed = framed_view(scene, request)
    made = prepared_mosaic(scene, request, framed.view, standing.horizon, steps)
    with steps.step("fusing"):
        planes = made.mosaic.planes(0, framed.view.height).planes
    if request.picture is not None and request.picture.viewpoint is not Station.SPACECRAFT:
        # a camera pixel is as large as the ground that it covers, not as the angle is that it has from Juno
        planes = replace(without_sky(planes), native=float(np.fmin(framed.numbers["native_scale"], MOST_NATIVE)))
    if not np.isfinite(planes.light).any():
        raise UsageError(
            f"nothing that was imaged would be in the picture from {standing.name}: look elsewhere with --look, widen "
            "--fov, or give another --epoch"
        )
    return DrawnMosaic(planes, standing, framed, made)


def make_picture(scene: Scene, request: MosaicRequest, steps: Steps, staged: Staged) -> Made:
    """Make and stage the picture."""
    part = request.picture
    assert part is not None
    drawn = drawn_mosaic(scene, request, steps)
    planes, standing, framed, made = drawn.planes, drawn.standing, drawn.framed, drawn.made
    balance = white_balance(part.white_balance, scene.lead.raw.label.perijove)
    with steps.step("colouring"):
        picture = apply_recipe(request.chosen_recipe, planes, balance, made.mosaic.full)
        if not part.with_sigma:
            picture = replace(picture, sigma=None, quality=None)
        if part.annotate:
            picture = annotated(picture, framed.view, scene.body, standing.sun, et=standing.et)
        if part.caption is not None:
            picture = captioned(
                picture, planes, scene.body, title=part.caption or title_of(scene),
                credit=credit_line(request.credit, simulated=scene.lead.raw.label.simulated),
                notes=caption_notes(scene.lead, standing, framed, part, images_text(scene.looks)),
                marks=not part.annotate,
            )  # fmt: skip
    numbers = {"width": picture.width, "height": picture.height, "from": standing.name, **framed.numbers}
    more = {"settings": picture.settings, "white_balance": balance, "view": numbers, "caption": part.caption}
    origin = origin_of(scene, request, made, more)
    with steps.step("writing"):
        for place, data in encode_picture(request.output, picture, origin, PICTURE_DEPTHS[part.bits]).items():
            staged.add(place, data)
    return replace(made, numbers=numbers)


def without_sky(planes: Planes) -> Planes:
    """Planes of the body alone: what Juno saw beside its limb does not stand beside the limb as others see it."""
    return replace(planes, light=np.where(planes.hit, planes.light, np.float32(np.nan)))


def images_text(looks: Sequence[Look]) -> str:
    """The images of a mosaic in words: all by their numbers, or the first and the last of many."""
    parts = {look.name: parse_product_id(look.name) for look in looks}
    names = [f"{p.orbit:02d}{p.kind}{p.number:05d}" if p else name for name, p in sorted(parts.items())]
    if len(names) > MOST_NAMED:
        return f"{names[0]} to {names[-1]} ({len(names)} images)"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def framed_view(scene: Scene, request: MosaicRequest) -> tuple[Standing, Framed]:
    """Where the picture is seen from, and what is framed."""
    part = request.picture
    assert part is not None
    here = part.viewpoint is Station.SPACECRAFT and scene.epoch == scene.lead.middle_et
    wanted = replace(part, at_et=None if here else scene.epoch)
    standing = stand(scene.lead, wanted)
    shown = () if request.chosen_recipe.measured else request.chosen_recipe.bands(filters_of(scene.gathered))
    return standing, frame_together(
        scene.gathered.observations, scene.lead, standing, wanted,
        night=request.chosen_recipe.keeps_night, bands=shown,
    )  # fmt: skip


def filters_of(gathered: Gathered) -> tuple[Filter, ...]:
    """The filters that any of the strips has."""
    return tuple(band for band in Filter if any(band in o.calibrated.light for o in gathered.observations))


def title_of(scene: Scene) -> str:
    """What a mosaic is called where nobody says."""
    label = scene.lead.raw.label
    passing = "" if label.perijove is None else f" at perijove {label.perijove}"
    return f"{scene.body.name.capitalize()}{passing}, {len(scene.looks)} strips"


def told_of(scene: Scene, made: Made) -> dict[str, Any]:
    """What report and provenance say of a mosaic."""
    glows = [glow_report(name, found) for name, found in scene.glows.items() if found]
    return mosaic_report(scene.gathered, scene.epoch, scene.measured, made.balance, made.mosaic, glows)


def origin_of(scene: Scene, request: MosaicRequest, made: Made, more: dict[str, Any]) -> dict[str, object]:
    """The provenance of a mosaic."""
    observations, lead = scene.gathered.observations, scene.lead
    times = [o.pointing.et for o in observations]
    parameters = {
        "recipe": request.chosen_recipe.name, "mode": request.mode, "epoch_utc": utc_from_et(scene.epoch),
        "start_utc": utc_from_et(float(min(t[0] for t in times))),
        "end_utc": utc_from_et(float(max(t[-1] for t in times))),
        "wind": request.wind, "with_sources": request.sources, "keep_going": request.keep_going,
        "looks": list(made.mosaic.names), "interpolation": request.interpolation,
        "light": {o.raw.label.product_id: light_parameters(o.raw, request.light) for o in observations},
        **geometry_parameters(request.geometry), **more,
    }  # fmt: skip
    solution = {
        "strips": [
            {key: entry[key] for key in ("product_id", "trajectory", "pointing")}
            for entry in map(describe, observations)
        ],
        "mosaic": told_of(scene, made),
    }
    return provenance(
        whole_sources(observations, request, beside=scene.gathered.raws), parameters, solution,
        title=title_of(scene), name=request.credit, simulated=lead.raw.label.simulated,
        request=record("mosaic", request, observations), recipe=request.chosen_recipe.as_tables(),
    )  # fmt: skip


def map_numbers(plan: Plan, request: MosaicRequest) -> dict[str, Any]:
    """What the report and the provenance say of the map."""
    grid, part = plan.grid, request.map
    assert part is not None
    projection = grid.projection
    return {
        "projection": projection.kind, "width": grid.width, "height": grid.height, "scale_km": grid.scale_km,
        "native_km": plan.native_km, "latitudes": grid.latitudes, "longitudes": part.longitudes.value,
        "radius_km": projection.radius_km, "centre_latitude_deg": float(np.degrees(projection.latitude)),
        "centre_longitude_east_deg": float(np.degrees(projection.longitude)),
        "left_km": grid.left_km, "top_km": grid.top_km, "max_emission_deg": part.max_emission_deg,
    }  # fmt: skip


def stage_winds(staged: Staged, scene: Scene, request: MosaicRequest, path: Path) -> None:
    """Stage the table of measured winds and its plot; UsageError for a body that has none."""
    measured = scene.measured
    if measured is None:
        raise UsageError(f"--winds {path}: {scene.body.name} has no winds to be measured; leave it out")
    simulated, title = scene.lead.raw.label.simulated, f"Winds of {scene.body.name.capitalize()}"
    sources = whole_sources(scene.gathered.observations, request, beside=scene.gathered.raws)
    origin = provenance(
        sources, {"epoch_utc": utc_from_et(scene.epoch)},
        winds_found(measured), title=title, name=request.credit, simulated=simulated,
    )  # fmt: skip
    when = utc_from_et(scene.epoch)[:16].replace("T", " ")
    figure = WindFigure(
        measured.latitude, measured.speed_m_s, measured.sigma_m_s, measured.usual, measured.refined,
        f"{title}, {when} UTC",
        [f"{int(measured.count.sum())} clouds seen again in {len(measured.pairs)} pairs of strips"],
        credit_line(request.credit, simulated=simulated),
    )  # fmt: skip
    staged.add(path, encode_winds(measured, origin))
    for place, data in encode_picture(winds_plot(path), drawn_winds(figure), origin, "8").items():
        staged.add(place, data)
