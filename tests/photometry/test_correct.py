import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.correct import Corrected, correct, factor
from perijove.photometry.defaults import default_law
from perijove.photometry.models import Law, Model, disc

Plane = NDArray[np.float32]
G = Filter.GREEN
JUPITER = [default_law(m, "JUPITER", g) for m in (Model.MINNAERT, Model.BARKSTROM) for g in (0.1, 1.9)]
FITTED = Law(
    Model.FIT, {G: (1.5, 1.35)}, "a test", {G: ((1e-4, 1e-5), (1e-5, 4e-4))}, {G: 0.02}, {G: (0.12, 0.2)}
)  # fmt: skip
LAWS = [
    *JUPITER,
    FITTED,
    default_law(Model.LAMBERT, "JUPITER", 1.0),
    default_law(Model.LOMMEL_SEELIGER, "IO", 1.0),
    default_law(Model.LUNAR_LAMBERT, "GANYMEDE", 1.0),
    default_law(Model.HAPKE, "EUROPA", 1.0),
    default_law(Model.HAPKE, "IO", 1.0),
]
NAMES = [f"{law.model}-{n}" for n, law in enumerate(LAWS)]


def plane(*values: float) -> Plane:
    return np.array([values], np.float32)


def run(
    law: Law, light: Plane, cos_i: Plane, cos_e: Plane, phase: float = 1.2, sigma: Plane | None = None
) -> Corrected:
    weight, angle = np.ones_like(light), np.full_like(light, phase)
    return correct(light, sigma, weight, cos_i, cos_e, angle, law, G)


def test_lambert_by_hand() -> None:
    exact = Law(Model.LAMBERT, {G: ()}, "a test")
    out = run(exact, plane(0.3, 0.1), plane(0.6, 0.5), plane(0.5, 0.9), sigma=plane(0.03, 0.002))
    np.testing.assert_allclose(out.light, [[0.5, 0.2]], rtol=1e-6)
    np.testing.assert_allclose(out.sigma, [[0.05, 0.004]], rtol=1e-6)
    np.testing.assert_array_equal(out.weight, [[1.0, 1.0]])


def test_sigma_holds_the_laws_own() -> None:
    law = Law(Model.MINNAERT, {G: (1.0,)}, "a test", {G: ((0.05**2,),)}, {G: 0.03})
    out = run(law, plane(0.4), plane(0.5), plane(0.8), sigma=plane(0.01))
    own, numbers, form = 0.01 / 0.5, 0.8 * 0.05 * math.log(0.5 * 0.8), 0.8 * 0.03
    assert out.light[0, 0] == pytest.approx(0.8)
    assert out.sigma[0, 0] == pytest.approx(math.sqrt(own**2 + numbers**2 + form**2), rel=1e-5)


def test_sigma_of_a_law_of_two_numbers() -> None:
    out = run(FITTED, plane(0.3), plane(0.5), plane(0.6), sigma=plane(0.0))
    value = 0.3 / float(disc(FITTED, G, 0.5, 0.6, 1.2))
    step = 1e-6
    slopes = [
        (math.log(disc(Law(Model.FIT, {G: p}, "a test"), G, 0.5, 0.6, 1.2)) + math.log(value / 0.3)) / step
        for p in ((1.5 + step, 1.35), (1.5, 1.35 + step))
    ]
    spread = math.sqrt(np.array(slopes) @ np.array(FITTED.covariance[G]) @ slopes + 0.02**2)
    assert out.sigma[0, 0] == pytest.approx(value * spread, rel=1e-4)


def test_no_sigma_given_none_made() -> None:
    out = run(FITTED, plane(0.3), plane(0.5), plane(0.6))
    assert out.sigma.shape == (0, 0)
    assert out.light.dtype == out.weight.dtype == np.float32


@pytest.mark.parametrize("law", LAWS, ids=NAMES)
def test_in_full_weight_it_is_light_over_law(law: Law) -> None:
    rng = np.random.default_rng(4)
    mu0, mu = rng.uniform(0.3, 1.0, (2, 40, 50)).astype(np.float32)
    phase = rng.uniform(0.3, 2.0, mu.shape).astype(np.float32)
    truth = rng.uniform(0.2, 0.6, mu.shape)
    light = (truth * disc(law, G, mu0, mu, phase)).astype(np.float32)
    out = correct(light, None, np.full_like(light, 0.7), mu0, mu, phase, law, G)
    np.testing.assert_allclose(out.light, truth, rtol=2e-5)
    np.testing.assert_allclose(out.weight, 0.7)


@pytest.mark.parametrize("law", LAWS, ids=NAMES)
def test_weight_fades_without_a_step(law: Law) -> None:
    line = np.linspace(-0.2, 1.0, 6001, dtype=np.float32)[None]
    full = np.full_like(line, 0.9)
    for cos_i, cos_e in ((line, full), (full, line)):
        out = run(law, np.full_like(line, 0.3), cos_i, cos_e, sigma=np.full_like(line, 0.003))
        w = out.weight[0]
        assert w[0] == 0.0
        assert w[-1] == 1.0
        assert (np.diff(w) >= 0.0).all()
        assert np.diff(w).max() < 0.01
        np.testing.assert_array_equal(np.isnan(out.light[0]), w == 0.0)
        np.testing.assert_array_equal(np.isnan(out.sigma[0]), w == 0.0)
        # where there is weight, the factor is bounded and moves smoothly
        lift = out.light[0, w > 0.0].astype(float) / 0.3
        # the law never takes a cosine below 0.03
        worst = disc(law, G, np.maximum(cos_i, 0.03), np.maximum(cos_e, 0.03), 1.2).min()
        assert lift.max() <= 1.0001 / worst
        assert np.abs(np.diff(np.log(lift))).max() < 0.02


@pytest.mark.parametrize("law", LAWS, ids=NAMES)
def test_what_the_softening_changes_is_in_sigma(law: Law) -> None:
    mu0 = np.linspace(0.031, 0.3, 200, dtype=np.float32)[None]
    mu = np.full_like(mu0, 0.6)
    truth = 0.4
    light = (truth * disc(law, G, mu0, mu, 1.2)).astype(np.float32)
    out = run(law, light, mu0, mu, sigma=np.zeros_like(mu0))
    known = out.weight[0] > 0.0
    off = np.abs(np.log(out.light[0, known] / truth))
    assert (off <= out.sigma[0, known] / out.light[0, known] + 1e-4).all()
    # and no bright rim: what is left of the light only falls
    assert (out.light[0, known] < truth * 1.001).all()


@given(
    st.sampled_from(LAWS),
    st.floats(-1.0, 1.0, width=32),
    st.floats(-1.0, 1.0, width=32),
    st.floats(0.0, 3.0, width=32),
    st.floats(-0.125, 2.0, width=32),
    st.floats(0.0, 1.0, width=32),
)
def test_every_pixel_is_finite_or_nothing(
    law: Law, cos_i: float, cos_e: float, phase: float, light: float, weight: float
) -> None:
    out = correct(
        plane(light), plane(0.01), plane(weight), plane(cos_i), plane(cos_e), plane(phase), law, G
    )  # fmt: skip
    value, doubt, trust = (float(a[0, 0]) for a in (out.light, out.sigma, out.weight))
    assert 0.0 <= trust <= weight
    if trust > 0.0:
        assert math.isfinite(value)
        assert doubt > 0.0
        assert math.copysign(1.0, value) == math.copysign(1.0, light)
    else:
        assert math.isnan(value)
        assert math.isnan(doubt)


def test_unknown_geometry_is_nothing() -> None:
    nan = float("nan")
    for cos_i, cos_e, light in ((nan, 0.5, 0.1), (0.5, nan, 0.1), (0.5, 0.5, nan)):
        out = run(FITTED, plane(light), plane(cos_i), plane(cos_e))
        assert np.isnan(out.light).all()
        assert (out.weight == 0.0).all()
    assert np.isnan(run(FITTED, plane(0.1), plane(0.5), plane(0.5), phase=nan).light).all()


@pytest.mark.parametrize("law", LAWS, ids=NAMES)
def test_the_night_stays_night_for_the_eye(law: Law) -> None:
    line = np.linspace(-0.5, 1.0, 3001, dtype=np.float32)[None]
    phase, away = np.full_like(line, 1.2), np.full_like(line, 0.7)
    lift = factor(line, away, phase, law, G)
    assert (lift[line <= 0.0] == 1.0).all()
    day = line[0] > 0.0
    seen = disc(law, G, line, away, phase)[0, day] * lift[0, day]
    # from the terminator on it only gets brighter, up to even light, without a seam
    assert (np.diff(seen) > -2e-6).all()
    assert seen[0] < 0.01
    bright = line[0, day] > 0.31
    np.testing.assert_allclose(seen[bright], 1.0, rtol=1e-4)


def test_off_the_disc_the_picture_is_left_alone() -> None:
    nan = float("nan")
    lift = factor(plane(nan, 0.5, 0.5), plane(0.5, nan, -0.1), plane(1.0, 1.0, 1.0), FITTED, G)
    np.testing.assert_array_equal(lift, 1.0)
    none = default_law(Model.NONE, "JUPITER", 1.0)
    np.testing.assert_array_equal(factor(plane(0.1), plane(0.1), plane(1.0), none, G), 1.0)


def test_planes_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="one shape"):
        run(FITTED, plane(0.1, 0.2), plane(0.1), plane(0.1, 0.2))
    with pytest.raises(UsageError, match="no numbers for RED"):
        factor(plane(0.1), plane(0.1), plane(0.1), FITTED, Filter.RED)
