"""World files: where a picture of a map lies, told by small files beside it.

`.pgw` holds the six numbers of the pixels' places (ESRI's convention: the place meant is the middle of the first
pixel), `.prj` the coordinate system in ESRI's words, `.aux.xml` both in GDAL's, with the system in full.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from affine import Affine

from perijove.errors import MapError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.atomic import Staged
from perijove.io.crs import crs_of, grid_from, transform_of


def world_paths(path: Path) -> tuple[Path, Path, Path]:
    """The world file, the coordinate system's file and GDAL's file of a picture."""
    letters = path.suffix.lstrip(".").lower()
    world = f".{letters[:1]}{letters[-1:]}w"
    return path.with_suffix(world), path.with_suffix(".prj"), path.with_name(path.name + ".aux.xml")


def world_files(grid: MapGrid, path: Path) -> dict[Path, bytes]:
    """The files that tell where the picture `path` of a map lies, by their paths."""
    world, projection, gdal = world_paths(path)
    step = transform_of(grid)
    x, y = step.c + 0.5 * step.a, step.f + 0.5 * step.e
    system = crs_of(grid)
    numbers = (step.a, step.d, step.b, step.e, x, y)
    root = ElementTree.Element("PAMDataset")
    # the order of axes in which the numbers below come
    srs = ElementTree.SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2")
    srs.text = system.to_wkt()
    ElementTree.SubElement(root, "GeoTransform").text = ", ".join(f"{number:.17g}" for number in step.to_gdal())
    return {
        world: "".join(f"{number:.17g}\n" for number in numbers).encode(),
        projection: system.to_wkt("WKT1_ESRI").encode(),
        gdal: ElementTree.tostring(root),
    }


def stage_world_files(staged: Staged, grid: MapGrid, path: Path) -> None:
    """Write the files of `world_files` as some of several that will appear together."""
    for name, data in world_files(grid, path).items():
        staged.add(name, data)


def read_world_files(path: Path, width: int, height: int) -> MapGrid:
    """The grid of a picture of `width` x `height` px by its world file and coordinate system.

    Raises MapError where they are missing, unreadable or none of ours.
    """
    world, projection, _ = world_paths(path)
    try:
        text, system = world.read_text("ascii"), projection.read_text("utf-8")
        a, d, b, e, x, y = (float(line) for line in text.split())
    except (OSError, ValueError) as error:
        raise MapError(f"{path} has no readable {world.name} and {projection.name} beside it: {error}") from error
    return grid_from(system, Affine(a, b, x - 0.5 * (a + b), d, e, y - 0.5 * (d + e)), width, height)
