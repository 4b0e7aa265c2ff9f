"""The interpolators alone: exact cases, ramps, gaps, and other libraries as oracles."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject

from perijove.render.interpolate import BILINEAR, CATMULL_ROM, LANCZOS_3, interpolate, interpolate_many

LINES, SAMPLES = 24, 40
RNG = np.random.default_rng(5)
FIELD = RNG.random((LINES, SAMPLES)).astype(np.float32)
KINDS = (BILINEAR, CATMULL_ROM, LANCZOS_3)


def at_point(field, y, x, kind):
    """Value and weight at (y, x), counted from the centre of the first element."""
    flat = np.ascontiguousarray(field).reshape(-1)
    return interpolate(flat, 0, *field.shape, float(y), float(x), kind, np.empty((2, 8), np.float32))


def inside(field, y, x, kind):
    """Values at (y, x) arrays with all taps inside, by the fast loop."""
    row, column = np.floor(y).astype(int), np.floor(x).astype(int)
    at = ((row - kind + 1) * field.shape[1] + column - kind + 1).astype(np.uint64)
    value = np.empty(y.size, np.float32)
    ty, tx = (y - row).astype(np.float32), (x - column).astype(np.float32)
    interpolate_many(field.reshape(-1), np.uint64(field.shape[1]), at, ty, tx, kind, value)
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_passes_through_the_elements(kind):
    for i in range(LINES):
        for j in (0, 1, 2, 17, SAMPLES - 2, SAMPLES - 1):
            assert at_point(FIELD, i, j, kind)[0] == pytest.approx(FIELD[i, j], abs=1e-6)


@pytest.mark.parametrize("kind", [BILINEAR, CATMULL_ROM])
@settings(deadline=None)
@given(y=st.floats(-0.5, LINES - 0.5), x=st.floats(-0.5, SAMPLES - 0.5))
def test_ramps_stay_ramps_up_to_the_edges(kind, y, x):
    i, j = np.indices((LINES, SAMPLES), np.float32)
    assert at_point(1.0 + 0.25 * i - 0.5 * j, y, x, kind)[0] == pytest.approx(1.0 + 0.25 * y - 0.5 * x, abs=2e-5)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(y=st.floats(-0.5, LINES - 0.5), x=st.floats(-0.5, SAMPLES - 0.5))
def test_constant_stays_constant(kind, y, x):
    value, share = at_point(np.full((LINES, SAMPLES), 0.7, np.float32), y, x, kind)
    assert value == pytest.approx(0.7, abs=1e-5)
    assert share == 1.0


def test_catmull_rom_by_hand():
    # half way between elements the weights are -1/16, 9/16, 9/16, -1/16
    field = np.tile(np.array([0, 16, 0, 0, 32, 0], np.float32), (6, 1))
    assert at_point(field, 2.5, 2.5, CATMULL_ROM)[0] == pytest.approx(-16 / 16 - 32 / 16)


@pytest.mark.parametrize("kind", KINDS)
def test_fast_loop_and_single_points_agree(kind):
    y, x = RNG.uniform(3, LINES - 4, 200), RNG.uniform(3, SAMPLES - 4, 200)
    alone = [at_point(FIELD, a, b, kind)[0] for a, b in zip(y, x, strict=True)]
    np.testing.assert_allclose(inside(FIELD, y, x, kind), alone, atol=2e-6)


def test_bilinear_is_that_of_opencv():
    y, x = RNG.uniform(3, LINES - 4, 300), RNG.uniform(3, SAMPLES - 4, 300)
    # OpenCV may round places to 1/32 of a pixel: give it such places
    y, x = np.round(y * 32) / 32, np.round(x * 32) / 32
    theirs = cv2.remap(FIELD, x.astype(np.float32)[None], y.astype(np.float32)[None], cv2.INTER_LINEAR)[0]
    np.testing.assert_allclose(inside(FIELD, y, x, BILINEAR), theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "method", "limit"), [(CATMULL_ROM, Resampling.cubic, 2e-5), (LANCZOS_3, Resampling.lanczos, 2e-4)]
)
def test_cubic_and_lanczos_are_those_of_gdal(kind, method, limit):
    # the same grid, moved by (0.3, 0.85) of an element; GDAL's cubic is that of Keys with a = -1/2
    dx, dy = 0.3, 0.85
    theirs = np.zeros_like(FIELD)
    reproject(
        FIELD,
        theirs,
        src_transform=Affine.identity(),
        dst_transform=Affine.translation(dx, dy),
        src_crs="EPSG:3857",
        dst_crs="EPSG:3857",
        resampling=method,
        tolerance=0,
    )
    i, j = np.mgrid[4 : LINES - 5, 4 : SAMPLES - 5]
    ours = inside(FIELD, i.ravel() + dy, j.ravel() + dx, kind)
    np.testing.assert_allclose(ours, theirs[4 : LINES - 5, 4 : SAMPLES - 5].ravel(), atol=limit)


@pytest.mark.parametrize("kind", KINDS)
def test_single_gap_is_bridged_and_a_border_is_not_crossed(kind):
    field = np.full((LINES, SAMPLES), 3.0, np.float32)
    field[12, 12] = np.nan
    field[:, 30:] = np.nan
    value, share = at_point(field, 12, 12, kind)
    assert value == pytest.approx(3.0)
    assert 0.0 < share < 0.5
    value, share = at_point(field, 12, 29.45, kind)
    assert value == pytest.approx(3.0)
    assert 0.0 < share < 0.2
    value, share = at_point(field, 12, 29.55, kind)
    assert np.isnan(value)
    assert share == 0.0
