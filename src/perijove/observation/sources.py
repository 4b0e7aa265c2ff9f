"""What tells where Juno was and how the camera stood: labels and image, or tables and kernels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.clock import REACH_SIGMAS
from perijove.attitude.exposure import Exposure
from perijove.attitude.given import Told, given_pointing
from perijove.attitude.pointing import Pointing
from perijove.attitude.priors import Anchor, kernel_anchor
from perijove.attitude.rounds import TieTo
from perijove.attitude.sampled import SampledAttitude
from perijove.attitude.solve import solve_pointing
from perijove.bodies import BODIES, Body
from perijove.ephemeris.compare import compare
from perijove.ephemeris.labels import solve_trajectory
from perijove.ephemeris.moons import trajectory_about
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PerijoveWarning, TrajectoryError
from perijove.instrument import Camera, Filter
from perijove.label import Label
from perijove.observation.times import framelet_times
from perijove.raw import RawImage
from perijove.spice.read import OF_OUR_OWN
from perijove.spice.solved import SolvedStrip

FloatArray = NDArray[np.float64]
Stretch = tuple[float, float]
"""From one ET to another."""

ASIDE_S = 1.0
"""Attitudes are asked for from so much before a strip to so much after it."""
HALF_TURN_S = 15.0
"""The spinner that an attitude comes nearest to is found over a whole turn: a few seconds leave its axis open."""
CLOCK_SIGMA_S = 1e-5
"""Our own clock's counts stand for the solved start; they are written to 4 ms / 256."""


@dataclass(frozen=True)
class Flight:
    """Where trajectories come from but from labels.

    `find` gives one about a body, from one ET to another, or None where labels are to tell; `pieces`, where there is
    one, over several stretches that may have gaps between them. `final` is false where labels that know the place
    better take precedence.
    """

    find: Callable[[Body, float, float], Trajectory | None]
    final: bool = True
    pieces: Callable[[Body, Sequence[Stretch]], Trajectory | None] | None = None


@dataclass(frozen=True)
class Attitude:
    """Where attitudes come from but from the image.

    `find` gives the camera's from one ET to another, or None where only the image tells. With `refined` the image has
    the last word. `start` gives the ET of a label's clock count, None where START_TIME tells it as well, and `solved`
    what kernels of our own tell of a product with so many frames, None where they do not know it.
    """

    find: Callable[[float, float], SampledAttitude | None]
    refined: bool = True
    start: Callable[[str], float | None] = lambda _: None
    solved: Callable[[str, int], SolvedStrip | None] = lambda *_: None


@dataclass(frozen=True)
class Sky:
    """Where Juno flew past a body; `sun` and `earth` (3,) point from the body to them, j2000."""

    trajectory: Trajectory
    body: Body
    sun: FloatArray
    earth: FloatArray


def fly(raws: Sequence[RawImage], labels: Sequence[Label], body: Body, flight: Flight | None) -> Trajectory:
    """Where the spacecraft was: as told, or by the labels' positions, which may be counted from a moon's planet."""
    found = None if flight is None else _found(raws, body, flight)
    if flight is not None and found is not None:
        return found if flight.final else _better(found, raws, labels, body)
    label = middle_label(raws)
    if label.place_target in (None, body.name):
        return solve_trajectory(labels, label, body)
    home = BODIES.get(str(label.place_target))
    if home is None or home.name != body.parent:
        raise TrajectoryError(
            f"{label.product_id}: its position is counted from {label.place_target}, which does not tell where "
            f"{body.name} is: give --trajectory, or labels of {body.name}"
        )
    there = [replace(one, target=home.name) for one in labels if one.place_target == home.name]
    return trajectory_about(body, solve_trajectory(there, replace(label, target=home.name), home))


def middle_label(raws: Sequence[RawImage]) -> Label:
    """The label of the strip taken nearest to the middle of them all: an orbit is good for hours, not for a day."""
    times = [raw.label.start_et for raw in raws]
    middle = 0.5 * (min(times) + max(times))
    return min((raw.label for raw in raws), key=lambda label: (abs(label.start_et - middle), label.start_et))


def _found(raws: Sequence[RawImage], body: Body, flight: Flight) -> Trajectory | None:
    """The trajectory that a flight has over all strips, as far as their starts may be off."""
    stretches = []
    for raw in raws:
        et, far = framelet_times(raw.label), REACH_SIGMAS * (raw.label.start_sigma_s or 0.0)
        stretches.append((float(et[0]) - far, float(et[-1]) + far))
    if flight.pieces is not None:
        return flight.pieces(body, stretches)
    return flight.find(body, min(a for a, _ in stretches), max(b for _, b in stretches))


def _better(found: Trajectory, raws: Sequence[RawImage], labels: Sequence[Label], body: Body) -> Trajectory:
    """The trajectory, or that by the labels where they know the place better; then told by a warning."""
    try:
        told = fly(raws, labels, body, None)
    except TrajectoryError:
        return found
    sigma, other = (float(np.sqrt(np.trace(one.covariance[:3, :3]) + 3.0 * one.unseen_km**2)) for one in (found, told))
    if other > sigma:
        return found
    apart = compare(found, told)
    late_km = abs(apart.late_s) * float(np.linalg.norm(found.velocity(found.reference_et)))
    if max(late_km, apart.beside_km) < sigma / 3.0:
        return found
    warnings.warn(
        f"the orbit of {', '.join(found.used)} is {apart.late_s:+.1f} s late and {apart.beside_km:.0f} km beside the "
        "positions in the labels, which know it better and are taken instead",
        PerijoveWarning,
        stacklevel=2,
    )
    return told


def timed(exposure: Exposure, label: Label, attitude: Attitude) -> tuple[Exposure, SolvedStrip | None]:
    """The exposure at the times that its attitude was written with, where that is our own, and what it was worth.

    The strip's own times stand in our kernels; where another product of the image is given, our clock tells the start.
    """
    et = exposure.et
    solved = attitude.solved(exposure.product_id, len(et))
    if solved is not None:
        start = solved.first - float(et[0])
        step = (solved.last - solved.first - float(et[-1] - et[0])) / max(len(et) - 1, 1)
        moved = exposure.moved(start, step)
        return replace(moved, start_sigma_s=solved.start_sigma_s, interframe_sigma_s=solved.step_sigma_s), solved
    at = None if label.clock_start is None else attitude.start(label.clock_start)
    if at is None:
        return exposure, None
    return replace(exposure.moved(at - label.start_et, 0.0), start_sigma_s=CLOCK_SIGMA_S), None


def _told(solved: SolvedStrip | None, sky: Sky) -> Told | None:
    """Camera and error of a solution that is read back; without the place that it was found with both are open."""
    if solved is None:
        return None
    camera = Camera()
    shift = {band: camera.centre(band) for band in map(Filter, solved.optics)}
    optics = {Filter(band): values for band, values in solved.optics.items()}
    return Told(
        Camera(
            {b: (line - shift[b][0], sample - shift[b][1]) for b, (line, sample, _) in optics.items()},
            {b: scale for b, (_, _, scale) in optics.items()},
        ),
        solved.sigma_px,
        sky.trajectory.source.startswith(OF_OUR_OWN),
    )


def point(
    raws: Sequence[RawImage],
    exposures: Sequence[Exposure],
    sky: Sky,
    attitude: Attitude | None,
    tie_to: TieTo,
    step: Callable[[str], object],
) -> list[Pointing]:
    """Pointings from the image, from kernels, or from both, strip by strip: what a kernel has not the image tells."""
    done: dict[int, Pointing] = {}
    anchors: list[Anchor | None] = [None] * len(exposures)
    for k, (raw, exposure) in enumerate(zip(raws, exposures, strict=True)):
        if attitude is None:
            break
        if attitude.refined:
            anchors[k] = _anchor(exposure, attitude)
            continue
        moved, solved = timed(exposure, raw.label, attitude)
        given = attitude.find(float(moved.et[0]) - ASIDE_S, float(moved.et[-1]) + ASIDE_S)
        if given is not None:
            done[k] = given_pointing(moved, sky.trajectory, given, told=_told(solved, sky))
    left = [k for k in range(len(exposures)) if k not in done]
    if left:
        found = solve_pointing(
            [exposures[k] for k in left], sky.trajectory, sky.body, sky.sun,
            earth=sky.earth, ties=tie_to.itself, basemap=tie_to.basemap, anchors=[anchors[k] for k in left],
            progress=step,
        )  # fmt: skip
        done.update(zip(left, found, strict=True))
    return [done[k] for k in range(len(exposures))]


def anchors_of(exposures: Sequence[Exposure], attitude: Attitude | None) -> list[Anchor | None]:
    """What kernels tell of axis and rate around each strip."""
    return [None if attitude is None else _anchor(exposure, attitude) for exposure in exposures]


def _anchor(exposure: Exposure, attitude: Attitude) -> Anchor | None:
    """What kernels tell of axis and rate around a strip; nothing, with a warning, where they do not turn evenly."""
    middle, half = 0.5 * float(exposure.et[0] + exposure.et[-1]), 0.5 * float(exposure.et[-1] - exposure.et[0])
    aside = max(half + ASIDE_S, HALF_TURN_S)
    given = attitude.find(middle - aside, middle + aside)
    anchor = None if given is None else kernel_anchor(given)
    if given is not None and anchor is None:
        warnings.warn(
            f"{exposure.product_id}: the attitude by the kernels is {given.rms_px:.1f} px from that of a free spinner, "
            "which Juno is: the pointing is solved from the image",
            PerijoveWarning,
            stacklevel=2,
        )
    return anchor
