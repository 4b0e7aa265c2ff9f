"""The options by which strips are placed in space and time, the same in every command that solves strips.

A command takes one argument, `geometry`; `with_geometry` puts these options in its place.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from perijove.errors import UsageError
from perijove.timescale import TimeError, et_from_utc

if TYPE_CHECKING:
    from perijove.label import Given


class PointingBy(StrEnum):
    """What tells the camera's pointing: kernels alone, kernels as a guess that the image refines, or the image."""

    KERNEL = "kernel"
    BOTH = "kernel+image"
    IMAGE = "image"


@dataclass(frozen=True)
class GeometryRequest:
    """What is known of a strip's place in space and time beside its labels.

    `target` is a body's name; `start` UTC and its error in s; `interframe_s` the step between frames and its error;
    `exposure_s` the exposure: all complete or correct labels, None where nothing is said. `trajectory` is a table of
    positions in `frame` (None: by its name), off by `trajectory_sigma_km` in a coordinate; `kernels` are SPICE's, or
    folders of them, used as `pointing` says. `tie` is a map of the body, whose middle has the east longitude
    `tie_centre_deg` where it is a bare picture.
    """

    target: str | None = None
    start: tuple[str, float] | None = None
    interframe_s: tuple[float, float] | None = None
    exposure_s: float | None = None
    trajectory: Path | None = None
    frame: str | None = None
    trajectory_sigma_km: float | None = None
    kernels: tuple[Path, ...] = ()
    pointing: PointingBy = PointingBy.BOTH
    tie: Path | None = None
    tie_centre_deg: float | None = None

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        if self.frame is not None and self.trajectory is None:
            raise UsageError("--frame is that of a table: give --trajectory too")
        if self.trajectory_sigma_km is not None:
            if self.trajectory is None:
                raise UsageError("--trajectory-sigma is that of a table: give --trajectory too")
            if not 0.0 < self.trajectory_sigma_km <= 10000.0:
                raise UsageError(
                    f"--trajectory-sigma {self.trajectory_sigma_km:g} cannot be: give km above 0 and to 10000"
                )
        if self.tie_centre_deg is not None and self.tie is None:
            raise UsageError("--tie-centre is that of a map: give --tie too")
        if self.trajectory is not None and self.kernels:
            raise UsageError("--trajectory and --kernels both tell where Juno was: give one of them")
        if not self.kernels and self.pointing is PointingBy.KERNEL:
            raise UsageError("--pointing kernel takes the pointing from kernels: give --kernels")

    @property
    def given(self) -> Given:
        """What completes or corrects the strips' labels; UsageError for a target that is not known."""
        from perijove.bodies import BODIES
        from perijove.label import Given

        target = None if self.target is None else self.target.strip().upper()
        if target is not None and target not in BODIES:
            raise UsageError(f"--target {target[:40]} is not known: give one of {', '.join(BODIES).lower()}")
        given = Given(target, exposure_s=self.exposure_s)
        if self.start is not None:
            given = replace(given, start_utc=self.start[0], start_sigma_s=self.start[1])
        if self.interframe_s is not None:
            given = replace(given, interframe_s=self.interframe_s[0], interframe_sigma_s=self.interframe_s[1])
        return given


_START = re.compile(r"\s*(?P<utc>[^~+]+?)\s*(?:(?:\+-|~|±)\s*(?P<sigma>[0-9.]+)\s*s?)?\s*")
_NUMBER = re.compile(r"\s*(?P<value>[0-9]+(?:\.(?P<digits>[0-9]*))?)\s*(?:(?:\+-|~|±)\s*(?P<sigma>[0-9.]+))?\s*")


def parse_start(text: str) -> tuple[str, float]:
    """A UTC time and its error in s, of ``2021-06-07T16:58:04`` or ``2021-06-07T16:58:04+-5``; UsageError otherwise."""
    # imported here, as numpy comes with it
    from perijove.label import START_SIGMA_S

    match = _START.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        et_from_utc(match["utc"])
        sigma = START_SIGMA_S if match["sigma"] is None else float(match["sigma"])
    except TimeError as error:
        raise UsageError(f"--start: {error}") from None
    except ValueError:
        raise UsageError(f"--start {text[:60]} is no time: write 2021-06-07T16:58:04, or with its error +-5") from None
    if not 0.0 < sigma <= 600.0:
        raise UsageError(f"--start {text[:60]}: its error must lie above 0 and within 600 s")
    return match["utc"], sigma


def parse_measure(
    text: str, option: str, unit: str, most: float, example: str = "0.375 or 0.375+-0.005"
) -> tuple[float, float]:
    """A positive number and its error, of ``0.375+-0.005`` or ``0.38`` (to half its last digit); else UsageError."""
    match = _NUMBER.fullmatch(text)
    try:
        value = 0.0 if match is None else float(match["value"])
        sigma = 0.0 if match is None or match["sigma"] is None else float(match["sigma"])
    except ValueError:
        value = 0.0
    if match is None or not 0.0 < value <= most:
        raise UsageError(f"{option} {text[:40]} cannot be: give {unit} above 0 and to {most:g}, as {example}")
    if match["sigma"] is None:
        sigma = 0.5 * 10.0 ** -len(match["digits"] or "")
    if not sigma > 0.0:
        raise UsageError(f"{option} {text[:40]}: its error must be above 0")
    return value, sigma


def _options(
    target: Annotated[
        str | None, typer.Option("--target", metavar="BODY", help="What the strips show; else as their labels say.")
    ] = None,
    trajectory: Annotated[
        Path | None,
        typer.Option("--trajectory", metavar="FILE.csv", help="Table of Juno's positions: utc,x_km,y_km,z_km."),
    ] = None,
    frame: Annotated[
        str | None,
        typer.Option("--frame", metavar="NAME", help="Of that table: J2000, IAU_GANYMEDE ...; else by its name."),
    ] = None,
    trajectory_sigma: Annotated[
        float | None,
        typer.Option("--trajectory-sigma", metavar="KM", help="How far that table may be off; else 10 km."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start", metavar="UTC[+-S]", help="START_TIME, to 20 s or the error given, as 2021-06-07T16:58:04+-5."
        ),
    ] = None,
    interframe: Annotated[
        str | None,
        typer.Option("--interframe", metavar="S[+-S]", help="INTERFRAME_DELAY in seconds, as exact as its last digit."),
    ] = None,
    exposure: Annotated[
        str | None, typer.Option("--exposure", metavar="MS", help="EXPOSURE_DURATION in ms; else told by the light.")
    ] = None,
    kernels: Annotated[
        list[Path] | None,
        typer.Option("--kernels", metavar="PATH", help="SPICE kernels, meta-kernels or folders (may be repeated)."),
    ] = None,
    pointing: Annotated[
        PointingBy, typer.Option("--pointing", help="What tells the pointing where there are kernels.")
    ] = PointingBy.BOTH,
    tie: Annotated[
        Path | None, typer.Option("--tie", metavar="MAP", help="Tie the pointing to the ground of this map.")
    ] = None,
    tie_centre: Annotated[
        float | None,
        typer.Option(
            "--tie-centre", metavar="DEG", help="East longitude of its middle, 0 or 180, where it is a bare picture."
        ),
    ] = None,
) -> GeometryRequest:
    """The request that the options describe."""
    return GeometryRequest(
        target=target,
        start=None if start is None else parse_start(start),
        interframe_s=None if interframe is None else parse_measure(interframe, "--interframe", "seconds", 60.0),
        exposure_s=None if exposure is None else parse_measure(exposure, "--exposure", "ms", 60000.0, "6.4")[0] / 1e3,
        trajectory=trajectory,
        frame=frame,
        trajectory_sigma_km=trajectory_sigma,
        kernels=tuple(kernels or ()),
        pointing=pointing,
        tie=tie,
        tie_centre_deg=tie_centre,
    )


def with_geometry(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options above in the place of its argument `geometry`, a function that gives the request.

    It is a function so that what is wrong with them is told as any other error of the command.
    """
    own = inspect.signature(command, eval_str=True)
    added = inspect.signature(_options, eval_str=True).parameters

    @functools.wraps(command)
    def wrapped(**values: Any) -> None:
        options = {name: values.pop(f"geometry_{name}") for name in added}
        command(**values, geometry=lambda: _options(**options))

    renamed = [
        parameter.replace(name=f"geometry_{name}", kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in added.items()
    ]
    rest = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, p in own.parameters.items() if name != "geometry"]
    at = next((i for i, p in enumerate(rest) if p.name == "labels"), len(rest) - 1) + 1
    # keyword-only arguments may stand in any order, which is that of --help
    wrapped.__signature__ = own.replace(parameters=[*rest[:at], *renamed, *rest[at:]])  # type: ignore[attr-defined]
    hints = get_type_hints(_options, include_extras=True)
    wrapped.__annotations__ = {
        **{k: v for k, v in get_type_hints(command, include_extras=True).items() if k != "geometry"},
        **{f"geometry_{name}": hints[name] for name in added},
    }
    return wrapped
