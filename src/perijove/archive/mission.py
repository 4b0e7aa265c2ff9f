"""The mission's site: which images there are of a perijove, and where the two archives of each lie.

The gallery is a page of links ``/junocam/processing?id=NNNNN``, in pages of up to 100; the page of one image has its
title in a heading, its filters in a list of terms, its product id in the text, and two links to
``/Vault/VaultDownload``, "Metadata" (the label, ``NNNNN-Data.zip``) and "Images" (``NNNNN-ImageSet.zip``, with the raw
strip). What of this rests on what is written in docs/fetch.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from perijove.archive.cache import safe_name
from perijove.archive.download import Item
from perijove.archive.http import Session
from perijove.archive.pages import Link, Pages, changed, read_page
from perijove.archive.sites import Site
from perijove.errors import FetchError, UsageError
from perijove.label import parse_product_id, product_id_in

PER_PAGE = 100
"""Images on one page of the gallery: the most that its other readers ask for."""
MAX_PAGES = 60
"""A perijove has some hundred images; a gallery that never ends is not believed."""
LIST_FRESH_S = 600.0
IMAGE_FRESH_S = 86400.0
_GALLERY = "/junocam/processing"
_VAULT = "/Vault/VaultDownload"
_ID = re.compile(r"[0-9]{1,7}|JNC[ER]_[0-9]{7}_[0-9]{2,3}[A-Z][0-9]{5}_V[0-9]{2}")


@dataclass(frozen=True)
class MissionQuery:
    """What images are looked for; None and empty tuples are no condition.

    `words` must all occur in the title, `filters` (RED, GREEN, BLUE, METHANE) all be among the image's, in any case.
    """

    perijove: int | None = None
    words: tuple[str, ...] = ()
    target: str | None = None
    filters: tuple[str, ...] = ()


@dataclass(frozen=True)
class MissionImage:
    """One raw image of the site: its number there, title, product, filters and target as the page gives them.

    `filters` and `target` are None where the page does not tell. `label` is the archive with the label, `images` that
    with the raw strip.
    """

    id: str
    title: str
    product_id: str | None
    filters: tuple[str, ...] | None
    target: str | None
    label: Item
    images: Item


def gallery_url(site: Site, perijove: int | None, page: int) -> str:
    """The address of one page (from 1) of the raw images of a perijove, or of all."""
    query: list[tuple[str, str]] = [("source", "junocam"), ("ob_from", ""), ("ob_to", "")]
    if perijove is not None:
        query.append(("phases[]", f"PERIJOVE {perijove}"))
    query += [("perpage", str(PER_PAGE)), ("p", str(page))]
    return f"{site.url}{_GALLERY}?{urlencode(query)}"


def image_url(site: Site, image_id: str) -> str:
    """The address of an image's page, by its number there or by its product id."""
    if _ID.fullmatch(image_id) is None:
        raise UsageError(
            f"{image_id[:60]!r} is no image of the mission's site: give a number such as 13639 or a product id"
        )
    return f"{site.url}{_GALLERY}?id={image_id}"


def list_images(session: Session, site: Site, perijove: int | None) -> Iterator[str]:
    """The numbers of the images of a perijove in the site's order, page by page; each page is asked for when needed.

    Raises `FetchError` where a page cannot be had or is not what it was.
    """
    known: set[str] = set()
    for number in range(1, MAX_PAGES + 1):
        url = gallery_url(site, perijove, number)
        page = read_page(site.page(session, url, fresh_s=LIST_FRESH_S).text, url)
        fresh = [one for one in _image_ids(page) if one not in known]
        if not fresh:
            if number == 1 and not _is_gallery(page):
                raise changed(url, "it holds no images and no list of perijoves")
            return
        known.update(fresh)
        yield from fresh


def _image_ids(page: Pages) -> list[str]:
    """The images that a page links to; the thumbnails alone where they can be told from other links."""
    links = [(link, one) for link in page.links if (one := _id_in(link.url)) is not None]
    marked = [one for link, one in links if "modal_gallery_item" in link.classes]
    return list(dict.fromkeys(marked or [one for _, one in links]))


def _id_in(url: str) -> str | None:
    parts = urlsplit(url)
    if not parts.path.rstrip("/").endswith(_GALLERY):
        return None
    one = parse_qs(parts.query).get("id", [""])[0]
    return one if _ID.fullmatch(one) else None


def _is_gallery(page: Pages) -> bool:
    """Whether a page without images is the gallery all the same: it offers the perijoves to choose from."""
    return re.search(r"\bperijove\s+[0-9]+", page.text, re.IGNORECASE) is not None


def read_image(session: Session, site: Site, image_id: str) -> MissionImage:
    """What the page of one image tells of it.

    Raises `FetchError` where there is no such image, where it is a picture that somebody has uploaded, or where the
    page is not what it was.
    """
    url = image_url(site, image_id)
    try:
        text = site.page(session, url, fresh_s=IMAGE_FRESH_S).text
    except FetchError as error:
        if error.status in (404, 410):
            raise FetchError(
                f"the mission's site has no image {image_id}: check the number", url, error.status
            ) from error
        raise
    page = read_page(text, url)
    vault = [link for link in page.links if _vault_id(link.url) is not None]
    title = _title(page)
    product = _product(page, image_id)
    label, images = _two_archives(vault)
    if label is None or images is None:
        if product is None and title:
            raise FetchError(
                f"image {image_id} of the mission's site ({title[:80]}) has no raw strip: it is a picture that "
                "somebody made of one; give the number of a raw image",
                url,
            )
        raise changed(url, "the links to the archives Metadata and Images are not there")
    if not title:
        raise changed(url, "the image has no title")
    fields = {term.rstrip(":").upper(): value for term, value in page.pairs}
    return MissionImage(
        id=image_id,
        title=title,
        product_id=product,
        filters=_filters(page),
        target=next((value.upper() for term, value in fields.items() if "TARGET" in term and value), None),
        label=_item(site, label, image_id, "Data"),
        images=_item(site, images, image_id, "ImageSet"),
    )


def _title(page: Pages) -> str:
    """The heading of the image; the gallery's own stands before it in another style."""
    marked = [text for text, classes in page.headings if "fake_h2" in classes and text]
    plain = [text for text, _ in page.headings if text]
    return (marked or plain or [""])[0]


def _product(page: Pages, asked: str) -> str | None:
    """The product id in the list of terms, else the one in the text; None where there is none, or several.

    Of several it is that which was `asked` for; whether it is that of the files, their label will tell.
    """
    for _, value in page.pairs:
        if (found := product_id_in(value)) is not None:
            return found
    every = {found for word in page.text.split() if (found := product_id_in(word)) is not None}
    if asked in every:
        return asked
    return every.pop() if len(every) == 1 else None


def _filters(page: Pages) -> tuple[str, ...] | None:
    """The filters that a value of the list of terms consists of, whatever its term is called."""
    for _, value in page.pairs:
        words = re.findall(r"[A-Z0-9]+", value.upper())
        if words and all(word in ("RED", "GREEN", "BLUE", "METHANE", "CH4") for word in words):
            return tuple("METHANE" if word == "CH4" else word for word in words)
    return None


def _vault_id(url: str) -> str | None:
    parts = urlsplit(url)
    if not parts.path.lower().endswith(_VAULT.lower()):
        return None
    found = {key.lower(): values[0] for key, values in parse_qs(parts.query).items()}.get("vaultid", "")
    return found if re.fullmatch(r"[0-9]{1,9}", found) else None


def _two_archives(vault: list[Link]) -> tuple[str | None, str | None]:
    """The numbers of the archives with the label and with the images, by the words on their links."""
    vault = [link for link in vault if "download_zip" in link.classes] or vault
    label = next((link for link in vault if re.search(r"meta\s*data|data\s*set", link.text, re.IGNORECASE)), None)
    images = next(
        (
            link
            for link in vault
            if link is not label and re.search(r"\bimages\b|image\s*set", link.text, re.IGNORECASE)
        ),
        None,
    )
    return (
        None if label is None else _vault_id(label.url),
        None if images is None else _vault_id(images.url),
    )


def _item(site: Site, vault_id: str, image_id: str, kind: str) -> Item:
    """The archive of a number, without the time that the site adds to its links: one file has one address."""
    # the address of the archive itself: what the page links to on another host is not followed
    url = f"{site.url}{_VAULT}?VaultID={vault_id}"
    return Item(url, safe_name("mission", vault_id, f"{image_id}-{kind}.zip"), source=site.name, hosts=site.hosts)


def matches(image: MissionImage, query: MissionQuery) -> bool | None:
    """Whether an image is one that is looked for; None where its page does not tell (the label will)."""
    title = image.title.lower()
    if not all(word.lower() in title for word in query.words):
        return False
    product = None if image.product_id is None else parse_product_id(image.product_id)
    if query.perijove is not None and product is not None and product.orbit != query.perijove:
        return False
    unknown = False
    if query.filters:
        if image.filters is None:
            unknown = True
        elif not {name.upper() for name in query.filters} <= set(image.filters):
            return False
    if query.target is not None:
        if image.target is None:
            unknown = True
        elif image.target != query.target.upper():
            return False
    return None if unknown else True
