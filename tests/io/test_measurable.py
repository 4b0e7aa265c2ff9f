"""Pictures to be measured: what their own text may hold."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from perijove.errors import MapError
from perijove.io.measurable import open_measurable
from perijove.io.png import SIGNATURE


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize(
    "text", [zlib.compress(b" " * ((1 << 24) + 1)), zlib.compress(b"{}")[:-3], b"no text"], ids=["large", "cut", "none"]
)
def test_a_provenance_that_cannot_be_one_is_refused(tmp_path: Path, text: bytes) -> None:
    plain = cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes()
    after = len(SIGNATURE) + 25
    path = tmp_path / "picture.png"
    path.write_bytes(plain[:after] + chunk(b"iTXt", b"Provenance\0\x01\0\0\0" + text) + plain[after:])
    with pytest.raises(MapError, match=r"picture\.png: its provenance is damaged"):
        open_measurable(path)
