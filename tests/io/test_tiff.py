import json
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.errors import NotGeoreferencedWarning

from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.io.pictures import write_picture
from perijove.io.provenance import provenance
from perijove.io.tiff import encode_tiff

RGB = (Filter.RED, Filter.GREEN, Filter.BLUE)
ORIGIN = provenance([], {"recipe": "linear"}, title="Jupiter", name="Zoë")


def picture(bands: tuple[Filter, ...] = RGB, transfer: str = "srgb") -> Picture:
    rgb = np.random.default_rng(0).random((70, 9, len(bands))).astype(np.float32)
    if transfer == "linear":
        rgb *= 2000
    rgb[2, 3] = np.nan
    rgb[4, 5, 0] = 0.0
    return Picture(rgb, bands, transfer, "linear" if transfer == "linear" else "natural", {})


def read(path: Path) -> tuple[np.ndarray, dict[str, object], dict[str, str]]:
    """Values (bands, h, w), profile with descriptions, and tags, as rasterio reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            profile = {**source.profile, "descriptions": source.descriptions, "colours": source.colorinterp}
            return source.read(), profile, source.tags()


@pytest.mark.parametrize("bands", [RGB, (Filter.METHANE,), (*RGB, Filter.METHANE)])
def test_floats_come_back_bit_for_bit_with_nan(tmp_path: Path, bands: tuple[Filter, ...]) -> None:
    made = picture(bands, "linear")
    write_picture(tmp_path / "a.tif", made, ORIGIN)
    values, profile, _ = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(values, np.moveaxis(made.rgb, -1, 0))
    assert np.isnan(values[:, 2, 3]).all()
    assert profile["dtype"] == "float32"
    assert np.isnan(profile["nodata"])
    assert profile["compress"] == "deflate"
    assert profile["descriptions"] == tuple(band.value for band in bands)


def test_integers_spare_zero_for_no_data(tmp_path: Path) -> None:
    made = picture()
    write_picture(tmp_path / "a.tif", made, ORIGIN, "16")
    values, profile, _ = read(tmp_path / "a.tif")
    expected = np.clip(np.rint(np.moveaxis(made.rgb, -1, 0) * 65535), 1, 65535)
    np.testing.assert_array_equal(values, np.nan_to_num(expected).astype(np.uint16))
    assert (profile["dtype"], profile["nodata"]) == ("uint16", 0)
    assert values[0, 4, 5] == 1
    assert (values[:, 2, 3] == 0).all()
    assert [colour.name for colour in profile["colours"]] == ["red", "green", "blue"]


def test_tags_hold_credit_licence_and_provenance(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.tif", picture(transfer="linear"), ORIGIN)
    _, _, tags = read(tmp_path / "a.tif")
    assert json.loads(tags["PROVENANCE"]) == ORIGIN
    assert tags["TRANSFER"] == "linear"
    assert tags["BANDS"] == "RED,GREEN,BLUE"
    assert tags["TIFFTAG_ARTIST"] == "NASA/JPL-Caltech/SwRI/MSSS, image processing: Zoë"
    assert tags["TIFFTAG_SOFTWARE"].startswith("perijove")
    assert tags["TIFFTAG_DOCUMENTNAME"] == "Jupiter"
    assert "JPL Image Use Policy" in tags["TIFFTAG_COPYRIGHT"]


@pytest.mark.parametrize(("depth", "kind"), [("16", np.uint16), ("32f", np.float32)])
def test_tifffile_reads_the_same(depth: str, kind: type) -> None:
    made = picture()
    with tifffile.TiffFile(BytesIO(encode_tiff(made, ORIGIN, depth))) as file:
        page = file.pages.first
        assert page.photometric.name == "RGB"
        values = page.asarray()
    assert values.dtype == kind
    scale = 65535 if depth == "16" else 1
    good = np.isfinite(made.rgb)
    np.testing.assert_allclose(values[good] / scale, made.rgb[good], atol=1.6e-5)


def test_what_a_tiff_cannot_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="'8': give one of 16, 32f"):
        encode_tiff(picture(), ORIGIN, "8")
    with pytest.raises(UsageError, match="linear picture: write it with 32-bit floats"):
        encode_tiff(picture(transfer="linear"), ORIGIN, "16")
