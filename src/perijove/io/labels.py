"""Labels from text: the mission site's JSON and the archive's PDS3, read by one set of rules.

Every number may come as a number or as text with a unit ("0.373 <s>"); "N/A", "UNK", "NULL" and "" mean that the
label does not say. What makes no sense is refused with the file, the field, the value and the remedy.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from perijove.errors import LabelError
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter
from perijove.io.pds3 import parse_pds3
from perijove.label import ImageLayout, Label, parse_product_id, product_id_in
from perijove.timescale import TimeError, et_from_utc

MAX_LABEL_BYTES = 1 << 20
"""No label is larger (they are 2 kB); of a file with an attached label only so much is looked at."""
MAX_LINES = 1 << 17
"""More lines than any strip has (31488 seen); guards memory against a mistyped label."""
MAX_EXPOSURE_S = 60.0
"""Two turns of the spacecraft; strips have milliseconds."""

_NOTHING = frozenset({"", "N/A", "NA", "UNK", "UNKNOWN", "NULL", "NONE"})
_NUMBER = re.compile(
    r"([-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eEdD][-+]?[0-9]{1,3})?)\s*(.{0,40})", re.ASCII
)
_TIME_UNITS = {"S": 1.0, "SEC": 1.0, "SECOND": 1.0, "SECONDS": 1.0, "MS": 1e-3, "MSEC": 1e-3, "MILLISECOND": 1e-3,
               "MILLISECONDS": 1e-3, "US": 1e-6, "MICROSECONDS": 1e-6}  # fmt: skip
_LENGTH_UNITS = {"KM": 1.0, "KILOMETER": 1.0, "KILOMETERS": 1.0, "M": 1e-3, "METER": 1e-3, "METERS": 1e-3,
                 "AU": 149597870.7}  # fmt: skip
_ANGLE_UNITS = {"DEG": math.pi / 180, "DEGREE": math.pi / 180, "DEGREES": math.pi / 180, "RAD": 1.0, "RADIAN": 1.0,
                "RADIANS": 1.0}  # fmt: skip
_BIT_MODES = ("SQROOT", "LIN1", "LIN8", "LIN16")
# the readout of the methane strip can be moved by command; only a number that names the optical centre counts
_METHANE_CENTRE = re.compile(
    r"(?:optical[ -]cent(?:er|re)|distortion_y|\bcy\b)[^0-9+-]{0,40}([0-9]{2,4}(?:\.[0-9]{1,4})?)", re.IGNORECASE
)
_CCD_LINES = 1200


def read_label(path: Path | str) -> Label:
    """The label in a file: web JSON, PDS3 (detached, or attached to its image).

    Raises `LabelError` where the file cannot be read or its content makes no sense.
    """
    path = Path(path)
    try:
        stat = path.stat()
        if not path.is_file():
            raise LabelError(f"{path} is not a file: name the label's file")
        return _read_cached(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LabelError(f"{path} cannot be read ({reason}): check the name and the permissions") from None


@lru_cache(maxsize=8192)
def _read_cached(path: Path, mtime_ns: int, size: int) -> Label:
    """One file's label; solving several strips of a pass asks for the same ones again and again."""
    with path.open("rb") as stream:
        data = stream.read(MAX_LABEL_BYTES + 1)
    if not data.startswith(b"PDS_VERSION_ID") and len(data) > MAX_LABEL_BYTES:
        raise LabelError(f"{path} is too large for a label ({size} bytes): name the label's own file")
    return parse_label(data, path)


def parse_label(data: bytes | str, path: Path | str) -> Label:
    """The label in a text; `path` names it in messages and becomes ``Label.path``.

    Bytes are taken as UTF-8, or Latin-1 where they are not. Raises `LabelError`.
    """
    path = Path(path)
    if isinstance(data, bytes):
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    else:
        text = data
    head = text.lstrip()[:1]
    if not head:
        raise LabelError(f"{path} is empty: download the label again")
    if head in "{[":
        return _build(_Fields(_from_json(text, path), str(path)), path)
    if "=" not in text[:65536]:
        raise LabelError(f"{path} is no label, neither JSON nor PDS3: give NNNNN-Metadata.json or the .LBL file")
    block = parse_pds3(text, str(path))
    image = block.get("IMAGE")
    flat: dict[str, object] = {**block, **(image if isinstance(image, dict) else {})}
    return _build(_Fields(flat, str(path)), path)


def _from_json(text: str, path: Path) -> dict[str, object]:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise LabelError(f"{path} is not valid JSON{where}: download the label again") from None
    if not isinstance(loaded, dict):
        raise LabelError(f"{path} holds JSON that is no label: one object with PRODUCT_ID, LINES ... is expected")
    return loaded


class _Fields:
    """The keywords of one label, each read with its unit and refused with its name."""

    def __init__(self, values: Mapping[str, object], name: str) -> None:
        self.values = values
        self.name = name

    def error(self, key: str, expected: str) -> LabelError:
        shown = repr(self.values.get(key))
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        what = f"{key} is {shown}" if key in self.values else f"{key} is missing"
        return LabelError(f"{self.name}: {what}, but {expected}; download the label again or correct the field")

    def text(self, key: str) -> str | None:
        """The field as text without outer blanks, None where the label does not say."""
        value = self.values.get(key)
        if value is None or (isinstance(value, list | tuple) and not value):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.error(key, "text or a number is expected")
        try:
            text = str(value).strip()
        except ValueError:  # an integer of more digits than Python prints
            raise LabelError(f"{self.name}: {key} is a number without end; correct the field") from None
        return None if text.upper() in _NOTHING else text

    def number(self, key: str, units: Mapping[str, float], default: str) -> float | None:
        """The field in the base unit of `units`; a bare number counts in `default`."""
        text = self.text(key)
        if text is None:
            return None
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise self.error(key, "a number is expected")
        unit = match[2].strip().removeprefix("<").removesuffix(">").strip().upper() or default
        if unit not in units:
            raise self.error(key, f"its unit should be one of {', '.join(u.lower() for u in units)}")
        value = float(re.sub("[dD]", "e", match[1])) * units[unit]
        if not math.isfinite(value):
            raise self.error(key, "a finite number is expected")
        return value

    def positive(self, key: str, units: Mapping[str, float], default: str) -> float | None:
        value = self.number(key, units, default)
        if value is not None and value <= 0:
            raise self.error(key, "it must be greater than zero")
        return value

    def integer(self, key: str, low: int, high: int) -> int | None:
        value = self.number(key, {"": 1.0}, "")
        if value is None:
            return None
        if value != math.floor(value) or not low <= value <= high:
            raise self.error(key, f"a whole number from {low} to {high} is expected")
        return int(value)

    def epoch(self, key: str) -> tuple[str, float] | None:
        """The UTC text of a time and its ET."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return text, et_from_utc(text)
        except TimeError as error:
            raise LabelError(f"{self.name}: {key}: {error}") from None


def _build(fields: _Fields, path: Path) -> Label:
    """The typed label; order of checks: identity, image, times, exposure, position."""
    file_name = fields.text("FILE_NAME") or ""
    product_id = _product_id(fields, file_name)
    filters = _filters(fields)
    lines, samples, factor = _size(fields)
    start = fields.epoch("START_TIME")
    if start is None:
        raise fields.error("START_TIME", "the time of the first frame is needed")
    stop = fields.epoch("STOP_TIME")
    if stop is not None and stop[1] < start[1]:
        raise fields.error("STOP_TIME", f"it must not lie before START_TIME {start[0]}")
    mode = (fields.text("SAMPLE_BIT_MODE_ID") or "SQROOT").upper()  # the mode of all science strips
    if mode not in _BIT_MODES:
        raise fields.error("SAMPLE_BIT_MODE_ID", f"one of {', '.join(_BIT_MODES)} is expected")
    rationale = fields.text("RATIONALE_DESC") or ""
    latitude, longitude = _sub_spacecraft(fields)
    return Label(
        product_id=product_id,
        file_name=file_name,
        target=(fields.text("TARGET_NAME") or "UNKNOWN").upper(),
        filters=filters,
        lines=lines,
        samples=samples,
        sampling_factor=factor,
        start_utc=start[0],
        stop_utc=stop[0] if stop else None,
        start_et=start[1],
        stop_et=stop[1] if stop else None,
        interframe_delay_s=_delay(fields, lines * factor <= FRAMELET_LINES * len(filters)),
        exposure_s=_exposure(fields),
        tdi_stages=fields.integer("JNO:TDI_STAGES_COUNT", 0, 1000),
        bit_mode=mode,
        compression=fields.text("COMPRESSION_TYPE"),
        latitude_graphic=latitude,
        longitude_west=longitude,
        altitude_km=fields.positive("SPACECRAFT_ALTITUDE", _LENGTH_UNITS, "KM"),
        sun_distance_km=fields.positive("SOLAR_DISTANCE", _LENGTH_UNITS, "KM"),
        perijove=_perijove(fields, product_id),
        title=fields.text("TITLE") or "",
        rationale=rationale,
        path=path,
        methane_centre_line=_methane_centre(rationale) if Filter.METHANE in filters else None,
        layout=_layout(fields),
    )


def _product_id(fields: _Fields, file_name: str) -> str:
    """PRODUCT_ID, or what FILE_NAME says of it; safe to become part of an output file's name."""
    product_id = fields.text("PRODUCT_ID") or product_id_in(file_name)
    if product_id is None:
        raise fields.error("PRODUCT_ID", "it is needed to match label and strip")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", product_id) is None:
        raise fields.error("PRODUCT_ID", "letters, digits, '_', '-' and '.' are expected")
    return product_id


def _filters(fields: _Fields) -> tuple[Filter, ...]:
    value = fields.values.get("FILTER_NAME")
    names = value if isinstance(value, list | tuple) else [value]
    known = ", ".join(Filter)
    if value is None or not names:
        raise fields.error("FILTER_NAME", f"one or more of {known} are expected, in readout order")
    filters: list[Filter] = []
    for name in names:
        try:
            filters.append(Filter(name.strip().upper() if isinstance(name, str) else ""))
        except ValueError:
            raise fields.error("FILTER_NAME", f"only {known} are JunoCam's filters") from None
    if len(set(filters)) != len(filters):
        raise fields.error("FILTER_NAME", "a filter stands in it twice")
    return tuple(filters)


def _size(fields: _Fields) -> tuple[int, int, int]:
    """Lines, samples and sampling factor; a missing factor follows from the samples."""
    lines = fields.integer("LINES", 1, MAX_LINES)
    samples = fields.integer("LINE_SAMPLES", 1, SAMPLES)
    factor = fields.integer("SAMPLING_FACTOR", 1, 2)
    if lines is None:
        raise fields.error("LINES", "the height of the strip is needed")
    if factor is None:
        factor = 2 if samples == SAMPLES // 2 else 1
    if samples is None:
        samples = SAMPLES // factor
    if samples != SAMPLES // factor:
        raise fields.error("LINE_SAMPLES", f"{SAMPLES // factor} are expected at sampling factor {factor}")
    if lines < FRAMELET_LINES // factor:
        raise fields.error("LINES", f"a strip has at least one framelet of {FRAMELET_LINES // factor} lines")
    return lines, samples, factor


def _delay(fields: _Fields, single: bool) -> float | None:
    """INTERFRAME_DELAY in s; a single frame has none and its label may say 0."""
    delay = fields.number("INTERFRAME_DELAY", _TIME_UNITS, "S")
    if delay == 0 and single:
        return None
    if delay is not None and delay <= 0:
        raise fields.error("INTERFRAME_DELAY", "it must be greater than zero")
    return delay


def _exposure(fields: _Fields) -> float | None:
    """EXPOSURE_DURATION in s."""
    exposure = fields.positive("EXPOSURE_DURATION", _TIME_UNITS, "MS")
    if exposure is not None and exposure > MAX_EXPOSURE_S:
        raise fields.error("EXPOSURE_DURATION", f"no exposure is longer than {MAX_EXPOSURE_S:g} s")
    return exposure


def _sub_spacecraft(fields: _Fields) -> tuple[float | None, float | None]:
    """Planetographic latitude and west longitude in rad; the longitude is brought to 0..2 pi."""
    latitude = fields.number("SUB_SPACECRAFT_LATITUDE", _ANGLE_UNITS, "DEG")
    longitude = fields.number("SUB_SPACECRAFT_LONGITUDE", _ANGLE_UNITS, "DEG")
    if latitude is not None and abs(latitude) > math.pi / 2:
        raise fields.error("SUB_SPACECRAFT_LATITUDE", "a latitude lies between -90 and 90 degrees")
    if longitude is not None and abs(longitude) > math.tau:
        raise fields.error("SUB_SPACECRAFT_LONGITUDE", "a longitude lies between 0 and 360 degrees")
    return latitude, None if longitude is None else longitude % math.tau


def _perijove(fields: _Fields, product_id: str) -> int | None:
    """The number of the orbit: PJ, else ORBIT_NUMBER, else what the product id says."""
    for key in ("PJ", "ORBIT_NUMBER"):
        number = fields.integer(key, 0, 999)
        if number is not None:
            return number
    parts = parse_product_id(product_id)
    return parts.orbit if parts else None


def _methane_centre(rationale: str) -> float | None:
    match = _METHANE_CENTRE.search(rationale)
    value = float(match[1]) if match else 0.0
    return value if 0 < value <= _CCD_LINES else None


def _layout(fields: _Fields) -> ImageLayout | None:
    """Where the samples of a PDS3 image lie; None for a label that points to no image."""
    if "^IMAGE" not in fields.values:
        return None
    pointer = fields.values["^IMAGE"]
    items = list(pointer) if isinstance(pointer, tuple) else [pointer]
    record_bytes = fields.integer("RECORD_BYTES", 1, 1 << 30) or 1
    file_name, offset = None, 0
    for item in items:
        match = re.fullmatch(r"([0-9]{1,12})\s*(<BYTES>)?", str(item), re.IGNORECASE)
        if match is not None:
            offset = (int(match[1]) - 1) * (1 if match[2] else record_bytes)
        elif isinstance(item, str) and file_name is None:
            file_name = item
        else:
            raise fields.error("^IMAGE", "a file name, a record number or both are expected")
    if offset < 0:
        raise fields.error("^IMAGE", "records are counted from 1")
    md5 = fields.text("MD5_CHECKSUM")
    if md5 is not None and re.fullmatch(r"[0-9a-fA-F]{32}", md5) is None:
        raise fields.error("MD5_CHECKSUM", "32 hexadecimal digits are expected")
    return ImageLayout(
        file_name=file_name,
        offset=offset,
        record_bytes=record_bytes,
        prefix_bytes=fields.integer("LINE_PREFIX_BYTES", 0, 65536) or 0,
        suffix_bytes=fields.integer("LINE_SUFFIX_BYTES", 0, 65536) or 0,
        sample_bits=fields.integer("SAMPLE_BITS", 1, 64) or 8,
        md5=md5.lower() if md5 else None,
    )
