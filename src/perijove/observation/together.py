"""Strips of a pass observed as one problem: what they share is solved jointly, what spoils it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perijove.attitude.basemap import Basemap
from perijove.attitude.passfit import PassFit
from perijove.attitude.together import solve_together
from perijove.calibrate.framelets import Treatment
from perijove.label import Label
from perijove.observation.sources import Attitude, Flight, anchors_of
from perijove.observation.strip import Observation
from perijove.observation.work import begin, finish, passes
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
    step: Callable[[str], object] = lambda _: None,
) -> Together:
    """Observe strips as `observe` does, each pass solved as one problem, with the ground that strips share.

    `winds` carry the clouds between strips, the shipped profile of the body unless others are given. Attitudes by
    kernels are where the solution starts; the image always has the last word. A strip that spoils its pass is left
    out, and the pass tells why. Raises PointingError where none of a pass can be solved, and PerijoveError for bad
    input as `observe` does.
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
        sky = begun.sky
        names = {raw.label.product_id for raw in group}
        suspects = dict.fromkeys(sorted(names & set(sky.trajectory.rejected)), MISPLACED)
        solved = solve_together(
            begun.exposures, sky.trajectory, sky.body, sky.sun,
            earth=sky.earth, ties=ties, basemap=basemap, anchors=anchors_of(begun.exposures, attitude),
            winds=winds or usual_winds(sky.body), suspects=suspects, progress=told,
        )  # fmt: skip
        found = finish(group, begun, solved.pointings, labels, treatment, told)
        done.update({o.raw.label.product_id: o for o in found})
        fits.append(solved.fit)
    names_in_order = [raw.label.product_id for raw in raws]
    return Together(tuple(done[name] for name in names_in_order if name in done), tuple(fits))
