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
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.simulate.detector import Detector
from perijove.simulate.frames import Spin, axes_about, j2000_from_body
from perijove.simulate.haze import Haze
from perijove.simulate.motion import Flight, fly
from perijove.simulate.optics import Lens
from perijove.simulate.scene import Scene, Shot
from perijove.simulate.scenes import PASS_S, jupiter_world, moon_world, named_scene, spin_near_earth
from perijove.simulate.world import World
from perijove.simulate.worlds.painting import Painter
from perijove.timescale import TimeError, et_from_utc

FloatArray = NDArray[np.float64]
Table = Mapping[str, object]
_Changeable = TypeVar("_Changeable", Lens, Detector, Haze)

_TOP = ("scene", "name", "target", "seed", "perijove", "flyby", "spin", "errors", "lens", "detector", "haze", "stars",
        "shots", "texture", "texture_centre_deg")  # fmt: skip
_FLYBY = ("utc", "altitude_km", "latitude_deg", "longitude_deg", "speed_km_s", "heading_deg")
_SPIN = ("axis_ra_deg", "axis_dec_deg", "period_s", "turn_deg", "twist_deg", "tilt_deg", "nutation_deg", "coning")
_SHOT = ("number", "utc", "minutes", "filters", "frames", "interframe_s", "stages", "binning", "bit_mode",
         "compression", "title", "exposed")  # fmt: skip
_BY_FILTER = ("response", "fading", "line_tilt", "shift", "scale", "depth", "whiteness")


class Settings:
    """A table with a name: what is read from it is checked, and what is not known is refused."""

    def __init__(self, table: object, where: str, known: Sequence[str]) -> None:
        """Refuse, with `UsageError`, what is no table or holds a key that is not `known`."""
        if not isinstance(table, Mapping):
            raise UsageError(f"{where} is no table of settings: write it as [{where.split()[-1]}] with lines under it")
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise UsageError(f"{where}: there is no setting {key!r}: {hint}")
        self.table, self.where = table, where

    def number(self, key: str, default: float, least: float = -math.inf, most: float = math.inf) -> float:
        """A finite number between two bounds, or the default."""
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise UsageError(f"{self.where}: {key} is {value!r}, which is no number: give one")
        if not least <= value <= most:
            raise UsageError(f"{self.where}: {key} is {value!r}: give a number from {least:g} to {most:g}")
        return float(value)

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

    def flag(self, key: str, default: bool) -> bool:
        """True or false, or the default."""
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise UsageError(f"{self.where}: {key} is {value!r}: give true or false")
        return value

    def time(self, key: str) -> float:
        """ET of a UTC text."""
        try:
            return et_from_utc(self.text(key, ""))
        except TimeError as error:
            raise UsageError(f"{self.where}: {key}: {error}") from None


def custom_scene(table: Table, where: str, *, seed: int | None = None, painter: Painter | None = None) -> Scene:
    """The scene that settings describe; docs/simulate.md lists them all.

    `where` names their source in messages. `seed` and `painter` replace the settings' own. Either `scene` names a scene
    that is changed by the other settings, or `target` and `flyby` make a new one. Raises UsageError for whatever makes
    no sense.
    """
    top = Settings(table, where, _TOP)
    number = top.whole("seed", 0, 0, 2**31) if seed is None else seed
    if "scene" in table:
        scene = named_scene(top.text("scene", ""), number)
        if painter is not None:
            scene = replace(scene, world=replace(scene.world, painter=painter))
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
    flight = closest_approach(
        body,
        et,
        altitude_km=flyby.number("altitude_km", 5000.0, 1.0, 1e7),
        latitude=np.radians(flyby.number("latitude_deg", 0.0, -90.0, 90.0)),
        longitude=np.radians(flyby.number("longitude_deg", 0.0, -360.0, 360.0)),
        speed_km_s=flyby.number("speed_km_s", 57.0 if body is JUPITER else 18.5, 0.1, 200.0),
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
    if "axis_ra_deg" in settings.table or "axis_dec_deg" in settings.table:
        ra = np.radians(settings.number("axis_ra_deg", 0.0, -360.0, 360.0))
        dec = np.radians(settings.number("axis_dec_deg", 0.0, -90.0, 90.0))
        axis = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    return replace(
        spin,
        axis=axis,
        period_s=settings.number("period_s", spin.period_s, 5.0, 600.0),
        turn=np.radians(settings.number("turn_deg", float(np.degrees(spin.turn)))),
        twist=np.radians(settings.number("twist_deg", float(np.degrees(spin.twist)), -5.0, 5.0)),
        tilt=np.radians(settings.number("tilt_deg", float(np.degrees(spin.tilt)), -5.0, 5.0)),
        nutation=np.radians(settings.number("nutation_deg", float(np.degrees(spin.nutation)), 0.0, 5.0)),
        coning=settings.number("coning", spin.coning, -10.0, 10.0),
    )


def _detector(value: object, detector: Detector, where: str) -> Detector:
    """A detector by name, "real", "ideal" or "bare", or with single properties changed."""
    named = {"real": Detector(), "ideal": Detector.ideal(), "bare": Detector.bare()}
    if isinstance(value, str):
        if value not in named:
            raise UsageError(f"{where}: detector is {value!r}: give {', '.join(named)}, or a table [detector]")
        return named[value]
    return _changed(detector, Settings(value, f"{where} [detector]", [f.name for f in fields(Detector)]))


def _changed(thing: _Changeable, settings: Settings) -> _Changeable:
    """A dataclass of numbers, flags and tables by filter, with those given in its place; false switches a table off."""
    new: dict[str, Any] = {}
    for key, value in settings.table.items():
        now = getattr(thing, key)
        if key in _BY_FILTER and value is not False:
            new[key] = {**(now or {}), **_by_filter(Settings(value, f"{settings.where} {key}", list(Filter)), key)}
        elif isinstance(now, bool):
            new[key] = settings.flag(key, now)
        elif value is False:
            new[key] = None if now is None or key in ("full_dn", "fading", "line_tilt") else 0.0
        else:
            number = settings.number(key, 0.0)
            new[key] = int(number) if isinstance(now, int) else number
    return replace(thing, **new)


def _by_filter(settings: Settings, key: str) -> dict[Filter, object]:
    """Numbers, or pairs of numbers, by filter."""
    out: dict[Filter, object] = {}
    for band, value in settings.table.items():
        if key not in ("shift", "fading"):
            out[Filter(band)] = settings.number(str(band), 0.0)
            continue
        if not isinstance(value, Sequence) or len(value) != 2 or not all(isinstance(v, int | float) for v in value):
            raise UsageError(f"{settings.where}: {band} is {value!r}: give two numbers, as [0.0, 0.5]")
        out[Filter(band)] = (float(value[0]), float(value[1]))
    return out


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
        if not scene.flight.et[0] + 120.0 < near < scene.flight.et[-1] - 120.0:
            raise UsageError(f"{settings.where}: its time lies outside the pass: come nearer to the closest approach")
        shots.append(_shot(settings, k + 1, near))
    if len({shot.number for shot in shots}) < len(shots):
        raise UsageError(f"{where}: two of the [[shots]] have the same number: give each its own")
    return tuple(shots)


def _shot(settings: Settings, number: int, near: float) -> Shot:
    plain = Shot(number, near)
    names = settings.table.get("filters", [band.value for band in plain.filters])
    if not isinstance(names, Sequence) or isinstance(names, str) or not names or len(set(names)) < len(names):
        raise UsageError(f'{settings.where}: filters is {names!r}: give a list such as ["BLUE", "GREEN", "RED"]')
    for name in names:
        if name not in list(Filter):
            raise UsageError(f"{settings.where}: there is no filter {name!r}: choose {', '.join(Filter)}")
    return replace(
        plain,
        number=settings.whole("number", number, 1, 9999),
        filters=tuple(Filter(name) for name in names),
        frames=settings.whole("frames", 0, 1, 120) if "frames" in settings.table else None,
        interframe_s=settings.number("interframe_s", plain.interframe_s, 0.05, 2.0),
        stages=settings.whole("stages", plain.stages, 1, 512),
        binning=settings.whole("binning", plain.binning, 1, 2),
        bit_mode=settings.text("bit_mode", plain.bit_mode),
        compression=settings.text("compression", plain.compression),
        title=settings.text("title", plain.title),
        exposed=settings.flag("exposed", plain.exposed),
    )
