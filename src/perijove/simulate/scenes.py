"""Scenes: passes with a name, and passes made to measure. What is known of the real geometry is carried as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import BODIES, JUPITER, Body
from perijove.ephemeris.juno import PERIJOVE_UTC, expected_orbit
from perijove.ephemeris.orbit import Elements, state_from_elements
from perijove.ephemeris.sun_earth import apparent_earth
from perijove.errors import UsageError
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST
from perijove.simulate.frames import Spin
from perijove.simulate.motion import Flight, fly
from perijove.simulate.particles import BELT_HITS, QUIET_HITS
from perijove.simulate.scene import Scene, Shot
from perijove.simulate.stars import starry_sky
from perijove.simulate.world import CLOUD_LAW, ICE_LAW, JUPITER_HAZE, LUNAR_LAMBERT, MINNAERT, World
from perijove.simulate.worlds.ganymede import GanymedePainter
from perijove.simulate.worlds.jupiter import JupiterPainter
from perijove.simulate.worlds.painting import Painter
from perijove.timescale import et_from_utc

FloatArray = NDArray[np.float64]

PASS_S = 6 * 3600.0
"""A pass is flown this long before and after its perijove."""

GANYMEDE_ET = 676357037.6897409
GANYMEDE_STATE = (2498.30361579, 1357.12141755, 2319.82328975, -13.31148838, 9.5096583, 8.79203066)
"""Juno at its closest to Ganymede on 2021-06-07: ET, place km and velocity km/s in j2000 about Ganymede's centre.
Fitted with the moon's gravity and Jupiter's tide to the mission's reconstructed positions, 16:36 to 17:16 UTC, which it
meets to 0.13 km rms."""
GANYMEDE_AXIS = (-0.9147, 0.3845, 0.1242)
"""Unit vector of the spin axis in j2000: 5.6 deg from the Earth as it was that day, to a side (not known) from which
the camera sees most of the lit disc."""
BACKLIT_PERIJOVE = 22
BACKLIT_AXIS = (0.7641, 0.2317, 0.6020)
"""Unit vector of the spin axis in j2000 of the backlit pass, 51 deg from the Earth. JunoCam looks square to its axis,
and Juno keeps that within some ten degrees of Earth and Sun: no real picture of Jupiter from afar shows a phase angle
beyond about 120 deg. The true approach of perijove 22 passes 160 to 100 deg; this axis lets the camera see it."""
BACKLIT_MINUTES = (-300.0, -230.0, -180.0, -140.0, -110.0, -85.0, -42.0)
BACKLIT_HITS = (QUIET_HITS, 20.0, 80.0, 300.0, 800.0, BELT_HITS, 50.0)
"""Particle hits in a blue framelet of each: from those of strips far from Jupiter to those of 44C00029, which was taken
79 minutes before its perijove, 2.6 radii from Jupiter; what lies between is a guess. The last one stands above the
belts, over the pole."""
BRACKET_STAGES = (1, 4, 1, 8, 1, 4, 1)
"""Stages of time-delayed integration, 3.2 ms each, of the backlit strips that are exposed in turns: the short ones hold
the crescent, the long ones, full where it is bright, show stars and the faint end of the haze."""
DAYLIGHT_PERIJOVE = 6
DAYLIGHT_MINUTES = (
    -190.0, -160.0, -132.0, -108.0, -88.0, -72.0, -58.0, -45.0, -33.0, -22.0,
    -11.0, 9.0, 20.0, 32.0, 46.0, 62.0, 80.0, 102.0, 130.0, 165.0,
)  # fmt: skip
"""A pass as JunoCam takes it in: a strip every ten minutes about perijove, fewer farther off. At perijove 6 half of
what is seen lies in daylight; in six hours Jupiter turns by 210 degrees of longitude below it."""


def jupiter_world(seed: int, epoch_et: float, painter: Painter | None = None) -> World:
    """Jupiter with its haze; the clouds as painted at `epoch_et`, or another painter's."""
    clouds = painter or JupiterPainter(seed, epoch_et)
    return World(JUPITER, clouds, MINNAERT, CLOUD_LAW, JUPITER_HAZE, starry_sky(seed))


def moon_world(seed: int, body: Body, painter: Painter | None = None) -> World:
    """A moon of ice without air: Ganymede's ground, or another painter's."""
    return World(body, painter or GanymedePainter(seed), LUNAR_LAMBERT, ICE_LAW, None, starry_sky(seed))


def spin_near_earth(et: float, seed: int, axis: FloatArray | None = None) -> Spin:
    """A spin as Juno's: about an axis some degrees from the Earth (or the one given), with a period of 30.1 to 30.7 s,
    no nutation, and a camera mounted as it was found to be, give or take what that differs by over the years."""
    rng = np.random.default_rng([seed, 2])
    earth = apparent_earth(et)
    towards = earth / np.linalg.norm(earth) if axis is None else axis / np.linalg.norm(axis)
    aside = np.cross(towards, rng.normal(size=3))
    lean = np.radians(rng.uniform(3.0, 9.0)) if axis is None else 0.0
    true_axis = np.cos(lean) * towards + np.sin(lean) * aside / np.linalg.norm(aside)
    return Spin(
        axis=true_axis,
        period_s=float(rng.uniform(30.1, 30.7)),
        turn=float(rng.uniform(0.0, 2.0 * np.pi)),
        epoch=et,
        twist=MOUNTING_TWIST + float(rng.normal(0.0, 1e-4)),
        tilt=MOUNTING_TILT + float(rng.normal(0.0, 1e-3)),
    )


def perijove_flight(number: int) -> Flight:
    """Juno's path about perijove `number`, on the orbit that is expected there."""
    last = len(PERIJOVE_UTC) - 1
    if not 1 <= number <= last:
        raise UsageError(f"perijove {number} is not among those whose orbit is known: give 1 to {last}")
    prior = expected_orbit(et_from_utc(PERIJOVE_UTC[number]))
    state = state_from_elements(JUPITER, Elements(*(float(p) for p in prior.mean)))
    passage = float(prior.mean[5])
    return fly(JUPITER, passage, state, passage - PASS_S, passage + PASS_S)


def perijove_scene(number: int, seed: int = 0, minutes: tuple[float, ...] = (-80.0, -70.0)) -> Scene:
    """A pass of Jupiter, with strips at `minutes` from perijove and the labels of up to four more around them."""
    flight = perijove_flight(number)
    passage = flight.et[0] + PASS_S
    around = [m for m in (-110.0, -60.0, 60.0, 110.0) if min(abs(m - x) for x in minutes) > 5.0]
    shots = [Shot(20 + k, passage + 60.0 * m) for k, m in enumerate(sorted(minutes))]
    shots += [Shot(40 + k, passage + 60.0 * m, exposed=False) for k, m in enumerate(around)]
    return Scene(
        f"perijove-{number}", number, jupiter_world(seed, passage), flight, spin_near_earth(passage, seed),
        tuple(shots), interframe_error_s=float(np.random.default_rng([seed, 3]).normal(0.0, 1e-4)), seed=seed,
    )  # fmt: skip


def ganymede_scene(seed: int = 0) -> Scene:
    """Past Ganymede on 2021-06-07, on the path that Juno truly flew."""
    moon = BODIES["GANYMEDE"]
    flight = fly(moon, GANYMEDE_ET, np.array(GANYMEDE_STATE), GANYMEDE_ET - 2400.0, GANYMEDE_ET + 2400.0, 5.0)
    times = {1: "16:57:20", 2: "16:58:30", 3: "17:00:05", 4: "17:01:10", 5: "17:02:30"}
    shots = tuple(
        Shot(n, et_from_utc(f"2021-06-07T{t}"), interframe_s=0.370, title="Ganymede", exposed=n in (2, 3))
        for n, t in times.items()
    )
    spin = spin_near_earth(GANYMEDE_ET, seed, np.array(GANYMEDE_AXIS))
    return Scene(
        "ganymede-pj34", 34, moon_world(seed, moon), flight, spin, shots,
        interframe_error_s=float(np.random.default_rng([seed, 3]).normal(0.0, 1e-4)), seed=seed,
    )  # fmt: skip


def backlit_scene(seed: int = 0) -> Scene:
    """Seven looks back at Jupiter's night side, phase angles 160 to 100 deg: see `BACKLIT_AXIS`."""
    scene = perijove_scene(BACKLIT_PERIJOVE, seed, BACKLIT_MINUTES)
    spin = spin_near_earth(scene.spin.epoch, seed, np.array(BACKLIT_AXIS))
    labels = [shot for shot in scene.shots if not shot.exposed]
    exposed = [shot for shot in scene.shots if shot.exposed]
    taken = [replace(s, title="Backlit Jupiter", hits=h) for s, h in zip(exposed, BACKLIT_HITS, strict=True)]
    shots = (*taken, *labels)
    return replace(scene, name="backlit", spin=spin, shots=shots)


def bracketed_scene(seed: int = 0) -> Scene:
    """The backlit strips, exposed short and long in turns: see `BRACKET_STAGES`."""
    scene = backlit_scene(seed)
    stages = dict(zip((shot.number for shot in scene.shots if shot.exposed), BRACKET_STAGES, strict=True))
    shots = tuple(replace(shot, stages=stages.get(shot.number, 1)) for shot in scene.shots)
    return replace(scene, name="backlit-bracket", shots=shots)


def daylight_scene(seed: int = 0) -> Scene:
    """Twenty strips of one pass over the day side, see `DAYLIGHT_MINUTES`; the winds carry its clouds all the while."""
    return replace(perijove_scene(DAYLIGHT_PERIJOVE, seed, DAYLIGHT_MINUTES), name="daylight-pass")


@dataclass(frozen=True)
class Named:
    """A scene with a name: what it shows, and how it is made from a seed."""

    shows: str
    make: Callable[[int], Scene]


SCENES: Mapping[str, Named] = {
    "ganymede-pj34": Named("Ganymede as on 2021-06-07, 1,038 km away at the closest", ganymede_scene),
    "perijove-44": Named(
        "Jupiter eighty minutes before perijove 44, two strips", lambda seed: perijove_scene(44, seed)
    ),
    "backlit": Named("Jupiter's night side with the Sun behind it, seven strips", backlit_scene),
    "backlit-bracket": Named("The same, exposed for 3 to 26 ms in turns", bracketed_scene),
    "daylight-pass": Named("Jupiter's day side from pole to pole about perijove 6, twenty strips", daylight_scene),
}


def named_scene(name: str, seed: int = 0) -> Scene:
    """A scene by its name; `perijove-N` is any pass of Jupiter. Raises UsageError for a name that is not known."""
    if name in SCENES:
        return SCENES[name].make(seed)
    number = name.removeprefix("perijove-")
    if number != name and number.isdecimal() and len(number) < 5:
        return perijove_scene(int(number), seed)
    raise UsageError(f"there is no scene {name!r}: choose {', '.join(SCENES)}, perijove-N, or name a .toml file")
