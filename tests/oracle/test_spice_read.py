"""Trajectory, attitude and clock by real kernels: against the toolkit itself, another tool's state, and the labels."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perijove.attitude.sampled import sampled_attitude
from perijove.bodies import BODIES, GANYMEDE, IO, JUPITER
from perijove.ephemeris.compare import compare, time_shift
from perijove.ephemeris.labels import trajectory_from_labels
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.errors import PerijoveWarning, SpiceError, SpiceGap, UsageError
from perijove.instrument import START_TIME_BIAS_S, camera_from_spacecraft
from perijove.io.labels import read_label
from perijove.spice import read
from perijove.spice.daf import Daf, DafArray, daf_bytes, read_daf
from perijove.spice.select import KernelSet
from perijove.spice.toolkit import toolkit
from perijove.spice.transfer import parse
from perijove.timescale import et_from_utc

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")

RECONSTRUCTED = "juno_rec_170106_170228_170307.bsp"
START_UTC, START_COUNT = "2016-08-27T09:00:04.129", "525560580:87"
KERNEL_DELTA_S = 0.001
FRAME, DELAY_S, EXPOSURE_S = 8, 0.378, 0.2048


@pytest.fixture(scope="module")
def kernels(data: Path) -> KernelSet:
    return KernelSet.find([data / "kernels"])


@pytest.fixture(scope="module")
def state(data: Path) -> dict[str, Any]:
    """The camera state of frame 8 of JNCR_2016240_01M06152, as ALE derived it with the same kernels."""
    (file,) = (data / "kernels").glob("*_isd.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    assert spiceypy.ktotal("ALL") == 0


def first(state: dict[str, Any], group: str, what: str) -> np.ndarray:
    return np.array(state[group][what][0])


def from_quaternion(q: np.ndarray) -> np.ndarray:
    """NAIF's rotation of (cosine, axis sine)."""
    return np.asarray(spiceypy.q2m(q))


def test_the_time_is_the_clock_count_and_the_kernels_corrections(kernels: KernelSet, state: dict[str, Any]) -> None:
    et = state["center_ephemeris_time"]
    start = read.spice_clock(kernels, START_COUNT)
    frame = START_TIME_BIAS_S + (FRAME - 1) * (DELAY_S + KERNEL_DELTA_S) + EXPOSURE_S / 2
    assert start + frame == pytest.approx(et, abs=1e-6)
    # START_TIME is the same moment but for its rounding and the clock's resolution, 4 ms
    assert et_from_utc(START_UTC) == pytest.approx(start, abs=0.0005)


def test_position_is_geometric_and_that_of_another_tool(kernels: KernelSet, state: dict[str, Any]) -> None:
    et = state["center_ephemeris_time"]
    trajectory = read.spice_trajectory(kernels, JUPITER, et - 3.0, et + 3.0)
    assert trajectory.body == "JUPITER"
    assert trajectory.source == "kernels, reconstructed"
    assert trajectory.used == ("JNCR_2016240_01M06152_V01_METHANE_0008_1.xsp",)
    np.testing.assert_allclose(
        trajectory.position(et), first(state, "instrument_position", "positions"), rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(
        trajectory.velocity(et), first(state, "instrument_position", "velocities"), rtol=0, atol=1e-9
    )


def test_attitude_and_mounting_are_those_of_another_tool(kernels: KernelSet, state: dict[str, Any]) -> None:
    et = state["center_ephemeris_time"]
    found = read.spice_attitude(kernels, [et])
    assert found is not None
    spacecraft = from_quaternion(first(state, "instrument_pointing", "quaternions"))
    mounting = np.array(state["instrument_pointing"]["constant_rotation"]).reshape(3, 3)
    np.testing.assert_allclose(found.camera_from_j2000[0], mounting @ spacecraft, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        found.angular_velocity[0], first(state, "instrument_pointing", "angular_velocities"), rtol=0, atol=1e-15
    )
    # ours is made orthonormal otherwise: 0.002 arcsec
    np.testing.assert_allclose(camera_from_spacecraft(), mounting, rtol=0, atol=2e-8)


def test_jupiter_and_the_sun_are_those_of_another_tool(state: dict[str, Any]) -> None:
    et = state["center_ephemeris_time"]
    body = from_quaternion(first(state, "body_rotation", "quaternions"))
    np.testing.assert_allclose(JUPITER.body_from_j2000(et), body, rtol=0, atol=1e-10)
    sun = first(state, "sun_position", "positions")
    apart = np.linalg.norm(np.cross(apparent_sun(et), sun)) / np.linalg.norm(sun) ** 2
    # its Sun is that of light time and aberration; without them it would be 8.6 arcsec away
    assert np.degrees(apart) * 3600 < 0.1


def test_the_trajectory_is_the_kernels_between_its_points(kernels: KernelSet, data: Path) -> None:
    perijove = et_from_utc("2017-02-02T12:57:09")
    trajectory = read.spice_trajectory(kernels, JUPITER, perijove - 60.0, perijove + 60.0)
    moments = np.append(trajectory.et[:-1] + 2.5, trajectory.et[::7])
    with toolkit([data / "kernels" / RECONSTRUCTED]) as spice:
        truth = np.array([spice.spkezr("JUNO", t, "J2000", "NONE", "JUPITER")[0] for t in moments])
    assert np.abs(trajectory.position(moments) - truth[:, :3]).max() < 1e-5
    assert np.abs(trajectory.velocity(moments) - truth[:, 3:]).max() < 1e-4
    assert trajectory.et[0] == pytest.approx(perijove - 60.0 - read.MARGIN_S)


def test_a_moon_the_kernels_lack_is_where_the_theory_has_it(kernels: KernelSet) -> None:
    et = et_from_utc("2017-02-02T12:57:09")
    moon = read.spice_trajectory(kernels, GANYMEDE, et, et + 10.0)
    planet = read.spice_trajectory(kernels, JUPITER, et, et + 10.0)
    apart = planet.position(et) - moon.position(et)
    assert np.linalg.norm(apart) == pytest.approx(GANYMEDE.orbit_km, rel=2 * GANYMEDE.eccentricity)
    assert "theory" in moon.source
    assert np.sqrt(moon.covariance[0, 0]) > 10.0 * np.sqrt(planet.covariance[0, 0])


def test_jupiters_place_in_its_system_comes_from_its_moons(data: Path) -> None:
    farthest = 0.0
    with toolkit([data / "kernels" / RECONSTRUCTED]) as spice:
        for et in et_from_utc("2017-01-10T00:00:00") + 1e5 * np.arange(20):
            truth = spice.spkgeo(599, et, "J2000", 5)[0]
            assert np.abs(read.centre_of_jupiter(et) - truth)[:3].max() < 0.02
            farthest = max(farthest, float(np.linalg.norm(truth[:3])))
    assert farthest > 100.0


def test_without_jupiter_in_the_kernel_its_moons_tell_where_it_is(
    kernels: KernelSet, data: Path, tmp_path: Path
) -> None:
    daf = read_daf(data / "kernels" / RECONSTRUCTED)
    lone = tmp_path / "lone.bsp"
    lone.write_bytes(daf_bytes(replace(daf, arrays=tuple(a for a in daf.arrays if a.integers[0] == -61))))
    et = et_from_utc("2017-02-02T12:57:09")
    found = read.spice_trajectory(KernelSet.find([lone]), JUPITER, et, et + 9.0)
    truth = read.spice_trajectory(kernels, JUPITER, et, et + 9.0)
    assert "theory" in found.source
    assert np.abs(found.position(et) - truth.position(et)).max() < 0.02
    lone.write_bytes(daf_bytes(replace(daf, arrays=tuple(_about(a, 7) for a in daf.arrays if a.integers[0] == -61))))
    with pytest.raises(SpiceGap, match=r"lead from Juno to nothing that leads to JUPITER; .*jup365\.bsp"):
        read.spice_trajectory(KernelSet.find([lone]), JUPITER, et, et + 9.0)


def _about(array: DafArray, centre: int) -> DafArray:
    """The same segment told from another body."""
    return replace(array, integers=(array.integers[0], centre, *array.integers[2:]))


def test_the_predicted_orbit_of_perijove_44_is_late_and_says_how_far_it_may_be(kernels: KernelSet, data: Path) -> None:
    labels = [read_label(path) for path in sorted((data / "pj44").glob("*-Metadata.json"))]
    truth = trajectory_from_labels(labels)
    predicted = read.spice_trajectory(kernels, JUPITER, truth.et[0], truth.et[-1])
    assert predicted.source == "kernels, predicted"
    et = np.linspace(truth.et[0], truth.et[-1], 50)[5:-5]
    late = time_shift(predicted, truth, et)
    apart = np.linalg.norm(predicted.position(et) - truth.position(et), axis=1)
    beside = np.linalg.norm(predicted.position(et + late) - truth.position(et), axis=1)
    # seconds along the track, kilometres beside it
    assert 6.0 < late.min() < late.max() < 7.0
    assert apart.min() > 150.0
    assert beside.max() < 8.0
    found = compare(predicted, truth)
    assert late.min() < found.late_s < late.max()
    assert found.sigmas < 3.0
    state = np.concatenate([f(predicted.reference_et) for f in (predicted.position, predicted.velocity)])
    sure = read.orbit_covariance(state, JUPITER, "reconstructed", predicted.reference_et)
    assert compare(replace(predicted, covariance=sure), truth).sigmas > 50.0


def test_at_a_moon_the_time_along_the_orbit_is_that_round_jupiter() -> None:
    state = np.array([0.0, 3000.0, 0.0, 20.0, 0.0, 0.0])
    covariance = read.orbit_covariance(state, IO, "predicted", 6e8)
    along = np.linalg.eigh(covariance[:3, :3])[1][:, -1]
    speed = np.sqrt(covariance[:3, :3].trace()) / read.PREDICTED_S
    # Io's own flight, 17 km/s, is part of what carries Juno round Jupiter
    assert 3.0 < speed < 38.0
    assert abs(along @ [1.0, 0.0, 0.0]) < 0.999


def test_the_spin_axis_by_the_kernels_lies_off_the_mechanical_one(kernels: KernelSet) -> None:
    for start in (525557751.0, 525560470.5):
        found = read.attitudes_over(kernels, start, start + 91.0)
        spin = sampled_attitude(found.et, found.camera_from_j2000)
        assert spin.rms_px < 0.02
        assert 30.07 < spin.period_s < 30.74
        rate = found.angular_velocity.mean(axis=0)
        assert np.linalg.norm(spin.axis - rate / np.linalg.norm(rate)) < 5e-6
        # axis of rotation in the spacecraft's own frame: the tilt along +X, the twist against +Y
        body = np.einsum("nji,nj->ni", *_spacecraft(found)).mean(axis=0)
        body /= np.linalg.norm(body)
        assert (body[0], -body[1]) == pytest.approx((spin.tilt, spin.twist), abs=3e-5)
        assert 0.03 < np.degrees(np.hypot(spin.tilt, spin.twist)) < 0.06
        middle = found.et[:-1] + np.diff(found.et) / 2
        truth = read.spice_attitude(kernels, middle)
        assert truth is not None
        np.testing.assert_allclose(spin.camera_from_j2000(middle), truth.camera_from_j2000, rtol=0, atol=1e-5)


def _spacecraft(found: read.CameraAttitudes) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3) to j2000 from the spacecraft, transposed for the product, and its rates."""
    spacecraft = camera_from_spacecraft().T @ found.camera_from_j2000
    return np.swapaxes(spacecraft, 1, 2), found.angular_velocity


def test_gaps_are_told_with_the_coverage_there_is(kernels: KernelSet, data: Path) -> None:
    with pytest.raises(SpiceGap, match=r"no position .*2019-01-01.*they cover 2016-08-27T08:14:42 to .*2022-11-09"):
        read.spice_trajectory(kernels, JUPITER, *(et_from_utc("2019-01-01T00:00:00") + np.array([0.0, 9.0])))
    # part of the time is not enough
    with pytest.raises(SpiceGap, match="no position"):
        read.spice_trajectory(kernels, JUPITER, 525560470.5, 525560600.0)
    assert read.spice_attitude(kernels, [525560470.5, 525560600.0]) is None
    assert read.spice_attitude(kernels, [et_from_utc("1999-01-01T00:00:00")]) is None
    with pytest.raises(SpiceGap, match=r"no attitude .*they cover 2016-08-27T08:14:42 to 2016-08-27T08:16:16; 2016"):
        read.attitudes_over(kernels, 525560470.5, 525560600.0)
    with pytest.raises(UsageError, match="the end must come after"):
        read.attitudes_over(kernels, 1.0, 1.0)


def test_leap_seconds_and_clock_are_asked_for(data: Path) -> None:
    home = data / "kernels"
    turns = next(home.glob("*.xc"))
    for given, wanted in (([], "jno_sclkscet"), ([home / "jno_sclkscet_00090.tsc"], r"give naif0012\.tls")):
        found = KernelSet.find([turns, *given])
        for ask in (lambda k: read.spice_attitude(k, [525560475.0]), lambda k: read.spice_clock(k, START_COUNT)):
            with pytest.raises(SpiceError, match=wanted):
                ask(found)
    assert read.spice_attitude(KernelSet.find([home / "naif0012.tls"]), [525560475.0]) is None
    full = KernelSet.find([home / "naif0012.tls", home / "jno_sclkscet_00090.tsc"])
    with pytest.raises(SpiceError, match=r"SPACECRAFT_CLOCK_START_COUNT 'noon' cannot be told"):
        read.spice_clock(full, "noon")


def test_without_a_frame_kernel_the_mounting_is_the_cameras_own(kernels: KernelSet, data: Path) -> None:
    home = data / "kernels"
    bare = KernelSet.find([*home.glob("*.xc"), home / "naif0012.tls", home / "jno_sclkscet_00090.tsc"])
    ours, theirs = (read.spice_attitude(k, [525560475.0]) for k in (bare, kernels))
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(ours.camera_from_j2000, theirs.camera_from_j2000, rtol=0, atol=2e-8)


def test_eight_threads_are_answered_as_one_is(kernels: KernelSet) -> None:
    perijove = et_from_utc("2017-02-02T12:57:09")

    def orbit(k: int) -> bytes:
        return read.spice_trajectory(kernels, JUPITER, perijove + 60 * k, perijove + 60 * k + 9).position_km.tobytes()

    def attitude(k: int) -> bytes:
        found = read.spice_attitude(kernels, 525560471.0 + 9 * k + np.arange(20) * 0.1)
        assert found is not None
        return found.camera_from_j2000.tobytes()

    def clock(k: int) -> bytes:
        return np.float64(read.spice_clock(kernels, f"52556058{k}:87")).tobytes()

    def nothing(k: int) -> bytes:
        with pytest.raises(SpiceGap):
            read.spice_trajectory(kernels, BODIES["IO"], 1e9 + k, 1e9 + k + 1)
        return b""

    def half_way(_: int) -> bytes:
        with pytest.raises(SpiceError, match="NOSUCHFILE"), toolkit([kernels.kernels[0].binary, Path("none.bsp")]):
            pass
        return b""

    asked: list[tuple[Callable[[int], bytes], int]] = [
        (ask, k) for k in range(6) for ask in (orbit, attitude, clock, nothing, half_way)
    ]
    alone = [ask(k) for ask, k in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: job[0](job[1]), asked))
    assert together == alone
    assert len(set(alone)) == 3 * 6 + 1


def test_what_a_program_had_loaded_is_there_again(data: Path) -> None:
    leaps, frames = (str(data / "kernels" / name) for name in ("naif0012.tls", "juno_v12.tf"))
    spiceypy.furnsh(leaps)
    with toolkit([Path(frames)]) as outer:
        assert outer.ktotal("ALL") == 1
        with toolkit() as inner:
            assert inner.ktotal("ALL") == 0
        assert outer.kdata(0, "ALL")[0] == frames
    with pytest.raises(SpiceError, match="NOLOADEDFILES"), toolkit() as spice:
        spice.spkgeo(-61, 0.0, "J2000", 5)
    assert spiceypy.kdata(0, "ALL")[0] == leaps
    assert spiceypy.ktotal("ALL") == 1
    spiceypy.kclear()


def test_what_went_away_meanwhile_is_told(data: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.tls"
    gone.write_bytes((data / "kernels" / "naif0012.tls").read_bytes())
    stays = str(data / "kernels" / "juno_v12.tf")
    spiceypy.furnsh([str(gone), stays])
    with pytest.warns(PerijoveWarning, match=r"gone\.tls: was loaded and cannot be again .*; load it anew"), toolkit():
        gone.unlink()
    assert [spiceypy.kdata(0, "ALL")[0], spiceypy.ktotal("ALL")] == [stays, 1]
    spiceypy.kclear()


def test_kernels_of_our_own_are_known_and_win(kernels: KernelSet, data: Path, tmp_path: Path) -> None:
    home = data / "kernels"
    theirs = home / "juno_sc_rec_160821_160827_v01_1_sliced_-61000.xc"
    ours = tmp_path / "a_pre.bc"
    ours.write_bytes(daf_bytes(replace(parse(theirs), comments="Written by Perijove from pictures.")))
    clock = [home / "naif0012.tls", home / "jno_sclkscet_00090.tsc"]
    found = read.attitudes_over(KernelSet.find([ours, theirs, *clock]), 525560471.0, 525560480.0)
    assert found.solved
    assert found.names == (theirs.name, ours.name)
    assert not read.attitudes_over(kernels, 525560471.0, 525560480.0).solved


def test_velocities_that_do_not_lead_from_place_to_place_are_told(tmp_path: Path) -> None:
    start, stop = 7e8, 7e8 + 1000.0
    # type 3: constant places, and velocities of their own
    for speed, sound in ((0.0, True), (90.0, False)):
        record = [start + 500.0, 500.0, *np.array([[1e5, 0.0]] * 3 + [[speed, 0.0]] * 3).ravel()]
        values = np.array([*record, start, 1000.0, len(record), 1.0])
        kernel = tmp_path / f"{sound}.bsp"
        array = DafArray("made", np.array([start, stop]), (-61, 599, 1, 3), values)
        kernel.write_bytes(daf_bytes(Daf("SPK", "made", (array,))))
        found = KernelSet.find([kernel])
        if sound:
            assert read.spice_trajectory(found, JUPITER, start, stop).source == "kernels, of unknown origin"
        else:
            with pytest.raises(SpiceError, match=r"False\.bsp: .*contradict each other"):
                read.spice_trajectory(found, JUPITER, start, stop)


def test_a_kernel_that_went_away_is_told(tmp_path: Path, data: Path) -> None:
    copy = tmp_path / "orbit.bsp"
    copy.write_bytes((data / "kernels" / RECONSTRUCTED).read_bytes())
    found = KernelSet.find([copy])
    copy.unlink()
    with pytest.raises(SpiceError, match=r"orbit\.bsp: cannot be read any more"):
        read.spice_trajectory(found, JUPITER, 5.4e8, 5.4e8 + 1.0)


def test_names_may_be_longer_than_the_toolkit_takes_and_hold_anything(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / ("Kerne und Wörter " * 6) / ("long" * 40)
    folder.mkdir(parents=True)
    for name in ("naif0012.tls", "jno_sclkscet_00090.tsc"):
        (folder / name).write_bytes((data / "kernels" / name).read_bytes())
    assert len(str(folder)) > 255
    start = read.spice_clock(KernelSet.find([folder]), START_COUNT)
    assert start == pytest.approx(et_from_utc(START_UTC), abs=0.0005)
