"""Photographs: stars and blur on the chip, rays that follow the lens, the same again for the same scene."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import LIGHT_KM_S
from perijove.ephemeris.sun_earth import jupiter_velocity
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.simulate import photograph as photograph_module
from perijove.simulate.optics import PAD_LINES, Samples, looks
from perijove.simulate.photograph import Photograph, photograph
from perijove.simulate.scene import Scene, Shot, time_shot
from perijove.simulate.scenes import perijove_scene
from perijove.simulate.stars import AU_KM, Stars
from perijove.simulate.world import MINNAERT, World

FloatArray = NDArray[np.float64]
LAMBERT = dict.fromkeys(Filter, (1.0,))


@pytest.fixture(scope="module", autouse=True)
def coarse() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph_module, "TEXELS_PER_PIXEL", 0.1)
        yield


@pytest.fixture(scope="module")
def scene(white) -> Scene:
    plain = perijove_scene(44)
    return replace(plain, world=World(plain.flight.body, white, MINNAERT, LAMBERT))


def shot_of(scene: Scene, frames: int = 1, bands: tuple[Filter, ...] = (Filter.GREEN,), stages: int = 1) -> Shot:
    return replace(scene.shots[0], frames=frames, filters=bands, stages=stages)


def test_a_photograph_has_all_framelets_and_tells_its_progress(scene: Scene) -> None:
    told: list[tuple[int, int]] = []
    bands = (Filter.RED, Filter.METHANE)
    taken = photograph(scene, shot_of(scene, 2, bands), per_side=1, progress=lambda done, of: told.append((done, of)))
    assert list(taken.light) == list(bands)
    for light in taken.light.values():
        assert light.shape == (2, 128, 1648)
        assert light.dtype == np.float32
        assert np.isfinite(light).all()
        assert light.min() >= 0.0
        # a white Lambert ball is nowhere brighter than 1
        assert 0.5 < light.max() <= 1.0
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert np.linalg.norm(taken.sun_body) == pytest.approx(1.0)


def test_the_same_scene_gives_the_same_light(scene: Scene) -> None:
    one, two = (photograph(scene, shot_of(scene), per_side=2).light[Filter.GREEN] for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_the_scene_is_not_kept_between_photographs(scene: Scene) -> None:
    # rays are kept for their lens; another lens must have its own
    shot = shot_of(scene)
    plain = photograph(scene, shot, per_side=1).light[Filter.GREEN]
    line, sample = scene.lens.shift[Filter.GREEN]
    moved = replace(scene, lens=replace(scene.lens, shift={Filter.GREEN: (line + 3.0, sample)}))
    lower = photograph(moved, shot, per_side=1).light[Filter.GREEN]
    # what stood in line 50 stands in line 53, but for the distortion's change over three lines
    np.testing.assert_allclose(lower[0, 43:123], plain[0, 40:120], atol=0.02)
    assert np.abs(lower - plain).max() > 0.05


def test_more_rays_make_the_same_picture(scene: Scene) -> None:
    shot = shot_of(scene, bands=(Filter.GREEN,))
    rough, fine = (photograph(scene, shot, per_side=n).light[Filter.GREEN].astype(float) for n in (1, 3))
    assert np.median(np.abs(rough - fine)[fine > 0.1]) < 1e-3


def lone_star(scene: Scene, shot: Shot, magnitude: float) -> tuple[Scene, float]:
    """The scene with one star in the middle of pixel (60, 60), beside the disc; and the time."""
    et = float(time_shot(scene, shot).et[0])
    at = Samples(np.array([0.5]), np.array([0.5]), np.zeros(1))
    ray = looks(scene.lens, Filter.GREEN, at)[60 + PAD_LINES, 60, 0]
    # where it truly stands, the lean by all of the camera's motion taken off
    way = scene.spin.j2000_from_camera(et) @ ray - scene.flight.lean(et) - jupiter_velocity(et) / LIGHT_KM_S
    star = Stars((way / np.linalg.norm(way))[None], np.array([magnitude]), np.ones((1, 4)))
    return replace(scene, world=replace(scene.world, stars=star)), et


@pytest.mark.parametrize("blur", [0.0, 0.8])
def test_a_star_on_the_chip(scene: Scene, blur: float) -> None:
    shot = shot_of(scene)
    scene = replace(scene, lens=replace(scene.lens, blur_px=blur))
    starry, et = lone_star(scene, shot, 1.0)
    apart = photograph(starry, shot, per_side=1).light[Filter.GREEN][0].astype(float)
    apart -= photograph(scene, shot, per_side=1).light[Filter.GREEN][0]
    # all its light: pi times irradiance over the Sun's and over the pixel's solid angle
    au = np.linalg.norm(scene.sun(et)) / AU_KM
    expected = np.pi * 10 ** (-0.4 * (1.0 + 26.74)) * au**2 * FOCAL_LENGTH_PX**2
    part = apart[50:71, 50:71]
    assert part.sum() == pytest.approx(expected, rel=1e-3)
    y, x = np.mgrid[50:71, 50:71]
    assert np.sum(part * y) / part.sum() == pytest.approx(60.0, abs=1e-3)
    assert np.sum(part * x) / part.sum() == pytest.approx(60.0, abs=1e-3)
    spread = np.sum(part * (x - 60) ** 2) / part.sum()
    assert spread == pytest.approx(blur**2, abs=0.03)


def test_smear_follows_the_spin(scene: Scene) -> None:
    # one stage of 3.2 ms smears the limb along the lines by nearly a pixel: the same light, more softly
    scene = replace(scene, lens=replace(scene.lens, blur_px=0.0))
    shot = shot_of(scene)

    def steepest(taken: Photograph) -> float:
        light = taken.light[Filter.GREEN].astype(float)
        return float(np.sum(np.diff(light, axis=1) ** 2))

    sharp, soft = (photograph(scene, replace(shot, smear=smear), per_side=3) for smear in (False, True))
    assert soft.light[Filter.GREEN].mean() == pytest.approx(sharp.light[Filter.GREEN].mean(), rel=1e-3)
    assert steepest(soft) < steepest(sharp)


def test_blur_conserves_light_and_softens(scene: Scene) -> None:
    shot = shot_of(scene)
    sharp, soft = (
        photograph(replace(scene, lens=replace(scene.lens, blur_px=b)), shot, per_side=1).light[Filter.GREEN][0]
        for b in (0.0, 1.5)
    )
    assert soft.mean() == pytest.approx(float(sharp.mean()), rel=5e-3)
    assert np.abs(np.diff(soft, axis=1)).max() < 0.6 * np.abs(np.diff(sharp, axis=1)).max()
