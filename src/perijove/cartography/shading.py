"""Shading: a photometric law taken off rendered light, for measurement or for the eye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perijove.cartography.geometry import measured
from perijove.observation import Observation
from perijove.photometry.correct import correct, factor
from perijove.photometry.models import Law
from perijove.render.engine import Prepared
from perijove.render.planes import Planes
from perijove.render.threads import run_blocks

Plane = NDArray[np.float32]


def freed(planes: Planes, law: Law) -> Planes:
    """Planes whose light has a law taken off, for measurement: none is left where the law is not to be believed.

    Their angles must be the camera's own (those of a map, or of `camera_angles`).
    """
    light, weight, sigma = (np.empty_like(a) for a in (planes.light, planes.weight, planes.sigma))
    doubted = len(planes.sigma) > 0

    def work(k: int) -> None:
        done = correct(
            planes.light[k], planes.sigma[k] if doubted else None, planes.weight[k],
            planes.cos_incidence, planes.cos_emission, planes.phase, law, planes.bands[k],
        )  # fmt: skip
        light[k], weight[k] = done.light, done.weight
        if doubted:
            sigma[k] = done.sigma

    run_blocks(work, range(len(light)), None)
    return replace(planes, light=light, weight=weight, sigma=sigma)


def gains(planes: Planes, law: Law) -> NDArray[np.float32]:
    """Factors (h, w) that take a law off light for the eye: it goes on into darkness at terminator and limb.

    They are the geometric mean of the filters' factors: each filter's own would make tints of errors of the law.
    Angles as in `freed`; 1 where they are not known.
    """
    out = np.empty_like(planes.light)

    def work(k: int) -> None:
        out[k] = factor(planes.cos_incidence, planes.cos_emission, planes.phase, law, planes.bands[k])

    run_blocks(work, range(len(out)), None)
    mean: NDArray[np.float32] = np.exp(np.log(out).mean(axis=0))
    return mean


def camera_angles(observation: Observation, prepared: Prepared, planes: Planes) -> Planes:
    """Planes of a picture with the angles under which the camera saw each place, at its own time; NaN where it did not.

    `planes` are the whole of `prepared`, rendered with sources.
    """
    names = ("incidence", "emission", "phase")
    angles = measured(names, observation, prepared, 0, planes)
    return replace(
        planes,
        cos_incidence=np.cos(angles["incidence"]).astype(np.float32),
        cos_emission=np.cos(angles["emission"]).astype(np.float32),
        phase=angles["phase"].astype(np.float32),
    )
