"""The Sun in JunoCam's bands: the numbers of src/perijove/calibrate/solar.py.

Integrates the extraterrestrial column of ASTM G173-03 (Gueymard's synthetic solar spectrum, W/m2/nm at 1 AU, 280 to
4000 nm), as the package pvlib ships it, over the four filters' nominal bands. Where PERIJOVE_DATA (default
../shared/data) has Karkoschka's full-disc albedo of Jupiter (1998) its mean over each band, weighted by the sunlight,
is printed beside it: what a perfect camera sees of the whole disc.

    pip install pvlib
    python builders/solar_bands.py
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BANDS_NM = {"BLUE": (420, 520), "GREEN": (500, 600), "RED": (600, 800), "METHANE": (880, 900)}
"""Calibration report (MSSS), section 3.2."""
JUPITER_COLUMN = 3
"""Karkoschka's columns: wavelength in air and in vacuum (nm), methane's absorption, albedo of Jupiter, Saturn ..."""


def solar_spectrum() -> tuple[FloatArray, FloatArray]:
    """Wavelength (n,) nm and irradiance (n,) W/m2/nm at 1 AU."""
    with (files("pvlib") / "data" / "ASTMG173.csv").open() as file:
        table = np.genfromtxt(file, delimiter=",", skip_header=2)
    return table[:, 0], table[:, 1]


def band_mean(wavelength: FloatArray, irradiance: FloatArray, albedo: FloatArray) -> float:
    """Mean albedo over wavelengths, weighted by the irradiance; all (n,)."""
    return float(np.trapezoid(albedo * irradiance, wavelength) / np.trapezoid(irradiance, wavelength))


def main() -> None:
    """Print irradiance and, where it can be had, Jupiter's albedo by band."""
    wavelength, irradiance = solar_spectrum()
    data = Path(os.environ.get("PERIJOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    jupiter = data / "reference" / "karkoschka"
    table = np.loadtxt(jupiter) if jupiter.is_file() else None
    for name, (first, last) in BANDS_NM.items():
        inside = (wavelength >= first) & (wavelength <= last)
        w, e = wavelength[inside], irradiance[inside]
        line = f"{name:8s} {first}-{last} nm  {np.trapezoid(e, w):8.2f} W/m2"
        if table is not None:
            line += f"  Jupiter's albedo {band_mean(w, e, np.interp(w, table[:, 0], table[:, JUPITER_COLUMN])):.4f}"
        print(line)


if __name__ == "__main__":
    main()
