"""Profiles and rays: what the command does of `perijove measure`'s brightness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.cli.measure_ground import (
    LEAST_HALF_PX,
    Found,
    crater_features,
    crater_values,
    look,
    middle_of,
    placed,
    searched,
    with_sigma,
)
from perijove.cli.measure_request import MeasureRequest
from perijove.errors import UsageError
from perijove.io.measurable import Measurable
from perijove.io.measurements import Feature
from perijove.measure.patch import MeasureError
from perijove.measure.plane import Plane
from perijove.measure.product import Place, Product, told
from perijove.measure.profile import LineProfile, RadialProfile, line_profile, radial_profile
from perijove.measure.rays import BandRays, Rays, measure_rays

FloatArray = NDArray[np.float64]

PROFILE_REACH = 3.0
RAYS_INNER = 1.4
"""Crater radii at which rays begin: within is the rim."""
CONTROLS = 3.0
"""How many times as far as the rays the ground around is looked at, to tell what it does without rays."""
AROUND, WIDEST = 40.0, 0.5
"""Crater radii that are looked at where no reach is given, at most this share of the body's radius: farther off the
ground is lit otherwise."""
RING_STEPS = 181


def check_light(product: Product) -> None:
    """UsageError for a file whose brightness is none of the ground's."""
    remedy = "make a map or picture with `--recipe linear -o FILE.tif`"
    if not product.bands:
        raise UsageError(f"{product.name} holds no light: {remedy}")
    if not product.linear:
        raise UsageError(
            f"the light of {product.name} was stretched for the eye and cannot be compared: {remedy} and measure there"
        )
    if product.drawn_over:
        raise UsageError(f"{product.name} has lines and names drawn on it: make it without --annotate")


def measure_profile(opened: Measurable, request: MeasureRequest) -> Found:
    """Brightness around a centre, or along a line."""
    check_light(opened.product)
    return _radial(opened.product, request) if request.centre is not None else _along(opened.product, request)


def _radial(product: Product, request: MeasureRequest) -> Found:
    assert request.centre is not None
    assert request.radius_km is not None
    centre = placed(product, request.centre, "the centre")
    reach = PROFILE_REACH if request.reach is None else request.reach
    far = reach * request.radius_km
    patch = look(product, centre, 1.06 * far + 2.0 * float(product.pixel_km(centre)[1]))
    step = max(0.1, patch.scale_km / request.radius_km)
    edges = np.linspace(0.0, reach, max(round(reach / step), 1) + 1)

    def rings(sectors: int) -> RadialProfile:
        return radial_profile(patch, centre, request.radius_km or 1.0, edges_radii=edges, sectors=sectors)

    found, whole = rings(request.sectors), rings(1)
    if not np.isfinite(whole.mean).any():
        raise MeasureError(f"{product.name} holds no light around {told(centre)}: choose another centre")
    rows = radial_rows(found)
    values = {
        "kind": "radial", **_centre_values(centre), "radius_km": request.radius_km, "light_unit": "I/F",
        "bands": list(found.bands), "rings": rows,
    }  # fmt: skip
    circles = [circle(product, centre, r) for r in (request.radius_km, far)]
    features = [
        Feature("Point", np.array([centre]), {"name": request.name, "part": "centre"}),
        Feature("Polygon", circles[0], {"part": "radius", "radius_km": request.radius_km}),
        Feature("Polygon", circles[1], {"part": "outermost ring", "radius_km": far}),
    ]
    words = [f"{len(edges) - 1} rings out to {far:.4g} km around {told(centre)}"]
    return Found(
        values, rows, features, [*words, *_levels(whole)], product, centre, patch.half_km, request.name, [circles[0]],
        patch=patch, profile=whole,
    )  # fmt: skip


def radial_rows(found: RadialProfile) -> list[dict[str, Any]]:
    """A radial profile as rows, one for each filter, sector and ring."""
    rows = []
    for b, band in enumerate(found.bands):
        for s in range(len(found.sectors) - 1):
            for k in range(len(found.edges_km) - 1):
                rows.append(
                    {
                        "band": band, "inner_km": found.edges_km[k], "outer_km": found.edges_km[k + 1],
                        "inner_radii": found.edges_radii[k], "outer_radii": found.edges_radii[k + 1],
                        "from_azimuth_deg": math.degrees(found.sectors[s]) % 360.0,
                        "to_azimuth_deg": math.degrees(found.sectors[s + 1]) % 360.0,
                        "mean_i_over_f": found.mean[b, s, k], "sigma_of_mean_i_over_f": found.sigma[b, s, k],
                        "median_i_over_f": found.median[b, s, k], "scatter_i_over_f": found.scatter[b, s, k],
                        "pixels": int(found.count[s, k]),
                    }
                )  # fmt: skip
    return rows


def _levels(found: RadialProfile) -> list[str]:
    """Brightness inside and around the radius, a line for each filter."""
    middle = 0.5 * (found.edges_radii[1:] + found.edges_radii[:-1])
    out = []
    for b, band in enumerate(found.bands):
        mean = found.mean[b].mean(axis=0)
        inside, outside = mean[middle < 1.0], mean[(middle > 1.0) & (middle < 3.0)]
        if np.isfinite(inside).any() and np.isfinite(outside).any():
            out.append(
                f"{band.lower():8}  I/F {np.nanmean(inside):.4f} within the radius, {np.nanmean(outside):.4f} around it"
            )
    return out


def _along(product: Product, request: MeasureRequest) -> Found:
    assert request.start is not None
    assert request.end is not None
    start, end = placed(product, request.start, "--from"), placed(product, request.end, "--to")
    centre, far = middle_of(product, np.array([start, end]))
    patch = look(product, centre, 1.25 * far + request.width_km)
    found = line_profile(patch, start, end, width_km=request.width_km)
    if not np.isfinite(found.light).any():
        raise MeasureError(f"{product.name} holds no light along the line: choose other ends")
    rows = line_rows(found)
    length = float(found.distance_km[-1])
    values = {
        "kind": "line", "from": _centre_values(start), "to": _centre_values(end), "length_km": length,
        "width_km": found.width_km, "light_unit": "I/F", "bands": list(found.bands), "samples": rows,
    }  # fmt: skip
    features = [Feature("LineString", found.places, {"name": request.name, "length_km": length})]
    words = [f"{len(rows)} samples along {length:.5g} km"]
    for b, band in enumerate(found.bands):
        if np.isfinite(found.light[b]).any():
            words.append(f"{band.lower():8}  I/F {np.nanmin(found.light[b]):.4f} to {np.nanmax(found.light[b]):.4f}")
    return Found(
        values, rows, features, words, product, centre, patch.half_km, request.name, [found.places],
        [(start, "A"), (end, "B")], patch=patch, profile=found,
    )  # fmt: skip


def line_rows(found: LineProfile) -> list[dict[str, Any]]:
    """A profile along a line as rows, one for each sample."""
    rows = []
    for k, distance in enumerate(found.distance_km):
        row: dict[str, Any] = {
            "distance_km": distance,
            "latitude_deg": math.degrees(found.places[k, 0]),
            "longitude_east_deg": math.degrees(found.places[k, 1]) % 360.0,
        }
        for b, band in enumerate(found.bands):
            row[f"{band.lower()}_i_over_f"] = found.light[b, k]
            row[f"{band.lower()}_sigma_i_over_f"] = found.sigma[b, k]
        rows.append(row)
    return rows


def measure_ray_system(opened: Measurable, request: MeasureRequest) -> Found:
    """The rays of a crater whose rim is found, or given."""
    product = opened.product
    check_light(product)
    assert request.seed is not None
    if request.reach is not None and request.reach <= RAYS_INNER:
        raise UsageError(
            f"--reach {request.reach:g} leaves no room for rays, which begin at {RAYS_INNER:g} radii: give more"
        )
    crater = None
    if request.fixed:
        assert request.diameter_km is not None
        centre, radius = placed(product, request.seed, "the seed"), 0.5 * request.diameter_km
    else:
        crater = searched(product, request).crater
        centre, radius = crater.centre, crater.radius_km
    own = product.grain_km(centre)
    wide = min(AROUND * radius, WIDEST * min(product.body.radii_km))
    if request.reach is not None:
        wide = 1.02 * CONTROLS * request.reach * radius
    patch = look(product, centre, max(wide, LEAST_HALF_PX * own))
    found = measure_rays(patch, centre, radius, inner=RAYS_INNER, outer=request.reach)
    outer = float(found.edges_km[-1])
    values = {
        "verdict": found.verdict, "significance": found.significance, "coverage": found.coverage,
        "reference_band": found.reference, "controls": found.controls,
        "inner_radii": RAYS_INNER, "outer_radii": outer / radius,
        "crater": {**_centre_values(centre), "diameter_km": 2.0 * radius}
        if crater is None
        else crater_values(product, crater),
        "bands": band_rows(found), "sectors": sector_rows(found), "rings": ring_rows(found),
    }  # fmt: skip
    rows = [{"verdict": found.verdict, "significance": found.significance, "coverage": found.coverage,
             **_centre_values(centre), "diameter_km": 2.0 * radius, **row} for row in band_rows(found)]  # fmt: skip
    outline = circle(product, centre, radius) if crater is None else crater.outline()
    facts = {"name": request.name, "part": "crater", "diameter_km": 2.0 * radius, "verdict": found.verdict}
    features = [Feature("Polygon", outline, facts)]
    if crater is not None:
        numbers = crater_values(product, crater)
        features = crater_features(crater, request.name, {**numbers, "verdict": found.verdict}, np.empty((0, 2)))
    features += ray_features(product, found)
    return Found(
        values, rows, features, ray_words(found), product, centre, 1.25 * outer, request.name, [outline],
        crater=crater, rays=found,
    )  # fmt: skip


def band_rows(found: Rays) -> list[dict[str, Any]]:
    """The rays by filter."""
    return [
        {
            "band": v.band, "tone": v.tone, "contrast": v.contrast, "contrast_sigma": v.sigma,
            "extent_km": v.extent_km, "extent_radii": v.extent_km / found.radius_km, "open_ended": v.open_ended,
            "colour": v.colour, "colour_sigma": v.colour_sigma,
        }
        for v in found.bands
    ]  # fmt: skip


def sector_rows(found: Rays) -> list[dict[str, Any]]:
    """The contrast by sector of azimuth."""
    names = [v.band.lower() for v in found.bands]
    return [
        {
            "azimuth_deg": math.degrees(azimuth) % 360.0,
            "is_ray": bool(found.is_ray[k]),
            **{f"{name}_contrast": found.by_sector[b, k] for b, name in enumerate(names)},
        }
        for k, azimuth in enumerate(found.azimuths)
    ]


def ring_rows(found: Rays) -> list[dict[str, Any]]:
    """The contrast of the rays by distance."""
    rows = []
    for k in range(len(found.edges_km) - 1):
        row: dict[str, Any] = {"inner_km": found.edges_km[k], "outer_km": found.edges_km[k + 1]}
        for v in found.bands:
            row[f"{v.band.lower()}_contrast"] = v.by_ring[k]
            row[f"{v.band.lower()}_contrast_sigma"] = v.by_ring_sigma[k]
        rows.append(row)
    return rows


def ray_features(product: Product, found: Rays) -> list[Feature]:
    """The sectors that hold a ray, from where rays begin to where they were followed."""
    names = [v.band.lower() for v in found.bands]
    out = []
    for k in np.flatnonzero(found.is_ray):
        shape = fan(product, found.centre, found.edges_km[0], found.edges_km[-1], found.azimuths, int(k))
        facts: dict[str, Any] = {"part": "ray", "azimuth_deg": math.degrees(found.azimuths[k]) % 360.0}
        facts |= {f"{name}_contrast": found.by_sector[b, k] for b, name in enumerate(names)}
        out.append(Feature("Polygon", shape, facts))
    return out


def fan(product: Product, centre: Place, inner_km: float, outer_km: float, azimuths: FloatArray, k: int) -> FloatArray:
    """Places (n, 2) around a sector of a ring."""
    half = math.pi / len(azimuths)
    turn = np.linspace(azimuths[k] - half, azimuths[k] + half, 9)
    around = np.concatenate([turn, turn[::-1], turn[:1]])
    away = np.concatenate([np.full(9, inner_km), np.full(9, outer_km), [inner_km]])
    return Plane(centre, product.body).place_of(away * np.sin(around), away * np.cos(around))


def circle(product: Product, centre: Place, radius_km: float) -> FloatArray:
    """Places (n, 2) on a circle, the last the first."""
    turn = np.linspace(0.0, 2.0 * math.pi, RING_STEPS)
    return Plane(centre, product.body).place_of(radius_km * np.sin(turn), radius_km * np.cos(turn))


def ray_words(found: Rays) -> list[str]:
    """Rays in a few lines."""
    lines = [
        f"{found.verdict}: {found.significance:.1f} sigma, over {100.0 * found.coverage:.0f} % of the way round "
        f"{told(found.centre)}, {2.0 * found.radius_km:.4g} km wide"
    ]
    for v in found.bands:
        contrast = with_sigma(100.0 * v.contrast, 100.0 * v.sigma, "%")
        lines.append(f"{v.band.lower():8}  {v.tone:6} {contrast} {extent_words(found, v)}".rstrip())
    return lines


def extent_words(found: Rays, band: BandRays) -> str:
    """How far the rays of a filter go, in words; nothing where they go nowhere."""
    if not np.isfinite(band.extent_km):
        return ""
    least = "at least " if band.open_ended else ""
    return f"to {least}{band.extent_km:.3g} km ({band.extent_km / found.radius_km:.1f} radii)"


def _centre_values(place: Place) -> dict[str, float]:
    return {"latitude_deg": math.degrees(place[0]), "longitude_east_deg": math.degrees(place[1]) % 360.0}
