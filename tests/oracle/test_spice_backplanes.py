"""Backplanes of raw pixels against SPICE, which is given the very numbers that they are made from.

The solved positions become an SPK, the body's constants a text PCK. SPICE is asked without corrections at the moments
at which the light left Jupiter (mid-exposure less the light time of each framelet), where the SPK has the camera at the
place it holds at mid-exposure and the Sun where its light comes from: that is how the renderer counts light time; the
rays it is given have their aberration taken off. Light time and aberration are tests of their own, against SPICE's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE, IO, JUPITER, Body
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.geometry.illumination import PLANES, backplanes
from perijove.io.finder import open_strip
from perijove.observation import Observation, observe
from perijove.render.framelets import light_time
from perijove.render.raw_backplanes import RawGeometry, raw_geometry

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")

FloatArray = NDArray[np.float64]
CAMERA, PLANET, SUN, BARYCENTRE = -61, 599, 10, 0
COUNT = 10_000
CLOSE = 1e-9
"""Angles in rad, lengths by their own size."""
FLATTENING = 1.0 - JUPITER.radii_km[2] / JUPITER.radii_km[0]


@dataclass(frozen=True)
class Pixels:
    """Pixels of a strip: `et` when the light left, rays in j2000 as `seen` and as the light came, `sight`, and the
    planes in float64."""

    et: FloatArray
    seen: FloatArray
    sight: FloatArray
    planes: dict[str, FloatArray]


@pytest.fixture(scope="module")
def observed(data: Path) -> Observation:
    """A real strip, its trajectory and pointing solved."""
    opened = open_strip(data / "pj44" / "JNCE_2022229_44C00029_V01-raw.png", data / "pj44")
    return observe([opened.raw], opened.pass_labels, ties=False)[0]


@pytest.fixture(scope="module")
def geometries(observed: Observation) -> list[RawGeometry]:
    """What the backplanes of each filter are made from."""
    return [raw_geometry(s, observed.body, apparent_sun(s.et, observed.body)) for s in observed.swaths()]


@pytest.fixture(scope="module")
def pixels(observed: Observation, geometries: list[RawGeometry]) -> Pixels:
    """Random pixels of all framelets, those that miss the planet among them: more than `COUNT` meet it."""
    rng = np.random.default_rng(44)
    et, seen, sight, planes = [], [], [], []
    for swath, geometry in zip(observed.swaths(), geometries, strict=True):
        left = swath.et - light_time(observed.body, swath.position_km)
        share = 4 * COUNT // (len(geometries) * len(left))
        for frame, moment in enumerate(left):
            whole = geometry.framelet(list(PLANES), frame)
            line, sample = (rng.integers(0, size, share) for size in geometry.rays.shape[:2])
            et.append(np.full(share, moment))
            seen.append(geometry.rays[line, sample] @ swath.camera_from_j2000[frame])
            assert swath.velocity_km_s is not None
            leant = seen[-1] - swath.velocity_km_s[frame] / 299792.458
            sight.append(leant / np.linalg.norm(leant, axis=-1, keepdims=True))
            planes.append(np.array([plane[line, sample] for plane in whole.values()]))
    stacked = np.concatenate(planes, axis=1)
    planes_of = dict(zip(PLANES, stacked, strict=True))
    return Pixels(np.concatenate(et), np.concatenate(seen), np.concatenate(sight), planes_of)


@pytest.fixture(scope="module")
def kernels(observed: Observation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The strip's own numbers as kernels, loaded meanwhile."""
    folder = tmp_path_factory.mktemp("kernels")
    constants, orbits = folder / "body.tpc", folder / "strip.bsp"
    constants.write_text(constants_kernel(observed.body))
    pointing = observed.pointing
    left = pointing.et - light_time(observed.body, pointing.position_km)
    handle = spiceypy.spkopn(str(orbits), "strip", 0)
    write_orbit(handle, CAMERA, PLANET, left, pointing.position_km)
    write_orbit(handle, SUN, PLANET, left, apparent_sun(pointing.et, observed.body))
    write_rest(handle, left)
    spiceypy.spkcls(handle)
    for path in (constants, orbits):
        spiceypy.furnsh(str(path))
    yield
    spiceypy.kclear()


def constants_kernel(body: Body) -> str:
    """Radii, pole and meridian of a planet as a text kernel."""
    angles = [number for term in body.pole_terms for number in term[:2]]
    values = {
        "BODY599_RADII": body.radii_km,
        "BODY599_POLE_RA": (*body.pole_ra_deg, 0.0),
        "BODY599_POLE_DEC": (*body.pole_dec_deg, 0.0),
        "BODY599_PM": (*body.meridian_deg, 0.0),
        "BODY5_NUT_PREC_ANGLES": angles,
        "BODY599_NUT_PREC_RA": [term[2] for term in body.pole_terms],
        "BODY599_NUT_PREC_DEC": [term[3] for term in body.pole_terms],
    }
    lines = [f"{name} = ( {' '.join(repr(float(v)) for v in numbers)} )" for name, numbers in values.items()]
    return "\n".join(["KPL/PCK", "\\begindata", *lines, "\\begintext", ""])


def write_orbit(handle: int, target: int, centre: int, et: FloatArray, position_km: FloatArray) -> None:
    """Add positions to an SPK, to come back exactly at their epochs."""
    velocity = np.gradient(position_km, et, axis=0)
    states = np.hstack([position_km, velocity])
    spiceypy.spkw13(handle, target, centre, "J2000", et[0], et[-1], f"{target}", 3, len(et), states, et)


def write_rest(handle: int, et: FloatArray, velocity_km_s: tuple[float, ...] = (0.0, 0.0, 0.0)) -> None:
    """Let the planet stand still in an SPK, long before and after the epochs, or drift: SPICE counts from the
    barycentre."""
    span = np.linspace(et[0] - 1e4, et[-1] + 1e4, 4)
    write_orbit(handle, PLANET, BARYCENTRE, span, (span - span[0])[:, None] * velocity_km_s)


def turned(angle: FloatArray) -> FloatArray:
    """Differences of directions, -pi to pi."""
    out: FloatArray = np.angle(np.exp(1j * angle))
    return out


def intercepts(pixels: Pixels, which: NDArray[np.int64], correction: str = "NONE") -> FloatArray:
    """Where SPICE sees each pixel meet the planet, body-fixed km (n, 3); NaN where it does not."""
    out = np.full((len(which), 3), np.nan)
    with spiceypy.no_found_check():
        for k, i in enumerate(which):
            point, _, _, found = spiceypy.sincpt(
                "ELLIPSOID", str(PLANET), pixels.et[i], "IAU_JUPITER", correction, str(CAMERA), "J2000", pixels.sight[i]
            )
            if found:
                out[k] = point
    return out


def test_pixels_that_meet_the_planet_are_those_of_spice(kernels: None, pixels: Pixels) -> None:
    which = np.arange(0, len(pixels.et), 13)
    seen = np.isfinite(intercepts(pixels, which)).all(axis=-1)
    np.testing.assert_array_equal(np.isfinite(pixels.planes["latitude"][which]), seen)
    assert 100 < seen.sum() < len(which) - 100


def test_every_plane_is_that_of_spice(kernels: None, pixels: Pixels) -> None:
    which = np.flatnonzero(np.isfinite(pixels.planes["latitude"]))[:COUNT]
    assert len(which) == COUNT
    points = intercepts(pixels, which)
    expected = {name: np.empty(COUNT) for name in PLANES if name != "ring_radius"}
    radius = JUPITER.radii_km[0]
    subsolar = {
        et: spiceypy.subslr("INTERCEPT/ELLIPSOID", str(PLANET), et, "IAU_JUPITER", "NONE", str(CAMERA))[0]
        for et in np.unique(pixels.et[which])
    }
    for k, i in enumerate(which):
        et, point = pixels.et[i], points[k]
        _, longitude, latitude = spiceypy.reclat(point)
        _, sight, phase, incidence, emission = spiceypy.ilumin(
            "ELLIPSOID", str(PLANET), et, "IAU_JUPITER", "NONE", str(CAMERA), point
        )
        _, noon, _ = spiceypy.reclat(subsolar[et])
        expected["latitude"][k], expected["longitude"][k] = latitude, longitude
        expected["latitude_graphic"][k] = spiceypy.recgeo(point, radius, FLATTENING)[1]
        expected["local_time"][k] = 12.0 + np.degrees(longitude - noon) / 15.0
        expected["range"][k] = spiceypy.vnorm(sight)
        expected["resolution"][k] = expected["range"][k] * 0.0074 / 10.95637
        expected["incidence"][k], expected["emission"][k], expected["phase"][k] = incidence, emission, phase
        for name, target in (("sun_azimuth", SUN), ("spacecraft_azimuth", CAMERA)):
            state, _ = spiceypy.azlcpo(
                "ELLIPSOID", str(target), et, "NONE", False, True, point, str(PLANET), "IAU_JUPITER"
            )
            expected[name][k] = state[1]
    for name, truth in expected.items():
        apart = pixels.planes[name][which] - truth
        kind = PLANES[name]
        if kind.unit == "deg":
            apart = turned(apart)
        elif kind.unit == "h":
            apart = turned(apart * np.pi / 12.0)
        else:
            apart = apart / truth
            assert np.abs(apart).max() < CLOSE, name


def test_ring_radii_are_those_of_spice(kernels: None, pixels: Pixels) -> None:
    missed = np.flatnonzero(np.isnan(pixels.planes["latitude"]))[:2000]
    plane = spiceypy.nvc2pl([0.0, 0.0, 1.0], 0.0)
    found = pixels.planes["ring_radius"][missed]
    for i, radius in zip(missed, found, strict=True):
        turn = spiceypy.pxform("J2000", "IAU_JUPITER", pixels.et[i])
        place = spiceypy.spkpos(str(CAMERA), pixels.et[i], "IAU_JUPITER", "NONE", str(PLANET))[0]
        count, point = spiceypy.inrypl(place, turn @ pixels.sight[i], plane)
        assert np.isfinite(radius) == (count == 1)
        if count == 1:
            assert radius == pytest.approx(spiceypy.vnorm(point), rel=CLOSE)
    assert np.isfinite(found).any()


@pytest.mark.parametrize("body", [IO, JUPITER, GANYMEDE], ids=lambda body: body.name)
def test_bodies_of_every_shape_have_the_normals_of_spice(body: Body) -> None:
    rng = np.random.default_rng(12)
    a, b, c = body.radii_km
    directions = rng.normal(size=(500, 3))
    points = np.array([spiceypy.surfpt([0, 0, 0], d, a, b, c) for d in directions])
    cameras = points + rng.normal(size=(500, 3)) * 3.0 * a
    sun = np.array([0.48, 0.6, 0.64])
    names = ["incidence", "emission", "phase", "latitude", "longitude"]
    planes = backplanes(names, points, cameras, sun, body, sun_distance_km=10.0 * a)
    for k, (point, camera) in enumerate(zip(points, cameras, strict=True)):
        up, sight, light = spiceypy.surfnm(a, b, c, point), camera - point, 10.0 * a * sun - point
        _, longitude, latitude = spiceypy.reclat(point)
        expected = {
            "incidence": spiceypy.vsep(up, light), "emission": spiceypy.vsep(up, sight),
            "phase": spiceypy.vsep(light, sight), "latitude": latitude, "longitude": longitude % (2 * np.pi),
        }  # fmt: skip
        assert {name: float(planes[name][k]) for name in names} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("velocity", "correction"), [((0.0, 0.0, 0.0), "CN"), ((-5.0, 11.0, 4.0), "CN+S")])
def test_apparent_places_are_those_of_spice_but_for_each_points_own_light_time(
    observed: Observation, pixels: Pixels, tmp_path: Path, velocity: tuple[float, ...], correction: str
) -> None:
    """A planet that stands still, without aberration, and one that goes about the Sun as Jupiter does, with it."""
    constants, orbits = tmp_path / "body.tpc", tmp_path / "still.bsp"
    constants.write_text(constants_kernel(observed.body))
    pointing = observed.pointing
    handle = spiceypy.spkopn(str(orbits), "strip", 0)
    write_orbit(handle, CAMERA, PLANET, pointing.et, pointing.position_km)
    write_rest(handle, pointing.et, velocity)
    spiceypy.spkcls(handle)
    spiceypy.furnsh(str(constants))
    spiceypy.furnsh(str(orbits))
    try:
        flight = light_time(observed.body, pointing.position_km)
        which = np.flatnonzero(pixels.planes["emission"] < np.radians(80.0))[::20]
        taken = np.interp(pixels.et, pointing.et - flight, pointing.et)
        rays = pixels.seen if correction.endswith("S") else pixels.sight
        points = intercepts(replace(pixels, et=taken, sight=rays), which, correction)
    finally:
        spiceypy.unload(str(orbits))
        spiceypy.unload(str(constants))
    assert np.isfinite(points).all()
    longitude = np.arctan2(points[:, 1], points[:, 0])
    apart = turned(pixels.planes["longitude"][which] - longitude)
    # one light time a framelet leaves out 0.24 s of Jupiter's turn at the most, and nothing else: the ellipsoid is one
    # of revolution; aberration is to first order, (v / c)^2 is 2e-8
    later = (pixels.planes["range"][which] / 299792.458) - (taken - pixels.et)[which]
    assert 1e-6 < np.abs(apart).max() < 4.3e-5 / np.cos(pixels.planes["latitude"][which]).min()
    np.testing.assert_allclose(apart, -later * JUPITER.spin_rate, atol=2e-7)
    latitude = np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]))
    np.testing.assert_allclose(pixels.planes["latitude"][which], latitude, atol=2e-7)
