"""Which of a user's kernels are found, chosen and in which order, on kernels of a few numbers."""

from pathlib import Path

import numpy as np
import pytest

from perijove.errors import SpiceError
from perijove.spice.daf import Daf, DafArray, daf_bytes
from perijove.spice.select import KernelSet, merged, told
from perijove.timescale import et_from_utc

pytest.importorskip("spiceypy", reason="spiceypy is not installed")

DAY = 86400.0
T0 = et_from_utc("2022-08-17T00:00:00")
LEAPS = """KPL/LSK
\\begindata
DELTET/DELTA_T_A = 32.184
DELTET/K = 1.657D-3
DELTET/EB = 1.671D-2
DELTET/M = ( 6.239996D0 1.99096871D-7 )
DELTET/DELTA_AT = ( 36, @2015-JUL-1 37, @2017-JAN-1 )
"""


def clock(last: float) -> str:
    """Juno's clock, whose seconds are ET; its table ends at `last` s."""
    return f"""KPL/SCLK
\\begindata
SCLK_KERNEL_ID = ( @2020-01-01 )
SCLK_DATA_TYPE_61 = ( 1 )
SCLK01_TIME_SYSTEM_61 = ( 1 )
SCLK01_N_FIELDS_61 = ( 2 )
SCLK01_MODULI_61 = ( 4294967296 256 )
SCLK01_OFFSETS_61 = ( 0 0 )
SCLK01_OUTPUT_DELIM_61 = ( 2 )
SCLK_PARTITION_START_61 = ( 0.0 )
SCLK_PARTITION_END_61 = ( 1.09951162777E+12 )
SCLK01_COEFFICIENTS_61 = ( 0 0 1 {last * 256:.6f} {last:.6f} 1 )
"""


def spk(path: Path, start: float, stop: float, target: int = -61, centre: int = 599) -> Path:
    """An SPK of type 13 that puts a body at (1, 2, 3) km from another."""
    et = np.linspace(start, stop, 4)
    states = np.tile([1.0, 2.0, 3.0, 0.0, 0.0, 0.0], (4, 1))
    values = np.concatenate([states.ravel(), et, [1.0, 4.0]])
    array = DafArray("made", np.array([start, stop]), (target, centre, 1, 13), values)
    path.write_bytes(daf_bytes(Daf("SPK", "made", (array,))))
    return path


def ck(path: Path, start: float, stop: float) -> Path:
    """A CK of type 3, at rest, by the clock of `clock`."""
    ticks = np.array([start, stop]) * 256
    turns = np.tile([1.0, 0, 0, 0, 0, 0, 0], (2, 1))
    values = np.concatenate([turns.ravel(), ticks, ticks[:1], [1.0, 2.0]])
    array = DafArray("made", ticks, (-61000, 1, 3, 1), values)
    path.write_bytes(daf_bytes(Daf("CK", "made", (array,))))
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mission's kernels with what else lies about."""
    home = tmp_path / "kernels"
    (home / "spk" / "deep").mkdir(parents=True)
    text(home / "naif0012.tls", LEAPS)
    text(home / "naif0009.tls", LEAPS.replace("37, @2017-JAN-1", "").replace("36, @2015-JUL-1", "35, @2012-JUL-1"))
    text(home / "jno_sclkscet_00069.tsc", clock(T0 - 300 * DAY))
    text(home / "JNO_SCLKSCET.00012.tsc", clock(T0 - 3 * DAY))
    for version in (9, 11, 12):
        text(home / f"juno_v{version:02d}.tf", "KPL/FK\n\\begindata\nA = 1\n")
    text(home / "readme.txt", "no kernel, though it talks of KPL/FK")
    text(home / "everything.tm", "KPL/MK\n\\begindata\nKERNELS_TO_LOAD = ( 'nowhere.bsp' )\n")
    (home / "shape.bds").write_bytes(b"DAS/DSK " + b"\0" * 2000)
    # the names of the mission: predicted and reconstructed orbits, with the date of their making last
    spk(home / "spk" / "spk_pre_220801_220901_220810.bsp", T0 - DAY, T0 + DAY)
    spk(home / "spk" / "deep" / "juno_rec_220801_220901_220910.bsp", T0 - DAY, T0 + DAY)
    spk(home / "spk" / "juno_rec_220801_220901_221001.bsp", T0 - DAY, T0 + DAY)
    spk(home / "spk" / "spk_rec_210801_210901_210910.bsp", T0 - 360 * DAY, T0 - 330 * DAY)
    spk(home / "spk" / "another_craft.bsp", T0 - DAY, T0 + DAY, target=-32)
    ck(home / "juno_sc_rec_220814_220820_v02.bc", T0 - DAY, T0 + DAY)
    ck(home / "juno_sc_rec_220814_220820_v01.bc", T0 - DAY, T0 + DAY)
    ck(home / "juno_sc_rec_220821_220827_v01.bc", T0 + 4 * DAY, T0 + 10 * DAY)
    return home


def test_only_what_covers_the_time_is_chosen_and_what_is_better_comes_last(folder: Path) -> None:
    found = KernelSet.find([folder])
    chosen = found.covering(T0, T0 + 60.0)
    assert chosen.names == (
        "naif0012.tls",
        "juno_v12.tf",
        "JNO_SCLKSCET.00012.tsc",
        "spk_pre_220801_220901_220810.bsp",
        "juno_rec_220801_220901_220910.bsp",
        "juno_rec_220801_220901_221001.bsp",
        "juno_sc_rec_220814_220820_v01.bc",
        "juno_sc_rec_220814_220820_v02.bc",
    )
    left = {k.name for k in chosen.left_out}
    assert {"naif0009.tls", "juno_v11.tf", "another_craft.bsp", "everything.tm", "shape.bds"} <= left
    assert "readme.txt" not in left
    assert found.position_spans() == ((T0 - 360 * DAY, T0 - 330 * DAY), (T0 - DAY, T0 + DAY))
    assert told(chosen.attitude_spans()) == "2022-08-16T00:00:00 to 2022-08-18T00:00:00"
    # at its edges a kernel still tells
    assert "juno_sc_rec_220821_220827_v01.bc" in found.covering(T0 + 4 * DAY - 60, T0 + 4 * DAY).names


def test_kernels_are_told_by_their_bytes_and_each_is_taken_once(folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / "orbit.jpg"
    spk(odd, T0, T0 + 1.0)
    link = tmp_path / "link.bsp"
    link.symlink_to(odd)
    assert KernelSet.find([odd, link, folder / "naif0012.tls"]).names == ("naif0012.tls", "orbit.jpg")


def test_text_kernels_without_a_first_word_are_told_by_what_they_hold(tmp_path: Path) -> None:
    for name, content in (("a", LEAPS), ("b", clock(T0))):
        text(tmp_path / name, content.split("\n", 1)[1])
    assert [k.kind for k in KernelSet.find([tmp_path]).kernels] == ["LSK", "SCLK"]


def test_a_clock_that_is_not_naifs_goes_before_naifs(folder: Path) -> None:
    text(folder / "ours.tsc", clock(T0 - 1000 * DAY))
    assert "ours.tsc" in KernelSet.find([folder]).covering(T0, T0 + 1).names


def test_leap_seconds_are_needed_by_clocks_that_count_in_tt_alone(folder: Path) -> None:
    attitude, ours = folder / "juno_sc_rec_220814_220820_v01.bc", folder / "jno_sclkscet_00069.tsc"
    found = KernelSet.find([attitude, ours])
    found.need_clock()
    assert found.attitude_spans() == pytest.approx(np.array([[T0 - DAY, T0 + DAY]]), abs=1e-6)
    text(ours, ours.read_text().replace("TIME_SYSTEM_61 = ( 1 )", "TIME_SYSTEM_61 = ( 2 )"))
    found = KernelSet.find([attitude, ours])
    assert found.attitude_spans() == ()
    with pytest.raises(SpiceError, match=r"no leap seconds .*give naif0012\.tls"):
        found.need_clock()


def test_the_order_of_a_meta_kernel_stands_and_what_is_given_after_it_wins(folder: Path, tmp_path: Path) -> None:
    meta = text(
        tmp_path / "mission.tm",
        "KPL/MK\n\\begindata\nPATH_VALUES = ( 'kernels', 'kernels/sp+'\n 'k' )\nPATH_SYMBOLS = ( 'K', 'KS' )\n"
        "KERNELS_TO_LOAD = ( '$K/naif0012.tls', '$KS/juno_rec_220801_220901_221001.bsp',\n"
        "  '$KS/spk_pre_220801_220901_220810.bsp' )\n\\begintext\nKERNELS_TO_LOAD = ( 'not data' )\n",
    )
    ours = spk(tmp_path / "spk_pre_ours.bsp", T0, T0 + 1.0)
    names = KernelSet.find([meta, ours]).names
    assert names[1:] == (
        "juno_rec_220801_220901_221001.bsp",
        "spk_pre_220801_220901_220810.bsp",
        "spk_pre_ours.bsp",
    )


def test_a_meta_kernels_names_are_also_tried_from_the_current_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    meta = text(tmp_path / "elsewhere" / "m.tm", "KPL/MK\n\\begindata\nKERNELS_TO_LOAD = ( './naif0012.tls' )\n")
    with pytest.raises(SpiceError, match=r"m\.tm: names \./naif0012\.tls, which is neither.*PATH_VALUES"):
        KernelSet.find([meta])
    monkeypatch.chdir(folder)
    assert KernelSet.find([meta]).names == ("naif0012.tls",)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("KERNELS_TO_LOAD = ( '$A/x.bsp' )\n", "symbol that PATH_SYMBOLS does not list"),
        ("PATH_SYMBOLS = ( 'A' )\nKERNELS_TO_LOAD = ( '$A/x.bsp' )\n", "1 PATH_SYMBOLS for 0 PATH_VALUES"),
        ("KERNELS_TO_LOAD = ( 'meta.tm' )\n", "meta-kernels within meta-kernels"),
        ("KERNELS_TO_LOAD = ( 'x.bsp'\n", r"meta\.tm"),
        ("KERNELS_TO_LOAD = 7\n", "no SPICE kernel is there"),
    ],
)
def test_what_is_wrong_with_a_meta_kernel_is_told(tmp_path: Path, content: str, wrong: str) -> None:
    meta = text(tmp_path / "meta.tm", "KPL/MK\n\\begindata\n" + content)
    with pytest.raises(SpiceError, match=wrong):
        KernelSet.find([meta])


def test_another_text_kernel_cannot_load_kernels_behind_our_back(folder: Path, tmp_path: Path) -> None:
    sly = text(tmp_path / "sly.tf", "KPL/FK\n\\begindata\nKERNELS_TO_LOAD = ( '/etc/passwd' )\n")
    with pytest.raises(SpiceError, match="passwd: not a SPICE kernel"):
        KernelSet.find([folder, sly])
    (folder / "sly.tf").write_text(sly.read_text())
    assert "sly.tf" not in KernelSet.find([folder]).names


def test_what_is_no_kernel_is_refused_with_its_name(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SpiceError, match=r"nix\.bsp: no such file; check the name"):
        KernelSet.find([tmp_path / "nix.bsp"])
    page = text(tmp_path / "page.bsp", "<!DOCTYPE html><title>404</title>")
    with pytest.raises(SpiceError, match=r"page\.bsp: not a SPICE kernel \(it begins with b'<!DOCTYPE html>.'\)"):
        KernelSet.find([page])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpiceError, match="empty: no SPICE kernel is there"):
        KernelSet.find([tmp_path / "empty"])
    with pytest.raises(SpiceError, match=r"readme\.txt: not a SPICE kernel"):
        KernelSet.find([folder / "readme.txt"])


def test_a_kernel_that_does_not_hold_together_is_refused_before_the_toolkit_sees_it(tmp_path: Path) -> None:
    whole = spk(tmp_path / "orbit.bsp", T0, T0 + 9.0).read_bytes()
    damaged = tmp_path / "damaged.bsp"
    for change, told_as in (
        (whole[:500], "ends within its first record"),
        (whole[:2000], "list of arrays leads to record 2"),
        (whole.replace(b"\r\n", b"\n"), "transfer as text"),
        (whole[:76] + b"\2\0\0\1" + whole[80:], "list of arrays leads"),
        (whole[:1024] + np.array([2.0, 0.0, 0.0]).tobytes() + whole[1048:], "list of arrays leads to record 2"),
        (whole[:1040] + np.array([9.9]).tobytes() + whole[1048:], "holds no summaries"),
        (whole.replace(np.array([1.0, 4.0]).tobytes(), np.array([1.0, 4e8]).tobytes()), "segment 1 .*hold together"),
        (whole.replace(np.array([1.0, 2.0]).tobytes(), np.array([np.nan, 2.0]).tobytes(), 1), "hold together"),
    ):
        damaged.write_bytes(change)
        with pytest.raises(SpiceError, match=rf"damaged\.bsp: damaged.*{told_as}.*download it again"):
            KernelSet.find([damaged]).covering(T0, T0 + 9.0)


def test_stretches_of_time_are_joined_and_told() -> None:
    assert merged([(3, 4), (0, 1), (1, 2), (3.5, 3.6)]) == ((0, 2), (3, 4))
    assert told(()) == "nothing"
    many = told(tuple((T0 + DAY * k, T0 + DAY * k + 1) for k in range(9)))
    assert many.count(" to ") == 6
    assert "; 3 more; " in many


def test_what_was_decoded_goes_with_the_last_who_needs_it(data: Path) -> None:
    found = KernelSet.find(sorted((data / "kernels").glob("*.x*")))
    chosen = found.covering(525560475.0, 525560476.0)
    places = {k.binary.parent for k in found.kernels}
    assert len(places) == 1
    (place,) = places
    del found
    assert place.is_dir()
    del chosen
    assert not place.exists()
