"""A true path from a table of positions."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE
from perijove.errors import UsageError
from perijove.simulate.flown import flight_from_table
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.scenes import ganymede_scene
from perijove.timescale import utc_from_et

FLIGHT = ganymede_scene().flight


def table(step: float, frame: str, digits: int = 2) -> tuple[str, NDArray[np.float64]]:
    """The named scene's path about its middle as a table, and the times of its rows."""
    et = FLIGHT.et.mean() + np.arange(-600.0, 600.5, step)
    place = FLIGHT.position(et)
    if frame != "J2000":
        place = np.einsum("nji,nj->ni", j2000_from_body(GANYMEDE, et), place)
    rows = [",".join([utc_from_et(float(t)), *(f"{x:.{digits}f}" for x in p)]) for t, p in zip(et, place, strict=True)]
    return "\n".join(["utc,x_km,y_km,z_km", *rows, ""]), et


@pytest.mark.parametrize("frame", ["J2000", "IAU_GANYMEDE"])
@pytest.mark.parametrize("step", [1.0, 20.0])
def test_a_table_of_a_path_is_that_path(step: float, frame: str) -> None:
    text, et = table(step, frame)
    flight = flight_from_table(text, frame, GANYMEDE, "path.csv")
    between = np.linspace(et[2], et[-3], 997)
    # rows are rounded to 10 m, and their times to a millisecond of 18 m
    np.testing.assert_allclose(flight.position(between), FLIGHT.position(between), rtol=0.0, atol=0.03)
    np.testing.assert_allclose(flight.velocity(between), FLIGHT.velocity(between), rtol=0.0, atol=0.01)


def test_rounding_of_many_rows_is_smoothed() -> None:
    # rows to the next km, 0.29 km rms: thirty rows a knot leave a third of that
    text, et = table(1.0, "J2000", digits=0)
    flight = flight_from_table(text, "J2000", GANYMEDE, "path.csv")
    between = np.linspace(et[60], et[-60], 500)
    off = flight.position(between) - FLIGHT.position(between)
    assert np.sqrt((off**2).mean()) < 0.15


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("z_km", "z"), "no columns"),
        (lambda text: "\n".join(text.splitlines()[:5]), "too short"),
        (lambda text: text.replace("\n2021-", "\n20x1-", 1), "line 2"),
        (lambda text: "\n".join([text.splitlines()[0], *text.splitlines()[:0:-1]]), "do not rise"),
        (lambda text: text.rsplit(",", 1)[0] + ",", "missing"),
    ],
)
def test_what_makes_no_path_is_told(change: Callable[[str], str], told: str) -> None:
    text, _ = table(20.0, "J2000")
    with pytest.raises(UsageError, match=told):
        flight_from_table(change(text), "J2000", GANYMEDE, "path.csv")


def test_a_frame_of_another_body_and_a_path_through_the_body_are_refused() -> None:
    text, _ = table(20.0, "J2000")
    with pytest.raises(UsageError, match="IAU_EUROPA does not go with GANYMEDE"):
        flight_from_table(text, "IAU_EUROPA", GANYMEDE, "path.csv")
    low = "\n".join(
        row if row.startswith("utc") else ",".join([row.split(",")[0], "1.0", "2.0", "3.0"])
        for row in text.splitlines()
    )
    with pytest.raises(UsageError, match="goes through GANYMEDE"):
        flight_from_table(low, "J2000", GANYMEDE, "path.csv")
