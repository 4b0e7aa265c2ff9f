"""What `solve` and `picture` tell of a strip, as the plain objects that docs/report.md describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from perijove.attitude.pointing import Pointing
from perijove.calibrate.framelets import Calibrated
from perijove.calibrate.response import ABSOLUTE_UNCERTAINTY, UNCERTAINTY
from perijove.calibrate.triage import Word
from perijove.ephemeris.trajectory import Trajectory
from perijove.instrument import START_TIME_BIAS_S, TDI_STEP_S
from perijove.observation import Observation
from perijove.timescale import utc_from_et


def describe(observation: Observation) -> dict[str, Any]:
    """The entry of one strip in a report, without picture and timings."""
    label, trajectory = observation.raw.label, observation.trajectory
    return {
        "product_id": label.product_id,
        "target": label.target,
        "trajectory": {
            "source": trajectory.source,
            "labels": 0 if _by_kernels(trajectory) else len(trajectory.used),
            "kernels": list(trajectory.used) if _by_kernels(trajectory) else [],
            "rms_km": trajectory.rms_km,
            "rejected": list(trajectory.rejected),
            "position_sigma_km": float(
                np.sqrt(np.trace(trajectory.covariance[:3, :3]) / 3.0 + trajectory.unseen_km**2)
            ),
        },
        "pointing": {**_pointing(observation.pointing), "times": times_found(observation)},
        "light": light_report(observation.calibrated),
    }


def _by_kernels(trajectory: Trajectory) -> bool:
    """Whether kernels told where Juno was, so that they are what it names."""
    return trajectory.source.startswith("kernels")


def _behind(trajectory: Trajectory) -> str:
    """What a trajectory was found from, for people: the kernels by name, of labels how many."""
    if not trajectory.used:
        return ""
    if _by_kernels(trajectory):
        return f": {', '.join(trajectory.used)}"
    return f": {len(trajectory.used)} label{'s' if len(trajectory.used) > 1 else ''}"


def light_report(done: Calibrated) -> dict[str, Any]:
    """What calibration found: the verdict on the strip as it came down, and the numbers by filter."""
    return {
        "verdict": done.verdict.word.value,
        "reasons": list(done.verdict.reasons),
        "measures": dict(done.verdict.measures),
        "notes": list(done.verdict.notes),
        "calibration": {band.value: name for band, name in done.source.items()},
        "exposure_s": done.exposure_s,
        "sun_distance_km": done.sun_distance_km,
        "dn_per_i_over_f": {band.value: dn for band, dn in done.dn_per_light.items()},
        "bias_dn": {band.value: float(np.mean(part.bias.level_dn)) for band, part in done.details.items()},
        "replaced": {band.value: len(part.mended.index) for band, part in done.details.items()},
        "stray_light_dn": {band.value: float(np.mean(part.veil.dn)) for band, part in done.details.items()},
        "fixed_places": {band.value: part.fixed_pixels for band, part in done.details.items()},
        "full_fraction": done.full_fraction,
        "relative_sigma": {
            "of_all_filters": ABSOLUTE_UNCERTAINTY,
            "against_green": {band.value: UNCERTAINTY[band] for band in done.details},
        },
    }


def _pointing(p: Pointing) -> dict[str, Any]:
    """The solution with what is left of the data."""
    axis = p.spin.axis
    return {
        "source": p.source,
        "spin_period_s": p.spin.period_s,
        "start_offset_s": p.start_offset_s,
        "interframe_correction_s": p.interframe_s,
        "twist_deg": float(np.degrees(p.spin.twist)),
        "tilt_deg": float(np.degrees(p.spin.tilt)),
        "spin_axis_j2000_deg": [float(np.degrees(np.arctan2(axis[1], axis[0])) % 360.0), float(np.degrees(p.spin.dec))],
        "limb": {
            "points": len(p.limb.used),
            "used": int(p.limb.used.sum()),
            "rms_px": p.limb_rms_px,
            "median_px_by_band": {band.value: value for band, value in p.limb_median_px.items()},
        },
        "ties": {"points": p.ties, "typical_px_by_band": {band.value: value for band, value in p.tie_rms_px.items()}},
        **({} if p.on_map is None else {"map": asdict(p.on_map)}),
        "sigma_px": p.sigma_px,
        "good": p.good,
        "verdict": p.verdict,
    }


def detail(observation: Observation) -> dict[str, Any]:
    """What `solve` adds: unknowns with sigmas, framelet times and attitude, and the limb's residuals."""
    p = observation.pointing
    residuals = []
    for band in p.limb_median_px:
        for frame in np.unique(p.limb.frame):
            mine = p.limb.used & (p.limb.band == band.value) & (p.limb.frame == frame)
            if mine.any():
                r = p.limb.residual_px[mine]
                entry = {"band": band.value, "frame": int(frame), "points": int(mine.sum())}
                residuals.append({**entry, "mean_px": float(r.mean()), "rms_px": float(np.sqrt(np.mean(r**2)))})
    return {
        "unknowns": {
            name: {"value": value, "sigma": p.sigmas[name]}
            for name, value in p.parameters.items()
            if p.sigmas[name] > 0.0
        },
        "covariance": {"order": list(p.parameters), "matrix": p.covariance.tolist()},
        "frames": {
            "et": p.et.tolist(),
            "position_j2000_km": p.position_km.tolist(),
            "velocity_j2000_km_s": None if p.velocity_km_s is None else p.velocity_km_s.tolist(),
            "camera_from_j2000": p.spin.camera_from_j2000(p.et).tolist(),
        },
        "camera": {
            "line_shift_px": {band.value: shift[0] for band, shift in p.camera.shift.items()},
            "sample_shift_px": {band.value: shift[1] for band, shift in p.camera.shift.items()},
            "scale": {band.value: scale for band, scale in p.camera.scale.items()},
        },
        "limb_residuals": residuals,
    }


def times_found(observation: Observation) -> dict[str, Any]:
    """START_TIME and INTERFRAME_DELAY as they were solved, as a label would have them, with their errors."""
    p, label = observation.pointing, observation.raw.label
    start = float(p.et[0]) - START_TIME_BIAS_S - (label.exposure_s or TDI_STEP_S) / 2.0
    step = None if label.interframe_delay_s is None else label.interframe_delay_s + p.interframe_s
    return {
        "start_utc": utc_from_et(start),
        "start_sigma_s": p.sigmas["offset"],
        "interframe_delay_s": step,
        "interframe_delay_sigma_s": p.sigmas["interframe"],
    }


def _times(observation: Observation) -> list[str]:
    """A line on time and step where no label told them; none where one did."""
    label = observation.raw.label
    if label.start_sigma_s is None and label.interframe_sigma_s is None:
        return []
    found = times_found(observation)
    start = f"{found['start_utc']} +- {found['start_sigma_s']:.2f} s"
    step = ""
    if found["interframe_delay_s"] is not None:
        step = f", step {found['interframe_delay_s']:.4f} +- {found['interframe_delay_sigma_s']:.4f} s"
    return [f"  start       {start}{step}, exposure {1e3 * (label.exposure_s or TDI_STEP_S):.1f} ms"]


def _on_map(p: Pointing) -> list[str]:
    """A line on how a strip lies on the map that it was tied to; none where it was tied to none."""
    fit = p.on_map
    if fit is None:
        return []
    lies = f"{fit.latitude_deg:+.2f} N, {fit.longitude_deg:+.2f} E deg from where the trajectory has it"
    return [f"  map         {fit.ties} places fit to {fit.median_px:.2f} px in the median; its ground lies {lies}"]


def solution_summary(observation: Observation, timings_s: Mapping[str, float]) -> str:
    """A few lines for people."""
    entry = describe(observation)
    p, t, light = observation.pointing, observation.trajectory, observation.calibrated.verdict
    fit = "" if not np.isfinite(t.rms_km) else f", fitting to {t.rms_km:.2f} km"
    seconds = sum(timings_s.values())
    return "\n".join(
        [
            f"{entry['product_id']}  {entry['target']}",
            f"  trajectory  {t.source}{_behind(t)}{fit}",
            f"  pointing    {p.source}; spin period {p.spin.period_s:.4f} s, twist {np.degrees(p.spin.twist):.3f} deg",
            *_times(observation),
            *_on_map(p),
            *(
                [f"  limb        {int(p.limb.used.sum())} of {len(p.limb.used)} points, {p.limb_rms_px:.3f} px rms"]
                if len(p.limb.used)
                else []
            ),
            f"  verdict     {p.verdict}",
            *([] if light.word is Word.GOOD else [f"  light       {light.word}: {'; '.join(light.reasons)}"]),
            *(f"  product     {note}" for note in light.notes),
            f"  time        {seconds:.1f} s",
        ]
    )
