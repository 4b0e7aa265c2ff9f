"""Distances, areas and craters: what the command does of `perijove measure`'s geometry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.cli.measure_request import MeasureRequest, Point
from perijove.errors import UsageError
from perijove.io.measurable import Measurable
from perijove.io.measurements import Feature
from perijove.measure.crater import Crater, fit_crater
from perijove.measure.lengths import course, polygon, way
from perijove.measure.patch import MeasureError, Patch
from perijove.measure.plane import Plane
from perijove.measure.product import Place, Product, click_sigma_km, patch_of, told
from perijove.measure.profile import RadialProfile, radial_profile
from perijove.measure.rays import Rays
from perijove.measure.rim import Rim, find_rim

FloatArray = NDArray[np.float64]

GROUND_PX = 1400
"""Pixels along a side of what is resampled for a figure or a search, at most."""
SEARCH_PX = 200.0
"""Half side of the patch in which a crater of unknown size is looked for, in the file's own pixels."""
LEAST_HALF_PX = 16.0
"""Half side of the smallest patch, in the file's own pixels."""
ACROSS_PX = 160.0
"""Pixels across a rim at most."""
COMPARED_PX = 128.0
"""Px around a seed with which a rim is compared that is not clear: rays of a small crater cover all that is nearer."""
STEPS = 65
"""Places along a leg that are drawn."""


@dataclass(frozen=True)
class Found:
    """What a measurement found: `values`, `rows` and `features` as of `io.measurements.Measurement`, its `words`.

    The rest is for its figure: where it lies, and what it is made of.
    """

    values: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    features: Sequence[Feature]
    words: Sequence[str]
    product: Product
    centre: Place
    half_km: float
    name: str | None = None
    lines: Sequence[FloatArray] = ()
    spots: Sequence[tuple[Place, str]] = ()
    patch: Patch | None = None
    crater: Crater | None = None
    rays: Rays | None = None
    profile: Any = field(default=None)

    def ground(self) -> Patch:
        """The light around it, for the figure."""
        return self.patch if self.patch is not None else look(self.product, self.centre, self.half_km)


def look(product: Product, centre: Place, half_km: float, least_km: float = 0.0) -> Patch:
    """The light around a place, at the file's own scale or, where that is large or finer than `least_km`, coarser."""
    own = product.grain_km(centre)
    half = max(half_km, LEAST_HALF_PX * own)
    return patch_of(product, centre, half, max(own, 2.0 * half / GROUND_PX, least_km))


def placed(product: Product, point: Point, what: str) -> Place:
    """The place of a point, rad. UsageError for a pixel that shows no ground, MeasureError for a place off the file."""
    if point.place_deg is not None:
        place = float(np.radians(point.place_deg[0])), float(np.radians(point.place_deg[1]))
        product.check(place, what)
        return place
    assert point.pixel is not None
    line, sample = point.pixel
    if not (0.0 <= line <= product.height and 0.0 <= sample <= product.width):
        raise UsageError(
            f"{what} {point.text} lies outside {product.name}, {product.height} lines of {product.width} px"
        )
    latitude, longitude = product.place_of(line, sample)
    if not np.isfinite(latitude):
        raise UsageError(f"{what} {point.text} shows no ground of {product.body.name}: choose another pixel")
    return float(latitude), float(longitude)


def point_values(product: Product, place: Place, sigma_km: float) -> dict[str, Any]:
    """What is told of one given place."""
    line, sample = product.pixel_of(*place)
    return {
        "latitude_deg": math.degrees(place[0]), "longitude_east_deg": math.degrees(place[1]) % 360.0,
        "line_px": float(line), "sample_px": float(sample), "sigma_km": sigma_km,
    }  # fmt: skip


def errors(product: Product, request: MeasureRequest) -> dict[str, Any]:
    """What is told of the errors that all places share."""
    return {
        "click_sigma_px": request.click_px,
        "product_place_sigma_km": product.place_sigma_km,
        "product_scale_sigma": product.scale_sigma,
    }


def middle_of(product: Product, places: FloatArray) -> tuple[Place, float]:
    """The middle of places (n, 2) and how far, km, the farthest in any direction of the plane there lies."""
    around = Plane((float(places[0, 0]), float(places[0, 1])), product.body)
    xy = around.xy_of(places[:, 0], places[:, 1])
    latitude, longitude = around.place_of(*(0.5 * (xy.min(axis=0) + xy.max(axis=0))))
    # at a pole every direction is north: the meridian of 0 is put upwards
    centre = float(latitude), float(longitude) if abs(latitude) < math.radians(89.9) else 0.0
    away = Plane(centre, product.body).xy_of(places[:, 0], places[:, 1])
    return centre, float(np.abs(away).max())


def _given(opened: Measurable, request: MeasureRequest) -> tuple[list[Place], list[float]]:
    """The points of a request and their errors, km."""
    product = opened.product
    places = [placed(product, point, f"the point {k}") for k, point in enumerate(request.points, start=1)]
    return places, [click_sigma_km(product, place, request.click_px) for place in places]


def measure_distance(opened: Measurable, request: MeasureRequest) -> Found:
    """The way through the points."""
    product = opened.product
    body = product.body
    places, sigmas = _given(opened, request)
    whole = course(body, places, sigmas, product.scale_sigma)
    rows: list[dict[str, Any]] = []
    for k, part in enumerate(whole.legs):
        single = course(body, places[k : k + 2], sigmas[k : k + 2], product.scale_sigma)
        a, b = places[k], places[k + 1]
        rows.append(
            {
                "part": f"leg {k + 1}", "from_latitude_deg": math.degrees(a[0]),
                "from_longitude_east_deg": math.degrees(a[1]) % 360.0, "to_latitude_deg": math.degrees(b[0]),
                "to_longitude_east_deg": math.degrees(b[1]) % 360.0, "azimuth_deg": math.degrees(part.azimuth),
                "length_km": part.length_km, "length_sigma_km": single.sigma_km,
            }
        )  # fmt: skip
    values = {
        "length_km": whole.length_km, "length_sigma_km": whole.sigma_km,
        "points": [point_values(product, p, s) for p, s in zip(places, sigmas, strict=True)],
        "legs": rows, **errors(product, request),
    }  # fmt: skip
    lines = [way(body, a, b, STEPS) for a, b in pairwise(places)]
    track = np.concatenate([lines[0], *(line[1:] for line in lines[1:])])
    centre, far = middle_of(product, track)
    told_line = {"name": request.name, "length_km": whole.length_km, "length_sigma_km": whole.sigma_km}
    features = [Feature("LineString", track, told_line)]
    features += [Feature("Point", np.array([p]), {"number": k}) for k, p in enumerate(places, start=1)]
    words = [f"length {with_sigma(whole.length_km, whole.sigma_km, 'km')}"]
    if len(rows) > 1:
        words += [f"{row['part']}  {with_sigma(row['length_km'], row['length_sigma_km'], 'km')}" for row in rows]
    total = {"part": "total", "length_km": whole.length_km, "length_sigma_km": whole.sigma_km}
    return Found(
        values, [*rows, total], features, words, product, centre, 1.3 * far, request.name, lines,
        [(place, str(k)) for k, place in enumerate(places, start=1)],
    )  # fmt: skip


def measure_area(opened: Measurable, request: MeasureRequest) -> Found:
    """The area within the points."""
    product = opened.product
    body = product.body
    places, sigmas = _given(opened, request)
    found = polygon(body, places, sigmas, product.scale_sigma)
    numbers = {
        "area_km2": found.area_km2, "area_sigma_km2": found.sigma_km2, "perimeter_km": found.perimeter_km,
        "perimeter_sigma_km": found.perimeter_sigma_km,
    }  # fmt: skip
    corners = [point_values(product, p, s) for p, s in zip(places, sigmas, strict=True)]
    values = {**numbers, "points": corners, **errors(product, request)}
    lines = [way(body, a, b, STEPS) for a, b in zip(places, [*places[1:], places[0]], strict=True) if a != b]
    ring = np.concatenate([line[:-1] for line in lines] + [lines[0][:1]])
    centre, far = middle_of(product, ring)
    words = [
        f"area      {with_sigma(found.area_km2, found.sigma_km2, 'km2')}",
        f"perimeter {with_sigma(found.perimeter_km, found.perimeter_sigma_km, 'km')}",
    ]
    return Found(
        values, [{**numbers, "corners": len(places)}], [Feature("Polygon", ring, {"name": request.name, **numbers})],
        words, product, centre, 1.3 * far, request.name, lines,
        [(place, str(k)) for k, place in enumerate(places, start=1)],
    )  # fmt: skip


def measure_crater(opened: Measurable, request: MeasureRequest) -> Found:
    """A crater by points on its rim, or by a rim that is found."""
    product = opened.product
    if request.shape not in (None, "circle", "ellipse"):
        raise UsageError(f"--shape {request.shape} is no outline: give circle or ellipse")
    shape: Any = request.shape
    if request.seed is None:
        places, sigmas = _given(opened, request)
        crater = fit_crater(places, product.body, sigma_km=float(np.mean(sigmas)) or None, shape=shape)
        rim, points, how = None, np.array(places), "points on its rim"
    else:
        rim = searched(product, request)
        crater, points, how = rim.crater, rim.places, "a rim found from a seed"
    numbers = crater_values(product, crater)
    values: dict[str, Any] = {**numbers, "by": how, **errors(product, request)}
    if rim is not None:
        values["rim"] = rim_values(product, rim)
    else:
        values["points"] = [point_values(product, p, s) for p, s in zip(places, sigmas, strict=True)]
    row = {"name": request.name, **numbers}
    if rim is not None:
        row |= {f"rim_{key}": value for key, value in rim_values(product, rim).items()}
    half = 3.2 * crater.radius_km * max(math.sqrt(crater.ellipticity), 1.0)
    return Found(
        values, [row], crater_features(crater, request.name, numbers, points), crater_words(product, crater, rim),
        product, crater.centre, half, request.name, crater=crater, profile=around(product, crater, half),
        spots=[] if request.seed is not None else [((float(p[0]), float(p[1])), "") for p in points],
    )  # fmt: skip


def searched(product: Product, request: MeasureRequest) -> Rim:
    """The rim about the seed of a request. UsageError where lines and names are drawn over the light."""
    assert request.seed is not None
    seed = placed(product, request.seed, "the seed")
    if product.drawn_over:
        raise UsageError(f"{product.name} has lines and names drawn on it: make it without --annotate to find a rim")
    own, wide, radius = product.grain_km(seed), request.diameter_km, min(product.body.radii_km)
    if wide is not None and wide > radius:
        raise UsageError(
            f"--diameter {wide:g} km is more than the radius of {product.body.name.capitalize()} ({product.name}): "
            "give that of the crater in km"
        )
    half = SEARCH_PX * own if wide is None else max(min(3.2 * wide, 1.5 * radius), LEAST_HALF_PX * own)
    # a wide rim is told as well by a coarser picture, and in no more time than any other
    least = 0.0 if wide is None else wide / ACROSS_PX
    band = band_of(product, request.band)
    shape: Any = request.shape

    def find(half_km: float) -> Rim:
        return find_rim(look(product, seed, half_km, least), seed, wide, band=band, shape=shape)

    try:
        try:
            return find(half)
        except MeasureError:
            if half >= COMPARED_PX * own:
                raise
        return find(COMPARED_PX * own)
    except MeasureError as error:
        told_file = str(error) if product.name in str(error) else f"{product.name}: {error}"
        raise MeasureError(told_file) from None


def band_of(product: Product, name: str | None) -> str | None:
    """The file's own name of a band, in any case. UsageError for one that it does not have."""
    if name is None:
        return None
    found = next((band for band in product.bands if band.lower() == name.strip().lower()), None)
    if found is None:
        raise UsageError(f"--band {name[:40]} is not in {product.name}: give one of {', '.join(product.bands).lower()}")
    return found


def around(product: Product, crater: Crater, half_km: float) -> RadialProfile | None:
    """Brightness around a crater for its figure; None where light is not measured, or the crater too near an edge."""
    if not product.linear or product.drawn_over:
        return None
    try:
        return radial_profile(look(product, crater.centre, half_km), crater.centre, crater.radius_km)
    except (UsageError, MeasureError):
        return None


def crater_values(product: Product, crater: Crater) -> dict[str, Any]:
    """The numbers of a crater; the sigmas of its size hold that of the product's scale, those of
    latitude and longitude that of the product's places."""
    wide = float(np.hypot(crater.diameter_sigma_km, product.scale_sigma * crater.diameter_km))
    aside = [crater.east_sigma_km, crater.north_sigma_km]
    with_place = [float(np.hypot(v, product.place_sigma_km)) for v in aside]
    degree = math.radians(1.0) * float(np.linalg.norm(crater.body.radii_km)) / math.sqrt(3.0)
    return {
        "latitude_deg": math.degrees(crater.latitude),
        "longitude_east_deg": math.degrees(crater.longitude) % 360.0,
        "latitude_sigma_deg": with_place[1] / degree,
        "longitude_sigma_deg": with_place[0] / degree / max(math.cos(crater.latitude), 1e-6),
        "east_sigma_km": aside[0], "north_sigma_km": aside[1],
        "east_sigma_with_place_km": with_place[0], "north_sigma_with_place_km": with_place[1],
        "diameter_km": crater.diameter_km, "diameter_sigma_km": wide,
        "ellipticity": crater.ellipticity, "ellipticity_sigma": crater.ellipticity_sigma,
        "long_axis_azimuth_deg": math.degrees(crater.orientation),
        "long_axis_azimuth_sigma_deg": math.degrees(crater.orientation_sigma),
        "shape": crater.shape, "rim_points": crater.points, "rim_rms_km": crater.rms_km,
    }  # fmt: skip


def rim_values(product: Product, rim: Rim) -> dict[str, Any]:
    """What is told of how well a rim was found; its contrast only where light is measured."""
    return {
        "quality": rim.quality, "completeness": rim.completeness, "significance": rim.significance,
        "contrast": rim.contrast if product.linear else math.nan, "shaded": rim.shaded,
    }  # fmt: skip


def crater_features(crater: Crater, name: str | None, numbers: Mapping[str, Any], points: FloatArray) -> list[Feature]:
    """A crater's outline, its centre, and the points of its rim."""
    return [
        Feature("Polygon", crater.outline(), {"name": name, "part": "rim", **numbers}),
        Feature("Point", np.array([crater.centre]), {"name": name, "part": "centre", **numbers}),
        *(Feature("Point", np.array([point]), {"part": "rim point"}) for point in points),
    ]


def crater_words(product: Product, crater: Crater, rim: Rim | None) -> list[str]:
    """A crater in a few lines."""
    wide = float(np.hypot(crater.diameter_sigma_km, product.scale_sigma * crater.diameter_km))
    lines = [
        f"centre    {told(crater.centre)} (planetocentric), within {_km(crater.east_sigma_km)} east, "
        f"{_km(crater.north_sigma_km)} north; the places of the file within {_km(product.place_sigma_km)}",
        f"diameter  {with_sigma(crater.diameter_km, wide, 'km')} by {crater.points} points of its "
        f"rim{f', {_km(crater.rms_km)} rms' if crater.points > 3 else ''}",
    ]
    if crater.shape == "ellipse":
        lines.append(
            f"ellipse   axes {with_sigma(crater.ellipticity, crater.ellipticity_sigma, 'to 1')}, the long one towards "
            f"{with_sigma(math.degrees(crater.orientation), math.degrees(crater.orientation_sigma), 'deg')}"
        )
    if rim is not None:
        lines.append(
            f"rim       {rim.quality}: seen over {100.0 * rim.completeness:.0f} % of the way round, "
            f"{rim.significance:.1f} sigma above its surroundings"
        )
    return lines


def _km(value: float) -> str:
    return f"{value:.2g} km" if math.isfinite(value) else "an unknown error"


def with_sigma(value: float, sigma: float, unit: str) -> str:
    """A number and its error with the digits that the error leaves, as 94.1 +- 1.3 km."""
    behind = f" {unit}" if unit else " "
    if not (math.isfinite(sigma) and sigma > 0.0):
        return f"{value:.6g}{behind}"
    digits = min(max(1 - math.floor(math.log10(sigma)), 0), 9)
    return f"{value:.{digits}f} +- {sigma:.{digits}f}{behind}"
