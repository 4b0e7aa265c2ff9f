"""Maps of real strips against each other and against Jupiter's winds: the figures on maps of docs/accuracy.md.

Maps strips of perijoves 43 and 44 from the folder that PERIJOVE_DATA names (default ../shared/data) as `perijove map`
does, and prints: how far the same clouds lie apart in latitude on maps of two strips ten minutes apart; how they have
moved in longitude, beside the zonal winds of HST (Tollefson et al. 2017, 10.1016/j.icarus.2017.06.007); and how far
maps of one strip in two projections lie apart once one is warped onto the other: by GDAL through rasterio, which takes
projections as straight along pieces of a line, up to an eighth of a pixel, and exactly, place by place. Clouds are
matched by least squares on the maps' relative detail. Pixels are the camera's unless a map's are meant, and said so.

    python benchmarks/real_maps.py
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject, transform
from scipy.ndimage import gaussian_filter1d, map_coordinates, spline_filter

from perijove.attitude.ties import detail
from perijove.bodies import JUPITER
from perijove.cli.map import run_map
from perijove.cli.map_request import Longitudes, MapRequest, ProjectionName, parse_bounds
from perijove.cli.recipe_option import load_recipe
from perijove.geometry.ellipsoid import normal, point_from_centric

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

DATA = Path(os.environ.get("PERIJOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
FIRST, SECOND = "pj44/JNCE_2022229_44C00029_V01-raw.png", "pj44/JNCE_2022229_44C00030_V01-raw.png"
SOUTH, OTHER_SOUTH = "pj44/JNCE_2022229_44C00074_V01-raw.png", "pj43/JNCE_2022186_43C00078_V01-raw.png"
WINDS = "winds/JunoMWR_beltzone_hubblewinds2017_tollefson.txt"
COLOURS = ("RED", "GREEN", "BLUE")
GEOMETRY = ("latitude", "longitude", "incidence", "emission", "range", "resolution", "spacecraft_azimuth", "time")
COMMON = "-5,0,70,78"
"""Bounds that hold the ground in daylight of both strips."""
MOST_EMISSION, MOST_INCIDENCE = 70.0, 78.0
NARROW, WIDE = 7.0, 20.0
"""Standard deviations of a patch's Gaussian window along latitude and longitude, map px: winds shear with latitude."""
LEAST_CORRELATION = 0.7
BIN_DEG = 1.0
LEAST_IN_BIN = 8
MOST_SIGMA = 10.0
"""Bins of latitude that count: their width, clouds, and standard error in m/s."""
ROUNDS = 15


@dataclass(frozen=True)
class Drawn:
    """A map read from its file: layers by name, pixels to metres, how its CRS says it, and its epoch."""

    layers: dict[str, Plane]
    transform: Affine
    crs: CRS
    epoch: datetime

    @property
    def scale_km(self) -> float:
        """Side of a pixel."""
        return float(self.transform.a) / 1000.0


def mapped(
    folder: Path,
    *strips: str,
    data: Path = DATA,
    backplanes: Sequence[str] = (),
    bounds: str | None = None,
    projection: ProjectionName = ProjectionName.EQUIRECTANGULAR,
    photometry: str = "none",
    scale_km: float | None = None,
) -> list[Drawn]:
    """Map strips of one pass into a folder as `perijove map --recipe linear` does, and read the maps."""
    folder.mkdir(parents=True, exist_ok=True)
    run_map(
        MapRequest(
            strips=tuple(data / strip for strip in strips), output=folder, recipe=load_recipe("linear"),
            projection=projection,
            bounds_deg=None if bounds is None else parse_bounds(bounds, Longitudes.EAST),
            scale_km=scale_km,
            backplanes=tuple(backplanes), photometry=photometry, quiet=True, overwrite=True,
        )
    )  # fmt: skip
    return [read_map(folder / f"{Path(strip).name.removesuffix('-raw.png')}.tif") for strip in strips]


def read_map(path: Path) -> Drawn:
    """A map with all its layers; the epoch is that of its sidecar."""
    parameters = json.loads(path.with_name(path.name + ".json").read_text())["parameters"]
    with rasterio.open(path) as file:
        layers = dict(zip(file.descriptions, file.read(), strict=True))
        return Drawn(layers, file.transform, file.crs, datetime.fromisoformat(parameters["epoch_utc"]))


@dataclass(frozen=True)
class Shifts:
    """Patches matched in two pictures: centre (n, 2) as (line, sample), shift (n, 2) of the second against the first,
    and their correlation (n,) once it is taken back."""

    centre: NDArray[np.int64]
    shift: FloatArray
    correlation: FloatArray


def register(
    first: Plane, second: Plane, usable: Mask, *, narrow: float = NARROW, wide: float = WIDE, apart: float = 1.0
) -> Shifts:
    """Match two pictures (h, w) patch by patch where all of a patch is `usable`, by least squares.

    Each picture is moved by half of the shift, in cubic splines, until the rest is below a thousandth of a pixel:
    neither the window nor the interpolation draws the result to anywhere. Patches stand `apart` sigmas from each other.
    """
    one, two = (spline_filter(detail(p).astype(float), 3) for p in (first, second))
    reach = round(2.2 * narrow), round(2.2 * wide)
    lines, samples = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1].astype(float)
    window = np.exp(-0.5 * ((lines / narrow) ** 2 + (samples / wide) ** 2))
    window /= window.sum()
    margin = reach[0] + 4, reach[1] + 6
    free = cv2.erode(
        usable.astype(np.uint8), np.ones((2 * margin[0] + 1, 2 * margin[1] + 1), np.uint8), borderValue=0
    )  # fmt: skip
    rows = range(margin[0], first.shape[0] - margin[0], max(round(apart * narrow), 1))
    columns = range(margin[1], first.shape[1] - margin[1], max(round(apart * wide), 1))
    found = []
    for i in rows:
        for j in columns:
            if free[i, j]:
                shift, correlation = least_squares_shift(one, two, lines + i, samples + j, window)
                found.append((i, j, *shift, correlation))
    table = np.array(found).reshape(-1, 5)
    table = table[np.isfinite(table).all(axis=1)]
    return Shifts(table[:, :2].astype(np.int64), table[:, 2:4], table[:, 4])


def least_squares_shift(
    one: FloatArray, two: FloatArray, lines: FloatArray, samples: FloatArray, window: FloatArray
) -> tuple[FloatArray, float]:
    """Shift (2,) of a patch of spline coefficients `two` against `one`, and the correlation; NaN for none."""
    shift, correlation = np.zeros(2), float("nan")
    for _ in range(ROUNDS):
        a, b = (
            map_coordinates(c, [lines + s * shift[0] / 2, samples + s * shift[1] / 2], order=3, prefilter=False)
            for c, s in ((one, -1.0), (two, 1.0))
        )
        a, b = a - np.sum(window * a), b - np.sum(window * b)
        norms = np.sqrt(np.sum(window * a * a)), np.sqrt(np.sum(window * b * b))
        if min(norms) == 0.0:
            break
        a, b = a / norms[0], b / norms[1]
        correlation = float(np.sum(window * a * b))
        slopes = np.gradient(0.5 * (a + b))
        matrix = np.array([[np.sum(window * p * q) for q in slopes] for p in slopes])
        if np.linalg.cond(matrix) > 1e6:
            break
        step = np.linalg.solve(matrix, [np.sum(window * p * (a - b)) for p in slopes])
        shift = shift + step
        if np.abs(shift).max() > 6.0:
            break
        if np.abs(step).max() < 1e-3:
            return shift, correlation
    return np.full(2, np.nan), float("nan")


@dataclass(frozen=True)
class Drift:
    """Clouds matched on maps of two strips.

    `latitude` is planetographic (n,) deg; `north`, `east` (n,) native px how far the second strip has them from the
    first; `px_km` (n,) a native px; `seconds` (n,) between the two; `zonal` (n,) native px by the table of winds, NaN
    where it has none;
    `turned` (n, 2, 3) the east and north (native px) by which a turn of the camera of one native px moves them: along
    the ground's east and north in the middle of the field, and about the line of sight there.
    """

    latitude: FloatArray
    north: FloatArray
    east: FloatArray
    px_km: FloatArray
    seconds: FloatArray
    zonal: FloatArray
    turned: FloatArray

    def __len__(self) -> int:
        return len(self.north)

    @property
    def per_px(self) -> FloatArray:
        """Metres a second (n,) of one native px."""
        return 1000.0 * self.px_km / self.seconds


def wind_table(data: Path = DATA) -> FloatArray:
    """HST's zonal wind (n, 2), planetographic latitude deg and m/s eastward, where it was measured."""
    table = np.loadtxt(data / WINDS)
    return np.asarray(table[table[:, 3] > 0, :2], dtype=float)


def common_ground(first: Drawn, second: Drawn) -> Mask:
    """Where both maps have light of ground that is neither seen nor lit too flatly."""
    good = np.ones(first.layers["latitude"].shape, bool)
    for drawn in (first, second):
        good &= np.isfinite([drawn.layers[band] for band in COLOURS if band in drawn.layers]).all(axis=0)
        good &= (drawn.layers["emission"] < MOST_EMISSION) & (drawn.layers["incidence"] < MOST_INCIDENCE)
    return good


def light_of(drawn: Drawn, bands: Sequence[str]) -> Plane:
    """Sum of the light of some colours."""
    out: Plane = np.sum([drawn.layers[band] for band in bands], axis=0)
    return out


def drift(first: Drawn, second: Drawn, winds: FloatArray, bands: Sequence[str] = COLOURS, apart: float = 1.0) -> Drift:
    """Match the clouds of two equirectangular maps on one grid, made with `GEOMETRY`, in the sum of some colours."""
    found = register(light_of(first, bands), light_of(second, bands), common_ground(first, second), apart=apart)
    good = found.correlation > LEAST_CORRELATION
    place, shift = tuple(found.centre[good].T), found.shift[good]
    a, b = ({n: v[place].astype(float) for n, v in m.layers.items() if n not in COLOURS} for m in (first, second))
    latitude, longitude = np.radians(a["latitude"]), np.radians(a["longitude"])
    point = point_from_centric(latitude, longitude, JUPITER.radii_km)
    up = normal(point, JUPITER.radii_km)
    px_km = 0.5 * (a["resolution"] + b["resolution"])
    angle = first.scale_km / JUPITER.radii_km[0]
    # planetocentric latitude is an angle at the centre: the ground slopes against the arc about it
    radius = np.linalg.norm(point, axis=1)
    north = -shift[:, 0] * angle * radius / np.sum(up * point / radius[:, None], axis=1)
    east = shift[:, 1] * angle * np.hypot(point[:, 0], point[:, 1])
    times = "GREEN time" if "GREEN" in bands else f"{bands[0]} time"
    seconds = (second.epoch - first.epoch).total_seconds() + b[times] - a[times]
    graphic = np.degrees(np.arcsin(up[:, 2]))
    zonal = table_wind(winds, graphic, np.degrees(angle)) * seconds / 1000.0
    turned = turns(up, longitude, b, px_km)
    return Drift(graphic, north / px_km, east / px_km, px_km, seconds, zonal / px_km, turned)


def table_wind(winds: FloatArray, latitude: FloatArray, px_deg: float) -> FloatArray:
    """The table's wind (n,) m/s as patches see it, averaged along latitude by their window; NaN beyond the table."""
    spacing = float(np.median(np.diff(winds[:, 0])))
    seen = gaussian_filter1d(winds[:, 1], NARROW * px_deg / spacing)
    return np.asarray(np.interp(latitude, winds[:, 0], seen, left=np.nan, right=np.nan), dtype=float)


def turns(up: FloatArray, longitude: FloatArray, seen: dict[str, FloatArray], px_km: FloatArray) -> FloatArray:
    """`Drift.turned` from the backplanes of a map: where its camera stood, as seen from each place."""
    east = np.stack([-np.sin(longitude), np.cos(longitude), np.zeros_like(longitude)], axis=-1)
    north = np.cross(up, east)
    emission, azimuth = np.radians(seen["emission"]), np.radians(seen["spacecraft_azimuth"])
    flat = np.cos(azimuth)[:, None] * north + np.sin(azimuth)[:, None] * east
    sight = -seen["range"][:, None] * (np.cos(emission)[:, None] * up + np.sin(emission)[:, None] * flat)
    look = sight.mean(axis=0) / np.linalg.norm(sight.mean(axis=0))
    # across the line of sight, east and north of the middle
    across = east.mean(axis=0) - look * (east.mean(axis=0) @ look)
    across /= np.linalg.norm(across)
    along = np.cross(look, across)
    along *= np.sign(along @ north.mean(axis=0))
    out = np.empty((len(up), 2, 3))
    pixel = float(np.median(px_km / seen["range"]))
    for k, axis in enumerate((np.cross(look, across), np.cross(look, along), look)):
        swing = np.cross(axis, sight)
        slide = swing - sight * (np.sum(up * swing, axis=1) / np.sum(up * sight, axis=1))[:, None]
        out[:, 0, k] = np.sum(slide * east, axis=1) * pixel / px_km
        out[:, 1, k] = np.sum(slide * north, axis=1) * pixel / px_km
    return out


@dataclass(frozen=True)
class Pointing:
    """By how many native px one strip is turned against the other: `turn` (3,) as in `Drift.turned`, standard errors
    `sigma` (3,), and the clouds' `east` and `north` (n,) native px without it."""

    turn: FloatArray
    sigma: FloatArray
    east: FloatArray
    north: FloatArray


def pointing_error(found: Drift) -> Pointing:
    """The turn that best explains what the table of winds does not, robustly."""
    design = np.concatenate([found.turned[:, 0], found.turned[:, 1]])
    seen = np.concatenate([found.east - found.zonal, found.north])
    known = np.isfinite(seen)
    design, seen = design[known], seen[known]
    weight, turn, spread = np.ones(len(seen)), np.zeros(3), 1.0
    for _ in range(ROUNDS):
        turn = np.linalg.lstsq(design * weight[:, None], seen * weight, rcond=None)[0]
        rest = seen - design @ turn
        spread = 1.4826 * float(np.median(np.abs(rest)))
        weight = 1.0 / np.sqrt(1.0 + (rest / (2.0 * spread)) ** 2)
    weighted = design * weight[:, None]
    # patches overlap: about three tell what one does
    sigma = np.sqrt(3.0 * np.diag(np.linalg.inv(weighted.T @ weighted))) * spread
    return Pointing(turn, sigma, found.east - found.turned[:, 0] @ turn, found.north - found.turned[:, 1] @ turn)


@dataclass(frozen=True)
class Winds:
    """Zonal wind by bins of latitude: planetographic latitude (n,) deg, wind, its sigma and the table's (n,) m/s."""

    latitude: FloatArray
    wind: FloatArray
    sigma: FloatArray
    table: FloatArray
    count: NDArray[np.int64]

    @property
    def correlation(self) -> float:
        """Between measured wind and table."""
        return float(np.corrcoef(self.wind, self.table)[0, 1])

    @property
    def slope(self) -> float:
        """Measured wind a wind of the table."""
        return float(np.polyfit(self.table, self.wind, 1)[0])

    @property
    def offset(self) -> float:
        """Mean of measured wind minus table, m/s."""
        return float(np.mean(self.wind - self.table))

    @property
    def rms(self) -> float:
        """Of measured wind minus table about their mean difference, m/s."""
        return float(np.std(self.wind - self.table))


def winds_of(found: Drift, east: FloatArray) -> Winds:
    """Medians of the wind by bins of latitude, from the way east (n,) native px of each cloud, for bins known well."""
    wind, table = east * found.per_px, found.zonal * found.per_px
    rows = []
    for low in np.arange(-90.0, 90.0, BIN_DEG):
        inside = (found.latitude >= low) & (found.latitude < low + BIN_DEG) & np.isfinite(table)
        if inside.sum() < LEAST_IN_BIN:
            continue
        middle = float(np.median(wind[inside]))
        # of a median, from the median deviation
        sigma = 1.2533 * 1.4826 * float(np.median(np.abs(wind[inside] - middle))) / np.sqrt(inside.sum())
        if sigma > MOST_SIGMA:
            continue
        rows.append((low + BIN_DEG / 2, middle, sigma, float(np.median(table[inside])), int(inside.sum())))
    latitude, middles, sigmas, tables, counts = np.array(rows).reshape(-1, 5).T
    return Winds(latitude, middles, sigmas, tables, counts.astype(np.int64))


@dataclass(frozen=True)
class Warped:
    """Two maps of one strip, one warped onto the other: patches, the median `length` of their shifts and its 95th
    percentile, the mean shift (2,), all in px of the map, and the light's median ratio and median departure from it."""

    count: int
    length: float
    p95: float
    mean: FloatArray
    ratio: float
    departure: float


def warp_onto(grid: Drawn, other: Drawn, band: str) -> Plane:
    """A layer of `other` on the grid of another map, by GDAL's cubic warp; NaN where there is none."""
    out = np.full(grid.layers[band].shape, np.nan, np.float32)
    reproject(
        other.layers[band], out, src_transform=other.transform, src_crs=other.crs, src_nodata=np.nan,
        dst_transform=grid.transform, dst_crs=grid.crs, dst_nodata=np.nan, resampling=Resampling.cubic,
    )  # fmt: skip
    return out


def warp_exactly(grid: Drawn, other: Drawn, band: str) -> Plane:
    """The same by cubic splines, each pixel's place transformed by itself."""
    height, width = grid.layers[band].shape
    step, own = grid.transform, other.transform
    x, y = np.meshgrid(step.c + step.a * (np.arange(width) + 0.5), step.f + step.e * (np.arange(height) + 0.5))
    there = np.array(transform(grid.crs, other.crs, x.ravel(), y.ravel())).reshape(2, height, width)
    sample, line = (there[0] - own.c) / own.a, (there[1] - own.f) / own.e
    source = other.layers[band]
    known = np.isfinite(source)
    filled = spline_filter(np.where(known, source, 0.0).astype(float), 3)
    out = map_coordinates(filled, [line - 0.5, sample - 0.5], order=3, prefilter=False)
    share = map_coordinates(known.astype(float), [line - 0.5, sample - 0.5], order=1)
    return np.where(share > 0.999, out, np.nan).astype(np.float32)


def compare_warped(grid: Drawn, warped: Plane, band: str = "GREEN") -> Warped:
    """How far a warped map lies from one that was made on the grid, of ground neither seen nor lit too flatly."""
    own = grid.layers[band]
    usable = np.isfinite(own) & np.isfinite(warped)
    usable &= (grid.layers["emission"] < MOST_EMISSION) & (grid.layers["incidence"] < MOST_INCIDENCE)
    found = register(own, warped, usable, narrow=12.0, wide=12.0, apart=2.0)
    good = found.correlation > LEAST_CORRELATION
    length = np.linalg.norm(found.shift[good], axis=1)
    ratio = warped[usable] / own[usable]
    middle = float(np.median(ratio))
    return Warped(
        int(good.sum()), float(np.median(length)), float(np.percentile(length, 95)), found.shift[good].mean(axis=0),
        middle, float(np.median(np.abs(ratio - middle))),
    )  # fmt: skip


def say_drift(title: str, found: Drift) -> None:
    """Lines on matched clouds and winds."""
    pointing = pointing_error(found)
    length = np.abs(found.north)
    print(
        f"{title:12s} {len(found):4d} clouds  latitude: median {np.median(length):.3f} px, "
        f"95 % {np.percentile(length, 95):.3f}, mean {found.north.mean():+.3f};  "
        f"pointing: east {pointing.turn[0]:+.3f} north {pointing.turn[1]:+.3f} px "
        f"twist {pointing.turn[2]:+.2f} mpx/px (sigma {' '.join(f'{v:.3f}' for v in pointing.sigma)})"
    )
    known = np.isfinite(found.zonal)
    single = np.corrcoef(found.east[known], found.zonal[known])[0, 1]
    for name, east in (("as mapped", found.east), ("turned", pointing.east)):
        winds = winds_of(found, east)
        print(
            f"{'':12s} winds {name}: {len(winds.wind)} bins of {BIN_DEG:g} deg, "
            f"sigma {np.median(winds.sigma):.1f} m/s: correlation {winds.correlation:.3f} "
            f"(single clouds {single:.3f}), slope {winds.slope:.2f}, "
            f"offset {winds.offset:+.1f} m/s, rms {winds.rms:.1f} m/s"
        )


def say_winds(winds: Winds) -> None:
    """The wind by latitude beside the table."""
    print("latitude (planetographic), clouds, wind, sigma, table (m/s)")
    for row in zip(winds.latitude, winds.count, winds.wind, winds.sigma, winds.table, strict=True):
        print("{:6.1f} {:4d} {:7.1f} {:5.1f} {:7.1f}".format(*row))


def say_warped(title: str, found: Warped) -> None:
    """One line on two projections."""
    print(
        f"{title:46s} {found.count:4d} patches  shift median {found.length:.4f} px, 95 % {found.p95:.4f}, "
        f"mean ({found.mean[0]:+.4f}, {found.mean[1]:+.4f});  light {found.ratio:.5f}, departures {found.departure:.5f}"
    )


def main() -> None:
    """Print all tables."""
    if not DATA.is_dir():
        print(f"no real strips at {DATA}: set PERIJOVE_DATA to the folder that holds them")
        return
    winds = wind_table()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for photometry in ("none", "minnaert"):
            first, second = mapped(
                folder / photometry, FIRST, SECOND, backplanes=GEOMETRY, bounds=COMMON, photometry=photometry
            )
            print(f"44C00029 and 44C00030, {first.scale_km:.2f} km/px, photometry {photometry}")
            for bands in (COLOURS, *((band,) for band in COLOURS)):
                found = drift(first, second, winds, bands)
                say_drift("+".join(bands).lower() if len(bands) == 1 else "all colours", found)
                if bands == COLOURS and photometry == "none":
                    best = winds_of(found, pointing_error(found).east)
        say_winds(best)
        cases = (
            (FIRST, ProjectionName.POLAR_NORTH, "-5,0,70,78", "-180,30,180,90"),
            (SOUTH, ProjectionName.POLAR_SOUTH, None, "-180,-90,180,-30"),
            (OTHER_SOUTH, ProjectionName.POLAR_SOUTH, None, "-180,-90,180,-30"),
        )
        for strip, projection, bounds, polar_bounds in cases:
            name = Path(strip).name[13:21]
            planes = ("emission", "incidence")
            flat = mapped(folder / "flat", strip, backplanes=planes, bounds=bounds)[0]
            polar = mapped(
                folder / "polar", strip, backplanes=planes, bounds=polar_bounds, projection=projection,
                scale_km=flat.scale_km,
            )[0]  # fmt: skip
            onto = ((flat, polar, "polar onto equirectangular"), (polar, flat, "equirectangular onto polar"))
            for way, warp in (("GDAL", warp_onto), ("exactly", warp_exactly)):
                for grid, other, said in onto:
                    say_warped(f"{name} {said}, {way}", compare_warped(grid, warp(grid, other, "GREEN")))


if __name__ == "__main__":
    main()
