"""Jupiter's clouds, place by place: carried by the wind, stirred by eddies, bent around storms, then coloured."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from perijove.simulate.worlds.jupiter_eddies import stir_mercator, stir_polar
from perijove.simulate.worlds.noise import gradient_noise

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Light = NDArray[np.float32]

_jit = numba.njit(nogil=True, cache=True, error_model="numpy", inline="never")

COARSEST = 9.0
"""Cells of the first octave of the clouds' texture in one radian."""
FINER = 2.3
"""Each octave's cells are so many times smaller than the last's."""
OCTAVES = 11

# columns of the storms' table (see `jupiter.storm_table`)
CENTRE, EAST, NORTH, HALF, LOOK, TWIST, REACH, AHEAD = 0, 3, 6, 9, 11, 17, 18, 19


@_jit
def smooth(low: float, high: float, x: float) -> float:
    """0 below `low`, 1 above `high`, a smooth way between."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@_jit
def looked_up(table: FloatArray, column: int, latitude: float) -> float:
    """Linear interpolation in a column of a table on evenly spaced latitudes from -90 to 90 deg; `latitude` in rad."""
    at = (latitude / math.pi + 0.5) * (table.shape[0] - 1)
    row = min(table.shape[0] - 2, max(0, int(at)))
    return table[row, column] + (at - row) * (table[row + 1, column] - table[row, column])


@_jit
def texture(
    x: float, y: float, z: float, octaves: float, gain: float, bend: float, seed: int
) -> tuple[float, float]:
    """Fractal noise, each octave bent by the coarser ones, which draws it out into filaments: (sum, ridged sum)."""
    total, ridges, weight, n = 0.0, 0.0, 1.0, 0
    while n < octaves:
        part = min(1.0, octaves - n)
        value = gradient_noise(x, y, z, seed + 131 * n)
        total += part * weight * value
        ridges += part * weight * (0.25 - abs(value))
        x, y, z = (
            FINER * (0.8 * x + 0.6 * y) + 17.3 + bend * value,
            FINER * (0.8 * y - 0.6 * x) - 9.1 - bend * value,
            FINER * z + 4.7 + bend * value,
        )
        weight *= gain
        n += 1
    return total, ridges


@_jit
def wind_shift(
    lon: float, lat: float, dt: float, wind: FloatArray, near: IntArray, storms: FloatArray, radii: FloatArray
) -> float:
    """How far east, rad, the clouds of a place have come since the epoch; a storm takes its own with it whole."""
    a, c = radii[0], radii[1]
    x, z = a * math.cos(lat), c * math.sin(lat)
    shift = looked_up(wind, 0, lat) * 1e-3 * dt / max(1.0, a * x / math.hypot(x, z))
    for k in near:
        if k < 0:
            break
        s = storms[k]
        away = lon - s[AHEAD + 1] - s[AHEAD]
        away -= 2.0 * math.pi * math.floor(away / (2.0 * math.pi) + 0.5)
        east, north = away * math.cos(lat) / s[HALF], (lat - s[AHEAD + 2]) / s[HALF + 1]
        d = math.sqrt(east * east + north * north)
        if d < 2.0:
            shift += (1.0 - smooth(1.2, 2.0, d)) * (s[AHEAD] - shift)
    return shift


@_jit
def calm(x: float, y: float, z: float, near: IntArray, storms: FloatArray) -> float:
    """How far the eddies are let be: 1 in the open, little inside a storm, which keeps its shape."""
    free = 1.0
    for k in near:
        if k < 0:
            break
        s = storms[k]
        if s[CENTRE] * x + s[CENTRE + 1] * y + s[CENTRE + 2] * z > s[REACH]:
            east = (s[EAST] * x + s[EAST + 1] * y + s[EAST + 2] * z) / s[HALF]
            north = (s[NORTH] * x + s[NORTH + 1] * y + s[NORTH + 2] * z) / s[HALF + 1]
            free *= 0.2 + 0.8 * smooth(0.9, 1.7, math.sqrt(east * east + north * north))
    return free


@_jit
def stirred_place(
    x: float, y: float, z: float, lon: float, lat: float, amount: float, sense: float, spacing: float, seed: int
) -> tuple[float, float, float]:
    """Unit vector of the place that the eddies have brought here."""
    polar = smooth(math.radians(60.0), math.radians(67.0), abs(lat))
    mx, my, mz = 0.0, 0.0, 0.0
    if polar < 1.0:
        psi = math.asinh(math.tan(lat))
        east, up = stir_mercator(lon, psi, math.cos(lat), amount, sense, spacing, seed)
        flat = 1.0 / math.cosh(up)
        mx, my, mz = flat * math.cos(east), flat * math.sin(east), math.tanh(up)
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


@_jit
def around_storm(
    x: float, y: float, z: float, east: float, north: float, s: FloatArray
) -> tuple[float, float, float]:
    """Unit vector of the place whose clouds lie here: wound up within a storm, parted around it outside."""
    d2 = east * east + north * north
    reach = 2.6
    fade = max(0.0, 1.0 - d2 / (reach * reach))
    fade *= fade
    angle = s[TWIST] * math.exp(-1.2 * d2) * fade
    c, n = math.cos(angle), math.sin(angle)
    a = c * east - n * north - east
    # the flow past a cylinder (stream function north (1 - 1 / d^2)), let go towards the storm's middle
    parted = (d2 / (1.0 + d2 * d2)) * fade
    b = n * east + c * north - north - 0.9 * north * parted * s[LOOK + 4]
    a, b = a * s[HALF], b * s[HALF + 1]
    x, y, z = x + a * s[EAST] + b * s[NORTH], y + a * s[EAST + 1] + b * s[NORTH + 1], z + b * s[NORTH + 2]
    size = 1.0 / math.sqrt(x * x + y * y + z * z)
    return x * size, y * size, z * size


@_jit
def tropics(lon: float, lat: float, noise: float, ragged: float) -> float:
    """Darkness (0-1) of the hot spots on the North Equatorial Belt's southern edge and of the festoons they trail."""
    degrees = math.degrees(lat)
    if not -2.5 < degrees < 10.0:
        return 0.0
    s = (7.4 - degrees) / 7.5
    wave = 11.0 * lon + 2.2 * noise
    hot = max(0.0, math.cos(wave)) ** 4 * math.exp(-(((degrees - 7.2) / 1.1) ** 2)) * (0.6 + 0.8 * noise)
    trail = max(0.0, s)
    tail = max(0.0, math.cos(wave + 3.6 * trail**1.4)) ** 5
    tail *= smooth(-0.05, 0.12, s) * (1.0 - smooth(0.45, 1.15, s)) * (0.35 + 0.9 * ragged)
    return min(0.85, max(0.0, 0.9 * max(0.0, hot) + 0.55 * max(0.0, tail)))


@_jit
def wake(lon: float, lat: float, spot_lon: float) -> float:
    """How deep (0-1) a place lies in the turbulence that trails to the west of the Great Red Spot."""
    behind = spot_lon - lon
    behind = math.degrees(behind - 2.0 * math.pi * math.floor(behind / (2.0 * math.pi)))
    across = (math.degrees(lat) + 14.5) / 4.5
    if abs(across) > 2.5 or behind > 130.0:
        return 0.0
    return smooth(4.0, 14.0, behind) * (1.0 - smooth(35.0, 130.0, behind)) * math.exp(-across * across)


@_jit
def paint_clouds(
    directions: FloatArray,
    spacing: float,
    dt: float,
    wind: FloatArray,
    bands: FloatArray,
    storms: FloatArray,
    index: IntArray,
    radii: FloatArray,
    spot_lon: float,
    seed: int,
    out: Light,
) -> None:
    """Normal reflectance (n, 4) of the clouds in planetocentric unit vectors (n, 3), `dt` seconds after the epoch."""
    flat = (radii[0] / radii[1]) ** 2
    octaves = min(float(OCTAVES), max(1.0, 1.0 + math.log(0.5 / (spacing * COARSEST)) / math.log(FINER)))
    colour = np.empty(4)
    for i in range(directions.shape[0]):
        x, y, z = directions[i, 0], directions[i, 1], directions[i, 2]
        lon, lat = math.atan2(y, x), math.atan2(flat * z, math.sqrt(x * x + y * y))
        row = min(index.shape[0] - 1, int((lat / math.pi + 0.5) * index.shape[0]))
        column = min(index.shape[1] - 1, int((lon / (2.0 * math.pi) + 0.5) * index.shape[1]))
        near = index[row, column]
        lon -= wind_shift(lon, lat, dt, wind, near, storms, radii)
        paint_place(lon, lat, spacing, octaves, bands, near, storms, spot_lon, seed, colour)
        for b in range(4):
            out[i, b] = min(0.97, max(0.01, colour[b]))


@_jit
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
    patchy = gradient_noise(4.0 * x, 4.0 * y, 9.0 * z, seed + 11)
    trail = wake(lon, lat, spot_lon)
    # belts turn cyclonically, zones the other way: the sign of the shear
    step = 0.012
    sense = (looked_up(bands, 6, lat + step) - looked_up(bands, 6, lat - step)) / 30.0
    sense = min(1.0, max(-1.0, sense))
    amount = looked_up(bands, 4, lat) * (0.75 + 0.9 * patchy) + 0.7 * trail
    amount = min(1.25, max(0.12, amount)) * calm(x, y, z, near, storms)
    x, y, z = stirred_place(x, y, z, lon, lat, amount, sense, spacing, seed)
    opaque, rim, which = 0.0, 0.0, -1
    for k in near:
        if k < 0:
            break
        s = storms[k]
        if s[CENTRE] * x + s[CENTRE + 1] * y + s[CENTRE + 2] * z > s[REACH]:
            east = (s[EAST] * x + s[EAST + 1] * y + s[EAST + 2] * z) / s[HALF]
            north = (s[NORTH] * x + s[NORTH + 1] * y + s[NORTH + 2] * z) / s[HALF + 1]
            d = math.sqrt(east * east + north * north)
            mine = s[LOOK + 4] * (1.0 - smooth(0.7, 1.05, d))
            if mine > opaque:
                opaque, which = mine, k
            rim = max(rim, s[LOOK + 5] * math.exp(-(((d - 1.12) / 0.16) ** 2)))
            x, y, z = around_storm(x, y, z, east, north, s)
    colour_place(x, y, z, octaves, bands, patchy, trail, amount, seed, colour, spacing)
    if which >= 0:
        s = storms[which]
        for b in range(4):
            # what the clouds do inside is seen through its own colour
            base = looked_up(bands, b, math.asin(z))
            colour[b] += opaque * (s[LOOK + b] * (1.0 + 0.55 * (colour[b] / base - 1.0)) - colour[b])
    for b in range(4):
        colour[b] *= 1.0 - rim


@_jit
def colour_place(
    x: float,
    y: float,
    z: float,
    octaves: float,
    bands: FloatArray,
    patchy: float,
    trail: float,
    amount: float,
    seed: int,
    colour: FloatArray,
    spacing: float,
) -> None:
    """Reflectance (4,) of the undisturbed clouds at a unit vector: their band's colour, their texture, their veils."""
    lat, lon = math.asin(min(1.0, max(-1.0, z))), math.atan2(y, x)
    # streaks: stretched along the parallels where the jets are strong, round towards the poles
    drawn = 1.0 + 3.2 * (1.0 - smooth(0.55, 1.1, abs(lat)))
    tall = lat * drawn
    f = COARSEST
    fine, ridges = texture(f * x, f * y, f * tall, octaves, 0.62, 0.55, seed + 500)
    wave = gradient_noise(6.0 * x, 6.0 * y, 12.0 * lat, seed + 900)
    tint = gradient_noise(2.5 * x, 2.5 * y, 14.0 * lat, seed + 950)
    at = lat + math.radians(0.55 * wave + 0.55 * fine * amount)
    folded = min(1.0, looked_up(bands, 5, at) + 0.6 * trail)
    held = folded * smooth(0.02, 0.5, gradient_noise(13.0 * x, 13.0 * y, 21.0 * lat, seed + 700) + 0.45 * folded - 0.1 + 0.2 * trail)
    if held > 0.0:
        g = 34.0
        _, strands = texture(g * x, g * y, 1.5 * g * lat, octaves - 1.6, 0.65, 0.7, seed + 800)
        held *= smooth(-0.15, 0.5, strands + 0.3 * ridges)
    hot = tropics(lon, at, wave, ridges + 0.4)
    busy = 0.06 + 0.13 * amount
    light = busy * (1.2 * fine + 0.7 * ridges)
    for b in range(4):
        shade = looked_up(bands, b, at)
        gain = 1.25 - 0.28 * b if b < 3 else 0.45
        shade *= 1.0 + gain * light + (0.06 if b == 0 else 0.035 if b == 1 else 0.01) * tint
        bright = 0.74 - 0.03 * (2 - min(b, 2)) if b < 3 else shade * 1.15
        shade += 0.6 * held * (bright - shade)
        cold = 0.44 + 0.03 * min(b, 1) if b < 3 else 0.035
        colour[b] = shade + hot * (cold - shade)
