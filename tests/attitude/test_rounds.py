"""Ties that are lost are told, and so is a map that does not fit."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from perijove.attitude import rounds
from perijove.attitude.exposure import Exposure
from perijove.attitude.gather import GOOD_PX, _mapped_verdict
from perijove.attitude.ground import GroundFit
from perijove.attitude.rounds import LEAST_LIMB, LEAST_WITH_AXIS, TieTo, on_map, settle, tie
from perijove.bodies import GANYMEDE
from perijove.errors import PointingError
from perijove.instrument import Camera, Filter

EXPOSURE = Exposure("JNCE_MADE", {Filter.GREEN: np.zeros((2, 128, 1648), np.float32)}, np.array([0.0, 1.0]), 1)
MAP: Any = SimpleNamespace(name="chart.png")
SCENE: Any = SimpleNamespace(body=GANYMEDE)
SOLUTION: Any = SimpleNamespace(adjustment=SimpleNamespace(unknowns=None))


@pytest.fixture
def bare_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ground of the map is in the light."""
    monkeypatch.setattr(rounds, "all_ground", lambda *_: None)


def test_a_map_that_is_lost_close_by_is_told(bare_ground: None) -> None:
    with pytest.raises(PointingError, match=r"JNCE_MADE: no ground of chart.png .*from farther off.*leave --tie out"):
        tie([EXPOSURE], SOLUTION, None, SCENE, Camera(), TieTo(False, MAP), lambda _: None)


def test_a_map_that_is_not_found_is_told(bare_ground: None) -> None:
    with pytest.raises(PointingError, match=r"JNCE_MADE: no ground of chart.png .*within 48 px.*--tie-centre"):
        on_map([EXPOSURE], SOLUTION, None, SCENE, Camera(), MAP, lambda _: None)


def test_without_a_map_none_is_missed(bare_ground: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "measure_ties", lambda *_: None)
    assert tie([EXPOSURE], SOLUTION, None, SCENE, Camera(), TieTo(True), lambda _: None) == (SOLUTION, None)


def test_the_verdict_looks_at_the_map() -> None:
    said = "good: 900 limb points"
    assert _mapped_verdict(GroundFit(40, 0.7, 0.1, 0.1), True, said) == (True, said)
    good, told = _mapped_verdict(GroundFit(40, GOOD_PX + 2.0, 0.1, 0.1), True, said)
    assert not good
    assert told.startswith("fair: its ground lies 5.0 px off the map in the median")
    # one without ground of its own hangs on its neighbours
    good, told = _mapped_verdict(None, True, said)
    assert good
    assert told == f"{said}; none of its own ground is found on the map, and its neighbours' ties it"


class Enough(Exception):
    """The limb was taken for enough."""


@pytest.mark.parametrize(("anchor", "least"), [(None, LEAST_LIMB), (SimpleNamespace(), LEAST_WITH_AXIS)])
def test_few_points_of_the_limb_suffice_where_the_axis_is_told(
    monkeypatch: pytest.MonkeyPatch, anchor: Any, least: int
) -> None:
    def free(*_: Any, **__: Any) -> None:
        raise Enough

    def settled(count: int) -> None:
        monkeypatch.setattr(rounds, "_all_limb", lambda *_: SimpleNamespace(points=range(count)))
        at: Any = SimpleNamespace(spin=None)
        settle([EXPOSURE], at, 2.5, None, anchor, SCENE, Camera(), plain=True)

    assert LEAST_WITH_AXIS < LEAST_LIMB
    monkeypatch.setattr(rounds, "free_unknowns", free)
    with pytest.raises(Enough):
        settled(least)
    with pytest.raises(PointingError, match=f"JNCE_MADE: only {least - 1} clear points of the limb of GANYMEDE"):
        settled(least - 1)
