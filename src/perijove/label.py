"""Label: what one JunoCam product says of itself, typed and in SI units and km."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perijove.instrument import Filter


@dataclass(frozen=True)
class Label:
    """The fields of a web JSON or PDS3 label that Perijove understands; None where the label says N/A or nothing.

    Angles are radians. `latitude_graphic` is the planetographic latitude and `longitude_west` the System III west
    longitude of the sub-spacecraft point at the middle of the image, geometric; `altitude_km` is the height above
    the reference ellipsoid along its normal. Times are UTC strings as the label writes them and ET (TDB seconds past
    J2000).
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
