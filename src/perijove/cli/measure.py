"""`perijove measure`: lengths, areas, craters, profiles and rays on maps and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perijove.cli.common import Steps, json_text
from perijove.cli.common import plain as plain_text
from perijove.cli.measure_bright import measure_profile, measure_ray_system
from perijove.cli.measure_ground import Found, measure_area, measure_crater, measure_distance
from perijove.cli.measure_request import MeasureRequest, What
from perijove.errors import UsageError
from perijove.io.atomic import Staged, check_writable
from perijove.io.maps import map_formats
from perijove.io.measurable import Measurable, open_measurable
from perijove.io.measurements import Measurement, as_object, encode_csv, encode_geojson, encode_json
from perijove.io.provenance import SCHEMA, Source, plain, software
from perijove.measure.lengths import surface_name

KINDS: Mapping[What, Callable[[Measurable, MeasureRequest], Found]] = {
    What.DISTANCE: measure_distance,
    What.AREA: measure_area,
    What.CRATER: measure_crater,
    What.PROFILE: measure_profile,
    What.RAYS: measure_ray_system,
}
NO_CREDIT = "No credit is told in the file: name whoever made it"


def run_measure(request: MeasureRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then none of the files is written."""
    for path in request.outputs:
        check_writable(path)
    steps = Steps(quiet=request.quiet)
    with steps.step("reading"):
        opened = _opened(request.source)
    with steps.step("measuring"):
        found = KINDS[request.what](opened, request)
    measured = Measurement(
        request.what.value, opened.product.body, surface_name(opened.product.body), found.values, found.rows,
        found.features, measured_origin(opened, request),
    )  # fmt: skip
    with Staged() as staged:
        for path in request.outputs:
            with steps.step("drawing" if path.suffix.lower() == ".png" else "writing"):
                staged.add(path, _encoded(path, measured, found))
    if request.json:
        print(json_text(as_object(measured)), end="")
    elif not request.quiet:
        print(f"{request.source}: {opened.product.body.name}, {measured.surface}")
        for line in found.words:
            print(f"  {line}")
        if request.outputs:
            print(f"  written   {', '.join(plain_text(str(path)) for path in request.outputs)}")


def _opened(path: Path) -> Measurable:
    """The file; UsageError that tells what to make of one that is neither a map nor a picture."""
    if path.suffix.lower() not in (*map_formats(), ".png", ".tif", ".tiff") and path.exists():
        raise UsageError(f"{path} is neither a map nor a picture: make one with `perijove map` or `perijove picture`")
    return open_measurable(path)


def measured_origin(opened: Measurable, request: MeasureRequest) -> dict[str, object]:
    """The provenance of a measurement: the file first, then what that was made from, and how it was asked for."""
    told = opened.origin
    inputs = told.get("inputs") if isinstance(told.get("inputs"), list) else []
    kind = "map" if opened.product.grid is not None else "picture"
    credit = told.get("credit")
    return {
        "schema": SCHEMA,
        "software": software(),
        "title": request.name or told.get("title"),
        "credit": credit if isinstance(credit, str) and credit else NO_CREDIT,
        "licence": told.get("licence"),
        "inputs": [vars(Source(kind, opened.path.name, None, opened.sha256)), *(inputs or [])],
        "parameters": plain(asked(request)),
        "made_with": told.get("software"),
        "solution": told.get("solution") or {},
    }


def asked(request: MeasureRequest) -> dict[str, Any]:
    """What was asked for and matters to the result."""
    told = {
        "measure": request.what, "points": [point.text for point in request.points], "diameter_km": request.diameter_km,
        "radius_km": request.radius_km, "no_rim": request.fixed, "reach_radii": request.reach, "band": request.band,
        "shape": request.shape, "name": request.name,
    }  # fmt: skip
    for key in ("seed", "centre", "start", "end"):
        point = getattr(request, key)
        told[key] = None if point is None else point.text
    if request.what is What.PROFILE:
        told |= {"width_km": request.width_km, "sectors": request.sectors}
    if request.what in (What.DISTANCE, What.AREA, What.CRATER):
        told["click_sigma_px"] = request.click_px
    return {key: value for key, value in told.items() if value not in (None, [], False)}


def _encoded(path: Path, measured: Measurement, found: Found) -> bytes:
    """The bytes of one result, by its suffix."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return encode_json(measured)
    if suffix == ".csv":
        return encode_csv(measured)
    if suffix == ".geojson":
        return encode_geojson(measured)
    from perijove.cli.measure_figures import figure_of
    from perijove.figure.measured import drawn_figure
    from perijove.io.png import encode_png

    return encode_png(drawn_figure(figure_of(found, measured)), measured.origin, 8)
