"""`perijove backplanes`: the geometry of every raw pixel of strips, laid out as the strips are, or of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.cartography.chart import ORDER
from perijove.cartography.geometry import MORE_PLANES, named_layers, sighted
from perijove.cli.common import Steps, json_text
from perijove.cli.framing import frame, stand
from perijove.cli.geometry_options import GeometryRequest
from perijove.cli.recipe_option import load_recipe
from perijove.cli.report import describe
from perijove.cli.requests import LightRequest, PictureRequest, check_outputs, check_strips
from perijove.cli.solve import all_sources, shares, solve_strips
from perijove.cli.sources import geometry_parameters
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.errors import OutputError, UsageError
from perijove.geometry.illumination import PLANES, check_planes
from perijove.io.atomic import Staged, check_folder, check_writable
from perijove.io.finder import open_strip
from perijove.io.geotiff import stage_geotiff
from perijove.io.provenance import as_json, provenance, sidecar_path
from perijove.io.strip_planes import strip_raster
from perijove.observation import Observation
from perijove.raster import Raster
from perijove.render.engine import prepare
from perijove.render.raw_backplanes import RawGeometry, raw_geometry
from perijove.swath import Swath
from perijove.timescale import utc_from_et


@dataclass(frozen=True)
class BackplanesRequest:
    """`perijove backplanes`: strips of one pass, which planes, and where they go: a .tif, or a folder for several.

    The planes are those of raw pixels, or with `size` of the pixels of pictures of that size.
    """

    strips: tuple[Path, ...]
    output: Path
    planes: tuple[str, ...]
    labels: Path | None = None
    overwrite: bool = False
    size: int | None = None
    light: LightRequest = field(default_factory=LightRequest)
    geometry: GeometryRequest = field(default_factory=GeometryRequest)
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        check_strips(self.strips)
        if self.size is None and set(self.planes) & set(MORE_PLANES):
            raise UsageError(f"{', '.join(MORE_PLANES)} belong to maps and pictures: give --size or --projection too")
        check_names(self.planes)
        check_outputs(self.strips, {"-o": self.output})
        tiff = self.output.suffix.lower() in (".tif", ".tiff")
        if len(self.strips) > 1 and tiff and not self.output.is_dir():
            raise UsageError(f"-o {self.output} names one file for {len(self.strips)} strips: name a folder")
        if not self.into_folder and not tiff:
            raise UsageError(f"-o {self.output} is no folder and no TIFF: end it in .tif")

    @property
    def into_folder(self) -> bool:
        """Whether the files are named by their product inside the folder `output`."""
        return len(self.strips) > 1 or self.output.is_dir()

    def path_for(self, product_id: str) -> Path:
        """Where the backplanes of a product go."""
        return self.output / f"{product_id}-backplanes.tif" if self.into_folder else self.output


def parse_planes(text: str, *, raw: bool = True) -> tuple[str, ...]:
    """Names of planes from a text such as ``latitude,longitude`` or ``all``; UsageError for what names none.

    Those of `MORE_PLANES` are known, and among all, unless `raw`.
    """
    if text.strip().lower() == "all":
        return tuple(PLANES) if raw else (*PLANES, *MORE_PLANES)
    names = tuple(name.strip().lower().replace("-", "_") for name in text.split(",") if name.strip())
    try:
        check_names(names, raw=raw)
    except UsageError as error:
        raise UsageError(f"--planes {text!r}: {error}, or all") from None
    return names


def check_names(names: Sequence[str], *, raw: bool = False) -> None:
    """Raise UsageError for names that are no planes, given twice, or none; those of `MORE_PLANES` are, unless `raw`."""
    if raw or not names or not set(names) <= set(MORE_PLANES):
        check_planes([name for name in names if raw or name not in MORE_PLANES])


def run_backplanes(request: BackplanesRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then none of the files is written."""
    if request.into_folder:
        check_folder(request.output)
    steps = Steps(quiet=request.quiet)
    with steps.step("reading"):
        check_outputs_free(request)
    observations = solve_strips(request.strips, request.labels, steps, request.light, request.geometry)
    solving = shares(steps, len(observations))
    entries = []
    with Staged() as staged:
        if request.into_folder:
            staged.folder(request.output)
        for observation in observations:
            path = request.path_for(observation.raw.label.product_id)
            entry = describe(observation)
            writing = Steps(quiet=request.quiet)
            with writing.step("writing"):
                planes = planes_of if request.size is None else picture_planes_of
                raster = planes(observation, request, entry)
                # overviews would mix framelets
                stage_geotiff(staged, raster, path, cog=False)
                staged.add(sidecar_path(path), (as_json(raster.origin, indent=2) + "\n").encode())
            entry["backplanes"] = {"path": str(path), "width": raster.width, "height": raster.height}
            entry["backplanes"]["planes"] = list(request.planes)
            entry["timings_s"] = {**solving, **writing.timings_s}
            entries.append(entry)
    if request.json:
        print(json_text({"strips": entries}), end="")
    elif not request.quiet:
        for entry in entries:
            print(summary(entry))


def planes_of(observation: Observation, request: BackplanesRequest, entry: Mapping[str, Any]) -> Raster:
    """The raster of one strip's backplanes, with its provenance."""
    label, raw = observation.raw.label, observation.raw
    swaths = {swath.band: swath for swath in observation.swaths()}
    geometries = [geometry_of(observation, swaths[band]) for band in label.filters]
    parameters = {
        "product": "backplanes of raw pixels", "planes": request.planes,
        "definitions": {name: f"{PLANES[name].description} ({PLANES[name].unit})" for name in request.planes},
        "body_radii_km": observation.body.radii_km, "sun_distance_km": geometries[0].sun_km[0],
        "filters": [band.value for band in label.filters], "framelet_lines": raw.framelet_lines,
        "middle_of_exposure_et": observation.pointing.et,
        "middle_of_exposure_utc": [utc_from_et(float(et)) for et in observation.pointing.et],
        **geometry_parameters(request.geometry),
    }  # fmt: skip
    solution = {key: entry[key] for key in ("target", "trajectory", "pointing")}
    origin = provenance(
        all_sources(observation, request.light, request.geometry), parameters, solution,
        title=label.title or label.product_id, simulated=label.simulated,
    )  # fmt: skip
    return strip_raster(request.planes, geometries, len(raw.codes), origin)


def picture_planes_of(observation: Observation, request: BackplanesRequest, entry: Mapping[str, Any]) -> Raster:
    """The raster of the backplanes of one strip's picture, framed as `perijove picture --size` does."""
    label, body = observation.raw.label, observation.body
    assert request.size is not None
    like = PictureRequest(request.strips, Path("picture.tif"), recipe=load_recipe("linear"), size=request.size)
    swaths, standing = observation.swaths(), stand(observation, like)
    framed = frame(observation, standing, swaths, like)
    prepared = prepare(
        swaths, body, standing.et, framed.view, sun_direction=standing.sun_j2000, backplanes=False, sources=True
    )
    bands = tuple(band for band in ORDER if band in label.filters)
    layers = named_layers(request.planes, bands)

    def rows(first: int, last: int) -> NDArray[np.float32]:
        out = np.empty((len(layers), last - first, framed.view.width), np.float32)
        sighted(observation, prepared, request.planes, bands, first, prepared.planes(first, last), out)
        return out

    parameters = {
        "product": "backplanes of a picture", "planes": request.planes, "size": request.size, "view": framed.numbers,
        "body_radii_km": body.radii_km, "epoch_utc": utc_from_et(standing.et),
        **geometry_parameters(request.geometry),
    }  # fmt: skip
    solution = {key: entry[key] for key in ("target", "trajectory", "pointing")}
    origin = provenance(
        all_sources(observation, request.light, request.geometry), parameters, solution,
        title=label.title or label.product_id, simulated=label.simulated,
    )  # fmt: skip
    return Raster(None, layers, framed.view.width, framed.view.height, "float32", "linear", origin, rows)


def geometry_of(observation: Observation, swath: Swath) -> RawGeometry:
    """The geometry of one filter's pixels, with the Sun of each framelet's own time."""
    return raw_geometry(swath, observation.body, apparent_sun(swath.et, observation.body))


def check_outputs_free(request: BackplanesRequest) -> None:
    """Raise OutputError, before the work begins, where a file cannot be written or is there and may not be replaced."""
    paths = [request.output]
    if request.into_folder:
        paths = [
            request.path_for(open_strip(path, request.labels, request.geometry.given).raw.label.product_id)
            for path in request.strips
        ]
    for place in (place for path in paths for place in (path, sidecar_path(path))):
        if place.is_file() and not request.overwrite:
            raise OutputError(f"{place} is there already: give another name, or --overwrite")
        # the folder may have yet to be made
        if place.parent.is_dir() or not request.into_folder:
            check_writable(place)


def summary(entry: Mapping[str, Any]) -> str:
    """A few lines for people."""
    made = entry["backplanes"]
    return "\n".join(
        [
            f"{entry['product_id']}  {entry['target']}",
            f"  pointing    {entry['pointing']['verdict']}",
            f"  planes      {', '.join(made['planes'])}",
            f"  backplanes  {made['path']}, {made['width']} x {made['height']} px",
            f"  time        {sum(entry['timings_s'].values()):.1f} s",
        ]
    )
