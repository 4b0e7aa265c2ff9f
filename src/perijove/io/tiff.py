"""TIFF: 16-bit integers or 32-bit floats, with descriptions, transfer function and provenance in its tags."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from perijove.enhance.picture import Picture
from perijove.errors import OutputError, UsageError
from perijove.io.png import integers
from perijove.io.provenance import as_json, text_fields

DEPTHS = ("16", "32f")
_TAGS = {
    "Title": "TIFFTAG_DOCUMENTNAME",
    "Author": "TIFFTAG_ARTIST",
    "Copyright": "TIFFTAG_COPYRIGHT",
    "Software": "TIFFTAG_SOFTWARE",
}


def encode_tiff(picture: Picture, origin: Mapping[str, object], depth: str = "16") -> bytes:
    """A picture as the bytes of a TIFF; bands in the order red, green, blue (or the one of a grey picture).

    `depth` '32f' keeps the values and has NaN where there is no data; '16' scales 0 to 1 to 1 to 65535, with 0 for no
    data, and is for pictures with a transfer function only. The tag PROVENANCE holds `origin` as JSON, TRANSFER the
    transfer function. Raises UsageError for another depth or a linear picture in integers.
    """
    if depth not in DEPTHS:
        raise UsageError(f"a TIFF cannot be written with depth {depth!r}: give one of {', '.join(DEPTHS)}")
    if depth == "16" and picture.transfer != "srgb":
        raise UsageError(f"16-bit integers cannot hold the {picture.recipe} picture: write it with 32-bit floats")
    values = picture.rgb if depth == "32f" else integers(picture.rgb, 16, least=1)
    names = [band.value for band in picture.bands]
    tags = {_TAGS[key]: text for key, text in text_fields(origin).items()}
    tags |= {"PROVENANCE": as_json(origin), "TRANSFER": picture.transfer, "BANDS": ",".join(names)}
    try:
        return _geotiff(values, names, tags)
    except RasterioError as error:
        raise OutputError(f"the TIFF cannot be encoded: {error}; give a smaller size") from error


_memory_file: Any = MemoryFile


def _geotiff(values: NDArray[np.generic], names: list[str], tags: Mapping[str, str]) -> bytes:
    """The bytes of a TIFF of (h, w, bands) values; it is encoded in memory, so that no half of it is ever on a disk."""
    height, width, count = values.shape
    floating = values.dtype.kind == "f"
    with warnings.catch_warnings():
        # a picture as seen from a spacecraft has no place on a map
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with _memory_file() as memory:
            with memory.open(
                driver="GTiff",
                width=width,
                height=height,
                count=count,
                dtype=values.dtype.name,
                nodata=float("nan") if floating else 0,
                compress="deflate",
                # for floats too: the predictor made for them saves a tenth more, but not every reader knows it
                predictor=2,
                # as many rows a strip as make it worth compressing, so few that a reader can take parts
                blockysize=min(height, 64),
                interleave="pixel",
                photometric="RGB" if count == 3 else "MINISBLACK",
                num_threads="all_cpus",
                bigtiff="if_safer",
            ) as target:
                target.write(np.moveaxis(values, -1, 0))
                target.update_tags(**tags)
                for index, name in enumerate(names, start=1):
                    target.set_band_description(index, name)
                if count == 3:
                    kinds = rasterio.enums.ColorInterp
                    target.colorinterp = (kinds.red, kinds.green, kinds.blue)
            return bytes(memory.read())
