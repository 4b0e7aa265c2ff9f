"""Maps for the eye: their numbers, and that parts of a large one are made like the whole."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.cartography import picture as picture_module
from perijove.cartography.chart import Chart, Content, chart_of
from perijove.cartography.picture import (
    Painted,
    beyond,
    coarse_grid,
    coded,
    enlarged,
    painted,
    stacked,
)
from perijove.enhance.recipes import apply_recipe
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.models import Law, Model

BALANCE = {Filter.RED: 1.0, Filter.GREEN: 1.1, Filter.BLUE: 1.6}
RGB = (Filter.RED, Filter.GREEN, Filter.BLUE)
LAMBERT = Law(Model.LAMBERT, dict.fromkeys(RGB, ()), "made up")


@pytest.fixture(scope="module")
def small(afloat: Any, map_below: Any) -> Chart:
    """A map of 300 x 200 px at the camera's own scale."""
    return chart_of(afloat, map_below(), Content(), horizon=0.1)


@pytest.mark.parametrize(("dtype", "steps"), [("uint8", 254), ("uint16", 65534)])
def test_numbers_are_worth_scale_and_offset(small: Chart, dtype: str, steps: int) -> None:
    made = painted(small, "natural", BALANCE, dtype)
    assert made.scale * 1 + made.offset == pytest.approx(0.0)
    assert made.scale * (steps + 1) + made.offset == pytest.approx(1.0)
    numbers = made.rows(0, 200)
    assert numbers.dtype == np.dtype(dtype)
    assert numbers.shape == (3, 200, 300)
    colours = np.moveaxis(made.colours(0, 200), -1, 0)
    seen = np.isfinite(colours)
    assert 0.3 < seen.mean() <= 1.0
    np.testing.assert_array_equal(numbers > 0, seen)
    worth = made.scale * numbers.astype(float) + made.offset
    np.testing.assert_allclose(worth[seen], colours[seen], atol=0.501 * made.scale)


def test_floats_are_the_colours_themselves(small: Chart) -> None:
    made = painted(small, "enhanced", BALANCE, "float32")
    assert (made.scale, made.offset) == (1.0, 0.0)
    np.testing.assert_array_equal(made.rows(50, 60), np.moveaxis(made.colours(50, 60), -1, 0))
    assert made.rows(50, 60).dtype == np.float32


@given(st.lists(st.one_of(st.floats(0, 1, width=32), st.just(float("nan"))), min_size=3, max_size=30))
def test_codes_by_hand(values: list[float]) -> None:
    rgb = np.array(values[: len(values) // 3 * 3], np.float32).reshape(1, -1, 3)
    for steps, kind in ((254, np.uint8), (65534, np.uint16)):
        numbers = coded(rgb, steps)
        assert numbers.dtype == kind
        assert numbers.shape == (3, 1, rgb.shape[1])
        missing = np.isnan(rgb).any(axis=-1)
        # a colour that lacks one of its parts is none
        np.testing.assert_array_equal((numbers == 0).all(axis=0), missing)
        np.testing.assert_array_equal((numbers == 0).any(axis=0), missing)
    assert coded(np.array([[[0.0, 0.5, 1.0]]], np.float32), 254).ravel().tolist() == [1, 128, 255]
    assert coded(np.array([[[0.0, 0.5, 1.0]]], np.float32), 65534).ravel().tolist() == [1, 32768, 65535]


@pytest.mark.parametrize("recipe", ["natural", "enhanced"])
def test_a_small_map_is_the_recipe_of_its_planes(small: Chart, afloat: Any, recipe: str) -> None:
    made = painted(small, recipe, BALANCE, "float32")
    assert made.bands == RGB
    expected = apply_recipe(recipe, small.planes(0, 200), BALANCE, afloat.full)
    np.testing.assert_array_equal(made.colours(0, 200), expected.rgb)
    np.testing.assert_array_equal(made.colours(17, 90), expected.rgb[17:90])
    # night is not in sight: its noise is NaN in both
    np.testing.assert_equal(made.settings, expected.settings)


def test_a_map_of_one_filter_is_grey(afloat: Any, map_below: Any) -> None:
    chart = chart_of(afloat, map_below(400.0, 100, 80), Content(bands=(Filter.RED, Filter.BLUE)), horizon=0.1)
    made = painted(chart, "natural", BALANCE, "uint8")
    assert made.bands == (Filter.RED,)
    assert made.rows(0, 10).shape == (1, 10, 100)


@pytest.mark.parametrize("recipe", ["natural", "enhanced"])
@pytest.mark.parametrize("law", [None, LAMBERT], ids=["as seen", "shading off"])
def test_parts_are_the_whole(
    afloat: Any, map_below: Any, monkeypatch: pytest.MonkeyPatch, recipe: str, law: Law | None
) -> None:
    chart = chart_of(afloat, map_below(177.0, 700, 500), Content(law=law), horizon=0.1)
    whole = painted(chart, recipe, BALANCE, "float32")
    expected = whole.colours(0, 500)
    own = whole.settings
    monkeypatch.setattr(picture_module, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(picture_module, "PART_SAMPLES", 150)
    monkeypatch.setattr(picture_module, "SETTING_PIXELS", 90_000)
    parts = painted(chart, recipe, BALANCE, "float32")
    for first, last in ((0, 60), (200, 330), (460, 500)):
        made = parts.colours(first, last)
        want = expected[first:last]
        np.testing.assert_array_equal(np.isfinite(made), np.isfinite(want))
        # settings by a coarser map and by tiles: as bright and as colourful, to what the eye can tell
        assert np.nanmean(np.abs(made - want)) < 0.02
        # by the settings of the whole it is the whole
        told = painted(chart, recipe, BALANCE, "float32")
        told.__dict__["settings"] = own
        error = np.abs(told.colours(first, last) - want)
        assert np.nanmax(error) < 2 / 255
        assert np.nanpercentile(error, 99.5) < 1 / 255
    # all settings are there, none of the whole's is missing
    assert set(parts.settings) == set(own)


def test_parts_of_a_large_map_agree_where_they_meet(
    afloat: Any, map_below: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = chart_of(afloat, map_below(177.0, 500, 120), Content(), horizon=0.1)
    monkeypatch.setattr(picture_module, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(picture_module, "SETTING_PIXELS", 30_000)
    one = painted(chart, "enhanced", BALANCE, "uint8").rows(40, 80).astype(int)
    monkeypatch.setattr(picture_module, "PART_SAMPLES", 90)
    other = painted(chart, "enhanced", BALANCE, "uint8")
    np.testing.assert_allclose(other.rows(40, 60), one[:, :20], atol=1)
    np.testing.assert_allclose(other.rows(60, 80), one[:, 20:], atol=1)


def test_a_map_finer_than_the_camera_is_made_at_its_scale_and_enlarged(
    afloat: Any, map_below: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # three pixels a native one, which are six of these summed strips
    chart = chart_of(afloat, map_below(177.0 / 6.6, 600, 390), Content(), horizon=0.1)
    assert int(chart.prepared.native) == 3
    whole = painted(chart, "natural", BALANCE, "float32").colours(0, 390)
    monkeypatch.setattr(picture_module, "WHOLE_PIXELS", 100_000)
    large = painted(chart, "natural", BALANCE, "float32")
    parts = np.concatenate([large.colours(first, first + 130) for first in (0, 130, 260)])
    assert parts.shape == whole.shape
    inside = np.s_[12:-12, 12:-12]
    assert np.isfinite(parts[inside]).all()
    np.testing.assert_allclose(parts[inside], whole[inside], atol=0.02)


def fake(colours: NDArray[np.float32]) -> Painted:
    """What `enlarged` asks of a painted map."""
    made: Any = SimpleNamespace(
        colours=lambda a, b: colours[a:b], chart=SimpleNamespace(grid=SimpleNamespace(height=len(colours)))
    )
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("times", [2, 3, 5])
def test_enlarged_keeps_a_ramp(times: int) -> None:
    line, sample = np.mgrid[:20, :30].astype(np.float32)
    ramp = np.stack([line / 40 + sample / 80, 0.9 - sample / 60, np.full_like(line, 0.5)], axis=-1)
    big = enlarged(fake(ramp), times, 0, 20 * times, 30 * times)
    assert big.shape == (20 * times, 30 * times, 3)
    y, x = (np.mgrid[: 20 * times, : 30 * times] + 0.5) / times - 0.5
    inner = np.s_[2 * times : -2 * times, 2 * times : -2 * times]
    for k, expected in enumerate((y / 40 + x / 80, 0.9 - x / 60, np.full_like(x, 0.5))):
        # OpenCV's cubic (a = -0.75) ripples by a twentieth of the step from pixel to pixel, and is right in the mean
        step = abs(float(expected[times, times] - expected[0, 0]))
        np.testing.assert_allclose(big[..., k][inner], expected[inner], atol=0.06 * step + 2e-6)
        assert abs(float((big[..., k][inner] - expected[inner]).mean())) < 1e-5
    # and any rows are those of the whole, to the last row and column of a grid that is no multiple
    for first, last in ((0, 1), (7, 2 * times + 9), (9 * times, 10 * times + 1), (20 * times - 3, 20 * times - 1)):
        part = enlarged(fake(ramp), times, first, last, 30 * times - 1)
        np.testing.assert_allclose(part, big[first:last, : 30 * times - 1], atol=1e-6)


def test_enlarged_keeps_what_is_missing_and_nothing_else() -> None:
    even = np.full((16, 16, 3), 0.4, np.float32)
    even[5:9, 6:10] = np.nan
    even[12, 12, 1] = np.nan
    big = enlarged(fake(even), 4, 0, 64, 64)
    missing = np.isnan(big)
    np.testing.assert_array_equal(missing.any(axis=-1), missing.all(axis=-1))
    gone = missing[..., 0]
    assert gone[21:35, 25:39].all()
    assert not gone[:19].any()
    assert not gone[:, :23].any()
    assert gone[49:51, 49:51].all()
    # an even colour stays so up to the hole
    np.testing.assert_allclose(big[~gone], 0.4, atol=1e-6)


def test_a_coarser_grid_shows_the_same_ground(map_below: Any) -> None:
    grid = map_below(100.0, 301, 199)
    coarse = coarse_grid(grid, 4)
    assert (coarse.width, coarse.height, coarse.scale_km) == (76, 50, 400.0)
    np.testing.assert_allclose(coarse.place_of(10.0, 20.0), grid.place_of(40.0, 80.0))


def test_the_edge_of_emission_is_cut_from_the_finished_map(afloat: Any, map_below: Any) -> None:
    grid = map_below(900.0, 180, 150)
    horizon = 0.4
    chart = chart_of(afloat, grid, Content(), horizon=beyond(horizon))
    made = painted(chart, "natural", BALANCE, "float32", horizon=horizon)
    colours = made.colours(0, 150)
    cosine = chart.planes(0, 150).cos_emission
    shown = np.isfinite(colours).all(axis=-1)
    assert shown.any()
    assert cosine[shown].min() >= horizon
    # the chart itself goes on
    light = np.isfinite(chart.planes(0, 150).light).all(axis=0)
    assert (light & (cosine < horizon)).sum() > 20
    np.testing.assert_array_equal(shown, light & ~(cosine < horizon))
    assert [beyond(v) for v in (0.0, 0.02, 0.1, 0.5)] == pytest.approx([0.0, 0.02, 0.03, 0.4])


def test_planes_stacked_are_theirs_one_below_the_other(small: Chart) -> None:
    parts = [small.planes(0, 20, 10, 60), small.planes(100, 130, 200, 250)]
    both = stacked(parts)
    assert both.light.shape == (3, 50, 50)
    np.testing.assert_array_equal(both.light[:, :20], parts[0].light)
    np.testing.assert_array_equal(both.cos_incidence[20:], parts[1].cos_incidence)
    np.testing.assert_array_equal(both.hit[20:], parts[1].hit)
    assert both.native == parts[0].native


def test_annotations_are_drawn_on_the_whole_map(small: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, drawn = (painted(small, "natural", BALANCE, "float32", annotate=on).colours(0, 200) for on in (False, True))
    differ = np.isfinite(drawn).all(axis=-1) & (np.nan_to_num(np.abs(drawn - plain)).max(axis=-1) > 0.02)
    assert 0.005 < differ.mean() < 0.5
    west = painted(small, "natural", BALANCE, "float32", annotate=True, longitudes="west").colours(0, 200)
    assert not np.array_equal(west, drawn, equal_nan=True)
    monkeypatch.setattr(picture_module, "WHOLE_PIXELS", 1000)
    with pytest.raises(UsageError, match="a map of 300 x 200 px is too large to be annotated: give a larger --scale"):
        painted(small, "natural", BALANCE, "uint8", annotate=True)


def test_full_highlights_are_recovered_alike_in_parts(
    afloat: Any, map_below: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {Filter.RED: 0.5, Filter.GREEN: 5.0, Filter.BLUE: 5.0}
    full = replace(afloat, full=limits, strips=tuple(
        replace(s, light=np.minimum(s.light, limits[s.band] * 1.01).astype(np.float32)) for s in afloat.strips
    ))  # fmt: skip
    chart = chart_of(full, map_below(177.0, 400, 300), Content(), horizon=0.1)
    whole = painted(chart, "natural", BALANCE, "float32")
    assert whole.settings["recovered"] > 0.01
    expected = whole.colours(100, 160)
    monkeypatch.setattr(picture_module, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(picture_module, "PART_SAMPLES", 130)
    told = painted(chart, "natural", BALANCE, "float32")
    told.__dict__["settings"] = whole.settings
    np.testing.assert_allclose(told.colours(100, 160), expected, atol=1 / 255)
