"""The laws on 44C00029 and 44C00030, which see the same ground ten minutes apart under other angles."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.geometry.ellipsoid import normal
from perijove.geometry.view import spacecraft_view
from perijove.instrument import Filter
from perijove.io.finder import open_strip
from perijove.observation import Observation, observe
from perijove.photometry.correct import correct
from perijove.photometry.defaults import default_law
from perijove.photometry.fit import fit_law
from perijove.photometry.models import Law, Model
from perijove.render.engine import render

Plane = NDArray[np.float32]
COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)
SIZE = 600


@dataclass(frozen=True)
class Seen:
    """One strip's light by filter on the common picture, sigma and weight, and the angles of its own camera."""

    light: dict[Filter, Plane]
    sigma: dict[Filter, Plane]
    weight: dict[Filter, Plane]
    mu0: Plane
    mu: Plane
    phase: Plane
    latitude: Plane

    def fit(self, model: Model) -> Law:
        return fit_law(self.light, self.mu0, self.mu, self.phase, self.weight, self.latitude, model=model)

    def level(self, law: Law, band: Filter) -> tuple[Plane, Plane]:
        out = correct(
            self.light[band], None, np.minimum(self.weight[band], 1.0), self.mu0, self.mu, self.phase, law, band
        )
        return out.light, out.weight


def look(o: Observation, place: NDArray[np.float64], sun: NDArray[np.float64]) -> Seen:
    """One strip in the common picture; the camera's angles from where it was in the middle of the strip."""
    view = spacecraft_view(place, o.body, sun, SIZE)
    planes = render(o.swaths(sigma=True), o.body, o.middle_et, view, sun_direction=o.sun)
    lat, lon = planes.latitude.astype(float), planes.longitude.astype(float)
    radii = np.array(o.body.radii_km)
    u = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    ground = u / np.linalg.norm(u / radii, axis=-1, keepdims=True)
    up = normal(ground, o.body.radii_km)
    away = o.middle_position - ground
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    return Seen(
        *({b: p[k] for k, b in enumerate(planes.bands)} for p in (planes.light, planes.sigma, planes.weight)),
        mu0=(up @ o.middle_sun).astype(np.float32),
        mu=(up * away).sum(axis=-1).astype(np.float32),
        phase=np.arccos(np.clip(away @ o.middle_sun, -1.0, 1.0)).astype(np.float32),
        latitude=planes.latitude,
    )


@pytest.fixture(scope="module")
def pair(data: Path) -> list[Seen]:
    folder = data / "pj44"
    opened = [open_strip(folder / f"JNCE_2022229_{n}_V01-raw.png") for n in ("44C00029", "44C00030")]
    both = observe([s.raw for s in opened], [label for s in opened for label in s.pass_labels])
    ends = [o.middle_position for o in both]
    place = sum(e / np.linalg.norm(e) for e in ends)
    place *= min(np.linalg.norm(e) for e in ends) / np.linalg.norm(place)
    return [look(o, place, both[0].middle_sun) for o in both]


def slope(pair: list[Seen], laws: list[Law], band: Filter) -> tuple[float, float]:
    """How far the ratio of the two strips drifts with cos i (0.15 to 0.7), and its scatter about its median."""
    levelled = [seen.level(law, band) for seen, law in zip(pair, laws, strict=True)]
    good = (levelled[0][1] > 0.9) & (levelled[1][1] > 0.9)
    ratio = np.log(levelled[0][0][good] / levelled[1][0][good])
    mu0 = 0.5 * (pair[0].mu0 + pair[1].mu0)[good]
    steps = np.linspace(0.15, 0.7, 7)
    medians = [np.median(ratio[(mu0 >= a) & (mu0 < b)]) for a, b in pairwise(steps)]
    return float(np.ptp(medians)), float(1.4826 * np.median(np.abs(ratio - np.median(ratio))))


def test_the_same_ground_agrees_better_under_every_law_of_high_phase(pair: list[Seen]) -> None:
    lambert = [default_law(Model.LAMBERT, "JUPITER", 1.86)] * 2
    ways = {
        "minnaert": [default_law(Model.MINNAERT, "JUPITER", 1.86)] * 2,
        "barkstrom": [default_law(Model.BARKSTROM, "JUPITER", 1.86)] * 2,
        "fit": [seen.fit(Model.FIT) for seen in pair],
    }
    for band in COLOURS:
        drift, scatter = slope(pair, lambert, band)
        assert drift > 0.1, "by Lambert's law the ground would look 10 % darker where the Sun is high"
        for name, laws in ways.items():
            other = slope(pair, laws, band)
            assert other[0] < 0.4 * drift, (name, band)
            if name != "minnaert":
                assert other[1] < 0.7 * scatter, (name, band)


def test_two_strips_give_one_law(pair: list[Seen]) -> None:
    one, two = (seen.fit(Model.FIT) for seen in pair)
    for band in COLOURS:
        off = np.array(one.parameters[band]) - np.array(two.parameters[band])
        sigma = np.array(one.covariance[band]) + np.array(two.covariance[band])
        # 1 by their sigma alone; what the exposures' flat field and stray light do is not in it
        assert off @ np.linalg.solve(sigma, off) / len(off) < 9.0, band
        assert one.quality[band].rms < 0.07
        assert one.quality[band].phase_rad[0] > np.radians(80.0)
    one, two = (seen.fit(Model.BARKSTROM) for seen in pair)
    for band in COLOURS:
        assert one.parameters[band] == pytest.approx(two.parameters[band], abs=0.06)


def test_numbers_of_one_law_are_those_published_here(pair: list[Seen]) -> None:
    given = default_law(Model.BARKSTROM, "JUPITER", np.radians(107.0))
    for seen in pair:
        found = seen.fit(Model.BARKSTROM)
        for band in COLOURS:
            sigma = np.sqrt(given.covariance[band][0][0] + found.covariance[band][0][0])
            assert abs(found.parameters[band][0] - given.parameters[band][0]) < 3.0 * sigma


def test_no_bright_rim_at_terminator_or_limb(pair: list[Seen]) -> None:
    for seen in pair:
        law = seen.fit(Model.FIT)
        for band in COLOURS:
            light, weight = seen.level(law, band)
            relative = light.copy()
            belt = np.floor(np.degrees(seen.latitude) / 2.0)
            for number in np.unique(belt[np.isfinite(belt)]):
                here = (belt == number) & (weight > 0.0)
                well = here & (seen.mu0 > 0.25) & (seen.mu0 < 0.55) & (seen.mu > 0.25)
                relative[here] = light[here] / np.median(light[well]) if well.sum() > 20 else np.nan
            for cosine in (seen.mu0, seen.mu):
                rim = (weight > 0.0) & (cosine < 0.1)
                assert rim.sum() > 300
                assert 0.8 < np.nanmedian(relative[rim]) < 1.15
            assert np.isfinite(light[weight > 0.0]).all()
