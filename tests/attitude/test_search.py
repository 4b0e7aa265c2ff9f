"""The first pointing: the vote for the disc, and the way out of the mirror."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.attitude.measure import shading
from perijove.attitude.problem import Pixels, join
from perijove.attitude.search import (
    LEAST_POINTS,
    Scene,
    find_disc,
    first_guess,
    guess_phase,
    polish,
    vote_for_centre,
)
from perijove.bodies import JUPITER
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, SAMPLES, Filter

RADIUS = np.radians(22.0)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def planted(rng, good: int, junk: int):
    """Rays on the edge of a disc of 22 deg about a direction, and as many as wanted within 60 deg of it anywhere."""
    centre = unit(np.array([0.5, -0.6, 0.3]))
    e1 = unit(np.cross(centre, [0.0, 0.0, 1.0]))
    e2 = np.cross(centre, e1)
    turn = rng.uniform(0.3, 3.4, good)[:, None]
    # half the limb, half a milliradian rough
    radius = RADIUS + rng.normal(0, 5e-4, good)[:, None]
    edge = np.cos(radius) * centre + np.sin(radius) * (np.cos(turn) * e1 + np.sin(turn) * e2)
    cosine, about = rng.uniform(0.5, 1.0, junk)[:, None], rng.uniform(0, 2 * np.pi, junk)[:, None]
    other = cosine * centre + np.sqrt(1 - cosine**2) * (np.cos(about) * e1 + np.sin(about) * e2)
    order = rng.permutation(good + junk)
    return centre, np.concatenate([edge, other])[order], (np.arange(good + junk) < good)[order]


@pytest.mark.parametrize("seed", range(5))
def test_vote_finds_a_disc_among_as_much_junk(seed):
    centre, rays, true = planted(np.random.default_rng(seed), 300, 300)
    found, agree = vote_for_centre(rays, np.radians(21.0), np.radians(22.2))
    # no nearer than the radii that are let pass, with their slack of 2 %, tell
    assert np.degrees(np.arccos(found @ centre)) < 22.64 - 20.56
    assert agree[true].mean() > 0.95
    assert agree[~true].mean() < 0.2


def test_vote_without_a_disc():
    rng = np.random.default_rng(1)
    # all within a cap of 3 deg: no disc of 22 deg passes through them but by chance
    rays = unit(np.array([0.0, 0.0, 1.0]) + 0.02 * rng.normal(size=(200, 3)))
    assert not vote_for_centre(rays, np.radians(1e-3), np.radians(1.1e-3))[1].any()
    same = np.tile([[0.0, 0.6, 0.8]], (50, 1))
    assert not vote_for_centre(same, np.radians(21.0), np.radians(22.0))[1].any()


@pytest.fixture(scope="module")
def candidates(world) -> Pixels:
    """Limb points half a pixel rough, and a third as many anywhere."""
    rng = np.random.default_rng(9)
    p = world.limb_pixels(world.et0, 14, count=600)
    p = replace(p, ray=unit(p.ray + rng.normal(0, 3e-4, p.ray.shape)))
    some = p.take(np.arange(0, len(p), 3))
    ray = world.camera.ray(Filter.GREEN, np.full(len(some), 64.0), rng.uniform(100, SAMPLES - 100, len(some)))
    return join([p, replace(some, ray=ray)])


@pytest.fixture(scope="module")
def scene(world) -> Scene:
    return Scene(world.trajectory(), JUPITER, world.sun)


def axis_error_deg(world, found) -> float:
    return float(np.degrees(np.arccos(np.clip(found.unknowns.spin.axis @ world.axis, -1, 1))))


def test_first_guess_from_limb_and_shading(world, scene, candidates):
    strip = world.expose("STRIP", world.et0, 14, 0.0, binning=2, bands=(Filter.GREEN,))
    asked = []

    def light(at):
        asked.append(at)
        return shading(strip, at, scene, world.camera)

    found = first_guess(candidates, scene, MOUNTING_TWIST, MOUNTING_TILT, light)
    assert found is not None
    assert axis_error_deg(world, found) < 1.0
    assert found.agree > 0.6 * len(candidates)
    assert found.rms_px < 2.0
    # the limb alone leaves more than one way round
    axes = np.array([at.spin.axis for at in asked])
    assert len({tuple(np.round(a, 1)) for a in axes}) > 1
    # the light goes with the Sun's height by the true pointing, and less by the others
    truth = shading(strip, world.unknowns(), scene, world.camera)
    assert truth > 0.9
    turned = replace(world.unknowns(), spin=replace(world.unknowns().spin, phase=world.unknowns().spin.phase + 0.3))
    assert shading(strip, turned, scene, world.camera) < truth - 0.1


def test_shading_decides_between_mirror_images(world, scene, candidates, monkeypatch):
    """What lies apart from the true axis is gone on with when it alone is said to fit the light."""
    offered = []

    def remember(at):
        offered.append(at)
        return 1.0

    first_guess(candidates, scene, MOUNTING_TWIST, MOUNTING_TILT, remember)
    wrong = [at for at in offered if at.spin.axis @ world.axis < np.cos(np.radians(5.0))]
    assert wrong, "the limb alone should offer a mirror image"

    def contrary(at):
        return 1.0 if at.spin.axis @ world.axis < np.cos(np.radians(5.0)) else 0.01

    chosen = []

    def refine(p, start, scene, *, steps, free=(0, 1, 2, 3)):
        chosen.append(start)
        return polish(p, start, scene, steps=steps, free=free)

    monkeypatch.setattr("perijove.attitude.search.polish", refine)
    first_guess(candidates, scene, MOUNTING_TWIST, MOUNTING_TILT, contrary)
    # all of the limb may yet lead it back to the truth
    assert any(chosen[-1] is at or np.array_equal(chosen[-1].vector(), at.vector()) for at in wrong)


def test_phase_alone_with_a_neighbours_axis(world, scene, candidates):
    neighbour = world.spin_model(world.et0 - 300.0)
    off = replace(neighbour, phase=neighbour.phase + 2.0)
    found = guess_phase(candidates, off, scene)
    assert found is not None
    spin = found.unknowns.spin
    assert (spin.ra, spin.dec, spin.rate) == (off.ra, off.dec, off.rate)
    true = world.spin_model(spin.epoch)
    assert np.abs(np.angle(np.exp(1j * (spin.phase - true.phase)))) < 2e-3


def test_no_limb_no_guess(world, scene, candidates):
    few = candidates.take(np.arange(LEAST_POINTS - 1))
    assert first_guess(few, scene, MOUNTING_TWIST, MOUNTING_TILT, lambda _: 1.0) is None
    assert guess_phase(few, world.spin_model(world.et0), scene) is None
    # a narrow bundle of rays is no disc of Jupiter's size
    spot = candidates.take(np.arange(200))
    spot = replace(spot, ray=np.tile(spot.ray[:1], (200, 1)), et=np.full(200, world.et0))
    assert find_disc(spot, scene, 0.207, MOUNTING_TWIST, MOUNTING_TILT) is None
