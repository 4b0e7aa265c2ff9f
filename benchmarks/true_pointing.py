"""Simulated strips with the pointing that they truly had: what is left then, no solution of the pointing can mend."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from benchmarks.truth_strips import Taken
from numpy.typing import ArrayLike, NDArray

from perijove.instrument import Camera
from perijove.observation import Observation
from perijove.simulate.frames import Spin
from perijove.simulate.scene import Scene
from perijove.simulate.strip import Strip

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TrueSpin:
    """The simulator's spin as `Pointing.spin` is asked for it."""

    spin: Spin

    def camera_from_j2000(self, et: ArrayLike) -> FloatArray:
        """Rotation matrices (..., 3, 3) at ET."""
        out: FloatArray = np.swapaxes(self.spin.j2000_from_camera(et), -1, -2)
        return out


def truly_pointed(taken: Taken) -> Taken:
    """The same strips with their true times, places, attitudes and camera instead of the solved ones."""
    pairs = zip(taken.observations, taken.strips, strict=True)
    return replace(taken, observations=[placed(o, taken.scene, strip) for o, strip in pairs])


def placed(observation: Observation, scene: Scene, strip: Strip) -> Observation:
    """An observation as the scene has it."""
    et = strip.timing.et
    camera = Camera(scene.lens.shift, scene.lens.scale).integrating(strip.shot.stages)
    place, velocity = scene.flight.position(et), scene.flight.velocity(et)
    pointing = replace(
        observation.pointing, et=et, position_km=place, velocity_km_s=velocity, camera=camera, spin=TrueSpin(scene.spin)
    )
    return replace(observation, pointing=pointing)
