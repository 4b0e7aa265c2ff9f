"""Trace: the light that comes along rays from a painted, hazy, sunlit body. Everything is body-fixed, km, and I/F."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel
from perijove.simulate.haze import CHAPMAN_FROM, CHAPMAN_STEPS, TOP_HEIGHTS

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
IntArray = NDArray[np.int64]

MINNAERT, LUNAR_LAMBERT = 0, 1
MARCH_STEPS = 32
STEEP = 0.2
"""Cosine of the emission angle above which the haze counts as plane over a pixel's path."""
_TOP_LEVEL = 3.999


@kernel
def chapman(mu: float, table: FloatArray) -> float:
    """Slant column over vertical column towards zenith cosine `mu`, from the table of ln Ch."""
    place = (max(mu, CHAPMAN_FROM) - CHAPMAN_FROM) / (1.0 - CHAPMAN_FROM) * (CHAPMAN_STEPS - 1)
    i = min(int(place), CHAPMAN_STEPS - 2)
    part = place - i
    return math.exp((1.0 - part) * table[i] + part * table[i + 1])


@kernel
def scattering(haze: FloatArray, cos_turn: float) -> float:
    """Whiteness times phase function over 4 for light turned by an angle of cosine `cos_turn`."""
    forward, backward, share = haze[3], haze[4], haze[5]
    ahead = 1.0 + forward * forward - 2.0 * forward * cos_turn
    back = 1.0 + backward * backward - 2.0 * backward * cos_turn
    first = (1.0 - forward * forward) / (ahead * math.sqrt(ahead))
    second = (1.0 - backward * backward) / (back * math.sqrt(back))
    return float(0.25 * haze[1] * (share * first + (1.0 - share) * second))


@kernel
def reflected(kind: int, law: FloatArray, mu0: float, mu: float, cos_phase: float) -> float:
    """I/F of ground of unit albedo: Minnaert (law[0] is k), or lunar-Lambert (McEwen 1991) with a phase slope.

    law[0] is then the share L of Lommel-Seeliger, law[1] the fall-off per rad of phase angle.
    """
    if mu0 <= 0.0:
        return 0.0
    mu = max(mu, 0.01)
    if kind == MINNAERT:
        return math.exp(law[0] * math.log(mu0) + (law[0] - 1.0) * math.log(mu))
    phase = math.acos(min(1.0, max(-1.0, cos_phase)))
    return float((2.0 * law[0] * mu0 / (mu0 + mu) + (1.0 - law[0]) * mu0) * math.exp(-law[1] * phase))


@inlined
def shaded(
    u: FloatArray, n: FloatArray, d: FloatArray, sun: FloatArray, level: float, axes: FloatArray, spacing: float,
    texels: Light, tilts: Light, sides: IntArray, kind: int, law: FloatArray,
) -> float:  # fmt: skip
    """I/F of the ground in direction `u` with ellipsoid normal `n`, seen along `d`; `level` says how coarsely.

    `texels` (t,) and `tilts` (t, 3), empty where there is no relief, hold the levels one after the other, `sides` (l,)
    the texels along a side of each. Values between texels are bilinear, those beyond the edge the edge's.
    """
    k = math.sqrt(2.0 / max(1.0 + u[0] * axes[2, 0] + u[1] * axes[2, 1] + u[2] * axes[2, 2], 1e-9)) / spacing
    x = k * (u[0] * axes[0, 0] + u[1] * axes[0, 1] + u[2] * axes[0, 2])
    y = k * (u[0] * axes[1, 0] + u[1] * axes[1, 1] + u[2] * axes[1, 2])
    fine = int(level)
    cos_phase = -(sun[0] * d[0] + sun[1] * d[1] + sun[2] * d[2])
    light, start = 0.0, 0
    for which in range(fine):
        start += sides[which] * sides[which]
    for which in range(fine, fine + 2):
        share = 1.0 - (level - fine) if which == fine else level - fine
        if share <= 0.0:
            break
        side = sides[which]
        size = 2.0**which
        row = min(max(y / size + side / 2.0 - 0.5, 0.0), side - 1.001)
        column = min(max(x / size + side / 2.0 - 0.5, 0.0), side - 1.001)
        i, j = int(row), int(column)
        b, a = row - i, column - j
        at = start + i * side + j
        under = at + side
        w00, w01, w10, w11 = (1.0 - b) * (1.0 - a), (1.0 - b) * a, b * (1.0 - a), b * a
        albedo = w00 * texels[at] + w01 * texels[at + 1] + w10 * texels[under] + w11 * texels[under + 1]
        nx, ny, nz = n[0], n[1], n[2]
        if len(tilts) > 0:
            nx += w00 * tilts[at, 0] + w01 * tilts[at + 1, 0] + w10 * tilts[under, 0] + w11 * tilts[under + 1, 0]
            ny += w00 * tilts[at, 1] + w01 * tilts[at + 1, 1] + w10 * tilts[under, 1] + w11 * tilts[under + 1, 1]
            nz += w00 * tilts[at, 2] + w01 * tilts[at + 1, 2] + w10 * tilts[under, 2] + w11 * tilts[under + 1, 2]
            length = math.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz = nx / length, ny / length, nz / length
        mu0 = nx * sun[0] + ny * sun[1] + nz * sun[2]
        mu = -(nx * d[0] + ny * d[1] + nz * d[2])
        light += share * albedo * reflected(kind, law, mu0, mu, cos_phase)
        start += side * side
    return light


@kernel
def haze_glow(
    o: FloatArray, q: FloatArray, radii: FloatArray, sun: FloatArray, cos_turn: float, end: float, haze: FloatArray,
    table: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """March through the shell along o + t q (scaled by the radii): `out` gets the glow and the optical depth passed.

    `end` is the t at which the ground stops the ray, infinite where it passes.
    """
    out[0] = out[1] = 0.0
    size = (radii[0] + radii[1] + radii[2]) / 3.0
    a = q[0] * q[0] + q[1] * q[1] + q[2] * q[2]
    b = o[0] * q[0] + o[1] * q[1] + o[2] * q[2]
    top = 1.0 + TOP_HEIGHTS * haze[2] / radii[2]
    root = b * b - a * (o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - top * top)
    if root <= 0.0:
        return
    first = max((-b - math.sqrt(root)) / a, 0.0)
    last = min((-b + math.sqrt(root)) / a, end)
    if last <= first:
        return
    step = (last - first) / MARCH_STEPS
    strength = scattering(haze, cos_turn)
    for i in range(MARCH_STEPS):
        t = first + (i + 0.5) * step
        x, y, z = o[0] + t * q[0], o[1] + t * q[1], o[2] + t * q[2]
        rho = math.sqrt(x * x + y * y + z * z)
        nx, ny, nz = x / rho / radii[0], y / rho / radii[1], z / rho / radii[2]
        per_km = math.sqrt(nx * nx + ny * ny + nz * nz)
        height = (rho - 1.0) / per_km
        extinction = haze[0] / haze[2] * math.exp(-max(height, 0.0) / haze[2])
        depth = extinction * step
        mu0 = (nx * sun[0] + ny * sun[1] + nz * sun[2]) / per_km
        if mu0 > 0.0 or (size + height) * math.sqrt(1.0 - mu0 * mu0) > size:
            towards = extinction * haze[2] * chapman(mu0, table)
            out[0] += strength * depth * math.exp(-(out[1] + 0.5 * depth) - towards)
        out[1] += depth


@inlined
def ray_light(
    place: FloatArray, d: FloatArray, sun: FloatArray, radii: FloatArray, finest: float, axes: FloatArray,
    spacing: float, texels: Light, tilts: Light, sides: IntArray, kind: int, law: FloatArray, haze: FloatArray,
    table: FloatArray, o: FloatArray, q: FloatArray, u: FloatArray, n: FloatArray, glow: FloatArray,
) -> float:  # fmt: skip
    """I/F along the unit vector `d` from `place`; `finest` is the width (rad) of what one ray stands for.

    `o`, `q`, `u`, `n` (3,) and `glow` (2,) are work space.
    """
    for i in range(3):
        o[i], q[i] = place[i] / radii[i], d[i] / radii[i]
    a = q[0] * q[0] + q[1] * q[1] + q[2] * q[2]
    b = o[0] * q[0] + o[1] * q[1] + o[2] * q[2]
    root = b * b - a * (o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1.0)
    cos_turn = sun[0] * d[0] + sun[1] * d[1] + sun[2] * d[2]
    if b >= 0.0 or root <= 0.0:
        if haze[0] <= 0.0 or b >= 0.0:
            return 0.0
        haze_glow(o, q, radii, sun, cos_turn, math.inf, haze, table, glow)
        return float(glow[0])
    t = (-b - math.sqrt(root)) / a
    long, length = 0.0, 0.0
    for i in range(3):
        scaled = o[i] + t * q[i]
        u[i], n[i] = scaled * radii[i], scaled / radii[i]
        long += u[i] * u[i]
        length += n[i] * n[i]
    long, length = math.sqrt(long), math.sqrt(length)
    for i in range(3):
        u[i] /= long
        n[i] /= length
    mu = -(n[0] * d[0] + n[1] * d[1] + n[2] * d[2])
    mu0 = n[0] * sun[0] + n[1] * sun[1] + n[2] * sun[2]
    # seen aslant a ray stands for more ground one way; the geometric mean of both ways chooses the level
    wide = t * finest / math.sqrt(max(mu, 0.02)) / long
    level = min(max(math.log2(wide / spacing), 0.0), _TOP_LEVEL)
    light = 0.0
    if mu0 > -0.1:
        light = shaded(u, n, d, sun, level, axes, spacing, texels, tilts, sides, kind, law)
    if haze[0] <= 0.0:
        return light
    sunward = chapman(mu0, table) if mu0 > -0.1 else 1e30
    if mu < STEEP:
        haze_glow(o, q, radii, sun, cos_turn, t, haze, table, glow)
    else:
        outward = chapman(mu, table)
        glow[1] = haze[0] * outward
        glow[0] = 0.0
        if mu0 > -0.1:
            whole = outward + sunward
            glow[0] = scattering(haze, cos_turn) * outward / whole * (1.0 - math.exp(-haze[0] * whole))
    return float(glow[0] + light * math.exp(-glow[1] - haze[0] * sunward))


@kernel
def trace_rows(
    looks: FloatArray, turns: FloatArray, places: FloatArray, leans: FloatArray, sun: FloatArray, radii: FloatArray,
    finest: float, axes: FloatArray, spacing: float, texels: Light, tilts: Light, sides: IntArray, kind: int,
    law: FloatArray, haze: FloatArray, table: FloatArray, out: Light,
) -> None:  # fmt: skip
    """Mean I/F `out` (h, w) of rays `looks` (h, w, n, 3); ray k of a pixel is turned by `turns` (n, 3, 3) into the
    body's frame and starts at `places` (n, 3); its light comes from where it looks less `leans` (n, 3), v/c."""
    h, w, count = looks.shape[0], looks.shape[1], looks.shape[2]
    d, place, o, q, u, n = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    glow = np.empty(2)
    reach, towards = np.empty(count), np.empty((count, 3))
    for k in range(count):
        far = math.sqrt(places[k, 0] ** 2 + places[k, 1] ** 2 + places[k, 2] ** 2)
        top = max(radii[0], radii[1], radii[2]) + (TOP_HEIGHTS * haze[2] if haze[0] > 0.0 else 0.0)
        reach[k] = math.sqrt(1.0 - (top / far) ** 2) if far > top else -1.0
        for i in range(3):
            # towards the body's centre, in the frame of the looks
            towards[k, i] = (
                -(turns[k, 0, i] * places[k, 0] + turns[k, 1, i] * places[k, 1] + turns[k, 2, i] * places[k, 2]) / far
            )
    for y in range(h):
        for x in range(w):
            total = 0.0
            for k in range(count):
                a, b, c = looks[y, x, k, 0], looks[y, x, k, 1], looks[y, x, k, 2]
                # to first order in v/c it stays a unit vector
                f = 1.0 + a * leans[k, 0] + b * leans[k, 1] + c * leans[k, 2]
                a, b, c = f * a - leans[k, 0], f * b - leans[k, 1], f * c - leans[k, 2]
                if a * towards[k, 0] + b * towards[k, 1] + c * towards[k, 2] < reach[k]:
                    continue
                for i in range(3):
                    d[i] = turns[k, i, 0] * a + turns[k, i, 1] * b + turns[k, i, 2] * c
                    place[i] = places[k, i]
                total += ray_light(
                    place, d, sun, radii, finest, axes, spacing, texels, tilts, sides, kind, law, haze, table,
                    o, q, u, n, glow,
                )  # fmt: skip
            out[y, x] = total / count


@kernel
def place_light(
    albedo: Light, mu0: FloatArray, mu: FloatArray, cos_phase: FloatArray, kind: int, law: FloatArray,
    haze: FloatArray, table: FloatArray, out: Light,
) -> None:  # fmt: skip
    """I/F `out` (n,) of flat ground of `albedo` (n,) under cosines (n,) of incidence, emission and phase angle.

    As `ray_light` has it where the haze counts as plane; 0 where the eye stands below the horizon or no light falls.
    """
    for k in range(len(albedo)):
        if math.isnan(albedo[k] + mu0[k] + mu[k] + cos_phase[k]):
            out[k] = math.nan
            continue
        if mu0[k] <= 0.0 or mu[k] <= 0.0:
            out[k] = 0.0
            continue
        light = albedo[k] * reflected(kind, law, mu0[k], mu[k], cos_phase[k])
        if haze[0] > 0.0:
            sunward, outward = chapman(mu0[k], table), chapman(mu[k], table)
            whole = outward + sunward
            light *= math.exp(-haze[0] * whole)
            light += scattering(haze, -cos_phase[k]) * outward / whole * (1.0 - math.exp(-haze[0] * whole))
        out[k] = light
