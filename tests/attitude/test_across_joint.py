"""Arcs solved jointly, who spoils them, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.attitude.across import Crossing, crossings, measure_crossing, side_of
from perijove.attitude.adjust import adjust
from perijove.attitude.arc import Arc
from perijove.attitude.crossing import CrossTies, breeze_over
from perijove.attitude.exposure import Exposure
from perijove.attitude.gather import Solution
from perijove.attitude.group import Group
from perijove.attitude.joint import Joint, solve_joint
from perijove.attitude.measure import LimbMeasure
from perijove.attitude.passfit import connected
from perijove.attitude.priors import free_unknowns
from perijove.attitude.problem import Unknowns, limb_residuals
from perijove.attitude.search import Scene
from perijove.attitude.solve import scene_of
from perijove.attitude.together import solve_together
from perijove.bodies import JUPITER
from perijove.errors import PointingError
from perijove.instrument import Camera, Filter

FloatArray = NDArray[np.float64]
DELAY_S, FRAMES, TURNS = 0.372, 20, 20
"""The strips that `true_ties` ties."""
STILL = breeze_over(None, np.zeros(0))


def starts(world: Any) -> tuple[float, float]:
    return world.et0, world.et0 + TURNS * world.period_s


def arc_of(world: Any, name: str, start: float, share: float, shift_px: float = 0.0) -> Arc:
    """An arc of one strip, solved on a share of its limb, whose points are off by `shift_px` to and fro."""
    et = start + DELAY_S * np.arange(FRAMES)
    exposure = Exposure(name, {Filter.GREEN: np.zeros((FRAMES, 2, 2), np.float32)}, et, 1)
    scene = scene_of(world.trajectory(), JUPITER, world.sun, None)
    limb = world.limb_pixels(start, FRAMES, (Filter.GREEN,), 500)
    limb = limb.take(limb.sample < np.quantile(limb.sample, share))
    to_and_fro = shift_px * (-1.0) ** np.arange(len(limb))
    limb = replace(limb, ray=limb.ray - limb.by_line * to_and_fro[:, None])
    measure = LimbMeasure(limb, np.full(len(limb), 0.5))
    at = world.unknowns()
    free = free_unknowns([exposure], None, at.spin, scene)
    found = adjust(at, measure, None, free, scene)
    left = limb_residuals(limb, found.unknowns, scene.trajectory, JUPITER, scene.sun, jacobian=False)
    return Arc((exposure,), Solution(measure, left, found), None, None, scene, frozenset(), True)


def off_px(world: Any, at: Unknowns, start: float) -> float:
    """How far places stand off, px rms: those that pixels of the strip truly see."""
    errors = []
    line, sample = (a.ravel() for a in np.meshgrid([20.0, 64.0, 108.0], np.linspace(200.0, 1450.0, 12)))
    for frame in range(FRAMES):
        et = start + DELAY_S * frame
        ground = world.ground(Filter.GREEN, et, line, sample)
        seen = np.isfinite(ground[:, 0])
        solved = et + float(at.offset[0]) + frame * at.interframe
        place = world.position(solved) + at.state[:3] + (solved - world.et0) * at.state[3:]
        looks = ground[seen] @ JUPITER.body_from_j2000(solved) - place
        looks += np.linalg.norm(looks, axis=-1, keepdims=True) * world.lean(solved)
        px = world.camera.pixel(Filter.GREEN, looks @ at.spin.camera_from_j2000(solved).T)
        errors.append(px - np.stack([line, sample], axis=-1)[seen])
    return float(np.sqrt(np.nanmean(np.concatenate(errors) ** 2)))


@pytest.fixture(scope="module")
def arcs(world: Any) -> tuple[Arc, Arc]:
    """The first with all of its limb, the second with a bit of it."""
    one, two = starts(world)
    return arc_of(world, "A", one, 1.0), arc_of(world, "B", two, 0.3)


@pytest.fixture(scope="module")
def crossed(true_ties: Callable[..., CrossTies]) -> Crossing:
    """Each strip is the first of its own arc."""
    ties = true_ties()
    return Crossing(0, 1, 0.9, 0.85, 0.8, 500, replace(ties, second=replace(ties.second, image=0 * ties.second.image)))


@pytest.fixture(scope="module")
def joint(arcs: tuple[Arc, Arc], crossed: Crossing) -> Joint:
    return solve_joint(arcs, [crossed], [(0, 0), (1, 0)], STILL)


def test_a_weak_arc_stands_where_a_better_one_saw_the_ground(world: Any, arcs: tuple[Arc, Arc], joint: Joint) -> None:
    one, two = starts(world)
    alone = [off_px(world, arc.at, start) for arc, start in zip(arcs, (one, two), strict=True)]
    tied = [off_px(world, arc.at, start) for arc, start in zip(joint.arcs, (one, two), strict=True)]
    assert alone[1] > 1.5 * alone[0]
    assert tied[1] < 0.6 * alone[1]
    # the better one is not drawn to where the weak one was
    assert tied[0] < max(1.2 * alone[0], 0.3)


def test_what_arcs_share_is_one_and_the_same(joint: Joint) -> None:
    a, b = (arc.at for arc in joint.arcs)
    assert (a.spin.twist, a.spin.tilt) == (b.spin.twist, b.spin.tilt)
    np.testing.assert_array_equal(a.state, b.state)
    assert a.spin.phase != b.spin.phase


def test_ties_are_left_with_little_and_the_sigma_says_so(joint: Joint) -> None:
    (left,) = joint.left
    assert left is not None
    assert np.median(np.abs(left.px)) < 0.05
    assert 0.005 < joint.relative_px[0] < 0.2


def test_covariance_shrinks_where_strips_are_tied(arcs: tuple[Arc, Arc], joint: Joint) -> None:
    for before, after in zip(arcs, joint.arcs, strict=True):
        for name in ("twist", "tilt", "dec"):
            k = before.at.names().index(name)
            one, two = (a.solution.adjustment.full_covariance()[k, k] for a in (before, after))
            assert 0.0 < two <= 1.01 * one


def group(*arcs: Arc) -> Group:
    return Group(tuple(range(len(arcs))), tuple((k, 0) for k in range(len(arcs))), arcs, Camera())


def test_a_sound_pass_has_no_spoiler(arcs: tuple[Arc, Arc]) -> None:
    assert group(*arcs).spoiler() is None


def test_the_strip_whose_limb_does_not_fit_is_named(world: Any, arcs: tuple[Arc, Arc]) -> None:
    wild = arc_of(world, "C", world.et0, 1.0, shift_px=2.0)
    found = group(arcs[0], wild).spoiler()
    assert found is not None
    assert found.numbers == (1,)
    assert found.reason.startswith("its limb leaves ")


def test_the_strip_whose_start_is_off_is_named(arcs: tuple[Arc, Arc]) -> None:
    a, b = arcs
    late = replace(b.at, offset=np.array([0.5]))
    b = replace(b, solution=replace(b.solution, adjustment=replace(b.solution.adjustment, unknowns=late)))
    found = group(a, b).spoiler()
    assert found is not None
    assert (found.numbers, found.reason) == ((1,), "its START_TIME would be off by +0.50 s")


def test_strips_without_limb_and_ground_go_together(arcs: tuple[Arc, Arc]) -> None:
    a, b = arcs
    lost = replace(b, lost=frozenset([0]))
    solved = solve_joint([a, lost, lost], [], [(0, 0), (1, 0), (2, 0)], STILL)
    found = replace(group(*solved.arcs), joint=solved).spoiler()
    assert found is not None
    assert found.numbers == (1, 2)
    assert found.reason == "it shows no limb, and no ground that others show too"
    # as long as nothing was sought on the ground they stay
    assert group(a, lost).spoiler() is None


def test_the_strip_whose_ground_is_elsewhere_is_named(world: Any, arcs: tuple[Arc, Arc], crossed: Crossing) -> None:
    """Of three the one that lies 4 px off both others; those lie on each other."""
    assert crossed.ties is not None
    ties = crossed.ties
    moved = replace(ties, second=replace(ties.second, ray=ties.second.ray + 4.0 * ties.second.by_line))
    held = replace(moved, whiten=moved.whiten * 1e-4)
    third = [Crossing(0, 1, 0.9, 0.85, 0.8, 500, ties), Crossing(0, 2, 0.9, 0.85, 0.8, 500, held)]
    three = (*arcs, arc_of(world, "C", starts(world)[1], 1.0))
    solved = solve_joint(three, third, [(0, 0), (1, 0), (2, 0)], STILL)
    found = replace(group(*solved.arcs), joint=solved).spoiler()
    assert found is not None
    assert found.numbers == (2,)
    assert "px along the meridian" in found.reason


def test_a_pass_is_told_of(arcs: tuple[Arc, Arc], crossed: Crossing, joint: Joint) -> None:
    whole = replace(group(*joint.arcs), joint=joint, before=(1.5,))
    fit = whole.fit(["A", "B", "C"], whole.pointings(3), {2: "its limb leaves 2.00 px rms"})
    assert [strip.product_id for strip in fit.strips] == ["A", "B"]
    (pair,) = fit.pairs
    assert (pair.first, pair.second, pair.ties, pair.before_px) == ("A", "B", len(crossed.ties or ()), 1.5)
    assert pair.hours == pytest.approx(20 * 30.42 / 3600.0)
    assert pair.latitude_px < 0.05
    assert fit.groups == (("A", "B"),)
    assert "left out: C (its limb leaves 2.00 px rms)" in fit.verdict
    assert whole.pointings(3)[2] is None


def test_two_pictures_of_the_same_ground_are_tied(world: Any) -> None:
    """Coarse strips with clouds, a known number of pixels apart: the ties tell that shift."""
    scene = Scene(world.trajectory(), JUPITER, world.sun)
    frames = 5
    sides = []
    for k, start in enumerate(starts(world)):
        strip = world.expose(f"S{k}", start + 7 * DELAY_S, frames, 0.0, binning=2, bands=(Filter.GREEN,))
        sides.append(side_of(k, strip, 0, world.unknowns(), scene, Camera.measured()))
    (crossing,) = crossings(sides)
    assert (crossing.first, crossing.second) == (0, 1)
    assert 0.2 < crossing.clear <= crossing.lit <= crossing.overlap <= 1.0
    ties = measure_crossing(sides[0], sides[1], scene, Camera.measured(), STILL, 4.0)
    assert ties is not None
    assert len(ties) > 20
    # the truth: where the world has what the first pixel shows
    ends = zip(ties.first.line, ties.first.sample, ties.first.et, strict=True)
    ground = np.array([world.ground(Filter.GREEN, et, np.array([a]), np.array([b]))[0] for a, b, et in ends])
    off = []
    for place, line, sample, et in zip(ground, ties.second.line, ties.second.sample, ties.second.et, strict=True):
        px = world.pixel(Filter.GREEN, place[None], et)[0]
        off.append(np.array([line, sample]) - px)
    assert np.median(np.abs(off)) < 0.25
    assert measure_crossing(sides[0], sides[1], replace(scene, sun=-world.sun), Camera.measured(), STILL, 4.0) is None


def test_a_pass_of_which_nothing_is_left_is_refused(world: Any, arcs: tuple[Arc, Arc]) -> None:
    (exposure,) = arcs[0].exposures
    with pytest.raises(PointingError, match="A: it is not to be used"):
        solve_together([exposure], world.trajectory(), JUPITER, world.sun, suspects={"A": "it is not to be used"})


@given(st.permutations(["a", "b", "c", "d", "e"]))
def test_groups_do_not_hang_on_the_order(names: list[str]) -> None:
    pairs = [("d", "a"), ("c", "e")]
    assert connected(names, pairs) == (("a", "d"), ("c", "e"), ("b",))
    assert connected(names, [*pairs, ("e", "d")]) == (("a", "c", "d", "e"), ("b",))
