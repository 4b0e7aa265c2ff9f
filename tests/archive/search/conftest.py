"""Small copies of the three archives, in the shapes that docs/fetch.md tells of; every word in them is made up."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest

from perijove.archive.sites import Site, Sites

LINES = 384
_COLUMNS = (
    ("VOLUME_ID", 11), ("STANDARD_DATA_PRODUCT_ID", 11), ("DATA_SET_ID", 29), ("PRODUCT_ID", 25), ("START_TIME", 23),
    ("STOP_TIME", 23), ("PROCESSING_LEVEL_ID", 19), ("RATIONALE_DESC", 60), ("SOLAR_DISTANCE", 16),
    ("SPACECRAFT_ALTITUDE", 20), ("SUB_SPACECRAFT_LATITUDE", 24), ("SUB_SPACECRAFT_LONGITUDE", 25),
    ("TARGET_NAME", 11), ("FILE_SPECIFICATION_NAME", 55), ("PRODUCT_CREATION_TIME", 19),
    ("PRODUCT_LABEL_MD5CHECKSUM", 32),
)  # fmt: skip
_BARE = ("START_TIME", "STOP_TIME", "SOLAR_DISTANCE", "SPACECRAFT_ALTITUDE", "SUB_SPACECRAFT_LATITUDE",
         "SUB_SPACECRAFT_LONGITUDE", "PRODUCT_CREATION_TIME")  # fmt: skip


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of some files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


@functools.cache
def strip_png() -> bytes:
    """A raw strip of one frame."""
    samples = np.random.default_rng(1).integers(0, 255, (LINES, 1648), np.uint8)
    return bytes(cv2.imencode(".png", samples)[1].tobytes())


class Archives:
    """The mission's site, the PDS and NAIF on one server."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.sites = Sites(*(Site(name, server.url(f"/{name}")) for name in ("mission", "pds", "naif")))

    zipped = staticmethod(zipped)

    # the mission's site

    def gallery(self, perijove: int, *pages: list[str]) -> None:
        """The pages of the gallery of a perijove, each with the images of these numbers; empty ones follow."""
        for number, images in enumerate((*pages, []), 1):
            items = "".join(
                f'<a class="modal_partial_trigger modal_gallery_item" href="/mission/junocam/processing?id={one}">'
                '<img alt="" src="/thumb"></a>'
                for one in images
            )
            body = (
                "<html><head><title>Gallery</title></head><body><h1>Gallery</h1><form><label>Perijove 1</label>"
                f"<label>Perijove 2</label></form><div>{items}</div>"
                '<a href="/mission/junocam/processing">all</a></body></html>'
            )
            query = f"source=junocam&ob_from=&ob_to=&phases%5B%5D=PERIJOVE+{perijove}&perpage=100&p={number}"
            self.server.put(f"/mission/junocam/processing?{query}", body.encode())

    def label(self, product: str, title: str, **changes: Any) -> bytes:
        """A label as the mission's site has them."""
        fields = {
            "PRODUCT_ID": product, "FILE_NAME": f"{product}-raw.png", "TITLE": title, "TARGET_NAME": "JUPITER",
            "FILTER_NAME": ["BLUE", "GREEN", "RED"], "LINES": LINES, "LINE_SAMPLES": 1648, "SAMPLING_FACTOR": 1,
            "START_TIME": "2021-06-07T16:58:04.000", "STOP_TIME": "2021-06-07T16:58:35.000",
            "INTERFRAME_DELAY": "0.371 <s>", "EXPOSURE_DURATION": "3.2 <ms>", "SAMPLE_BIT_MODE_ID": "SQROOT",
            "ORBIT_NUMBER": int(product[13:15]), "PJ": product[13:15],
        }  # fmt: skip
        return json.dumps({**fields, **changes}).encode()

    def image(
        self,
        number: str,
        product: str,
        title: str,
        *,
        filters: str = "BLUE, GREEN, RED",
        target: str | None = None,
        **changes: Any,
    ) -> str:
        """The page of a raw image and its two archives; the page's address."""  # fmt: skip
        body = self.page(number, product, title, filters, target)
        vault = f"/mission/Vault/VaultDownload?VaultID={number}"
        if target is not None:
            changes["TARGET_NAME"] = target
        if filters:
            changes.setdefault("FILTER_NAME", filters.split(", "))
        label = self.label(product, title, **changes)
        self.server.put(f"{vault}1", zipped({f"DataSet/{number}-Metadata.json": label}))
        pictures = {f"ImageSet/{product}-{kind}.png": b"not a picture" for kind in ("red", "mapprojected")}
        self.server.put(f"{vault}0", zipped({f"ImageSet/{product}-raw.png": strip_png(), **pictures}))
        self.server.put(f"/mission/junocam/processing?id={product}", body)
        return str(self.server.put(f"/mission/junocam/processing?id={number}", body))

    def page(self, number: str, product: str, title: str, filters: str = "", target: str | None = None) -> bytes:
        """The page of an image."""
        terms = f"<div><dt>Bands</dt><dd>{filters}</dd></div>" if filters else ""
        if target is not None:
            terms += f"<div><dt>Target</dt><dd>{target}</dd></div>"
        vault = "/mission/Vault/VaultDownload?VaultID="
        return (
            f'<html><head><title>{title}</title></head><body><h1>Gallery</h1><h1 class="fake_h2 padB">{title}</h1>'
            f"<p>{product}</p><dl>{terms}</dl><script>var JNCE_2000001_00C00001_V01;</script>"
            f'<a class="marR" href="{vault}{number}2&amp;t=99">Image</a>'
            f'<a class="marR download_zip" href="{vault}{number}1&amp;t=99" target="_blank">Metadata</a>'
            f'<a class="marR download_zip" href="{vault}{number}0&amp;t=99" target="_blank">Images</a></body></html>'
        ).encode()

    # the PDS

    def volumes(self, *names: str) -> None:
        """The listing of the volumes."""
        rows = [*(f"{name}/" for name in names), *(f"{name}_md5.txt" for name in names), "JNOSRU_0001/"]
        self.server.put("/pds/", self.listing("/pds", [(row, "-") for row in rows]))

    def listing(self, path: str, files: list[tuple[str, str]]) -> bytes:
        """A folder as Apache lists it: names and sizes."""
        rows = "".join(f'<a href="{name}">{name}</a>   2024-03-15 12:00  {size}\n' for name, size in files)
        return (
            f"<html><head><title>Index of {path}</title></head><body><h1>Index of {path}</h1><pre>"
            f'<a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a><hr><a href="/">Parent Directory</a> -\n'
            f"{rows}</pre></body></html>"
        ).encode()

    def index(self, volume: str, rows: list[dict[str, str]]) -> None:
        """The index of a volume."""
        lines = []
        for row in rows:
            values = {**dict.fromkeys((name for name, _ in _COLUMNS), ""), "VOLUME_ID": volume, **row}
            fields = [values[name] if name in _BARE else f'"{values[name]:<{size}}"' for name, size in _COLUMNS]
            lines.append(",".join(fields) + "\r\n")
        self.server.put(f"/pds/{volume}/INDEX/INDEX.TAB", "".join(lines).encode())
        self.server.put(f"/pds/{volume}/INDEX/INDEX.LBL", self.index_label())

    def index_label(self) -> bytes:
        """The label of an index."""
        at, text = 1, 'PDS_VERSION_ID = PDS3\r\nOBJECT = INDEX_TABLE\r\n  NAME = "INDEX_TABLE"\r\n'
        for name, size in _COLUMNS:
            quote = name not in _BARE
            text += (
                f'  OBJECT = COLUMN\r\n    NAME = "{name}"\r\n    DATA_TYPE = CHARACTER\r\n'
                f"    START_BYTE = {at + quote}\r\n    BYTES = {size}\r\n"
                f'    DESCRIPTION = "What the column\r\n    holds, BYTES and all."\r\n  END_OBJECT = COLUMN\r\n'
            )
            at += size + 2 * quote + 1
        return (text + "END_OBJECT = INDEX_TABLE\r\nEND\r\n").encode()

    def row(self, product: str, **changes: str) -> dict[str, str]:
        """A row of an index."""
        level = {"E": "EDR", "R": "RDR"}[product[3]]
        return {
            "PRODUCT_ID": product,
            "START_TIME": "2021-06-07T16:58:04.000",
            "STOP_TIME": "2021-06-07T16:58:35.000",
            "TARGET_NAME": "Jupiter",
            "RATIONALE_DESC": "Storms, and more",
            "SPACECRAFT_ALTITUDE": "1515.1 <km>",
            "FILE_SPECIFICATION_NAME": f"DATA/{level}/JUPITER/ORBIT_{product[13:15]}/{product}.LBL",
            **changes,
        }

    def product(self, volume: str, product: str, *, md5: str | None = None, named: str | None = None) -> bytes:
        """The label and the image of a raw product; the image's bytes."""
        image = np.random.default_rng(2).integers(0, 255, (LINES, 1648), np.uint8).tobytes()
        label = (
            "PDS_VERSION_ID = PDS3\r\nRECORD_TYPE = FIXED_LENGTH\r\nRECORD_BYTES = 1648\r\n"
            f'FILE_RECORDS = {LINES}\r\n^IMAGE = "{named or product}.IMG"\r\nFILE_NAME = "{named or product}.IMG"\r\n'
            f'TARGET_NAME = JUPITER\r\nPRODUCT_ID = "{named or product}"\r\nSTART_TIME = 2021-06-07T16:58:04.000\r\n'
            "STOP_TIME = 2021-06-07T16:58:35.000\r\nINTERFRAME_DELAY = 0.371 <s>\r\nSAMPLING_FACTOR = 1\r\n"
            "FILTER_NAME = ('BLUE', 'GREEN', 'RED')\r\nEXPOSURE_DURATION = 3.2 <ms>\r\nOBJECT = IMAGE\r\n"
            f"  LINES = {LINES}\r\n  LINE_SAMPLES = 1648\r\n  SAMPLE_TYPE = UNSIGNED_INTEGER\r\n  SAMPLE_BITS = 8\r\n"
            f'  MD5_CHECKSUM = "{md5 or hashlib.md5(image).hexdigest()}"\r\nEND_OBJECT = IMAGE\r\nEND\r\n'
        ).encode()
        folder = f"/pds/{volume}/DATA/EDR/JUPITER/ORBIT_{product[13:15]}"
        self.server.put(f"{folder}/{product}.LBL", label)
        self.server.put(f"{folder}/{product}.IMG", image)
        self.server.put(f"{folder}/", self.listing(folder, [(f"{product}.IMG", "618K"), (f"{product}.LBL", "2.0K")]))
        return image

    # NAIF

    def kernels(self, **folders: list[tuple[str, str]]) -> None:
        """The folders of kernels, each with names and sizes; the files hold their own names."""
        usual = {
            "lsk": [("naif0011.tls", "5.0K"), ("naif0012.tls", "5.1K")],
            "pck": [("pck00010.tpc", "123K"), ("pck00009.tpc", "120K")],
            "fk": [("juno_v09.tf", "140K"), ("juno_v12.tf", "149K")],
            "ik": [("juno_junocam_v02.ti", "18K"), ("juno_junocam_v03.ti", "19K"), ("juno_jiram_v03.ti", "19K")],
            "sclk": [("JNO_SCLKSCET.00099.tsc", "20K"), ("jno_sclkscet_00100.tsc", "21K")],
            "spk": [("juno_rec_210513_210630_210707.bsp", "1.1M"), ("juno_rec_orbit.bsp", "129M")],
            "ck": [("juno_sc_rec_210606_210612_v01.bc", "90M")],
        }
        for kind, files in {**usual, **folders}.items():
            self.server.put(f"/naif/{kind}/", self.listing(f"/naif/{kind}", [("aareadme.txt", "3K"), *files]))
            for name, _ in files:
                self.server.put(f"/naif/{kind}/{name}", name.encode())


@pytest.fixture
def archives(server: Any, monkeypatch: pytest.MonkeyPatch) -> Archives:
    """Empty archives on a server, which the command finds too."""
    # a head and a body sent one after the other would wait for each other's acknowledgement
    server.RequestHandlerClass.disable_nagle_algorithm = True
    made = Archives(server)
    for site in (made.sites.mission, made.sites.pds, made.sites.naif):
        monkeypatch.setenv(f"PERIJOVE_{site.name.upper()}_URL", site.url)
    return made
