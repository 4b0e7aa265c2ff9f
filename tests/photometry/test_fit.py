from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.fit import fit_law
from perijove.photometry.models import Law, Model, disc

FloatArray = NDArray[np.float64]
G = Filter.GREEN
PLANTED = Law(Model.FIT, {G: (1.45, 1.2)}, "planted")
PHASE = np.radians(80.0)


class Scene:
    """Places of a globe seen at a phase of 80 deg: cosines, latitude, longitude; banded ground of any seed."""

    def __init__(self, n: int, seed: int, tilt: float = 0.3) -> None:
        self.rng = np.random.default_rng(seed)
        self.latitude = np.arcsin(self.rng.uniform(-0.97, 0.97, 12 * n))
        self.longitude = self.rng.uniform(-np.pi, np.pi, 12 * n)
        u = np.stack(
            [
                np.cos(self.latitude) * np.cos(self.longitude),
                np.cos(self.latitude) * np.sin(self.longitude),
                np.sin(self.latitude),
            ]
        )
        sun = np.array([np.cos(PHASE), np.sin(PHASE), 0.0])
        viewer = np.array([np.cos(tilt), 0.0, np.sin(tilt)])
        self.mu0, self.mu = sun @ u, viewer @ u
        keep = np.flatnonzero((self.mu0 > 0.05) & (self.mu > 0.05))[:n]
        for name in ("latitude", "longitude", "mu0", "mu"):
            setattr(self, name, getattr(self, name)[keep])
        self.phase = np.full(len(self.mu), np.arccos(sun @ viewer))

    def bands(self) -> FloatArray:
        """Belts and zones with sharp edges, twice as bright as dark, and darker poles."""
        edges = self.rng.uniform(-1.3, 1.3, 24)
        steps = self.rng.normal(0.0, 0.25, 25)
        belts = steps[np.searchsorted(np.sort(edges), self.latitude)]
        return np.exp(belts + 0.5 * np.cos(2.0 * self.latitude))

    def clouds(self, amount: float) -> FloatArray:
        """Clouds of all sizes up to a quarter of the globe, the larger the stronger, that know nothing of the light."""
        total, power = np.zeros(len(self.mu)), 0.0
        for _ in range(100):
            m, n = self.rng.integers(4, 40), self.rng.integers(-40, 40)
            strength = 1.0 / np.hypot(m, 0.5 * n)
            total += strength * np.cos(m * self.longitude + n * self.latitude + self.rng.uniform(0, 6.3))
            power += 0.5 * strength**2
        return np.exp(amount * total / np.sqrt(power))

    def light(self, law: Law, ground: FloatArray, noise: float) -> FloatArray:
        return ground * disc(law, G, self.mu0, self.mu, self.phase) * (1.0 + self.rng.normal(0.0, noise, len(self.mu)))

    def fit(self, light: FloatArray, model: Model = Model.FIT, sigma: FloatArray | None = None) -> Law:
        sigmas = None if sigma is None else {G: sigma}
        weight = {G: np.ones(len(light))}
        return fit_law(
            {G: light}, self.mu0, self.mu, self.phase, weight, self.latitude, model=model, sigma=sigmas
        )  # fmt: skip


def miss(law: Law, truth: Law = PLANTED) -> float:
    """Squared distance from the truth in units of the law's own covariance, over the count of numbers."""
    off = np.array(law.parameters[G]) - np.array(truth.parameters[G])
    return float(off @ np.linalg.solve(np.array(law.covariance[G]), off) / len(off))


def test_belts_and_zones_are_not_limb_darkening() -> None:
    scene = Scene(20_000, 1)
    law = scene.fit(scene.light(PLANTED, scene.bands(), 0.005))
    np.testing.assert_allclose(law.parameters[G], PLANTED.parameters[G], atol=0.03)


def test_sigma_of_the_numbers_is_honest() -> None:
    misses = []
    for seed in range(40):
        scene = Scene(5_000, seed)
        misses.append(miss(scene.fit(scene.light(PLANTED, scene.bands() * scene.clouds(0.08), 0.02))))
    # 1 is honest; clouds larger than the belts that errors are made from leave it somewhat above
    assert 0.3 < np.mean(misses) < 3.5


def test_two_thousand_samples_will_do() -> None:
    scene = Scene(2_000, 3)
    law = scene.fit(scene.light(PLANTED, scene.bands() * scene.clouds(0.05), 0.02))
    np.testing.assert_allclose(law.parameters[G], PLANTED.parameters[G], atol=0.25)
    assert np.sqrt(np.diag(law.covariance[G])).max() < 0.15


def test_storms_do_not_pull() -> None:
    scene = Scene(20_000, 5)
    ground = scene.bands()
    storms = (np.abs(scene.longitude - 0.9) < 0.12) & (np.abs(scene.latitude) < 0.9)
    assert 0.02 < storms.mean() < 0.2
    law = scene.fit(scene.light(PLANTED, ground * np.where(storms, 1.6, 1.0), 0.01))
    np.testing.assert_allclose(law.parameters[G], PLANTED.parameters[G], atol=0.1)


@pytest.mark.parametrize(("model", "number"), [(Model.MINNAERT, 0.9), (Model.MINNAERT, 1.4), (Model.BARKSTROM, 1.55)])
def test_laws_of_one_number(model: Model, number: float) -> None:
    planted = Law(model, {G: (number,)}, "planted")
    scene = Scene(8_000, 7)
    light = scene.light(planted, scene.bands(), 0.01)
    one = scene.fit(light, model)
    assert one.model is model
    assert one.parameters[G] == pytest.approx((number,), abs=0.02)
    # the law of two numbers holds the others
    two = scene.fit(light)
    wanted = (number, 0.0) if model is Model.MINNAERT else (number, number)
    assert two.parameters[G] == pytest.approx(wanted, abs=0.06)


def test_quality_says_what_is_there() -> None:
    scene = Scene(20_000, 9)
    flat = np.exp(0.2 * np.sin(scene.latitude))
    light = scene.light(PLANTED, flat, 0.02)
    law = scene.fit(light, sigma=0.02 * light)
    q = law.quality[G]
    assert q.rms == pytest.approx(0.02, rel=0.05)
    assert q.chi2 == pytest.approx(1.0, abs=0.1)
    used = (scene.mu0 > 0.1) & (scene.mu > 0.1)
    assert q.number == used.sum()
    # nothing but white noise: nearly every sample counts
    assert 0.5 * q.number < q.effective <= q.number
    assert q.cos_i == pytest.approx(tuple(np.percentile(scene.mu0[used], [1, 99])))
    assert q.cos_e == pytest.approx(tuple(np.percentile(scene.mu[used], [1, 99])))
    assert q.phase_rad == pytest.approx((scene.phase[0],) * 2)
    assert law.least[G] == (max(0.1, q.cos_i[0]), max(0.1, q.cos_e[0]))
    # clouds make neighbours say the same thing twice
    cloudy = scene.fit(scene.light(PLANTED, flat * scene.clouds(0.1), 0.002)).quality[G]
    assert cloudy.effective < 0.5 * q.effective


def test_a_wrong_form_shows_in_spread() -> None:
    scene = Scene(30_000, 11)
    light = scene.light(PLANTED, scene.bands(), 0.01)
    right, wrong = scene.fit(light), scene.fit(light, Model.LAMBERT)
    assert wrong.parameters[G] == ()
    assert wrong.spread[G] > 5.0 * right.spread[G]
    assert wrong.quality[G].rms > 3.0 * right.quality[G].rms


def test_several_observations_may_be_of_different_brightness() -> None:
    one, two = Scene(6_000, 13, 0.3), Scene(6_000, 14, -0.3)
    parts = [one.light(PLANTED, one.bands(), 0.01), 1.3 * two.light(PLANTED, two.bands(), 0.01)]
    joined = [np.concatenate([getattr(one, k), getattr(two, k)]) for k in ("mu0", "mu", "phase", "latitude")]
    which = np.repeat([0, 1], [len(p) for p in parts])
    light = np.concatenate(parts)
    law = fit_law({G: light}, *joined[:3], {G: np.ones(len(light))}, joined[3], group=which)
    np.testing.assert_allclose(law.parameters[G], PLANTED.parameters[G], atol=0.05)


def test_more_samples_are_thinned_and_the_same_every_time() -> None:
    scene = Scene(70_000, 15)
    light = scene.light(PLANTED, scene.bands(), 0.01)
    first, second = scene.fit(light), scene.fit(light)
    assert first.quality[G].number == 60_000
    assert first.parameters == second.parameters


def test_sums_are_made_by_one_thread_whatever_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, lstsq, threads = Scene(2_000, 16), np.linalg.lstsq, []

    def counted(*arguments: Any, **more: Any) -> Any:
        threads.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return lstsq(*arguments, **more)

    monkeypatch.setattr(np.linalg, "lstsq", counted)
    with threadpool_limits(2, user_api="blas"):
        scene.fit(scene.light(PLANTED, scene.bands(), 0.01))
    assert threads
    assert set(threads) == {1}


def test_what_cannot_be_used_is_left_out() -> None:
    scene = Scene(5_000, 17)
    light = scene.light(PLANTED, scene.bands(), 0.01)
    spoilt = light.copy()
    spoilt[::7], spoilt[1::7] = np.nan, -1.0
    weight = np.ones(len(light))
    spoilt[2::7], weight[2::7] = 50.0, 0.1
    law = fit_law({G: spoilt}, scene.mu0, scene.mu, scene.phase, {G: weight}, scene.latitude)
    np.testing.assert_allclose(law.parameters[G], PLANTED.parameters[G], atol=0.05)


def test_requests_that_cannot_be_met() -> None:
    scene = Scene(2_000, 19)
    light = scene.light(PLANTED, scene.bands(), 0.01)
    with pytest.raises(UsageError, match="0 samples of lit ground"):
        scene.fit(np.full_like(light, np.nan))
    with pytest.raises(UsageError, match="differ in length"):
        fit_law({G: light[:-1]}, scene.mu0, scene.mu, scene.phase, {G: light}, scene.latitude)
    with pytest.raises(UsageError, match="cannot be fitted"):
        scene.fit(light, Model.HAPKE)
