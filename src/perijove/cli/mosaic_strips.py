"""The strips of a mosaic: opened, seen to belong together, solved as one, and what had to be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from perijove.attitude.passfit import LeftOut as Spoiler
from perijove.attitude.passfit import PassFit
from perijove.cli.common import Steps
from perijove.cli.mosaic_request import LeftOut, MosaicRequest
from perijove.cli.solve import check_start, opened_strip, solve_together
from perijove.cli.sources import flight_of
from perijove.errors import LabelError, PointingError, StripError, UsageError
from perijove.io.finder import OpenedStrip
from perijove.observation import Observation, passes
from perijove.observation.parked import parked_raw
from perijove.raw import RawImage


@dataclass(frozen=True)
class Gathered:
    """The solved strips of a mosaic in the order of time, and how they fit together.

    `left_out` are not among them, `alone` the names of those that share no ground with the others. `unread` are those
    of `left_out` that could not be read or are of another pass, so that nothing hangs on them; all others are `raws`.
    """

    observations: list[Observation]
    fit: PassFit
    left_out: tuple[LeftOut, ...] = ()
    alone: tuple[str, ...] = ()
    unread: tuple[LeftOut, ...] = ()
    raws: tuple[RawImage, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all strips are in it, and hang together."""
        return not self.left_out and not self.alone


def gather(request: MosaicRequest, steps: Steps) -> Gathered:
    """Open and solve the strips of a mosaic.

    Raises PerijoveError for strips that cannot be had or do not belong together; with `keep_going` they are left out,
    and it is raised only where fewer than two remain.
    """
    geometry, left_out = request.geometry, list(request.left_out)
    check_start(geometry, request.strips)
    opened: list[OpenedStrip] = []
    with steps.steps("reading") as turn:
        flight = flight_of(geometry)
        for path in request.strips:
            turn("reading", f"reading {path.name}")
            try:
                strip = opened_strip(path, request.labels, geometry, flight)
                opened.append(replace(strip, raw=parked_raw(strip.raw, len(request.strips))))
            except (LabelError, StripError, PointingError) as error:
                if not request.keep_going:
                    raise type(error)(f"{error}; or leave {path.name} out, as --keep-going does") from None
                left_out.append(LeftOut(path.name, str(error).replace(str(path), path.name)))
    opened, strangers = of_one_pass(opened, request.keep_going)
    left_out += strangers
    # whatever order the strips were given in, the product says the same of them
    unread = tuple(sorted(left_out, key=lambda one: (one.name, one.why)))
    check_enough(len(opened), left_out)

    def check(spoilers: Sequence[Spoiler]) -> None:
        check_spoilers(spoilers, request.keep_going)

    together = solve_together(opened, steps, request.light, geometry, flight, check)
    (fit,) = together.fits
    check(fit.left_out)
    left_out += [LeftOut(one.product_id, one.reason) for one in fit.left_out]
    check_enough(len(together.observations), left_out)
    alone = tuple(name for group in fit.groups[1:] for name in group)
    if alone and not request.keep_going:
        them = "them" if len(alone) > 1 else "it"
        raise StripError(
            f"{', '.join(alone)} {'share' if len(alone) > 1 else 'shares'} no sunlit ground with "
            f"{', '.join(fit.groups[0])}, on which place and light would hang: leave {them} out, or give --keep-going "
            f"to have {them} laid in as {'they stand' if len(alone) > 1 else 'it stands'}"
        )
    observations = sorted(together.observations, key=lambda o: (o.middle_et, o.raw.label.product_id))
    left_out.sort(key=lambda one: (one.name, one.why))
    return Gathered(observations, fit, tuple(left_out), alone, unread, tuple(one.raw for one in opened))


def check_spoilers(spoilers: Sequence[Spoiler], keep_going: bool) -> None:
    """Raise StripError for strips that cannot be had or do not fit the others, unless `keep_going`."""
    if spoilers and not keep_going:
        reasons = "; ".join(f"{one.product_id}: {one.reason}" for one in spoilers)
        them = "these" if len(spoilers) > 1 else "it"
        raise StripError(f"not all strips can be put together ({reasons}): leave {them} out, or give --keep-going")


def of_one_pass(opened: Sequence[OpenedStrip], keep_going: bool) -> tuple[list[OpenedStrip], list[LeftOut]]:
    """The strips of one body and one pass, the most there are; UsageError for others unless `keep_going`."""
    if not opened:
        return [], []
    groups = sorted(passes([one.raw for one in opened]), key=lambda group: (-len(group), group[0].label.start_et))
    main, others = groups[0], [raw for group in groups[1:] for raw in group]
    lead = main[0].label
    left_out = []
    for raw in others:
        label = raw.label
        if label.target != lead.target:
            why = f"{raw.path.name} shows {label.target}, and {main[0].path.name} {lead.target}"
        else:
            days = f"{label.start_utc[:10]}, {lead.start_utc[:10]}"
            why = f"{raw.path.name} is of another pass than {main[0].path.name} ({days})"
        if not keep_going:
            raise UsageError(f"{why}: a mosaic is of one body and one pass; give the others by themselves")
        left_out.append(LeftOut(label.product_id, why))
    chosen = {raw.path for raw in main}
    return [one for one in opened if one.raw.path in chosen], left_out


def check_enough(count: int, left_out: Sequence[LeftOut]) -> None:
    """Raise StripError where fewer than two strips are left."""
    if count >= 2:
        return
    reasons = "; ".join(one.why for one in left_out)
    raise StripError(f"no mosaic can be made of the {count or 'no'} strip{'s' * (count != 1)} left ({reasons})")
