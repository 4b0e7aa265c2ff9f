"""PNG of maps for the eye: 8 or 16 bits, written and read a band of rows at a time.

Black is no data, and transparent. The text `PerijoveMap` holds the description (`io.description`), `Provenance` and its
companions the provenance, as in pictures (`io.png`). Where the map lies is told by files beside it (`io.worldfile`).
Layout of chunks and filters: PNG specification, third edition (W3C).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.errors import MapError, UsageError
from perijove.io.atomic import Staged, written
from perijove.io.description import as_text, described
from perijove.io.png import SIGNATURE, chunk, text_chunks
from perijove.raster import Raster, Rows

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
        text = _description(path)
    except OSError as error:
        raise MapError(f"{path} cannot be read ({error.strerror or error}): check its name") from error
    lines: Iterator[Octets] = iter(())
    at = 0

    def rows(first: int, last: int) -> Rows:
        nonlocal lines, at
        if first < at or at == 0:
            lines, at = _lines(path, raster), 0
        # a PNG can only be decoded from its beginning
        for _ in range(first - at):
            next(lines)
        octets: Octets = np.stack([next(lines) for _ in range(last - first)])
        at = last
        width = 1 if raster.dtype == "uint8" else 2
        pixels = octets.view(f">u{width}").reshape(last - first, raster.width, len(raster.layers))
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=raster.dtype)

    raster = described(text, path, rows)
    check_png(raster, path)
    return raster


def _lines(path: Path, raster: Raster) -> Iterator[Octets]:
    """The rows of a PNG in order, as octets; MapError where it is damaged or holds another picture."""
    step = len(raster.layers) * (1 if raster.dtype == "uint8" else 2)
    size = raster.width * step
    colour = 2 if len(raster.layers) == 3 else 0
    header = struct.pack(">IIBBBBB", raster.width, raster.height, 8 * step // len(raster.layers), colour, 0, 0, 0)
    unpacker, above, waiting = zlib.decompressobj(), np.zeros(size, np.uint8), b""
    done = 0
    try:
        for kind, content in _chunks(path):
            if kind == b"IHDR" and content != header:
                raise MapError(f"{path} is not the picture that its text tells of: get it anew")
            if kind != b"IDAT":
                continue
            waiting += unpacker.decompress(content)
            whole = min(len(waiting) // (size + 1), raster.height - done)
            octets = np.frombuffer(waiting, np.uint8, whole * (size + 1)).reshape(whole, size + 1)
            waiting = waiting[whole * (size + 1) :]
            for line in octets:
                above = _restored(line, above, step, path)
                yield above
            done += whole
    except zlib.error as error:
        raise MapError(f"{path} is damaged ({error}): get it anew") from error
    if done < raster.height:
        raise MapError(f"{path} is cut short: get it anew")


def _restored(line: Octets, above: Octets, step: int, path: Path) -> Octets:
    """A row without its filter."""
    kind, told = int(line[0]), line[1:]
    if kind == _UP:
        return told + above
    if kind == _SUB:
        return np.cumsum(told.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
    if kind == 0:
        return told.copy()
    raise MapError(f"{path} was packed anew by another program: give the .tif that it was made of")


def _chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Types and contents of the chunks of a PNG; MapError where a checksum is wrong or the end is missing."""
    with open(path, "rb") as file:
        file.seek(len(SIGNATURE))
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            content = file.read(length)
            if file.read(4) != struct.pack(">I", zlib.crc32(kind + content)):
                break
            yield kind, content
            if kind == b"IEND":
                return
    raise MapError(f"{path} is damaged: get it anew")


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


def _description(path: Path) -> str:
    """The text of the description in a PNG."""
    with open(path, "rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise MapError(f"{path} is no PNG: give a map that Perijove wrote")
    for kind, content in _chunks(path):
        if kind == b"IDAT":
            break
        if kind == b"iTXt" and content.startswith(_KEY):
            try:
                return zlib.decompress(content[len(_KEY) :]).decode("ascii")
            except (zlib.error, UnicodeDecodeError) as error:
                raise MapError(f"{path} is damaged ({error}): get it anew") from error
    raise MapError(f"{path} is a PNG, but no map of Perijove's: give the .tif that it was made of")
