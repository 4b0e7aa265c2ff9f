"""PNG: 8 or 16 bits a colour, with text and colour space in chunks of their own.

Layout of chunks, their order and checksums: PNG specification, third edition (W3C).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.picture import Picture
from perijove.errors import OutputError, UsageError
from perijove.io.provenance import as_json, text_fields

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = len(SIGNATURE) + 25
"""Signature and IHDR: length, type, 13 bytes and checksum."""
_OURS = (b"sRGB", b"gAMA", b"cHRM", b"iCCP", b"cICP", b"tEXt", b"iTXt", b"zTXt")


def encode_png(picture: Picture, origin: Mapping[str, object], bits: int = 8) -> bytes:
    """A picture with the transfer function of sRGB as the bytes of a PNG; what has no data is black.

    `bits` is 8 or 16 a colour. `origin` is the provenance; all of it is in the text `Provenance`, its short parts under
    the registered keywords. Raises UsageError for a linear picture or another depth.
    """
    if picture.transfer != "srgb":
        raise UsageError(f"a PNG cannot hold the {picture.recipe} picture: write it as .tif with 32-bit floats")
    if bits not in (8, 16):
        raise UsageError(f"a PNG cannot hold {bits} bits a colour: give 8 or 16")
    values = integers(picture.rgb, bits)
    # OpenCV wants blue first
    done, data = cv2.imencode(".png", np.ascontiguousarray(values[..., ::-1]))
    if not done:
        raise OutputError("the PNG cannot be encoded: give a smaller size")
    return with_chunks(data.tobytes(), [(b"sRGB", b"\0"), *text_chunks(origin)])


def integers(values: NDArray[np.float32], bits: int, least: int = 0) -> NDArray[np.generic]:
    """Values 0 to 1 as integers of 8 or 16 bits, rounded; NaN is 0, and where data stand at least `least`."""
    top = 2**bits - 1
    scaled = np.multiply(values, np.float32(top))
    np.rint(scaled, out=scaled)
    np.clip(scaled, least, top, out=scaled)
    np.nan_to_num(scaled, copy=False, nan=0.0)
    return scaled.astype(np.uint8 if bits == 8 else np.uint16)


def text_chunks(origin: Mapping[str, object]) -> list[tuple[bytes, bytes]]:
    """The text chunks of a provenance object: tEXt where ASCII is enough, otherwise iTXt (UTF-8)."""
    chunks = []
    for key, text in text_fields(origin).items():
        if text.isascii():
            chunks.append((b"tEXt", key.encode() + b"\0" + text.encode()))
        else:
            chunks.append((b"iTXt", key.encode() + b"\0\0\0\0\0" + text.encode()))
    # compressed: flag 1, method 0, no language, no translated keyword
    chunks.append((b"iTXt", b"Provenance\0\x01\0\0\0" + zlib.compress(as_json(origin).encode())))
    return chunks


def with_chunks(data: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a PNG with chunks (type, content) behind its header, in place of those that speak of the same."""
    out = [data[:_HEADER_BYTES], *(chunk(kind, content) for kind, content in chunks)]
    place = _HEADER_BYTES
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        end = place + 12 + length
        if data[place + 4 : place + 8] not in _OURS:
            out.append(data[place:end])
        place = end
    return b"".join(out)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk: length, type, content, checksum of type and content."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
