"""Residuals and Jacobians of limb and ties against differences, with every unknown away from zero."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.attitude.problem import (
    BANDS,
    GRAZING,
    HAZE,
    OFFSET,
    SCALE,
    SHAPE,
    SHIFT,
    STATE,
    Pixels,
    Unknowns,
    first_point,
    grazing_light,
    join,
    limb_residuals,
    look,
    pixels,
    seen_at,
)
from perijove.attitude.ties import Ties, tie_residuals
from perijove.bodies import JUPITER

FRAMES = 14
# steps that move a pixel by some hundredths, to some tenths, of a pixel
STEPS = {
    "ra": 1e-5, "dec": 1e-5, "phase": 1e-5, "rate": 1e-6, "twist": 1e-5, "tilt": 1e-5, "interframe": 3e-4,
    "haze": 1.0, "grazing": 1.0, "line": 0.02, "sample": 0.02, "scale": 1e-5, "offset": 3e-4,
    **dict.fromkeys("xyz", 5.0), **dict.fromkeys(("vx", "vy", "vz"), 0.05),
}  # fmt: skip


@pytest.fixture(scope="module")
def somewhere(world) -> Unknowns:
    """Two images, the true spin, and a correction to everything."""
    rng = np.random.default_rng(4)
    return replace(
        world.unknowns(2),
        interframe=2e-4,
        offset=np.array([0.015, -0.02]),
        haze_km=np.array([80.0, 60.0, 50.0, 110.0]),
        grazing_km=np.array([40.0, 35.0, 30.0, 20.0]),
        shift=rng.normal(0, 0.3, (4, 2)),
        scale=rng.normal(0, 2e-4, 4),
        state=np.array([3.0, -2.0, 4.0, 0.002, 0.001, -0.003]),
    )


def two_images(world, p: Pixels) -> Pixels:
    """Every third point of a later image, one turn on."""
    later = np.arange(len(p)) % 3 == 0
    return replace(p, image=later.astype(np.int64), et=p.et + np.where(later, world.period_s, 0.0))


def moved(world, p: Pixels, line, sample) -> Pixels:
    return pixels(world.camera, p.image, p.frame, p.band, line, sample, p.et)


@pytest.fixture(scope="module")
def limb(world, somewhere) -> Pixels:
    """Points on the limb as the unknowns have it: each slid along its line until nothing is left."""
    p = world.limb_pixels(world.et0, FRAMES, BANDS, count=150)
    p = two_images(world, p)
    for _ in range(6):
        here = limb_residuals(p, somewhere, world.trajectory(), JUPITER, world.sun, jacobian=False).px
        ahead = moved(world, p, p.line, p.sample + 0.01)
        slope = limb_residuals(ahead, somewhere, world.trajectory(), JUPITER, world.sun, jacobian=False).px - here
        steep = np.abs(slope) > 0.2 * 0.01
        p = p.take(steep)
        p = moved(world, p, p.line, p.sample - np.clip(here[steep] / slope[steep] * 0.01, -20, 20))
    return p


@pytest.fixture(scope="module")
def ties(world, somewhere) -> Ties:
    """Pairs of pixels, of two bands and partly of two images, that see one place as the unknowns have it."""
    rng = np.random.default_rng(8)
    n = 60
    frame = np.full(n, 9, np.int64)
    line, sample = rng.uniform(10, 118, n), rng.uniform(850, 1300, n)
    image = np.zeros(n, np.int64)
    et = np.full(n, world.et0 + 9 * 0.372)
    one = pixels(world.camera, image, frame, np.full(n, 1), line, sample, et)
    # the place is seen again a frame before or after, in part by the image one turn on
    later = (np.arange(n) % 2).astype(np.int64)
    other = frame + rng.integers(-1, 2, n)
    time = world.et0 + other * 0.372 + later * world.period_s
    two = pixels(world.camera, later, other, rng.choice([0, 2, 3], n), line, sample, time)
    whiten = np.tile(np.eye(2), (n, 1, 1))
    for _ in range(12):
        px = tie_residuals(Ties(one, two, whiten), somewhere, world.trajectory(), JUPITER).px
        two = moved(world, two, two.line - px[:, 0], two.sample - px[:, 1])
    return Ties(one, two, whiten)


def differences(residuals, at: Unknowns, name: str) -> np.ndarray:
    """Central difference of the residuals by one unknown."""
    k = at.names().index(name)
    step = STEPS[name if name in STEPS else name.split("_")[0]]
    vector = at.vector()
    unit = np.eye(len(vector))[k] * step
    return (residuals(at.moved(vector + unit)) - residuals(at.moved(vector - unit))) / (2 * step)


def test_limb_jacobian(world, somewhere, limb):
    scene = world.trajectory(), JUPITER, world.sun
    found = limb_residuals(limb, somewhere, *scene)
    assert len(limb) > 100
    assert set(limb.band) == {0, 1, 2, 3}
    assert set(limb.image) == {0, 1}
    assert np.max(np.abs(found.px)) < 1e-6
    for k, name in enumerate(somewhere.names()):
        slope = differences(lambda at: limb_residuals(limb, at, *scene, jacobian=False).px, somewhere, name)
        size = np.max(np.abs(slope))
        assert size > 0, name
        np.testing.assert_allclose(found.jacobian[:, k], slope, rtol=0, atol=2e-3 * size, err_msg=name)


def test_tie_jacobian(world, somewhere, ties):
    scene = world.trajectory(), JUPITER
    found = tie_residuals(ties, somewhere, *scene)
    assert np.max(np.abs(found.px)) < 1e-6
    for k, name in enumerate(somewhere.names()):
        slope = differences(lambda at: tie_residuals(ties, at, *scene).px, somewhere, name)
        size = np.max(np.abs(slope))
        if HAZE <= k < SHIFT:
            assert size == 0.0, name
        else:
            assert size > 0, name
        np.testing.assert_allclose(found.jacobian[:, :, k], slope, rtol=0, atol=2e-3 * size, err_msg=name)


def test_ties_of_the_true_ground_leave_nothing(world):
    # places that the world's own camera sees, without any correction
    at = world.unknowns()
    n = 40
    rng = np.random.default_rng(2)
    frame = np.full(n, 9)
    line, sample = rng.uniform(10, 118, n), rng.uniform(850, 1300, n)
    et = world.et0 + 9 * 0.372
    zero = np.zeros(n, np.int64)
    one = pixels(world.camera, zero, frame, zero + 1, line, sample, np.full(n, et))
    ground = world.ground(BANDS[1], et, line, sample)
    then = et + 0.372
    seen = world.pixel(BANDS[2], ground, then)
    two = pixels(world.camera, zero, frame + 1, zero + 2, seen[:, 0] + 0.2, seen[:, 1] - 0.1, np.full(n, then))
    px = tie_residuals(Ties(one, two, np.tile(np.eye(2), (n, 1, 1))), at, world.trajectory(), JUPITER).px
    # two pixels off by a fifth down and a tenth to the left
    np.testing.assert_allclose(px, np.tile([0.2, -0.1], (n, 1)), atol=2e-3)


def test_limb_of_the_true_world_leaves_nothing(world):
    p = world.limb_pixels(world.et0, FRAMES)
    found = limb_residuals(p, world.unknowns(), world.trajectory(), JUPITER, world.sun, jacobian=False)
    assert np.max(np.abs(found.px)) < 1e-3
    assert np.min(found.cos_incidence) > 0.0
    # residuals count pixels along the normal: their gradient over the picture is 1
    step = 0.05
    slope = [
        limb_residuals(q, world.unknowns(), world.trajectory(), JUPITER, world.sun, jacobian=False).px / step
        for q in (moved(world, p, p.line + step, p.sample), moved(world, p, p.line, p.sample + step))
    ]
    np.testing.assert_allclose(np.hypot(*slope), 1.0, atol=0.01)


def test_a_miss_is_no_number(world):
    p = world.limb_pixels(world.et0, FRAMES).take(np.arange(4))
    sky = moved(world, p, p.line, np.full(4, 40.0))
    px = tie_residuals(Ties(sky, sky, np.tile(np.eye(2), (4, 1, 1))), world.unknowns(), world.trajectory(), JUPITER).px
    assert np.isnan(px).all()


def test_vector_names_and_moved_agree(somewhere):
    vector, names = somewhere.vector(), somewhere.names()
    assert len(names) == len(vector) == len(set(names)) == OFFSET + 2
    again = somewhere.moved(vector)
    np.testing.assert_array_equal(again.vector(), vector)
    assert again.spin == somewhere.spin
    value = dict(zip(names, vector, strict=True))
    assert value["ra"] == somewhere.spin.ra
    assert value["interframe"] == somewhere.interframe
    assert value["haze_methane"] == somewhere.haze_km[3]
    assert value["grazing_red"] == somewhere.grazing_km[2]
    assert value["haze_p4"] == somewhere.shape_km[3]
    assert value["sample_red"] == somewhere.shift[2, 1]
    assert value["scale_blue"] == somewhere.scale[0]
    assert value["vz"] == somewhere.state[5]
    assert value["offset_1"] == somewhere.offset[1]
    assert [names[k] for k in (HAZE, GRAZING, SHAPE, SHIFT, SCALE, STATE, OFFSET)] == [
        "haze_blue", "grazing_blue", "haze_p1", "line_blue", "scale_blue", "x", "offset_0"
    ]  # fmt: skip
    changed = somewhere.moved(np.arange(len(vector), dtype=float))
    np.testing.assert_array_equal(changed.vector(), np.arange(len(vector)))


def test_pixels_join_and_take(world):
    p = world.limb_pixels(world.et0, 6)
    odd = np.arange(len(p)) % 2 == 1
    both = join([p.take(odd), p.take(~odd)])
    assert len(both) == len(p)
    np.testing.assert_array_equal(np.sort(both.sample), np.sort(p.sample))
    np.testing.assert_array_equal(p.take(odd).ray, p.ray[odd])


def test_times_count_offset_and_frames(world, somewhere):
    p = two_images(world, world.limb_pixels(world.et0, 6))
    expected = p.et + np.where(p.image == 0, 0.015, -0.02) + p.frame * 2e-4
    np.testing.assert_allclose(seen_at(p, somewhere), expected, rtol=0, atol=1e-6)
    assert (seen_at(p, first_point(somewhere.spin, 2)) == p.et).all()


def test_sight_agrees_with_the_worlds_rays(world):
    p = world.limb_pixels(world.et0, 6).take(np.arange(0, 40, 3))
    sight = look(p, world.unknowns(), world.trajectory(), JUPITER)
    for k in range(len(p)):
        ray, place = world.rays(BANDS[p.band[k]], p.et[k], p.line[k : k + 1], p.sample[k : k + 1])
        np.testing.assert_allclose(sight.direction[k], ray[0], atol=1e-7)
        np.testing.assert_allclose(sight.position[k], place, atol=1e-3)


def test_time_turns_body_and_moves_camera(world, somewhere):
    """The body's own turn is a thousandth of the spin: too little to be told from it in pixels."""
    p = world.limb_pixels(world.et0, 6).take(np.arange(0, 40, 3))
    k, step = somewhere.names().index("offset_0"), 0.01
    sights = []
    for sign in (1, -1):
        vector = somewhere.vector()
        vector[k] += sign * step
        sights.append(look(p, somewhere.moved(vector), world.trajectory(), JUPITER))
    after, before = sights
    found = look(p, somewhere, world.trajectory(), JUPITER)
    # the body turns at 1.8e-4 rad/s; at 190,000 km that is 33 km/s
    np.testing.assert_allclose(found.move[:, :, k], (after.position - before.position) / (2 * step), atol=0.01)
    np.testing.assert_allclose(found.turn[:, :, k], (after.direction - before.direction) / (2 * step), atol=5e-6)


def test_grazing_light_runs_from_noon_to_the_terminator():
    np.testing.assert_allclose(grazing_light(np.array([1.0, 0.5, 0.0, -0.3])), [0.0, 0.25, 1.0, 1.0])
