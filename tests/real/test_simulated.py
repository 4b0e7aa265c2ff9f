"""Simulator and processing hold each other to account: an error planted in one is seen by the other.

Each comparison says what the processing found and what is true. Without a planted error all of them agree; with one,
those that must see it do.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from perijove import instrument
from perijove.attitude import spin
from perijove.bodies import JUPITER, LIGHT_KM_S, Body
from perijove.instrument import Camera, Filter
from perijove.io.labels import parse_label
from perijove.observation import Observation, observe
from perijove.raw import RawImage
from perijove.simulate import photograph
from perijove.simulate.detector import Detector
from perijove.simulate.ground import ground_seen
from perijove.simulate.optics import looks, sub_samples
from perijove.simulate.scene import Scene
from perijove.simulate.scenes import perijove_scene
from perijove.simulate.strip import Strip, take
from perijove.simulate.world import CLOUD_LAW, JUPITER_HAZE, MINNAERT, World
from perijove.simulate.worlds.painting import Painting

FloatArray = NDArray[np.float64]
_RNG = np.random.default_rng(7)
WAVES = _RNG.normal(size=(12, 3))
WAVES *= _RNG.uniform(100.0, 300.0, (12, 1)) / np.linalg.norm(WAVES, axis=1, keepdims=True)


class Clouds:
    """Waves of 1500 to 4500 km in all directions."""

    def paint(self, directions: FloatArray, spacing: float, et: float) -> Painting:
        light = 0.45 + 0.05 * np.cos((directions @ WAVES.T + np.arange(12.0)).astype(np.float32)).sum(axis=1)
        return Painting(np.repeat(light[:, None], 4, axis=1).astype(np.float32), None)


@dataclass(frozen=True)
class Simulated:
    scene: Scene
    strips: tuple[Strip, ...]

    @property
    def exposed(self) -> Strip:
        return next(strip for strip in self.strips if strip.exposed is not None)


@pytest.fixture(scope="module", autouse=True)
def coarse() -> Iterator[None]:
    """Clouds so smooth need no texel a pixel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph, "TEXELS_PER_PIXEL", 0.25)
        yield


def jupiter() -> Scene:
    """One strip of a whole Jupiter and five labels, without noise."""
    scene = perijove_scene(44)
    world = World(JUPITER, Clouds(), MINNAERT, CLOUD_LAW, JUPITER_HAZE)
    shots = [replace(shot, exposed=shot.number == 20) for shot in scene.shots]
    return replace(scene, world=world, detector=Detector.bare(), shots=tuple(shots))


def simulate(scene: Scene) -> Simulated:
    return Simulated(scene, tuple(take(scene, replace(shot, smear=False), per_side=1) for shot in scene.shots))


def process(simulated: Simulated, *, ties: bool = True) -> Observation:
    """From codes and labels alone."""
    labels = [parse_label(json.dumps(strip.label), Path(strip.label_name)) for strip in simulated.strips]
    strip = simulated.exposed
    assert strip.exposed is not None
    label = next(one for one in labels if one.product_id == strip.product_id)
    return observe([RawImage(label, strip.exposed.codes, Path(strip.strip_name), "0" * 64)], labels, ties=ties)[0]


def misplaced(simulated: Simulated, found: Observation, band: Filter) -> FloatArray:
    """Where the solved camera sees the ground that pixels truly see, minus those pixels: (n, 2) px."""
    line, sample = (a.ravel() for a in np.meshgrid(np.linspace(4, 124, 5), np.linspace(40, 1610, 40)))
    pointing, strip, errors = found.pointing, simulated.exposed, []
    for frame, et in enumerate(strip.timing.et):
        ground = ground_seen(simulated.scene, strip.shot, band, float(et), line, sample)
        seen = np.isfinite(ground[:, 0])
        solved, place = float(pointing.et[frame]), pointing.position_km[frame]
        # the renderer turns the ground to when the light left it
        left = solved - (np.linalg.norm(place) - np.mean(found.body.radii_km)) / LIGHT_KM_S
        rays = ground[seen] @ found.body.body_from_j2000(left) - place
        at = pointing.camera.pixel(band, rays @ pointing.spin.camera_from_j2000(solved).T)
        errors.append(at - np.stack([line, sample], axis=-1)[seen])
    return np.concatenate(errors)


def of_solution(simulated: Simulated, found: Observation) -> dict[str, float]:
    """What the solver found less what is true, each over what it may be: at most 1 where they agree."""
    scene, pointing = simulated.scene, found.pointing
    timing, sigma, solved = simulated.exposed.timing, pointing.sigmas, pointing.spin
    axis = scene.spin.axis / np.linalg.norm(scene.spin.axis)
    middle = len(timing.et) // 2
    truth = scene.flight.position(pointing.et)
    return {
        "axis": float(np.degrees(np.linalg.norm(solved.axis - axis)) / (4 * np.hypot(sigma["ra"], sigma["dec"]))),
        "period": abs(solved.rate - 2 * np.pi / scene.spin.period_s) / (4 * sigma["rate"]),
        "interframe": abs(pointing.interframe_s - scene.interframe_error_s) / (4 * sigma["interframe"]),
        "start": abs(float(pointing.et[middle] - timing.et[middle])) / 0.010,
        "position": float(np.linalg.norm(pointing.position_km - truth, axis=1).max()) / 5.0,
        "limb": pointing.limb_rms_px / 0.17,
        "blue's centre": abs(pointing.parameters["line_blue"]) / 0.1,
    }


def of_places(simulated: Simulated, found: Observation) -> dict[str, float]:
    """The same for where pixels are said to look, px."""
    miss = {band: misplaced(simulated, found, band) for band in simulated.exposed.shot.filters}
    green = np.median(miss[Filter.GREEN], axis=0)
    colours = [float(np.linalg.norm(np.median(e, axis=0) - green)) for e in miss.values()]
    lengths = np.linalg.norm(np.concatenate(list(miss.values())), axis=1)
    return {"colours": max(colours) / 0.08, "places": float(np.median(lengths)) / (2 * found.pointing.sigma_px)}


def at_odds(simulated: Simulated, found: Observation) -> set[str]:
    """The comparisons that fail."""
    every = of_solution(simulated, found) | of_places(simulated, found)
    return {name for name, value in every.items() if not value <= 1}


@pytest.fixture(scope="module")
def clean() -> Simulated:
    return simulate(jupiter())


def test_without_a_planted_error_they_agree(clean: Simulated) -> None:
    found = process(clean)
    assert found.pointing.good
    assert at_odds(clean, found) == set()


def test_the_processing_sees_errors_of_the_simulated_spin_and_filters() -> None:
    # the world turns about another axis at another rate than the truth says, and blue stands a line lower
    scene = jupiter()
    leaning = Rotation.from_rotvec([0.0, 0.0, np.radians(4.0)]).apply(scene.spin.axis)
    line, sample = scene.lens.shift[Filter.BLUE]
    wrong = replace(
        scene,
        spin=replace(scene.spin, axis=leaning, period_s=scene.spin.period_s + 0.3),
        lens=replace(scene.lens, shift={**scene.lens.shift, Filter.BLUE: (line + 1.0, sample)}),
    )
    simulated = simulate(wrong)
    found = process(simulated)
    told = of_solution(replace(simulated, scene=scene), found)
    assert {name for name, value in told.items() if value > 1} == {"axis", "period", "blue's centre"}
    # it is the planted errors that it found
    assert of_solution(simulated, found)["axis"] < 1
    assert of_solution(simulated, found)["period"] < 1
    assert 0.5 < found.pointing.parameters["line_blue"] < 1.1


def test_the_processing_sees_an_error_of_the_simulated_lens() -> None:
    scene = jupiter()
    simulated = simulate(replace(scene, lens=replace(scene.lens, k1=1.3 * scene.lens.k1)))
    assert "colours" in at_odds(simulated, process(simulated))


def bend(patch: pytest.MonkeyPatch) -> None:
    """The lens' distortion 30 % too large."""
    patch.setattr(instrument, "RADIAL_K1", 1.3 * instrument.RADIAL_K1)


def lower_blue(patch: pytest.MonkeyPatch) -> None:
    """Blue's optical centre a line too low."""
    right = Camera.centre

    def wrong(self: Camera, band: Filter) -> tuple[float, float]:
        line, sample = right(self, band)
        return line + (band is Filter.BLUE), sample

    patch.setattr(Camera, "centre", wrong)


def turn_jupiter(patch: pytest.MonkeyPatch) -> None:
    """The prime meridian 0.2 deg off."""
    right, turn = Body.body_from_j2000, Rotation.from_rotvec([0.0, 0.0, np.radians(0.2)]).as_matrix()
    patch.setattr(Body, "body_from_j2000", lambda self, et: turn @ right(self, et))


def turn_camera(patch: pytest.MonkeyPatch) -> None:
    """The camera turned by 0.02 rad about its line of sight."""
    right, turn = spin.camera_from_spin, Rotation.from_rotvec([0.0, 0.0, 0.02]).as_matrix()
    patch.setattr(spin, "camera_from_spin", lambda twist, tilt: turn @ right(twist, tilt))


@pytest.mark.parametrize(
    ("plant", "seen"),
    [
        (bend, {"colours"}),
        (lower_blue, {"blue's centre", "colours"}),
        (turn_jupiter, {"position"}),
        (turn_camera, {"axis", "places"}),
    ],
)
def test_the_simulator_sees_errors_of_the_processing(
    clean: Simulated, plant: Callable[[pytest.MonkeyPatch], None], seen: set[str]
) -> None:
    strip, scene = clean.exposed, clean.scene
    assert strip.photograph is not None
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        # the simulator has no share in what is wrong: it makes the same framelet, and the same label
        rays = looks(scene.lens, Filter.BLUE, sub_samples(1, 1))
        again = photograph.framelet(
            scene, strip.shot, Filter.BLUE, float(strip.timing.et[6]), rays, np.zeros(1), strip.photograph.surface
        )
        np.testing.assert_array_equal(again, strip.photograph.light[Filter.BLUE][6])
        assert again.max() > 0.1
        assert take(scene, replace(strip.shot, exposed=False)).label == strip.label
        # ties cost time, and matter only to the colours
        assert seen <= at_odds(clean, process(clean, ties="colours" in seen))
