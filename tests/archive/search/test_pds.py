"""The volumes of the PDS: their indexes as they are, not only as their labels say, and where products lie."""

from __future__ import annotations

from typing import Any

import pytest

from perijove.archive.pds import (
    PdsQuery,
    find_product,
    image_item,
    index_columns,
    index_rows,
    label_item,
    likely_volumes,
    list_volumes,
    read_index,
    search,
    usual_path,
)
from perijove.archive.sites import PDS
from perijove.errors import FetchError, UsageError
from perijove.label import parse_product_id

ONE = "JNCE_2021158_34C00002_V01"


def test_volumes_are_told_from_what_lies_beside_them(session: Any, archives: Any, server: Any) -> None:
    archives.volumes("JNOJNC_0002", "JNOJNC_0001")
    assert list_volumes(session, archives.sites.pds) == ("JNOJNC_0001", "JNOJNC_0002")


def test_a_node_without_volumes_has_changed(session: Any, archives: Any) -> None:
    archives.volumes()
    with pytest.raises(FetchError, match=r"page has changed.*no volume"):
        list_volumes(session, archives.sites.pds)


def test_index(session: Any, archives: Any) -> None:
    rows = [
        archives.row(ONE, VOLUME_ID="JNOJNC_00018"),
        archives.row(ONE.replace("JNCE", "JNCR"), TARGET_NAME="Europa"),
    ]
    archives.index("JNOJNC_0018", rows)
    first, second = read_index(session, archives.sites.pds, "JNOJNC_0018")
    assert first.product_id == ONE
    assert first.volume == "JNOJNC_0018"
    assert first.path == f"DATA/EDR/JUPITER/ORBIT_34/{ONE}.LBL"
    assert (first.target, second.target) == ("JUPITER", "EUROPA")
    assert first.rationale == "Storms, and more"
    assert first.start_utc == "2021-06-07T16:58:04.000"
    assert (second.parts.level, second.parts.orbit, second.parts.kind) == ("R", 34, "C")


def test_rows_that_are_not_where_the_label_says() -> None:
    columns = (("PRODUCT_ID", 1, 5), ("LEVEL", 9, 1), ("FILE_SPECIFICATION_NAME", 13, 4))
    assert list(index_rows('"A    ","2   ","x,y "\r\n\r\n"B", "3" ,"z"\n', columns)) == [
        {"PRODUCT_ID": "A", "LEVEL": "2", "FILE_SPECIFICATION_NAME": "x,y"},
        {"PRODUCT_ID": "B", "LEVEL": "3", "FILE_SPECIFICATION_NAME": "z"},
    ]
    # one value more than columns: the bytes that the label names
    assert list(index_rows('"AAAAA","2"   nn, n,', columns)) == [
        {"PRODUCT_ID": "AAAAA", "LEVEL": "2", "FILE_SPECIFICATION_NAME": "nn, n"[:4].strip()}
    ]


def test_columns_of_a_label(archives: Any) -> None:
    columns = index_columns(archives.index_label().decode(), "x")
    assert len(columns) == 16
    assert columns[0] == ("VOLUME_ID", 1, 11)
    # behind eleven characters in quotes and a comma begin the next quotes
    assert columns[1][:2] == ("STANDARD_DATA_PRODUCT_ID", 15)
    with pytest.raises(FetchError, match="no column FILE_SPECIFICATION_NAME"):
        index_columns(archives.index_label().decode().replace("FILE_SPEC", "PATH_SPEC"), "x")


def test_bare_names_get_the_usual_folder_and_maps_are_left_out(session: Any, archives: Any) -> None:
    old = "JNCE_2016213_01C03606_V01"
    rows = [
        archives.row(old, FILE_SPECIFICATION_NAME=f"{old}.LBL"),
        archives.row(
            "JNCR_2016213_01C03607_V01", FILE_SPECIFICATION_NAME="DATA/GLOBAL_MAPS/JNCR_2016213_01C03607_V01.LBL"
        ),
        archives.row("JNCE_2016213_01P03608_V01", PRODUCT_ID="JNCM_2016213_01P03608_V01"),
    ]
    archives.index("JNOJNC_0002", rows)
    (only,) = read_index(session, archives.sites.pds, "JNOJNC_0002")
    parts = parse_product_id(old)
    assert parts is not None
    assert only.path == f"DATA/EDR/JUPITER/ORBIT_01/{old}.LBL" == usual_path(parts, old)


@pytest.mark.parametrize(
    "path",
    ["../../etc/JNCE_2021158_34C00002_V01.LBL", "DATA/../x/JNCE_2021158_34C00002_V01.LBL", "http://x/y.LBL",
     "DATA/EDR/JUPITER/ORBIT_34/OTHER.LBL", "DATA/EDR/JUPITER/ORBIT_34/JNCE_2021158_34C00002_V01.LBL?x=1", ""],
)  # fmt: skip
def test_an_index_with_strange_paths_is_refused(session: Any, archives: Any, path: str) -> None:
    row = archives.row(ONE, FILE_SPECIFICATION_NAME=path)
    archives.index("JNOJNC_0018", [row])
    if not path:  # a bare name, and so the usual folder
        assert read_index(session, archives.sites.pds, "JNOJNC_0018")[0].path.endswith(f"ORBIT_34/{ONE}.LBL")
        return
    with pytest.raises(FetchError, match=r"page has changed.*1 of its 1 rows"):
        read_index(session, archives.sites.pds, "JNOJNC_0018")


def test_no_such_volume(session: Any, archives: Any) -> None:
    with pytest.raises(UsageError, match="no volume"):
        read_index(session, archives.sites.pds, "JNOJNC_18")


def test_the_likeliest_volume_comes_first() -> None:
    volumes = [f"JNOJNC_{number:04d}" for number in range(1, 36)]
    for orbit, number in ((0, 1), (4, 3), (7, 5), (34, 18), (46, 24), (57, 28), (61, 29)):
        assert likely_volumes(volumes, orbit)[0] == f"JNOJNC_{number:04d}"
        assert sorted(likely_volumes(volumes, orbit)) == volumes
    numbers = [int(likely_volumes(volumes, orbit)[0][-4:]) for orbit in range(90)]
    assert numbers == sorted(numbers)


def test_a_product_in_an_unlikely_volume_is_found(session: Any, archives: Any) -> None:
    near = ("JNOJNC_0016", "JNOJNC_0017", "JNOJNC_0018")
    archives.volumes(*near, "JNOJNC_0030")
    archives.index("JNOJNC_0016", [archives.row("JNCE_2021100_32C00009_V01")])
    other = "JNCE_2021158_34C00009_V01"
    archives.index("JNOJNC_0017", [archives.row("JNCE_2021100_33C00009_V01")])
    archives.index("JNOJNC_0018", [archives.row(other)])
    archives.index("JNOJNC_0030", [archives.row(ONE)])
    assert find_product(session, archives.sites.pds, ONE).volume == "JNOJNC_0030"
    with pytest.raises(FetchError, match=r"no JNCE_2021158_34C00003_V01 is in JNOJNC_0016, .*JNOJNC_0030 of"):
        find_product(session, archives.sites.pds, "JNCE_2021158_34C00003_V01")
    with pytest.raises(UsageError, match="no product id"):
        find_product(session, archives.sites.pds, "34C0002")


def test_only_a_product_that_was_issued_again_is_sought_far_away(session: Any, archives: Any, server: Any) -> None:
    volumes = [f"JNOJNC_{number:04d}" for number in range(10, 28)]
    archives.volumes(*volumes)
    for volume in volumes:
        archives.index(volume, [archives.row("JNCE_2021100_32C00009_V01")])
    again = ONE.replace("V01", "V02")
    archives.index("JNOJNC_0027", [archives.row(again)])
    assert find_product(session, archives.sites.pds, again).volume == "JNOJNC_0027"
    with pytest.raises(FetchError, match=r"JNOJNC_0014, .*JNOJNC_0022 of"):
        find_product(session, archives.sites.pds, ONE)
    assert find_product(session, archives.sites.pds, again, volume="JNOJNC_0027").product_id == again


def test_a_short_id(session: Any, archives: Any) -> None:
    archives.volumes("JNOJNC_0018")
    ids = [ONE, ONE.replace("V01", "V02"), ONE.replace("JNCE", "JNCR")]
    archives.index("JNOJNC_0018", [archives.row(one) for one in ids])
    assert find_product(session, archives.sites.pds, "34C00002").product_id == ids[1]
    assert find_product(session, archives.sites.pds, "34C00002", "R").product_id == ids[2]


def test_the_twin_of_a_level_is_its_highest_version(session: Any, archives: Any) -> None:
    archives.volumes("JNOJNC_0018")
    twins = ["JNCR_2021158_34C00002_V01", "JNCR_2021158_34C00002_V02", "JNCR_2021158_34C00003_V03"]
    archives.index("JNOJNC_0018", [archives.row(one) for one in (*twins, ONE)])
    assert find_product(session, archives.sites.pds, ONE, "R").product_id == twins[1]
    # by its own id a product is that version and no other
    assert find_product(session, archives.sites.pds, twins[0]).product_id == twins[0]


def test_search(session: Any, archives: Any, server: Any) -> None:
    archives.volumes(*(f"JNOJNC_00{number}" for number in range(15, 22)))
    for number in range(15, 22):
        archives.index(f"JNOJNC_00{number}", [archives.row(f"JNCE_2021100_{40 + number}C00001_V01")])
    ids = {
        "red": "JNCE_2021158_34R00004_V01", "late": "JNCE_2021159_34C00005_V01", "europa": "JNCE_2021158_34M00006_V01",
        "reduced": "JNCR_2021158_34C00002_V01", "new": "JNCE_2021158_34C00002_V02",
    }  # fmt: skip
    archives.index("JNOJNC_0018", [
        archives.row(ids["late"], START_TIME="2021-06-08T00:00:00.000"), archives.row(ids["red"]), archives.row(ONE),
        archives.row(ids["europa"], TARGET_NAME="Europa", RATIONALE_DESC="Europa in methane"),
        archives.row(ids["reduced"]),
    ])  # fmt: skip
    archives.index("JNOJNC_0019", [archives.row(ids["new"])])

    def found(**changes: Any) -> list[str]:
        return [one.product_id for one in search(session, archives.sites.pds, PdsQuery(orbit=34, **changes))]

    assert found() == [ids["new"], ids["europa"], ids["red"], ids["late"]]
    assert found(level="R") == [ids["reduced"]]
    assert found(filters=("red",)) == [ids["new"], ids["red"], ids["late"]]
    assert found(filters=("red", "blue")) == [ids["new"], ids["late"]]
    assert found(target="europa") == found(words=("METHANE",)) == [ids["europa"]]
    assert found(volume="JNOJNC_0018", target="jupiter") == [ONE, ids["red"], ids["late"]]
    # outwards from the likeliest until both neighbours hold nothing of the orbit
    assert {one.path[12:16] for one in server.asked if one.path.endswith(".TAB")} == {"0017", "0018", "0019", "0020"}


def test_an_orbit_that_is_nowhere_gives_nothing(session: Any, archives: Any) -> None:
    archives.volumes("JNOJNC_0018")
    archives.index("JNOJNC_0018", [archives.row(ONE)])
    assert search(session, archives.sites.pds, PdsQuery(orbit=88)) == ()
    with pytest.raises(UsageError, match="--perijove or --volume"):
        search(session, archives.sites.pds, PdsQuery())


def test_items(session: Any, archives: Any, server: Any) -> None:
    archives.index("JNOJNC_0018", [archives.row(ONE)])
    archives.product("JNOJNC_0018", ONE)
    (product,) = read_index(session, archives.sites.pds, "JNOJNC_0018")
    real = label_item(PDS, product)
    assert real.url == (
        f"https://planetarydata.jpl.nasa.gov/img/data/juno/JNOJNC_0018/DATA/EDR/JUPITER/ORBIT_34/{ONE}.LBL"
    )
    assert real.hosts == PDS.hosts
    label = session.get(label_item(archives.sites.pds, product).url).body
    item = image_item(archives.sites.pds, product, label)
    assert item.url.endswith(f"ORBIT_34/{ONE}.IMG")
    assert item.size == 384 * 1648
    assert item.checksum is not None
    assert item.checksum.startswith("md5:")
    assert image_item(PDS, product).checksum is None
    with pytest.raises(FetchError, match="no END"):
        image_item(PDS, product, label[: label.rindex(b"END")])
    with pytest.raises(FetchError, match="no label that can be read"):
        image_item(PDS, product, label.replace(b"LINES = 384", b"LINES = many"))
    # where the records are not the image, nothing is said of the whole file
    odd = image_item(PDS, product, label.replace(b"FILE_RECORDS = 384", b"FILE_RECORDS = 385"))
    assert (odd.size, odd.checksum) == (None, None)
