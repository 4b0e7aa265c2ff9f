"""What `perijove mosaic` tells of its work, as a plain object and as lines for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.cli.mosaic_strips import Gathered
from perijove.errors import UsageError
from perijove.mosaic.balance import Balance
from perijove.mosaic.drift import MeasuredWinds
from perijove.mosaic.fuse import Mosaic
from perijove.observation import Observation
from perijove.timescale import TimeError, et_from_utc, utc_from_et

FARTHEST_S = 43200.0
"""Furthest that an epoch may lie from the nearest strip, s: over half a day clouds drift by thousands of km."""
STRONGEST_M_S = 200.0
"""No wind of Jupiter's is stronger: a measurement with a larger error tells nothing."""
BRIMMING = 3e-4
"""Share of full pixels from which on a strip was exposed for what is faint."""


def epoch_of(text: str | None, observations: Sequence[Observation]) -> tuple[float, Observation]:
    """The epoch (ET) that a text names, and the strip taken nearest to it; UsageError for what is none.

    A text is UTC, or a part of a strip's name; None is the middle one of the strips, in the order of time, or the one
    nearest to it that has next to no full pixels: no other strip can fill what is full at its limb.
    """
    ordered = sorted(observations, key=lambda o: (o.middle_et, o.raw.label.product_id))
    if text is None:
        middle = (len(ordered) - 1) // 2
        clear = [i for i, o in enumerate(ordered) if o.calibrated.full_fraction < BRIMMING]
        lead = ordered[min(clear, key=lambda i: (abs(i - middle), i), default=middle)]
        return lead.middle_et, lead
    named = [o for o in ordered if text.upper() in o.raw.label.product_id.upper()]
    if len(named) == 1:
        return named[0].middle_et, named[0]
    if named:
        names = ", ".join(o.raw.label.product_id for o in named)
        raise UsageError(f"--epoch {text!r} is a part of {names}: give more of one name, or a time in UTC")
    try:
        epoch = et_from_utc(text)
    except TimeError:
        raise UsageError(
            f"--epoch {text!r} is neither a time, as 2022-08-17T14:25:00, nor a part of the name of one of the strips"
        ) from None
    lead = min(ordered, key=lambda o: (abs(o.middle_et - epoch), o.raw.label.product_id))
    if abs(lead.middle_et - epoch) > FARTHEST_S:
        raise UsageError(
            f"--epoch {text} lies more than {FARTHEST_S / 3600:g} hours from the nearest strip, taken at "
            f"{utc_from_et(lead.middle_et)[:19]}: give a time nearer to it"
        )
    return epoch, lead


def mosaic_report(
    gathered: Gathered,
    epoch: float,
    measured: MeasuredWinds | None,
    balance: Balance,
    mosaic: Mosaic,
    glows: Sequence[Mapping[str, object]],
) -> dict[str, Any]:
    """What the report and the provenance say of a mosaic; names only, no paths."""
    fit = gathered.fit
    return {
        "epoch_utc": utc_from_et(epoch),
        "left_out": [{"strip": one.name, "why": one.why} for one in gathered.left_out],
        "alone": list(gathered.alone),
        "fit": {
            "verdict": fit.verdict,
            "strips": [asdict(strip) for strip in fit.strips],
            "pairs": [asdict(pair) for pair in fit.pairs],
        },
        "stray_light": list(glows),
        "light": light_balance(balance),
        "winds": None if measured is None else winds_found(measured),
        "looks": [{"strip": n, "share": share} for n, share in zip(mosaic.names, mosaic.share, strict=True)],
    }


def light_balance(balance: Balance) -> dict[str, Any]:
    """Gains and offsets of each strip, and the steps at the seams of each pair, by filter."""
    bands = [band.value for band in balance.bands]
    left = {"before": balance.residual.rms(False), "after": balance.residual.rms(True)}

    def by_band(values: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(bands, map(float, values), strict=True))

    return {
        "strips": [
            {
                "strip": name, "gain": by_band(balance.gain[k]), "gain_sigma": by_band(balance.gain_sigma[k]),
                "offset": by_band(balance.offset[k]), "offset_sigma": by_band(balance.offset_sigma[k]),
            }
            for k, name in enumerate(balance.names)
        ],
        "laws": {
            band.value: {
                "terms": [str(getattr(term, "name", term)) for term in law.terms],
                "numbers": law.numbers.tolist(),
                "sigmas": np.sqrt(np.diag(law.covariance)).tolist(),
                "phase_deg": float(np.degrees(law.middle)),
                "phases_deg": np.degrees(law.phases).tolist(),
            }
            for band, law in balance.laws.items()
        },
        "steps_percent": [asdict(step) for step in balance.steps],
        "residual_percent": {when: by_band(values) for when, values in left.items()},
        "groups": [list(group) for group in balance.groups],
    }  # fmt: skip


def winds_found(measured: MeasuredWinds) -> dict[str, Any]:
    """What the strips tell of the winds: bins in degrees and m/s, and each pair's ties."""
    return {
        "usual": measured.usual.source,
        "latitude_deg": np.degrees(measured.latitude).tolist(),
        "speed_m_s": measured.speed_m_s.tolist(),
        "sigma_m_s": measured.sigma_m_s.tolist(),
        "count": measured.count.tolist(),
        "pairs": [asdict(pair) for pair in measured.pairs],
    }


def mosaic_lines(output: Path, report: Mapping[str, Any]) -> list[str]:
    """A mosaic in a few lines for people: each strip, how they fit, their light, the winds, and the product."""
    told, numbers = report["mosaic"], report["product"]
    gains = {entry["strip"]: entry["gain"] for entry in told["light"]["strips"]}
    shares = {entry["strip"]: entry["share"] for entry in told["looks"]}
    lines = ["strip                       limb px  cross-strip px  gain                share"]
    for strip in told["fit"]["strips"]:
        name = strip["product_id"]
        gain = " ".join(f"{value:.3f}" for value in gains.get(name, {}).values() if math.isfinite(value))
        cross = f"{strip['latitude_px']:.2f}" if math.isfinite(strip["latitude_px"]) else "-"
        share = f"{100.0 * shares.get(name, 0.0):.0f} %"
        lines.append(f"{name:27} {strip['limb_rms_px']:7.2f}  {cross:>14}  {gain:18}  {share:>5}")
    lines.append(f"pass        {told['fit']['verdict']}")
    for one in told["left_out"]:
        named = "" if one["why"].startswith(one["strip"]) else f"{one['strip']}: "
        lines.append(f"left out    {named}{one['why']}")
    lines += [
        f"alone       {name}: shares no ground with the others, and is laid in as it stands" for name in told["alone"]
    ]
    left = told["light"]["residual_percent"]
    known = [f"{b.lower()} {left['before'][b]:.1f} -> {v:.1f} %" for b, v in left["after"].items() if math.isfinite(v)]
    if known:
        lines.append(f"light       where strips overlap they differ by {', '.join(known)}")
    lines += wind_lines(told["winds"])
    made = numbers.get("projection") or f"seen from {numbers.get('from')}"
    fine = f" of {numbers['scale_km']:.4g} km (camera {numbers['native_km']:.3g} km)" if "scale_km" in numbers else ""
    lines.append(f"mosaic      {output}: {made}, {numbers['width']} x {numbers['height']} px{fine}")
    return lines


def wind_lines(winds: Mapping[str, Any] | None) -> list[str]:
    """What was measured of the winds in a line for people, if anything was."""
    if winds is None or not winds["latitude_deg"]:
        return []
    sigma = float(np.median(winds["sigma_m_s"]))
    if sigma > STRONGEST_M_S:
        return ["winds       not measured: too little time lies between the strips"]
    bins = len(winds["count"])
    return [f"winds       measured at {sum(winds['count'])} places, {bins} bins of latitude, +- {sigma:.0f} m/s each"]
