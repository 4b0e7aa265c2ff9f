"""The renderer against a synthetic spinner whose truth is known at every place."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.errors import StripError, UsageError
from perijove.geometry.view import View, pixel_rays, spacecraft_view
from perijove.instrument import Filter
from perijove.render import coverage, render

BANDS = (Filter.RED, Filter.GREEN, Filter.BLUE)
SUN = np.array([-1.0, 0.3, 0.1])


def view_of(scene, size=160, **options):
    options.setdefault("fov", np.radians(40.0))
    options.setdefault("centre", (0.2, 3.0))
    return spacecraft_view(scene.viewpoint(), JUPITER, None, size, **options)


def truth(view, intersect, ground):
    """The ground function at each pixel's own meeting with the body."""
    return ground(intersect(view.position_km, pixel_rays(view)))


@pytest.mark.parametrize("sense", [1, -1])
def test_returns_ground_at_each_pixel_in_every_band(spinner, ground, intersect, sense):
    scene = spinner(sense=sense)
    view = view_of(scene)
    planes = render([scene.swath(band, ground) for band in BANDS], JUPITER, scene.et0, view)
    expected = truth(view, intersect, ground)
    assert np.isfinite(planes.light).mean() > 0.9
    for band in BANDS:
        error = np.abs(planes.band(band) - expected)
        assert np.nanmax(error) < 1e-3 * 2.0, band


def test_full_resolution_obeys_the_half_pixel_convention(spinner, intersect):
    # a ramp 0.05 native px a unit: half a pixel wrong would be an error ten times the tolerance
    def ramp(point):
        return point[..., 2] / 60.0 + point[..., 1] / 80.0

    scene = spinner(binning=1, frames=5)
    view = view_of(scene, 96, fov=np.radians(14.0), centre=(0.2, 3.0))
    planes = render([scene.swath(Filter.GREEN, ramp)], JUPITER, scene.et0, view)
    error = np.abs(planes.light[0] - truth(view, intersect, ramp))
    assert np.isfinite(error).mean() > 0.95
    # a native pixel spans 30 km here, half a unit of the ramp; curvature of the body leaves a little
    assert np.nanmax(error) < 0.02


@pytest.mark.parametrize(("kind", "limit"), [("bilinear", 2e-2), ("catmull-rom", 2e-3), ("lanczos", 1e-2)])
def test_every_interpolation_returns_the_ground(spinner, ground, intersect, kind, limit):
    scene = spinner()
    view = view_of(scene)
    planes = render([scene.swath(Filter.GREEN, ground)], JUPITER, scene.et0, view, interpolation=kind)
    assert np.nanmax(np.abs(planes.light[0] - truth(view, intersect, ground))) < limit


def test_overlaps_leave_no_seam(spinner):
    # each framelet has its own level; blending must pass between neighbours without a jump
    scene = spinner()
    swath = scene.swath(Filter.GREEN, lambda p: np.zeros(p.shape[:-1]))
    levels = np.arange(scene.frames, dtype=np.float32)[:, None, None]
    view = view_of(scene, 900, fov=np.radians(16.0))
    light = render([replace(swath, light=swath.light * 0 + levels)], JUPITER, scene.et0, view).light[0]
    jump = np.nanmax(np.abs(np.diff(light, axis=0)))
    # one level over an overlap of 13.3 native lines; a pixel is 0.46 of one and the steepest place 3 times the mean
    assert np.nanmax(light) - np.nanmin(light) >= 2
    assert 0 < jump < 0.2


def test_weight_is_one_inside_and_falls_at_the_strip_edges(spinner, ground):
    scene = spinner(frames=3)
    planes = render([scene.swath(Filter.GREEN, ground)], JUPITER, scene.et0, view_of(scene, 200))
    weight = planes.weight[0]
    assert weight.min() == 0.0
    assert np.median(weight[weight > 0]) == 1.0
    assert weight.max() <= 2.0 + 1e-6
    np.testing.assert_array_equal(weight > 0, np.isfinite(planes.light[0]))


def test_star_stands_where_its_direction_says(spinner):
    scene = spinner(frames=25, binning=1, start_km=(-2.4e5, 1.5e4, 2.5e4))
    toward = -scene.viewpoint() / np.linalg.norm(scene.viewpoint())
    across = np.cross(toward, [0.0, 0.0, 1.0])
    star = toward + 0.38 * across + 0.21 * np.array([0.0, 0.0, 1.0])
    star /= np.linalg.norm(star)

    def sky(direction):
        return np.exp(-0.5 * (np.linalg.norm(direction - star, axis=-1) / 1.2e-3) ** 2)

    swath = scene.swath(Filter.GREEN, lambda p: np.zeros(p.shape[:-1]), sky)
    rotation = spacecraft_view(scene.viewpoint(), JUPITER, None, 100, fov=0.2).view_from_body
    aim = View(scene.viewpoint(), rotation, 4e-4, 1, 1, (0.0, 0.0)).pixel(star)
    view = View(scene.viewpoint(), rotation, 4e-4, 61, 61, (30.5 - aim[0], 30.5 - aim[1]))
    light = render([swath], JUPITER, scene.et0, view).light[0].astype(float)
    line, sample = np.mgrid[:61, :61] + 0.5
    assert light.max() == pytest.approx(1.0, abs=0.03)
    assert (light * line).sum() / light.sum() == pytest.approx(30.5, abs=0.02)
    assert (light * sample).sum() / light.sum() == pytest.approx(30.5, abs=0.02)


def test_limb_is_continuous(spinner):
    # light that tells its own place in the strip: the place must move over the limb as smoothly as beside it,
    # although the flight shifts the near limb by dozens of native pixels from frame to frame
    scene = spinner(frames=41, start_km=(-9.0e4, 5.0e3, 8.0e3), velocity=(1.0, 1.0, -50.0), tilt=(0.0, 0.0))
    swath = scene.swath(Filter.GREEN, lambda p: np.zeros(p.shape[:-1]))
    frame, line, sample = np.indices(swath.light.shape, np.float32)
    drift = np.sign(swath.camera_from_j2000[1, 1] @ swath.camera_from_j2000[0, 2])
    view = view_of(scene, 800, fov=np.radians(110.0), centre=(0.08, 3.08))
    mask = swath.light * 0
    for place in (sample, line - drift * frame * 114.7 / 2):
        planes = render([replace(swath, light=place + mask)], JUPITER, scene.et0, view)
        for axis in (0, 1):
            jump = np.abs(np.diff(planes.light[0], axis=axis))
            edge = np.diff(planes.hit, axis=axis)
            assert np.isfinite(jump[edge]).sum() > 200
            assert np.nanmax(jump[edge]) < 1.25 * np.nanmax(jump[~edge])
            assert np.nanmax(jump[edge]) < 4 * 800 / view.width
    height = planes.altitude_km
    assert np.isnan(height[planes.hit]).all()
    assert (height[~planes.hit] >= 0).all()


def test_masked_and_missing_light_stays_missing(spinner, ground, intersect):
    scene = spinner()
    swath = scene.swath(Filter.GREEN, ground)
    holed = swath.light.copy()
    holed[:, 30:33, 300:460] = np.nan
    holed[:, 10, ::7] = np.nan
    view = view_of(scene, 300, fov=np.radians(30.0))
    whole = render([swath], JUPITER, scene.et0, view).light[0]
    planes = render([replace(swath, light=holed)], JUPITER, scene.et0, view)
    expected = truth(view, intersect, ground)
    lost = np.isfinite(whole) & np.isnan(planes.light[0])
    assert 0.005 < lost.mean() < 0.1
    assert planes.weight[0][lost].max() == 0.0
    # a bridged gap is as good as the smoothing that bridges it
    assert np.nanmax(np.abs(planes.light[0] - expected)) < 0.1
    assert np.isnan(render([replace(swath, light=holed * np.nan)], JUPITER, scene.et0, view).light).all()


def test_binning_and_native_agree(spinner, ground):
    views, pictures = [], []
    for binning in (1, 2):
        scene = spinner(binning=binning, frames=5)
        views.append(view_of(scene, 80, fov=np.radians(14.0)))
        pictures.append(render([scene.swath(Filter.RED, ground)], JUPITER, scene.et0, views[-1]).light[0])
    assert np.isfinite(pictures[0]).any()
    assert np.nanmax(np.abs(pictures[0] - pictures[1])) < 2e-3


def test_strip_of_more_than_a_turn_uses_both_ends(spinner):
    # 84 frames of 4.44 deg: the last three look where the first three did; levels 1 and 3 must blend there
    scene = spinner(frames=84, binning=2, velocity=(0.0, 0.1, 0.0), start_km=(-3.0e5, 1e4, 1e4))
    scene = replace(scene, et0=scene.et0)
    swath = scene.swath(Filter.GREEN, lambda p: np.zeros(p.shape[:-1]), lambda d: np.zeros(d.shape[:-1]))
    level = np.where(np.arange(84) < 42, 1.0, 3.0).astype(np.float32)[:, None, None]
    # away from the body, a half turn from the middle frame
    behind = spacecraft_view(scene.viewpoint(), JUPITER, None, 10, fov=0.5).view_from_body * [[-1], [1], [-1]]
    view = View(scene.viewpoint(), behind, 0.004, 200, 200, (100.0, 100.0))
    planes = render([replace(swath, light=swath.light + level)], JUPITER, scene.et0, view)
    values = planes.light[0][np.isfinite(planes.light[0])]
    assert {1.0, 2.0, 3.0} <= set(np.round(np.unique(values), 3).tolist())
    assert planes.weight.max() == pytest.approx(2.0, abs=0.3) or planes.weight.max() > 2.0


def test_single_framelet(spinner, ground, intersect):
    scene = spinner(frames=1)
    view = view_of(scene, 100, fov=np.radians(12.0))
    planes = render([scene.swath(Filter.GREEN, ground)], JUPITER, scene.et0, view)
    assert 0.1 < np.isfinite(planes.light).mean() < 0.9
    assert np.nanmax(np.abs(planes.light[0] - truth(view, intersect, ground))) < 3e-3


def test_threads_change_nothing(spinner, ground):
    scene = spinner()
    swaths = [scene.swath(band, ground) for band in BANDS]
    view = view_of(scene, 150)
    alone = render(swaths, JUPITER, scene.et0, view, sun_direction=SUN, threads=1)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(render, swaths, JUPITER, scene.et0, view, sun_direction=SUN) for _ in range(4)]
    for job in jobs:
        for name in ("light", "weight", "latitude", "longitude", "cos_incidence", "cos_emission", "altitude_km"):
            np.testing.assert_array_equal(getattr(job.result(), name), getattr(alone, name), err_msg=name)


def test_backplanes(spinner, ground, intersect):
    scene = spinner(frames=3)
    view = spacecraft_view(scene.viewpoint(), JUPITER, None, 120)
    planes = render([scene.swath(Filter.GREEN, ground)], JUPITER, scene.et0, view, sun_direction=SUN)
    point = intersect(view.position_km, pixel_rays(view))
    np.testing.assert_array_equal(planes.hit, np.isfinite(point[..., 0]))
    x, y, z = np.moveaxis(point, -1, 0)
    np.testing.assert_allclose(planes.latitude, np.arcsin(z / np.linalg.norm(point, axis=-1)), atol=1e-6)
    np.testing.assert_allclose(planes.longitude, np.mod(np.arctan2(y, x), 2 * np.pi), atol=1e-6)
    normal = point / np.array(JUPITER.radii_km) ** 2
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    sun = JUPITER.body_from_j2000(scene.et0) @ SUN / np.linalg.norm(SUN)
    np.testing.assert_allclose(planes.cos_incidence, normal @ sun, atol=1e-6)
    back = -pixel_rays(view)
    np.testing.assert_allclose(planes.cos_emission, np.where(planes.hit, (normal * back).sum(-1), np.nan), atol=1e-6)
    np.testing.assert_allclose(planes.phase, np.where(planes.hit, np.arccos(back @ sun), np.nan), atol=1e-6)
    without = render([scene.swath(Filter.GREEN, ground)], JUPITER, scene.et0, view)
    assert np.isnan(without.cos_incidence).all()
    assert np.isfinite(without.cos_emission).any()
    bare = render([scene.swath(Filter.GREEN, ground)], JUPITER, scene.et0, view, backplanes=False)
    assert bare.latitude.shape == bare.hit.shape == (0, 0)
    np.testing.assert_array_equal(bare.light, without.light)


def test_coverage_is_where_light_is(spinner, ground, intersect):
    scene = spinner(frames=3)
    swaths = [scene.swath(band, ground) for band in BANDS]
    view = view_of(scene, 100)
    planes = render(swaths, JUPITER, scene.et0, view)
    point = intersect(view.position_km, pixel_rays(view))
    hit = np.isfinite(point[..., 0])
    seen = coverage(swaths, JUPITER, scene.et0, view.position_km, point[hit])
    for k in range(3):
        light = np.isfinite(planes.light[k][hit])
        assert 0.05 < light.mean() < 0.95
        assert (seen[k] == light).mean() > 0.99


def test_refuses_what_cannot_be_rendered(spinner, ground):
    scene = spinner(frames=3)
    swath = scene.swath(Filter.GREEN, ground)
    view = view_of(scene, 20)
    with pytest.raises(UsageError, match="unknown interpolation 'nearest': use one of"):
        render([swath], JUPITER, scene.et0, view, interpolation="nearest")
    with pytest.raises(UsageError, match="no swaths"):
        render([], JUPITER, scene.et0, view)
    with pytest.raises(UsageError, match="given twice"):
        render([swath, swath], JUPITER, scene.et0, view)
    with pytest.raises(StripError, match="light has the shape"):
        render([replace(swath, light=swath.light[:, :-1])], JUPITER, scene.et0, view)
    with pytest.raises(StripError, match="position_km has the shape"):
        render([replace(swath, position_km=swath.position_km[:-1])], JUPITER, scene.et0, view)
