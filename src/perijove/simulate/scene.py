"""Scene: everything that is true of one pass: world, flight, spin, camera, and the exposures to be taken."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import LIGHT_KM_S
from perijove.ephemeris.sun_earth import apparent_sun, jupiter_velocity
from perijove.instrument import INTERFRAME_DELTA_S, START_TIME_BIAS_S, Filter
from perijove.simulate.detector import Detector
from perijove.simulate.frames import Spin
from perijove.simulate.motion import Flight, LabelPlace, label_place, orbital_velocity
from perijove.simulate.optics import STAGE_S, Lens
from perijove.simulate.stars import Stars
from perijove.simulate.world import World
from perijove.timescale import et_from_utc, utc_from_et

FloatArray = NDArray[np.float64]

COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)


@dataclass(frozen=True)
class Shot:
    """One exposure sequence as it is commanded.

    `near_et` is about when its middle shall be; the true time is moved by less than a turn, so that the camera then
    looks at the body. `frames` None takes as many as the body needs. With `exposed` false only the label is made, as
    for the neighbours that a trajectory is found from. `hits` are the particle hits in a blue framelet; None leaves
    them to the perijove, and a number of the detector's own (`Detector.hits_per_framelet`) goes before. Without `smear`
    all light falls in the middle of the exposure, so that nothing moves meanwhile.
    """

    number: int
    near_et: float
    filters: tuple[Filter, ...] = COLOURS
    frames: int | None = None
    interframe_s: float = 0.371
    stages: int = 1
    binning: int = 1
    bit_mode: str = "SQROOT"
    compression: str = "INTEGER COSINE TRANSFORM"
    title: str = ""
    exposed: bool = True
    hits: float | None = None
    smear: bool = True


@dataclass(frozen=True)
class Scene:
    """The truth. `jitter_s` is the sigma of the error of START_TIME, `interframe_error_s` what the true step between
    frames has beyond the label's delay and its known correction."""

    name: str
    perijove: int
    world: World
    flight: Flight
    spin: Spin
    shots: tuple[Shot, ...]
    lens: Lens = field(default_factory=Lens)
    detector: Detector = field(default_factory=Detector)
    jitter_s: float = 0.010
    interframe_error_s: float = 0.0
    seed: int = 0

    def sun(self, et: float) -> FloatArray:
        """Where the Sun stands: (3,) km in j2000 from the body, as its light arrives."""
        return apparent_sun(et, self.flight.body)

    @cached_property
    def sky(self) -> Stars | None:
        """The stars as one sees them who moves with the body; None where there are none.

        Aberration by the body's own motion leans them by its velocity about the barycentre over c. The body itself it
        does not shift: while the light is on its way the body goes on as far.
        """
        stars, body, et = self.world.stars, self.flight.body, self.spin.epoch
        if stars is None:
            return None
        leant = stars.direction + (jupiter_velocity(et) + orbital_velocity(body, et)) / LIGHT_KM_S
        return replace(stars, direction=leant / np.linalg.norm(leant, axis=1, keepdims=True))

    def label_place(self, et: float) -> LabelPlace:
        """What a label for ET says of the spacecraft's place."""
        body = self.flight.body
        return label_place(self.flight, et, jupiter_velocity(et) + orbital_velocity(body, et))


@dataclass(frozen=True)
class Timing:
    """True times of one shot: `et` (frames,) of mid-exposure; `start_et` and `stop_et` are what the label says,
    `jitter_s` by how much the truth is later."""

    et: FloatArray
    start_et: float
    stop_et: float
    jitter_s: float


def time_shot(scene: Scene, shot: Shot) -> Timing:
    """When the frames of a shot are taken: centred on the moment nearest `near_et` at which the camera sees the body.

    The label's start is a whole millisecond of UTC, as labels have it.
    """
    exposure = shot.stages * STAGE_S
    turn = scene.spin.period_s
    tried = shot.near_et + np.linspace(-0.5, 0.5, 721) * turn
    ahead = scene.spin.j2000_from_camera(tried)[:, :, 2]
    middle = float(tried[np.argmin(np.sum(ahead * scene.flight.position(tried), axis=1))])
    step = shot.interframe_s + INTERFRAME_DELTA_S + scene.interframe_error_s
    frames = shot.frames or frames_for(scene, middle, step)
    begin = middle - START_TIME_BIAS_S - exposure / 2.0 - step * (frames - 1) / 2.0
    start = et_from_utc(utc_from_et(begin))
    jitter = float(np.random.default_rng([scene.seed, shot.number, 1]).normal(0.0, scene.jitter_s))
    et = start + START_TIME_BIAS_S + exposure / 2.0 + jitter + step * np.arange(frames, dtype=float)
    return Timing(et, start, start + frames * shot.interframe_s, jitter)


def frames_for(scene: Scene, et: float, step: float) -> int:
    """Frames that sweep over the whole body, all filters included, and a little sky."""
    place = scene.flight.position(et)
    size = np.arcsin(min(1.0, max(scene.flight.body.radii_km) / float(np.linalg.norm(place))))
    # the filters stand up to 0.11 rad from the middle, a framelet spans 0.09
    return int(np.ceil((2.0 * size + 0.42) / (2.0 * np.pi / scene.spin.period_s * step)))
