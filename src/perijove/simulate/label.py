"""Label: what a simulated strip says of itself, in the form of the mission's own web labels.

Keys, order, types, units and digits are those of the real labels (36 of perijoves 7 to 50 agree in them). What no
program minds and a person reads says that the strip is simulated, so that nobody takes it for the mission's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from perijove.errors import UsageError
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter
from perijove.timescale import utc_from_et

PRODUCER = "PERIJOVE (SIMULATED)"
SOFTWARE = "PERIJOVE SIMULATE"
SIMULATED = "Simulated by Perijove, not a picture of the mission."
"""Stands at the head of every rationale."""
LAST_RATIONALE = 2000
"""Most characters of a rationale or title that a label takes."""
CLOCK_TICKS = 256
CLOCK_EPOCH_ET, CLOCK_OFFSET_S, CLOCK_RATE = 714014238.0, 344.09, 1.2542e-6
"""The spacecraft's clock less ET, s, at an ET, and its growth, from labels of 2017-07-11 (142.15 s) and 2022-08-17;
eleven of 2018 to 2023 are met to 0.8 s."""


@dataclass(frozen=True)
class LabelFacts:
    """What a label tells of one strip.

    `number` is the product's number within the pass. `lines` and `samples` are the strip's as it is, summed or not.
    `start_et` and `stop_et` are ET as the label gives them: real labels start 0.06188 s before the first exposure
    and stop frames times interframe delay later, to the millisecond (36 of 36 labels). Latitude is
    planetographic, longitude west, degrees; the position holds for the middle of the image.
    """

    number: int
    perijove: int
    target: str
    filters: Sequence[Filter]
    lines: int
    samples: int
    sampling_factor: int
    start_et: float
    stop_et: float
    interframe_s: float
    exposure_s: float
    tdi_stages: int
    bit_mode: str
    compression: str
    latitude_graphic_deg: float
    longitude_west_deg: float
    altitude_km: float
    sun_distance_km: float
    title: str
    rationale: str = ""


def web_label(facts: LabelFacts) -> dict[str, object]:
    """The web label of a strip: 49 keys in the mission's order, ready for `json`.

    Raises UsageError for facts that no label could hold.
    """
    _check(facts)
    start, name = utc_from_et(facts.start_et), product_id_of(facts)
    return {
        "COMPRESSION_TYPE": facts.compression,
        "DATA_SET_ID": "JUNO-J-JUNOCAM-2-EDR-L0-V1.0",
        "DESCRIPTION": "",
        "EXPOSURE_DURATION": f"{facts.exposure_s * 1e3:.6f} <ms>",
        "FILE_NAME": strip_file_name(name),
        "FILE_RECORDS": facts.lines,
        "FILTER_NAME": [band.value for band in facts.filters],
        "FOCAL_PLANE_TEMPERATURE": "273.0 <K>",
        "IMAGE_TIME": start,
        "INSTRUMENT_HOST_NAME": "JUNO",
        "INSTRUMENT_ID": "JNC",
        "INSTRUMENT_NAME": "JUNO EPO CAMERA",
        "INTERFRAME_DELAY": f"{facts.interframe_s:.3f} <s>",
        "JNO:TDI_STAGES_COUNT": facts.tdi_stages,
        "LINES": facts.lines,
        "LINE_PREFIX_BYTES": 0,
        "LINE_SAMPLES": facts.samples,
        "LINE_SUFFIX_BYTES": 0,
        "MISSION_PHASE_NAME": f"PERIJOVE {facts.perijove}",
        "ORBIT_NUMBER": facts.perijove,
        "PJ": f"{facts.perijove:02d}",
        "PROCESSING_LEVEL_ID": 2,
        "PRODUCER_ID": PRODUCER,
        # the clock is the picture's, so that the same strip always has the same label
        "PRODUCT_CREATION_TIME": utc_from_et(facts.stop_et)[:19],
        "PRODUCT_ID": name,
        "PRODUCT_VERSION_ID": 1,
        "RATIONALE_DESC": f"{SIMULATED} {facts.rationale}".strip(),
        "RECORD_BYTES": facts.samples,
        "SAMPLE_BITS": 8,
        "SAMPLE_BIT_MASK": "2#11111111#",
        "SAMPLE_BIT_MODE_ID": facts.bit_mode,
        "SAMPLE_TYPE": "UNSIGNED_INTEGER",
        "SAMPLING_FACTOR": facts.sampling_factor,
        "SEQUENCE_ID": f"sim{facts.perijove:02d}",
        "SOFTWARE_NAME": SOFTWARE,
        "SOLAR_DISTANCE": _solar_distance(facts.sun_distance_km),
        "SOURCE_PRODUCT_ID": "SIMULATED",
        "SPACECRAFT_ALTITUDE": f"{facts.altitude_km:.1f} <km>",
        "SPACECRAFT_CLOCK_START_COUNT": spacecraft_clock(facts.start_et),
        "SPACECRAFT_CLOCK_STOP_COUNT": "N/A",
        "SPACECRAFT_NAME": "JUNO",
        "STANDARD_DATA_PRODUCT_ID": "JUNOCAM-EDR",
        "START_TIME": start,
        "STOP_TIME": utc_from_et(facts.stop_et),
        "SUB_SPACECRAFT_LATITUDE": _degrees(facts.latitude_graphic_deg),
        "SUB_SPACECRAFT_LONGITUDE": _degrees(facts.longitude_west_deg % 360.0),
        "TARGET_NAME": facts.target.upper(),
        "TITLE": facts.title,
        "TOKEN_ID": [],
    }


def product_id(start_et: float, perijove: int, filters: Sequence[Filter], number: int) -> str:
    """Product id such as JNCE_2022229_44C00029_V01: UTC year, day of year, perijove, C colour or M methane, number."""
    utc = utc_from_et(start_et)
    day = date.fromisoformat(utc[:10]).timetuple().tm_yday
    kind = "M" if tuple(filters) == (Filter.METHANE,) else "C"
    return f"JNCE_{utc[:4]}{day:03d}_{perijove:02d}{kind}{number:05d}_V01"


def product_id_of(facts: LabelFacts) -> str:
    """The product id of a strip with these facts."""
    return product_id(facts.start_et, facts.perijove, facts.filters, facts.number)


def strip_file_name(product: str) -> str:
    """File name of the raw strip of a product, as the mission site names it."""
    return f"{product}-raw.png"


def label_file_name(image_number: int) -> str:
    """File name of the web label of an image, by the site's own running number."""
    return f"{image_number}-Metadata.json"


def spacecraft_clock(et: float) -> str:
    """Count of the spacecraft's clock at an ET, seconds:ticks of 1/256 s, good to a second."""
    seconds = et + CLOCK_OFFSET_S + CLOCK_RATE * (et - CLOCK_EPOCH_ET)
    ticks = round(seconds * CLOCK_TICKS)
    return f"{ticks // CLOCK_TICKS}:{ticks % CLOCK_TICKS}"


def _solar_distance(km: float) -> str:
    """Five digits with a two-digit exponent, as the labels have it."""
    return f"{km:.4e} <km>"


def _degrees(angle: float) -> str:
    """Four decimals, those that are zero at the end left out: 27.497."""
    text = f"{angle:.4f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _check(facts: LabelFacts) -> None:
    """UsageError for facts that no label could hold."""

    def refuse(what: str, remedy: str) -> UsageError:
        return UsageError(f"label of product {facts.number}: {what}; {remedy}")

    for name in ("start_et", "stop_et", "interframe_s", "exposure_s", "altitude_km", "sun_distance_km",
                 "latitude_graphic_deg", "longitude_west_deg"):  # fmt: skip
        if not math.isfinite(getattr(facts, name)):
            raise refuse(f"{name} is not a finite number", "check the scene")
    for name in ("interframe_s", "exposure_s", "altitude_km", "sun_distance_km"):
        if getattr(facts, name) <= 0:
            raise refuse(f"{name} is {getattr(facts, name)}", "it must be above 0")
    if not 0 <= facts.number <= 99999 or not 0 <= facts.perijove <= 99:
        raise refuse(f"perijove {facts.perijove} or the number itself does not fit", "use 0-99 and 0-99999")
    if facts.sampling_factor not in (1, 2) or facts.samples * facts.sampling_factor != SAMPLES:
        raise refuse(f"{facts.samples} samples at sampling factor {facts.sampling_factor}", f"a line has {SAMPLES}")
    lines = FRAMELET_LINES // facts.sampling_factor * len(facts.filters)
    if not facts.filters or facts.lines <= 0 or facts.lines % lines:
        raise refuse(f"{facts.lines} lines of {len(facts.filters)} filters", "whole frames are needed")
    if facts.stop_et <= facts.start_et:
        raise refuse("stop_et does not lie after start_et", "check the times")
    if abs(facts.latitude_graphic_deg) > 90:
        raise refuse(f"latitude_graphic_deg is {facts.latitude_graphic_deg}", "it lies between -90 and 90")
    for name in ("title", "rationale"):
        if len(getattr(facts, name)) > LAST_RATIONALE or re.search(r"[\x00-\x08\x0b-\x1f]", getattr(facts, name)):
            raise refuse(f"{name} is too long or has control characters", "shorten or clean it")
