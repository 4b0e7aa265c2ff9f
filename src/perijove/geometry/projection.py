"""Map projections of a sphere: closed forms both ways, as compiled rows and as functions of arrays.

The formulas are those of Snyder, Map Projections: A Working Manual (USGS Professional Paper 1395, 1987), spherical.
Angles in rad, longitude east-positive, x km to the right (east) and y km up (north). Latitude is whatever kind the map
is drawn in: the sphere carries planetocentric or planetographic numbers alike (see `mapgrid`). What a projection does
not show is NaN.

Every azimuthal projection is inverted by a vector: the point at angular distance c from the centre is
cos(c) up + sin(c) (east sin + north cos), so that no arc sine is ill near a pole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.errors import UsageError
from perijove.jit import inlined, kernel

FloatArray = NDArray[np.float64]

EQUIRECTANGULAR, SINUSOIDAL, STEREOGRAPHIC, ORTHOGRAPHIC, LAEA, PERSPECTIVE = range(6)
KINDS = {
    "equirectangular": EQUIRECTANGULAR,
    "sinusoidal": SINUSOIDAL,
    "polar-north": STEREOGRAPHIC,
    "polar-south": STEREOGRAPHIC,
    "orthographic": ORTHOGRAPHIC,
    "laea": LAEA,
    "perspective": PERSPECTIVE,
}
"""Every projection by its name; laea is Lambert's azimuthal equal-area one."""
EDGE = 1e-12
"""Rounding that a place on the edge of a map is allowed, rad."""
RUN = 64
"""Pixels over which the sine and cosine of the longitude are carried along a row before they are computed anew."""


class Formula(NamedTuple):
    """What the kernels need: `kind`, one over the radius (1/km), the standard parallel's cosine or the viewpoint's
    distance in radii (`number`), the central meridian, and the centre's unit vectors east, north and up."""

    kind: int
    inverse_radius: float
    number: float
    meridian: float
    ex: float
    ey: float
    ez: float
    nx: float
    ny: float
    nz: float
    ux: float
    uy: float
    uz: float


@dataclass(frozen=True)
class Projection:
    """A map projection of a sphere of `radius_km`.

    `kind` is one of `KINDS`; `latitude`, `longitude` rad are the centre, save that the latitude of 'equirectangular' is
    its standard parallel, that of 'sinusoidal' does not count, and that of the polar ones is the pole's. `altitude_km`
    is the viewpoint's height over the centre in 'perspective'. Scale is true at the centre, along the standard parallel
    and, in the sinusoidal, along every parallel. Raises UsageError for what cannot be drawn.
    """

    kind: str
    radius_km: float
    latitude: float = 0.0
    longitude: float = 0.0
    altitude_km: float = math.nan

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.kind not in KINDS:
            raise UsageError(f"unknown projection {self.kind!r}: use one of {', '.join(KINDS)}")
        if not self.radius_km > 0.0:
            raise UsageError(f"a sphere of radius {self.radius_km} km cannot be mapped: give a positive radius")
        if not abs(self.latitude) <= math.pi / 2 or not math.isfinite(self.longitude):
            raise UsageError(
                f"a projection cannot be centred on latitude {math.degrees(self.latitude):g}, longitude "
                f"{math.degrees(self.longitude):g} deg: give a latitude of -90 to 90"
            )
        if self.kind == "equirectangular" and not math.cos(self.latitude) > 1e-6:
            raise UsageError("the standard parallel of an equirectangular map cannot be a pole: choose a lower one")
        if self.kind == "perspective" and not 0.0 < self.altitude_km < math.inf:
            raise UsageError(
                f"a perspective map from an altitude of {self.altitude_km:g} km cannot be drawn: give one above 0"
            )

    def formula(self) -> Formula:
        """The numbers of the projection for the kernels."""
        latitude = {"polar-north": math.pi / 2, "polar-south": -math.pi / 2}.get(self.kind, self.latitude)
        number = math.cos(latitude) if self.kind == "equirectangular" else 1.0 + self.altitude_km / self.radius_km
        s, c = math.sin(latitude), math.cos(latitude)
        if self.kind.startswith("polar"):
            s, c = math.copysign(1.0, latitude), 0.0
        sin_lon, cos_lon = math.sin(self.longitude), math.cos(self.longitude)
        return Formula(
            KINDS[self.kind], 1.0 / self.radius_km, number, self.longitude,
            -sin_lon, cos_lon, 0.0, -s * cos_lon, -s * sin_lon, c, c * cos_lon, c * sin_lon, s,
        )  # fmt: skip

    def forward(self, latitude: ArrayLike, longitude: ArrayLike) -> FloatArray:
        """Places (..., 2) as x, y km of latitudes and east longitudes, rad; NaN where they are not shown."""
        lat, lon = np.broadcast_arrays(np.asarray(latitude, float), np.asarray(longitude, float))
        out = np.empty((lat.size, 2))
        project(self.formula(), np.ascontiguousarray(lat).reshape(-1), np.ascontiguousarray(lon).reshape(-1), out)
        return out.reshape(*lat.shape, 2) * self.radius_km

    def inverse(self, x: ArrayLike, y: ArrayLike) -> FloatArray:
        """Latitude and east longitude (..., 2), -pi to pi, rad of places in km; NaN outside the map."""
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        vectors = np.empty((x.size, 3))
        unproject(self.formula(), np.ascontiguousarray(x).reshape(-1), np.ascontiguousarray(y).reshape(-1), vectors)
        px, py, pz = vectors.T
        out = np.stack([np.arctan2(pz, np.hypot(px, py)), np.arctan2(py, px)], axis=-1)
        return out.reshape(*x.shape, 2)


@inlined
def wrap(longitude: float) -> float:
    """The same longitude between -pi and pi."""
    turns = math.floor((longitude + math.pi) / (2.0 * math.pi))
    return longitude - 2.0 * math.pi * turns


@kernel
def project(f: Formula, latitude: FloatArray, longitude: FloatArray, out: FloatArray) -> None:
    """Fill `out` (n, 2) with x, y in radii of latitudes and longitudes (n,)."""
    for j in range(latitude.size):
        lat, lon = latitude[j], wrap(longitude[j] - f.meridian)
        x, y = math.nan, math.nan
        if abs(lat) <= math.pi / 2 + EDGE:
            if f.kind == EQUIRECTANGULAR:
                x, y = lon * f.number, lat
            elif f.kind == SINUSOIDAL:
                x, y = lon * math.cos(lat), lat
            else:
                x, y = project_azimuthal(f, lat, longitude[j])
        out[j, 0], out[j, 1] = x, y


@kernel
def project_azimuthal(f: Formula, lat: float, lon: float) -> tuple[float, float]:
    """x, y in radii of one place in an azimuthal projection."""
    px, py, pz = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
    x = px * f.ex + py * f.ey + pz * f.ez
    y = px * f.nx + py * f.ny + pz * f.nz
    z = px * f.ux + py * f.uy + pz * f.uz
    if f.kind == ORTHOGRAPHIC:
        return (x, y) if z >= -EDGE else (math.nan, math.nan)
    if f.kind == PERSPECTIVE:
        if z < 1.0 / f.number - EDGE:
            return math.nan, math.nan
        k = (f.number - 1.0) / (f.number - z)
        return k * x, k * y
    # 1 + cos c without cancellation near the antipode
    rest = (x * x + y * y) / (1.0 - z) if z < 0.0 else 1.0 + z
    if rest <= 0.0:
        return math.nan, math.nan
    k = 2.0 / rest if f.kind == STEREOGRAPHIC else math.sqrt(2.0 / rest)
    return k * x, k * y


@inlined
def azimuthal_vector(f: Formula, u: float, v: float) -> tuple[float, float, float]:
    """Unit vector to the place u, v (in radii) of an azimuthal projection, NaN outside it."""
    square = u * u + v * v
    if f.kind == STEREOGRAPHIC:
        q = 0.25 * square
        share = 1.0 / (1.0 + q)
        cosine = (1.0 - q) * share
    elif f.kind == LAEA:
        cosine = 1.0 - 0.5 * square
        share = math.sqrt(1.0 - 0.25 * square) if square <= 4.0 else math.nan
    elif f.kind == ORTHOGRAPHIC:
        cosine = math.sqrt(1.0 - square) if square <= 1.0 else math.nan
        share = 1.0
    else:
        # the ray from the viewpoint, met with the sphere
        p, height = f.number, f.number - 1.0
        root = 1.0 - square * (p + 1.0) / height
        t = (p + 1.0) * height / (p + math.sqrt(root)) if root >= 0.0 else math.nan
        share = t / height
        cosine = p - t
    a, b = share * u, share * v
    return (
        cosine * f.ux + a * f.ex + b * f.nx,
        cosine * f.uy + a * f.ey + b * f.ny,
        cosine * f.uz + a * f.ez + b * f.nz,
    )


@kernel
def unproject(f: Formula, x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    """Fill `out` (n, 3) with the unit vectors to places x, y (n,) km; NaN outside the map."""
    for j in range(x.size):
        u, v = x[j] * f.inverse_radius, y[j] * f.inverse_radius
        if f.kind == EQUIRECTANGULAR or f.kind == SINUSOIDAL:
            across = f.number if f.kind == EQUIRECTANGULAR else math.cos(v)
            lon = u / across if across > 0.0 else (0.0 if u == 0.0 else math.inf)
            if abs(v) <= math.pi / 2 + EDGE and abs(lon) <= math.pi + EDGE:
                c, lon = math.cos(v), lon + f.meridian
                out[j, 0], out[j, 1], out[j, 2] = c * math.cos(lon), c * math.sin(lon), math.sin(v)
            else:
                out[j, 0], out[j, 1], out[j, 2] = math.nan, math.nan, math.nan
        else:
            out[j, 0], out[j, 1], out[j, 2] = azimuthal_vector(f, u, v)


@kernel
def unproject_row(f: Formula, x: float, step: float, y: float, out: FloatArray, first: int = 0) -> None:
    """Fill `out` (3, w) with the unit vectors to w places of one row: x, x + step, ... and y, km; NaN outside the map.

    The first of them is number `first` of the row: a place is the same to the last bit wherever a part of a row begins,
    in the cylindrical ones at a multiple of `RUN`.

    In the cylindrical ones the longitude is turned on from place to place, anew every `RUN` places: to 1e-14. They show
    half a step more than their edges, so that no gap is left where the edges do not fall between pixels.
    """
    v, width = y * f.inverse_radius, out.shape[1]
    if f.kind != EQUIRECTANGULAR and f.kind != SINUSOIDAL:
        for c in range(width):
            u = (x + (first + c) * step) * f.inverse_radius
            out[0, c], out[1, c], out[2, c] = azimuthal_vector(f, u, v)
        return
    out[:] = math.nan
    across = f.number if f.kind == EQUIRECTANGULAR else math.cos(v)
    if abs(v) > math.pi / 2 + EDGE or across <= 0.0:
        return
    sine, cosine = math.sin(v), math.cos(v)
    turn = step * f.inverse_radius / across
    start = x * f.inverse_radius / across
    cos_turn, sin_turn = math.cos(turn), math.sin(turn)
    a, b = 0.0, 0.0
    for c in range(width):
        lon = start + (first + c) * turn
        if c % RUN == 0:
            a, b = cosine * math.cos(lon + f.meridian), cosine * math.sin(lon + f.meridian)
        else:
            a, b = a * cos_turn - b * sin_turn, a * sin_turn + b * cos_turn
        if abs(lon) <= math.pi + 0.5 * abs(turn) + EDGE:
            out[0, c], out[1, c], out[2, c] = a, b, sine
