"""When a strip was taken, where no label tells it: its first time and the step between its frames, from the limb.

The spacecraft flies: from second to second the disc grows or shrinks, and a wrong step draws it out along the scan.
Starting values for the first time are tried one after the other, each with a pointing guessed anew, and the best few
are refined together with pointing, first time and step. The solution proper then begins so near that it cannot miss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.exposure import Exposure
from perijove.attitude.leastsquares import minimise
from perijove.attitude.measure import candidate_points, shading
from perijove.attitude.priors import RATE_SIGMA
from perijove.attitude.problem import OFFSET, Pixels, Unknowns, limb_residuals
from perijove.attitude.search import FirstGuess, Scene, first_guess
from perijove.attitude.spin import NOMINAL_PERIOD_S
from perijove.errors import PointingError
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, Camera

FloatArray = NDArray[np.float64]

REACH_SIGMAS = 2.5
"""How far from the given time is searched."""
STEP_GROWTH = 0.03
"""Starting values lie so close that the disc's size changes by no more than this from one to the next; the vote for
the disc's edge takes 0.02."""
LEAST_STEP_S, MOST_TRIALS = 0.5, 151
REFINED = 3
"""So many of the trials are refined."""
SIGMA_PX = 4.0
"""Error of a candidate point, its likeness to its many neighbours counted in."""
_REACHES_PX = (40.0, 12.0, 5.0)
_CLOSE_PX = 1.5
_INTERFRAME = 6
_FREE = (0, 1, 2, 3, _INTERFRAME, OFFSET)


@dataclass(frozen=True)
class Clock:
    """An exposure with its times set, its candidate limb points, and the pointing that goes with them."""

    exposure: Exposure
    points: Pixels
    guess: FirstGuess


@dataclass(frozen=True)
class _Trial:
    """Unknowns of one image, with its first time's offset from what was given, and how many points it explains."""

    unknowns: Unknowns
    agree: int


def set_clock(
    exposure: Exposure, scene: Scene, camera: Camera, progress: Callable[[str], object] = lambda _: None
) -> Clock:
    """An exposure's times, moved to where the limb puts them.

    Raises PointingError where no time within `REACH_SIGMAS` of the given one shows a limb, or the trajectory does not
    reach so far.
    """
    points = candidate_points(exposure, camera)
    offsets = _offsets(exposure, scene)
    found: list[_Trial] = []
    for k, offset in enumerate(offsets):
        progress(f"{exposure.product_id}: searching for its time, {k + 1} of {len(offsets)}")
        moved = exposure.moved(float(offset), 0.0)
        guess = _guess(moved, replace(points, et=points.et + offset), scene, camera)
        if guess is not None:
            vector = guess.unknowns.vector()
            vector[OFFSET] = offset
            found.append(_Trial(guess.unknowns.moved(vector), guess.agree))
    if not found:
        raise PointingError(
            f"{exposure.product_id}: no limb of {scene.body.name} of the right size is to be seen at the time given"
            f"{f' or within {offsets[-1]:.0f} s of it' if offsets[-1] > 0.5 else ''}: check --start, --target, and "
            "where Juno is said to be (--trajectory with its units and --frame, or --kernels)"
        )
    best = sorted(found, key=lambda trial: -trial.agree)[:REFINED]
    winner = max((_refined(exposure, points, trial, scene) for trial in best), key=lambda trial: trial.agree)
    start, step = float(winner.unknowns.offset[0]), winner.unknowns.interframe
    vector = winner.unknowns.vector()
    vector[[OFFSET, _INTERFRAME]] = 0.0
    guess = FirstGuess(winner.unknowns.moved(vector), winner.agree, _CLOSE_PX)
    return Clock(exposure.moved(start, step), replace(points, et=points.et + start + points.frame * step), guess)


def _guess(exposure: Exposure, points: Pixels, scene: Scene, camera: Camera) -> FirstGuess | None:
    """A coarse pointing at one starting value."""
    return first_guess(points, scene, MOUNTING_TWIST, MOUNTING_TILT, lambda at: shading(exposure, at, scene, camera))


def _offsets(exposure: Exposure, scene: Scene) -> FloatArray:
    """Starting values for the first time, from what was given, s: nearer than the disc's size allows to miss."""
    reach = REACH_SIGMAS * exposure.start_sigma_s
    middle = float(exposure.et.mean())
    times = middle + np.linspace(-reach, reach, 31)
    distance = np.linalg.norm(scene.trajectory.position(times), axis=-1)
    if not np.isfinite(distance).all():
        raise PointingError(
            f"{exposure.product_id}: the trajectory does not span {reach:.0f} s on either side of the time given; "
            "give a longer table, or a --start with a smaller error"
        )
    size = np.arcsin(np.minimum(max(scene.body.radii_km) / distance, 1.0))
    growth = float(np.max(np.abs(np.gradient(np.log(size), times)))) if reach > 0 else 0.0
    step = max(STEP_GROWTH / max(growth, 1e-9), LEAST_STEP_S)
    count = 2 * int(np.ceil(reach / step)) + 1
    if count > MOST_TRIALS:
        raise PointingError(
            f"{exposure.product_id}: {exposure.start_sigma_s:g} s is too wide an error so near {scene.body.name}: "
            f"give --start with an error of {step * MOST_TRIALS / (2.0 * REACH_SIGMAS):.0f} s or less"
        )
    # a reach of less than a step needs no trials
    return np.linspace(-reach, reach, count) if reach > step else np.zeros(1)


def _refined(exposure: Exposure, points: Pixels, trial: _Trial, scene: Scene) -> _Trial:
    """The trial with axis, phase, rate, step and first time solved from the candidate points near its limb."""
    # the step is tied to the rate by the angle between frames
    nominal = 2 * np.pi / NOMINAL_PERIOD_S
    mean = np.array([0.0, 0.0, 0.0, nominal, 0.0, 0.0])
    weight = np.array([0.0, 0.0, 0.0, 1.0 / (RATE_SIGMA * nominal), 1.0 / exposure.interframe_sigma_s,
                       1.0 / exposure.start_sigma_s])  # fmt: skip
    at, index = trial.unknowns, list(_FREE)
    for reach in _REACHES_PX:
        near = points.take(_near(points, at, scene, reach))
        base = at.vector()

        def full(x: FloatArray, start: Unknowns = at, base: FloatArray = base) -> Unknowns:
            vector = base.copy()
            vector[index] = x
            return start.moved(vector)

        def model(
            x: FloatArray, near: Pixels = near, full: Callable[[FloatArray], Unknowns] = full
        ) -> tuple[FloatArray, FloatArray]:
            limb = limb_residuals(near, full(x), scene.trajectory, scene.body, scene.sun)
            assert limb.jacobian is not None
            rows = np.vstack([limb.jacobian[:, index] / SIGMA_PX, np.diag(weight)])
            return np.concatenate([limb.px / SIGMA_PX, weight * (x - mean)]), rows

        best = minimise(model, base[index], robust=len(near), threshold=0.5, steps=25, tolerance=1e-2)
        at = full(best.x)
    return _Trial(at, int(_near(points, at, scene, _CLOSE_PX).sum()))


def _near(points: Pixels, at: Unknowns, scene: Scene, reach: float) -> NDArray[np.bool_]:
    """Which candidate points lie within `reach` px of the sunlit limb."""
    limb = limb_residuals(points, at, scene.trajectory, scene.body, scene.sun, jacobian=False)
    near: NDArray[np.bool_] = (np.abs(limb.px) < reach) & (limb.cos_incidence > -0.1)
    return near
