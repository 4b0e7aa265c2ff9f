"""Coordinate systems of maps, as PROJ understands them."""

import math
import re

import numpy as np
import pyproj
import pytest
from affine import Affine

from perijove.bodies import BODIES, GANYMEDE, IO, JUPITER, Body
from perijove.errors import MapError
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.io.crs import authority_of, crs_of, grid_from, transform_of

CASES = [
    ("equirectangular", 0, 0, 10),
    ("equirectangular", 0, 180, 15),
    ("equirectangular", 0, -180, 15),
    ("equirectangular", 30, 20.5, None),
    ("equirectangular", 0, 20.5, None),
    ("sinusoidal", 0, 0, 20),
    ("sinusoidal", 55, 180, 25),
    ("sinusoidal", 0, 200, None),
    ("polar-north", 0, 0, 30),
    ("polar-north", 0, 90, None),
    ("polar-south", 0, 0, 35),
    ("polar-south", 0, -75, None),
    ("orthographic", 0, 0, 65),
    ("orthographic", 0, 180, 70),
    ("orthographic", -30, 60, None),
    ("laea", 40, 0, 80),
    ("laea", -20, 130, None),
    ("perspective", 15, -100, None),
]
NAIF = {
    "JUPITER": 599, "IO": 501, "EUROPA": 502, "GANYMEDE": 503, "CALLISTO": 504,
    "AMALTHEA": 505, "THEBE": 514, "ADRASTEA": 515, "METIS": 516,
}  # fmt: skip


def grid(kind: str, latitude: float, longitude: float, body: Body = JUPITER, latitudes: str = "centric") -> MapGrid:
    radius = MAP_RADIUS_KM[body.name]
    height = 0.7 * radius if kind == "perspective" else math.nan
    projection = Projection(kind, radius, math.radians(latitude), math.radians(longitude), height)
    return MapGrid(body, projection, latitudes, 12.5, -1000.25, 800.5, 160, 128)


@pytest.mark.parametrize("body", BODIES.values(), ids=lambda body: body.name)
@pytest.mark.parametrize(("kind", "latitude", "longitude", "ending"), CASES)
def test_proj_places_what_we_place(
    body: Body, kind: str, latitude: float, longitude: float, ending: int | None
) -> None:
    made = grid(kind, latitude, longitude, body)
    system = crs_of(made)
    assert authority_of(made) == (None if ending is None else f"IAU_2015:{100 * NAIF[body.name] + ending}")
    assert system.to_authority() == (None if ending is None else ("IAU_2015", f"{100 * NAIF[body.name] + ending}"))
    # the whole of it, read anew, on latitudes and longitudes of its own base
    system = pyproj.CRS.from_wkt(system.to_wkt())
    assert system.axis_info[0].unit_name == "metre"
    rng = np.random.default_rng(0)
    lat = math.radians(latitude) + rng.uniform(-0.4, 0.4, 100)
    lat = np.clip(lat + {"polar-north": 1.2, "polar-south": -1.2}.get(kind, 0.0), -1.57, 1.57)
    lon = math.radians(longitude) + rng.uniform(-0.4, 0.4, 100)
    geodetic = system.geodetic_crs
    assert geodetic is not None
    x, y = pyproj.Transformer.from_crs(geodetic, system, always_xy=True).transform(np.degrees(lon), np.degrees(lat))
    assert np.isfinite(x).all()
    pixels = made.pixel_of(lat, lon)
    step = transform_of(made)
    sample, line = (np.array(x) - step.c) / step.a, (np.array(y) - step.f) / step.e
    np.testing.assert_allclose(np.stack([line, sample], axis=-1), pixels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
@pytest.mark.parametrize(("kind", "latitude", "longitude", "ending"), CASES)
def test_grids_come_back(latitudes: str, kind: str, latitude: float, longitude: float, ending: int | None) -> None:
    made = grid(kind, latitude, longitude, JUPITER, latitudes)
    back = grid_from(crs_of(made).to_wkt(), transform_of(made), made.width, made.height)
    assert (back.body, back.latitudes, back.projection.kind) == (JUPITER, latitudes, kind)
    assert (back.scale_km, back.left_km, back.top_km) == (12.5, -1000.25, 800.5)
    lines, samples = np.meshgrid([0.0, 64.5, 128.0], [0.0, 80.5, 160.0])
    np.testing.assert_allclose(back.place_of(lines, samples), made.place_of(lines, samples), rtol=0, atol=1e-12)


def test_planetographic_maps_have_no_code_and_say_so() -> None:
    made = grid("equirectangular", 0, 0, latitudes="graphic")
    assert authority_of(made) is None
    assert crs_of(made).name.startswith("Jupiter - Sphere / Planetographic latitude / Equirectangular")
    assert crs_of(made).to_authority() is None


def test_names_tell_body_and_latitude() -> None:
    assert crs_of(grid("laea", 10, 20, IO)).name == (
        "Io (2015) - Sphere / Ocentric / Lambert Azimuthal Equal Area, clat = 10, clon = 20"
    )


def test_another_sphere_has_no_code() -> None:
    made = MapGrid(JUPITER, Projection("sinusoidal", 70000.0), "centric", 1.0, 0.0, 0.0, 10, 10)
    assert authority_of(made) is None
    assert "Planetocentric" in crs_of(made).name
    back = grid_from(crs_of(made), transform_of(made), 10, 10)
    assert (back.body.name, back.projection.radius_km) == ("JUPITER", 70000.0)


def test_maps_of_others_are_understood() -> None:
    """Kilometres, a false origin and the other variant of the polar stereographic."""
    words = "+proj=eqc +lat_ts=20 +lon_0=30 +x_0=5000 +y_0=-2000 +R=2631200 +units=km +type=crs"
    back = grid_from(words, Affine(2.0, 0, 5.0, 0, -2.0, -2.0), 30, 20)
    assert (back.body, back.scale_km, back.left_km, back.top_km) == (GANYMEDE, 2.0, 0.0, 0.0)
    assert back.projection.latitude == pytest.approx(math.radians(20))
    # a transverse aspect of the same words, by the standard parallel at the pole
    south = grid_from("+proj=stere +lat_0=-90 +lat_ts=-90 +lon_0=10 +R=71492000", Affine(1e3, 0, 0, 0, -1e3, 0), 9, 9)
    assert south.projection.kind == "polar-south"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nonsense", "cannot be read"),
        ("IAU_2015:59900", "is no map projection"),
        ("IAU_2015:59911", "lies on an ellipsoid"),
        ("IAU_2015:59990", "is drawn by the method 'Mercator"),
        ("+proj=stere +lat_0=90 +k=0.9 +R=71492000 +type=crs", "true scale not at the pole"),
        ("+proj=sinu +R=1737400 +type=crs", "say which body the map shows"),
    ],
)
def test_what_is_none_of_ours(words: str, message: str) -> None:
    with pytest.raises(MapError, match=re.escape(message)):
        grid_from(words, Affine(1e3, 0, 0, 0, -1e3, 0), 10, 10)


@pytest.mark.parametrize(
    "step", [Affine(1e3, 0, 0, 0, -2e3, 0), Affine(1e3, 1, 0, 1, -1e3, 0), Affine(1e3, 0, 0, 0, 1e3, 0)]
)
def test_pixels_are_square_and_upright(step: Affine) -> None:
    with pytest.raises(MapError, match="turned or oblong"):
        grid_from("IAU_2015:59910", step, 10, 10)
