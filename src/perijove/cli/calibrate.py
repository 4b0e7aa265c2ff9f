"""`perijove calibrate`: the light of strips as the camera laid it down, in I/F, with sigma and quality."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import BODIES
from perijove.calibrate import Calibrated, calibrate
from perijove.cli.common import Steps, json_text
from perijove.cli.report import light_report
from perijove.cli.requests import LightRequest, check_outputs, check_strips
from perijove.cli.solve import light_parameters, light_sources, treatment_of, warn_of_light
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.errors import LabelError, UsageError
from perijove.instrument import Filter
from perijove.io.atomic import Staged, check_folder, check_writable
from perijove.io.finder import open_strip
from perijove.io.provenance import as_json, provenance, sidecar_path
from perijove.io.tiff import encode_bands
from perijove.raw import RawImage

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class CalibrateRequest:
    """`perijove calibrate`: strips, and where their light goes: a .tif, or a folder for several; None for nowhere."""

    strips: tuple[Path, ...]
    output: Path | None = None
    labels: Path | None = None
    light: LightRequest = field(default_factory=LightRequest)
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        check_strips(self.strips)
        check_outputs(self.strips, {"-o": self.output})
        if self.output is None or self.output.is_dir():
            return
        tiff = self.output.suffix.lower() in (".tif", ".tiff")
        if len(self.strips) > 1 and tiff:
            raise UsageError(f"-o {self.output} names one file for {len(self.strips)} strips: name a folder")
        if len(self.strips) == 1 and not tiff:
            raise UsageError(f"-o {self.output} is no folder and no TIFF: end it in .tif")

    @property
    def into_folder(self) -> bool:
        """Whether the files are named by their product inside the folder `output`."""
        return self.output is not None and (len(self.strips) > 1 or self.output.is_dir())

    def path_for(self, product_id: str) -> Path | None:
        """Where the light of a product goes."""
        if self.output is None:
            return None
        return self.output / f"{product_id}.tif" if self.into_folder else self.output


def run_calibrate(request: CalibrateRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then none of the files is written."""
    if request.output is not None:
        (check_folder if request.into_folder else check_writable)(request.output)
    steps = Steps(quiet=request.quiet)
    treatment = treatment_of(request.light)
    entries: list[dict[str, Any]] = []
    with Staged() as staged:
        if request.output is not None and request.into_folder:
            staged.folder(request.output)
        for path in request.strips:
            with steps.step("reading"):
                raw = open_strip(path, request.labels).raw
            if raw.label.exposure_s is None:
                raise LabelError(
                    f"{path}: the label has no EXPOSURE_DURATION, without which there is no I/F: complete it"
                )
            if any(entry["product_id"] == raw.label.product_id for entry in entries):
                raise UsageError(f"{path} is {raw.label.product_id} once more: give each image once")
            with steps.step("calibrating"):
                done = calibrate(raw, treatment, sun_distance_km=sun_distance(raw))
            warn_of_light(raw, done, request.light)
            entry: dict[str, Any] = {"product_id": raw.label.product_id, "light": light_report(done)}
            place = request.path_for(raw.label.product_id)
            if place is not None:
                with steps.step("writing"):
                    for name, data in encode_strip(place, raw, done, request.light).items():
                        staged.add(name, data)
                entry["path"] = str(place)
            entries.append(entry)
            if not (request.quiet or request.json):
                print(summary(entry))
    if request.json:
        print(json_text({"strips": entries}), end="")


def encode_strip(place: Path, raw: RawImage, done: Calibrated, wanted: LightRequest) -> dict[Path, bytes]:
    """The bytes of the TIFF of a strip and of its sidecar: I/F, sigma and quality, laid out as the strip is."""
    label = raw.label
    parameters = {"product": "calibrated strip", "light": light_report(done), **light_parameters(raw, wanted)}
    origin = provenance(
        light_sources(raw, wanted), parameters, title=label.title or label.product_id, simulated=label.simulated
    )
    shape = raw.codes.shape
    light, sigma = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    quality = np.zeros(shape, np.float32)
    for band, plane in done.light.items():
        unit = np.float32(1.0 / done.dn_per_light[band])
        lay_out(raw, band, plane * unit, light)
        lay_out(raw, band, np.sqrt(done.variance(band)) * unit, sigma)
        lay_out(raw, band, done.quality[band].astype(np.float32), quality)
    data = encode_bands(np.stack([light, sigma, quality], axis=-1), ["I/F", "sigma", "quality"], origin)
    return {place: data, sidecar_path(place): (as_json(origin, indent=2) + "\n").encode()}


def sun_distance(raw: RawImage) -> float:
    """The target's distance from the Sun, km: by the Sun's table, or else by the label; LabelError without both."""
    label = raw.label
    body = BODIES.get(label.target.upper())
    if body is not None:
        away = float(np.linalg.norm(apparent_sun(label.start_et, body)))
        if math.isfinite(away):
            return away
    if label.sun_distance_km is None:
        raise LabelError(f"{raw.path}: the label has no SOLAR_DISTANCE, needed for I/F of {label.target}; complete it")
    return label.sun_distance_km


def lay_out(raw: RawImage, band: Filter, framelets: Plane, strip: Plane) -> None:
    """Put framelets (frames, lines, samples) of one filter where they belong in a strip (lines, samples)."""
    k, count, lines = raw.label.filters.index(band), len(raw.label.filters), raw.framelet_lines
    whole = strip.shape[0] // lines
    strip[: whole * lines].reshape(whole, lines, -1)[k::count] = framelets


def summary(entry: dict[str, Any]) -> str:
    """A few lines for people."""
    light = entry["light"]
    white = ", ".join(f"{band.lower()} {dn:.0f}" for band, dn in light["dn_per_i_over_f"].items())
    lines = [
        f"{entry['product_id']}",
        f"  verdict     {light['verdict']}{': ' if light['reasons'] else ''}{'; '.join(light['reasons'])}",
        *(f"  product     {note}" for note in light["notes"]),
        f"  white       {white} DN",
        f"  replaced    {', '.join(f'{band.lower()} {n}' for band, n in light['replaced'].items())} pixels",
    ]
    return "\n".join([*lines, f"  light       {entry['path']}"] if "path" in entry else lines)
