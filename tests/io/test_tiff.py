import json
import warnings
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.errors import NotGeoreferencedWarning

from perijove.calibrate.quality import Quality
from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.io.pictures import write_picture
from perijove.io.provenance import provenance
from perijove.io.tiff import encode_bands, encode_tiff, quality_bits

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


def with_extras(bands: tuple[Filter, ...] = RGB) -> Picture:
    """A linear picture with sigma and quality, the latter of every value there is."""
    made = picture(bands, "linear")
    sigma = np.where(np.isnan(made.rgb), np.nan, 0.1 + made.rgb / 100).astype(np.float32)
    quality = (np.arange(made.rgb.size) % 256).astype(np.uint8).reshape(made.rgb.shape)
    return replace(made, sigma=sigma, quality=quality)


def units_of(path: Path) -> tuple[str, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            units: tuple[str, ...] = source.units
            return units


@pytest.mark.parametrize("bands", [RGB, (Filter.METHANE,), (*RGB, Filter.METHANE)])
def test_sigma_and_quality_follow_the_light_band_by_band(tmp_path: Path, bands: tuple[Filter, ...]) -> None:
    made = with_extras(bands)
    assert made.sigma is not None
    assert made.quality is not None
    write_picture(tmp_path / "a.tif", made, ORIGIN)
    values, profile, tags = read(tmp_path / "a.tif")
    n = len(bands)
    names = [band.value for band in bands]
    order = [*names, *(f"{name} sigma" for name in names), *(f"{name} quality" for name in names)]
    assert list(profile["descriptions"]) == order
    assert tags["BANDS"] == ",".join(order)
    assert units_of(tmp_path / "a.tif") == ("I/F",) * (2 * n) + ("bits",) * n
    np.testing.assert_array_equal(values[:n], np.moveaxis(made.rgb, -1, 0))
    np.testing.assert_array_equal(values[n : 2 * n], np.moveaxis(made.sigma, -1, 0))
    seen = np.isfinite(made.rgb)
    quality = np.moveaxis(values[2 * n :], 0, -1)
    # all 256 values are exact in floats; where there is no light there is nothing to be said of it
    assert len(np.unique(made.quality[seen])) == 256
    np.testing.assert_array_equal(quality[seen], made.quality[seen])
    assert np.isnan(quality[~seen]).all()
    assert np.isnan(values[:, 2, 3]).all()


@pytest.mark.parametrize("extra", ["sigma", "quality"])
def test_either_may_come_alone(tmp_path: Path, extra: str) -> None:
    made = replace(with_extras(), **{"quality" if extra == "sigma" else "sigma": None})
    write_picture(tmp_path / "a.tif", made, ORIGIN)
    values, profile, tags = read(tmp_path / "a.tif")
    assert len(values) == 6
    assert profile["descriptions"][3:] == tuple(f"{band.value} {extra}" for band in RGB)
    assert ("QUALITY_BITS" in tags) == (extra == "quality")


def test_extra_bands_are_no_colours(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.tif", with_extras(), ORIGIN)
    _, profile, _ = read(tmp_path / "a.tif")
    assert [colour.name for colour in profile["colours"]] == ["red", "green", "blue"] + ["undefined"] * 6
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages.first
        assert (page.photometric.name, page.samplesperpixel) == ("RGB", 9)
        # of samples beyond the colours nothing is said to be transparency
        assert [int(kind) for kind in page.extrasamples] == [0] * 6


def test_pictures_for_the_eye_have_no_unit(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.tif", picture(), ORIGIN, "32f")
    assert units_of(tmp_path / "a.tif") in ((None,) * 3, ("",) * 3)
    write_picture(tmp_path / "b.tif", picture(transfer="linear"), ORIGIN)
    assert units_of(tmp_path / "b.tif") == ("I/F",) * 3


def test_quality_bits_name_every_bit_once() -> None:
    told = dict(part.split(" ") for part in quality_bits().split(", "))
    assert {int(value): name for value, name in told.items()} == {bit.value: bit.name.lower() for bit in Quality}
    assert sorted(int(value) for value in told) == [1 << k for k in range(8)]


def test_bands_of_a_calibrated_strip(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    values = rng.random((70, 9, 3)).astype(np.float32)
    values[..., 2] = rng.integers(0, 256, (70, 9))
    values[:, :2, :2] = np.nan
    (tmp_path / "a.tif").write_bytes(encode_bands(values, ["I/F", "sigma", "quality"], ORIGIN))
    read_back, profile, tags = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_back, np.moveaxis(values, -1, 0))
    assert profile["descriptions"] == ("I/F", "sigma", "quality")
    assert units_of(tmp_path / "a.tif") == ("I/F", "I/F", "bits")
    assert (profile["dtype"], np.isnan(profile["nodata"])) == ("float32", True)
    assert tags["QUALITY_BITS"] == quality_bits()
    assert json.loads(tags["PROVENANCE"]) == ORIGIN
    assert tags["TIFFTAG_ARTIST"] == "NASA/JPL-Caltech/SwRI/MSSS, image processing: Zoë"
    assert all(colour.name not in ("red", "green", "blue") for colour in profile["colours"])


def test_bands_of_many_filters_have_their_units_by_their_names() -> None:
    names = ["RED", "RED sigma", "RED quality", "GREEN"]
    data = encode_bands(np.zeros((4, 5, 4), np.float32), names, ORIGIN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.MemoryFile(data) as memory, memory.open() as source:
            assert source.units == ("I/F", "I/F", "bits", "I/F")
            assert list(source.descriptions) == names


def test_integers_hold_no_extra_bands(tmp_path: Path) -> None:
    made = picture()
    extra = replace(made, sigma=np.ones_like(made.rgb), quality=np.zeros(made.rgb.shape, np.uint8))
    write_picture(tmp_path / "a.tif", extra, ORIGIN, "16")
    values, _, tags = read(tmp_path / "a.tif")
    assert len(values) == 3
    assert tags["BANDS"] == "RED,GREEN,BLUE"
