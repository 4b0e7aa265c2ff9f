import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.calibrate import throughput, white_balance
from perijove.instrument import Filter

PERIJOVES = st.integers(min_value=0, max_value=59)


def test_throughput_follows_the_errata() -> None:
    assert throughput(Filter.RED, 0) == pytest.approx(1.01)
    assert throughput(Filter.GREEN, 20) == pytest.approx(1.05 - 0.1574)
    assert throughput(Filter.BLUE, 40) == pytest.approx(1.07 - 0.432)
    assert throughput(Filter.METHANE, 40) == 1.0


def test_balance_is_the_undamaged_one_times_the_fading_of_green_over_that_of_the_band() -> None:
    balance = white_balance(10)
    assert balance[Filter.GREEN] == 1.0
    assert balance[Filter.RED] == pytest.approx(0.865 * (1.05 - 0.0787) / (1.01 - 0.0391))
    assert balance[Filter.BLUE] == pytest.approx(2.07 * (1.05 - 0.0787) / (1.07 - 0.108))
    assert balance[Filter.METHANE] == 1.0


@pytest.mark.parametrize(("perijove", "red", "blue"), [(1, 0.902, 1.889), (34, 0.744, 2.34), (43, 0.768, 2.63)])
def test_balance_is_near_what_others_published(perijove: int, red: float, blue: float) -> None:
    # the three scatter about any law of this form by 5 and 8 per cent
    balance = white_balance(perijove)
    assert balance[Filter.RED] == pytest.approx(red, rel=0.06)
    assert balance[Filter.BLUE] == pytest.approx(blue, rel=0.09)


@given(PERIJOVES)
def test_blue_must_be_raised_and_red_lowered_more_and_more(perijove: int) -> None:
    now, later = white_balance(perijove), white_balance(perijove + 1)
    assert later[Filter.BLUE] > now[Filter.BLUE] > 1 > now[Filter.RED] > later[Filter.RED] > 0


@given(st.one_of(st.none(), st.integers()))
def test_any_perijove_gives_factors_that_can_be_used(perijove: int | None) -> None:
    assert all(0.5 < factor < 3.0 for factor in white_balance(perijove).values())
