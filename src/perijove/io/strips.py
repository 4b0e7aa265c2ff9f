"""Raw strips from files: PNG as the mission site gives them, JPEG with a warning, PDS3 images (EDR and RDR).

A file is judged by its bytes, not by its name. Everything that can be wrong is found before or while decoding: a
picture that ends early, has the wrong depth, is in colour, or is not of its label's size never becomes a `RawImage`.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.errors import LabelError, PerijoveWarning, StripError
from perijove.instrument import SAMPLES
from perijove.io.labels import MAX_LINES
from perijove.io.pds3_image import PDS, attached_label, decode_image
from perijove.label import Label, product_id_in
from perijove.raw import RawImage

MAX_STRIP_BYTES = 1 << 29
"""Larger files are refused unread; the largest strip has 52 MB uncompressed."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_COLOUR_STEP = 3
_WIDTHS = (SAMPLES, SAMPLES // 2)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class StripWarning(PerijoveWarning):
    """A strip can be used, but something about it lowers what can be expected of it."""


def read_strip(path: Path | str, label: Label | None = None) -> RawImage:
    """The strip in a file, checked against its label; without `label` the label is looked for near the strip.

    Takes 8-bit PNG (grey, or colour and palette whose channels are equal), JPEG (warns `StripWarning`, as it is
    lossy), and PDS3 images, EDR or RDR, with detached or attached label. Raises `StripError`, or
    `LabelError` where the label is missing or another strip's.
    """
    path = Path(path)
    data = read_bytes(path)
    check_picture(data, path)
    if label is None:
        label = attached_label(data, path)
    if label is None:
        from perijove.io.finder import find_label

        label = find_label(path)
    return decode_strip(data, path, label)


def read_bytes(path: Path) -> bytes:
    """All bytes of a strip's file; `StripError` where it is missing, a folder, empty, huge or unreadable."""
    try:
        if path.is_dir():
            raise StripError(f"{path} is a folder: name the strip in it")
        if not path.exists():
            raise StripError(f"{path} does not exist: check the name")
        if not path.is_file():
            raise StripError(f"{path} is not a plain file: name a PNG, JPEG or IMG strip")
        if path.stat().st_size > MAX_STRIP_BYTES:
            raise StripError(f"{path} is larger than any strip ({MAX_STRIP_BYTES >> 20} MiB): name the raw strip")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StripError(f"{path} cannot be read ({reason}): check the name and the permissions") from None
    if not data:
        raise StripError(f"{path} is empty: download the strip again")
    return data


def decode_strip(data: bytes, path: Path, label: Label) -> RawImage:
    """The strip in a file's bytes; `path` is where they came from (for messages, and to match name and label)."""
    named = product_id_in(path.name)
    if named is not None and named != label.product_id:
        raise LabelError(
            f"{label.path or 'the label'} is the label of {label.product_id}, but the strip is {path.name}: "
            f"give the label of {named}"
        )
    if data.startswith((_PNG, _JPEG)):
        if label.reduced:
            raise StripError(
                f"{path} has 8 bits, but its label {label.path} is that of an RDR: give its .IMG, or the EDR's label"
            )
        codes, reduction = _decode_picture(data, path, label), None
    elif _is_img(data, path):
        codes, reduction = decode_image(data, path, label)
    else:
        raise _no_picture(data, path)
    return RawImage(label, codes, path, hashlib.sha256(data).hexdigest(), reduction)


def picture_size(data: bytes, path: Path) -> tuple[int, int] | None:
    """Lines and samples of a PNG or JPEG; None for other data, whose size only a label tells."""
    if data.startswith(_PNG):
        return _png_size(data, path)
    return _jpeg_size(data, path) if data.startswith(_JPEG) else None


def check_picture(data: bytes, path: Path) -> None:
    """Refuse what cannot be a strip whatever its label says: no picture, cut short, not 8 bits, of another width."""
    if data.startswith((_PNG, _JPEG)):
        lines, samples = _png_size(data, path) if data.startswith(_PNG) else _jpeg_size(data, path)
        if samples not in _WIDTHS or lines > MAX_LINES:
            raise StripError(
                f"{path} has {samples} x {lines} pixels, but raw strips are {_WIDTHS[0]} (summed: {_WIDTHS[1]}) "
                "samples wide: give the -raw.png, not a map-projected, cropped or scaled picture"
            )
    elif not _is_img(data, path):
        raise _no_picture(data, path)


def _is_img(data: bytes, path: Path) -> bool:
    """Whether bytes may be a PDS3 image: by an attached label, else only by the name, as samples have no signature."""
    return path.suffix.upper() == ".IMG" or data.startswith(PDS)


def _no_picture(data: bytes, path: Path) -> StripError:
    """The refusal of a file that is no picture, with what it seems to be."""
    head = data[:512].lstrip()
    if head[:1] == b"<":
        kind = "but a web page"
    elif head[:1] in (b"{", b"["):
        kind = "but JSON, perhaps the label"
    elif head.startswith(b"PK"):
        kind = "but a zip archive (name it .zip)"
    else:
        text = all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
        kind = "but a text file" if text else "that is known here"
    return StripError(f"{path} is no picture {kind}: give the raw strip as PNG, JPEG or IMG")


def _check_size(lines: int, samples: int, path: Path, label: Label) -> None:
    """Refuse a strip whose size is not the label's, naming both."""
    if (samples, lines) != (label.samples, label.lines):
        raise StripError(
            f"{path} has {samples} x {lines} pixels but its label {label.path or label.product_id} says "
            f"{label.samples} x {label.lines} (LINE_SAMPLES x LINES): give the label of this strip, or the raw strip "
            "itself where this is a map-projected or cropped picture"
        )


def _decode_picture(data: bytes, path: Path, label: Label) -> NDArray[np.uint8]:
    """The codes of a PNG or JPEG; its header is checked before anything is decoded."""
    jpeg = data.startswith(_JPEG)
    lines, samples = _jpeg_size(data, path) if jpeg else _png_size(data, path)
    _check_size(lines, samples, path, label)
    codes = _grey(_decode_with_opencv(data, path), path, _JPEG_COLOUR_STEP if jpeg else 0)
    if jpeg:
        warnings.warn(
            f"{path} is a JPEG, which has lost detail and noise: use the raw PNG where there is one",
            StripWarning,
            stacklevel=4,
        )
    return codes


def _png_size(data: bytes, path: Path) -> tuple[int, int]:
    """Lines and samples of an 8-bit PNG, after every chunk up to IEND has been found whole."""
    samples, lines, depth, colour = _png_header(data, path)
    if depth != 8:
        raise StripError(f"{path} is a {depth}-bit PNG, but raw strips have 8 bits: give the raw strip as downloaded")
    if colour not in (0, 2, 3, 4, 6):
        raise StripError(f"{path} has the unknown PNG colour type {colour}: download the strip again")
    return lines, samples


def _png_header(data: bytes, path: Path) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type, after every chunk up to IEND has been found whole."""
    broken = StripError(f"{path} is a damaged or truncated PNG: download the strip again")
    at, header = len(_PNG), b""
    kinds: set[bytes] = set()
    view = memoryview(data)
    while b"IEND" not in kinds:
        if at + 12 > len(data):
            raise broken
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data) or zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise broken
        kind = bytes(view[at + 4 : at + 8])
        if not kinds:
            header = bytes(view[at + 8 : end]) if kind == b"IHDR" else b""
        kinds.add(kind)
        at = end + 4
    if len(header) != 13 or b"IDAT" not in kinds:
        raise broken
    width, height, depth, colour = struct.unpack(">IIBB", header[:10])
    return width, height, depth, colour


def _jpeg_size(data: bytes, path: Path) -> tuple[int, int]:
    """Lines and samples from the frame header, after the end marker has been found."""
    broken = StripError(f"{path} is a damaged or truncated JPEG: download the strip again")
    if b"\xff\xd9" not in data[-4096:]:
        raise broken
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            precision, lines, samples = struct.unpack_from(">BHH", data, at + 4)
            if precision != 8:
                raise StripError(f"{path} is a {precision}-bit JPEG, but raw strips have 8 bits: give the raw PNG")
            return lines, samples
        at += 1 if marker == 0xFF else 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    raise broken


def _decode_with_opencv(data: bytes, path: Path) -> NDArray[np.uint8]:
    """The pixels as stored: (lines, samples) or (lines, samples, channels), uint8."""
    import cv2

    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None or image.dtype != np.uint8:
        raise StripError(f"{path} is damaged and cannot be decoded: download the strip again")
    return np.asarray(image, dtype=np.uint8)


def _grey(image: NDArray[np.uint8], path: Path, step: int) -> NDArray[np.uint8]:
    """One channel (lines, samples) of a picture whose colour channels differ by at most `step`."""
    if image.ndim == 2:
        return image
    if image.shape[2] == 4 and not bool((image[..., 3] == 255).all()):
        raise StripError(f"{path} is partly transparent, which no raw strip is: give the raw strip as downloaded")
    green = image[..., 1]
    for channel in (0, 2):
        other = image[..., channel]
        if not np.array_equal(green, other) and int(np.abs(green.astype(np.int16) - other).max()) > step:
            raise StripError(
                f"{path} is a colour picture, but a raw strip is grey with its filters one below the other: "
                "give the -raw.png, not the -mapprojected.png"
            )
    return np.ascontiguousarray(green)
