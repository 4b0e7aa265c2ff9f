"""Named scenes and their timing: real geometry where known, labels that can be read, frames that see the body."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.bodies import BODIES, JUPITER
from perijove.ephemeris.juno import PERIJOVE_UTC
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.io.labels import parse_label
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.scene import Scene, frames_for, time_shot
from perijove.simulate.scenes import (
    GANYMEDE_AXIS,
    PASS_S,
    SCENES,
    backlit_scene,
    ganymede_scene,
    jupiter_world,
    moon_world,
    named_scene,
    perijove_flight,
    perijove_scene,
    spin_near_earth,
)
from perijove.simulate.strip import take
from perijove.timescale import et_from_utc

PERIJOVES = range(1, len(PERIJOVE_UTC))


def phase_deg(scene: Scene, et: float) -> float:
    """Angle at the body between the Sun and the spacecraft."""
    place, sun = scene.flight.position(et), scene.sun(et)
    cosine = place @ sun / np.linalg.norm(place) / np.linalg.norm(sun)
    return float(np.degrees(np.arccos(cosine)))


def shot_labels(scene: Scene) -> None:
    """Assert that the label of every shot is one the processing reads and believes, and says where the camera is."""
    names = set()
    for shot in scene.shots:
        strip = take(scene, replace(shot, exposed=False))
        label = parse_label(json.dumps(strip.label), Path(strip.label_name))
        names |= {strip.product_id, strip.label_name}
        assert label.product_id == strip.product_id
        assert label.target == scene.flight.body.name
        assert label.perijove == scene.perijove
        assert label.frames == len(strip.timing.et) > 0
        assert label.altitude_km is not None
        height = np.linalg.norm(scene.flight.position(label.image_middle_et)) - np.mean(scene.flight.body.radii_km)
        assert label.altitude_km == pytest.approx(height, abs=3500.0)
        assert label.altitude_km > 500.0
        # taken at the time that it says, a hundredth of a second or so off
        assert abs(strip.timing.et[0] - label.start_et - 0.06188 - 0.0016 * shot.stages) < 0.08
    assert len(names) == 2 * len(scene.shots)


@pytest.mark.parametrize("number", PERIJOVES)
def test_every_perijove_can_be_flown_and_labelled(number: int) -> None:
    scene = named_scene(f"perijove-{number}", seed=number)
    assert scene.perijove == number
    shot_labels(scene)
    # the path is one of a pass: nearest in the middle, some thousands of km above the clouds
    distance = np.linalg.norm(scene.flight.position_km, axis=1)
    assert abs(np.argmin(distance) - len(distance) // 2) <= 30
    assert 73000.0 < distance.min() < 82000.0
    assert abs(scene.flight.et[np.argmin(distance)] - et_from_utc(PERIJOVE_UTC[number])) < 900.0


@pytest.mark.parametrize("name", list(SCENES))
@pytest.mark.parametrize("seed", [0, 3])
def test_named_scenes_can_be_labelled(name: str, seed: int) -> None:
    scene = named_scene(name, seed)
    assert scene.name == name
    assert SCENES[name].shows
    shot_labels(scene)
    assert any(shot.exposed for shot in scene.shots)


@pytest.mark.parametrize("name", ["", "perijove", "perijove-", "perijove-0", "perijove-78", "perijove-1e3", "europa"])
def test_unknown_scenes_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"scene|give 1 to 77"):
        named_scene(name)


def test_the_last_perijove_known_is_the_last_taken() -> None:
    assert perijove_flight(len(PERIJOVE_UTC) - 1).et[0] > 8e8
    with pytest.raises(UsageError, match=f"1 to {len(PERIJOVE_UTC) - 1}"):
        perijove_flight(len(PERIJOVE_UTC))


def test_the_backlit_pass_looks_at_the_night_side() -> None:
    scene = backlit_scene()
    exposed = [shot for shot in scene.shots if shot.exposed]
    phases = [phase_deg(scene, shot.near_et) for shot in exposed]
    assert len(exposed) == 7
    assert 100.0 <= min(phases) <= 110.0
    assert 150.0 <= max(phases) <= 162.0


def test_ganymede_stands_as_it_stood() -> None:
    scene = ganymede_scene()
    axis = np.array(GANYMEDE_AXIS)
    earth = apparent_earth(scene.spin.epoch)
    lean = np.degrees(np.arccos(axis @ earth / np.linalg.norm(axis) / np.linalg.norm(earth)))
    assert lean == pytest.approx(5.6, abs=0.1)
    np.testing.assert_allclose(scene.spin.axis, axis / np.linalg.norm(axis), atol=1e-12)
    # the dark-rayed crater at 25.4 E, 0.4 N is in daylight in both strips, aslant in the first
    for shot in (shot for shot in scene.shots if shot.exposed):
        frame = j2000_from_body(scene.flight.body, shot.near_et)
        lon, lat = np.radians([25.4, 0.4])
        normal = frame @ np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        way = scene.flight.position(shot.near_et) - 2631.2 * normal
        assert normal @ way / np.linalg.norm(way) > (0.05 if shot.number == 2 else 0.4)
        sun = scene.sun(shot.near_et)
        assert normal @ sun / np.linalg.norm(sun) > 0.2


def test_a_moon_is_lit_from_where_it_stands() -> None:
    # Ganymede is a million km off Jupiter: seen from it the Sun stands up to 5 arcmin elsewhere
    scene = ganymede_scene()
    et = scene.spin.epoch
    away = scene.sun(et) - apparent_sun(et)
    # Jupiter is seen 2.4 deg beside the moon's meridian; aberration by its own 10.9 km/s over the light time adds 2 %
    frame = j2000_from_body(scene.flight.body, et)
    expected = frame @ [np.cos(np.radians(2.4)), -np.sin(np.radians(2.4)), 0.0] * scene.flight.body.orbit_km
    assert np.linalg.norm(away - expected) < 0.05 * np.linalg.norm(expected)
    jupiter = perijove_scene(44)
    np.testing.assert_array_equal(jupiter.sun(et), apparent_sun(et))


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_spins_are_junos(seed: int) -> None:
    et = et_from_utc("2022-08-17T14:45:00")
    spin = spin_near_earth(et, seed)
    earth = apparent_earth(et)
    lean = np.degrees(np.arccos(spin.axis @ earth / np.linalg.norm(earth)))
    assert 3.0 <= lean <= 9.0
    assert np.linalg.norm(spin.axis) == pytest.approx(1.0)
    # the published range is 30.07 to 30.74 s
    assert 30.07 <= spin.period_s <= 30.74
    np.testing.assert_array_equal(spin_near_earth(et, seed).axis, spin.axis)


def test_seeds_make_scenes_and_the_same_seed_the_same() -> None:
    one, same, other = (perijove_scene(30, seed) for seed in (5, 5, 6))
    assert one.spin.period_s == same.spin.period_s != other.spin.period_s
    np.testing.assert_array_equal(one.spin.axis, same.spin.axis)
    assert one.interframe_error_s == same.interframe_error_s != other.interframe_error_s
    times = [time_shot(scene, scene.shots[0]) for scene in (one, same, other)]
    np.testing.assert_array_equal(times[0].et, times[1].et)
    assert times[0].jitter_s != times[2].jitter_s
    # jitter differs between the shots of a scene
    assert time_shot(one, one.shots[1]).jitter_s != times[0].jitter_s


def test_minutes_can_be_chosen() -> None:
    scene = perijove_scene(44, minutes=(-45.0, 62.0))
    passage = scene.flight.et[0] + PASS_S
    taken = sorted(round((shot.near_et - passage) / 60) for shot in scene.shots if shot.exposed)
    labels = sorted(round((shot.near_et - passage) / 60) for shot in scene.shots if not shot.exposed)
    assert taken == [-45, 62]
    # neighbours too near to a strip are left out
    assert labels == [-110, -60, 110]


@pytest.mark.parametrize("name", list(SCENES))
def test_strips_sweep_over_the_whole_body(name: str) -> None:
    scene = named_scene(name, 2)
    for shot in scene.shots:
        timing = time_shot(scene, shot)
        place = scene.flight.position(timing.et)
        distance = np.linalg.norm(place, axis=1, keepdims=True)
        # the direction to the body's centre in the camera, line by line over the strip: it comes in and goes out
        looks = np.einsum("nji,nj->ni", scene.spin.j2000_from_camera(timing.et), -place / distance)
        up = np.arctan2(looks[:, 1], looks[:, 2])
        size = np.arcsin(max(scene.flight.body.radii_km) / distance[:, 0])
        # all filters: red stands 0.16 rad to one side of the lens' axis, blue 0.13 to the other
        assert abs(up[0]) > size[0] + 0.1
        assert abs(up[-1]) > size[-1] + 0.1
        assert up[0] * up[-1] < 0
        assert abs(timing.et.mean() - shot.near_et) <= 0.5 * scene.spin.period_s + 0.2


def test_times_by_hand() -> None:
    scene = replace(perijove_scene(44), jitter_s=0.0, interframe_error_s=0.0)
    shot = replace(scene.shots[0], frames=7, interframe_s=0.4, stages=3)
    timing = time_shot(scene, shot)
    # the kernel's 0.06188 s and half of three stages of 3.2 ms after START_TIME; steps of the delay and 1.4 ms
    assert timing.et[0] - timing.start_et == pytest.approx(0.06188 + 0.0048, abs=1e-6)
    np.testing.assert_allclose(np.diff(timing.et), 0.4014, atol=1e-6)
    assert timing.stop_et - timing.start_et == pytest.approx(2.8, abs=1e-6)
    assert len(timing.et) == 7
    label = take(scene, replace(shot, exposed=False)).label
    assert et_from_utc(str(label["START_TIME"])) == pytest.approx(timing.start_et, abs=1e-6)
    assert label["INTERFRAME_DELAY"] == "0.400 <s>"
    assert label["EXPOSURE_DURATION"] == "9.600000 <ms>"
    # the planted error and the jitter
    other = replace(scene, jitter_s=0.02, interframe_error_s=0.003)
    moved = time_shot(other, shot)
    np.testing.assert_allclose(np.diff(moved.et), 0.4044, atol=1e-6)
    assert moved.et[0] - moved.start_et == pytest.approx(0.06668 + moved.jitter_s, abs=1e-6)
    assert moved.jitter_s != 0.0


def test_the_nearer_the_more_frames() -> None:
    scene = perijove_scene(44)
    passage = scene.flight.et[0] + PASS_S
    counts = [frames_for(scene, passage + 60 * m, 0.3724) for m in (-300, -60, -10)]
    assert counts == sorted(counts)
    # 30 s a turn of 2 pi: the whole sky would take 81 frames
    assert counts[-1] < 81


def test_every_moon_can_be_a_world(white) -> None:
    for body in BODIES.values():
        world = jupiter_world(0, 0.0, white) if body is JUPITER else moon_world(0, body, white)
        assert world.body is body
        assert (world.haze is None) == (body is not JUPITER)
        assert set(world.law) == set(Filter)
        assert world.stars is not None
