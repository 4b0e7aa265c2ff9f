"""STAC: an item beside each map, by which catalogues find it.

SpatioTemporal Asset Catalog 1.1.0 with the extensions `projection` 2.0.0 and `ssys` 1.1.1 (solar system),
and `raster` 2.0.0 where integers are scaled. Geometry and
bounding box are in degrees of the body: planetocentric latitude, longitude to the east from -180 to 180.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from perijove.io.atomic import Staged
from perijove.io.crs import authority_of, crs_of, transform_of
from perijove.io.outline import outline_of
from perijove.io.provenance import SIMULATED_LICENCE, SOURCE_CREDIT, plain, sidecar_path, software
from perijove.raster import Layer, Raster

VERSION = "1.1.0"
EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/ssys/v1.1.1/schema.json",
)
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
"""The extension of maps of scaled integers."""
MEDIA = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".tiff": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".png": "image/png",
    ".fits": "application/fits",
    ".fit": "application/fits",
    ".zarr": "application/vnd.zarr; version=3",
}
"""Media types by suffix; a GeoTIFF without overviews is `PLAIN_GEOTIFF`."""
PLAIN_GEOTIFF = "image/tiff; application=geotiff"
POLICY = "https://www.jpl.nasa.gov/jpl-image-use-policy"


def stac_path(path: Path) -> Path:
    """The name of a map's item: the map's with .stac.json behind it, so that each kind of file has its own."""
    return path.with_name(path.name + ".stac.json")


def stage_stac(staged: Staged, raster: Raster, path: Path, media: str | None = None) -> None:
    """Write the item of the map in the file `path`, as one of several files that will appear together.

    None is written for what has no place or no time: STAC wants both.
    """
    if raster.grid is not None and times_of(raster.origin) is not None:
        item = stac_item(raster, path, media)
        staged.add(stac_path(path), (json.dumps(item, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def stac_item(raster: Raster, path: Path, media: str | None = None) -> dict[str, object]:
    """The STAC item of a map in the file `path`, as a JSON object.

    `media` is the file's media type, by its suffix where it is not given. The time is `epoch_utc`, or `start_utc` and
    `end_utc`, among the parameters of the provenance. Raises ValueError where there is neither time nor grid.
    """
    grid, times = raster.grid, times_of(raster.origin)
    if grid is None or times is None:
        raise ValueError("what has no grid or no time makes no STAC item")
    outline = outline_of(grid)
    transform = transform_of(grid)
    right, bottom = transform.c + grid.width * transform.a, transform.f + grid.height * transform.e
    crs = crs_of(grid)
    properties: dict[str, object] = {
        **times,
        "title": raster.origin.get("title") or path.stem,
        **_makers(raster.origin),
        "gsd": 1000.0 * grid.scale_km,
        "ssys:targets": [grid.body.name.capitalize()],
        "ssys:target_class": "planet" if grid.body.parent is None else "satellite",
        "proj:code": authority_of(grid),
        "proj:wkt2": crs.to_wkt(),
        "proj:projjson": crs.to_json_dict(),
        "proj:shape": [grid.height, grid.width],
        "proj:transform": list(transform)[:6],
        "proj:bbox": [transform.c, bottom, right, transform.f],
        "perijove:latitudes": f"planeto{grid.latitudes}",
        "perijove:products": _products(raster.origin),
    }
    links = [] if raster.origin.get("licence") == SIMULATED_LICENCE else [{"rel": "license", "href": POLICY}]
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [*EXTENSIONS, *([] if raster.dtype == "float32" else [RASTER])],
        "id": path.name,
        "geometry": outline.geometry(),
        "bbox": list(outline.bbox),
        "properties": {key: plain(value) for key, value in properties.items()},
        "links": links,
        "assets": _assets(raster, path, media),
    }


def times_of(origin: Mapping[str, object]) -> dict[str, object] | None:
    """The time of a provenance as STAC tells it, None where there is none."""
    parameters = origin.get("parameters")
    if not isinstance(parameters, Mapping):
        return None
    epoch, start, end = (parameters.get(key) for key in ("epoch_utc", "start_utc", "end_utc"))
    if isinstance(start, str) and isinstance(end, str):
        middle = _zulu(epoch) if isinstance(epoch, str) else None
        return {"datetime": middle, "start_datetime": _zulu(start), "end_datetime": _zulu(end)}
    return {"datetime": _zulu(epoch)} if isinstance(epoch, str) else None


def _zulu(utc: str) -> str:
    """UTC with the letter that says so; a leap second, which few readers know, is told as the one before it."""
    return utc.removesuffix("Z").replace(":60", ":59") + "Z"


def _makers(origin: Mapping[str, object]) -> dict[str, object]:
    """Credit, licence and instrument."""
    program = {"name": str(origin.get("software") or software()), "roles": ["processor"]}
    made: dict[str, object] = {"description": str(origin.get("credit") or SOURCE_CREDIT), "license": "other"}
    if origin.get("licence") == SIMULATED_LICENCE:
        return made | {"providers": [program]}
    source = {
        "name": SOURCE_CREDIT,
        "roles": ["licensor", "producer"],
        "url": "https://www.missionjuno.swri.edu/junocam",
    }
    return made | {
        "providers": [source, program],
        "mission": "juno",
        "platform": "juno",
        "instruments": ["junocam"],
    }


def _products(origin: Mapping[str, object]) -> list[str]:
    """The product ids of the strips that a map was made of."""
    inputs = origin.get("inputs")
    found = [one.get("product_id") for one in inputs if isinstance(one, Mapping)] if isinstance(inputs, list) else []
    return list(dict.fromkeys(str(product) for product in found if product))


def _assets(raster: Raster, path: Path, media: str | None) -> dict[str, object]:
    """The map and its sidecar."""
    kind = media or MEDIA.get(path.suffix.lower(), "application/octet-stream")
    seen = raster.transfer == "srgb"
    return {
        "map": {
            "href": f"./{path.name}",
            "type": kind,
            "title": ", ".join(layer.name for layer in raster.layers),
            "roles": ["visual" if seen else "data"],
            "data_type": raster.dtype,
            "nodata": "nan" if raster.dtype == "float32" else 0,
            "bands": [_band(layer) for layer in raster.layers],
            **({} if raster.dtype == "float32" else {"raster:scale": raster.scale, "raster:offset": raster.offset}),
        },
        "provenance": {
            "href": f"./{sidecar_path(path).name}",
            "type": "application/json",
            "title": "Inputs, parameters and solution",
            "roles": ["metadata"],
        },
    }


def _band(layer: Layer) -> dict[str, object]:
    told = {"name": layer.name, "description": layer.description, "unit": layer.unit}
    return {key: value for key, value in told.items() if value}
