"""The verdict on real, simulated and broken strips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.calibrate.decompand import SQROOT_DN
from perijove.calibrate.defects import dark_noise, fixed_pattern, mend
from perijove.calibrate.triage import BandTriage, Verdict, Word, triage, triage_strip
from perijove.instrument import LIT_SAMPLES, SAMPLES, Filter
from perijove.io.finder import open_strip

Codes = NDArray[np.uint8]
SHAPE = (6, 128, SAMPLES)
CLEAN = BandTriage(hits=0, noise=1.0, full=0, fixed=0, lost=0, flipped=0, with_scene=6, framelets=6)


def verdict(codes: dict[Filter, Codes], *, lossy: bool = True) -> Verdict:
    found = {band: mend(c, SQROOT_DN, fixed_pattern(c, SQROOT_DN), lossy=lossy) for band, c in codes.items()}
    return triage_strip(codes, SQROOT_DN, found)


def scene(level: float = 80, noise: float = 0.8) -> Codes:
    codes = np.random.default_rng(1).normal(0.0, noise, SHAPE)
    codes[:, :, LIT_SAMPLES] += level
    return np.clip(np.rint(codes), 0, 255).astype(np.uint8)


def test_a_clean_strip_is_good() -> None:
    found = verdict({Filter.RED: scene()})
    assert (found.word, found.reasons) == (Word.GOOD, ())
    assert found.measures["scene"] == 1


def test_random_codes_are_unusable() -> None:
    codes = np.random.default_rng(2).integers(0, 256, SHAPE).astype(np.uint8)
    found = verdict({Filter.RED: codes})
    assert found.word == Word.UNUSABLE
    assert any("garbled" in reason for reason in found.reasons)


def test_a_blank_part_is_damage() -> None:
    codes = scene()
    codes[2:, :64] = 0
    found = verdict({Filter.RED: codes, Filter.BLUE: scene()})
    assert found.word in (Word.DAMAGED, Word.UNUSABLE)
    assert "lost" in found.reasons[0]


@pytest.mark.parametrize(("code", "says"), [(255, "full"), (0, "scene")])
def test_one_code_throughout_is_unusable(code: int, says: str) -> None:
    found = verdict({Filter.RED: np.full(SHAPE, code, np.uint8)})
    assert found.word == Word.UNUSABLE
    assert says in " ".join(found.reasons)


def test_the_sky_alone_is_unusable() -> None:
    assert verdict({Filter.RED: scene(0.4)}).reasons == ("no framelet shows a scene",)


def test_no_framelets_are_unusable() -> None:
    found = verdict({Filter.RED: scene()[:0]})
    assert (found.word, found.reasons) == (Word.UNUSABLE, ("there are no framelets",))


@pytest.mark.parametrize(("share", "word"), [(0.0005, Word.GOOD), (0.01, Word.NOISY), (0.06, Word.DAMAGED)])
def test_hits_make_it_worse_by_degrees(share: float, word: Word) -> None:
    codes = scene()
    struck = np.random.default_rng(3).random(SHAPE) < share
    codes[struck] += 60
    assert verdict({Filter.RED: codes}).word == word


def test_the_worst_filter_and_the_worst_reason_come_first() -> None:
    found = triage([CLEAN, replace(CLEAN, hits=0.01, lost=0.01)])
    assert found.word == Word.DAMAGED
    assert [word in reason for word, reason in zip(("lost", "hit"), found.reasons, strict=True)] == [True, True]


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_noise_of_the_dark_columns(sigma: float) -> None:
    dark = np.random.default_rng(4).normal(-0.5, sigma, SHAPE)
    codes = np.clip(np.rint(dark), 0, 23).astype(np.uint8)
    assert dark_noise(codes, SQROOT_DN) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("pj44/JNCE_2022229_44C00029_V01-raw.png", Word.NOISY),
        ("pj44/JNCE_2022229_44C00030_V01-raw.png", Word.NOISY),
        ("pj44/JNCE_2022229_44C00074_V01-raw.png", Word.GOOD),
        ("pj44/JNCE_2022229_44M00044_V01-raw.png", Word.GOOD),
    ],
)
def test_real_strips(data: Path, name: str, word: Word) -> None:
    raw = open_strip(data / name).raw
    codes = {band: raw.framelets(band) for band in raw.label.filters}
    found = verdict(codes, lossy=raw.label.compression != "HUFFMAN")
    assert found.word == word
    if word == Word.NOISY:
        assert found.reasons[0].endswith("hit by radiation")
