"""The path past a moon from labels made of Juno's real one past Ganymede in June 2021."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import BSpline, make_lsq_spline

from perijove.bodies import EUROPA, GANYMEDE, IO
from perijove.ephemeris.flyby import flyby_states, velocity_in_space
from perijove.ephemeris.labels import label_position, solve_trajectory, trajectory_from_label
from perijove.errors import TrajectoryError
from perijove.io.labels import read_label
from perijove.label import Label
from perijove.timescale import et_from_utc

LIGHT_KM_S = 299792.458
START = "2021-06-07T16:54:00"


@dataclass(frozen=True)
class Flight:
    """Juno's place relative to Ganymede in j2000 as a spline, and a label to be changed."""

    place: BSpline
    template: Label

    def state(self, et: float) -> np.ndarray:
        return np.concatenate([self.place(et), self.place.derivative()(et)])

    def label(self, minutes: float, seconds: float = 10.0) -> Label:
        """A label for an image in the middle of which Ganymede's centre sees Juno there, rounded as real labels are."""
        et = et_from_utc(START) + 60.0 * minutes
        # where Juno was, from where Ganymede is, turned by aberration
        seen, carried = self.place(et), velocity_in_space(GANYMEDE, et)
        for _ in range(3):
            lag = np.linalg.norm(seen) / LIGHT_KM_S
            seen = self.place(et - lag) - carried * lag
        length = np.linalg.norm(seen)
        bent = seen / length + carried / LIGHT_KM_S
        x, y, z = GANYMEDE.body_from_j2000(et) @ bent / np.linalg.norm(bent)
        return replace(
            self.template,
            product_id=f"AT {minutes}",
            target="GANYMEDE",
            start_et=et - seconds / 2,
            stop_et=et + seconds / 2,
            latitude_graphic=np.radians(round(np.degrees(np.arcsin(z)), 4)),
            longitude_west=np.radians(round(-np.degrees(np.arctan2(y, x)), 4)),
            altitude_km=round(length - 2631.2, 1),
        )


@pytest.fixture(scope="module")
def flight(data: Path) -> Flight:
    with (data / "pj34-ganymede" / "juno_iau_ganymede.csv").open() as file:
        rows = list(csv.DictReader(file))
    et = np.array([et_from_utc(row["utc"]) for row in rows])
    fixed = np.array([[float(row[axis]) for axis in ("x_km", "y_km", "z_km")] for row in rows])
    place = np.einsum("nji,nj->ni", GANYMEDE.body_from_j2000(et), fixed)
    # knots half a minute apart smooth what was rounded to 0.1 km
    knots = np.concatenate([[et[0]] * 6, np.linspace(et[0], et[-1], 120)[1:-1], [et[-1]] * 6])
    return Flight(make_lsq_spline(et, place, knots, k=5), read_label(data / "pj44" / "13541-Metadata.json"))


@pytest.mark.parametrize("minutes", [(0.5, 2.0, 4.1, 6.0, 8.0), (0.5, 4.0, 8.0), (4.0, 5.0)])
def test_two_labels_or_more_give_the_path_back(flight: Flight, minutes: tuple[float, ...]) -> None:
    labels = [flight.label(m) for m in minutes]
    result = solve_trajectory(labels, labels[1], GANYMEDE)
    assert (result.body, result.source, result.rejected) == ("GANYMEDE", "labels", ())
    for et in np.linspace(labels[0].start_et, labels[-1].stop_et or 0.0, 50):
        miss = np.concatenate([result.position(et), result.velocity(et)]) - flight.state(et)
        assert np.linalg.norm(miss[:3]) < 0.15
        assert np.linalg.norm(miss[3:]) < 2e-3
    et = result.reference_et
    miss = np.concatenate([result.position(et), result.velocity(et)]) - flight.state(et)
    assert np.sqrt(miss @ np.linalg.solve(result.covariance, miss)) < 3
    # known far better than the image needs, and not better than the labels are rounded
    assert 0.05 < np.sqrt(result.covariance[0, 0]) < 0.25


@pytest.mark.parametrize("minutes", [-20.0, 0.5, 4.1, 8.0, 25.0])
def test_one_label_gives_its_place_and_an_honest_velocity(flight: Flight, minutes: float) -> None:
    label = flight.label(minutes)
    result = trajectory_from_label(label, GANYMEDE)
    assert result.source == "label and known orbit"
    et = result.reference_et
    miss = np.concatenate([result.position(et), result.velocity(et)]) - flight.state(et)
    assert np.linalg.norm(miss[:3]) < 0.15
    # a few degrees of direction: within ten seconds 5 km
    assert np.linalg.norm(miss[3:]) < 1.2
    assert np.sqrt(miss[3:] @ np.linalg.solve(result.covariance[3:, 3:], miss[3:])) < 3


@pytest.mark.parametrize("wrong", [0, 2])
def test_a_wrong_label_is_found(flight: Flight, wrong: int) -> None:
    labels = [flight.label(m) for m in (0.5, 2.0, 4.1, 6.0)]
    assert labels[wrong].altitude_km is not None
    labels[wrong] = replace(labels[wrong], altitude_km=labels[wrong].altitude_km + 30.0)
    result = solve_trajectory(labels, labels[1], GANYMEDE)
    assert result.rejected == (labels[wrong].product_id,)
    et = labels[1].image_middle_et
    assert np.linalg.norm(result.position(et) - flight.state(et)[:3]) < 0.2


def test_labels_of_another_body_are_passed_over(flight: Flight) -> None:
    labels = [flight.label(m) for m in (2.0, 6.0)]
    jupiter = replace(labels[0], product_id="J", target="JUPITER")
    assert solve_trajectory([jupiter, *labels], labels[0], GANYMEDE).used == ("AT 2.0", "AT 6.0")
    with pytest.raises(TrajectoryError, match="position at IO"):
        solve_trajectory(labels, labels[0], IO)


def test_two_labels_that_contradict_juno_are_refused(flight: Flight) -> None:
    one, two = flight.label(2.0), flight.label(2.2)
    assert one.altitude_km is not None
    # a hundred times as fast
    absurd = replace(one, altitude_km=20000.0)
    result = solve_trajectory([absurd, two], two, GANYMEDE)
    assert len(result.used) == 1


def test_energy_is_kept_far_from_the_planets_tide() -> None:
    # alone with the moon a path would keep its energy; over 20 s the tide does 1e-4 of the kinetic one at most
    start = np.array([4000.0, 500.0, -800.0, -6.0, 14.0, 3.0])
    states = flyby_states(GANYMEDE, 6.76e8, start, 6.76e8 + np.array([0.0, 10.0, 20.0]))
    energy = 0.5 * np.sum(states[:, 3:] ** 2, axis=1) - GANYMEDE.gm / np.linalg.norm(states[:, :3], axis=1)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-4)


def test_a_triaxial_moons_label_stands_on_its_spheroid(flight: Flight) -> None:
    label = replace(
        flight.template, target="EUROPA", latitude_graphic=0.0, longitude_west=np.pi / 2, altitude_km=1000.0
    )
    place = EUROPA.body_from_j2000(label.image_middle_et) @ label_position(label, EUROPA)
    np.testing.assert_allclose(place, [0.0, -(EUROPA.radii_km[0] + 1000.0), 0.0], atol=1e-6)
