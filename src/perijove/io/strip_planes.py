"""Backplanes of a strip: a raster laid out as the strip is, framelet below framelet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.illumination import PLANES, check_planes, in_file_units
from perijove.raster import Layer, Raster
from perijove.render.raw_backplanes import RawGeometry
from perijove.render.threads import run_blocks


def strip_raster(
    names: Sequence[str], geometries: Sequence[RawGeometry], height: int, origin: Mapping[str, object]
) -> Raster:
    """The backplanes `names` of a strip of `height` lines, a layer each, made when its rows are asked for.

    `geometries` are those of the strip's filters in the order of its framelets. Lines that belong to no whole framelet
    are NaN. Raises UsageError for unknown names.
    """
    check_planes(names)
    lines, samples, _ = geometries[0].rays.shape
    count = len(geometries)

    def rows(first: int, last: int) -> NDArray[np.float32]:
        out = np.full((len(names), last - first, samples), np.nan, np.float32)

        def measure(number: int) -> None:
            frame, k = divmod(number, count)
            if frame >= len(geometries[k].places):
                return
            top = number * lines
            a, b = max(first, top), min(last, top + lines)
            for layer, (name, plane) in zip(out, geometries[k].framelet(names, frame).items(), strict=True):
                layer[a - first : b - first] = in_file_units(name, plane[a - top : b - top])

        run_blocks(measure, range(first // lines, min(-(-last // lines), height // lines)), None)
        return out

    layers = tuple(Layer(name, PLANES[name].unit, "geometry", PLANES[name].description) for name in names)
    return Raster(None, layers, samples, height, "float32", "linear", origin, rows)
