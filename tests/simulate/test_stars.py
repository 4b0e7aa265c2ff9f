"""Stars of the simulator: brightness by hand, places as the optics have them, and what hides them."""

from dataclasses import replace

import numpy as np
import pytest
import spiceypy

from perijove.ephemeris.sun_earth import jupiter_velocity
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.simulate.frames import Spin
from perijove.simulate.motion import orbital_velocity
from perijove.simulate.optics import PAD_LINES, Lens, Samples, looks
from perijove.simulate.scenes import ganymede_scene
from perijove.simulate.stars import AU_KM, Stars, add_stars, star_light, starry_sky

LENS = Lens()
NOWHERE = (np.array([0.0, 0.0, 1.0]), 2.0)
ATTITUDE = Spin(np.array([0.6, -0.6, 0.53]), 30.0, 1.0, 0.0, 0.01, 0.02).j2000_from_camera(3.0)


def one_star(direction: np.ndarray, magnitude: float = 0.0) -> Stars:
    return Stars(direction[None], np.array([magnitude]), np.ones((1, 4)))


def shine(
    stars: Stars, band: Filter = Filter.GREEN, stages: int = 1, hidden=NOWHERE, sun_km: float = AU_KM
) -> tuple[np.ndarray, np.ndarray]:
    return star_light(stars, LENS, band, 1, ATTITUDE.T, stages, sun_km, hidden)


def at_pixel(band: Filter, line: int, sample: int, inside: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
    """The direction in j2000 of a point in a pixel, by the way in which light is traced."""
    samples = Samples(np.array([inside[0]]), np.array([inside[1]]), np.zeros(1))
    return ATTITUDE @ looks(LENS, band, samples)[line + PAD_LINES, sample, 0]


@pytest.mark.parametrize("band", list(Filter))
@pytest.mark.parametrize(("line", "sample"), [(0, 30), (64, 800), (127, 1600), (-2, 500), (129, 1000)])
def test_stars_stand_where_the_optics_look(band: Filter, line: int, sample: int) -> None:
    pixels, _ = shine(one_star(at_pixel(band, line, sample, (0.3, 0.9))), band)
    np.testing.assert_allclose(pixels, [[line + 0.3, sample + 0.9]], atol=1e-6)


def test_stars_lean_as_spice_has_it() -> None:
    # seen by one who flies past a moon that goes round a planet that goes round the Sun
    scene = ganymede_scene(1)
    et = float(scene.flight.et[len(scene.flight.et) // 2])
    assert scene.sky is not None
    assert scene.world.stars is not None
    seen = scene.sky.direction + scene.flight.lean(et)
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    barycentric = jupiter_velocity(et) + orbital_velocity(scene.flight.body, et) + scene.flight.velocity(et)
    true = np.array([spiceypy.stelab(star, barycentric) for star in scene.world.stars.direction[:300]])
    # v/c is 1e-4, and so is what the first order leaves of it
    np.testing.assert_allclose(seen[:300], true, atol=2e-8)
    assert np.abs(seen - scene.world.stars.direction).max() > 5e-5
    assert replace(scene, world=replace(scene.world, stars=None)).sky is None


def test_a_lean_moves_stars_forwards() -> None:
    # to +Y of the camera, down the lines: an angle of 1e-4, 0.148 px in the middle of the field
    star = one_star(at_pixel(Filter.GREEN, 30, 814))
    (still,), (leant,) = (
        star_light(star, LENS, Filter.GREEN, 1, ATTITUDE.T, 1, AU_KM, NOWHERE, lean=np.array([0.0, y, 0.0]))[0]
        for y in (0.0, 1e-4)
    )
    np.testing.assert_allclose(leant - still, [0.148, 0.0], atol=1e-3)


def test_an_integration_moves_them_up_by_half_its_rows() -> None:
    (short,), (long,) = (shine(one_star(at_pixel(Filter.GREEN, 60, 700)), stages=n)[0] for n in (1, 5))
    np.testing.assert_allclose(short - long, [2.0, 0.0], atol=1e-12)


def test_a_star_as_bright_as_the_sun() -> None:
    # the Sun's own brightness, all in one pixel: radiance is irradiance over the pixel's solid angle, 1 / f^2
    _, light = shine(one_star(at_pixel(Filter.GREEN, 60, 700), -26.74))
    assert light[0] == pytest.approx(np.pi * FOCAL_LENGTH_PX**2, rel=1e-9)


def test_five_magnitudes_are_a_factor_of_a_hundred_and_ten_au_another() -> None:
    # the Sun is 100 times weaker at 10 au, I/F of the star 100 times higher
    bright, faint = (shine(one_star(at_pixel(Filter.GREEN, 60, 700), m))[1][0] for m in (1.0, 6.0))
    assert bright / faint == pytest.approx(100.0)
    far = shine(one_star(at_pixel(Filter.GREEN, 60, 700), 6.0), sun_km=10 * AU_KM)[1][0]
    assert far == pytest.approx(bright)


def test_colours_count() -> None:
    star = Stars(at_pixel(Filter.RED, 60, 700)[None], np.zeros(1), np.array([[1.0, 2.0, 3.0, 4.0]]))
    blue, red = (star_light(star, LENS, Filter.RED, k, ATTITUDE.T, 1, AU_KM, NOWHERE)[1][0] for k in (0, 2))
    assert red / blue == pytest.approx(3.0)


def test_the_body_hides_stars() -> None:
    star = at_pixel(Filter.GREEN, 60, 700)
    aside = np.cross(star, [0.0, 0.0, 1.0])
    aside /= np.linalg.norm(aside)
    size = np.radians(20.0)
    for degrees, seen in ((0.0, 0), (19.9, 0), (20.1, 1), (90.0, 1)):
        nadir = np.cos(np.radians(degrees)) * star + np.sin(np.radians(degrees)) * aside
        assert len(shine(one_star(star), hidden=(nadir, float(np.cos(size))))[1]) == seen


def test_stars_behind_or_beside_the_camera_do_not_shine() -> None:
    for direction in (-ATTITUDE[:, 2], ATTITUDE[:, 0], -at_pixel(Filter.GREEN, 60, 700)):
        assert len(shine(one_star(direction))[1]) == 0


def test_light_is_shared_out_and_none_is_lost() -> None:
    out = np.zeros((136, 1648), np.float32)
    # two on the same pixels: a quarter of the way down and three quarters along from the middle of pixel (10, 20)
    add_stars(np.array([[10.75, 21.25], [10.75, 21.25]]), np.array([16.0, 16.0]), out)
    expected = 32.0 * np.array([[0.75 * 0.25, 0.75 * 0.75], [0.25 * 0.25, 0.25 * 0.75]])
    np.testing.assert_allclose(out[14:16, 20:22], expected, rtol=1e-6)
    assert out.sum() == pytest.approx(32.0)


def test_the_whole_sky_fits_on_framelets() -> None:
    # many attitudes: nothing falls outside the padded framelet
    stars = starry_sky(3, 7.0)
    out = np.zeros((136, 1648), np.float32)
    spin = Spin(np.array([0.6, -0.6, 0.53]), 30.0, 1.0, 0.0, 0.0, 0.0)
    total = 0.0
    for t in range(30):
        camera = spin.j2000_from_camera(float(t)).T
        pixels, light = star_light(stars, LENS, Filter.METHANE, 3, camera, 64, AU_KM, NOWHERE)
        add_stars(pixels, light, out)
        total += light.sum()
    assert total > 0
    assert out.sum(dtype=float) == pytest.approx(total, rel=1e-4)


def test_the_sky_has_as_many_stars_of_each_brightness_as_the_real_one() -> None:
    stars = starry_sky(1, 7.0)
    np.testing.assert_allclose(np.linalg.norm(stars.direction, axis=1), 1.0, atol=1e-12)
    # 4 x 10^(m / 2): 400 brighter than 4, 4000 brighter than 6; the real sky has about 510 and 5000
    for limit in (4.0, 5.0, 6.0):
        expected = 4.0 * 10 ** (limit / 2)
        assert abs((stars.magnitude < limit).sum() - expected) < 4 * np.sqrt(expected)
    assert stars.magnitude.max() <= 7.0
    # all over the sky
    assert np.abs(stars.direction.mean(axis=0)).max() < 4 / np.sqrt(3 * len(stars.magnitude))
    np.testing.assert_array_equal(stars.colour[:, 1], 1.0)
    assert (stars.direction != starry_sky(2, 7.0).direction).all()
    np.testing.assert_array_equal(stars.direction, starry_sky(1, 7.0).direction)
