"""Relighting by Minnaert's law."""

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.mosaic.relight import MINNAERT, relight, rounded
from perijove.render.engine import render


def test_relighting_turns_one_minnaert_sphere_into_another(look, view, et0):
    sun = np.array([-0.9, 0.3, 0.2]) / np.linalg.norm([-0.9, 0.3, 0.2])
    inertial = JUPITER.body_from_j2000(et0).T @ sun
    planes = render(look("a").swaths, JUPITER, et0, view, sun_direction=inertial)
    np.testing.assert_allclose(relight(planes, JUPITER.radii_km, view.position_km, sun), 1.0, atol=2e-5)
    # the Sun straight behind the look and 60 deg off in the view: a pixel's factor by the law itself
    there, high = view.position_km, -planes.view.view_from_body[2]
    factor = relight(planes, JUPITER.radii_km, there, high)
    assert (factor[~planes.hit] == 1.0).all()
    line, sample = 60, 60
    c = planes.cos_incidence[line, sample]
    other = spacecraft_incidence(planes, line, sample, high)
    expected = (rounded(np.float64(c), 0.06) / rounded(np.float64(other), 0.06)) ** MINNAERT
    assert factor[line, sample] == pytest.approx(expected, rel=1e-4)
    assert (relight(planes, JUPITER.radii_km, there, np.full(3, np.nan)) == 1.0).all()


def spacecraft_incidence(planes, line, sample, sun):
    """Cosine of incidence at a pixel by the gradient of the ellipsoid."""
    lat, lon = float(planes.latitude[line, sample]), float(planes.longitude[line, sample])
    unit = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    gradient = unit / np.square(JUPITER.radii_km)
    return float(gradient @ sun / np.linalg.norm(gradient))
