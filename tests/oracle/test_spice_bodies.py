from pathlib import Path

import numpy as np
import pytest

from perijove.bodies import JUPITER

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")


def test_jupiters_frame_agrees_with_the_planetary_constants_kernel(data: Path) -> None:
    spiceypy.furnsh(str(data / "kernels" / "pck00010.tpc"))
    try:
        for et in np.linspace(4e8, 1e9, 50):
            np.testing.assert_allclose(
                JUPITER.body_from_j2000(et), spiceypy.pxform("J2000", "IAU_JUPITER", et), atol=1e-9
            )
        assert tuple(spiceypy.bodvrd("JUPITER", "RADII", 3)[1]) == JUPITER.radii_km
    finally:
        spiceypy.kclear()
