"""Strips of a pass observed as one problem: what they share is solved jointly, what spoils it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from perijove.attitude.basemap import Basemap
from perijove.attitude.passfit import LeftOut, PassFit
from perijove.attitude.together import solve_together
from perijove.calibrate.framelets import Treatment
from perijove.errors import PerijoveError
from perijove.label import Label
from perijove.observation.begin import begin
from perijove.observation.sources import Attitude, Flight, anchors_of
from perijove.observation.strip import Observation
from perijove.observation.work import finish, passes
from perijove.raw import RawImage
from perijove.spill import release
from perijove.winds import ZonalWinds, usual_winds

MISPLACED = "the position in its label disagrees with those of the other images of the pass"


@dataclass(frozen=True)
class Together:
    """Observations in the order of their strips, those left out missing, and how each pass fits, in order of time."""

    observations: tuple[Observation, ...]
    fits: tuple[PassFit, ...]


def observe_together(
    raws: Sequence[RawImage],
    pass_labels: Iterable[Label],
    *,
    treatment: Treatment | None = None,
    flight: Flight | None = None,
    attitude: Attitude | None = None,
    basemap: Basemap | None = None,
    ties: bool = True,
    winds: ZonalWinds | None = None,
    check: Callable[[Sequence[LeftOut]], object] = lambda _: None,
    step: Callable[[str], object] = lambda _: None,
) -> Together:
    """Observe strips as `observe` does, each pass solved as one problem, with the ground that strips share.

    `winds` carry the clouds between strips, the shipped profile of the body unless others are given. Attitudes by
    kernels are where the solution starts; the image always has the last word. A strip that cannot be calibrated, lies
    outside the orbit or spoils its pass is left out, and the pass tells why; `check` is given those that are known
    before a pass is solved, which takes long, and may raise. Raises PointingError where none of a pass can be solved,
    and PerijoveError for bad input as `observe` does.
    """
    known = {label.product_id: label for label in (*pass_labels, *(raw.label for raw in raws))}
    # whatever order they were given in, sums come to the same bits
    labels = [known[name] for name in sorted(known)]
    done: dict[str, Observation] = {}
    fits = []

    def told(doing: str) -> None:
        release()
        step(doing)

    for group in passes(raws):
        begun = begin(group, labels, treatment, flight, told)
        sky, faults = begun.sky, dict(begun.left_out)
        names = {raw.label.product_id for raw in begun.raws}
        suspects = dict.fromkeys(sorted(names & set(sky.trajectory.rejected)), MISPLACED)
        check(left_out(faults, suspects))
        solved = solve_together(
            begun.exposures, sky.trajectory, sky.body, sky.sun,
            earth=sky.earth, ties=ties, basemap=basemap, anchors=anchors_of(begun.exposures, attitude),
            winds=winds or usual_winds(sky.body), suspects=suspects, progress=told,
        )  # fmt: skip
        found = finish(begun, solved.pointings, labels, treatment, told, faults)
        done.update({o.raw.label.product_id: o for o in found})
        fits.append(without(solved.fit, faults))
    names_in_order = [raw.label.product_id for raw in raws]
    return Together(tuple(done[name] for name in names_in_order if name in done), tuple(fits))


def left_out(faults: Mapping[str, PerijoveError], suspects: Mapping[str, str] | None = None) -> tuple[LeftOut, ...]:
    """What is said of strips that cannot be had, and of those that others contradict, by name."""
    # the name stands before the reason already
    reasons = {name: str(error).removeprefix(f"{name}: ") for name, error in faults.items()} | dict(suspects or {})
    return tuple(LeftOut(name, reasons[name]) for name in sorted(reasons))


def without(fit: PassFit, faults: Mapping[str, PerijoveError]) -> PassFit:
    """How a pass fits, told of the strips that could not be had as well."""
    groups = (tuple(name for name in group if name not in faults) for group in fit.groups)
    return replace(
        fit,
        left_out=tuple(sorted((*fit.left_out, *left_out(faults)), key=lambda one: one.product_id)),
        groups=tuple(group for group in groups if group),
    )
