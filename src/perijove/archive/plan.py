"""What a request would download: which files, how large, and which of them the cache has already."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from perijove.archive import mission, naif, pds
from perijove.archive.cache import Cache
from perijove.archive.download import Downloaded, Item, download
from perijove.archive.http import Session
from perijove.archive.mission import MissionImage, MissionQuery
from perijove.archive.pds import PdsQuery, Product
from perijove.archive.sites import Site
from perijove.errors import FetchError, LabelError, StripError
from perijove.io.places import members
from perijove.label import Label

MAX_FAILURES = 3
"""So many pages in a row that cannot be had end a search: the next one would fail as well."""


@dataclass(frozen=True)
class File:
    """One file of a plan: `about_bytes` is its size, exact or as a listing rounds it, None where nothing tells."""

    item: Item
    about_bytes: int | None
    cached: bool


@dataclass(frozen=True)
class Order:
    """What belongs together: the archives of an image, a label and its image, or one kernel.

    `name` is the image's number on the mission's site, the product id, or the kernel's name. `product` and `image` are
    set where it is one of the PDS or of the mission's site: its label comes first then.
    """

    name: str
    title: str
    files: tuple[File, ...]
    product: Product | None = None
    image: MissionImage | None = None


@dataclass(frozen=True)
class Failure:
    """Something that was asked for by `name` and cannot be had, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What would be downloaded, what cannot be, what is to be said of it, and which times no kernel covers."""

    orders: tuple[Order, ...]
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def about_bytes(self) -> int:
        """Bytes to be downloaded, of the files whose size is known."""
        return sum(file.about_bytes or 0 for order in self.orders for file in order.files if not file.cached)

    @property
    def unknown(self) -> int:
        """How many files are to be downloaded whose size nothing tells."""
        return sum(file.about_bytes is None and not file.cached for order in self.orders for file in order.files)


def labels_only(plan: Plan) -> Plan:
    """The plan with the labels alone of what has one beside its image."""
    orders = (
        one if one.product is None and one.image is None else replace(one, files=one.files[:1]) for one in plan.orders
    )
    return replace(plan, orders=tuple(orders))


def together(plans: Sequence[Plan]) -> Plan:
    """One plan of several, each thing once."""
    orders = {order.name: order for plan in plans for order in plan.orders}
    return Plan(
        tuple(orders.values()),
        tuple(dict.fromkeys(one for plan in plans for one in plan.failures)),
        tuple(dict.fromkeys(one for plan in plans for one in plan.notes)),
        tuple(dict.fromkeys(one for plan in plans for one in plan.gaps)),
    )


def _file(cache: Cache, item: Item, about_bytes: int | None = None) -> File:
    """A file of the plan, with what the cache knows of it."""
    entry = cache.find(item.name)
    held = entry is not None and entry.url == item.url
    return File(item, entry.size if held and entry is not None else about_bytes, held)


def plan_images(
    session: Session, cache: Cache, site: Site, ids: Sequence[str], looked: Callable[[int], None] | None = None
) -> Plan:
    """The images of the mission's site with these numbers or product ids; one that cannot be had is told of.

    `looked` is told how many pages of images have been looked at.
    """
    return _images(session, cache, site, ids, MissionQuery(), None, looked)


def plan_gallery(
    session: Session,
    cache: Cache,
    site: Site,
    query: MissionQuery,
    limit: int | None = None,
    looked: Callable[[int], None] | None = None,
) -> Plan:
    """The images of the mission's site that are looked for, at most `limit`, in the site's order.

    `looked` is told how many pages of images have been looked at.
    """
    return _images(session, cache, site, mission.list_images(session, site, query.perijove), query, limit, looked)


def _images(
    session: Session,
    cache: Cache,
    site: Site,
    ids: Iterable[str],
    query: MissionQuery,
    limit: int | None,
    looked: Callable[[int], None] | None,
) -> Plan:
    orders: list[Order] = []
    failures: list[Failure] = []
    lost = 0
    for count, image_id in enumerate(ids):
        if limit is not None and len(orders) >= limit:
            break
        if looked is not None:
            looked(count)
        try:
            image = mission.read_image(session, site, image_id)
            _same_product(image, image_id)
            fits = mission.matches(image, query)
            if fits is None:
                fits = _label_fits(_label(session, cache, image), query)
        except FetchError as error:
            failures.append(Failure(image_id, str(error)))
            lost += 1
            if lost >= MAX_FAILURES:
                raise FetchError(
                    f"{lost} images one after the other could not be looked at, the last because {error}", error.url
                ) from error
            continue
        lost = 0
        if fits:
            files = (_file(cache, image.label), _file(cache, image.images))
            orders.append(Order(image.id, image.title, files, image=image))
    return Plan(tuple(orders), tuple(failures))


def _same_product(image: MissionImage, asked: str) -> None:
    """Refuse the page of another image than the product that was asked for."""
    if asked.startswith("JNC") and image.product_id != asked:
        raise FetchError(
            f"the mission's site answers {asked} with {image.product_id or 'a page that names no product'}: look at "
            f"{image.title!r} there, or try --source pds"
        )


def _label(session: Session, cache: Cache, image: MissionImage) -> Label:
    """The label of an image, from its archive of 2 kB."""
    archive = download(session, image.label, cache)
    try:
        return label_in(archive, image)
    except FetchError:
        # or else every later search would meet it again
        cache.remove(archive.entry.name)
        raise


def label_in(archive: Downloaded, image: MissionImage) -> Label:
    """The label of an image in its archive; `FetchError` where it cannot be read, holds none, several, or that of
    another product."""
    labels = []
    try:
        for member in members(archive.path):
            with contextlib.suppress(LabelError):  # what is no label lies there too
                if member.may_be_label:
                    labels.append(member.label())
    except StripError as error:
        raise FetchError(
            f"the archive {image.label.url} of image {image.id} cannot be read: {error}", image.label.url
        ) from error
    fitting = [one for one in labels if image.product_id in (None, one.product_id)]
    if len(fitting) != 1:
        named = ", ".join(one.product_id for one in labels) or "no product"
        raise FetchError(
            f"the archive {image.label.url} of image {image.id} should hold the label of {image.product_id or 'one'}, "
            f"but holds that of {named}: report it",
            image.label.url,
        )
    return fitting[0]


def _label_fits(label: Label, query: MissionQuery) -> bool:
    """Whether the label of an image says what its page did not."""
    filters = {one.name for one in label.filters}
    return (query.target is None or label.target.upper() == query.target.upper()) and {
        name.upper() for name in query.filters
    } <= filters


def plan_products(
    session: Session,
    cache: Cache,
    site: Site,
    ids: Sequence[str],
    level: str | None = None,
    volume: str | None = None,
    *,
    sizes: bool = False,
) -> Plan:
    """Products of the PDS by their ids, or their twins of a level (E raw, R reduced); what cannot be had is told of."""
    found: list[Product] = []
    failures: list[Failure] = []
    for product_id in ids:
        try:
            found.append(pds.find_product(session, site, product_id, level, volume))
        except FetchError as error:
            failures.append(Failure(product_id, str(error)))
    return _products(session, cache, site, found, tuple(failures), sizes)


def plan_index(
    session: Session, cache: Cache, site: Site, query: PdsQuery, limit: int | None = None, *, sizes: bool = False
) -> Plan:
    """Products of the PDS that are looked for, at most `limit`, in the order of time."""
    return _products(session, cache, site, pds.search(session, site, query)[:limit], (), sizes)


def _products(
    session: Session,
    cache: Cache,
    site: Site,
    products: Sequence[Product],
    failures: tuple[Failure, ...],
    sizes: bool,
) -> Plan:
    """The labels and images of products; with `sizes`, the listings of their folders are asked how large these are."""
    notes: tuple[str, ...] = ()
    about: dict[str, int] = {}
    if sizes and products:
        try:
            about = pds.folder_sizes(session, site, products)
        except FetchError as error:
            notes = (f"sizes are not known: {error}",)
    orders = []
    for one in products:
        files = (
            _file(cache, pds.label_item(site, one)),
            _file(cache, pds.image_item(site, one), about.get(one.product_id)),
        )
        orders.append(Order(one.product_id, one.rationale, files, product=one))
    return Plan(tuple(orders), failures, notes)


def plan_kernels(session: Session, cache: Cache, site: Site, span: naif.Span, *, moons: bool = False) -> Plan:
    """The kernels for a stretch of time, in the order in which they should be loaded."""
    choice = naif.choose(naif.read_kernels(session, site, naif.KINDS), span, moons=moons)
    orders = tuple(
        Order(one.name, one.kind, (_file(cache, naif.kernel_item(site, one), one.about_bytes),))
        for one in choice.kernels
    )
    return Plan(orders, (), choice.notes, choice.gaps)
