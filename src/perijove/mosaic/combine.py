"""Combining strips: each rendered into one common view, brought to one level, and averaged by smooth weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.calibrate.noise import ELECTRONS_PER_DN, READ_NOISE_DN
from perijove.errors import UsageError
from perijove.geometry.view import View
from perijove.instrument import Filter
from perijove.mosaic.gains import FLAT_LIMIT, PHASE_LIMIT, match_gains
from perijove.mosaic.look import Look, look_of
from perijove.mosaic.relight import relight
from perijove.mosaic.weigh import seam_weight, viewing_weight
from perijove.observation import Observation
from perijove.render.engine import render, sun_in_body
from perijove.render.planes import Planes

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

SIGMA = np.radians(5.0)
"""Default falloff of a look's weight with the angle, at the ground, between it and the viewpoint, rad."""
SEAM_SHARE = 0.06
"""Default width of a seam, as a share of the view's longer side."""
LEAST_SCATTER = 0.02
"""Scatter, as a share of the light, that looks are always granted: interpolation and clouds that move."""
FULL_WEIGHT = 1e-4
"""What is left of the weight of a pixel that was full, should nothing better have been seen."""


@dataclass(frozen=True)
class Combined:
    """Strips in one view: `planes` in I/F, whose `weight` is the sum of the looks' weights.

    `looks` are their names in order, `gains` (looks, bands) the factors that their light got, `rejected` (looks, bands)
    the pixels that were taken for radiation hits. `full` maps a filter to the I/F from which a pixel of the shortest
    exposure is full; recipes ask for it.
    """

    planes: Planes
    looks: tuple[str, ...]
    gains: FloatArray
    rejected: NDArray[np.int64]
    full: Mapping[Filter, float]


def combine(
    observations: Sequence[Observation],
    view: View,
    et0: float,
    *,
    sigma: float = SIGMA,
    seam_px: float | None = None,
    reject: float = 6.0,
    match: bool = True,
    interpolation: str = "catmull-rom",
    threads: int | None = None,
) -> Combined:
    """Combine strips of one body in one view of the frame b0 at `et0`; see `combine_looks`, the Sun being the first's.

    The order of the strips changes nothing. Raises UsageError for no strips, or strips of several bodies.
    """
    if not observations:
        raise UsageError("no strips to combine: give at least one")
    ordered = sorted(observations, key=lambda o: o.raw.label.product_id)
    body = ordered[0].body
    names = sorted({o.body.name for o in ordered})
    if len(names) > 1:
        raise UsageError(f"strips of {', '.join(names)} cannot be combined: give strips of one body")
    return combine_looks(
        [look_of(o) for o in ordered], body, view, et0,
        sun_direction=ordered[0].sun, sigma=sigma, seam_px=seam_px, reject=reject, match=match,
        interpolation=interpolation, threads=threads,
    )  # fmt: skip


def combine_looks(
    looks: Sequence[Look],
    body: Body,
    view: View,
    et0: float,
    *,
    sun_direction: FloatArray | None = None,
    sigma: float = SIGMA,
    seam_px: float | None = None,
    reject: float = 6.0,
    match: bool = True,
    interpolation: str = "catmull-rom",
    threads: int | None = None,
) -> Combined:
    """Render looks at one body in a common view and average their light.

    A look weighs by its sharpness and by how near it stands to the viewpoint (`sigma`, rad at the ground), and fades
    out over `seam_px` (default 6 % of the view) towards its edges; haze beside the limb is taken from looks that see
    the tangent point of a pixel's ray at the same height (see `weigh`). Its light is given the view's angles by a
    photometric law (see `relight`) and, unless `match` is False, brought to the level of the look nearest to the
    viewpoint, a filter at a time. Where three looks or more see a pixel those further than `reject` sigma from their
    median are left out. NaN where no look has seen anything.

    Looks are taken in the order of their names, so that their order changes no bit of the result. Raises UsageError for
    no looks, a name given twice, or a unit that is not positive, and what `render` raises.
    """
    ordered = sorted(looks, key=lambda look: look.name)
    check_looks(ordered)
    seam = SEAM_SHARE * max(view.width, view.height) if seam_px is None else seam_px
    present = {swath.band for look in ordered for swath in look.swaths}
    bands = tuple(band for band in Filter if band in present)
    light = np.full((len(ordered), len(bands), view.height, view.width), np.nan, np.float32)
    weight = np.zeros_like(light)
    planes = None
    for k, look in enumerate(ordered):
        planes = render(
            look.swaths, body, et0, view, sun_direction=sun_direction, interpolation=interpolation, threads=threads
        )
        shared = viewing_weight(view, body.radii_km, look.position_km, sigma) * seam_weight(planes, seam)
        place_look(look, planes, shared, bands, light[k], weight[k])
        light[k] *= relight(planes, body.radii_km, look.position_km, sun_in_body(body, look.et, sun_direction))
    assert planes is not None
    gains = np.ones((len(ordered), len(bands)))
    if match and len(ordered) > 1:
        gains = gains_of(ordered, planes, light, weight)
    rejected = np.zeros((len(ordered), len(bands)), np.int64)
    for b in range(len(bands)):
        light[:, b] *= gains[:, b].astype(np.float32)[:, None, None]
        if len(ordered) >= 3:
            rejected[:, b] = drop_hits(light[:, b], weight[:, b], units_of(ordered, bands[b]), reject)
    mean, total = averaged(light, weight)
    most = np.array([look.full_dn for look in ordered])
    full = {band: float(np.nanmax(most * units_of(ordered, band))) for band in bands}
    whole = replace(planes, bands=bands, light=mean, weight=total)
    return Combined(whole, tuple(look.name for look in ordered), gains, rejected, full)


def check_looks(looks: Sequence[Look]) -> None:
    """Raise UsageError for looks that cannot be combined."""
    if not looks:
        raise UsageError("no strips to combine: give at least one")
    names = [look.name for look in looks]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} is given twice: give every strip once")
    for look in looks:
        for swath in look.swaths:
            if not swath.unit > 0.0:
                raise UsageError(f"{look.name}: a unit of {swath.unit} cannot be combined: it must be positive")


def units_of(looks: Sequence[Look], band: Filter) -> FloatArray:
    """I/F of one DN (looks,) in one filter; NaN for a look without it."""
    units = [{swath.band: swath.unit for swath in look.swaths} for look in looks]
    return np.array([unit.get(band, np.nan) for unit in units])


def place_look(look: Look, planes: Planes, shared: Plane, bands: Sequence[Filter], light: Plane, weight: Plane) -> None:
    """Fill one look's light and its weight, (bands, h, w) both."""
    unit = {swath.band: swath.unit for swath in look.swaths}
    for k, band in enumerate(planes.bands):
        b = bands.index(band)
        value = planes.light[k]
        light[b] = value
        weight[b] = np.minimum(planes.weight[k], 1.0) * shared
        # where only some filters see, a little is better than nothing
        some = np.isfinite(value)
        weight[b] = np.where(some, weight[b], 0.0)
        weight[b][some & (value >= look.full_dn * unit[band])] *= FULL_WEIGHT


def gains_of(looks: Sequence[Look], planes: Planes, light: Plane, weight: Plane) -> FloatArray:
    """Gains (looks, bands) of light (looks, bands, h, w), that of the look nearest to the viewpoint being 1."""
    viewpoint = planes.view.position_km
    away = [float(np.linalg.norm(look.position_km - viewpoint)) for look in looks]
    anchor = int(np.argmin(away))
    here = viewpoint / np.linalg.norm(viewpoint)
    cosine = [float(here @ look.position_km / np.linalg.norm(look.position_km)) for look in looks]
    limits = FLAT_LIMIT + PHASE_LIMIT * np.arccos(np.clip(cosine, -1.0, 1.0))
    day = planes.hit & ~(planes.cos_incidence <= 0.0)
    gains = [match_gains(light[:, b], weight[:, b] * day, anchor, limits) for b in range(light.shape[1])]
    return np.stack(gains, axis=1)


def drop_hits(light: Plane, weight: Plane, units: FloatArray, reject: float) -> NDArray[np.int64]:
    """Set the weight (looks, h, w) of hits in one band's light to 0, in place; how many of each look there were.

    `units` (looks,) is the light of one DN. Only where three looks or more see a pixel. The scatter granted is the
    largest of 1.4826 times the median deviation, the detector's noise and `LEAST_SCATTER` of the light; `reject` times
    it is the most that a look may depart.
    """
    seen = weight > 0.0
    many = np.flatnonzero(seen.sum(axis=0) >= 3)
    dropped = np.zeros(len(light), np.int64)
    if not len(many):
        return dropped
    some, flat = seen.reshape(len(seen), -1)[:, many], weight.reshape(len(weight), -1)
    value = np.where(some, light.reshape(len(light), -1)[:, many], np.nan)
    middle = np.nanmedian(value, axis=0)
    away = np.abs(value - middle)
    scatter = np.maximum(1.4826 * np.nanmedian(away, axis=0), LEAST_SCATTER * np.abs(middle))
    for k, unit in enumerate(units):
        noise = np.sqrt(np.maximum(middle / unit, 0.0) / ELECTRONS_PER_DN + READ_NOISE_DN**2) * unit
        hit = some[k] & (away[k] > reject * np.maximum(scatter, noise))
        flat[k, many[hit]] = 0.0
        dropped[k] = np.count_nonzero(hit)
    return dropped


def averaged(light: Plane, weight: Plane) -> tuple[Plane, Plane]:
    """Weighted mean of light (looks, bands, h, w) and summed weight, both (bands, h, w); NaN where the weight is 0."""
    total = weight.sum(axis=0, dtype=np.float64)
    value = np.zeros_like(total)
    for one, its in zip(light, weight, strict=True):
        value += np.where(its > 0.0, one, 0.0).astype(np.float64) * its
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(total > 0.0, value / total, np.nan)
    return mean.astype(np.float32), total.astype(np.float32)
