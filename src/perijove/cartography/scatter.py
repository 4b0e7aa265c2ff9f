"""The photometric law of a map: published numbers, or fitted to the strip itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perijove.calibrate.quality import Quality
from perijove.geometry.mapextent import Bounds, Wish, choose_grid
from perijove.observation import Observation
from perijove.photometry.defaults import default_law
from perijove.photometry.fit import fit_law
from perijove.photometry.models import Law, Model
from perijove.photometry.report import report as in_words
from perijove.render.engine import render

FIT_SIDE = 700
"""Pixels of the side of the map on which a law is fitted: some two hundred thousand samples."""


@dataclass(frozen=True)
class Chosen:
    """A law, None where none is asked for, and what the report says of it; `in_words` are lines for people."""

    law: Law | None
    report: dict[str, Any]


def law_for(observation: Observation, model: str, horizon: float) -> Chosen:
    """The law of a model's name for a strip: 'fit' is fitted to its own light, the others have published numbers.

    Raises UsageError for an unknown model or one without numbers for the body.
    """
    kind = Model(model)
    if kind is Model.NONE:
        return Chosen(None, {"model": kind.value})
    law = fitted(observation, horizon) if kind is Model.FIT else published(observation, kind)
    report: dict[str, Any] = {"model": law.model.value, "source": law.source}
    report["parameters"] = {band.value: list(numbers) for band, numbers in law.parameters.items()}
    report["spread"] = {band.value: spread for band, spread in law.spread.items()}
    report["quality"] = {band.value: vars(quality) for band, quality in law.quality.items()}
    report["in_words"] = in_words(law)
    return Chosen(law, report)


def published(observation: Observation, kind: Model) -> Law:
    """The law with published numbers, at the phase angle of the strip's middle."""
    place = observation.middle_position
    cosine = float(place @ observation.middle_sun / np.linalg.norm(place))
    return default_law(kind, observation.body.name, float(np.arccos(np.clip(cosine, -1.0, 1.0))))


def fitted(observation: Observation, horizon: float) -> Law:
    """The law fitted to the strip's light on a coarse map of all that it saw."""
    place = observation.middle_position
    below = float(np.arctan2(place[2], np.hypot(place[0], place[1]))), float(np.arctan2(place[1], place[0]))
    # equal areas have equal weight; the whole body is 4 radii wide
    whole = Bounds(-np.pi, -np.pi / 2, np.pi, np.pi / 2)
    wish = Wish("laea", scale_km=4.0 * max(observation.body.radii_km) / FIT_SIDE, centre=below, bounds=whole)
    grid = choose_grid(wish, observation.body, np.empty(0), np.empty(0), native_km=1.0)
    planes = render(
        observation.swaths(sigma=True), observation.body, observation.middle_et, grid,
        sun_direction=observation.sun, horizon=horizon,
    )  # fmt: skip
    day = planes.hit & (planes.cos_incidence > 0.0)
    light = {band: planes.light[k][day] for k, band in enumerate(planes.bands)}
    full = np.uint8(Quality.FULL)
    weight = {
        band: np.where(planes.quality[k][day] & full, np.float32(0), planes.weight[k][day])
        for k, band in enumerate(planes.bands)
    }
    sigma = {band: planes.sigma[k][day] for k, band in enumerate(planes.bands)}
    return fit_law(
        light, planes.cos_incidence[day], planes.cos_emission[day], planes.phase[day], weight, planes.latitude[day],
        sigma=sigma,
    )  # fmt: skip
