import math

import numpy as np
import pytest

from perijove.bodies import BODIES
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.defaults import HAPKE_SETS, default_law, opal_k
from perijove.photometry.hapke import reflectance
from perijove.photometry.models import Model, disc


def test_jupiter_near_opposition_is_as_hubble_maps_have_it() -> None:
    law = default_law(Model.MINNAERT, "Jupiter", math.radians(8.0))
    assert law.parameters[Filter.BLUE] == pytest.approx((0.95,))
    assert law.parameters[Filter.RED] == pytest.approx((0.9992,), abs=2e-4)
    assert law.parameters[Filter.METHANE] == pytest.approx((1.0,))
    # green lies between F502N (0.950) and F631N (0.999): 48 of 129 nm
    assert law.parameters[Filter.GREEN] == pytest.approx((0.95 + 0.049 * 48 / 129,))
    assert "OPAL" in law.source
    assert "JunoCam" not in law.source


def test_minnaert_and_barkstrom_are_one_law_near_opposition() -> None:
    k, b = (default_law(m, "JUPITER", 0.0) for m in (Model.MINNAERT, Model.BARKSTROM))
    for band in Filter:
        assert disc(b, band, 0.4, 0.4, 0.0) == pytest.approx(disc(k, band, 0.4, 0.4, 0.0))


def test_numbers_move_steadily_with_phase() -> None:
    for model in (Model.MINNAERT, Model.BARKSTROM):
        series = [default_law(model, "JUPITER", math.radians(g)) for g in (0, 11, 59, 107, 170)]
        values = np.array([law.parameters[Filter.RED][0] for law in series])
        assert values[0] == values[1]
        assert values[3] == values[4]
        assert values[2] == pytest.approx(0.5 * (values[1] + values[3]))
        assert "between" in series[2].source


def test_lunar_l_by_mcewen() -> None:
    law = default_law(Model.LUNAR_LAMBERT, "GANYMEDE", 0.5)
    # at 30 deg: 1 - 0.57 + 0.2178 - 0.03942
    share = 1 - 0.019 * 30 + 2.42e-4 * 900 - 1.46e-6 * 27000
    wanted = share * 2 * 0.5 / 0.75 + (1 - share) * 0.5
    assert disc(law, Filter.RED, 0.5, 0.25, math.radians(30.0)) == pytest.approx(wanted)
    # past 102 deg it is Lambert's
    assert disc(law, Filter.RED, 0.5, 0.25, math.radians(110.0)) == pytest.approx(0.5)


def test_europas_numbers_give_its_albedo() -> None:
    # 0.67 to 0.70 observed outside the spike, whose amplitude is 0.5 of single scattering (JPL: 0.67)
    p = np.array(HAPKE_SETS["EUROPA"].numbers)
    mu, weight = np.polynomial.legendre.leggauss(64)
    mu = 0.5 * (mu + 1.0)
    albedo = sum(w * m * reflectance(p, float(m), float(m), math.radians(0.5)) for m, w in zip(mu, weight, strict=True))
    assert 0.58 < albedo < 0.72


EVERYWHERE = {Model.NONE, Model.LAMBERT, Model.LOMMEL_SEELIGER}
KNOWN = {
    "JUPITER": EVERYWHERE | {Model.MINNAERT, Model.BARKSTROM},
    "IO": EVERYWHERE | {Model.LUNAR_LAMBERT, Model.HAPKE},
    "EUROPA": EVERYWHERE | {Model.LUNAR_LAMBERT, Model.HAPKE},
    "GANYMEDE": EVERYWHERE | {Model.LUNAR_LAMBERT},
    "CALLISTO": EVERYWHERE | {Model.LUNAR_LAMBERT},
    **dict.fromkeys(("AMALTHEA", "THEBE", "ADRASTEA", "METIS"), EVERYWHERE | {Model.LUNAR_LAMBERT}),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("model", Model)
def test_a_law_or_one_clear_sentence(model: Model, body: str) -> None:
    if model not in KNOWN[body]:
        with pytest.raises(UsageError, match=r"fitted to the observation|are known for \w+: use "):
            default_law(model, body, 1.0)
        return
    law = default_law(model, body, 1.0)
    assert law.source
    for band in Filter:
        assert 0.0 < disc(law, band, 0.5, 0.6, 1.0) <= 1.0


def test_requests_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="known for"):
        default_law(Model.MINNAERT, "Pluto", 1.0)
    with pytest.raises(UsageError, match="radians"):
        default_law(Model.MINNAERT, "JUPITER", math.nan)
    assert opal_k(Filter.BLUE) < opal_k(Filter.RED)
