"""Ties between overlapping framelets, on a world whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.attitude.measure import swaths
from perijove.attitude.overlaps import overlap_ties
from perijove.attitude.search import Scene
from perijove.attitude.ties import tie_residuals
from perijove.bodies import JUPITER
from perijove.instrument import Filter


@pytest.fixture(scope="module")
def strip(world):
    return world.expose("STRIP", world.et0 + 6 * 0.372, 6, 0.0, bands=(Filter.BLUE, Filter.GREEN))


def measured(world, exposure, at):
    scene = Scene(world.trajectory(), JUPITER, world.sun)
    return overlap_ties(exposure, 0, at, scene, world.camera, swaths(exposure, 0, at, scene, world.camera))


def test_true_pointing_leaves_nothing(world, strip):
    at = world.unknowns()
    ties = measured(world, strip, at)
    assert len(ties) > 40
    assert (ties.second.frame == ties.first.frame + 1).all()
    assert (ties.second.band == ties.first.band).all()
    px = tie_residuals(ties, at, world.trajectory(), JUPITER).px
    np.testing.assert_allclose(np.mean(px, axis=0), 0.0, atol=0.02)
    assert np.max(np.std(px, axis=0)) < 0.05


def test_a_wrong_rate_is_seen_in_the_raw_framelets(world, strip):
    true = world.unknowns()
    # 0.4 px from frame to frame: 114 px are turned meanwhile
    wrong = replace(true, spin=replace(true.spin, rate=true.spin.rate * (1 + 0.4 / 114)))
    ties = measured(world, strip, wrong)
    truth = tie_residuals(ties, true, world.trajectory(), JUPITER).px
    # by one linear step, which is repeated once the pointing is mended
    np.testing.assert_allclose(np.median(truth, axis=0), 0.0, atol=0.12)
    seen = tie_residuals(ties, wrong, world.trajectory(), JUPITER).px
    assert abs(np.median(seen[:, 0])) == pytest.approx(0.4, abs=0.12)


def test_nothing_to_see_no_ties(world, strip):
    dark = replace(strip, light={b: np.zeros_like(v) for b, v in strip.light.items()})
    assert measured(world, dark, world.unknowns()) is None
    smooth = replace(strip, light={b: np.full_like(v, 0.5) for b, v in strip.light.items()})
    assert measured(world, smooth, world.unknowns()) is None
