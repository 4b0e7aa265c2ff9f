"""Where Juno was and how JunoCam stood, by kernels, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import BODIES, JUPITER, Body
from perijove.ephemeris.moons import moon_state, place_error_km, velocity_error_km_s
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import SpiceError, SpiceGap, UsageError
from perijove.instrument import camera_from_spacecraft
from perijove.spice.kernel import CAMERA, JUNO, SPACECRAFT, Kernel, Segment
from perijove.spice.select import KernelSet, told
from perijove.spice.solved import SolvedStrip, moved_covariance, nearest
from perijove.timescale import utc_from_et

FloatArray = NDArray[np.float64]

MARGIN_S = 300.0
"""The trajectory's grid reaches so far beyond the time that is asked for, where the kernels do."""
STEP_S, FLYBY_STEP_S = 5.0, 1.0
"""Spacing of the grid: cubic Hermite pieces are then good to 3 mm at perijove."""
RECONSTRUCTED_KM = 1.0
"""Error of a reconstructed orbit in one coordinate, one sigma, generously: the labels of perijove 44, which were made
from one, lie within 0.2 km of one orbit."""
UNKNOWN_KM, UNKNOWN_S = 2.0, 1.0
"""Error of an orbit whose kernel does not say what it is: across, and the time along it."""
OF_OUR_OWN = "kernels, solved"
"""What a trajectory by kernels of our own has for its source."""
PREDICTED_KM, PREDICTED_S = 10.0, 10.0
"""Error of a predicted orbit: across, and the time along it. The one issued a week before perijove 44 was 6.6 s late
there and up to 6 km beside the orbit of the labels."""
ATTITUDE_STEP_S = 0.25
"""Spacing at which an attitude is sampled: 3 deg of a turn."""
_JUPITER_SYSTEM = 5
_JUMP_KM = 50.0
_LARGEST_KM = 1e10


@dataclass(frozen=True)
class CameraAttitudes:
    """Attitudes of JunoCam (JUNO_JUNOCAM) by kernels: `et` (n,), `camera_from_j2000` (n, 3, 3).

    `angular_velocity` (n, 3) rad/s in j2000 is the spacecraft's, NaN where the kernel holds none. `names` are the
    attitude kernels behind it; with `solved` they are Perijove's own, made with its own optics of the camera, else they
    go with those of NAIF's instrument kernel (see `attitude.given.optics_turn`).
    """

    et: FloatArray
    camera_from_j2000: FloatArray
    angular_velocity: FloatArray
    names: tuple[str, ...]
    solved: bool = False


def spice_trajectory(
    kernels: KernelSet, body: Body, et0: float, et1: float, *, step_s: float | None = None, image: bool = True
) -> Trajectory:
    """Juno's states about the centre of a body from `et0` to `et1` and 5 minutes on either side, by SPK kernels.

    Geometric, in j2000. Where the kernels have only the barycentre of Jupiter's system, or not the moon, its place is
    that of `ephemeris.moons`, with its error in the covariance. `step_s` is the spacing of the grid. Kernels of our own
    are as good as they say: with what their `image` told, or as the place was known before it, for whoever asks the
    same image again. Raises SpiceGap where the kernels do not cover the time (it names what they cover), SpiceError for
    damaged ones.
    """
    chosen = kernels.covering(et0, et1)
    spans = [s for s in chosen.position_spans() if s[0] <= et0 and et1 <= s[1]]
    if not spans:
        raise SpiceGap(_gap("position (SPK of Juno, -61)", et0, et1, told(kernels.position_spans())))
    first, last = max(spans[0][0], et0 - MARGIN_S), min(spans[0][1], et1 + MARGIN_S)
    step = step_s or (STEP_S if body.parent is None else FLYBY_STEP_S)
    grid = np.linspace(first, last, max(2, int(np.ceil((last - first) / step)) + 1))
    reference = 0.5 * (et0 + et1)
    chosen = kernels.covering(first, last)
    with chosen.load("SPK") as spice:
        found = _states_about(spice, body, np.append(grid, reference))
    if found is None:
        raise SpiceGap(
            f"the kernels ({', '.join(chosen.names)}) lead from Juno to nothing that leads to {body.name}; "
            "give an SPK of Jupiter's system too (jup365.bsp)"
        )
    states, theory = found
    _check_states(states[:-1], grid, chosen)
    orbit = _source_of(chosen, reference)
    own = nearest(orbit.solved, reference)
    covariance = (
        orbit_covariance(states[-1], body, orbit.origin, reference)
        if own is None
        else own.covariance(reference, image=image)
    )
    return Trajectory(
        body=body.name,
        source=f"kernels, {orbit.origin or 'of unknown origin'}" + (", a moon's place by theory" if theory else ""),
        et=grid,
        position_km=states[:-1, :3],
        velocity_km_s=states[:-1, 3:],
        reference_et=reference,
        covariance=covariance + np.diag(theory_error(body, theory)),
        unseen_km=0.0 if own is None else own.unseen_km,
        used=tuple(k.name for k in chosen.of_kind("SPK")),
    )


def pieced_trajectory(
    kernels: KernelSet, body: Body, stretches: Sequence[tuple[float, float]], *, image: bool = True
) -> Trajectory:
    """`spice_trajectory` from the first to the last of some stretches of ET, or where there are gaps between them piece
    by piece; what lies between pieces is a guess then.

    The worst piece tells the covariance. Raises SpiceGap where a stretch is not covered.
    """
    first, last = min(a for a, _ in stretches), max(b for _, b in stretches)
    try:
        return spice_trajectory(kernels, body, first, last, image=image)
    except SpiceGap:
        if len(stretches) == 1:
            raise
    pieces = [spice_trajectory(kernels, body, a, b, image=image) for a, b in sorted(stretches)]
    worst = max(pieces, key=lambda p: float(np.trace(p.covariance[:3, :3])) + 3.0 * p.unseen_km**2)
    et, place, velocity = pieces[0].et, pieces[0].position_km, pieces[0].velocity_km_s
    for piece in pieces[1:]:
        new = piece.et > et[-1]
        et = np.concatenate([et, piece.et[new]])
        place, velocity = (
            np.vstack([place, piece.position_km[new]]),
            np.vstack([velocity, piece.velocity_km_s[new]]),
        )
    reference = 0.5 * (first + last)
    return replace(
        worst,
        et=et,
        position_km=place,
        velocity_km_s=velocity,
        reference_et=reference,
        covariance=moved_covariance(worst.covariance, reference - worst.reference_et),
        used=tuple(dict.fromkeys(name for piece in pieces for name in piece.used)),
    )


def _gap(what: str, et0: float, et1: float, there: str) -> str:
    return f"the kernels hold no {what} from {utc_from_et(et0)} to {utc_from_et(et1)}; they cover {there}"


def _states_about(spice: ModuleType, body: Body, et: FloatArray) -> tuple[FloatArray, bool] | None:
    """States (n, 6) of Juno, and whether a moon's place came from theory; None where nothing leads to the body."""
    direct = _geometric(spice, body.naif_id, et)
    if direct is not None:
        return direct, False
    if body.parent is not None:
        planet = _states_about(spice, BODIES[body.parent], et)
        return None if planet is None else (planet[0] - moon_state(body, et), True)
    system = _geometric(spice, _JUPITER_SYSTEM, et) if body == JUPITER else None
    return None if system is None else (system - centre_of_jupiter(et), True)


def _geometric(spice: ModuleType, centre: int, et: FloatArray) -> FloatArray | None:
    try:
        return np.array([spice.spkgeo(JUNO, float(t), "J2000", centre)[0] for t in et])
    except spice.exceptions.SpiceSPKINSUFFDATA:
        return None


def centre_of_jupiter(et: ArrayLike) -> FloatArray:
    """State (..., 6) km, km/s in j2000 of Jupiter's centre relative to the barycentre of its system, by its moons."""
    moons = [body for body in BODIES.values() if body.parent == JUPITER.name]
    total = JUPITER.gm + sum(moon.gm for moon in moons)
    out: FloatArray = -np.sum([moon.gm / total * moon_state(moon, et) for moon in moons], axis=0)
    return out


def theory_error(body: Body, theory: bool) -> FloatArray:
    """Variances (6,) km^2, km^2/s^2 of the place of the body's centre where a theory supplied it, else zero."""
    if not theory:
        return np.zeros(6)
    if body.parent is not None:
        return np.repeat([place_error_km(body) ** 2, velocity_error_km_s(body) ** 2], 3)
    moons = [moon for moon in BODIES.values() if moon.parent == body.name]
    errors = [(m.gm / body.gm * place_error_km(m), m.gm / body.gm * velocity_error_km_s(m)) for m in moons]
    return np.repeat(np.sum(np.square(errors), axis=0), 3)


def _check_states(states: FloatArray, et: FloatArray, chosen: KernelSet) -> None:
    """Raises SpiceError where states are not numbers, or velocities do not lead from place to place."""
    moved = np.diff(states[:, :3], axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        led = 0.5 * (states[1:, 3:] + states[:-1, 3:]) * np.diff(et)[:, None]
        miss = np.linalg.norm(moved - led, axis=1)
        whole = np.isfinite(states).all() and np.abs(states).max() < _LARGEST_KM
        whole = bool(whole and (miss < _JUMP_KM + 0.01 * np.linalg.norm(moved, axis=1)).all())
    if not whole:
        names = ", ".join(str(k.path) for k in chosen.of_kind("SPK"))
        raise SpiceError(f"{names}: Juno's positions and velocities contradict each other; download the kernel again")


def _source_of(chosen: KernelSet, et: float) -> Kernel:
    """The SPK that SPICE takes Juno from at a time: the last that covers it."""
    told_by = (k for k in reversed(chosen.of_kind("SPK")) if any(_holds(s, et) for s in k.segments))
    return next(told_by)


def _holds(segment: Segment, et: float) -> bool:
    return segment.target == JUNO and segment.start <= et <= segment.stop


def orbit_covariance(state: FloatArray, body: Body, origin: str, et: float) -> FloatArray:
    """Covariance (6, 6), km and km/s, of a state (6,) about a body by its kernel's `origin`.

    The time along the orbit moves the position by the velocity and the velocity by gravity; beside that each coordinate
    has its own error, and the velocity that error over the time in which the geometry changes.
    """
    known = {"predicted": (PREDICTED_KM, PREDICTED_S), "reconstructed": (RECONSTRUCTED_KM, 0.0)}
    km, seconds = known.get(origin, (UNKNOWN_KM, UNKNOWN_S))
    # late along its orbit round Jupiter; past a moon the moon's own flight is no part of that
    planet = BODIES[body.parent] if body.parent else body
    about = state + moon_state(body, et) if body.parent else state
    distance = float(np.linalg.norm(about[:3]))
    late = np.concatenate([about[3:], -planet.gm / distance**3 * about[:3]]) * seconds
    slow = km * float(np.linalg.norm(state[3:])) / float(np.linalg.norm(state[:3]))
    covariance: FloatArray = np.outer(late, late) + np.diag(np.repeat([km**2, slow**2], 3))
    return covariance


def spice_attitude(kernels: KernelSet, et: ArrayLike) -> CameraAttitudes | None:
    """How the camera stood at ET (n,), by CK and frame kernels; None where one of the times is not covered.

    Without a frame kernel of Juno the camera's mounting is `instrument.camera_from_spacecraft`. Raises SpiceError where
    leap seconds or clock are missing, and for damaged kernels.
    """
    times = np.atleast_1d(np.asarray(et, dtype=float))
    if not kernels.of_kind("CK"):
        return None
    kernels.need_clock()
    chosen = kernels.covering(float(times.min()), float(times.max()))
    if not chosen.of_kind("CK"):
        return None
    with chosen.load("LSK", "SCLK", "FK", "CK") as spice:
        mounting: FloatArray | None = None
        rotations, rates = [], []
        for t in times:
            ticks = spice.sce2c(JUNO, float(t))
            found = _turned(spice, CAMERA, ticks)
            if found is None:
                found = _turned(spice, SPACECRAFT, ticks)
                if found is None:
                    return None
                mounting = _mounting(spice, float(t)) if mounting is None else mounting
                found = (mounting @ found[0], found[1])
            rotations.append(found[0])
            rates.append(found[1])
    if not np.isfinite(rotations).all():
        paths = ", ".join(str(k.path) for k in chosen.of_kind("CK"))
        raise SpiceError(f"{paths}: holds attitudes that are no numbers; download the kernel again")
    names = tuple(k.name for k in chosen.of_kind("CK"))
    # the last one is asked first
    solved = chosen.of_kind("CK")[-1].origin == "solved"
    return CameraAttitudes(times, np.array(rotations), np.array(rates), names, solved)


def _turned(spice: ModuleType, frame: int, ticks: float) -> tuple[FloatArray, FloatArray] | None:
    """Rotation (3, 3) from j2000 and angular velocity (3,) of a frame that a CK tells, None where none does."""
    with spice.no_found_check():
        rotation, rate, _, found = spice.ckgpav(frame, ticks, 0.0, "J2000")
        if not found:
            rotation, _, found = spice.ckgp(frame, ticks, 0.0, "J2000")
            rate = np.full(3, np.nan)
    return (np.asarray(rotation, dtype=float), np.asarray(rate, dtype=float)) if found else None


def _mounting(spice: ModuleType, et: float) -> FloatArray:
    """Rotation (3, 3) from spacecraft to camera by the frame kernel, or by the instrument's own numbers."""
    if spice.namfrm("JUNO_JUNOCAM") != CAMERA:
        return camera_from_spacecraft()
    return np.asarray(spice.pxform("JUNO_SPACECRAFT", "JUNO_JUNOCAM", et), dtype=float)


def attitudes_over(kernels: KernelSet, et0: float, et1: float, *, step_s: float = ATTITUDE_STEP_S) -> CameraAttitudes:
    """How the camera stood from `et0` to `et1`, sampled finely enough for a turning spacecraft.

    Raises SpiceGap where the kernels do not cover the time (it names what they cover), UsageError for an empty stretch,
    SpiceError as `spice_attitude`.
    """
    if not et0 < et1:
        raise UsageError(f"an attitude is asked for from ET {et0} to {et1}: the end must come after the beginning")
    et = np.linspace(et0, et1, max(3, int(np.ceil((et1 - et0) / step_s)) + 1))
    found = spice_attitude(kernels, et)
    if found is None:
        there = told(kernels.attitude_spans())
        raise SpiceGap(_gap("attitude (CK of Juno, -61000)", et0, et1, there))
    return found


def solved_strip(kernels: KernelSet, product_id: str, frames: int) -> SolvedStrip | None:
    """What attitude kernels of our own tell of a product with so many frames, by the last; None for nothing."""
    found = [s for k in kernels.of_kind("CK") for s in k.solved if s.is_of(product_id, frames)]
    return found[-1] if found else None


def spice_clock(kernels: KernelSet, count: str) -> float:
    """ET when Juno's clock shows a count as labels write it ('525560580:87'). Raises SpiceError where none tells."""
    kernels.need_clock()
    leap_and_clock = kernels.clock_alone()
    try:
        with leap_and_clock.load() as spice:
            return float(spice.scs2e(JUNO, count))
    except SpiceError as error:
        raise SpiceError(
            f"{', '.join(leap_and_clock.names)}: SPACECRAFT_CLOCK_START_COUNT {count[:40]!r} cannot be told ({error})"
        ) from error


__all__ = [
    "OF_OUR_OWN",
    "CameraAttitudes",
    "attitudes_over",
    "centre_of_jupiter",
    "orbit_covariance",
    "pieced_trajectory",
    "solved_strip",
    "spice_attitude",
    "spice_clock",
    "spice_trajectory",
]
