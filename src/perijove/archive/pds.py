"""The imaging node of the PDS: which volume holds a product, and where its label and its image lie.

JunoCam's volumes are folders JNOJNC_0001, JNOJNC_0002 ..., each with INDEX/INDEX.TAB, whose columns INDEX/INDEX.LBL
tells, and DATA/EDR and DATA/RDR with the images by orbit. What the volumes do differently from what their labels say
is handled here and written in docs/fetch.md.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from perijove.archive.cache import safe_name
from perijove.archive.download import Item
from perijove.archive.http import Session
from perijove.archive.pages import changed, read_listing
from perijove.archive.sites import Site
from perijove.errors import FetchError, LabelError, UsageError
from perijove.io.labels import parse_label
from perijove.label import ProductId, parse_product_id, product_id_in

VOLUMES_FRESH_S = 86400.0
INDEX_FRESH_S = 7 * 86400.0
"""A volume does not change once it is released, save for corrections."""
LABEL_LIMIT_BYTES = 1 << 20
NEAR_VOLUMES = 9
"""So many volumes around the likeliest one are looked into for a product that was issued once."""
# volumes whose orbits are known; the others lie between them in order, and are only looked into sooner or later
_ANCHORS = ((0, 1), (2, 2), (4, 3), (7, 5), (20, 11), (30, 16), (34, 18), (46, 24), (57, 28), (61, 29))
_LEVELS = {"E": "EDR", "R": "RDR"}
_SHORT = re.compile(r"([0-9]{2,3})([A-Z])([0-9]{5})")
_VOLUME = re.compile(r"JNOJNC_[0-9]{4}")
_COLUMN = re.compile(r"^\s*OBJECT\s*=\s*COLUMN\b(.*?)^\s*END_OBJECT\b", re.MULTILINE | re.DOTALL)
_SAFE_PATH = re.compile(r"DATA(?:/[A-Z0-9_]{1,40}){1,6}\.LBL")
_END = re.compile(rb"^END[ \t]*\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Product:
    """One product of a volume: `path` is its label's within the volume; times are UTC as the index writes them."""

    product_id: str
    volume: str
    path: str
    start_utc: str
    stop_utc: str
    target: str
    rationale: str

    @property
    def parts(self) -> ProductId:
        """The parts of the product id."""
        parts = parse_product_id(self.product_id)
        assert parts is not None  # rows with another id are no products
        return parts


@dataclass(frozen=True)
class PdsQuery:
    """Which products: of a level (E raw, R reduced), and those of an orbit, volume, target, filters or rationale.

    None and empty tuples are no condition; `words` must all occur in what the index gives as the rationale.
    """

    level: str = "E"
    orbit: int | None = None
    volume: str | None = None
    target: str | None = None
    filters: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


_KINDS = {
    "A": ("RED", "GREEN", "BLUE", "METHANE"),
    "B": ("BLUE",),
    "C": ("RED", "GREEN", "BLUE"),
    "G": ("GREEN",),
    "M": ("METHANE",),
    "R": ("RED",),
    "T": ("RED", "BLUE"),
}


def list_volumes(session: Session, site: Site) -> tuple[str, ...]:
    """The volumes of JunoCam there are, in order; `FetchError` where the node's listing cannot be had or read."""
    url = f"{site.url}/"
    listed = read_listing(site.page(session, url, fresh_s=VOLUMES_FRESH_S).text, url)
    found = sorted(one.name for one in listed if one.folder and _VOLUME.fullmatch(one.name))
    if not found:
        raise changed(url, "it lists no volume JNOJNC_NNNN")
    return tuple(found)


def read_index(session: Session, site: Site, volume: str) -> tuple[Product, ...]:
    """The strips of a volume, raw and reduced, in the index's order; maps made of them are left out.

    Raises `FetchError` where the index cannot be had, or its rows are not what its label says.
    """
    if _VOLUME.fullmatch(volume) is None:
        raise UsageError(f"{volume[:60]!r} is no volume of JunoCam: they are called JNOJNC_0001, JNOJNC_0002 ...")
    url = f"{site.url}/{volume}/INDEX/INDEX.LBL"
    columns = index_columns(site.page(session, url, fresh_s=INDEX_FRESH_S, limit_bytes=LABEL_LIMIT_BYTES).text, url)
    url = f"{site.url}/{volume}/INDEX/INDEX.TAB"
    text = site.page(session, url, fresh_s=INDEX_FRESH_S).text
    products, bad, rows = [], 0, 0
    for row in index_rows(text, columns):
        rows += 1
        product = _product(row, volume)
        if product is None:
            bad += not _elsewhere(row)
        elif "GLOBAL_MAPS" not in product.path:
            products.append(product)
    if not rows or bad * 20 > rows:
        raise changed(url, f"{bad} of its {rows} rows name no product of JunoCam")
    return tuple(products)


def index_columns(text: str, name: str) -> tuple[tuple[str, int, int], ...]:
    """The columns of an index by its label: name, first byte (from 0) and number of bytes, in order.

    Raises `FetchError` where columns that are needed are not among them.
    """
    columns = []
    for match in _COLUMN.finditer(text):
        given = dict(re.findall(r"^\s*(NAME|START_BYTE|BYTES)\s*=\s*\"?([A-Za-z0-9_:]+)", match[1], re.MULTILINE))
        if len(given) == 3 and given["START_BYTE"].isdecimal() and given["BYTES"].isdecimal():
            columns.append((given["NAME"].upper(), int(given["START_BYTE"]) - 1, int(given["BYTES"])))
    missing = {"PRODUCT_ID", "FILE_SPECIFICATION_NAME"} - {column[0] for column in columns}
    if missing:
        raise changed(name, f"it describes no column {' and no column '.join(sorted(missing))}")
    return tuple(columns)


def index_rows(text: str, columns: Sequence[tuple[str, int, int]]) -> Iterator[dict[str, str]]:
    """The rows of an index as names and values, without quotes and filling blanks.

    They are taken as comma-separated, which all volumes keep to; the bytes that the label names are not where the
    label says in some volumes, and serve for rows that have another number of values.
    """
    for line in text.splitlines():
        if not line.strip():
            continue
        values = next(csv.reader([line], skipinitialspace=True), [])
        if len(values) != len(columns):
            values = [line[start : start + size] for _, start, size in columns]
        yield {column[0]: value.strip().strip('"').strip() for column, value in zip(columns, values, strict=True)}


def _product(row: dict[str, str], volume: str) -> Product | None:
    """The product of a row, None where it is no strip of JunoCam or its path is not one."""
    product_id = row["PRODUCT_ID"].upper()
    parts = parse_product_id(product_id)
    if parts is None:
        return None
    # the volume's name in the row has a digit too many in some volumes: the folder that was asked for counts
    path = row["FILE_SPECIFICATION_NAME"].replace("\\", "/").upper().lstrip("/")
    if "/" not in path:
        path = usual_path(parts, product_id)
    if _SAFE_PATH.fullmatch(path) is None or not path.endswith(f"/{product_id}.LBL"):
        return None
    return Product(
        product_id,
        volume,
        path,
        row.get("START_TIME", ""),
        row.get("STOP_TIME", ""),
        row.get("TARGET_NAME", "").upper(),
        row.get("RATIONALE_DESC", ""),
    )


def _elsewhere(row: dict[str, str]) -> bool:
    """Whether a row is that of a map or of another product, which is no fault of the index."""
    return "MAP" in row["FILE_SPECIFICATION_NAME"].upper() or row["PRODUCT_ID"].upper().startswith("JNCM")


def usual_path(parts: ProductId, product_id: str) -> str:
    """Where a product's label lies in its volume where the index gives the bare name (volumes 2 and 3)."""
    return f"DATA/{_LEVELS[parts.level]}/JUPITER/ORBIT_{parts.orbit:02d}/{product_id}.LBL"


def likely_volumes(volumes: Sequence[str], orbit: int) -> tuple[str, ...]:
    """The volumes in the order in which an orbit is likely to be found in them."""
    after = next((i for i, (known, _) in enumerate(_ANCHORS) if known >= orbit), None)
    if after is None:
        last, number = _ANCHORS[-1]
        guess = number + (orbit - last) / 3.5
    elif after == 0:
        guess = float(_ANCHORS[0][1])
    else:
        (low, first), (high, second) = _ANCHORS[after - 1], _ANCHORS[after]
        guess = first + (orbit - low) / (high - low) * (second - first)
    return tuple(sorted(volumes, key=lambda name: abs(int(name[-4:]) - guess)))


def find_product(
    session: Session, site: Site, product_id: str, level: str | None = None, volume: str | None = None
) -> Product:
    """The product of an id, in whichever volume it is; `level` (E or R) asks for its raw or reduced twin.

    The id may be short, as in 34C00002. Of a twin, or of a short id, the highest version in the first volume that has
    one counts. Without `volume` the likely ones are read, all of them for a product that was issued again. Raises
    `FetchError` where none of them has it.
    """
    parts, short = parse_product_id(product_id), _SHORT.fullmatch(product_id)
    if parts is None and short is None:
        raise UsageError(
            f"{product_id[:60]!r} is no product id: write JNCE_2021158_34C00002_V01 (EDR), JNCR_... (RDR), or 34C00002"
        )
    exact = parts is not None and level in (None, parts.level)
    if short is not None:
        wanted = (level or "E", int(short[1]), short[2], int(short[3]))
    else:
        assert parts is not None  # or it would have been refused
        wanted = (level or parts.level, parts.orbit, parts.kind, parts.number)
    volumes = (volume,) if volume is not None else likely_volumes(list_volumes(session, site), wanted[1])
    if volume is None and (parts is None or parts.version == 1):
        volumes = volumes[:NEAR_VOLUMES]
    for one in volumes:
        rows = read_index(session, site, one)
        found = (
            [row for row in rows if row.product_id == product_id]
            if exact
            else [row for row in rows if _name(row.parts) == wanted and _same_day(row, parts)]
        )
        if found:
            return max(found, key=lambda row: row.product_id)
    what = product_id if exact else f"{_LEVELS[wanted[0]]} of {product_id}"
    raise FetchError(
        f"no {what} is in {', '.join(sorted(volumes))} of {site.url}: check the id, or name another --volume; new "
        "images take months to get there, --source mission has them sooner",
        site.url,
    )


def _name(parts: ProductId) -> tuple[str, int, str, int]:
    """What of a product id does not change when the product is issued again."""
    return parts.level, parts.orbit, parts.kind, parts.number


def _same_day(row: Product, parts: ProductId | None) -> bool:
    """Whether a product is of the day that an id tells; a short id tells none."""
    return parts is None or (row.parts.year, row.parts.day_of_year) == (parts.year, parts.day_of_year)


def search(session: Session, site: Site, query: PdsQuery) -> tuple[Product, ...]:
    """The products that are looked for, in the order of time, the highest version of each.

    Without a volume those that are likely to hold the orbit are read, outwards from the likeliest, until both
    neighbours of those that hold it do not. Raises `UsageError` where neither volume nor orbit is given.
    """
    if query.volume is not None:
        found = list(_matching(read_index(session, site, query.volume), query))
    elif query.orbit is not None:
        found = _around(session, site, query, query.orbit)
    else:
        raise UsageError("searching the PDS needs an orbit or a volume: give --perijove or --volume")
    best: dict[str, Product] = {}
    for one in found:
        stem = one.product_id[:-4]
        if stem not in best or best[stem].product_id < one.product_id:
            best[stem] = one
    return tuple(sorted(best.values(), key=lambda one: (one.start_utc, one.product_id)))


def _around(session: Session, site: Site, query: PdsQuery, orbit: int) -> list[Product]:
    """Matching products of an orbit from the volumes that hold the orbit."""
    volumes = list_volumes(session, site)
    held: dict[int, tuple[Product, ...]] = {}

    def holds(at: int) -> bool:
        if at not in held:
            rows = read_index(session, site, volumes[at])
            held[at] = tuple(one for one in rows if one.parts.orbit == orbit)
        return bool(held[at])

    first = next((at for name in likely_volumes(volumes, orbit) if holds(at := volumes.index(name))), None)
    if first is not None:
        for step in (-1, 1):
            at = first + step
            while 0 <= at < len(volumes) and holds(at):
                at += step
    return [one for rows in held.values() for one in _matching(rows, query)]


def _matching(products: Iterable[Product], query: PdsQuery) -> Iterator[Product]:
    for one in products:
        parts = one.parts
        filters = _KINDS.get(parts.kind, ())
        if (
            parts.level == query.level
            and (query.orbit is None or parts.orbit == query.orbit)
            and (query.target is None or one.target == query.target.upper())
            and {name.upper() for name in query.filters} <= set(filters)
            and all(word.lower() in one.rationale.lower() for word in query.words)
        ):
            yield one


def label_item(site: Site, product: Product) -> Item:
    """The product's label; nothing tells its checksum for sure, so that its content is looked at."""
    return Item(
        f"{site.url}/{product.volume}/{product.path}",
        safe_name("pds", product.volume, f"{product.product_id}.LBL"),
        source=site.name,
        hosts=site.hosts,
    )


def image_item(site: Site, product: Product, label: bytes | None = None) -> Item:
    """The product's image, with the size and the MD5 that its label tells, where they are those of the whole file.

    Without the label neither is known. Raises `FetchError` where the label is not that of the product, or names
    another file.
    """
    plain = Item(
        f"{site.url}/{product.volume}/{product.path[:-4]}.IMG",
        safe_name("pds", product.volume, f"{product.product_id}.IMG"),
        source=site.name,
        hosts=site.hosts,
    )
    if label is None:
        return plain
    place = label_item(site, product)
    if _END.search(label) is None:
        raise FetchError(f"{place.url} is no whole label: it has no END; try again with --refresh", place.url)
    try:
        read = parse_label(label, f"{product.product_id}.LBL")
    except LabelError as error:
        raise FetchError(f"{place.url} is no label that can be read ({error})", place.url) from error
    layout = read.layout
    named = product_id_in(read.product_id)
    if named != product.product_id or layout is None:
        raise FetchError(f"{place.url} is the label of {read.product_id}, not of {product.product_id}", place.url)
    name = layout.file_name
    if name is None or name.upper() != f"{product.product_id}.IMG":
        raise FetchError(f"{place.url} names the image {name}, not {product.product_id}.IMG: report it", place.url)
    image_bytes = read.lines * read.samples * layout.sample_bits // 8
    whole = layout.offset == 0 and layout.file_bytes == image_bytes
    return replace(
        plain,
        size=image_bytes if whole else None,
        checksum=f"md5:{layout.md5}" if whole and layout.md5 is not None else None,
    )


def folder_sizes(session: Session, site: Site, products: Sequence[Product]) -> dict[str, int]:
    """Rounded sizes of images by product id, from the listings of their folders, as far as those tell."""
    wanted = {one.product_id for one in products}
    found: dict[str, int] = {}
    for volume, folder in dict.fromkeys((one.volume, one.path.rpartition("/")[0]) for one in products):
        url = f"{site.url}/{volume}/{folder}/"
        for listed in read_listing(site.page(session, url, fresh_s=INDEX_FRESH_S).text, url):
            name, _, suffix = listed.name.upper().partition(".")
            if suffix == "IMG" and name in wanted and listed.about_bytes is not None:
                found[name] = listed.about_bytes
    return found
