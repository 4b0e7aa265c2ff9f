"""What pixels truly see: spots painted at known places are photographed where `ground_seen` says."""

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.instrument import Filter
from perijove.simulate import photograph as photograph_module
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.ground import ground_seen
from perijove.simulate.optics import looks, sub_samples
from perijove.simulate.photograph import framelet, shot_surface
from perijove.simulate.scene import Scene, Shot, Timing, time_shot
from perijove.simulate.scenes import ganymede_scene, perijove_scene
from perijove.simulate.surface import Surface
from perijove.simulate.world import LUNAR_LAMBERT, MINNAERT, World

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
FLAT = dict.fromkeys(Filter, (1.0, 0.0))
LINE, SAMPLE = (a.ravel() for a in np.mgrid[0:128, 0:1648] + 0.5)


def scene_of(name: str) -> Scene:
    return ganymede_scene() if name == "ganymede" else perijove_scene(44)


class Headlit(Scene):
    """A scene with the Sun behind the spacecraft, so that all that is seen is lit."""

    def sun(self, et: float) -> FloatArray:
        return 1e4 * self.flight.position(et)


def with_painter(scene: Scene, painter) -> Scene:
    """The scene with another painter, without sky and haze, and lit from behind the camera."""
    kind = MINNAERT if scene.flight.body is JUPITER else LUNAR_LAMBERT
    lit = Headlit(**{field.name: getattr(scene, field.name) for field in fields(scene)})
    return replace(lit, world=World(scene.flight.body, painter, kind, FLAT))


def surface_of(scene: Scene, timing: Timing) -> Surface:
    """The ground as it is lit during a shot."""
    return shot_surface(scene, timing, sun_of(scene, timing))


def sun_of(scene: Scene, timing: Timing) -> FloatArray:
    """Body-fixed unit vector (3,) to the Sun."""
    et = float(timing.et.mean())
    sun = scene.sun(et) @ j2000_from_body(scene.flight.body, et)
    return sun / np.linalg.norm(sun)


def exposed(
    scene: Scene, shot: Shot, band: Filter, et: float, surface: Surface, per_side: int = 1, smear: bool = False
) -> Light:
    samples = sub_samples(per_side, shot.stages, smear=smear)
    return framelet(scene, shot, band, et, looks(scene.lens, band, samples), samples.seconds, surface)


@pytest.fixture(scope="module", autouse=True)
def coarse() -> Iterator[None]:
    """Spots of some pixels need no texel a pixel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph_module, "TEXELS_PER_PIXEL", 0.5)
        yield


def middle_frame(scene: Scene, shot: Shot, timing: Timing, band: Filter) -> tuple[float, FloatArray]:
    """The time of the frame in which most of a filter's pixels see the body, and what they see."""
    counts = []
    for et in timing.et:
        line, sample = LINE[::997], SAMPLE[::997]
        counts.append(np.isfinite(ground_seen(scene, shot, band, float(et), line, sample)[:, 0]).sum())
    et = float(timing.et[int(np.argmax(counts))])
    return et, ground_seen(scene, shot, band, et, LINE, SAMPLE)


@pytest.mark.parametrize("name", ["jupiter", "ganymede"])
@pytest.mark.parametrize(("band", "stages"), [(Filter.RED, 1), (Filter.BLUE, 2), (Filter.METHANE, 64)])
def test_spots_fall_where_their_ground_is_seen(painter, name: str, band: Filter, stages: int) -> None:
    scene = scene_of(name)
    shot = replace(next(shot for shot in scene.shots if shot.exposed), stages=stages, filters=(band,))
    timing = time_shot(scene, shot)
    et, ground = middle_frame(scene, shot, timing, band)
    seen = np.isfinite(ground[:, 0]).reshape(128, 1648)
    # three places well inside what is seen
    columns = np.flatnonzero(seen[30] & seen[64] & seen[98])
    assert len(columns) > 60
    at = [(line + 0.3, columns[int(share * len(columns))] + 0.7) for line, share in ((40, 0.3), (64, 0.5), (85, 0.65))]
    line, sample = np.array(at).T
    spots = ground_seen(scene, shot, band, et, line, sample)
    directions = spots / np.linalg.norm(spots, axis=1, keepdims=True)
    near = ground_seen(scene, shot, band, et, line, sample + 1.0)
    step = float(np.median(np.linalg.norm(near - spots, axis=1) / np.linalg.norm(spots, axis=1)))

    def bright(d: FloatArray) -> FloatArray:
        far2 = np.min([np.sum((d - spot) ** 2, axis=1) for spot in directions], axis=0)
        return np.exp(-far2 / (2 * (3 * step) ** 2))

    world = with_painter(scene, painter(bright))
    light = exposed(world, shot, band, et, surface_of(world, timing), per_side=2, smear=True).astype(float)
    for row, column in at:
        # centroid by a window around the spot, its ground's own foreshortening being even to either side
        i, j = int(row), int(column)
        part = np.s_[i - 14 : i + 15, j - 14 : j + 15]
        y, x = np.mgrid[part] + 0.5
        total = light[part].sum()
        assert total > 1.0
        assert np.sum(light[part] * y) / total == pytest.approx(row, abs=0.06)
        assert np.sum(light[part] * x) / total == pytest.approx(column, abs=0.06)


@pytest.mark.parametrize("name", ["jupiter", "ganymede"])
def test_the_edge_is_where_ground_ends(white, name: str) -> None:
    scene = with_painter(scene_of(name), white)
    scene = replace(scene, lens=replace(scene.lens, blur_px=0.0))
    shot = next(shot for shot in scene.shots if shot.exposed)
    timing = time_shot(scene, shot)
    edges = 0
    surface = surface_of(scene, timing)
    for band in (Filter.BLUE, Filter.RED):
        for et in timing.et[[len(timing.et) // 3, 2 * len(timing.et) // 3]]:
            light = exposed(scene, shot, band, float(et), surface)
            ground = ground_seen(scene, shot, band, float(et), LINE, SAMPLE).reshape(128, 1648, 3)
            # all but a sliver that the flattening keeps from the Sun is lit
            seen = np.isfinite(ground[..., 0])
            assert not light[~seen].any()
            normal = ground / np.square(scene.flight.body.radii_km)
            day = normal @ sun_of(scene, timing) > 2e-3 * np.linalg.norm(normal, axis=-1)
            assert (light[seen & day] > 0).all()
            edges += np.count_nonzero(np.diff(seen & day, axis=0))
    assert edges > 100


def test_ground_lies_on_the_ellipsoid_and_faces_the_camera() -> None:
    scene = perijove_scene(44)
    shot = scene.shots[0]
    timing = time_shot(scene, shot)
    _, ground = middle_frame(scene, shot, timing, Filter.GREEN)
    found = ground[np.isfinite(ground[:, 0])]
    assert 1000 < len(found) < len(ground)
    np.testing.assert_allclose(np.linalg.norm(found / JUPITER.radii_km, axis=1), 1.0, atol=1e-12)


def test_behind_the_camera_there_is_no_ground() -> None:
    scene = perijove_scene(44)
    shot = scene.shots[0]
    timing = time_shot(scene, shot)
    away = float(timing.et[len(timing.et) // 2] + scene.spin.period_s / 2)
    assert np.isnan(ground_seen(scene, shot, Filter.GREEN, away, LINE[::500], SAMPLE[::500])).all()


def test_an_integration_sees_what_stood_lower() -> None:
    # five stages: a line sees what the line two below it sees in a snapshot
    scene = perijove_scene(44)
    shot = scene.shots[0]
    timing = time_shot(scene, shot)
    et, _ = middle_frame(scene, shot, timing, Filter.GREEN)
    line, sample = np.array([50.5, 60.5]), np.array([810.5, 900.5])
    long = ground_seen(scene, replace(shot, stages=5), Filter.GREEN, et, line, sample)
    np.testing.assert_allclose(long, ground_seen(scene, shot, Filter.GREEN, et, line + 2.0, sample), rtol=1e-12)
