from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from perijove.enhance import apply_recipe
from perijove.enhance.highlights import recover_highlights
from perijove.instrument import Filter
from perijove.render.planes import Planes

Lambert = Callable[..., Planes]
LEVELS = (1000.0, 2000.0, 4000.0)
GREY = {Filter.BLUE: 2.0, Filter.GREEN: 1.0, Filter.RED: 0.5}
FULL = dict.fromkeys(Filter, 2500.0)


def overexposed(planes: Planes) -> Planes:
    """The same planes from a camera whose pixels are full at 2600."""
    return replace(planes, light=np.minimum(planes.light, np.float32(2600.0)))


@pytest.mark.parametrize("name", ["natural", "enhanced"])
def test_what_one_filter_lost_is_told_by_another(lambert: Lambert, name: str) -> None:
    planes = lambert(LEVELS)
    ideal = apply_recipe(name, planes, GREY)
    saved = apply_recipe(name, overexposed(planes), GREY, FULL)
    lost = apply_recipe(name, overexposed(planes), GREY)
    assert ideal.settings["recovered"] == 0.0
    assert saved.settings["recovered"] > 0.3
    np.testing.assert_allclose(saved.rgb, ideal.rgb, atol=0.02)
    assert np.abs(lost.rgb - ideal.rgb).max() > 0.1


def test_charge_that_spilt_into_the_sky_goes(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    spilt = overexposed(planes)
    spilt.light[2, 150:170, 5:40] = 2600.0
    # and where it was blended with a dark framelet
    spilt.light[2, 170:180, 5:30] = 900.0
    np.testing.assert_allclose(apply_recipe("natural", spilt, GREY, FULL).rgb[150:180, 5:28], 0, atol=0.02)


def test_light_that_fits_is_not_touched(lambert: Lambert) -> None:
    light = np.moveaxis(lambert(LEVELS).light, 0, -1).copy()
    before = light.copy()
    disc = np.ones(light.shape[:2], bool)
    assert recover_highlights(light, np.full(3, 5000.0), disc, ~disc, 1.0) == 0.0
    light[5, 5, 2] = 9000.0
    before[5, 5, 2] = 9000.0
    assert recover_highlights(light, np.full(3, 5000.0), disc, ~disc, 1.0) == 0.0
    np.testing.assert_array_equal(light, before)


def test_a_picture_of_one_filter_has_nobody_to_ask(lambert: Lambert) -> None:
    planes = lambert((4000.0,), bands=(Filter.METHANE,))
    assert apply_recipe("natural", overexposed(planes), None, FULL).settings["recovered"] == 0.0


def test_dust_within_full_ground_does_not_tell_the_colour(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    ideal = apply_recipe("natural", planes, GREY).rgb
    dusty = overexposed(planes)
    dusty.light[2, 150:153, 90:93] = 1200.0
    np.testing.assert_allclose(apply_recipe("natural", dusty, GREY, FULL).rgb, ideal, atol=0.03)
