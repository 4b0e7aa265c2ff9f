"""Accuracy on real strips: the figures of docs/accuracy.md.

Solves strips of perijoves 43 and 44 from the folder that PERIJOVE_DATA names (default ../shared/data), singly and
jointly, and prints trajectory, limb, colour registration and agreement on the ground. Colours are registered on the
rendered light at 1600 px, patches of 96 px; lengths are divided by the picture's scale, so that they are camera pixels.

    python benchmarks/real_accuracy.py
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.ties import match_patches
from perijove.ephemeris.labels import solve_trajectory
from perijove.geometry.ellipsoid import intersect
from perijove.geometry.view import (
    View,
    disc_middle,
    km_per_native_px,
    native_scale,
    pixel_rays,
    spacecraft_view,
)
from perijove.instrument import Filter
from perijove.io.finder import open_strip
from perijove.observation import Observation, observe
from perijove.render.engine import render

FloatArray = NDArray[np.float64]

DATA = Path(os.environ.get("PERIJOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
STRIPS = {
    "44C00029": "pj44/JNCE_2022229_44C00029_V01-raw.png",
    "44C00030": "pj44/JNCE_2022229_44C00030_V01-raw.png",
    "44C00074": "pj44/JNCE_2022229_44C00074_V01-raw.png",
    "44M00044": "pj44/JNCE_2022229_44M00044_V01-raw.png",
    "43C00078": "pj43/JNCE_2022186_43C00078_V01-raw.png",
}
SIZE = 1600
LEAST_CORRELATION = 0.5


def solved(*names: str, alone: bool = False) -> list[Observation]:
    """Observations of strips, jointly; with `alone` true from their own labels only."""
    opened = [open_strip(DATA / STRIPS[name]) for name in names]
    labels = [] if alone else [label for strip in opened for label in strip.pass_labels]
    return observe([strip.raw for strip in opened], labels)


def strip_view(observation: Observation) -> tuple[View, float]:
    """The view of a picture of `SIZE`, and its pixels per camera pixel."""
    place, sun = observation.middle_position, observation.middle_sun
    view = spacecraft_view(place, observation.body, sun, SIZE)
    return view, native_scale(view, disc_middle(place, observation.body, sun))


def colours(observation: Observation) -> dict[str, tuple[int, float]]:
    """Patches and median displacement (camera px) of red and blue against green."""
    view, scale = strip_view(observation)
    planes = render(observation.swaths(), observation.body, observation.middle_et, view, sun_direction=observation.sun)
    out = {}
    for band in (Filter.RED, Filter.BLUE):
        usable = planes.hit & (planes.cos_incidence > 0.15) & np.isfinite(planes.light).all(axis=0)
        found = match_patches(planes.band(Filter.GREEN), planes.band(band), usable, patch=96)
        good = (found.correlation > LEAST_CORRELATION) & np.isfinite(found.shift).all(axis=1)
        length = np.linalg.norm(found.shift[good], axis=1) / scale
        out[band.value] = (int(good.sum()), float(np.median(length)) if good.any() else float("nan"))
    return out


def ground(pair: Sequence[Observation]) -> tuple[int, float, float]:
    """Features matched between two strips, and medians (camera px) of the length of their difference in latitude and
    of their difference in longitude."""
    one = pair[0]
    directions = [o.middle_position / np.linalg.norm(o.middle_position) for o in pair]
    distance = min(float(np.linalg.norm(o.middle_position)) for o in pair)
    place = sum(directions) / np.linalg.norm(sum(directions)) * distance
    sun, body = one.middle_sun, one.body
    wide = spacecraft_view(place, body, sun, 1400)
    view = spacecraft_view(place, body, sun, round(1400 / native_scale(wide, disc_middle(place, body, sun))))
    planes = [render(o.swaths(), body, o.middle_et, view, sun_direction=o.sun) for o in pair]
    light = [p.band(Filter.GREEN) for p in planes]
    usable = planes[0].hit & np.isfinite(light[0]) & np.isfinite(light[1]) & (planes[0].cos_emission > 0.25)
    usable &= (planes[0].cos_incidence > 0.15) & (planes[1].cos_incidence > 0.15)
    found = match_patches(light[0], light[1], usable)
    good = (found.correlation > LEAST_CORRELATION) & np.isfinite(found.shift).all(axis=1)
    ends = [found.centre[good], found.centre[good] + found.shift[good]]
    a, b = (intersect(place, pixel_rays(view, end[:, 0], end[:, 1]), body.radii_km) for end in ends)
    latitude = [np.arctan2(p[:, 2], np.hypot(p[:, 0], p[:, 1])) for p in (a, b)]
    longitude = [np.arctan2(p[:, 1], p[:, 0]) for p in (a, b)]
    per_px = np.linalg.norm(a, axis=1) / np.array([km_per_native_px(view, p) for p in a])
    north = (latitude[1] - latitude[0]) * per_px
    east = (np.mod(longitude[1] - longitude[0] + np.pi, 2 * np.pi) - np.pi) * np.cos(latitude[0]) * per_px
    return int(good.sum()), float(np.median(np.abs(north))), float(np.median(east))


def say(title: str, observations: Sequence[Observation]) -> None:
    """One line a strip."""
    for o in observations:
        p, t = o.pointing, o.trajectory
        fit = f"{t.rms_km:.2f} km" if np.isfinite(t.rms_km) else "none"
        line = f"{title:18s} {p.product_id[-12:-4]}  labels {len(t.used):2d} ({fit})  "
        line += f"limb {int(p.limb.used.sum()):4d} points {p.limb_rms_px:.3f} px  "
        line += f"period {p.spin.period_s:.4f} s  sigma {p.sigma_px:.2f} px"
        if Filter.GREEN in o.calibrated.light:
            line += "  " + "  ".join(f"{band.lower()}-green {v:.3f} px ({n})" for band, (n, v) in colours(o).items())
        print(line, flush=True)


def main() -> None:
    """Print all tables."""
    if not DATA.is_dir():
        print(f"no real strips at {DATA}: set PERIJOVE_DATA to the folder that holds them")
        return
    for folder in ("pj44", "pj43"):
        strip = next(path for name, path in STRIPS.items() if path.startswith(folder))
        opened = open_strip(DATA / strip)
        trajectory = solve_trajectory([opened.raw.label, *opened.pass_labels], opened.raw.label)
        kept, dropped = len(trajectory.used), len(trajectory.rejected)
        print(f"{folder}: {kept} labels, {dropped} rejected, {trajectory.rms_km:.3f} km rms")
    pair = solved("44C00029", "44C00030")
    say("jointly", pair)
    singles = [solved(name)[0] for name in STRIPS]
    say("singly", singles)
    say("singly, one label", solved("44C00030", alone=True))
    say("all of the pass", solved("44C00029", "44C00030", "44C00074", "44M00044")[2:])
    for title, two in (("jointly", pair), ("singly", singles[:2])):
        count, north, east = ground(two)
        print(f"ground, {title}: {count} features, latitude {north:.3f} px, longitude {east:+.3f} px (medians)")


if __name__ == "__main__":
    main()
