"""Rim: a crater found from a seed, by the edge that runs around it.

Circles of all sizes are tried first (`circles`); then along each azimuth the place of the steepest change is read to a
part of a pixel, and an outline is fitted to these places by iterated weights that give up what strays (Tukey's).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.measure.circles import (
    LEAST_BLUR_PX,
    WIDTH,
    Circle,
    blurred,
    even_light,
    radii_between,
    score_circles,
    search_circles,
    slopes,
)  # fmt: skip
from perijove.measure.crater import Crater, Shape, fit_weighted
from perijove.measure.outline import curve, distances, fit_outline
from perijove.measure.patch import Light, MeasureError, Patch, sample
from perijove.measure.plane import Plane

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Quality = Literal["good", "fair", "poor"]

LEAST_RADIUS_PX = 3.0
AS_STRONG = 0.75
"""Share of the strongest edge's merit from which one around it, of opposite sign, is the rim."""
STRONG_ENOUGH, CLEAR_SCORE = 0.4, 0.3
"""The same share, and the score, for an edge of any sign where the size is not known."""
ROUGHLY = 1.5
"""Factor within which a rough diameter is right."""
STRAY_KNOWN, STRAY_ALONE = 0.5, 0.7
"""How far from the seed the centre may lie, in radii, with a rough diameter and without."""
RIVAL_MERIT, RIVAL_SCORE = 3.0, 0.45
"""Times the merit, and the score, from which an edge within is the rim and what runs around it bright ejecta."""
RIVAL_SIZE = 0.2
"""The smallest of such edges, in radii of what runs around it."""
RIVAL_ABOVE = 1.3
"""Factor on size and on merit within which an edge too large for the diameter given is the rim."""
SECTORS = 8
"""Parts of the way round that are left out in turn to see what the outline hangs on."""
LEAST_SCORE = 0.22
LEAST_SIGNIFICANCE = 3.5
LEAST_COMPLETE = 0.4
"""What a rim must reach to count as found: measured on ground without craters, see the tests."""
TUKEY = 4.685
"""Where Tukey's weight ends, in sigma: 95 % efficient for normal errors."""
REWEIGHTINGS = 12
LEAST_SCATTER_PX = 0.15
ELLIPSE_COMPLETE = 0.6
"""Completeness from which an ellipse is fitted unasked."""


@dataclass(frozen=True)
class Rim:
    """A rim that was found.

    `crater` is the outline fitted to `places` (k, 2), rad, the points of the edge that were used. `completeness` is the
    share of azimuths, 0 to 1, along which an edge lies on the outline. `contrast` is the step of brightness across the
    edge as a share of the brightness, and `shaded` the part of it that turns with the azimuth, as the light of a
    low Sun makes it, 0 (albedo alone) to 1. `significance` is how far the edge stands above what circles elsewhere in
    the patch show, in their sigma. `quality` sums it up: good, fair or poor.

    The crater's sigmas are those of the edge that was taken. How far it lies from the crest of the ground is not in
    them: of a rim that is a bright ring without shade the outer edge is taken, some 5 to 10 % wide of the crest.
    """

    crater: Crater
    places: FloatArray
    completeness: float
    contrast: float
    shaded: float
    significance: float
    quality: Quality


def find_rim(
    patch: Patch,
    seed: tuple[float, float] | None = None,
    diameter_km: float | None = None,
    *,
    band: str | None = None,
    shape: Shape | None = None,
) -> Rim:
    """The rim of the crater about `seed` (planetocentric latitude, east longitude, rad; None: the patch's middle).

    `diameter_km` is a rough diameter, right within a factor of 1.5; without it all sizes are tried from 6
    pixels across to a third of the patch's side. The seed must lie inside the crater. `band` names the band to look at,
    None their mean; `shape` is that of the outline, None an ellipse where the rim is complete enough to tell.

    Raises MeasureError where no rim is found, or one that is far fainter than a smaller one within (as the edge of
    bright ejecta is) or than one just too large for `diameter_km`; UsageError where seed and diameter do not fit the
    patch. A patch that reaches 3 crater radii from the seed is enough.
    """
    where = patch.pixel_of(*patch.plane.xy_of(*(seed if seed is not None else patch.centre)))
    least, most = _limits(patch, where, diameter_km)
    light = even_light(patch.band(band))
    if not np.isfinite(sample(light, where)).any() and not np.isfinite(light).any():
        raise MeasureError(
            "there is too little data around the seed: choose another place, or give a smaller --diameter"
        )
    stray = STRAY_ALONE if diameter_km is None else STRAY_KNOWN
    circles = search_circles(light, where, radii_between(least, most), stray, patch.sun_azimuth)
    best = _choose(circles, None if diameter_km is None else 0.5 * diameter_km / patch.scale_km)
    if best is None or best.score < LEAST_SCORE:
        raise MeasureError(_nothing("no circle stands out", best))
    significance = _significance(light, best, patch.sun_azimuth)
    if significance < LEAST_SIGNIFICANCE:
        raise MeasureError(_nothing(f"the best circle is no more than {significance:.1f} sigma", best))
    rim = _refined(patch, light, best, significance, shape)
    if diameter_km is not None:
        _check_rivals(patch, light, where, best, most, rim.quality == "good")
    return rim


def _check_rivals(patch: Patch, light: Light, where: FloatArray, best: Circle, most: float, good: bool) -> None:
    """MeasureError where an edge runs around `best` just wider than `most`, or a far clearer one within it.

    Only within one that is not `good`: a fresh crater in an old one does not speak against that.
    """

    def clearest(low: float, high: float) -> Circle | None:
        if high <= low:
            return None
        circles = search_circles(light, where, radii_between(low, high), STRAY_KNOWN, patch.sun_azimuth)
        return max(circles, key=lambda circle: circle.merit, default=None)

    rival = clearest(most, RIVAL_ABOVE * most) if best.radius > 0.8 * most else None
    words = "is fainter than that of {:.0f} km around it"
    if rival is None or rival.merit < RIVAL_ABOVE * best.merit:
        rival = None if good else clearest(max(LEAST_RADIUS_PX, RIVAL_SIZE * best.radius), 0.85 * best.radius)
        words = "is far fainter than that of {:.0f} km within, as the edge of ejecta is"
        if rival is None or rival.merit < RIVAL_MERIT * best.merit or rival.score < max(RIVAL_SCORE, best.score):
            return
    across, clear = (2.0 * circle.radius * patch.scale_km for circle in (best, rival))
    raise MeasureError(
        f"no rim was found about the seed: an edge {across:.0f} km across {words.format(clear)}; "
        f"give --diameter {clear:.0f}, or three --points of the rim"
    )


def _nothing(why: str, best: Circle | None) -> str:
    tail = "" if best is None else f" (score {best.score:.2f}, {2.0 * best.radius:.0f} pixels across)"
    return f"no rim was found about the seed: {why}{tail}; give a rough --diameter, or three --points of the rim"


def _limits(patch: Patch, where: FloatArray, diameter_km: float | None) -> tuple[float, float]:
    """The least and the largest radius to try, pixels; UsageError where the patch has no room for them."""
    room = float(min(*where, *(patch.side - where)))
    if not room > 0.0:
        raise UsageError("the seed lies outside the patch: centre the patch on it")
    if diameter_km is None:
        return LEAST_RADIUS_PX, max(LEAST_RADIUS_PX, min(patch.side / 6.0, 0.9 * room))
    radius = 0.5 * diameter_km / patch.scale_km
    if not radius > 1.0:
        raise UsageError(
            f"a crater of {diameter_km:g} km is {2.0 * max(radius, 0.0):.1f} pixels of {patch.scale_km:g} km across: "
            "take a product that shows it larger"
        )
    if radius > 0.9 * room:
        raise UsageError(f"a crater of {diameter_km:g} km passes the patch: take one that reaches further")
    return max(1.0, radius / ROUGHLY), min(radius * ROUGHLY, room)


def _choose(circles: list[Circle], rough: float | None) -> Circle | None:
    """The rim among the best circles of each radius, given a `rough` radius (pixels) or None.

    A wall in the light has a fainter edge below its outer flank, and one at its foot: the crest is the strongest, or,
    where the foot (or a floor's edge) is as strong, what runs around that with the opposite sign. Without a rough
    radius the strongest may be a central pit: the rim is the outermost clear edge around it.
    """
    if not circles:
        return None
    radii = np.array([circle.radius for circle in circles])
    merit = np.array([circle.merit for circle in circles])
    if rough is not None:
        merit = merit * np.exp(-0.5 * (np.log(radii / rough) / np.log(ROUGHLY) / 0.7) ** 2)
    n = int(np.argmax(merit))
    best = chosen = circles[n]
    share = AS_STRONG if rough is not None else STRONG_ENOUGH
    peak = (merit >= np.append(merit[1:], -1.0)) & (merit >= np.append(-1.0, merit[:-1]))
    for other in (circles[k] for k in np.flatnonzero(peak & (merit >= share * merit[n]) & (radii > best.radius))):
        around = np.hypot(other.line - best.line, other.sample - best.sample) < 0.3 * other.radius
        limit = 0.5 * float(np.linalg.norm(other.terms) * np.linalg.norm(best.terms))
        opposite = float(other.terms @ best.terms) < -limit
        if around and (opposite if rough is not None else other.score >= CLEAR_SCORE):
            chosen = other
    return chosen


def _significance(light: Light, best: Circle, sun_azimuth: float | None) -> float:
    """How many sigma the score of a circle stands above those of the same size elsewhere in the picture."""
    step = max(0.35 * best.radius, 1.0)
    where = np.arange(best.radius, len(light) - best.radius, step)
    centres = np.stack(np.meshgrid(where, where, indexing="ij"), axis=-1).reshape(-1, 2)
    away = np.hypot(centres[:, 0] - best.line, centres[:, 1] - best.sample)
    centres = centres[away > 1.0 * best.radius]
    if len(centres) == 0:
        return float("nan")
    scores, _, _ = score_circles(slopes(light, best.radius), centres, best.radius, sun_azimuth)
    scores = scores[scores >= 0.0]
    if len(scores) < 8:
        return float("nan")
    # shares of a sum of squares: their roots are the more nearly normal
    root = np.sqrt(scores)
    middle = float(np.median(root))
    spread = 1.4826 * float(np.median(np.abs(root - middle)))
    return (float(np.sqrt(best.score)) - middle) / max(spread, 0.02)


@dataclass(frozen=True)
class _Edge:
    """The steepest change along each azimuth.

    `points` (n, 2) are x, y in pixels to the east and the north of the circle's centre, `strength` (n,) is the change a
    pixel in the sense that is expected there, NaN where there is none.
    """

    points: FloatArray
    strength: FloatArray


def _edge(light: Light, centre: FloatArray, outline: FloatArray, signs: FloatArray, reach: float) -> _Edge:
    """The edge near an outline (5,) about `centre` (line, sample), within `reach` pixels of it across.

    `light` is blurred already; `signs` (n,) say whether brighter outside (1) or inside (-1) is looked for.
    """
    n = len(signs)
    azimuths = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    rim = curve(outline, 0.5 * np.pi - azimuths)
    way = np.stack([np.sin(azimuths), np.cos(azimuths)], axis=-1)
    step = 0.25
    offsets = np.arange(-np.ceil(1.6 * reach / step) - 1, np.ceil(1.6 * reach / step) + 2) * step
    xy = rim[:, None] + offsets[None, :, None] * way[:, None]
    values = sample(light, np.stack([centre[0] - xy[..., 1], centre[1] + xy[..., 0]], axis=-1)).astype(float)
    change = np.full_like(values, np.nan)
    change[:, 1:-1] = signs[:, None] * (values[:, 2:] - values[:, :-2]) / (2.0 * step)
    wanted = np.where(np.isfinite(change), change, -np.inf) * np.exp(-0.5 * (offsets / reach) ** 2)
    wanted[:, [0, 1, -2, -1]] = -np.inf
    k = np.clip(np.argmax(wanted, axis=1), 2, len(offsets) - 3)
    rows = np.arange(n)
    low, top, high = (change[rows, k + d] for d in (-1, 0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        bend = low - 2.0 * top + high
        fine = np.where(bend < 0.0, 0.5 * (low - high) / bend, 0.0)
    at = offsets[k] + step * np.clip(fine, -1.0, 1.0)
    strength = np.where(np.isfinite(top) & (top > 0.0), top, np.nan)
    return _Edge(rim + at[:, None] * way, strength)


def _expected(terms: FloatArray, count: int) -> FloatArray:
    """Change across the rim (count,) that a circle's terms promise, 1 where it is largest."""
    azimuths = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    out: FloatArray = terms[0] + terms[1] * np.cos(azimuths) + terms[2] * np.sin(azimuths)
    return out / float(np.abs(out).max())


def _robust(points: FloatArray, start: FloatArray, prior: FloatArray, ellipse: bool) -> tuple[FloatArray, FloatArray]:
    """The outline (5,) of points (n, 2) and Tukey's weights (n,) times `prior`, from the outline `start` on."""
    outline, weights = start, prior
    residuals = distances(outline, points)
    for _ in range(REWEIGHTINGS):
        middle = float(np.median(residuals)) if weights is prior else 0.0
        scale = max(1.4826 * float(np.median(np.abs(residuals - middle))), LEAST_SCATTER_PX)
        t = (residuals - middle) / (TUKEY * scale)
        weights = prior * np.where(np.abs(t) < 1.0, (1.0 - t * t) ** 2, 0.0)
        found = fit_outline(points, weights, ellipse=ellipse) if np.sum(weights > 0.05) >= 6 else None
        if found is None:
            break
        moved = float(np.abs(found.parameters[:3] - outline[:3]).max())
        outline, residuals = found.parameters, found.residuals
        if moved < 1e-3:
            break
    return outline, weights


def _refined(patch: Patch, light: Light, best: Circle, significance: float, shape: Shape | None) -> Rim:
    """The rim near a circle, read along the azimuths."""
    count = int(np.clip(2.0 * np.pi * best.radius, 48, 180))
    centre = np.array([best.line, best.sample])
    outline = np.array([0.0, 0.0, best.radius, 0.0, 0.0])
    expected = _expected(best.terms, count)
    blur = max(LEAST_BLUR_PX, 0.5 * WIDTH * best.radius)
    fine = blurred(light, blur)
    points, good, weights = np.empty((0, 2)), np.zeros(count, np.bool_), np.empty(0)
    for reach in (0.15, 0.10, 0.07):
        edge = _edge(fine, centre, outline, np.sign(expected), max(reach * best.radius, 1.5))
        good = np.isfinite(edge.strength)
        if good.sum() < 8:
            raise MeasureError(_nothing("its edge has too little data", best))
        usual = float(np.median(edge.strength[good]))
        prior = np.minimum(1.0, edge.strength[good] / usual) * np.abs(expected[good])
        points = edge.points[good]
        outline, weights = _robust(points, outline, prior, shape != "circle" and reach < 0.15)
    distance = distances(outline, points)
    tolerance = max(1.0, 0.05 * best.radius)
    steep = float(np.nanmedian(np.hypot(*np.gradient(fine))))
    on = np.zeros(count, np.bool_)
    on[good] = (np.abs(distance) < tolerance) & (edge.strength[good] > steep)
    complete = float(on.mean())
    if complete < LEAST_COMPLETE:
        raise MeasureError(_nothing(f"an edge runs along {100 * complete:.0f} % of the best circle only", best))
    used = weights > 0.05
    places = patch.place_of(centre[0] - points[used, 1], centre[1] + points[used, 0])
    ellipse = shape == "ellipse" or (shape is None and complete >= ELLIPSE_COMPLETE)
    crater = fit_weighted(places, patch.body, weights[used], ellipse=ellipse)
    part = np.flatnonzero(good)[used] * SECTORS // count
    crater = _spread(crater, distance[used], [(places[part != k], weights[used][part != k]) for k in range(SECTORS)])
    a, b, c = best.terms
    turning = 0.5 * (b * b + c * c)
    return Rim(
        crater=crater,
        places=places,
        completeness=complete,
        contrast=float(np.sqrt(2.0 * np.pi) * blur * np.median(edge.strength[good])),
        shaded=float(turning / (a * a + turning)),
        significance=significance,
        quality=_quality(complete, significance, crater),
    )


def _spread(crater: Crater, distance: FloatArray, parts: Sequence[tuple[FloatArray, FloatArray]]) -> Crater:
    """A crater with sigmas that hold what points of its rim have in common.

    Neighbouring points do (`distance`, across the outline); and where the outline hangs on one side, those without it
    (`parts`, places and weights) tell another (the jackknife by blocks: Kuensch 1989, Annals of Statistics 17, 1217).
    """
    even = distance - distance.mean()
    rho = float(np.sum(even * np.roll(even, 1)) / max(float(np.sum(even * even)), 1e-12))
    factor = float(np.sqrt((1.0 + max(rho, 0.0)) / (1.0 - min(rho, 0.9))))
    own = np.array(
        [crater.east_sigma_km, crater.north_sigma_km, crater.diameter_sigma_km, crater.ellipticity_sigma]
    )  # fmt: skip
    east, north, wide, ratio = np.fmax(factor * own, _jackknife(crater, parts)).tolist()
    return replace(
        crater,
        east_sigma_km=east,
        north_sigma_km=north,
        diameter_sigma_km=wide,
        ellipticity_sigma=ratio if crater.shape == "ellipse" else np.nan,
        orientation_sigma=min(factor * crater.orientation_sigma, np.pi / np.sqrt(12.0)),
    )


def _jackknife(crater: Crater, parts: Sequence[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Sigmas (4,) of centre to the east and the north, diameter and ellipticity, by leaving out one block in turn."""
    plane = Plane(crater.centre, crater.body)
    told = []
    for places, weights in parts:
        try:
            one = fit_weighted(places, crater.body, weights, ellipse=crater.shape == "ellipse")
        except UsageError:
            continue
        told.append([*plane.xy_of(*one.centre), one.diameter_km, one.ellipticity])
    if len(told) < 2:
        return np.zeros(4)
    values = np.array(told)
    spread: FloatArray = np.sqrt((len(told) - 1) / len(told) * np.sum((values - values.mean(axis=0)) ** 2, axis=0))
    return spread


def _quality(complete: float, significance: float, crater: Crater) -> Quality:
    """A word for a rim: how much of it there is, how clear, how round."""
    if crater.rms_km < 0.05 * crater.radius_km:
        if complete >= 0.75 and significance >= 5.0:
            return "good"
        if complete >= 0.65 and significance >= 4.5:
            return "fair"
    return "poor"
