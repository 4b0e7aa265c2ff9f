"""Where the Earth stands over Jupiter, against SPICE with the ephemeris inside one of Juno's kernels."""

import numpy as np
import pytest
import spiceypy

from perijove.bodies import JUPITER
from perijove.ephemeris.sun_earth import apparent_earth
from perijove.geometry.viewpoint import below
from perijove.timescale import et_from_utc


@pytest.fixture
def kernels(data):
    for name in ("naif0012.tls", "pck00010.tpc", "spk_pre_220614_221109_220810_jm0450.bsp"):
        spiceypy.furnsh(str(data / "kernels" / name))
    yield
    spiceypy.kclear()


def test_sub_earth_point(kernels):
    for text in ("2022-08-17T13:16:13", "2022-07-05T08:00:00"):
        et = et_from_utc(text)
        seen = spiceypy.spkpos("399", et, "IAU_JUPITER", "LT+S", "5")[0]
        foot, _ = spiceypy.nearpt(seen, *JUPITER.radii_km)
        _, longitude, latitude = spiceypy.reclat(foot)
        under = below(JUPITER.body_from_j2000(et) @ apparent_earth(et), JUPITER)
        assert under.latitude == pytest.approx(latitude, abs=1e-6)
        assert np.remainder(under.longitude - longitude + np.pi, 2 * np.pi) - np.pi == pytest.approx(0.0, abs=1e-6)
