"""Surface: the part of a world that a strip sees, painted once as finely as the camera needs it.

The grid is Lambert's azimuthal equal-area projection about the point below the spacecraft, on the unit sphere of
planetocentric directions; coarser copies, each half as fine as the last, serve where the ground is seen aslant.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.simulate.worlds.painting import Painter

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

MAX_SIDE = 4096
"""Texels along a side of the finest grid; where more would be needed, the texels are made larger."""
LEAST_SIDE = 64
"""Fewer would leave the coarsest grid without neighbours to go between."""
CHUNK_ROWS = 64
LEVELS = 5


@dataclass(frozen=True)
class Surface:
    """Painted ground: the finest grid first.

    `axes` (3, 3) has the grid's x, y and centre as rows, body-fixed. `spacing` is that of the finest texels, in units
    of the sphere's radius. `albedo` holds (4, n, n) float32 a level, BLUE, GREEN, RED, METHANE; `normals` (n, n, 3)
    float32 the body-fixed outward normal of the ground less that of the ellipsoid, or None where it has no relief.
    """

    axes: FloatArray
    spacing: float
    albedo: tuple[Light, ...]
    normals: tuple[Light, ...] | None

    @cached_property
    def texels(self) -> Light:
        """The albedo of all levels, one after the other: (4, t)."""
        return np.concatenate([level.reshape(4, -1) for level in self.albedo], axis=1)

    @cached_property
    def tilts(self) -> Light:
        """The normals of all levels, one after the other: (t, 3); none (0, 3) where there is no relief."""
        if self.normals is None:
            return np.zeros((0, 3), np.float32)
        return np.concatenate([level.reshape(-1, 3) for level in self.normals])

    @cached_property
    def sides(self) -> NDArray[np.int64]:
        """Texels along a side of each level."""
        return np.array([level.shape[-1] for level in self.albedo])


@dataclass(frozen=True)
class _Grid:
    """The finest grid: `axes` and `spacing` as in `Surface`, `side` in texels, `horizon` rad from its middle."""

    axes: FloatArray
    spacing: float
    side: int
    horizon: float


def _grid(body: Body, places: FloatArray, spacing_km: float) -> _Grid:
    """A grid that holds all that can be seen of a body from places (n, 3) km."""
    ups = places / np.linalg.norm(places, axis=1, keepdims=True)
    up = ups.mean(axis=0) / np.linalg.norm(ups.mean(axis=0))
    x = np.cross([0.0, 0.0, 1.0], up)
    x = np.array([1.0, 0.0, 0.0]) if np.linalg.norm(x) < 1e-6 else x / np.linalg.norm(x)
    farthest = float(np.linalg.norm(places, axis=1).max())
    strayed = float(np.arccos(np.clip(ups @ up, -1.0, 1.0)).max())
    horizon = float(np.arccos(min(1.0, min(body.radii_km) / farthest))) + strayed + 0.01
    # on a flattened body the horizon stands off a little in planetocentric angle
    horizon += 1.0 - min(body.radii_km) / max(body.radii_km)
    half = 2.0 * np.sin(min(horizon, 1.6) / 2.0)
    side = min(MAX_SIDE, max(LEAST_SIDE, int(np.ceil(2.0 * half * float(np.mean(body.radii_km)) / spacing_km))))
    side += -side % 2 ** (LEVELS - 1)
    return _Grid(np.stack([x, np.cross(up, x), up]), 2.0 * half / side, side, horizon)


def paint_surface(
    painter: Painter, body: Body, places: FloatArray, sun: FloatArray, spacing_km: float, et: float
) -> Surface:
    """Paint what can be seen from body-fixed `places` (n, 3) km and is lit from the unit vector `sun` (3,).

    `spacing_km` is that of the texels, larger where the grid would pass `MAX_SIDE`. Texels that nobody can see or no
    light reaches stay black.
    """
    grid = _grid(body, places, spacing_km)
    axes, side, spacing, up = grid.axes, grid.side, grid.spacing, grid.axes[2]
    albedo = np.zeros((4, side, side), np.float32)
    height = np.zeros((side, side), np.float32)
    relief = False

    def rows(first: int) -> bool:
        # painters run their own threads; here only the rows are shared out
        which = slice(first, min(first + CHUNK_ROWS, side))
        directions = grid_directions(axes, spacing, side, which)
        cos_reach = np.cos(grid.horizon + 2.0 * spacing)
        wanted = (directions @ up > cos_reach) & (directions @ sun > -0.12)
        if not wanted.any():
            return False
        painting = painter.paint(np.ascontiguousarray(directions[wanted]), spacing, et)
        block = np.zeros((*wanted.shape, 4), np.float32)
        block[wanted] = painting.albedo
        albedo[:, which] = np.moveaxis(block, -1, 0)
        if painting.height_km is None:
            return False
        height[which][wanted] = painting.height_km
        return True

    for first in range(0, side, CHUNK_ROWS):
        relief |= rows(first)
    levels = [albedo]
    for _ in range(LEVELS - 1):
        levels.append(halved(levels[-1]))
    if not relief:
        return Surface(axes, spacing, tuple(levels), None)
    height /= np.float32(np.mean(body.radii_km))
    bumps = [tilted(axes, spacing, height)]
    for _ in range(LEVELS - 1):
        n = bumps[-1]
        bumps.append(0.25 * (n[::2, ::2] + n[1::2, ::2] + n[::2, 1::2] + n[1::2, 1::2]))
    return Surface(axes, spacing, tuple(levels), tuple(bumps))


def halved(planes: Light) -> Light:
    """Planes (k, n, n) averaged over 2 x 2 texels."""
    out: Light = 0.25 * (planes[:, ::2, ::2] + planes[:, 1::2, ::2] + planes[:, ::2, 1::2] + planes[:, 1::2, 1::2])
    return out


def grid_directions(axes: FloatArray, spacing: float, side: int, rows: slice) -> FloatArray:
    """Unit vectors (rows, side, 3) of texel centres; beyond the far pole of the projection they are its rim."""
    x = (np.arange(side) + 0.5 - side / 2.0) * spacing
    y = x[rows][:, None]
    # an azimuthal equal-area plane ends at distance 2
    rho2 = np.minimum(x * x + y * y, 4.0)
    root = np.sqrt(1.0 - rho2 / 4.0)
    out: FloatArray = (
        (root * x)[..., None] * axes[0] + (root * y)[..., None] * axes[1] + (1.0 - rho2 / 2.0)[..., None] * axes[2]
    )
    out /= np.linalg.norm(out, axis=-1, keepdims=True)
    return out


def tilted(axes: FloatArray, spacing: float, height: Light) -> Light:
    """How the normals (n, n, 3) of ground `height` (n, n) radii above the unit sphere differ from the sphere's own."""
    side = len(height)
    out = np.empty((side, side, 3), np.float32)

    def rows(first: int) -> None:
        low, high = max(first - 1, 0), min(first + CHUNK_ROWS + 1, side)
        flat = grid_directions(axes, spacing, side, slice(low, high))
        ground = flat * (1.0 + height[low:high, :, None])
        down, along = np.gradient(ground, axis=0), np.gradient(ground, axis=1)
        normal = np.cross(along, down)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        last = min(first + CHUNK_ROWS, side)
        out[first:last] = (normal - flat)[first - low : last - low]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(rows, range(0, side, CHUNK_ROWS)))
    return out
