"""The figure of winds: its bins and curves stand where their numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.figure.winds import HEIGHT, MEASURED, REFINED, WIDTH, WindFigure, drawn_winds
from perijove.winds import ZonalWinds

LEFT = round(0.56 * WIDTH)
"""Where the left chart ends."""
USUAL = ZonalWinds(np.radians([-90.0, 90.0]), np.zeros(2), np.full(2, 1.0), "usual")


def figure(speed: float, latitudes: tuple[float, ...] = (10.0, 20.0, 30.0)) -> WindFigure:
    """Bins of one speed over a wind at rest."""
    count = len(latitudes)
    refined = ZonalWinds(USUAL.latitude, np.full(2, 20.0), USUAL.sigma_m_s, "refined")
    return WindFigure(
        np.radians(latitudes), np.full(count, speed), np.full(count, 5.0), USUAL, refined, "A title", ["a note"], "x"
    )


def spots(light: NDArray[np.float32], colour: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Where a page has a colour, its legend left out."""
    found: NDArray[np.bool_] = (np.abs(light - np.array(colour)) < 0.02).all(axis=-1)
    found[round(HEIGHT - 50) :] = False
    return found


def test_bins_and_curves_stand_where_their_numbers_say() -> None:
    picture = drawn_winds(figure(60.0))
    light = picture.rgb
    assert light.shape[1] == WIDTH
    assert light.shape[0] > HEIGHT
    left = spots(light, MEASURED)[:, :LEFT]
    # three bins, the same distance from one to the next
    rows = np.flatnonzero(left.any(axis=1))
    groups = np.split(rows, np.flatnonzero(np.diff(rows) > 2) + 1)
    assert len(groups) == 3
    middles = [float(group.mean()) for group in groups]
    assert middles[1] - middles[0] == pytest.approx(middles[2] - middles[1], abs=1.0)
    # the refined wind of 20 m/s stands a third of the way from rest to 60 m/s
    bins = float(np.mean([np.flatnonzero(left[round(m)]).mean() for m in middles]))
    line = np.flatnonzero(spots(light, REFINED)[round(0.5 * (middles[0] + middles[1])), :LEFT]).mean()
    bar = np.flatnonzero(left[round(middles[0])])
    per_m_s = (bar[-1] - bar[0]) / 10.0
    assert (bins - line) / per_m_s == pytest.approx(40.0, rel=0.05)


def test_a_figure_without_bins_shows_all_latitudes() -> None:
    picture = drawn_winds(figure(0.0, ()))
    assert not spots(picture.rgb, MEASURED).any()
    assert spots(picture.rgb, REFINED).any()


def test_a_bin_that_is_hardly_known_does_not_set_the_range() -> None:
    wild = figure(30.0, (10.0, 20.0, 30.0, 40.0))
    sigma = wild.sigma_m_s.copy()
    speed = wild.speed_m_s.copy()
    sigma[3], speed[3] = 400.0, 900.0
    one = drawn_winds(wild)
    two = drawn_winds(
        WindFigure(wild.latitude, speed, sigma, wild.usual, wild.refined, wild.title, wild.notes, wild.credit)
    )
    line = [np.flatnonzero(spots(p.rgb, REFINED)[HEIGHT // 2, :LEFT]).mean() for p in (one, two)]
    assert line[0] == pytest.approx(line[1], abs=1.0)
