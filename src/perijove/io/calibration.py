"""Calibration frames as files: a TIFF of 32-bit floats for each kind, bands named by filter.

`perijove flat` writes three of them into a folder, `perijove-flat.tif`, `perijove-bias.tif` and `perijove-bad.tif`,
each 1648 x 128 px a band; docs/calibration-frames.md says what is in them. B. Swift's frames, as he publishes them,
are read too: 1648 x 384 px, blocks of 128 lines for blue, green and red.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from perijove.calibrate.frames import (
    SHAPE,
    BandFrames,
    CalibrationFrames,
    lit_mask,
    normalised,
    plain_frames,
)
from perijove.errors import CalibrationError, OutputError
from perijove.instrument import Filter
from perijove.io.atomic import Staged
from perijove.io.provenance import Source, as_json

Plane = NDArray[np.float32]

SCHEMA = "perijove-calibration-1"
KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "flat": ("relative response, mean 1 over the lit samples; light is divided by it", ("", "sigma", "count")),
    "bias": ("DN beyond the framelet's bias, mean 0 over the lit samples; taken off", ("", "sigma", "count")),
    "bad": ("1 where a pixel is not to be used", ("",)),
}
"""What each file holds, and which bands each filter has in it."""
SWIFT_FLAT, SWIFT_BIAS, SWIFT_GAIN = "flatField", "debias", "gain"
SWIFT_ORDER = (Filter.BLUE, Filter.GREEN, Filter.RED)
SWIFT_FULL_DN = 4095.0
"""His numbers are shares of the 12-bit range after decompanding: dark pixels stand at whole multiples of 1/4095."""
_REMEDY = "give a folder that `perijove flat` wrote, or B. Swift's swift_flatFields*.tiff"


def write_calibration(folder: Path, frames: CalibrationFrames, origin: Mapping[str, object]) -> list[Path]:
    """Write the frames into a folder, all files or none; their paths. OutputError where that cannot be done."""
    with Staged() as staged:
        staged.folder(folder)
        files = encode_calibration(frames, origin)
        for name, data in files.items():
            staged.add(folder / name, data)
    return [folder / name for name in files]


def encode_calibration(frames: CalibrationFrames, origin: Mapping[str, object]) -> dict[str, bytes]:
    """The bytes of the three files by name; `origin` is the provenance that goes into their tags as JSON."""
    out = {}
    for kind, (units, parts) in KINDS.items():
        planes, names = [], []
        for band, part in frames.bands.items():
            for what in parts:
                planes.append(np.asarray(getattr(part, "_".join(filter(None, (kind, what)))), np.float32))
                names.append("_".join(filter(None, (band.value, what))))
        tags = {
            "SCHEMA": SCHEMA, "KIND": kind, "NAME": frames.name, "UNITS": units, "BANDS": ",".join(names),
            "DESCRIPTION": frames.provenance, "PROVENANCE": as_json(origin),
        }  # fmt: skip
        out[file_name(kind)] = _encode(planes, names, tags)
    return out


def file_name(kind: str) -> str:
    """The name of the file of a kind of frames."""
    return f"perijove-{kind}.tif"


def read_calibration(folder: Path | str) -> CalibrationFrames:
    """The calibration frames in a folder: Perijove's own, or B. Swift's. CalibrationError where there are none."""
    folder = Path(folder)
    if folder.is_file():
        raise CalibrationError(f"{folder} is a file: name the folder that holds the calibration frames")
    if not folder.is_dir():
        raise CalibrationError(f"there is no folder {folder}: {_REMEDY}")
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".tif", ".tiff"))
    except OSError as error:
        raise CalibrationError(f"{folder} cannot be read ({error.strerror}): check its permissions") from None
    if (folder / file_name("flat")).exists():
        return _read_own(folder)
    if any(SWIFT_FLAT in path.name or SWIFT_GAIN in path.name for path in names):
        return _read_swift(folder, names)
    raise CalibrationError(f"{folder} holds no calibration frames: {_REMEDY}")


def calibration_sources(folder: Path | str) -> list[Source]:
    """The files of a folder of calibration frames as inputs, for the provenance of what is made with them."""
    files = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in (".tif", ".tiff"))
    return [Source("calibration", path.name, None, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]


def _read_own(folder: Path) -> CalibrationFrames:
    read = {kind: _read(folder / file_name(kind)) for kind in KINDS}
    planes: dict[str, dict[str, Plane]] = {}
    for kind, (bands, tags) in read.items():
        path = folder / file_name(kind)
        for field, wanted in (("SCHEMA", SCHEMA), ("KIND", kind)):
            if tags.get(field) != wanted:
                raise CalibrationError(f"{path}: the tag {field} is {tags.get(field)!r}, not {wanted!r}: {_REMEDY}")
        planes[kind] = bands
    flat_tags = read["flat"][1]
    if len({tags.get("NAME") for _, tags in read.values()}) > 1:
        raise CalibrationError(
            f"{folder}: the tag NAME differs from file to file: put back files of one and the same run"
        )
    out = {}
    for band in Filter:
        if band.value in planes["flat"]:
            out[band] = _own_band(folder, band, planes)
    if not out:
        raise CalibrationError(f"{folder / file_name('flat')}: no band is named by a filter: {_REMEDY}")
    return CalibrationFrames(flat_tags.get("NAME", folder.name), out, flat_tags.get("DESCRIPTION", ""))


def _own_band(folder: Path, band: Filter, planes: Mapping[str, Mapping[str, Plane]]) -> BandFrames:
    """The frames of one filter out of the three files' bands."""

    def plane(kind: str, what: str = "") -> Plane:
        name = "_".join(filter(None, (band.value, what)))
        if name not in planes[kind]:
            raise CalibrationError(f"{folder / file_name(kind)} has no band {name}: {_REMEDY}")
        return planes[kind][name]

    flat, lit = plane("flat"), lit_mask()
    if not (flat[lit & np.isfinite(flat)] > 0).all() or not np.isfinite(flat[lit]).any():
        raise CalibrationError(
            f"{folder / file_name('flat')}: the band {band.value} has values that are not above 0: make the frames anew"
        )
    return BandFrames(
        flat=flat,
        flat_sigma=plane("flat", "sigma"),
        flat_count=np.nan_to_num(plane("flat", "count")).astype(np.int32),
        bias=plane("bias"),
        bias_sigma=plane("bias", "sigma"),
        bias_count=np.nan_to_num(plane("bias", "count")).astype(np.int32),
        bad=plane("bad") > 0.5,
    )


def _read_swift(folder: Path, paths: list[Path]) -> CalibrationFrames:
    """B. Swift's frames. His flat is the mean light of each pixel, his gain that light's mean over it: decompanded
    light is divided by the one or multiplied by the other. His debias frame is the mean of dark sky, to be taken off
    first; only how it varies is used here, as the level is measured framelet by framelet."""
    by_kind = {kind: [p for p in paths if kind in p.name] for kind in (SWIFT_FLAT, SWIFT_GAIN, SWIFT_BIAS)}
    source = (by_kind[SWIFT_FLAT] or by_kind[SWIFT_GAIN])[0]
    flats = _swift_blocks(source)
    if not by_kind[SWIFT_FLAT]:
        flats = {band: (1.0 / np.where(plane > 0, plane, np.nan)).astype(np.float32) for band, plane in flats.items()}
    offsets = _swift_blocks(by_kind[SWIFT_BIAS][0]) if by_kind[SWIFT_BIAS] else {}
    bands = {}
    for band, plane in flats.items():
        frames = plain_frames(normalised(np.where(plane > 0, plane, np.nan)))
        if band in offsets:
            frames = _with_bias(frames, offsets[band] * SWIFT_FULL_DN)
        bands[band] = frames
    used = ", ".join(path.name for path in (source, *by_kind[SWIFT_BIAS][:1]))
    return CalibrationFrames(f"B. Swift ({source.stem})", bands, f"read from {used}; no errors are known of them")


def _with_bias(frames: BandFrames, offset: Plane) -> BandFrames:
    lit = lit_mask()
    pattern = np.where(lit, offset - np.median(offset[lit]), np.nan).astype(np.float32)
    return BandFrames(**{**vars(frames), "bias": pattern})


def _swift_blocks(path: Path) -> dict[Filter, Plane]:
    """The blocks (128, 1648) of one of B. Swift's files by filter."""
    bands, _ = _read(path, shape=(3 * SHAPE[0], SHAPE[1]))
    (plane,) = list(bands.values())[:1]
    return {band: plane[k * SHAPE[0] : (k + 1) * SHAPE[0]] for k, band in enumerate(SWIFT_ORDER)}


def _read(path: Path, shape: tuple[int, int] = SHAPE) -> tuple[dict[str, Plane], dict[str, str]]:
    """Bands (lines, samples) of a TIFF by their names, and its tags; CalibrationError for what is no such file."""
    if not path.is_file():
        raise CalibrationError(f"{path} is missing: {_REMEDY}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as source:
                size = (source.height, source.width)
                if size != shape:
                    raise CalibrationError(
                        f"{path} has {size[1]} x {size[0]} pixels, not {shape[1]} x {shape[0]}: {_REMEDY}"
                    )
                names = [name or str(k) for k, name in enumerate(source.descriptions)]
                planes = source.read().astype(np.float32)
                tags = {str(key): str(value) for key, value in source.tags().items()}
    except RasterioError:
        raise CalibrationError(f"{path} cannot be read as a TIFF: {_REMEDY}") from None
    return dict(zip(names, planes, strict=True)), tags


_memory_file: Any = MemoryFile


def _encode(planes: list[Plane], names: list[str], tags: Mapping[str, str]) -> bytes:
    """The bytes of a TIFF of planes (128, 1648), made in memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with _memory_file() as memory:
                with memory.open(
                    driver="GTiff", width=SHAPE[1], height=SHAPE[0], count=len(planes), dtype="float32",
                    nodata=float("nan"), compress="deflate", predictor=2, interleave="band", photometric="MINISBLACK",
                ) as target:  # fmt: skip
                    target.write(np.stack(planes))
                    target.update_tags(**tags)
                    for index, name in enumerate(names, start=1):
                        target.set_band_description(index, name)
                return bytes(memory.read())
    except RasterioError as error:
        raise OutputError(f"the calibration frames cannot be encoded: {error}") from error


def provenance_of(path: Path) -> dict[str, object]:
    """The provenance that `write_calibration` put into a file; CalibrationError where it has none."""
    _, tags = _read(path)
    try:
        found: dict[str, object] = json.loads(tags["PROVENANCE"])
    except (KeyError, ValueError):
        raise CalibrationError(f"{path} has no tag PROVENANCE: {_REMEDY}") from None
    return found
