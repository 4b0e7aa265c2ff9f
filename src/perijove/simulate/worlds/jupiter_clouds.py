"""Jupiter's clouds, place by place: carried by the wind, bent around storms, stirred by eddies, then coloured."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.simulate.worlds.jupiter_colours import colour_place, looked_up, smooth
from perijove.simulate.worlds.jupiter_eddies import stir_mercator, stir_polar
from perijove.simulate.worlds.jupiter_noise import FINER, swift_noise

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Light = NDArray[np.float32]

COARSEST = 7.0
"""Cells of the first octave of the clouds' texture in one radian."""

# columns of the storms' table (see `jupiter.storm_table`) and of the bands' (see `jupiter.band_columns`)
CENTRE, EAST, NORTH, HALF, LOOK, OPAQUE, RIM, TWIST, FOLDS, DRIFT, LON, LAT, REACH = (
    0,
    3,
    6,
    9,
    11,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
)
STIRRED, WIND = 4, 6


@kernel
def wind_shift(
    lon: float, lat: float, dt: float, bands: FloatArray, near: IntArray, storms: FloatArray, radii: FloatArray
) -> float:
    """How far east, rad, the clouds of a place have come since the epoch; a storm takes its own with it whole."""
    x, z = radii[0] * math.cos(lat), radii[1] * math.sin(lat)
    # km from the axis: the normal's foot on the ellipsoid
    shift = looked_up(bands, WIND, lat) * 1e-3 * dt / max(1.0, radii[0] * x / math.sqrt(x * x + z * z))
    for k in near:
        if k < 0:
            break
        s = storms[k]
        away = lon - s[LON] - s[DRIFT]
        away -= 2.0 * math.pi * math.floor(away / (2.0 * math.pi) + 0.5)
        east, north = away * math.cos(lat) / s[HALF], (lat - s[LAT]) / s[HALF + 1]
        d = math.sqrt(east * east + north * north)
        if d < 2.0:
            shift += (1.0 - smooth(1.2, 2.0, d)) * (s[DRIFT] - shift)
    return float(shift)


@kernel
def stirred_place(
    x: float, y: float, z: float, amount: float, sense: float, spacing: float, seed: int
) -> tuple[float, float, float]:
    """Unit vector of the place that the eddies have brought here."""
    polar = smooth(0.87, 0.92, abs(z))
    mx, my, mz = 0.0, 0.0, 0.0
    if polar < 1.0:
        psi = 0.5 * math.log((1.0 + z) / (1.0 - z))
        east, up = stir_mercator(math.atan2(y, x), psi, math.sqrt(1.0 - z * z), amount, sense, spacing, seed)
        grown = math.exp(up)
        flat = 2.0 / (grown + 1.0 / grown)
        mx, my, mz = flat * math.cos(east), flat * math.sin(east), 1.0 - flat / grown
    if polar > 0.0:
        side = 1.0 if z > 0.0 else -1.0
        half = 2.0 / (1.0 + abs(z))
        u, v = stir_polar(x * half, y * half, amount, sense * side, spacing, seed + (1000 if z > 0.0 else 2000))
        r2 = 0.25 * (u * u + v * v)
        px, py, pz = u / (1.0 + r2), v / (1.0 + r2), side * (1.0 - r2) / (1.0 + r2)
        mx, my, mz = mx + polar * (px - mx), my + polar * (py - my), mz + polar * (pz - mz)
        size = 1.0 / math.sqrt(mx * mx + my * my + mz * mz)
        mx, my, mz = mx * size, my * size, mz * size
    return mx, my, mz


@kernel
def around_storm(x: float, y: float, z: float, east: float, north: float, s: FloatArray) -> tuple[float, float, float]:
    """Unit vector of the place whose clouds lie here: wound up within a storm, parted around it outside."""
    d2 = east * east + north * north
    fade = max(0.0, 1.0 - d2 / 6.76)
    fade *= fade
    angle = s[TWIST] * math.exp(-1.1 * d2) * fade
    c, n = math.cos(angle), math.sin(angle)
    a = c * east - n * north - east
    # the flow past a cylinder (stream function north (1 - 1 / d^2)), let go towards the storm's middle
    parted = 0.9 * fade * d2 / (1.0 + d2 * d2) * s[OPAQUE]
    b = n * east + c * north - north - parted * north
    a, b = a * s[HALF], b * s[HALF + 1]
    x, y, z = x + a * s[EAST] + b * s[NORTH], y + a * s[EAST + 1] + b * s[NORTH + 1], z + b * s[NORTH + 2]
    size = 1.0 / math.sqrt(x * x + y * y + z * z)
    return x * size, y * size, z * size


@kernel
def wake(lon: float, lat: float, spot_lon: float) -> float:
    """How deep (0-1) a place lies in the turbulence that trails to the west of the Great Red Spot."""
    behind = spot_lon - lon
    behind = math.degrees(behind - 2.0 * math.pi * math.floor(behind / (2.0 * math.pi)))
    across = (math.degrees(lat) + 14.5) / 4.5
    if abs(across) > 2.5 or behind > 130.0:
        return 0.0
    return smooth(4.0, 14.0, behind) * (1.0 - smooth(35.0, 130.0, behind)) * math.exp(-across * across)


@kernel
def tint_storm(colour: FloatArray, lat: float, bands: FloatArray, s: FloatArray, inner: float, opaque: float) -> None:
    """Give the clouds inside a storm its own colour; `inner` is the way from its middle (0) to its edge (1)."""
    ring = 1.0 - 0.05 * (1.0 - inner) + 0.05 * math.cos(14.0 * inner) * inner
    # what the clouds do inside is seen through the storm's own colour, in the great ones the most
    seen = 0.6 + 3.0 * max(0.0, s[OPAQUE] - 0.7)
    for b in range(4):
        mood = 1.0 + seen * (colour[b] / looked_up(bands, b, lat) - 1.0)
        # in methane the polar hoods lie above the storms
        veiled = 0.15 + 0.85 * (1.0 - smooth(1.0, 1.15, abs(lat))) if b == 3 else 1.0
        colour[b] += veiled * opaque * (s[LOOK + b] * ring * mood - colour[b])


@kernel
def paint_clouds(
    directions: FloatArray,
    spacing: float,
    dt: float,
    bands: FloatArray,
    storms: FloatArray,
    index: IntArray,
    radii: FloatArray,
    spot_lon: float,
    seed: int,
    out: Light,
) -> None:
    """Normal reflectance (n, 4) of the clouds in planetocentric unit vectors (n, 3), `dt` seconds after the epoch.

    NaN where the vector is not finite.
    """
    flat = (radii[0] / radii[1]) ** 2
    octaves = 1.0 + math.log(0.5 / (spacing * COARSEST)) / math.log(FINER)
    colour = np.empty(4)
    for i in range(directions.shape[0]):
        x, y, z = directions[i, 0], directions[i, 1], directions[i, 2]
        if not abs(x) + abs(y) + abs(z) < 10.0:
            out[i, :] = np.nan
            continue
        lon, lat = math.atan2(y, x), math.atan2(flat * z, math.sqrt(x * x + y * y))
        row = min(index.shape[0] - 1, int((lat / math.pi + 0.5) * index.shape[0]))
        column = min(index.shape[1] - 1, int((lon / (2.0 * math.pi) + 0.5) * index.shape[1]))
        near = index[row, column]
        if dt != 0.0:
            lon -= wind_shift(lon, lat, dt, bands, near, storms, radii)
        paint_place(lon, lat, spacing, octaves, bands, near, storms, spot_lon, seed, colour)
        for b in range(4):
            out[i, b] = min(0.97, max(0.01, colour[b]))


@kernel
def paint_place(
    lon: float,
    lat: float,
    spacing: float,
    octaves: float,
    bands: FloatArray,
    near: IntArray,
    storms: FloatArray,
    spot_lon: float,
    seed: int,
    colour: FloatArray,
) -> None:
    """Reflectance (4,) of the clouds that lay at a longitude and planetographic latitude, rad, at the epoch."""
    low = math.cos(lat)
    x, y, z = low * math.cos(lon), low * math.sin(lon), math.sin(lat)
    patchy = swift_noise(4.0 * x, 4.0 * y, 9.0 * z, seed + 11)
    opaque, rim, free, inner, curled, which = 0.0, 0.0, 1.0, 0.0, 0.0, -1
    for k in near:
        if k < 0:
            break
        s = storms[k]
        if s[CENTRE] * x + s[CENTRE + 1] * y + s[CENTRE + 2] * z > s[REACH]:
            east = (s[EAST] * x + s[EAST + 1] * y + s[EAST + 2] * z) / s[HALF]
            north = (s[NORTH] * x + s[NORTH + 1] * y + s[NORTH + 2] * z) / s[HALF + 1]
            grain = 1.2 / s[HALF + 1]
            d = math.sqrt(east * east + north * north)
            edge = d * (1.0 + 0.07 * swift_noise(grain * x, grain * y, grain * z, seed + k))
            free *= 1.0 - 0.85 * s[OPAQUE] * (1.0 - smooth(0.9, 1.8, d))
            mine = s[OPAQUE] * (1.0 - smooth(0.82, 1.04, edge))
            if mine > opaque:
                opaque, inner, which = mine, edge, k
            rim = max(rim, s[RIM] * math.exp(-(((edge - 1.13) / 0.13) ** 2)))
            curled = max(curled, s[FOLDS] * (1.0 - smooth(0.5, 1.25, d)))
            x, y, z = around_storm(x, y, z, east, north, s)
    trail = wake(lon, lat, spot_lon)
    # belts turn cyclonically, zones the other way: the sign of the shear
    sense = (looked_up(bands, WIND, lat + 0.012) - looked_up(bands, WIND, lat - 0.012)) / 30.0
    amount = looked_up(bands, STIRRED, lat) * (0.75 + 0.9 * patchy) + 0.8 * trail
    amount = min(1.25, max(0.1, amount)) * free
    calm = math.asin(min(1.0, max(-1.0, z)))
    x, y, z = stirred_place(x, y, z, amount, min(1.0, max(-1.0, sense)), spacing, seed)
    lat = math.asin(min(1.0, max(-1.0, z)))
    colour_place(x, y, z, lat, calm, octaves, COARSEST, bands, trail, curled, amount, free, seed, colour)
    if which >= 0:
        tint_storm(colour, calm, bands, storms[which], inner, opaque)
    for b in range(4):
        colour[b] *= 1.0 - rim * (0.5 if b == 3 else 1.0)
