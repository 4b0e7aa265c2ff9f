"""STAC items and outlines of maps."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyproj
import pystac
import pytest
from pystac.extensions.projection import ProjectionExtension

from perijove.bodies import GANYMEDE, JUPITER, Body
from perijove.errors import MapError
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.io.atomic import Staged
from perijove.io.outline import outline_of
from perijove.io.provenance import Source, provenance
from perijove.io.stac import PLAIN_GEOTIFF, stac_item, stac_path, stage_stac
from perijove.raster import Layer, Raster

ROUND = 2 * math.pi * 71492.0


def grid(
    kind: str, latitude: float, longitude: float, scale: float, left: float, top: float,
    size: tuple[int, int] = (300, 200), latitudes: str = "centric", body: Body = JUPITER,
) -> MapGrid:  # fmt: skip
    height = 40_000.0 if kind == "perspective" else math.nan
    radius = MAP_RADIUS_KM[body.name]
    projection = Projection(kind, radius, math.radians(latitude), math.radians(longitude), height)
    return MapGrid(body, projection, latitudes, scale, left, top, *size)


GRIDS = {
    "globe": grid("equirectangular", 0, 0, ROUND / 300, -ROUND / 2, ROUND / 4, (300, 150)),
    "globe about 180": grid("equirectangular", 0, 180, ROUND / 300, -ROUND / 2, ROUND / 4, (300, 150)),
    "across 180": grid("equirectangular", 0, 180, 300, -60000, 40000),
    "planetographic": grid("equirectangular", 20, 40, 100, -6000, 40000, latitudes="graphic"),
    "sinusoidal": grid("sinusoidal", 0, 100, ROUND / 300, -ROUND / 2, ROUND / 4, (300, 150)),
    "north pole": grid("polar-north", 0, 0, 400, -60000, 60000, (300, 300)),
    "beside the south pole": grid("polar-south", 0, 30, 400, 5000, 60000, (300, 300)),
    "a globe's face": grid("orthographic", 30, 170, 500, -75000, 75000, (300, 300)),
    "laea": grid("laea", -20, 170, 250, -37500, 37500, (300, 300)),
    "a view": grid("perspective", -40, -100, 200, -30000, 30000, (300, 300)),
}


def raster(made: MapGrid | None, parameters: dict[str, object] | None = None, dtype: str = "float32") -> Raster:
    origin = provenance(
        [Source("strip", "a.png", "JNCE_1", None), Source("label", "a.json", "JNCE_1", None)],
        parameters if parameters is not None else {"epoch_utc": "2022-08-17T14:33:44.123"},
        title="Jupiter",
    )
    layers = (Layer("RED", "I/F", "light", "red light"), Layer("RED quality", "bits", "quality"))
    width, height = (made.width, made.height) if made else (3, 3)
    empty = np.zeros((2, height, width), dtype)
    return Raster(made, layers, width, height, dtype, "linear", origin, lambda a, b: empty[:, a:b], 0.5)  # type: ignore[arg-type]


def inside(polygons: object, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Whether places, deg, lie in polygons of rings, by crossings of a ray."""
    found = np.zeros(latitude.shape, bool)
    for polygon in polygons:  # type: ignore[attr-defined]
        odd = np.zeros(latitude.shape, bool)
        for ring in polygon:
            for (x1, y1), (x2, y2) in pairwise(ring):
                cross = (y1 > latitude) != (y2 > latitude)
                with np.errstate(divide="ignore", invalid="ignore"):
                    odd ^= cross & (longitude < x1 + (latitude - y1) / (y2 - y1) * (x2 - x1))
        found |= odd
    return found


@pytest.mark.parametrize("name", GRIDS)
def test_the_outline_holds_the_map_and_little_else(name: str) -> None:
    made = GRIDS[name]
    outline = outline_of(made)
    rng = np.random.default_rng(0)
    places = np.degrees(made.place_of(rng.uniform(0, made.height, 3000), rng.uniform(0, made.width, 3000)))
    places = places[np.isfinite(places[:, 0])]
    assert inside(outline.polygons, places[:, 0], places[:, 1]).mean() > 0.999
    # and the other way round: what lies in the outline is on the map, but for a cell at the edge
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, 20000))), rng.uniform(-180, 180, 20000)
    held = inside(outline.polygons, lat, lon)
    line, sample = made.pixel_of(np.radians(lat[held]), np.radians(lon[held])).T
    with np.errstate(invalid="ignore"):
        on = (line >= 0) & (line <= made.height) & (sample >= 0) & (sample <= made.width)
    assert on.mean() > 0.93


@pytest.mark.parametrize("name", GRIDS)
def test_polygons_are_geojson(name: str) -> None:
    outline = outline_of(GRIDS[name])
    for polygon in outline.polygons:
        for index, ring in enumerate(polygon):
            x, y = np.array(ring).T
            assert ring[0] == ring[-1]
            assert (np.abs(x) <= 180).all()
            assert (np.abs(y) <= 90).all()
            area = np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])
            assert area > 0 if index == 0 else area < 0
    west, south, east, north = outline.bbox
    points = np.concatenate([np.array(ring) for polygon in outline.polygons for ring in polygon])
    assert (points[:, 1].min(), points[:, 1].max()) == (south, north)
    in_box = (points[:, 0] >= west - 1e-9) & (points[:, 0] <= east + 1e-9)
    if west > east:
        in_box = (points[:, 0] >= west - 1e-9) | (points[:, 0] <= east + 1e-9)
    assert in_box.all()


def test_boxes_by_hand() -> None:
    deg = 360 / ROUND
    box = outline_of(GRIDS["across 180"]).bbox
    np.testing.assert_allclose(box, [180 - 60000 * deg, -20000 * deg, -180 + 30000 * deg, 40000 * deg], atol=1e-9)
    assert len(outline_of(GRIDS["across 180"]).polygons) == 2
    assert outline_of(GRIDS["globe"]).bbox == (-180, -90, 180, 90)
    north = outline_of(GRIDS["north pole"]).bbox
    # the corner is hypot(60000, 60000) km from the pole: rho = 2 R tan(c / 2)
    corner = 90 - 2 * math.degrees(math.atan(math.hypot(60000, 60000) / (2 * 71492)))
    np.testing.assert_allclose(north, [-180, corner, 180, 90], atol=1e-9)
    # from 2 R = cot of half the latitude: a planetographic map tells planetocentric degrees
    south = math.degrees(math.atan((66854 / 71492) ** 2 * math.tan((40000 - 200 * 100) / 71492)))
    assert outline_of(GRIDS["planetographic"]).bbox[1] == pytest.approx(south, abs=1e-9)


def test_a_map_of_nothing_has_no_outline() -> None:
    with pytest.raises(MapError, match="shows nothing of JUPITER"):
        outline_of(grid("orthographic", 0, 0, 10, 100_000, 100_000))


@pytest.mark.parametrize("name", GRIDS)
def test_pystac_reads_items(tmp_path: Path, name: str) -> None:
    made, path = GRIDS[name], tmp_path / "jupiter.tif"
    with Staged() as staged:
        stage_stac(staged, raster(made), path)
    assert [one.name for one in tmp_path.iterdir()] == ["jupiter.tif.stac.json"]
    item = pystac.Item.from_file(str(stac_path(path)))
    assert item.id == "jupiter.tif"
    assert item.datetime is not None
    assert item.datetime.isoformat() == "2022-08-17T14:33:44.123000+00:00"
    assert item.properties["ssys:targets"] == ["Jupiter"]
    assert item.properties["ssys:target_class"] == "planet"
    assert item.properties["perijove:products"] == ["JNCE_1"]
    assert item.common_metadata.gsd == pytest.approx(1000 * made.scale_km)
    assert item.common_metadata.license == "other"
    assert [link.href for link in item.get_links("license")] == ["https://www.jpl.nasa.gov/jpl-image-use-policy"]
    projection = ProjectionExtension.ext(item)
    assert projection.shape == [made.height, made.width]
    assert projection.transform is not None
    assert projection.wkt2 is not None
    # the item alone places a pixel
    step = projection.transform
    line, sample = made.height / 2 - 3.5, made.width / 2 + 0.5
    system = pyproj.CRS.from_wkt(projection.wkt2)
    assert system == pyproj.CRS.from_json_dict(projection.projjson)
    assert projection.code in (None, ":".join(system.to_authority() or ()))
    lon, lat = pyproj.Transformer.from_crs(system, system.geodetic_crs, always_xy=True).transform(
        step[2] + sample * step[0], step[5] + line * step[4]
    )
    latitude, longitude = made.place_of(line, sample)
    shown = math.degrees(float(made.shown_latitude(latitude)))
    np.testing.assert_allclose([lat, lon], [shown, math.degrees(longitude)], rtol=0, atol=1e-6)
    asset = item.assets["map"]
    assert asset.get_absolute_href() == str(path)
    assert asset.media_type == pystac.MediaType.COG
    assert [band["name"] for band in asset.extra_fields["bands"]] == ["RED", "RED quality"]


def test_items_are_plain_json_and_steady() -> None:
    item = stac_item(raster(GRIDS["laea"]), Path("a/b.tif"))
    assert json.loads(json.dumps(item, allow_nan=False)) == item
    assert item == stac_item(raster(GRIDS["laea"]), Path("a/b.tif"))
    assert item["stac_extensions"] == [
        "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
        "https://stac-extensions.github.io/ssys/v1.1.1/schema.json",
    ]


def test_scaled_integers_moons_intervals_and_media() -> None:
    made = grid("laea", 10, 20, 5, -500, 500, body=GANYMEDE)
    times = {"start_utc": "2021-06-07T16:50:00", "end_utc": "2016-12-31T23:59:60.5"}
    item = stac_item(raster(made, times, "uint16"), Path("g.tif"), PLAIN_GEOTIFF)
    properties, asset = item["properties"], item["assets"]["map"]  # type: ignore[index]
    assert properties["ssys:target_class"] == "satellite"  # type: ignore[index]
    assert properties["datetime"] is None  # type: ignore[index]
    assert properties["start_datetime"] == "2021-06-07T16:50:00Z"  # type: ignore[index]
    assert properties["end_datetime"] == "2016-12-31T23:59:59.5Z"  # type: ignore[index]
    assert (asset["raster:scale"], asset["raster:offset"], asset["nodata"]) == (0.5, 0.0, 0)
    assert asset["type"] == "image/tiff; application=geotiff"
    assert "https://stac-extensions.github.io/raster/v2.0.0/schema.json" in item["stac_extensions"]  # type: ignore[operator]


def test_simulated_maps_are_not_the_missions() -> None:
    made = raster(GRIDS["laea"])
    origin = provenance([], {"epoch_utc": "2022-08-17T14:33:44.123"}, simulated=True)
    item = stac_item(replace(made, origin=origin), Path("s.tif"))
    assert item["links"] == []
    assert "NASA" not in json.dumps(item)


@pytest.mark.parametrize("made", [raster(None), raster(GRIDS["laea"], {})])
def test_what_has_no_place_or_time_has_no_item(tmp_path: Path, made: Raster) -> None:
    with Staged() as staged:
        stage_stac(staged, made, tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="no grid or no time"):
        stac_item(made, tmp_path / "a.tif")
