"""The mission's site: what is read from its pages, and that other pages give no files."""

from __future__ import annotations

from typing import Any

import pytest

from perijove.archive.mission import MissionImage, MissionQuery, gallery_url, list_images, matches, read_image
from perijove.archive.pages import read_listing, read_page
from perijove.archive.sites import MISSION, NAIF, PDS, sites
from perijove.errors import FetchError, UsageError

PRODUCT = "JNCE_2021158_34C00002_V01"


def test_gallery_address_is_the_one_the_site_gives_its_visitors() -> None:
    url = gallery_url(MISSION, 34, 2)
    assert url == (
        "https://www.missionjuno.swri.edu/junocam/processing"
        "?source=junocam&ob_from=&ob_to=&phases%5B%5D=PERIJOVE+34&perpage=100&p=2"
    )


def test_all_pages_of_a_gallery_are_read_and_each_image_told_once(session: Any, archives: Any) -> None:
    archives.gallery(34, ["11", "12", "12"], ["12", "13"])
    assert list(list_images(session, archives.sites.mission, 34)) == ["11", "12", "13"]


def test_pages_are_asked_for_only_when_they_are_needed(session: Any, archives: Any, server: Any) -> None:
    archives.gallery(34, ["11", "12"], ["13"])
    images = list_images(session, archives.sites.mission, 34)
    assert next(images) == "11"
    assert len(server.asked) == 1


def test_a_gallery_without_images_is_empty_and_another_page_is_refused(
    session: Any, archives: Any, server: Any
) -> None:
    archives.gallery(35)
    assert list(list_images(session, archives.sites.mission, 35)) == []
    server.put("/mission/junocam/processing", b"<html><h1>We have moved</h1></html>")
    with pytest.raises(FetchError, match="the site's page has changed"):
        list(list_images(session, archives.sites.mission, 36))


def test_links_beside_the_thumbnails_are_no_images_of_the_search(session: Any, archives: Any, server: Any) -> None:
    page = (
        b'<a href="/mission/junocam/processing?id=99">featured</a>'
        b'<a class="modal_gallery_item" href="/mission/junocam/processing?id=11"></a>'
        b'<a class="modal_gallery_item" href="/elsewhere?id=12"></a>'
        b'<a class="modal_gallery_item" href="/mission/junocam/processing?id=1%3B2"></a>'
    )
    server.put("/mission/junocam/processing", page)
    assert list(list_images(session, archives.sites.mission, 34)) == ["11"]


def test_image_page(session: Any, archives: Any) -> None:
    archives.image("11", PRODUCT, "PJ34 Ganymede &amp; more", target="Ganymede")
    image = read_image(session, archives.sites.mission, "11")
    assert image.title == "PJ34 Ganymede & more"
    assert image.product_id == PRODUCT
    assert image.filters == ("BLUE", "GREEN", "RED")
    assert image.target == "GANYMEDE"
    base = archives.sites.mission.url
    # the time on the links is left off, and the single picture beside the archives is none of them
    assert image.label.url == f"{base}/Vault/VaultDownload?VaultID=111"
    assert image.images.url == f"{base}/Vault/VaultDownload?VaultID=110"
    assert image.label.name == "mission/111/11-Data.zip"
    assert image.images.name == "mission/110/11-ImageSet.zip"


def test_of_several_products_on_a_page_the_one_asked_for_counts(session: Any, archives: Any, server: Any) -> None:
    other = "JNCE_2021158_34C00001_V01"
    page = archives.page("11", f"{PRODUCT} and its neighbour {other}", "t")
    server.put(f"/mission/junocam/processing?id={PRODUCT}", page)
    server.put("/mission/junocam/processing?id=11", page)
    assert read_image(session, archives.sites.mission, PRODUCT).product_id == PRODUCT
    assert read_image(session, archives.sites.mission, "11").product_id is None
    listed = page.replace(b"<dl>", f"<dl><dt>Product</dt><dd>{other}</dd>".encode())
    server.put("/mission/junocam/processing?id=12", listed)
    assert read_image(session, archives.sites.mission, "12").product_id == other


def test_links_to_other_hosts_are_not_taken_over(session: Any, archives: Any, server: Any) -> None:
    page = archives.page("11", PRODUCT, "t").replace(b'href="/mission/Vault', b'href="https://evil.example/Vault')
    server.put("/mission/junocam/processing?id=11", page)
    image = read_image(session, archives.sites.mission, "11")
    assert image.images.url.startswith(archives.sites.mission.url)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Metadata", b"Something"),
        (b"VaultDownload", b"Store"),
        (b"VaultID=110", b"VaultID=x"),
        (b"Images</a>", b"Pictures</a>"),
        (b"<h1", b"<p"),
    ],
)
def test_a_page_of_another_shape_gives_no_files(
    session: Any, archives: Any, server: Any, old: bytes, new: bytes
) -> None:
    page = archives.page("11", PRODUCT, "t")
    assert old in page
    server.put("/mission/junocam/processing?id=11", page.replace(old, new))
    with pytest.raises(FetchError, match="page has changed"):
        read_image(session, archives.sites.mission, "11")


def test_a_picture_that_somebody_made_is_told_from_a_raw_image(session: Any, archives: Any, server: Any) -> None:
    server.put("/mission/junocam/processing?id=7", b'<h1 class="fake_h2">My Jupiter</h1><a href="/mission/x">up</a>')
    with pytest.raises(FetchError, match=r"My Jupiter.*somebody made"):
        read_image(session, archives.sites.mission, "7")


def test_no_such_image(session: Any, archives: Any) -> None:
    with pytest.raises(FetchError, match="has no image 404") as caught:
        read_image(session, archives.sites.mission, "404")
    assert caught.value.status == 404
    with pytest.raises(UsageError, match="no image"):
        read_image(session, archives.sites.mission, "../1")


def _image(**changes: Any) -> MissionImage:
    fields = {"id": "1", "title": "PJ34 Ganymede Flyby", "product_id": PRODUCT, "filters": ("BLUE", "RED"),
              "target": None, "label": None, "images": None}  # fmt: skip
    return MissionImage(**{**fields, **changes})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (MissionQuery(), True),
        (MissionQuery(words=("ganymede", "PJ34")), True),
        (MissionQuery(words=("ganymede", "europa")), False),
        (MissionQuery(perijove=34), True),
        (MissionQuery(perijove=33), False),
        (MissionQuery(filters=("red",)), True),
        (MissionQuery(filters=("red", "methane")), False),
        (MissionQuery(target="ganymede"), None),
        (MissionQuery(target="ganymede", words=("europa",)), False),
    ],
)
def test_matches(query: MissionQuery, expected: bool | None) -> None:
    assert matches(_image(), query) is expected


def test_matches_where_the_page_tells_the_target_or_no_filters() -> None:
    assert matches(_image(target="GANYMEDE"), MissionQuery(target="Ganymede")) is True
    assert matches(_image(target="EUROPA"), MissionQuery(target="Ganymede")) is False
    assert matches(_image(filters=None), MissionQuery(filters=("red",))) is None


def test_a_page_is_read_whatever_is_in_it() -> None:
    page = read_page(
        "<a href='http://[x'>a</a><dd>b<dt>c<dd>d<h1>e<script>f</script><a href=/g>h<img alt=i>", "http://x/y"
    )
    assert [link.url for link in page.links] == ["http://x/g"]
    assert page.links[0].text == "h i"
    assert page.pairs[0][0] == "c"
    assert "f" not in page.text.split()


def test_listing_takes_names_of_this_folder_alone() -> None:
    text = (
        "<title>Index of /k</title><pre><a href='?C=N'>n</a><a href='/'>up</a><a href='../x'>x</a><a href='a/b'>b</a>"
        "<a href='http://other/k/c'>c</a><a href='%2e%2e'>d</a><a href='sub/'>sub/</a> 15-Mar-2024 12:00    -\n"
        "<a href='one.bsp'>one.bsp</a> 2024-03-15 12:00  1.5M  note\n"
        "<a href='two.bsp'>two</a> 2024-03-15 12:00 17</pre>"
    )
    listed = read_listing(text, "http://x/k/")
    assert [(one.name, one.folder, one.about_bytes) for one in listed] == [
        ("sub", True, None), ("one.bsp", False, 1572864), ("two.bsp", False, 17),
    ]  # fmt: skip


def test_listing_as_a_table() -> None:
    text = (
        "<table><tr><td><img alt='[ ]'></td><td><a href='a.IMG'>a.IMG</a></td><td align=right>2018-04-07 01:02  </td>"
        "<td align=right> 24M</td></tr></table>"
    )
    assert read_listing(text, "http://x/k/")[0].about_bytes == 24 << 20


def test_what_is_no_listing_is_refused() -> None:
    assert read_listing("<title>Index of /k</title>", "http://x/k/") == ()
    with pytest.raises(FetchError, match="no listing"):
        read_listing("<h1>Maintenance</h1>", "http://x/k/")


def test_sites_come_from_the_environment() -> None:
    assert sites({}).mission == MISSION
    other = sites({"PERIJOVE_PDS_URL": "http://localhost:1/a/", "PERIJOVE_NAIF_URL": ""})
    assert (other.pds.url, other.pds.hosts) == ("http://localhost:1/a", frozenset())
    assert other.naif == NAIF
    assert PDS.hosts >= {"planetarydata.jpl.nasa.gov"}
    for wrong in ("ftp://x/y", "x", "http://", "http://[", "http://x/?a=b"):
        with pytest.raises(UsageError, match="PERIJOVE_PDS_URL"):
            sites({"PERIJOVE_PDS_URL": wrong})
