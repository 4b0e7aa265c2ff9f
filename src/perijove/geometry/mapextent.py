"""Which map: the projection's centre, extent and scale, as asked for or chosen from the places it should show.

Angles in rad, longitude east-positive. Bounds are in the map's own kind of latitude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import graphic_from_centric
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection

FloatArray = NDArray[np.float64]

MAX_SIDE = 200_000
MAX_PIXELS = 2_000_000_000
"""The largest map: 450 million pixels are one of 30,000 x 15,000."""
CYLINDRICAL = ("equirectangular", "sinusoidal")
NEAR_POLE = math.radians(1.5)
"""A footprint that comes so near to a pole is taken to hold it where it also goes all around it."""
WIDEST_GAP = math.radians(20.0)
"""Largest gap in longitude near a pole of places that go all around it."""
FARTHEST = math.radians(70.0)
"""Latitude of the other hemisphere that a polar map may still be asked to hold: there it is 11 radii wide."""
FAR_REACH = math.radians(150.0)
"""How far from its centre an equal-area map goes by itself."""
FUZZ = 1e-6
"""Share of a pixel by which an edge may miss the lattice of pixels for rounding alone."""


@dataclass(frozen=True)
class Bounds:
    """A box in longitude and latitude, rad: from `west` eastwards to `east`, which is more, and `south` to `north`."""

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        """Refuse what is no box."""
        edges = [f"{math.degrees(v):g}" for v in (self.west, self.south, self.east, self.north)]
        if not (self.west < self.east <= self.west + 2 * math.pi + 1e-9):
            raise UsageError(
                f"the bounds {','.join(edges)} are not W,S,E,N: the east must be 0 to 360 deg off the west"
            )
        if not (-math.pi / 2 - 1e-9 <= self.south < self.north <= math.pi / 2 + 1e-9):
            raise UsageError(f"the bounds {','.join(edges)} are not W,S,E,N: latitudes go from -90 to 90, south first")

    def lattice(self) -> tuple[FloatArray, FloatArray]:
        """Latitudes and longitudes (181, 361) all over the box, its edges included."""
        lat, lon = np.meshgrid(
            np.linspace(self.south, self.north, 181), np.linspace(self.west, self.east, 361), indexing="ij"
        )
        return lat, lon


@dataclass(frozen=True)
class Wish:
    """What is asked of a map; None leaves the choice to the data.

    `scale_km` a pixel; `bounds` in the map's kind of latitude; `centre` (latitude of that kind, longitude) of the
    projection, whose latitude is the standard parallel in 'equirectangular'; `altitude_km` of the viewpoint in
    'perspective'.
    """

    projection: str
    latitudes: str = "centric"
    scale_km: float | None = None
    bounds: Bounds | None = None
    centre: tuple[float, float] | None = None
    altitude_km: float | None = None


def box_of(latitude: FloatArray, longitude: FloatArray) -> Bounds:
    """The smallest box around places (n,); a pole that they surround is taken in."""
    south, north = float(latitude.min()), float(latitude.max())
    west, east = round_the_body(longitude)
    for pole in (-1.0, 1.0):
        near = pole * latitude > math.pi / 2 - NEAR_POLE
        if near.any():
            a, b = round_the_body(longitude[pole * latitude > math.pi / 2 - 4 * NEAR_POLE])
            if b - a > 2 * math.pi - WIDEST_GAP:
                west, east = -math.pi, math.pi
                south, north = (-math.pi / 2, north) if pole < 0 else (south, math.pi / 2)
    pad = 1e-6
    return Bounds(west, max(south - pad, -math.pi / 2), max(east, west + pad), min(north + pad, math.pi / 2))


def round_the_body(longitude: FloatArray) -> tuple[float, float]:
    """West and east of longitudes (n,), the largest gap between them left out; west lies between -pi and pi."""
    ordered = np.sort(np.mod(longitude, 2 * math.pi))
    gaps = np.diff(ordered, append=ordered[0] + 2 * math.pi)
    k = int(np.argmax(gaps))
    if gaps[k] < math.radians(1.0):
        return -math.pi, math.pi
    west = float(ordered[(k + 1) % len(ordered)])
    span = 2 * math.pi - float(gaps[k])
    west = west - 2 * math.pi if west > math.pi else west
    return west, west + span


def choose_grid(
    wish: Wish,
    body: Body,
    latitude: FloatArray,
    longitude: FloatArray,
    *,
    native_km: float,
    above: tuple[float, float, float] | None = None,
) -> MapGrid:
    """The grid of a map.

    Places (n,) of planetocentric latitude and longitude are what it should show where no bounds are given, `native_km`
    its scale where none is. `above` (planetocentric latitude, longitude, altitude km) is the spacecraft's place, from
    which a perspective map is drawn unless another is asked for.

    Raises UsageError for what cannot be drawn: no places, a projection that cannot show the region, a map too large.
    """
    if wish.latitudes == "graphic" and body.radii_km[0] != body.radii_km[1]:
        raise UsageError(f"{body.name} is no body of revolution: its latitudes can only be centric")
    box, lat, lon = choose_region(wish, body, latitude, longitude)
    projection = choose_projection(wish, body, box, above)
    scale = choose_scale(wish, projection, native_km)
    x, y = np.moveaxis(projection.forward(lat, lon), -1, 0)
    if wish.projection in CYLINDRICAL:
        x, y = unrolled(projection, lat, lon)
    if wish.projection == "laea" and wish.bounds is not None:
        x, y = with_rim(projection, box, x, y)
    seen = np.isfinite(x)
    if not seen.any():
        raise UsageError(
            f"the projection {wish.projection} centred on {math.degrees(projection.latitude):.4g}, "
            f"{math.degrees(projection.longitude):.4g} deg cannot show the region: choose another --centre or kind"
        )
    check_size((x[seen], y[seen]), scale)
    left, right = snapped(float(x[seen].min()), float(x[seen].max()), scale)
    bottom, top = snapped(float(y[seen].min()), float(y[seen].max()), scale)
    return MapGrid(body, projection, wish.latitudes, scale, left * scale, top * scale, right - left, top - bottom)


def choose_region(
    wish: Wish, body: Body, latitude: FloatArray, longitude: FloatArray
) -> tuple[Bounds, FloatArray, FloatArray]:
    """The box of a map, and latitudes and longitudes that it has to hold, in its own kind of latitude."""
    if wish.bounds is not None:
        check_hemisphere(wish.projection, wish.bounds)
        return wish.bounds, *wish.bounds.lattice()
    showable = in_reach(wish, latitude, longitude)
    latitude, longitude = latitude[showable], longitude[showable]
    if not len(latitude):
        raise UsageError(
            f"nothing of {body.name} was seen that the projection {wish.projection} could show: give --bounds, "
            "another --projection, or another strip"
        )
    shown = graphic_from_centric(latitude, body.radii_km) if wish.latitudes == "graphic" else latitude
    box = box_of(shown, longitude)
    if wish.projection in CYLINDRICAL:
        return box, *box.lattice()
    return box, shown, longitude


def choose_scale(wish: Wish, projection: Projection, native_km: float) -> float:
    """Kilometres a pixel: as asked for, else two digits near the camera's, a whole number of pixels around the body."""
    if wish.scale_km is not None:
        if not 0.0 < wish.scale_km < math.inf:
            raise UsageError(f"a map of {wish.scale_km:g} km a pixel cannot be drawn: give a scale above 0")
        return wish.scale_km
    scale = rounded_scale(native_km)
    if wish.projection not in CYLINDRICAL:
        return scale
    across = math.cos(projection.latitude) if wish.projection == "equirectangular" else 1.0
    half = math.pi * projection.radius_km * across
    return half / math.ceil(half / scale)


def check_size(places: tuple[FloatArray, FloatArray], scale: float) -> None:
    """Raise UsageError for a map of places x, y (n,) km that would be too large, or a single pixel."""
    spans = [float(v.max() - v.min()) / scale for v in places]
    if not max(spans) <= MAX_SIDE or not spans[0] * spans[1] <= MAX_PIXELS:
        raise UsageError(
            f"the map would have {spans[0]:.3g} x {spans[1]:.3g} px at {scale:g} km a pixel: give a larger --scale or "
            "narrower --bounds"
        )
    if max(spans) < 1.0 - FUZZ:
        raise UsageError(
            f"at {scale:g} km a pixel the whole map is one pixel: give a smaller --scale or wider --bounds"
        )


def check_hemisphere(projection: str, box: Bounds) -> None:
    """Raise UsageError for a polar map that would have to hold the other pole, which lies infinitely far away."""
    far = {"polar-north": -box.south, "polar-south": box.north}.get(projection, -math.pi / 2)
    if far > FARTHEST:
        raise UsageError(
            f"a {projection} map goes no farther than {math.degrees(FARTHEST):g} deg of the other hemisphere: give "
            "narrower --bounds"
        )


def in_reach(wish: Wish, latitude: FloatArray, longitude: FloatArray) -> NDArray[np.bool_]:
    """Which places (n,) a map without bounds may be chosen to show.

    A polar one shows its own hemisphere, an equal-area one with a centre what is not near its antipode.
    """
    if wish.projection == "polar-north":
        return latitude >= 0.0
    if wish.projection == "polar-south":
        return latitude <= 0.0
    if wish.projection == "laea" and wish.centre is not None:
        lat, lon = wish.centre
        cosine = np.sin(lat) * np.sin(latitude) + np.cos(lat) * np.cos(latitude) * np.cos(longitude - lon)
        return np.asarray(cosine > math.cos(FAR_REACH))
    return np.ones(len(latitude), np.bool_)


def with_rim(projection: Projection, box: Bounds, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """x, y of an equal-area map's places, with its rim, the antipode of its centre, where the box holds that."""
    latitude, longitude = -projection.latitude, projection.longitude + math.pi
    turned = box.west + math.fmod(math.fmod(longitude - box.west, 2 * math.pi) + 2 * math.pi, 2 * math.pi)
    if not (box.south <= latitude <= box.north and turned <= box.east):
        return x, y
    around = np.linspace(0.0, 2.0 * math.pi, 361)
    radius = 2.0 * projection.radius_km
    return np.append(x, radius * np.cos(around)), np.append(y, radius * np.sin(around))


def choose_projection(wish: Wish, body: Body, box: Bounds, above: tuple[float, float, float] | None) -> Projection:
    """The projection: centred as asked, else on the box, or below the spacecraft in 'perspective'."""
    if body.name not in MAP_RADIUS_KM:
        raise UsageError(f"{body.name} cannot be mapped: only {', '.join(MAP_RADIUS_KM)} can")
    radius = MAP_RADIUS_KM[body.name]
    altitude = wish.altitude_km if wish.altitude_km is not None else math.nan
    centre = wish.centre
    if wish.projection == "perspective":
        if math.isnan(altitude):
            altitude = above[2] if above is not None else 3.0 * radius
        if centre is None and above is not None and wish.bounds is None:
            centre = above[0], above[1]
            if wish.latitudes == "graphic":
                centre = float(graphic_from_centric(above[0], body.radii_km)), above[1]
    if centre is None:
        middle = (box.south + box.north) / 2, (box.west + box.east) / 2
        # a whole number of degrees is easier to say, and to repeat
        centre = math.radians(round(math.degrees(middle[0]))), math.radians(round(math.degrees(middle[1])))
        if wish.projection in CYLINDRICAL:
            centre = 0.0, central_meridian(box)
        elif wish.projection.startswith("polar"):
            centre = 0.0, 0.0
    return Projection(wish.projection, radius, centre[0], math.remainder(centre[1], 2 * math.pi), altitude)


def central_meridian(box: Bounds) -> float:
    """The meridian in the middle of a cylindrical map, so that the box is in one piece: 0, 180 deg or the box's own."""
    fuzz = 1e-9
    for meridian in (0.0, math.pi):
        turns = math.floor((box.west - meridian + math.pi + fuzz) / (2 * math.pi)) * 2 * math.pi
        if box.east - turns <= meridian + math.pi + fuzz:
            return meridian
    return math.radians(round(math.degrees((box.west + box.east) / 2)))


def unrolled(projection: Projection, lat: FloatArray, lon: FloatArray) -> tuple[FloatArray, FloatArray]:
    """x, y km of places in a cylindrical map; those a hair over its edge stay on the edge they came from."""
    away = lon - projection.longitude
    # the box's own west decides the turn, so that its east may be the map's right edge
    turns = 2 * math.pi * math.floor((float(away.min()) + math.pi + 1e-9) / (2 * math.pi))
    away = away - turns
    if float(away.max()) > math.pi + 1e-9:
        away = np.clip(away, -math.pi, math.pi)
        # a box over the seam of the map needs all of it
        away[..., 0], away[..., -1] = -math.pi, math.pi
    across = math.cos(projection.latitude) if projection.kind == "equirectangular" else np.cos(lat)
    return projection.radius_km * away * across, projection.radius_km * lat


def snapped(low: float, high: float, scale: float) -> tuple[int, int]:
    """Edges in whole pixels from the projection's origin, around an interval in km: maps of one scale then fit."""
    first, last = math.floor(low / scale + FUZZ), math.ceil(high / scale - FUZZ)
    return first, max(last, first + 1)


def rounded_scale(native_km: float) -> float:
    """A scale of two digits, not coarser than the one given."""
    power = 10.0 ** (math.floor(math.log10(native_km)) - 1)
    return math.floor(native_km / power + 1e-9) * power
