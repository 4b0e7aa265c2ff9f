"""Plane: a metric map around one place of a body, in which a crater keeps its size and shape.

Azimuthal equidistant about the centre: x km to the east, y km to the north, distances and bearings from the centre
true. The body is any ellipsoid. A chord d from the centre p0 leaves the tangent plane by d'Ad / (2 |A p0|), A the
ellipsoid's matrix (exact, from p'Ap = 1 at both ends), which is what a circle of curvature d'Ad / (|d|^2 |A p0|) does:
the distance along the ground is taken along that circle. On a sphere this is Snyder's azimuthal equidistant projection
(USGS Professional Paper 1395, 1987, section 25) to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.geometry.ellipsoid import centric_from_point, point_from_centric

FloatArray = NDArray[np.float64]

PASSES = 40
"""Steps of the inverse's iteration at most: each shrinks the error by the body's flattening; a sphere needs two."""


@dataclass(frozen=True)
class Plane:
    """The plane that touches `body` at the place `centre` (planetocentric latitude, east longitude), rad."""

    centre: tuple[float, float]
    body: Body

    @cached_property
    def _curving(self) -> FloatArray:
        """Reciprocal squared half axes (3,) over |A p0|: the curvature, 1/km, of the chord d is d'(this)d / |d|^2."""
        square = np.square(np.asarray(self.body.radii_km))
        out: FloatArray = 1.0 / square / np.linalg.norm(self._origin / square)
        return out

    @cached_property
    def _origin(self) -> FloatArray:
        return point_from_centric(self.centre[0], self.centre[1], self.body.radii_km)

    @cached_property
    def axes(self) -> FloatArray:
        """East, north and up (3, 3) as rows, body-fixed; at a pole north is along the meridian `centre` names."""
        up = self._origin * self._curving
        up = up / np.linalg.norm(up)
        east = np.array([-np.sin(self.centre[1]), np.cos(self.centre[1]), 0.0])
        east -= (east @ up) * up
        east /= np.linalg.norm(east)
        return np.stack([east, np.cross(up, east), up])

    def xy_of(self, latitude: ArrayLike, longitude: ArrayLike) -> FloatArray:
        """Plane coordinates (..., 2), km east and north, of planetocentric latitude and east longitude, rad.

        Meant for places well on this side of the body: beyond a quarter of its girth distances on an ellipsoid that
        is no sphere grow inexact.
        """
        chord = point_from_centric(latitude, longitude, self.body.radii_km) - self._origin
        square = np.sum(chord * chord, axis=-1)
        length = np.sqrt(square)
        bend = np.sum(chord * chord * self._curving, axis=-1) / np.where(square > 0.0, square, 1.0)
        half = np.arcsin(np.clip(0.5 * bend * length, 0.0, 1.0))
        along = np.where(half > 0.0, 2.0 * half / np.where(bend > 0.0, bend, 1.0), length)
        flat = chord @ self.axes[:2].T
        reach = np.hypot(flat[..., 0], flat[..., 1])
        out: FloatArray = flat * (along / np.where(reach > 0.0, reach, 1.0))[..., None]
        return out

    def place_of(self, x: ArrayLike, y: ArrayLike) -> FloatArray:
        """Planetocentric latitude and east longitude (..., 2), rad, -pi to pi, of plane coordinates, km."""
        east, north = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
        away = np.hypot(east, north)
        safe = np.where(away > 0.0, away, 1.0)
        # in the middle itself any direction will do
        toward_east = np.where(away > 0.0, east / safe, 1.0)
        level = toward_east[..., None] * self.axes[0] + (north / safe)[..., None] * self.axes[1]
        bend = np.sum(level * level * self._curving, axis=-1)
        for _ in range(PASSES):
            half = 0.5 * bend * away
            unit = np.cos(half)[..., None] * level - np.sin(half)[..., None] * self.axes[2]
            last, bend = bend, np.sum(unit * unit * self._curving, axis=-1)
            if np.all(np.abs(bend - last) <= 1e-14 * bend):
                break
        chord = (2.0 / bend * np.sin(0.5 * bend * away))[..., None] * unit
        return centric_from_point(self._origin + chord)[..., :2]
