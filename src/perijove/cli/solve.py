"""`perijove solve`: trajectory and pointing of strips, with residuals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from perijove.attitude.passfit import LeftOut
from perijove.bodies import BODIES
from perijove.calibrate.framelets import BUILT_IN, Calibrated, Treatment
from perijove.cli.common import Steps, json_text
from perijove.cli.geometry_options import GeometryRequest
from perijove.cli.report import describe, detail, solution_summary
from perijove.cli.requests import LightRequest, SolveRequest
from perijove.cli.sources import attitude_of, basemap_of, flight_of, geometry_sources, kernel_set, table_of
from perijove.errors import PerijoveWarning, StripError, UsageError
from perijove.io.atomic import Staged, check_writable
from perijove.io.finder import OpenedStrip, open_strip
from perijove.io.provenance import Source, label_source, strip_source
from perijove.label import UNKNOWN
from perijove.observation import Flight, Observation, Together, observe, observe_together, target_of
from perijove.raw import RawImage

Found = TypeVar("Found", list[Observation], Together)
"""What solving gives: observations alone, or with how they fit together."""
COLOURS = {"BLUE": "tab:blue", "GREEN": "tab:green", "RED": "tab:red", "METHANE": "tab:purple"}
_STEPS = {"calibrating": "calibrating", "looking again": "calibrating", "fitting the trajectory": "trajectory"}
"""The step of the work by how what `observe` says it does begins; all else is pointing."""


def run_solve(request: SolveRequest) -> None:
    """Do what the request says; PerijoveError for what fails, before anything is written."""
    from perijove.cli.kernels import check_kernels, stage_kernels

    for path in (request.output, request.plot):
        if path is not None:
            check_writable(path)
    kernels, wanted = kernel_set(request.geometry), request.kernels
    given = () if kernels is None else tuple(kernel.binary for kernel in kernels.kernels)
    check_kernels(wanted.ck, wanted.spk, wanted.sclk, given, wanted.ik)
    steps = Steps(quiet=request.quiet)
    observations = solve_strips(request.strips, request.labels, steps, request.light, request.geometry)
    timings = shares(steps, len(observations))
    text = json_text({"strips": [{**describe(o), **detail(o), "timings_s": timings} for o in observations]})
    with Staged() as staged:
        if request.plot is not None:
            staged.add(request.plot, draw_residuals(observations))
        if request.output is not None:
            staged.add(request.output, text.encode())
        stage_kernels(staged, observations, wanted.ck, wanted.spk, wanted.sclk, given, wanted.ik)
    if request.json:
        print(text, end="")
    elif not request.quiet:
        for observation in observations:
            print(solution_summary(observation, timings))


def solve_strips(
    paths: Sequence[Path],
    labels: Path | None,
    steps: Steps,
    light: LightRequest | None = None,
    geometry: GeometryRequest | None = None,
) -> list[Observation]:
    """Open strips with their labels, calibrate and solve them; PerijoveError for strips that cannot be done together.

    `light` says how they are calibrated, `geometry` what is known of where they were taken, None for what is usual.
    """
    geometry = geometry or GeometryRequest()
    check_start(geometry, paths)
    with steps.steps("reading") as turn:
        flight = flight_of(geometry)
        opened = []
        for path in paths:
            turn("reading", f"reading {path.name}")
            opened.append(opened_strip(path, labels, geometry, flight))
    return solve_opened(opened, steps, light or LightRequest(), geometry, flight)


def check_start(geometry: GeometryRequest, paths: Sequence[Path]) -> None:
    """Raise UsageError where one start is given for several strips."""
    if geometry.given.start_utc is not None and len(paths) > 1:
        raise UsageError("--start is that of one strip: give the strips one by one")


def opened_strip(path: Path, labels: Path | None, geometry: GeometryRequest, flight: Flight | None) -> OpenedStrip:
    """A strip with its labels and its target; PerijoveError for what cannot be read."""
    strip = open_strip(path, labels, geometry.given)
    return replace(strip, raw=_aimed(strip.raw, geometry, flight))


def solve_opened(
    opened: Sequence[OpenedStrip], steps: Steps, light: LightRequest, geometry: GeometryRequest, flight: Flight | None
) -> list[Observation]:
    """Calibrate and solve strips that have been opened; PerijoveError for strips that cannot be done together."""
    observations = _solved(observe, opened, steps, light, geometry, flight)
    _warn_of_solved(observations, light)
    return observations


def solve_together(
    opened: Sequence[OpenedStrip],
    steps: Steps,
    light: LightRequest,
    geometry: GeometryRequest,
    flight: Flight | None,
    check: Callable[[Sequence[LeftOut]], object] = lambda _: None,
) -> Together:
    """Solve strips of one pass as one problem, tied to each other on the ground; see `solve_opened`.

    `check` is given the strips that are left out before they are solved, and may raise.
    """
    together = _solved(partial(observe_together, check=check), opened, steps, light, geometry, flight)
    _warn_of_solved(together.observations, light)
    return together


def _solved(
    way: Callable[..., Found],
    opened: Sequence[OpenedStrip],
    steps: Steps,
    light: LightRequest,
    geometry: GeometryRequest,
    flight: Flight | None,
) -> Found:
    """What `observe` or `observe_together` makes of strips that have been opened, told step by step."""
    with steps.step("reading"):
        treatment = treatment_of(light)
    check_strips(opened)
    basemap = basemap_of(geometry, opened[0].raw.label)
    _warn_of_unreadable(opened)
    with steps.steps("calibrating") as turn:
        return way(
            [strip.raw for strip in opened],
            [label for strip in opened for label in strip.pass_labels],
            treatment=treatment,
            flight=flight,
            attitude=attitude_of(geometry),
            basemap=basemap,
            step=lambda doing: turn(
                next((step for words, step in _STEPS.items() if doing.startswith(words)), "pointing"), doing
            ),
        )


def _aimed(raw: RawImage, geometry: GeometryRequest, flight: Flight | None) -> RawImage:
    """The strip with its target found where nobody tells it: by the table's frame if it is a moon's, or by its limb."""
    if raw.label.target != UNKNOWN or flight is None:
        return raw
    body = None if geometry.trajectory is None else table_of(geometry).body
    if body is None or body.parent is None:
        # a path about the planet may be that of a moon's strip
        body = target_of(raw, flight)
    return replace(raw, label=replace(raw.label, target=body.name))


def treatment_of(light: LightRequest) -> Treatment:
    """What is to be done to the codes of strips; PerijoveError for calibration frames that cannot be read."""
    from perijove.io.calibration import read_calibration  # rasterio takes long to import

    frames = None if light.calibration is None else read_calibration(light.calibration)
    return Treatment(frames, suspects=light.repair_suspects, stray=not light.keep_stray)


def light_sources(raw: RawImage, light: LightRequest) -> list[Source]:
    """The strip, and the files of the calibration frames that it was calibrated with, as inputs."""
    from perijove.io.calibration import calibration_sources

    return [strip_source(raw), *([] if light.calibration is None else calibration_sources(light.calibration))]


def all_sources(observation: Observation, light: LightRequest, geometry: GeometryRequest | None = None) -> list[Source]:
    """Everything that a solved strip was made from: itself, calibration frames, labels of its pass, and what else told
    where it was taken."""
    labels = [label_source(label) for label in observation.labels if label.path is not None]
    et = observation.pointing.et
    placed = geometry_sources(geometry or GeometryRequest(), float(et[0]), float(et[-1]))
    return [*light_sources(observation.raw, light), *labels, *placed]


def light_parameters(raw: RawImage, light: LightRequest) -> dict[str, object]:
    """What the codes of a strip became light by, for the provenance."""
    label = raw.label
    return {
        "repair_suspects": light.repair_suspects, "keep_stray_light": light.keep_stray, "exposure_s": label.exposure_s,
        "perijove": label.perijove, "bit_mode": label.bit_mode, "compression": label.compression,
        "sampling_factor": label.sampling_factor,
    }  # fmt: skip


def warn_of_light(raw: RawImage, done: Calibrated, light: LightRequest) -> None:
    """Warn where I/F stands on less than it seems: no perijove, or filters without calibration frames."""
    if raw.label.perijove is None:
        warnings.warn(
            f"{raw.path}: the perijove is not known, and the lens is taken to be as clear as new: complete the label",
            PerijoveWarning,
            stacklevel=2,
        )
    bare = [band.value for band, name in done.source.items() if name == BUILT_IN]
    if light.calibration is not None and bare:
        warnings.warn(
            f"{light.calibration} has no frames for {', '.join(bare)}: the usual response is taken in {raw.path}",
            PerijoveWarning,
            stacklevel=2,
        )


def shares(steps: Steps, count: int) -> dict[str, float]:
    """Each strip's share of what strips took together: seconds by step."""
    return {name: seconds / count for name, seconds in steps.timings_s.items()}


def check_strips(opened: Sequence[OpenedStrip]) -> None:
    """Refuse strips of one and the same image (UsageError), and of bodies that cannot be done (StripError)."""
    first: dict[str, Path] = {}
    for strip in opened:
        label, path = strip.raw.label, strip.raw.path
        if label.target.upper() not in BODIES:
            if label.target == UNKNOWN:
                raise UsageError(f"{path}: nobody tells what it shows: give --target")
            raise StripError(
                f"{path} shows {label.target}, but only {', '.join(BODIES)} can be done so far: give those"
            )
        # raw and reduced strip of one image have the same light
        image = label.product_id.replace("JNCR_", "JNCE_", 1)
        if image in first:
            raise UsageError(f"{first[image]} and {path} are both {image}: give only one of them")
        first[image] = path


def _warn_of_unreadable(opened: Sequence[OpenedStrip]) -> None:
    """Warn once of the files that were meant as labels but are none."""
    faults = list(dict.fromkeys(sentence for strip in opened for sentence in strip.unreadable))
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        warnings.warn(f"a label is left out: {faults[0]}{more}", PerijoveWarning, stacklevel=2)


def _warn_of_solved(observations: Sequence[Observation], light: LightRequest) -> None:
    """Warn of labels that were not used, and of light that stands on less than it seems."""
    _warn_of_rejected(observations)
    for observation in observations:
        warn_of_light(observation.raw, observation.calibrated, light)


def _warn_of_rejected(observations: Sequence[Observation]) -> None:
    """Warn of labels whose position no orbit explains together with the others'."""
    rejected = dict.fromkeys(name for o in observations for name in o.trajectory.rejected)
    if rejected:
        warnings.warn(
            f"the position in the label of {', '.join(rejected)} disagrees with those of the other images of the pass: "
            "the trajectory was found without it",
            PerijoveWarning,
            stacklevel=2,
        )


def draw_residuals(observations: Sequence[Observation]) -> bytes:
    """A PNG with the limb's residuals of every strip by framelet and band."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4 * len(observations)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(observations), 1, squeeze=False)[:, 0]
    for axis, observation in zip(axes, observations, strict=True):
        limb = observation.pointing.limb
        lines = observation.raw.framelet_lines * observation.raw.label.sampling_factor
        for band in np.unique(limb.band):
            mine = limb.band == band
            place = limb.frame + limb.line / lines
            for used, mark, size in ((True, "o", 6.0), (False, "x", 14.0)):
                which = mine & (limb.used == used)
                axis.scatter(
                    place[which],
                    limb.residual_px[which],
                    s=size,
                    marker=mark,
                    color=COLOURS[str(band)],
                    linewidths=0.8 if not used else 0.0,
                    label=str(band).lower() if used else None,
                )
        bound = max(0.5, 1.2 * float(np.percentile(np.abs(limb.residual_px), 99.0))) if len(limb.used) else 1.0
        axis.set(ylim=(-bound, bound), ylabel="limb residual, px outwards", xlabel="frame, and line within it")
        axis.set_title(f"{observation.raw.label.product_id}: {observation.pointing.verdict}", fontsize=9)
        axis.axhline(0.0, color="0.6", linewidth=0.8)
        axis.grid(alpha=0.3)
        if len(limb.used):
            axis.legend(loc="upper right", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
