"""PDS3 images: placed, checked and decoded by their labels, against pdr; and what is refused."""

import hashlib
import json
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.errors import LabelError, PerijoveError, StripError
from perijove.instrument import INTERFRAME_DELTA_S, Filter
from perijove.io.finder import open_strip
from perijove.io.labels import parse_label
from perijove.io.pds3_image import ReducedWarning, attached_label, image_samples
from perijove.io.strips import decode_strip, read_strip
from perijove.label import Label
from perijove.observation import framelet_times

EDR, RDR = "JNCE_2031005_99C00123_V01", "JNCR_2031005_99C00123_V01"
SCALES = {Filter.BLUE: 10.6903, Filter.GREEN: 4.698, Filter.RED: 3.7}
BGR = (Filter.BLUE, Filter.GREEN, Filter.RED)


def archive_table() -> NDArray[np.float64]:
    """The archive's square-root table, written out from its pieces once more."""
    pieces = [range(24), range(25, 64, 2), range(67, 248, 4), range(255, 1008, 8), range(1023, 1408, 16)]
    return np.array([n for piece in [*pieces, range(1439, 2880, 32)] for n in piece], float)


@dataclass
class Product:
    """A file and its label as an archive would write them; anything of it can be set wrong."""

    samples: NDArray[np.integer]
    name: str = EDR
    kind: str = "UNSIGNED_INTEGER"
    prefix: int = 0
    suffix: int = 0
    record_bytes: int = 1648
    md5: str | None = None
    """None: the right one."""
    image: dict[str, object] = field(default_factory=dict)
    label: dict[str, object] = field(default_factory=dict)
    end: str = "END\r\n"

    def object_bytes(self) -> bytes:
        little = self.kind.startswith(("LSB", "PC", "VAX"))
        body = self.samples.astype(self.samples.dtype.newbyteorder("<" if little else ">"))
        rows = body.view(np.uint8).reshape(len(body), -1)
        before = np.full((len(rows), self.prefix), 0xAA, np.uint8)
        behind = np.full((len(rows), self.suffix), 0x55, np.uint8)
        return np.hstack([before, rows, behind]).tobytes()

    def text(self, pointer: str) -> str:
        bits = 8 * self.samples.dtype.itemsize
        top: dict[str, object] = {
            "PDS_VERSION_ID": "PDS3", "RECORD_TYPE": "FIXED_LENGTH", "RECORD_BYTES": self.record_bytes,
            "^IMAGE": pointer, "FILE_NAME": f'"{self.name}.IMG"', "PRODUCT_ID": f'"{self.name}"',
            "TARGET_NAME": "JUPITER", "START_TIME": "2031-01-05T10:00:00.000", "INTERFRAME_DELAY": "0.373 <s>",
            "EXPOSURE_DURATION": "6.400000 <ms>", "SOLAR_DISTANCE": "7.4e+08 <km>", "ORBIT_NUMBER": 44,
            "SAMPLE_BIT_MODE_ID": '"SQROOT"', "FILTER_NAME": "('BLUE', 'GREEN', 'RED')", **self.label,
        }  # fmt: skip
        image: dict[str, object] = {
            "LINES": len(self.samples), "LINE_SAMPLES": self.samples.shape[1], "SAMPLE_TYPE": self.kind,
            "LINE_PREFIX_BYTES": self.prefix, "LINE_SUFFIX_BYTES": self.suffix, "SAMPLE_BITS": bits,
            "MD5_CHECKSUM": f'"{self.md5 or hashlib.md5(self.object_bytes()).hexdigest()}"', **self.image,
        }  # fmt: skip
        lines = [f"{key} = {value}" for key, value in top.items() if value is not None]
        lines += ["OBJECT = IMAGE", *(f"  {key} = {value}" for key, value in image.items() if value is not None)]
        return "\r\n".join([*lines, "END_OBJECT = IMAGE", self.end])

    def detached(self, folder: Path, pointer: str = '"{}.IMG"', before: bytes = b"", behind: bytes = b"") -> Path:
        path = folder / f"{self.name}.IMG"
        path.write_bytes(before + self.object_bytes() + behind)
        path.with_suffix(".LBL").write_bytes(self.text(pointer.format(self.name)).encode())
        return path

    def attached(self, folder: Path, pointer: str, start: int) -> Path:
        path = folder / f"{self.name}.IMG"
        path.write_bytes(self.text(pointer).encode().ljust(start, b" ") + self.object_bytes())
        return path


def codes(lines: int = 768) -> NDArray[np.uint8]:
    """Codes of a scene of all brightnesses, in which those of dark sky are many."""
    rng = np.random.default_rng(lines)
    scene = np.clip(rng.normal(3, 2, (lines, 1648)), 0, 255)
    bright = rng.random((lines, 1648)) < 0.4
    return np.where(bright, rng.integers(0, 256, (lines, 1648)), scene).astype(np.uint8)


def reduced(image: NDArray[np.uint8], *, cut: bool = False) -> NDArray[np.uint16]:
    """Samples of an RDR of these codes: table numbers times a factor for each filter, rounded or cut."""
    numbers = archive_table()[image]
    for k, band in enumerate(BGR):
        numbers[np.arange(len(image)) // 128 % 3 == k] *= SCALES[band]
    return (np.floor(numbers) if cut else np.rint(numbers)).astype(np.uint16)


def samples_of(path: Path) -> NDArray[np.unsignedinteger]:
    label: Label = open_strip(path).raw.label
    return image_samples(path.read_bytes(), path, label)


def by_pdr(path: Path) -> NDArray[np.integer]:
    """The IMAGE of a label or a file with an attached one, as pdr reads it."""
    import pdr

    with warnings.catch_warnings(action="ignore"):
        return np.asarray(pdr.read(str(path)).IMAGE)


@pytest.mark.parametrize(
    ("pointer", "before"),
    [('"{}.IMG"', 0), ('("{}.IMG", 3)', 2 * 1648), ('("{}.IMG", 1025 <BYTES>)', 1024), ('("{}.IMG", 1)', 0)],
)
def test_edr_detached(tmp_path: Path, pointer: str, before: int) -> None:
    image = codes()
    path = Product(image).detached(tmp_path, pointer, b"\x11" * before)
    raw = read_strip(path)
    np.testing.assert_array_equal(raw.codes, image)
    assert raw.reduction is None
    np.testing.assert_array_equal(by_pdr(path.with_suffix(".LBL")), image)


@pytest.mark.parametrize(("pointer", "start"), [("3", 2 * 1648), ("2049 <BYTES>", 2048)])
def test_edr_attached(tmp_path: Path, pointer: str, start: int) -> None:
    image = codes()
    path = Product(image).attached(tmp_path, pointer, start)
    np.testing.assert_array_equal(read_strip(path).codes, image)
    np.testing.assert_array_equal(by_pdr(path), image)


@pytest.mark.parametrize(
    "kind", ["UNSIGNED_INTEGER", "MSB_UNSIGNED_INTEGER", "MSB_INTEGER", "SUN_INTEGER", "LSB_UNSIGNED_INTEGER",
             "LSB_INTEGER", "PC_UNSIGNED_INTEGER", "VAX_INTEGER"],
)  # fmt: skip
@pytest.mark.parametrize("attached", [True, False])
def test_rdr(tmp_path: Path, kind: str, attached: bool) -> None:
    image = codes(384)
    product = Product(reduced(image), RDR, kind, record_bytes=3296)
    path = product.attached(tmp_path, "2", 3296) if attached else product.detached(tmp_path)
    raw = read_strip(path)
    np.testing.assert_array_equal(raw.codes, image)
    assert raw.reduction is not None
    assert raw.reduction.whole
    for band, scale in SCALES.items():
        assert raw.reduction.scale[band] == pytest.approx(scale, rel=1e-4)
    np.testing.assert_array_equal(samples_of(path), product.samples)
    if not kind.startswith("VAX"):  # which pdr does not know
        np.testing.assert_array_equal(by_pdr(path if attached else path.with_suffix(".LBL")), product.samples)


def test_rdr_cut_instead_of_rounded(tmp_path: Path) -> None:
    image = codes(384)
    path = Product(reduced(image, cut=True), RDR, record_bytes=3296).detached(tmp_path)
    np.testing.assert_array_equal(read_strip(path).codes, image)


@pytest.mark.parametrize("highest", [65535, 32767])
def test_rdr_clipped(tmp_path: Path, highest: int) -> None:
    """22 times blue's factor takes it beyond 16 bits: what was cut there is full."""
    image = codes(384)
    high = archive_table()[image]
    high[:128] *= 235.2
    clipped = np.minimum(np.rint(high), highest).astype(np.uint16)
    raw = read_strip(Product(clipped, RDR, record_bytes=3296).detached(tmp_path))
    expected = image.copy()
    expected[:128][clipped[:128] == highest] = 255
    assert (clipped[:128] == highest).any()
    np.testing.assert_array_equal(raw.codes, expected)
    assert raw.reduction is not None
    assert raw.reduction.whole


def test_rdr_of_nothing(tmp_path: Path) -> None:
    raw = read_strip(Product(np.zeros((384, 1648), np.uint16), RDR, record_bytes=3296).detached(tmp_path))
    assert not raw.codes.any()
    assert raw.reduction is not None
    assert raw.reduction.whole


@pytest.mark.parametrize("name", [EDR, RDR])
def test_prefix_suffix_and_other_objects(tmp_path: Path, name: str) -> None:
    image = codes(384)
    samples: NDArray[np.unsignedinteger] = image if name == EDR else reduced(image)
    record = samples.itemsize * 1648 + 24
    product = Product(samples, name, prefix=16, suffix=8, record_bytes=record)
    product.label = {"FILE_RECORDS": 390, "^HEADER": f'"{name}.IMG"', "^HISTOGRAM": f'("{name}.IMG", 388)'}
    path = product.detached(tmp_path, '("{}.IMG", 4)', b"\x22" * 3 * record, b"\x33" * 3 * record)
    np.testing.assert_array_equal(read_strip(path).codes, image)
    np.testing.assert_array_equal(samples_of(path), samples)
    np.testing.assert_array_equal(by_pdr(path.with_suffix(".LBL")), samples)


def test_image_within_a_file_object(tmp_path: Path) -> None:
    image = codes(384)
    text = Product(image).text(f'"{EDR}.IMG"')
    pointer = f'^IMAGE = "{EDR}.IMG"\r\n'
    head, tail = text.replace(pointer, "").split("OBJECT = IMAGE\r\n", 1)
    tail = tail.replace("END_OBJECT = IMAGE", "END_OBJECT = IMAGE\r\nEND_OBJECT = FILE")
    (tmp_path / f"{EDR}.LBL").write_text(f"{head}OBJECT = FILE\r\n{pointer}OBJECT = IMAGE\r\n{tail}")
    path = tmp_path / f"{EDR}.IMG"
    path.write_bytes(image.tobytes())
    np.testing.assert_array_equal(read_strip(path).codes, image)


def test_samples_that_are_no_table_numbers_are_taken_at_face_value(tmp_path: Path) -> None:
    """A ramp in I/F x 10000 comes back as light of the same I/F, to the nearest code."""
    from perijove.calibrate.decompand import decompanding_table
    from perijove.calibrate.response import dn_per_light

    ramp = np.tile(np.linspace(0, 3000, 1648), (384, 1))
    path = Product(np.rint(ramp).astype(np.uint16), RDR, record_bytes=3296).detached(tmp_path)
    with pytest.warns(ReducedWarning, match=r"the samples of BLUE, GREEN, RED .* I/F x 10000"):
        raw = read_strip(path)
    assert raw.reduction is not None
    assert not raw.reduction.exact
    table = decompanding_table("SQROOT").astype(float)
    for band in BGR:
        white = dn_per_light(band, 0.0064, 44, 7.4e8)
        light = table[raw.framelets(band)[0, 0]]
        wanted = ramp[0] / 1e4 * white
        nearest = np.abs(table[:, None] - wanted).min(axis=0)
        # a sample is rounded to a whole number, and so may lie nearer to the next code
        assert (np.abs(light - wanted) <= nearest + 2 * 0.5 / 1e4 * white).all()


def refused(product: Product, folder: Path, says: str, *, damage: int | bytes = 0, pointer: str = '"{}.IMG"') -> None:
    """Refused in one sentence that names the file; `damage` is what is cut off the end, or put there."""
    path = product.detached(folder, pointer)
    data = path.read_bytes()
    path.write_bytes(data + damage if isinstance(damage, bytes) else data[: len(data) - damage])
    with pytest.raises((StripError, LabelError), match=says) as caught:
        open_strip(path)
    sentence = str(caught.value)
    assert product.name in sentence
    assert "\n" not in sentence
    assert any(remedy in sentence for remedy in ("download", "give", "correct"))


def test_label_of_an_rdr_that_is_not_there(tmp_path: Path) -> None:
    """The raw strip's label is not taken for it, and what is wanted is named."""
    image = codes(384)
    path = Product(reduced(image), RDR).detached(tmp_path)
    path.with_suffix(".LBL").unlink()
    Product(image).detached(tmp_path)
    with pytest.raises(
        LabelError, match=rf"{EDR}.LBL is the label of another strip.*download the .LBL of the same name"
    ):
        open_strip(path)


def test_checksum(tmp_path: Path) -> None:
    refused(Product(codes(384), md5="0" * 32), tmp_path, r"\.IMG does not have .*MD5_CHECKSUM.*\.LBL")


@pytest.mark.parametrize(("name", "missing"), [(EDR, 1), (EDR, 1648), (RDR, 1), (RDR, 3296 * 100)])
def test_truncated(tmp_path: Path, name: str, missing: int) -> None:
    samples = codes(384) if name == EDR else reduced(codes(384))
    refused(Product(samples, name), tmp_path, r"\.IMG has \d+ bytes, .*LINES.* ends early", damage=missing)


def test_padding_and_oversize(tmp_path: Path) -> None:
    image = codes(384)
    path = Product(image).detached(tmp_path, behind=b"\0" * 1647)
    np.testing.assert_array_equal(read_strip(path).codes, image)
    refused(Product(image), tmp_path, "too long", damage=b"\0" * 1648)
    # as many records as FILE_RECORDS says may follow, no more
    refused(Product(image, label={"FILE_RECORDS": 385}), tmp_path, "too long", damage=b"\0" * 2 * 1648)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ({"SAMPLE_BITS": 12}, "SAMPLE_BITS is '12'"),
        ({"SAMPLE_BITS": 32}, "SAMPLE_BITS is '32'"),
        ({"SAMPLE_BITS": 16}, r"SAMPLE_BITS is '16', but JNCE_.* raw strip \(EDR\)"),
        ({"SAMPLE_TYPE": "IEEE_REAL"}, "SAMPLE_TYPE is 'IEEE_REAL'"),
        ({"BANDS": 3, "BAND_STORAGE_TYPE": "LINE_INTERLEAVED"}, "BANDS is '3'"),
        ({"ENCODING_TYPE": "HUFFMAN_FIRST_DIFFERENCE"}, "ENCODING_TYPE"),
        ({"SCALING_FACTOR": 0.5}, "SCALING_FACTOR"),
        ({"OFFSET": -1}, "OFFSET"),
        ({"MD5_CHECKSUM": '"12"'}, "MD5_CHECKSUM is '12'"),
        ({"LINE_PREFIX_BYTES": 4}, "ends early"),
    ],
)
def test_what_no_strip_has(tmp_path: Path, image: dict[str, object], says: str) -> None:
    refused(Product(codes(384), image=image), tmp_path, says)


def test_one_band_in_any_storage(tmp_path: Path) -> None:
    image = codes(384)
    for storage in ("BAND_SEQUENTIAL", "LINE_INTERLEAVED", "SAMPLE_INTERLEAVED"):
        product = Product(image, image={"BANDS": 1, "BAND_STORAGE_TYPE": storage})
        np.testing.assert_array_equal(read_strip(product.detached(tmp_path)).codes, image)


def test_label_of_the_other_level(tmp_path: Path) -> None:
    """The EDR's samples under the RDR's label, and the other way round, are named for what they are."""
    image = codes(384)
    path = Product(reduced(image), RDR).detached(tmp_path)
    path.write_bytes(image.tobytes())
    with pytest.raises(StripError, match="it may be the EDR"):
        read_strip(path)
    path = Product(image).detached(tmp_path)
    path.write_bytes(reduced(image).astype(">u2").tobytes())
    with pytest.raises(StripError, match="it may be the RDR"):
        read_strip(path)
    with pytest.raises(LabelError, match=r"SAMPLE_BITS is '8', but JNCR_.* which has 16"):
        read_strip(Product(image, RDR).detached(tmp_path))


def test_png_under_a_label_of_an_rdr(tmp_path: Path) -> None:
    path = Product(reduced(codes(384)), RDR).detached(tmp_path).with_suffix(".png")
    assert cv2.imwrite(str(path), codes(384))
    with pytest.raises(StripError, match=r"8 bits, but its label .* RDR"):
        read_strip(path)


def test_pointer_to_another_file(tmp_path: Path) -> None:
    other = EDR.replace("123", "124")
    refused(Product(codes(384)), tmp_path, rf"\^IMAGE is {other}.IMG, but the strip is", pointer=f'"{other}.IMG"')
    # a file that was renamed is known by its checksum; without one it is not
    image = codes(384)
    product = Product(image, label={"^IMAGE": '"OLD.IMG"'})
    np.testing.assert_array_equal(read_strip(product.detached(tmp_path)).codes, image)
    refused(Product(image, label={"^IMAGE": '"OLD.IMG"'}, image={"MD5_CHECKSUM": None}), tmp_path, "OLD.IMG")
    refused(Product(image, label={"^IMAGE": '"OLD.IMG"'}, md5="0" * 32), tmp_path, r"which names OLD.IMG \(\^IMAGE\)")


def test_attached_labels_that_are_none(tmp_path: Path) -> None:
    image = codes(384)
    path = Product(image, end="").attached(tmp_path, "3", 2 * 1648)
    with pytest.raises(LabelError, match=r"\.IMG: its attached label has no END"):
        open_strip(path)
    path = Product(image, label={"^IMAGE": None}).attached(tmp_path, "3", 2 * 1648)
    with pytest.raises(LabelError, match=r"\^IMAGE is missing"):
        open_strip(path)
    path = Product(image, label={"RECORD_BYTES": None}).attached(tmp_path, "3", 2 * 1648)
    with pytest.raises(LabelError, match=r"RECORD_BYTES is missing, but it is needed, as \^IMAGE counts in records"):
        open_strip(path)
    text = tmp_path / "label.dat"
    text.write_text(Product(image).text(f'"{EDR}.IMG"'))
    with pytest.raises(StripError, match=f"is a label .*{EDR}.IMG.* give the strip"):
        open_strip(text)


def test_negative_samples(tmp_path: Path) -> None:
    samples = reduced(codes(384)).astype(np.int16)
    samples[5, 5] = -1
    refused(Product(samples, RDR, "MSB_INTEGER"), tmp_path, "negative samples.*SAMPLE_TYPE")


def test_any_damage_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Every line of the label left out or made nonsense: a strip of the same size, or an error of the package."""
    product = Product(codes(384))
    path = product.detached(tmp_path)
    lines = path.with_suffix(".LBL").read_text().splitlines()
    for k, line in enumerate(lines):
        for wrong in (None, f"{line.split('=')[0]}= -7", f"{line.split('=')[0]}= ('A', 3, 5 <BYTES>)"):
            kept = [*lines[:k], *([] if wrong is None else [wrong]), *lines[k + 1 :]]
            path.with_suffix(".LBL").write_text("\r\n".join(kept))
            sentence = ""
            try:
                raw = read_strip(path)
            except PerijoveError as error:
                sentence = str(error)
            assert "\n" not in sentence
            assert sentence or raw.codes.shape == (384, 1648)


@given(data=st.data())
def test_any_damage_of_an_attached_label(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Bytes of the label replaced, put in or taken out: an error of the package, or a strip of the label's size."""
    folder = tmp_path_factory.getbasetemp()
    image = np.zeros((128, 1648), np.uint8)
    label: dict[str, object] = {"FILTER_NAME": "RED"}
    path = Product(image, label=label).attached(folder, "2", 1648)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 900))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    sentence = ""
    try:
        found = attached_label(bytes(raw), path)
        strip = None if found is None else decode_strip(bytes(raw), path, found)
    except PerijoveError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert sentence or strip is None or strip.codes.shape == (strip.label.lines, strip.label.samples)


def test_real_strip_as_edr_and_rdr(tmp_path: Path, data: Path) -> None:
    """The RDR of a real strip gives every code back, so that all that follows is the EDR's, number for number."""
    image = cv2.imread(str(data / "pj44" / "JNCE_2022229_44C00029_V01-raw.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    raw = image.astype(np.uint8)
    edr = Product(raw, EDR).detached(tmp_path)
    rdr = Product(reduced(raw), RDR).detached(tmp_path)
    one, two = open_strip(edr).raw, open_strip(rdr).raw
    np.testing.assert_array_equal(one.codes, raw)
    np.testing.assert_array_equal(two.codes, raw)
    assert two.reduction is not None
    assert two.reduction.whole
    np.testing.assert_array_equal(by_pdr(rdr.with_suffix(".LBL")), samples_of(rdr))
    assert (one.label.start_et, one.label.exposure_s) == (two.label.start_et, two.label.exposure_s)


def test_times_of_a_real_rdr_are_those_of_other_tools(data: Path) -> None:
    """The camera state that ISIS and ALE made of an RDR's frame 8: its START_TIME wants the kernel's 61.88 ms too."""
    facts = (data / "kernels" / "JNCR_2016240_01M06152_V01_isis3.lbl").read_text()
    state = json.loads((data / "kernels" / "JNCR_2016240_01M06152_V01_isd.json").read_text())

    def value(key: str) -> str:
        found = re.search(rf"{key}\s*= (\S+)", facts)
        assert found is not None
        return found[1]

    label = parse_label(
        f'PDS_VERSION_ID = PDS3\n^IMAGE = "A.IMG"\nPRODUCT_ID = "{value("SourceProductId")}"\nFILTER_NAME = METHANE\n'
        f"TARGET_NAME = JUPITER\nSTART_TIME = {value('StartTime')}\nINTERFRAME_DELAY = {value('InterFrameDelay')} <s>\n"
        f"EXPOSURE_DURATION = {value('ExposureDuration')} <ms>\nRECORD_BYTES = 3296\nOBJECT = IMAGE\n"
        f"LINES = {128 * int(value('NumberFramelets'))}\nSAMPLE_BITS = 16\nEND_OBJECT\nEND\n",
        "made-up.LBL",
    )
    assert label.reduced
    frame = int(value("FrameNumber")) - 1
    # theirs counts from the clock, 0.3 ms beside START_TIME, and has the kernel's 1 ms a frame
    time = framelet_times(label)[frame] - frame * (INTERFRAME_DELTA_S - 0.001)
    assert time == pytest.approx(state["center_ephemeris_time"], rel=0, abs=1e-3)
