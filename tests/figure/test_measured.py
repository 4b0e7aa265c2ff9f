"""Figures of measurements: their charts' numbers, their stretch, and that marks lie where they should."""

import numpy as np
import pytest

from perijove.figure.ink import Sheet
from perijove.figure.measured import RIM, SIDE, MeasuredFigure, Spot, Trace, degree_text, drawn_figure, stretched, ticks
from perijove.figure.panels import Curve, Panel, draw_panel, number_text, round_steps


@pytest.mark.parametrize(
    ("low", "high", "most", "steps"),
    [
        (0.0, 10.0, 5, [0, 2, 4, 6, 8, 10]),
        (-0.31, 0.27, 6, [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2]),
        (98.0, 103.0, 2, [100.0, 102.5]),
        (1e-4, 3.1e-4, 2, [2e-4]),
    ],
)
def test_round_steps(low: float, high: float, most: int, steps: list[float]) -> None:
    np.testing.assert_allclose(round_steps(low, high, most), steps, atol=1e-12)


def test_numbers_have_the_digits_of_their_steps() -> None:
    assert number_text(0.3, 0.1) == "0.3"
    assert number_text(102.5, 2.5) == "102.5"
    assert number_text(-20.0, 10.0) == "\u221220"
    assert number_text(0.0002, 0.0002) == "0.0002"


def test_degrees_are_written_as_on_a_map() -> None:
    assert degree_text(-12.0, 1.0, "NS") == "12\u00b0 S"
    assert degree_text(0.25, 0.05, "NS") == "0.25\u00b0 N"
    assert degree_text(0.0, 1.0, "NS") == "0\u00b0"
    assert degree_text(-27.5, 0.5, "E") == "332.5\u00b0 E"


def test_ticks_stand_at_round_degrees() -> None:
    along = np.linspace(-50.0, 50.0, 101)
    found = ticks(along, 10.0 + 0.02 * along)
    assert 4 <= len(found) <= 8
    for value, at, step in found:
        assert at == pytest.approx((value - 10.0) / 0.02, abs=1e-6)
        assert value / step == pytest.approx(round(value / step), abs=1e-9)
    # at a pole latitudes do not run one way only
    assert ticks(along, -np.abs(along)) == []


def test_the_stretch_keeps_colours_and_gaps() -> None:
    rng = np.random.default_rng(1)
    light = (rng.uniform(0.2, 0.4, (1, 40, 40)) * np.array([1.0, 0.9, 0.8])[:, None, None]).astype(np.float32)
    light[:, 5, 6] = np.nan
    shown = stretched(light, ("RED", "GREEN", "BLUE"))
    assert np.isnan(shown[5, 6]).all()
    good = np.isfinite(shown).all(axis=-1)
    assert good.sum() == 1599
    assert (shown[good][:, 0] > shown[good][:, 2]).all()
    assert 0.0 <= shown[good].min() < shown[good].max() <= 1.0
    grey = stretched(light[:1], ("METHANE",))
    assert (grey[good][:, 0] == grey[good][:, 2]).all()


def test_marks_lie_where_they_should() -> None:
    light = np.full((1, 50, 50), 0.3, np.float32)
    turn = np.linspace(0.0, 2.0 * np.pi, 200)
    ring = 20.0 * np.stack([np.sin(turn), np.cos(turn)], -1)

    def place_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.stack([y / 2631.2, x / 2631.2], -1)

    panel = Panel("A", "km", "I/F", (Curve("RED", np.arange(5.0), np.array([1.0, np.nan, 2.0, 2.5, 2.0]), np.ones(5)),))
    figure = MeasuredFigure(
        light,
        ("RED",),
        2.0,
        place_of,
        [Trace(ring, "rim")],
        [Spot(10.0, -10.0, "1")],
        [panel],
        "Title",
        ["Note"],
        "Credit",
    )
    page = drawn_figure(figure).rgb
    assert page.shape[0] > SIDE
    assert np.isfinite(page).all()
    where = np.argwhere(np.abs(page - np.array(RIM, np.float32)).max(axis=-1) < 0.04)
    # a circle of 20 km in a ground of 100 km
    np.testing.assert_allclose(np.ptp(where, axis=0), 0.4 * SIDE, atol=5.0)


def test_a_panel_of_nothing_is_drawn_too() -> None:
    sheet = Sheet(300, 200)
    draw_panel(sheet, Panel("A", "x", "y", ()), (0.0, 0.0, 300.0, 200.0), 12.0)
    draw_panel(
        sheet, Panel("B", "x", "y", (Curve("", np.zeros(3), np.full(3, np.nan)),)), (0.0, 0.0, 300.0, 200.0), 12.0
    )
    assert sheet.drawn().any()
