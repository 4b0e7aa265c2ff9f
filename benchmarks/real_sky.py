"""Dark sky and seams on real strips: figures of docs/radiometry.md.

Prints for the strips of perijoves 43 and 44 in the folder that PERIJOVE_DATA names (default ../shared/data): the mean
of dark sky and how its columns differ, before calibration and after; and the step where consecutive framelets of one
colour show the same place of the lit disc, by distance from limb and terminator and by the sample of the camera.

    python benchmarks/real_sky.py
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate import Calibrated
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.quality import Quality
from perijove.calibrate.sky import BLOCK, find_sky
from perijove.instrument import SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.observation import Observation, observe
from perijove.raw import RawImage
from perijove.render.engine import render
from perijove.swath import Swath
from real_radiometry import DATA, STRIPS, UNUSABLE, own_view

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

NEAR_PX = (8, 64, 200, 2000)
"""Borders of the bands of distance from the lit disc, px of the view, by which sky is told apart."""
FEWEST = 200
"""Pixels that a column of sky must have."""
WIDE = 31
"""Columns over which their mean is run, to part column from column."""
GROUPS = 3
"""Framelets are rendered in so many groups: those that overlap, neighbours, are in different ones."""
SQUARE = 32
"""Side, px, of the squares that are drawn again and again for the error of a median: neighbours are not independent."""
DRAWS = 300
RUN = 50
"""Samples that are taken together where steps are told by the sample."""
LIT = 0.2
"""Least cosine of incidence and emission of the lit disc."""


def sky_of(raw: RawImage, done: Calibrated, band: Filter) -> tuple[Plane, Plane, Mask]:
    """A filter's numbers less bias, its light, and where both are dark sky: (frames, lines, samples) each, DN."""
    part, codes = done.details[band], raw.framelets(band)
    table = decompanding_table(raw.label.bit_mode)
    before = table[codes] - part.bias.level_dn[:, None, None]
    sky = find_sky(part.mended.codes, part.values, part.extra, done.binning)
    clear = sky.clear.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)[:, : codes.shape[1], : codes.shape[2]]
    return before.astype(np.float32), done.light[band], clear & np.isfinite(done.light[band])


def column_rms(dn: Plane, where: Mask) -> float:
    """Rms by which the means of columns stand off their surroundings, less what the noise of pixels explains."""
    count = where.sum(axis=(0, 1))
    use = count >= FEWEST
    total = np.where(where, dn, 0).sum(axis=(0, 1), dtype=float)
    square = np.where(where, dn, 0).astype(float) ** 2
    mean = np.where(use, total / np.maximum(count, 1), 0)
    noise = np.where(use, square.sum(axis=(0, 1)) / np.maximum(count, 1) - mean**2, 0) / np.maximum(count, 1)
    ones = np.ones(WIDE)
    around = np.convolve(mean * use, ones, "same") / np.maximum(np.convolve(use, ones, "same"), 1)
    off = (mean - around)[use]
    return float(np.sqrt(max(np.mean(off**2) - np.mean(noise[use]), 0.0)))


def print_sky(name: str, observation: Observation) -> None:
    """Mean and columns of dark sky, before and after, and the framelet whose mean is furthest from 0."""
    o = observation
    for band in o.calibrated.light:
        before, after, where = sky_of(o.raw, o.calibrated, band)
        hit = (o.calibrated.quality[band] & UNUSABLE) > 0
        dark = where & ~hit
        by_frame = [float(a[w].mean()) for a, w in zip(after, dark, strict=True) if w.sum() > 5000]
        print(
            f"  {name} {band:8s} {dark.mean():5.1%}   mean {before[dark].mean():+.3f} -> {after[dark].mean():+.3f}, "
            f"worst framelet {max(by_frame, key=abs):+.3f}   columns {column_rms(before, where):.3f} -> "
            f"{column_rms(after, dark):.3f}"
        )


def print_near(name: str, observation: Observation) -> None:
    """Mean light of the sky by distance from the lit disc, DN."""
    o, view = observation, own_view(observation)
    planes = render(o.swaths(), o.body, o.middle_et, view, sun_direction=o.sun)
    lit = planes.hit & (planes.cos_incidence > -0.05)
    distance = cv2.distanceTransform((~lit).astype(np.uint8), cv2.DIST_L2, 5)
    for k, band in enumerate(planes.bands):
        dn = planes.light[k] * o.calibrated.dn_per_light[band]
        parts = []
        for low, high in itertools.pairwise(NEAR_PX):
            here = np.isfinite(dn) & ~planes.hit & (distance >= low) & (distance < high)
            parts.append(f"{low}-{high} px {dn[here].mean():+.2f}" if here.sum() > 300 else f"{low}-{high} px -")
        print(f"  {name} {band:8s} {'   '.join(parts)}")


def part_of(swath: Swath, group: int) -> Swath:
    """Every third framelet of a swath, from number `group` on."""
    keep = slice(group, None, GROUPS)
    return replace(
        swath, light=swath.light[keep], quality=None if swath.quality is None else swath.quality[keep],
        variance=None if swath.variance is None else swath.variance[keep], et=swath.et[keep],
        position_km=swath.position_km[keep], camera_from_j2000=swath.camera_from_j2000[keep],
        velocity_km_s=None if swath.velocity_km_s is None else swath.velocity_km_s[keep],
    )  # fmt: skip


def where_of(swath: Swath) -> Swath:
    """A swath whose light is the number of the sample."""
    number = np.broadcast_to(np.arange(swath.light.shape[2], dtype=np.float32), swath.light.shape)
    light = np.where(np.isfinite(swath.light), number, np.float32(np.nan))
    return replace(swath, light=light, unit=1.0, variance=None, quality=None)


def steps(observation: Observation) -> Mapping[Filter, tuple[FloatArray, ...]]:
    """By filter where two framelets show the same place of the lit disc: the later's light over the earlier's less 1,
    the place's cosines of incidence and emission, its row and column in the view, and the sample of the camera.
    """
    o, view = observation, own_view(observation)
    swaths = o.swaths(sigma=True)
    shots = [
        render([part_of(s, g) for s in swaths], o.body, o.middle_et, view, sun_direction=o.sun)
        for g in range(GROUPS)
        if all(len(part_of(s, g).light) for s in swaths)
    ]
    samples = render([where_of(s) for s in swaths], o.body, o.middle_et, view).light
    out = {}
    for k, band in enumerate(shots[0].bands):
        found: list[list[FloatArray]] = []
        for g, one in enumerate(shots):
            two = shots[(g + 1) % GROUPS]
            good = np.isfinite(one.light[k]) & np.isfinite(two.light[k]) & one.hit
            good &= ((one.quality[k] | two.quality[k]) & (UNUSABLE | Quality.SUSPECT)) == 0
            good &= (one.cos_incidence > LIT) & (one.cos_emission > LIT)
            a, b = one.light[k][good].astype(float), two.light[k][good].astype(float)
            row, column = np.nonzero(good)
            place = one.cos_incidence[good], one.cos_emission[good], row, column, samples[k][good]
            found.append([2 * (b - a) / (b + a), *(x.astype(float) for x in place)])
        out[band] = tuple(np.concatenate(part) for part in zip(*found, strict=True))
    return out


def median_and_error(value: FloatArray, row: FloatArray, column: FloatArray) -> tuple[float, float]:
    """The median, and its standard error by drawing whole squares of the view anew."""
    squares = (row // SQUARE).astype(int) * 10000 + (column // SQUARE).astype(int)
    order = np.argsort(squares, kind="stable")
    pieces = np.split(value[order], np.flatnonzero(np.diff(squares[order])) + 1)
    rng = np.random.default_rng(1)
    drawn = [
        np.median(np.concatenate([pieces[i] for i in rng.integers(0, len(pieces), len(pieces))])) for _ in range(DRAWS)
    ]
    return float(np.median(value)), float(np.std(drawn))


def print_seams(name: str, found: Mapping[Filter, tuple[FloatArray, ...]]) -> None:
    """The step by filter, everywhere and by how near limb and terminator are; parts in a thousand."""
    for band, (value, incidence, emission, row, column, _) in found.items():
        if len(value) < 500:
            print(f"  {name} {band:8s} {len(value)} px: too few")
            continue
        line = f"  {name} {band:8s} {len(value):6d} px "
        for what, where in (
            ("all", incidence > 0),
            ("i and e > 0.5", (incidence > 0.5) & (emission > 0.5)),
            ("i < 0.4", incidence < 0.4),
            ("e < 0.4", emission < 0.4),
        ):
            if where.sum() < 300:
                line += f"  {what}: -"
                continue
            middle, error = median_and_error(value[where], row[where], column[where])
            line += f"  {what}: {1000 * middle:+.1f} +- {1000 * error:.1f}"
        print(line)


def print_by_sample(found: Mapping[str, Mapping[Filter, tuple[FloatArray, ...]]]) -> None:
    """The step by the sample of the camera, of all strips side by side; parts in a thousand."""
    for band in Filter:
        for first in range(0, SAMPLES, RUN):
            line = ""
            for name, bands in found.items():
                value, _, _, row, column, sample = bands.get(band, [np.empty(0)] * 6)
                here = (sample >= first) & (sample < first + RUN)
                if here.sum() >= 300:
                    middle, error = median_and_error(value[here], row[here], column[here])
                    line += f"   {name} {1000 * middle:+.1f} +- {1000 * error:.1f}"
            if line:
                print(f"  {band:8s} {first:5d}{line}")


def main() -> None:
    """Print all tables."""
    if not DATA.is_dir():
        print(f"no real strips at {DATA}: set PERIJOVE_DATA to the folder that holds them")
        return
    opened = {name: open_strip(DATA / path) for name, path in STRIPS.items()}
    labels = [label for strip in opened.values() for label in strip.pass_labels]
    solved = dict(zip(opened, observe([strip.raw for strip in opened.values()], labels), strict=True))
    print("Dark sky, DN: share of the strip, mean, and rms of columns against their surroundings, before -> after")
    for name, o in solved.items():
        print_sky(name, o)
    print("\nSky beside the lit disc, mean DN by distance")
    for name, o in solved.items():
        print_near(name, o)
    print("\nStep from a framelet to the next of its colour on the lit disc, parts in a thousand")
    found = {name: steps(o) for name, o in solved.items()}
    for name, bands in found.items():
        print_seams(name, bands)
    print("\nThe same by the sample of the camera")
    print_by_sample(found)


if __name__ == "__main__":
    main()
