"""FrameTable: what the kernels must know of one swath, computed once per framelet and never per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import LIGHT_KM_S, Body
from perijove.errors import StripError
from perijove.instrument import FRAMELET_LINES, RADIAL_K1, RADIAL_K2, SAMPLES
from perijove.swath import Swath

FloatArray = NDArray[np.float64]

NOMINAL_STEP_PX = 114.7
"""Lines from one frame to the next, where a swath of one framelet cannot tell: it has no neighbour to be sought in."""
STEP_MARGIN_PX = 5.0
"""Native lines by which the step differs between the corners of a framelet: 3.5 by distortion and tangent."""
SIDE_MARGIN_PX = 1.5
"""Samples beside the masked columns that are not used, native px."""
SIDE_RAMP_PX = 12.0
"""Samples over which the weight rises from 0 at the masked columns, native px."""


class Optics(NamedTuple):
    """Numbers of one swath that every pixel needs; lines and samples are those of the stored (summed) pixels.

    `inverse_focal` 1/px and the optical centre, in native px; `shrink` is 1 / binning. `step` lines per frame by which
    a fixed direction moves (signed), `margin` lines by which that may differ over a framelet. `spin` is the angle per
    frame in the camera's Y-Z plane and `target` the angle of the framelet's middle line, rad. `turn` frames make a
    revolution; 0 where the strip is too short to see a place again after one. Weights fall to 0 over `feather` lines
    and `ramp` samples inside `left` and `right`.
    """

    frames: int
    lines: int
    samples: int
    shrink: float
    inverse_focal: float
    centre_line: float
    centre_sample: float
    k1: float
    k2: float
    step: float
    margin: float
    spin: float
    target: float
    turn: int
    feather: float
    left: float
    right: float
    ramp: float


class Uncertainty(NamedTuple):
    """What is known of one swath's pixels beside their light, flat like it: `variance` float32, `quality` uint8 bits.

    Both are empty where it was not asked for.
    """

    variance: NDArray[np.float32]
    quality: NDArray[np.uint8]


@dataclass(frozen=True)
class FrameTable:
    """One swath made ready: `matrices` (n, 24), `light` flat float32, `optics`, and what is `known` of the light.

    `cameras` (n, 3) km are the camera's body-fixed places, `suns` (n, 3) the body-fixed unit vectors to the Sun (NaN
    where it is not known), each frame's at its own time.

    A row of `matrices` holds two 3 x 4 affine maps from the frame b0 (km) to the camera, first two lines multiplied by
    the focal length in px: the first for points that turn with the body, the second for points carried by direction.
    """

    matrices: FloatArray
    light: NDArray[np.float32]
    optics: Optics
    known: Uncertainty
    cameras: FloatArray
    suns: FloatArray


def light_time(body: Body, position_km: FloatArray) -> FloatArray:
    """Seconds (...) that light takes from the disc's middle to positions (..., 3) in km from the body's centre.

    The disc's middle is taken one mean radius before the centre.
    """
    distance = np.linalg.norm(position_km, axis=-1) - float(np.mean(body.radii_km))
    seconds: FloatArray = np.maximum(distance, 0.0) / LIGHT_KM_S
    return seconds


def frame_table(
    swath: Swath, body: Body, et0: float, viewpoint: FloatArray, sun_direction: FloatArray | None = None
) -> FrameTable:
    """Prepare one swath for a picture in the frame b0 of `et0` seen from `viewpoint` (3,) km.

    `sun_direction` (3,) points from the body to the Sun in j2000, any length; None where it is not known.

    The body stands where it stood when the light left it: its rotation is evaluated at mid-exposure less the light
    time from the disc's middle. Aberration is in both maps (see `camera_seen_from_j2000`). Raises StripError where the
    shapes of the swath do not belong together.
    """
    check_swath(swath)
    focal = swath.camera.focal_length(swath.band)
    stretch = np.array([focal, focal, 1.0])[:, None]
    seen = body.body_from_j2000(swath.et - light_time(body, swath.position_km))
    camera_from_j2000 = camera_seen_from_j2000(swath)
    camera_from_body = camera_from_j2000 @ np.swapaxes(seen, -1, -2)
    place = np.einsum("nij,nj->ni", seen, swath.position_km)
    camera_from_sky = camera_from_j2000 @ body.body_from_j2000(et0).T
    matrices = np.empty((len(swath.et), 2, 3, 4))
    matrices[:, 0, :, :3] = camera_from_body * stretch
    matrices[:, 0, :, 3] = -np.einsum("nij,nj->ni", matrices[:, 0, :, :3], place)
    matrices[:, 1, :, :3] = camera_from_sky * stretch
    matrices[:, 1, :, 3] = -np.einsum("nij,j->ni", matrices[:, 1, :, :3], viewpoint)
    light = np.ascontiguousarray(swath.light, dtype=np.float32)
    suns = np.full_like(place, np.nan)
    if sun_direction is not None:
        suns = seen @ (np.asarray(sun_direction, dtype=float) / np.linalg.norm(sun_direction))
    return FrameTable(
        matrices.reshape(-1, 24), light.reshape(-1), optics_of(swath, body), uncertainty_of(swath), place, suns
    )


def camera_seen_from_j2000(swath: Swath) -> FloatArray:
    """Linear maps (n, 3, 3) from j2000 to the camera that have stellar aberration in them.

    It adds v/c times the length of a way to it (`geometry.aberration`). A linear map does with a fixed multiple of its
    component along the boresight, which is 1 / cos of the field angle, meant over the filter's strip: where that is 0.1
    off, at the ends of the samples, a place is 0.03 px off at perijove's 57 km/s.
    """
    if swath.velocity_km_s is None:
        return swath.camera_from_j2000
    line, sample = np.meshgrid(np.arange(8.0, FRAMELET_LINES, 16.0), np.arange(8.0, SAMPLES, 16.0))
    longer = float(np.mean(1.0 / swath.camera.ray(swath.band, line, sample)[..., 2]))
    lean = np.einsum("nij,nj->ni", swath.camera_from_j2000, swath.velocity_km_s) * (longer / LIGHT_KM_S)
    out: FloatArray = swath.camera_from_j2000 + lean[:, :, None] * swath.camera_from_j2000[:, None, 2]
    return out


def uncertainty_of(swath: Swath) -> Uncertainty:
    """Variance and quality of a swath, flat; both empty without a variance, all bits 0 without a quality."""
    if swath.variance is None:
        return Uncertainty(np.empty(0, np.float32), np.empty(0, np.uint8))
    variance = np.ascontiguousarray(swath.variance, dtype=np.float32).reshape(-1)
    if swath.quality is None:
        return Uncertainty(variance, np.zeros(variance.size, np.uint8))
    return Uncertainty(variance, np.ascontiguousarray(swath.quality, dtype=np.uint8).reshape(-1))


def check_swath(swath: Swath) -> None:
    """Raise StripError unless light, times, positions and rotations of a swath fit one another and the camera."""
    n = len(swath.et)
    shape = (n, FRAMELET_LINES // swath.binning, SAMPLES // swath.binning)
    wanted = {"light": shape, "position_km": (n, 3), "camera_from_j2000": (n, 3, 3)}
    wanted |= {name: shape for name in ("variance", "quality") if getattr(swath, name) is not None}
    wanted |= {} if swath.velocity_km_s is None else {"velocity_km_s": (n, 3)}
    for name, expected in wanted.items():
        found = getattr(swath, name).shape
        if found != expected or n == 0:
            raise StripError(
                f"{swath.band} swath of {n} framelets: {name} has the shape {found}, not {expected}; "
                "build every array of a swath from the same whole framelets"
            )


def optics_of(swath: Swath, body: Body) -> Optics:
    """The per-swath constants of the pixel loop, the sense and size of the spin read from the swath's own rotations."""
    n, lines, samples = swath.light.shape
    focal = swath.camera.focal_length(swath.band)
    centre_line, centre_sample = swath.camera.centre(swath.band)
    middle = FRAMELET_LINES / 2
    spin = spin_per_frame(swath)
    target = float(np.arctan2(middle - centre_line, focal))
    step = NOMINAL_STEP_PX
    if n > 1:
        step = focal * (np.tan(target + spin / 2) - np.tan(target - spin / 2))
    turn = round(2 * np.pi / abs(spin)) if spin else 0
    left, right = lit_columns(swath)
    # beside masked columns a value leans inwards
    left += SIDE_MARGIN_PX / swath.binning if left > 0 else 0.0
    right -= SIDE_MARGIN_PX / swath.binning if right < samples else 0.0
    return Optics(
        frames=n,
        lines=lines,
        samples=samples,
        shrink=1.0 / swath.binning,
        inverse_focal=1.0 / focal,
        centre_line=centre_line,
        centre_sample=centre_sample,
        k1=RADIAL_K1,
        k2=RADIAL_K2,
        step=float(step) / swath.binning,
        margin=(STEP_MARGIN_PX + focal * parallax_per_frame(swath, body)) / swath.binning,
        spin=spin if n > 1 else 1.0,
        target=target,
        turn=turn if n + 4 > turn else 0,
        feather=max(2.0, (FRAMELET_LINES - abs(float(step))) / 2) / swath.binning,
        left=left,
        right=right,
        ramp=SIDE_RAMP_PX / swath.binning,
    )


def lit_columns(swath: Swath) -> tuple[float, float]:
    """First column that has light, and the one behind the last, in stored px: in any of some framelets of the strip."""
    n, _, samples = swath.light.shape
    some = np.unique(np.linspace(0, n - 1, 7).round().astype(int))
    lit = np.flatnonzero(np.isfinite(swath.light[some]).any(axis=(0, 1)))
    return (float(lit[0]), float(lit[-1]) + 1.0) if lit.size else (0.0, float(samples))


def spin_per_frame(swath: Swath) -> float:
    """Angle in rad, in the camera's Y-Z plane from Z to Y, by which a fixed direction turns from frame to frame.

    Median over the frames; 0 for a single framelet.
    """
    rotations = swath.camera_from_j2000
    if len(rotations) < 2:
        return 0.0
    # where the boresight of a frame is found one frame later
    later = np.einsum("nij,nj->ni", rotations[1:], rotations[:-1, 2, :])
    return float(np.median(np.arctan2(later[:, 1], later[:, 2])))


def parallax_per_frame(swath: Swath, body: Body) -> float:
    """Largest angle in rad by which the flight of one frame moves a point of the surface."""
    if len(swath.et) < 2:
        return 0.0
    flight = np.linalg.norm(np.diff(swath.position_km, axis=0), axis=-1).max()
    height = np.linalg.norm(swath.position_km, axis=-1).min() - max(body.radii_km)
    # a viewpoint at the surface has no bound: one that lets every neighbour be tried will do
    return float(flight / max(height, flight))
