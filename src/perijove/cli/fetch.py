"""`perijove fetch`: strips, labels and kernels out of the archives and into a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from perijove.archive import naif
from perijove.archive.cache import Cache
from perijove.archive.http import Conduct, Session
from perijove.archive.mission import MissionQuery
from perijove.archive.obtain import Obtained, Progress, Terms, obtain
from perijove.archive.pds import PdsQuery, find_product
from perijove.archive.plan import (
    Failure,
    Order,
    Plan,
    labels_only,
    plan_gallery,
    plan_images,
    plan_index,
    plan_kernels,
    plan_products,
    together,
)
from perijove.archive.sites import Sites, sites
from perijove.bodies import GALILEAN
from perijove.cli.common import Steps, complain, error_console, json_text, plain
from perijove.cli.fetch_request import FetchRequest, Level, Source, Task, is_product, size_words
from perijove.errors import FetchError, PerijoveError, UsageError
from perijove.io.atomic import check_folder
from perijove.io.finder import find_label
from perijove.io.labels import read_label
from perijove.io.places import LABEL_SUFFIXES
from perijove.label import Label
from perijove.timescale import et_from_utc

_LONGEST_S = 180.0
"""An image without STOP_TIME lasts no longer: six turns of the spacecraft."""


def run_fetch(request: FetchRequest, conduct: Conduct | None = None) -> int:
    """Do what the request says, and tell it; the exit code: 0, or 1 where something asked for could not be had.

    `conduct` is how the archives are treated, for tests. PerijoveError where nothing could be done.
    """
    if request.output is not None and not request.dry_run:
        check_folder(request.output)
    cache = Cache(request.cache)
    steps = Steps(quiet=request.quiet)
    places = sites(refresh=request.refresh)
    with Session(cache, conduct=conduct or Conduct(), offline=request.offline) as session:
        with steps.steps("searching") as turn:
            plan = _plan(
                session, cache, places, request, lambda count: turn("searching", f"searching, {count} images looked at")
            )
        if request.labels_only:
            plan = labels_only(plan)
        if not plan.orders and not plan.failures and not plan.gaps:
            raise FetchError(f"nothing was found: {_asked(request)}")
        if request.dry_run:
            _tell_plan(request, plan)
            return 1 if plan.failures or plan.gaps else 0
        _check_size(request, plan)
        done, failures = _carry_out(session, cache, places, request, plan)
    _tell(request, plan, done, failures)
    return 1 if failures or plan.failures or plan.gaps else 0


def _plan(session: Session, cache: Cache, places: Sites, request: FetchRequest, looked: Callable[[int], None]) -> Plan:
    """What the request comes down to."""
    task = request.task
    level = {None: None, Level.EDR: "E", Level.RDR: "R"}[request.level]
    if task is Task.NUMBERS or (task is Task.PRODUCTS and request.source is Source.MISSION):
        return plan_images(session, cache, places.mission, request.products, looked)
    if task is Task.PRODUCTS:
        return plan_products(session, cache, places.pds, request.products, level, request.volume, sizes=request.dry_run)
    if task is Task.GALLERY:
        query = MissionQuery(request.perijove, request.words, request.target, request.filters)
        return plan_gallery(session, cache, places.mission, query, request.limit, looked)
    if task is Task.INDEX:
        index = PdsQuery(level or "E", request.perijove, request.volume, request.target, request.filters, request.words)
        return plan_index(session, cache, places.pds, index, request.limit, sizes=request.dry_run)
    plans = [
        plan_kernels(session, cache, places.naif, span, moons=request.moons or moons)
        for span, moons in _spans(session, places, request)
    ]
    return together(plans)


def _spans(session: Session, places: Sites, request: FetchRequest) -> Iterator[tuple[naif.Span, bool]]:
    """The stretches of time for which kernels are asked, and whether a moon is looked at in them."""
    if request.start is not None and request.stop is not None:
        yield naif.span_of(et_from_utc(request.start), et_from_utc(request.stop)), False
    moons = {body.name for body in GALILEAN}
    for one in request.what:
        if Path(one).exists():
            label = _label_of(Path(one))
            stop_et = label.stop_et if label.stop_et is not None else label.start_et + _LONGEST_S
            yield naif.span_of(label.start_et, stop_et), label.target.upper() in moons
        elif is_product(one):
            product = find_product(session, places.pds, one.upper())
            start = et_from_utc(product.start_utc)
            stop = et_from_utc(product.stop_utc) if product.stop_utc[:1].isdecimal() else start + _LONGEST_S
            yield naif.span_of(start, stop), product.target in moons
        else:
            raise UsageError(f"{one[:60]!r} is neither a file that is there nor a product id: check the name")


def _label_of(path: Path) -> Label:
    """The label that a path is, or that belongs to the strip that it is."""
    return read_label(path) if path.suffix.lower() in LABEL_SUFFIXES else find_label(path)


def _check_size(request: FetchRequest, plan: Plan) -> None:
    """Refuse, before anything is downloaded, what is larger than was allowed."""
    if plan.about_bytes > request.max_bytes:
        largest = max(
            (file for order in plan.orders for file in order.files if not file.cached),
            key=lambda file: file.about_bytes or 0,
        )
        raise UsageError(
            f"{size_words(plan.about_bytes)} would be downloaded, more than {size_words(request.max_bytes)} (the "
            f"largest is {Path(largest.item.name).name} with {size_words(largest.about_bytes or 0)}): give a larger "
            "--max-size, or ask for less"
        )


def _carry_out(
    session: Session, cache: Cache, places: Sites, request: FetchRequest, plan: Plan
) -> tuple[list[Obtained], list[Failure]]:
    """Obtain each order; one that fails does not hold up the others, but a folder that takes no files does."""
    assert request.output is not None  # the request has been checked
    done: list[Obtained] = []
    failures: list[Failure] = []
    with _progress(request, plan) as progress:
        for order in plan.orders:
            left = request.max_bytes - sum(one.received for one in done)
            terms = Terms(request.output, request.unpack, request.overwrite, request.refresh, left)
            try:
                if left <= 0:
                    raise PerijoveError(f"--max-size {size_words(request.max_bytes)} is used up: give a larger one")
                done.append(obtain(session, cache, places, order, terms, progress))
            except PerijoveError as error:
                failures.append(Failure(order.name, str(error)))
    return done, failures


@contextmanager
def _progress(request: FetchRequest, plan: Plan) -> Iterator[Progress | None]:
    """Bars on stderr for the files that are being downloaded, where stderr is a terminal."""
    if request.quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(binary_units=True),
        TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Bars(*columns, console=error_console(), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(name: str, there: int, whole: int | None) -> None:
            if name not in tasks:
                for other in tasks.values():
                    bars.update(other, visible=False)
                tasks[name] = bars.add_task(plain(name), total=whole)
            bars.update(tasks[name], completed=there, total=whole)

        yield tell


def _asked(request: FetchRequest) -> str:
    """The conditions of a search in words."""
    said = [
        f"perijove {request.perijove}" if request.perijove is not None else "",
        request.volume or "",
        f"with {' '.join(request.words)} in the title" if request.words else "",
        f"of {request.target}" if request.target else "",
        f"through {' and '.join(request.filters)}" if request.filters else "",
    ]
    return ", ".join(one for one in said if one) + "; look for less, or at another --source"


def _tell_plan(request: FetchRequest, plan: Plan) -> None:
    """Print what would be downloaded, as a table or as JSON."""
    if request.json:
        print(json_text({**_entries(plan), "orders": [_order(order) for order in plan.orders]}), end="")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("what", "title", "file", "size", "cache"):
        table.add_column(heading, justify="right" if heading == "size" else "left", no_wrap=heading != "title")
    for order in plan.orders:
        for at, file in enumerate(order.files):
            words = (
                order.name if at == 0 else "",
                order.title[:60] if at == 0 else "",
                Path(file.item.name).name,
                "?" if file.about_bytes is None else size_words(file.about_bytes),
                "there" if file.cached else "",
            )
            table.add_row(*(Text(plain(word)) for word in words))
    wide = Console() if sys.stdout.isatty() else Console(width=200)
    if plan.orders:
        wide.print(table)
    known = [size_words(plan.about_bytes)] if plan.about_bytes or not plan.unknown else []
    unknown = [f"{plan.unknown} file{'s' * (plan.unknown > 1)} of unknown size"] if plan.unknown else []
    if plan.orders:
        print(f"to be downloaded: {' and '.join(known + unknown)}")
    _complain_of(plan, [])


def _tell(request: FetchRequest, plan: Plan, done: list[Obtained], failures: list[Failure]) -> None:
    """Print where the files are and what could not be had, or both as JSON."""
    if request.json:
        told = {
            **_entries(plan),
            "folder": str(request.output),
            "obtained": [
                {"name": one.name, "files": [str(path) for path in one.files], "downloaded_bytes": one.received}
                for one in done
            ],
        }
        told["failures"] = [vars(one) for one in (*plan.failures, *failures)]
        print(json_text(told), end="")
    elif not request.quiet:
        titles = {order.name: order.title for order in plan.orders if order.image or order.product}
        for one in done:
            if one.name in titles:
                print(plain(f"{one.name}  {titles[one.name][:80]}"))
            for path in one.files:
                print(f"  {plain(str(path))}")
        received = size_words(sum(one.received for one in done))
        asked = len(plan.orders) + len(plan.failures)
        print(f"{len(done)} of {asked} in {plain(str(request.output))}, {received} downloaded")
    _complain_of(plan, failures)


def _complain_of(plan: Plan, failures: list[Failure]) -> None:
    """Tell on stderr what is missing, and what is to be said of what is there."""
    sys.stdout.flush()
    for note in plan.notes:
        complain(f"warning: {note}")
    for gap in plan.gaps:
        complain(f"{gap}: look for kernels that were released later, or go without")
    for failure in (*plan.failures, *failures):
        complain(f"{failure.name}: {failure.reason}")


def _entries(plan: Plan) -> dict[str, object]:
    """What JSON tells of a plan whether it was carried out or not."""
    return {
        "about_bytes": plan.about_bytes,
        "notes": list(plan.notes),
        "gaps": list(plan.gaps),
        "failures": [vars(one) for one in plan.failures],
    }


def _order(order: Order) -> dict[str, object]:
    """What JSON tells of one order of a plan."""
    return {
        "name": order.name,
        "title": order.title,
        "product_id": order.product.product_id
        if order.product is not None
        else (None if order.image is None else order.image.product_id),
        "files": [
            {
                "name": Path(file.item.name).name,
                "url": file.item.url,
                "about_bytes": file.about_bytes,
                "cached": file.cached,
            }
            for file in order.files
        ],
    }
