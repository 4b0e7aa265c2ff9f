"""Bringing what was planned into a folder: downloaded, looked at, unpacked, each file whole or not there."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from perijove.archive import pds
from perijove.archive.cache import Cache
from perijove.archive.download import Downloaded, Item, download
from perijove.archive.http import Session
from perijove.archive.mission import MissionImage
from perijove.archive.plan import Order, label_in
from perijove.archive.sites import Sites
from perijove.archive.unpack import unpack
from perijove.errors import FetchError, OutputError, PerijoveError
from perijove.io.atomic import Staged, check_folder, written
from perijove.io.places import members
from perijove.label import product_id_in

Progress = Callable[[str, int, int | None], None]
"""Told the name of a file, the bytes there are of it, and those there will be (None where that is not known)."""
_STRIP_ENDS = ("-raw.png", "-raw.jpg", "-raw.jpeg")


@dataclass(frozen=True)
class Obtained:
    """The files in the folder that an order became, and the bytes that came over the network for it now."""

    name: str
    files: tuple[Path, ...]
    received: int


@dataclass(frozen=True)
class Terms:
    """How orders are carried out: into which folder, unpacked or as the archive has them, and with how many bytes left.

    `overwrite` allows files of other content to be replaced; `refresh` asks the archive whether what is in the cache
    has changed.
    """

    folder: Path
    unpack: bool = True
    overwrite: bool = False
    refresh: bool = False
    limit_bytes: int | None = None


def obtain(
    session: Session, cache: Cache, sites: Sites, order: Order, terms: Terms, progress: Progress | None = None
) -> Obtained:
    """Download an order and put its files into the folder, which is made.

    Raises `FetchError` where a file cannot be had, is damaged, or is not what it should be, and `OutputError` where
    the folder cannot be written to or holds another file of that name; nothing of the order is in the folder then.
    """
    got: list[Downloaded] = []

    def fetch(item: Item) -> Downloaded:
        left = None if terms.limit_bytes is None else terms.limit_bytes - sum(one.received for one in got)
        name = PurePosixPath(item.name).name
        tell = None if progress is None else lambda done, whole: progress(name, done, whole)
        one = (
            download(session, item, cache, refresh=terms.refresh, progress=tell)
            if left is None
            else download(session, item, cache, limit_bytes=max(left, 1), refresh=terms.refresh, progress=tell)
        )
        got.append(one)
        return one

    check_folder(terms.folder)
    if order.image is not None and len(order.files) == 1:
        files = _label_alone(cache, fetch(order.image.label), order.image, terms)
    elif order.image is not None:
        label_set, image_set = fetch(order.image.label), fetch(order.image.images)
        with _forgotten(cache, label_set, image_set):
            check_sets(label_set, image_set, order.image)
        files = _put_sets((label_set, image_set), terms)
    elif order.product is not None:
        label = fetch(pds.label_item(sites.pds, order.product))
        with _forgotten(cache, label):
            item = pds.image_item(sites.pds, order.product, label.path.read_bytes())
        stem = order.product.product_id
        images = {} if len(order.files) == 1 else {f"{stem}.IMG": fetch(item).path}
        files = _place({f"{stem}.LBL": label.path, **images}, terms)
    else:
        paths = [fetch(file.item).path for file in order.files]
        files = _place(
            {PurePosixPath(file.item.name).name: path for file, path in zip(order.files, paths, strict=True)}, terms
        )
    return Obtained(order.name, files, sum(one.received for one in got))


@contextmanager
def _forgotten(cache: Cache, *files: Downloaded) -> Iterator[None]:
    """Around a look at files: those that are not what they should be leave the cache, to be downloaded anew."""
    try:
        yield
    except PerijoveError:
        for file in files:
            cache.remove(file.entry.name)
        raise


def check_sets(label_set: Downloaded, image_set: Downloaded, image: MissionImage) -> None:
    """Refuse archives of an image of the mission's site that do not hold one label and the raw strip of its product."""
    label = label_in(label_set, image)
    strips = [one for member in members(image_set.path) if _is_strip(one := member.path.name)]
    if not strips or any(product_id_in(one) != label.product_id for one in strips):
        raise FetchError(
            f"the archive {image.images.url} of image {image.id} holds no raw strip of {label.product_id}"
            f"{f' but {strips[0]}' if strips else ''}: the site's page may have changed; report it",
            image.images.url,
        )


def _label_alone(cache: Cache, label_set: Downloaded, image: MissionImage, terms: Terms) -> tuple[Path, ...]:
    """The label of an image without its strip."""
    with _forgotten(cache, label_set):
        label_in(label_set, image)
    return _put_sets((label_set,), terms)


def _put_sets(sets: Sequence[Downloaded], terms: Terms) -> tuple[Path, ...]:
    """The label and the strip in the archives of an image, side by side, or the archives as they are."""
    if not terms.unpack:
        return _place({PurePosixPath(one.entry.name).name: one.path for one in sets}, terms)
    with Staged() as staged:
        staged.folder(terms.folder)
    # within the folder, so that nothing is ever written elsewhere
    with tempfile.TemporaryDirectory(prefix=".perijove-", dir=terms.folder) as place:
        unpacked = [
            path
            for at, one in enumerate(sets)
            for path in unpack(one.path, Path(place, str(at)), wanted=_is_wanted).files
        ]
        return _place({path.name: path for path in unpacked}, terms)


def _is_strip(name: str) -> bool:
    return name.lower().endswith(_STRIP_ENDS)


def _is_wanted(name: str) -> bool:
    return _is_strip(name) or name.lower().endswith(".json")


def _place(files: dict[str, Path], terms: Terms) -> tuple[Path, ...]:
    """Copy files into the folder so that all appear or none; those that are there with the same content stay."""
    targets = {terms.folder / name: source for name, source in files.items()}
    for target, source in targets.items():
        if target.exists() and not terms.overwrite and not _same(target, source):
            raise OutputError(f"{target} is there already and is another file: give another folder, or --overwrite")
    with Staged() as staged:
        staged.folder(terms.folder)
        for target, source in targets.items():
            if not (target.exists() and _same(target, source)):
                temporary = staged.reserve(target)
                with written(target):
                    shutil.copyfile(source, temporary)
    return tuple(targets)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.is_file() and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
