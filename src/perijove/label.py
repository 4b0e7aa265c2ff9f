"""Label: what one JunoCam product says of itself, typed and in SI units and km."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from perijove.instrument import FRAMELET_LINES, TDI_STEP_S, Filter
from perijove.timescale import et_from_utc

_PRODUCT_ID = re.compile(r"JNC([ER])_([0-9]{4})([0-9]{3})_([0-9]{2,3})([A-Z])([0-9]{5})_V([0-9]{2})")


UNKNOWN = "UNKNOWN"
"""TARGET_NAME where nobody says what a strip shows."""
SIMULATED = "Simulated by Perijove"
"""RATIONALE_DESC of strips that are not the mission's begins so."""
START_SIGMA_S = 20.0
"""Error of a start time that a user gives without one: the time of a flyby as it is told, to the minute or so."""
INTERFRAME_S, INTERFRAME_SIGMA_S = 0.374, 0.003
"""The step between frames where nobody tells it: 39 labels of perijoves 4 to 50 have 0.370 to 0.378 s."""
PASS_S = 86400.0
"""Images of one pass lie within a day of each other (the orbit takes weeks)."""


@dataclass(frozen=True)
class ProductId:
    """The parts of a product id such as JNCE_2022229_44C00029_V01.

    `level` is E (experiment data record, raw) or R (reduced); `kind` tells the filters (C colour, M methane, ...).
    """

    level: str
    year: int
    day_of_year: int
    orbit: int
    kind: str
    number: int
    version: int


@dataclass(frozen=True)
class ImageLayout:
    """Where the samples of a PDS3 image lie in their file.

    `file_name` is None where the label is attached to the data; `offset` in bytes from the start of the file; each
    line has `prefix_bytes` before and `suffix_bytes` behind its samples; `md5` (hex) is that of the image object.
    Samples of 16 bits have their high byte first where `big_endian`; `signed` ones may be negative. `file_bytes` is the
    length of the file with all its objects, None where the label does not tell.
    """

    file_name: str | None
    offset: int
    record_bytes: int
    prefix_bytes: int
    suffix_bytes: int
    sample_bits: int
    md5: str | None
    big_endian: bool = True
    signed: bool = False
    file_bytes: int | None = None


@dataclass(frozen=True)
class Given:
    """What a user tells of a strip beside its label, or against it; None where nothing is said.

    `target` is a body's name; `start_utc` stands for START_TIME, with an error of `start_sigma_s`; `interframe_s` for
    INTERFRAME_DELAY, with an error of `interframe_sigma_s`; `exposure_s` for EXPOSURE_DURATION.
    """

    target: str | None = None
    start_utc: str | None = None
    start_sigma_s: float = START_SIGMA_S
    interframe_s: float | None = None
    interframe_sigma_s: float = INTERFRAME_SIGMA_S
    exposure_s: float | None = None


@dataclass(frozen=True)
class Label:
    """The fields of a web JSON or PDS3 label that Perijove understands; None where the label says N/A or nothing.

    Angles are radians. `latitude_graphic` is the planetographic latitude and `longitude_west` the System III west
    longitude of the sub-spacecraft point at the middle of the image, apparent (see `ephemeris.apparent`); `altitude_km`
    is the height above the reference ellipsoid along its normal. Times are UTC strings as the label writes them and ET
    (TDB seconds past J2000). `methane_centre_line` is the line of the methane filter's optical centre (px, framelet
    coordinates) where the rationale says that the readout was moved by command. `clock_start` is the spacecraft's clock
    at START_TIME as the label writes it, seconds:ticks of 1/256 s, maybe with a partition before. `path` is for
    messages: inside a zip it is the archive's path with the member's name behind it.

    `start_sigma_s` and `interframe_sigma_s` are the errors of START_TIME and INTERFRAME_DELAY where they are no label's
    but a user's, or a guess; None otherwise. `place_target` names the body from which the position is counted where it
    is not the target.
    """

    product_id: str
    file_name: str
    target: str
    filters: tuple[Filter, ...]
    lines: int
    samples: int
    sampling_factor: int
    start_utc: str
    stop_utc: str | None
    start_et: float
    stop_et: float | None
    interframe_delay_s: float | None
    exposure_s: float | None
    tdi_stages: int | None
    bit_mode: str
    compression: str | None
    latitude_graphic: float | None
    longitude_west: float | None
    altitude_km: float | None
    sun_distance_km: float | None
    perijove: int | None
    title: str
    rationale: str
    path: Path | None
    methane_centre_line: float | None = None
    layout: ImageLayout | None = None
    clock_start: str | None = None
    start_sigma_s: float | None = None
    interframe_sigma_s: float | None = None
    place_target: str | None = None

    @property
    def simulated(self) -> bool:
        """Whether the label says that no camera took the strip."""
        return self.rationale.startswith(SIMULATED)

    @property
    def reduced(self) -> bool:
        """Whether the label is that of a reduced product (RDR), whose samples are no codes."""
        return self.layout is not None and self.layout.sample_bits == 16

    @property
    def parts(self) -> ProductId | None:
        """The parts of the product id, None where it does not follow the archive's pattern."""
        return parse_product_id(self.product_id)

    @property
    def framelet_lines(self) -> int:
        """Lines of one framelet: 128, or 64 where pixels were summed 2 x 2."""
        return FRAMELET_LINES // self.sampling_factor

    @property
    def frames(self) -> int:
        """Number of exposures with at least one whole framelet; the last one may be cut short."""
        return -(-(self.lines // self.framelet_lines) // len(self.filters))

    @property
    def image_middle_et(self) -> float:
        """ET of the middle of the image, at which the label's position holds: START + (STOP - START) / 2.

        Without STOP_TIME half of frames times interframe delay is added to START; NaN where that is unknown too and
        there is more than one frame.
        """
        if self.stop_et is not None:
            return self.start_et + (self.stop_et - self.start_et) / 2
        if self.interframe_delay_s is not None:
            return self.start_et + self.frames * self.interframe_delay_s / 2
        return self.start_et if self.frames == 1 else float("nan")


def completed(label: Label, given: Given) -> Label:
    """The label with what a user tells in the place of what it says, and a guess of the step where nobody tells it."""
    if given.target is not None and given.target != label.target:
        counted = None if label.target == UNKNOWN else label.target
        label = replace(label, target=given.target, place_target=label.place_target or counted)
    if given.start_utc is not None:
        start = et_from_utc(given.start_utc)
        stop = None if label.stop_et is None else label.stop_et + start - label.start_et
        label = replace(
            label, start_utc=given.start_utc, start_et=start, stop_utc=None, stop_et=stop,
            start_sigma_s=given.start_sigma_s,
        )  # fmt: skip
    if given.interframe_s is not None:
        label = replace(label, interframe_delay_s=given.interframe_s, interframe_sigma_s=given.interframe_sigma_s)
    elif label.interframe_delay_s is None and label.frames > 1:
        label = replace(label, interframe_delay_s=INTERFRAME_S, interframe_sigma_s=INTERFRAME_SIGMA_S)
    if given.exposure_s is not None:
        stages = max(round(given.exposure_s / TDI_STEP_S), 1)
        label = replace(label, exposure_s=given.exposure_s, tdi_stages=stages)
    return label


def parse_product_id(text: str) -> ProductId | None:
    """The parts of a product id, or None where the text is not exactly one."""
    match = _PRODUCT_ID.fullmatch(text)
    if match is None:
        return None
    level, year, day, orbit, kind, number, version = match.groups()
    return ProductId(level, int(year), int(day), int(orbit), kind, int(number), int(version))


def product_id_in(text: str) -> str | None:
    """The first product id that occurs in a text such as a file name (in either case), upper case, or None."""
    match = _PRODUCT_ID.search(text.upper())
    return match.group(0) if match else None
