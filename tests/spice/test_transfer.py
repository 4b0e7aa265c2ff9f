"""NAIF's transfer form: numbers by hand, any number at all, CSPICE's own routines, and files that are cut short."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import SpiceError
from perijove.spice.daf import Daf, DafArray, daf_bytes, read_daf
from perijove.spice.transfer import decode, parse

TEXT = """DAFETF NAIF DAF ENCODED TRANSFER FILE
'DAF/SPK '
'2'
'6'
'Juno''s                                                     '
BEGIN_ARRAY 1 3
'a name                                  '
'1^1'
'-1F8^2'
'-3D'
'257'
'1'
'D'
2
'8^0'
'-1^-1'
1
'0^0'
END_ARRAY 1 3
TOTAL_ARRAYS 1
 ~NAIF/SPC BEGIN COMMENTS~
two
lines
 ~NAIF/SPC END COMMENTS~
"""


def encoded(value: float) -> str:
    """A number as the transfer form has it: a fraction's digits to base 16, and the power of 16."""
    if value == 0.0:
        return "'0^0'"
    mantissa, power = np.frexp(abs(value))
    sixteens = -(-int(power) // 4)
    digits = f"{int(np.ldexp(mantissa, 56 - 4 * sixteens + int(power))):014X}".rstrip("0")
    exponent = f"{'-' * (sixteens < 0)}{abs(sixteens):X}"
    return f"'{'-' * (value < 0)}{digits}^{exponent}'"


def test_a_file_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "hand.xsp"
    file.write_text(TEXT)
    daf = parse(file)
    assert (daf.kind, daf.title, daf.comments) == ("SPK", "Juno's", "two\nlines")
    (array,) = daf.arrays
    assert array.name == "a name"
    assert array.doubles.tolist() == [1.0, -(0x1F8 / 16.0)]
    assert array.integers == (-61, 599, 1, 13)
    assert array.values.tolist() == [0.5, -1.0 / 256.0, 0.0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_any_number_comes_out_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    file = tmp_path_factory.getbasetemp() / "any.xsp"
    body = "\n".join([str(len(numbers)), *map(encoded, numbers)])
    head, tail = TEXT.split("2\n'8^0'", 1)[0], TEXT.split("END_ARRAY 1 3", 1)[1]
    count = f"ARRAY 1 {len(numbers)}"
    file.write_text(f"{head.replace('ARRAY 1 3', count)}{body}\nEND_{count}{tail}")
    assert parse(file).arrays[0].values.tobytes() == (np.array(numbers) + 0.0).tobytes()


def test_a_file_cut_short_anywhere_is_told_as_damaged(tmp_path: Path) -> None:
    file = tmp_path / "cut.xsp"
    lines = TEXT.splitlines(keepends=True)
    for count in range(1, len(lines)):
        if count == lines.index("TOTAL_ARRAYS 1\n") + 1:
            continue  # comments are nobody's duty
        file.write_text("".join(lines[:count]))
        with pytest.raises(SpiceError, match=r"cut\.xsp.*damaged.*download it again"):
            parse(file)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("DAF/SPK ", "DAF/EK  ", "holds a EK file"),
        ("'6'", "'7'", "summary's size"),
        ("'-3D'", "'-3G'", "line 10.*an integer"),
        ("'-3D'", "'123456789'", "line 10.*an integer"),
        ("'8^0'", "'8^FFF'", "line 15.*too large"),
        ("'8^0'", "'8'", "line 15.*digits\\^exponent"),
        ("\n2\n", "\n4\n", "line 14.*number of values"),
        ("BEGIN_ARRAY 1 3", "BEGIN_ARRAY 1 99999999999", "number of values|END_ARRAY|damaged"),
        ("BEGIN_ARRAY 1 3", "BEGIN_ARRAY 2 3", "BEGIN_ARRAY 1"),
        ("TOTAL_ARRAYS 1", "TOTAL_ARRAYS 2", "TOTAL_ARRAYS 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = tmp_path / "wrong.xsp"
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(SpiceError, match=told):
        parse(file)


def test_many_arrays_fill_several_lists_and_come_back(tmp_path: Path) -> None:
    spiceypy = pytest.importorskip("spiceypy")
    rng = np.random.default_rng(1)
    arrays = tuple(
        DafArray(f"array {k}", np.array([k, k + 0.5]), (k, -k, 1, 13), rng.normal(size=1 + k)) for k in range(60)
    )
    file = tmp_path / "many.bsp"
    file.write_bytes(daf_bytes(Daf("SPK", "sixty", arrays, "x" * 2500 + "\nend")))
    back = read_daf(file)
    handle = spiceypy.dafopr(str(file))
    spiceypy.dafbfs(handle)
    for ours, array in zip(back.arrays, arrays, strict=True):
        assert (ours.name, ours.integers) == (array.name, array.integers)
        assert ours.values.tolist() == array.values.tolist()
        assert spiceypy.daffna()
        doubles, integers = spiceypy.dafus(spiceypy.dafgs(5), 2, 6)
        assert doubles.tolist() == array.doubles.tolist()
        assert spiceypy.dafgda(handle, int(integers[4]), int(integers[5])).tolist() == array.values.tolist()
    assert not spiceypy.daffna()
    assert back.comments == "x" * 2500 + "\nend"
    spiceypy.dafcls(handle)


@pytest.mark.parametrize("kind", ["*.xsp", "*.xc"])
def test_real_files_decode_as_by_the_toolkits_own_routine(data: Path, tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip("spiceypy.utils.libspicehelper").libspice
    for file in (data / "kernels").glob(kind):
        theirs, ours = tmp_path / f"{file.name}.theirs", tmp_path / f"{file.name}.ours"
        decode(file, ours)
        # the routine starts after the first line, and knows no comments
        rest = tmp_path / "rest.txt"
        rest.write_text(file.read_text().split("\n", 1)[1])
        unit = ctypes.c_int()
        library.txtopr_(str(rest).encode(), ctypes.byref(unit), ctypes.c_int(len(str(rest))))
        library.daftb_(ctypes.byref(unit), str(theirs).encode(), ctypes.c_int(len(str(theirs))))
        library.ftncls_c(unit)
        pairs = list(zip(read_daf(ours).arrays, read_daf(theirs).arrays, strict=True))
        assert pairs
        for a, b in pairs:
            assert (a.name, a.integers, a.doubles.tolist()) == (b.name, b.integers, b.doubles.tolist())
            assert np.asarray(a.values).tobytes() == np.asarray(b.values).tobytes()


def test_what_the_toolkit_encodes_is_decoded_bit_by_bit(data: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("spiceypy.utils.libspicehelper").libspice
    file, text = data / "kernels" / "juno_rec_170106_170228_170307.bsp", tmp_path / "text.xsp"
    unit = ctypes.c_int()
    library.txtopn_(str(text).encode(), ctypes.byref(unit), ctypes.c_int(len(str(text))))
    library.dafbt_(str(file).encode(), ctypes.byref(unit), ctypes.c_int(len(str(file))))
    library.ftncls_c(unit)
    if not text.read_text().startswith("DAFETF"):
        text.write_text("DAFETF NAIF DAF ENCODED TRANSFER FILE\n" + text.read_text())
    for ours, stored in zip(parse(text).arrays, read_daf(file).arrays, strict=True):
        # the kernel is big-endian
        assert ours.values.tobytes() == stored.values.astype("<f8").tobytes()
        assert ours.integers == stored.integers
