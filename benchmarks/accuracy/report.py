"""The table: on the screen, and in the docs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from benchmarks.accuracy.measure import Pooled, Row, Summary
from rich.table import Table

LOST = 1e5
"""Larger figures mean no more than that the solution has nothing to do with the truth."""
Cell = Callable[[Row], str]


def number(value: float, digits: int = 2) -> str:
    """A number with so many digits after the point; a dash for none, and no digits of what is lost anyway."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.{digits}f}" if abs(value) < LOST else "lost"


def _light(row: Row) -> str:
    return " ".join(f"{name[0]}{100 * r.median:+.1f}/{100 * r.rms:.1f}" for name, r in row.radiance.items()) or "-"


COLUMNS: Sequence[tuple[str, Cell]] = (
    ("case", lambda r: r.case),
    ("10³ km", lambda r: number(r.distance_km / 1e3, 0)),
    ("axis °", lambda r: f"{number(r.axis_deg, 3)} ({number(r.axis_sigma_deg, 3)})"),
    ("period ms", lambda r: f"{number(1e3 * r.period_s, 1)} ({number(1e3 * r.period_sigma_s, 1)})"),
    ("phase °", lambda r: number(r.phase_deg, 3)),
    ("start ms", lambda r: number(1e3 * r.start_s, 1)),
    ("twist °", lambda r: number(r.twist_deg, 3)),
    ("tilt °", lambda r: number(r.tilt_deg, 3)),
    ("place km", lambda r: number(r.position_km)),
    ("limb px", lambda r: number(r.limb_rms_px)),
    ("median px", lambda r: number(r.median_px)),
    ("p95 px", lambda r: number(r.p95_px)),
    ("less roll px", lambda r: number(r.less_roll_px)),
    ("σ px", lambda r: number(r.sigma_px)),
    ("colour px", lambda r: number(r.colour_px, 3)),
    ("map km", lambda r: number(r.map_km, 1)),
    ("map px", lambda r: number(r.map_px)),
    ("light %", _light),
    ("χ² places", lambda r: f"{number(r.points.reduced)} ({r.points.dof})"),
    ("χ² attitude", lambda r: f"{number(r.attitude.reduced)} ({r.attitude.dof})"),
)


def screen_table(rows: Sequence[Row]) -> Table:
    """The table for a terminal."""
    table = Table(title="Simulated strips against their truth")
    for k, (name, _) in enumerate(COLUMNS):
        table.add_column(name, justify="left" if k == 0 else "right", overflow="fold")
    for row in rows:
        cells = [cell(row) for _, cell in COLUMNS]
        table.add_row(*(cells if not row.failed else [row.case, *[""] * (len(COLUMNS) - 2), f"failed: {row.failed}"]))
    return table


def summary_lines(s: Summary) -> list[str]:
    """What is to be said of all cases."""

    def chi(name: str, c: Pooled) -> str:
        return (
            f"reduced chi-square of the {name}: {c.reduced:.2f}; an honest solution's lies in {c.expected[0]:.2f} to "
            f"{c.expected[1]:.2f} nine times in ten; nine tenths of the strips have {c.between[0]:.2f} to "
            f"{c.between[1]:.2f}, their median is {c.median:.2f}"
        )

    astray = f", astray are {', '.join(s.astray)}" if s.astray else ""
    return [
        f"{s.done} strips solved, {s.failed} failed{astray}",
        chi("places", s.points),
        chi("attitude", s.attitude),
        f"error over stated error of places on the disc, median of the strips: {s.sigma_ratio:.2f}",
    ]


PROSE = """\
# Accuracy on simulated strips

Only a simulator knows the truth. `make bench-accuracy` photographs {count} known worlds with `perijove.simulate`,
writes strips and labels as the archive would hold them, has them processed from these files alone, and compares.
This page is written by that command{when}; real strips are in [accuracy.md](accuracy.md).

{summary}

{table}

{failed}## How to read it

A figure is solution less truth; one in parentheses is the error that the solution states. Rows of one case stand
for strips that were solved jointly.

- **axis, period, phase, start, twist, tilt**: of the spin. Phase is the turn of the middle frame's attitude about
  the spin axis: start time and phase cannot be told apart in one strip, only their sum counts.
- **place**: the spacecraft at mid-image, against the true path.
- **limb**: residual of the limb points used.
- **median, p95, σ**: distance, over the disc in all framelets of all filters, between a pixel and where the solved
  camera puts the ground that it truly saw, in camera pixels; the stated error of one coordinate.
- **less roll**: the median without the part that a turn about the line to the planet's centre explains. Of that turn
  the limb of one strip knows little: it shows by the planet's oblateness and by the terminator alone, so that a limb
  wrong by 0.02 px can turn the disc by 0.2 px.
- **colour**: the difference of these errors between green and the other filters at the same ground, median.
- **map**: how far from the true ground a pixel's map position lies, median, below 75 degrees of emission.
- **light**: rendered over true light less 1, by filter: median/scatter in per cent, away from limb, terminator,
  frame ends and strong gradients. Only of cases without vignetting, which is not corrected; noise and stray light
  are in it.
- **χ² places**: errors at nine points of the disc, by their covariance, in those independent directions that are
  stated worse than 0.03 px (their number in parentheses), over that number. **χ² attitude**: the same for the three
  angles of the attitude at mid-image. 1 is honest, more is boasting, less is modesty. Strips that are astray, by
  more than ten times what they state, are counted by name and left out of the pooled figures.

"Full disc" and "gibbous" are made-up flights: no pass of Juno's shows the whole limb in sunlight from afar. There
the processing is given the path (to 0.15 km) and the axis to 3 degrees.
"""


def page(rows: Sequence[Row], summary: Summary, count: int, when: str) -> str:
    """The page for the docs."""
    head = [name for name, _ in COLUMNS]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(cell(row) for _, cell in COLUMNS) + " |" for row in rows if not row.failed]
    failed = "".join(f"- **{row.case}** failed: {row.failed}\n" for row in rows if row.failed)
    told = "\n".join(f"- {line}" for line in summary_lines(summary))
    return PROSE.format(
        count=count, when=when, summary=told, table="\n".join(lines), failed=failed + "\n" if failed else ""
    )
