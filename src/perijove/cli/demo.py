"""`perijove demo`: two scenes simulated, and processed from raw strips as any others would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.balance import white_balance
from perijove.cli.common import Steps, json_text
from perijove.cli.demo_page import Exhibit, Shown, page
from perijove.cli.framing import Framed, Standing, frame, stand
from perijove.cli.mosaic import drawn_mosaic, origin_of, set_scene
from perijove.cli.mosaic_request import MosaicRequest
from perijove.cli.mosaic_strips import gather
from perijove.cli.report import describe
from perijove.cli.requests import PictureRequest, Station
from perijove.cli.simulate import only_shots, stage_strips, take_scene
from perijove.cli.solve import solve_strips
from perijove.enhance.picture import Picture
from perijove.enhance.recipes import apply_recipe, shipped
from perijove.errors import PerijoveError
from perijove.figure.caption import captioned
from perijove.instrument import Filter
from perijove.io.atomic import Staged, check_folder, check_writable
from perijove.io.pictures import encode_picture
from perijove.io.provenance import provenance, strip_source
from perijove.observation import Observation
from perijove.render.engine import render
from perijove.render.planes import Planes
from perijove.simulate.scene import Scene
from perijove.simulate.scenes import backlit_scene, ganymede_scene
from perijove.timescale import utc_from_et
from perijove.verify import Verification, verify

SEED = 1
DARK_CODE = 10
"""What is no brighter than this, in codes, is sky on the page."""
CREDIT = "Simulated and processed with Perijove. Not a picture of the mission; geometry after NASA's Juno."


@dataclass(frozen=True)
class Story:
    """What is shown of a scene: from which strip's place, framed how, coloured and captioned how.

    `epoch` names the strip whose place is the viewpoint, None where there is only one. `places` are names with
    planetocentric latitude and east longitude, deg; a place so given in `centre_deg`, with `fov_deg`, frames a part of
    the body.
    """

    scene: Scene
    name: str
    title: str
    recipe: str
    epoch: str | None
    size: int
    places: tuple[tuple[str, float, float], ...]
    text: str
    centre_deg: tuple[float, float] | None = None
    fov_deg: float | None = None


@dataclass(frozen=True)
class Composed:
    """A story's strips, solved, and their light as rendered: `planes` seen from where one is `standing`.

    `lead` is the strip that was taken there, `full` maps a filter to the I/F from which its pixels are full, `origin`
    is the provenance.
    """

    observations: tuple[Observation, ...]
    lead: Observation
    planes: Planes
    full: Mapping[Filter, float]
    standing: Standing
    framed: Framed
    origin: Mapping[str, object]


def clean(scene: Scene) -> Scene:
    """The scene without dust on the filters, which only a flat field of the day could take away."""
    return replace(scene, detector=replace(scene.detector, dust_spots=0.0))


def stories() -> tuple[Story, ...]:
    """The two scenes of the demonstration."""
    return (
        Story(
            only_shots(clean(ganymede_scene(SEED)), (3,)), "ganymede", "Ganymede", "enhanced", None, 1300,
            (("Kittu", 0.4, 25.4),),
            "On 7 June 2021 Juno flew past Ganymede, 1,038 km above its ice. This moon is painted, but the flight is "
            "the true one: the strips were taken from where Juno was, second by second. Towards the right, near the "
            "limb, lies Kittu, a crater of 15 km with dark rays.",
            centre_deg=(8.5, 11.5), fov_deg=34.0,
        ),
        Story(
            clean(backlit_scene(SEED)), "backlit-jupiter", "Jupiter against the Sun", "backlit", "22C00025", 1600, (),
            "Jupiter with the Sun behind it is a sight that no telescope on Earth will ever have: from here its phase "
            "angle never passes 12 degrees. Seven strips, taken over more than four hours on the way in, make one "
            "picture; sunlight scattered in the haze draws the limb out into the night.",
        ),
    )  # fmt: skip


def run_demo(folder: Path, *, quiet: bool = False) -> None:
    """Make the demonstration in a folder; PerijoveError for what fails. What an earlier run left is replaced."""
    told = stories()
    _check_room(folder, told)
    steps = Steps(quiet=quiet)
    exhibits = [_show(story, folder, steps) for story in told]
    with Staged() as staged:
        staged.add(folder / "index.html", page(exhibits).encode())
    if not quiet:
        for exhibit in exhibits:
            print(f"{folder / exhibit.picture}: {exhibit.quality}")
        print(f"open {folder / 'index.html'} in a browser")


def _check_room(folder: Path, told: Sequence[Story]) -> None:
    """OutputError where something stands in the way, before the work begins."""
    check_folder(folder)
    files = [folder / "index.html"]
    for story in told:
        check_folder(folder / "raw" / story.name)
        files += [folder / f"{story.name}.png", folder / f"{story.name}.png.json", folder / f"{story.name}-report.json"]
    for path in files if folder.is_dir() else []:
        check_writable(path)


def _show(story: Story, folder: Path, steps: Steps) -> Exhibit:
    """Simulate one scene into its folder, process its strips blind, write picture and report."""
    raw = folder / "raw" / story.name
    taken = take_scene(story.scene, 2, steps)
    with Staged() as staged:
        staged.folder(raw)
        stage_strips(staged, raw, story.scene, taken)
    paths = [raw / strip.strip_name for strip in taken if strip.exposed is not None]
    # from here on nothing is known but the files
    place = folder / f"{story.name}.png"
    made = _solved(story, place, paths, steps)
    observations = made.observations
    shots = {shot.number: shot for shot in story.scene.shots}
    checks = [verify(o, story.scene, shots[_number(o)]) for o in observations]
    with steps.step("drawing"):
        picture = _figure(story, made)
    report = {
        "scene": story.scene.name,
        "strips": [{**describe(o), "against_truth": asdict(c)} for o, c in zip(observations, checks, strict=True)],
    }
    with Staged() as staged:
        for path, data in encode_picture(place, picture, made.origin, "8").items():
            staged.add(path, data)
        staged.add(folder / f"{story.name}-report.json", json_text(report).encode())
    return Exhibit(
        title=story.title,
        text=story.text,
        picture=place.name,
        report=f"{story.name}-report.json",
        raw=tuple(
            Shown(f"raw/{story.name}/{strip.strip_name}", middle_of(strip.exposed.codes))
            for strip in taken
            if strip.exposed is not None
        ),
        truth=f"raw/{story.name}/truth.json",
        quality=_quality(checks),
        rows=tuple(_row(o, c) for o, c in zip(observations, checks, strict=True)),
    )


def middle_of(codes: NDArray[np.uint8]) -> float:
    """How far down a strip (lines, samples) its light is, 0 to 1: where half of it lies above."""
    light = np.cumsum(np.maximum(codes.astype(np.int64) - DARK_CODE, 0).sum(axis=1))
    return float(np.searchsorted(light, 0.5 * light[-1]) / len(codes)) if light[-1] else 0.5


def _number(observation: Observation) -> int:
    """The number of a strip's shot."""
    parts = observation.raw.label.parts
    if parts is None:
        raise PerijoveError(
            f"{observation.raw.label.product_id} is no product id: leave the demonstration's names alone"
        )
    return parts.number


def _solved(story: Story, place: Path, paths: Sequence[Path], steps: Steps) -> Composed:
    """A story's strips solved and rendered: one as a picture, several as a mosaic."""
    part = PictureRequest(
        strips=tuple(paths[:1]), output=place, recipe=shipped(story.recipe), size=story.size, fov_deg=story.fov_deg,
        centre_deg=story.centre_deg, viewpoint=Station.SPACECRAFT, caption=story.title,
    )  # fmt: skip
    if len(paths) == 1:
        (lead,) = solve_strips(paths, None, steps)
        with steps.step("drawing"):
            standing = stand(lead, part)
            framed = frame(lead, standing, lead.swaths(), part)
            planes = render(
                lead.swaths(sharpen=True), lead.body, standing.et, framed.view, sun_direction=standing.sun_j2000
            )
        entry = describe(lead)
        origin = provenance(
            [strip_source(lead.raw)],
            {"recipe": story.recipe, "size": story.size, "sharpen": "psf", "view": framed.numbers},
            entry, title=story.title, simulated=True,
        )  # fmt: skip
        return Composed((lead,), lead, planes, lead.full, standing, framed, origin)
    request = MosaicRequest(strips=tuple(paths), output=place, picture=part, epoch=story.epoch)
    scene = set_scene(gather(request, steps), request, steps)
    drawn = drawn_mosaic(scene, request, steps)
    return Composed(
        tuple(scene.gathered.observations), scene.lead, drawn.planes, drawn.made.mosaic.full, drawn.standing,
        drawn.framed, origin_of(scene, request, drawn.made, {"view": drawn.framed.numbers}),
    )  # fmt: skip


def _figure(story: Story, made: Composed) -> Picture:
    """The captioned picture of a scene."""
    lead = made.lead
    balance = white_balance("solar", lead.raw.label.perijove)
    coloured = apply_recipe(story.recipe, made.planes, balance, made.full)
    place, sun = made.standing.position_km, made.standing.sun
    away = place / np.linalg.norm(place)
    phase = float(np.degrees(np.arccos(np.clip(away @ sun, -1.0, 1.0))))
    scale, height = made.framed.numbers["km_per_native_px"], made.framed.numbers["altitude_km"]
    when = utc_from_et(made.standing.et)[:16].replace("T", " ")
    notes = [
        f"{when} UTC · from {height:,.0f} km · phase angle {phase:.0f}° · "
        f"{scale:.1f} km a camera pixel · {_counted(len(made.observations))} · {story.recipe} colour",
        "Simulated; solved and drawn from raw strips without any knowledge of how they were made",
    ]
    places = [(name, float(np.radians(lat)), float(np.radians(lon))) for name, lat, lon in story.places]
    return captioned(coloured, made.planes, lead.body, title=story.title, credit=CREDIT, notes=notes, places=places)


def _counted(strips: int) -> str:
    """How many strips, in words for a caption."""
    return "1 strip" if strips == 1 else f"{strips} strips"


def _quality(checks: Sequence[Verification]) -> str:
    """One sentence on how well it went."""
    median = float(np.median([check.median_px for check in checks]))
    colours = [px for check in checks for px in check.registration_px.values()]
    return (
        f"{len(checks)} strip{'' if len(checks) == 1 else 's'} solved; places lie within {median:.2f} px of the truth, "
        f"colours within {float(np.median(colours)):.2f} px (medians)"
    )


def _row(observation: Observation, check: Verification) -> tuple[str, ...]:
    """What the page tells of one strip."""
    colours = max(check.registration_px.values(), default=float("nan"))
    return (
        check.product_id,
        f"{observation.pointing.limb_rms_px:.2f}",
        f"{check.sigma_px:.2f}",
        f"{check.median_px:.2f}",
        f"{check.p95_px:.2f}",
        f"{colours:.2f}",
        f"{check.position_km:.2f}",
    )
