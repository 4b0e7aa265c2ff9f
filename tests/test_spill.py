"""Arrays kept in files: the same numbers, through releases, and gone with their arrays."""

import gc
import mmap
import threading

import numpy as np
import pytest

from perijove import spill
from perijove.jit import kernel

LARGE = spill.LEAST_BYTES // 4 + 3


def mapped(array: np.ndarray) -> bool:
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


@pytest.mark.parametrize("kind", [np.float32, np.uint8, np.float64])
def test_numbers_stay_what_they_are_when_their_memory_is_given_back(kind: type) -> None:
    numbers = np.arange(4 * LARGE).reshape(4, LARGE).astype(kind)
    away = spill.spilled(numbers)
    assert mapped(away)
    assert (away.shape, away.dtype) == (numbers.shape, numbers.dtype)
    spill.release()
    assert np.array_equal(away, numbers)
    away[1, 2] = 7
    spill.release()
    assert away[1, 2] == 7
    assert numbers[1, 3] == away[1, 3]


def test_views_and_orders_of_axes_are_kept() -> None:
    numbers = np.arange(6 * LARGE, dtype=np.float32).reshape(2, 3, LARGE)[:, ::2].transpose(2, 0, 1)
    assert np.array_equal(spill.spilled(numbers), numbers)


def test_what_is_small_or_away_already_stays_where_it_is() -> None:
    small = np.zeros(10)
    assert spill.spilled(small) is small
    away = spill.spilled(np.zeros(LARGE))
    assert spill.spilled(away) is away
    # a view of it is no reason to copy it again
    part = away[10:]
    assert spill.spilled(part) is part


def test_files_go_with_their_arrays() -> None:
    gc.collect()
    before = len(spill._MAPPED)
    away = spill.spilled(np.zeros(LARGE))
    assert len(spill._MAPPED) == before + 1
    view = away[5:]
    del away
    gc.collect()
    assert len(spill._MAPPED) == before + 1
    del view
    gc.collect()
    assert len(spill._MAPPED) == before


@kernel
def doubled(numbers: np.ndarray) -> None:
    for k in range(len(numbers)):
        numbers[k] *= 2


def test_compiled_code_takes_them() -> None:
    away = spill.spilled(np.ones(LARGE, np.float32))
    doubled(away)
    spill.release()
    assert away.sum() == 2 * LARGE


def test_several_arrays_share_one_file() -> None:
    before = len(spill._MAPPED)
    small, first, second = np.zeros(3), np.arange(LARGE, dtype=np.float64), np.arange(LARGE + 5, dtype=np.uint8)
    second = np.resize(second, 4 * LARGE)
    away = spill.spilled_together([first, small, second, first])
    assert len(spill._MAPPED) == before + 1
    spill.release()
    assert np.array_equal(away[0], first)
    assert away[1] is small
    assert away[2].dtype == np.uint8
    assert np.array_equal(away[2], second)
    assert away[3] is away[0]
    # what is away already is not written again
    assert spill.spilled_together(away)[2] is away[2]
    assert len(spill._MAPPED) == before + 1


@pytest.mark.skipif(not spill._STATM.exists(), reason="only Linux tells a process its memory")
def test_memory_is_given_back_while_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = threading.Event()
    monkeypatch.setattr(spill, "release", given_back.set)
    files, _ = spill._resident()
    away = spill.spilled(np.ones(64 * LARGE, np.float32))
    monkeypatch.setattr(spill, "MOST_BYTES", files + away.nbytes // 2)
    with spill.held_down():
        assert not given_back.is_set()
        assert away.sum() == len(away)
        assert given_back.wait(30.0)
    assert "memory" not in {thread.name for thread in threading.enumerate()}
