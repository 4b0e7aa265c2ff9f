"""The statistics of the accuracy bench, apart from any simulation."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The benchmarks are no package of the distribution: they are found from the repository's root."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(ROOT))
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "benchmarks":
            del sys.modules[name]


def test_chi_square_of_one_sigma_in_every_direction_is_one_each() -> None:
    from benchmarks.accuracy.honesty import against

    covariance = np.diag([4.0, 9.0, 100.0])
    chi = against(np.array([2.0, 3.0, 10.0]), covariance, 1e-9)
    assert chi.dof == 3
    assert chi.total == pytest.approx(3.0)
    assert chi.reduced == pytest.approx(1.0)


def test_chi_square_does_not_change_when_the_axes_turn() -> None:
    from benchmarks.accuracy.honesty import against

    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    covariance, error = np.diag([1.0, 2.0, 3.0, 4.0, 5.0]), rng.normal(size=5)
    turned = against(turn @ error, turn @ covariance @ turn.T, 0.01)
    assert turned.total == pytest.approx(against(error, covariance, 0.01).total)


def test_directions_known_better_than_the_floor_are_not_tested() -> None:
    from benchmarks.accuracy.honesty import against

    chi = against(np.array([5.0, 1.0]), np.diag([1e-6, 1.0]), 0.03)
    assert chi.dof == 1
    assert chi.total == pytest.approx(1.0 / (1.0 + 0.03**2))


def test_nothing_tested_has_no_chi_square() -> None:
    from benchmarks.accuracy.honesty import against

    assert np.isnan(against(np.zeros(2), np.zeros((2, 2)), 0.03).reduced)


@pytest.mark.parametrize("dof", [4, 60, 120])
def test_nine_in_ten_honest_solutions_lie_in_the_expected_range(dof: int) -> None:
    from benchmarks.accuracy.honesty import expected_range

    low, high = expected_range(dof)
    drawn = np.mean(np.random.default_rng(dof).standard_normal((4000, dof)) ** 2, axis=1)
    # binomial: 4000 draws scatter by 0.005
    assert np.mean((drawn > low) & (drawn < high)) == pytest.approx(0.9, abs=0.025)


def test_honest_solutions_of_a_made_up_problem_are_found_honest() -> None:
    from benchmarks.accuracy.honesty import against

    rng = np.random.default_rng(2)
    root = rng.normal(size=(6, 4))
    chis = [against(root @ rng.normal(size=4), root @ root.T, 1e-3) for _ in range(500)]
    assert {chi.dof for chi in chis} == {4}
    # 2000 degrees of freedom scatter by 0.032
    assert np.mean([chi.reduced for chi in chis]) == pytest.approx(1.0, abs=0.13)


def test_summary_counts_failures_and_pools_what_is_left() -> None:
    from benchmarks.accuracy.honesty import Chi
    from benchmarks.accuracy.measure import Row, summarise

    rows = [
        Row("a", "1", rms_px=2.0, sigma_px=1.0, points=Chi(8.0, 4), attitude=Chi(3.0, 3)),
        Row("b", "2", rms_px=0.5, sigma_px=1.0, points=Chi(4.0, 8), attitude=Chi(0.0, 0)),
        Row("d", "3", rms_px=900.0, sigma_px=1.0, points=Chi(4e5, 4), attitude=Chi(9.0, 3)),
        Row("c", "", failed="no limb"),
    ]
    found = summarise(rows)
    assert (found.done, found.failed) == (3, 1)
    assert found.astray == ("d",)
    assert found.points.reduced == pytest.approx(1.0)
    assert found.points.median == pytest.approx((2.0 + 0.5) / 2.0)
    assert found.attitude.reduced == pytest.approx(1.0)
    assert found.sigma_ratio == pytest.approx(2.0)


def test_json_has_null_where_there_is_no_number() -> None:
    from benchmarks.accuracy.honesty import Chi
    from benchmarks.accuracy.measure import Row, plain

    row = plain([Row("a", "1", axis_deg=0.5, points=Chi(6.0, 3))])
    assert row[0]["axis_deg"] == 0.5
    assert row[0]["map_km"] is None
    assert row[0]["points"] == {"total": 6.0, "dof": 3, "reduced": 2.0}


def test_cases_are_thirty_and_named_apart() -> None:
    from benchmarks.accuracy.cases import CASES

    assert len(CASES) == 30
    assert len({case.name for case in CASES}) == 30
    assert sum(case.detector in ("uncoded", "ideal") for case in CASES) == 3
