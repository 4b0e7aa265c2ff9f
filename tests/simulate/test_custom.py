"""Scenes made from settings: each setting arrives where it belongs, and what makes no sense is told in one sentence."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.bodies import BODIES, JUPITER
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.simulate import custom
from perijove.simulate.custom import closest_approach, custom_scene
from perijove.simulate.detector import FADING, RESPONSE, TILT, Detector
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.haze import Haze
from perijove.simulate.optics import Lens
from perijove.simulate.scene import Scene, Shot, time_shot
from perijove.simulate.scenes import SCENES, named_scene
from perijove.simulate.world import JUPITER_HAZE
from perijove.timescale import et_from_utc

UTC = "2021-06-07T16:56:08.500"
FLYBY = f"""
target = "GANYMEDE"
[flyby]
utc = "{UTC}"
altitude_km = 1038
[[shots]]
minutes = 2
"""


@pytest.fixture(scope="module", autouse=True)
def known_scenes() -> Iterator[None]:
    """Named scenes are flown once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custom, "named_scene", lru_cache(custom.named_scene))
        yield


def scene_of(toml: str, **others: Any) -> Scene:
    return custom_scene(tomllib.loads(toml), "a.toml", **others)


def refusal(toml: str) -> str:
    """What is said of settings that make no sense: one sentence that names the file."""
    with pytest.raises(UsageError) as caught:
        scene_of(toml)
    told = str(caught.value)
    assert told.startswith("a.toml") or "'a scene'" in told
    assert "\n" not in told
    return told


def plain_jupiter(extra: str) -> str:
    return f'scene = "perijove-44"\n{extra}'


@settings(max_examples=25, deadline=None)
@given(
    altitude=st.floats(1.0, 5e4),
    latitude=st.floats(-85.0, 85.0),
    longitude=st.floats(-180.0, 180.0),
    heading=st.floats(-180.0, 180.0),
)
def test_flyby_is_closest_where_it_is_said_to_be(
    altitude: float, latitude: float, longitude: float, heading: float
) -> None:
    moon, et = BODIES["CALLISTO"], et_from_utc(UTC)
    flight = closest_approach(
        moon, et, altitude_km=altitude, latitude=np.radians(latitude), longitude=np.radians(longitude),
        speed_km_s=15.0, heading=np.radians(heading),
    )  # fmt: skip
    near = flight.position(et)
    # Callisto is a sphere
    assert np.linalg.norm(near) - 2410.3 == pytest.approx(altitude, abs=1e-3)
    x, y, z = near @ j2000_from_body(moon, et)
    assert np.degrees(np.arctan2(z, np.hypot(x, y))) == pytest.approx(latitude, abs=1e-6)
    # -180 and 180 deg are one
    assert abs((np.degrees(np.arctan2(y, x)) - longitude + 180.0) % 360.0 - 180.0) < 1e-6
    velocity = flight.velocity(et)
    assert np.linalg.norm(velocity) == pytest.approx(15.0, rel=1e-5)
    # north component of the flight
    assert velocity @ j2000_from_body(moon, et) @ north_at(latitude, longitude) == pytest.approx(
        15.0 * np.cos(np.radians(heading)), abs=1e-3
    )
    for aside in (-60.0, 60.0):
        assert np.linalg.norm(flight.position(et + aside)) > np.linalg.norm(near)


def north_at(latitude: float, longitude: float) -> np.ndarray:
    b, l = np.radians(latitude), np.radians(longitude)  # noqa: E741
    return np.array([-np.sin(b) * np.cos(l), -np.sin(b) * np.sin(l), np.cos(b)])


def test_height_is_above_the_flattened_planet() -> None:
    et = et_from_utc(UTC)
    flight = closest_approach(
        JUPITER, et, altitude_km=4000.0, latitude=np.pi / 2, longitude=0.0, speed_km_s=60.0, heading=0.0
    )
    assert np.linalg.norm(flight.position(et)) == pytest.approx(66854.0 + 4000.0, abs=1e-3)


def test_flyby_by_default() -> None:
    scene = scene_of(FLYBY)
    assert (scene.name, scene.perijove, scene.seed) == ("custom", 34, 0)
    assert scene.flight.body.name == scene.world.body.name == "GANYMEDE"
    assert scene.world.haze is None
    assert scene.world.stars is not None
    assert (scene.lens, scene.detector) == (Lens(), Detector())
    (shot,) = scene.shots
    assert shot.number == 1
    assert shot.near_et == pytest.approx(et_from_utc(UTC) + 120.0, abs=5.0)
    assert np.isfinite(time_shot(scene, shot).et).all()


@pytest.mark.parametrize("target", list(BODIES))
def test_every_body_can_be_passed(target: str) -> None:
    scene = scene_of(FLYBY.replace("GANYMEDE", target.lower()))
    assert scene.world.body is scene.flight.body is BODIES[target]
    assert (scene.world.haze is not None) == (target == "JUPITER")


def test_settings_of_the_top() -> None:
    scene = scene_of('name = "mine"\nseed = 4\nperijove = 51\nstars = false\n' + FLYBY)
    assert (scene.name, scene.seed, scene.perijove) == ("mine", 4, 51)
    assert scene.world.stars is None
    # the seed is the spin's too, and one given beside the table goes before it
    assert scene.spin.period_s != scene_of(FLYBY).spin.period_s
    again = scene_of("seed = 4\n" + FLYBY, seed=9)
    assert again.seed == 9
    assert again.spin.period_s == scene_of("seed = 9\n" + FLYBY).spin.period_s


_SPIN_DEG = {"turn_deg": "turn", "twist_deg": "twist", "tilt_deg": "tilt", "nutation_deg": "nutation"}


@given(
    ra=st.floats(0.0, 360.0), dec=st.floats(-89.0, 89.0), period=st.floats(5.0, 600.0), coning=st.floats(-10.0, 10.0),
    angles=st.tuples(st.floats(-720.0, 720.0), st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), st.floats(0.0, 5.0)),
)  # fmt: skip
def test_spin(ra: float, dec: float, period: float, coning: float, angles: tuple[float, ...]) -> None:
    named = dict(zip(_SPIN_DEG, angles, strict=True))
    table = {"axis_ra_deg": ra, "axis_dec_deg": dec, "period_s": period, "coning": coning, **named}
    spin = custom_scene({"scene": "ganymede-pj34", "spin": table}, "a.toml").spin
    b, l = np.radians(dec), np.radians(ra)  # noqa: E741
    np.testing.assert_allclose(spin.axis, [np.cos(b) * np.cos(l), np.cos(b) * np.sin(l), np.sin(b)], atol=1e-12)
    assert (spin.period_s, spin.coning) == (period, coning)
    for key, value in named.items():
        assert np.degrees(getattr(spin, _SPIN_DEG[key])) == pytest.approx(value, abs=1e-9)


def test_spin_keeps_what_is_not_said() -> None:
    before = named_scene("perijove-44").spin
    after = scene_of(plain_jupiter("[spin]\nnutation_deg = 0.1")).spin
    assert after.nutation == pytest.approx(np.radians(0.1))
    for field in fields(before):
        if field.name != "nutation":
            np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))


@given(st.floats(0.0, 1.0), st.floats(-0.01, 0.01))
def test_errors(jitter: float, between: float) -> None:
    table = {"scene": "ganymede-pj34", "errors": {"start_jitter_s": jitter, "interframe_s": between}}
    scene = custom_scene(table, "a.toml")
    assert (scene.jitter_s, scene.interframe_error_s) == (jitter, between)


_NUMBERS = ("gain_e_dn", "read_noise_e", "bias_dn", "bias_jitter_dn", "column_gain", "column_offset_dn", "vignetting",
            "dust_spots", "hot_pixels", "hits_per_framelet", "stray_light", "full_dn", "step")  # fmt: skip


@pytest.mark.parametrize("key", _NUMBERS)
@given(value=st.floats(0.01, 0.15))
def test_numbers_of_the_detector(key: str, value: float) -> None:
    detector = custom_scene({"scene": "ganymede-pj34", "detector": {key: value}}, "a.toml").detector
    plain = Detector()
    assert {f.name: getattr(detector, f.name) for f in fields(plain)} == {
        **{f.name: getattr(plain, f.name) for f in fields(plain)},
        key: value,
    }


@pytest.mark.parametrize("key", ["blur_px", "k1", "k2"])
@given(value=st.floats(-1.0, 1.0))
def test_numbers_of_the_lens(key: str, value: float) -> None:
    scale = {"blur_px": abs(value) * 20.0, "k1": value * 2e-7, "k2": value * 1e-13}[key]
    lens = custom_scene({"scene": "ganymede-pj34", "lens": {key: scale}}, "a.toml").lens
    assert getattr(lens, key) == scale
    assert (lens.shift, lens.scale) == (Lens().shift, Lens().scale)


@pytest.mark.parametrize("key", ["scale_height_km", "forward", "backward", "forward_share"])
@given(value=st.floats(0.0, 0.99))
def test_numbers_of_the_haze(key: str, value: float) -> None:
    number = 1.0 + 100.0 * value if key == "scale_height_km" else value
    haze = custom_scene({"scene": "perijove-44", "haze": {key: number}}, "a.toml").world.haze
    assert haze is not None
    assert getattr(haze, key) == number
    assert (haze.depth, haze.whiteness) == (JUPITER_HAZE.depth, JUPITER_HAZE.whiteness)


def test_tables_by_filter_change_only_what_they_name() -> None:
    scene = scene_of(
        plain_jupiter(
            "[lens]\nshift = { RED = [0.5, -0.25] }\nscale = { BLUE = 1.001 }\n"
            "[detector]\nresponse = { GREEN = 1e5 }\nfading = { RED = [1.0, 0.0] }\nline_tilt = { METHANE = 0.0 }\n"
            "[haze]\ndepth = { BLUE = 0.5 }\nwhiteness = { METHANE = 0.5 }"
        )
    )
    assert scene.lens.shift == {**Lens().shift, Filter.RED: (0.5, -0.25)}
    assert scene.lens.scale == {**Lens().scale, Filter.BLUE: 1.001}
    assert scene.detector.response == {**RESPONSE, Filter.GREEN: 1e5}
    assert scene.detector.fading == {**FADING, Filter.RED: (1.0, 0.0)}
    assert scene.detector.line_tilt == {**TILT, Filter.METHANE: 0.0}
    haze = scene.world.haze
    assert haze is not None
    assert haze.depth == {**JUPITER_HAZE.depth, Filter.BLUE: 0.5}
    assert haze.whiteness == {**JUPITER_HAZE.whiteness, Filter.METHANE: 0.5}


def test_false_switches_off() -> None:
    scene = scene_of(
        plain_jupiter(
            "haze = false\nstars = false\n"
            "[lens]\nshift = false\nscale = false\nblur_px = false\nk1 = false\nk2 = false\n"
            "[detector]\nshot_noise = false\nbloom = false\nfading = false\nline_tilt = false\nfull_dn = false\n"
            "hits_per_framelet = false\nhot_pixels = false\nread_noise_e = false\nstray_light = false\nstep = false\n"
            "vignetting = false\ndust_spots = false\ncolumn_gain = false\ncolumn_offset_dn = false\nbias_dn = false\n"
            "bias_jitter_dn = false\n"
        )
    )
    assert (scene.world.haze, scene.world.stars) == (None, None)
    assert scene.lens == Lens({}, {}, 0.0, 0.0, 0.0)
    assert scene.detector == Detector.bare()


@pytest.mark.parametrize(
    ("name", "detector"), [("real", Detector()), ("ideal", Detector.ideal()), ("bare", Detector.bare())]
)
def test_detectors_by_name(name: str, detector: Detector) -> None:
    assert scene_of(plain_jupiter(f'detector = "{name}"')).detector == detector


@pytest.mark.parametrize("name", [*SCENES, "perijove-7"])
def test_every_section_changes_every_named_scene(name: str) -> None:
    sections = {
        "spin": {"period_s": 30.5},
        "errors": {"start_jitter_s": 0.0},
        "lens": {"blur_px": 0.25},
        "detector": {"read_noise_e": 1.0},
        "stars": False,
        "shots": [{"minutes": 3.0, "number": 77, "frames": 2}],
    }
    plain, changed = named_scene(name), custom_scene({"scene": name, **sections}, "a.toml")
    assert changed.name == plain.name
    assert changed.perijove == plain.perijove
    assert changed.spin.period_s == 30.5
    assert changed.jitter_s == 0.0
    assert changed.lens.blur_px == 0.25
    assert changed.detector.read_noise_e == 1.0
    assert changed.world.stars is None
    assert changed.world.haze == plain.world.haze
    np.testing.assert_array_equal(changed.flight.position_km, plain.flight.position_km)
    (shot,) = changed.shots
    assert (shot.number, shot.frames) == (77, 2)
    assert len(time_shot(changed, shot).et) == 2
    if plain.world.haze is not None:
        hazy = custom_scene({"scene": name, "haze": {"scale_height_km": 40.0}}, "a.toml").world.haze
        assert isinstance(hazy, Haze)
        assert hazy.scale_height_km == 40.0


def test_a_painter_takes_the_place_of_the_worlds_own(white: Any) -> None:
    assert custom_scene({"scene": "perijove-44"}, "a.toml", painter=white).world.painter is white
    assert scene_of(FLYBY, painter=white).world.painter is white


def test_every_setting_of_a_shot() -> None:
    scene = scene_of(
        FLYBY
        + 'number = 12\nfilters = ["METHANE"]\nframes = 9\ninterframe_s = 0.4\nstages = 64\nbinning = 2\n'
        + 'bit_mode = "LIN8"\ncompression = "HUFFMAN"\ntitle = "Ice"\nexposed = false\n'
        + "hits = 40\nsmear = false\n"
        + f'[[shots]]\nutc = "{UTC}"\n'
    )
    first, second = scene.shots
    assert (first.number, first.filters, first.frames, first.interframe_s) == (12, (Filter.METHANE,), 9, 0.4)
    assert (first.stages, first.binning, first.bit_mode, first.compression) == (64, 2, "LIN8", "HUFFMAN")
    assert (first.title, first.exposed, first.hits, first.smear) == ("Ice", False, 40.0, False)
    assert (second.hits, second.smear) == (None, True)
    assert second.number == 2
    assert second.near_et == pytest.approx(et_from_utc(UTC), abs=1e-6)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('scene = "perijove44"', "no scene 'perijove44'"),
        ("scene = 44", "scene is 44, which is no text"),
        ('sceen = "backlit"', "did you mean scene?"),
        (plain_jupiter("colour = 1"), "known are scene, name, target"),
        (plain_jupiter("[spin]\nperiod = 30"), "did you mean period_s?"),
        (plain_jupiter("spin = 30.2"), "a.toml [spin] is no table of settings"),
        (plain_jupiter("[spin]\nperiod_s = '30'"), "period_s is '30', which is no number"),
        (plain_jupiter("[spin]\nperiod_s = 3"), "period_s is 3: give a number from 5 to 600"),
        (plain_jupiter("[spin]\nperiod_s = nan"), "which is no number"),
        (plain_jupiter("[spin]\nturn_deg = inf"), "beyond all measure"),
        (plain_jupiter(f"[spin]\nturn_deg = 1{'0' * 4200}"), "beyond all measure"),
        (plain_jupiter("[spin]\nperiod_s = true"), "which is no number"),
        (plain_jupiter("[spin]\naxis_ra_deg = 10"), "give both axis_ra_deg and axis_dec_deg"),
        (plain_jupiter("[errors]\nstart_jitter_s = -1"), "give a number from 0 to 1"),
        (plain_jupiter("[lens]\nshift = { RED = 1.0 }"), "RED is 1.0: give two numbers"),
        (plain_jupiter("[lens]\nshift = { RED = [nan, 1.0] }"), "which is no number"),
        (plain_jupiter("[lens]\nshift = { RED = [true, 1.0] }"), "which is no number"),
        (plain_jupiter("[lens]\nshift = { RED = [1.0, 2.0, 3.0] }"), "give two numbers"),
        (plain_jupiter("[lens]\nshift = 1.0"), "a.toml [lens] shift is no table"),
        (plain_jupiter("[lens]\nscale = { RED = [1.0, 2.0] }"), "which is no number"),
        (plain_jupiter("[lens]\nscale = { PINK = 1.0 }"), "no setting 'PINK'"),
        (plain_jupiter("[lens]\nblur_px = -1"), "give a number from 0 to 20"),
        (plain_jupiter("detector = 'new'"), "detector is 'new': give real, ideal, bare"),
        (plain_jupiter("[detector]\nshot_noise = 1"), "shot_noise is 1: give true or false"),
        (plain_jupiter("[detector]\nresponse = false"), "response cannot be switched off"),
        (plain_jupiter("[detector]\ngain_e_dn = false"), "gain_e_dn cannot be switched off"),
        (plain_jupiter("[detector]\nchip = 1.5"), "chip is 1.5: give a whole number"),
        (plain_jupiter("[detector]\ncolumn_gain = 1"), "give a number from 0 to 0.15"),
        (plain_jupiter("[detector]\nhot_pixels = 1e9"), "give a number from 0 to 100000"),
        (plain_jupiter("[detector]\nfading = { RED = [1.0, 0.5] }"), "has no light left"),
        (plain_jupiter("[haze]\nscale_height_km = 0"), "give a number from 1 to 500"),
        (plain_jupiter("[haze]\nforward = 1.0"), "give a number from -0.99 to 0.99"),
        (plain_jupiter("[haze]\ndepth = false"), "depth cannot be switched off"),
        ('scene = "ganymede-pj34"\n[haze]\nforward = 0.5', "GANYMEDE has no air"),
        (plain_jupiter("stars = 'yes'"), "stars is 'yes': give true or false"),
        (plain_jupiter("seed = 1.5"), "seed is 1.5: give a whole number"),
        (plain_jupiter("perijove = 100"), "perijove is 100: give a number from 0 to 99"),
        ('target = "MARS"', "target is MARS: choose JUPITER"),
        ('target = "IO"', "neither a scene nor a [flyby]"),
        ("", "neither a scene nor a [flyby]"),
        ('scene = "backlit"\n' + FLYBY.split("target", maxsplit=1)[1].split("\n", maxsplit=1)[1], "give one of them"),
        ('scene = "backlit"\ntarget = "IO"', "backlit shows JUPITER: leave target out"),
        (plain_jupiter("[detector]\nread_noise_e = -3"), "a.toml [detector]: read_noise_e is -3.0: it must be finite"),
        (FLYBY.split("[[shots]]", maxsplit=1)[0], "there are no [[shots]]"),
        (FLYBY.replace(f'utc = "{UTC}"', ""), "utc"),
        (FLYBY.replace(UTC, "yesterday"), "yesterday"),
        (FLYBY.replace(f'"{UTC}"', "2021-06-07T16:56:08"), "put it in quotes"),
        (FLYBY.replace("2021", "1999"), "give a time of the mission"),
        (FLYBY.replace("= 1038", "= 0"), "give a number from 1 to"),
        # slower than in a circle it would fall down: 2.6 km/s at 1038 km over Ganymede's 2631 km
        (FLYBY.replace("= 1038", "= 1038\nspeed_km_s = 1.6"), "speed_km_s is 1.6: give a number from 1.8 to 200"),
        (plain_jupiter("shots = []"), "shots is no list of tables"),
        (plain_jupiter("shots = 'all'"), "shots is no list of tables"),
        (plain_jupiter("shots = [1]"), "a.toml [[shots]] 1 is no table"),
        (plain_jupiter("[[shots]]\nframes = 3"), "give either utc or minutes"),
        (plain_jupiter(f'[[shots]]\nminutes = 1\nutc = "{UTC}"'), "give either utc or minutes"),
        (plain_jupiter("[[shots]]\nminutes = 355"), None),
        (plain_jupiter("[[shots]]\nminutes = 359"), "outside the pass"),
        (plain_jupiter("[[shots]]\nminutes = -1e9"), "outside the pass"),
        (plain_jupiter(f'[[shots]]\nutc = "{UTC}"'), "outside the pass"),
        (plain_jupiter("[[shots]]\nminutes = 1\n[[shots]]\nminutes = 2\nnumber = 1"), "the same number"),
        (plain_jupiter("[[shots]]\nminutes = 1\nnumber = 0"), "give a number from 1 to 9999"),
        (plain_jupiter("[[shots]]\nminutes = 1\nframes = 500"), "give a number from 1 to 120"),
        (plain_jupiter("[[shots]]\nminutes = 1\nframes = 2.5"), "give a whole number"),
        (plain_jupiter("[[shots]]\nminutes = 1\ninterframe_s = 0.05"), "more than 120 frames: give frames"),
        (plain_jupiter("[[shots]]\nminutes = 1\ninterframe_s = 0.3714"), "whole milliseconds"),
        (plain_jupiter("[[shots]]\nminutes = 1\nbinning = 4"), "give a number from 1 to 2"),
        (plain_jupiter("[[shots]]\nminutes = 1\nbit_mode = 'LIN4'"), "choose SQROOT, LIN1, LIN8, LIN16"),
        (plain_jupiter("[[shots]]\nminutes = 1\ncompression = 'ZIP'"), "choose INTEGER COSINE TRANSFORM, HUFFMAN"),
        (plain_jupiter("[[shots]]\nminutes = 1\nfilters = 'RED'"), "give a list such as"),
        (plain_jupiter("[[shots]]\nminutes = 1\nfilters = []"), "give a list such as"),
        (plain_jupiter("[[shots]]\nminutes = 1\nfilters = ['PINK']"), "no filter 'PINK': choose BLUE"),
        (plain_jupiter("[[shots]]\nminutes = 1\nfilters = [['RED']]"), "no filter ['RED']"),
        (plain_jupiter("[[shots]]\nminutes = 1\nfilters = ['RED', 'RED']"), "name each once"),
        (plain_jupiter("[[shots]]\nminutes = 1\nexposed = 'no'"), "exposed is 'no': give true or false"),
    ],
)
def test_what_makes_no_sense_is_refused(toml: str, told: str | None) -> None:
    if told is None:
        scene = scene_of(toml)
        assert np.isfinite(time_shot(scene, scene.shots[0]).et).all()
    elif "no scene" in told:
        with pytest.raises(UsageError, match=told):
            scene_of(toml)
    else:
        assert told in refusal(toml)


DOCS = (Path(__file__).parents[2] / "docs" / "simulate.md").read_text(encoding="utf-8")


def test_examples_of_the_docs_are_scenes(white: Any) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    # a path from a table needs the table: tests/simulate/test_flown.py has one
    tabled = [example for example in examples if "table =" in example]
    moon, worn = (scene_of(example, painter=white) for example in examples if example not in tabled)
    assert [tomllib.loads(example)["flight"] for example in tabled] == [{"table": "juno_iau_ganymede.csv"}]
    assert (moon.flight.body.name, moon.perijove, len(moon.shots)) == ("EUROPA", 45, 4)
    assert [shot.exposed for shot in moon.shots] == [True, True, False, False]
    assert (worn.detector.read_noise_e, worn.spin.nutation) == (40.0, pytest.approx(np.radians(0.02)))
    for scene in (moon, worn):
        for shot in scene.shots:
            assert len(time_shot(scene, shot).et) < 120


@pytest.mark.parametrize("part", [Detector, Lens, Haze])
def test_docs_name_every_property(part: type) -> None:
    assert [f.name for f in fields(part) if f"`{f.name}`" not in DOCS] == []


def test_docs_tell_the_default_numbers() -> None:
    rows = dict(re.findall(r"^\| `([^|]*)` \|.*\| ([^|]*) \|$", DOCS, re.MULTILINE))
    for part in (Detector(), Shot(1, 0.0), Lens()):
        for field in fields(part):
            value = getattr(part, field.name)
            told = rows.get(field.name, "")
            if isinstance(value, int | float) and not isinstance(value, bool) and re.fullmatch(r"-?[\d.]+", told):
                assert float(told) == value, field.name
    assert float(rows["gain_e_dn"]) == 16.3
    shifts = re.findall(r"(B|G|R|methane) \[(-?[\d.]+), (-?[\d.]+)\]", rows["shift"])
    assert {name[0]: (float(line), float(sample)) for name, line, sample in shifts} == {
        name: Lens().shift[band] for name, band in zip("BGRm", Filter, strict=True)
    }
