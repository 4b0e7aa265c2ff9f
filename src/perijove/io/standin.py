"""A label for a strip that has none, from its name, its size and what the user tells."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from perijove.errors import LabelError
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter
from perijove.io.strips import StripWarning, picture_size
from perijove.label import UNKNOWN, Given, Label, completed, parse_product_id, product_id_in
from perijove.timescale import et_from_utc

_FILTERS = {"C": (Filter.BLUE, Filter.GREEN, Filter.RED), "M": (Filter.METHANE,)}
"""Filters in the order of readout, by the letter of the product id."""


class NoLabel(LabelError):
    """No label is there, and nothing that could be a damaged one."""


def stand_in_label(data: bytes, path: Path, given: Given, missing: LabelError) -> Label:
    """What is known of a strip without a label: the orbit and the filters by its name, its size, and what is given.

    Without a target it says `label.UNKNOWN`. Raises `missing`, the error that told of the missing label, where no start
    time is given or the strip is no PNG or JPEG.
    """
    size = picture_size(data, path)
    if given.start_utc is None or size is None:
        raise missing
    product = product_id_in(path.name)
    parts = None if product is None else parse_product_id(product)
    filters = _FILTERS.get("C" if parts is None else parts.kind)
    if filters is None:
        raise missing
    lines, samples = size
    factor = SAMPLES // samples
    if lines % (FRAMELET_LINES // factor * len(filters)):
        raise LabelError(
            f"{path} has {lines} lines, no whole number of frames of {len(filters)} framelets: it was cropped or "
            "scaled, or needs its label"
        )
    none = "has no label" if isinstance(missing, NoLabel) else f"is read without its label ({missing})"
    warnings.warn(
        f"{path} {none}: the filters are taken to be {', '.join(filters)}, and time and step are solved for",
        StripWarning,
        stacklevel=4,
    )
    label = Label(
        product_id=product or re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:80],
        file_name=path.name,
        target=given.target or UNKNOWN,
        filters=filters,
        lines=lines,
        samples=samples,
        sampling_factor=factor,
        start_utc=given.start_utc,
        stop_utc=None,
        start_et=et_from_utc(given.start_utc),
        stop_et=None,
        interframe_delay_s=None,
        exposure_s=None,
        tdi_stages=None,
        bit_mode="SQROOT",
        compression=None,
        latitude_graphic=None,
        longitude_west=None,
        altitude_km=None,
        sun_distance_km=None,
        perijove=None if parts is None else parts.orbit,
        title="",
        rationale="",
        path=None,
    )
    return completed(label, given)
