import numpy as np
import pytest
import rasterio
import tifffile

from perijove.calibrate.frames import SHAPE, BandFrames, CalibrationFrames, lit_mask, normalised
from perijove.errors import CalibrationError
from perijove.instrument import LIT_SAMPLES, Filter
from perijove.io.calibration import file_name, provenance_of, read_calibration, write_calibration

ORIGIN = {"software": "perijove", "inputs": ["a", "b"]}


@pytest.fixture
def frames():
    rng = np.random.default_rng(1)
    lit = lit_mask()
    bands = {}
    for band in (Filter.BLUE, Filter.METHANE):
        flat = normalised(1 + 0.1 * rng.standard_normal(SHAPE))
        bias = np.where(lit, rng.standard_normal(SHAPE), np.nan).astype(np.float32)
        sigma = np.where(lit, 0.01, np.nan).astype(np.float32)
        count = rng.integers(0, 90, SHAPE).astype(np.int32)
        bands[band] = BandFrames(flat, sigma, count, bias, sigma * 2, count + 1, rng.random(SHAPE) > 0.99)
    return CalibrationFrames("test", bands, "made up")


def test_what_is_written_is_read_back(tmp_path, frames):
    paths = write_calibration(tmp_path / "new", frames, ORIGIN)
    assert sorted(p.name for p in paths) == ["perijove-bad.tif", "perijove-bias.tif", "perijove-flat.tif"]
    back = read_calibration(tmp_path / "new")
    assert (back.name, back.provenance, list(back.bands)) == ("test", "made up", list(frames.bands))
    for band, part in frames.bands.items():
        for name, plane in vars(part).items():
            np.testing.assert_array_equal(getattr(back.bands[band], name), plane, err_msg=name)
    assert provenance_of(tmp_path / "new" / file_name("flat")) == ORIGIN


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_other_readers_find_bands_and_tags(tmp_path, frames):
    write_calibration(tmp_path, frames, ORIGIN)
    with rasterio.open(tmp_path / file_name("flat")) as source:
        assert source.descriptions[:3] == ("BLUE", "BLUE_sigma", "BLUE_count")
        assert "light is divided by it" in source.tags()["UNITS"]
    planes = tifffile.imread(tmp_path / file_name("flat"))
    np.testing.assert_array_equal(np.squeeze(planes).reshape(-1, *SHAPE)[0], frames.bands[Filter.BLUE].flat)


def write_swift(folder, name, planes):
    tifffile.imwrite(folder / name, np.concatenate(planes).astype(np.float32))


def test_frames_of_swift_kind_are_blue_green_red_and_divide(tmp_path):
    flats = [np.full(SHAPE, level) for level in (0.1, 0.2, 0.3)]
    flats[1][:, :824] *= 0.5
    dark = [np.full(SHAPE, 1 / 4095.0) for _ in range(3)]
    dark[2][5, 600] = 11 / 4095.0
    write_swift(tmp_path, "swift_flatFieldsSmooth.tiff", flats)
    write_swift(tmp_path, "swift_debias18.tiff", dark)
    read = read_calibration(tmp_path)
    assert list(read.bands) == [Filter.BLUE, Filter.GREEN, Filter.RED]
    assert read.bands[Filter.BLUE].flat[:, LIT_SAMPLES] == pytest.approx(1.0)
    green = read.bands[Filter.GREEN].flat
    assert green[0, 900] / green[0, 800] == pytest.approx(2.0)
    assert read.bands[Filter.RED].bias[5, 600] == pytest.approx(10.0, abs=1e-3)


def test_a_gain_is_the_inverse_of_a_flat(tmp_path):
    gains = [np.full(SHAPE, 1.0) for _ in range(3)]
    gains[0][:, 900:] = 1.25
    write_swift(tmp_path, "swift_gainSmooth.tiff", gains)
    blue = read_calibration(tmp_path).bands[Filter.BLUE].flat
    assert blue[0, 900] / blue[0, 800] == pytest.approx(0.8)


def test_frames_published_by_swift(data):
    read = read_calibration(data / "calibration")
    for part in read.bands.values():
        assert np.nanmean(part.flat) == pytest.approx(1.0, abs=1e-4)
        # the lens darkens towards both ends
        middle = np.nanmean(part.flat[:, 700:900])
        assert np.nanmean(part.flat[:, 24:60]) < 0.9 * middle
        assert np.nanmean(part.flat[:, 1590:1630]) < 0.9 * middle


def damage(folder, kind, change):
    """Rewrite one file with its tags or pixels changed."""
    path = folder / file_name(kind)
    with rasterio.open(path) as source:
        profile, planes, tags, names = source.profile, source.read(), source.tags(), source.descriptions
    planes, tags, names = change(planes, tags, names)
    profile.update(height=planes.shape[1], width=planes.shape[2], count=len(planes))
    path.unlink()
    with rasterio.open(path, "w", **profile) as target:
        target.write(planes)
        target.update_tags(**tags)
        for k, name in enumerate(names, 1):
            target.set_band_description(k, name)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("flat", lambda p, t, n: (p[:, :64], t, n), "1648 x 64 pixels, not 1648 x 128"),
        ("bias", lambda p, t, n: (p, {**t, "KIND": "flat"}, n), "tag KIND is 'flat'"),
        ("flat", lambda p, t, n: (p, {**t, "SCHEMA": "x"}, n), "tag SCHEMA is 'x'"),
        ("flat", lambda p, t, n: (p, t, ["x", *n[1:]]), "METHANE"),
        ("flat", lambda p, t, n: (0 * p, t, n), "not above 0"),
        ("bad", lambda p, t, n: (p, t, ["x", *n[1:]]), "no band BLUE"),
        ("bad", lambda p, t, n: (p, {**t, "NAME": "another"}, n), "the tag NAME differs"),
    ],
)
def test_a_bad_file_is_named_with_field_and_remedy(tmp_path, frames, kind, change, said):
    write_calibration(tmp_path, frames, ORIGIN)
    damage(tmp_path, kind, change)
    if said == "METHANE":
        # a filter that has no flat simply has no frames
        assert list(read_calibration(tmp_path).bands) == [Filter.METHANE]
        return
    with pytest.raises(CalibrationError, match=said) as error:
        read_calibration(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_what_holds_no_frames_is_refused(tmp_path, frames):
    with pytest.raises(CalibrationError, match="holds no calibration frames"):
        read_calibration(tmp_path)
    with pytest.raises(CalibrationError, match="there is no folder"):
        read_calibration(tmp_path / "nowhere")
    write_calibration(tmp_path, frames, ORIGIN)
    with pytest.raises(CalibrationError, match="is a file"):
        read_calibration(tmp_path / file_name("flat"))
    (tmp_path / file_name("bias")).unlink()
    with pytest.raises(CalibrationError, match=r"perijove-bias.tif is missing"):
        read_calibration(tmp_path)
    (tmp_path / file_name("bias")).write_bytes(b"no TIFF")
    with pytest.raises(CalibrationError, match="cannot be read as a TIFF"):
        read_calibration(tmp_path)
