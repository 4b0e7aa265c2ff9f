"""FITS: a map's layers as image HDUs with the world coordinates of planets, written and read a band of rows at a time.

Coordinates follow Marmo et al. 2018 (Earth and Space Science 5, 640) on top of the WCS papers (Greisen & Calabretta
2002, Calabretta & Greisen 2002): CTYPE begins JULN/JULT on Jupiter and STLN/STLT on satellites, with the moon's name
in OBJECT; longitude is east-positive; A_RADIUS, B_RADIUS and C_RADIUS (m) are those of the sphere that the map is
drawn on, as in the IAU_2015 codes. WCSNAME and LATTYPE tell which kind of latitude it is: planetocentric
(bodycentric) or planetographic (geodetic).

Lines run upwards, the lowest one first, as FITS programs show them: north is up in DS9. (GDAL's own FITS reader places
no such file rightly: a .tif is for QGIS.) Light, sigma and quality are cubes with a plane a band, geometry has an HDU
a layer, and the last HDU, PROVENANCE, is a table whose column JSON holds the description (`io.description`), a line a
row.
"""

from __future__ import annotations

import contextlib
import math
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.errors import MapError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.atomic import Staged, written
from perijove.io.crs import authority_of
from perijove.io.description import Group, as_text, described, groups
from perijove.io.extras import need
from perijove.io.provenance import SIMULATED_CREDIT, SOURCE_CREDIT
from perijove.io.quality import NONE, from_integers, to_integers
from perijove.raster import Raster, Rows

Header = Any
"""astropy's; it has no types of its own."""
BLOCK = 2880
"""Every part of a FITS file fills whole blocks of so many bytes."""
PROJECTIONS = {
    "equirectangular": "CAR",
    "sinusoidal": "SFL",
    "polar-north": "STG",
    "polar-south": "STG",
    "orthographic": "SIN",
    "laea": "ZEA",
    "perspective": "AZP",
}
"""FITS names of the projections."""
_BITPIX = {"f": -32, "i": 16, "u": 8}
"""How a header names the kinds of numbers that are stored."""
_UNITS = ("deg", "rad", "km", "m", "s", "um", "nm")
"""Units that FITS knows by the names that layers have; others go to BTYPE, for BUNIT must be one that readers know."""


@dataclass(frozen=True)
class _Image:
    """An image HDU in the file: its group, its numbers' type as stored, where its header and its data begin."""

    group: Group
    dtype: np.dtype[Any]
    header: Header
    place: int
    data: int
    planes: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """Bytes of the data."""
        return self.planes * self.height * self.width * self.dtype.itemsize

    def row(self, plane: int, row: int) -> int:
        """Where in the file a row of a plane begins, counted from the lowest."""
        return self.data + (plane * self.height + row) * self.width * self.dtype.itemsize


def write_fits(raster: Raster, path: Path) -> None:
    """Write a raster as FITS, whole or not at all; a file that is there is replaced.

    Floats are stored as they are, NaN where there is no data; integers with BSCALE, BZERO and BLANK, so that readers
    see values; quality always as integers of 16 bits. DATASUM and CHECKSUM are set. Raises UsageError without astropy,
    OutputError where the disk fails or a quality layer holds what is no bits.
    """
    with Staged() as staged:
        stage_fits(staged, raster, path)


def stage_fits(staged: Staged, raster: Raster, path: Path) -> None:
    """`write_fits` as one of several files that will appear together."""
    need("astropy", "fits", "FITS")
    primary = _sealed(_primary(raster), 0)
    images, end = _layout(raster, len(primary))
    sums = dict.fromkeys(range(len(images)), 0)
    with written(path), open(staged.reserve(path), "r+b") as file:
        file.write(primary)
        file.truncate(end)
        for first, rows in raster.bands():
            for number, image in enumerate(images):
                for plane, index in enumerate(image.group.indices):
                    data = _encoded(rows[index], raster, image, path)
                    at = image.row(plane, raster.height - first - rows.shape[1])
                    file.seek(at)
                    file.write(data)
                    sums[number] += _sum(data, at - image.data)
        for number, image in enumerate(images):
            file.seek(image.place)
            file.write(_sealed(image.header, sums[number]))
        file.seek(end)
        file.write(_table(as_text(raster)))


def read_fits(path: Path) -> Raster:
    """A map that `write_fits` wrote; its rows are read when they are asked for.

    Raises UsageError without astropy, MapError for what is no FITS, no map of Perijove's, or cut short.
    """
    fits = need("astropy.io.fits", "fits", "FITS")
    with _told(path), open(path, "rb") as opened, fits.open(opened, memmap=False) as file:
        names = [hdu.name for hdu in file]
        if "PROVENANCE" not in names or "JSON" not in file["PROVENANCE"].columns.names:
            raise MapError(f"{path} is a FITS file, but no map of Perijove's: it lacks the table PROVENANCE")
        text = "\n".join(str(line) for line in file["PROVENANCE"].data["JSON"])
        raster = described(text, path, _unread)
        images = tuple(_found(path, file, group, raster) for group in groups(raster.layers))

    def rows(first: int, last: int) -> Rows:
        out = np.empty((len(raster.layers), last - first, raster.width), raster.dtype)
        with open(path, "rb") as file:
            for image in images:
                for plane, index in enumerate(image.group.indices):
                    file.seek(image.row(plane, raster.height - last))
                    stored = np.fromfile(file, image.dtype, (last - first) * raster.width)
                    if stored.size != (last - first) * raster.width:
                        raise MapError(f"{path} is cut short: get it anew")
                    out[index] = _decoded(stored.reshape(last - first, raster.width)[::-1], raster, image.group)
        return out

    return described(text, path, rows)


def world(grid: MapGrid) -> dict[str, tuple[object, str]]:
    """The keywords of a map's world coordinates, each with its comment, for lines that are stored upwards."""
    p = grid.projection
    code = PROJECTIONS[p.kind]
    target = "JU" if grid.body.name == "JUPITER" else "ST"
    latitude = {"polar-north": 90.0, "polar-south": -90.0}.get(p.kind, math.degrees(p.latitude))
    across = 1.0
    if code in ("CAR", "SFL"):
        # off the equator FITS would tilt the whole graticule: the standard parallel is a matter of the pixels' width
        across, latitude = (math.cos(p.latitude) if code == "CAR" else 1.0), 0.0
    step = math.degrees(grid.scale_km / p.radius_km)
    centric = grid.latitudes == "centric"
    cards: dict[str, tuple[object, str]] = {
        "CTYPE1": (f"{target}LN-{code}", "longitude, positive eastwards"),
        "CTYPE2": (f"{target}LT-{code}", f"planeto{grid.latitudes} latitude"),
        "CUNIT1": ("deg", ""),
        "CUNIT2": ("deg", ""),
        "CRPIX1": (0.5 - grid.left_km / grid.scale_km, "pixel of the projection's centre"),
        "CRPIX2": (grid.height + 0.5 - grid.top_km / grid.scale_km, "pixel of the projection's centre"),
        "CRVAL1": (math.degrees(p.longitude), "[deg] longitude of the centre"),
        "CRVAL2": (latitude, "[deg] latitude of the centre"),
        "CDELT1": (step / across, "[deg/px]"),
        "CDELT2": (step, "[deg/px] lines run northwards"),
        "LONPOLE": (0.0 if code in ("CAR", "SFL") else 180.0, "[deg] north is up"),
    }
    if code == "AZP":
        cards["PV2_1"] = (-1.0 - p.altitude_km / p.radius_km, "viewpoint, radii behind the centre")
    code_name = authority_of(grid)
    if code_name is not None:
        cards["OGCCODE"] = (code_name, "the same system, in metres, in the registry")
    cards["WCSNAME"] = ("Planetocentric (bodycentric)" if centric else "Planetographic (geodetic)", "")
    cards["LATTYPE"] = ("Planetocentric" if centric else "Planetographic", "kind of latitude")
    for key in ("A_RADIUS", "B_RADIUS", "C_RADIUS"):
        cards[key] = (p.radius_km * 1000.0, "[m] sphere that the map is drawn on")
    for key, radius in zip(("BODY_A", "BODY_B", "BODY_C"), grid.body.radii_km, strict=True):
        cards[key] = (radius * 1000.0, "[m] semi-axis of the body itself")
    return cards


def _primary(raster: Raster) -> Header:
    """The header of the first HDU, without data: what the file is and whose."""
    fits = need("astropy.io.fits", "fits", "FITS")
    header: Header = fits.PrimaryHDU().header
    origin = raster.origin
    credit = str(origin.get("credit") or "")
    told = {"TITLE": origin.get("title"), "CREATOR": origin.get("software"), "CREDIT": credit}
    told |= {"LICENSE": origin.get("licence")}
    header["ORIGIN"] = "Perijove"
    if raster.grid is not None:
        header["OBJECT"] = (raster.grid.body.name.capitalize(), "body that is mapped")
    simulated = credit.startswith(SIMULATED_CREDIT)
    header["TELESCOP"] = "simulated Juno" if simulated else "Juno"
    header["INSTRUME"] = "JunoCam"
    header["OBSERVER"] = "none" if simulated else SOURCE_CREDIT
    for key, value in told.items():
        if value:
            header[key] = _plain(value)
    inputs = origin.get("inputs")
    for number, source in enumerate(inputs[:99] if isinstance(inputs, list) else [], start=1):
        if isinstance(source, Mapping):
            header[f"INPUT{number}"] = (_plain(source.get("product_id") or source.get("name")), "")
    header["COMMENT"] = "Lines run upwards (north is up); provenance is in the HDU PROVENANCE."
    return header


def _layout(raster: Raster, start: int) -> tuple[list[_Image], int]:
    """The image HDUs from the byte `start` on, and where they end."""
    images = []
    for group in groups(raster.layers):
        header, dtype = _image_header(raster, group)
        data = start + len(_sealed(header, 0))
        image = _Image(group, dtype, header, start, data, len(group.indices), raster.height, raster.width)
        images.append(image)
        start = data + -(-image.size // BLOCK) * BLOCK
    return images, start


def _image_header(raster: Raster, group: Group) -> tuple[Header, np.dtype[Any]]:
    """The header of a group of layers, and the type of its numbers in the file."""
    fits = need("astropy.io.fits", "fits", "FITS")
    dtype, numbers = _storage(raster, group)
    # a dimension of one is left out: not every program takes a cube of one plane
    shape = (raster.width, raster.height, *([len(group.indices)] if len(group.indices) > 1 else []))
    header: Header = fits.Header()
    header["XTENSION"] = ("IMAGE", "image extension")
    header["BITPIX"] = _BITPIX[dtype.kind]
    header["NAXIS"] = len(shape)
    for axis, size in enumerate(shape, start=1):
        header[f"NAXIS{axis}"] = size
    header["PCOUNT"], header["GCOUNT"] = 0, 1
    header["EXTNAME"] = group.name
    if group.unit in _UNITS:
        header["BUNIT"] = group.unit
    elif group.unit:
        header["BTYPE"] = (_plain(group.unit), "the number is without dimension")
    header.update(numbers)
    for number, index in enumerate(group.indices, start=1):
        layer = raster.layers[index]
        header[f"BAND{number}"] = _plain(layer.name)
        if layer.description:
            header[f"ABOUT{number}"] = _plain(layer.description)
    if raster.grid is not None:
        header["OBJECT"] = raster.grid.body.name.capitalize()
        header.update(world(raster.grid))
        if len(shape) == 3:
            header.update({"CTYPE3": "BAND", "CRPIX3": 1.0, "CRVAL3": 1.0, "CDELT3": 1.0})
    return header, dtype


def _storage(raster: Raster, group: Group) -> tuple[np.dtype[Any], dict[str, float]]:
    """How a group's numbers are stored: their type, and the keywords that tell what they are worth."""
    if raster.dtype == "float32":
        if group.role == "quality":
            return np.dtype(">i2"), {"BLANK": NONE}
        return np.dtype(">f4"), {}
    if raster.dtype == "uint8":
        # one less than they are: astropy takes a BLANK of 0 for none
        return np.dtype("u1"), {"BLANK": 255, "BSCALE": raster.scale, "BZERO": raster.offset + raster.scale}
    # FITS has no unsigned words: the numbers are shifted down by half their range
    zero = raster.offset + 32768 * raster.scale
    return np.dtype(">i2"), {"BLANK": -32768, "BSCALE": raster.scale, "BZERO": zero}


def _encoded(rows: Rows, raster: Raster, image: _Image, path: Path) -> bytes:
    """Rows (n, width) of one layer, the lowest first, as they are in the file."""
    if raster.dtype == "float32" and image.group.role == "quality":
        rows = to_integers(rows, path)
    elif raster.dtype == "uint8":
        rows = rows.astype(np.uint8) - np.uint8(1)
    elif raster.dtype == "uint16":
        rows = (rows.astype(np.int32) - 32768).astype(np.int16)
    return np.ascontiguousarray(rows[::-1], dtype=image.dtype).tobytes()


def _decoded(rows: NDArray[Any], raster: Raster, group: Group) -> Rows:
    """The inverse of `_encoded`, for rows that are the right way up already."""
    if raster.dtype == "float32" and group.role == "quality":
        return from_integers(rows)
    if raster.dtype == "uint8":
        return np.asarray(rows + np.uint8(1))
    if raster.dtype == "uint16":
        return (rows.astype(np.int32) + 32768).astype(np.uint16)
    return rows.astype(raster.dtype)


def _table(text: str) -> bytes:
    """The HDU of the provenance: a table of one column, a line of the text a row."""
    fits = need("astropy.io.fits", "fits", "FITS")
    lines = np.array([line.encode("ascii") for line in text.split("\n")])
    column = fits.Column(name="JSON", format=f"{lines.itemsize}A", array=lines)
    header = fits.BinTableHDU.from_columns([column], name="PROVENANCE").header
    data = lines.tobytes()
    return _sealed(header, _sum(data, 0)) + data + b"\0" * (-len(data) % BLOCK)


def _found(path: Path, file: Any, group: Group, raster: Raster) -> _Image:
    """Where a group of layers is in an open file; MapError where it is not there, or not what it should be."""
    if group.name not in [hdu.name for hdu in file]:
        raise MapError(f"{path}: the HDU {group.name} is missing; get the file anew")
    hdu = file[group.name]
    dtype = _storage(raster, group)[0]
    shape = (len(group.indices), raster.height, raster.width)
    if hdu.shape != shape[len(group.indices) == 1 :] or hdu.header["BITPIX"] != _BITPIX[dtype.kind]:
        raise MapError(f"{path}: the HDU {group.name} is not of the size that the map tells of; get the file anew")
    place = hdu.fileinfo()
    image = _Image(group, dtype, hdu.header, place["hdrLoc"], place["datLoc"], *shape)
    if path.stat().st_size < image.data + image.size:
        raise MapError(f"{path} is cut short in the HDU {group.name}: get it anew")
    return image


def _unread(first: int, last: int) -> Rows:
    raise AssertionError((first, last))


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Around the opening of a file: what astropy refuses or doubts becomes one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except FileNotFoundError as error:
        raise MapError(f"{path} is not there: check its name") from error
    except MapError:
        raise
    except Exception as error:  # astropy has no common base for what it finds wrong
        what = str(error).strip().split("\n")[0].rstrip(".")
        raise MapError(f"{path} cannot be read as FITS ({what}): get it anew") from error


def _plain(value: object) -> str:
    """A text as a FITS header can hold it: ASCII, letters without their accents."""
    text = unicodedata.normalize("NFKD", str(value)).encode("ascii", "ignore").decode()
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _sealed(header: Header, data_sum: int) -> bytes:
    """The bytes of a header with DATASUM and CHECKSUM (FITS standard 4.0, section 4.4.2.7 and appendix J).

    They are always as many for the same header, whatever the sums.
    """
    while data_sum >> 32:
        data_sum = (data_sum & 0xFFFFFFFF) + (data_sum >> 32)
    sealed = header.copy()
    sealed["DATASUM"] = (f"{data_sum:<10d}", "sum of the data in words of 32 bits")
    sealed["CHECKSUM"] = ("0" * 16, "makes the sum of the HDU all ones")
    text: bytes = sealed.tostring().encode("ascii")
    total = _sum(text, 0) + data_sum
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return text.replace(b"CHECKSUM= '" + b"0" * 16, b"CHECKSUM= '" + _ascii(0xFFFFFFFF - total))


def _ascii(word: int) -> bytes:
    """A word of 32 bits as 16 letters and digits whose sum, as four words from the byte 3 on, it is."""
    columns = []
    for byte in word.to_bytes(4, "big"):
        parts = [byte // 4 + 48 + (byte % 4 if place == 0 else 0) for place in range(4)]
        # two and two are moved apart until none is a sign between the digits and the letters
        while any(58 <= part <= 64 or 91 <= part <= 96 for part in parts):
            for one, other in ((0, 1), (2, 3)):
                if any(58 <= parts[place] <= 64 or 91 <= parts[place] <= 96 for place in (one, other)):
                    parts[one] += 1
                    parts[other] -= 1
        columns.append(parts)
    letters = bytes(columns[byte][place] for place in range(4) for byte in range(4))
    # the value begins in the last byte of a word
    return letters[-1:] + letters[:-1]


def _sum(data: bytes, offset: int) -> int:
    """Sum of words of 32 bits, big end first, of data that begin `offset` bytes behind the start of their HDU's."""
    whole = b"\0" * (offset % 4) + data
    whole += b"\0" * (-len(whole) % 4)
    return int(np.frombuffer(whole, ">u4").sum(dtype=np.uint64))
