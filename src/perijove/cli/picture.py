"""`perijove picture`: from strips to pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from perijove.calibrate.balance import white_balance
from perijove.cli.common import Steps, json_text
from perijove.cli.report import describe, solution_summary
from perijove.cli.requests import Depth, PictureRequest, Up
from perijove.cli.solve import solve_strips
from perijove.enhance.recipes import apply_recipe
from perijove.errors import OutputError
from perijove.geometry.view import View, disc_middle, km_per_native_px, native_scale, spacecraft_view
from perijove.io.atomic import check_writable, write_files
from perijove.io.pictures import picture_format, write_picture
from perijove.io.provenance import provenance, strip_source
from perijove.observation import Observation
from perijove.render.engine import coverage, render

_DEPTHS = {Depth.EIGHT: "8", Depth.SIXTEEN: "16", Depth.FLOAT: "32f"}


def run_picture(request: PictureRequest) -> None:
    """Do what the request says; PerijoveError for what fails. A picture is written whole or not at all."""
    if not request.into_folder:
        check_writable(request.output)
        transfer = "linear" if request.recipe.value == "linear" else "srgb"
        picture_format(request.output, transfer, _DEPTHS[request.bits])
    if request.report is not None:
        check_writable(request.report)
    steps = Steps(quiet=request.quiet)
    observations = solve_strips(request.strips, request.labels, steps)
    solving = {name: seconds / len(observations) for name, seconds in steps.timings_s.items()}
    with _folder(request):
        entries = [_one_picture(observation, request, solving) for observation in observations]
    text = json_text({"strips": entries})
    if request.report is not None:
        write_files({request.report: text.encode()})
    if request.json:
        print(text, end="")
    elif not request.quiet:
        for observation, entry in zip(observations, entries, strict=True):
            made = entry["picture"]
            print(solution_summary(observation, entry["timings_s"]))
            size = f"{made['width']} x {made['height']} px"
            print(f"  picture     {made['path']}: {size}, {made['native_scale']:.2f} a camera px")


@contextlib.contextmanager
def _folder(request: PictureRequest) -> Iterator[None]:
    """The folder that pictures go into, made where it is missing, and taken away again where nothing came of it."""
    folder = request.output
    if not request.into_folder or folder.is_dir():
        yield
        return
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}; choose another place") from error
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


def _one_picture(observation: Observation, request: PictureRequest, solving: Mapping[str, float]) -> dict[str, Any]:
    """Render, colour and write one strip; its entry in the report."""
    steps = Steps(quiet=request.quiet)
    label = observation.raw.label
    with steps.step("rendering"):
        framed = frame(observation, request)
        planes = render(
            observation.swaths(), observation.body, observation.middle_et, framed.view,
            sun_direction=observation.sun, interpolation=request.interpolation.value,
        )
    balance = white_balance(label.perijove)
    with steps.step("colouring"):
        picture = apply_recipe(request.recipe.value, planes, balance)
    entry = describe(observation)
    path = request.path_for(label.product_id)
    parameters = {
        "recipe": picture.recipe, "settings": picture.settings, "size": request.size, "fov_deg": request.fov_deg,
        "centre_deg": request.centre_deg, "up": request.up, "interpolation": request.interpolation,
        "white_balance": balance, "exposure_s": label.exposure_s, "view": framed.numbers,
    }
    solution = {key: entry[key] for key in ("target", "trajectory", "pointing")}
    origin = provenance(
        [strip_source(observation.raw)],
        parameters,
        solution,
        title=label.title or label.product_id,
        name=request.credit,
    )
    with steps.step("writing"):
        write_picture(path, picture, origin, _DEPTHS[request.bits])
    entry["picture"] = {"path": str(path), "width": picture.width, "height": picture.height, **framed.numbers}
    entry["timings_s"] = {**solving, **steps.timings_s}
    return entry


@dataclass(frozen=True)
class Framed:
    """A view and what is to be said of it: `numbers` for the report."""

    view: View
    numbers: dict[str, float]


def frame(observation: Observation, request: PictureRequest) -> Framed:
    """The view from the spacecraft at mid-image, framed on what of the lit body the strip has seen in all filters."""
    body, place, sun = observation.body, observation.middle_position, observation.middle_sun
    swaths, et0 = observation.swaths(), observation.middle_et

    def covered(points: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.asarray(coverage(swaths, body, et0, place, points).all(axis=0))

    centre = None if request.centre_deg is None else tuple(np.radians(request.centre_deg))
    view = spacecraft_view(
        place, body, sun, request.size,
        fov=None if request.fov_deg is None else float(np.radians(request.fov_deg)),
        centre=None if centre is None else (float(centre[0]), float(centre[1])),
        up=request.up.value,
        camera_up=observation.camera_up if request.up is Up.CAMERA else None,
        covered=covered,
    )
    middle = disc_middle(place, body, sun)
    away = place / np.linalg.norm(place)
    numbers = {
        "native_scale": native_scale(view, middle),
        "phase_angle_deg": float(np.degrees(np.arccos(np.clip(away @ sun, -1.0, 1.0)))),
        "range_km": float(np.linalg.norm(place)),
        "km_per_native_px": km_per_native_px(view, middle),
    }
    return Framed(view, numbers)

