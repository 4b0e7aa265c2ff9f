"""The shipped table of Sun and Earth against the planetary positions inside two of Juno's own kernels.

The builder compares the table with DE440, which it is made from; these kernels hold older ephemerides, whose Jupiter
stands up to some hundred km elsewhere.
"""

import numpy as np
import pytest
import spiceypy

from perijove.ephemeris import sun_earth

KERNELS = ("juno_rec_170106_170228_170307.bsp", "spk_pre_220614_221109_220810_jm0450.bsp")
NEIGHBOUR_KM = 300.0


@pytest.fixture(params=KERNELS)
def epochs(data, request):
    """ET inside the span of a kernel that is loaded meanwhile."""
    kernel = str(data / "kernels" / request.param)
    spiceypy.furnsh(kernel)
    window = spiceypy.spkcov(kernel, 5)
    first, last = spiceypy.wnfetd(window, 0)
    yield np.linspace(first + 20000.0, last - 20000.0, 200)
    spiceypy.kclear()


@pytest.mark.parametrize(("where", "target"), [(sun_earth.sun_from_jupiter, 10), (sun_earth.earth_from_jupiter, 399)])
def test_positions_agree_with_the_kernels(epochs, where, target: int) -> None:
    truth = np.array([spiceypy.spkgps(target, t, "J2000", 5)[0] for t in epochs])
    apart = np.linalg.norm(where(epochs) - truth, axis=-1)
    assert apart.max() < NEIGHBOUR_KM
    # a table read a minute too early or late would be 800 km off
    assert np.linalg.norm(where(epochs + 60.0) - truth, axis=-1).min() > NEIGHBOUR_KM


def test_jupiter_velocity_is_barycentric_but_for_the_suns_own(epochs) -> None:
    truth = np.array([spiceypy.spkezr("5", t, "J2000", "NONE", "0")[0][3:] for t in epochs[::20]])
    assert np.abs(sun_earth.jupiter_velocity(epochs[::20]) - truth).max() < 0.016


@pytest.mark.parametrize(("where", "target"), [(sun_earth.apparent_sun, "10"), (sun_earth.apparent_earth, "399")])
def test_apparent_directions_agree_with_light_time_and_aberration(epochs, where, target: str) -> None:
    for t in epochs[::10]:
        truth = spiceypy.spkpos(target, t, "J2000", "LT+S", "5")[0]
        ours = where(t)
        apart = np.linalg.norm(np.cross(ours, truth)) / np.linalg.norm(ours) / np.linalg.norm(truth)
        assert np.degrees(apart) * 3600 < 0.1
