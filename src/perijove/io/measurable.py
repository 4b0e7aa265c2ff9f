"""Opening maps and pictures to measure on them, whichever file they are in."""

from __future__ import annotations

import hashlib
import json
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.errors import MapError, PerijoveError
from perijove.instrument import FOCAL_LENGTH_PX
from perijove.io.maps import map_format, read_map
from perijove.io.origin import picture_text
from perijove.io.perspective import view_of
from perijove.io.provenance import sidecar_path
from perijove.measure.product import GEOMETRY, Product
from perijove.raster import Raster
from perijove.timescale import TimeError, et_from_utc

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
Read = Callable[[int, int], Light]

_PICTURES = (".png", ".tif", ".tiff")
_REMEDY = "make it anew with `perijove picture` or `perijove map`"


@dataclass(frozen=True)
class Measurable:
    """A file opened to be measured: the `product`, its provenance `origin` and SHA-256 (None for a folder)."""

    path: Path
    product: Product
    origin: Mapping[str, Any]
    sha256: str | None


def open_measurable(path: Path) -> Measurable:
    """A map or a picture of Perijove's, or a map by another program that `read_map` takes.

    Rows are read when they are asked for. A picture is placed by the perspective in its sidecar, failing that in its
    own text. Raises UsageError for a name that is none of a map's or picture's, MapError for what cannot be placed.
    """
    map_format(path)
    if not path.exists():
        raise MapError(f"{path} is not there: check its name")
    told = _told(path) if path.suffix.lower() in _PICTURES else None
    seen = None if told is None else told.get("parameters", {}).get("perspective")
    if told is not None and seen is not None:
        product = _picture(path, told, seen)
        return Measurable(path, product, told, _digest(path))
    try:
        raster = read_map(path)
    except MapError as error:
        if path.suffix.lower() == ".png" and told is not None:
            raise MapError(f"{path} does not say from where it looks at which places: {_REMEDY}") from error
        raise
    if raster.grid is None:
        raise MapError(f"{path} has no place on a body: {_REMEDY}")
    return Measurable(path, _map(path, raster), dict(raster.origin), _digest(path))


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _told(path: Path) -> dict[str, Any] | None:
    """The provenance of a picture: that of its sidecar, else its own; None where there is neither."""
    beside = sidecar_path(path)
    try:
        text = beside.read_text("utf-8") if beside.is_file() else picture_text(path)
        value = None if text is None else json.loads(text)
    except (OSError, ValueError, zlib.error) as error:
        raise MapError(f"{beside if beside.is_file() else path}: its provenance is damaged: {_REMEDY}") from error
    if value is not None and not (isinstance(value, dict) and isinstance(value.get("parameters", {}), dict)):
        raise MapError(f"{beside if beside.is_file() else path} is no provenance of Perijove's: {_REMEDY}")
    return value


def _picture(path: Path, told: Mapping[str, Any], seen: Mapping[str, Any]) -> Product:
    """A picture with the perspective that its provenance tells."""
    try:
        where = view_of(seen)
    except (KeyError, TypeError, ValueError) as error:
        raise MapError(f"{path}: the perspective in its provenance is damaged ({error}): {_REMEDY}") from error
    names, pixels = _pixels(path)
    # a caption stands below the picture
    pixels = pixels[:, : where.view.height]
    if pixels.shape[1:] != (where.view.height, where.view.width):
        raise MapError(
            f"{path} has {pixels.shape[2]} x {pixels.shape[1]} px, and was made with {where.view.width} x "
            f"{where.view.height}: measure on the picture as it was made"
        )
    parameters, linear = told["parameters"], told["parameters"].get("recipe") == "linear"
    bands = tuple(name for name in names if " " not in name)
    sigmas = [names.index(f"{name} sigma") for name in bands if f"{name} sigma" in names]
    with_sigma = len(sigmas) == len(bands)
    order = [names.index(name) for name in bands] + (sigmas if with_sigma else [])
    layers = np.ascontiguousarray(pixels[order])
    if not linear:
        layers = decoded(layers)
    native = float(parameters.get("view", {}).get("km_per_native_px", np.nan))
    law = parameters.get("photometry") or {}
    return Product(
        name=str(path), body=where.body, width=where.view.width, height=where.view.height, bands=bands,
        read=lambda first, last: layers[:, first:last], linear=linear, view=where.view, with_sigma=with_sigma,
        drawn_over=bool(parameters.get("annotate")), sun=where.sun, camera_km=where.camera_km,
        shaded=law.get("model", "none") == "none" and not evened(told),
        **_errors(told, native),
    )  # fmt: skip


def evened(told: Mapping[str, Any]) -> bool:
    """Whether a recipe has divided the illumination out, by the provenance of its product."""
    recipe = told.get("recipe")
    if not isinstance(recipe, Mapping):
        return bool(told.get("parameters", {}).get("recipe") == "enhanced")
    return any(step.get("do") == "even-illumination" for step in recipe.get("step", ()))


def _pixels(path: Path) -> tuple[list[str], Light]:
    """Names and layers (n, h, w) of a picture file, NaN for no data; MapError where it cannot be read."""
    if path.suffix.lower() == ".png":
        try:
            raw = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            raw = None
        if raw is None:
            raise MapError(f"{path} cannot be read as a PNG: check that it is complete")
        colours = raw[..., None] if raw.ndim == 2 else raw[..., 2::-1]
        top = 65535.0 if raw.dtype == np.uint16 else 255.0
        values: Light = (np.moveaxis(colours, -1, 0) / np.float32(top)).astype(np.float32)
        values[:, (values == 0.0).all(axis=0)] = np.nan
        return ["RED", "GREEN", "BLUE"] if len(values) == 3 else ["GREY"], values
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path, driver="GTiff") as source:
                read = source.read()
                names = [name or f"band {k}" for k, name in enumerate(source.descriptions, start=1)]
        except RasterioError as error:
            raise MapError(f"{path} cannot be read as a TIFF ({error}): check that it is complete") from error
    if read.dtype.kind == "f":
        return names, read.astype(np.float32)
    whole = read.astype(np.float32) / np.float32(np.iinfo(read.dtype).max)
    return names, np.where(read == 0, np.float32(np.nan), whole)


def _map(path: Path, raster: Raster) -> Product:
    """A map as a product."""
    assert raster.grid is not None
    layers, body = raster.layers, raster.grid.body
    names = [layer.name for layer in layers]
    light = [k for k, layer in enumerate(layers) if layer.role == "light"]
    sigmas = [names.index(f"{names[k]} sigma") for k in light if f"{names[k]} sigma" in names]
    with_sigma = bool(light) and len(sigmas) == len(light)
    angles = [name for name in GEOMETRY if name in names]
    order = [*light, *(sigmas if with_sigma else []), *(names.index(name) for name in angles)]
    # eight bits are for the eye, whoever wrote them
    linear = raster.transfer == "linear" and raster.dtype != "uint8"
    parameters: Mapping[str, Any] = raster.origin.get("parameters") or {}  # type: ignore[assignment]
    native = float((parameters.get("map") or {}).get("native_km") or np.nan)

    def read(first: int, last: int) -> Light:
        rows = raster.rows(first, last)[order]
        if raster.dtype == "float32":
            values = rows.astype(np.float32, copy=False)
        else:
            whole = rows.astype(np.float32) * np.float32(raster.scale) + np.float32(raster.offset)
            values = np.where(rows == 0, np.float32(np.nan), whole)
        return values if linear else decoded(values)

    camera = parameters.get("camera_km")
    return Product(
        name=str(path), body=body, width=raster.width, height=raster.height,
        bands=tuple(names[k] for k in light), read=read, linear=linear, grid=raster.grid, with_sigma=with_sigma,
        angles=tuple(angles), drawn_over=bool(parameters.get("annotate")),
        shaded=parameters.get("photometry", "none") == "none" and not evened(raster.origin),
        sun=_sun(body, parameters.get("epoch_utc")), camera_km=None if camera is None else np.array(camera, float),
        **_errors(raster.origin, native),
    )  # fmt: skip


def decoded(light: Light) -> Light:
    """Light (...) behind values coded by sRGB's transfer function, 0 to 1 (IEC 61966-2-1)."""
    out = np.where(light <= 0.04045, light / 12.92, ((np.maximum(light, 0.0) + 0.055) / 1.055) ** 2.4)
    return out.astype(np.float32)


def _sun(body: Body, epoch: object) -> FloatArray | None:
    """The direction (3,) of the Sun, body-fixed, at a map's epoch; None where it is not known."""
    try:
        et = et_from_utc(str(epoch)) if epoch else None
        sun = None if et is None else body.body_from_j2000(et) @ apparent_sun(et, body)
    except (TimeError, PerijoveError):
        return None
    if sun is None or not np.isfinite(sun).all():
        return None
    out: FloatArray = sun / np.linalg.norm(sun)
    return out


def _errors(origin: Mapping[str, Any], native_km: float) -> dict[str, Any]:
    """What a product's provenance tells of its errors: that of places, and that of its scale."""
    solution = origin.get("solution") or {}
    pixels = (solution.get("pointing") or {}).get("sigma_px")
    stray = (solution.get("trajectory") or {}).get("position_sigma_km")
    # the camera pixel's length tells how far the ground was
    share = 0.0 if stray is None or not native_km > 0.0 else float(stray) / (native_km * FOCAL_LENGTH_PX)
    return {
        "place_px": float("nan") if pixels is None else float(pixels),
        "native_km": native_km,
        "scale_sigma": share,
    }
