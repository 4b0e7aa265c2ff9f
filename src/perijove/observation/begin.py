"""Strips of a pass before their pointing is solved: calibrated, with their trajectory; who spoils that is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.exposure import Exposure
from perijove.bodies import Body
from perijove.calibrate.framelets import Calibrated, Treatment, calibrate
from perijove.ephemeris.labels import FLYBY_WINDOW_S, WINDOW_S
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import CalibrationError, LabelError, PerijoveError, PointingError, StripError, TrajectoryError
from perijove.label import Label
from perijove.observation.parked import parked
from perijove.observation.sources import Flight, Sky, fly
from perijove.observation.times import body_of, exposure_of, framelet_times
from perijove.raw import RawImage

FloatArray = NDArray[np.float64]
Done = TypeVar("Done")
OWN_FAULTS = (LabelError, StripError, CalibrationError)
"""What is wrong with one strip; other errors are the whole pass's, or the request's."""
BESIDE = "it was taken too long before or after the other strips for one orbit: check START_TIME in its label"


@dataclass(frozen=True)
class Begun:
    """The strips of a pass that can be had, calibrated, with what the solver must know, and the sky.

    `left_out` has the others by product id, and what is wrong with each.
    """

    raws: list[RawImage]
    calibrated: list[Calibrated]
    exposures: list[Exposure]
    sky: Sky
    left_out: Mapping[str, PerijoveError]


def begin(
    raws: Sequence[RawImage],
    labels: Sequence[Label],
    treatment: Treatment | None,
    flight: Flight | None,
    step: Callable[[str], object],
) -> Begun:
    """Calibrate the strips of one pass and find their trajectory.

    Strips that cannot be calibrated, or that lie outside the others' orbit, are left out. Raises PerijoveError where
    none is left, or where the pass as a whole cannot be done.
    """
    left_out: dict[str, PerijoveError] = {}
    body, many = body_of(raws[0].label), len(raws)
    times = able(raws, lambda raw: framelet_times(raw.label), left_out)
    there = kept(raws, left_out)
    lights_of(there, times, body)
    step("fitting the trajectory")
    trajectory, beside = flown(there, times, labels, body, flight)
    while beside:
        left_out |= {name: TrajectoryError(f"{name}: {BESIDE}") for name in beside}
        there = kept(raws, left_out)
        trajectory, beside = flown(there, times, labels, body, flight)
    sun, earth = lights_of(there, times, body)
    away = float(np.linalg.norm(sun))

    def calibrated_one(raw: RawImage) -> Calibrated:
        step(f"calibrating {raw.label.product_id}")
        return parked(calibrate(raw, treatment, sun_distance_km=away), many)

    light = able(there, calibrated_one, left_out)
    there = kept(raws, left_out)
    calibrated = [light[raw.label.product_id] for raw in there]
    exposures = [exposure_of(raw, part) for raw, part in zip(there, calibrated, strict=True)]
    step("solving the pointing")
    return Begun(there, calibrated, exposures, Sky(trajectory, body, sun, earth), left_out)


def lights_of(raws: Sequence[RawImage], times: Mapping[str, FloatArray], body: Body) -> tuple[FloatArray, FloatArray]:
    """The way (3,) km, j2000, from the body to the Sun and to the Earth at the middle of strips; PointingError where
    the time is none of Juno's."""
    middle = float(np.mean([times[raw.label.product_id].mean() for raw in raws]))
    sun, earth = apparent_sun(middle, body), apparent_earth(middle, body)
    if not np.isfinite(sun).all():
        name = raws[0].label.product_id
        raise PointingError(f"{name}: START_TIME lies outside 2011-2031, which the Sun's table covers; check the label")
    return sun, earth


def able(
    raws: Sequence[RawImage], work: Callable[[RawImage], Done], left_out: dict[str, PerijoveError]
) -> dict[str, Done]:
    """What comes of a piece of work on each strip, by product id; why some cannot be done goes into `left_out`."""
    done = {}
    for raw in raws:
        name = raw.label.product_id
        try:
            done[name] = work(raw)
        except OWN_FAULTS as error:
            left_out[name] = error if name in str(error) else type(error)(f"{name}: {error}")
    return done


def kept(raws: Sequence[RawImage], left_out: Mapping[str, PerijoveError]) -> list[RawImage]:
    """The strips that are not left out; where there are none, the first one's error is raised."""
    there = [raw for raw in raws if raw.label.product_id not in left_out]
    if not there:
        raise next(iter(left_out.values()))
    return there


def flown(
    raws: Sequence[RawImage],
    times: Mapping[str, FloatArray],
    labels: Sequence[Label],
    body: Body,
    flight: Flight | None,
) -> tuple[Trajectory, list[str]]:
    """The trajectory of strips, and those that it does not reach by product id. Raises TrajectoryError for none."""
    # one strip with a wrong time may lead the orbit astray, which is sought about the middle of all
    apart = astray(raws, body) if flight is None else []
    try:
        trajectory = fly(raws, labels, body, flight)
    except TrajectoryError:
        if not apart:
            raise
        return fly([raw for raw in raws if raw.label.product_id not in apart], labels, body, flight), apart
    names = [raw.label.product_id for raw in raws]
    beside = [name for name in names if not np.isfinite(trajectory.position(times[name][[0, -1]])).all()]
    return trajectory, (apart or beside) if beside else []


def astray(raws: Sequence[RawImage], body: Body) -> list[str]:
    """Strips too far in time, for an orbit from labels, from the one that has most others near by, by product id."""
    window = WINDOW_S if body.parent is None else FLYBY_WINDOW_S
    starts = {raw.label.product_id: raw.label.start_et for raw in raws}
    near = {name: sum(abs(other - et) <= window for other in starts.values()) for name, et in starts.items()}
    middle = starts[min(near, key=lambda name: (-near[name], starts[name], name))]
    return [name for name, et in starts.items() if abs(et - middle) > window]
