"""Sigma and quality of rendered light, against the scatter of many noisy renderings."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.errors import StripError
from perijove.geometry.view import spacecraft_view
from perijove.instrument import Filter
from perijove.render.engine import render

SUN = np.array([-1.0, 0.1, 0.2])


def doubtful(scene, ground):
    """A swath with a gap, whose pixels are the noisier the further right they stand."""
    swath = scene.swath(Filter.GREEN, ground)
    swath.light[6, 20, 300] = np.nan
    variance = np.full(swath.light.shape, 0.01, np.float32) * (1 + np.arange(swath.light.shape[2]) / 200)
    variance = np.where(np.isfinite(swath.light), variance, np.nan).astype(np.float32)
    return replace(swath, variance=variance)


@pytest.mark.parametrize("kind", ["bilinear", "catmull-rom", "lanczos"])
def test_sigma_is_the_scatter_of_noisy_renderings(spinner, ground, kind):
    scene = spinner()
    swath = doubtful(scene, ground)
    view = spacecraft_view(scene.viewpoint(), JUPITER, SUN, 90)
    rng = np.random.default_rng(7)

    def picture(light):
        return render([replace(swath, light=light)], JUPITER, scene.et0, view, interpolation=kind, backplanes=False)

    truth = picture(swath.light)
    runs = 120
    total = np.zeros(truth.light.shape)
    for _ in range(runs):
        noise = np.sqrt(swath.variance) * rng.standard_normal(swath.light.shape, np.float32)
        total += np.square(picture(swath.light + noise).light - truth.light, dtype=float)
    seen = np.isfinite(truth.light)
    ratio = total[seen] / runs / np.square(truth.sigma[seen], dtype=float)
    # each ratio is chi-square over its degrees of freedom: about 1, with a variance of 2 / runs
    assert abs(ratio.mean() - 1) < 0.01
    assert abs(ratio.std() / np.sqrt(2 / runs) - 1) < 0.2
    assert ratio.max() < 1 + 6 * np.sqrt(2 / runs)
    assert np.array_equal(np.isfinite(truth.sigma), seen)


def test_unit_multiplies_light_and_sigma(spinner, ground):
    scene = spinner()
    swath = doubtful(scene, ground)
    view = spacecraft_view(scene.viewpoint(), JUPITER, SUN, 60)
    one = render([swath], JUPITER, scene.et0, view)
    four = render([replace(swath, unit=4.0)], JUPITER, scene.et0, view)
    np.testing.assert_array_equal(four.light, 4 * one.light)
    np.testing.assert_array_equal(four.sigma, 4 * one.sigma)
    np.testing.assert_array_equal(four.weight, one.weight)


def test_sigma_changes_no_light(spinner, ground):
    scene = spinner()
    swath = doubtful(scene, ground)
    view = spacecraft_view(scene.viewpoint(), JUPITER, SUN, 60)
    plain = render([replace(swath, variance=None)], JUPITER, scene.et0, view)
    np.testing.assert_array_equal(render([swath], JUPITER, scene.et0, view).light, plain.light)
    assert plain.sigma.shape == plain.quality.shape == (0, 0, 0)


def test_a_bit_shows_where_its_pixel_lies_and_nowhere_else(spinner, ground):
    scene = spinner()
    swath = doubtful(scene, ground)
    view = spacecraft_view(scene.viewpoint(), JUPITER, SUN, 1600)
    marked = np.zeros(swath.light.shape, np.float32)
    marked[6, 30, 400] = 1.0
    quality = np.where(marked > 0, 4, 0).astype(np.uint8)
    quality[6, 30, 401] = 16
    bits = render([replace(swath, quality=quality)], JUPITER, scene.et0, view).quality[0]
    weight = render([replace(swath, light=marked)], JUPITER, scene.et0, view, interpolation="bilinear").light[0]
    # bilinear interpolation takes from the very four pixels whose bits count
    carried = np.nan_to_num(weight) > 1e-6
    assert carried.any()
    assert (bits[carried] & 4 == 4).all()
    assert np.count_nonzero(bits & 4) <= np.count_nonzero(carried) + 2
    assert set(np.unique(bits)) == {0, 4, 16, 20}


def test_a_quality_without_variance_is_not_rendered_and_a_wrong_shape_refused(spinner, ground):
    scene = spinner()
    swath = doubtful(scene, ground)
    view = spacecraft_view(scene.viewpoint(), JUPITER, SUN, 40)
    bits = np.zeros(swath.light.shape, np.uint8)
    assert render([replace(swath, variance=None, quality=bits)], JUPITER, scene.et0, view).quality.size == 0
    with pytest.raises(StripError, match="quality has the shape"):
        render([replace(swath, quality=bits[:, :-1])], JUPITER, scene.et0, view)
    with pytest.raises(StripError, match="variance has the shape"):
        render([replace(swath, variance=swath.variance[1:])], JUPITER, scene.et0, view)
