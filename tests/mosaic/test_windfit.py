"""Wind and pointing told apart: ties made from a known wind, known rotations and known noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.geometry.ellipsoid import centric_from_point, intersect, point_from_centric
from perijove.mosaic.look import Look
from perijove.mosaic.windfit import KNOTS, Fit, fit_winds, prior_of, softened, spread
from perijove.mosaic.windties import SHARED, WindTies, displacement, turning
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]
RNG = 5
PLACES = {"a": np.array([-2.0e5, 2.0e4, 4.0e4]), "b": np.array([-1.8e5, -1.0e4, 5.0e4]), "c": [-1.7e5, -3.0e4, 6.0e4]}
SIGMA_KM = 8.0
SPAN = np.radians(3.0)
USUAL = ZonalWinds(np.radians([-90.0, 90.0]), np.array([20.0, 20.0]), np.array([10.0, 10.0]), "a test")


def look(name: str, et: float) -> Look:
    """A look without light."""
    return Look(name, (), et, np.asarray(PLACES[name], dtype=float))


def ties(
    first: str, second: str, seconds: float, wind: FloatArray, turned: dict[str, FloatArray], seed: int,
    count: int = 400, noise: float = 1.0,
) -> WindTies:  # fmt: skip
    """Ties of a correction `wind` (k,) of the usual wind and of rotations, with `noise` times the noise they tell."""
    rng = np.random.default_rng([RNG, seed])
    here = np.stack([np.radians(rng.uniform(-40.0, 60.0, count)), np.pi + np.radians(rng.uniform(-35, 35, count))], -1)
    turns = np.stack([turning(look(name, 0.0), here, JUPITER) for name in (first, second)])
    shift = turns[1] @ turned[second] - turns[0] @ turned[first]
    span = np.full(count, SPAN)
    shift[:, 0] += 1e-3 * seconds * spread(here[:, 0], span) @ wind
    # to the north clouds are known better than along their bands, as it is
    covariance = np.broadcast_to(np.diag([SIGMA_KM**2, (0.4 * SIGMA_KM) ** 2]), (count, 2, 2)).copy()
    # patches overlap: so many share their noise
    several = int(SHARED)
    drawn = np.repeat(rng.normal(size=(count // several, 2)), several, axis=0) * np.sqrt([1.0, 0.16]) * SIGMA_KM
    order = np.lexsort((here[:, 1], here[:, 0]))
    shift[order] += noise * drawn
    allowed = np.stack([np.eye(3) * (4e-4) ** 2] * 2)
    return WindTies(
        first, second, seconds, here[:, 0], here[:, 1], shift, covariance, np.ones(count), span, turns, 90.0, allowed
    )


def drawn_wind(seed: int) -> FloatArray:
    """A correction as the prior has them."""
    rng = np.random.default_rng([7, seed])
    return np.asarray(np.linalg.cholesky(prior_of(USUAL) + 1e-9 * np.eye(len(KNOTS))) @ rng.normal(size=len(KNOTS)))


def rotations(seed: int) -> dict[str, FloatArray]:
    """Rotations of some tenths of a pixel."""
    rng = np.random.default_rng([8, seed])
    return {name: rng.normal(0.0, 4e-4, 3) for name in PLACES}


def solved(seed: int, noise: float = 1.0) -> tuple[Fit, FloatArray]:
    """A solution of three pairs an hour apart or less, and the truth."""
    wind, turned = drawn_wind(seed), rotations(seed)
    pairs = (("a", "b", 700.0), ("b", "c", 900.0), ("a", "c", 1600.0))
    sets = [ties(*pair, wind, turned, 10 * seed + k, noise=noise) for k, pair in enumerate(pairs)]
    return fit_winds(sets, USUAL), wind


def test_the_wind_comes_out_with_an_honest_sigma() -> None:
    far, ratio = [], []
    for seed in range(8):
        fit, wind = solved(seed)
        sigma = np.sqrt(np.diag(fit.covariance))[: len(KNOTS)]
        seen = (np.radians(-38.0) < KNOTS) & (np.radians(58.0) > KNOTS)
        far.append((fit.correction - wind)[seen] / sigma[seen])
        ratio.append(sigma[seen] / np.sqrt(np.diag(fit.prior))[seen])
    # 8 winds of some thirty independent latitudes each
    assert 0.7 < np.mean(np.square(far)) < 1.3
    # and it is known better than before
    assert np.mean(ratio) < 0.6


def test_a_shift_that_all_latitudes_share_is_not_taken_for_wind() -> None:
    still = {name: np.zeros(3) for name in PLACES}
    one = ties("a", "b", 700.0, np.zeros(len(KNOTS)), still, 1, noise=0.0)
    # as much as 21 m/s
    fit = fit_winds([replace(one, shift=one.shift + np.array([15.0, 0.0]))], USUAL)
    assert fit.common[0] == pytest.approx(15.0, abs=5.0)
    assert np.abs(np.mean(fit.correction)) < 2.0


def test_pointing_is_not_taken_for_wind() -> None:
    still, turned = np.zeros(len(KNOTS)), rotations(3)
    one = ties("a", "b", 700.0, still, turned, 1, noise=0.0)
    # taken as it is this would be a wind, of all latitudes alike
    assert np.abs(np.median(one.shift[:, 0]) / 0.7) > 20.0
    fit = fit_winds([one], USUAL)
    assert np.abs(fit.correction).max() < 3.0
    assert np.abs(fit.left[0]).max() < 1.0


def test_a_wind_of_one_latitude_is_not_taken_for_pointing() -> None:
    jet = 30.0 * np.exp(-0.5 * ((KNOTS - np.radians(20.0)) / np.radians(3.0)) ** 2)
    fit = fit_winds([ties("a", "b", 1600.0, jet, rotations(4), 2)], USUAL)
    sigma = np.sqrt(np.diag(fit.covariance))[: len(KNOTS)]
    peak = int(np.argmin(np.abs(KNOTS - np.radians(20.0))))
    assert fit.correction[peak] == pytest.approx(30.0, abs=3.0 * sigma[peak])
    assert sigma[peak] < 6.0
    away = np.abs(KNOTS - np.radians(20.0)) > np.radians(10.0)
    assert (np.abs(fit.correction[away]) < 3.5 * sigma[away]).all()


def test_a_short_time_leaves_the_wind_as_it_was() -> None:
    fit = fit_winds([ties("a", "b", 20.0, drawn_wind(1), rotations(1), 3)], USUAL)
    assert np.abs(fit.correction).max() < 3.0
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance))[: len(KNOTS)], 10.0, rtol=0.03)


def test_false_ties_are_left_out() -> None:
    wind = drawn_wind(2)
    good = ties("a", "b", 1600.0, wind, rotations(2), 4)
    rng = np.random.default_rng(3)
    wrong = rng.uniform(size=len(good)) < 0.1
    shift = good.shift + wrong[:, None] * rng.uniform(100.0, 300.0, (len(good), 2))
    bad = fit_winds([replace(good, shift=shift)], USUAL)
    assert (bad.weight[0][wrong] == 0.0).all()
    assert np.mean(bad.weight[0][~wrong] > 0.0) > 0.97
    clean = fit_winds([good], USUAL)
    assert np.abs(bad.correction - clean.correction).max() < 4.0


def test_ties_that_scatter_more_say_less() -> None:
    sigma = [np.sqrt(np.diag(solved(1, noise)[0].covariance))[90] for noise in (1.0, 3.0)]
    assert sigma[1] > 1.5 * sigma[0]


def test_where_no_tie_is_the_wind_and_its_sigma_stay() -> None:
    fit, _ = solved(5)
    south = np.radians(-60.0) > KNOTS
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance))[: len(KNOTS)][south], 10.0, rtol=1e-3)
    assert np.abs(fit.correction[south]).max() < 0.1


def test_a_patch_sees_the_mean_of_its_latitudes() -> None:
    table = spread(np.radians([0.0, 12.3, -90.0]), np.radians([3.0, 0.0, 4.0]))
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    # of anything linear it is the value in the middle
    np.testing.assert_allclose(table[:2] @ np.degrees(KNOTS), [0.0, 12.3], atol=1e-9)
    # a jet narrower than the patch is seen smaller
    narrow = np.where(np.abs(KNOTS) < np.radians(0.1), 1.0, 0.0)
    assert table[0] @ narrow == pytest.approx(1.0 / 3.0, abs=0.05)


def test_weights_fall_from_one_to_none() -> None:
    np.testing.assert_allclose(softened(np.array([0.0, 2.4, 4.0, 6.0])), [1.0, 1.0, 2.5 / 4.0, 0.0])


def test_turning_is_what_a_turned_camera_sees() -> None:
    seen = look("a", 0.0)
    here = np.stack([np.radians([-30.0, 0.0, 20.0, 55.0]), np.pi + np.radians([10.0, -40.0, 0.0, 25.0])], axis=-1)
    point = point_from_centric(here[:, 0], here[:, 1], JUPITER.radii_km)
    for axis in range(3):
        w = 1e-5 * np.eye(3)[axis]
        sight = point - seen.position_km
        moved = intersect(seen.position_km, sight + np.cross(w, sight), JUPITER.radii_km)
        expected = displacement(here, centric_from_point(moved)[:, :2], JUPITER)
        np.testing.assert_allclose(turning(seen, here, JUPITER)[..., axis] * 1e-5, expected, rtol=2e-3, atol=2e-3)


def test_displacements_are_lengths_on_the_ellipsoid() -> None:
    here = np.radians([[0.0, 359.9], [45.0, 10.0]])
    there = np.radians([[0.0, 0.1], [45.1, 10.0]])
    found = displacement(here, there, JUPITER)
    assert found[0] == pytest.approx([np.radians(0.2) * 71492.0, 0.0], rel=1e-9, abs=1e-6)
    ends = point_from_centric(np.radians([45.0, 45.1]), 0.0, JUPITER.radii_km)
    assert found[1] == pytest.approx([0.0, np.linalg.norm(ends[1] - ends[0])], rel=1e-9, abs=1e-6)
