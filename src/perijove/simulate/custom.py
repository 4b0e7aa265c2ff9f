"""Custom scenes: a pass described in a table of settings, such as a TOML file holds."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import BODIES, JUPITER, Body
from perijove.ephemeris.juno import perijove_of
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.simulate.compression import LOSSLESS, LOSSY
from perijove.simulate.detector import LAST_FADING_PERIJOVE, Detector
from perijove.simulate.frames import Spin, axes_about, j2000_from_body
from perijove.simulate.haze import Haze
from perijove.simulate.motion import Flight, fly
from perijove.simulate.optics import Lens
from perijove.simulate.scene import Scene, Shot, frames_for
from perijove.simulate.scenes import PASS_S, jupiter_world, moon_world, named_scene, spin_near_earth
from perijove.simulate.world import World
from perijove.simulate.worlds.painting import Painter
from perijove.timescale import TimeError, et_from_utc

FloatArray = NDArray[np.float64]
Table = Mapping[str, object]
_Changeable = TypeVar("_Changeable", Lens, Detector, Haze)

_TOP = ("scene", "name", "target", "seed", "perijove", "flyby", "spin", "errors", "lens", "detector", "haze", "stars",
        "shots", "texture", "texture_centre_deg", "flight")  # fmt: skip
_FLYBY = ("utc", "altitude_km", "latitude_deg", "longitude_deg", "speed_km_s", "heading_deg")
_SPIN = ("axis_ra_deg", "axis_dec_deg", "period_s", "turn_deg", "twist_deg", "tilt_deg", "nutation_deg", "coning")
_SHOT = ("number", "utc", "minutes", "filters", "frames", "interframe_s", "stages", "binning", "bit_mode",
         "compression", "title", "exposed", "hits", "smear")  # fmt: skip
_BY_FILTER = ("response", "fading", "line_tilt", "shift", "scale", "depth", "whiteness")
_PAIRS = ("fading", "shift")
_WITHOUT: Mapping[str, object] = {"shift": {}, "scale": {}, "fading": None, "line_tilt": None, "full_dn": None}
"""What a setting is when it is false and not simply 0."""
_NEVER_WITHOUT = ("response", "depth", "whiteness", "gain_e_dn", "scale_height_km", "chip")
BIT_MODES = ("SQROOT", "LIN1", "LIN8", "LIN16")
MOST = 1e12
"""No setting is larger."""
MOST_FRAMES = 120
"""The longest strip; the mission's have up to 82."""
_LIMITS: Mapping[str, tuple[float, float]] = {
    # so that the lens' polynomial has an inverse over the whole chip
    "k1": (-2e-7, 2e-7), "k2": (-1e-13, 1e-13), "shift": (-500.0, 500.0), "scale": (0.5, 2.0), "blur_px": (0.0, 20.0),
    "depth": (0.0, 100.0), "whiteness": (0.0, 1.0), "scale_height_km": (1.0, 500.0), "forward_share": (0.0, 1.0),
    "forward": (-0.99, 0.99), "backward": (-0.99, 0.99),
    "response": (0.0, 1e9), "fading": (0.0, 2.0), "line_tilt": (-1.0, 1.0), "stray_light": (0.0, 1.0),
    "dust_spots": (0.0, 1e4), "hot_pixels": (0.0, 1e5), "hits_per_framelet": (0.0, 1e6), "step": (0.0, 255.0),
    # wider scatter would make columns of negative response
    "column_gain": (0.0, 0.15), "chip": (0.0, 2.0**31 - 1.0),
}  # fmt: skip
"""Bounds of those settings that would else be impossible, or take all memory."""


class Settings:
    """A table with a name: what is read from it is checked, and what is not known is refused."""

    def __init__(self, table: object, where: str, known: Sequence[str]) -> None:
        """Refuse, with `UsageError`, what is no table or holds a key that is not `known`."""
        if not isinstance(table, Mapping):
            raise UsageError(f"{where} is no table of settings: write its settings as lines under its name")
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise UsageError(f"{where}: there is no setting {key!r}: {hint}")
        self.table, self.where = table, where

    def number(self, key: str, default: float, least: float = -math.inf, most: float = math.inf) -> float:
        """A finite number between two bounds, or the default."""
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise UsageError(f"{self.where}: {key} is {value!r}, which is no number: give one")
        low, high = max(least, -MOST), min(most, MOST)
        if not low <= value <= high:
            # a whole number may have more digits than Python likes to print
            told = repr(value) if abs(value) < 1e300 else "beyond all measure"
            raise UsageError(f"{self.where}: {key} is {told}: give a number from {low:g} to {high:g}")
        return float(value)

    def angle(self, key: str, default: float, least: float = -math.inf, most: float = math.inf) -> float:
        """An angle, given in degrees between two bounds, in rad; or the default, rad."""
        return math.radians(self.number(key, 0.0, least, most)) if key in self.table else default

    def limited(self, key: str, least: float, most: float) -> float:
        """A finite number between two bounds; it must be there."""
        return self.number(key, math.nan, least, most)

    def pair(self, key: str, least: float, most: float) -> tuple[float, float]:
        """A list of two finite numbers between two bounds."""
        value = self.table[key]
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
            raise UsageError(f"{self.where}: {key} is {value!r}: give two numbers, as [0.0, 0.5]")
        two = Settings(dict(zip(("first", "second"), value, strict=True)), f"{self.where} {key}", ("first", "second"))
        return two.number("first", 0.0, least, most), two.number("second", 0.0, least, most)

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds, or the default."""
        value = self.number(key, default, least, most)
        if value != int(value):
            raise UsageError(f"{self.where}: {key} is {value!r}: give a whole number")
        return int(value)

    def text(self, key: str, default: str) -> str:
        """A text, or the default."""
        value = self.table.get(key, default)
        if not isinstance(value, str):
            raise UsageError(f'{self.where}: {key} is {value!r}, which is no text: put it in quotes, "like this"')
        return value

    def choice(self, key: str, default: str, among: Sequence[str]) -> str:
        """One of some texts, or the default."""
        value = self.text(key, default)
        if value not in among:
            raise UsageError(f"{self.where}: {key} is {value!r}: choose {', '.join(among)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false, or the default."""
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise UsageError(f"{self.where}: {key} is {value!r}: give true or false")
        return value

    def time(self, key: str) -> float:
        """ET of a UTC text, at which the places of Sun and Earth are known."""
        try:
            et = et_from_utc(self.text(key, ""))
        except TimeError as error:
            raise UsageError(f"{self.where}: {key}: {error}") from None
        if not np.isfinite([apparent_sun(et + aside) for aside in (-PASS_S, PASS_S)]).all():
            raise UsageError(f"{self.where}: {key} is {self.text(key, '')}: give a time of the mission, 2011 to 2031")
        return et


def custom_scene(
    table: Table, where: str, *, seed: int | None = None, painter: Painter | None = None, flight: Flight | None = None
) -> Scene:
    """The scene that settings describe; docs/simulate.md lists them all.

    `where` names their source in messages. `seed` and `painter` replace the settings' own; `flight` is the path of the
    table that they name under `flight`. Either `scene` names a scene that is changed by the other settings, or `target`
    and `flyby` make a new one. Raises UsageError for whatever makes no sense.
    """
    top = Settings(table, where, _TOP)
    number = top.whole("seed", 0, 0, 2**31 - 1) if seed is None else seed
    if "scene" in table:
        scene = named_scene(top.text("scene", ""), number)
        if "flyby" in table:
            raise UsageError(f"{where}: a scene has its flight, and [flyby] makes another: give one of them")
        if top.text("target", scene.flight.body.name).upper() != scene.flight.body.name:
            raise UsageError(f"{where}: {scene.name} shows {scene.flight.body.name}: leave target out, or scene")
        if painter is not None:
            scene = replace(scene, world=replace(scene.world, painter=painter))
        if flight is not None:
            if flight.body != scene.flight.body:
                raise UsageError(f"{where} [flight]: it passes {flight.body.name}, not the scene's body: change one")
            scene = replace(scene, flight=flight)
    else:
        scene = _flyby_scene(top, number, painter)
    perijove = top.whole("perijove", scene.perijove, 0, 99)
    scene = replace(scene, name=top.text("name", scene.name), seed=number, perijove=perijove)
    scene = replace(scene, world=_world(top, scene.world))
    if "spin" in table:
        scene = replace(scene, spin=_spin(Settings(table["spin"], f"{where} [spin]", _SPIN), scene.spin))
    if "errors" in table:
        errors = Settings(table["errors"], f"{where} [errors]", ("start_jitter_s", "interframe_s"))
        jitter = errors.number("start_jitter_s", scene.jitter_s, 0.0, 1.0)
        between = errors.number("interframe_s", scene.interframe_error_s, -0.01, 0.01)
        scene = replace(scene, jitter_s=jitter, interframe_error_s=between)
    if "lens" in table:
        known = [f.name for f in fields(Lens)]
        scene = replace(scene, lens=_changed(scene.lens, Settings(table["lens"], f"{where} [lens]", known)))
    if "detector" in table:
        scene = replace(scene, detector=_detector(table["detector"], scene.detector, where))
    if "shots" in table:
        scene = replace(scene, shots=_shots(table["shots"], scene, where))
    return scene


def _flyby_scene(top: Settings, seed: int, painter: Painter | None) -> Scene:
    """A pass of any body, from its closest approach."""
    target = top.text("target", "JUPITER").upper()
    if target not in BODIES:
        raise UsageError(f"{top.where}: target is {target}: choose {', '.join(BODIES)}")
    if "flyby" not in top.table:
        raise UsageError(f"{top.where}: there is neither a scene nor a [flyby]: give one of them")
    if "shots" not in top.table:
        raise UsageError(f"{top.where}: there are no [[shots]]: give at least one")
    body = BODIES[target]
    flyby = Settings(top.table["flyby"], f"{top.where} [flyby]", _FLYBY)
    et = flyby.time("utc")
    altitude = flyby.number("altitude_km", 5000.0, 1.0, 1e7 if body is JUPITER else 3e5)
    # slower than in a circle, the spacecraft would come nearer, and fall down
    circle = float(np.sqrt(body.gm / (min(body.radii_km) + altitude))) * 1.02
    flight = closest_approach(
        body,
        et,
        altitude_km=altitude,
        latitude=np.radians(flyby.number("latitude_deg", 0.0, -90.0, 90.0)),
        longitude=np.radians(flyby.number("longitude_deg", 0.0, -360.0, 360.0)),
        speed_km_s=flyby.number("speed_km_s", 57.0 if body is JUPITER else 18.5, round(circle, 1) + 0.1, 200.0),
        heading=np.radians(flyby.number("heading_deg", 180.0, -360.0, 360.0)),
    )
    world = jupiter_world(seed, et, painter) if body is JUPITER else moon_world(seed, body, painter)
    return Scene("custom", perijove_of(et), world, flight, spin_near_earth(et, seed), (), seed=seed)


def closest_approach(
    body: Body, et: float, *, altitude_km: float, latitude: float, longitude: float, speed_km_s: float, heading: float
) -> Flight:
    """The path whose closest point, at ET, lies `altitude_km` above a planetocentric latitude and east longitude (rad).

    `heading` (rad) is the direction of the flight there, from north over east.
    """
    up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    ground = 1.0 / np.linalg.norm(up / np.array(body.radii_km))
    frame = axes_about(up)  # x is east, y is north
    along = np.sin(heading) * frame[:, 0] + np.cos(heading) * frame[:, 1]
    turn = j2000_from_body(body, et)
    state = np.concatenate([turn @ up * (ground + altitude_km), turn @ along * speed_km_s])
    span = PASS_S if body is JUPITER else PASS_S / 6.0
    return fly(body, et, state, et - span, et + span)


def _world(top: Settings, world: World) -> World:
    """The world with its haze and stars as the settings have them."""
    if not top.flag("stars", True):
        world = replace(world, stars=None)
    if "haze" in top.table:
        if top.table["haze"] is False:
            return replace(world, haze=None)
        if world.haze is None:
            raise UsageError(f"{top.where} [haze]: {world.body.name} has no air: leave the haze out")
        known = [f.name for f in fields(world.haze)]
        world = replace(world, haze=_changed(world.haze, Settings(top.table["haze"], f"{top.where} [haze]", known)))
    return world


def _spin(settings: Settings, spin: Spin) -> Spin:
    """A spin with what the settings give in place of what it had."""
    axis = spin.axis
    if ("axis_ra_deg" in settings.table) != ("axis_dec_deg" in settings.table):
        raise UsageError(f"{settings.where}: an axis has two angles: give both axis_ra_deg and axis_dec_deg")
    if "axis_ra_deg" in settings.table:
        ra = np.radians(settings.number("axis_ra_deg", 0.0, -360.0, 360.0))
        dec = np.radians(settings.number("axis_dec_deg", 0.0, -90.0, 90.0))
        axis = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    return replace(
        spin,
        axis=axis,
        period_s=settings.number("period_s", spin.period_s, 5.0, 600.0),
        turn=settings.angle("turn_deg", spin.turn),
        twist=settings.angle("twist_deg", spin.twist, -5.0, 5.0),
        tilt=settings.angle("tilt_deg", spin.tilt, -5.0, 5.0),
        nutation=settings.angle("nutation_deg", spin.nutation, 0.0, 5.0),
        coning=settings.number("coning", spin.coning, -10.0, 10.0),
    )


def _detector(value: object, detector: Detector, where: str) -> Detector:
    """A detector by name, "real", "ideal" or "bare", or with single properties changed."""
    named = {"real": Detector(), "ideal": Detector.ideal(), "bare": Detector.bare()}
    if isinstance(value, str):
        if value not in named:
            raise UsageError(f"{where}: detector is {value!r}: give {', '.join(named)}, or a table [detector]")
        return named[value]
    out = _changed(detector, Settings(value, f"{where} [detector]", [f.name for f in fields(Detector)]))
    for band in Filter:
        if out.throughput(band, LAST_FADING_PERIJOVE) < 0.0:
            raise UsageError(f"{where} [detector] fading: {band} has no light left at the end: let it lose less")
    return out


def _changed(thing: _Changeable, settings: Settings) -> _Changeable:
    """A dataclass of numbers, flags and tables by filter, with those given in its place; false switches one off."""
    new: dict[str, Any] = {}
    for key, value in settings.table.items():
        now = getattr(thing, key)
        least, most = _LIMITS.get(key, (-MOST, MOST))
        if isinstance(now, bool):
            new[key] = settings.flag(key, now)
        elif value is False and key in _NEVER_WITHOUT:
            raise UsageError(f"{settings.where}: {key} cannot be switched off: give a number, or leave it out")
        elif value is False:
            new[key] = _WITHOUT.get(key, 0.0)
        elif key in _BY_FILTER:
            table = Settings(value, f"{settings.where} {key}", list(Filter))
            read = table.pair if key in _PAIRS else table.limited
            new[key] = {**(now or {}), **{Filter(band): read(band, least, most) for band in table.table}}
        elif isinstance(now, int):
            new[key] = settings.whole(key, now, int(least), int(most))
        else:
            new[key] = settings.number(key, 0.0, least, most)
    try:
        return replace(thing, **new)
    except UsageError as error:
        raise UsageError(f"{settings.where}: {str(error).removeprefix('detector: ')}") from None


def _shots(value: object, scene: Scene, where: str) -> tuple[Shot, ...]:
    """The shots of a list of tables; `minutes` count from the closest approach."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise UsageError(f"{where}: shots is no list of tables: write each under [[shots]]")
    closest = float(scene.flight.et[np.argmin(np.linalg.norm(scene.flight.position_km, axis=1))])
    shots = []
    for k, table in enumerate(value):
        settings = Settings(table, f"{where} [[shots]] {k + 1}", _SHOT)
        if ("utc" in settings.table) == ("minutes" in settings.table):
            raise UsageError(f"{settings.where}: give either utc or minutes (from the closest approach)")
        near = settings.time("utc") if "utc" in settings.table else closest + 60.0 * settings.number("minutes", 0.0)
        shot = _shot(settings, k + 1, near)
        # the camera looks at the body within half a turn; light may have been on its way for half a minute
        aside = 0.5 * scene.spin.period_s + MOST_FRAMES * (shot.interframe_s + 0.02) / 2.0 + 60.0
        if not scene.flight.et[0] + aside < near < scene.flight.et[-1] - aside:
            raise UsageError(f"{settings.where}: its time lies outside the pass: come nearer to the closest approach")
        if shot.frames is None and frames_for(scene, near, shot.interframe_s) > MOST_FRAMES:
            raise UsageError(f"{settings.where}: the whole body takes more than {MOST_FRAMES} frames: give frames")
        shots.append(shot)
    if len({shot.number for shot in shots}) < len(shots):
        raise UsageError(f"{where}: two of the [[shots]] have the same number: give each its own")
    return tuple(shots)


def _shot(settings: Settings, number: int, near: float) -> Shot:
    plain = Shot(number, near)
    names = settings.table.get("filters", [band.value for band in plain.filters])
    if not isinstance(names, Sequence) or isinstance(names, str) or not names:
        raise UsageError(f'{settings.where}: filters is {names!r}: give a list such as ["BLUE", "GREEN", "RED"]')
    for name in names:
        if name not in list(Filter):
            raise UsageError(f"{settings.where}: there is no filter {name!r}: choose {', '.join(Filter)}")
    if len(set(names)) < len(names):
        raise UsageError(f"{settings.where}: filters names one twice: {', '.join(names)}; name each once")
    between = settings.number("interframe_s", plain.interframe_s, 0.05, 2.0)
    if abs(between * 1000.0 - round(between * 1000.0)) > 1e-6:
        raise UsageError(f"{settings.where}: interframe_s is {between!r}: the camera counts whole milliseconds")
    return replace(
        plain,
        number=settings.whole("number", number, 1, 9999),
        filters=tuple(Filter(name) for name in names),
        frames=settings.whole("frames", 0, 1, MOST_FRAMES) if "frames" in settings.table else None,
        interframe_s=between,
        stages=settings.whole("stages", plain.stages, 1, 512),
        binning=settings.whole("binning", plain.binning, 1, 2),
        bit_mode=settings.choice("bit_mode", plain.bit_mode, BIT_MODES),
        compression=settings.choice("compression", plain.compression, (LOSSY, LOSSLESS)),
        title=settings.text("title", plain.title),
        exposed=settings.flag("exposed", plain.exposed),
        hits=settings.number("hits", 0.0, 0.0, 1e6) if "hits" in settings.table else None,
        smear=settings.flag("smear", plain.smear),
    )
