import json
import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.io.png import SIGNATURE, chunk, encode_png, integers
from perijove.io.provenance import provenance

RGB = (Filter.RED, Filter.GREEN, Filter.BLUE)
ORIGIN = provenance([], {"recipe": "natural", "size": 7}, {"rms_px": 0.2}, title="Jupiter, PJ44", name="Zoë Ångström")


def picture(bands: tuple[Filter, ...] = RGB, seed: int = 0) -> Picture:
    rgb = np.random.default_rng(seed).random((6, 7, len(bands))).astype(np.float32)
    rgb[2, 3] = np.nan
    return Picture(rgb, bands, "srgb", "natural", {})


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Types and contents of all chunks, with their checksums tested."""
    assert data[:8] == SIGNATURE
    found, place = [], 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        (check,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert check == zlib.crc32(body)
        found.append((body[:4], body[4:]))
        place += 12 + length
    return found


@pytest.mark.parametrize("bands", [RGB, (Filter.METHANE,)])
def test_pillow_reads_the_pixels_of_8_bits(bands: tuple[Filter, ...]) -> None:
    made = picture(bands)
    with Image.open(BytesIO(encode_png(made, ORIGIN))) as image:
        assert image.mode == ("RGB" if len(bands) == 3 else "L")
        pixels = np.asarray(image).reshape(made.rgb.shape)
    expected = np.nan_to_num(np.rint(made.rgb * 255)).astype(np.uint8)
    np.testing.assert_array_equal(pixels, expected)
    assert (pixels[2, 3] == 0).all()


@pytest.mark.parametrize("bands", [RGB, (Filter.METHANE,)])
def test_opencv_reads_the_pixels_of_16_bits(bands: tuple[Filter, ...]) -> None:
    made = picture(bands)
    data = np.frombuffer(encode_png(made, ORIGIN, 16), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert pixels.dtype == np.uint16
    pixels = pixels[..., ::-1] if len(bands) == 3 else pixels[..., None]
    np.testing.assert_array_equal(pixels, np.nan_to_num(np.rint(made.rgb * 65535)).astype(np.uint16))


def test_pillow_reads_the_texts() -> None:
    with Image.open(BytesIO(encode_png(picture(), ORIGIN))) as image:
        image.load()
        texts = image.text
        assert image.info["srgb"] == 0
    assert texts["Author"] == "NASA/JPL-Caltech/SwRI/MSSS, image processing: Zoë Ångström"
    assert texts["Title"] == "Jupiter, PJ44"
    assert texts["Software"].startswith("perijove")
    assert "JPL Image Use Policy" in texts["Copyright"]
    assert json.loads(texts["Provenance"]) == ORIGIN


@pytest.mark.parametrize("bits", [8, 16])
def test_chunks_are_whole_and_in_order(bits: int) -> None:
    kinds = [kind for kind, _ in chunks(encode_png(picture(), ORIGIN, bits))]
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    assert kinds.count(b"sRGB") == 1
    assert kinds.index(b"sRGB") < kinds.index(b"IDAT")
    assert b"gAMA" not in kinds


def test_a_chunk_is_length_type_content_and_checksum() -> None:
    # IEND, the same in every PNG
    assert chunk(b"IEND", b"") == bytes.fromhex("0000000049454e44ae426082")


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40))
def test_any_name_comes_back(name: str) -> None:
    origin = provenance([], {}, name=name)
    with Image.open(BytesIO(encode_png(picture((Filter.RED,)), origin))) as image:
        image.load()
        assert image.text["Author"] == origin["credit"]


def test_values_are_rounded_and_clipped() -> None:
    values = np.array([-0.1, 0.0, 0.5, 1.0, 1.5, np.nan], np.float32)
    assert integers(values, 8).tolist() == [0, 0, 128, 255, 255, 0]
    assert integers(values, 16).tolist() == [0, 0, 32768, 65535, 65535, 0]
    assert integers(values, 16, least=1).tolist() == [1, 1, 32768, 65535, 65535, 0]


def test_what_a_png_cannot_hold_is_refused() -> None:
    linear = Picture(np.ones((2, 2, 3), np.float32), RGB, "linear", "linear", {})
    with pytest.raises(UsageError, match=r"linear picture: write it as \.tif"):
        encode_png(linear, ORIGIN)
    with pytest.raises(UsageError, match="12 bits"):
        encode_png(picture(), ORIGIN, 12)


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    assert encode_png(picture(), ORIGIN, 16) == encode_png(picture(), ORIGIN, 16)
