"""The noise that worlds are painted with: its hash, its slopes, its spread, its octaves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.simulate.worlds.noise import fractal_noise, gradient_noise, mixed, uniform

compiling = settings(deadline=None)
"""The first call compiles."""
places = st.floats(-1000.0, 1000.0)
MASK = 2**64 - 1


@compiling
@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(0, 10**6))
def test_the_hash_is_splitmix(i: int, j: int, k: int, seed: int) -> None:
    # written out in whole numbers without end
    h = (i * 0x9E3779B97F4A7C15 + j * 0xC2B2AE3D27D4EB4F + k * 0x165667B19E3779F9 + seed * 0xD6E8FEB86659FD93) & MASK
    h ^= h >> 30
    h = h * 0xBF58476D1CE4E5B9 & MASK
    h ^= h >> 27
    h = h * 0x94D049BB133111EB & MASK
    h ^= h >> 31
    assert int(mixed(i, j, k, seed)) == h


def test_neighbours_and_seeds_share_nothing() -> None:
    hashes = [mixed(i, j, k, seed) for i in range(-8, 8) for j in range(-8, 8) for k in range(-8, 8) for seed in (0, 1)]
    assert len(set(hashes)) == len(hashes)
    # every bit stands as often as not: 8192 draws, four sigma
    bits = np.array([[int(h) >> b & 1 for b in range(64)] for h in hashes])
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 4.5 * 0.5 / np.sqrt(len(hashes))


@pytest.mark.parametrize("mirror", [(-1, -1, 1), (-1, 1, -1), (1, -1, -1), (-1, 1, 1), (-1, -1, -1), (1, 1, 1)])
def test_noise_knows_no_mirror(mirror: tuple[int, int, int]) -> None:
    # a world must not have its far side from its near one, nor one half from another by swapped axes
    at = np.random.default_rng(0).uniform(-6, 6, (5000, 3))
    there = at * mirror if mirror != (1, 1, 1) else at[:, [1, 0, 2]]
    pairs = np.array([[gradient_noise(*p, 3), gradient_noise(*q, 3)] for p, q in zip(at, there, strict=True)])
    # some 1700 cells of independent noise; places in one share what they say
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 4.5 / np.sqrt(1700)


def test_numbers_on_a_hash_are_uniform_and_apart() -> None:
    drawn = np.array([[uniform(np.uint64(mixed(i, 3, -7, 5)), n) for n in range(3)] for i in range(4000)])
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    counts, _ = np.histogram(drawn[:, 0], 10, (0, 1))
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400 * 0.9)
    correlation = np.corrcoef(drawn.T)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 4.5 / np.sqrt(4000)


@compiling
@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(-500, 500), st.integers(0, 99))
def test_the_lattice_itself_is_zero_with_a_slope_of_one_in_two_directions(i: int, j: int, k: int, seed: int) -> None:
    assert gradient_noise(i, j, k, seed) == 0.0
    step = 1e-6
    slope = [(gradient_noise(i + a * step, j + b * step, k + c * step, seed)) / step for a, b, c in np.eye(3)]
    # one of the twelve directions to a cube's edges
    np.testing.assert_allclose(np.sort(np.abs(slope)), [0.0, 1.0, 1.0], atol=1e-4)


@compiling
@given(places, places, places, st.integers(0, 99))
def test_noise_is_bounded_and_smooth_across_cells(x: float, y: float, z: float, seed: int) -> None:
    value = gradient_noise(x, y, z, seed)
    assert abs(value) <= 1.1
    assert abs(gradient_noise(x + 1e-7, y - 1e-7, z + 1e-7, seed) - value) < 1e-5
    # on either side of a lattice plane
    edge = float(np.floor(x))
    assert gradient_noise(edge - 1e-9, y, z, seed) == pytest.approx(gradient_noise(edge + 1e-9, y, z, seed), abs=1e-7)


def test_noise_has_no_mean_and_depends_on_its_seed() -> None:
    at = np.random.default_rng(1).uniform(-100, 100, (20000, 3))
    value = np.array([gradient_noise(*p, 3) for p in at])
    other = np.array([gradient_noise(*p, 4) for p in at])
    # places a cell apart are independent: so many draws, spread 0.28
    assert abs(value.mean()) < 4.5 * value.std() / np.sqrt(len(at))
    assert 0.2 < value.std() < 0.4
    assert abs(np.corrcoef(value, other)[0, 1]) < 4.5 / np.sqrt(len(at))


@compiling
@given(places, places, places, st.floats(0.1, 0.9), st.integers(0, 99))
def test_octaves_add_up(x: float, y: float, z: float, gain: float, seed: int) -> None:
    assert fractal_noise(x, y, z, 0.0, gain, seed) == 0.0
    first = gradient_noise(x, y, z, seed)
    assert fractal_noise(x, y, z, 1.0, gain, seed) == pytest.approx(first)
    assert fractal_noise(x, y, z, 0.3, gain, seed) == pytest.approx(0.3 * first)
    two, three = (fractal_noise(x, y, z, n, gain, seed) for n in (2.0, 3.0))
    # an octave and a quarter, and so on: the broken one fades in
    assert fractal_noise(x, y, z, 1.25, gain, seed) == pytest.approx(first + 0.25 * (two - first))
    assert fractal_noise(x, y, z, 2.5, gain, seed) == pytest.approx((two + three) / 2)
    assert abs(three - two) <= 1.1 * gain**2
    assert abs(two - first) <= 1.1 * gain


def test_octaves_are_each_twice_as_fine() -> None:
    # the second octave of a walk changes sign about twice as often as the first
    walk = np.linspace(0, 400, 20001)
    octaves = np.array([[fractal_noise(t, 0.3, 0.7, n, 1.0, 5) for t in walk] for n in (1.0, 2.0, 3.0)])
    parts = np.diff(octaves, axis=0, prepend=0.0)
    turns = [np.count_nonzero(np.diff(np.sign(np.diff(part)))) for part in parts]
    assert turns[1] / turns[0] == pytest.approx(2.0, rel=0.2)
    assert turns[2] / turns[1] == pytest.approx(2.0, rel=0.2)
