"""Coordinate reference systems: the words by which other programs place the pixels of a map, and back again.

Every map lies on a sphere (see `geometry.projection`). Where the IAU_2015 registry has a code for exactly that sphere,
projection and centre, the code's own system is given, its ID included; otherwise one of the same make, with a name that
says the body and the kind of latitude. Files count in metres, x to the east, y to the north, longitude to the east.

Methods and parameters by their names and codes in the EPSG registry.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from perijove.bodies import BODIES, Body
from perijove.errors import MapError
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection

if TYPE_CHECKING:
    from affine import Affine
    from pyproj import CRS

AUTHORITY = "IAU_2015"
_NAIF = {name: body.naif_id for name, body in BODIES.items()}
"""Numbers of the bodies by NAIF, with which their codes begin; the codes of spheres end in a multiple of five."""
_CODES = {
    ("equirectangular", 0.0, 0.0): 10,
    ("equirectangular", 0.0, 180.0): 15,
    ("sinusoidal", 0.0, 0.0): 20,
    ("sinusoidal", 0.0, 180.0): 25,
    ("polar-north", 90.0, 0.0): 30,
    ("polar-south", -90.0, 0.0): 35,
    ("orthographic", 0.0, 0.0): 65,
    ("orthographic", 0.0, 180.0): 70,
    ("laea", 40.0, 0.0): 80,
}
"""The end of a code by projection, latitude and central meridian, deg."""
_TITLES = {
    "equirectangular": "Equirectangular",
    "sinusoidal": "Sinusoidal",
    "polar-north": "North Polar",
    "polar-south": "South Polar",
    "orthographic": "Orthographic",
    "laea": "Lambert Azimuthal Equal Area",
    "perspective": "Vertical Perspective",
}
_METHODS: dict[str, tuple[str, int | None]] = {
    "equirectangular": ("Equidistant Cylindrical", 1028),
    "sinusoidal": ("Sinusoidal", None),
    "polar-north": ("Polar Stereographic (variant A)", 9810),
    "polar-south": ("Polar Stereographic (variant A)", 9810),
    "orthographic": ("Orthographic", 9840),
    "laea": ("Lambert Azimuthal Equal Area", 9820),
    "perspective": ("Vertical Perspective", 9838),
}
_KINDS = {
    "equidistant cylindrical": "equirectangular",
    "sinusoidal": "sinusoidal",
    "polar stereographic (variant a)": "polar",
    "polar stereographic (variant b)": "polar",
    "orthographic": "orthographic",
    "lambert azimuthal equal area": "laea",
    "vertical perspective": "perspective",
}
"""Our projections by the methods that files name."""
_LATITUDE_PARAMETERS = (
    "latitude of 1st standard parallel",
    "latitude of natural origin",
    "latitude of standard parallel",
    "latitude of topocentric origin",
)
_LONGITUDE_PARAMETERS = ("longitude of natural origin", "longitude of origin", "longitude of topocentric origin")
_GRAPHIC = re.compile(r"(?<![a-z])(planetographic|ographic)(?![a-z])")
"""Names of systems whose latitudes are planetographic (but not 'orthographic')."""


def code_of(grid: MapGrid) -> int | None:
    """The number in the IAU_2015 registry of the system of a map, None where there is none.

    All such codes are on spheres, with planetocentric latitude and longitude to the east.
    """
    projection = grid.projection
    if grid.latitudes != "centric" or not _on_iau_sphere(grid):
        return None
    latitude, longitude = _centre_deg(projection)
    ending = _CODES.get((projection.kind, latitude, abs(longitude) if abs(longitude) == 180.0 else longitude))
    return None if ending is None else 100 * _NAIF[grid.body.name] + ending


def crs_of(grid: MapGrid) -> CRS:
    """The coordinate reference system of a map, in metres; its `geodetic_crs` is that of its latitudes and longitudes.

    It has the IAU_2015 code where one means exactly this system; `to_wkt()` is the whole of it as WKT2:2019.
    """
    from pyproj import CRS

    code = code_of(grid)
    return CRS.from_json_dict(_projected(grid)) if code is None else CRS.from_authority(AUTHORITY, code)


def authority_of(grid: MapGrid) -> str | None:
    """The code of a map as 'IAU_2015:59910', None where there is none."""
    code = code_of(grid)
    return None if code is None else f"{AUTHORITY}:{code}"


def transform_of(grid: MapGrid) -> Affine:
    """From (sample, line) to x, y in metres, as rasterio wants it."""
    from affine import Affine

    scale = 1000.0 * grid.scale_km
    return Affine(scale, 0.0, 1000.0 * grid.left_km, 0.0, -scale, 1000.0 * grid.top_km)


def _centre_deg(projection: Projection) -> tuple[float, float]:
    """Latitude and longitude -180 to 180 of the centre, deg, cleared of the rounding of radians."""
    latitude = {"polar-north": 90.0, "polar-south": -90.0, "sinusoidal": 0.0}.get(
        projection.kind, math.degrees(projection.latitude)
    )
    longitude = math.remainder(math.degrees(projection.longitude), 360.0)
    return round(latitude, 11) + 0.0, round(longitude, 11) + 0.0


def _on_iau_sphere(grid: MapGrid) -> bool:
    radius = MAP_RADIUS_KM.get(grid.body.name, math.nan)
    return math.isclose(grid.projection.radius_km, radius, rel_tol=1e-12)


def _projected(grid: MapGrid) -> dict[str, object]:
    """A projected system without a code, as PROJJSON."""
    projection = grid.projection
    latitude, longitude = _centre_deg(projection)
    base = _base(grid)
    name, code = _METHODS[projection.kind]
    method: dict[str, object] = {"name": name}
    if code is not None:
        method["id"] = {"authority": "EPSG", "code": code}
    centre = f"clon = {longitude:.12g}"
    if projection.kind not in ("sinusoidal", "polar-north", "polar-south"):
        centre = f"{'slat' if projection.kind == 'equirectangular' else 'clat'} = {latitude:.12g}, {centre}"
    title = f"{_TITLES[projection.kind]}, {centre}"
    return {
        "type": "ProjectedCRS",
        "name": f"{base['name']} / {title}",
        "base_crs": base,
        "conversion": {"name": title, "method": method, "parameters": _parameters(projection, latitude, longitude)},
        "coordinate_system": {
            "subtype": "Cartesian",
            "axis": [
                {"name": "Easting", "abbreviation": "E", "direction": "east", "unit": "metre"},
                {"name": "Northing", "abbreviation": "N", "direction": "north", "unit": "metre"},
            ],
        },
    }


def _parameters(projection: Projection, latitude: float, longitude: float) -> list[dict[str, object]]:
    """The parameters of a method, deg and metres."""
    kind = projection.kind
    if kind == "perspective":
        found = [
            ("Latitude of topocentric origin", latitude, "degree", 8834),
            ("Longitude of topocentric origin", longitude, "degree", 8835),
            ("Ellipsoidal height of topocentric origin", 0.0, "metre", 8836),
            ("Viewpoint height", _metres(projection.altitude_km), "metre", 8840),
        ]
    else:
        found = [("Longitude of natural origin", longitude, "degree", 8802)]
        if kind == "equirectangular":
            found.insert(0, ("Latitude of 1st standard parallel", latitude, "degree", 8823))
        elif kind != "sinusoidal":
            found.insert(0, ("Latitude of natural origin", latitude, "degree", 8801))
        if kind.startswith("polar"):
            found.append(("Scale factor at natural origin", 1.0, "unity", 8805))
        found += [("False easting", 0.0, "metre", 8806), ("False northing", 0.0, "metre", 8807)]
    return [
        {"name": name, "value": value, "unit": unit, "id": {"authority": "EPSG", "code": code}}
        for name, value, unit, code in found
    ]


def _base(grid: MapGrid) -> dict[str, object]:
    """The system of latitude and longitude under a map, as PROJJSON."""
    from pyproj import CRS

    if grid.latitudes == "centric" and _on_iau_sphere(grid):
        base: dict[str, object] = CRS.from_authority(AUTHORITY, 100 * _NAIF[grid.body.name]).to_json_dict()
        base.pop("$schema", None)
        return base
    latitude = "Planetographic" if grid.latitudes == "graphic" else "Planetocentric"
    name = f"{grid.body.name.capitalize()} - Sphere / {latitude} latitude"
    sphere = f"{grid.body.name.capitalize()} - Sphere of {grid.projection.radius_km:.12g} km"
    return {
        "type": "GeographicCRS",
        "name": name,
        "datum": {
            "type": "GeodeticReferenceFrame",
            "name": sphere,
            "ellipsoid": {"name": sphere, "radius": _metres(grid.projection.radius_km)},
            "prime_meridian": {"name": "Reference Meridian", "longitude": 0},
        },
        "coordinate_system": {
            "subtype": "ellipsoidal",
            "axis": [
                {"name": "Geodetic latitude", "abbreviation": "Lat", "direction": "north", "unit": "degree"},
                {"name": "Geodetic longitude", "abbreviation": "Lon", "direction": "east", "unit": "degree"},
            ],
        },
    }


def _metres(kilometres: float) -> float:
    return round(1000.0 * kilometres, 7)


def grid_from(
    crs: CRS | str,
    transform: Affine,
    width: int,
    height: int,
    body: Body | None = None,
    latitudes: str | None = None,
) -> MapGrid:
    """The grid of a file's system, its transform from (sample, line) to x, y, and its size: what `crs_of` undoes.

    `crs` may be any text that pyproj takes. `body` and `latitudes` ('centric', 'graphic') are found in the names of the
    system where they are not given; a system that speaks of no latitude is taken as planetocentric. Raises MapError
    for what is none of our maps: no sphere, another projection, turned or oblong pixels, an unknown body.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        system = CRS.from_user_input(crs)
    except CRSError as error:
        raise MapError(f"the map's coordinate system cannot be read ({error}): give it as WKT") from error
    operation, ellipsoid = system.coordinate_operation, system.ellipsoid
    if not system.is_projected or operation is None or ellipsoid is None:
        raise MapError(f"{system.name!r} is no map projection: warp the map to one of {', '.join(_TITLES)} first")
    if ellipsoid.semi_major_metre != ellipsoid.semi_minor_metre:
        raise MapError(f"{system.name!r} lies on an ellipsoid: warp the map to a system on a sphere first")
    numbers = {part.name.lower(): float(part.value) * part.unit_conversion_factor for part in operation.params}
    radius_km = ellipsoid.semi_major_metre / 1000.0
    projection = _projection(system.name, operation.method_name, numbers, radius_km)
    unit = system.axis_info[0].unit_conversion_factor
    square = math.isclose(transform.a, -transform.e, rel_tol=1e-9) and transform.a > 0.0
    if not square or transform.b != 0.0 or transform.d != 0.0:
        raise MapError("the map's pixels are turned or oblong: warp it to square pixels, north up, first")
    geodetic = system.geodetic_crs
    words = " ".join([system.name, geodetic.name if geodetic else "", ellipsoid.name, str(system.datum)]).lower()
    kind = latitudes or ("graphic" if _GRAPHIC.search(words) else "centric")
    km = unit / 1000.0
    left = km * transform.c - numbers.get("false easting", 0.0) / 1000.0
    top = km * transform.f - numbers.get("false northing", 0.0) / 1000.0
    return MapGrid(
        body or _body(system.name, words, radius_km), projection, kind, km * transform.a, left, top, width, height
    )


def _projection(name: str, method: str, numbers: dict[str, float], radius_km: float) -> Projection:
    """The projection of a method and its parameters in rad and metres."""
    kind = _KINDS.get(method.lower().removesuffix(" (spherical)"))
    if kind is None:
        raise MapError(f"{name!r} is drawn by the method {method!r}: warp it to one of {', '.join(_TITLES)} first")
    latitude = next((numbers[key] for key in _LATITUDE_PARAMETERS if key in numbers), 0.0)
    longitude = next((numbers[key] for key in _LONGITUDE_PARAMETERS if key in numbers), 0.0)
    if kind == "polar":
        true_scale = numbers.get("scale factor at natural origin", 1.0) == 1.0
        if not true_scale or not math.isclose(abs(latitude), math.pi / 2, rel_tol=1e-9):
            raise MapError(f"{name!r} has its true scale not at the pole: warp the map to a scale of 1 there first")
        kind = "polar-north" if latitude > 0.0 else "polar-south"
        latitude = 0.0
    if kind == "equirectangular" and numbers.get("latitude of natural origin", 0.0) != 0.0:
        raise MapError(f"{name!r} counts y from a parallel, not from the equator: warp the map first")
    height_km = numbers["viewpoint height"] / 1000.0 if kind == "perspective" else math.nan
    return Projection(kind, radius_km, latitude, longitude, height_km)


def _body(name: str, words: str, radius_km: float) -> Body:
    """The body that a system speaks of, or whose map radius it has."""
    found = [body for key, body in BODIES.items() if key.lower() in words.replace("_", " ").split()]
    found = found or [
        BODIES[key] for key, radius in MAP_RADIUS_KM.items() if math.isclose(radius_km, radius, rel_tol=1e-6)
    ]
    if not found:
        raise MapError(
            f"{name!r}, a sphere of {radius_km:g} km, is none of {', '.join(BODIES)}: say which body the map shows"
        )
    return found[0]
