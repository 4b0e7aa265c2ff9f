from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from perijove.bodies import BODIES

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")


@pytest.fixture(scope="module")
def kernel(data: Path) -> Iterator[None]:
    spiceypy.furnsh(str(data / "kernels" / "pck00010.tpc"))
    yield
    spiceypy.kclear()


@pytest.mark.parametrize("name", list(BODIES))
def test_frames_agree_with_the_planetary_constants_kernel(kernel: None, name: str) -> None:
    for et in np.linspace(4e8, 1e9, 50):
        expected = spiceypy.pxform("J2000", f"IAU_{name}", et)
        np.testing.assert_allclose(BODIES[name].body_from_j2000(et), expected, atol=1e-9)


@pytest.mark.parametrize("name", list(BODIES))
def test_radii_agree_with_the_planetary_constants_kernel(kernel: None, name: str) -> None:
    assert tuple(spiceypy.bodvrd(name, "RADII", 3)[1]) == BODIES[name].radii_km


@pytest.mark.parametrize("name", list(BODIES))
def test_numbers_are_those_of_spice(kernel: None, name: str) -> None:
    assert spiceypy.bodn2c(name) == BODIES[name].naif_id
