"""Layout: where and how a PDS3 image lies in its file, by its label (PDS Standards Reference 3.8, A.20 and C)."""

from __future__ import annotations

import re

from perijove.io.fields import Fields
from perijove.label import ImageLayout, parse_product_id

_UNSIGNED = "UNSIGNED_INTEGER"
_ENDS = {"": True, "MSB_": True, "SUN_": True, "MAC_": True, "LSB_": False, "PC_": False, "VAX_": False}
"""Whether the high byte comes first, by how a SAMPLE_TYPE begins; without a prefix it does (appendix C)."""
_TYPES = {f"{prefix}{sign}INTEGER": big for prefix, big in _ENDS.items() for sign in ("", "UNSIGNED_")}
_POINTER = re.compile(r"([0-9]{1,12})\s*(<BYTES>|<RECORDS?>)?", re.IGNORECASE)


def image_layout(fields: Fields, product_id: str) -> ImageLayout | None:
    """Where the samples of a PDS3 image lie; None for a label that points to no image.

    Raises `LabelError` for what no strip has: other than 8 or 16 bits, reals, several bands, encoded samples.
    """
    if "^IMAGE" not in fields.values:
        return None
    record_bytes = fields.integer("RECORD_BYTES", 1, 1 << 30)
    file_name, offset = _pointer(fields, record_bytes)
    bits = _sample_bits(fields, product_id)
    kind = (fields.text("SAMPLE_TYPE") or _UNSIGNED).upper()
    if kind not in _TYPES:
        raise fields.error("SAMPLE_TYPE", "the samples of strips are integers (UNSIGNED_INTEGER, LSB_INTEGER ...)")
    _refuse_the_rest(fields)
    md5 = fields.text("MD5_CHECKSUM")
    if md5 is not None and re.fullmatch(r"[0-9a-fA-F]{32}", md5) is None:
        raise fields.error("MD5_CHECKSUM", "32 hexadecimal digits are expected")
    records = fields.integer("FILE_RECORDS", 0, 1 << 40)
    return ImageLayout(
        file_name=file_name,
        offset=offset,
        record_bytes=record_bytes or 1,
        prefix_bytes=fields.integer("LINE_PREFIX_BYTES", 0, 65536) or 0,
        suffix_bytes=fields.integer("LINE_SUFFIX_BYTES", 0, 65536) or 0,
        sample_bits=bits,
        md5=md5.lower() if md5 else None,
        big_endian=_TYPES[kind],
        signed=not kind.endswith(_UNSIGNED),
        file_bytes=records * record_bytes if records and record_bytes else None,
    )


def _pointer(fields: Fields, record_bytes: int | None) -> tuple[str | None, int]:
    """The file that ^IMAGE names, None for the label's own, and the byte at which the image begins, counted from 0."""
    pointer = fields.values["^IMAGE"]
    file_name, at = None, 0
    for item in list(pointer) if isinstance(pointer, tuple) else [pointer]:
        match = _POINTER.fullmatch(item) if isinstance(item, str) else None
        if match is not None:
            in_bytes = (match[2] or "").upper() == "<BYTES>"
            if not in_bytes and record_bytes is None and int(match[1]) > 1:
                raise fields.error("RECORD_BYTES", "it is needed, as ^IMAGE counts in records")
            at = (int(match[1]) - 1) * (1 if in_bytes else record_bytes or 1)
        elif isinstance(item, str) and file_name is None:
            file_name = item
        else:
            raise fields.error("^IMAGE", "a file name, a record number or both are expected")
    if at < 0:
        raise fields.error("^IMAGE", "records are counted from 1")
    return file_name, at


def _sample_bits(fields: Fields, product_id: str) -> int:
    """SAMPLE_BITS: 8 of raw strips (EDR), 16 of reduced ones (RDR)."""
    bits = fields.integer("SAMPLE_BITS", 1, 64) or 8
    if bits not in (8, 16):
        raise fields.error("SAMPLE_BITS", "strips have 8 (EDR) or 16 (RDR) bits")
    parts = parse_product_id(product_id)
    if parts is not None and (parts.level == "R") != (bits == 16):
        kind = "a reduced strip (RDR), which has 16" if parts.level == "R" else "a raw strip (EDR), which has 8"
        raise fields.error("SAMPLE_BITS", f"{product_id} is {kind}")
    return bits


def _refuse_the_rest(fields: Fields) -> None:
    """Refuse several bands, encoded samples, and samples that are to be scaled."""
    bands = fields.integer("BANDS", 1, 1 << 16)
    if bands is not None and bands != 1:
        raise fields.error("BANDS", "a strip has one, its filters one below the other (a map or picture has more)")
    if (fields.text("ENCODING_TYPE") or "NONE").upper() != "NONE":
        raise fields.error("ENCODING_TYPE", "only samples as they are can be read: decompress the image first")
    for key, plain in (("SCALING_FACTOR", 1.0), ("OFFSET", 0.0)):
        value = fields.number(key, {"": 1.0}, "")
        if value is not None and value != plain:
            raise fields.error(key, f"the archive's strips have none but {plain:g}: give the image as archived")
