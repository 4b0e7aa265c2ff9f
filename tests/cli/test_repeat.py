"""`perijove repeat` and `perijove recipes`: products made again, and what keeps them from being the same."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from perijove.cli import repeat as repeat_module
from perijove.cli.app import app
from perijove.cli.geometry_options import GeometryRequest, PointingBy
from perijove.cli.map_request import Latitudes, MapRequest, ProjectionName, TiffKind
from perijove.cli.mosaic_request import ModeName, MosaicRequest
from perijove.cli.recipe_option import NAMES, load_recipe
from perijove.cli.repeat import RepeatRequest, differences, run_repeat
from perijove.cli.repeat_inputs import find_inputs, lay_out, sources_in
from perijove.cli.request_record import REPEATABLE, Places, encoded, restored, strip_names
from perijove.cli.requests import (
    Depth,
    Format,
    Interpolation,
    LightRequest,
    PictureRequest,
    Sharpen,
    Station,
    Up,
)
from perijove.enhance.picture import Picture
from perijove.enhance.recipes import RECIPES
from perijove.errors import OutputError, PerijoveError, UsageError
from perijove.instrument import Filter
from perijove.io.origin import read_origin
from perijove.io.pictures import write_picture
from perijove.io.provenance import Source, file_source, provenance

Flown = Callable[..., Path]
A, B = Path("a.png"), Path("b.png")
OUT = Path("made.tif")
GEOMETRY = GeometryRequest(
    target="jupiter", start=("2022-08-17T14:45:00", 5.0), interframe_s=(0.373, 0.0005), exposure_s=0.0064,
    trajectory=Path("table.csv"), frame="J2000", trajectory_sigma_km=3.0, tie=Path("map.tif"), tie_centre_deg=180.0,
)  # fmt: skip
LIGHT = LightRequest(Path("calibration"), repair_suspects=True, keep_stray=True)
REQUESTS: dict[str, list[Any]] = {
    "picture": [
        PictureRequest((A,), OUT),
        PictureRequest(
            (A,), OUT, recipe=load_recipe("enhanced"), size=333, fov_deg=12.5, centre_deg=(-20.5, 150.0),
            viewpoint=(30.0, 120.0, 5e4), at_et=7.1e8, annotate=True, caption="Ü", up=Up.CAMERA, credit="Ann",
            format=Format.TIF, depth=Depth.FLOAT, interpolation=Interpolation.LANCZOS, light=LIGHT, geometry=GEOMETRY,
            white_balance="perijove", photometry="minnaert", sharpen=Sharpen.PSF,
        ),
        PictureRequest((A,), OUT, recipe=load_recipe("linear"), viewpoint=Station.EARTH, with_sigma=True),
        PictureRequest((A,), OUT, geometry=GeometryRequest(kernels=(Path("k"),), pointing=PointingBy.KERNEL)),
    ],
    "map": [
        MapRequest(
            (A,), OUT, recipe=load_recipe("linear"), projection=ProjectionName.SINUSOIDAL, ppd=4.0,
            bounds_deg=(-30.0, -20.0, 60.0, 45.0), centre_deg=(1.0, 2.0), latitudes=Latitudes.GRAPHIC,
            bands=("red", "green"), backplanes=("phase",), with_quality=True, format=TiffKind.GTIFF,
        )
    ],
    "mosaic": [
        MosaicRequest(
            (A, B), OUT, map=MapRequest((A,), OUT, recipe=load_recipe("science"), scale_km=20.0), mode=ModeName.BEST,
            epoch="44C00029", wind=False,
        )
    ],
}  # fmt: skip


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def recipe_of(request: Any) -> Any:
    return request.chosen_recipe if hasattr(request, "chosen_recipe") else request.recipe


@pytest.mark.parametrize(("command", "wanted"), [(c, r) for c, several in REQUESTS.items() for r in several])
def test_a_request_comes_back_from_json_with_every_option(command: str, wanted: Any) -> None:
    options: dict[str, Any] = json.loads(json.dumps(encoded(wanted), allow_nan=False))
    options["strips"] = [path.name for path in wanted.strips]
    places = Places(Path, Path("calibration"), wanted.geometry.kernels, OUT, None, recipe_of(wanted))
    back = restored(command, options, places)
    silent = {"quiet": True} | ({"overwrite": True} if command == "map" else {})
    parts = {
        name: replace(part, **silent, **({"overwrite": True} if name == "map" else {}))
        for name, part in (("map", getattr(wanted, "map", None)), ("picture", getattr(wanted, "picture", None)))
        if part is not None
    }
    assert back == replace(wanted, **silent, **parts)


def test_only_what_changes_the_product_is_recorded() -> None:
    one = PictureRequest((A,), OUT)
    other = replace(one, output=Path("x/y.tif"), labels=Path("l"), report=Path("r.json"), quiet=True, json=True)
    assert encoded(other) == encoded(one)
    assert encoded(replace(one, size=5)) != encoded(one)
    # which folder held the frames says nothing
    frames = [replace(one, light=LightRequest(Path(name))) for name in ("a", "b/c")]
    assert encoded(frames[0]) == encoded(frames[1]) != encoded(one)
    kernels = [replace(one, geometry=GeometryRequest(kernels=(Path(name),))) for name in ("k", "inputs.tm")]
    assert encoded(kernels[0]) == encoded(kernels[1]) != encoded(one)
    assert "/" not in json.dumps(encoded(replace(one, geometry=GeometryRequest(tie=Path("folder/map.tif")))))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"size": "large"}, "size is 'large'"),
        ({"up": "left"}, "'left' is not a valid Up|up is 'left'"),
        ({"shape": 3}, "it has no shape"),
        ({"strips": 3}, "strips is '3'"),
        ({"light": None}, "LightRequest is 'None'"),
        ({"annotate": 1}, "annotate is '1'"),
    ],
)
def test_a_request_of_another_version_is_refused(change: dict[str, object], told: str) -> None:
    options: dict[str, Any] = json.loads(json.dumps(encoded(PictureRequest((A,), OUT)))) | change
    places = Places(Path, Path("calibration"), (), OUT, None, load_recipe("natural"))
    with pytest.raises(UsageError, match=told):
        restored("picture", options, places)


def test_strips_in_folders_and_archives_are_told_by_their_own_names() -> None:
    class Seen:
        def __init__(self, path: str) -> None:
            self.raw = type("Raw", (), {"path": Path(path)})

    seen: Any = [Seen("set.zip/b-raw.png"), Seen("folder/a-raw.png")]
    given = [Path("folder"), Path("set.zip"), Path("else/c.png")]
    assert strip_names(given, seen) == ["a-raw.png", "b-raw.png", "c.png"]


def test_a_picture_is_repeated_bit_for_bit(flown: Flown, tmp_path: Path) -> None:
    strip = flown()
    mine = tmp_path / "mine.toml"
    mine.write_text('transfer = "srgb"\n[[step]]\ndo = "colours"\n[[step]]\ndo = "stretch"\nwhite = 0.7\n')
    out = tmp_path / "products" / "first.png"
    out.parent.mkdir()
    made = run("picture", strip, "-o", out, "--size", "120", "--recipe", mine, "--credit", "Ann", "-q")
    assert (made.exit_code, made.stderr) == (0, "")
    text = Path(f"{out}.json").read_text()
    assert str(tmp_path) not in text
    told = json.loads(text)
    assert told["recipe"]["name"] == "mine"
    assert told["recipe"]["step"][1] == {"do": "stretch", "black": 0.0, "white": 0.7}
    assert told["request"]["options"]["size"] == 120
    # neither the sidecar nor the recipe's file is needed, nor is anything where it was
    mine.unlink()
    Path(f"{out}.json").unlink()
    elsewhere = tmp_path / "archive" / "deep"
    elsewhere.mkdir(parents=True)
    label = next(strip.parent.glob("*-Metadata.json"))
    with zipfile.ZipFile(elsewhere / "set.zip", "w") as archive:
        archive.write(label, f"x/{label.name}")
    label.unlink()
    strip.rename(elsewhere / strip.name)
    again = run("repeat", out, "--inputs", tmp_path / "archive", "--json")
    assert (again.exit_code, again.stderr) == (0, "")
    new = out.with_name("first-repeated.png")
    assert json.loads(again.stdout) == {
        "product": str(out), "output": str(new), "command": "picture", "same": True, "differs": [],
    }  # fmt: skip
    assert new.read_bytes() == out.read_bytes()
    assert Path(f"{new}.json").read_text() == text
    printed = run("recipes", new)
    assert printed.exit_code == 0
    mine.write_text(printed.stdout)
    assert load_recipe(str(mine)).as_tables() == told["recipe"]


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture that a made-up command makes of a strip's first byte, and its strip beside it."""

    def make(request: PictureRequest) -> None:
        (strip,) = request.strips
        origin = provenance(
            [file_source("strip", strip)], {"recipe": request.recipe.name},
            request={"command": "picture", "options": encoded(request)}, recipe=request.recipe.as_tables(),
        )  # fmt: skip
        level = np.float32(strip.read_bytes()[0] / 255)
        write_picture(request.output, Picture(np.full((3, 4, 1), level), (Filter.RED,), "srgb", "x", {}), origin)

    fake = type("Fake", (), {"any_order": False, "request_class": PictureRequest, "function": staticmethod(make)})
    monkeypatch.setattr(repeat_module, "REPEATABLE", {**REPEATABLE, "picture": fake})
    (tmp_path / "strip.png").write_bytes(b"\x64 any bytes")
    make(PictureRequest((tmp_path / "strip.png",), tmp_path / "p.png"))
    return tmp_path / "p.png"


def test_inputs_are_found_beside_the_product_and_the_output_named(product: Path, capsys: Any) -> None:
    assert run_repeat(RepeatRequest(product))
    assert "p-repeated.png: the same as" in capsys.readouterr().out
    with pytest.raises(OutputError, match=r"p-repeated\.png is there already: give --overwrite"):
        run_repeat(RepeatRequest(product))
    assert run_repeat(RepeatRequest(product, overwrite=True, quiet=True))
    assert capsys.readouterr().out == ""
    assert not [path for path in product.parent.iterdir() if path.name.startswith(".")]


def test_a_changed_strip_is_refused_and_the_right_one_taken(product: Path) -> None:
    strip, right = product.with_name("strip.png"), product.parent / "right"
    right.mkdir()
    whole = strip.read_bytes()
    strip.write_bytes(b"\x65" + whole[1:])
    with pytest.raises(UsageError, match=r"strip\.png is not the file that .*p\.png was made of \(the SHA-256 differs"):
        run_repeat(RepeatRequest(product))
    (right / "strip.png").write_bytes(whole)
    assert run_repeat(RepeatRequest(product, inputs=right))
    strip.unlink()
    (right / "strip.png").unlink()
    product.with_name("p-repeated.png").unlink()
    with pytest.raises(UsageError, match=r"strip strip\.png, of which .*p\.png was made, cannot be found.*--inputs"):
        run_repeat(RepeatRequest(product, inputs=right))
    with pytest.raises(UsageError, match="does not exist: give the folder"):
        run_repeat(RepeatRequest(product, inputs=product.with_name("nowhere")))


def test_what_differs_is_named_and_the_exit_code_tells(product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perijove.io.provenance.software", lambda: "perijove 99.0")
    monkeypatch.setattr(repeat_module, "software", lambda: "perijove 99.0")
    result = run("repeat", product)
    assert result.exit_code == 1
    assert "p.png was made by perijove " in result.stderr
    assert "and this is perijove 99.0: it may not come out the same bit for bit" in result.stderr
    assert "not the same as" in result.stdout
    assert "and is perijove 99.0" in result.stdout
    assert product.with_name("p-repeated.png").exists()


def test_pixels_that_differ_alone_are_told(product: Path, capsys: Any) -> None:
    data = bytearray(product.read_bytes())
    image = cv2.imdecode(np.frombuffer(bytes(data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image[0, 0] == 100
    # another filter of the same pixels is another file, with the same provenance
    start = data.index(b"IDAT") - 4
    _, other = cv2.imencode(".png", np.asarray(image + 1))
    tail = other.tobytes()
    product.write_bytes(bytes(data[:start]) + tail[tail.index(b"IDAT") - 4 :])
    assert not run_repeat(RepeatRequest(product))
    assert "only the pixels" in capsys.readouterr().out


def test_differences_are_told_by_their_places(product: Path) -> None:
    origin = {**read_origin(product), "title": "T", "parameters": {"recipe": "y"}}
    told = differences(origin, product)
    assert told == ["title was T and is None", "parameters.recipe was y and is natural"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"request": None}, "does not say by which request"),
        ({"request": {"command": "paint", "options": {}}}, "was made by `perijove paint`, which this version cannot"),
        ({"recipe": None}, "does not say by which recipe"),
        ({"recipe": {"name": "x", "step": [{"do": "colours", "red": "PINK"}]}}, r"p\.png, step 1 \(colours\): red is"),
        ({"inputs": [{"kind": "strip", "name": "../x", "product_id": None, "sha256": None}]}, "is no file's name"),
        ({"inputs": [{"kind": "strip"}]}, "the inputs in the provenance are damaged"),
        ({"inputs": []}, r"strip\.png is named in the request, but is not among the inputs"),
    ],
)
def test_provenance_that_cannot_be_repeated(
    product: Path, change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_origin(product)
    monkeypatch.setattr(repeat_module, "read_origin", lambda path: {**whole, **change})
    with pytest.raises(PerijoveError, match=told):
        run_repeat(RepeatRequest(product))
    assert not product.with_name("p-repeated.png").exists()


@pytest.mark.parametrize(
    ("name", "out", "told"),
    [
        ("p.png.json", None, "is a sidecar: give the picture or map beside it"),
        ("p.png", "p.png", "would write over the product itself"),
        ("p.png", "x.tif", r"is another kind of file than .*p\.png: end it in \.png"),
        ("none.png", None, "is not there: check its name"),
        ("strip.png", None, "holds no provenance, and strip.png.json is not beside it"),
    ],
)
def test_products_that_are_none(product: Path, name: str, out: str | None, told: str) -> None:
    result = run("repeat", product.with_name(name), *([] if out is None else ["-o", product.with_name(out)]))
    assert result.exit_code in (1, 2)
    assert len(result.stderr.splitlines()) == 1
    with pytest.raises(PerijoveError, match=told):
        run_repeat(RepeatRequest(product.with_name(name), None if out is None else product.with_name(out)))


def test_inputs_are_laid_out_by_kind_and_kernels_in_their_order(tmp_path: Path) -> None:
    there = tmp_path / "there"
    (there / "sub").mkdir(parents=True)
    for name in ("s.png", "flat.tif", "b.tls", "sub/a.bsp", "map.png", "map.pgw", "map.png.json", "map.txt"):
        (there / name).write_bytes(name.encode())
    kinds = {"s.png": "strip", "flat.tif": "calibration", "b.tls": "kernel", "a.bsp": "kernel", "map.png": "basemap"}
    sources = [
        Source(kind, name, None, hashlib.sha256(next(there.rglob(name)).read_bytes()).hexdigest())
        for name, kind in kinds.items()
    ]
    found = find_inputs(sources, tmp_path / "p.png", there)
    inside = tmp_path / "inside"
    inside.mkdir()
    places = lay_out(found, inside, OUT, None, load_recipe("natural"))
    assert sorted(path.name for path in inside.iterdir()) == [
        "a.bsp", "b.tls", "calibration", "inputs.tm", "map.pgw", "map.png", "map.png.json", "s.png",
    ]  # fmt: skip
    assert places.calibration / "flat.tif" in places.calibration.iterdir()
    (meta,) = places.kernels
    text = meta.read_text()
    assert text.index(str(inside / "b.tls")) < text.index(str(inside / "a.bsp"))
    assert places.file("s.png").read_bytes() == b"s.png"
    twice = {**found, Source("label", "s.png", None, None): next(iter(found.values()))}
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UsageError, match=r"two inputs are called s\.png"):
        lay_out(twice, other, OUT, None, load_recipe("natural"))


def test_sources_survive_provenance() -> None:
    sources = [Source("strip", "a.png", "JNCE", "00"), Source("label", "a.json", None, None)]
    assert sources_in(json.loads(json.dumps(provenance(sources, {})))) == sources


def test_recipes_are_listed_and_each_printed_one_is_that_recipe(tmp_path: Path) -> None:
    assert set(NAMES) == set(RECIPES)
    lines = run("recipes").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(RECIPES)
    for name in RECIPES:
        path = tmp_path / f"{name}.toml"
        path.write_text(run("recipes", name).stdout)
        assert load_recipe(str(path)) == load_recipe(name)
        full = tmp_path / "full.toml"
        full.write_text(run("recipes", path).stdout)
        assert load_recipe(str(full)) == load_recipe(name)
    for wrong in ("vivid", tmp_path / "none.toml"):
        result = run("recipes", wrong)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("naturl", None, "did you mean natural"),
        ("none.toml", None, r"none\.toml: No such file or directory: check the name, or give one of natural"),
        ("odd.toml", b"\xff\xfe", "is no text in UTF-8"),
        ("long.toml", b"#" * 1_000_001, "too large for a recipe"),
        ("x.toml", b'name = "natural"\n[[step]]\ndo = "colours"\n', "its name is natural, but the recipe of this name"),
        ("natural.toml", b'[[step]]\ndo = "colours"\n', "its name is natural, but the recipe of this name"),
    ],
)
def test_recipes_that_are_none(tmp_path: Path, name: str, text: bytes | None, told: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(UsageError, match=told):
        load_recipe(str(path) if name.endswith(".toml") else name)


DOCS = Path(__file__).parents[2] / "docs" / "recipes.md"


def test_help_names_the_recipes() -> None:
    for command in ("picture", "map", "mosaic"):
        # lines may end within a name
        text = "".join(run(command, "--help").stdout.split())
        assert ",".join(NAMES) in text


def test_the_docs_tell_every_step_as_it_is() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert text.endswith("prints them.\n\n" + run("recipes", "--steps").stdout)
    for name in RECIPES:
        assert f"| `{name}` |" in text


def test_the_recipe_and_the_error_in_the_docs_are_true(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    recipe = text.split("```toml\n")[1].split("```")[0]
    path = tmp_path / "mine.toml"
    path.write_text(recipe)
    assert load_recipe(str(path)).name == "soft"
    path.write_text(recipe.replace("white = 0.7\n", "white = 7\n"))
    told = run("picture", "strip.png", "-o", tmp_path / "x.png", "--recipe", path).stderr
    assert told.replace(str(path), "mine.toml").strip() in text
