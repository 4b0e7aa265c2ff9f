"""Rings around moons and shadows: where they lie, against the ephemeris, on an evening with three shadows."""

import numpy as np
import pytest

from perijove.bodies import AMALTHEA, CALLISTO, EUROPA, GANYMEDE, IO, JUPITER
from perijove.enhance.picture import Picture
from perijove.ephemeris.moons import moon_state
from perijove.ephemeris.sun_earth import earth_from_jupiter
from perijove.ephemeris.transits import shadow
from perijove.figure import annotated
from perijove.figure.ground import locator, places
from perijove.figure.moons import marks_of_moons
from perijove.geometry.ellipsoid import point_from_centric
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.geometry.view import spacecraft_view
from perijove.instrument import Filter
from perijove.timescale import et_from_utc

# as the light left Jupiter that reached the Earth at 6:36 UT
ET = et_from_utc("2015-01-24T06:36:00") - 2178.0
FRAME = JUPITER.body_from_j2000(ET)
SIZE = 14.0


def view(far=1.0, fov=None, size=700):
    earth = FRAME @ earth_from_jupiter(ET)
    place = far * earth / np.linalg.norm(earth)
    return spacecraft_view(place, JUPITER, None, size, fov=fov)


def marks(grid):
    made = marks_of_moons(grid, JUPITER, ET, locator(grid, JUPITER), SIZE)
    return {names[0].text: line for names, line in zip(made.names, made.lines, strict=True)}


def test_moons_are_ringed_where_they_stand() -> None:
    grid = view(6e8)
    made = marks(grid)
    # Europa stands beside the disc still, Ganymede far off, Amalthea is uncertain by less than a ring
    assert set(made) >= {"Io", "Callisto", "Shadow of Io", "Shadow of Callisto", "Shadow of Europa"}
    assert not set(made) & {"Ganymede", "Europa", "Shadow of Amalthea"}
    for moon in (IO, CALLISTO):
        line = made[moon.name.capitalize()]
        way = FRAME @ moon_state(moon, ET)[:3] - grid.position_km
        middle = grid.pixel(way)
        away = np.linalg.norm(line - middle, axis=-1)
        disc = moon.radii_km[1] / np.linalg.norm(way) / grid.scale
        # the moons have moved by some light seconds' way, 40 km; a ring goes 1 px outside the disc
        np.testing.assert_allclose(away, max(disc + 1.0, 0.45 * SIZE), atol=0.6)


@pytest.mark.parametrize("kind", ["view", "map"])
def test_shadows_are_outlined_at_their_penumbra(kind: str) -> None:
    grid = view(6e8)
    if kind == "map":
        radius, width = JUPITER.radii_km[0], 900
        scale = 2 * np.pi * radius / width
        grid = MapGrid(
            JUPITER, Projection("equirectangular", radius, 0.0, 0.5, 0.0), "centric", scale, -np.pi * radius,
            np.pi * radius / 2, width, width // 2,
        )  # fmt: skip
    made = marks(grid)
    if kind == "map":
        assert all(name.startswith("Shadow") for name in made)
    for moon in (IO, CALLISTO):
        cast = shadow(moon, ET)
        line = made[f"Shadow of {moon.name.capitalize()}"]
        place = places(grid, JUPITER, *line.T)
        points = point_from_centric(place[:, 0], place[:, 1], JUPITER.radii_km)
        middle = point_from_centric(cast.latitude, cast.longitude, JUPITER.radii_km)
        away = np.linalg.norm(np.cross(points - middle, FRAME @ cast.along), axis=-1)
        np.testing.assert_allclose(away, cast.penumbra_km, rtol=2e-3)


def test_what_is_hidden_or_too_small_is_left_out() -> None:
    # from the other side the three stand behind the planet; and from the far end of Ganymede's sky
    assert not set(marks(view(-6e8))) & {"Io", "Callisto"}
    assert not [name for name in marks(view(-6e8)) if name.startswith("Shadow")]
    # from afar a small moon is nothing, from close it is ringed as far as its place is uncertain
    assert "Amalthea" not in marks(view(6e8, fov=0.01))
    place = FRAME @ moon_state(AMALTHEA, ET)[:3]
    near = spacecraft_view(1.5 * place, JUPITER, None, 300, fov=np.radians(100.0))
    ring = marks(near)["Amalthea"]
    assert np.ptp(ring[:, 0]) * near.scale * 0.5 * np.linalg.norm(place) >= 2 * 2 * 0.0032 * 181_400.0 * 0.95
    # Ganymede and Europa beside the planet, where the picture holds them
    assert {"Ganymede", "Europa"} <= set(marks(view(6e8, fov=2.6e6 / 6e8)))
    assert EUROPA.parent == GANYMEDE.parent == "JUPITER"


def test_a_picture_without_a_time_has_no_moons() -> None:
    grid = view(6e8, size=500)
    picture = Picture(
        np.full((grid.height, grid.width, 3), 0.4, np.float32), (Filter.RED, Filter.GREEN, Filter.BLUE), "srgb",
        "natural", {},
    )  # fmt: skip
    nothing = {"graticule": False, "terminator": False, "limb": False, "bar": False, "north": False}
    plain = annotated(picture, grid, JUPITER, None, **nothing).rgb
    timed = annotated(picture, grid, JUPITER, None, **nothing, et=ET).rgb
    changed = (plain != timed).any(axis=-1)
    # large enough for its ring not to depend on the size of the letters
    for line in (marks(grid)[name] for name in ("Callisto", "Shadow of Callisto")):
        y, x = line[:: len(line) // 7].astype(int).T
        assert changed[np.minimum(y, grid.height - 1), np.minimum(x, grid.width - 1)].mean() > 0.5
    assert changed.mean() < 0.08
    unnamed = annotated(picture, grid, JUPITER, None, **nothing, names=False, et=ET).rgb
    np.testing.assert_array_equal(unnamed, picture.rgb)
