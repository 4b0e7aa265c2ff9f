"""Arrays kept in files: the same numbers, through releases, and gone with their arrays."""

import gc
import mmap

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
