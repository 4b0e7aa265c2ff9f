"""The simulator's haze against integrals done by quadrature and against closed forms."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from perijove.bodies import GANYMEDE, JUPITER, Body
from perijove.instrument import Filter
from perijove.simulate.haze import CHAPMAN_FROM, Haze, chapman_table, haze_optics
from perijove.simulate.surface import paint_surface
from perijove.simulate.trace import MINNAERT, STEEP, chapman, haze_glow, scattering
from perijove.simulate.world import JUPITER_HAZE, World

FloatArray = NDArray[np.float64]
GREEN = Filter.GREEN
BALL = replace(JUPITER, radii_km=(70000.0, 70000.0, 70000.0))
EYE = 300000.0


def layer(depth: float, whiteness: float = 1.0, height: float = 25.0, **lobes: float) -> Haze:
    return Haze(dict.fromkeys(Filter, depth), dict.fromkeys(Filter, whiteness), height, **lobes)


def column(radius: float, scale: float, mu: float) -> float:
    """Slant column over vertical column from the surface upwards, by quadrature along the ray."""

    def density(s: float) -> float:
        # height after s scale heights along the ray, without the loss of digits of a difference of lengths
        way = s * scale
        gained = (way * way + 2 * radius * way * mu) / (np.sqrt(radius**2 + way * way + 2 * radius * way * mu) + radius)
        return float(np.exp(-gained / scale))

    lowest = max(0.0, -radius * mu / scale)
    width = np.sqrt(radius / scale)
    edges = [0.0, lowest, *(lowest + width * k for k in (0.5, 1, 2, 4, 8, 16)), lowest + 200 * width]
    return sum(quad(density, a, b, limit=400)[0] for a, b in itertools.pairwise(edges) if b > a)


@pytest.mark.parametrize("mu", [1.0, 0.7, 0.3, 0.1, 0.03, 0.01, 0.0, -0.01, -0.03, -0.06, -0.09])
@pytest.mark.parametrize(("body", "scale"), [(BALL, 25.0), (BALL, 60.0), (GANYMEDE, 3.0)])
def test_chapmans_function_is_the_slant_column(body: Body, scale: float, mu: float) -> None:
    radius = body.radii_km[0]
    expected = column(radius, scale, mu)
    got = chapman(mu, chapman_table(body, layer(0.2, height=scale)))
    if expected > 1e20:
        # nothing comes through either way
        assert got > 1e15
    else:
        # the form used is the first term of a series in scale height over radius; a dip of d multiplies its error
        dip = radius / scale * (1 - np.sqrt(1 - mu * mu)) if mu < 0 else 0.0
        assert got == pytest.approx(expected, rel=(2 + dip) * scale / radius + 1e-4)


def test_columns_beyond_all_measure_stay_finite() -> None:
    table = chapman_table(JUPITER, layer(0.2))
    assert np.isfinite(table).all()
    assert (np.diff(table) <= 0).all()
    assert table[-1] == pytest.approx(0.0, abs=1e-3)
    assert chapman(-1.0, table) == chapman(CHAPMAN_FROM, table)
    assert np.exp(-0.001 * chapman(CHAPMAN_FROM, table)) == 0.0


@settings(deadline=None)
@given(st.floats(0.0, 0.95), st.floats(-0.9, 0.0), st.floats(0.0, 1.0), st.floats(0.1, 1.0))
def test_the_phase_function_scatters_all_light_once(
    forward: float, backward: float, share: float, white: float
) -> None:
    numbers = haze_optics(
        layer(0.1, white, forward=forward, backward=backward, forward_share=share), JUPITER, GREEN
    ).numbers
    # substitution t = 1 - cos tames the peak; the mean over the sphere of P is 1, and scattering is whiteness P / 4
    total, _ = quad(lambda t: scattering(numbers, 1.0 - t**3) * 3 * t**2, 0.0, 2.0 ** (1 / 3), limit=200)
    assert 4 * total / 2 == pytest.approx(white, rel=1e-6)
    if share == 1.0:
        mean_cosine, _ = quad(lambda t: scattering(numbers, 1 - t**3) * (1 - t**3) * 3 * t**2, 0.0, 2.0 ** (1 / 3))
        assert 2 * mean_cosine / white == pytest.approx(forward, abs=1e-6)


def test_light_goes_on_forwards() -> None:
    # the sign of the turn: light that goes on as it came is scattered most by a forward lobe
    one_lobe = haze_optics(layer(0.1, 0.8, forward=0.5, forward_share=1.0), JUPITER, GREEN).numbers
    # (1 - g^2) / (1 + g^2 - 2 g)^1.5 = 0.75 / 0.125
    assert scattering(one_lobe, 1.0) == pytest.approx(0.8 / 4 * 6.0)
    # and backwards 0.75 / 1.5^3
    assert scattering(one_lobe, -1.0) == pytest.approx(0.8 / 4 * 0.75 / 3.375)


def test_no_haze_has_no_depth() -> None:
    assert haze_optics(None, GANYMEDE, GREEN).numbers[0] == 0.0
    by_band = [haze_optics(JUPITER_HAZE, JUPITER, band).numbers[0] for band in Filter]
    assert by_band == [JUPITER_HAZE.depth[band] for band in Filter]


def seen(world: World, albedo_place: FloatArray, place: FloatArray, towards: FloatArray, sun: FloatArray) -> FloatArray:
    """Light (n,) of points `towards` (n, 3) km as seen from a place, without blur."""
    surface = paint_surface(world.painter, world.body, place[None], albedo_place, 1500.0, 0.0)
    d = towards - place
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    light = world.light(surface, GREEN, d[None, :, None, :], np.eye(3)[None], place[None], sun, 1e-4)
    return light[0].astype(float)


def on_equator(degrees: FloatArray | float, radius: float = 70000.0) -> FloatArray:
    lon = np.atleast_1d(np.radians(degrees))
    return radius * np.stack([np.cos(lon), np.sin(lon), np.zeros_like(lon)], axis=-1)


@pytest.mark.parametrize("depth", [0.05, 0.4, 3.0])
@pytest.mark.parametrize("albedo", [0.0, 0.5])
def test_far_from_the_limb_the_layer_is_plane(painter, depth: float, albedo: float) -> None:
    haze = layer(depth, 0.9, forward=0.4, backward=-0.3, forward_share=0.7)
    world = World(BALL, painter(lambda _: albedo), MINNAERT, dict.fromkeys(Filter, (0.9,)), haze)
    place, sun = on_equator(0.0, EYE)[0], on_equator(50.0, 1.0)[0]
    lon = np.array([-5.0, 0.0, 20.0, 40.0])
    ground = on_equator(lon)
    got = seen(world, sun, place, ground, sun)
    for k, normal in enumerate(ground / 70000.0):
        way = (place - ground[k]) / np.linalg.norm(place - ground[k])
        mu, mu0 = normal @ way, normal @ sun
        m, m0 = 1 / mu, 1 / mu0
        cos_turn = -way @ sun
        phase = sum(s * (1 - g * g) / (1 + g * g - 2 * g * cos_turn) ** 1.5 for s, g in ((0.7, 0.4), (0.3, -0.3)))
        through = 1 - np.exp(-depth * (m + m0))
        glow = 0.9 * phase / 4 * m / (m + m0) * through
        bare = albedo * mu0**0.9 * mu ** (-0.1) * (1 - through)
        # the sphere's columns are shorter than the plane's by scale height over radius times tan^2
        assert got[k] == pytest.approx(glow + bare, rel=5e-3)


def exact_glow(o: FloatArray, d: FloatArray, sun: FloatArray, haze: Haze, numbers: FloatArray, end: float) -> float:
    """Single scattering along o + s d to `end` km in a sphere's haze, both ways' depths by quadrature."""
    scale, depth = haze.scale_height_km, haze.depth[GREEN]
    radius = BALL.radii_km[0]
    middle = -o @ d
    half = np.sqrt(max((radius + 12 * scale) ** 2 - (o @ o - middle**2), 0.0))
    s = np.linspace(max(middle - half, 0.0), min(middle + half, end), 1500)
    place = o + s[:, None] * d
    rho = np.linalg.norm(place, axis=1)
    extinction = depth / scale * np.exp(-(rho - radius) / scale)
    passed = np.concatenate([[0.0], np.cumsum((extinction[1:] + extinction[:-1]) / 2 * np.diff(s))])
    towards = np.zeros(len(s))
    for i, p in enumerate(place):
        mu = p @ sun / rho[i]
        if mu < 0 and rho[i] * np.sqrt(1 - mu * mu) < radius:
            towards[i] = np.inf
        else:
            # quadrature on the path to the Sun, finest about its lowest point
            low = max(0.0, -rho[i] * mu)
            t = np.concatenate([low + np.linspace(-1, 1, 401) ** 3 * 40 * np.sqrt(radius * scale)])
            t = np.concatenate([[0.0], t[t > 0.0]])
            up = np.linalg.norm(p + t[:, None] * sun, axis=1) - radius
            towards[i] = np.trapezoid(depth / scale * np.exp(-up / scale), t)
    source = extinction * np.exp(-passed - towards)
    return float(scattering(numbers, float(sun @ d)) * np.trapezoid(source, s))


def glow_of(o: FloatArray, d: FloatArray, sun: FloatArray, haze: Haze, end: float = np.inf) -> FloatArray:
    optics = haze_optics(haze, BALL, GREEN)
    radii, out = np.array(BALL.radii_km), np.empty(2)
    haze_glow(o / radii, d / radii, radii, sun, float(sun @ d), end, optics.numbers, optics.table, out)
    return out


@pytest.mark.parametrize("height", [5.0, 60.0, 150.0])
@pytest.mark.parametrize("sun_at", [0.0, 90.0, 140.0, 165.0])
def test_the_limbs_glow_is_the_integral(height: float, sun_at: float) -> None:
    # a ray that passes the limb, with the Sun behind the eye, aside, and behind the planet
    haze = replace(JUPITER_HAZE, depth=dict.fromkeys(Filter, 0.15))
    o, sun = np.array([EYE, 0.0, 0.0]), on_equator(sun_at, 1.0)[0]
    sine = (70000.0 + height) / EYE
    d = np.array([-np.sqrt(1 - sine**2), sine, 0.0])
    numbers = haze_optics(haze, BALL, GREEN).numbers
    expected = exact_glow(o, d, sun, haze, numbers, np.inf)
    assert glow_of(o, d, sun, haze)[0] == pytest.approx(expected, rel=0.02, abs=1e-6)
    assert expected > 1e-4


@pytest.mark.parametrize("mu", [0.19, 0.05, 0.01])
@pytest.mark.parametrize("sun_at", [80.0, 140.0, 165.0])
def test_the_glow_before_the_edge_of_the_disc_is_the_integral(mu: float, sun_at: float) -> None:
    haze = replace(JUPITER_HAZE, depth=dict.fromkeys(Filter, 0.15))
    sun = on_equator(sun_at, 1.0)[0]
    # the ray's end on the ground, and back along it
    lon = np.degrees(np.arccos(mu)) - np.degrees(np.arcsin(np.sqrt(1 - mu * mu) * 70000.0 / EYE))
    ground, o = on_equator(lon)[0], np.array([EYE, 0.0, 0.0])
    length = float(np.linalg.norm(ground - o))
    d = (ground - o) / length
    assert -d @ ground / 70000.0 == pytest.approx(mu, abs=1e-9)
    numbers = haze_optics(haze, BALL, GREEN).numbers
    expected = exact_glow(o, d, sun, haze, numbers, length)
    # where a step of the march goes through half a scale height and dusk is quick, it is 4 % off
    assert glow_of(o, d, sun, haze, length)[0] == pytest.approx(expected, rel=0.05, abs=1e-6)


@pytest.mark.parametrize("height", [0.0, 20.0, 80.0])
def test_depth_along_the_limb(height: float) -> None:
    # tau = depth exp(-h / H) sqrt(2 pi r / H) for a ray that passes at height h
    haze = layer(0.2)
    sine = (70000.0 + height + 1e-6) / EYE
    out = glow_of(
        np.array([EYE, 0.0, 0.0]), np.array([-np.sqrt(1 - sine**2), sine, 0.0]), on_equator(0.0, 1.0)[0], haze
    )
    expected = 0.2 * np.exp(-height / 25) * np.sqrt(2 * np.pi * (70000.0 + height) / 25)
    assert out[1] == pytest.approx(expected, rel=1e-3)


def test_rays_above_the_shell_and_rays_away_see_nothing(white) -> None:
    world = World(BALL, white, MINNAERT, dict.fromkeys(Filter, (1.0,)), layer(1.0))
    place, sun = on_equator(0.0, EYE)[0], on_equator(0.0, 1.0)[0]
    # 12 scale heights are 300 km
    tangent = np.arccos(70000.0 / EYE)
    limb = 70290.0 / 70000.0 * np.array([np.cos(tangent), np.sin(tangent), 0.0]) * 70000.0
    above = limb * 70310.0 / 70290.0
    away = place + on_equator(0.0, 1000.0)[0]
    got = seen(world, sun, place, np.stack([limb, above, away]), sun)
    assert got[0] > 0
    assert got[1:].tolist() == [0.0, 0.0]


def test_the_planets_shadow_is_dark(white) -> None:
    # the night side in the middle of the disc, the Sun far behind: neither ground nor haze has light
    world = World(BALL, white, MINNAERT, dict.fromkeys(Filter, (1.0,)), JUPITER_HAZE)
    place, sun = on_equator(0.0, EYE)[0], on_equator(170.0, 1.0)[0]
    got = seen(world, sun, place, on_equator(np.array([-10.0, 0.0, 30.0])), sun)
    assert got.tolist() == [0.0, 0.0, 0.0]
    # while its limb, three degrees behind the terminator, glows
    sine = 70040.0 / EYE
    assert glow_of(place, np.array([-np.sqrt(1 - sine**2), sine, 0.0]), sun, JUPITER_HAZE)[0] > 0.001


def test_both_ways_of_reckoning_meet(white) -> None:
    # on either side of STEEP: plane columns, and a march; at several places of the Sun
    world = World(BALL, white, MINNAERT, dict.fromkeys(Filter, (1.0,)), replace(JUPITER_HAZE))
    place = on_equator(0.0, EYE)[0]
    mu = STEEP + np.array([-1e-4, 1e-4])
    lon = np.degrees(np.arccos(mu) - np.arcsin(np.sqrt(1 - mu * mu) * 70000.0 / EYE))
    for sun_at in (0.0, 60.0, 120.0):
        sun = on_equator(sun_at, 1.0)[0]
        below, above = seen(world, sun, place, on_equator(lon), sun)
        assert below == pytest.approx(above, rel=0.01)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.05, 1.0), st.floats(0.01, 5.0), st.floats(0.0, 0.8))
def test_a_layer_gives_back_no_more_than_it_gets(mu0: float, depth: float, forward: float) -> None:
    # flux scattered up from a white layer over black ground: mean over the hemisphere of 2 mu I/F, at most mu0
    haze = layer(depth, 1.0, forward=forward)
    up = np.array([1.0, 0.0, 0.0])
    sun = np.array([mu0, np.sqrt(1 - mu0 * mu0), 0.0])
    edges = np.linspace(0, 1, 9)
    flux = 0.0
    for mu in (edges[1:] + edges[:-1]) / 2:
        for azimuth in np.arange(12) * np.pi / 6:
            way = mu * up + np.sqrt(1 - mu * mu) * np.array([0.0, np.cos(azimuth), np.sin(azimuth)])
            glow, _ = glow_of(70000.0 * up + 20000.0 * way, -way, sun, haze, 20000.0)
            flux += 2 * mu * glow / 8 / 12
    assert 0.0 < flux <= mu0
