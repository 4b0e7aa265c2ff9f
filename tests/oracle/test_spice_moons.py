"""The moons of the theory against Jupiter's own path about the barycentre of its system, by JPL's JUP310.

Jupiter is carried by its moons: its place is minus their mass-weighted sum. That tells of all four at once, since each
has its own period; a moon misplaced by 100 km moves Jupiter by 2 (Europa) to 8 m (Ganymede).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from perijove.bodies import GALILEAN, JUPITER
from perijove.ephemeris.moons import moon_state, synchronous_state

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")

TOTAL = JUPITER.gm + sum(moon.gm for moon in GALILEAN)


def carried(et: np.ndarray, where=moon_state) -> np.ndarray:
    """Jupiter's place (..., 3) km relative to the barycentre by the moons."""
    return -sum(moon.gm / TOTAL * where(moon, et)[..., :3] for moon in GALILEAN)


@pytest.fixture(params=["juno_rec_170106_170228_170307.bsp", "spk_pre_220614_221109_220810_jm0450.bsp"])
def span(data: Path, request: pytest.FixtureRequest) -> Iterator[np.ndarray]:
    path = str(data / "kernels" / request.param)
    spiceypy.furnsh(path)
    first, last, *_ = spiceypy.spkcov(path, 599)
    yield np.linspace(first + 10.0, last - 10.0, 300)
    spiceypy.kclear()


def test_jupiter_is_carried_as_jpl_has_it(span: np.ndarray) -> None:
    truth = np.array([spiceypy.spkgps(599, et, "J2000", 5)[0] for et in span])
    missed = np.linalg.norm(carried(span) - truth, axis=-1)
    assert np.sqrt((missed**2).mean()) < 2.5e-3
    assert missed.max() < 5e-3
    # circles would miss it by kilometres
    assert np.linalg.norm(carried(span, synchronous_state) - truth, axis=-1).max() > 0.5


def number(word: str) -> float:
    """A number of a transfer file: '1F5^3' is hexadecimal 0.1F5 times 16^3."""
    digits, _, power = word.strip("'").partition("^")
    sign = -1.0 if digits.startswith("-") else 1.0
    digits = digits.lstrip("-")
    exponent = int(power.lstrip("-"), 16) * (-1 if power.startswith("-") else 1)
    return sign * int(digits, 16) * 16.0 ** (exponent - len(digits))


def test_a_time_outside_the_fit_agrees_too(data: Path) -> None:
    # 2016-08-27: one record of Chebyshev coefficients of Jupiter, from a slice of JUP310
    lines = (data / "kernels" / "JNCR_2016240_01M06152_V01_METHANE_0008_0.xsp").read_text().split("\n")
    first = next(k for k, line in enumerate(lines) if line == "'JUP310                                  '")
    assert [line.strip("'") for line in lines[first + 3 : first + 7]] == ["257", "5", "1", "3"]
    et = number(lines[first + 1])
    record = [number(line) for line in lines[first + 8 : first + 77] if "^" in line]
    middle, radius, *coefficients = record
    series = np.array(coefficients[:66]).reshape(6, 11)[:3]
    truth = np.polynomial.chebyshev.chebval((et - middle) / radius, series.T)
    assert np.linalg.norm(truth) == pytest.approx(165.0, abs=5.0)
    # no moon can be farther off than what it takes to move Jupiter so
    assert np.linalg.norm(carried(np.array(et)) - truth) < 7e-3
