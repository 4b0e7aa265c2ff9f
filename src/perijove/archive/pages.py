"""What a page of an archive says: its links, headings, pairs of term and value, and the files of a folder listing.

Pages change without notice. What is read here is only what several independent readers of these sites rely on, and a
page in which it is not found is refused with `changed` rather than guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from perijove.errors import FetchError

# what Apache prints behind a name: a date in one of two forms, a time, and a rounded size, or "-" for a folder
_STAMP = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}-[A-Za-z]{3}-[0-9]{4})\s+[0-9]{2}:[0-9]{2}(?::[0-9]{2})?\s+"
    r"(?P<size>-|[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[KMGT]?)\b"
)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}/?")
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True)
class Link:
    """One ``<a href>``: where it leads (absolute), the words in it, its classes, and the text up to the next link."""

    url: str
    text: str
    classes: frozenset[str]
    after: str


@dataclass(frozen=True)
class Pages:
    """What was read of one HTML page: `headings` are h1 to h3 with their classes, `pairs` those of dt and dd.

    `title` is that of the head; `text` all words that are shown.
    """

    url: str
    title: str
    text: str
    links: tuple[Link, ...]
    headings: tuple[tuple[str, frozenset[str]], ...]
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Listed:
    """A file or folder of a listing; `about_bytes` is the size rounded to what was printed, None where none was."""

    name: str
    folder: bool
    about_bytes: int | None


def changed(url: str, what: str) -> FetchError:
    """The error for a page that is not what it was."""
    return FetchError(
        f"{url}: the site's page has changed: {what}; open it in a browser, download by hand, and report it", url
    )


def read_page(text: str, url: str) -> Pages:
    """The parts of an HTML page found at `url`; any text can be read, what is no HTML has no parts."""
    reader = _Reader(url)
    reader.feed(text)
    reader.close()
    return reader.page()


def read_listing(text: str, url: str) -> tuple[Listed, ...]:
    """The files and folders of a folder as Apache lists it, in its order.

    Only plain names directly in that folder count. Raises `FetchError` where the page is no such listing.
    """
    page = read_page(text, url)
    here = urlsplit(url)
    folder = here.path if here.path.endswith("/") else here.path + "/"
    found: dict[str, Listed] = {}
    for link in page.links:
        parts = urlsplit(link.url)
        if parts.netloc != here.netloc or parts.query or not parts.path.startswith(folder):
            continue
        name = unquote(parts.path[len(folder) :])
        if _NAME.fullmatch(name) is None:
            continue
        stamp = _STAMP.search(link.after)
        about = None
        if stamp is not None and stamp["size"] != "-":
            about = round(float(stamp["size"]) * _UNITS[stamp["unit"]])
        found.setdefault(name, Listed(name.rstrip("/"), name.endswith("/"), about))
    if not found and "index of" not in f"{page.title} {page.text}".lower():
        raise changed(url, "it is no listing of a folder")
    return tuple(found.values())


class _Reader(HTMLParser):
    """Collects the parts while the parser walks through the page; unclosed elements end where the next begins."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.words: list[str] = []
        self.title: list[str] = []
        self.links: list[tuple[str, frozenset[str], list[str], list[str]]] = []
        self.headings: list[tuple[list[str], frozenset[str]]] = []
        self.pairs: list[tuple[list[str], list[str]]] = []
        self.open: list[list[str]] = []  # where text goes besides the page's words
        self.hidden = 0
        self.in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        classes = frozenset(given.get("class", "").split())
        if tag in ("script", "style"):
            self.hidden += 1
        elif tag == "title":
            self.in_title = True
        elif tag == "a" and "href" in given:
            self.links.append((given["href"], classes, [given.get("title", "")], []))
            self.open.append(self.links[-1][2])
        elif tag in ("h1", "h2", "h3"):
            self.headings.append(([], classes))
            self.open.append(self.headings[-1][0])
        elif tag == "dt":
            self._leave_pair()
            self.pairs.append(([], []))
            self.open.append(self.pairs[-1][0])
        elif tag == "dd" and self.pairs:
            self._leave_pair()
            self.open.append(self.pairs[-1][1])
        elif tag == "img" and self.links and self.open and self.open[-1] is self.links[-1][2]:
            self.open[-1].append(given.get("alt", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.hidden = max(0, self.hidden - 1)
        elif tag == "title":
            self.in_title = False
        elif tag in ("dt", "dd", "dl"):
            self._leave_pair()
        elif tag == "a" and self.links:
            self._leave(self.links[-1][2])
        elif tag in ("h1", "h2", "h3") and self.headings:
            self._leave(self.headings[-1][0])

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        if self.in_title:
            self.title.append(data)
            return
        self.words.append(data)
        for place in self.open:
            place.append(data)
        if self.links and not any(place is self.links[-1][2] for place in self.open):
            self.links[-1][3].append(data)

    def _leave(self, place: list[str]) -> None:
        self.open = [one for one in self.open if one is not place]

    def _leave_pair(self) -> None:
        if self.pairs:
            self._leave(self.pairs[-1][0])
            self._leave(self.pairs[-1][1])

    def page(self) -> Pages:
        links = []
        for href, classes, text, after in self.links:
            try:
                url = urljoin(self.url, href.strip())
            except ValueError:  # a bracket where a host should be
                continue
            links.append(Link(url, _joined(text), classes, _joined(after)))
        return Pages(
            self.url,
            _joined(self.title),
            _joined(self.words),
            tuple(links),
            tuple((_joined(text), classes) for text, classes in self.headings),
            tuple((_joined(term), _joined(value)) for term, value in self.pairs),
        )


def _joined(words: list[str]) -> str:
    return _BLANK.sub(" ", " ".join(words)).strip()
