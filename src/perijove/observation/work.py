"""From strips and labels to observations: calibrate, fly, point, and look again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.basemap import Basemap
from perijove.attitude.pointing import Pointing
from perijove.attitude.rounds import TieTo
from perijove.attitude.search import Scene
from perijove.attitude.target import LEAST_LEAD, likenesses
from perijove.bodies import BODIES, GALILEAN, JUPITER, Body
from perijove.calibrate.framelets import Treatment, calibrate
from perijove.calibrate.second_look import look_again
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.errors import PerijoveError, PointingError
from perijove.instrument import TDI_STEP_S, Camera
from perijove.label import PASS_S, Label
from perijove.observation.begin import Begun, able, begin
from perijove.observation.exposure import exposure_by_light
from perijove.observation.parked import parked
from perijove.observation.sources import Attitude, Flight, point
from perijove.observation.strip import Observation
from perijove.observation.times import exposure_of, framelet_times
from perijove.raw import RawImage

FloatArray = NDArray[np.float64]


def target_of(raw: RawImage, flight: Flight) -> Body:
    """The body that a strip shows, by its limb and the trajectory. Raises PointingError where that cannot tell."""
    times = framelet_times(raw.label)
    scenes = []
    for body in (JUPITER, *GALILEAN):
        there = flight.find(body, float(times[0]), float(times[-1]))
        if there is not None:
            sun = apparent_sun(float(times.mean()), body)
            scenes.append(Scene(there, body, _direction(sun)))
    exposure = exposure_of(raw, calibrate(raw))
    found = likenesses(exposure, scenes, Camera.measured())
    if not found or (len(found) > 1 and found[0].points < LEAST_LEAD * found[1].points):
        seen = " or ".join(one.name for one in found[:2]) or "none of the bodies that Juno has passed"
        raise PointingError(f"{raw.path}: its limb may be that of {seen}: give --target")
    return BODIES[found[0].name]


def observe(
    raws: Sequence[RawImage],
    pass_labels: Iterable[Label],
    *,
    treatment: Treatment | None = None,
    flight: Flight | None = None,
    attitude: Attitude | None = None,
    basemap: Basemap | None = None,
    ties: bool = True,
    step: Callable[[str], object] = lambda _: None,
) -> list[Observation]:
    """Calibrate strips, solve their trajectory from all labels of the pass, and their pointing jointly.

    `pass_labels` are other labels of the same pass; the strips' own are added. Strips of several passes are solved pass
    by pass. `treatment` says how they are calibrated. `flight` gives the trajectory where it is not to be found from
    labels, `attitude` the camera's; the ground of `basemap` ties the pointing. `step` is told what is being done.
    Raises PerijoveError where a strip cannot be solved.
    """
    work = _Work(treatment, flight, attitude, TieTo(ties, basemap), step)
    labels = {label.product_id: label for label in (*pass_labels, *(raw.label for raw in raws))}
    done: dict[str, Observation] = {}
    for group in passes(raws):
        done.update({o.raw.label.product_id: o for o in _observe_pass(group, list(labels.values()), work)})
    return [done[raw.label.product_id] for raw in raws]


def _direction(vector: FloatArray) -> FloatArray:
    """The unit vector along a vector (3,)."""
    return vector / np.linalg.norm(vector)


def passes(raws: Sequence[RawImage]) -> list[list[RawImage]]:
    """Strips grouped by target and pass."""
    groups: list[list[RawImage]] = []
    for raw in sorted(raws, key=lambda r: r.label.start_et):
        for group in groups:
            last = group[-1].label
            if last.target == raw.label.target and raw.label.start_et - last.start_et < PASS_S:
                group.append(raw)
                break
        else:
            groups.append([raw])
    return groups


@dataclass(frozen=True)
class _Work:
    """How `observe` was asked to do its work."""

    treatment: Treatment | None
    flight: Flight | None
    attitude: Attitude | None
    tie_to: TieTo
    step: Callable[[str], object]


def _observe_pass(raws: Sequence[RawImage], labels: Sequence[Label], work: _Work) -> list[Observation]:
    """Observations of the strips of one pass; the error of the first that cannot be had."""
    begun = begin(raws, labels, work.treatment, work.flight, work.step)
    check(begun.left_out)
    pointings = point(raws, begun.exposures, begun.sky, work.attitude, work.tie_to, work.step)
    return finish(begun, pointings, labels, work.treatment, work.step)


def check(faults: Mapping[str, PerijoveError]) -> None:
    """Raise the first of the errors, if there is any."""
    for error in faults.values():
        raise error


def finish(
    begun: Begun,
    pointings: Sequence[Pointing | None],
    labels: Sequence[Label],
    treatment: Treatment | None,
    step: Callable[[str], object],
    left_out: dict[str, PerijoveError] | None = None,
) -> list[Observation]:
    """The observations of strips with their pointings, but for those without, looked at again for hits.

    Strips whose exposure nobody tells, and their light neither, end it, or go into `left_out` where it is given.
    """
    raws, trajectory, body = begun.raws, begun.sky.trajectory, begun.sky.body
    behind = tuple(label for label in labels if label.product_id in trajectory.used)
    observations = [
        Observation(
            raw,
            light,
            body,
            trajectory,
            pointing,
            _direction(apparent_sun(float(pointing.et.mean()), body)),
            (raw.label, *(label for label in behind if label.product_id != raw.label.product_id)),
        )
        for raw, light, pointing in zip(raws, begun.calibrated, pointings, strict=True)
        if pointing is not None
    ]
    known = {o.raw.label.product_id: o for o in observations}
    faults: dict[str, PerijoveError] = {} if left_out is None else left_out
    mute = [o.raw for o in observations if o.raw.label.exposure_s is None]
    known |= able(mute, lambda raw: _exposed(known[raw.label.product_id], treatment), faults)
    if left_out is None:
        check(faults)
    observations = [o for name, o in known.items() if name not in faults]
    if treatment is not None and not treatment.mend:
        return observations
    done = []
    for o in observations:
        step(f"looking again at what may be hits in {o.raw.label.product_id}")
        done.append(replace(o, calibrated=parked(look_again(o.raw, o.calibrated, o.swaths(), body), len(raws))))
    return done


def _exposed(observation: Observation, treatment: Treatment | None) -> Observation:
    """The observation with the exposure that its light asks for, where no label tells it."""
    exposure = exposure_by_light(observation)
    raw = observation.raw
    stages = max(round(exposure / TDI_STEP_S), 1)
    label = replace(raw.label, exposure_s=stages * TDI_STEP_S, tdi_stages=stages)
    raw = replace(raw, label=label)
    light = calibrate(raw, treatment, sun_distance_km=observation.calibrated.sun_distance_km)
    labels = tuple(label if one.product_id == label.product_id else one for one in observation.labels)
    return replace(observation, raw=raw, calibrated=light, labels=labels)
