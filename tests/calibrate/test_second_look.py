"""The second look at what may be hits: a simulated strip with stars and hits, whose true pointing is given."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.calibrate import Calibrated, calibrate
from perijove.calibrate.framelets import Treatment
from perijove.calibrate.quality import Quality
from perijove.calibrate.second_look import look_again
from perijove.instrument import Camera, Filter
from perijove.raw import RawImage
from perijove.simulate.compression import LOSSLESS
from perijove.simulate.detector import Detector, Exposed, expose
from perijove.simulate.optics import STAGE_S, Lens
from perijove.simulate.particles import BELT_HITS
from perijove.simulate.photograph import Photograph, photograph
from perijove.simulate.scene import Scene
from perijove.simulate.scenes import named_scene
from perijove.simulate.stars import Stars, star_light
from perijove.simulate.world import BANDS
from perijove.swath import split_by_filter

MakeRaw = Callable[..., RawImage]
Mask = NDArray[np.bool_]
COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)
SEED, SUN_KM = 815, 7.44e8
FEW_HITS = 40.0
FRAMES = 10
INNER = slice(3, 7)
"""Frames of which every place is seen through all filters: these stand 155 lines apart, and frames 113."""


@dataclass(frozen=True)
class Looked:
    """A strip before and after the second look, and what is true of it."""

    raw: RawImage
    exposed: Exposed
    before: Calibrated
    after: Calibrated

    def bits(self, band: Filter, *, then: bool) -> NDArray[np.uint8]:
        return (self.after if then else self.before).quality[band]

    def had(self, band: Filter, bit: Quality) -> Mask:
        return np.asarray((self.bits(band, then=False) & np.uint8(bit)) != 0)

    def has(self, band: Filter, bit: Quality) -> Mask:
        return np.asarray((self.bits(band, then=True) & np.uint8(bit)) != 0)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Jupiter among stars of magnitude -4 to -1.5, so sharp that many look like hits."""
    scene = named_scene("perijove-44", SEED)
    rng, count = np.random.default_rng(SEED), 6000
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    stars = Stars(direction, rng.uniform(-4.0, -1.5, count), np.ones((count, 4)))
    return replace(scene, world=replace(scene.world, stars=stars), lens=Lens(blur_px=0.3))


@pytest.fixture(scope="module")
def shown(scene: Scene) -> Photograph:
    return photograph(scene, replace(scene.shots[0], frames=FRAMES, filters=COLOURS), per_side=1)


@pytest.fixture(scope="module")
def starlit(scene: Scene, shown: Photograph) -> dict[Filter, Mask]:
    """Where a star stands within a pixel and a half, (frames, 128, 1648) by filter."""
    out = {band: np.zeros(plane.shape, bool) for band, plane in shown.light.items()}
    line, sample = np.mgrid[:128, :1648] + 0.5
    assert scene.world.stars is not None
    for f, et in enumerate(shown.timing.et):
        place = scene.flight.position(et)
        nadir = -place / np.linalg.norm(place)
        size = np.arcsin(1.005 * JUPITER.radii_km[0] / np.linalg.norm(place))
        for band in COLOURS:
            pixels, _ = star_light(
                scene.world.stars, scene.lens, band, BANDS.index(band), scene.spin.j2000_from_camera(et).T, 1, SUN_KM,
                hidden=(nadir, float(np.cos(size))),
            )  # fmt: skip
            for y, x in pixels:
                box = np.s_[max(int(y) - 2, 0) : int(y) + 3, max(int(x) - 2, 0) : int(x) + 3]
                out[band][f][box] |= (np.abs(line[box] - y) < 1.5) & (np.abs(sample[box] - x) < 1.5)
    return out


@pytest.fixture(scope="module")
def looked(scene: Scene, shown: Photograph, make_raw: MakeRaw) -> Callable[[float], Looked]:
    """A function from the number of hits in a blue framelet to the strip."""
    kept: dict[float, Looked] = {}

    def one(hits: float) -> Looked:
        if hits not in kept:
            detector = Detector(hits_per_framelet=hits)
            exposed = expose(
                shown.light, detector, exposure_s=STAGE_S, perijove=44, sun_distance_km=SUN_KM, filters=COLOURS,
                compression=LOSSLESS, seed=SEED,
            )  # fmt: skip
            codes = exposed.codes.reshape(-1, 3, 128, 1648)
            raw = make_raw({band: codes[:, k] for k, band in enumerate(COLOURS)}, "SQROOT")
            raw = replace(raw, label=replace(raw.label, compression=LOSSLESS, sun_distance_km=SUN_KM))
            before = calibrate(raw)
            et = shown.timing.et
            attitude = np.swapaxes(scene.spin.j2000_from_camera(et), 1, 2)
            swaths = split_by_filter(before.light, Camera.measured(), 1, et, scene.flight.position(et), attitude)
            kept[hits] = Looked(raw, exposed, before, look_again(raw, before, swaths, JUPITER))
        return kept[hits]

    return one


Look = Callable[[float], Looked]


def put_back(strip: Looked, where: Callable[[Filter], Mask]) -> tuple[int, int]:
    """How many pixels that were taken for hits come back, of how many; of the inner frames, `where` it is true."""
    taken = back = 0
    for band in COLOURS:
        was = (strip.had(band, Quality.HIT) & where(band))[INNER]
        taken, back = taken + int(was.sum()), back + int((was & ~strip.has(band, Quality.HIT)[INNER]).sum())
    return back, taken


def test_stars_that_were_taken_for_hits_come_back(looked: Look, starlit: dict[Filter, Mask]) -> None:
    strip = looked(FEW_HITS)
    back, taken = put_back(strip, lambda band: starlit[band] & ~strip.exposed.hits[band])
    assert taken > 100
    assert back > 0.85 * taken


def test_hits_stay_replaced(looked: Look, starlit: dict[Filter, Mask]) -> None:
    strip = looked(FEW_HITS)
    back, taken = put_back(strip, lambda band: strip.exposed.hits[band] & ~starlit[band])
    assert taken > 300
    # by chance another hit, a hot place or a star stands where one is looked for
    assert back < 0.03 * taken


def test_suspects_that_are_hits_are_replaced(looked: Look, starlit: dict[Filter, Mask]) -> None:
    strip = looked(BELT_HITS)
    replaced = right = stars = stars_gone = 0
    for band in COLOURS:
        was, gone = strip.had(band, Quality.SUSPECT)[INNER], strip.has(band, Quality.HIT)[INNER]
        defect = strip.exposed.hits[band][INNER] | strip.exposed.hot[band]
        replaced, right = replaced + int((was & gone).sum()), right + int((was & gone & defect).sum())
        star = was & starlit[band][INNER] & ~defect
        stars, stars_gone = stars + int(star.sum()), stars_gone + int((star & gone).sum())
    assert right > 100
    assert right > 0.8 * replaced
    assert stars > 50
    assert stars_gone < 0.02 * stars


def test_what_replaces_a_suspect_is_near_the_truth(looked: Look) -> None:
    strip = looked(BELT_HITS)
    for band in COLOURS:
        gone = strip.had(band, Quality.SUSPECT) & strip.has(band, Quality.HIT) & strip.exposed.hits[band]
        truth = strip.exposed.dn[band][gone]
        before, after = strip.before.light[band][gone], strip.after.light[band][gone]
        assert gone.sum() > 50
        assert np.median(np.abs(after - truth)) < 0.3 * np.median(np.abs(before - truth))


def test_what_comes_back_is_what_was_read(looked: Look) -> None:
    strip = looked(FEW_HITS)
    bare = calibrate(strip.raw, Treatment(mend=False))
    for band in COLOURS:
        back = strip.had(band, Quality.HIT) & ~strip.has(band, Quality.HIT)
        assert back.any()
        # a hot place stays one
        assert not (strip.bits(band, then=True)[back] & ~np.uint8(Quality.HOT | Quality.SPOT)).any()
        codes = strip.after.details[band].mended.codes
        np.testing.assert_array_equal(codes[back], strip.raw.framelets(band)[back])
        # dark structure and stray light are found anew without mending
        apart = np.abs(strip.after.light[band][back] - bare.light[band][back])
        assert np.percentile(apart, 50) < 0.1
        assert np.percentile(apart, 90) < 0.6


def test_where_hits_are_many_none_is_put_back(looked: Look) -> None:
    strip = looked(BELT_HITS)
    for band in COLOURS:
        was = strip.had(band, Quality.HIT)
        assert was.mean() > 0.002
        assert strip.has(band, Quality.HIT)[was].all()
        assert not (strip.had(band, Quality.SUSPECT) & (strip.bits(band, then=True) == 0)).any()


@pytest.mark.parametrize("hits", [FEW_HITS, BELT_HITS])
def test_light_changes_only_where_the_ruling_changed_it(looked: Look, hits: float) -> None:
    strip = looked(hits)
    doubtful = Quality.HIT | Quality.FLIPPED | Quality.SUSPECT
    for band in COLOURS:
        old, new = strip.before.details[band], strip.after.details[band]
        before, after = strip.before.light[band], strip.after.light[band]
        ruled = strip.bits(band, then=False) != strip.bits(band, then=True)
        assert ruled.any()
        assert strip.had(band, doubtful)[ruled].all()
        np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
        assert not ((after != before) & np.isfinite(before))[~ruled].any()
        # light and codes keep step: each code means its number, over the response
        frame = np.arange(len(before))[:, None, None]
        change = new.values[frame, new.mended.codes] - old.values[frame, old.mended.codes]
        lit = np.isfinite(before)
        np.testing.assert_allclose((after - before)[lit], (change / new.response)[lit], atol=2e-3)
        np.testing.assert_array_equal(new.mended.quality, strip.bits(band, then=True))


@pytest.mark.parametrize("hits", [FEW_HITS, BELT_HITS])
def test_what_was_replaced_is_listed_with_its_sigma(looked: Look, hits: float) -> None:
    strip = looked(hits)
    replaced = np.uint8(Quality.HIT | Quality.FLIPPED | Quality.FILLED)
    for band in COLOURS:
        mended = strip.after.details[band].mended
        assert (np.diff(mended.index) > 0).all()
        np.testing.assert_array_equal(mended.index, np.flatnonzero(strip.bits(band, then=True) & replaced))
        assert len(mended.sigma_codes) == len(mended.index)
        variance = strip.after.variance(band)
        lit = np.isfinite(strip.after.light[band])
        assert (variance[lit] > 0).all()


def test_what_went_in_is_left_as_it_was(looked: Look) -> None:
    strip = looked(FEW_HITS)
    again = calibrate(strip.raw)
    for band in COLOURS:
        np.testing.assert_array_equal(strip.before.light[band], again.light[band])
        np.testing.assert_array_equal(strip.before.quality[band], again.quality[band])
        np.testing.assert_array_equal(strip.before.details[band].mended.codes, again.details[band].mended.codes)
