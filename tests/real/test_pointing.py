"""Real strips of two passes, solved from strips and labels alone."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.registration import phase_cross_correlation

from perijove.bodies import IO
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.ephemeris.transits import sight
from perijove.geometry.ellipsoid import graphic_from_point, intersect
from perijove.geometry.view import pixel_rays, spacecraft_view
from perijove.instrument import Filter
from perijove.io.finder import open_strip
from perijove.observation import Observation, observe
from perijove.render.engine import render

pytestmark = pytest.mark.usefixtures("solved_once")

PJ43, PJ44 = "pj43/JNCE_2022186_43C00078_V01-raw.png", "pj44/JNCE_2022229_44{}_V01-raw.png"
SINGLES = {
    "44C00029": PJ44.format("C00029"),
    "44C00030": PJ44.format("C00030"),
    "44C00074": PJ44.format("C00074"),
    "44M00044": PJ44.format("M00044"),
    "43C00078": PJ43,
}


def solve(data: Path, *names: str) -> list[Observation]:
    opened = [open_strip(data / SINGLES[name]) for name in names]
    return observe([o.raw for o in opened], [label for o in opened for label in o.pass_labels])


@pytest.fixture(scope="module")
def joint(data: Path) -> list[Observation]:
    return solve(data, "44C00029", "44C00030")


@pytest.fixture(scope="module")
def single(data: Path):
    """Strips solved one by one, each but once."""
    done: dict[str, Observation] = {}

    def get(name: str) -> Observation:
        if name not in done:
            done[name] = solve(data, name)[0]
        return done[name]

    return get


def test_two_strips_of_one_arc(joint: list[Observation]) -> None:
    first, second = joint
    assert first.pointing.spin.rate == second.pointing.spin.rate
    for observation in joint:
        pointing = observation.pointing
        assert pointing.good, pointing.verdict
        assert pointing.verdict.startswith("good")
        assert pointing.source == "limb+ties"
        assert pointing.limb_rms_px <= 0.30
        # the mission's published range
        assert 30.07 <= pointing.spin.period_s <= 30.74
        assert axis_from_earth_deg(observation) < 20.0
        # places are said to be known to better than half a pixel
        assert pointing.sigma_px < 0.5


def axis_from_earth_deg(observation: Observation) -> float:
    earth = apparent_earth(observation.middle_et)
    return float(np.degrees(np.arccos(observation.pointing.spin.axis @ earth / np.linalg.norm(earth))))


@pytest.mark.parametrize("name", ["44C00029", "44C00030"])
def test_each_by_itself(single, name: str) -> None:
    pointing = single(name).pointing
    assert pointing.good, pointing.verdict
    assert pointing.limb_rms_px <= 0.30
    assert 30.07 <= pointing.spin.period_s <= 30.74


def test_each_by_itself_agrees_with_both_together(single, joint: list[Observation]) -> None:
    for together in joint:
        alone = single(together.raw.label.product_id[13:21])
        turned = np.degrees(np.arccos(alone.pointing.spin.axis @ together.pointing.spin.axis))
        # one strip leaves a turn about the line of sight to haze and limb alike
        assert turned < 1.5
        assert alone.pointing.spin.period_s == pytest.approx(together.pointing.spin.period_s, rel=2e-3)


@pytest.mark.parametrize("name", ["44C00074", "44M00044", "43C00078"])
def test_poles_and_methane(single, name: str) -> None:
    observation = single(name)
    pointing = observation.pointing
    assert pointing.limb_rms_px <= 0.5
    assert pointing.limb.used.sum() > 100
    assert 30.07 <= pointing.spin.period_s <= 30.74
    assert axis_from_earth_deg(observation) < 20.0


@pytest.mark.parametrize("name", list(SINGLES))
def test_trajectory_fits_the_labels(single, name: str) -> None:
    trajectory = single(name).trajectory
    assert trajectory.rms_km <= 2.0
    assert len(trajectory.used) >= 3


def detail(plane: np.ndarray) -> np.ndarray:
    filled = np.nan_to_num(plane)
    broad = gaussian_filter(filled, 8.0)
    return (gaussian_filter(filled, 1.0) - broad) / np.maximum(broad, 1e-3 * np.nanmax(plane))


def test_two_strips_see_the_same_ground(joint: list[Observation]) -> None:
    """Clouds drift in longitude by the winds within ten minutes, but keep their latitude."""
    body = joint[0].body
    viewpoint = np.mean([o.middle_position for o in joint], axis=0)
    view = spacecraft_view(viewpoint, body, joint[0].middle_sun, 1200)
    planes = [render(o.swaths(), body, o.middle_et, view, sun_direction=o.sun) for o in joint]
    both = np.logical_and.reduce(
        [p.hit & (p.cos_incidence > 0.2) & (p.cos_emission > 0.3) & np.isfinite(p.band(Filter.GREEN)) for p in planes]
    )
    fine = [detail(p.band(Filter.GREEN)) for p in planes]
    size, window = 64, np.outer(np.hanning(64), np.hanning(64))
    moved = []
    for i in range(0, view.height - size, size // 4):
        for j in range(0, view.width - size, size // 4):
            box = np.s_[i : i + size, j : j + size]
            if not both[box].all():
                continue
            a, b = fine[0][box] * window, fine[1][box] * window
            shift = -phase_cross_correlation(a, b, upsample_factor=50, normalization=None)[0]
            if np.corrcoef(a.ravel(), np.roll(b, np.round(-shift).astype(int), (0, 1)).ravel())[0, 1] < 0.6:
                continue
            here = np.array([i + size / 2, j + size / 2])
            ends = np.stack([here, here + shift])
            ground = intersect(viewpoint, pixel_rays(view, ends[:, 0], ends[:, 1]), body.radii_km)
            latitude = np.arctan2(ground[:, 2], np.hypot(ground[:, 0], ground[:, 1]))
            km = (latitude[1] - latitude[0]) * np.linalg.norm(ground[0])
            moved.append(km / max(np.linalg.norm(ground[0] - o.middle_position) for o in joint))
    assert len(moved) > 30
    native = np.array(moved) * joint[0].pointing.camera.focal_length(Filter.GREEN)
    assert np.median(np.abs(native)) <= 0.5
    assert abs(np.median(native)) <= 0.5


def test_middle_of_the_image_is_where_the_label_says(joint: list[Observation]) -> None:
    for observation in joint:
        label = observation.raw.label
        assert label.altitude_km is not None
        # the middle of the exposures against that of START and STOP: half a delay and some jitter apart
        assert observation.middle_et == pytest.approx(label.image_middle_et, abs=1.0)
        latitude, longitude, altitude = graphic_from_point(observation.middle_position, observation.body.radii_km)
        assert latitude == pytest.approx(label.latitude_graphic, abs=1e-3)
        assert np.angle(np.exp(1j * (longitude + label.longitude_west))) == pytest.approx(0.0, abs=1e-3)
        # at less than 50 km/s
        assert altitude == pytest.approx(label.altitude_km, abs=50.0)
        assert np.linalg.norm(observation.middle_sun) == pytest.approx(1.0)
        assert np.linalg.norm(observation.camera_up) == pytest.approx(1.0)


def test_one_label_is_enough(data: Path) -> None:
    opened = open_strip(data / SINGLES["44C00030"])
    observation = observe([opened.raw], ())[0]
    assert observation.trajectory.source == "label and known orbit"
    assert observation.trajectory.used == (opened.raw.label.product_id,)
    assert observation.pointing.limb_rms_px <= 0.5


def test_io_stands_where_the_theory_has_it(joint: list[Observation]) -> None:
    # a half moon of 9 px far off Jupiter's limb, in each colour of both strips: nothing of it went into the solution
    ball = np.random.default_rng(0).normal(size=(20_000, 3))
    ball /= np.linalg.norm(ball, axis=-1, keepdims=True)
    missed = []
    for observation in joint:
        pointing = observation.pointing
        seen = sight(IO, pointing.position_km, pointing.et)
        way = seen.position_km - pointing.position_km
        turns = pointing.spin.camera_from_j2000(pointing.et)
        for band, light in observation.calibrated.light.items():
            middle = pointing.camera.pixel(band, np.einsum("nij,nj->ni", turns, way))
            for k in np.flatnonzero((np.abs(middle - [64.0, 827.0]) < [50.0, 780.0]).all(axis=-1)):
                # the middle of its light, by the law of Lommel and Seeliger
                sun = apparent_sun(pointing.et[k]) - seen.position_km[k]
                lit, shown = ball @ sun / np.linalg.norm(sun), ball @ -way[k] / np.linalg.norm(way[k])
                weight = np.where((lit > 0.0) & (shown > 0.0), lit * shown / (lit + shown), 0.0)
                pixel = pointing.camera.pixel(band, (way[k] + IO.radii_km[1] * ball) @ turns[k].T)
                expected = weight @ pixel / weight.sum()
                top, left = expected.astype(int) - 12
                window = np.nan_to_num(light[k][top : top + 25, left : left + 25])
                window = np.where(window > 0.1 * window.max(), window, 0.0)
                y, x = np.indices(window.shape) + 0.5
                found = np.array([(window * y).sum(), (window * x).sum()]) / window.sum() + [top, left]
                missed.append(found - expected)
    assert len(missed) >= 4
    # 1 px is 400 km there
    assert np.linalg.norm(missed, axis=-1).max() < 1.3
    assert np.ptp(missed, axis=0).max() < 0.5
