"""Reading the provenance back from a product: from the file itself, or from its sidecar."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

from perijove.errors import MapError
from perijove.io.maps import map_formats, read_map
from perijove.io.png import SIGNATURE
from perijove.io.provenance import SCHEMA, sidecar_path

MOST_TEXT = 1 << 24
"""Largest provenance that is read, bytes; those of long passes have some 10 kB."""
_PICTURES = (".png", ".tif", ".tiff")


def read_origin(path: Path) -> dict[str, Any]:
    """The provenance object of a picture or map, from the file or, where there is none in it, from its sidecar.

    Raises MapError where there is neither, or what is there is damaged.
    """
    if not path.exists():
        raise MapError(f"{path} is not there: check its name")
    remedy = "it is no product of Perijove's, or another program has saved it; give the original, or its sidecar"
    found: Any = None
    try:
        text = picture_text(path) if path.suffix.lower() in _PICTURES else None
        if text is not None:
            found = json.loads(text)
        elif path.suffix.lower() in map_formats():
            found = dict(read_map(path).origin)
    except MapError:
        found = None
    except (OSError, ValueError, zlib.error) as error:
        raise MapError(f"{path}: the provenance in it is damaged ({error}): {remedy}") from None
    beside = path if path.suffix.lower() == ".json" else sidecar_path(path)
    if not found and beside.is_file():
        try:
            found = json.loads(beside.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise MapError(f"{beside} is no provenance ({error}): {remedy}") from None
    if not found:
        raise MapError(f"{path} holds no provenance, and {beside.name} is not beside it: {remedy}")
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or not isinstance(found.get("inputs"), list):
        raise MapError(f"{path}: what is written in it is no provenance that this version reads: {remedy}")
    return found


def picture_text(path: Path) -> str | None:
    """The provenance in the own text of a PNG or TIFF, None where there is none; ValueError where it is damaged."""
    if path.suffix.lower() != ".png":
        return tiff_tags(path).get("PROVENANCE")
    data = path.read_bytes()
    place = len(SIGNATURE)
    while data.startswith(SIGNATURE) and place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        content = data[place + 8 : place + 8 + length]
        if kind == b"iTXt" and content.startswith(b"Provenance\0\x01\0\0\0"):
            opened = zlib.decompressobj()
            text = opened.decompress(content[15:], MOST_TEXT)
            if not opened.eof:
                raise ValueError("it does not end, or is larger than any provenance")
            return text.decode("utf-8")
        place += 12 + length
    return None


def tiff_tags(path: Path) -> dict[str, str]:
    """The tags of a TIFF; none where it cannot be opened, which `read_map` will tell better."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path, driver="GTiff") as source:
                tags: dict[str, str] = source.tags()
                return tags
        except RasterioError:
            return {}
