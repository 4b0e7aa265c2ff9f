"""Times of framelets, the choice of body and trajectory, the sorting of strips by pass, the exposure by the light."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from perijove.attitude.exposure import Exposure
from perijove.attitude.given import given_pointing
from perijove.attitude.priors import Anchor
from perijove.attitude.rounds import TieTo
from perijove.attitude.sampled import SampledAttitude, sampled_attitude
from perijove.attitude.spin import SpinModel
from perijove.bodies import GANYMEDE, JUPITER
from perijove.calibrate.framelets import calibrate
from perijove.ephemeris.labels import solve_trajectory
from perijove.ephemeris.moons import moon_state
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import CalibrationError, LabelError, PerijoveWarning, TrajectoryError, UsageError
from perijove.instrument import INTERFRAME_DELTA_S, Filter
from perijove.io.labels import parse_label
from perijove.io.places import scan_labels
from perijove.label import PASS_S, Given, Label, completed
from perijove.observation import (
    Attitude,
    Flight,
    Observation,
    body_of,
    exposure_by_light,
    exposure_of,
    framelet_times,
    passes,
    sources,
)
from perijove.observation import begin as begin_module
from perijove.observation.begin import astray, begin
from perijove.observation.sources import CLOCK_SIGMA_S, Sky, fly, point, timed
from perijove.observation.work import _exposed
from perijove.raw import RawImage
from perijove.simulate import photograph
from perijove.simulate.scene import Scene
from perijove.simulate.scenes import ganymede_scene, perijove_scene
from perijove.simulate.strip import take

LABEL = Label(
    product_id="JNCE_2022229_44C00029_V01",
    file_name="JNCE_2022229_44C00029_V01.IMG",
    target="Jupiter",
    filters=(Filter.BLUE, Filter.GREEN, Filter.RED),
    lines=4 * 3 * 128,
    samples=1648,
    sampling_factor=1,
    start_utc="2022-08-17T14:00:00.000",
    stop_utc=None,
    start_et=1000.0,
    stop_et=None,
    interframe_delay_s=0.370,
    exposure_s=0.0048,
    tdi_stages=2,
    bit_mode="SQROOT",
    compression=None,
    latitude_graphic=None,
    longitude_west=None,
    altitude_km=None,
    sun_distance_km=None,
    perijove=44,
    title="",
    rationale="",
    path=None,
)


def test_framelet_times_by_hand() -> None:
    # START + 0.06188 s, then half of 4.8 ms, then steps of 370 ms and the correction
    step = 0.370 + INTERFRAME_DELTA_S
    expected = [1000.06428, 1000.06428 + step, 1000.06428 + 2 * step, 1000.06428 + 3 * step]
    times = framelet_times(LABEL)
    np.testing.assert_allclose(times, expected, rtol=0, atol=1e-9)
    # published corrections of the step lie between 1 and 2 ms
    assert 1000.06428 + 3 * 0.371 <= times[3] <= 1000.06428 + 3 * 0.372


def test_a_cut_last_frame_has_a_time_too() -> None:
    assert len(framelet_times(replace(LABEL, lines=(4 * 3 + 1) * 128))) == 5


def test_one_frame_needs_no_delay() -> None:
    single = replace(LABEL, lines=3 * 128, interframe_delay_s=None)
    np.testing.assert_allclose(framelet_times(single), [1000.06428], rtol=0, atol=1e-9)


def test_missing_step_is_named() -> None:
    with pytest.raises(LabelError, match=r"JNCE_2022229_44C00029_V01.*INTERFRAME_DELAY"):
        framelet_times(replace(LABEL, interframe_delay_s=None))


def test_without_an_exposure_one_stage_is_taken() -> None:
    times = framelet_times(replace(LABEL, exposure_s=None))
    np.testing.assert_allclose(times, framelet_times(replace(LABEL, exposure_s=0.0032)), rtol=0, atol=1e-9)


def test_body_is_the_labels_target() -> None:
    assert body_of(LABEL).name == "JUPITER"
    assert body_of(replace(LABEL, target="GANYMEDE")).name == "GANYMEDE"
    with pytest.raises(UsageError, match=r"44C00029.*SATURN.*JUPITER.*CALLISTO.*AMALTHEA"):
        body_of(replace(LABEL, target="SATURN"))


def test_strips_are_sorted_by_pass_and_target() -> None:
    def strip(name: str, start: float, target: str = "JUPITER") -> RawImage:
        label = replace(LABEL, product_id=name, start_et=start, target=target)
        return RawImage(label, np.zeros((0, 1648), np.uint8), Path(name), "")

    raws = [strip("late", 53 * 86400.0), strip("b", 600.0), strip("a", 0.0), strip("io", 300.0, "IO")]
    groups = [[raw.label.product_id for raw in group] for group in passes(raws)]
    assert groups == [["a", "b"], ["io"], ["late"]]
    # each strip hangs on the one before it
    chain = [strip(str(k), k * 0.9 * PASS_S) for k in range(4)]
    assert len(passes(chain)) == 1


def bare(label: Label) -> RawImage:
    return RawImage(label, np.zeros((0, 1648), np.uint8), Path(label.file_name), "")


@pytest.fixture(scope="module")
def passed(data: Path) -> tuple[Label, ...]:
    """The labels of perijove 44, that of 44C00029 first."""
    found = scan_labels([data / "pj44"]).labels
    return tuple(
        sorted(found, key=lambda label: (not label.product_id.startswith("JNCE_2022229_44C00029"), label.start_et))
    )


@pytest.fixture(scope="module")
def told(passed: tuple[Label, ...]) -> Trajectory:
    """The flight by the labels."""
    return solve_trajectory(passed, passed[0], JUPITER)


def late(flight: Trajectory, seconds: float, sigma_km: float) -> Flight:
    """A source that has the flight, but so much later."""
    covariance = np.diag(np.repeat([sigma_km, 1e-3 * sigma_km], 3)) ** 2
    moved = replace(
        flight, et=flight.et + seconds, source="kernels, predicted", covariance=covariance, used=("spk_pre.bsp",)
    )
    return Flight(lambda body, first, last: moved, final=False)


def test_labels_overrule_a_predicted_orbit(passed: tuple[Label, ...], told: Trajectory) -> None:
    raws = [bare(passed[0])]
    predicted = late(told, 10.0, 300.0)
    # an orbit that is 10 s late has Juno where it was 10 s before
    with pytest.warns(PerijoveWarning, match=r"orbit of spk_pre.bsp is \+10.0 s late and [0-5] km beside .* labels"):
        found = fly(raws, passed, JUPITER, predicted)
    np.testing.assert_array_equal(found.position_km, told.position_km)
    with pytest.warns(PerijoveWarning, match=r"is -10.0 s late"):
        fly(raws, passed, JUPITER, late(told, -10.0, 300.0))


@pytest.mark.parametrize(("seconds", "sigma_km", "why"), [
    (10.0, 1e-4, "it knows better than the labels"), (0.5, 300.0, "within its own error they agree"),
])  # fmt: skip
def test_a_kernels_orbit_stays(
    passed: tuple[Label, ...], told: Trajectory, seconds: float, sigma_km: float, why: str
) -> None:
    flight = late(told, seconds, sigma_km)
    with warnings.catch_warnings(action="error"):
        assert fly([bare(passed[0])], passed, JUPITER, flight) is flight.find(JUPITER, 0.0, 1.0), why


def test_a_table_has_the_last_word_and_a_gap_none(passed: tuple[Label, ...], told: Trajectory) -> None:
    table = replace(late(told, 10.0, 300.0), final=True)
    raws = [bare(passed[0])]
    with warnings.catch_warnings(action="error"):
        assert fly(raws, passed, JUPITER, table) is table.find(JUPITER, 0.0, 1.0)
        by_labels = fly(raws, passed, JUPITER, Flight(lambda body, first, last: None))
    np.testing.assert_array_equal(by_labels.position_km, told.position_km)


def test_without_places_in_the_labels_a_worse_orbit_will_do(told: Trajectory) -> None:
    predicted = late(told, 10.0, 300.0)
    lost = replace(LABEL, start_et=told.reference_et, latitude_graphic=None)
    with pytest.raises(TrajectoryError):
        fly([bare(lost)], [lost], JUPITER, None)
    with warnings.catch_warnings(action="error"):
        assert fly([bare(lost)], [lost], JUPITER, predicted) is predicted.find(JUPITER, 0.0, 1.0)


def test_a_flight_is_asked_for_as_far_as_the_start_may_be_off() -> None:
    asked: list[tuple[str, float, float]] = []

    def find(body: object, first: float, last: float) -> None:
        asked.append((body.name, first, last))  # type: ignore[attr-defined]

    open_start, other = replace(LABEL, start_sigma_s=20.0), replace(LABEL, start_et=1100.0)
    with pytest.raises(TrajectoryError):
        fly([bare(open_start), bare(other)], [], JUPITER, Flight(find))
    # 2.5 sigmas before the first frame of the first, and to the last frame of the second
    last = framelet_times(other)[-1]
    assert asked == [("JUPITER", pytest.approx(1000.06428 - 50.0), pytest.approx(last))]


def test_a_moons_strip_by_labels_about_its_planet(passed: tuple[Label, ...], told: Trajectory) -> None:
    moon = tuple(completed(label, Given("GANYMEDE")) for label in passed)
    found = fly([bare(moon[0])], moon, GANYMEDE, None)
    et = found.reference_et
    assert found.body == "GANYMEDE"
    np.testing.assert_allclose(found.position(et) + moon_state(GANYMEDE, et)[:3], told.position(et), rtol=0, atol=1e-3)
    with pytest.raises(TrajectoryError, match=r"44C00029.*counted from EUROPA, which does not tell where GANYMEDE is"):
        fly([bare(replace(moon[0], place_target="EUROPA"))], moon, GANYMEDE, None)


def test_our_own_clock_tells_the_start_and_no_other() -> None:
    raw = bare(replace(LABEL, clock_start="700000000:12"))
    exposure = Exposure(raw.label.product_id, {}, framelet_times(raw.label), 1)
    asked: list[str] = []

    def start(count: str) -> float | None:
        asked.append(count)
        return 1002.5

    ours = timed(exposure, raw.label, Attitude(lambda first, last: None, start=start))[0]
    assert asked == ["700000000:12"]
    np.testing.assert_allclose(ours.et, framelet_times(LABEL) + 2.5, rtol=0, atol=1e-9)
    assert (ours.start_sigma_s, ours.start_moved_s) == (CLOCK_SIGMA_S, 2.5)
    # the mission's clock tells what START_TIME does
    assert timed(exposure, raw.label, Attitude(lambda first, last: None)) == (exposure, None)
    assert timed(exposure, LABEL, Attitude(lambda first, last: None, start=start)) == (exposure, None)


SPIN = SpinModel(3.1, -0.05, 1.0, 1000.0, 2 * np.pi / 30.3, -0.0007, 0.0004)


def turning(first: float, last: float, nod: float = 0.0) -> SampledAttitude:
    et = np.arange(first, last + 0.25, 0.25)
    nods = Rotation.from_rotvec(np.outer(np.sin(2.0 * et), [nod, 0.0, 0.0])).as_matrix()
    return sampled_attitude(et, nods @ SPIN.camera_from_j2000(et))


@pytest.fixture
def asked_of_the_image(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[Anchor | None]]]:
    """What is left to the image: which strips, and what is known of their axes."""
    asked: list[tuple[list[str], list[Anchor | None]]] = []

    def solve(exposures: list[Exposure], *_: object, anchors: list[Anchor | None], **__: object) -> list[str]:
        asked.append(([e.product_id for e in exposures], anchors))
        return [f"{e.product_id} by the image" for e in exposures]

    monkeypatch.setattr(sources, "solve_pointing", solve)
    return asked


def three(attitude: Attitude) -> list[Any]:
    """Three strips ten minutes apart, pointed."""
    raws = [bare(replace(LABEL, product_id=name, start_et=1000.0 + 600.0 * k)) for k, name in enumerate("ABC")]
    exposures = [Exposure(raw.label.product_id, {}, framelet_times(raw.label), 1) for raw in raws]
    grid = np.array([900.0, 3000.0])
    still = Trajectory("JUPITER", "kernels", grid, np.full((2, 3), 1e5), np.zeros((2, 3)), 1000.0, np.eye(6))
    sky = Sky(still, JUPITER, np.ones(3), np.ones(3))
    return point(raws, exposures, sky, attitude, TieTo(True), lambda _: None)


def test_each_strip_is_told_by_kernels_or_by_the_image(
    asked_of_the_image: list[tuple[list[str], list[Anchor | None]]],
) -> None:
    def find(first: float, last: float) -> SampledAttitude | None:
        assert last - first < 60.0
        return turning(first, last) if first < 1100.0 else turning(first, last, 0.01) if first > 2000.0 else None

    first, second, third = three(Attitude(find, refined=False))
    assert (first.source, second, third.source) == ("kernel", "B by the image", "kernel")
    with pytest.warns(PerijoveWarning, match=r"C: the attitude by the kernels is .* px from that of a free spinner"):
        assert three(Attitude(find)) == ["A by the image", "B by the image", "C by the image"]
    (alone, nothing), (all_three, anchors) = asked_of_the_image
    assert (alone, nothing) == (["B"], [None])
    assert all_three == ["A", "B", "C"]
    assert anchors[0] is not None
    assert anchors[0].of_the_moment
    assert anchors[0].spin.rate == pytest.approx(SPIN.rate)
    assert anchors[1:] == [None, None]


def hanging(first: float, last: float) -> Trajectory:
    """A spacecraft that hangs over Jupiter for a while."""
    return Trajectory(
        "JUPITER", "table", np.array([first, last]), np.full((2, 3), 1e5), np.zeros((2, 3)), first, np.eye(6)
    )


def test_strips_that_cannot_be_had_are_told_and_the_others_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def calibrated(raw: RawImage, *_: object, **__: object) -> Any:
        if raw.label.product_id == "C":
            raise CalibrationError("no frames")
        return SimpleNamespace(light={Filter.RED: np.zeros((4, 2, 2), np.float32)}, binning=1, full_dn=4095.0)

    monkeypatch.setattr(begin_module, "calibrate", calibrated)
    labels = [replace(LABEL, product_id=name, start_et=6e8 + 600.0 * k) for k, name in enumerate("ABCDE")]
    labels[1] = replace(labels[1], interframe_delay_s=None)
    raws = [bare(label) for label in labels]
    said: list[str] = []
    flight = Flight(lambda *_: hanging(6e8 - 60.0, 6e8 + 2000.0))
    begun = begin(raws, [], None, flight, said.append)
    assert [raw.label.product_id for raw in begun.raws] == [e.product_id for e in begun.exposures] == ["A", "D"]
    assert list(begun.left_out) == ["B", "E", "C"]
    assert isinstance(begun.left_out["B"], LabelError)
    assert str(begun.left_out["C"]) == "C: no frames"
    assert "START_TIME" in str(begun.left_out["E"])
    # the Sun stands where the strips that are left have it
    alone = begin([raws[0], raws[2], raws[3]], [], None, flight, said.append)
    assert (
        begun.sky.sun.tolist()
        == alone.sky.sun.tolist()
        != begin(raws[:1], [], None, flight, said.append).sky.sun.tolist()
    )
    with pytest.raises(CalibrationError, match="C: no frames"):
        begin(raws[2:3], [], None, flight, said.append)


def test_the_orbit_is_that_of_the_most_strips() -> None:
    hours = {"A": 0.0, "B": 9.0, "C": 14.1, "D": 10.0, "E": 8.0}
    raws = [bare(replace(LABEL, product_id=name, start_et=3600.0 * t)) for name, t in hours.items()]
    # five hours at the planet, one at a moon
    assert astray(raws, JUPITER) == ["A"]
    assert astray(raws, GANYMEDE) == ["A", "C"]
    assert astray(raws[1:2], JUPITER) == []


@pytest.fixture(scope="module")
def coarse() -> Iterator[None]:
    """Ground that is looked at every 30 px needs few texels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph, "TEXELS_PER_PIXEL", 0.1)
        yield


def observed(scene: Scene, stages: int) -> tuple[Observation, float]:
    """A few simulated frames as they are known without an exposure, and the exposure."""
    shot = next(shot for shot in scene.shots if shot.exposed)
    strip = take(scene, replace(shot, binning=2, frames=10, stages=stages, smear=False), per_side=1)
    assert strip.exposed is not None
    label = parse_label(json.dumps(strip.label), Path("made.json"))
    assert label.exposure_s is not None
    raw = RawImage(replace(label, exposure_s=None, tdi_stages=None), strip.exposed.codes, Path("made.png"), "")
    body, et = scene.flight.body, strip.timing.et
    sun = apparent_sun(float(et.mean()), body)
    calibrated = calibrate(raw, sun_distance_km=float(np.linalg.norm(sun)))
    flight = Trajectory(
        body.name,
        "true",
        scene.flight.et,
        scene.flight.position_km,
        scene.flight.velocity_km_s,
        float(et[0]),
        np.eye(6),
    )
    times = np.linspace(et[0] - 1.0, et[-1] + 1.0, 40)
    attitude = sampled_attitude(times, np.swapaxes(scene.spin.j2000_from_camera(times), -1, -2))
    pointing = given_pointing(replace(exposure_of(raw, calibrated), et=et), flight, attitude)
    observation = Observation(raw, calibrated, body, flight, pointing, sun / np.linalg.norm(sun), (raw.label,))
    return observation, label.exposure_s


@pytest.mark.parametrize(("scene", "stages"), [(ganymede_scene(), 1), (perijove_scene(44), 2)])
def test_the_exposure_by_the_light_is_good_to_a_third(coarse: None, scene: Scene, stages: int) -> None:
    observation, true = observed(scene, stages)
    assert true == pytest.approx(0.0032 * stages)
    found = exposure_by_light(observation)
    assert true / 1.34 < found < true * 1.34
    done = _exposed(observation, None)
    # there are whole stages only, and the light is of that exposure
    assert done.raw.label.tdi_stages == stages
    assert done.raw.label.exposure_s == pytest.approx(true)
    assert done.calibrated.exposure_s == pytest.approx(true)
    assert done.labels == (done.raw.label,)
    dark = {band: np.full_like(light, np.nan) for band, light in observation.calibrated.light.items()}
    with pytest.raises(
        LabelError, match=r"made.png: no label tells the exposure, and too little of .* give --exposure"
    ):
        exposure_by_light(replace(observation, calibrated=replace(observation.calibrated, light=dark)))
