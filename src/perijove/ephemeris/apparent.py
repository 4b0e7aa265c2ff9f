"""From where Juno is to what a label says of it, and back.

The labels hold neither the geometric position nor anything seen from Juno: they hold Juno *as it would be seen from
Jupiter's centre*, corrected for light time and stellar aberration, in the body-fixed frame of the label's own epoch.
Found by freeing each term in a fit to the 20 labels of perijove 44: every coefficient comes out at 1.0 or at 0.0
within 0.02, and the residual of a coordinate falls from 9 km (geometric) to 0.09 km, the labels' own rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import LIGHT_KM_S

FloatArray = NDArray[np.float64]


def apparent_position(state: ArrayLike, planet_velocity: ArrayLike) -> FloatArray:
    """Apparent positions (..., 3) km from a planet's centre of a spacecraft of geometric states (..., 6) km, km/s.

    Light time (the spacecraft where it was, the planet where it is) and stellar aberration by the planet's own
    `planet_velocity` (..., 3) km/s relative to the solar system's barycentre; to first order in v/c, which is good to
    v^2/c^2 of the distance (0.02 km at 300,000 km).
    """
    state = np.asarray(state, dtype=float)
    planet = np.asarray(planet_velocity, dtype=float)
    position, velocity = state[..., :3], state[..., 3:]
    distance = np.linalg.norm(position, axis=-1, keepdims=True)
    seen = position - (velocity + planet) * (distance / LIGHT_KM_S)
    distance = np.linalg.norm(seen, axis=-1, keepdims=True)
    moved = seen + planet * (distance / LIGHT_KM_S)
    # aberration turns the direction and leaves the distance alone
    out: FloatArray = moved * (distance / np.linalg.norm(moved, axis=-1, keepdims=True))
    return out


def geometric_position(apparent: ArrayLike, velocity: ArrayLike, planet_velocity: ArrayLike) -> FloatArray:
    """Inverse of `apparent_position`: geometric positions (..., 3) km of a spacecraft of known `velocity` km/s."""
    apparent = np.asarray(apparent, dtype=float)
    velocity = np.asarray(velocity, dtype=float)
    position = apparent
    for _ in range(4):
        state = np.concatenate(np.broadcast_arrays(position, velocity), axis=-1)
        position = position + (apparent - apparent_position(state, planet_velocity))
    return position
