"""Measure: everything that is said of one strip of a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass

import numpy as np
from benchmarks.accuracy.cases import FloatArray
from benchmarks.accuracy.honesty import Chi, attitude_chi, displacement_chi, expected_range
from benchmarks.accuracy.process import Done
from benchmarks.accuracy.radiance import Radiance, radiance
from benchmarks.accuracy.truth import Seen, attitude_error, colour_errors, map_errors, see

from perijove.attitude.problem import BANDS

NAN = float("nan")
ASTRAY = 10.0


@dataclass(frozen=True)
class Row:
    """One strip against the truth; solution less truth. `failed` says why there is nothing else.

    Angles in degrees, times in s, places in km. `attitude_deg` is the turn of the middle frame's attitude about the
    camera's X, Y and Z, `phase_deg` that about the spin axis; `sigma_px` and `axis_sigma_deg` are the stated
    errors. `roll_deg` is the turn about the line to the body's centre, `less_roll_px` the median distance without
    it. `rms_px` is the error's rms in one coordinate, to be held against `sigma_px`; `bias_px` its mean (line,
    sample) by filter. `points` and `attitude` are chi-squares.
    """

    case: str
    product_id: str
    failed: str = ""
    verdict: str = ""
    noiseless: bool = False
    made_up: bool = False
    distance_km: float = NAN
    seconds: float = NAN
    axis_deg: float = NAN
    axis_sigma_deg: float = NAN
    period_s: float = NAN
    period_sigma_s: float = NAN
    attitude_deg: tuple[float, ...] = ()
    phase_deg: float = NAN
    start_s: float = NAN
    twist_deg: float = NAN
    tilt_deg: float = NAN
    position_km: float = NAN
    limb_rms_px: float = NAN
    median_px: float = NAN
    p95_px: float = NAN
    roll_deg: float = NAN
    less_roll_px: float = NAN
    rms_px: float = NAN
    sigma_px: float = NAN
    bias_px: dict[str, tuple[float, float]] = field(default_factory=dict)
    colour_px: float = NAN
    map_km: float = NAN
    map_px: float = NAN
    radiance: dict[str, Radiance] = field(default_factory=dict)
    points: Chi = field(default_factory=lambda: Chi(0.0, 0))
    attitude: Chi = field(default_factory=lambda: Chi(0.0, 0))
    z: dict[str, float] = field(default_factory=dict)


def measure(done: Done, index: int, *, light: bool) -> Row:
    """The row of one strip of a case; `light` has its radiance compared too."""
    scene, strip, o = done.made.scene, done.strips[index], done.observations[index]
    p, k = o.pointing, len(o.pointing.et) // 2
    seen = see(scene, strip, p)
    length = np.linalg.norm(seen.error, axis=-1)
    colour = colour_errors(scene, strip, p, seen)
    km, px = map_errors(scene, p, seen)
    turn = attitude_error(scene, strip, p)
    along = p.spin.camera_from_j2000(float(p.et[k])) @ p.spin.axis
    et = float(p.et[k])
    return Row(
        case=done.made.case.name,
        product_id=strip.product_id,
        verdict=p.verdict,
        noiseless=done.made.case.detector in ("uncoded", "ideal"),
        made_up=done.made.hint is not None,
        distance_km=float(np.linalg.norm(scene.flight.position(et))),
        axis_deg=_angle(scene.spin.axis, p.spin.axis),
        axis_sigma_deg=float(np.hypot(p.sigmas["ra"] * np.cos(p.spin.dec), p.sigmas["dec"])),
        period_s=p.spin.period_s - scene.spin.period_s,
        period_sigma_s=p.sigmas["rate"] * p.spin.period_s**2 / (2.0 * np.pi),
        attitude_deg=tuple(np.degrees(turn).tolist()),
        phase_deg=float(np.degrees(turn @ along)),
        start_s=p.start_offset_s - strip.timing.jitter_s,
        twist_deg=float(np.degrees(p.spin.twist - scene.spin.twist)),
        tilt_deg=float(np.degrees(p.spin.tilt - scene.spin.tilt)),
        position_km=float(np.linalg.norm(p.position_km[k] - scene.flight.position(et))),
        limb_rms_px=p.limb_rms_px,
        median_px=float(np.median(length)),
        p95_px=float(np.percentile(length, 95)),
        roll_deg=float(np.degrees(seen.roll)),
        less_roll_px=_median(np.linalg.norm(seen.error - seen.roll * seen.by_roll, axis=-1)),
        rms_px=float(np.sqrt(np.mean(seen.error**2))),
        sigma_px=p.sigma_px,
        bias_px=_bias(seen),
        colour_px=_median(colour),
        map_km=_median(km),
        map_px=_median(px),
        radiance=radiance(scene, strip, o) if light else {},
        points=displacement_chi(p, o.trajectory, scene, seen),
        attitude=attitude_chi(scene, strip, p, o.trajectory),
        z=_in_sigmas(done, index),
    )  # fmt: skip


def _angle(a: FloatArray, b: FloatArray) -> float:
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else NAN


def _bias(seen: Seen) -> dict[str, tuple[float, float]]:
    """Mean error (line, sample) by filter."""
    out = {}
    for band in sorted(set(seen.band.tolist())):
        line, sample = seen.error[seen.band == band].mean(axis=0)
        out[BANDS[band].value] = (float(line), float(sample))
    return out


def _in_sigmas(done: Done, index: int) -> dict[str, float]:
    """Errors of the parameters that have a truth of their own, in their stated sigmas."""
    scene, strip, p = done.made.scene, done.strips[index], done.observations[index].pointing
    true = {
        "rate": 2.0 * np.pi / scene.spin.period_s,
        "twist": np.degrees(scene.spin.twist),
        "tilt": np.degrees(scene.spin.tilt),
        "interframe": scene.interframe_error_s,
        "offset": strip.timing.jitter_s,
    }
    return {name: float((p.parameters[name] - value) / p.sigmas[name]) for name, value in true.items()}


@dataclass(frozen=True)
class Pooled:
    """Chi-squares of many strips: `reduced` that of all together, `expected` where an honest solution's lies nine times
    in ten, `between` the 5th and 95th percentile of the strips' own and `median` their median."""

    reduced: float
    expected: tuple[float, float]
    between: tuple[float, float]
    median: float


@dataclass(frozen=True)
class Summary:
    """The whole of the cases. Strips `astray` are wrong by more than `ASTRAY` times what they state: named, and not in
    the pooled chi-squares. `sigma_ratio` is the median of error over stated error of places on the disc."""

    done: int
    failed: int
    astray: tuple[str, ...]
    points: Pooled
    attitude: Pooled
    sigma_ratio: float


def summarise(rows: Sequence[Row]) -> Summary:
    """Over all rows, the failed ones counted only."""
    good = [row for row in rows if not row.failed]
    astray = [row for row in good if not np.nanmax([row.points.reduced, row.attitude.reduced, 0.0]) < ASTRAY**2]
    sound = [row for row in good if row not in astray]
    ratio = [row.rms_px / row.sigma_px for row in good if row.sigma_px > 0]
    return Summary(
        len(good),
        len(rows) - len(good),
        tuple(dict.fromkeys(row.case for row in astray)),
        _pooled([row.points for row in sound]),
        _pooled([row.attitude for row in sound]),
        float(np.median(ratio)) if ratio else NAN,
    )


def _pooled(chis: Sequence[Chi]) -> Pooled:
    dof = sum(chi.dof for chi in chis)
    if not dof:
        return Pooled(NAN, (NAN, NAN), (NAN, NAN), NAN)
    single = [chi.reduced for chi in chis if chi.dof]
    low, median, high = np.percentile(single, [5, 50, 95])
    total = sum(chi.total for chi in chis)
    return Pooled(total / dof, expected_range(dof), (float(low), float(high)), float(median))


def plain(value: object) -> object:
    """Rows and summaries as what JSON holds, numbers that are none as null."""
    if isinstance(value, Chi):
        return {"total": plain(value.total), "dof": value.dof, "reduced": plain(value.reduced)}
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
