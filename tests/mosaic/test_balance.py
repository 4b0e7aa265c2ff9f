"""Gains, offsets and laws of light: found again where they are known, and used to level light."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from perijove.bodies import GANYMEDE, JUPITER
from perijove.calibrate.quality import Quality
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.mosaic.angles import Angles, angles_from, angles_of
from perijove.mosaic.balance import balance_of, overlapping, solve_balance
from perijove.mosaic.bring import MOST
from perijove.mosaic.law import AIRY, parts_of
from perijove.mosaic.samples import Samples, take_samples
from perijove.mosaic.seams import EDGES

GREEN = Filter.GREEN
TRUTH = dict(zip([term.name for term in AIRY], (0.95, 0.3, 0, 0, 0.2, 0, -2.8, 0.2, 0.3, 0, -3.3), strict=True))
GAIN, OFFSET = np.array([1.02, 0.99, 1.0, 0.985]), np.array([0.0, 1e-4, -1e-4, 5e-5])


def world(looks=4, grid=50, turn=0.25, noise=0.004, seed=0, hits=0.0, law=TRUTH, gain=GAIN, offset=OFFSET):
    """Samples of looks at a turning sphere of speckled ground, in the light of a known law."""
    rng = np.random.default_rng(seed)
    side = np.linspace(-0.9, 0.9, grid)
    y, z = (a.ravel() for a in np.meshgrid(side, side))
    front = y**2 + z**2 < 0.95
    y, z = y[front], z[front]
    normal = np.stack([np.sqrt(1.0 - y * y - z * z), y, z], axis=-1)
    line, column = (np.flatnonzero(front) // grid) // 6, (np.flatnonzero(front) % grid) // 6
    patch = np.unique(line * 100 + column, return_inverse=True)[1]
    albedo = 0.5 * np.exp(rng.normal(0.0, 0.2, len(normal)))
    parts = []
    for k in range(looks):
        spin, fly = turn * k, 0.4 - 0.3 * k
        sun = np.array([np.cos(1.1 + spin), np.sin(1.1 + spin), 0.1])
        place = 2.5 * np.array([np.cos(fly) * np.cos(0.15 * k), np.sin(fly), np.sin(0.15 * k)])
        angles = angles_from(place * 1000.0, sun / np.linalg.norm(sun), normal * 1000.0, (1000.0,) * 3)
        mu0, mu, phase = (a.astype(float) for a in (angles.cos_incidence, angles.cos_emission, angles.phase))
        seen = np.flatnonzero((mu > 0.12) & (mu0 > -0.1))
        law_here = parts_of(AIRY, np.array(list(law.values())), mu0[seen], mu[seen], phase[seen], 1.4)
        light = albedo[seen] * np.exp(law_here.ground) + law_here.glow
        light = light * np.exp(rng.normal(0.0, noise, len(seen))) / gain[k] + offset[k] + rng.normal(0, 1e-5, len(seen))
        struck = rng.random(len(seen)) < hits
        light[struck] += rng.uniform(0.2, 2.0, np.count_nonzero(struck))
        parts.append((np.full(len(seen), k), seen, light, mu0[seen], mu[seen], phase[seen]))
    look, place_number, light, mu0, mu, phase = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Samples(
        tuple("abcdefgh"[:looks]), (GREEN,), look, place_number, light[None], np.full((1, len(light)), 2e-5), mu0, mu,
        phase, np.arcsin(z), patch, np.full((looks, 1), 5e-4),
    )  # fmt: skip


def with_band(samples, b, light):
    """Samples with the light of one band replaced."""
    both = samples.light.copy()
    both[b] = light
    return replace(samples, light=both)


@pytest.fixture(scope="module")
def samples():
    return world()


@pytest.fixture(scope="module")
def balance(samples):
    return balance_of(samples, JUPITER)


def test_known_gains_are_found(balance):
    # what all looks share is fixed by the belief in 1 alone, and nearly so what changes with the phase angle
    assert (np.abs(balance.gain[:, 0] / GAIN - 1.0) < 2.5 * balance.gain_sigma[:, 0]).all()
    assert (balance.gain_sigma[:, 0] < 0.014).all()
    assert balance.gain[0, 0] / balance.gain[1, 0] == pytest.approx(GAIN[0] / GAIN[1], rel=0.006)
    assert (np.abs(balance.offset[:, 0] - OFFSET) < 3.0 * balance.offset_sigma[:, 0]).all()


def test_what_is_left_of_the_light_is_less_than_a_percent(balance):
    assert balance.residual.rms(after=False)[0] > 10.0
    assert balance.residual.rms()[0] < 0.5
    assert {(step.first, step.second) for step in balance.steps} >= {("a", "b"), ("b", "c"), ("c", "d")}
    for step in balance.steps:
        assert step.after < 1.0 < step.before
        assert 0.0 < step.sigma < 0.5


def test_evenly_lit_light_is_the_grounds_own(samples, balance):
    # places that two looks see in very different light come out alike; the noise of what was raised is raised with it
    brought = []
    for k in range(2):
        own = samples.look == k
        angles = Angles(*(a[own][None].astype(np.float32) for a in (samples.cos_i, samples.cos_e, samples.phase)))
        done = balance.bring(
            k, samples.light[:, own][:, None].astype(np.float32),
            samples.sigma[:, own][:, None].astype(np.float32), angles, None,
        )  # fmt: skip
        planes = np.full((3, samples.place.max() + 1), np.nan)
        planes[:, samples.place[own]] = done.light[0, 0], done.sigma[0, 0], samples.cos_i[own]
        brought.append(planes)
    day = (brought[0][2] > 0.2) & (brought[1][2] > 0.2)
    ratio = brought[0][0][day] / brought[1][0][day]
    assert np.count_nonzero(day) > 300
    assert np.median(ratio) == pytest.approx(1.0, abs=0.005)
    # scattered by the noise of both looks
    assert 1.4826 * np.median(np.abs(ratio - np.median(ratio))) < 2.0 * 0.004 * np.sqrt(2.0)
    low = brought[0][1][(brought[0][2] > 0.08) & (brought[0][2] < 0.15)]
    assert np.nanmedian(low) > 3.0 * np.median(brought[0][1][day])


def test_hits_do_not_move_the_gains(balance):
    # 2 % of the samples have 1.1 more light, against 0.3: 7 % in the mean
    struck = balance_of(world(hits=0.02), JUPITER)
    assert (np.abs(struck.gain / balance.gain - 1.0) < 0.5 * balance.gain_sigma).all()


def test_looks_without_overlap_keep_one_and_are_named(samples):
    alone = samples.look == 3
    # the last look sees the same light at places of its own
    moved = replace(samples, place=np.where(alone, samples.place + samples.latitude.size, samples.place),
                    latitude=np.tile(samples.latitude, 2), patch=np.tile(samples.patch, 2))  # fmt: skip
    balance = balance_of(moved, JUPITER)
    assert balance.groups == (("a", "b", "c"), ("d",))
    assert balance.gain[3, 0] == 1.0
    assert balance.offset[3, 0] == 0.0
    assert balance.gain_sigma[3, 0] > 1.2 * balance.gain_sigma[:3, 0].max()
    assert not any("d" in (step.first, step.second) for step in balance.steps)


def test_looks_hang_together_through_others(samples):
    middle = samples.place.max() // 2
    first = (samples.look == 0) & (samples.place > middle)
    last = (samples.look == 2) & (samples.place <= middle)
    kept = with_band(samples, 0, np.where(first | last | (samples.look == 3), np.nan, samples.light[0]))
    assert overlapping(kept) == (("a", "b", "c"), ("d",))


def test_one_look_alone_is_left_as_it_is(samples):
    own = samples.look == 0
    one = replace(
        samples, names=("a",), look=samples.look[own], place=samples.place[own], light=samples.light[:, own],
        sigma=samples.sigma[:, own], cos_i=samples.cos_i[own], cos_e=samples.cos_e[own], phase=samples.phase[own],
        units=samples.units[:1],
    )  # fmt: skip
    balance = balance_of(one, JUPITER)
    assert balance.gain.tolist() == [[1.0]]
    assert balance.groups == (("a",),)
    assert balance.steps == ()
    assert np.isnan(balance.residual.rms()).all()


def test_bands_that_tell_nothing_lean_on_the_others(samples):
    # blue repeats green at few places, so that its law is told by green's
    few = np.where(samples.place % 40 == 0, samples.light[0], np.nan)
    both = replace(
        samples, bands=(Filter.BLUE, GREEN), light=np.stack([few, samples.light[0]]),
        sigma=np.repeat(samples.sigma, 2, axis=0), units=np.repeat(samples.units, 2, axis=1),
    )  # fmt: skip
    alone = balance_of(replace(both, bands=(Filter.METHANE, GREEN)), JUPITER)
    balance = balance_of(both, JUPITER)
    green = balance.laws[GREEN].numbers
    belief = np.array([term.sigma for term in AIRY])
    lean, free = (
        np.linalg.norm((law.numbers - green) / belief)
        for law in (balance.laws[Filter.BLUE], alone.laws[Filter.METHANE])
    )
    assert lean < 0.8 * free


def angles(cos_i, cos_e, phase=1.4):
    """Angles of one row."""
    return Angles(*(np.atleast_2d(np.asarray(a, np.float32)) for a in np.broadcast_arrays(cos_i, cos_e, phase)))


DAY = ([0.9, 0.5, 0.3], [0.8, 0.5, 0.9])


def test_levelled_by_hand(balance):
    light = np.full((1, 1, 3), 0.2, np.float32)
    seen = angles(*DAY)
    law = balance.laws[GREEN]
    got = balance.levelled(1, light, seen, angles(np.full(3, 0.7), 0.6))
    bare = (0.2 - balance.offset[1, 0]) * balance.gain[1, 0]
    for j in range(3):
        here, there = (
            parts_of(law.terms, law.numbers, *(np.array([angle]) for angle in one), law.middle)
            for one in ((DAY[0][j], DAY[1][j], 1.4), (0.7, 0.6, 1.4))
        )  # fmt: skip
        wanted = (bare - here.glow) * np.exp(there.ground - here.ground) + there.glow
        assert got[0, 0, j] == pytest.approx(float(wanted[0]), rel=2e-3)


def test_its_own_angles_leave_light_at_its_level(balance):
    rng = np.random.default_rng(3)
    light = rng.uniform(0.0, 0.5, (1, 4, 50)).astype(np.float32)
    seen = Angles(*(rng.uniform(low, high, (4, 50)).astype(np.float32) for low, high in ((-0.2, 1), (0.01, 1), (1, 2))))
    done = balance.bring(0, light, np.full_like(light, 0.01), seen, seen)
    level = (light - balance.offset[0, 0]) * balance.gain[0, 0]
    np.testing.assert_allclose(done.light, level, rtol=1e-6)
    np.testing.assert_allclose(done.sigma, 0.01 * balance.gain[0, 0], rtol=1e-6)
    assert (done.trust == 1.0).all()


def test_beside_the_body_there_is_level_alone(balance):
    light = np.array([[[0.3, np.nan, 0.1]]], np.float32)
    seen = angles([np.nan, 0.5, 0.5], [np.nan, 0.5, -0.1], [np.nan, 1.0, 1.0])
    for wanted in (None, angles(np.full(3, 0.9), 0.9)):
        done = balance.bring(0, light, None, seen, wanted)
        assert done.light[0, 0, 0] == pytest.approx((0.3 - balance.offset[0, 0]) * balance.gain[0, 0], rel=1e-6)
        assert np.isnan(done.light[0, 0, 1])
        assert done.trust[0, [0, 2]].tolist() == [1.0, 0.0]
        assert done.sigma.shape == (0, 0, 0)


def test_evenly_lit_ground_that_no_light_tells_is_left_out(balance):
    # steps of 0.02 in the cosine of incidence, from the zenith to behind the terminator; the last one shows no face
    cos_i = np.append(np.linspace(1.0, -0.2, 61), 0.9)
    cos_e = np.append(np.full(61, 0.7), -0.1)
    light = np.full((1, 1, 62), 0.02, np.float32)
    done = balance.bring(0, light, light, angles(cos_i, cos_e), None)
    known = np.isfinite(done.light[0, 0])
    # one clean edge, in light, sigma and trust alike
    last = int(known.sum()) - 1
    assert known[: last + 1].all()
    assert 0.02 < cos_i[last] < 0.2
    np.testing.assert_array_equal(np.isfinite(done.sigma[0, 0]), known)
    np.testing.assert_array_equal(done.trust[0] > 0.0, known)
    # sigma is that of the noise: the slope of the light's own factor, which is no more than `MOST` and nearly that here
    more = balance.bring(0, light + np.float32(0.001), None, angles(cos_i, cos_e), None)
    factor = (more.light - done.light)[0, 0] / 0.001
    np.testing.assert_allclose(done.sigma[0, 0, :last], 0.02 * factor[:last], rtol=2e-3)
    assert 0.6 * MOST < factor[last] / balance.gain[0, 0] < 1.001 * MOST


def test_factors_are_bounded_where_the_sun_is_down(balance):
    behind, zenith = angles([0.5, 0.1, 0.02, -0.2], 0.7), angles(np.ones(4), 1.0)
    bright = balance.bring(0, np.full((1, 1, 4), 0.02, np.float32), None, behind, zenith)
    dark = balance.bring(0, np.full((1, 1, 4), 0.01, np.float32), None, behind, zenith)
    factor = (bright.light - dark.light)[0, 0] / (0.01 * balance.gain[0, 0])
    assert (factor <= MOST * 1.001).all()
    assert factor[3] > 0.9 * MOST
    assert balance.bring(0, np.zeros((1, 1, 1), np.float32), None, angles(0.95, 0.95), None).trust[0, 0] > 0.97
    assert bright.trust[0, 0] > 0.5
    assert (np.diff(bright.trust[0]) < 0.0).all()
    assert bright.trust[0, 3] < 0.01
    # the night stays night: no glow is put where the law was cut short
    assert abs(float(balance.levelled(0, np.full((1, 1, 1), float(balance.offset[0, 0]), np.float32),
                                      angles(-0.2, 0.7), angles(1.0, 1.0))[0, 0, 0])) < 1e-4  # fmt: skip


def test_any_part_gives_the_same(balance):
    rng = np.random.default_rng(4)
    light = rng.uniform(0.0, 0.5, (1, 6, 40)).astype(np.float32)
    seen = Angles(*(rng.uniform(0.0, 1.0, (6, 40)).astype(np.float32) for _ in range(3)))
    whole = balance.bring(0, light, light, seen, None)
    part = Angles(*(a[2:4, 5:9] for a in (seen.cos_incidence, seen.cos_emission, seen.phase)))
    done = balance.bring(0, light[:, 2:4, 5:9], light[:, 2:4, 5:9], part, None)
    np.testing.assert_array_equal(done.light, whole.light[:, 2:4, 5:9])
    np.testing.assert_array_equal(done.sigma, whole.sigma[:, 2:4, 5:9])
    np.testing.assert_array_equal(done.trust, whole.trust[2:4, 5:9])


def test_light_of_other_bands_is_refused(balance):
    with pytest.raises(UsageError, match="2 planes of light to level for 1 bands"):
        balance.levelled(0, np.zeros((2, 1, 1), np.float32), angles(0.5, 0.5), None)
    with pytest.raises(UsageError, match="no strips to balance"):
        solve_balance([], JUPITER, 0.0)


def test_a_moon_is_balanced_by_its_own_law():
    bare = TRUTH | {"k": 1.0, "B": 0.6, "slope": -0.6, "ln depth": -60.0, "ln twilight": -4.0}
    balance = balance_of(world(law=bare), GANYMEDE)
    assert balance.residual.rms()[0] < 0.5
    found = dict(zip([term.name for term in balance.laws[GREEN].terms], balance.laws[GREEN].numbers, strict=True))
    sigma = np.sqrt(np.diag(balance.laws[GREEN].covariance))
    assert abs(found["k"] - 1.0) < 0.05
    assert abs(found["B"] - 0.6) < max(0.1, 3.0 * sigma[1])


def sunlit(look, name, level):
    """A constant strip that knows its Sun, with variance and quality."""
    one = look(name, level)
    swaths = tuple(
        replace(s, variance=np.full_like(s.light, 1.0), quality=np.zeros(s.light.shape, np.uint8)) for s in one.swaths
    )
    return replace(one, swaths=swaths, sun=one.position_km / np.linalg.norm(one.position_km))


def test_samples_of_strips(look, et0):
    one = sunlit(look, "a", 100.0)
    samples = take_samples([one], JUPITER, et0)
    assert samples.bands == (GREEN,)
    assert samples.units.tolist() == [[1.0]]
    np.testing.assert_allclose(samples.light, 100.0, rtol=1e-5)
    # many camera px in each of the map's: sigma is that of a mean
    assert 0.0 < np.median(samples.sigma) < 0.5
    # the Sun stands behind the camera, 2.2 radii from the centre: a place t rad from below it is lit at cos t and seen
    # by cos(t + p), p the angle between camera and Sun there, the phase angle
    t = np.arccos(np.clip(samples.cos_i, -1.0, 1.0))
    np.testing.assert_allclose(np.cos(t + samples.phase), samples.cos_e, atol=0.03)
    points = JUPITER.radii_km[0] * one.position_km[None] / np.linalg.norm(one.position_km)
    assert angles_of(one, points, (JUPITER.radii_km[0],) * 3).cos_emission[0] == pytest.approx(1.0, abs=1e-6)


def test_full_pixels_are_no_samples(look, et0):
    one = sunlit(look, "a", 100.0)
    quality = one.swaths[0].quality.copy()
    quality[:, :, : quality.shape[2] // 2] = int(Quality.FULL)
    half = replace(one, swaths=(replace(one.swaths[0], quality=quality),))
    every, some = (take_samples([x], JUPITER, et0).place.size for x in (one, half))
    assert 0.3 * every < some < 0.7 * every


def test_strips_are_brought_to_one_level_whatever_their_order(look, et0):
    looks = [sunlit(look, "a", 100.0), sunlit(look, "b", 102.0)]
    balance = solve_balance(looks, JUPITER, et0)
    assert balance.names == ("a", "b")
    assert balance.gain[0, 0] / balance.gain[1, 0] == pytest.approx(1.02, rel=1e-3)
    assert balance.steps[0].before == pytest.approx(2.0 / 1.01, rel=0.01)
    assert balance.steps[0].after < 0.05
    other = solve_balance(looks[::-1], JUPITER, et0, threads=1)
    np.testing.assert_array_equal(other.gain, balance.gain)
    np.testing.assert_array_equal(other.laws[GREEN].numbers, balance.laws[GREEN].numbers)


def test_methane_alone_is_balanced_as_any_other_band(samples, balance):
    alone = balance_of(replace(samples, bands=(Filter.METHANE,)), JUPITER)
    np.testing.assert_allclose(alone.gain, balance.gain, rtol=0.02)
    assert alone.residual.rms()[0] < 0.5


def test_bins_of_the_residual_by_hand(samples):
    # a look made 4 % brighter everywhere, under no law at all: every bin of its pairs shows about that, and what
    # balancing finds takes it away
    assert len(EDGES) == 11
    double = replace(
        samples, names=("a", "b"), look=np.repeat([0, 1], samples.light.shape[1]), place=np.tile(
            np.arange(samples.light.shape[1]), 2), light=np.tile(samples.light, 2) * np.repeat([1.04, 1.0],
            samples.light.shape[1]), sigma=np.tile(samples.sigma, 2), cos_i=np.tile(samples.cos_i, 2),
        cos_e=np.tile(samples.cos_e, 2), phase=np.tile(samples.phase, 2), latitude=np.zeros(samples.light.shape[1]),
        patch=samples.patch[samples.place], units=samples.units[:2],
    )  # fmt: skip
    residual = balance_of(double, JUPITER).residual
    known = np.isfinite(residual.before)
    assert known.sum() > 20
    np.testing.assert_allclose(residual.before[known], 4.0 / 1.02, rtol=1e-6)
    assert residual.rms()[0] < 0.4
    assert residual.places.sum() > 2000


def test_the_number_of_threads_changes_no_bit():
    many = world(looks=8, grid=110, gain=np.ones(8), offset=np.zeros(8))
    with threadpool_limits(2, user_api="blas"):
        two = balance_of(many, JUPITER, threads=2)
    with threadpool_limits(1, user_api="blas"):
        one = balance_of(many, JUPITER, threads=1)
    assert np.array_equal(one.gain, two.gain)
    assert np.array_equal(one.laws[GREEN].numbers, two.laws[GREEN].numbers)
