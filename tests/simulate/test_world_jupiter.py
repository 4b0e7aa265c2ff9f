"""Jupiter's painted clouds: winds that carry them, no seams, colours like the planet's, detail as fine as asked."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import UsageError
from perijove.simulate.worlds.jupiter import JupiterPainter, zonal_wind
from perijove.simulate.worlds.jupiter_tables import JETS, RED_SPOT, vortices

EPOCH = 7.0e8
PAINTER = JupiterPainter(seed=3, epoch_et=EPOCH)
KM = 1.0 / 70000.0
BLUE, GREEN, RED, METHANE = range(4)


def places(latitude_graphic_deg, longitude_deg):
    """Planetocentric unit vectors of planetographic latitudes and east longitudes."""
    graphic, lon = np.broadcast_arrays(np.radians(latitude_graphic_deg), np.radians(longitude_deg))
    lat = np.arctan(np.tan(graphic) * (66854.0 / 71492.0) ** 2)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1).reshape(-1, 3)


def scattered(n, seed=0):
    """Unit vectors all over the planet."""
    v = np.random.default_rng(seed).normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1)[:, None]


def paint(directions, spacing=100 * KM, after=0.0, painter=PAINTER):
    return painter.paint(directions, spacing, EPOCH + after).albedo


def test_clouds_have_four_bands_and_no_relief():
    painting = PAINTER.paint(scattered(100), 1e-3, EPOCH)
    assert painting.albedo.shape == (100, 4)
    assert painting.albedo.dtype == np.float32
    assert painting.height_km is None


@pytest.mark.parametrize("spacing", [1e-1, 1e-3, 1 * KM])
def test_reflectance_lies_between_0_and_1_everywhere(spacing):
    albedo = paint(scattered(40_000), spacing, after=5e4)
    assert np.all(albedo > 0.0)
    assert np.all(albedo < 1.0)


def test_a_place_is_painted_the_same_alone_in_company_and_in_threads():
    where = scattered(40_000)
    whole = paint(where, after=3000.0)
    np.testing.assert_array_equal(paint(where[30_000:30_007], after=3000.0), whole[30_000:30_007])
    with ThreadPoolExecutor(2) as pool:
        for again in pool.map(lambda _: paint(where, after=3000.0), range(2)):
            np.testing.assert_array_equal(again, whole)


def test_the_seed_picks_another_planet_of_the_same_kind():
    where = places(np.repeat(np.arange(-80.0, 81.0, 4.0), 400), np.tile(np.arange(400) * 0.9, 41))
    one, other = paint(where), paint(where, painter=JupiterPainter(seed=4, epoch_et=EPOCH))
    assert np.std(one[:, BLUE] - other[:, BLUE]) > 0.02
    belts = np.abs(one.reshape(41, 400, 4).mean(1) - other.reshape(41, 400, 4).mean(1))
    assert belts.max() < 0.08


def test_a_place_that_is_nowhere_has_no_colour():
    where = np.array([[np.nan, np.nan, np.nan], [1.0, 0.0, 0.0], [np.inf, 0.0, 0.0]])
    assert np.isnan(paint(where)).all(axis=1).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("directions", "spacing", "says"),
    [(np.zeros(3), 0.1, "shape"), (np.eye(3), 0.0, "spacing"), (np.eye(3), np.nan, "0")],
)
def test_a_senseless_request_is_refused(directions, spacing, says):
    with pytest.raises(UsageError, match=says):
        PAINTER.paint(directions, spacing, EPOCH)


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="seed is -1"):
        JupiterPainter(seed=-1)


# --- winds ----------------------------------------------------------------------------------------------------------


def test_the_wind_has_the_jets_of_the_table_and_peaks_there():
    for latitude, speed in JETS[1:-1]:
        near = zonal_wind(np.radians(latitude + np.array([-1.0, 0.0, 1.0])))
        assert near[1] == pytest.approx(speed, abs=0.6)
    assert zonal_wind(np.radians(-7.2)) > zonal_wind(np.radians([-8.5, -6.0])).max()
    assert zonal_wind(np.radians(-20.2)) < zonal_wind(np.radians([-21.5, -19.0])).min()


@given(st.floats(-np.pi / 2, np.pi / 2))
def test_the_wind_is_never_stronger_than_jupiters(latitude):
    assert -60.0 < zonal_wind(latitude) < 150.0


def test_the_wind_agrees_with_the_measured_one(data):
    table = np.loadtxt(data / "winds" / "JunoMWR_beltzone_hubblewinds2017_tollefson.txt")
    table = table[(np.abs(table[:, 0]) < 60.0) & (table[:, 2] > 0.0)]
    residual = zonal_wind(np.radians(table[:, 0])) - table[:, 1]
    assert np.median(np.abs(residual)) < 8.0
    assert np.corrcoef(zonal_wind(np.radians(table[:, 0])), table[:, 1])[0, 1] > 0.95


def test_clouds_on_the_fastest_northern_jet_move_by_wind_times_time():
    # 23.9 N: u = 137 m/s; the parallel's radius is a^2 cos / sqrt(a^2 cos^2 + c^2 sin^2) = 66,044 km; after 10 h
    # the clouds are 4932 km = 4.2787 deg further east
    lat, seconds = 23.9, 36_000.0
    cos, sin = np.cos(np.radians(lat)), np.sin(np.radians(lat))
    radius = 71492.0**2 * cos / np.hypot(71492.0 * cos, 66854.0 * sin)
    moved = np.degrees(0.137 * seconds / radius)
    assert moved == pytest.approx(4.279, abs=0.002)
    step = 0.01
    lon = np.arange(36_000) * step
    before, after = paint(places(lat, lon))[:, BLUE], paint(places(lat, lon), after=seconds)[:, BLUE]
    power = np.fft.rfft(after - after.mean()) * np.conj(np.fft.rfft(before - before.mean()))
    found = np.argmax(np.fft.irfft(power)) * step
    assert found == pytest.approx(moved, abs=step)
    there = paint(places(lat, lon + moved), after=seconds)[:, BLUE]
    assert np.median(np.abs(there - before)) < 2e-4


def test_clouds_go_back_as_they_came():
    where = scattered(5000)
    assert np.std(paint(where, after=9e4) - paint(where)) > 0.005
    early = JupiterPainter(seed=3, epoch_et=EPOCH - 9e4)
    np.testing.assert_array_equal(early.paint(where, 1e-3, EPOCH - 9e4).albedo, paint(where, 1e-3))


def test_an_oval_travels_whole_with_the_wind_of_its_centre():
    lat, lon = RED_SPOT
    seconds = 20 * 3600.0
    cos, sin = np.cos(np.radians(lat)), np.sin(np.radians(lat))
    radius = 71492.0**2 * cos / np.hypot(71492.0 * cos, 66854.0 * sin)
    moved = np.degrees(float(zonal_wind(np.radians(lat))) * 1e-3 * seconds / radius)
    dlat, dlon = (g.ravel() for g in np.meshgrid(np.linspace(-3, 3, 60), np.linspace(-5, 5, 60)))
    before = paint(places(lat + dlat, lon + dlon))
    np.testing.assert_allclose(paint(places(lat + dlat, lon + dlon + moved), after=seconds), before, atol=2e-5)


# --- no seams -------------------------------------------------------------------------------------------------------


def largest_step(a, b, spacing):
    return np.abs(paint(a, spacing) - paint(b, spacing)).max()


@pytest.mark.parametrize("spacing", [1e-2, 1e-3, 2 * KM])
def test_neighbouring_places_look_alike_everywhere(spacing):
    here = scattered(60_000)
    aside = here + 1e-8 * scattered(60_000, seed=1)
    assert largest_step(here, aside, spacing) < 2e-3


@pytest.mark.parametrize("meridian", [0.0, 90.0, 180.0, 360.0])
def test_no_meridian_is_a_seam(meridian):
    lat = np.linspace(-89.99, 89.99, 20_000)
    assert largest_step(places(lat, meridian - 1e-7), places(lat, meridian + 1e-7), 2 * KM) < 2e-3


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_nothing_meets_at_the_poles(side):
    around = np.radians(np.arange(3600) * 0.1)
    ring = np.stack([1e-9 * np.cos(around), 1e-9 * np.sin(around), np.full(3600, side)], axis=1)
    colours = paint(np.vstack([ring, [[0.0, 0.0, side]]]), 2 * KM)
    assert np.ptp(colours, axis=0).max() < 1e-3


@pytest.mark.parametrize("circle", [60.459, 66.926, 5.0, 10.0, -20.0, -65.0])
def test_no_parallel_is_a_seam(circle):
    """The charts of the eddies meet where sin(latitude) is 0.87 and 0.92; storms are looked up by 5 deg."""
    lon = np.linspace(-180.0, 180.0, 20_000)
    assert largest_step(places(circle - 1e-7, lon), places(circle + 1e-7, lon), 2 * KM) < 2e-3


# --- what it looks like ---------------------------------------------------------------------------------------------


def mean_colour(latitude, longitude=None):
    lon = np.arange(0.0, 360.0, 0.5) if longitude is None else longitude
    return paint(places(latitude, lon), 1e-2).mean(axis=0)


def test_zones_are_bright_belts_brown_and_the_poles_grey():
    for zone, belt in ((20.5, 12.5), (4.0, 9.0), (-24.0, -16.0), (32.2, 36.5)):
        bright, dark = mean_colour(zone), mean_colour(belt)
        assert np.all(bright[:3] > dark[:3])
        assert bright[BLUE] / bright[RED] > dark[BLUE] / dark[RED] + 0.05
    for pole in (75.0, -75.0):
        grey = mean_colour(pole)
        assert grey[BLUE] / grey[RED] > 0.85
        assert grey[GREEN] < 0.6


def test_the_red_spot_is_red_and_bright_in_methane():
    lat, lon = RED_SPOT
    spot, zone = mean_colour(lat, np.array([lon])), mean_colour(lat - 1.5)
    assert spot[RED] / spot[BLUE] > 1.5 * zone[RED] / zone[BLUE]
    assert spot[METHANE] > 1.3 * zone[METHANE]


def test_methane_is_dark_but_for_the_equator_and_the_hoods():
    assert mean_colour(3.0)[METHANE] > 2.0 * mean_colour(12.5)[METHANE]
    assert mean_colour(-75.0)[METHANE] > 1.5 * mean_colour(-50.0)[METHANE]
    assert 0.02 < paint(scattered(5000))[:, METHANE].mean() < 0.12


def test_the_disc_has_about_the_albedo_that_karkoschka_measured():
    """Geometric albedo 0.44, 0.50 and 0.52 in the three bands, for clouds that follow Minnaert's law with k = 0.95."""
    x, y = (g.ravel() for g in np.meshgrid(*[np.linspace(-1, 1, 201)[:-1] + 0.005] * 2))
    on = x * x + y * y < 0.999
    mu = np.sqrt(1.0 - x[on] ** 2 - y[on] ** 2)
    albedo = paint(np.stack([mu, x[on], y[on]], axis=1), 0.01)[:, :3]
    disc = (albedo * (mu**0.9)[:, None]).mean(axis=0) * on.sum() * 1e-4 / np.pi
    np.testing.assert_allclose(disc, [0.44, 0.50, 0.52], rtol=0.15)


def test_pearls_are_whiter_than_what_lies_around_them():
    pearls = [v for v in vortices(3) if abs(v[0] + 40.6) < 1.0 and v[4] > 0.7]
    assert len(pearls) >= 8
    turn = np.linspace(0.0, 2.0 * np.pi, 40)
    for lat, lon, east, north in (pearl[:4] for pearl in pearls):
        inside, around = (
            paint(places(lat + r * north * np.sin(turn), lon + r * east * np.cos(turn) / np.cos(np.radians(lat))), 1e-3)
            for r in (0.4, 2.2)
        )
        assert inside[:, BLUE].mean() > around[:, BLUE].mean()


# --- detail ---------------------------------------------------------------------------------------------------------


def patch(spacing, n=160, lat=0.2, lon=1.0):
    """A square of n by n places so far apart, rad, at a place on the planet (planetocentric latitude, longitude)."""
    x, y = (g.ravel() * spacing for g in np.meshgrid(np.arange(n) - n / 2, np.arange(n) - n / 2))
    up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    out = up + x[:, None] * east + y[:, None] * np.cross(up, east)
    return out / np.linalg.norm(out, axis=1)[:, None]


@pytest.mark.parametrize("spacing", [10 * KM, 1 * KM])
@pytest.mark.parametrize("lat", [0.2, -0.8, 1.3])
def test_there_is_detail_at_the_spacing_that_the_coarse_picture_lacks(spacing, lat):
    where = patch(spacing, lat=lat)

    def roughness(picture):
        band = picture[:, BLUE].reshape(160, 160)
        return np.std(np.diff(band, 2, axis=0)[:, 1:-1] + np.diff(band, 2, axis=1)[1:-1])

    fine, coarse = roughness(paint(where, spacing)), roughness(paint(where, 20 * spacing))
    assert fine > 2.0 * coarse
    assert fine > 2e-4


@pytest.mark.parametrize("spacing", [3e-2, 1e-2, 3e-3])
def test_a_coarse_picture_is_about_the_mean_of_a_fine_one(spacing):
    rng = np.random.default_rng(1)
    where = scattered(1500, seed=2)
    u = np.cross(where, [0.0, 0.0, 1.0])
    u /= np.linalg.norm(u, axis=1)[:, None]
    off = rng.uniform(-0.5, 0.5, (1500, 100, 2)) * spacing
    near = where[:, None] + off[..., :1] * u[:, None] + off[..., 1:] * np.cross(where, u)[:, None]
    near /= np.linalg.norm(near, axis=2)[..., None]
    fine = paint(near.reshape(-1, 3), spacing / 10.0).reshape(1500, 100, 4)
    error = paint(where, spacing) - fine.mean(axis=1)
    # no brighter or darker than it, and nearer to it than any one of the fine places is
    assert np.all(np.abs(error.mean(axis=0)) < 0.005)
    assert np.all(np.std(error, axis=0) < 0.9 * np.std(fine[:, 0] - fine.mean(axis=1), axis=0))


def test_detail_fades_in_without_a_jump():
    """A spacing a thousandth finer never makes another picture."""
    where = scattered(4000)
    for spacing in np.geomspace(1 * KM, 0.05, 25):
        assert np.abs(paint(where, spacing) - paint(where, spacing * 0.999)).max() < 0.02
