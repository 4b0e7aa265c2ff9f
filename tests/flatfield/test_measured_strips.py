"""Two short simulated strips with a planted response, measured with the geometry they truly had."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from perijove.flatfield.estimate import calibration_frames, estimate_band, gather
from perijove.flatfield.measure import measure_strip, uncut
from perijove.flatfield.places import places, seen_in_next
from perijove.instrument import LIT_SAMPLES, Camera, Filter
from perijove.io.labels import parse_label
from perijove.raw import RawImage
from perijove.simulate.detector import Detector
from perijove.simulate.ground import ground_seen
from perijove.simulate.scenes import perijove_scene
from perijove.simulate.strip import take

BAND = Filter.GREEN
CHIP = Detector(column_gain=0.02, dust_spots=40.0, hits_per_framelet=0.0)


def observe_truly(scene, shot):
    """What an observation would be if the solution were the truth."""
    strip = take(scene, shot, per_side=1)
    label = parse_label(json.dumps(strip.label), Path(strip.label_name))
    raw = RawImage(label, strip.exposed.codes, Path(strip.strip_name), "0" * 64)
    et = strip.timing.et
    lens = scene.lens

    def camera_from_j2000(at):
        return np.swapaxes(scene.spin.j2000_from_camera(at), -1, -2)

    pointing = SimpleNamespace(
        et=et, position_km=scene.flight.position(et), spin=SimpleNamespace(camera_from_j2000=camera_from_j2000),
        camera=Camera(lens.shift, lens.scale).integrating(shot.stages), velocity_km_s=scene.flight.velocity(et),
    )  # fmt: skip
    sun = scene.sun(float(et.mean()))
    return SimpleNamespace(raw=raw, pointing=pointing, body=scene.flight.body, sun=sun / np.linalg.norm(sun))


@pytest.fixture(scope="module")
def strips():
    scene = replace(perijove_scene(27, 3, (45.0, 65.0)), detector=CHIP)
    shots = [replace(s, filters=(BAND,), frames=11, stages=2, compression="HUFFMAN") for s in scene.shots if s.exposed]
    return scene, shots, [observe_truly(scene, shot) for shot in shots]


@pytest.fixture(scope="module")
def measured(strips):
    return [measure_strip(o, k, 0) for k, o in enumerate(strips[2])]


def test_places_are_where_the_simulator_looked(strips):
    scene, shots, (first, _) = strips
    at = places(first.pointing, first.body, first.sun, BAND, len(first.pointing.et))
    frame = 7
    line, sample = np.meshgrid(at.line, at.sample, indexing="ij")
    truth = ground_seen(scene, shots[0], BAND, float(first.pointing.et[frame]), line.ravel(), sample.ravel())
    ground = at.ground[frame].reshape(-1, 3)
    on = np.isfinite(ground[:, 0]) & np.isfinite(truth[:, 0])
    assert on.sum() > 500
    # a hundredth of a pixel; the flight past the planet leans light by 0.2
    px = (np.linalg.norm(first.pointing.position_km[frame]) - 66854) / 1480.0
    np.testing.assert_allclose(ground[on], truth[on], rtol=0, atol=0.01 * px)
    there = seen_in_next(first.pointing, first.body, BAND, frame, ground[on])
    there = there[np.isfinite(there[:, 0])]
    assert len(there) > 500
    again = ground_seen(scene, shots[0], BAND, float(first.pointing.et[frame + 1]), *there.T)
    np.testing.assert_allclose(again, ground[on], rtol=0, atol=0.01 * px)


def test_ties_tell_the_tilt_of_the_lines(strips, measured):
    tie = np.concatenate([m[BAND].large.tie for m in measured])
    assert len(tie) > 50
    flat = CHIP.flat(BAND)[:, 24:1630].mean(axis=1)
    # the same default response was taken off both ends: what is left is no step
    assert np.median(tie[:, 4]) == pytest.approx(0.0, abs=0.004)
    assert flat[-1] != flat[0]


def test_columns_and_dust_come_out(measured):
    gathered = {}
    for k, strip in enumerate(measured):
        gathered = gather(gathered, strip, k)
    estimate = estimate_band(BAND, gathered[BAND])
    flat = estimate.frames.flat[:, LIT_SAMPLES].astype(float)
    planted = CHIP.flat(BAND)[:, LIT_SAMPLES].astype(float)
    columns = [np.median(f, axis=0) for f in (flat, planted)]
    fine = [c / np.convolve(np.pad(c, 8, mode="edge"), np.ones(17) / 17, "valid") - 1 for c in columns]
    halves = [np.median(half.n[:, LIT_SAMPLES], axis=0) for half in gathered[BAND].detail]
    seen = np.minimum(*halves) > 3
    assert seen.sum() > 300
    assert np.corrcoef(fine[0][seen], fine[1][seen])[0, 1] > 0.9
    # what one strip alone shows is left even
    alone = (np.minimum(*halves) == 0) & (np.maximum(*halves) > 6)
    assert alone.sum() > 100
    assert np.std(fine[0][alone]) < 0.2 * np.std(fine[1][alone])
    frames = calibration_frames({BAND: estimate}, "two", "two strips")
    assert frames.at(BAND, 64).flat.shape == (64, 824)
    assert np.nanmean(estimate.frames.flat) == pytest.approx(1.0, abs=1e-4)
    assert np.nanmean(estimate.frames.bias) == pytest.approx(0.0, abs=1e-4)


def test_an_offset_shows_whole_in_light_and_in_part_in_the_dark():
    share = uncut(-0.45, -0.3, np.array([0.0, 6.0], np.float32))
    assert share[1] == pytest.approx(1.0, abs=0.02)
    # the same by numbers: a Gaussian about the level, rounded, cut at 0
    rng = np.random.default_rng(1)
    noise = rng.normal(-0.45, 1.09, 2_000_000)

    def mean(offset):
        number = np.maximum(np.rint(noise + offset), 0)
        return np.where(number > 0, number + 0.45, -0.3).mean()

    assert share[0] == pytest.approx((mean(0.1) - mean(-0.1)) / 0.2, abs=0.03)
