"""Labels from text: the mission site's JSON and the archive's PDS3, read by one set of rules.

Every number may come as a number or as text with a unit ("0.373 <s>"); "N/A", "UNK", "NULL" and "" mean that the
label does not say. What makes no sense is refused with the file, the field, the value and the remedy.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from pathlib import Path

from perijove.errors import LabelError
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter
from perijove.io.fields import ANGLE_UNITS, LENGTH_UNITS, TIME_UNITS, Fields
from perijove.io.layout import image_layout
from perijove.io.pds3 import Block, parse_pds3
from perijove.label import UNKNOWN, Label, parse_product_id, product_id_in

MAX_LABEL_BYTES = 1 << 20
"""No label is larger (they are 2 kB); of a file with an attached label only so much is looked at."""
MAX_LINES = 1 << 17
"""More lines than any strip has (31488 seen); guards memory against a mistyped label."""
MAX_EXPOSURE_S = 60.0
"""Two turns of the spacecraft; strips have milliseconds."""

_BIT_MODES = ("SQROOT", "LIN1", "LIN8", "LIN16")
# the readout of the methane strip can be moved by command; only a number that names the optical centre counts
_METHANE_CENTRE = re.compile(
    r"(?:optical[ -]cent(?:er|re)|distortion_y|\bcy\b)[^0-9+-]{0,40}([0-9]{2,4}(?:\.[0-9]{1,4})?)", re.IGNORECASE
)
_CCD_LINES = 1200
_CLOCK = re.compile(r"(?:[0-9]{1,4}/)?[0-9]{1,10}[:.][0-9]{1,3}", re.ASCII)


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
        return _build(Fields(_from_json(text, path), str(path)), path)
    if "=" not in text[:65536]:
        raise LabelError(f"{path} is no label, neither JSON nor PDS3: give NNNNN-Metadata.json or the .LBL file")
    return _build(Fields(_flat(parse_pds3(text, str(path))), str(path)), path)


def _flat(block: Block) -> dict[str, object]:
    """The keywords of a label with those of its IMAGE, which may lie within an object FILE of its own."""
    image = block.get("IMAGE")
    if isinstance(image, dict):
        return {**block, **image}
    for inner in block.values():
        if isinstance(inner, dict) and isinstance(inner.get("IMAGE"), dict):
            return {**block, **_flat(inner)}
    return dict(block)


def _from_json(text: str, path: Path) -> dict[str, object]:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise LabelError(f"{path} is not valid JSON{where}: download the label again") from None
    if not isinstance(loaded, dict):
        raise LabelError(f"{path} holds JSON that is no label: one object with PRODUCT_ID, LINES ... is expected")
    return loaded


def _build(fields: Fields, path: Path) -> Label:
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
        target=(fields.text("TARGET_NAME") or UNKNOWN).upper(),
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
        altitude_km=fields.positive("SPACECRAFT_ALTITUDE", LENGTH_UNITS, "KM"),
        sun_distance_km=fields.positive("SOLAR_DISTANCE", LENGTH_UNITS, "KM"),
        perijove=_perijove(fields, product_id),
        title=fields.text("TITLE") or "",
        rationale=rationale,
        path=path,
        methane_centre_line=_methane_centre(rationale) if Filter.METHANE in filters else None,
        layout=image_layout(fields, product_id),
        clock_start=_clock(fields),
    )


def _product_id(fields: Fields, file_name: str) -> str:
    """PRODUCT_ID, or what FILE_NAME says of it; safe to become part of an output file's name."""
    product_id = fields.text("PRODUCT_ID") or product_id_in(file_name)
    if product_id is None:
        raise fields.error("PRODUCT_ID", "it is needed to match label and strip")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", product_id) is None:
        raise fields.error("PRODUCT_ID", "letters, digits, '_', '-' and '.' are expected")
    return product_id


def _filters(fields: Fields) -> tuple[Filter, ...]:
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


def _size(fields: Fields) -> tuple[int, int, int]:
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


def _clock(fields: Fields) -> str | None:
    """SPACECRAFT_CLOCK_START_COUNT where it is a count; no picture needs it, so that nonsense is passed over."""
    value = fields.values.get("SPACECRAFT_CLOCK_START_COUNT")
    text = value.strip() if isinstance(value, str) else ""
    return text if _CLOCK.fullmatch(text) else None


def _delay(fields: Fields, single: bool) -> float | None:
    """INTERFRAME_DELAY in s; a single frame has none and its label may say 0."""
    delay = fields.number("INTERFRAME_DELAY", TIME_UNITS, "S")
    if delay == 0 and single:
        return None
    if delay is not None and delay <= 0:
        raise fields.error("INTERFRAME_DELAY", "it must be greater than zero")
    return delay


def _exposure(fields: Fields) -> float | None:
    """EXPOSURE_DURATION in s."""
    exposure = fields.positive("EXPOSURE_DURATION", TIME_UNITS, "MS")
    if exposure is not None and exposure > MAX_EXPOSURE_S:
        raise fields.error("EXPOSURE_DURATION", f"no exposure is longer than {MAX_EXPOSURE_S:g} s")
    return exposure


def _sub_spacecraft(fields: Fields) -> tuple[float | None, float | None]:
    """Planetographic latitude and west longitude in rad; the longitude is brought to 0..2 pi."""
    latitude = fields.number("SUB_SPACECRAFT_LATITUDE", ANGLE_UNITS, "DEG")
    longitude = fields.number("SUB_SPACECRAFT_LONGITUDE", ANGLE_UNITS, "DEG")
    if latitude is not None and abs(latitude) > math.pi / 2:
        raise fields.error("SUB_SPACECRAFT_LATITUDE", "a latitude lies between -90 and 90 degrees")
    if longitude is not None and abs(longitude) > math.tau:
        raise fields.error("SUB_SPACECRAFT_LONGITUDE", "a longitude lies between 0 and 360 degrees")
    return latitude, None if longitude is None else longitude % math.tau


def _perijove(fields: Fields, product_id: str) -> int | None:
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
