"""Charts: which layers a map has, what is in them, and that any rows are those of the whole."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perijove.calibrate.quality import Quality
from perijove.cartography import chart as chart_module
from perijove.cartography.chart import Chart, Content, chart_of, check_backplanes
from perijove.cartography.geometry import MORE_PLANES
from perijove.errors import UsageError
from perijove.geometry.illumination import PLANES
from perijove.instrument import Filter
from perijove.photometry.correct import correct
from perijove.photometry.models import Law, Model
from perijove.render.engine import render

RGB = (Filter.RED, Filter.GREEN, Filter.BLUE)
HORIZON = 0.2
MINNAERT = Law(Model.MINNAERT, {Filter.RED: (0.95,), Filter.GREEN: (0.9,), Filter.BLUE: (0.85,)}, "made up")


def chart(afloat: Any, grid: Any, content: Content, **more: Any) -> Chart:
    return chart_of(afloat, grid, content, horizon=HORIZON, **more)


@pytest.fixture(scope="module")
def planes(afloat: Any, map_below: Any) -> Any:
    """What the renderer makes of the strip on the same grid."""
    return render(
        afloat.swaths(sigma=True), afloat.body, afloat.middle_et, map_below(), sun_direction=afloat.sun,
        horizon=HORIZON, sources=True,
    )  # fmt: skip


def test_layers_come_in_order_with_names_units_and_words(afloat: Any, map_below: Any) -> None:
    names = ("latitude", "time", "range", "source")
    made = chart(afloat, map_below(), Content(sigma=True, quality=True, backplanes=names))
    assert [layer.name for layer in made.layers] == [
        "RED", "GREEN", "BLUE", "RED sigma", "GREEN sigma", "BLUE sigma", "RED quality", "GREEN quality",
        "BLUE quality", "latitude", "RED time", "GREEN time", "BLUE time", "range", "RED source", "GREEN source",
        "BLUE source",
    ]  # fmt: skip
    assert [layer.unit for layer in made.layers] == ["I/F"] * 6 + ["bits"] * 3 + ["deg", "s", "s", "s", "km"] + [""] * 3
    assert [layer.role for layer in made.layers] == ["light"] * 3 + ["sigma"] * 3 + ["quality"] * 3 + ["geometry"] * 8
    for bit in Quality:
        assert f"{bit.value} {(bit.name or '').lower()}" in made.layers[6].description
    assert made.layers[9].description == PLANES["latitude"].description
    assert made.layers[10].description == MORE_PLANES["time"][1]
    assert made.rows(0, 3).shape == (17, 3, 300)
    assert made.rows(0, 3).dtype == np.float32


def test_layers_are_the_planes_of_the_renderer(afloat: Any, map_below: Any, planes: Any) -> None:
    made = chart(
        afloat, map_below(), Content(sigma=True, quality=True, backplanes=("latitude", "source", "weight", "time"))
    )
    rows = made.rows(0, made.grid.height)
    order = [planes.bands.index(band) for band in RGB]
    np.testing.assert_array_equal(rows[:3], planes.light[order])
    np.testing.assert_array_equal(rows[3:6], planes.sigma[order])
    seen = np.isfinite(planes.light[order])
    assert 0.3 < seen.mean() <= 1.0
    np.testing.assert_array_equal(rows[6:9][seen], planes.quality[order][seen])
    assert (rows[6:9] == 4).any()
    assert np.isnan(rows[6:9][~seen]).all()
    np.testing.assert_allclose(rows[9], np.degrees(planes.latitude), atol=1e-5)
    np.testing.assert_array_equal(rows[10:13][seen], planes.source[order][seen])
    assert np.isnan(rows[10:13][~seen]).all()
    np.testing.assert_array_equal(rows[13:16], planes.weight[order])
    # a frame's time is that of its exposure, and between two of them in between
    for k in range(3):
        et = afloat.strips[k].et - afloat.middle_et
        frame = planes.frame[k]
        whole = seen[k] & (frame == np.round(frame))
        assert whole.any()
        np.testing.assert_allclose(rows[16 + k][whole], et[frame[whole].astype(int)], atol=1e-6)
        step = et[1] - et[0]
        np.testing.assert_allclose(rows[16 + k][seen[k]], et[0] + step * frame[seen[k]], atol=2e-6)


@pytest.mark.parametrize("pixels", [1, 5000, 20_000])
def test_chunks_change_nothing(afloat: Any, map_below: Any, monkeypatch: pytest.MonkeyPatch, pixels: int) -> None:
    content = Content(sigma=True, quality=True, backplanes=("incidence", "time"), law=MINNAERT)
    made = chart(afloat, map_below(), content)
    whole = made.rows(0, 200)
    monkeypatch.setattr(chart_module, "CHUNK_PIXELS", pixels)
    np.testing.assert_array_equal(made.rows(0, 200), whole)
    np.testing.assert_array_equal(made.rows(37, 91), whole[:, 37:91])


def test_a_law_is_taken_off_the_light_and_its_sigma(afloat: Any, map_below: Any, planes: Any) -> None:
    made = chart(afloat, map_below(), Content(sigma=True, law=MINNAERT))
    rows = made.rows(0, 200)
    for k, band in enumerate(RGB):
        j = planes.bands.index(band)
        expected = correct(
            planes.light[j], planes.sigma[j], planes.weight[j], planes.cos_incidence, planes.cos_emission,
            planes.phase, MINNAERT, band,
        )  # fmt: skip
        np.testing.assert_array_equal(rows[k], expected.light)
        np.testing.assert_array_equal(rows[3 + k], expected.sigma)
        # by hand, well inside: light / (mu0^k mu^(k - 1))
        mu0, mu = planes.cos_incidence.astype(float), planes.cos_emission.astype(float)
        inside = np.isfinite(rows[k]) & (mu0 > 0.4) & (mu > 0.4)
        assert inside.mean() > 0.2
        power = MINNAERT.parameters[band][0]
        by_hand = planes.light[j] / (mu0**power * mu ** (power - 1))
        np.testing.assert_allclose(rows[k][inside], by_hand[inside], rtol=1e-5)
    assert "at normal incidence and emission by minnaert" in made.layers[0].description
    # what the law is not to be believed in is not shown
    assert np.isnan(rows[0][planes.cos_incidence < 0.02]).all()


def test_the_bands_asked_for_in_their_own_order(afloat: Any, map_below: Any, planes: Any) -> None:
    made = chart(afloat, map_below(), Content(bands=(Filter.BLUE, Filter.RED)), angles=False)
    assert made.bands == (Filter.RED, Filter.BLUE)
    rows = made.rows(20, 40)
    np.testing.assert_array_equal(rows[0], planes.band(Filter.RED)[20:40])
    np.testing.assert_array_equal(rows[1], planes.band(Filter.BLUE)[20:40])


def test_without_light_there_are_backplanes_alone(afloat: Any, map_below: Any) -> None:
    made = chart(afloat, map_below(), Content(backplanes=("phase", "weight"), light=False))
    assert [layer.name for layer in made.layers] == ["phase", "RED weight", "GREEN weight", "BLUE weight"]
    assert made.rows(0, 20).shape == (4, 20, 300)


def test_the_same_on_another_grid(afloat: Any, map_below: Any) -> None:
    content = Content(sigma=True, backplanes=("incidence", "time"))
    there, here = map_below(250.0, 120, 100), map_below()
    moved = chart(afloat, here, content).on(there)
    assert moved.grid == there
    np.testing.assert_array_equal(moved.rows(0, 100), chart(afloat, there, content).rows(0, 100))


def test_what_a_strip_does_not_have_is_refused(afloat: Any, map_below: Any) -> None:
    with pytest.raises(UsageError, match=r"made-up\.png has no METHANE: it holds RED, GREEN, BLUE"):
        chart(afloat, map_below(), Content(bands=(Filter.RED, Filter.METHANE)))
    lone = replace(afloat, strips=afloat.strips[:1])
    with pytest.raises(UsageError, match="has no GREEN, BLUE: it holds RED"):
        chart(lone, map_below(), Content(bands=RGB))
    with pytest.raises(UsageError, match=r"there is no backplane 'albedo': give some of latitude, .*weight"):
        chart(afloat, map_below(), Content(backplanes=("latitude", "albedo")))
    with pytest.raises(UsageError, match="the backplane time is named twice"):
        check_backplanes(["time", "phase", "time"])
