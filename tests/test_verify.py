"""Verification: a solution that is the truth has no errors, one that is known to be off is told to be off by that."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.attitude.pointing import LimbPoints, Pointing
from perijove.attitude.spin import SpinModel, camera_from_spin
from perijove.instrument import Camera, Filter
from perijove.observation import Observation
from perijove.simulate.frames import Spin
from perijove.simulate.scene import Scene, Shot, time_shot
from perijove.simulate.scenes import ganymede_scene, perijove_scene
from perijove.verify import PixelErrors, Verification, ground_errors, pair_errors, pixel_errors, registration, verify

SCENE = ganymede_scene(3)
SHOT = SCENE.shots[2]
LINE_RAD = 1 / 1480.5905
"""What one px is at the middle of the field: pixel over focal length."""


def spin_model(spin: Spin) -> SpinModel:
    """The true attitude in the solver's terms, by their definition: the phase counts from the axis' node."""
    axis = spin.axis / np.linalg.norm(spin.axis)
    ra, dec = np.arctan2(axis[1], axis[0]), np.arcsin(axis[2])
    x = spin.j2000_from_camera(spin.epoch) @ camera_from_spin(spin.twist, spin.tilt)[:, 0]
    node = np.array([-np.sin(ra), np.cos(ra), 0.0])
    phase = np.arctan2(x @ np.cross(axis, node), x @ node)
    return SpinModel(
        float(ra), float(dec), float(phase), spin.epoch, 2 * np.pi / spin.period_s, spin.twist, spin.tilt
    )  # fmt: skip


def true_pointing(scene: Scene = SCENE, shot: Shot = SHOT) -> Pointing:
    """What a perfect solver would find."""
    et = time_shot(scene, shot).et
    nothing = np.zeros(0)
    limb = LimbPoints(
        nothing.astype(str), nothing.astype(int), nothing, nothing, nothing, nothing.astype(bool), nothing
    )
    return Pointing(
        product_id="TRUE", source="limb", spin=spin_model(scene.spin), camera=Camera.measured(), et=et,
        position_km=scene.flight.position(et), velocity_km_s=scene.flight.velocity(et),
        start_offset_s=0.0, interframe_s=0.0, parameters={}, sigmas={},
        covariance=np.zeros((0, 0)), limb=limb, limb_rms_px=0.0, limb_median_px={}, ties=0, tie_rms_px={},
        sigma_px=0.07, good=True, verdict="",
    )  # fmt: skip


def verified(pointing: Pointing, scene: Scene = SCENE, shot: Shot = SHOT) -> Verification:
    observed = cast("Observation", SimpleNamespace(pointing=pointing, body=scene.flight.body))
    return verify(observed, scene, shot)


def changed(**parts: Any) -> Pointing:
    pointing = true_pointing()
    return replace(pointing, **parts)


def test_the_truth_has_no_errors() -> None:
    found = verified(true_pointing())
    assert found.product_id == "TRUE"
    assert found.sigma_px == 0.07
    # a light time differs by some hundredths of a second between the middle of the disc and its rim
    assert 0 <= found.median_px < 2e-3
    assert found.p95_px < 5e-3
    assert set(found.registration_px) == {"BLUE", "RED"}
    assert max(found.registration_px.values()) < 2e-3
    for angle in (found.attitude_deg, found.axis_deg):
        assert angle == pytest.approx(0.0, abs=3e-6)
    for part in (found.period_s, found.start_s, found.twist_deg, found.tilt_deg):
        assert part == pytest.approx(0.0, abs=1e-9)
    # what the light time and Juno's 18.5 km/s make of the place
    assert found.position_km < 0.5


def test_the_truth_about_jupiter_and_its_other_filters() -> None:
    scene = perijove_scene(44, 2)
    shot = replace(scene.shots[0], filters=(Filter.METHANE,), stages=1)
    found = verified(true_pointing(scene, shot), scene, shot)
    # clouds go 12.6 km/s, a quarter of a second passes between the near side and the rim: 0.02 px of 130 km
    assert found.median_px < 0.03
    assert found.p95_px < 0.05
    assert found.registration_px == {}


@settings(max_examples=20, deadline=None)
@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_a_camera_that_stands_off_is_off_by_that(line: float, sample: float) -> None:
    camera = Camera.measured()
    for band in Filter:
        camera = camera.with_shift(band, *np.add(camera.shift.get(band, (0.0, 0.0)), (line, sample)))
    found = verified(changed(camera=camera))
    off = float(np.hypot(line, sample))
    assert found.median_px == pytest.approx(off, abs=5e-3)
    assert found.p95_px == pytest.approx(off, abs=5e-3)
    assert found.rms_px == pytest.approx(off, abs=5e-3)
    # all filters are: they lie on each other
    assert max(found.registration_px.values()) < 2e-3


def test_one_filter_that_stands_off_is_told_by_registration() -> None:
    shift = Camera.measured().shift.get(Filter.RED, (0.0, 0.0))
    camera = Camera.measured().with_shift(Filter.RED, shift[0] + 0.3, shift[1] - 0.4)
    found = verified(changed(camera=camera))
    assert found.registration_px["RED"] == pytest.approx(0.5, abs=5e-3)
    assert found.registration_px["BLUE"] < 5e-3
    # only every third error is half a pixel
    assert found.median_px < 5e-3
    assert found.p95_px == pytest.approx(0.5, abs=5e-3)


def test_errors_of_the_spin() -> None:
    truth = true_pointing().spin
    turned = verified(changed(spin=replace(truth, phase=truth.phase + 1e-3)))
    assert turned.attitude_deg == pytest.approx(np.degrees(1e-3), rel=1e-4)
    assert turned.axis_deg == pytest.approx(0.0, abs=3e-6)
    # the camera looks square to the axis, so that a turn by 1 mrad moves the scene by 1.48 px along its lines, in the
    # middle; towards the ends of the lines it lies nearer to the axis
    assert 1.2 < turned.median_px < 1e-3 / LINE_RAD + 0.05
    leaning = verified(changed(spin=replace(truth, dec=truth.dec + 2e-3)))
    assert leaning.axis_deg == pytest.approx(np.degrees(2e-3), rel=1e-4)
    slow = verified(changed(spin=replace(truth, rate=2 * np.pi / (SCENE.spin.period_s + 0.01))))
    assert slow.period_s == pytest.approx(0.01, rel=1e-6)
    mounted = verified(changed(spin=replace(truth, twist=truth.twist + 1e-3, tilt=truth.tilt - 2e-3)))
    assert mounted.twist_deg == pytest.approx(np.degrees(1e-3))
    assert mounted.tilt_deg == pytest.approx(np.degrees(-2e-3))


def test_errors_of_time_and_place() -> None:
    pointing = true_pointing()
    late = verified(replace(pointing, et=pointing.et + 0.02))
    assert late.start_s == pytest.approx(0.02, abs=1e-6)
    # 20 ms of a turn of some 30 s
    turn_px = 2 * np.pi / SCENE.spin.period_s * 0.02 / LINE_RAD
    assert 0.8 * turn_px < late.median_px < turn_px + 0.05
    middle = len(pointing.et) // 2
    true_place = SCENE.flight.position(pointing.et)
    away = verified(replace(pointing, position_km=true_place + np.array([3.0, 0.0, 4.0])))
    assert away.position_km == pytest.approx(5.0, abs=1e-2)
    # five km seen from the ground's distance
    distance = np.linalg.norm(true_place[middle]) - 2631.2
    assert 0.0 < away.median_px < 5.0 / distance / LINE_RAD


def test_errors_are_signed_and_know_their_ground() -> None:
    camera = Camera.measured()
    for band in Filter:
        camera = camera.with_shift(band, *np.add(camera.shift.get(band, (0.0, 0.0)), (0.7, -0.2)))
    errors = pixel_errors(changed(camera=camera), SCENE.flight.body, SCENE, SHOT)
    np.testing.assert_allclose(errors.px, np.tile([0.7, -0.2], (len(errors.px), 1)), atol=5e-3)
    np.testing.assert_allclose(np.linalg.norm(errors.ground, axis=1), 2631.2, atol=1e-6)
    assert set(errors.band) == {"BLUE", "GREEN", "RED"}


def test_a_strip_that_misses_the_body_has_no_errors_to_tell() -> None:
    # far off, and with its axis towards the body: the camera looks square to it, whenever it looks
    scene = perijove_scene(44)
    shot = replace(scene.shots[0], near_et=scene.flight.et[0] + 600.0, frames=3)
    scene = replace(scene, spin=replace(scene.spin, axis=-scene.flight.position(shot.near_et)))
    found = verified(true_pointing(scene, shot), scene, shot)
    assert np.isnan([found.median_px, found.p95_px, found.rms_px]).all()
    assert found.registration_px == {}
    assert found.attitude_deg == pytest.approx(0.0, abs=3e-6)


def test_registration_follows_errors_that_vary_over_the_disc() -> None:
    rng = np.random.default_rng(1)
    ground = rng.normal(size=(3000, 3)) + np.array([4.0, 0.0, 0.0])
    ground *= 2631.2 / np.linalg.norm(ground, axis=1, keepdims=True)
    band = np.repeat(["GREEN", "RED", "BLUE"], 1000)
    # all filters share a slope over the disc; red stands 0.3 px off
    px = np.stack([ground[:, 1] / 1000.0, 0.5 * ground[:, 2] / 1000.0], axis=-1)
    px[band == "RED", 0] += 0.3
    found = registration(PixelErrors(px, band, ground))
    assert found["RED"] == pytest.approx(0.3, abs=1e-4)
    assert found["BLUE"] == pytest.approx(0.0, abs=1e-4)
    assert registration(PixelErrors(px[1000:], band[1000:], ground[1000:])) == {}


def seen_as(pointing: Pointing, scene: Scene = SCENE) -> Observation:
    return cast("Observation", SimpleNamespace(pointing=pointing, body=scene.flight.body))


def test_ground_of_the_truth_is_where_it_is() -> None:
    errors = ground_errors(true_pointing(), SCENE.flight.body, SCENE, SHOT)
    assert len(errors.ground) > 100
    # 2e-3 px of a thousand km
    assert np.abs(errors.error_km).max() < 0.02
    np.testing.assert_allclose(np.linalg.norm(errors.ground, axis=1), 2631.2, atol=1e-6)


def test_two_strips_that_err_alike_lie_on_each_other() -> None:
    # ten minutes apart, some 130 and 120 thousand km away
    scene = perijove_scene(44, 2)
    shots = [replace(shot, stages=1) for shot in scene.shots[:2]]
    both = [replace(true_pointing(scene, shot), product_id=f"S{k}") for k, shot in enumerate(shots)]
    (pair,) = pair_errors([seen_as(p, scene) for p in both], scene, shots)
    assert (pair.first, pair.second) == ("S0", "S1")
    assert pair.places > 100
    # what the light time's change over the disc leaves
    assert pair.p95_px < 0.03
    # one of them turned by half a px along its samples: they are apart by that, in the px of one of them
    spin = both[1].spin
    leaning = replace(both[1], spin=replace(spin, tilt=spin.tilt + 0.5 * LINE_RAD))
    (apart,) = pair_errors([seen_as(both[0], scene), seen_as(leaning, scene)], scene, shots)
    assert 0.45 < apart.median_px < 0.65
    assert np.hypot(apart.east_km, apart.north_km) > 20.0
    # the other way round they are as far apart, the other way
    (back,) = pair_errors([seen_as(leaning, scene), seen_as(both[0], scene)], scene, [shots[1], shots[0]])
    assert back.median_px == pytest.approx(apart.median_px, rel=0.1)
    assert back.east_km == pytest.approx(-apart.east_km, abs=10.0)
    assert back.north_km == pytest.approx(-apart.north_km, abs=10.0)


def test_strips_without_common_ground_are_no_pair() -> None:
    scene = perijove_scene(44, 2)
    shots = [replace(scene.shots[0], near_et=scene.flight.et[0] + 600.0), scene.shots[0]]
    aside = replace(scene, spin=replace(scene.spin, axis=-scene.flight.position(shots[0].near_et)))
    pair = [seen_as(true_pointing(aside, shot), aside) for shot in shots]
    assert pair_errors([pair[0], pair[0]], aside, [shots[0]] * 2) == []


def test_it_goes_into_a_report() -> None:
    told = json.loads(json.dumps(asdict(verified(true_pointing()))))
    assert set(told) == {
        "product_id", "median_px", "p95_px", "rms_px", "sigma_px", "registration_px", "attitude_deg", "axis_deg",
        "period_s", "start_s", "twist_deg", "tilt_deg", "position_km",
    }  # fmt: skip
