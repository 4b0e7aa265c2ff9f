"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Strips = Annotated[
    list[Path],
    typer.Argument(metavar="STRIP", help="Raw strips of one pass: PNG, JPEG, IMG, ImageSet folder or zip."),
]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", metavar="DIR", help="Folder, zip or file of labels; those beside a strip are found."),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="OUT", help="A .png or .tif; with several strips a folder.")
]
Fov = Annotated[
    float | None, typer.Option("--fov", metavar="DEG", help="Full field of view; else framed on the lit body.")
]
Look = Annotated[
    str | None,
    typer.Option(
        "--look", "--centre", metavar="LAT,LON", help="Place in the middle: planetocentric, east, degrees; or 20S,210W."
    ),
]
Whence = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="LAT,LON,KM|earth|sun", help="Look from above a place, from Earth or Sun; else from Juno."
    ),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="UTC", help="Time for which Juno's place, or Earth's or the Sun's, is taken."),
]
Annotate = Annotated[
    bool, typer.Option("--annotate", help="Draw graticule, terminator, limb, scale, north and names on it.")
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.json", help="Write trajectory, pointing and timings here.")
]
Credit = Annotated[
    str | None, typer.Option("--credit", metavar="NAME", help="Who made the picture, for the credit line.")
]
Calibration = Annotated[
    Path | None,
    typer.Option("--calibration", metavar="DIR", help="Calibration frames of `perijove flat`, or B. Swift's."),
]
Suspects = Annotated[
    bool, typer.Option("--repair-suspects", help="Replace also what stands out but may be a star or lightning.")
]
KeepStray = Annotated[
    bool, typer.Option("--keep-stray-light", help="Take off no stray light; for aurora, rings and a glowing night.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Photometry = Annotated[
    str,
    typer.Option(
        "--photometry",
        metavar="MODEL|fit",
        help="Take shading off: lambert, minnaert, lommel-seeliger, lunar-lambert, hapke, barkstrom, or fitted.",
    ),
]
