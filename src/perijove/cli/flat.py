"""`perijove flat`: bias, flat and bad-pixel frames from any number of strips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perijove.calibrate.frames import lit_mask
from perijove.cli.common import Steps, error_console, json_text, plain
from perijove.cli.requests import check_strips
from perijove.errors import CalibrationError, OutputError, PerijoveError, UsageError
from perijove.flatfield.estimate import BandEstimate, Gathered, calibration_frames, estimate_band, gather
from perijove.flatfield.measure import measure_strip
from perijove.instrument import Filter
from perijove.io.atomic import check_folder
from perijove.io.calibration import file_name, write_calibration
from perijove.io.finder import STRIP_SUFFIXES, OpenedStrip, open_strip
from perijove.io.provenance import provenance, strip_source
from perijove.label import Label
from perijove.observation import Observation, observe, passes

MOST_SIGMA_PX = 10.0
"""Strips whose places on the disc are less sure than this are left out: limb darkening would be met askew."""
FEW_STRIPS = 8
FEW_PASSES = 4
"""Passes from which on whole passes make the two halves; with fewer, strips do."""
JUDGED = 0.5
"""Share of the pixels of which both halves must tell for the small scale to count as measured."""


@dataclass(frozen=True)
class FlatRequest:
    """`perijove flat`: strips or folders of strips, and the folder for the frames."""

    strips: tuple[Path, ...]
    output: Path
    labels: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        check_strips(self.strips)


@dataclass(frozen=True)
class LeftOut:
    """A strip that was not used, and why."""

    path: Path
    reason: str


def run_flat(request: FlatRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then none of the files is written."""
    _check_output(request)
    steps = Steps(quiet=request.quiet)
    left: list[LeftOut] = []
    paths = find_strips(request.strips)
    with steps.step("reading"):
        opened = _open_all(paths, request.labels, left)
    used: list[Observation] = []
    gathered: Mapping[Filter, Gathered] = {}
    groups = by_pass(opened)
    passes = Counter(band for group in groups for band in {band for one in group for band in one.raw.label.filters})
    with steps.steps("solving") as turn:
        for group, strips in enumerate(groups):
            turn("solving", f"pass {group + 1} of {len(groups)}: solving {len(strips)} strip(s)")
            for observation in _solve(strips, left):
                turn("measuring", f"pass {group + 1} of {len(groups)}: {observation.raw.label.product_id}")
                try:
                    measures = measure_strip(observation, len(used), group)
                except PerijoveError as error:
                    left.append(LeftOut(observation.raw.path, str(error)))
                    continue
                # strips of one pass show the same belts: where there are passes enough, these make the halves
                for band, measure in measures.items():
                    gathered = gather(gathered, {band: measure}, group if passes[band] >= FEW_PASSES else len(used))
                used.append(observation)
    if not used:
        raise CalibrationError(_nothing(left))
    with steps.step("fitting"):
        estimates = {band: estimate_band(band, gathered[band]) for band in Filter if band in gathered}
    with steps.step("writing"):
        files = _write(request.output, estimates, used)
    if request.json:
        print(json_text(report(estimates, used, left, files)), end="")
    elif not request.quiet:
        _print_table(estimates, used, left, files)


def find_strips(inputs: Sequence[Path]) -> list[Path]:
    """The strips meant by files and folders; UsageError for a folder without any."""
    out: list[Path] = []
    for path in inputs:
        if not path.is_dir():
            out.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in STRIP_SUFFIXES and "mapproj" not in p.name)
        raws = [p for p in inside if p.stem.lower().endswith("-raw") or p.suffix.lower() == ".img"]
        if not (raws or inside):
            raise UsageError(f"{path} holds no raw strips: name a folder of JNCE_..._Vnn-raw.png with their labels")
        out += raws or inside
    return list(dict.fromkeys(out))


def by_pass(opened: Sequence[OpenedStrip]) -> list[list[OpenedStrip]]:
    """Strips grouped by target and pass, in the order of time; of one image that is named twice only the first."""
    first: dict[str, OpenedStrip] = {}
    for strip in opened:
        first.setdefault(strip.raw.label.product_id, strip)
    return [[first[raw.label.product_id] for raw in group] for group in passes([one.raw for one in first.values()])]


def report(
    estimates: Mapping[Filter, BandEstimate],
    used: Sequence[Observation],
    left: Sequence[LeftOut],
    files: Sequence[Path],
) -> dict[str, Any]:
    """What came out, for JSON."""
    return {
        "files": [str(path) for path in files],
        "strips": [o.raw.label.product_id for o in used],
        "left_out": [{"path": str(one.path), "reason": one.reason} for one in left],
        "bands": {band.value: _figures(part) for band, part in estimates.items()},
    }


def _figures(estimate: BandEstimate) -> dict[str, Any]:
    frames, lit = estimate.frames, lit_mask()
    return {
        "framelets_per_pixel": float(np.median(frames.flat_count[lit])),
        "sky_framelets_per_pixel": float(np.median(frames.bias_count[lit])),
        "flat_sigma": float(np.nanmedian(frames.flat_sigma[lit])),
        "bias_sigma_dn": float(np.nanmedian(frames.bias_sigma[lit])),
        "bad_pixels": int(frames.bad.sum()),
        "large_scale_measured": estimate.field is not None,
        "small_scale_measured": estimate.small_scale_share >= JUDGED,
        "stray_light_share": estimate.veil_share,
        "light_law": [] if estimate.field is None else [float(x) for x in estimate.field.law],
    }


def _open_all(paths: Sequence[Path], labels: Path | None, left: list[LeftOut]) -> list[OpenedStrip]:
    """All strips that can be read; the others are put on the list of those left out."""
    out = []
    for path in paths:
        try:
            strip = open_strip(path, labels)
        except PerijoveError as error:
            left.append(LeftOut(path, str(error)))
            continue
        if strip.raw.reduction is not None and not strip.raw.reduction.whole:
            left.append(LeftOut(path, "its samples are no codes, which a flat is made from: give the EDR (JNCE_...)"))
            continue
        out.append(strip)
    return out


def _solve(strips: Sequence[OpenedStrip], left: list[LeftOut]) -> list[Observation]:
    """Observations of the strips of one pass: together, or one by one where that fails."""
    labels: list[Label] = [label for strip in strips for label in strip.pass_labels]
    try:
        found = observe([strip.raw for strip in strips], labels)
    except PerijoveError:
        found = []
        for strip in strips:
            try:
                found += observe([strip.raw], labels)
            except PerijoveError as error:
                left.append(LeftOut(strip.raw.path, str(error)))
    good = []
    for one in found:
        sigma = one.pointing.sigma_px
        if sigma <= MOST_SIGMA_PX:
            good.append(one)
        else:
            left.append(
                LeftOut(
                    one.raw.path,
                    f"its places are known to {sigma:.0f} px only: give strips of its pass that show the sunlit limb",
                )
            )
    return good


def _check_output(request: FlatRequest) -> None:
    check_folder(request.output)
    there = [request.output / file_name(kind) for kind in ("flat", "bias", "bad")]
    found = [path for path in there if path.exists()]
    if found and not request.overwrite:
        raise OutputError(f"{found[0]} is there already: name another folder, or give --overwrite")


def _nothing(left: Sequence[LeftOut]) -> str:
    """Why none was used: the first strip's reason, which names its remedy, and how many more there are."""
    if not left:
        return "none of the strips could be used: give strips that show the sunlit limb, with their labels"
    path, reason = str(left[0].path), left[0].reason
    named = reason if path in reason else f"{path}: {reason}"
    more = f" (and {len(left) - 1} more left out)" if len(left) > 1 else ""
    return f"none of the strips could be used{more}: {named}"


def _write(folder: Path, estimates: Mapping[Filter, BandEstimate], used: Sequence[Observation]) -> list[Path]:
    simulated = any(o.raw.label.simulated for o in used)
    text = f"made from {len(used)} strips, {used[0].raw.label.product_id} to {used[-1].raw.label.product_id}"
    frames = calibration_frames(estimates, folder.resolve().name, text)
    origin = provenance(
        [strip_source(o.raw) for o in used],
        {"product": "calibration frames", **{band.value: _figures(part) for band, part in estimates.items()}},
        title=f"Calibration frames {frames.name}",
        simulated=simulated,
    )
    return write_calibration(folder, frames, origin)


def _print_table(
    estimates: Mapping[Filter, BandEstimate],
    used: Sequence[Observation],
    left: Sequence[LeftOut],
    files: Sequence[Path],
) -> None:
    print(f"{len(used)} strip(s) used, {len(left)} left out")
    print(
        f"{'filter':8s} {'framelets':>9s} {'flat sigma':>10s} {'sky':>6s} {'bias sigma':>11s} {'bad':>5s}  "
        f"{'large scale':11s}  small scale"
    )
    for band, part in estimates.items():
        f = _figures(part)
        print(
            f"{band.value:8s} {f['framelets_per_pixel']:9.0f} {100 * f['flat_sigma']:8.2f} % "
            f"{f['sky_framelets_per_pixel']:6.0f} {f['bias_sigma_dn']:8.3f} DN {f['bad_pixels']:5d}  "
            f"{'measured' if part.field is not None else 'default':11s}  "
            f"{'measured' if f['small_scale_measured'] else 'not judged: even'}"
        )
    for path in files:
        print(f"  {path}")
    console = error_console()
    for one in left:
        console.print(f"left out: {plain(str(one.path))}: {plain(one.reason)}", markup=False, highlight=False)
    even = [band.value for band, part in estimates.items() if part.small_scale_share < JUDGED]
    if even:
        console.print(
            f"{', '.join(even)}: columns, dust and bad pixels cannot be told from noise and are left out, as one half "
            "of the strips shows nothing: give two strips or more that show bright ground",
            markup=False,
            highlight=False,
        )
    if len(used) < FEW_STRIPS:
        console.print(
            f"{len(used)} strip(s) tell the response from the clouds badly: see sigma, and give more",
            markup=False,
            highlight=False,
        )
