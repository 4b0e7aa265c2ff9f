import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.calibrate.balance import PUBLISHED, white_balance
from perijove.calibrate.response import dn_per_light
from perijove.calibrate.solar import AU_KM
from perijove.errors import UsageError
from perijove.instrument import Filter

PERIJOVES = st.one_of(st.none(), st.integers(-5, 100))
COLOURS = (Filter.RED, Filter.GREEN, Filter.BLUE)


def dn_of_white(perijove: int | None) -> dict[Filter, float]:
    return {band: dn_per_light(band, 0.0032, perijove, 5.2 * AU_KM) for band in Filter}


@given(PERIJOVES)
def test_sunlight_needs_no_balance(perijove: int | None) -> None:
    assert white_balance("solar", perijove) == dict.fromkeys(Filter, 1.0)


@given(PERIJOVES, st.tuples(*[st.floats(0.05, 20.0)] * 3))
def test_three_numbers_do_on_light_what_they_do_on_dn(perijove: int | None, factors: tuple[float, ...]) -> None:
    balance = white_balance(",".join(map(str, factors)), perijove)
    dn = dn_of_white(perijove)
    for band, factor in zip(COLOURS, factors, strict=True):
        on_dn = factor / factors[1] * dn[band]
        assert balance[band] * dn[Filter.GREEN] == pytest.approx(on_dn)
    assert balance[Filter.GREEN] == 1.0
    assert balance[Filter.METHANE] == 1.0


@pytest.mark.parametrize("perijove", sorted(PUBLISHED))
def test_published_balances_hold_at_their_perijoves(perijove: int) -> None:
    published = ",".join(str(PUBLISHED[perijove][band]) for band in COLOURS)
    assert white_balance("perijove", perijove) == pytest.approx(white_balance(published, perijove))


@given(st.integers(-5, 100))
def test_between_them_balances_lie_between(perijove: int) -> None:
    passes = sorted(PUBLISHED)
    before = max((pj for pj in passes if pj <= perijove), default=passes[0])
    after = min((pj for pj in passes if pj >= perijove), default=passes[-1])
    ends = [white_balance("perijove", pj) for pj in (before, after)]
    for band, factor in white_balance("perijove", perijove).items():
        low, high = sorted(end[band] for end in ends)
        assert low - 1e-12 <= factor <= high + 1e-12


def test_a_balance_that_makes_jupiter_grey_takes_out_jupiters_colour() -> None:
    # full-disc albedo in the bands, Karkoschka 1998: 0.442, 0.504, 0.467; the response is good to 5 or 6 per cent
    balance = white_balance("perijove", 43)
    assert balance[Filter.BLUE] == pytest.approx(0.504 / 0.442, rel=0.06)
    assert balance[Filter.RED] == pytest.approx(0.504 / 0.467, rel=0.06)


@pytest.mark.parametrize("text", [" Solar", "PERIJOVE ", " 0.9, 1 ,1.9"])
def test_case_and_spaces_do_not_matter(text: str) -> None:
    assert white_balance(text, 5) == white_balance(text.strip().lower().replace(" ", ""), 5)


@pytest.mark.parametrize(
    "text", ["", "sun", "1,1", "1,1,1,1", "1,0,1", "1,-1,1", "nan,1,1", "1,inf,1", "a,b,c", "1;1;1"]
)
def test_anything_else_is_refused_and_the_remedy_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"--white-balance is .*: give solar, perijove, or three numbers"):
        white_balance(text, 44)
