import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.defaults import HAPKE_SETS
from perijove.photometry.hapke import many_scatter, reflectance
from perijove.photometry.models import Law, Model, disc

G = Filter.GREEN
NUMBERS = {
    Model.NONE: (),
    Model.LAMBERT: (),
    Model.MINNAERT: (1.3,),
    Model.LOMMEL_SEELIGER: (),
    Model.LUNAR_LAMBERT: (0.4,),
    Model.HAPKE: HAPKE_SETS["EUROPA"].numbers,
    Model.BARKSTROM: (1.55,),
    Model.FIT: (1.5, 1.3),
}

cosines = st.floats(0.01, 1.0)


def law(model: Model, *numbers: float) -> Law:
    return Law(model, {G: numbers or NUMBERS[model]}, "a test")


def at(model: Model, *numbers: float, i: float, e: float, g: float) -> float:
    return float(disc(law(model, *numbers), G, math.cos(math.radians(i)), math.cos(math.radians(e)), math.radians(g)))


def test_every_law_by_hand() -> None:
    # mu0 = 1/2, mu = 1/4
    assert disc(law(Model.NONE), G, 0.5, 0.25, 1.0) == 1.0
    assert disc(law(Model.LAMBERT), G, 0.5, 0.25, 1.0) == pytest.approx(0.5)
    assert disc(law(Model.MINNAERT, 2.0), G, 0.5, 0.25, 1.0) == pytest.approx(0.25 * 0.25)
    assert disc(law(Model.LOMMEL_SEELIGER), G, 0.5, 0.25, 1.0) == pytest.approx(4.0 / 3.0)
    assert disc(law(Model.LUNAR_LAMBERT, 0.25), G, 0.5, 0.25, 1.0) == pytest.approx(0.25 * 4 / 3 + 0.75 * 0.5)
    assert disc(law(Model.BARKSTROM, 2.0), G, 0.5, 0.25, 1.0) == pytest.approx(4.0 * (1.0 / 3.0) ** 2)
    assert disc(law(Model.FIT, 2.0, 1.0), G, 0.5, 0.25, 1.0) == pytest.approx(0.0625 * 2.0 / 0.75)


@pytest.mark.parametrize(
    ("model", "number", "value"),
    [
        # the values that USGS's ISIS is tested with at i 45, e 30, g 60 deg (in the public domain)
        (Model.LUNAR_LAMBERT, 1.0, 0.898979),
        (Model.LUNAR_LAMBERT, 0.0, 0.707107),
        (Model.LUNAR_LAMBERT, 0.5, 0.803043),
        (Model.MINNAERT, 1.0, 0.707107),
        (Model.MINNAERT, 0.0, 1.1547),
        (Model.MINNAERT, 0.5, 0.903602),
        (Model.MINNAERT, 2.0, 0.433013),
    ],
)
def test_laws_against_isis(model: Model, number: float, value: float) -> None:
    assert at(model, number, i=45, e=30, g=60) == pytest.approx(value, rel=2e-6)


@pytest.mark.parametrize(
    ("numbers", "vertical", "slanted"),
    [
        # ISIS, HapkeHen: smooth and isotropic; and rough (30 deg) with surge and one backward lobe
        ((0.5, 0.0, 0.0, 0.0, 0.0, 0.0), 0.0965097, 0.0832883),
        ((0.52, 0.213, 1.0, 1.0, 1.0, math.radians(30.0)), 0.286048, 0.1342),
    ],
)
def test_hapke_against_isis(numbers: tuple[float, ...], vertical: float, slanted: float) -> None:
    p = np.array(numbers)
    i, e, g = np.radians([45.0, 30.0, 60.0])
    assert reflectance(p, 1.0, 1.0, 0.0) == pytest.approx(vertical, rel=1e-5)
    assert reflectance(p, np.cos(i), np.cos(e), g) == pytest.approx(slanted, rel=5e-5)


def test_hapke_h_function_is_near_chandrasekhars() -> None:
    # 1 / H(x) = sqrt(1 - w) + w / 2 int y H(y) / (x + y) dy, iterated on Gauss points
    nodes, weights = np.polynomial.legendre.leggauss(48)
    y, dy = 0.5 * (nodes + 1.0), 0.5 * weights
    for w in (0.3, 0.7, 0.95):
        exact = np.ones_like(y)
        for _ in range(300):
            exact = 1.0 / (math.sqrt(1.0 - w) + 0.5 * w * (dy * y * exact / (y[:, None] + y)).sum(axis=1))
        near = [many_scatter(float(x), math.sqrt(1.0 - w)) for x in y]
        np.testing.assert_allclose(near, exact, rtol=0.045)


def slow_hapke(p: tuple[float, ...], mu0: float, mu: float, g: float) -> float:
    """Hapke's rough surface written from the papers once more, in angles."""
    w, b, c, h, b0, theta = p
    i, e = math.acos(mu0), math.acos(mu)
    psi = math.acos(max(-1.0, min(1.0, (math.cos(g) - mu0 * mu) / (math.sin(i) * math.sin(e)))))
    cot_t, tan_t = 1 / math.tan(theta), math.tan(theta)
    chi = (1 + math.pi * tan_t**2) ** -0.5
    e1 = [math.exp(-2 / math.pi * cot_t / math.tan(x)) for x in (i, e)]
    e2 = [math.exp(-1 / math.pi * (cot_t / math.tan(x)) ** 2) for x in (i, e)]
    eta = [chi * (math.cos(x) + math.sin(x) * tan_t * e2[k] / (2 - e1[k])) for k, x in enumerate((i, e))]
    flat, tall = (0, 1) if i <= e else (1, 0)  # the steeper view is 'tall'
    angle = (i, e)
    under = 2 - e1[tall] - psi / math.pi * e1[flat]
    s2 = math.sin(psi / 2) ** 2
    effective = {
        flat: math.cos(psi) * e2[tall] + s2 * e2[flat],
        tall: e2[tall] - s2 * e2[flat],
    }
    inner = {k: chi * (math.cos(angle[k]) + math.sin(angle[k]) * tan_t * v / under) for k, v in effective.items()}
    f = math.exp(-2 * math.tan(psi / 2))
    ratio = math.cos(angle[flat]) / eta[flat]
    shade = inner[1] / eta[1] * mu0 / eta[0] * chi / (1 - f + f * chi * ratio)
    lobes = [(1 - b * b) / (1 - s * 2 * b * math.cos(g) + b * b) ** 1.5 for s in (1, -1)]
    phase = (1 + c) / 2 * lobes[0] + (1 - c) / 2 * lobes[1]
    surge = b0 / (1 + math.tan(g / 2) / h)
    big = [(1 + 2 * inner[k]) / (1 + 2 * inner[k] * math.sqrt(1 - w)) for k in (0, 1)]
    return w / 4 * inner[0] / (inner[0] + inner[1]) * ((1 + surge) * phase + big[0] * big[1] - 1) * shade


@given(cosines, cosines, st.floats(0.02, 3.0), st.floats(0.1, 0.99), st.floats(-1, 1), st.floats(0.05, 0.7))
def test_hapke_against_a_slow_one(a: float, b: float, psi: float, w: float, c: float, theta: float) -> None:
    a, b = min(a, 0.999), min(b, 0.999)
    g = math.acos(a * b + math.sqrt((1 - a * a) * (1 - b * b)) * math.cos(psi))
    p = (w, 0.3, c, 0.05, 0.7, theta)
    assert reflectance(np.array(p), a, b, g) == pytest.approx(slow_hapke(p, a, b, g), rel=1e-9)


@given(cosines, cosines, st.floats(0.05, 3.0), st.sampled_from(list(Model)))
def test_sun_and_viewer_may_change_places(a: float, b: float, psi: float, model: Model) -> None:
    # Helmholtz: light / mu0 is symmetric for all but `none`, which is no law
    g = math.acos(max(-1.0, min(1.0, a * b + math.sqrt((1 - a * a) * (1 - b * b)) * math.cos(psi))))
    there, back = disc(law(model), G, a, b, g) / a, disc(law(model), G, b, a, g) / b
    if model is Model.NONE:
        assert there * a == pytest.approx(back * b) == 1.0
    else:
        assert there == pytest.approx(back, rel=1e-9)


@given(cosines, cosines, st.floats(0.0, 3.1))
def test_limits(a: float, b: float, g: float) -> None:
    lambert, seeliger = disc(law(Model.LAMBERT), G, a, b, g), disc(law(Model.LOMMEL_SEELIGER), G, a, b, g)
    assert disc(law(Model.MINNAERT, 1.0), G, a, b, g) == pytest.approx(lambert)
    assert disc(law(Model.LUNAR_LAMBERT, 0.0), G, a, b, g) == pytest.approx(lambert)
    assert disc(law(Model.LUNAR_LAMBERT, 1.0), G, a, b, g) == pytest.approx(seeliger)
    assert disc(law(Model.BARKSTROM, 1.0), G, a, b, g) == pytest.approx(seeliger)
    assert disc(law(Model.FIT, 1.0, 0.0), G, a, b, g) == pytest.approx(lambert)
    assert disc(law(Model.FIT, 0.9, 0.0), G, a, b, g) == pytest.approx(disc(law(Model.MINNAERT, 0.9), G, a, b, g))
    assert disc(law(Model.FIT, 1.6, 1.6), G, a, b, g) == pytest.approx(disc(law(Model.BARKSTROM, 1.6), G, a, b, g))
    # where mu0 = mu Barkstrom's B is 2 k
    assert disc(law(Model.BARKSTROM, 1.8), G, a, a, g) == pytest.approx(disc(law(Model.MINNAERT, 0.9), G, a, a, g))


@given(st.sampled_from(list(Model)), st.floats(0.0, 3.1))
def test_vertical_light_and_view_is_one(model: Model, g: float) -> None:
    phase = 0.0 if model is Model.HAPKE else g
    assert disc(law(model), G, 1.0, 1.0, phase) == pytest.approx(1.0)


def test_numbers_that_depend_on_phase() -> None:
    sloping = law(Model.MINNAERT, 0.9, 0.2)
    assert disc(sloping, G, 0.5, 0.5, 1.0) == pytest.approx(disc(law(Model.MINNAERT, 1.1), G, 0.5, 0.5, 1.0))
    # L is held within 0..1: 1 - 2 g is -1 at g = 1
    held = law(Model.LUNAR_LAMBERT, 1.0, -2.0)
    assert disc(held, G, 0.5, 0.25, 1.0) == pytest.approx(0.5)


def test_night_is_dark_and_the_far_side_unknown() -> None:
    for model in Model:
        out = disc(law(model), G, [-0.1, 0.0, 0.5, 0.5, np.nan], [0.5, 0.5, -0.1, 0.0, 0.5], 1.0)
        np.testing.assert_array_equal(out, [0.0, 0.0, np.nan, np.nan, np.nan])


def test_arguments_broadcast() -> None:
    assert disc(law(Model.BARKSTROM), G, np.full((3, 1), 0.5), np.full((1, 4), 0.5), 0.3).shape == (3, 4)


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="takes 6 finite numbers"):
        Law(Model.HAPKE, {G: (0.9, 0.2)}, "a test")
    with pytest.raises(UsageError, match="finite"):
        Law(Model.MINNAERT, {G: (math.nan,)}, "a test")
    with pytest.raises(UsageError, match="covariance of shape"):
        Law(Model.FIT, {G: (1.0, 0.0)}, "a test", covariance={G: ((1.0,),)})
    with pytest.raises(UsageError, match="no numbers for RED"):
        disc(law(Model.MINNAERT), Filter.RED, 0.5, 0.5, 1.0)
