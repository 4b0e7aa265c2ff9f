"""`perijove picture`: from strips to pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.balance import white_balance
from perijove.cartography.scatter import law_for
from perijove.cartography.shading import camera_angles, freed, gains
from perijove.cli.common import Steps, json_text
from perijove.cli.framing import Framed, Standing, frame, stand
from perijove.cli.report import describe, light_report, solution_summary
from perijove.cli.request_record import record, whole_sources
from perijove.cli.requests import Depth, PictureRequest
from perijove.cli.solve import light_parameters, shares, solve_strips
from perijove.cli.sources import geometry_parameters
from perijove.enhance.picture import Picture
from perijove.enhance.recipes import apply_recipe
from perijove.errors import UsageError
from perijove.figure.annotate import annotated
from perijove.figure.caption import captioned
from perijove.geometry.viewpoint import CAMERA_HORIZON
from perijove.instrument import Filter
from perijove.io.atomic import Staged, check_folder, check_writable
from perijove.io.perspective import describe_view
from perijove.io.pictures import encode_picture, picture_format
from perijove.io.provenance import credit_line, provenance, sidecar_path
from perijove.observation import Observation
from perijove.photometry.models import Law, Model
from perijove.render.engine import Prepared, prepare
from perijove.render.planes import Planes
from perijove.swath import Swath
from perijove.timescale import utc_from_et

MOST_NATIVE = 4.0
"""Size of a camera pixel, in output pixels, from which recipes treat it as no larger."""
_DEPTHS = {Depth.EIGHT: "8", Depth.SIXTEEN: "16", Depth.FLOAT: "32f"}


def run_picture(request: PictureRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then none of the files is written."""
    _check_outputs(request)
    steps = Steps(quiet=request.quiet)
    observations = solve_strips(request.strips, request.labels, steps, request.light, request.geometry)
    solving = shares(steps, len(observations))
    with Staged() as staged:
        if request.into_folder:
            staged.folder(request.output)
        wanted = [o for o in observations if request.only in (None, o.raw.label.product_id)]
        entries = [_one_picture(o, observations, request, solving, staged) for o in wanted]
        text = json_text({"strips": entries})
        if request.report is not None:
            staged.add(request.report, text.encode())
    if request.json:
        print(text, end="")
    elif not request.quiet:
        for observation, entry in zip(wanted, entries, strict=True):
            made = entry["picture"]
            print(solution_summary(observation, entry["timings_s"]))
            size = f"{made['width']} x {made['height']} px"
            print(f"  picture     {made['path']}: {size}, {made['native_scale']:.2f} a camera px")


def _check_outputs(request: PictureRequest) -> None:
    """Refuse what cannot be written before the work for it begins."""
    if request.into_folder:
        check_folder(request.output)
    else:
        check_writable(request.output)
        picture_format(request.output, request.recipe.transfer, _DEPTHS[request.bits])
        check_writable(sidecar_path(request.output))
    # the report may go into the folder that is yet to be made
    if request.report is not None and not (request.into_folder and request.report.parent == request.output):
        check_writable(request.report)


@dataclass(frozen=True)
class Drawn:
    """A picture with how it was made: where one stands, what is framed, the factors of white, and the law's report."""

    picture: Picture
    standing: Standing
    framed: Framed
    balance: Mapping[Filter, float]
    law: Mapping[str, Any]


def _one_picture(
    observation: Observation,
    together: Sequence[Observation],
    request: PictureRequest,
    solving: Mapping[str, float],
    staged: Staged,
) -> dict[str, Any]:
    """Render, colour and stage the picture of one strip of those solved `together`; its entry in the report."""
    label = observation.raw.label
    steps = Steps(quiet=request.quiet, of=label.product_id)
    drawn = _draw(observation, request, steps)
    picture = drawn.picture
    entry = describe(observation)
    path = request.path_for(label.product_id)
    solution = {key: entry[key] for key in ("target", "trajectory", "pointing")}
    origin = provenance(
        whole_sources(together, request, observation), _parameters(observation, request, drawn), solution,
        title=_title(observation, request), name=request.credit, simulated=label.simulated,
        request=record("picture", request, together), recipe=request.recipe.as_tables(),
    )  # fmt: skip
    with steps.step("writing"):
        for place, data in encode_picture(path, picture, origin, _DEPTHS[request.bits]).items():
            staged.add(place, data)
    entry["picture"] = {"path": str(path), "width": picture.width, "height": picture.height, **drawn.framed.numbers}
    entry["timings_s"] = {**solving, **steps.timings_s}
    return entry


def _title(observation: Observation, request: PictureRequest) -> str:
    """What the picture is called: as the user says, by the label, or by the product."""
    return request.caption or observation.raw.label.title or observation.raw.label.product_id


def _draw(observation: Observation, request: PictureRequest, steps: Steps) -> Drawn:
    """One strip's picture with all that is drawn on it. Raises UsageError where nothing that was imaged is in it."""
    body, shaded = observation.body, request.photometry != Model.NONE
    with steps.step("rendering"):
        swaths = shown(observation, request)
        standing = stand(observation, request)
        framed = frame(observation, standing, swaths, request)
        prepared = prepare(
            swaths, body, standing.et, framed.view,
            sun_direction=standing.sun_j2000, interpolation=request.interpolation.value, horizon=standing.horizon,
            sources=shaded,
        )  # fmt: skip
        planes = prepared.planes()
        if not np.isfinite(planes.light).any():
            raise UsageError(
                f"{observation.raw.path}: nothing that was imaged would be in the picture from {standing.name}: look "
                "elsewhere with --look, or widen --fov"
            )
        if not standing.own:
            # seen from elsewhere a camera pixel is as large as the ground that it covers; near a limb without end
            planes = replace(planes, native=float(np.fmin(framed.numbers["native_scale"], MOST_NATIVE)))
    with steps.step("photometry") if shaded else nullcontext():
        law = law_for(observation, request.photometry, CAMERA_HORIZON)
        planes, gain = take_law(observation, request, prepared, planes, law.law)
    balance = white_balance(request.white_balance, observation.raw.label.perijove)
    with steps.step("colouring"):
        picture = apply_recipe(request.recipe, planes, balance, observation.full, None, gain)
        picture = replace(
            picture,
            sigma=picture.sigma if request.with_sigma else None,
            quality=picture.quality if request.with_quality else None,
        )
        if request.annotate:
            picture = annotated(picture, framed.view, body, standing.sun, et=standing.et)
        if request.caption is not None:
            picture = captioned(
                picture, planes, body, title=_title(observation, request),
                credit=credit_line(request.credit, simulated=observation.raw.label.simulated),
                notes=caption_notes(observation, standing, framed, request), marks=not request.annotate,
            )  # fmt: skip
    return Drawn(picture, standing, framed, balance, law.report)


def _parameters(observation: Observation, request: PictureRequest, drawn: Drawn) -> dict[str, Any]:
    """What a picture was asked for with, and what was chosen, for its provenance."""
    standing, framed = drawn.standing, drawn.framed
    return {
        "recipe": drawn.picture.recipe, "settings": drawn.picture.settings, "size": request.size,
        "fov_deg": request.fov_deg, "look_deg": request.centre_deg, "from": standing.name,
        "at": utc_from_et(standing.et), "annotate": request.annotate, "caption": request.caption, "up": request.up,
        "interpolation": request.interpolation, "white_balance": drawn.balance,
        "white_balance_choice": request.white_balance, "sharpen": request.sharpen,
        "light": light_report(observation.calibrated), **light_parameters(observation.raw, request.light),
        **geometry_parameters(request.geometry), "view": framed.numbers, "photometry": drawn.law,
        "perspective": describe_view(framed.view, observation.body, standing.sun, observation.middle_position),
    }  # fmt: skip


def caption_notes(
    observation: Observation, standing: Standing, framed: Framed, request: PictureRequest, images: str | None = None
) -> list[str]:
    """What a caption says of a picture: what, when, from how far, in which light, how fine, and of which `images`."""
    place, body = standing.position_km, observation.body
    away = place / np.linalg.norm(place)
    phase = float(np.degrees(np.arccos(np.clip(away @ standing.sun, -1.0, 1.0))))
    # those of the report and the provenance
    height, middle = framed.numbers["altitude_km"], framed.numbers["km_per_native_px"]
    when = utc_from_et(standing.et)[:16].replace("T", " ")
    return [
        f"{body.name.capitalize()} · {when} UTC · from {height:,.0f} km · phase angle {phase:.0f}° · "
        f"{length_text(middle)} km a camera pixel · {request.recipe.name} colour · "
        f"JunoCam {images or observation.raw.label.product_id}"
    ]


def length_text(value: float) -> str:
    """A length in words: two digits, or all before the point."""
    return f"{value:.0f}" if value >= 10.0 else f"{value:.2g}"


def take_law(
    observation: Observation, request: PictureRequest, prepared: Prepared, planes: Planes, law: Law | None
) -> tuple[Planes, NDArray[np.float32] | None]:
    """Planes with a law taken off their light in recipe linear; in others what takes it off, None without a law."""
    if law is None:
        return planes, None
    seen = camera_angles(observation, prepared, planes)
    if request.recipe.measured:
        return freed(seen, law), None
    return planes, gains(seen, law)


def shown(observation: Observation, request: PictureRequest) -> list[Swath]:
    """The filters that the picture shows by its recipe; UsageError where one that it needs is not there."""
    with_sigma = request.with_sigma or request.with_quality
    swaths = observation.swaths(sigma=with_sigma, sharpen=request.sharpen is not None)
    bands = request.recipe.bands(tuple(swath.band for swath in swaths))
    return [swath for swath in swaths if swath.band in bands]
