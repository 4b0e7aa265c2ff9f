"""The cases: what is photographed, from where, with which camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.priors import TILT_SIGMA, TWIST_SIGMA
from perijove.bodies import JUPITER
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, Filter
from perijove.simulate.detector import Detector
from perijove.simulate.motion import fly
from perijove.simulate.scene import COLOURS, Scene, Shot
from perijove.simulate.scenes import backlit_scene, ganymede_scene, jupiter_world, perijove_scene, spin_near_earth
from perijove.timescale import et_from_utc

FloatArray = NDArray[np.float64]

METHANE = (Filter.METHANE,)
LOSSLESS = "HUFFMAN"
MADE_UP_UTC = "2022-08-17T13:25:48"
MADE_UP_LEAN = np.radians(80.0)
"""Angle of a made-up flight's spin axis from the line to the planet: the camera looks square to its axis."""
HINT_LEAN = np.radians(3.0)
"""How far from the true axis the hint points that the processing is given on made-up flights."""

DETECTORS: Mapping[str, Callable[[], Detector]] = {
    "uncoded": lambda: replace(Detector.ideal(), step=0.0),
    "ideal": Detector.ideal,
    "light": Detector,
    "camera": Detector,
}
"""No noise and no lossy coding; no noise; the camera, with its light held against the truth; the camera."""


@dataclass(frozen=True)
class Case:
    """One case. `kind` is 'pass' (a real perijove), 'ganymede', 'backlit' or 'made-up'.

    `at` are minutes from perijove of the strips that are solved jointly (for 'ganymede' and 'backlit' the shots'
    indices). Made-up flights stand `km` from Jupiter's centre at phase angle `phase_deg`; there the processing is given
    the trajectory with its stated errors, as no orbit of Juno goes there. `mounting` are twist and tilt in sigmas of
    what is known of them. `lean_deg` leans the spin axis so far from the Earth that the body comes nearer to the middle
    of the field. `methane_strip` says which of the strips is taken in methane, at 64 stages, instead.
    """

    name: str
    kind: str = "pass"
    perijove: int = 44
    at: tuple[float, ...] = (0.0,)
    detector: str = "camera"
    phase_deg: float = 0.0
    km: float = 0.0
    filters: tuple[Filter, ...] = COLOURS
    stages: int = 1
    binning: int = 1
    bit_mode: str = "SQROOT"
    compression: str = "INTEGER COSINE TRANSFORM"
    frames: int | None = None
    period_s: float | None = None
    mounting: tuple[float, float] | None = None
    nutation: float = 0.0
    lean_deg: float | None = None
    jitter_s: float = 0.010
    interframe_error_s: float | None = None
    methane_strip: int | None = None


MADE_UP = "made-up"
CASES: tuple[Case, ...] = (
    Case("noiseless full disc", MADE_UP, 20, detector="uncoded", phase_deg=12, km=220e3, compression=LOSSLESS),
    Case("noiseless half disc", perijove=44, at=(-80,), detector="ideal"),
    Case("noiseless Ganymede", "ganymede", 34, at=(1,), detector="ideal"),
    Case("full disc", MADE_UP, 20, detector="light", phase_deg=12, km=220e3),
    Case("full disc, far", MADE_UP, 9, phase_deg=15, km=400e3),
    Case("full disc, near", MADE_UP, 38, phase_deg=10, km=165e3),
    Case("full disc, two strips", MADE_UP, 30, at=(-6, 6), phase_deg=13, km=240e3),
    Case("gibbous", MADE_UP, 15, phase_deg=40, km=220e3),
    Case("half disc, 400,000 km", perijove=1, at=(-230,), detector="light"),
    Case("half disc, 250,000 km", perijove=4, at=(-120,)),
    Case("half disc, outbound", perijove=9, at=(120,), detector="light"),
    Case("two strips", perijove=44, at=(-80, -70), detector="light"),
    Case("south from afar", perijove=43, at=(170,), stages=2),
    Case("closest approach", perijove=20, at=(0,), frames=30),
    Case("low over the north", perijove=17, at=(-10,), frames=30),
    Case("high Sun", perijove=22, at=(25,)),
    Case("half an hour past", perijove=32, at=(35,)),
    Case("crescent", perijove=40, at=(-170,), lean_deg=9.0),
    Case("crescent, north pole", perijove=28, at=(-50,)),
    Case("backlit", "backlit", 22, at=(4,), stages=2),
    Case("Ganymede", "ganymede", 34, at=(1,)),
    Case("Ganymede, past closest", "ganymede", 34, at=(2,), detector="light"),
    Case("methane, low", perijove=44, at=(-10,), filters=METHANE, stages=64, frames=30),
    Case("methane and colour", perijove=38, at=(90, 96), methane_strip=1),
    Case("summed", perijove=36, at=(120,), binning=2, detector="light"),
    Case("linear, lossless", perijove=47, at=(-120,), bit_mode="LIN8", compression=LOSSLESS),
    Case("nutating", perijove=41, at=(-100,), nutation=2e-5),
    Case("late start, odd mounting", perijove=46, at=(-90,), jitter_s=0.03, interframe_error_s=3e-4, mounting=(2, -2)),
    Case("slow spin", perijove=25, at=(80,), period_s=30.74, mounting=(-1, 1)),
    Case("radiation", perijove=50, at=(-120,)),
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A case ready to be photographed: `hint` is an axis (3,) near the true one where the processing is given one."""

    case: Case
    scene: Scene
    hint: FloatArray | None


def make(case: Case, seed: int) -> Made:
    """The scene of a case with its camera and its faults."""
    scene, hint = _full_scene(case, seed) if case.kind == MADE_UP else (_known_scene(case, seed), None)
    rng = np.random.default_rng([seed, 11])
    spin = replace(scene.spin, nutation=case.nutation, nutation_turn=float(rng.uniform(0.0, 2.0 * np.pi)))
    if case.lean_deg is not None:
        spin = replace(spin, axis=_leaned(scene, np.radians(case.lean_deg)))
    if case.period_s is not None:
        spin = replace(spin, period_s=case.period_s)
    if case.mounting is not None:
        twist, tilt = case.mounting
        spin = replace(spin, twist=MOUNTING_TWIST + TWIST_SIGMA * twist, tilt=MOUNTING_TILT + TILT_SIGMA * tilt)
    error = scene.interframe_error_s if case.interframe_error_s is None else case.interframe_error_s
    scene = replace(
        scene, spin=spin, detector=DETECTORS[case.detector](), jitter_s=case.jitter_s, interframe_error_s=error,
        seed=seed, name=case.name,
    )  # fmt: skip
    return Made(case, scene, hint)


def _leaned(scene: Scene, lean: float) -> FloatArray:
    """A spin axis (3,) that stands `lean` rad from the Earth, on the side that makes it squarer to the body."""
    et = next(shot.near_et for shot in scene.shots if shot.exposed)
    earth = apparent_earth(et) / np.linalg.norm(apparent_earth(et))
    place = scene.flight.position(et)
    aside = -place - (-place @ earth) * earth
    out: FloatArray = np.cos(lean) * earth + np.sign(place @ earth) * np.sin(lean) * aside / np.linalg.norm(aside)
    return out


def _known_scene(case: Case, seed: int) -> Scene:
    """A scene of a real pass; only the case's own shots are exposed, of the others there are labels."""
    if case.kind == "pass":
        scene = perijove_scene(case.perijove, seed, case.at)
        wanted = {shot.number for shot in scene.shots if shot.exposed}
    else:
        scene = ganymede_scene(seed) if case.kind == "ganymede" else backlit_scene(seed)
        wanted = {scene.shots[int(k)].number for k in case.at}
    shots = []
    for shot in scene.shots:
        mine = sorted(wanted).index(shot.number) if shot.number in wanted else None
        shots.append(_as_wanted(case, shot, mine) if mine is not None else replace(shot, exposed=False))
    return replace(scene, shots=tuple(shots))


def _as_wanted(case: Case, shot: Shot, index: int) -> Shot:
    """One of the shots that are solved, as the case has it."""
    methane = case.methane_strip == index
    return replace(
        shot, exposed=True, filters=METHANE if methane else case.filters, stages=64 if methane else case.stages,
        binning=case.binning, bit_mode=case.bit_mode, compression=case.compression, frames=case.frames,
    )  # fmt: skip


def _full_scene(case: Case, seed: int) -> tuple[Scene, FloatArray]:
    """Jupiter nearly full, the whole limb in the field: a view that no pass of Juno's gives from afar."""
    rng = np.random.default_rng([seed, 12])
    et = et_from_utc(MADE_UP_UTC)
    sun = apparent_sun(et) / np.linalg.norm(apparent_sun(et))
    aside, other = _square_to(sun, float(rng.uniform(0.0, 2.0 * np.pi)))
    phase = np.radians(case.phase_deg)
    place = case.km * (np.cos(phase) * sun + np.sin(phase) * aside)
    velocity = 20.0 * (0.8 * other - 0.5 * aside - 0.3 * sun)
    flight = fly(JUPITER, et, np.r_[place, velocity], et - 3000.0, et + 3000.0)
    up = place / case.km
    right, _ = _square_to(up, float(rng.uniform(0.0, 2.0 * np.pi)))
    axis = np.cos(MADE_UP_LEAN) * up + np.sin(MADE_UP_LEAN) * right
    lean, _ = _square_to(axis, float(rng.uniform(0.0, 2.0 * np.pi)))
    shots = tuple(_as_wanted(case, Shot(20 + k, et + 60.0 * m), k) for k, m in enumerate(case.at))
    scene = Scene(
        case.name, case.perijove, jupiter_world(seed, et), flight, spin_near_earth(et, seed, axis), shots,
        interframe_error_s=float(np.random.default_rng([seed, 3]).normal(0.0, 1e-4)), seed=seed,
    )  # fmt: skip
    return scene, axis + np.tan(HINT_LEAN) * lean


def _square_to(axis: FloatArray, turn: float) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors square to a unit vector and to each other, turned about it."""
    x = np.cross(axis, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    y = np.cross(axis, x)
    return np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
