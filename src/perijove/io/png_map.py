"""PNG of maps for the eye: 8 or 16 bits, written and read a band of rows at a time.

Black is no data, and transparent. The text `PerijoveMap` holds the description (`io.description`), `Provenance` and its
companions the provenance, as in pictures (`io.png`). Where the map lies is told by files beside it (`io.worldfile`).
Layout of chunks and filters: PNG specification, third edition (W3C).
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from perijove.errors import MapError, UsageError
from perijove.io.atomic import Staged, written
from perijove.io.description import as_text, described
from perijove.io.png import SIGNATURE, chunk, text_chunks
from perijove.io.raster import Raster, Rows

Octets = NDArray[np.uint8]

_KEY = b"PerijoveMap\0\x01\0\0\0"
"""Keyword of the description's iTXt chunk, compressed, without language and translation."""
_CHUNK = 1 << 20
"""Bytes of compressed rows that go into one chunk, at least."""
_SUB, _UP = 1, 2
"""Filters: the difference from the pixel to the left, from the one above."""


def stage_png(staged: Staged, raster: Raster, path: Path) -> None:
    """Write a raster of integers for the eye as PNG, as one of several files that will appear together.

    Raises UsageError, which names the remedy, for measured numbers, floats, and other layers than a grey or a red, a
    green and a blue one; OutputError where the disk fails.
    """
    check_png(raster, path)
    with written(path), open(staged.reserve(path), "wb") as file:
        bits = 8 if raster.dtype == "uint8" else 16
        colour = 2 if len(raster.layers) == 3 else 0
        header = struct.pack(">IIBBBBB", raster.width, raster.height, bits, colour, 0, 0, 0)
        file.write(SIGNATURE + chunk(b"IHDR", header) + chunk(b"sRGB", b"\0"))
        for kind, content in text_chunks(raster.origin):
            file.write(chunk(kind, content))
        file.write(chunk(b"iTXt", _KEY + zlib.compress(as_text(raster).encode("ascii"))))
        file.write(chunk(b"tRNS", b"\0\0" * len(raster.layers)))
        for part in _compressed(raster):
            file.write(chunk(b"IDAT", part))
        file.write(chunk(b"IEND", b""))


def check_png(raster: Raster, path: Path) -> None:
    """Refuse, with UsageError, what a PNG cannot hold without loss."""
    remedy = f"write a .tif instead of {path.name}"
    if raster.dtype == "float32":
        raise UsageError(f"a PNG holds whole numbers for the eye, and this map has 32-bit floats: {remedy}")
    if raster.transfer != "srgb":
        raise UsageError(f"a PNG holds pictures for the eye, and this map has measured values: {remedy}")
    others = [layer.name for layer in raster.layers if layer.role != "light"]
    if others:
        raise UsageError(f"a PNG holds light alone, and this map has {', '.join(others)} too: {remedy}")
    if len(raster.layers) not in (1, 3):
        raise UsageError(f"a PNG holds one or three layers, and this map has {len(raster.layers)}: {remedy}")


def read_png_map(path: Path) -> Raster:
    """A map that `stage_png` wrote; its rows are read when they are asked for, fastest in their order.

    Raises MapError for what is no PNG, no map of Perijove's, or damaged.
    """
    try:
        with open(path, "rb") as file:
            text = _description(file, path)
    except OSError as error:
        raise MapError(f"{path} cannot be read ({error.strerror or error}): check its name") from error
    source: list[Any] = []

    def rows(first: int, last: int) -> Rows:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
        from rasterio.windows import Window

        try:
            with warnings.catch_warnings():
                # where it lies is in the description
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                if not source:
                    # it stays open: a PNG can only be decoded from its beginning
                    source.append(rasterio.open(path, driver="PNG"))
                read: Rows = source[0].read(window=Window(0, first, raster.width, last - first))
        except RasterioError as error:
            raise MapError(f"{path} is damaged ({error}): get it anew") from error
        return read

    raster = described(text, path, rows)
    return raster


def _compressed(raster: Raster) -> Iterator[bytes]:
    """The filtered rows of a raster as parts of one zlib stream."""
    packer = zlib.compressobj(6, strategy=zlib.Z_FILTERED)
    width = 1 if raster.dtype == "uint8" else 2
    above = np.zeros(raster.width * len(raster.layers) * width, np.uint8)
    waiting: list[bytes] = []
    for _, rows in raster.bands():
        pixels = np.ascontiguousarray(np.moveaxis(rows, 0, -1), dtype=f">u{width}")
        octets = pixels.view(np.uint8).reshape(len(pixels), -1)
        waiting.append(packer.compress(_filtered(octets, above, len(raster.layers) * width).tobytes()))
        above = octets[-1]
        if sum(map(len, waiting)) >= _CHUNK:
            yield b"".join(waiting)
            waiting = []
    yield b"".join([*waiting, packer.flush()])


def _filtered(octets: Octets, above: Octets, step: int) -> Octets:
    """Rows (n, bytes) below the row `above`, each behind the number of the filter that leaves it least to tell."""
    out = np.empty((len(octets), octets.shape[1] + 1), np.uint8)
    sub = octets.copy()
    sub[:, step:] -= octets[:, :-step]
    up = octets - np.concatenate([above[None], octets[:-1]])
    # differences as signed numbers: the usual measure of what will compress well
    cost = [np.abs(kind.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for kind in (sub, up)]
    better = cost[1] < cost[0]
    out[:, 0] = np.where(better, _UP, _SUB)
    out[:, 1:] = np.where(better[:, None], up, sub)
    return out


def _description(file: BinaryIO, path: Path) -> str:
    """The text of the description in a PNG."""
    if file.read(8) != SIGNATURE:
        raise MapError(f"{path} is no PNG: give a map that Perijove wrote")
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            break
        content = file.read(length)
        file.read(4)
        if kind == b"iTXt" and content.startswith(_KEY):
            try:
                return zlib.decompress(content[len(_KEY) :]).decode("ascii")
            except (zlib.error, UnicodeDecodeError) as error:
                raise MapError(f"{path} is damaged ({error}): get it anew") from error
    raise MapError(f"{path} is a PNG, but no map of Perijove's: give the .tif that it was made of")
