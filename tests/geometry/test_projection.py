"""Map projections against PROJ, and there and back again."""

import math

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.errors import UsageError
from perijove.geometry.projection import KINDS, Projection, unproject_row

RADIUS = 71492.0
WORDS = {
    "equirectangular": "+proj=eqc +lat_ts={lat}",
    "sinusoidal": "+proj=sinu",
    "polar-north": "+proj=stere +lat_0=90",
    "polar-south": "+proj=stere +lat_0=-90",
    "orthographic": "+proj=ortho +lat_0={lat}",
    "laea": "+proj=laea +lat_0={lat}",
    "perspective": "+proj=nsper +lat_0={lat} +h={height}",
}
CENTRES = [(0.0, 0.0), (0.0, 180.0), (37.0, -120.0), (-61.5, 170.0), (80.0, 15.0), (90.0, 0.0), (-90.0, 40.0)]
CASES = [
    (kind, latitude, longitude)
    for kind in KINDS
    for latitude, longitude in CENTRES
    if abs(latitude) < 89.0 or kind in ("orthographic", "laea", "perspective")
]


def projection(kind: str, latitude: float, longitude: float) -> Projection:
    """A projection of Jupiter's sphere centred on degrees; perspectives are seen from 50,000 km."""
    height = 50_000.0 if kind == "perspective" else math.nan
    return Projection(kind, RADIUS, math.radians(latitude), math.radians(longitude), height)


def oracle(kind: str, latitude: float, longitude: float) -> pyproj.Proj:
    """The same projection by PROJ, in km."""
    words = WORDS[kind].format(lat=latitude, height=50_000e3)
    return pyproj.Proj(f"{words} +lon_0={longitude} +R={RADIUS * 1000} +units=km +to_meter=1000 +type=crs")


def places(seed: int = 0) -> np.ndarray:
    """Latitudes and longitudes (2, n), rad: random ones, the date line, the equator and near the poles."""
    rng = np.random.default_rng(seed)
    lat = np.concatenate([np.arcsin(rng.uniform(-1, 1, 400)), [0.0, 0.0, 1.2, -1.2, 1.5707, -1.5707]])
    lon = np.concatenate([rng.uniform(-math.pi, math.pi, 400), [3.1415, -3.1415, 3.1415, -3.1415, 0.3, 2.9]])
    return np.stack([lat, lon])


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles (n,) between places (n, 2) as latitude and longitude, rad."""
    va, vb = (
        np.stack([np.cos(p[:, 0]) * np.cos(p[:, 1]), np.cos(p[:, 0]) * np.sin(p[:, 1]), np.sin(p[:, 0])], axis=-1)
        for p in (a, b)
    )
    return 2.0 * np.arcsin(np.minimum(np.linalg.norm(va - vb, axis=-1) / 2.0, 1.0))


def steady(ours: Projection, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Where a rounding does not grow a million times: not at the limb of a view, nor opposite the centre."""
    latitude = {"polar-north": math.pi / 2, "polar-south": -math.pi / 2}.get(ours.kind, ours.latitude)
    cosine = np.sin(latitude) * np.sin(lat) + np.cos(latitude) * np.cos(lat) * np.cos(lon - ours.longitude)
    if ours.kind in ("equirectangular", "sinusoidal"):
        return np.full(cosine.shape, True)
    edge = {"orthographic": 0.0, "perspective": 1.0 / (1.0 + ours.altitude_km / RADIUS)}.get(ours.kind, -1.0)
    return np.asarray(cosine > edge + 1e-6)


@pytest.mark.parametrize(("kind", "latitude", "longitude"), CASES)
def test_forward_and_inverse_agree_with_proj(kind: str, latitude: float, longitude: float) -> None:
    ours, theirs = projection(kind, latitude, longitude), oracle(kind, latitude, longitude)
    lat, lon = places()
    mine = ours.forward(lat, lon)
    x, y = theirs(np.degrees(lon), np.degrees(lat))
    shown = np.isfinite(x)
    assert np.array_equal(np.isfinite(mine[:, 0]), shown)
    assert shown.sum() > 60
    near = shown & steady(ours, lat, lon)
    np.testing.assert_allclose(mine[near], np.stack([x, y], axis=-1)[near], rtol=0, atol=1e-9 * RADIUS)
    back = ours.inverse(mine[near, 0], mine[near, 1])
    their_lon, their_lat = theirs(x[near], y[near], inverse=True)
    assert apart(back, np.radians(np.stack([their_lat, their_lon], axis=-1))).max() < 1e-9
    assert apart(back, np.stack([lat, lon], axis=-1)[near]).max() < 1e-9


@pytest.mark.parametrize(("kind", "latitude", "longitude"), CASES)
@settings(max_examples=30)
@given(lat=st.floats(-1.5707, 1.5707), lon=st.floats(-20.0, 20.0))
def test_there_and_back(kind: str, latitude: float, longitude: float, lat: float, lon: float) -> None:
    ours = projection(kind, latitude, longitude)
    x, y = ours.forward(lat, lon)
    if not steady(ours, np.array(lat), np.array(lon)):
        return
    back = ours.inverse(x, y)
    assert apart(back[None], np.array([[lat, lon]]))[0] < 1e-9
    assert -math.pi <= back[1] <= math.pi


@pytest.mark.parametrize("kind", KINDS)
def test_centre_is_the_origin(kind: str) -> None:
    centre = {"polar-north": math.pi / 2, "polar-south": -math.pi / 2, "equirectangular": 0.0, "sinusoidal": 0.0}
    ours = projection(kind, 25.0, 130.0)
    latitude = centre.get(kind, math.radians(25.0))
    np.testing.assert_allclose(ours.forward(latitude, math.radians(130.0)), 0.0, atol=1e-9)
    assert ours.inverse(0.0, 0.0)[0] == pytest.approx(latitude, abs=1e-15)


def test_hand_computed_places() -> None:
    # half way round the equator, and a quarter of the way up
    np.testing.assert_allclose(projection("equirectangular", 0, 0).forward(math.pi / 4, math.pi / 2), [
        RADIUS * math.pi / 2, RADIUS * math.pi / 4])  # fmt: skip
    np.testing.assert_allclose(projection("sinusoidal", 0, 0).forward(math.pi / 3, 1.0), [
        RADIUS / 2, RADIUS * math.pi / 3])  # fmt: skip
    # Snyder: rho = 2 R tan(pi / 4 - lat / 2); the equator is two radii from the pole, longitude 0 is down in the north
    np.testing.assert_allclose(projection("polar-north", 0, 0).forward(0.0, 0.0), [0.0, -2 * RADIUS], atol=1e-9)
    np.testing.assert_allclose(projection("polar-south", 0, 0).forward(0.0, 0.0), [0.0, 2 * RADIUS], atol=1e-9)
    np.testing.assert_allclose(projection("laea", 0, 0).forward(0.0, math.pi / 2), [math.sqrt(2) * RADIUS, 0.0],
                               atol=1e-9)  # fmt: skip
    # seen from one radius above, the horizon is at cos c = 1/2 and R (P - 1) / (P - cos c) sin c from the middle
    view = Projection("perspective", RADIUS, 0.0, 0.0, RADIUS)
    np.testing.assert_allclose(view.forward(0.0, math.pi / 3), [RADIUS / 1.5 * math.sqrt(0.75), 0.0], rtol=1e-12)
    assert np.isnan(view.forward(0.0, math.pi / 3 + 1e-6)).all()


@pytest.mark.parametrize(
    ("kind", "x", "y"),
    [
        ("equirectangular", math.pi * 1.0001, 0.0),
        ("equirectangular", 0.0, math.pi / 2 * 1.0001),
        ("sinusoidal", 3.0, 1.0),
        ("orthographic", 0.8, 0.8),
        ("laea", 1.5, 1.5),
        ("perspective", 0.9, 0.0),
    ],
)
def test_outside_the_map_is_nan(kind: str, x: float, y: float) -> None:
    assert np.isnan(projection(kind, 0.0, 0.0).inverse(x * RADIUS, y * RADIUS)).all()


@pytest.mark.parametrize(("kind", "latitude", "longitude"), CASES)
def test_rows_are_the_inverse(kind: str, latitude: float, longitude: float) -> None:
    ours = projection(kind, latitude, longitude)
    step, width = 700.0, 300
    for y in (-0.49 * math.pi * RADIUS, -60_000.0, 10.0, 71_000.0):
        row = np.empty((3, width))
        x = -100_000.0 + step * np.arange(width)
        unproject_row(ours.formula(), x[0], step, y, row)
        expected = ours.inverse(x, np.full(width, y))
        on, inside = ~np.isnan(row[0]), ~np.isnan(expected[:, 0])
        # maps that end at a meridian show half a pixel more, so that no gap is left there
        nearer = np.zeros(width)
        if kind in ("equirectangular", "sinusoidal"):
            nearer = np.sign(x) * np.minimum(np.abs(x), step / 2)
        at_the_edge = ~np.isnan(ours.inverse(x - nearer, np.full(width, y))[:, 0])
        assert np.array_equal(on, inside | at_the_edge)
        got = np.stack([np.arctan2(row[2], np.hypot(row[0], row[1])), np.arctan2(row[1], row[0])], axis=-1)
        assert not inside.any() or apart(got[inside], expected[inside]).max() < 1e-12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mercator", RADIUS), "unknown projection 'mercator'"),
        (("laea", 0.0), "positive radius"),
        (("laea", RADIUS, 2.0), "latitude of -90 to 90"),
        (("laea", RADIUS, 0.0, math.nan), "latitude of -90 to 90"),
        (("equirectangular", RADIUS, math.pi / 2), "cannot be a pole"),
        (("perspective", RADIUS), "give one above 0"),
        (("perspective", RADIUS, 0.0, 0.0, -1.0), "give one above 0"),
    ],
)
def test_what_cannot_be_drawn(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Projection(*arguments)  # type: ignore[arg-type]
