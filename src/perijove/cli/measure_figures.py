"""The figures of `perijove measure`: which lines, charts and words belong to which measurement."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.cli.measure_bright import circle, extent_words, fan
from perijove.cli.measure_ground import Found, with_sigma
from perijove.figure.measured import MeasuredFigure, Spot, Trace
from perijove.figure.panels import Curve, Panel
from perijove.io.measurements import Measurement
from perijove.measure.patch import Patch
from perijove.measure.product import told
from perijove.measure.profile import LineProfile, RadialProfile
from perijove.measure.rays import Rays

FloatArray = NDArray[np.float64]

COMPASS = ((0.0, "N"), (90.0, "E"), (180.0, "S"), (270.0, "W"), (360.0, "N"))
_TITLES = {"distance": "Distance", "area": "Area", "crater": "Crater", "profile": "Profile", "rays": "Rays of a crater"}


def figure_of(found: Found, measured: Measurement) -> MeasuredFigure:
    """The figure of a measurement."""
    patch = found.ground()
    place = f"{told(found.centre)}"
    body = measured.body.name.capitalize()
    title = f"{found.name} \u00b7 {body}" if found.name else f"{_TITLES[measured.kind]} near {place} \u00b7 {body}"
    spots = [Spot(*xy_of(patch, np.array(p)), word) for p, word in found.spots]
    return MeasuredFigure(
        light=patch.light, bands=patch.bands, scale_km=patch.scale_km, place_of=patch.plane.place_of,
        traces=traces_of(found, patch), spots=spots, panels=panels_of(found), title=title,
        notes=[*notes_of(found), source_note(measured, patch)], credit=str(measured.origin["credit"]),
    )  # fmt: skip


def xy_of(patch: Patch, place: FloatArray) -> tuple[float, float]:
    """Kilometres east and north of the patch's middle of one place (2,)."""
    x, y = patch.plane.xy_of(place[0], place[1])
    return float(x), float(y)


def traces_of(found: Found, patch: Patch) -> list[Trace]:
    """The lines on the ground."""

    def on(places: FloatArray) -> FloatArray:
        return patch.plane.xy_of(places[:, 0], places[:, 1])

    out: list[Trace] = []
    arcs: list[Trace] = []
    if found.rays is not None:
        rays = found.rays
        inner, outer = float(rays.edges_km[0]), float(rays.edges_km[-1])
        out.append(Trace(on(circle(found.product, rays.centre, inner)), "faint"))
        # nothing is drawn where nothing was seen
        for k in np.flatnonzero(rays.known[:, -1]):
            shape = on(fan(found.product, rays.centre, inner, outer, rays.azimuths, int(k)))
            # the outer edge is the second half of the way around
            edge = seen_of(patch, shape[len(shape) // 2 : -1])
            arcs.append(Trace(edge, "arc" if rays.is_ray[k] else "faint"))
    if found.crater is not None:
        out.append(Trace(on(found.crater.outline()), "rim"))
    elif found.rays is not None or isinstance(found.profile, RadialProfile):
        out += [Trace(on(line), "rim") for line in found.lines]
    else:
        out += [Trace(on(line), "way") for line in found.lines]
    return out + arcs


def seen_of(patch: Patch, xy: FloatArray) -> FloatArray:
    """Those of points (n, 2), km east and north of the middle, that lie on ground with light or beside the patch."""
    at = np.floor(patch.pixel_of(xy[:, 0], xy[:, 1])).astype(int)
    inside = ((at >= 0) & (at < patch.side)).all(axis=1)
    dark = np.zeros(len(xy), np.bool_)
    dark[inside] = np.isnan(patch.light[0][at[inside, 0], at[inside, 1]])
    return xy[~dark]


def panels_of(found: Found) -> list[Panel]:
    """The charts beside the ground."""
    if found.rays is not None:
        return ray_panels(found.rays)
    profile = found.profile
    if isinstance(profile, RadialProfile):
        curves = tuple(
            Curve(band, profile.middle_km, profile.mean[b, 0], profile.sigma[b, 0])
            for b, band in enumerate(profile.bands)
        )
        return [
            relative(
                Panel(
                    "Brightness by distance", "km from the centre", "I/F", curves,
                    uprights=((profile.radius_km, "radius" if found.crater is None else "rim"),),
                )
            )
        ]  # fmt: skip
    if isinstance(profile, LineProfile):
        curves = tuple(
            Curve(band, profile.distance_km, profile.light[b], profile.sigma[b]) for b, band in enumerate(profile.bands)
        )
        return [Panel("Brightness along the line", "km from A towards B", "I/F", curves)]
    return []


def relative(panel: Panel) -> Panel:
    """The same panel; with several filters each is told over its own mean, so that colours can be compared."""
    if len(panel.curves) < 2:
        return panel
    curves = []
    for curve in panel.curves:
        level = float(np.nanmean(curve.y))
        sigma = None if curve.sigma is None else curve.sigma / level
        curves.append(Curve(curve.name, curve.x, curve.y / level, sigma))
    return Panel(
        panel.title, panel.x_label, "I/F over the mean of each filter", tuple(curves), panel.uprights, 1.0,
        spans=panel.spans, ticks=panel.ticks,
    )  # fmt: skip


def ray_panels(rays: Rays) -> list[Panel]:
    """Contrast by azimuth, and of the rays by distance, in per cent."""
    degrees = np.degrees(rays.azimuths) % 360.0
    half = 180.0 / len(degrees)
    # the curve is closed: it begins and ends at north
    x = np.unique(np.concatenate([[0.0], degrees, [360.0]]))
    around = tuple(
        Curve(v.band, x, 100.0 * np.interp(x, degrees, rays.by_sector[b], period=360.0))
        for b, v in enumerate(rays.bands)
    )
    usual = 100.0 * float(np.nan_to_num(np.median(rays.sector_sigma)))
    spans = [(float(degrees[k] - half), float(degrees[k] + half)) for k in np.flatnonzero(rays.is_ray)]
    spans += [(first + 360.0, 360.0) for first, _ in spans if first < 0.0]
    middle = 0.5 * (rays.edges_km[1:] + rays.edges_km[:-1]) / rays.radius_km
    away = tuple(Curve(v.band, middle, 100.0 * v.by_ring, 100.0 * v.by_ring_sigma) for v in rays.bands)
    return [
        Panel("Contrast by direction", "direction from the centre", "% of the ground around", around, level=0.0,
              level_sigma=usual, spans=spans, ticks=COMPASS),
        Panel("Contrast of the rays by distance", "crater radii from the centre", "% of the ground around", away,
              level=0.0),
    ]  # fmt: skip


def notes_of(found: Found) -> list[str]:
    """What was found, in a line or two."""
    if found.rays is not None:
        parts = [
            f"{v.band.lower()} {_percent(v.contrast, v.sigma)}" for v in found.rays.bands if np.isfinite(v.contrast)
        ]
        far = [v for v in found.rays.bands if np.isfinite(v.extent_km)]
        farthest = max(far, key=lambda v: v.extent_km, default=None)
        reach = "" if farthest is None else f" \u00b7 seen {extent_words(found.rays, farthest)}"
        verdict = f"{found.rays.verdict[0].upper()}{found.rays.verdict[1:]}, {found.rays.significance:.1f} sigma"
        return [
            " \u00b7 ".join([verdict, *parts]) + reach,
            f"Crater {2.0 * found.rays.radius_km:.1f} km wide{f' at {told(found.rays.centre)}' if found.name else ''}"
            + (
                f" \u00b7 rays over {100.0 * found.rays.coverage:.0f} % of the way round" if found.rays.coverage else ""
            ),
        ]
    if found.crater is not None:
        crater = found.crater
        parts = [
            f"Diameter {_pm(crater.diameter_km, found.values['diameter_sigma_km'], 'km')}",
            f"centre {abs(math.degrees(crater.latitude)):.2f} {'NS'[crater.latitude < 0]}, "
            f"{math.degrees(crater.longitude) % 360.0:.2f} E, within {crater.east_sigma_km:.2g} km east and "
            f"{crater.north_sigma_km:.2g} km north",
        ]
        if crater.shape == "ellipse":
            parts.append(f"axes {_pm(crater.ellipticity, crater.ellipticity_sigma, 'to 1')}")
        return [" \u00b7 ".join(parts)]
    words = [" ".join(word.split()) for word in found.words[:4]]
    return [" \u00b7 ".join(word.replace("+-", "\u00b1").replace("km2", "km\u00b2") for word in words)]


def source_note(measured: Measurement, patch: Patch) -> str:
    """Which file it was measured on, and on what surface."""
    inputs = measured.origin["inputs"]
    name = inputs[0]["name"] if isinstance(inputs, list) and inputs else "an unknown file"
    parts = [f"Measured on {name}", measured.surface, "planetocentric latitude, east longitude"]
    if patch.sun_azimuth is not None and patch.cos_incidence is not None:
        n = patch.side // 2
        height = 90.0 - math.degrees(math.acos(float(np.clip(patch.cos_incidence[n, n], -1.0, 1.0))))
        if height > 0.0:
            parts.append(
                f"Sun {height:.0f}\u00b0 high, from azimuth {math.degrees(patch.sun_azimuth) % 360.0:.0f}\u00b0"
            )
    return " \u00b7 ".join(parts)


def _pm(value: float, sigma: float, unit: str) -> str:
    return with_sigma(value, sigma, unit).replace("+-", "\u00b1").strip()


def _percent(value: float, sigma: float) -> str:
    return _pm(100.0 * value, 100.0 * sigma, "%").replace("-", "\u2212")
