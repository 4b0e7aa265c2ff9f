"""`perijove solve`: trajectory and pointing of strips, with residuals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from perijove.cli.common import Steps, json_text
from perijove.cli.report import describe, detail, solution_summary
from perijove.cli.requests import SolveRequest
from perijove.io.atomic import check_writable, write_files
from perijove.io.finder import OpenedStrip, open_strip
from perijove.observation import Observation, observe

COLOURS = {"BLUE": "tab:blue", "GREEN": "tab:green", "RED": "tab:red", "METHANE": "tab:purple"}


def run_solve(request: SolveRequest) -> None:
    """Do what the request says; PerijoveError for what fails, before anything is written."""
    for path in (request.output, request.plot):
        if path is not None:
            check_writable(path)
    steps = Steps(quiet=request.quiet)
    observations = solve_strips(request.strips, request.labels, steps)
    report = {
        "strips": [{**describe(o), **detail(o), "timings_s": dict(steps.timings_s)} for o in observations],
    }
    text = json_text(report)
    if request.plot is not None:
        plot_residuals(observations, request.plot)
    if request.output is not None:
        write_files({request.output: text.encode()})
    if request.json:
        print(text, end="")
    elif not request.quiet:
        for observation in observations:
            print(solution_summary(observation, steps.timings_s))


def solve_strips(paths: Sequence[Path], labels: Path | None, steps: Steps) -> list[Observation]:
    """Open strips with their labels and solve them."""
    with steps.step("reading"):
        opened: list[OpenedStrip] = [open_strip(path, labels) for path in paths]
    pass_labels = [label for strip in opened for label in strip.pass_labels]
    with steps.step("solving"):
        return observe([strip.raw for strip in opened], pass_labels)


def plot_residuals(observations: Sequence[Observation], path: Path) -> None:
    """Draw the limb's residuals of every strip by framelet and band into a PNG."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4 * len(observations)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(observations), 1, squeeze=False)[:, 0]
    for axis, observation in zip(axes, observations, strict=True):
        limb = observation.pointing.limb
        lines = observation.raw.framelet_lines * observation.raw.label.sampling_factor
        for band in np.unique(limb.band):
            mine = limb.band == band
            place = limb.frame + limb.line / lines
            for used, mark, size in ((True, "o", 6.0), (False, "x", 14.0)):
                which = mine & (limb.used == used)
                axis.scatter(
                    place[which], limb.residual_px[which], s=size, marker=mark, color=COLOURS[str(band)],
                    linewidths=0.8 if not used else 0.0, label=str(band).lower() if used else None,
                )
        bound = max(0.5, 1.2 * float(np.percentile(np.abs(limb.residual_px), 99.0))) if len(limb.used) else 1.0
        axis.set(ylim=(-bound, bound), ylabel="limb residual, px outwards", xlabel="frame, and line within it")
        axis.set_title(f"{observation.raw.label.product_id}: {observation.pointing.verdict}", fontsize=9)
        axis.axhline(0.0, color="0.6", linewidth=0.8)
        axis.grid(alpha=0.3)
        if len(limb.used):
            axis.legend(loc="upper right", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_files({path: buffer.getvalue()})
