"""Strips made by hand."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.instrument import Filter
from perijove.label import Label
from perijove.raw import RawImage

MakeRaw = Callable[..., RawImage]


def _make(codes: Mapping[Filter, NDArray[np.uint8]], mode: str = "LIN1", binning: int = 1) -> RawImage:
    filters = tuple(codes)
    stack = np.stack([codes[band] for band in filters], axis=1)
    lines, samples = stack.shape[0] * stack.shape[1] * stack.shape[2], stack.shape[3]
    label = Label(
        product_id="JNCE_2022229_44C00030_V01",
        file_name="JNCE_2022229_44C00030_V01-raw.png",
        target="JUPITER",
        filters=filters,
        lines=lines,
        samples=samples,
        sampling_factor=binning,
        start_utc="2022-08-17T14:00:00",
        stop_utc=None,
        start_et=714000000.0,
        stop_et=None,
        interframe_delay_s=0.373,
        exposure_s=0.0032,
        tdi_stages=1,
        bit_mode=mode,
        compression=None,
        latitude_graphic=None,
        longitude_west=None,
        altitude_km=None,
        sun_distance_km=None,
        perijove=44,
        title="",
        rationale="",
        path=None,
    )
    return RawImage(label, stack.reshape(lines, samples), Path("strip.png"), "0" * 64)


@pytest.fixture(scope="session")
def make_raw() -> MakeRaw:
    """A function from codes (frames, lines, samples) by filter, a bit mode and a binning to a raw image."""
    return _make
