"""Labels made from the mission's own trajectory by SPICE: what comes back must be that trajectory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perijove.ephemeris import labels as solver
from perijove.ephemeris.apparent import apparent_position
from perijove.ephemeris.juno import PERIJOVE_UTC
from perijove.ephemeris.sun_earth import jupiter_velocity
from perijove.io.labels import read_label
from perijove.label import Label
from perijove.timescale import et_from_utc

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")

RADIUS, FLATTENING = 71492.0, (71492.0 - 66854.0) / 71492.0
PASSES = [4, 43, 44, 45]


@pytest.fixture(scope="module")
def template(data: Path) -> Iterator[Label]:
    names = ("naif0012.tls", "pck00010.tpc", "juno_rec_170106_170228_170307.bsp")
    for name in (*names, "spk_pre_220614_221109_220810_jm0450.bsp"):
        spiceypy.furnsh(str(data / "kernels" / name))
    yield read_label(data / "pj44" / "13541-Metadata.json")
    spiceypy.kclear()


def truth(et: float) -> np.ndarray:
    return np.asarray(spiceypy.spkezr("JUNO", et, "J2000", "NONE", "JUPITER")[0])


def label_at(template: Label, et: float) -> Label:
    """A label for an image of 7.46 s round ET, its times and angles rounded as real labels are."""
    start = et_from_utc(str(spiceypy.et2utc(et - 3.73, "ISOC", 3)))
    middle = start + 3.73
    seen, _ = spiceypy.spkpos("JUNO", middle, "IAU_JUPITER", "LT+S", "JUPITER")
    west, graphic, altitude = spiceypy.recpgr("JUPITER", seen, RADIUS, FLATTENING)
    return replace(
        template,
        product_id=f"AT {et:.0f}",
        start_et=start,
        stop_et=start + 7.46,
        latitude_graphic=np.radians(round(np.degrees(graphic), 4)),
        longitude_west=np.radians(round(np.degrees(west), 4)),
        altitude_km=round(altitude, 1),
    )


def test_apparent_positions_are_those_of_spice(template: Label) -> None:
    for et in et_from_utc(PERIJOVE_UTC[4]) + np.array([-3e5, -9000.0, 0.0, 9000.0, 3e5]):
        expected = spiceypy.spkpos("JUNO", et, "J2000", "LT+S", "JUPITER")[0]
        ours = apparent_position(truth(et), jupiter_velocity(et))
        # the Sun's own motion and terms of second order: 0.1 ppm of the distance
        assert np.linalg.norm(ours - expected) < 0.01 + 1.5e-7 * np.linalg.norm(expected)


@pytest.mark.parametrize("perijove", PASSES)
@pytest.mark.parametrize(
    "minutes",
    [
        np.linspace(-90, 90, 19),
        np.append(np.linspace(-90, -5, 19), 187),
        np.array([10.0, 15, 20]),
        np.array([-60.0, 90]),
    ],
    ids=["19 round perijove", "19 and one far", "3 close together", "2"],
)
def test_the_missions_trajectory_comes_back(template: Label, perijove: int, minutes: np.ndarray) -> None:
    middle = et_from_utc(PERIJOVE_UTC[perijove])
    made = [label_at(template, middle + 60 * m) for m in minutes]
    result = solver.trajectory_from_labels(made)
    assert result.rejected == ()
    for label in made:
        et = label.image_middle_et
        assert np.linalg.norm(result.position(et) - truth(et)[:3]) < 0.8
    et = result.reference_et
    miss = np.concatenate([result.position(et), result.velocity(et)]) - truth(et)
    assert np.linalg.norm(miss[:3]) < 0.3
    assert np.sqrt(miss @ np.linalg.solve(result.covariance, miss)) < 3


@pytest.mark.parametrize("perijove", PASSES)
def test_one_label_has_an_honest_sigma_wherever_it_lies(template: Label, perijove: int) -> None:
    middle = et_from_utc(PERIJOVE_UTC[perijove])
    for seconds in (-3e5, -9e4, -2e4, -9000.0, -3600.0, -900.0, 0.0, 900.0, 3600.0, 9000.0, 2e4, 9e4, 3e5):
        label = label_at(template, middle + seconds)
        result = solver.trajectory_from_label(label)
        et = result.reference_et
        miss = np.concatenate([result.position(et), result.velocity(et)]) - truth(et)
        for part in (slice(0, 3), slice(3, 6)):
            spread = result.covariance[part, part]
            assert np.sqrt(miss[part] @ np.linalg.solve(spread, miss[part])) < 3, (seconds, part)
