"""The roll about the line to the body's centre, told by the side from which the Sun lights the disc.

A disc seen from above its pole is round, so that its limb leaves the camera's roll open. The terminator does not: the
roll at which the light goes best with the height of the Sun is good to a degree or two on a whole disc.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from perijove.attitude.problem import Unknowns
from perijove.attitude.search import AxisHint, Scene, spin_at
from perijove.attitude.spin import spin_from_j2000

ROLL_SIGMA = np.radians(2.0)
"""Error of a roll found so: against limb and ground, two strips of perijove 44 gave 1.7 deg and one 0.1 deg."""
LEAST_CORRELATION = 0.9
"""Light that goes worse than this with the Sun's height (methane, a sliver of the disc) tells no roll."""
COARSE_CORRELATION = 0.6
"""Light that goes at least so well with the Sun's height tells a roll that is off by several `ROLL_SIGMA`."""
WRONG_ROLL = np.radians(6.0)
"""A roll that the light puts so far off was a false minimum of the limb."""
_REACH_DEG, _STEP_DEG = 32.0, 4.0


def rolled(at: Unknowns, angle: float, et: float, scene: Scene) -> Unknowns:
    """The unknowns with the attitude at ET turned by `angle` rad about the line from the spacecraft to the body."""
    nadir = -scene.trajectory.position(et)
    turn = Rotation.from_rotvec(angle * nadir / np.linalg.norm(nadir)).as_matrix()
    spin = at.spin
    j2000_from_spin = spin_from_j2000(spin.ra, spin.dec, spin.phase + spin.rate * (et - spin.epoch)).T
    return replace(at, spin=spin_at(turn @ j2000_from_spin, et, spin.rate, spin.twist, spin.tilt))


def best_roll(
    at: Unknowns, et: float, scene: Scene, shading: Callable[[Unknowns], float], least: float
) -> float | None:
    """The roll, rad, at which the light goes best with the height of the Sun; None where the light cannot tell.

    `shading` tells how well it goes (-1 to 1), at least `least` where it is to be believed.
    """
    angles = np.radians(np.arange(-_REACH_DEG, _REACH_DEG + 0.1, _STEP_DEG))
    fit = np.array([shading(rolled(at, float(angle), et, scene)) for angle in angles])
    k = int(np.argmax(fit))
    if fit[k] < least or k in (0, len(fit) - 1):
        return None
    before, top, after = fit[k - 1 : k + 2]
    return float(angles[k] + 0.5 * (before - after) / (before - 2.0 * top + after) * np.radians(_STEP_DEG))


def roll_by_light(at: Unknowns, et: float, scene: Scene, shading: Callable[[Unknowns], float]) -> AxisHint | None:
    """The axis at the roll where `shading` is best, with its error; None where the light cannot tell."""
    best = best_roll(at, et, scene, shading, LEAST_CORRELATION)
    return None if best is None else AxisHint(rolled(at, best, et, scene).spin.axis, ROLL_SIGMA)
