"""Known ground: residuals and Jacobian, light time, weights, and a pointing from nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.attitude.adjust import adjust
from perijove.attitude.ground import (
    FRAME_SIGMA,
    GroundTies,
    ground_fit,
    ground_residuals,
    join_ground,
    loosened,
    seen_place,
    weighed_by_misfit,
    without_outliers,
)
from perijove.attitude.measure import LimbMeasure
from perijove.attitude.problem import BANDS, HAZE, SHIFT, Unknowns, pixels
from perijove.attitude.search import Scene
from perijove.bodies import GANYMEDE, JUPITER, LIGHT_KM_S

# steps that move a pixel by some hundredths, to some tenths, of a pixel
STEPS = {
    "ra": 1e-5, "dec": 1e-5, "phase": 1e-5, "rate": 1e-6, "twist": 1e-5, "tilt": 1e-5, "interframe": 3e-4,
    "haze": 1.0, "grazing": 1.0, "line": 0.02, "sample": 0.02, "scale": 1e-5, "offset": 3e-4,
    **dict.fromkeys("xyz", 5.0), **dict.fromkeys(("vx", "vy", "vz"), 0.05),
}  # fmt: skip


def ties_of(world, count: int = 60, images: int = 1, sigma: float = 1.0) -> GroundTies:
    """Pixels of three filters and three frames, and the places of the world that they see, as the light shows them."""
    rng = np.random.default_rng(5)
    frame, band = rng.integers(8, 11, count), rng.integers(0, 3, count)
    line, sample = rng.uniform(5, 123, count), rng.uniform(800, 1350, count)
    image = np.arange(count) % images
    et = world.et0 + 0.372 * frame + image * world.period_s
    place = np.empty((count, 3))
    for k in range(count):
        (ground,) = world.ground(BANDS[band[k]], et[k], line[k : k + 1], sample[k : k + 1])
        away = np.linalg.norm(world.body.body_from_j2000(et[k]) @ world.position(et[k]) - ground)
        # what is seen there now has turned on by the light time
        turn = world.body.spin_rate * away / LIGHT_KM_S
        c, s = np.cos(turn), np.sin(turn)
        place[k] = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ ground
    assert np.isfinite(place).all()
    return GroundTies(
        pixels(world.camera, image, frame, band, line, sample, et), place, np.tile(np.eye(2) / sigma, (count, 1, 1))
    )


def off(ties: GroundTies, world, line, sample) -> GroundTies:
    """The ties with their pixels moved."""
    p = ties.points
    return replace(ties, points=pixels(world.camera, p.image, p.frame, p.band, p.line + line, p.sample + sample, p.et))


def test_true_ground_leaves_what_was_planted(world):
    ties = off(ties_of(world), world, 0.2, -0.1)
    found = ground_residuals(ties, world.unknowns(), world.trajectory(), JUPITER, jacobian=False)
    assert found.jacobian is None
    # 8 km of light time would be 0.06 px
    np.testing.assert_allclose(found.px, np.tile([0.2, -0.1], (60, 1)), atol=1e-3)


def test_jacobian(world):
    rng = np.random.default_rng(4)
    at = replace(
        world.unknowns(2), interframe=2e-4, offset=np.array([0.01, -0.02]), shift=rng.normal(0, 0.3, (4, 2)),
        scale=rng.normal(0, 2e-4, 4), state=np.array([3.0, -2.0, 4.0, 0.002, 0.001, -0.003]),
    )  # fmt: skip
    ties = ties_of(world, images=2)
    trajectory = world.trajectory()
    # slid to where nothing is left, where the Jacobian is exact
    for _ in range(12):
        px = ground_residuals(ties, at, trajectory, JUPITER).px
        ties = off(ties, world, -px[:, 0], -px[:, 1])
    found = ground_residuals(ties, at, trajectory, JUPITER)
    assert np.max(np.abs(found.px)) < 1e-6
    assert found.jacobian is not None
    np.testing.assert_allclose(
        ground_residuals(ties, at, trajectory, JUPITER, jacobian=False).px, found.px, rtol=0, atol=1e-12
    )
    vector = at.vector()
    for k, name in enumerate(at.names()):
        step = np.eye(len(vector))[k] * STEPS[name if name in STEPS else name.split("_")[0]]
        ahead, behind = (
            ground_residuals(ties, at.moved(vector + s * step), trajectory, JUPITER, jacobian=False).px for s in (1, -1)
        )
        slope = (ahead - behind) / (2 * step[k])
        size = np.max(np.abs(slope))
        # haze moves no ground, and no tie is in methane
        assert (size == 0.0) == (HAZE <= k < SHIFT or name.endswith("methane")), name
        np.testing.assert_allclose(found.jacobian[:, :, k], slope, rtol=0, atol=2e-3 * size + 1e-12, err_msg=name)


def test_a_place_was_further_west_when_its_light_left():
    # one light second above the equator of Jupiter, which turns by 870.536 deg a day
    place = np.array([[71492.0, 0.0, 0.0]])
    seen = seen_place(place, place + np.array([LIGHT_KM_S, 0.0, 0.0]), JUPITER)
    angle = np.radians(870.536) / 86400.0
    np.testing.assert_allclose(seen, [[71492.0 * np.cos(angle), -71492.0 * np.sin(angle), 0.0]], rtol=1e-12)


def scene_of(world) -> Scene:
    return Scene(world.trajectory(), JUPITER, world.sun)


def no_limb(ties: GroundTies) -> LimbMeasure:
    return LimbMeasure(ties.points.take(np.zeros(len(ties), bool)), np.zeros(0))


def test_ground_alone_gives_the_pointing_back(world):
    ties = ties_of(world)
    true = world.unknowns()
    start = replace(
        true, spin=replace(true.spin, ra=true.spin.ra + 2e-3, dec=true.spin.dec - 1e-3, phase=true.spin.phase + 3e-3)
    )
    free = dict.fromkeys(("ra", "dec", "phase"))
    found = adjust(start, no_limb(ties), None, free, scene_of(world), ties)
    assert found.ground is not None
    assert np.max(np.abs(found.ground.px)) < 2e-3
    solved = found.unknowns.spin.camera_from_j2000(world.et0 + 3.7)
    np.testing.assert_allclose(solved @ world.j2000_from_camera(world.et0 + 3.7), np.eye(3), atol=3e-6)
    fit = ground_fit(ties, found.ground, 0, found.unknowns, world.trajectory(), JUPITER)
    assert fit.ties == 60
    assert fit.median_px < 1e-3
    assert abs(fit.latitude_deg) < 1e-4
    assert abs(fit.longitude_deg) < 1e-4


def test_a_moved_spacecraft_is_told_in_degrees(world):
    ties = ties_of(world)
    to_body = JUPITER.body_from_j2000(world.et0 + 3.7)
    place = to_body @ world.position(world.et0 + 3.7)
    # a thousandth of a turn to the east
    east = np.array([-place[1], place[0], 0.0]) * 2 * np.pi * 1e-3
    at = replace(world.unknowns(), state=np.concatenate([to_body.T @ east, np.zeros(3)]))
    fit = ground_fit(ties, ground_residuals(ties, at, world.trajectory(), JUPITER), 0, at, world.trajectory(), JUPITER)
    assert fit.longitude_deg == pytest.approx(0.36, rel=1e-3)
    assert fit.latitude_deg == pytest.approx(0.0, abs=1e-3)
    assert (
        ground_fit(
            ties, ground_residuals(ties, at, world.trajectory(), JUPITER), 1, at, world.trajectory(), JUPITER
        ).ties
        == 0
    )


def test_outliers_go_and_the_rest_stays(world):
    rng = np.random.default_rng(1)
    line, sample = rng.normal(0, 0.3, (2, 60))
    wrong = np.arange(60) % 10 == 0
    ties = off(ties_of(world), world, line + 8.0 * wrong, sample)
    left = ground_residuals(ties, world.unknowns(), world.trajectory(), JUPITER, jacobian=False)
    kept = without_outliers(ties, left)
    np.testing.assert_array_equal(kept.points.line, ties.points.line[~wrong])
    np.testing.assert_array_equal(kept.place, ties.place[~wrong])


def weighed(world, line, sample, alike: float) -> float:
    """By how much the errors are made larger where pixels are off."""
    ties = off(ties_of(world, sigma=np.sqrt(alike)), world, line, sample)
    left = ground_residuals(ties, world.unknowns(), world.trajectory(), JUPITER, jacobian=False)
    return float(np.median(weighed_by_misfit(ties, left, alike).sigma_px / ties.sigma_px))


def test_weights_follow_the_misfit_and_how_far_it_reaches(world):
    rng = np.random.default_rng(2)
    line, sample = rng.normal(0, 1.0, (2, 60))
    assert weighed(world, 0.3 * line, 0.3 * sample, 20.0) == 1.0
    assert weighed(world, 3.0 * line, 3.0 * sample, 20.0) == pytest.approx(3.0, rel=0.25)
    # the same everywhere: all sixty are one
    assert weighed(world, 3.0, 3.0, 20.0) == pytest.approx(3.0 * np.sqrt(2) / 1.1774 * np.sqrt(60 / 20), rel=0.01)


def test_ties_join_and_tell_their_errors(world):
    ties = ties_of(world, sigma=0.5)
    np.testing.assert_allclose(ties.sigma_px, 0.5)
    both = join_ground([ties, ties.take(np.arange(3))])
    assert both is not None
    assert len(both) == 63
    assert join_ground([]) is None


def test_a_moons_trajectory_may_turn_but_not_rise(ganymede):
    tight = ganymede.trajectory(sigma=(0.1, 1e-5))
    loose = loosened(tight, GANYMEDE)
    place, velocity = ganymede.position(ganymede.et0), ganymede.velocity
    axis = np.cross(place, [0.3, -0.2, 0.9])
    turn = FRAME_SIGMA * axis / np.linalg.norm(axis)
    for trajectory, bounds in ((tight, (100.0, np.inf)), (loose, (0.9, 1.01))):
        step = np.concatenate([np.cross(turn, place), np.cross(turn, velocity)])
        assert bounds[0] < np.sqrt(step @ np.linalg.solve(trajectory.covariance, step)) < bounds[1]
    rise = np.concatenate([place / np.linalg.norm(place), np.zeros(3)])
    assert np.sqrt(rise @ np.linalg.solve(loose.covariance, rise)) == pytest.approx(10.0, rel=0.02)
    np.testing.assert_array_equal(loosened(tight, JUPITER).covariance, tight.covariance)


def test_unknowns_without_ground_are_as_before(world):
    ties = ties_of(world)
    held: dict[str, tuple[float, float] | None] = {"phase": (world.unknowns().spin.phase, 1e-4)}
    found = adjust(world.unknowns(), no_limb(ties), None, held, scene_of(world))
    assert found.ground is None
    assert isinstance(found.unknowns, Unknowns)
    assert found.unknowns.spin.phase == pytest.approx(world.unknowns().spin.phase, abs=1e-12)
