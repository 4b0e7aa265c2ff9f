"""`perijove simulate`: raw strips and labels of a known world, and the truth about them."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from perijove import __version__
from perijove.cli.common import Steps, json_text
from perijove.errors import OutputError, UsageError
from perijove.io.atomic import Staged, check_folder
from perijove.simulate.custom import Settings, custom_scene
from perijove.simulate.detector import Detector
from perijove.simulate.flown import flight_from_table
from perijove.simulate.motion import Flight
from perijove.simulate.photograph import Photograph
from perijove.simulate.scene import Scene
from perijove.simulate.scenes import SCENES, named_scene
from perijove.simulate.strip import Strip, take, truth
from perijove.simulate.worlds.texture import MapPainter

MAX_TOML_BYTES = 1_000_000
MAX_TABLE_BYTES = 20_000_000
TRUTH = "truth.json"


@dataclass(frozen=True)
class SimulateRequest:
    """`perijove simulate`: what to photograph, and where the files go.

    `scene` is a scene's name or a .toml file. `only` limits the shots by their numbers, empty for all. `rays` per side
    of a pixel. `ideal` takes noise and defects away; `radiance` writes the noiseless light too.
    """

    scene: str
    output: Path
    seed: int | None = None
    only: tuple[int, ...] = ()
    rays: int = 2
    texture: Path | None = None
    texture_centre_deg: float = 180.0
    ideal: bool = False
    radiance: bool = False
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        if not 1 <= self.rays <= 8:
            raise UsageError(f"--rays {self.rays} cannot be traced: give 1 to 8 a side")
        if self.seed is not None and not 0 <= self.seed < 2**31:
            raise UsageError(f"--seed {self.seed} is out of range: give 0 to {2**31 - 1}")
        if not abs(self.texture_centre_deg) <= 360.0:
            raise UsageError(f"--texture-centre {self.texture_centre_deg:g} is no longitude: give degrees east")


def list_scenes() -> str:
    """The scenes that have a name, one a line."""
    width = max(len(name) for name in SCENES)
    rows = [f"{name.ljust(width)}  {scene.shows}" for name, scene in SCENES.items()]
    return "\n".join([*rows, f"{'perijove-N'.ljust(width)}  Jupiter eighty minutes before any perijove from 1"])


def run_simulate(request: SimulateRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then none of the files is written."""
    check_folder(request.output)
    scene = chosen_scene(request)
    for shot in scene.shots:
        # what a label refuses is told before the work begins
        take(scene, replace(shot, exposed=False))
    steps = Steps(quiet=request.quiet)
    strips = take_scene(scene, request.rays, steps)
    with Staged() as staged:
        staged.folder(request.output)
        written = stage_strips(staged, request.output, scene, strips)
        if request.radiance:
            for strip in strips:
                if strip.photograph is not None:
                    place = request.output / f"{strip.product_id}-light.npz"
                    staged.add(place, light_bytes(strip.photograph))
                    written.append(place)
    if request.json:
        print(
            json_text({"scene": scene.name, "files": [str(p) for p in written], "timings_s": steps.timings_s}), end=""
        )
    elif not request.quiet:
        exposed = [strip for strip in strips if strip.exposed is not None]
        print(f"{scene.name}: {len(exposed)} strip(s) and {len(strips)} label(s) of {scene.flight.body.name}")
        for strip in exposed:
            print(f"  {request.output / strip.strip_name}  {len(strip.timing.et)} frames")
        print(f"  {request.output / TRUTH}  what is true of them")


def chosen_scene(request: SimulateRequest) -> Scene:
    """The scene asked for, with the shots asked for."""
    painter = None if request.texture is None else read_texture(request.texture, request.texture_centre_deg)
    if request.scene.lower().endswith(".toml"):
        path = Path(request.scene)
        table = read_toml(path)
        if painter is None and "texture" in table:
            settings = Settings(table, str(path), list(table))
            centre = settings.number("texture_centre_deg", 180.0, -360.0, 360.0)
            painter = read_texture(path.parent / settings.text("texture", ""), centre)
        flight = read_flight(table, path) if "flight" in table else None
        scene = custom_scene(table, str(path), seed=request.seed, painter=painter, flight=flight)
    else:
        scene = custom_scene({"scene": request.scene}, request.scene, seed=request.seed or 0, painter=painter)
    if request.ideal:
        scene = replace(scene, detector=Detector.ideal())
    return only_shots(scene, request.only)


def only_shots(scene: Scene, numbers: Sequence[int]) -> Scene:
    """The scene with only some shots exposed; of the others the labels stay."""
    if not numbers:
        return scene
    there = {shot.number for shot in scene.shots}
    for number in numbers:
        if number not in there:
            raise UsageError(f"{scene.name} has no shot {number}: choose {', '.join(map(str, sorted(there)))}")
    return replace(scene, shots=tuple(replace(shot, exposed=shot.number in numbers) for shot in scene.shots))


def take_scene(scene: Scene, rays: int, steps: Steps) -> list[Strip]:
    """All shots of a scene, telling how far it is."""
    exposed = [shot for shot in scene.shots if shot.exposed]
    strips = []
    with steps.steps("simulating") as turn:
        for shot in scene.shots:
            which = f"strip {exposed.index(shot) + 1} of {len(exposed)}" if shot.exposed else "labels"
            turn("simulating", f"{scene.name}, {which}: painting the ground")

            def told(done: int, of: int, which: str = which) -> None:
                turn("simulating", f"{scene.name}, {which}: framelet {done} of {of}")

            strips.append(take(scene, shot, per_side=rays, progress=told))
    return strips


def stage_strips(staged: Staged, folder: Path, scene: Scene, strips: Sequence[Strip]) -> list[Path]:
    """Stage labels, strips and truth of a scene; the paths they will have."""
    files: dict[Path, bytes] = {}
    for strip in strips:
        files[folder / strip.label_name] = json_text(strip.label).encode()
        if strip.exposed is not None:
            done, data = cv2.imencode(".png", strip.exposed.codes)
            if not done:
                raise OutputError(f"{strip.strip_name} cannot be encoded as PNG: take fewer frames")
            files[folder / strip.strip_name] = data.tobytes()
    files[folder / TRUTH] = json_text({"version": __version__, **truth(scene, strips)}).encode()
    for path, content in files.items():
        staged.add(path, content)
    return list(files)


def light_bytes(picture: Photograph) -> bytes:
    """The noiseless light of a strip as the bytes of a .npz: I/F (frames, 128, 1648) by filter, and `et`."""
    buffer = io.BytesIO()
    arrays = {band.value: light for band, light in picture.light.items()}
    np.savez_compressed(buffer, allow_pickle=False, et=picture.timing.et, **arrays)
    return buffer.getvalue()


def read_texture(path: Path, centre_deg: float) -> MapPainter:
    """A painter from an equirectangular picture file, whose middle lies at `centre_deg` east; UsageError for others."""
    if not path.is_file():
        raise UsageError(f"texture {path}: there is no such file; name a map")
    told = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # what is wrong is told below
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    except cv2.error:  # empty, or larger than OpenCV reads
        image = None
    finally:
        cv2.utils.logging.setLogLevel(told)
    if image is None:
        raise UsageError(f"texture {path} is no picture that can be read: give PNG, JPEG or TIFF")
    if image.ndim == 3:
        image = image[..., 2::-1]
    if image.shape[1] != 2 * image.shape[0]:
        raise UsageError(
            f"texture {path} has {image.shape[1]} x {image.shape[0]} px: an equirectangular map is twice as wide as "
            "it is high"
        )
    try:
        return MapPainter(np.ascontiguousarray(image), centre_longitude_deg=centre_deg, srgb=image.dtype == np.uint8)
    except UsageError as error:
        raise UsageError(f"texture {path}: {error}") from None


def read_flight(table: Mapping[str, object], path: Path) -> Flight:
    """The path in the table that a .toml file at `path` names under [flight]; UsageError where there is none."""
    flight = Settings(table["flight"], f"{path} [flight]", ("table", "frame"))
    scene = table.get("scene")
    if not isinstance(scene, str):
        raise UsageError(f"{path} [flight]: a table of positions replaces the path of a scene: name the scene")
    body = named_scene(scene).flight.body
    place = path.parent / flight.text("table", "")
    try:
        if place.stat().st_size > MAX_TABLE_BYTES:
            raise UsageError(f"{place} is too large for a pass: give the hour around the shots")
        text = place.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no text in UTF-8"
        raise UsageError(f"{flight.where}: {place}: {reason}; name a table of positions") from None
    return flight_from_table(text, flight.text("frame", f"IAU_{body.name}"), body, str(place))


def read_toml(path: Path) -> dict[str, object]:
    """The table of a TOML file. Raises UsageError where it cannot be read."""
    try:
        if path.stat().st_size > MAX_TOML_BYTES:
            raise UsageError(f"{path} is too large for a scene: name another file")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; name a scene or a .toml file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8: write the scene as TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no valid TOML: {error}") from None
