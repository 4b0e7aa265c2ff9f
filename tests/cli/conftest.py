"""A made-up strip of two frames and its label, for the command line to chew on."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

PRODUCT = "JNCE_2030001_99C00001_V01"


@pytest.fixture
def write_label(tmp_path: Path) -> Callable[..., Path]:
    """Writes a label of a made-up image; `fields` replace or add keywords."""

    def write(name: str = "00001-Metadata.json", fields: dict[str, object] | None = None) -> Path:
        label = {
            "PRODUCT_ID": PRODUCT,
            "FILE_NAME": f"{PRODUCT}-raw.png",
            "TARGET_NAME": "JUPITER",
            "FILTER_NAME": ["BLUE", "GREEN", "RED"],
            "LINES": "768",
            "LINE_SAMPLES": "1648",
            "SAMPLING_FACTOR": "1",
            "START_TIME": "2030-01-01T00:00:00.000",
            "STOP_TIME": "2030-01-01T00:00:01.000",
            "INTERFRAME_DELAY": "0.500 <s>",
            "EXPOSURE_DURATION": "3.200000 <ms>",
            "JNO:TDI_STAGES_COUNT": "1",
            "SAMPLE_BIT_MODE_ID": "SQROOT",
            "COMPRESSION_TYPE": "HUFFMAN",
            "SUB_SPACECRAFT_LATITUDE": "-12.5000 <deg>",
            "SUB_SPACECRAFT_LONGITUDE": "200.2500 <deg>",
            "SPACECRAFT_ALTITUDE": "5000.5 <km>",
            "PJ": "99",
            "TITLE": "A world of [dots]",
            **(fields or {}),
        }
        path = tmp_path / name
        path.write_text(json.dumps(label))
        return path

    return write


@pytest.fixture
def strip(tmp_path: Path, write_label: Callable[..., Path]) -> Path:
    """A strip of 2 frames x 3 filters with its label beside it."""
    write_label()
    path = tmp_path / f"{PRODUCT}-raw.png"
    codes = np.arange(768 * 1648, dtype=np.uint32).reshape(768, 1648).astype(np.uint8)
    assert cv2.imwrite(str(path), codes)
    return path
