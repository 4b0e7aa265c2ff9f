"""The samples of PDS3 images: 8-bit codes (EDR) or 16-bit reduced values (RDR), placed and checked by their label."""

from __future__ import annotations

import hashlib
import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.errors import LabelError, PerijoveWarning, StripError
from perijove.io.labels import MAX_LABEL_BYTES, parse_label
from perijove.label import ImageLayout, Label, product_id_in
from perijove.raw import Reduction, lines_of

PDS = b"PDS_VERSION_ID"
"""How a file with an attached label begins."""
_END = re.compile(rb"(?:^|[\r\n])[ \t]*END[ \t]*(?:[\r\n\x00]|$)")
_HALF, _ALL = (1 << 15) - 1, (1 << 16) - 1
"""Highest samples of 16 bits, signed and unsigned: what is there was cut."""
_PLAIN = ImageLayout(None, 0, 1, 0, 0, 8, None)

Samples = NDArray[np.uint8] | NDArray[np.uint16]


class ReducedWarning(PerijoveWarning):
    """The samples of a reduced strip are not what the archive makes of codes: its light stands on less."""


def attached_label(data: bytes, path: Path) -> Label | None:
    """The PDS3 label before the samples of an image, None where there is none.

    Raises `LabelError` where it does not end or tells of no image, `StripError` where the file is a label and no more.
    """
    if not data.startswith(PDS):
        return None
    end = _END.search(data, 0, MAX_LABEL_BYTES)
    if end is None:
        raise LabelError(
            f"{path}: its attached label has no END line: download the image again, or give a .LBL beside it"
        )
    label = parse_label(data[: end.end()], path)
    if label.layout is None:
        raise LabelError(f"{path}: ^IMAGE is missing in its attached label: download the image again")
    if not _names(label.layout, path):
        raise StripError(f"{path} is a label (^IMAGE is {label.layout.file_name}): give the strip that belongs to it")
    return label


def decode_image(data: bytes, path: Path, label: Label) -> tuple[NDArray[np.uint8], Reduction | None]:
    """Codes (lines, samples) of the image in a file's bytes, and how they were found if it is a reduced one (RDR)."""
    samples = image_samples(data, path, label)
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False), None
    return _read_reduced(samples.astype(np.uint16, copy=False), path, label)


def image_samples(data: bytes, path: Path, label: Label) -> Samples:
    """Samples (lines, samples), uint8 or uint16, of the image in a file's bytes.

    The layout is the label's; plain lines of bytes where it has none. Raises `StripError` or `LabelError` where the
    file is not the label's, too short or too long, does not have the checksum, or holds negative samples.
    """
    layout = label.layout or _PLAIN
    _check_name(layout, path, label)
    wide = layout.sample_bits // 8
    width = layout.prefix_bytes + label.samples * wide + layout.suffix_bytes
    size = label.lines * width
    _check_size(len(data), size, path, label)
    part = memoryview(data)[layout.offset : layout.offset + size]
    # a checksum may have been taken of the object or of the whole file
    if layout.md5 is not None and layout.md5 not in (_md5(part), _md5(data)):
        own = label.path or label.product_id
        named = "" if _names(layout, path) else f", which names {layout.file_name} (^IMAGE)"
        raise StripError(
            f"{path} does not have the MD5 checksum (MD5_CHECKSUM) of its label {own}{named}: download the image "
            "again or give its own label"
        )
    rows = np.frombuffer(part, np.uint8).reshape(label.lines, width)
    rows = np.ascontiguousarray(rows[:, layout.prefix_bytes : width - layout.suffix_bytes])
    kind = np.dtype(f"{'>' if layout.big_endian else '<'}{'i' if layout.signed else 'u'}{wide}")
    samples: NDArray[np.integer] = rows.view(kind)
    if layout.signed and bool((samples < 0).any()):
        raise StripError(
            f"{path} has negative samples, which no strip has: SAMPLE_TYPE in {label.path or 'its label'} should be "
            "an unsigned one, or the bytes stand the other way round; correct the label"
        )
    return samples.astype(np.uint8) if wide == 1 else samples.astype(np.uint16)


def _names(layout: ImageLayout, path: Path) -> bool:
    """Whether a label's pointer means a file, or the file that it is attached to."""
    return layout.file_name is None or Path(layout.file_name).name.casefold() == path.name.casefold()


def _check_name(layout: ImageLayout, path: Path, label: Label) -> None:
    """Refuse a label that points to another product, or to a file of another name that no checksum tells to be this."""
    if _names(layout, path):
        return
    other, own = product_id_in(layout.file_name or ""), product_id_in(path.name)
    if layout.md5 is None or (other is not None and own is not None and other != own):
        raise LabelError(
            f"{label.path or label.product_id}: ^IMAGE is {layout.file_name}, but the strip is {path}: give the label "
            "of this strip, or give the file its name back"
        )


def _check_size(length: int, size: int, path: Path, label: Label) -> None:
    """Refuse a file that ends before its image, or goes on beyond its image and the other objects of its label."""
    layout = label.layout or _PLAIN
    end = layout.offset + size
    # the last record may be padded, no more
    if end <= length < max(end, layout.file_bytes or 0) + max(layout.record_bytes, 1):
        return
    bits = f" of {layout.sample_bits} bits" if layout.sample_bits != 8 else ""
    count = label.lines * label.samples
    other = ""
    if layout.sample_bits == 16 and 0 <= length - layout.offset - count < max(layout.record_bytes, 1):
        other = " (as many as 8-bit samples need: it may be the EDR)"
    elif layout.sample_bits == 8 and 0 <= length - layout.offset - 2 * count < max(2 * layout.record_bytes, 1):
        other = " (as many as 16-bit samples need: it may be the RDR)"
    fault = "it ends early" if length < end else "it is too long"
    raise StripError(
        f"{path} has {length} bytes{other}, but its label {label.path or label.product_id} says {label.samples} x "
        f"{label.lines} samples{bits}, {end} bytes (LINE_SAMPLES x LINES): {fault}, download the image again or give "
        "its own label"
    )


def _md5(data: bytes | memoryview) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _read_reduced(samples: NDArray[np.uint16], path: Path, label: Label) -> tuple[NDArray[np.uint8], Reduction]:
    """Codes (lines, samples) of a reduced strip's samples, and how they were found.

    Where the samples of a filter are not those of the archive's table times one factor they are taken for I/F times
    10000 at face value and the nearest codes given; `ReducedWarning` says so. Raises `LabelError` where the label lacks
    EXPOSURE_DURATION then.
    """
    from perijove.calibrate import reduced  # compiled kernels come with it

    numbers, means = reduced.archive_numbers(label.bit_mode), reduced.mean_numbers(label.bit_mode)
    codes = np.zeros(samples.shape, np.uint8)
    scales, exact = {}, set()
    for band in label.filters:
        lines = lines_of(label, band)
        mine = samples[lines]
        # signed or not by the label, the archive's arithmetic may have stopped at either
        highest = _HALF if int(mine.max(initial=0)) == _HALF else _ALL
        scale = reduced.find_scale(mine, numbers, highest)
        if scale is not None:
            exact.add(band)
            codes[lines] = reduced.codes_of(mine, numbers, scale, highest)
        else:
            scale = reduced.face_value(band, label.exposure_s, label.perijove, label.sun_distance_km)
            if not mine.any():
                exact.add(band)  # nothing is code 0 at any scale
            codes[lines] = reduced.codes_of(mine, means, scale, highest)
        scales[band] = scale.value
    reduction = Reduction(scales, frozenset(exact))
    if not reduction.whole:
        rest = ", ".join(band.value for band in label.filters if band not in exact)
        warnings.warn(
            f"{path}: the samples of {rest} are not those of SAMPLE_BIT_MODE_ID {label.bit_mode} times one factor, as "
            "the archive's are: they are taken for I/F x 10000, rounded to the nearest code; give the EDR where there "
            "is one",
            ReducedWarning,
            stacklevel=4,
        )
    return codes, reduction
