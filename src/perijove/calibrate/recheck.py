"""Recheck: what looked like a hit, or might have been one, looked up where other framelets see the same place.

The camera sees each place of the ground, and each direction of the sky, through every filter within a second or two,
and at the framelets' ends twice through the same one. A cloud, a crater or a star is there each time; a hit is not.
This needs the pointing, so it comes after the solution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.calibrate.defects import NO_SOURCE, Mended
from perijove.calibrate.medians import median_of
from perijove.calibrate.outliers import code_sigma
from perijove.calibrate.quality import Quality
from perijove.calibrate.repair import between
from perijove.geometry.ellipsoid import intersect
from perijove.instrument import FRAMELET_LINES, RADIAL_K1, RADIAL_K2, Filter
from perijove.jit import kernel
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]

DOUBTFUL = int(Quality.HIT | Quality.FLIPPED | Quality.SUSPECT)
PEAK_PX = 0.8
"""Sigma of the Gaussian by which the light of a peak is gathered, px: about the point spread, so that it matters little
where in a pixel a star falls."""
TOLERANCE = 0.4
"""Sigma by which a peak of the scene may differ from filter to filter, as a share of it: colours, pixels, pointing."""
FAINTER = 0.85
"""Share of a peak that another framelet shows in the mean: what is chosen for being bright is less so elsewhere."""
MOST = 6.0
"""No one look counts for more (logarithm of the odds)."""
STRAY = 0.003
"""Chance that something else than the scene or a hit makes a peak in another framelet."""
SKY_LIGHT = 0.005
"""Light, as a share of a white surface's, below which what is around a candidate says nothing of its colour."""
FEW_STARS = -2.5
"""Logarithm of the odds in the sky before anything is looked up: in all strips hits are many more than stars."""
DARK_NOISE_DN = 2.2
"""Least noise of a gathered peak of unsummed pixels: in the dark those around it, most of them 0, tell too little."""
SCENE_ODDS, HIT_ODDS = 2.0, -3.5
"""Logarithms of the odds beyond which a candidate is decided; a single look where nothing is to be seen gives -3.6."""


@dataclass(frozen=True)
class Candidates:
    """Doubtful pixels of one filter: `index` (n,) int64, rising, in the flat light of its swath; `seen` (n,) float32
    the light that was read there, in the swath's unit; `sigma` (n,) float32 its noise."""

    index: NDArray[np.int64]
    seen: Plane
    sigma: Plane


@dataclass(frozen=True)
class Ruling:
    """What became of the candidates of a filter: `odds` (n,) float32 is the logarithm of the odds that it is scene.

    On the ground 0, in the sky `FEW_STARS`, where no other framelet sees the place or none can tell.
    """

    odds: Plane

    @property
    def scene(self) -> NDArray[np.bool_]:
        """Candidates (n,) that other framelets show as well."""
        return self.odds > SCENE_ODDS

    @property
    def hit(self) -> NDArray[np.bool_]:
        """Candidates (n,) that other framelets should show and do not."""
        return self.odds < HIT_ODDS


@dataclass(frozen=True)
class Revised:
    """A filter's framelets after the recheck, and the places (m,) int64 of its flat arrays whose code has changed."""

    mended: Mended
    changed: NDArray[np.int64]


def doubtful(quality: Codes) -> NDArray[np.int64]:
    """Places (n,) in the flat quality plane of a filter that are to be rechecked."""
    return np.flatnonzero(quality & np.uint8(DOUBTFUL))


def recheck(
    swaths: Sequence[Swath],
    candidates: Mapping[Filter, Candidates],
    body: Body,
    dn_per_light: Mapping[Filter, float] | None = None,
) -> dict[Filter, Ruling]:
    """Look the candidates of a strip up in the other framelets of all its swaths.

    `dn_per_light` is the light of a white surface in each filter, in the unit of the swaths' light: a star's brightness
    in one filter is foretold from that in another by it. None where the light is I/F. What a swath's light shows at a
    candidate is what was put there; what was read there is taken from the candidates.
    """
    per_light = {s.band: 1.0 if dn_per_light is None else float(dn_per_light[s.band]) for s in swaths}

    def one(swath: Swath) -> Ruling:
        return Ruling(_odds(swath, swaths, candidates, body, per_light, 0.0 if dn_per_light is None else DARK_NOISE_DN))

    with ThreadPoolExecutor(2) as pool:
        return {s.band: ruling for s, ruling in zip(swaths, pool.map(one, swaths), strict=True)}


def _odds(
    swath: Swath,
    swaths: Sequence[Swath],
    candidates: Mapping[Filter, Candidates],
    body: Body,
    per_light: Mapping[Filter, float],
    dark_noise: float,
) -> Plane:
    """The logarithm of the odds (n,) that each candidate of one swath is scene."""
    mine = candidates[swath.band]
    if not len(mine.index):
        return np.zeros(0, np.float32)
    frame, line, sample = np.unravel_index(mine.index, swath.light.shape)
    frame = np.ascontiguousarray(frame, np.int64)
    place, on_ground = _places(swath, body, frame, line, sample)
    odds = np.where(on_ground, 0.0, FEW_STARS).astype(np.float32)
    peak, level = np.empty(len(frame)), np.empty(len(frame))
    own_peaks(swath.light, mine.index, mine.seen, frame, line.astype(np.int64), sample.astype(np.int64), peak, level)
    for other in swaths:
        theirs = candidates[other.band]
        turns, offsets, looks = _matrices(other, body)
        optics = np.array(
            [*other.camera.centre(other.band), other.camera.focal_length(other.band), RADIAL_K1, RADIAL_K2]
        )
        look_up(
            other.light, theirs.index, theirs.seen, turns, offsets, looks, optics, float(other.binning),
            other.band == swath.band, place, on_ground, frame, peak, level, mine.sigma,
            per_light[swath.band], per_light[other.band], dark_noise / other.binning, odds,
        )  # fmt: skip
    return odds


def _places(
    swath: Swath, body: Body, frame: NDArray[np.int64], line: NDArray[np.intp], sample: NDArray[np.intp]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Where candidates look: the ground (n, 3) km body-fixed, or beside the body the direction (n, 3) in j2000."""
    step = swath.binning
    ray = swath.camera.ray(swath.band, (line + 0.5).astype(float) * step, (sample + 0.5).astype(float) * step)
    sky = np.einsum("nji,nj->ni", swath.camera_from_j2000[frame], ray)
    to_body = body.body_from_j2000(swath.et)
    origin = np.einsum("nij,nj->ni", to_body, swath.position_km)
    ground = intersect(origin[frame], np.einsum("nij,nj->ni", to_body[frame], sky), body.radii_km)
    on_ground = np.isfinite(ground[:, 0])
    return np.where(on_ground[:, None], ground, sky), on_ground


def _matrices(swath: Swath, body: Body) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For each frame: camera from body (n, 3, 3), what is added to it (n, 3) km, and camera from j2000 (n, 3, 3)."""
    looks = np.ascontiguousarray(swath.camera_from_j2000, float)
    turns = looks @ body.body_from_j2000(swath.et).transpose(0, 2, 1)
    return np.ascontiguousarray(turns), -np.einsum("nij,nj->ni", looks, swath.position_km), looks


@kernel
def own_peaks(
    light: Plane,
    index: NDArray[np.int64],
    seen: Plane,
    frame: NDArray[np.int64],
    line: NDArray[np.int64],
    sample: NDArray[np.int64],
    peak: FloatArray,
    level: FloatArray,
) -> None:
    """Fill `peak` and `level` (n,) of candidates in their own framelets."""
    patch, ring = np.empty(25), np.empty(16)
    for k in range(len(frame)):
        peak[k], level[k], _ = peak_at(light, index, seen, frame[k], line[k] + 0.5, sample[k] + 0.5, patch, ring)


@kernel
def look_up(
    light: Plane,
    index: NDArray[np.int64],
    seen: Plane,
    turns: FloatArray,
    offsets: FloatArray,
    looks: FloatArray,
    optics: FloatArray,
    binning: float,
    same: bool,
    place: FloatArray,
    on_ground: NDArray[np.bool_],
    frame: NDArray[np.int64],
    peak: FloatArray,
    level: FloatArray,
    sigma: Plane,
    per_light: float,
    per_light_there: float,
    least: float,
    odds: Plane,
) -> None:
    """Add to `odds` (n,) what the framelets of one swath say of candidates; `same` if these are of that swath too.

    No noise is taken to be below `least`. `optics` is the centre's line and sample, the focal length, and the
    coefficients of the distortion, native px.
    """
    frames, lines, _ = light.shape
    patch, ring = np.empty(25), np.empty(16)
    # a peak there may be a hit of its own, among the nine pixels that are looked at: it proves less where hits are many
    most = min(-np.log(9.0 * len(index) / max(light.size, 1) + STRAY), MOST)
    for k in range(len(frame)):
        if not peak[k] > 0.0:
            continue
        # two neighbouring frames tell how far the place moves from one to the next
        f = min(max(frame[k], 0), frames - 2) if frames > 1 else 0
        here, _ = project(turns, offsets, looks, optics, place, on_ground[k], f, k)
        there, _ = project(turns, offsets, looks, optics, place, on_ground[k], min(f + 1, frames - 1), k)
        step = there - here
        nearest = f if not abs(step) > 1.0 else f + int(np.rint((0.5 * lines * binning - here) / step))
        for g in range(max(nearest - 1, 0), min(nearest + 2, frames)):
            if same and g == frame[k]:
                continue
            at_line, at_sample = project(turns, offsets, looks, optics, place, on_ground[k], g, k)
            if not 0.0 < at_line < lines * binning:
                continue
            shown, around, noise = peak_at(light, index, seen, g, at_line / binning, at_sample / binning, patch, ring)
            if np.isnan(shown):
                continue
            # relative contrast on the ground, colour of the Sun in the sky
            ratio = (max(around, 0.0) + per_light_there * SKY_LIGHT) / (max(level[k], 0.0) + per_light * SKY_LIGHT)
            noise = max(noise, 0.7 * sigma[k] * np.sqrt(ratio), least)
            odds[k] += min(odds_of(shown, peak[k] * ratio, noise), most)


@kernel
def project(
    turns: FloatArray,
    offsets: FloatArray,
    looks: FloatArray,
    optics: FloatArray,
    place: FloatArray,
    on_ground: bool,
    f: int,
    k: int,
) -> tuple[float, float]:
    """Native pixel (line, sample) at which frame f shows place k; NaN behind the camera."""
    x, y, z = place[k, 0], place[k, 1], place[k, 2]
    m = turns[f] if on_ground else looks[f]
    u = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
    v = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
    w = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
    if on_ground:
        u, v, w = u + offsets[f, 0], v + offsets[f, 1], w + offsets[f, 2]
    if not w > 0.0:
        return np.nan, np.nan
    u, v = u / w * optics[2], v / w * optics[2]
    r2 = u * u + v * v
    factor = 1.0 + r2 * (optics[3] + r2 * optics[4])
    return v * factor + optics[0], u * factor + optics[1]


@kernel
def peak_at(
    light: Plane,
    index: NDArray[np.int64],
    seen: Plane,
    f: int,
    line: float,
    sample: float,
    patch: FloatArray,
    ring: FloatArray,
) -> tuple[float, float, float]:
    """Light above its surroundings at a continuous place of frame f, the light around, and the noise of the former.

    Gathered by a Gaussian of `PEAK_PX`; the light around is the median of the 16 pixels about the 3 x 3 nearest. What
    was read at candidates counts, not what was put there. NaN within two pixels of the border or of masked samples.
    """
    _, lines, samples = light.shape
    i, j = int(np.floor(line)), int(np.floor(sample))
    if not (2 <= i < lines - 2 and 2 <= j < samples - 2):
        return np.nan, np.nan, np.nan
    for m in range(5):
        start = (f * lines + i + m - 2) * samples + j - 2
        for n in range(5):
            patch[5 * m + n] = light[f, i + m - 2, j + n - 2]
        n = np.searchsorted(index, start)
        while n < len(index) and index[n] < start + 5:
            patch[5 * m + index[n] - start] = seen[n]
            n += 1
    count = 0
    for m in range(5):
        for n in range(5):
            if np.isnan(patch[5 * m + n]):
                return np.nan, np.nan, np.nan
            if m in (0, 4) or n in (0, 4):
                ring[count] = patch[5 * m + n]
                count += 1
    around = median_of(ring, 16)
    total, squares = 0.0, 0.0
    for m in range(1, 4):
        for n in range(1, 4):
            away = (i + m - 1.5 - line) ** 2 + (j + n - 1.5 - sample) ** 2
            weight = np.exp(-0.5 * away / PEAK_PX**2)
            total += weight * (patch[5 * m + n] - around)
            squares += weight * weight
    for n in range(16):
        ring[n] = abs(ring[n] - around)
    return total, around, 1.4826 * median_of(ring, 16) * np.sqrt(squares)


@kernel
def odds_of(shown: float, expected: float, noise: float) -> float:
    """Logarithm of the odds that a peak of which `expected` should show, and `shown` does, is there."""
    spread_there = np.sqrt(noise**2 + (TOLERANCE * expected) ** 2)
    spread_not = np.sqrt(noise**2 + (0.25 * TOLERANCE * expected) ** 2)
    there, absent = (shown - FAINTER * expected) / spread_there, shown / spread_not
    if shown > FAINTER * expected:
        # brighter than foretold speaks for the scene no less than just as bright
        there = 0.0
    value = 0.5 * (absent * absent - there * there) + np.log(spread_not / spread_there)
    return float(min(max(value, -MOST), MOST))


def revise(codes: Codes, table: Plane, mended: Mended, ruling: Ruling, *, lossy: bool = True) -> Revised:
    """What was mended of a filter's framelets, with hits that are scene put back and suspects that are hits replaced.

    `codes` (frames, lines, samples) are those that were read, `ruling` is of the places `doubtful(mended.quality)`.
    A place that is put back has no bit; one that is neither stays as it was.
    """
    places = doubtful(mended.quality)
    was = mended.quality.reshape(-1)[places]
    suspect = (was & np.uint8(Quality.SUSPECT)) != 0
    back, gone = places[ruling.scene], places[ruling.hit & suspect]
    out, quality = mended.codes.copy(), mended.quality.copy()
    flat, bits = out.reshape(-1), quality.reshape(-1)
    bits[back] &= ~np.uint8(DOUBTFUL)
    flat[back] = codes.reshape(-1)[back]
    bits[gone] = (bits[gone] & ~np.uint8(DOUBTFUL)) | np.uint8(Quality.HIT)
    sigma = code_sigma(table, FRAMELET_LINES // codes.shape[1], lossy=lossy)
    errors = np.empty(len(gone), np.float32)
    fill_places(codes, quality, gone, sigma, flat, errors)
    keep = ~np.isin(mended.index, np.concatenate([back, gone]))
    index = np.concatenate([mended.index[keep], gone])
    order = np.argsort(index, kind="stable")
    all_errors = np.concatenate([mended.sigma_codes[keep], errors])[order]
    changed = places[flat[places] != mended.codes.reshape(-1)[places]]
    return Revised(Mended(out, quality, index[order], all_errors), changed)


@kernel
def fill_places(
    codes: Codes, quality: Codes, places: NDArray[np.int64], sigma: FloatArray, flat: Codes, errors: Plane
) -> None:
    """Replace in `flat` the given places of flat framelets from good pixels around; their sigma goes to `errors`."""
    _, lines, samples = codes.shape
    for k in range(len(places)):
        f, rest = divmod(places[k], lines * samples)
        i, j = divmod(rest, samples)
        first, last = max(i - 24, 0), min(i + 25, lines)
        left, right = max(j - 24, 0), min(j + 25, samples)
        source = (quality[f, first:last, left:right] & np.uint8(NO_SOURCE)) == 0
        value, error = between(codes[f, first:last, left:right], source, sigma, i - first, j - left)
        if not np.isnan(value):
            flat[places[k]] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
        errors[k] = error
