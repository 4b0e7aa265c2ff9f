"""Simulated strips as files: every filter set, summing and bit mode is read back as the mission's would be."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from perijove.calibrate.decompand import decompanding_table
from perijove.cli.app import app
from perijove.instrument import SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.observation import framelet_times
from perijove.simulate import photograph as photograph_module
from perijove.simulate.detector import SEEING, Detector
from perijove.simulate.scene import Scene, Shot
from perijove.simulate.scenes import ganymede_scene, perijove_scene
from perijove.simulate.strip import Strip, hits_of, plain, take, truth
from perijove.simulate.world import MINNAERT, World

BGR = (Filter.BLUE, Filter.GREEN, Filter.RED)
SETS = [BGR, (Filter.METHANE,), (*BGR, Filter.METHANE), (Filter.RED,), (Filter.METHANE, *BGR)]


@pytest.fixture(scope="module", autouse=True)
def coarse() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph_module, "TEXELS_PER_PIXEL", 0.1)
        yield


@pytest.fixture(scope="module")
def scene(painter) -> Scene:
    """Jupiter in four greys, without sky and haze."""
    world = perijove_scene(44)
    grey = painter(lambda d: np.tile([0.4, 0.5, 0.6, 0.1], (len(d), 1)) * (1 + 0.3 * d[:, 2:3]))
    law = dict.fromkeys(Filter, (1.0,))
    return replace(world, world=World(world.flight.body, grey, MINNAERT, law))


def written(strip: Strip, folder: Path) -> Path:
    """The strip as a PNG with its web label beside it."""
    assert strip.exposed is not None
    (folder / strip.label_name).write_text(json.dumps(strip.label))
    path = folder / strip.strip_name
    assert cv2.imwrite(str(path), strip.exposed.codes)
    return path


def short(scene: Scene, bands: tuple[Filter, ...], **changes: object) -> Shot:
    return replace(scene.shots[0], filters=bands, frames=2, **changes)


@pytest.mark.parametrize(
    ("bands", "changes"),
    [
        *((bands, {"stages": 8 if bands == (Filter.METHANE,) else 1}) for bands in SETS),
        (BGR, {"binning": 2}),
        ((Filter.METHANE,), {"binning": 2, "stages": 64}),
        (BGR, {"bit_mode": "LIN1"}),
        (BGR, {"bit_mode": "LIN16", "compression": "HUFFMAN"}),
    ],
)
def test_strips_are_read_as_the_missions_are(
    scene: Scene, tmp_path: Path, bands: tuple[Filter, ...], changes: dict[str, object]
) -> None:
    shot = short(scene, bands, **changes)
    strip = take(scene, shot, per_side=1)
    path = written(strip, tmp_path)
    neighbour = take(scene, replace(scene.shots[1], exposed=False))
    (tmp_path / neighbour.label_name).write_text(json.dumps(neighbour.label))
    # warnings are errors here
    opened = open_strip(path)
    label = opened.raw.label
    assert opened.unreadable == ()
    assert [other.product_id for other in opened.pass_labels] == [neighbour.product_id]
    assert label.product_id == strip.product_id
    assert label.filters == bands
    assert label.frames == 2
    assert label.bit_mode == shot.bit_mode
    assert (label.lines, label.samples) == (256 * len(bands) // shot.binning, SAMPLES // shot.binning)
    # true times are the label's, but for the jitter and the error of the step
    np.testing.assert_allclose(framelet_times(label) + strip.timing.jitter_s, strip.timing.et, atol=3e-4)
    # each framelet holds the light of its own filter and frame
    assert strip.photograph is not None
    assert strip.exposed is not None
    for band in bands:
        codes = opened.raw.framelets(band)
        assert codes.shape == (2, 128 // shot.binning, SAMPLES // shot.binning)
        dn = strip.photograph.light[band] * scene.detector.flat(band) * strip.exposed.dn_per_light[band]
        dn = dn.reshape(2, 128 // shot.binning, shot.binning, -1, shot.binning).mean(axis=(2, 4))
        lit = dn > 0.5 * dn.max()
        assert lit.sum() > 2000
        expected = np.searchsorted(decompanding_table(shot.bit_mode), np.median(dn[lit])).clip(0, 255)
        # the veil of stray light lifts it a little
        assert -2 <= np.median(codes[lit]) - expected <= 5
    shown = CliRunner().invoke(app, ["info", str(path), "--json"])
    assert shown.exit_code == 0
    assert shown.stderr == ""
    facts = json.loads(shown.stdout)["products"][0]
    assert facts["product_id"] == strip.product_id
    assert CliRunner().invoke(app, ["info", str(path)]).exit_code == 0


@pytest.mark.parametrize("binning", [1, 2])
def test_a_bare_detector_gives_the_light_back(scene: Scene, binning: int) -> None:
    bare = replace(scene, detector=Detector.bare())
    strip = take(bare, short(bare, BGR, binning=binning, compression="HUFFMAN"), per_side=1)
    assert strip.exposed is not None
    assert strip.photograph is not None
    lines = 128 // binning
    table = decompanding_table("SQROOT").astype(float)
    codes = strip.exposed.codes.reshape(2, 3, lines, SAMPLES // binning)
    seeing = slice(math.ceil(SEEING.start / binning) + 1, SEEING.stop // binning - 1)
    for k, band in enumerate(BGR):
        light = strip.photograph.light[band].astype(float)
        per_light = strip.exposed.dn_per_light[band]
        np.testing.assert_allclose(strip.exposed.dn[band][..., 30:1600], light[..., 30:1600] * per_light, rtol=1e-5)
        expected = light.reshape(2, lines, binning, -1, binning).mean(axis=(2, 4)) * per_light
        dn = table[codes[:, k]]
        # half the wider of the companding's steps on either side, and the converter's and the summing's rounding
        steps = np.maximum(np.diff(table, prepend=0.0), np.diff(table, append=table[-1]))[codes[:, k]]
        assert (np.abs(dn - expected) <= 0.5 * steps + 1.0)[..., seeing].all()
        assert not codes[:, k, :, : 20 // binning].any()


def test_seeds_decide_the_noise(scene: Scene) -> None:
    shot = short(scene, (Filter.GREEN,))
    one, same, other = (take(replace(scene, seed=seed), shot, per_side=1) for seed in (1, 1, 2))
    assert one.exposed is not None
    assert same.exposed is not None
    assert other.exposed is not None
    np.testing.assert_array_equal(one.exposed.codes, same.exposed.codes)
    assert one.label == same.label
    assert (one.exposed.codes != other.exposed.codes).any()


def test_neighbours_have_a_label_alone(scene: Scene) -> None:
    strip = take(scene, short(scene, BGR, exposed=False))
    whole = take(scene, short(scene, BGR), per_side=1)
    assert strip.exposed is None
    assert strip.photograph is None
    assert strip.label == whole.label


def test_the_truth_is_whole_and_fits_json(scene: Scene) -> None:
    strips = [take(scene, short(scene, BGR), per_side=1), take(scene, replace(scene.shots[1], exposed=False))]
    told = json.loads(json.dumps(truth(scene, strips), allow_nan=False))
    spin = told["spin"]
    ra, dec = np.radians([spin["axis_ra_deg"], spin["axis_dec_deg"]])
    axis = [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]
    np.testing.assert_allclose(axis, scene.spin.axis / np.linalg.norm(scene.spin.axis), atol=1e-12)
    assert spin["period_s"] == scene.spin.period_s
    assert told["lens"]["shift"]["BLUE"] == list(scene.lens.shift[Filter.BLUE])
    first, second = told["strips"]
    assert (first["exposed"], second["exposed"]) == (True, False)
    assert first["product_id"] == strips[0].product_id
    np.testing.assert_array_equal(first["et"], strips[0].timing.et)
    np.testing.assert_array_equal(first["position_km"], scene.flight.position(strips[0].timing.et))
    np.testing.assert_array_equal(first["j2000_from_camera"], scene.spin.j2000_from_camera(strips[0].timing.et))
    assert set(first["dn_per_light"]) == {"BLUE", "GREEN", "RED"}
    assert second["dn_per_light"] == {}
    assert first["shot"]["filters"] == ["BLUE", "GREEN", "RED"]
    assert first["shot"]["start_utc"] == strips[0].label["START_TIME"]
    # nobody said how many hits: a quiet place of a perijove before the damage
    assert first["shot"]["hits_per_framelet"] == 5.0
    struck = replace(scene, detector=replace(scene.detector, hits_per_framelet=70.0))
    assert hits_of(struck, replace(scene.shots[0], hits=20.0)) == 70.0
    assert hits_of(scene, replace(scene.shots[0], hits=20.0)) == 20.0
    # Ganymede has no haze
    moon = ganymede_scene()
    assert json.loads(json.dumps(truth(moon, [])))["haze"] is None


def test_plain_by_hand() -> None:
    value = {Filter.RED: np.array([1.0, 2.0]), 3: (Filter.BLUE, None)}
    assert plain(value)["RED"] == [1.0, 2.0]
    assert json.dumps(plain(value)) == '{"RED": [1.0, 2.0], "3": ["BLUE", null]}'
