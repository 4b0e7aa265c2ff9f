"""Trajectories from tables of positions: frames, rounding, velocity, and tables that will not do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from perijove.bodies import BODIES, EUROPA, GANYMEDE, JUPITER, Body
from perijove.ephemeris.moons import moon_state
from perijove.ephemeris.table import (
    COARSEST_KM,
    LEAST_ROWS,
    SHARE_PER_S,
    PositionTable,
    frame_body,
    trajectory_from_table,
)
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PerijoveError, TrajectoryError, UsageError
from perijove.io.trajectory_table import read_trajectory_table

FloatArray = NDArray[np.float64]

T0 = 676357153.0
RADIUS_KM, RATE = 4000.0, 18.0 / 4000.0
# the plane of a circle at 18 km/s, tilted against all axes
ALONG, ACROSS = np.array([0.6, 0.0, 0.8]), np.array([0.48, 0.8, -0.36])


def place(et: FloatArray) -> FloatArray:
    """The circle in j2000."""
    angle = RATE * (np.asarray(et) - T0)[..., None]
    return RADIUS_KM * (np.cos(angle) * ALONG + np.sin(angle) * ACROSS)


def velocity(et: FloatArray) -> FloatArray:
    angle = RATE * (np.asarray(et) - T0)[..., None]
    return RADIUS_KM * RATE * (np.cos(angle) * ACROSS - np.sin(angle) * ALONG)


def tabled(
    position: FloatArray, et: FloatArray, unit_km: float, frame: str = "J2000", centre: str | None = None
) -> PositionTable:
    rounded = np.round(position / unit_km) * unit_km
    return PositionTable(et, rounded, np.full(rounded.shape, unit_km), frame, "juno.csv", centre)


def turned(et: FloatArray, position: FloatArray, body: Body) -> FloatArray:
    """Positions in j2000 as they are in the frame that turns with a body."""
    out: FloatArray = np.einsum("nij,nj->ni", body.body_from_j2000(et), position)
    return out


SECONDS = T0 + np.arange(-300.0, 301.0)


def rotated_about_x(vector: FloatArray, degrees: float) -> FloatArray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(vector @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T)


@pytest.mark.parametrize("frame", ["J2000", "ICRF", "ECLIPJ2000", "IAU_GANYMEDE"])
@pytest.mark.parametrize("unit_km", [0.1, 1e-6])
def test_place_and_velocity_are_recovered_to_the_rounding(frame: str, unit_km: float) -> None:
    told = place(SECONDS)
    if frame == "IAU_GANYMEDE":
        told = turned(SECONDS, told, GANYMEDE)
    if frame == "ECLIPJ2000":
        # the ecliptic's obliquity at J2000, 23 deg 26' 21.448"
        told = rotated_about_x(told, -(23 + 26 / 60 + 21.448 / 3600))
    table = tabled(told, SECONDS, unit_km, frame)
    found = trajectory_from_table(table, GANYMEDE, T0 - 15.0, T0 + 15.0)
    et = np.linspace(T0 - 60.0, T0 + 60.0, 241)
    # a cubic between states 10 s apart leaves h^4 / 384 of the fourth derivative
    joined = 1e4 / 384 * RADIUS_KM * RATE**4
    assert np.abs(found.position(et) - place(et)).max() < 0.5 * unit_km + joined
    # a slope through every rounded point would be off by about as much as the unit a second
    assert np.abs(found.velocity(found.et[1:-1]) - velocity(found.et[1:-1])).max() < 0.1 * unit_km
    assert (found.body, found.source) == ("GANYMEDE", "table")
    # what is left is what rounding left: a twelfth's root in each coordinate
    assert found.rms_km == pytest.approx(unit_km * np.sqrt(3 / 12), rel=0.3)


def test_the_ecliptic_by_hand() -> None:
    # the ecliptic's pole stands 23.44 deg from the equator's, towards -y; the equinox is common to both
    pole = np.tile([0.0, 0.0, 5000.0], (601, 1)) + np.outer(SECONDS - T0, [1.0, 0.0, 0.0])
    found = trajectory_from_table(tabled(pole, SECONDS, 1e-3, "ECLIPJ2000"), GANYMEDE, T0, T0 + 10.0)
    np.testing.assert_allclose(found.position(T0), [0.0, -5000 * 0.39777716, 5000 * 0.91748206], rtol=0, atol=1e-3)
    np.testing.assert_allclose(found.velocity(T0), [1.0, 0.0, 0.0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("frame", ["ECLIPJ2000", "IAU_GANYMEDE", "IAU_EUROPA", "IAU_JUPITER"])
def test_frames_are_those_of_spice(data: Path, frame: str) -> None:
    spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")
    from perijove.spice.toolkit import toolkit

    with toolkit([data / "kernels" / "pck00010.tpc"]):
        turns = np.array([spiceypy.pxform("J2000", frame, float(t)) for t in SECONDS])
    body = BODIES.get(frame.removeprefix("IAU_"), GANYMEDE)
    table = tabled(np.einsum("nij,nj->ni", turns, place(SECONDS)), SECONDS, 1e-6, frame)
    found = trajectory_from_table(table, body, T0, T0 + 10.0)
    # 4000 km times what the kernel rounds off of an angle of the moons' nutation
    assert np.abs(found.position(found.et) - place(found.et)).max() < 2e-3
    assert np.abs(found.velocity(found.et[1:-1]) - velocity(found.et[1:-1])).max() < 1e-5


def test_every_body_has_its_frame_and_others_are_refused() -> None:
    for name, body in BODIES.items():
        assert frame_body(f"IAU_{name}") is body
    assert {frame_body(name) for name in ("J2000", "ICRF", "EME2000", "GCRF", "ECLIPJ2000")} == {None}
    for wrong in ("IAU_PLUTO", "GANYMEDE", "IAU_", "", "B1950"):
        with pytest.raises(UsageError, match=r"--frame .* is not known: give one of J2000.*IAU_GANYMEDE"):
            frame_body(wrong)


@pytest.mark.parametrize("frame", ["IAU_JUPITER", "J2000"])
def test_a_table_about_the_planet_serves_for_its_moon(frame: str) -> None:
    about = place(SECONDS) + moon_state(GANYMEDE, SECONDS)[:, :3]
    told = turned(SECONDS, about, JUPITER) if frame == "IAU_JUPITER" else about
    table = tabled(told, SECONDS, 1e-3, frame, None if frame == "IAU_JUPITER" else "JUPITER")
    found = trajectory_from_table(table, GANYMEDE, T0 - 10.0, T0 + 10.0, 2.0)
    assert found.body == "GANYMEDE"
    assert np.abs(found.position(found.et) - place(found.et)).max() < 2e-3
    # short waves that the theory's velocity rounds off, below 1 m/s
    assert np.abs(found.velocity(found.et[1:-1]) - velocity(found.et[1:-1])).max() < 1e-3
    # the theory's error comes on top
    assert total_error_km(found) == pytest.approx(np.hypot(2.0, 60.0))
    own = trajectory_from_table(tabled(place(SECONDS), SECONDS, 1e-3), GANYMEDE, T0 - 10.0, T0 + 10.0, 2.0)
    assert total_error_km(own) == pytest.approx(2.0)
    # the velocity is off by what the place is in three quarters of an hour
    np.testing.assert_allclose(np.sqrt(np.diag(own.covariance)[3:] / np.diag(own.covariance)[:3]), SHARE_PER_S)


@pytest.mark.parametrize("sigma_km", [0.01, 0.5, 19.0])
def test_what_is_said_of_its_error_is_kept(sigma_km: float) -> None:
    found = trajectory_from_table(tabled(place(SECONDS), SECONDS, 0.1), GANYMEDE, T0, T0 + 10.0, sigma_km)
    assert total_error_km(found) == pytest.approx(sigma_km)


def total_error_km(found: Trajectory) -> float:
    """One sigma of a coordinate, with what the limb cannot tell."""
    return float(np.hypot(np.sqrt(found.covariance[0, 0]), found.unseen_km))


@pytest.mark.parametrize(("frame", "target"), [("IAU_GANYMEDE", JUPITER), ("IAU_EUROPA", GANYMEDE)])
def test_a_table_about_another_body_is_refused(frame: str, target: Body) -> None:
    table = tabled(place(SECONDS), SECONDS, 0.1, frame)
    with pytest.raises(UsageError, match=rf"juno.csv .* from {frame[4:]}, of no use .* {target.name}: give --target"):
        trajectory_from_table(table, target, T0, T0 + 10.0)
    with pytest.raises(UsageError, match=r"juno.csv .* from EUROPA"):
        trajectory_from_table(replace(table, centre=EUROPA.name), GANYMEDE, T0, T0 + 10.0)


def test_it_reaches_two_minutes_beyond_the_strip_or_as_far_as_the_table() -> None:
    table = tabled(place(SECONDS), SECONDS, 0.1)
    found = trajectory_from_table(table, GANYMEDE, T0 - 10.0, T0 + 20.0)
    assert (found.et[0], found.et[-1], found.reference_et) == (T0 - 130.0, T0 + 140.0, T0 + 5.0)
    ends = trajectory_from_table(table, GANYMEDE, T0 - 290.0, T0 + 300.0)
    assert (ends.et[0], ends.et[-1]) == (T0 - 300.0, T0 + 300.0)
    assert np.isfinite(ends.position_km).all()


@pytest.mark.parametrize(("first", "last"), [(-301.0, -280.0), (290.0, 301.0), (400.0, 410.0), (-900.0, 900.0)])
def test_a_strip_beyond_the_table_is_told_what_it_spans(first: float, last: float) -> None:
    table = tabled(place(SECONDS), SECONDS, 0.1)
    spans = rf"juno.csv spans {-300 - first:+.0f} to {300 - first:+.0f} s from the strip's first frame"
    with pytest.raises(TrajectoryError, match=spans.replace("+", r"\+") + r".*correct --start"):
        trajectory_from_table(table, GANYMEDE, T0 + first, T0 + last)


@pytest.mark.parametrize("rows", range(LEAST_ROWS))
def test_too_few_rows_are_refused(rows: int) -> None:
    et = T0 + 10.0 * np.arange(rows)
    with pytest.raises(TrajectoryError, match=rf"juno.csv has {rows} rows, but at least 6 are needed"):
        trajectory_from_table(tabled(place(et), et, 0.1), GANYMEDE, T0, T0 + 1.0)


def test_few_rows_will_do_where_they_are_close() -> None:
    et = T0 + 10.0 * np.arange(LEAST_ROWS)
    found = trajectory_from_table(tabled(place(et), et, 1e-3), GANYMEDE, T0 + 5.0, T0 + 45.0)
    inside = np.linspace(T0, T0 + 50.0, 51)
    assert np.abs(found.position(inside) - place(inside)).max() < 0.02


@pytest.mark.parametrize("step", [30.0, 60.0, 100.0, 170.0, 260.0, 400.0, 900.0])
@pytest.mark.parametrize("rows", [6, 9, 13, 40])
def test_coarse_tables_are_right_or_refused(step: float, rows: int) -> None:
    # all phases of a strip of 30 s between the rows
    for share in (0.3, 0.5, 0.9):
        et = T0 + step * (np.arange(rows) - rows // 2 - share) + 15.0
        table = tabled(place(et), et, 1e-3)
        try:
            found = trajectory_from_table(table, GANYMEDE, T0, T0 + 30.0)
        except TrajectoryError:
            found = None
        inside = np.linspace(T0, T0 + 30.0, 31)
        if found is not None:
            assert np.abs(found.position(inside) - place(inside)).max() < COARSEST_KM
        # 18 km/s round a circle of 4000 km in 23 minutes: half a minute's rows are fine enough
        assert found is not None or step > 40.0


@pytest.mark.parametrize(
    ("step", "rows"), [(120.0, 60), (200.0, 60), (300.0, 8), (300.0, 60), (600.0, 11), (900.0, 60)]
)
def test_the_bend_of_a_flyby_between_far_rows_is_not_missed(step: float, rows: int) -> None:
    # past Ganymede at 18.6 km/s, 1000 km up: half of the bend lies within seven minutes
    def fall(_: float, state: FloatArray) -> FloatArray:
        return np.concatenate([state[3:], -GANYMEDE.gm * state[:3] / np.linalg.norm(state[:3]) ** 3])

    low = np.array([3671.0, 0.0, 0.0, 0.0, 18.6, 0.0])
    after = solve_ivp(fall, (0.0, 3e4), low, rtol=1e-11, atol=1e-8, dense_output=True).sol

    def flown(et: FloatArray) -> FloatArray:
        # the way in is the way out seen in a mirror
        out: FloatArray = after(np.abs(et - T0))[:3].T * np.where(et < T0, -1.0, 1.0)[:, None] ** [0, 1, 0]
        return out

    inside = np.linspace(T0 + 30.0, T0 + 90.0, 61)
    refused = False
    for share in (0.0, 0.3, 0.5):
        et = T0 + step * (np.arange(rows) - (rows - 1) / 2 + share)
        try:
            found = trajectory_from_table(tabled(flown(et), et, 1e-6), GANYMEDE, inside[0], inside[-1])
            assert np.abs(found.position(inside) - flown(inside)).max() < COARSEST_KM
        except TrajectoryError:
            refused = True
    assert refused == (step > 120.0)


@pytest.mark.parametrize("gap", [20.0, 110.0, 130.0, 500.0])
def test_a_gap_is_bridged_well_or_refused(gap: float) -> None:
    et = T0 + np.arange(-900.0, 901.0)
    et = et[np.abs(et - T0) >= gap / 2]
    table = tabled(place(et), et, 0.1)
    inside = np.linspace(T0 - 15.0, T0 + 15.0, 31)
    if gap > 120.0:
        with pytest.raises(TrajectoryError, match=rf"juno.csv has a gap of {gap:.0f} s .* give a table without it"):
            trajectory_from_table(table, GANYMEDE, inside[0], inside[-1])
    else:
        found = trajectory_from_table(table, GANYMEDE, inside[0], inside[-1])
        assert np.abs(found.position(inside) - place(inside)).max() < COARSEST_KM
    # far from it nobody minds
    trajectory_from_table(table, GANYMEDE, T0 + 500.0, T0 + 530.0)


def test_a_slip_is_refused() -> None:
    told = place(SECONDS)
    told[320:] += [500.0, 0.0, 0.0]
    with pytest.raises(TrajectoryError, match=r"juno.csv is too coarse or too rough .* leave [0-9.]+ km open"):
        trajectory_from_table(tabled(told, SECONDS, 0.1), GANYMEDE, T0, T0 + 10.0)


@settings(max_examples=25, deadline=None)
@given(
    step=st.floats(0.2, 12.0), unit=st.floats(-6.0, 0.0), body=st.sampled_from([GANYMEDE, JUPITER]),
    first=st.floats(-50.0, 50.0), scatter=st.floats(0.0, 0.9), seed=st.integers(0, 9),
)  # fmt: skip
def test_any_spacing_and_rounding(
    step: float, unit: float, body: Body, first: float, scatter: float, seed: int
) -> None:
    unit_km = 10.0**unit
    et = T0 - 240.0 + step * np.arange(int(480.0 / step))
    et += scatter * step * np.random.default_rng(seed).uniform(-0.5, 0.5, len(et))
    table = tabled(turned(et, place(et), body), et, unit_km, f"IAU_{body.name}")
    found = trajectory_from_table(table, body, T0 + first, T0 + first + 30.0)
    inside = np.linspace(T0 + first, T0 + first + 30.0, 61)
    assert np.abs(found.position(inside) - place(inside)).max() < unit_km + 3e-4


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(st.floats(-1e12, 1e12), min_size=24, max_size=60),
    steps=st.floats(1e-3, 500.0),
    unit=st.sampled_from([1e-9, 1e-3, 1.0, 1e6]),
)
def test_whatever_a_table_holds_the_answer_is_numbers_or_a_refusal(
    numbers: list[float], steps: float, unit: float
) -> None:
    told = np.array(numbers[: len(numbers) // 3 * 3]).reshape(-1, 3)
    et = T0 + steps * np.arange(len(told))
    table = PositionTable(et, told, np.full(told.shape, unit), "IAU_GANYMEDE", "juno.csv")
    refusal = "juno.csv"
    try:
        found = trajectory_from_table(table, GANYMEDE, et[1], et[-2])
        assert np.isfinite(found.position_km).all()
        assert np.isfinite(found.velocity_km_s).all()
    except PerijoveError as error:
        refusal = str(error)
    assert "juno.csv" in refusal


@pytest.fixture(scope="module")
def past_ganymede(data: Path) -> PositionTable:
    return read_trajectory_table(data / "pj34-ganymede" / "juno_iau_ganymede.csv")


def thinned(table: PositionTable, which: slice) -> PositionTable:
    return replace(
        table, et=table.et[which], position_km=table.position_km[which], rounding_km=table.rounding_km[which]
    )


def test_rows_left_out_of_the_flyby_of_2021_are_told_by_the_others(past_ganymede: PositionTable) -> None:
    middle = T0 + 5.0
    found = trajectory_from_table(thinned(past_ganymede, slice(None, None, 7)), GANYMEDE, middle - 100, middle + 100)
    rows = np.abs(past_ganymede.et - middle) < 100.0
    told = past_ganymede.position_km[rows]
    left = turned(past_ganymede.et[rows], found.position(past_ganymede.et[rows]), GANYMEDE) - told
    # the table has six figures, thousands of km to 0.01 km, and times to 0.5 ms of 18 km/s
    assert np.abs(left).max() < 0.5 * past_ganymede.rounding_km[rows].max() + 0.01


def test_the_flyby_of_2021_bends_as_ganymede_pulls(past_ganymede: PositionTable) -> None:
    found = trajectory_from_table(past_ganymede, GANYMEDE, T0 - 60.0, T0 + 60.0)
    before, after = found.velocity(T0 - 60.0), found.velocity(T0 + 60.0)
    r = found.position(T0)
    pull = -GANYMEDE.gm / np.linalg.norm(r) ** 3 * r
    # the pull changes by some percent over the two minutes, and Jupiter's tide is a thousandth of it
    np.testing.assert_allclose((after - before) / 120.0, pull, rtol=0, atol=0.05 * float(np.linalg.norm(pull)))
    assert found.rms_km < 0.05
