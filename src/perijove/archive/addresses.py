"""Addresses that may be asked: those of an archive's own hosts, and nothing that a page or redirect made up."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from perijove.errors import FetchError

_PORTS = {"http": 80, "https": 443}
_MAX_URL = 4096


@dataclass(frozen=True)
class Place:
    """An address that may be asked for; `authority` is its host, with the port where that is not the scheme's."""

    url: str
    scheme: str
    host: str
    authority: str

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def place_of(url: str, hosts: frozenset[str]) -> Place:
    """The place of an address, which must be http(s) on one of `hosts` (any where there are none); else FetchError."""
    place = _parsed(url)
    if place is None:
        raise FetchError(f"{shown(url)} is no address of the web: it must begin with https://", url)
    if hosts and place.authority not in hosts:
        raise FetchError(f"{shown(url)} is not on a host of its archive ({', '.join(sorted(hosts))}): check it", url)
    return place


def check_hop(asked: str, place: Place, location: str, hosts: frozenset[str]) -> Place:
    """The place that a redirect leads to; FetchError where that is not allowed.

    It stays on `hosts` (that of the address asked for where there are none) and never falls from https to http, but on
    this machine.
    """
    target = _joined(place.url, location)
    if target is None:
        raise FetchError(f"{asked} leads to {shown(location)!r}, which is no address of the web: not followed", asked)
    if target.authority not in (hosts or {_parsed_authority(asked)}):
        raise FetchError(
            f"{asked} leads to {shown(target.url)}, which is not on a host of its archive: not followed; look at it in "
            "a browser", asked,
        )  # fmt: skip
    if place.scheme == "https" and target.scheme == "http" and not target.loopback:
        raise FetchError(f"{asked} leads to {shown(target.url)}, which is not encrypted: not followed", asked)
    return target


def shown(url: str) -> str:
    """An address for a message: not too long, and without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in url[:200])


def _joined(base: str, location: str) -> Place | None:
    try:
        return _parsed(urljoin(base, location)) if location else None
    except ValueError:
        return None


def _parsed_authority(url: str) -> str:
    place = _parsed(url)
    return place.authority if place else ""


def _parsed(url: str) -> Place | None:
    if len(url) > _MAX_URL or any(c in " \\" or not c.isprintable() for c in url):
        return None
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return None
    host = split.hostname
    if split.scheme not in _PORTS or not host or not host.isascii() or "@" in split.netloc:
        return None
    own = port is None or port == _PORTS[split.scheme]
    return Place(url, split.scheme, host, host if own else f"{host}:{port}")
