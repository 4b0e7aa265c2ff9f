"""From a case to strips on disk, and from these, blind, to observations."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from benchmarks.accuracy.cases import FloatArray, Made

from perijove.attitude.solve import solve_pointing
from perijove.calibrate.framelets import calibrate
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.ephemeris.trajectory import Trajectory
from perijove.io.finder import OpenedStrip, open_strip
from perijove.observation import Observation, body_of, exposure_of, observe
from perijove.simulate.strip import Strip, take

GIVEN_SIGMA = np.array([0.15, 0.15, 0.15, 1e-4, 1e-4, 1e-4])
"""Errors, km and km/s, of the state that the processing is given on a made-up flight: as the labels of a pass leave."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Done:
    """The truth of a case's strips and what the processing made of them, in the same order."""

    made: Made
    strips: tuple[Strip, ...]
    observations: tuple[Observation, ...]


def photograph_case(made: Made, folder: Path, say: Say) -> tuple[Strip, ...]:
    """Take all shots of a case and write labels and strips into a folder; the exposed ones are returned."""
    out = []
    for shot in made.scene.shots:
        if shot.exposed:
            say("photographing")
        strip = take(made.scene, shot)
        (folder / strip.label_name).write_text(json.dumps(strip.label, indent=1), encoding="utf-8")
        if strip.exposed is not None:
            cv2.imwrite(str(folder / strip.strip_name), strip.exposed.codes)
            out.append(strip)
    return tuple(out)


def process_case(made: Made, folder: Path, names: Sequence[str], say: Say) -> tuple[Observation, ...]:
    """Observations from the files alone; on made-up flights with the trajectory and a hint of the axis."""
    opened = [open_strip(folder / name) for name in names]
    if made.hint is not None:
        return _with_given_flight(made, opened, made.hint, say)
    labels = [label for strip in opened for label in strip.pass_labels]
    return tuple(observe([strip.raw for strip in opened], labels, step=say))


def _with_given_flight(
    made: Made, opened: Sequence[OpenedStrip], hint: FloatArray, say: Say
) -> tuple[Observation, ...]:
    """The same steps as `observe`, but for the trajectory."""
    raws = [strip.raw for strip in opened]
    lights = [calibrate(raw) for raw in raws]
    exposures = [exposure_of(raw, light) for raw, light in zip(raws, lights, strict=True)]
    middle = float(np.mean([e.et.mean() for e in exposures]))
    body, sun = body_of(raws[0].label), apparent_sun(middle)
    trajectory = given_trajectory(made, middle)
    pointings = solve_pointing(exposures, trajectory, body, sun, earth=hint, progress=say)
    towards = sun / np.linalg.norm(sun)
    return tuple(
        Observation(raw, light, body, trajectory, pointing, towards)
        for raw, light, pointing in zip(raws, lights, pointings, strict=True)
    )


def given_trajectory(made: Made, et: float) -> Trajectory:
    """The true path, displaced by errors of `GIVEN_SIGMA`, which it states."""
    flight = made.scene.flight
    error = np.random.default_rng([made.scene.seed, 13]).normal(0.0, GIVEN_SIGMA)
    place = flight.position_km + error[:3] + (flight.et - et)[:, None] * error[3:]
    return Trajectory(
        flight.body.name, "given", flight.et, place, flight.velocity_km_s + error[3:], et, np.diag(GIVEN_SIGMA**2)
    )
