"""Geodesics on triaxial ellipsoids, such as Jupiter's inner moons.

A geodesic is shot from its start, x'' = -(x'Dx') / |Dx|^2 Dx with D the ellipsoid's matrix (the acceleration is normal
to the surface x'Dx = 1), and its bearing and length are corrected until it meets the other end; of several that do so
the shortest is taken. Places are planetocentric latitude and east longitude, rad; km.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import normal, point_from_centric

FloatArray = NDArray[np.float64]
Radii = tuple[float, float, float]

OPPOSITE = float(np.radians(170.0))
"""Angle at the centre beyond which two places of a triaxial body count as opposite: several geodesics are as short."""
CLOSE_KM = 1e-7
"""How well a shot geodesic meets its end."""
ROUND = 1.02
"""Ratio of the longest to the shortest radius up to which the geodesic set out on towards the end is the shortest:
on a body so round others appear within a few degrees of the opposite place, where `OPPOSITE` holds."""
NEAR = float(np.radians(10.0))
"""Angle at the centre within which no second geodesic is as short, not even on Amalthea."""
SHOTS = 90
"""Geodesics that are shot around a place, each 4 deg, to see which come near another."""
SAME = 1e-9
"""Relative difference of lengths of which neither is the shorter one."""
_SEVERAL = "two of the places lie nearly opposite on {}, where no one way is the shortest: give one between"
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
"""Gauss and Legendre's rule for the areas of triaxial bodies."""


def shortest(body: Body, start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float, FloatArray]:
    """Azimuth, length and end (3,) of the shortest geodesic between two places of a triaxial body.

    On one that is nearly round the shot that sets out towards the other end finds it. On others several geodesics join
    two places long before these are opposite: there shots all around the start tell which come near the end.
    """
    radii = body.radii_km
    first, last = (point_from_centric(*place, radii) for place in (start, end))
    angle = float(np.arctan2(np.linalg.norm(np.cross(first, last)), first @ last))
    if angle > OPPOSITE:
        raise UsageError(_SEVERAL.format(body.name))
    if angle == 0.0:
        return 0.0, 0.0, first
    chord, most = float(np.linalg.norm(last - first)), _section_km(first, last, radii)
    several = radii[0] / radii[2] > ROUND and angle > NEAR
    guesses = _near_misses(radii, start, last, most) if several else [_towards(first, last, most, radii)]
    aims = (_aimed(radii, start, last, guess) for guess in guesses)
    # the section by the plane through the centre, known to a few parts in ten thousand, is a way too
    hits = sorted(
        (aim for aim in aims if aim is not None and chord * (1.0 - 1e-9) <= aim[1] <= most * (1.0 + 1e-3)),
        key=lambda aim: aim[1],
    )
    if not hits:
        raise UsageError(f"no shortest way between two of the places was found on {body.name}: give one between")
    best = hits[0]
    for other in hits[1:]:
        apart = abs(np.remainder(other[0] - best[0] + np.pi, 2.0 * np.pi) - np.pi)
        if other[1] - best[1] < SAME * best[1] and apart > 1e-3:
            raise UsageError(_SEVERAL.format(body.name))
    return best[0], best[1], last


def _towards(first: FloatArray, last: FloatArray, length: float, radii: Radii) -> FloatArray:
    """Azimuth and length (2,) of a shot from one surface point right towards another."""
    east, north = level(first, radii)
    chord = last - first
    return np.array([np.arctan2(chord @ east, chord @ north), length])


def _section_km(first: FloatArray, last: FloatArray, radii: Radii) -> float:
    """The length of the way between two surface points in the plane with the body's centre, to some 1e-4 of it."""
    one = first / np.linalg.norm(first)
    other = last - (last @ one) * one
    other = other / np.linalg.norm(other)
    end = float(np.arctan2(last @ other, last @ one))
    angle = 0.5 * end * (NODES + 1.0)[:, None]
    ray, turned = np.cos(angle) * one + np.sin(angle) * other, np.cos(angle) * other - np.sin(angle) * one
    matrix = 1.0 / np.square(radii)
    reach = np.sum(matrix * ray * ray, axis=1) ** -0.5
    slope = -np.sum(matrix * ray * turned, axis=1) * reach**3
    return 0.5 * end * float(WEIGHTS @ np.hypot(reach, slope))


def _near_misses(radii: Radii, start: tuple[float, float], last: FloatArray, most: float) -> list[FloatArray]:
    """Azimuths and lengths (2,) of those of the shots all around a place that come nearer to the end than both of
    their neighbours do, flown no further than `most` km."""
    azimuths = np.asarray(2.0 * np.pi / SHOTS * np.arange(SHOTS), dtype=np.float64)
    distances = np.linspace(0.0, 1.02 * most, 121)
    tracks = flown(radii, start, azimuths, distances, rtol=1e-6)
    away = np.linalg.norm(tracks - last, axis=-1)
    nearest = np.argmin(away, axis=0)
    miss = away[nearest, np.arange(SHOTS)]
    # those beside one that meets the end are but a few degrees of the body from it
    closer = (miss <= np.roll(miss, 1)) & (miss <= np.roll(miss, -1)) & (miss < 0.2 * max(radii))
    return [np.array([azimuths[k], distances[max(nearest[k], 1)]]) for k in np.flatnonzero(closer)]


def _aimed(radii: Radii, start: tuple[float, float], last: FloatArray, guess: FloatArray) -> tuple[float, float] | None:
    """Azimuth and length of the geodesic to a surface point that a guess (2,) comes near to; None where it gets lost.

    Newton's steps, halved as long as they lead further off.
    """
    there_east, there_north = level(last, radii)

    def miss(trial: FloatArray) -> FloatArray:
        beside = flown(radii, start, trial[:1], np.array([0.0, trial[1]]))[-1, 0] - last
        # what lies on the far side would be right above the end
        return np.array([beside @ there_east, beside @ there_north, beside @ beside])

    found, off = guess, miss(guess)
    for _ in range(15):
        if float(off[2]) < CLOSE_KM**2:
            return float(found[0] % (2.0 * np.pi)), float(found[1])
        steps = np.array([1e-6, 1e-6 * guess[1]])
        moved = [(miss(found + step) - off)[:2] / size for step, size in zip(np.diag(steps), steps, strict=True)]
        step = np.linalg.lstsq(np.stack(moved, axis=1), off[:2], rcond=None)[0]
        # no step leads further than the guess can be off
        step = step / max(1.0, abs(step[0]) / 0.3, abs(step[1]) / (0.3 * guess[1]))
        for _ in range(4):
            trial = found - step
            after = miss(trial)
            if after[2] < off[2] and trial[1] < 1.5 * guess[1]:
                break
            step = 0.5 * step
        else:
            return None
        found, off = trial, after
    return None


def level(point: FloatArray, radii: Radii) -> tuple[FloatArray, FloatArray]:
    """East and north (3,) along the ground at a surface point; at a pole east is +Y."""
    up = normal(point, radii)
    east = np.cross([0.0, 0.0, 1.0], up)
    if float(np.linalg.norm(east)) < 1e-12:
        east = np.array([0.0, 1.0, 0.0])
    east = east / np.linalg.norm(east)
    return east, np.cross(up, east)


def flown(
    radii: Radii, start: tuple[float, float], azimuths: FloatArray, distances: FloatArray, rtol: float = 1e-12
) -> FloatArray:
    """Points (n, m, 3) at rising distances (n,) km, the first 0, along the geodesics that leave a place by azimuths
    (m,)."""
    matrix = 1.0 / np.square(radii)
    point = point_from_centric(*start, radii)
    east, north = level(point, radii)
    heading = np.cos(azimuths)[:, None] * north + np.sin(azimuths)[:, None] * east

    def turn(_: float, flat: FloatArray) -> FloatArray:
        state = flat.reshape(-1, 6)
        place, along = state[:, :3], state[:, 3:]
        steep = matrix * place
        bend = -np.sum(along * (matrix * along), axis=1) / np.sum(steep * steep, axis=1)
        return np.concatenate([along, bend[:, None] * steep], axis=1).ravel()

    begun = np.concatenate([np.broadcast_to(point, heading.shape), heading], axis=1).ravel()
    track = solve_ivp(
        turn, (0.0, float(distances[-1])), begun, method="DOP853", t_eval=distances, rtol=rtol, atol=100.0 * rtol
    )
    out: FloatArray = track.y.T.reshape(len(distances), -1, 6)[..., :3]
    return out
