"""Makes src/perijove/data/dust.csv: where grains of dust lie on JunoCam's chip and what share of the light they pass.

Run it from the repository's root: ``python builders/dust_places.py GAIN.tiff``, with PERIJOVE_DATA (default
../shared/data) for the real strips that the table is compared with, if they are there.

GAIN.tiff is B. Swift's gain frame of perijoves 12 to 16 (swift_gainSmooth12to16.tiff, MIT licence): 384 x 1648 numbers,
blocks of 128 lines for blue, green and red, by which the light of each pixel is to be multiplied. The share that a
pixel passes is the median gain around it over its own. Kept are places of four pixels and more that hang together, one
of which loses 5 % or more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import label, median_filter

from perijove.calibrate.bias import code_values, framelet_bias
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.dust import known_dust, strength
from perijove.calibrate.framelets import LOSSLESS
from perijove.calibrate.runs import full_code
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, Filter
from perijove.io.finder import open_strip

OUT = Path(__file__).parents[1] / "src" / "perijove" / "data" / "dust.csv"
BANDS = (Filter.BLUE, Filter.GREEN, Filter.RED)
AROUND_PX = 41
"""Side of the square whose median gain is that of a place without dust."""
FRINGE, HEART = 0.02, 0.05
"""Light that a pixel of a place takes at least, and the darkest of it."""
FEWEST = 4
MASK = 6
"""Samples at either end of the lines where the mask's shadow falls."""
HEADER = (
    "Dust on JunoCam's chip: share of the light that pixels pass; lines of a framelet and samples count from 0.",
    "Facts from B. Swift's gain frame of perijoves 12 to 16 (MIT licence), made by builders/dust_places.py.",
    "Of one stage of time-delayed integration; the charge of n stages was gathered on a line and the n - 1 before it.",
)
STRIPS = (
    "pj44/JNCE_2022229_44C00030_V01-raw.png",
    "pj44/JNCE_2022229_44C00029_V01-raw.png",
    "pj44/JNCE_2022229_44C00074_V01-raw.png",
    "pj43/JNCE_2022186_43C00078_V01-raw.png",
)


def places(gain: NDArray[np.float32]) -> NDArray[np.float64]:
    """Shares (lines, samples) of one filter from its gain of that shape; 1 where there is no dust."""
    share = median_filter(gain, AROUND_PX, mode="nearest") / gain
    lit = np.zeros(share.shape, np.bool_)
    lit[:, LIT_SAMPLES.start + MASK : LIT_SAMPLES.stop - MASK] = True
    groups, count = label((share < 1.0 - FRINGE) & lit, np.ones((3, 3)))
    out = np.ones(share.shape)
    for group in range(1, count + 1):
        inside = groups == group
        if np.count_nonzero(inside) >= FEWEST and share[inside].min() < 1.0 - HEART:
            out[inside] = share[inside]
    return out


def compare(path: Path) -> None:
    """Print how deep the table's places are in a strip, 1 being as the table says, by filter."""
    raw = open_strip(path, None).raw
    stages = raw.label.tdi_stages or 1
    table = decompanding_table(raw.label.bit_mode)
    for band in raw.label.filters:
        codes = raw.framelets(band)
        values = code_values(table, framelet_bias(codes, table, 1, lossy=raw.label.compression != LOSSLESS))
        found = strength(codes, values, known_dust(band, codes.shape[1], codes.shape[2], stages), full_code(table))
        told = ", ".join(f"{p.depth:.2f} +- {p.error:.2f}" for p in found if p.looks)
        print(f"{path.name[:22]} {stages} stages {band.value:6s} {told}")


def main() -> None:
    """Write the table, then compare it."""
    gains = np.asarray(tifffile.imread(sys.argv[1]), np.float32)
    rows = []
    for k, band in enumerate(BANDS):
        shares = places(gains[k * FRAMELET_LINES : (k + 1) * FRAMELET_LINES])
        for line, sample in np.argwhere(shares < 1.0):
            rows.append(f"{band.value},{line},{sample},{shares[line, sample]:.2f}")
    OUT.write_text("".join(f"# {line}\n" for line in HEADER) + "band,line,sample,share\n" + "\n".join(rows) + "\n")
    print(f"{OUT}: {len(rows)} pixels")
    data = Path(os.environ.get("PERIJOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    for name in STRIPS:
        if (data / name).is_file():
            compare(data / name)


if __name__ == "__main__":
    main()
