"""Reduced strips (RDR) on the command line: what is told of them, and that their light is the raw strip's."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from perijove.calibrate.decompand import SQROOT_DN
from perijove.cli.app import app

EDR, RDR = "JNCE_2030001_99C00001_V01", "JNCR_2030001_99C00001_V01"


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def write(folder: Path, product: str, samples: NDArray[np.unsignedinteger]) -> Path:
    """An IMG of big-endian samples with its label."""
    data = samples.astype(samples.dtype.newbyteorder(">")).tobytes()
    path = folder / f"{product}.IMG"
    path.write_bytes(data)
    path.with_suffix(".LBL").write_text(
        f'PDS_VERSION_ID = PDS3\nRECORD_BYTES = 1648\n^IMAGE = "{path.name}"\nPRODUCT_ID = "{product}"\n'
        "TARGET_NAME = JUPITER\nFILTER_NAME = ('BLUE', 'GREEN', 'RED')\nSTART_TIME = 2030-01-01T00:00:00.000\n"
        'EXPOSURE_DURATION = 3.2 <ms>\nINTERFRAME_DELAY = 0.5 <s>\nSAMPLE_BIT_MODE_ID = "SQROOT"\n'
        "COMPRESSION_TYPE = HUFFMAN\nORBIT_NUMBER = 44\nSOLAR_DISTANCE = 7.4e8 <km>\nOBJECT = IMAGE\n"
        f" LINES = {len(samples)}\n LINE_SAMPLES = 1648\n SAMPLE_BITS = {8 * samples.dtype.itemsize}\n"
        f' MD5_CHECKSUM = "{hashlib.md5(data).hexdigest()}"\nEND_OBJECT = IMAGE\nEND\n'
    )
    return path


@pytest.fixture
def image(strip: Path) -> NDArray[np.uint8]:
    """The codes of a made-up strip, smooth along the lines and with dark sky."""
    found = cv2.imread(str(strip), cv2.IMREAD_UNCHANGED)
    assert found is not None
    codes = (found // 2 + 20).astype(np.uint8)
    codes[:, :300] = np.random.default_rng(3).integers(0, 4, (len(codes), 300))
    return codes


def test_calibrated_light_is_that_of_the_raw_strip(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    raw = write(tmp_path, EDR, image)
    reduced = write(tmp_path, RDR, np.rint(SQROOT_DN[image] * 6.4321).astype(np.uint16))
    reports = []
    for path in (raw, reduced):
        result = run("calibrate", path, "-o", tmp_path / f"{path.stem}.tif", "--json")
        assert result.exit_code == 0, result.stderr
        reports.append(json.loads(result.stdout)["strips"][0]["light"])
    notes = [report.pop("notes") for report in reports]
    assert notes[0] == []
    assert notes[1][0].startswith("a reduced strip (RDR): its codes were read back")
    assert reports[0] == reports[1]
    flags = cv2.IMREAD_UNCHANGED
    first, second = (cv2.imread(str(tmp_path / f"{name}.tif"), flags) for name in (EDR, RDR))
    np.testing.assert_array_equal(first, second)
    text = run("calibrate", reduced, "-o", tmp_path / "b.tif").stdout
    assert "product     a reduced strip (RDR)" in text


def test_info_tells_of_it(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    path = write(tmp_path, RDR, np.rint(SQROOT_DN[image] * 6.4321).astype(np.uint16))
    text = run("info", path).stdout
    assert "reduced (RDR), 16-bit samples" in text
    assert "blue 6.4321, green 6.4321, red 6.4321; every code read back exactly" in text
    found = json.loads(run("info", path, "--json").stdout)["products"][0]["strip"]["reduction"]
    assert found["exact"] == ["BLUE", "GREEN", "RED"]
    assert found["scale"]["RED"] == pytest.approx(6.4321, rel=1e-4)
    raw = write(tmp_path, EDR, image)
    assert json.loads(run("info", raw, "--json").stdout)["products"][0]["strip"]["reduction"] is None


def test_samples_at_face_value(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    samples = np.rint(SQROOT_DN[image] * np.linspace(6.0, 6.5, 1648)).astype(np.uint16)
    path = write(tmp_path, RDR, samples)
    result = run("calibrate", path, "-o", tmp_path / "a.tif")
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert f"{path.name}: the samples of BLUE, GREEN, RED" in result.stderr
    assert "taken for I/F x 10000" in result.stdout
    flat = run("flat", path, "-o", tmp_path / "frames")
    assert flat.exit_code == 1
    assert "its samples are no codes, which a flat is made from: give the EDR" in flat.stderr


def test_raw_and_reduced_strip_of_one_image(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    raw = write(tmp_path, EDR, image)
    reduced = write(tmp_path, RDR, np.rint(SQROOT_DN[image] * 6.4321).astype(np.uint16))
    result = run("solve", raw, reduced)
    assert result.exit_code == 2
    assert result.stderr == f"perijove: {raw} and {reduced} are both {EDR}: give only one of them\n"
