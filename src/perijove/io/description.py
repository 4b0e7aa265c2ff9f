"""What a map file says of itself: grid, layers, numbers and provenance as one JSON object, exact to the last bit.

The header of a format says the same to other programs, each in its own rounding; what Perijove reads back is this
object, so that a map may go from format to format and come back as it was.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from perijove.bodies import BODIES
from perijove.errors import MapError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.io.provenance import plain
from perijove.raster import Layer, Raster, Role, Rows

SCHEMA = "perijove-map-1"
_SIZES = {"uint8": 1, "uint16": 2, "float32": 4}


@dataclass(frozen=True)
class Group:
    """Layers that belong together in a format that has places for stacks: those of one role and unit, in their order.

    `name` is the role's, with a number behind it where there are several units of one role; a layer of geometry is a
    group of its own and bears its own name. `indices` are the layers' places in the raster.
    """

    name: str
    role: Role
    unit: str
    indices: tuple[int, ...]


def describe(raster: Raster) -> dict[str, object]:
    """All of a raster but its numbers as a JSON object; `described` is the inverse."""
    told = {
        "schema": SCHEMA,
        "width": raster.width,
        "height": raster.height,
        "dtype": raster.dtype,
        "transfer": raster.transfer,
        "scale": raster.scale,
        "offset": raster.offset,
        "layers": [asdict(layer) for layer in raster.layers],
        "grid": None if raster.grid is None else describe_grid(raster.grid),
        "origin": raster.origin,
    }
    return {key: plain(value) for key, value in told.items()}


def describe_grid(grid: MapGrid) -> dict[str, object]:
    """A map's grid as a JSON object: km and rad, as they are held inside."""
    told = {
        "body": grid.body.name,
        "body_radii_km": grid.body.radii_km,
        "projection": asdict(grid.projection),
        "latitudes": grid.latitudes,
        "scale_km": grid.scale_km,
        "left_km": grid.left_km,
        "top_km": grid.top_km,
        "width": grid.width,
        "height": grid.height,
    }
    return {key: plain(value) for key, value in told.items()}


def as_text(raster: Raster) -> str:
    """The description as JSON text of plain ASCII, a value a line."""
    return json.dumps(describe(raster), indent=1, ensure_ascii=True, allow_nan=False)


def described(text: str, path: Path, rows: Callable[[int, int], Rows]) -> Raster:
    """The raster that a description in the file `path` tells of; MapError where it is none, or a newer one."""
    try:
        value: Any = json.loads(text)
        if value["schema"] != SCHEMA:
            raise MapError(f"{path} was written by another version of Perijove ({value['schema']}): use that one")
        if value["dtype"] not in _SIZES or value["transfer"] not in ("linear", "srgb") or not value["layers"]:
            raise ValueError("unknown kind of number or of light")
        raster = Raster(
            grid=None if value["grid"] is None else grid_of(value["grid"]),
            layers=tuple(Layer(**layer) for layer in value["layers"]),
            width=int(value["width"]),
            height=int(value["height"]),
            dtype=value["dtype"],
            transfer=value["transfer"],
            origin=value["origin"],
            rows=rows,
            scale=float(value["scale"]),
            offset=float(value["offset"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, UsageError) as error:
        raise MapError(f"{path}: what the map says of itself is damaged ({error}); write it anew") from error
    if raster.grid is not None and (raster.grid.width, raster.grid.height) != (raster.width, raster.height):
        raise MapError(f"{path}: the size of the map's grid is not that of its numbers; write it anew")
    return raster


def grid_of(value: Mapping[str, Any]) -> MapGrid:
    """The grid of `describe_grid`'s object; KeyError, TypeError, ValueError or UsageError for what is none."""
    projection = dict(value["projection"])
    if projection["altitude_km"] is None:
        projection["altitude_km"] = math.nan
    a, b, c = value["body_radii_km"]
    return MapGrid(
        body=replace(BODIES[value["body"]], radii_km=(a, b, c)),
        projection=Projection(**projection),
        latitudes=value["latitudes"],
        scale_km=value["scale_km"],
        left_km=value["left_km"],
        top_km=value["top_km"],
        width=value["width"],
        height=value["height"],
    )


def groups(layers: Sequence[Layer]) -> tuple[Group, ...]:
    """Layers in stacks, light first, then sigma, quality and geometry; names are capitals, unlike each other."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for role in ("light", "sigma", "quality", "geometry"):
        for index, layer in enumerate(layers):
            if layer.role == role:
                single = f"{layer.name} {index}" if role == "geometry" else ""
                found.setdefault((role, layer.unit, single), []).append(index)
    names = [layers[indices[0]].name if role == "geometry" else role for (role, *_), indices in found.items()]
    unlike = distinct([re.sub(r"[^A-Za-z0-9]+", "_", name).upper() for name in names])
    return tuple(
        Group(name, layers[indices[0]].role, layers[indices[0]].unit, tuple(indices))
        for name, indices in zip(unlike, found.values(), strict=True)
    )


def distinct(names: Sequence[str]) -> list[str]:
    """The names in their order, those that were there before with _2, _3 ... behind them."""
    out: list[str] = []
    for name in names:
        number, tried = 1, name
        while tried in out:
            number += 1
            tried = f"{name}_{number}"
        out.append(tried)
    return out
