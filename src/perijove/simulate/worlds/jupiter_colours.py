"""What Jupiter's clouds look like once it is known whence they came: bands, streaks, folded filaments, festoons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.simulate.worlds.jupiter_noise import FINER, swift_noise, texture

FloatArray = NDArray[np.float64]

OCTAVES = 10.0
"""Octaves of the texture at most: down to about 1 km."""
FOLDED = 5
"""Column of the bands' table that tells how many folded filaments there are."""
SEEN = (1.25, 0.95, 0.68, 0.40)
"""How strongly the clouds' texture shows in each band: haze hides it in methane, blue shows the most."""
BRIGHT = (0.68, 0.71, 0.72, 0.06)
"""Reflectance of fresh folded clouds."""
PALE = (0.66, 0.74, 0.77, 0.045)
"""Reflectance of the belts' pale folds."""
COLD = (0.43, 0.45, 0.44, 0.032)
"""Reflectance of the hot spots, which are holes in the clouds."""
TINT = (0.15, 0.09, 0.03, 0.0)
"""Change of the bands' colour from place to place."""
CLEAR_LOW = (0.36, 0.38, 0.55, 1.0)
"""What haze leaves, in each band, of the clouds' contrast against their belt or zone, from the equator to 20 deg."""
CLEAR_HIGH = (0.43, 0.66, 1.0, 1.0)
"""The same from 45 deg to the poles. Both after 44C00029, 44C00030 and 44C00074, 1 to 8 px; methane's is a guess."""


@kernel
def smooth(low: float, high: float, x: float) -> float:
    """0 below `low`, 1 above `high`, a smooth way between."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@kernel
def looked_up(table: FloatArray, column: int, latitude: float) -> float:
    """Linear interpolation in a column of a table on evenly spaced latitudes from -90 to 90 deg; `latitude` in rad."""
    at = (latitude / math.pi + 0.5) * (table.shape[0] - 1)
    row = min(table.shape[0] - 2, max(0, int(at)))
    return float(table[row, column] + (at - row) * (table[row + 1, column] - table[row, column]))


@kernel
def tropics(lon: float, lat: float, noise: float, ragged: float) -> float:
    """Darkness (0-1) of the hot spots on the North Equatorial Belt's southern edge and of the festoons they trail."""
    degrees = math.degrees(lat)
    s = (7.4 - degrees) / 7.5
    wave = 11.0 * lon + 2.2 * noise
    hot = max(0.0, math.cos(wave)) ** 4 * math.exp(-(((degrees - 7.2) / 1.3) ** 2)) * (0.6 + 0.8 * noise)
    trail = max(0.0, s)
    # they lean back to the west on their way to the equator
    tail = max(0.0, math.cos(wave + 3.6 * trail**1.4)) ** 5
    tail *= smooth(-0.05, 0.12, s) * (1.0 - smooth(0.45, 1.15, s)) * (0.35 + 0.9 * ragged)
    return min(0.85, max(0.0, 1.0 * max(0.0, hot) + 0.6 * max(0.0, tail)))


@kernel
def wisps(x: float, y: float, lat: float, ridges: float, seed: int) -> float:
    """Darkness (0-1) of the thin bluish veils of the Equatorial Zone, swept back by its jets."""
    lean = -7.0 * abs(lat)
    c, s = math.cos(lean), math.sin(lean)
    value = swift_noise(6.0 * (c * x - s * y), 6.0 * (s * x + c * y), 26.0 * lat, seed + 1400)
    return smooth(0.0, 0.7, value + 0.5 * ridges) * (1.0 - smooth(0.07, 0.13, abs(lat)))


@kernel
def plumes(x: float, y: float, lat: float, trail: float, ridges: float, seed: int) -> float:
    """How much (0-1) of the pale, leaning folds lies at a place: in the Great Red Spot's wake and the belts' rifts."""
    degrees = math.degrees(lat)
    north = math.exp(-(((degrees - 12.5) / 3.2) ** 2))
    south = math.exp(-(((degrees + 13.5) / 4.0) ** 2))
    rift = smooth(0.05, 0.45, swift_noise(1.9 * x, 1.9 * y, 2.0 + 3.0 * lat, seed + 1100))
    amount = min(1.0, (0.85 * north + 0.45 * south) * rift + trail)
    if amount <= 0.01:
        return 0.0
    # lines of equal phase lean over: with the shear of the belt on either side
    lean = 2.2 * lat + 0.35 * trail
    c, s = math.cos(lean), math.sin(lean)
    u, v = c * x - s * y, s * x + c * y
    bend = swift_noise(9.0 * x, 9.0 * y, 20.0 * lat, seed + 1200)
    value = swift_noise(13.0 * u + 0.9 * bend, 13.0 * v - 0.9 * bend, 9.0 * lat + 0.8 * bend, seed + 1300)
    return amount * smooth(-0.05, 0.40, 1.5 * value + 0.3 * ridges)


@kernel
def folds(
    x: float, y: float, lat: float, folded: float, curled: float, octaves: float, ridges: float, seed: int
) -> float:
    """How much (0-1) of the bright folded filaments lies at a place; they come in patches."""
    patch = swift_noise(10.0 * x, 10.0 * y, 17.0 * lat, seed + 700) + 0.5 * folded - 0.08 + curled
    held = folded * smooth(0.0, 0.45, patch)
    if held <= 0.0:
        return 0.0
    g = 15.0
    _, strands = texture(g * x, g * y, 1.6 * g * lat, min(5.0, octaves - 0.8), 0.66, 0.8, seed + 800)
    return held * smooth(-0.12, 0.42, strands + 0.35 * ridges)


@kernel
def colour_place(
    x: float,
    y: float,
    z: float,
    lat: float,
    calm: float,
    octaves: float,
    coarsest: float,
    bands: FloatArray,
    trail: float,
    curled: float,
    amount: float,
    free: float,
    seed: int,
    colour: FloatArray,
) -> None:
    """Reflectance (4,) of clouds at home in a unit vector: their band's colour, their texture, their veils.

    `lat` is the vector's latitude, `calm` the one where they would lie without eddies, rad.
    """
    # streaks: stretched along the parallels where the jets are strong, round towards the poles
    drawn = 1.0 + 4.5 * (1.0 - smooth(0.5, 1.15, abs(lat)))
    # what is drawn out is finer across: so much less of it can be shown
    octaves = min(OCTAVES, max(1.0, octaves - 0.8 * math.log(drawn) / math.log(FINER)))
    f = coarsest
    fine, ridges = texture(f * x, f * y, f * drawn * lat, octaves, 0.63, 0.45, seed + 500)
    wave = swift_noise(5.0 * x, 5.0 * y, 12.0 * lat, seed + 900)
    tint = swift_noise(2.5 * x, 2.5 * y, 12.0 * lat, seed + 950)
    at = lat + math.radians(0.65 * wave + (0.2 + 0.5 * amount) * fine)
    folded = min(1.0, looked_up(bands, FOLDED, at) + 0.9 * trail + curled) * free
    held = folds(x, y, lat, folded, curled, octaves, ridges, seed) if folded > 0.02 else 0.0
    hot = tropics(math.atan2(y, x), at, wave, ridges + 0.4) if -0.04 < at < 0.175 else 0.0
    pale = plumes(x, y, lat, trail, ridges, seed) if 0.07 < abs(lat) < 0.42 else 0.0
    if abs(lat) < 0.13:
        hot = max(hot, 0.30 * wisps(x, y, lat, ridges, seed))
    light = (0.06 + 0.17 * min(1.0, amount)) * (1.1 * fine + 0.8 * ridges)
    band_at = calm + math.radians(0.65 * wave)
    high = smooth(0.35, 0.79, abs(calm))
    for b in range(4):
        ground = looked_up(bands, b, band_at) * (1.0 + TINT[b] * tint)
        shade = looked_up(bands, b, at)
        seen = SEEN[b] * light + TINT[b] * tint
        # the brightest clouds are thick already: they can grow darker, hardly brighter
        shade *= 1.0 / (1.0 - seen) if seen < 0.0 else 1.0 + seen * min(1.0, 2.2 * (1.0 - shade))
        shade += 0.66 * held * (BRIGHT[b] - shade)
        shade += 0.72 * pale * (PALE[b] - shade)
        shade += hot * (COLD[b] - shade)
        clear = CLEAR_LOW[b] + high * (CLEAR_HIGH[b] - CLEAR_LOW[b])
        colour[b] = ground + clear * (shade - ground)
