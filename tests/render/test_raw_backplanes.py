"""Backplanes of raw pixels: consistent with the schoolbook intersection, with the renderer, and with binning."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.errors import UsageError
from perijove.geometry import ellipsoid as el
from perijove.geometry.illumination import PLANES
from perijove.instrument import FOCAL_LENGTH_PX, Camera, Filter
from perijove.render.framelets import frame_table, light_time
from perijove.render.locate import project_distorted, see_point
from perijove.render.raw_backplanes import raw_backplanes, raw_geometry

ALL = tuple(PLANES)
SUN_KM = np.array([5.1e8, -4.9e8, 2.0e8])
FRAME = 6


@pytest.fixture(scope="module")
def nothing():
    """Light that does not matter."""
    return lambda points: np.zeros(points.shape[:-1])


def test_planes_belong_to_where_each_pixels_ray_goes(spinner, intersect, nothing):
    camera = Camera.measured()
    swath = spinner(start_km=(-2.6e5, 3e4, 9e4)).swath(Filter.RED, nothing, camera=camera)
    planes = raw_geometry(swath, JUPITER, SUN_KM).framelet(ALL, FRAME)
    turn = JUPITER.body_from_j2000(swath.et[FRAME] - light_time(JUPITER, swath.position_km[FRAME]))
    place = turn @ swath.position_km[FRAME]
    line, sample = np.mgrid[1:128:2, 1:1648:2].astype(float)
    rays = camera.ray(Filter.RED, line, sample) @ swath.camera_from_j2000[FRAME] @ turn.T
    points = intersect(place, rays)
    hit = np.isfinite(points[..., 0])
    assert 0.2 < hit.mean() < 0.99, "a framelet with the limb in it"
    np.testing.assert_array_equal(np.isfinite(planes["range"]), hit)
    well = planes["emission"] < np.radians(89.5)  # the schoolbook loses digits at the limb
    up, sun = el.normal(points, JUPITER.radii_km), turn @ SUN_KM - points
    cosine = np.sum(up * sun, axis=-1) / np.linalg.norm(sun, axis=-1)
    np.testing.assert_allclose(planes["latitude"][well], el.centric_from_point(points)[well, 0], atol=1e-9)
    np.testing.assert_allclose(np.cos(planes["longitude"] - el.centric_from_point(points)[..., 1])[well], 1.0)
    np.testing.assert_allclose(planes["range"][well], np.linalg.norm(points - place, axis=-1)[well], rtol=1e-9)
    np.testing.assert_allclose(np.cos(planes["incidence"][well]), cosine[well], atol=1e-9)
    aside = ~hit & np.isfinite(planes["ring_radius"])
    share = -place[2] / rays[aside, 2]
    ring = np.hypot(place[0] + share * rays[aside, 0], place[1] + share * rays[aside, 1])
    np.testing.assert_allclose(planes["ring_radius"][aside], ring, rtol=1e-9)


@pytest.mark.parametrize("binning", [1, 2])
def test_the_renderer_finds_each_place_in_the_pixel_that_names_it(spinner, nothing, binning):
    flight = spinner(binning=binning)
    swath = flight.swath(Filter.BLUE, nothing)
    planes = raw_geometry(swath, JUPITER, SUN_KM).framelet(["latitude", "longitude"], FRAME)
    points = el.point_from_centric(planes["latitude"], planes["longitude"], JUPITER.radii_km)
    table = frame_table(swath, JUPITER, flight.et0, flight.viewpoint())
    seen = np.argwhere(np.isfinite(points[..., 0]))[:: 997 // binning**2]
    assert len(seen) > 30
    for line, sample in seen:
        camera = see_point(table.matrices, FRAME, *points[line, sample], -1.0)
        assert project_distorted(table.optics, *camera) == pytest.approx((line + 0.5, sample + 0.5), abs=1e-5)


def test_a_flying_camera_sees_the_ground_ahead_of_where_it_is(spinner, nothing):
    still = spinner().swath(Filter.GREEN, nothing)
    velocity = np.tile([30.0, -40.0, 20.0], (len(still.et), 1))
    flying = replace(still, velocity_km_s=velocity)
    rays = Camera().ray(Filter.GREEN, *np.meshgrid(np.arange(1.0, 128, 2), np.arange(1.0, 1648, 2), indexing="ij"))
    here, there = (raw_geometry(s, JUPITER, SUN_KM) for s in (still, flying))
    turn = here.body_from_camera[FRAME]
    # each ray by its own hand: light came along what is seen less v/c
    came = rays @ turn.T - turn @ still.camera_from_j2000[FRAME] @ velocity[FRAME] / 299792.458
    points = el.intersect(np.broadcast_to(here.places[FRAME], came.shape), came, JUPITER.radii_km)
    planes = there.framelet(["latitude", "longitude"], FRAME)
    found = el.point_from_centric(planes["latitude"], planes["longitude"], JUPITER.radii_km)
    np.testing.assert_allclose(found, points, atol=1e-4)
    before = here.framelet(["latitude", "longitude"], FRAME)
    moved = found - el.point_from_centric(before["latitude"], before["longitude"], JUPITER.radii_km)
    assert 3.0 < np.nanmedian(np.linalg.norm(moved, axis=-1)) < 100.0


def test_the_renderer_leans_as_the_rays_do_to_a_few_hundredths_of_a_pixel(spinner, nothing):
    flight = spinner(binning=1)
    swath = flight.swath(Filter.RED, nothing)
    swath = replace(swath, velocity_km_s=np.gradient(swath.position_km, swath.et, axis=0))
    speed = float(np.linalg.norm(swath.velocity_km_s[FRAME]))
    planes = raw_geometry(swath, JUPITER, SUN_KM).framelet(["latitude", "longitude"], FRAME)
    points = el.point_from_centric(planes["latitude"], planes["longitude"], JUPITER.radii_km)
    table = frame_table(swath, JUPITER, flight.et0, flight.viewpoint())
    rows = np.argwhere(np.isfinite(points[..., 0]))[::997]
    at = np.array([
        project_distorted(table.optics, *see_point(table.matrices, FRAME, *points[i, j], -1.0)) for i, j in rows
    ])  # fmt: skip
    off = np.linalg.norm(at - rows - 0.5, axis=1) / (speed / 299792.458 * FOCAL_LENGTH_PX)
    # 1 / cos of the field angle runs from 1 to 1.15: against its mean, of 1.05, to 0.1
    middle = np.abs(rows[:, 1] - 814) < 550
    assert middle.sum() > 30
    assert off[middle].max() < 0.06
    assert off.max() < 0.14
    # and the lot is what aberration does
    plain = frame_table(replace(swath, velocity_km_s=None), JUPITER, flight.et0, flight.viewpoint())
    i, j = rows[len(rows) // 2]
    without = project_distorted(plain.optics, *see_point(plain.matrices, FRAME, *points[i, j], -1.0))
    assert np.linalg.norm(np.array(without) - (i + 0.5, j + 0.5)) > 0.5 * speed / 299792.458 * FOCAL_LENGTH_PX


def test_files_hold_the_same_in_degrees_whatever_the_threads(spinner, nothing):
    swath = spinner(frames=4).swath(Filter.GREEN, nothing)
    names = ["phase", "longitude", "ring_radius"]
    one = raw_backplanes(names, swath, JUPITER, SUN_KM, threads=1)
    many = raw_backplanes(names, swath, JUPITER, np.tile(SUN_KM, (4, 1)), threads=3)
    assert list(one) == names
    exact = raw_geometry(swath, JUPITER, SUN_KM).framelet(names, 2)
    for name in names:
        assert one[name].shape == swath.light.shape
        assert one[name].dtype == np.float32
        np.testing.assert_array_equal(one[name], many[name])
        np.testing.assert_allclose(one[name][2], exact[name] * PLANES[name].factor, rtol=6e-8)


def test_a_camera_within_the_body_sees_nothing(spinner, nothing):
    swath = spinner(frames=2).swath(Filter.GREEN, nothing)
    swath.position_km[:] = [100.0, 200.0, 300.0]
    assert np.isnan(raw_backplanes(["latitude"], swath, JUPITER, SUN_KM)["latitude"]).all()


def test_what_makes_no_sense_is_refused(spinner, nothing):
    swath = spinner(frames=3).swath(Filter.GREEN, nothing)
    with pytest.raises(UsageError, match="no backplane 'albedo'"):
        raw_backplanes(["albedo"], swath, JUPITER, SUN_KM)
    with pytest.raises(UsageError, match="Sun of 3 framelets"):
        raw_backplanes(["phase"], swath, JUPITER, np.ones((4, 3)))
