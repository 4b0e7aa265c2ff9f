"""Doubtful pixels against what other framelets show: a sphere that turns past, drawn by the swath's own geometry."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER, Body
from perijove.calibrate.decompand import SQROOT_DN
from perijove.calibrate.defects import FixedPattern, mend
from perijove.calibrate.quality import Quality
from perijove.calibrate.recheck import Candidates, Ruling, doubtful, odds_of, recheck, revise
from perijove.instrument import SAMPLES, Camera, Filter
from perijove.swath import Swath

FRAMES, DISTANCE_KM = 6, 400000.0
BANDS = (Filter.BLUE, Filter.GREEN, Filter.RED)
WHITE = dict.fromkeys(BANDS, 2000.0)
FloatArray = NDArray[np.float64]


def attitudes() -> FloatArray:
    """Camera from j2000: looking along -X at the body, turning about the camera's X by 115 lines a frame."""
    looking = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    angles = (np.arange(FRAMES) - 2.5) * 115.0 / 1480.0
    turns = [np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]) for a in angles]
    return np.stack([turn @ looking for turn in turns])


def swaths(peaks: FloatArray, brightness: float, ground: bool, level: float) -> list[Swath]:
    """Framelets of an even light with points of light at `peaks` (n, 3): body-fixed km, or directions in j2000."""
    camera, et = Camera.measured(), np.arange(FRAMES) * 0.37
    position = np.tile([-DISTANCE_KM, 0.0, 0.0], (FRAMES, 1))
    rng = np.random.default_rng(1)
    out = []
    for band in BANDS:
        light = level + rng.normal(0.0, 1.0, (FRAMES, 128, SAMPLES))
        for f, attitude in enumerate(attitudes()):
            to = peaks @ JUPITER.body_from_j2000(et[f]) - position[f] if ground else peaks
            for line, sample in camera.pixel(band, to @ attitude.T):
                if 0 < line < 128 and 0 < sample < SAMPLES:
                    i, j = np.mgrid[:128, :SAMPLES]
                    near = (np.abs(i + 0.5 - line) < 4) & (np.abs(j + 0.5 - sample) < 4)
                    away = (i[near] + 0.5 - line) ** 2 + (j[near] + 0.5 - sample) ** 2
                    light[f][near] += brightness * np.exp(-away / (2 * 0.65**2))
        out.append(Swath(band, camera, 1, light.astype(np.float32), et, position, attitudes()))
    return out


def candidates_at(swath: Swath, places: list[tuple[int, int, int]]) -> Candidates:
    index = np.sort([np.ravel_multi_index(p, swath.light.shape) for p in places]).astype(np.int64)
    seen = swath.light.reshape(-1)[index].copy()
    # what a repair would have left there: a candidate's own reading must come from the candidates
    for place in index:
        f, i, j = np.unravel_index(place, swath.light.shape)
        swath.light[f, i, j] = np.median(swath.light[f, i - 2 : i + 3, j - 2 : j + 3])
    return Candidates(index, seen, np.ones(len(index), np.float32))


def none_of(swath: Swath) -> Candidates:
    return Candidates(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32))


def brightest(swath: Swath) -> list[tuple[int, int, int]]:
    """The highest pixel of each peak of a swath, two pixels and more from the border."""
    top = swath.light == np.stack([cv2.dilate(plane, np.ones((9, 9))) for plane in swath.light])
    high = top & (swath.light > np.median(swath.light) + 8.0)
    return [(f, i, j) for f, i, j in np.argwhere(high).tolist() if 3 <= i < 125 and 3 <= j < SAMPLES - 3]


def surface_points() -> FloatArray:
    y = np.linspace(-40000.0, 40000.0, 7)
    y, z = (a.ravel() for a in np.meshgrid(y, y / 2))
    x = -np.sqrt(1.0 - (y / 71492.0) ** 2 - (z / 66854.0) ** 2) * 71492.0
    return np.stack([x, y, z], axis=1) @ JUPITER.body_from_j2000(0.9).T


def on_jupiter(points: FloatArray, body: Body = JUPITER) -> FloatArray:
    return points / np.linalg.norm(points / np.array(body.radii_km), axis=1, keepdims=True)


@pytest.mark.parametrize("ground", [True, False])
def test_what_all_show_is_scene(ground: bool) -> None:
    if ground:
        peaks, level = on_jupiter(surface_points()), 200.0
    else:
        # beside the planet, which fills 10 degrees either way
        across = np.linspace(0.24, 0.5, 8)
        peaks = np.stack([np.ones(8), across, np.linspace(-0.1, 0.1, 8)], axis=1)
        level = 0.0
    strip = swaths(peaks, 40.0, ground, level)
    found = {s.band: candidates_at(s, brightest(s)) for s in strip}
    assert all(len(c.index) >= 5 for c in found.values())
    rulings = recheck(strip, found, JUPITER, WHITE)
    for band in BANDS:
        assert rulings[band].scene.mean() > 0.9
        assert not rulings[band].hit.any()


@pytest.mark.parametrize("level", [0.0, 200.0])
def test_what_one_alone_shows_is_a_hit(level: float) -> None:
    strip = swaths(np.empty((0, 3)), 0.0, True, level)
    green = strip[1]
    rng = np.random.default_rng(3)
    places = [
        (f, int(i), int(j))
        for f in (2, 3)
        for i, j in zip(rng.integers(5, 120, 30), rng.integers(300, 1300, 30), strict=True)
    ]
    for place in places:
        green.light[place] += 40.0
    found = {s.band: none_of(s) for s in strip} | {Filter.GREEN: candidates_at(green, places)}
    ruling = recheck(strip, found, JUPITER, WHITE)[Filter.GREEN]
    assert ruling.hit.mean() > 0.9
    assert not ruling.scene.any()


def test_without_another_framelet_nothing_is_decided() -> None:
    strip = swaths(np.empty((0, 3)), 0.0, True, 200.0)
    lone = replace(
        strip[0],
        light=strip[0].light[:1].copy(),
        et=strip[0].et[:1],
        position_km=strip[0].position_km[:1],
        camera_from_j2000=strip[0].camera_from_j2000[:1],
    )
    lone.light[0, 60, 800] += 50.0
    ruling = recheck([lone], {Filter.BLUE: candidates_at(lone, [(0, 60, 800)])}, JUPITER, WHITE)[Filter.BLUE]
    assert not ruling.scene.any()
    assert not ruling.hit.any()


def test_a_peak_as_foretold_speaks_for_the_scene_and_none_against_it() -> None:
    assert odds_of(30.0, 30.0, 2.0) > 5
    assert odds_of(60.0, 30.0, 2.0) > 5
    assert odds_of(0.0, 30.0, 2.0) < -1
    assert abs(odds_of(1.0, 1.0, 10.0)) < 0.1


def test_revising_puts_scene_back_and_takes_hits_out() -> None:
    shape = (1, 128, SAMPLES)
    codes = np.rint(100 + np.random.default_rng(2).normal(0, 0.7, shape)).astype(np.uint8)
    codes[0, 30, 400], codes[0, 60, 800] = 160, 150
    # a speck spread over several pixels, which may be a cloud
    codes[0, 88:93, 1198:1203] += np.array([0, 3, 6, 3, 0], np.uint8)[:, None] + np.array([0, 3, 6, 3, 0], np.uint8)
    codes[0, 90, 1200] += 30
    pattern = FixedPattern(np.zeros(shape[1:], np.float32), np.ones(shape[1:], np.float32))
    done = mend(codes, SQROOT_DN, pattern)
    done.quality[0, 90, 1200] = Quality.SUSPECT
    done.codes[0, 90, 1200] = codes[0, 90, 1200]
    keep = done.index != 90 * SAMPLES + 1200
    done = replace(done, index=done.index[keep], sigma_codes=done.sigma_codes[keep])
    places = doubtful(done.quality)
    odds = np.zeros(len(places), np.float32)
    odds[places == 30 * SAMPLES + 400] = 5.0
    odds[places == 90 * SAMPLES + 1200] = -9.0
    after = revise(codes, SQROOT_DN, done, Ruling(odds))
    assert (after.mended.codes[0, 30, 400], after.mended.quality[0, 30, 400]) == (160, 0)
    assert (after.mended.codes[0, 60, 800], after.mended.quality[0, 60, 800]) == (done.codes[0, 60, 800], Quality.HIT)
    assert after.mended.quality[0, 90, 1200] == Quality.HIT
    assert after.mended.codes[0, 90, 1200] < codes[0, 90, 1200] - 10
    assert after.changed.tolist() == [30 * SAMPLES + 400, 90 * SAMPLES + 1200]
    assert np.all(np.diff(after.mended.index) > 0)
    assert len(after.mended.index) == len(after.mended.sigma_codes) == len(done.index)
