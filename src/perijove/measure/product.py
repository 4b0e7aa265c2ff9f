"""Product: a map or picture as something to measure on, whichever it is: places and pixels, light, errors.

Pixels are (line, sample), the centre of element i at i + 0.5; places planetocentric latitude and east longitude, rad.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_point, intersect, normal, point_from_centric
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.view import View, pixel_rays
from perijove.measure.patch import MAX_SIDE, MeasureError, Patch, make_patch, sample

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
Place = tuple[float, float]

MOST_VALUES = 150_000_000
"""Numbers of a product that are read for one patch; what is larger is to be measured in parts, or on a smaller map."""
MOST_STRETCH = 6.0
"""By how much longer than wide a product's pixel may be on the ground for all of its detail to be kept."""
GEOMETRY = ("incidence", "emission")


@dataclass(frozen=True)
class Product:
    """A map on a `grid`, or a picture from a `view`, of `body`; `name` is that of its file.

    `bands` are the names of its light. `read(first, last)` gives the rows from `first` to before `last` as float32
    (layers, rows, width), NaN for no data: the light, then, where `with_sigma`, its sigma, then the `angles` (of
    `GEOMETRY`, deg) that it holds. `linear` tells whether the light is measured, in I/F, or a picture for the eye (0 to
    1, coded for sRGB), `drawn_over` whether lines and names stand on it, `shaded` whether the light still bears the
    shading of the globe. `sun` (3,) and `camera_km` (3,) are body-fixed: towards the Sun, and where the camera stood.

    `place_px` is the error of a place in pixels of the camera, `native_km` the length of one on the ground, both NaN
    where they are not known; `scale_sigma` the share by which its lengths may be wrong.
    """

    name: str
    body: Body
    width: int
    height: int
    bands: tuple[str, ...]
    read: Callable[[int, int], Light]
    linear: bool
    grid: MapGrid | None = None
    view: View | None = None
    with_sigma: bool = False
    angles: tuple[str, ...] = ()
    drawn_over: bool = False
    shaded: bool = True
    sun: FloatArray | None = None
    camera_km: FloatArray | None = None
    place_px: float = math.nan
    native_km: float = math.nan
    scale_sigma: float = 0.0

    @property
    def place_sigma_km(self) -> float:
        """By how much all places may be wrong together, km; NaN where it is not known."""
        return self.place_px * self.native_km

    def pixel_of(self, latitude: ArrayLike, longitude: ArrayLike) -> FloatArray:
        """Continuous pixels (..., 2) of places; NaN where they are not shown, else they may lie outside."""
        if self.grid is not None:
            # a map may go on beyond the meridian opposite to its middle
            return self.near(self.grid.pixel_of(latitude, longitude), 0.5 * self.width)
        assert self.view is not None
        points = point_from_centric(latitude, longitude, self.body.radii_km)
        sight = points - self.view.position_km
        pixel = self.view.pixel(sight)
        hidden = np.sum(normal(points, self.body.radii_km) * sight, axis=-1) >= 0.0
        return np.where(hidden[..., None], np.nan, pixel)

    def place_of(self, line: ArrayLike, sample: ArrayLike) -> FloatArray:
        """Places (..., 2) that pixels show; NaN beside the body."""
        if self.grid is not None:
            return self.grid.place_of(line, sample)
        assert self.view is not None
        rays = pixel_rays(self.view, *np.broadcast_arrays(np.asarray(line, float), np.asarray(sample, float)))
        return centric_from_point(intersect(self.view.position_km, rays, self.body.radii_km))[..., :2]

    def shows(self, place: Place) -> bool:
        """Whether a place lies within the product's frame and is not hidden."""
        line, at = self.pixel_of(*place)
        return bool(0.0 <= line <= self.height and 0.0 <= at <= self.width)

    def pixel_km(self, place: Place) -> FloatArray:
        """Lengths (2,) on the ground of the product's pixel at a place, the shorter way across it first, km.

        MeasureError for a place that is not shown.
        """
        step = 0.5 * math.radians(1e-3)
        latitude, longitude = place
        latitude = float(np.clip(latitude, -math.pi / 2 + 2 * step, math.pi / 2 - 2 * step))
        turn = step / math.cos(latitude)
        lat = latitude + step * np.array([1.0, -1.0, 0.0, 0.0])
        lon = longitude + turn * np.array([0.0, 0.0, 1.0, -1.0])
        points = point_from_centric(lat, lon, self.body.radii_km)
        pixel = self.pixel_of(lat, lon)
        pixel = self.near(pixel, float(pixel[0, 1]))
        ground = np.stack([points[0] - points[1], points[2] - points[3]])
        shift = np.stack([pixel[0] - pixel[1], pixel[2] - pixel[3]])
        if not np.isfinite(shift).all():
            raise MeasureError(f"{self.name} does not show {told(place)}: choose a place on it")
        # lengths of the pixel's axes from how a step on the ground moves in it
        lengths = np.linalg.norm(ground, axis=1)
        stretched = np.linalg.svd(shift / lengths[:, None], compute_uv=False)
        return np.asarray(1.0 / stretched)

    def grain_km(self, place: Place) -> float:
        """The length of pixels that keeps what the product shows at a place, km.

        That of the shorter side of its own; where these are stretched, as at a pole or limb, not less than a sixth of
        the longer one.
        """
        short, long = self.pixel_km(place)
        return float(max(short, long / MOST_STRETCH))

    @property
    def turn_px(self) -> float:
        """Pixels after which an equirectangular map comes around to the same meridian; NaN for all others."""
        if self.grid is None or self.grid.projection.kind != "equirectangular":
            return math.nan
        projection = self.grid.projection
        return 2.0 * math.pi * projection.radius_km * math.cos(projection.latitude) / self.grid.scale_km

    @property
    def goes_around(self) -> bool:
        """Whether the right edge of the map continues at its left one."""
        return self.width > self.turn_px - 1.0

    def near(self, pixel: FloatArray, sample: float) -> FloatArray:
        """The same pixels (..., 2), by whole turns of a map as near to a sample as can be."""
        turn = self.turn_px
        if not math.isfinite(turn):
            return pixel
        away = pixel[..., 1] - sample
        return np.stack([pixel[..., 0], pixel[..., 1] - turn * np.rint(away / turn)], axis=-1)

    def check(self, place: Place, what: str) -> None:
        """MeasureError where a place is not on the product."""
        if not self.shows(place):
            raise MeasureError(f"{what} {told(place)} is not on {self.name}: choose a place that it shows")


def told(place: Place) -> str:
    """A place in words, planetocentric and east."""
    north, east = np.degrees(place)
    return f"{abs(north):.3f} {'N' if north >= 0 else 'S'}, {east % 360.0:.3f} E"


def click_sigma_km(product: Product, place: Place, click_px: float) -> float:
    """The error on the ground of a place chosen to `click_px` of the product's pixels in each direction, km.

    A pixel is taken as a square of the area that it covers.
    """
    return click_px * float(np.sqrt(np.prod(product.pixel_km(place))))


def patch_of(product: Product, centre: Place, half_km: float, scale_km: float | None = None) -> Patch:
    """The light around a place, resampled; pixels of `scale_km`, by default about the product's own.

    Where the product's pixels are smaller by twice or more, they are averaged first. Bilinear between pixels. Sigma,
    and the cosines of incidence and emission where the light is shaded, come with it where the product has or can tell
    them. Raises MeasureError where the centre is not shown or nothing around it holds light, UsageError where the patch
    would be too large.
    """
    product.check(centre, "the place")
    own = product.grain_km(centre)
    scale = max(own, 2.0 * half_km / MAX_SIDE) if scale_km is None else scale_km
    # between both sides of an oblong pixel: neither much averaged nor much skipped
    times = max(int(scale / math.sqrt(own * float(product.pixel_km(centre)[1])) + 1e-6), 1)
    frame = make_patch(lambda lat, _: np.zeros((1, *lat.shape)), ("",), centre, half_km, scale, product.body)
    line, across = np.meshgrid(*[np.arange(frame.side) + 0.5] * 2, indexing="ij")
    places = frame.place_of(line, across)
    pixels = product.pixel_of(places[..., 0], places[..., 1])
    if product.goes_around:
        # what lies beyond the edge of the map is found at its other one
        pixels = product.near(pixels, float(product.pixel_of(*centre)[1]))
    values = _looked_up(product, pixels, times)
    count = len(product.bands)
    light = values[:count]
    if not np.isfinite(light).any():
        raise MeasureError(f"{product.name} holds no light around {told(centre)}: choose another place")
    sigma = values[count : 2 * count] if product.with_sigma else None
    angles = dict(zip(product.angles, values[len(values) - len(product.angles) :], strict=True))
    incidence, emission = _cosines(product, places, angles) if product.shaded else (None, None)
    return replace(
        frame, light=light, bands=product.bands, sigma=sigma, cos_incidence=incidence, cos_emission=emission,
        sun_azimuth=_sun_azimuth(product, centre),
    )  # fmt: skip


def _looked_up(product: Product, pixels: FloatArray, times: int) -> Light:
    """The layers (n, ...) of a product at pixels (..., 2), averaged over `times` x `times` of its pixels first."""
    around = product.goes_around
    with np.errstate(invalid="ignore"):
        inside = (pixels[..., 0] >= -1.0) & (pixels[..., 0] <= product.height + 1.0)
        inside &= around | ((pixels[..., 1] >= -1.0) & (pixels[..., 1] <= product.width + 1.0))
    layers = len(product.bands) * (2 if product.with_sigma else 1) + len(product.angles)
    if not inside.any():
        return np.full((layers, *pixels.shape[:-1]), np.nan, np.float32)
    low = np.floor(pixels[inside].min(axis=0)).astype(int) - 2 * times
    high = np.ceil(pixels[inside].max(axis=0)).astype(int) + 2 * times
    top, bottom = max(int(low[0]), 0), min(int(high[0]), product.height)
    left, right = int(low[1]), int(high[1])
    if not around:
        left, right = max(left, 0), min(right, product.width)
    if layers * (bottom - top) * product.width > MOST_VALUES:
        raise UsageError(
            f"{bottom - top} rows of {product.width} px and {layers} layers of {product.name} would have to be read: "
            "measure something smaller, or make a coarser map"
        )
    columns = np.arange(left, right) % product.width
    window = np.asarray(product.read(top, bottom)[:, :, columns], dtype=np.float32)
    # pixels beyond the frame are far outside of the window too: a NaN in cv2's hands is anything
    at = np.where(inside[..., None], pixels - np.array([top, left]), -9.0)
    if times > 1:
        window, at = _averaged(window, times), at / times
    return np.stack([sample(layer, at) for layer in window])


def _averaged(window: Light, times: int) -> Light:
    """Means (n, h / times, w / times) of blocks of layers; NaN where less than half of a block has data."""
    layers, height, width = window.shape
    high, wide = -(-height // times), -(-width // times)
    padded = np.full((layers, high * times, wide * times), np.nan, np.float32)
    padded[:, :height, :width] = window
    blocks = padded.reshape(layers, high, times, wide, times)
    there = np.isfinite(blocks)
    count = there.sum(axis=(2, 4))
    total = np.where(there, blocks, np.float32(0.0)).sum(axis=(2, 4))
    out = np.where(2 * count >= times * times, total / np.maximum(count, 1), np.nan)
    return out.astype(np.float32)


def _cosines(product: Product, places: FloatArray, angles: dict[str, Light]) -> tuple[Light | None, Light | None]:
    """Cosines of incidence and emission at places (..., 2): the product's own, else by Sun and camera."""
    points = point_from_centric(places[..., 0], places[..., 1], product.body.radii_km)
    upward = normal(points, product.body.radii_km)
    incidence = emission = None
    if "incidence" in angles:
        incidence = np.cos(np.radians(angles["incidence"]))
    elif product.sun is not None:
        incidence = (upward @ product.sun).astype(np.float32)
    if "emission" in angles:
        emission = np.cos(np.radians(angles["emission"]))
    elif product.camera_km is not None:
        sight = product.camera_km - points
        emission = (np.sum(upward * sight, axis=-1) / np.linalg.norm(sight, axis=-1)).astype(np.float32)
    return incidence, emission


def _sun_azimuth(product: Product, centre: Place) -> float | None:
    """Direction of the Sun along the ground, rad clockwise from north; None where it is not known."""
    if product.sun is None:
        return None
    up = normal(point_from_centric(*centre, product.body.radii_km), product.body.radii_km)
    east = np.array([-math.sin(centre[1]), math.cos(centre[1]), 0.0])
    east -= (east @ up) * up
    east /= np.linalg.norm(east)
    north = np.cross(up, east)
    return float(np.arctan2(product.sun @ east, product.sun @ north) % (2.0 * math.pi))
