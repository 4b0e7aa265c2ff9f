"""What our kernels say of themselves: written and read back, and what others have spoilt passed over."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.spice.solved import SolvedStrip, moved_covariance, nearest, solved_strips, solved_text

RNG = np.random.default_rng(6)


def covariance() -> np.ndarray:
    root = RNG.normal(size=(6, 6)) * np.repeat([3.0, 1e-3], 3)[:, None]
    out: np.ndarray = root @ root.T
    return out


@pytest.fixture
def strip() -> SolvedStrip:
    return SolvedStrip(
        "JNCE_2022229_44C00029_V01", 7.1e8 + 0.123456, 7.1e8 + 12.5, 30, 1.5e-3, 2e-5, 0.42, 7.5,
        {"BLUE": (-166.25, 813.5, 1.00025), "RED": (144.0, 814.21, 0.9997)}, covariance(), covariance(),
    )  # fmt: skip


def test_it_comes_back(strip: SolvedStrip) -> None:
    other = replace(strip, product_id="a name Größe " + "x" * 90, first=strip.first + 600, last=strip.last + 600)
    lines = ["Written by Perijove", *solved_text(strip), "  and so on", "", *solved_text(other), ""]
    assert all(len(line) <= 80 and line.isascii() for line in lines)
    one, two = solved_strips("\n".join(lines))
    assert (one.product_id, one.frames, one.sigma_px, one.unseen_km) == (strip.product_id, 30, 0.42, 7.5)
    assert (one.first, one.last) == pytest.approx((strip.first, strip.last), rel=0, abs=2e-7)
    assert (one.start_sigma_s, one.step_sigma_s) == (1.5e-3, 2e-5)
    assert one.optics == strip.optics
    np.testing.assert_allclose(one.found, strip.found, rtol=1e-11)
    np.testing.assert_allclose(one.before, strip.before, rtol=1e-11)
    assert one.is_of(strip.product_id, 30)
    assert not one.is_of(strip.product_id, 29)
    assert two.is_of(other.product_id, 30)
    assert nearest((one, two), 7.1e8 + 500.0) is two
    assert nearest((), 0.0) is None


@pytest.mark.parametrize(
    "spoil",
    [
        ("TIMES", "TIME"),
        ("4.200000e-01", "nan"),
        ("4.200000e-01", "much"),
        ("FOUND", "LOST"),
        ("1.000250000", "9.0"),
        ("500000000 30", "500000000"),
    ],
)
def test_what_was_changed_beyond_sense_is_passed_over(strip: SolvedStrip, spoil: tuple[str, str]) -> None:
    text = "\n".join(solved_text(strip))
    assert len(solved_strips(text)) == 1
    assert spoil[0] in text
    assert solved_strips(text.replace(*spoil)) == ()


def test_an_error_goes_on_in_a_straight_line() -> None:
    speed = np.diag([0.0, 0.0, 0.0, 1e-6, 0.0, 0.0])
    later = moved_covariance(speed, 100.0)
    assert later[0, 0] == pytest.approx(0.01)
    assert later[0, 3] == pytest.approx(1e-4)
    np.testing.assert_allclose(moved_covariance(later, -100.0), speed, atol=1e-12)
