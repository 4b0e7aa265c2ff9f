"""Captioned pictures: what is drawn, and that all else stays as it was."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import GANYMEDE
from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.figure import captioned
from perijove.geometry.view import View, pixel_rays
from perijove.instrument import Filter
from perijove.render.engine import empty_planes
from perijove.render.planes import Planes

COLOURS = (Filter.RED, Filter.GREEN, Filter.BLUE)
RADIUS = GANYMEDE.radii_km[0]
EAST_RIGHT = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
TEXT = {"title": "Ganymede", "credit": "NASA", "notes": ["from afar", "by day"]}


def scene(width: int, height: int, bands: tuple[Filter, ...] = COLOURS) -> tuple[Picture, Planes]:
    """Ganymede in the middle of a black picture, seen from above the equator, filling 80 % of the height."""
    distance = 20 * RADIUS
    scale = 2 * RADIUS / distance / (0.8 * height)
    view = View(np.array([distance, 0.0, 0.0]), EAST_RIGHT, scale, width, height, (height / 2, width / 2))
    miss = np.linalg.norm(np.cross(pixel_rays(view), view.position_km), axis=-1)
    hit = miss < RADIUS
    empty = empty_planes([], view, True)
    zero = np.zeros(hit.shape, np.float32)
    planes = replace(
        empty, bands=bands, light=np.stack([zero] * len(bands)), hit=hit, latitude=np.where(hit, zero, np.nan),
        longitude=np.where(hit, zero, np.nan), cos_incidence=np.where(hit, np.float32(0.5), np.nan),
    )  # fmt: skip
    rgb = np.random.default_rng(4).uniform(0.3, 0.4, (height, width, len(bands))).astype(np.float32)
    rgb[:5, :5] = np.nan
    return Picture(rgb, bands, "srgb", "natural", {"white": 7.0}), planes


@pytest.mark.parametrize(("width", "height"), [(900, 600), (300, 600), (2400, 2000)])
def test_pixels_outside_the_marks_stay(width: int, height: int) -> None:
    picture, planes = scene(width, height)
    page = captioned(picture, planes, GANYMEDE, **TEXT)
    assert page.width == width
    assert page.height > height
    assert page.rgb.dtype == np.float32
    assert (page.bands, page.transfer, page.settings) == (picture.bands, "srgb", {"white": 7.0})
    same = (page.rgb[:height] == picture.rgb) | (np.isnan(page.rgb[:height]) & np.isnan(picture.rgb))
    changed = ~same.all(axis=-1)
    assert changed.any()
    # the marks are small, stand in the lower corners and leave the middle of the disc alone
    assert changed.mean() < 0.05
    assert not changed[: int(0.7 * height)].any()
    assert not changed[:, int(0.45 * width) : int(0.55 * width)].any()
    band = page.rgb[height:]
    assert np.isfinite(band).all()
    assert (band >= 0).all()
    assert (band <= 1).all()
    # dark, with some ink on it
    assert np.median(band) < 0.1
    assert band.max() > 0.8


def test_bar_is_as_long_as_its_length_says() -> None:
    # 1 px of the disc's 480 px is 2 R / 480 at the centre's range; at the surface it is 19/20 of that
    picture, planes = scene(900, 600)
    page = captioned(replace(picture, rgb=picture.rgb * 0), planes, GANYMEDE, point=(0.0, 0.0), **TEXT)
    corner = page.rgb[300:600, :300].max(axis=-1) > 0.5
    rows = corner.sum(axis=1)
    bar = np.flatnonzero(corner[np.argmax(rows)])
    km = 2 * RADIUS / 480 * 19 / 20
    # of 1, 2 and 5 x 10^n the longest below a fifth of 900 px, which are 1875 km
    assert bar[-1] - bar[0] + 1 == pytest.approx(1000.0 / km, abs=1.01)


def test_a_place_gets_a_ring_about_it() -> None:
    picture, planes = scene(900, 600)
    without = captioned(picture, planes, GANYMEDE, **TEXT).rgb[:600]
    page = captioned(picture, planes, GANYMEDE, places=[("Kittu", 0.0, 0.0)], **TEXT).rgb[:600]
    line, sample = np.nonzero(np.nan_to_num(np.abs(page - without)).sum(axis=-1) > 0.3)
    away = np.hypot(line + 0.5 - 300, sample + 0.5 - 450)
    # the place itself stays free, the ring is near, the name further off
    assert away.min() > 8
    assert away.min() < 20
    assert away.max() > 40
    assert page[299:301, 449:451] == pytest.approx(picture.rgb[299:301, 449:451])


def test_grey_picture_and_an_odd_title() -> None:
    picture, planes = scene(400, 300, (Filter.METHANE,))
    page = captioned(picture, planes, GANYMEDE, title="a $x^2$ \\beta " * 9, credit="", notes=[])
    assert page.rgb.shape[1:] == (400, 1)
    assert page.rgb[300:].max() > 0.8


def test_a_picture_without_the_body_gets_its_caption_alone() -> None:
    picture, planes = scene(400, 300)
    bare = replace(planes, hit=planes.hit & False)
    np.testing.assert_array_equal(captioned(picture, bare, GANYMEDE, **TEXT).rgb[:300], picture.rgb)


def test_what_does_not_fit_is_refused() -> None:
    picture, planes = scene(400, 300)
    with pytest.raises(UsageError, match="'linear' cannot be captioned"):
        captioned(replace(picture, transfer="linear"), planes, GANYMEDE, **TEXT)
    with pytest.raises(UsageError, match="render both together"):
        captioned(replace(picture, rgb=picture.rgb[:10]), planes, GANYMEDE, **TEXT)
    with pytest.raises(UsageError, match="one band or three"):
        captioned(replace(picture, rgb=picture.rgb[..., :2]), planes, GANYMEDE, **TEXT)
