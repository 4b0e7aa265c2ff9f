import numpy as np
import pytest

from perijove.flatfield.field import Measured, field_basis, fit_field, photometry_terms


def make_strip(rng, strip, group, clouds, *, terms, law, level=1.0, noise=0.01, ties=True):
    """A strip whose samples lie along latitude, anywhere in the field; clouds are by square degrees of a pass."""
    n = 4000
    sample, line = rng.uniform(30, 1620, n), rng.uniform(4, 124, n)
    middle = rng.uniform(-0.5, 0.5)
    latitude = np.clip(middle + rng.choice([-1, 1]) * (sample - 824) / 824 * 0.6, -1.3, 1.3)
    longitude = rng.uniform(0, 0.3, n)
    cos_i, cos_e = rng.uniform(0.35, 1, (2, n))
    cos_phase = rng.uniform(-0.5, 0.5, n)
    shade = 0.2 * np.sin(9 * latitude)
    shade += clouds[(np.degrees(latitude) + 90).astype(int), np.degrees(longitude).astype(int)]
    flat = field_basis(line, sample) @ terms
    light = np.exp(6.0 + shade + flat + photometry_terms(cos_i, cos_e, cos_phase) @ law + rng.normal(0, noise, n))
    here = np.stack([rng.uniform(4, 12, 300), rng.uniform(30, 1620, 300)], axis=1)
    there = here + np.array([115.0, 0.0])
    ratio = (field_basis(*there.T) - field_basis(*here.T)) @ terms + rng.normal(0, noise, 300)
    tie = np.column_stack([here, there, ratio])[: None if ties else 0]
    zero, one = np.zeros(n), np.ones(n)
    return Measured(
        level * light, zero, one, line, sample, latitude, longitude, cos_i, cos_e, cos_phase, np.arange(n) // 400, tie,
        strip, group, level,
    )  # fmt: skip


TERMS = np.array([0.05, -0.13, 0.01, 0.0, 0.004, 0.0, 0.0, 0.0, -0.006, 0.001, 0.002, 0.0])
LAW = np.array([0.95, -0.05, -0.08, 0.02, -0.005, 0.02])


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(4)
    strips = []
    for group in range(4):
        clouds = rng.normal(0, 0.05, (181, 30))
        for k in range(4):
            levels = (1.0, 2.0)[k % 2]
            strips.append(make_strip(rng, len(strips), group, clouds, terms=TERMS, law=LAW, level=levels))
    return strips, fit_field(strips)


def test_response_is_told_from_clouds_and_limb_darkening(fitted):
    _, field = fitted
    line, sample = np.meshgrid(np.linspace(2, 126, 20), np.linspace(30, 1620, 60), indexing="ij")
    error = np.log(field.response(line, sample)) - field_basis(line, sample) @ TERMS
    error -= error.mean()
    assert np.sqrt(np.mean(error**2)) < 0.004
    assert np.sqrt(np.mean((error / field.sigma(line, sample)) ** 2)) < 3.0


def test_law_comes_out(fitted):
    _, field = fitted
    terms = photometry_terms(np.array([0.4, 0.9]), np.array([0.9, 0.4]), np.array([0.1, -0.1]))
    assert np.diff(terms @ field.law)[0] == pytest.approx(np.diff(terms @ LAW)[0], abs=0.02)


def test_sigma_grows_where_strips_are_few(fitted):
    strips, field = fitted
    line, sample = np.full(40, 64.0), np.linspace(30, 1620, 40)
    few = fit_field(strips[:2])
    assert np.mean(few.sigma(line, sample)) > np.mean(field.sigma(line, sample))


def test_stray_light_is_taken_off():
    rng = np.random.default_rng(5)
    clouds = np.zeros((181, 30))
    plain = [make_strip(rng, k, 0, clouds, terms=0 * TERMS, law=LAW) for k in range(3)]
    veiled = [Measured(**{**vars(s), "light": s.light + 3.0, "veil": np.full(len(s.light), 100.0)}) for s in plain]
    assert fit_field(veiled, 0.03).terms == pytest.approx(fit_field(plain).terms, abs=1e-6)


def test_no_cloud_at_all_is_refused():
    rng = np.random.default_rng(6)
    s = make_strip(rng, 0, 0, np.zeros((181, 30)), terms=TERMS, law=LAW)
    empty = {name: (v[:0] if isinstance(v, np.ndarray) else v) for name, v in vars(s).items()}
    with pytest.raises(ValueError, match="smooth cloud"):
        fit_field([Measured(**empty)])
