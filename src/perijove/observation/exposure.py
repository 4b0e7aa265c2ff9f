"""The exposure of a strip by its light, where no label tells it."""

from __future__ import annotations

import numpy as np

from perijove.errors import LabelError
from perijove.geometry.ellipsoid import intersect, normal
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, Filter
from perijove.observation.strip import Observation
from perijove.photometry.expected import expected_light

LEAST_LIT = 200
"""Fewer lit places than this tell no exposure."""


def exposure_by_light(observation: Observation) -> float:
    """The exposure, s, at which the lit ground is as bright as is to be expected of the body, good to a third.

    Raises LabelError where too little of it is lit.
    """
    body, calibrated = observation.body, observation.calibrated
    # without an exposure calibration takes one of a second
    band = max(calibrated.light, key=lambda b: b is Filter.GREEN)
    values, expected = [], []
    p = observation.pointing
    attitude = p.spin.camera_from_j2000(p.et)
    lines = np.arange(8.5, FRAMELET_LINES, 16.0)
    samples = np.arange(LIT_SAMPLES.start + 16.5, LIT_SAMPLES.stop, 32.0)
    line, sample = (a.ravel() for a in np.meshgrid(lines, samples, indexing="ij"))
    rays = p.camera.ray(band, line, sample)
    at = (line / calibrated.binning).astype(int), (sample / calibrated.binning).astype(int)
    for frame, stack in enumerate(calibrated.light[band]):
        turn = body.body_from_j2000(float(p.et[frame]))
        looks, place = rays @ attitude[frame] @ turn.T, turn @ p.position_km[frame]
        ground = intersect(np.broadcast_to(place, looks.shape), looks, body.radii_km)
        up = normal(ground, body.radii_km)
        back = -looks / np.linalg.norm(looks, axis=-1, keepdims=True)
        sun = turn @ observation.sun
        cos_i, cos_e = up @ sun, np.sum(up * back, axis=-1)
        lit = (cos_i > 0.4) & (cos_e > 0.3) & np.isfinite(stack[at])
        values.append(stack[at][lit])
        expected.append(expected_light(body, cos_i[lit], cos_e[lit], (back @ sun)[lit]))
    seen, wanted = np.concatenate(values), np.concatenate(expected)
    if len(seen) < LEAST_LIT:
        raise LabelError(
            f"{observation.raw.path}: no label tells the exposure, and too little of {body.name} is lit to tell it by: "
            "give --exposure"
        )
    return float(np.median(seen / (wanted * calibrated.dn_per_light[band])))
