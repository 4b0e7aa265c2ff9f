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

from perijove.calibrate.quality import Quality
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

    `depth` '32f' keeps the values and has NaN where there is no data; the bands of sigma and of quality follow those of
    the light where the picture has them, in the same order. Bands of a linear picture name their unit, I/F. '16' scales
    0 to 1 to 1 to 65535, with 0 for no data, and is for pictures with a transfer function only. The tag PROVENANCE
    holds `origin` as JSON, TRANSFER the transfer function. Raises UsageError for another depth or a linear picture in
    integers.
    """
    if depth not in DEPTHS:
        raise UsageError(f"a TIFF cannot be written with depth {depth!r}: give one of {', '.join(DEPTHS)}")
    if depth == "16" and picture.transfer != "srgb":
        raise UsageError(f"16-bit integers cannot hold the {picture.recipe} picture: write it with 32-bit floats")
    names = [band.value for band in picture.bands]
    units = ["I/F" if picture.transfer == "linear" else ""] * len(names)
    values: NDArray[np.generic]
    if depth == "32f":
        values, names, units = with_extra_bands(picture, names, units)
    else:
        values = integers(picture.rgb, 16, least=1)
    tags = text_tags(origin)
    tags |= {"PROVENANCE": as_json(origin), "TRANSFER": picture.transfer, "BANDS": ",".join(names)}
    if picture.quality is not None:
        tags["QUALITY_BITS"] = quality_bits()
    try:
        return _geotiff(values, names, units, tags)
    except RasterioError as error:
        raise OutputError(f"the TIFF cannot be encoded: {error}; give a smaller size") from error


def encode_bands(values: NDArray[np.float32], names: list[str], origin: Mapping[str, object]) -> bytes:
    """Planes (h, w, bands) of light in I/F, its sigma and its quality bits, by their names, as the bytes of a TIFF."""
    units = ["bits" if name.endswith("quality") else "I/F" for name in names]
    tags = text_tags(origin)
    tags |= {"PROVENANCE": as_json(origin), "TRANSFER": "linear", "BANDS": ",".join(names)}
    tags["QUALITY_BITS"] = quality_bits()
    try:
        return _geotiff(values, names, units, tags)
    except RasterioError as error:
        raise OutputError(f"the TIFF cannot be encoded: {error}; choose fewer strips") from error


def text_tags(origin: Mapping[str, object]) -> dict[str, str]:
    """Title, credit, licence and software of a provenance object, by the names of TIFF's own tags."""
    return {_TAGS[key]: text for key, text in text_fields(origin).items()}


def quality_bits() -> str:
    """What the bits of quality mean, in one line."""
    return ", ".join(f"{bit.value} {(bit.name or '').lower()}" for bit in Quality)


def with_extra_bands(
    picture: Picture, names: list[str], units: list[str]
) -> tuple[NDArray[np.float32], list[str], list[str]]:
    """Values (h, w, bands) of light, sigma and quality, with the bands' names and units.

    Quality is 0 to 255 and so exact in floating point; it is NaN where there is no light.
    """
    values, all_names, all_units = [picture.rgb], list(names), list(units)
    if picture.sigma is not None:
        values.append(picture.sigma)
        all_names += [f"{name} sigma" for name in names]
        all_units += units
    if picture.quality is not None:
        values.append(np.where(np.isnan(picture.rgb), np.float32(np.nan), picture.quality).astype(np.float32))
        all_names += [f"{name} quality" for name in names]
        all_units += ["bits"] * len(names)
    return (values[0] if len(values) == 1 else np.concatenate(values, axis=-1)), all_names, all_units


_memory_file: Any = MemoryFile


def _geotiff(values: NDArray[np.generic], names: list[str], units: list[str], tags: Mapping[str, str]) -> bytes:
    """The bytes of a TIFF of (h, w, bands) values; it is encoded in memory, so that no half of it is ever on a disk."""
    height, width, count = values.shape
    floating, coloured = values.dtype.kind == "f", names[:3] == ["RED", "GREEN", "BLUE"]
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
                photometric="RGB" if coloured else "MINISBLACK",
                num_threads="all_cpus",
                bigtiff="if_safer",
            ) as target:
                target.write(np.moveaxis(values, -1, 0))
                target.update_tags(**tags)
                for index, name in enumerate(names, start=1):
                    target.set_band_description(index, name)
                if any(units):
                    target.units = units
                if coloured:
                    kinds = rasterio.enums.ColorInterp
                    target.colorinterp = (kinds.red, kinds.green, kinds.blue, *[kinds.undefined] * (count - 3))
            return bytes(memory.read())
