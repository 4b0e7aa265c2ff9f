"""The law of light: known laws among its numbers, its symmetries, its derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.bodies import GANYMEDE, JUPITER
from perijove.instrument import Filter
from perijove.mosaic.law import AIRY, DARKEST, HORIZON, airless, parts_of, rounded, scattered, terms_of
from perijove.photometry.models import Law, Model, disc

COSINE = st.floats(0.25, 1.0)
PLAIN = {"cross": 0.0, "both": 0.0, "slope": 0.0, "bend": 0.0, "ln depth": -60.0, "ln twilight": -30.0}


def numbers_of(terms, **given_numbers):
    """Numbers of terms: those given, else 0 (no veil, no twilight)."""
    named = PLAIN | given_numbers
    return np.array([named.get(term.name, 0.0) for term in terms])


@pytest.mark.parametrize(("model", "k", "b"), [(Model.LAMBERT, 1.0, 0.0), (Model.LOMMEL_SEELIGER, 1.0, 1.0)])
def test_known_laws_are_among_its_numbers(model, k, b):
    cos_i, cos_e = (a.ravel() for a in np.meshgrid(np.linspace(0.3, 1.0, 8), np.linspace(0.3, 1.0, 8)))
    known = disc(Law(model, {Filter.GREEN: ()}, "the law itself"), Filter.GREEN, cos_i, cos_e, 1.0)
    parts = parts_of(AIRY, numbers_of(AIRY, k=k, B=b), cos_i, cos_e, np.full(cos_i.shape, 1.0), 1.0)
    # the horizon's rounding of cos e reaches up to here by a thousandth: w^2 / (4 x^2)
    np.testing.assert_allclose(np.exp(parts.ground), known, rtol=3e-3)
    np.testing.assert_allclose(parts.glow, 0.0, atol=1e-20)


def test_ground_is_one_at_normal_incidence_and_emission():
    rng = np.random.default_rng(1)
    for terms in (AIRY, airless(1.0)):
        numbers = np.array([term.value for term in terms]) + rng.normal(0.0, 0.3, len(terms))
        one = np.ones(1)
        assert parts_of(terms, numbers, one, one, one, 1.0).ground == pytest.approx(0.0, abs=1e-12)


@given(COSINE, COSINE, st.floats(0.2, 2.8))
def test_it_is_reciprocal(cos_i, cos_e, phase):
    # light / cos i is the same when Sun and viewer change places (Helmholtz), once both horizons are alike
    numbers = numbers_of(
        AIRY, k=1.2, B=0.7, cross=0.3, both=-0.2, slope=0.4, bend=0.1,
        **{"ln depth": -2.5, "ln twilight": np.log(HORIZON)},
    )  # fmt: skip
    there = parts_of(AIRY, numbers, np.array([cos_i]), np.array([cos_e]), np.array([phase]), 1.5)
    back = parts_of(AIRY, numbers, np.array([cos_e]), np.array([cos_i]), np.array([phase]), 1.5)
    c, e = rounded(np.array([cos_i]), HORIZON), rounded(np.array([cos_e]), HORIZON)
    np.testing.assert_allclose(np.exp(there.ground) / c, np.exp(back.ground) / e, rtol=1e-12)
    np.testing.assert_allclose(there.glow / c, back.glow / e, rtol=1e-12)


def test_a_thin_veil_glows_as_light_scattered_once():
    # thin: depth times P / 4 over cos e, whatever the Sun's height (Chandrasekhar 1960), P / 4 being `scattered`
    cos_i, cos_e, phase = np.array([0.9, 0.5]), np.array([0.6, 0.8]), np.array([1.0, 2.0])
    parts = parts_of(AIRY, numbers_of(AIRY, **{"ln depth": np.log(1e-5)}), cos_i, cos_e, phase, 1.5)
    np.testing.assert_allclose(parts.glow, 1e-5 * scattered(phase) / cos_e, rtol=2e-3)


def test_scattering_conserves_light():
    # the mean of the phase function over all directions is 1; `scattered` is a quarter of it
    cosine, weight = np.polynomial.legendre.leggauss(60)
    assert 4.0 * 0.5 * (weight * scattered(np.arccos(cosine))).sum() == pytest.approx(1.0, rel=1e-9)
    assert scattered(np.array(2.5)) > scattered(np.array(0.5))


def test_derivatives_are_those_of_differences():
    rng = np.random.default_rng(2)
    cos_i, cos_e, phase = rng.uniform(-0.08, 1.0, 60), rng.uniform(0.05, 1.0, 60), rng.uniform(0.5, 2.5, 60)
    for terms in (AIRY, (*airless(1.5)[:-1], AIRY[-1])):
        numbers = np.array([term.value for term in terms]) + rng.normal(0.0, 0.1, len(terms))
        parts = parts_of(terms, numbers, cos_i, cos_e, phase, 1.5)
        for j in range(len(terms)):
            up, down = numbers.copy(), numbers.copy()
            up[j] += 1e-5
            down[j] -= 1e-5
            high, low = (parts_of(terms, n, cos_i, cos_e, phase, 1.5) for n in (up, down))
            day = parts.ground > DARKEST
            change = (high.ground - low.ground) / 2e-5
            np.testing.assert_allclose(parts.ground_by[day, j], change[day], rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(parts.glow_by[:, j], (high.glow - low.glow) / 2e-5, rtol=1e-5, atol=1e-8)


def test_a_rounded_cosine_by_hand():
    assert rounded(np.array([1.0, 0.0]), 0.2) == pytest.approx([1.0, 0.2 / (1.0 + np.sqrt(1.04))])
    # w = 2 sqrt(2 h / (pi r)) is 0.0318 for a scale height of 27 km and a radius of 68,000 km
    behind = rounded(np.array([-0.02, -0.05, -0.1, -0.4]), 0.0318)
    assert (behind > 0.0).all()
    assert (np.diff(behind) < 0.0).all()
    straight = (-0.05 + np.hypot(0.05, 0.0318)) / (1.0 + np.hypot(1.0, 0.0318))
    assert behind[1] / straight == pytest.approx(np.exp(-0.5 * 0.05**2 * 68_000.0 / 27.0), rel=0.02)


def test_moons_have_no_veil():
    names = {term.name for term in terms_of(GANYMEDE, 1.0)}
    assert names == {"k", "B", "slope", "bend", "ln twilight"}
    assert {"ln depth", "ln glow"} <= {term.name for term in terms_of(JUPITER, 1.0)}
