import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from perijove.errors import MapError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.atomic import Staged
from perijove.io.png_map import _filtered, read_png_map, stage_png
from perijove.raster import Kind, Layer, Raster

Grids = Callable[..., MapGrid]
Rasters = Callable[..., Raster]
COLOURS = tuple(Layer(name, "", "light") for name in ("RED", "GREEN", "BLUE"))


def write(raster: Raster, path: Path) -> None:
    with Staged() as staged:
        stage_png(staged, raster, path)


def all_rows(raster: Raster) -> np.ndarray:
    return np.concatenate([rows for _, rows in raster.bands()], axis=1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("layers", [COLOURS, COLOURS[:1]])
def test_others_read_the_same_numbers(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, dtype: Kind, layers: tuple[Layer, ...]
) -> None:
    raster = replace(make_raster(make_grid(), dtype, layers), transfer="srgb")
    write(raster, tmp_path / "map.png")
    # with the transparency left out
    seen = cv2.imread(str(tmp_path / "map.png"), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    assert seen is not None
    assert seen.dtype == np.dtype(dtype)
    planes = np.moveaxis(seen[..., ::-1], -1, 0) if len(layers) == 3 else seen[None]
    assert np.array_equal(planes, all_rows(raster))
    back = read_png_map(tmp_path / "map.png")
    assert np.array_equal(all_rows(back), all_rows(raster))
    assert replace(back, rows=raster.rows) == raster
    # backwards too
    assert np.array_equal(back.rows(3, 5), raster.rows(3, 5))


def test_pillow_reads_credit_and_transparency(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    write(replace(make_raster(make_grid(), "uint8", COLOURS), transfer="srgb"), tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        picture.load()
        assert picture.info["transparency"] == (0, 0, 0)
        assert picture.info["Author"].endswith("Gerald Eichstädt")
        assert picture.info["srgb"] == 0


@given(st.integers(1, 5), st.integers(1, 9), st.sampled_from([1, 2, 3, 6]), st.integers(0, 2**32 - 1))
def test_filters_can_be_undone(rows: int, pixels: int, step: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    octets = rng.integers(0, 256, (rows, pixels * step), dtype=np.uint8)
    above = rng.integers(0, 256, pixels * step, dtype=np.uint8)
    for number, (told, before) in enumerate(zip(_filtered(octets, above, step), [above, *octets[:-1]], strict=True)):
        line = [0] * (pixels * step)
        for i, value in enumerate(told[1:].tolist()):
            left = line[i - step] if i >= step else 0
            line[i] = (value + (left if told[0] == 1 else int(before[i]))) % 256
        assert line == octets[number].tolist()


@pytest.mark.parametrize(
    ("dtype", "layers", "transfer", "told"),
    [
        ("float32", COLOURS, "srgb", "32-bit floats"),
        ("uint16", COLOURS, "linear", "measured values"),
        ("uint8", COLOURS[:2], "srgb", "this map has 2"),
        ("uint8", (*COLOURS, Layer("RED sigma", "", "sigma")), "srgb", "RED sigma"),
    ],
)
def test_what_cannot_be_held_is_refused(
    make_raster: Rasters, tmp_path: Path, dtype: Kind, layers: tuple[Layer, ...], transfer: str, told: str
) -> None:
    raster = replace(make_raster(None, dtype, layers), transfer=transfer)
    with pytest.raises(UsageError, match=rf"{told}.*write a \.tif"):
        write(raster, tmp_path / "map.png")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_map_is_told_in_a_sentence(make_raster: Rasters, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    with pytest.raises(MapError, match="cannot be read"):
        read_png_map(path)
    path.write_bytes(b"abc")
    with pytest.raises(MapError, match="is no PNG"):
        read_png_map(path)
    Image.new("RGB", (3, 3)).save(path)
    with pytest.raises(MapError, match=r"give the \.tif"):
        read_png_map(path)
    write(replace(make_raster(None, "uint8", COLOURS), transfer="srgb"), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MapError, match="damaged"):
        read_png_map(path).rows(0, 530)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(MapError, match="damaged"):
        read_png_map(path).rows(0, 530)
    text = whole.index(b"PerijoveMap")
    (length,) = struct.unpack(">I", whole[text - 8 : text - 4])
    assert zlib.decompress(whole[text + 16 : text - 0 + length]).startswith(b'{\n "schema"')
    path.write_bytes(whole[: text + 30] + b"\0\0\0" + whole[text + 33 :])
    with pytest.raises(MapError, match="damaged"):
        read_png_map(path)
