"""Portraits: the world from anywhere, the same light as its photographs have, and maps of it under given angles."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER, LIGHT_KM_S
from perijove.ephemeris.sun_earth import jupiter_velocity
from perijove.errors import UsageError
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.simulate import photograph as photograph_module
from perijove.simulate import portrait as portrait_module
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.optics import PAD_LINES, looks, sub_samples
from perijove.simulate.photograph import photograph
from perijove.simulate.portrait import ground_light, pixels_of, portrait
from perijove.simulate.scene import Scene, time_shot
from perijove.simulate.scenes import named_scene, perijove_scene
from perijove.simulate.stars import AU_KM, SUN_MAGNITUDE, Stars
from perijove.simulate.world import JUPITER_HAZE, MINNAERT, World

FloatArray = NDArray[np.float64]
LAMBERT = dict.fromkeys(Filter, (1.0,))
GREEN = (Filter.GREEN,)
ET = 7.14e8


@pytest.fixture(scope="module", autouse=True)
def coarse() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph_module, "TEXELS_PER_PIXEL", 0.1)
        patch.setattr(portrait_module, "TEXELS", 0.05)
        yield


@pytest.fixture(scope="module")
def scene(white) -> Scene:
    plain = perijove_scene(44)
    return replace(plain, world=World(JUPITER, white, MINNAERT, LAMBERT))


def pinhole(ahead: FloatArray, scale: float, height: int, width: int) -> FloatArray:
    """Rays (h, w, 3) of a tangent plane about a direction, its x square to body-fixed +Z."""
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    y, x = np.mgrid[:height, :width] + 0.5
    ways = (
        ahead
        + scale * (x - width / 2)[..., None] * right
        + scale * (y - height / 2)[..., None] * np.cross(ahead, right)
    )
    out: FloatArray = ways / np.linalg.norm(ways, axis=-1, keepdims=True)
    return out


def sun_of(scene: Scene, et: float) -> FloatArray:
    sun: FloatArray = scene.sun(et) @ j2000_from_body(JUPITER, et)
    return sun / np.linalg.norm(sun)


def test_a_lambert_ball_by_hand(scene: Scene) -> None:
    # from the Sun's side the middle of a tilted white ball is as bright as the cosine of its tilt, without haze
    sun = sun_of(scene, ET)
    radii = np.array(JUPITER.radii_km)
    rays = pinhole(-sun, 0.002, 5, 7)
    light = portrait(scene, ET, 5e5 * sun, rays, bands=GREEN)[Filter.GREEN]
    o, d = 5e5 * sun / radii, rays / radii
    a, b = (d * d).sum(-1), d @ o
    foot = (o + ((-b - np.sqrt(b * b - a * (o @ o - 1.0))) / a)[..., None] * d) / radii
    expected = (foot / np.linalg.norm(foot, axis=-1, keepdims=True)) @ sun
    np.testing.assert_allclose(light, expected, atol=2e-4)
    # from behind it is dark, and so is the sky
    assert portrait(scene, ET, -5e5 * sun, pinhole(sun, 0.1, 9, 9), bands=GREEN, stars=False)[Filter.GREEN].max() == 0.0


def test_it_is_the_light_of_the_photograph(painter) -> None:
    # the simulator's own framelet against rays laid along its pixels: haze, limb and clouds alike
    clouds = painter(lambda u: 0.6 + 0.3 * np.sin(12.0 * u[:, 2]) * np.cos(9.0 * u[:, 0]))
    scene = perijove_scene(44, 1)
    world = replace(scene.world, painter=clouds, stars=None)
    scene = replace(scene, lens=replace(scene.lens, blur_px=0.0), world=world)
    shot = replace(scene.shots[0], filters=GREEN, frames=7)
    timing = time_shot(scene, shot)
    taken = photograph(scene, replace(shot, smear=False), per_side=2).light[Filter.GREEN]
    # the frame with the most edge in it: limb or terminator
    frame = int(np.argmax([np.abs(np.diff(light, axis=0)).max() for light in taken]))
    et = float(timing.et[frame])
    place, left = scene.flight.seen_from(et)
    edge = np.abs(np.diff(taken[frame], axis=0)).max(axis=0)
    first = int(np.clip(np.argmax(edge) - 30, 0, 1588))
    rays = looks(scene.lens, Filter.GREEN, sub_samples(1, 1, smear=False))[PAD_LINES:-PAD_LINES, first : first + 60, 0]
    rays = rays @ scene.spin.j2000_from_camera(et).T - scene.flight.lean(et)
    seen = portrait(scene, float(left), place, rays, bands=GREEN, inertial=True)[Filter.GREEN]
    found, true = seen.astype(float)[1:-1, 1:-1], taken[frame, 1:-1, first + 1 : first + 59].astype(float)
    assert true.max() > 0.1
    assert true.std() > 0.02
    np.testing.assert_allclose(found, true, atol=0.01 * true.max())


def test_the_haze_stands_outside_the_limb_and_can_be_left_away(white) -> None:
    scene = replace(perijove_scene(44), world=World(JUPITER, white, MINNAERT, LAMBERT, JUPITER_HAZE))
    sun = sun_of(scene, ET)
    side = np.cross(sun, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    far = 5e5 * side
    # a row of rays across the bright limb at the equator, 10 km apart, tangent in the middle
    reach = np.arcsin(JUPITER.radii_km[0] / 5e5)
    angle = reach + (np.arange(-40, 41) + 0.0) * 10.0 / (5e5 * np.cos(reach))
    towards = sun - (sun @ side) * side
    row = -np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * towards / np.linalg.norm(towards)
    # a second row as far away, along the limb
    rays = np.stack([row, row + 2e-5 * np.array([0.0, 0.0, 1.0])])
    with_haze, without = (
        portrait(scene, ET, far, rays, bands=GREEN, per_side=1, stars=False, haze=haze)[Filter.GREEN][0]
        for haze in (True, False)
    )
    assert without[-30:].max() == 0.0
    # an exponential of 25 km scale height where it is thin: 10 km are a factor of exp(-0.4); the shell ends at 300 km
    thin = with_haze[-30:-13].astype(float)
    assert (thin > 0).all()
    np.testing.assert_allclose(thin[1:] / thin[:-1], np.exp(-0.4), rtol=0.03)


def test_a_star_stands_where_it_is_with_all_its_light(scene: Scene) -> None:
    turn = j2000_from_body(JUPITER, ET)
    sun = sun_of(scene, ET)
    place = 5e5 * sun
    away = np.array([sun[1], -sun[0], 0.0]) / np.hypot(sun[0], sun[1])
    rays = pinhole(away, 1.0 / FOCAL_LENGTH_PX, 30, 40)
    # between four pixels' centres, and on one
    wanted = np.array([[10.0, 20.0], [22.5, 7.5]])
    i, j = wanted.astype(int).T
    ways = np.where(
        (wanted[:, :1] % 1 == 0), rays[i - 1, j - 1] + rays[i, j - 1] + rays[i - 1, j] + rays[i, j], rays[i, j]
    )
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    colour = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 1.0, 1.0]])
    # what is seen there stands aside by the planet's own motion
    ways -= jupiter_velocity(scene.spin.epoch) / LIGHT_KM_S @ turn
    stars = Stars(ways @ turn.T / np.linalg.norm(ways, axis=1)[:, None], np.array([2.0, 2.0]), colour)
    starry = replace(scene, world=replace(scene.world, stars=stars))
    light = portrait(starry, ET, place, rays, bands=GREEN)[Filter.GREEN].astype(float)
    np.testing.assert_allclose(light[9:11, 19:21], light[9, 19], rtol=1e-2)
    assert np.count_nonzero(light > 1e-3 * light.max()) == 5
    # irradiance over the Sun's at the body, times pi, over a pixel's solid angle
    sun_au = np.linalg.norm(scene.sun(ET)) / AU_KM
    one = np.pi * 10.0 ** (-0.4 * (2.0 - SUN_MAGNITUDE)) * sun_au**2 * FOCAL_LENGTH_PX**2
    assert light[9:11, 19:21].sum() == pytest.approx(one, rel=2e-3)
    assert light[22, 7] == pytest.approx(2.0 * one, rel=2e-2)
    assert portrait(starry, ET, place, rays, bands=GREEN, stars=False)[Filter.GREEN].max() == 0.0
    # behind the body it is hidden
    hidden = replace(stars, direction=np.repeat(-sun[None], 2, axis=0) @ turn.T)
    dark = replace(scene, world=replace(scene.world, stars=hidden))
    behind = pinhole(-sun, 1.0 / FOCAL_LENGTH_PX, 8, 8)
    one, two = (portrait(s, ET, place, behind, bands=GREEN)[Filter.GREEN] for s in (dark, scene))
    np.testing.assert_array_equal(one, two)


def test_place_and_rays_may_be_inertial(scene: Scene) -> None:
    turn = j2000_from_body(JUPITER, ET)
    place = np.array([3e5, 2e5, 1e5])
    rays = pinhole(-place, 0.02, 12, 16)
    fixed = portrait(scene, ET, place, rays, bands=GREEN)[Filter.GREEN]
    inertial = portrait(scene, ET, turn @ place, rays @ turn.T, bands=GREEN, inertial=True)[Filter.GREEN]
    np.testing.assert_allclose(inertial, fixed, atol=1e-5)
    assert fixed.max() > 0.1


def test_pixels_are_found_back() -> None:
    rays = pinhole(np.array([0.3, -0.8, 0.5]), 0.01, 60, 90)
    rng = np.random.default_rng(1)
    line, sample = rng.uniform(1, 58, 40), rng.uniform(1, 88, 40)
    i, j = line.astype(int), sample.astype(int)
    b, a = line - i, sample - j
    corner = [rays[i + p, j + q] / (rays[i + p, j + q] @ rays[30, 45])[:, None] for p in (0, 1) for q in (0, 1)]
    ways = (1 - b)[:, None] * ((1 - a)[:, None] * corner[0] + a[:, None] * corner[1])
    ways += b[:, None] * ((1 - a)[:, None] * corner[2] + a[:, None] * corner[3])
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    found = pixels_of(rays, ways)
    np.testing.assert_allclose(found, np.stack([line + 0.5, sample + 0.5], axis=1), atol=0.02)
    # behind, and just outside
    outside = np.stack([-rays[30, 45], rays[0, 0] + 3.0 * (rays[0, 0] - rays[1, 1])])
    assert np.isnan(pixels_of(rays, outside / np.linalg.norm(outside, axis=1, keepdims=True))).all()


def test_ground_under_given_angles_by_hand(white) -> None:
    world = World(JUPITER, white, MINNAERT, dict.fromkeys(Filter, (0.9,)))
    places = np.eye(3)
    np.testing.assert_allclose(ground_light(world, ET, places, 0.01, Filter.RED), 1.0, rtol=1e-6)
    light = ground_light(
        world, ET, places, 0.01, Filter.RED, cos_incidence=[0.5, -0.1, 0.5], cos_emission=[0.8, 0.8, 0.0]
    )
    np.testing.assert_allclose(light, [0.5**0.9 * 0.8**-0.1, 0.0, 0.0], rtol=1e-6)
    gone = ground_light(world, ET, places, 0.01, Filter.RED, cos_incidence=[np.nan, 1.0, 1.0])
    np.testing.assert_array_equal(np.isnan(gone), [True, False, False])


def test_ground_and_portrait_agree_about_hazy_clouds(painter, monkeypatch) -> None:
    monkeypatch.setattr(portrait_module, "TEXELS", 8.0)
    # far from limb and terminator the map's light under the portrait's own angles is the portrait
    clouds = painter(lambda u: 0.6 + 0.3 * np.sin(12.0 * u[:, 2]) * np.cos(9.0 * u[:, 0]))
    scene = perijove_scene(44, 1)
    scene = replace(scene, world=replace(scene.world, painter=clouds))
    sun = sun_of(scene, ET)
    place = 5e5 * sun
    rays = pinhole(-place, 0.002, 24, 24)
    seen = portrait(scene, ET, place, rays, bands=GREEN, per_side=1, stars=False)[Filter.GREEN].astype(float)
    radii = np.array(JUPITER.radii_km)
    o, d = place / radii, rays / radii
    a, b = (d * d).sum(-1), d @ o
    foot = place + ((-b - np.sqrt(b * b - a * (o @ o - 1.0))) / a)[..., None] * rays
    up = foot / radii**2
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    directions = foot / np.linalg.norm(foot, axis=-1, keepdims=True)
    mapped = ground_light(
        scene.world, ET, directions.reshape(-1, 3), 0.005, Filter.GREEN, cos_incidence=(up @ sun).ravel(),
        cos_emission=-(up * rays).sum(-1).ravel(), phase=np.arccos(np.clip(-(rays @ sun), -1.0, 1.0)).ravel(),
    ).reshape(seen.shape)  # fmt: skip
    assert seen.min() > 0.2
    # the portrait goes between painted places
    np.testing.assert_allclose(mapped, seen, rtol=5e-3)


def test_what_makes_no_sense_is_refused(scene: Scene) -> None:
    rays = pinhole(np.array([1.0, 0.0, 0.0]), 0.01, 4, 4)
    with pytest.raises(UsageError, match="inside JUPITER"):
        portrait(scene, ET, (1e4, 0.0, 0.0), rays)
    with pytest.raises(UsageError, match=r"\(4, 3\)"):
        portrait(scene, ET, (1e6, 0.0, 0.0), rays[0])


def test_hits_are_those_of_each_shot() -> None:
    scene = named_scene("backlit")
    assert [shot.hits for shot in scene.shots if shot.exposed] == [5.0, 20.0, 80.0, 300.0, 800.0, 1450.0, 50.0]
    bracket = named_scene("backlit-bracket")
    assert [shot.stages for shot in bracket.shots if shot.exposed] == [1, 4, 1, 8, 1, 4, 1]
    assert all(shot.stages == 1 for shot in bracket.shots if not shot.exposed)
