"""Where the three archives are, and which hosts their files may come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from perijove.archive.http import PAGE_LIMIT_BYTES, Page, Session
from perijove.errors import UsageError


@dataclass(frozen=True)
class Site:
    """One archive: `name` is "mission", "pds" or "naif", `url` where it begins, without a slash at the end.

    `hosts` are all that its pages and files may come from; an empty set means that of the address alone. With `refresh`
    no page is taken from the cache without a question whether it has changed.
    """

    name: str
    url: str
    hosts: frozenset[str] = frozenset()
    refresh: bool = False

    def page(self, session: Session, url: str, *, fresh_s: float, limit_bytes: int = PAGE_LIMIT_BYTES) -> Page:
        """A page of the archive; one younger than `fresh_s` (s) is taken from the cache."""
        return session.get(url, limit_bytes, hosts=self.hosts, fresh_s=0.0 if self.refresh else fresh_s)


@dataclass(frozen=True)
class Sites:
    """The mission's site, the imaging node of the PDS, and NAIF's folders of Juno kernels."""

    mission: Site
    pds: Site
    naif: Site


MISSION = Site(
    "mission",
    "https://www.missionjuno.swri.edu",
    frozenset({"www.missionjuno.swri.edu", "missionjuno.swri.edu", "d2xkkdgjnsfvb0.cloudfront.net"}),
)
"""The last host is the one that delivers what the site holds."""
PDS = Site(
    "pds",
    "https://planetarydata.jpl.nasa.gov/img/data/juno",
    frozenset({"planetarydata.jpl.nasa.gov", "pds-imaging.jpl.nasa.gov"}),
)
"""The volumes of JunoCam; the second host is their old one, which sends its visitors to the first."""
NAIF = Site("naif", "https://naif.jpl.nasa.gov/pub/naif/JUNO/kernels", frozenset({"naif.jpl.nasa.gov"}))
"""The folders lsk, pck, fk, ik, sclk, spk and ck of the mission's kernels."""


def sites(environment: Mapping[str, str] = os.environ, *, refresh: bool = False) -> Sites:
    """The archives, where PERIJOVE_MISSION_URL, PERIJOVE_PDS_URL and PERIJOVE_NAIF_URL do not name others.

    Raises `UsageError` where one of them is no http(s) address.
    """
    return Sites(*(replace(_site(known, environment), refresh=refresh) for known in (MISSION, PDS, NAIF)))


def _site(known: Site, environment: Mapping[str, str]) -> Site:
    variable = f"PERIJOVE_{known.name.upper()}_URL"
    url = environment.get(variable, "").strip().rstrip("/")
    if not url:
        return known
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(f"{variable} is {url[:80]!r}: give an address such as {known.url}")
    return Site(known.name, url)
