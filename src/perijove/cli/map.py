"""`perijove map`: from strips to georeferenced maps."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from perijove.calibrate.balance import white_balance
from perijove.cartography.chart import Chart, Content, chart_of
from perijove.cartography.geometry import MORE_PLANES
from perijove.cartography.picture import Painted, beyond, painted
from perijove.cartography.plan import Plan, plan_map
from perijove.cartography.scatter import law_for
from perijove.cli.common import Steps, json_text
from perijove.cli.map_request import Longitudes, MapRequest
from perijove.cli.report import describe, light_report, solution_summary
from perijove.cli.request_record import record, whole_sources
from perijove.cli.solve import light_parameters, shares, solve_strips
from perijove.cli.sources import geometry_parameters
from perijove.errors import OutputError, PerijoveWarning, UsageError
from perijove.geometry.illumination import PLANES
from perijove.geometry.mapextent import Bounds, Wish
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.instrument import Filter
from perijove.io.atomic import Staged, check_folder, check_writable
from perijove.io.maps import possible_files, stage_map
from perijove.io.provenance import credit_line, provenance
from perijove.label import product_id_in
from perijove.observation import Observation
from perijove.raster import Layer, Raster
from perijove.timescale import utc_from_et

LEAST = -0.05
"""I/F of the integer 1: noise about a dark sky stays whole."""
STEP = 5e-5
"""I/F of one step of 16 bits, up to 3.2; a fortieth of the noise of the darkest parts."""
ALL_PLANES = (*(name for name in PLANES if name != "ring_radius"), *MORE_PLANES)
"""Every backplane of a map: its lines of sight end on the ground and meet no ring."""


def run_map(request: MapRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then none of the files is written."""
    check_places(request)
    bands = chosen_bands(request)
    credit_line(request.credit)
    steps = Steps(quiet=request.quiet)
    observations = solve_strips(request.strips, request.labels, steps, request.light, request.geometry)
    solving = shares(steps, len(observations))
    for observation in observations:
        for place in possible_files(request.path_for(observation.raw.label.product_id)):
            refuse_existing(place, request.overwrite)
    plan = plan_map(observations, wish_of(request, observations[0]), horizon_of(request))
    warn_of_pole(plan)
    with Staged() as staged:
        if request.into_folder:
            staged.folder(request.output)
        wanted = [o for o in observations if request.only in (None, o.raw.label.product_id)]
        entries = [one_map(o, observations, request, bands, plan, solving, staged) for o in wanted]
        text = json_text({"strips": entries})
        if request.report is not None:
            staged.add(request.report, text.encode())
    if request.json:
        print(text, end="")
    elif not request.quiet:
        for observation, entry in zip(wanted, entries, strict=True):
            made = entry["map"]
            print(solution_summary(observation, entry["timings_s"]))
            print(
                f"  map         {made['path']}: {made['projection']}, {made['width']} x {made['height']} px of "
                f"{made['scale_km']:.4g} km (camera {made['native_km']:.3g} km), {made['shown_percent']:.0f} % seen"
            )
            for line in made["photometry"].get("in_words", []):
                print(f"  {line}")


def warn_of_pole(plan: Plan) -> None:
    """Warn of a map that goes all around a body for the sake of a pole."""
    if plan.round_pole is not None:
        warnings.warn(
            f"the {plan.round_pole} pole was seen, so the map goes all around the body: --projection "
            f"polar-{plan.round_pole} shows it as it is, --bounds makes the map smaller",
            PerijoveWarning,
            stacklevel=2,
        )


def check_places(request: MapRequest) -> None:
    """Refuse what cannot be written, or is there and not to be replaced, before the work for it begins."""
    if request.into_folder:
        check_folder(request.output)
        ids = [product_id_in(strip.name) for strip in request.strips]
        places = [place for name in ids if name for place in possible_files(request.path_for(name))]
    else:
        places = [*possible_files(request.output)]
        if request.output.suffix.lower() == ".zarr":
            check_folder(request.output.parent)
        else:
            check_writable(request.output)
    for place in places:
        refuse_existing(place, request.overwrite)
    if request.report is not None and not (request.into_folder and request.report.parent == request.output):
        check_writable(request.report)


def refuse_existing(place: Path, overwrite: bool) -> None:
    """Raise OutputError for a file that is there, unless it may be replaced."""
    if place.exists() and not overwrite:
        raise OutputError(f"{place} is there already: give --overwrite to replace it, or another name")


def chosen_bands(request: MapRequest) -> tuple[Filter, ...] | None:
    """The filters asked for; UsageError for names that are none."""
    if request.bands is None:
        return None
    known = {band.value: band for band in Filter}
    if not request.bands:
        raise UsageError(f"--bands names no filter: give some of {', '.join(known).lower()}")
    chosen = []
    for name in request.bands:
        if name.upper() not in known:
            raise UsageError(f"--bands {name} is no filter: give some of {', '.join(known).lower()}")
        chosen.append(known[name.upper()])
    return tuple(dict.fromkeys(chosen))


def horizon_of(request: MapRequest) -> float:
    """The least cosine of emission at which ground is mapped."""
    return max(math.cos(math.radians(request.max_emission_deg)), 0.0)


def wish_of(request: MapRequest, observation: Observation) -> Wish:
    """The grid asked for, in rad and with longitudes to the east."""
    scale = request.scale_km
    if request.ppd is not None:
        scale = math.radians(1.0) * MAP_RADIUS_KM[observation.body.name] / request.ppd
    bounds = None
    if request.bounds_deg is not None:
        west, south, east, north = request.bounds_deg
        while east <= west:
            east += 360.0
        while east > west + 360.0:
            east -= 360.0
        bounds = Bounds(*(math.radians(v) for v in (west, south, east, north)))
    centre = None
    if request.centre_deg is not None:
        latitude, longitude = request.centre_deg
        centre = math.radians(latitude), math.radians(longitude)
    return Wish(request.projection.value, request.latitudes.value, scale, bounds, centre, request.altitude_km)


@dataclass(frozen=True)
class Made:
    """One strip's map: the `chart` behind it, its `raster`, yet without provenance, and what is to be said of it."""

    chart: Chart
    raster: Raster
    settings: Mapping[str, float]
    balance: Mapping[Filter, float]
    photometry: Mapping[str, Any]


def one_map(
    observation: Observation,
    together: Sequence[Observation],
    request: MapRequest,
    bands: tuple[Filter, ...] | None,
    plan: Plan,
    solving: Mapping[str, float],
    staged: Staged,
) -> dict[str, Any]:
    """Make and stage the map of one strip of those solved `together`; its entry in the report."""
    label = observation.raw.label
    steps = Steps(quiet=request.quiet, of=label.product_id)
    path = request.path_for(label.product_id)
    entry = describe(observation)
    made = make_map(observation, request, bands, plan, steps)
    told = {**map_report(plan, made.chart, request), "photometry": made.photometry}
    entry["map"] = {**told, "path": str(path)}
    solution = {key: entry[key] for key in ("target", "trajectory", "pointing")}
    parameters = {**parameters_of(observation, request, made), "map": told}
    origin = provenance(
        whole_sources(together, request, observation), parameters, solution,
        title=label.title or label.product_id, name=request.credit, simulated=label.simulated,
        request=record("map", request, together), recipe=request.chosen_recipe.as_tables(),
    )  # fmt: skip
    with steps.step("writing"):
        stage_map(staged, replace(made.raster, origin=origin), path, format=request.format)
    entry["timings_s"] = {**solving, **steps.timings_s}
    return entry


def make_map(
    observation: Observation, request: MapRequest, bands: tuple[Filter, ...] | None, plan: Plan, steps: Steps
) -> Made:
    """One strip's map, ready to be written. Raises UsageError where nothing of it was seen."""
    horizon, eye = horizon_of(request), not request.chosen_recipe.measured
    with steps.step("photometry"):
        law = law_for(observation, request.photometry, horizon)
    planes = ALL_PLANES if request.backplanes == ("all",) else request.backplanes
    content = Content(bands, request.with_sigma, request.with_quality, planes, law.law, request.with_light)
    with steps.step("mapping"):
        chart = chart_of(
            observation, plan.grid, content,
            horizon=beyond(horizon) if eye else horizon, interpolation=request.interpolation.value,
            sharpen=request.sharpen is not None, angles=eye,
        )  # fmt: skip
        refuse_empty(observation, chart, request)
        balance = white_balance(request.white_balance, observation.raw.label.perijove)
        if not eye:
            return Made(chart, linear_raster(chart, request), {}, balance, law.report)
        picture = painted(
            chart, request.chosen_recipe, balance, request.dtype,
            horizon=horizon, annotate=request.annotate, longitudes=request.longitudes.value,
        )  # fmt: skip
        return Made(chart, picture_raster(picture), picture.settings, balance, law.report)


def parameters_of(observation: Observation, request: MapRequest, made: Made) -> dict[str, Any]:
    """What a map was asked for with, for its provenance."""
    return {
        "recipe": request.chosen_recipe.name, "settings": made.settings, "projection": request.projection,
        "latitudes": request.latitudes, "longitudes": request.longitudes,
        "epoch_utc": utc_from_et(observation.middle_et), "camera_km": observation.middle_position,
        "bounds_deg": request.bounds_deg,
        "centre_deg": request.centre_deg, "bands": [band.value for band in made.chart.bands],
        "with_light": request.with_light, "with_sigma": request.with_sigma, "with_quality": request.with_quality,
        "backplanes": made.chart.content.backplanes, "photometry": request.photometry, "annotate": request.annotate,
        "numbers": made.raster.dtype, "format": request.format, "interpolation": request.interpolation,
        "max_emission_deg": request.max_emission_deg, "white_balance": made.balance,
        "white_balance_choice": request.white_balance, "sharpen": request.sharpen,
        "light": light_report(observation.calibrated), **light_parameters(observation.raw, request.light),
        **geometry_parameters(request.geometry),
    }  # fmt: skip


def picture_raster(picture: Painted) -> Raster:
    """A map for the eye as the numbers of a file."""
    grid, kind = picture.chart.grid, picture.dtype
    layers = tuple(Layer(band.value, "", "light", f"{band.value.lower()} for the eye") for band in picture.bands)
    return Raster(grid, layers, grid.width, grid.height, kind, "srgb", {}, picture.rows, picture.scale, picture.offset)


def linear_raster(chart: Chart, request: MapRequest) -> Raster:
    """A chart as the numbers of a file: light in floats or, where 16 bits are asked for, in scaled integers."""
    grid = chart.grid
    if request.dtype == "uint16":
        return Raster(
            grid, chart.layers, grid.width, grid.height, "uint16", "linear", {},
            lambda first, last: scaled(chart.rows(first, last)), STEP, LEAST - STEP,
        )  # fmt: skip
    return Raster(
        grid, facing(chart.layers, request), grid.width, grid.height, "float32", "linear", {},
        lambda first, last: turned(chart, request, first, last),
    )  # fmt: skip


def scaled(light: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """I/F as integers of `STEP` from 1 up, 0 for no data."""
    codes = np.clip(np.rint((light - np.float32(LEAST)) / np.float32(STEP)) + 1, 1, 65535)
    return np.where(np.isnan(light), 0, np.nan_to_num(codes)).astype(np.uint16)


def facing(layers: Sequence[Layer], request: MapRequest) -> tuple[Layer, ...]:
    """The layers with longitude said to be to the west where that is asked for."""
    if request.longitudes is Longitudes.EAST:
        return tuple(layers)
    said = "west longitude (System III in Jupiter's case), 0 to 360"
    return tuple(Layer(v.name, v.unit, v.role, said) if v.name == "longitude" else v for v in layers)


def turned(chart: Chart, request: MapRequest, first: int, last: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Rows of a chart, their longitudes counted as asked."""
    rows = chart.rows(first, last)
    if request.longitudes is Longitudes.WEST:
        for k, layer in enumerate(chart.layers):
            if layer.name == "longitude":
                rows[k] = np.mod(np.float32(360.0) - rows[k], np.float32(360.0))
    return rows


def refuse_empty(observation: Observation, chart: Chart, request: MapRequest) -> None:
    """Raise UsageError where nothing that the strip saw lies on the map."""
    surveyed = chart.prepared.surveyed
    if surveyed is not None and not surveyed.seen.any():
        where = "the bounds" if request.bounds_deg is not None else "the map"
        raise UsageError(
            f"{observation.raw.path} saw nothing within {where}, or only under more than {request.max_emission_deg:g} "
            "deg of emission: give other --bounds, or a larger --max-emission"
        )


def map_report(plan: Plan, chart: Chart, request: MapRequest) -> dict[str, Any]:
    """What the report and the provenance say of a map; degrees and km."""
    grid: MapGrid = plan.grid
    projection = grid.projection
    surveyed = chart.prepared.surveyed
    assert surveyed is not None
    return {
        "projection": projection.kind, "width": grid.width, "height": grid.height, "scale_km": grid.scale_km,
        "pixels_per_degree": math.radians(1.0) * projection.radius_km / grid.scale_km, "native_km": plan.native_km,
        "latitudes": grid.latitudes, "longitudes": request.longitudes.value, "radius_km": projection.radius_km,
        "centre_latitude_deg": math.degrees(projection.latitude),
        "centre_longitude_east_deg": math.degrees(projection.longitude),
        "altitude_km": None if math.isnan(projection.altitude_km) else projection.altitude_km,
        "left_km": grid.left_km, "top_km": grid.top_km, "max_emission_deg": request.max_emission_deg,
        "shown_percent": 100.0 * float(np.isfinite(surveyed.spans).all(axis=-1).mean()),
    }  # fmt: skip
