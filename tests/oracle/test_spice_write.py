"""Kernels of our own, read back by the toolkit: a simulated pass must come out as it was flown, to rounding."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.attitude.exposure import Exposure
from perijove.attitude.pointing import LimbPoints, Pointing
from perijove.attitude.sampled import sampled_attitude
from perijove.attitude.spin import SpinModel, axis_angles
from perijove.cli.geometry_options import GeometryRequest, PointingBy
from perijove.cli.kernels import check_kernels, stage_kernels
from perijove.cli.sources import attitude_of, flight_of
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import OutputError, PerijoveWarning, SpiceError, UsageError
from perijove.instrument import INTERFRAME_DELTA_S, START_TIME_BIAS_S, Camera, Filter
from perijove.io.atomic import Staged
from perijove.io.labels import parse_label
from perijove.observation import Observation, framelet_times
from perijove.observation.sources import timed
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.ground import ground_seen
from perijove.simulate.label import LabelFacts, web_label
from perijove.simulate.optics import STAGE_S
from perijove.simulate.scene import COLOURS, Scene, Timing, time_shot
from perijove.simulate.scenes import ganymede_scene, perijove_scene
from perijove.spice.clock import count_seconds
from perijove.spice.read import attitudes_over, spice_clock, spice_trajectory
from perijove.spice.select import KernelSet
from perijove.spice.toolkit import toolkit

pytest.importorskip("spiceypy", reason="spiceypy is not installed")

FloatArray = NDArray[np.float64]

FRAMES = """KPL/FK
\\begindata
FRAME_JUNO_SPACECRAFT   = -61000
FRAME_-61000_NAME       = 'JUNO_SPACECRAFT'
FRAME_-61000_CLASS      = 3
FRAME_-61000_CLASS_ID   = -61000
FRAME_-61000_CENTER     = -61
CK_-61000_SCLK          = -61
CK_-61000_SPK           = -61
FRAME_CUBE              = -61505
FRAME_-61505_NAME       = 'CUBE'
FRAME_-61505_CLASS      = 4
FRAME_-61505_CLASS_ID   = -61505
FRAME_-61505_CENTER     = -61
TKFRAME_-61505_SPEC     = 'MATRIX'
TKFRAME_-61505_RELATIVE = 'JUNO_SPACECRAFT'
TKFRAME_-61505_MATRIX   = ( -0.0059163 -0.0142817 -0.9998805
                             0.0023828 -0.9998954  0.0142678
                            -0.9999797 -0.0022981  0.0059497 )
FRAME_JUNO_JUNOCAM      = -61500
FRAME_-61500_NAME       = 'JUNO_JUNOCAM'
FRAME_-61500_CLASS      = 4
FRAME_-61500_CLASS_ID   = -61500
FRAME_-61500_CENTER     = -61
TKFRAME_-61500_SPEC     = 'ANGLES'
TKFRAME_-61500_RELATIVE = 'CUBE'
TKFRAME_-61500_ANGLES   = ( 0.69, -0.469, 0.583 )
TKFRAME_-61500_AXES     = ( 3,    2,      1     )
TKFRAME_-61500_UNITS    = 'DEGREES'
"""
"""The mounting in the mission's frame kernel, in as few words as will do."""

PARTS = ("x", "y", "z", "vx", "vy", "vz")


@dataclass(frozen=True)
class Pass:
    """A simulated pass: its truth, and what was "solved" of it."""

    scene: Scene
    timings: list[Timing]
    strips: list[Observation]

    @property
    def looks(self) -> FloatArray:
        """Times at the frames and all between them, and as far around as the files reach."""
        pause = [self.timings[k + 1].et[0] - self.timings[k].et[-1] for k in range(len(self.timings) - 1)]
        room = np.minimum(59.99, np.array([180.0, *pause, 180.0]) / 3.001)
        around = [np.linspace(t.et[0] - room[k], t.et[-1] + room[k + 1], 301) for k, t in enumerate(self.timings)]
        return np.concatenate([*around, *(t.et for t in self.timings)])


def solved(scene: Scene, count: bool = True) -> Pass:
    """The scene's exposures, solved perfectly: what each trajectory has too much, its correction takes away."""
    timings, strips = [], []
    rng = np.random.default_rng(7)
    for shot in (shot for shot in scene.shots if shot.exposed):
        timing = time_shot(scene, shot)
        timings.append(timing)
        strips.append(_observation(scene, timing, shot.number, rng.normal(0.0, [9, 9, 9, 1e-3, 1e-3, 1e-3]), count))
    return Pass(scene, timings, strips)


def _observation(scene: Scene, timing: Timing, number: int, off: FloatArray, count: bool) -> Observation:
    spin, flight = scene.spin, scene.flight
    label = web_label(
        LabelFacts(
            number=number, perijove=scene.perijove, target=flight.body.name, filters=COLOURS,
            lines=384 * len(timing.et), samples=1648, sampling_factor=1,
            start_et=timing.start_et, stop_et=timing.stop_et, interframe_s=0.371, exposure_s=STAGE_S,
            tdi_stages=1, bit_mode="SQROOT", compression="HUFFMAN", latitude_graphic_deg=1.0, longitude_west_deg=2.0,
            altitude_km=1e5, sun_distance_km=7.5e8, title="",
        )
    )  # fmt: skip
    if not count:
        label["SPACECRAFT_CLOCK_START_COUNT"] = "N/A"
    parsed = parse_label(json.dumps(label), Path("made-up.json"))
    reference = float(timing.et.mean()) - 100.0
    ahead = flight.et[:, None] - reference
    trajectory = Trajectory(
        flight.body.name, "labels", flight.et, flight.position_km - off[:3] - ahead * off[3:],
        flight.velocity_km_s - off[3:], reference, np.eye(6), used=(parsed.product_id,),
    )  # fmt: skip
    ra, dec = axis_angles(spin.axis)
    nothing = np.zeros(0)
    pointing = Pointing(
        product_id=parsed.product_id, source="limb",
        spin=SpinModel(ra, dec, spin.turn, spin.epoch, 2 * np.pi / spin.period_s, spin.twist, spin.tilt),
        camera=Camera.measured(), et=timing.et, position_km=flight.position(timing.et), start_offset_s=timing.jitter_s,
        interframe_s=scene.interframe_error_s, parameters=dict(zip(PARTS, off.tolist(), strict=True)), sigmas={},
        covariance=np.zeros((0, 0)), limb=LimbPoints(nothing.astype(str), *[nothing] * 4, nothing > 0, nothing),
        limb_rms_px=0.3, limb_median_px={}, ties=0, tie_rms_px={}, sigma_px=0.5, good=True, verdict="good: made up",
    )  # fmt: skip
    raw: Any = SimpleNamespace(label=parsed, path=Path(f"{parsed.product_id}-raw.png"), sha256="5ea1" * 16)
    light: Any = SimpleNamespace(light=dict.fromkeys(COLOURS))
    return Observation(raw, light, flight.body, trajectory, pointing, np.array([1.0, 0, 0]), (parsed,))


@dataclass(frozen=True)
class Files:
    spk: Path
    ck: Path
    sclk: Path
    fk: Path

    @property
    def all(self) -> list[Path]:
        return [self.fk, self.sclk, self.ck, self.spk]


def write(folder: Path, strips: list[Observation]) -> Files:
    files = Files(folder / "a.bsp", folder / "a.bc", folder / "a.tsc", folder / "a.tf")
    files.fk.write_text(FRAMES)
    with Staged() as staged:
        stage_kernels(staged, strips, files.ck, files.spk, files.sclk)
    return files


@pytest.fixture(scope="module")
def jupiter() -> Pass:
    return solved(perijove_scene(44, 3, minutes=(-80.0, -79.2, -60.0)))


@pytest.fixture(scope="module")
def files(jupiter: Pass, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write(tmp_path_factory.mktemp("kernels"), jupiter.strips)


def spacecraft(kernels: list[Path], et: FloatArray, centre: str = "599") -> tuple[FloatArray, FloatArray, FloatArray]:
    """States (n, 6), rotations (n, 3, 3) from j2000 to the camera, angular velocities (n, 3), by the toolkit."""
    with toolkit(kernels) as spice:
        states = np.array([spice.spkgeo(-61, t, "J2000", int(centre))[0] for t in et])
        turned = np.array([spice.pxform("J2000", "JUNO_JUNOCAM", t) for t in et])
        spun = np.array([spice.xf2rav(spice.sxform("J2000", "JUNO_JUNOCAM", t))[1] for t in et])
    return states, turned, spun


def check(kernels: list[Path], flown: Pass, centre: str = "599", angle: float = 1e-12) -> None:
    """The kernels' geometry is the simulated truth: relative for lengths, absolute for angles."""
    scene, et = flown.scene, flown.looks
    states, turned, spun = spacecraft(kernels, et, centre)
    place, velocity = scene.flight.position(et), scene.flight.velocity(et)
    assert np.abs(states[:, :3] - place).max() < 1e-12 * np.linalg.norm(place, axis=1).min()
    assert np.abs(states[:, 3:] - velocity).max() < 1e-11 * np.linalg.norm(velocity, axis=1).min()
    truth = np.swapaxes(scene.spin.j2000_from_camera(et), -1, -2)
    assert np.abs(turned - truth).max() < angle
    np.testing.assert_allclose(
        spun, np.tile(2 * np.pi / scene.spin.period_s * scene.spin.axis, (len(et), 1)), atol=1e-12
    )


def test_a_pass_of_several_strips_comes_back(jupiter: Pass, files: Files) -> None:
    check(files.all, jupiter)
    for strip in jupiter.strips:
        states, turned, _ = spacecraft(files.all, strip.pointing.et)
        np.testing.assert_allclose(states[:, :3], strip.pointing.position_km, rtol=1e-12)
        np.testing.assert_allclose(turned, strip.pointing.spin.camera_from_j2000(strip.pointing.et), atol=1e-12)


def test_spices_light_time_and_aberration_show_the_ground_in_the_pixels_that_saw_it(
    jupiter: Pass, files: Files, tmp_path: Path
) -> None:
    planet, drift = tmp_path / "planet.bsp", np.array([-5.0, 11.0, 4.0])
    ends = jupiter.looks[0] + np.array([-1e4, 1e4])
    shots = [shot for shot in jupiter.scene.shots if shot.exposed]
    line, sample = (a.ravel() for a in np.meshgrid([20.5, 64.0, 110.0], np.linspace(60.0, 1590.0, 12)))
    off, leaning = [], []
    with toolkit() as spice:
        handle = spice.spkopn(str(planet), "planet", 0)
        states = [[*(1e8 + drift * (t - ends[0])), *drift] for t in ends]
        spice.spkw09(handle, 599, 0, "J2000", *ends, "planet", 1, 2, states, ends)
        spice.spkcls(handle)
    with toolkit([*files.all, planet]) as spice:
        for shot, timing in zip(shots, jupiter.timings, strict=True):
            camera = Camera.measured().integrating(shot.stages)
            for et in timing.et[::3]:
                ground = ground_seen(jupiter.scene, shot, Filter.GREEN, float(et), line, sample)
                _, left = jupiter.scene.flight.seen_from(et)
                for k in np.flatnonzero(np.isfinite(ground[:, 0])):
                    # the place as the light left it, which in that time went nowhere but with the planet
                    place = j2000_from_body(jupiter.scene.flight.body, float(left)) @ ground[k]
                    seen, plain = (
                        spice.spkcpt(place, "599", "J2000", et, "JUNO_JUNOCAM", "OBSERVER", correction, "-61")[0][:3]
                        for correction in ("CN+S", "NONE")
                    )
                    at = np.array([line[k], sample[k]])
                    off.append(camera.pixel(Filter.GREEN, np.array(seen)) - at)
                    leaning.append(camera.pixel(Filter.GREEN, np.array(plain)) - at)
    assert len(off) > 100
    # to second order in v / c, which is 1e-4
    assert np.abs(off).max() < 2e-4
    assert np.median(np.linalg.norm(leaning, axis=1)) > 0.05


def test_a_flight_past_a_moon_comes_back(tmp_path: Path) -> None:
    flown = solved(ganymede_scene(1))
    check(write(tmp_path, flown.strips).all, flown, centre="503")


def test_with_the_missions_frames(jupiter: Pass, files: Files, data: Path) -> None:
    check([data / "kernels" / "juno_v12.tf", files.sclk, files.ck, files.spk], jupiter)


def test_with_the_missions_clock(jupiter: Pass, files: Files, data: Path, tmp_path: Path) -> None:
    clock = [data / "kernels" / name for name in ("naif0012.tls", "jno_sclkscet_00090.tsc")]
    ck = tmp_path / "n.bc"
    with pytest.warns(PerijoveWarning, match=r"jno_sclkscet_00090.tsc: by this clock .* too old"), Staged() as staged:
        stage_kernels(staged, jupiter.strips, ck, None, None, [data / "kernels" / "juno_v12.tf", *clock])
    # it goes by way of TT, which costs half the last bit of ET: 0.06 us of spin
    check([files.fk, *clock, ck, files.spk], jupiter, angle=5e-8)


def test_our_own_reader_takes_them(jupiter: Pass, files: Files, data: Path) -> None:
    found = KernelSet.find([files.spk, files.ck, files.sclk, files.fk, data / "kernels" / "naif0012.tls"])
    for strip in jupiter.strips:
        p, count = strip.pointing, strip.raw.label.clock_start
        path = spice_trajectory(found, strip.body, p.et[0], p.et[-1])
        np.testing.assert_allclose(path.position(p.et), p.position_km, rtol=1e-12)
        turned = attitudes_over(found, p.et[0] - 1.0, p.et[-1] + 1.0)
        np.testing.assert_allclose(turned.camera_from_j2000, p.spin.camera_from_j2000(turned.et), atol=1e-12)
        assert count is not None
        assert abs(spice_clock(found, count) + START_TIME_BIAS_S + STAGE_S / 2 - p.et[0]) < 8e-6


def moved(strip: Observation) -> Exposure:
    """The strip as its label times it, which is off by the jitter of its start and the error of its step."""
    label = strip.raw.label
    return Exposure(label.product_id, {}, framelet_times(label), 1)


def test_with_the_missions_clock_a_strip_has_the_times_of_its_solution(
    jupiter: Pass, files: Files, data: Path, tmp_path: Path
) -> None:
    clock = [data / "kernels" / name for name in ("naif0012.tls", "jno_sclkscet_00090.tsc")]
    with pytest.warns(PerijoveWarning, match="too old"), Staged() as staged:
        stage_kernels(staged, jupiter.strips, tmp_path / "n.bc", tmp_path / "n.bsp", None, clock)
    given = (files.fk, *clock, tmp_path / "n.bc", tmp_path / "n.bsp")
    attitude = attitude_of(GeometryRequest(kernels=given, pointing=PointingBy.KERNEL))
    assert attitude is not None
    for strip in jupiter.strips:
        p, label = strip.pointing, strip.raw.label
        found, told = timed(moved(strip), label, attitude)
        np.testing.assert_allclose(found.et, p.et, rtol=0, atol=1e-6)
        assert told is not None
        assert told.sigma_px == p.sigma_px
        # that clock is 1.7 s off, and no other product of the image is told by it
        assert label.clock_start is not None
        assert attitude.start(label.clock_start) is None
        given_there = attitude.find(float(p.et[0]) - 1.0, float(p.et[-1]) + 1.0)
        assert given_there is not None
        np.testing.assert_allclose(given_there.camera_from_j2000(p.et), p.spin.camera_from_j2000(p.et), atol=1e-6)


def test_our_own_clock_tells_the_start_of_another_product_of_the_image(jupiter: Pass, files: Files) -> None:
    attitude = attitude_of(GeometryRequest(kernels=files.all, pointing=PointingBy.KERNEL))
    assert attitude is not None
    for strip in jupiter.strips:
        reduced = replace(moved(strip), product_id=strip.raw.label.product_id.replace("JNCE", "JNCR"))
        found, told = timed(reduced, strip.raw.label, attitude)
        assert told is None
        assert abs(found.et[0] - strip.pointing.et[0]) < 1e-5


def test_without_their_comments_they_are_still_known_but_not_trusted(
    jupiter: Pass, files: Files, tmp_path: Path
) -> None:
    bare = (tmp_path / "b.bsp", tmp_path / "b.bc")
    for path, stripped in zip((files.spk, files.ck), bare, strict=True):
        stripped.write_bytes(path.read_bytes())
        with toolkit() as spice:
            handle = spice.dafopw(str(stripped))
            spice.dafdc(handle)
            spice.dafcls(handle)
    found = KernelSet.find([*bare, files.sclk])
    assert {kernel.origin for kernel in found.of_kind("SPK", "CK")} == {"solved"}
    strip = jupiter.strips[0]
    first, last = float(strip.pointing.et[0]), float(strip.pointing.et[-1])
    assert attitudes_over(found, first, last).solved
    # a second along the track, of 50 km/s and more
    sigma = np.sqrt(np.trace(spice_trajectory(found, strip.body, first, last).covariance[:3, :3]))
    speed = np.linalg.norm(strip.trajectory.velocity(first))
    assert speed < sigma < speed + 5.0


def test_strips_with_a_gap_between_them_are_all_told(jupiter: Pass, files: Files) -> None:
    flight = flight_of(GeometryRequest(kernels=files.all, pointing=PointingBy.KERNEL))
    assert flight is not None
    assert flight.pieces is not None
    first, last = (jupiter.strips[k].pointing for k in (0, 2))
    assert last.et[0] - first.et[-1] > 180.0
    with pytest.warns(PerijoveWarning, match="the trajectory is found from labels"):
        assert flight.find(jupiter.strips[0].body, float(first.et[0]), float(last.et[-1])) is None
    both = flight.pieces(jupiter.strips[0].body, [(float(p.et[0]), float(p.et[-1])) for p in (last, first)])
    assert both is not None
    for p in (first, last):
        np.testing.assert_allclose(both.position(p.et), p.position_km, rtol=1e-12)
    assert both.reference_et == pytest.approx(0.5 * (first.et[0] + last.et[-1]))
    # the error of 1 km and 1 km/s at each strip has grown on the way to the middle
    assert both.covariance[0, 0] > 1.0
    with pytest.warns(PerijoveWarning, match="the trajectory is found from labels"):
        assert flight.pieces(jupiter.strips[0].body, [(0.0, 1.0), (float(first.et[0]), float(first.et[-1]))]) is None


def test_an_attitude_that_cannot_be_used_is_no_failure_where_the_image_decides(jupiter: Pass, files: Files) -> None:
    p = jupiter.strips[0].pointing
    ends = float(p.et[0]), float(p.et[-1])
    both = attitude_of(GeometryRequest(kernels=(files.ck, files.spk)))
    assert both is not None
    with pytest.warns(PerijoveWarning, match=r"no SCLK kernel.*: the pointing is solved from the image"):
        assert both.find(*ends) is None
    # told once
    assert both.find(*ends) is None
    alone = attitude_of(GeometryRequest(kernels=(files.ck, files.spk), pointing=PointingBy.KERNEL))
    assert alone is not None
    with pytest.raises(SpiceError, match="SCLK"):
        alone.find(*ends)


def test_the_labels_count_gives_the_solved_start(jupiter: Pass, files: Files) -> None:
    for strip in jupiter.strips:
        count = strip.raw.label.clock_start
        assert count is not None
        with toolkit([files.sclk]) as spice:
            start = spice.scs2e(-61, count)
            back = spice.sce2s(-61, start)
        assert abs(start + START_TIME_BIAS_S + STAGE_S / 2 - strip.pointing.et[0]) < 8e-6
        assert count_seconds(back) == count_seconds(count)


def test_files_reach_around_each_strip_and_no_further(jupiter: Pass, files: Files) -> None:
    with toolkit() as spice:
        path, turn = spice.cell_double(99), spice.cell_double(99)
        spice.spkcov(str(files.spk), -61, path)
    with toolkit([files.sclk]) as spice:
        spice.ckcov(str(files.ck), -61000, False, "INTERVAL", 0.0, "TDB", turn)
    first, last = (np.array([t.et[k] for t in jupiter.timings]) for k in (0, -1))
    pause = (first[1] - last[0]) / 3
    assert pause < 60
    expected = [first[0] - 60, last[0] + pause, first[1] - pause, last[1] + 60, first[2] - 60, last[2] + 60]
    for cell in (path, turn):
        np.testing.assert_allclose([cell[k] for k in range(len(cell))], expected, atol=1e-6)


def comments(path: Path) -> str:
    with toolkit() as spice:
        handle = spice.dafopr(str(path))
        count, lines, _ = spice.dafec(handle, 999, 200)
        spice.dafcls(handle)
    return "\n".join(lines[:count])


def test_comments_say_what_it_is_and_from_what(jupiter: Pass, files: Files) -> None:
    texts = {"spk": comments(files.spk), "ck": comments(files.ck), "sclk": files.sclk.read_text("ascii")}
    for text in texts.values():
        assert "Not a product of NAIF" in text
        assert "5ea1" * 16 in text
        assert all(len(line) <= 80 for line in text.splitlines())
        for strip in jupiter.strips:
            assert f"{strip.pointing.product_id}: JUPITER" in text
            assert f"solved offset {strip.pointing.start_offset_s:+.6f} s" in text
    assert "folded into the attitude" in texts["ck"]
    assert "not its barycentre" in texts["spk"]
    assert "SPACECRAFT_CLOCK_START_COUNT" in texts["sclk"]


def test_names_of_files_may_hold_anything(jupiter: Pass, tmp_path: Path) -> None:
    odd: Any = SimpleNamespace(**{**vars(jupiter.strips[0].raw), "path": Path("Große\tRote\nFlecken.png")})
    assert "  strip: Gro?e?Rote?Flecken.png" in comments(write(tmp_path, [replace(jupiter.strips[0], raw=odd)]).spk)


def test_the_same_strips_give_the_same_bytes_in_any_order(jupiter: Pass, files: Files, tmp_path: Path) -> None:
    again = write(tmp_path, jupiter.strips[::-1])
    for one, other in zip(files.all, again.all, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_without_counts_the_clock_is_nominal_and_the_geometry_the_same(tmp_path: Path) -> None:
    flown = solved(perijove_scene(44, 3, minutes=(-80.0,)), count=False)
    files = write(tmp_path, flown.strips)
    check(files.all, flown)
    assert "nominal" in files.sclk.read_text()


def test_a_ck_without_any_clock_is_refused(jupiter: Pass, tmp_path: Path) -> None:
    (tmp_path / "x.tf").write_text(FRAMES)
    with pytest.raises(UsageError, match="--write-sclk"), Staged() as staged:
        stage_kernels(staged, jupiter.strips, tmp_path / "a.bc", tmp_path / "a.bsp", None, [tmp_path / "x.tf"])
    assert [path.name for path in tmp_path.iterdir()] == ["x.tf"]


def test_what_cannot_be_written_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ck, sclk = tmp_path / "a.bc", tmp_path / "a.tsc"
    check_kernels(ck, tmp_path / "a.bsp", sclk)
    with pytest.raises(UsageError, match="--write-sclk"):
        check_kernels(ck, None, None)
    with pytest.raises(OutputError, match="no folder"):
        check_kernels(None, None, None, ik=tmp_path / "none" / "a.ti")
    monkeypatch.setitem(sys.modules, "spiceypy", None)
    check_kernels(None, None, sclk)
    with pytest.raises(UsageError, match=r"perijove\[spice\]"):
        check_kernels(ck, None, sclk)


@pytest.mark.parametrize("what", ["SCLK_DATA_TYPE_61 = ( 1 )", ""])
def test_a_clock_kernel_that_does_not_tell_is_refused(jupiter: Pass, tmp_path: Path, what: str) -> None:
    (tmp_path / "bad.tsc").write_text(f"KPL/SCLK\n\\begindata\n{what}\nSCLK01_COEFFICIENTS_61 = ( 1 2 3 )\n")
    with pytest.raises(SpiceError, match=r"bad\.tsc.*naif\*\.tls"), Staged() as staged:
        stage_kernels(staged, jupiter.strips, tmp_path / "a.bc", None, None, [tmp_path / "bad.tsc"])
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tsc"]


def test_an_attitude_by_samples_comes_back(jupiter: Pass, tmp_path: Path) -> None:
    strip, spin = jupiter.strips[0], jupiter.scene.spin
    coning = replace(spin, nutation=2e-4)
    et = np.linspace(strip.pointing.et[0] - 70.0, strip.pointing.et[-1] + 70.0, 700)
    sampled: Any = sampled_attitude(et, np.swapaxes(coning.j2000_from_camera(et), -1, -2))
    files = write(tmp_path, [replace(strip, pointing=replace(strip.pointing, spin=sampled))])
    looks = np.linspace(strip.pointing.et[0] - 59.0, strip.pointing.et[-1] + 59.0, 500)
    _, turned, spun = spacecraft(files.all, looks)
    np.testing.assert_allclose(turned, sampled.camera_from_j2000(looks), rtol=0, atol=1e-12)
    h = 2.0**-8
    change = (coning.j2000_from_camera(looks + h) - coning.j2000_from_camera(looks - h)) / (2 * h)
    skew = change @ np.swapaxes(coning.j2000_from_camera(looks), -1, -2)
    np.testing.assert_allclose(spun, np.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], axis=-1), atol=1e-6)


def test_strips_that_overlap_are_refused(jupiter: Pass, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="overlap"):
        write(tmp_path, [jupiter.strips[0], jupiter.strips[0]])


def test_nothing_asked_for_nothing_done() -> None:
    with Staged() as staged:
        stage_kernels(staged, [], None, None, None)


# the camera's kernel


def pool(path: Path) -> Callable[[str], float]:
    def value(name: str) -> float:
        with toolkit([path]) as spice:
            return float(spice.gdpool(name, 0, 1)[0])

    return value


def test_the_cameras_kernel_gives_its_pixels(jupiter: Pass, tmp_path: Path) -> None:
    with Staged() as staged:
        stage_kernels(staged, jupiter.strips, None, None, None, ik=tmp_path / "a.ti")
    value, camera = pool(tmp_path / "a.ti"), jupiter.strips[0].pointing.camera
    ray = np.array([0.2, 0.03, 1.0])
    for number, band in ((1, Filter.BLUE), (2, Filter.GREEN), (3, Filter.RED)):
        name = f"INS-6150{number}"
        # the recipe in NAIF's instrument kernel
        flat = ray[:2] * value(f"{name}_FOCAL_LENGTH") / 0.0074
        far = flat @ flat
        bent = flat * (1 - 5.9624209455667325e-08 * far + 2.7381910042256151e-14 * far**2)
        line, sample = camera.pixel(band, ray)
        assert bent[0] + value(f"{name}_DISTORTION_X") == pytest.approx(sample, abs=1e-6)
        assert bent[1] + value(f"{name}_DISTORTION_Y") == pytest.approx(line, abs=1e-6)
        # ISIS counts from 1 at the first pixel's centre, and asks how far from the axis a line of the CCD lies
        on_ccd = (line + 0.5 - 1.0) + value(f"{name}_FILTER_OFFSET")
        assert on_ccd - value("INS-61500_BORESIGHT_LINE") == pytest.approx(bent[1], abs=1e-6)
    green = camera.centre(Filter.GREEN)[1]
    assert (green + 0.5) - value("INS-61500_BORESIGHT_SAMPLE") == pytest.approx(0.0, abs=1e-6)
    assert value("INS-61500_START_TIME_BIAS") == START_TIME_BIAS_S
    error = jupiter.scene.interframe_error_s
    assert value("INS-61500_INTERFRAME_DELTA") == pytest.approx(INTERFRAME_DELTA_S + error, abs=1e-7)


def test_one_camera_kernel_is_for_one_camera(jupiter: Pass, tmp_path: Path) -> None:
    other = replace(jupiter.strips[1].pointing, camera=Camera.measured().integrating(3))
    strips = [jupiter.strips[0], replace(jupiter.strips[1], pointing=other)]
    with pytest.raises(UsageError, match=r"differs by 1\.00 px"), Staged() as staged:
        stage_kernels(staged, strips, None, None, None, ik=tmp_path / "a.ti")
