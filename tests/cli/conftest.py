"""Made-up strips and labels for the command line: one to chew on, and one that can be solved."""

import json
import runpy
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.attitude.spin import SpinModel
from perijove.bodies import JUPITER, LIGHT_KM_S
from perijove.calibrate.decompand import decompanding_table
from perijove.ephemeris.juno import expected_orbit
from perijove.ephemeris.orbit import Elements, propagate, state_from_elements
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.geometry.ellipsoid import graphic_from_point, intersect, normal
from perijove.instrument import (
    INTERFRAME_DELTA_S,
    MOUNTING_TILT,
    MOUNTING_TWIST,
    START_TIME_BIAS_S,
    Camera,
    Filter,
)
from perijove.timescale import et_from_utc, utc_from_et

FloatArray = NDArray[np.float64]

veiled = runpy.run_path(str(Path(__file__).parents[1] / "haze.py"))["veiled"]

PRODUCT = "JNCE_2030001_99C00001_V01"


@pytest.fixture
def write_label(tmp_path: Path) -> Callable[..., Path]:
    """Writes a label of a made-up image; `fields` replace or add keywords."""

    def write(name: str = "00001-Metadata.json", fields: dict[str, object] | None = None) -> Path:
        label = {
            "PRODUCT_ID": PRODUCT,
            "FILE_NAME": f"{PRODUCT}-raw.png",
            "TARGET_NAME": "JUPITER",
            "FILTER_NAME": ["BLUE", "GREEN", "RED"],
            "LINES": "768",
            "LINE_SAMPLES": "1648",
            "SAMPLING_FACTOR": "1",
            "START_TIME": "2030-01-01T00:00:00.000",
            "STOP_TIME": "2030-01-01T00:00:01.000",
            "INTERFRAME_DELAY": "0.500 <s>",
            "EXPOSURE_DURATION": "3.200000 <ms>",
            "JNO:TDI_STAGES_COUNT": "1",
            "SAMPLE_BIT_MODE_ID": "SQROOT",
            "COMPRESSION_TYPE": "HUFFMAN",
            "SUB_SPACECRAFT_LATITUDE": "-12.5000 <deg>",
            "SUB_SPACECRAFT_LONGITUDE": "200.2500 <deg>",
            "SPACECRAFT_ALTITUDE": "5000.5 <km>",
            "PJ": "99",
            "TITLE": "A world of [dots]",
            **(fields or {}),
        }
        path = tmp_path / name
        path.write_text(json.dumps(label))
        return path

    return write


@pytest.fixture
def strip(tmp_path: Path, write_label: Callable[..., Path]) -> Path:
    """A strip of 2 frames x 3 filters with its label beside it."""
    write_label()
    path = tmp_path / f"{PRODUCT}-raw.png"
    codes = np.arange(768 * 1648, dtype=np.uint32).reshape(768, 1648).astype(np.uint8)
    assert cv2.imwrite(str(path), codes)
    return path


@dataclass(frozen=True)
class Flight:
    """A made-up strip on the orbit that Juno flies: where it and its label are, and the truth that made it.

    `place` (3,) km in j2000 is where the camera stands at the middle time `et`.
    """

    strip: Path
    label: Path
    spin: SpinModel
    et: float
    place: FloatArray


START_UTC = "2022-08-17T13:30:00.000"
FLOWN = "JNCE_2022229_44C90001_V01"
FRAMES, DELAY_S, EXPOSURE_S, PERIOD_S = 14, 0.373, 0.0032, 30.3
LINES, SAMPLES = 64, 824
CELL = (-0.75, -0.25, 0.25, 0.75)
"""Native lines or samples of the rays through a summed pixel, from its middle."""


@pytest.fixture(scope="session")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flight:
    """A 2 x 2 summed strip of Jupiter from 190,000 km, eighty minutes before perijove 44, and its label.

    The clouds, the light, the blur and the noise are the test's own; camera, body and companding are the package's.
    """
    folder = tmp_path_factory.mktemp("flight")
    start = et_from_utc(START_UTC)
    et = start + START_TIME_BIAS_S + EXPOSURE_S / 2 + (DELAY_S + INTERFRAME_DELTA_S) * np.arange(FRAMES)
    state = expected_state(float(et.mean()))
    spin = aimed_spin(float(et.mean()), state[:3])
    rng = np.random.default_rng(44)
    codes = np.empty((FRAMES, 3, LINES, SAMPLES), np.uint8)
    for frame, moment in enumerate(et):
        place = state[:3] + state[3:] * (moment - et.mean())
        for k, band in enumerate((Filter.BLUE, Filter.GREEN, Filter.RED)):
            dn = framelet(band, float(moment), place, state[3:], spin) + rng.normal(0.0, 5.0, (LINES, SAMPLES)) + 14.0
            codes[frame, k] = compand(dn)
    strip, label = folder / f"{FLOWN}-raw.png", folder / "90001-Metadata.json"
    assert cv2.imwrite(str(strip), codes.reshape(-1, SAMPLES))
    label.write_text(json.dumps(flown_label(start, float(et.mean()), state[:3])))
    return Flight(strip, label, spin, float(et.mean()), state[:3])


@pytest.fixture
def flown(flight: Flight, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the made-up strip and its label in a folder of the test's own; `fields` replace keywords."""

    def copy(fields: dict[str, object] | None = None, folder: Path = tmp_path, lines: int | None = None) -> Path:
        folder.mkdir(exist_ok=True)
        strip = folder / flight.strip.name
        facts = {**json.loads(flight.label.read_text()), **(fields or {})}
        if lines is None:
            shutil.copy(flight.strip, strip)
        else:
            facts["LINES"] = lines
            assert cv2.imwrite(str(strip), cv2.imread(str(flight.strip), cv2.IMREAD_UNCHANGED)[:lines])
        (folder / flight.label.name).write_text(json.dumps(facts))
        return strip

    return copy


def expected_state(et: float) -> FloatArray:
    """Position and velocity (6,) km, km/s in j2000 on the orbit that Juno is known to fly."""
    prior = expected_orbit(et)
    passage = float(prior.mean[5])
    periapsis = state_from_elements(JUPITER, Elements(*(float(p) for p in prior.mean)))
    states: FloatArray = propagate(JUPITER, passage, periapsis, np.array([passage, et]))
    return states[-1]


def aimed_spin(et: float, place: FloatArray) -> SpinModel:
    """A spin about nearly the Earth's direction, with the boresight nearest to the planet's middle at `et`."""
    axis = apparent_earth(et)
    axis = axis / np.linalg.norm(axis) + np.array([0.02, -0.03, 0.01])
    ra, dec = float(np.arctan2(axis[1], axis[0])), float(np.arctan2(axis[2], np.hypot(axis[0], axis[1])))
    rate = 2 * np.pi / PERIOD_S
    phases = np.linspace(0.0, 2 * np.pi, 3600)
    models = [SpinModel(ra, dec, float(p), et, rate, MOUNTING_TWIST, MOUNTING_TILT) for p in phases]
    return min(models, key=lambda model: float(model.camera_from_j2000(et)[2] @ place))


def framelet(band: Filter, et: float, place: FloatArray, velocity: FloatArray, spin: SpinModel) -> FloatArray:
    """Light (lines, samples) in DN of one framelet, summed 2 x 2, blurred, dark at the ends."""
    # light seems to come from nearer to where the camera flies
    lean = velocity / LIGHT_KM_S

    def light_at(line: FloatArray, sample: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        return light_of(Camera.measured().ray(band, line, sample) @ spin.camera_from_j2000(et) - lean, et, place)

    line, sample = np.mgrid[1 : 2 * LINES : 2, 1 : 2 * SAMPLES : 2].astype(float)
    light, on = light_at(line, sample)
    disc, reach = on.astype(np.uint8), np.ones((5, 5), np.uint8)
    edge = np.nonzero(cv2.dilate(disc, reach) != cv2.erode(disc, reach))
    if len(edge[0]):
        # one ray a pixel would put the limb half a pixel off by chance
        light[edge] = np.mean([light_at(line[edge] + a, sample[edge] + b)[0] for a in CELL for b in CELL], axis=0)
    dn = 900.0 * cv2.GaussianBlur(light, (0, 0), 0.6)
    dn[:, :12] = dn[:, 815:] = 0.0
    return np.asarray(dn)


def light_of(looks: FloatArray, et: float, place: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Light (...,), 1 for white ground, of lines of sight (..., 3) in j2000, and which of them meet the ground."""
    turn = JUPITER.body_from_j2000(et)
    rays = looks @ turn.T
    points = intersect(turn @ place, rays, JUPITER.radii_km)
    sun = turn @ (apparent_sun(et) / np.linalg.norm(apparent_sun(et)))
    x, y, z = np.moveaxis(points / JUPITER.radii_km[0], -1, 0)
    clouds = 1 + 0.15 * np.sin(28 * z + 3 * np.sin(9 * x)) + 0.1 * np.sin(37 * x + 5 * y) * np.sin(31 * y - 11 * z)
    light = np.nan_to_num(clouds * np.maximum(normal(points, JUPITER.radii_km) @ sun, 0.0), nan=0.0)
    return veiled(light, points, rays, turn @ place, np.asarray(JUPITER.radii_km), sun), np.isfinite(points[..., 0])


def compand(dn: FloatArray) -> NDArray[np.uint8]:
    """The code whose value is nearest."""
    table = decompanding_table("SQROOT").astype(float)
    return np.searchsorted((table[1:] + table[:-1]) / 2, dn).astype(np.uint8)


def flown_label(start: float, middle: float, place: FloatArray) -> dict[str, object]:
    """The web label of the made-up strip."""
    latitude, longitude, altitude = graphic_from_point(JUPITER.body_from_j2000(middle) @ place, JUPITER.radii_km)
    return {
        "PRODUCT_ID": FLOWN,
        "FILE_NAME": f"{FLOWN}-raw.png",
        "TARGET_NAME": "JUPITER",
        "FILTER_NAME": ["BLUE", "GREEN", "RED"],
        "LINES": FRAMES * 3 * LINES,
        "LINE_SAMPLES": SAMPLES,
        "SAMPLING_FACTOR": 2,
        "START_TIME": START_UTC,
        "STOP_TIME": utc_from_et(2 * middle - start),
        "INTERFRAME_DELAY": f"{DELAY_S} <s>",
        "EXPOSURE_DURATION": f"{1000 * EXPOSURE_S} <ms>",
        "JNO:TDI_STAGES_COUNT": 1,
        "SAMPLE_BIT_MODE_ID": "SQROOT",
        "COMPRESSION_TYPE": "HUFFMAN",
        "SUB_SPACECRAFT_LATITUDE": f"{np.degrees(latitude):.4f}",
        "SUB_SPACECRAFT_LONGITUDE": f"{np.degrees(-longitude) % 360:.4f}",
        "SPACECRAFT_ALTITUDE": f"{altitude:.1f} <km>",
        "PJ": "44",
        "TITLE": "A flight that never was",
    }
