"""Radiometry on real strips: the figures of docs/radiometry.md.

Solves the strips of perijoves 43 and 44 in the folder that PERIJOVE_DATA names (default ../shared/data), renders them
as I/F with its sigma, and prints: two exposures of the same ground against each other; Jupiter's bands against
Karkoschka's albedo; Ganymede's colours; methane's level and what of it follows red; electrons a DN by photon transfer;
and the scatter between overlapping framelets against the sigma said of them.

    python benchmarks/real_radiometry.py
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import framelet_bias
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.framelets import chip_frames
from perijove.calibrate.noise import READ_NOISE_DN, steps_at
from perijove.calibrate.quality import Quality
from perijove.calibrate.response import IN_FLIGHT, dn_per_light
from perijove.calibrate.solar import AU_KM, BAND_NM
from perijove.geometry.ellipsoid import point_from_centric
from perijove.geometry.view import View, spacecraft_view
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.mosaic.angles import angles_from
from perijove.observation import Observation, observe
from perijove.render.engine import render
from perijove.render.planes import Planes
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

MINNAERT = 0.95
"""Exponent of Minnaert's law for Jupiter in visible light (HST: 0.85 to 1.0)."""

DATA = Path(os.environ.get("PERIJOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
STRIPS = {
    "44C00029": "pj44/JNCE_2022229_44C00029_V01-raw.png",
    "44C00030": "pj44/JNCE_2022229_44C00030_V01-raw.png",
    "44C00074": "pj44/JNCE_2022229_44C00074_V01-raw.png",
    "44M00044": "pj44/JNCE_2022229_44M00044_V01-raw.png",
    "43C00078": "pj43/JNCE_2022186_43C00078_V01-raw.png",
}
SIZE = 1000
JUPITER = 3
"""Column of the full-disc albedo in Karkoschka's table, whose first is the wavelength in air, nm."""
SUN_K = 5772.0
PHASE_LOSS = 0.75
"""Jupiter at partial phases over a Lambert sphere of the same albedo (Mayorga et al. 2016: about a quarter fainter)."""
UNUSABLE = int(Quality.FULL | Quality.HIT | Quality.FLIPPED | Quality.FILLED)
COMMON = (0.2, 0.3, 0.5)
"""Least cosines of incidence for the comparison of exposures."""
GANYMEDE_STRIP = "pj34-ganymede/JNCE_2021158_34C00002_V01-raw.jpg"
GANYMEDE = {Filter.BLUE: 0.89, Filter.RED: 1.06}
"""Ganymede's albedo over that in green, within 0.03: B - V 0.83 (the Sun 0.65) and its slope beyond 560 nm."""
GANYMEDE_DN = 30.0
"""Light from which a pixel is Ganymede."""
CALMEST = 5.0
"""Per cent of the squares that are taken to be without clouds of their own."""


@dataclass(frozen=True)
class Seen:
    """One strip in a view: its planes, the factor that relights it, and where its light can be believed."""

    planes: Planes
    relit: Plane

    def usable(self, band: Filter) -> Mask:
        """Where the band has light that was neither full nor replaced."""
        k = self.planes.bands.index(band)
        out: Mask = np.isfinite(self.planes.light[k]) & ((self.planes.quality[k] & UNUSABLE) == 0) & self.planes.hit
        return out


def seen(observation: Observation, view: View) -> Seen:
    """A strip as I/F with sigma in a view, at its own time."""
    o = observation
    planes = render(o.swaths(sigma=True), o.body, o.middle_et, view, sun_direction=o.sun)
    return Seen(planes, relight(planes, o.body.radii_km, o.middle_position, o.middle_sun))


def relight(planes: Planes, radii: tuple[float, float, float], place: FloatArray, sun: FloatArray) -> Plane:
    """Factor (h, w) that gives light seen from a body-fixed place the angles of the view, by Minnaert's law."""
    points = point_from_centric(planes.latitude.astype(float), planes.longitude.astype(float), radii)
    own = angles_from(place, sun, points, radii)

    def law(cos_i: Plane, cos_e: Plane) -> Plane:
        return np.asarray(np.maximum(cos_i, 0.05) ** MINNAERT * np.maximum(cos_e, 0.05) ** (MINNAERT - 1.0))

    return law(planes.cos_incidence, planes.cos_emission) / law(own.cos_incidence, own.cos_emission)


def own_view(observation: Observation) -> View:
    """The view from the spacecraft at mid-image."""
    return spacecraft_view(observation.middle_position, observation.body, observation.middle_sun, SIZE)


def albedos() -> dict[Filter, float]:
    """Karkoschka's albedo of Jupiter over the bands, weighted by sunlight (a black body's, which is near enough)."""
    table = np.loadtxt(DATA / "reference" / "karkoschka")
    nm, albedo = table[:, 0], table[:, JUPITER]
    sunlight = nm**-5 / np.expm1(1.438777e7 / (nm * SUN_K))
    inside = {band: (nm >= first) & (nm <= last) for band, (first, last) in BAND_NM.items()}
    return {band: float(np.average(albedo[i], weights=sunlight[i])) for band, i in inside.items()}


def two_exposures(first: Observation, second: Observation) -> None:
    """The same ground by two strips: mean I/F of the first over that of the second."""
    directions = [o.middle_position / np.linalg.norm(o.middle_position) for o in (first, second)]
    distance = min(float(np.linalg.norm(o.middle_position)) for o in (first, second))
    place = sum(directions) / np.linalg.norm(sum(directions)) * distance
    view = spacecraft_view(place, first.body, first.middle_sun, SIZE)
    one, two = seen(first, view), seen(second, view)
    # both in the light of the first
    relit = relight(one.planes, first.body.radii_km, second.middle_position, second.middle_sun)
    print("\nSame ground, 44C00029 (6.4 ms) over 44C00030 (3.2 ms): mean I/F")
    print("  band     cos i >   pixels   as measured   relit   median of ratios")
    for band in (Filter.BLUE, Filter.GREEN, Filter.RED):
        a, b = one.planes.band(band), two.planes.band(band)
        for least in COMMON:
            good = one.usable(band) & two.usable(band) & (one.planes.cos_emission > 0.3)
            good &= (one.planes.cos_incidence > least) & (two.planes.cos_incidence > least)
            x, y, fx, fy = a[good], b[good], one.relit[good], relit[good]
            ratios = x.mean() / y.mean(), (x * fx).mean() / (y * fy).mean(), np.median(x * fx / (y * fy))
            print(f"  {band:8s} {least:7.1f} {good.sum():8d}   " + "   ".join(f"{r:11.3f}" for r in ratios))
        good = one.usable(band) & two.usable(band) & (one.planes.cos_emission > 0.3)
        good &= np.minimum(one.planes.cos_incidence, two.planes.cos_incidence) > COMMON[0]
        change = np.log(one.planes.cos_incidence[good] / two.planes.cos_incidence[good])
        k, level = np.polyfit(change, np.log(a[good] / b[good]), 1)
        print(f"  {band:8s} with k free: {k:.2f}, and the ratio {np.exp(level):.3f}")


def bands(shots: Mapping[str, Seen]) -> None:
    """Jupiter's bands against Karkoschka's albedo, by Minnaert's law."""
    known = albedos()
    print(f"\nJupiter against Karkoschka 1998, Minnaert k = {MINNAERT}, cos i and cos e > 0.3")
    print("  B0: I/F over cos(i)^k cos(e)^(k-1), median; expected: albedo (2k + 1) / 2; phase law: times 0.75")
    for name, shot in shots.items():
        planes = shot.planes
        good = (planes.cos_incidence > 0.3) & (planes.cos_emission > 0.3)
        for band in planes.bands:
            good &= shot.usable(band)
        phase, latitude = np.degrees(planes.phase[good]), np.degrees(planes.latitude[good])
        print(
            f"  {name}: {good.sum()} px, phase {np.median(phase):.0f} deg, latitude {np.percentile(latitude, 5):.0f} "
            f"to {np.percentile(latitude, 95):.0f}"
        )
        law = planes.cos_incidence[good] ** MINNAERT * planes.cos_emission[good] ** (MINNAERT - 1)
        for band in planes.bands:
            light = planes.band(band)[good]
            b0, expected = float(np.median(light / law)), known[band] * (2 * MINNAERT + 1) / 2
            line = f"    {band:8s} mean I/F {light.mean():.4f}   B0 {b0:.4f}   of expected {b0 / expected:.3f}"
            line += f"   of the phase law {b0 / expected / PHASE_LOSS:.3f}"
            if Filter.GREEN in planes.bands and band is not Filter.GREEN:
                ratio = float(np.median(light / planes.band(Filter.GREEN)[good]))
                expected = known[band] / known[Filter.GREEN]
                line += f"   over green {ratio:.3f}, Karkoschka {expected:.3f}"
                line += f"   response asked {ratio / expected * IN_FLIGHT[band]:.3f}"
            print(line)


def ganymede() -> None:
    """Colours of Ganymede's disc, which 34C00002 shows whole in all bands, as the response in flight they ask for."""
    # its label is not at hand, so that what calibration does is done in short here
    image = cv2.imread(str(DATA / GANYMEDE_STRIP), cv2.IMREAD_GRAYSCALE)
    codes = np.asarray(image, np.uint8).reshape(-1, 3, FRAMELET_LINES, SAMPLES)
    table, total = decompanding_table("SQROOT"), {}
    for k, band in enumerate((Filter.BLUE, Filter.GREEN, Filter.RED)):
        bias = framelet_bias(codes[:, k], table, 1, lossy=True).level_dn[:, None, None]
        even, _, _ = chip_frames(None, band, codes.shape[2:])
        light = ((table[codes[:, k]] - bias) / even)[:, :, LIT_SAMPLES]
        total[band] = np.where(light > GANYMEDE_DN, light, 0.0).sum() / dn_per_light(band, 1.0, 34, AU_KM)
    print("\nGanymede in 34C00002: response over the report's, beside green")
    for band, known in GANYMEDE.items():
        ratio = float(total[band] / total[Filter.GREEN])
        asked = ratio / known * IN_FLIGHT[band]
        print(f"  {band:8s} I/F over green's {ratio:.3f}   response {asked:.3f}, taken {IN_FLIGHT[band]}")


def photon_transfer(observation: Observation) -> None:
    """Electrons a DN from the calmest squares of a lossless strip: variance of second differences by the light."""
    second = np.outer((1.0, -2.0, 1.0), (1.0, -2.0, 1.0)) / 6.0
    raw, points = observation.raw, []
    table = decompanding_table(raw.label.bit_mode)
    for band in raw.label.filters:
        level = observation.calibrated.details[band].bias.level_dn.mean()
        for codes in raw.framelets(band):
            dn = table[codes].astype(float)[:, 30:1623]
            points.append(np.stack([squares(dn) - level, squares(cv2.filter2D(dn, -1, second) ** 2)]))
    light, scatter = np.concatenate([p.reshape(2, -1) for p in points], axis=1)
    white = cv2.filter2D(np.random.default_rng(1).standard_normal((900, 900)), -1, second) ** 2
    calm = np.percentile(squares(white), CALMEST)
    rows, values = [], []
    for low, high in itertools.pairwise(np.geomspace(26, 990, 24)):
        inside = (light >= low) & (light < high)
        middle = np.sqrt(low * high)
        noise = np.percentile(scatter[inside], CALMEST) / calm
        known = READ_NOISE_DN**2 + 1 / 12 + float(steps_at(table, np.array([middle]))[0]) ** 2 / 12
        rows.append(np.array([middle, middle**2]) / noise)
        values.append((noise - known) / noise)
    (inverse, grain), *_ = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)
    print(f"\nPhoton transfer of 44C00074: {1 / inverse:.1f} e-/DN beside a grain of {np.sqrt(max(grain, 0)):.2%}")


def squares(plane: FloatArray) -> FloatArray:
    """Means over squares of 9 x 9 px that fill a plane, its rim left out."""
    lines, samples = ((n - 2) // 9 * 9 for n in plane.shape)
    out: FloatArray = plane[1 : 1 + lines, 1 : 1 + samples].reshape(lines // 9, 9, samples // 9, 9).mean(axis=(1, 3))
    return out


def methane(observations: Mapping[str, Observation]) -> None:
    """Methane by latitude, and the slope of its detail on red's."""
    o = observations["44M00044"]
    view = own_view(o)
    dark, red = seen(o, view), seen(observations["44C00030"], view)
    planes, light = dark.planes, dark.planes.band(Filter.METHANE)
    good = dark.usable(Filter.METHANE) & (planes.cos_incidence > 0.25) & (planes.cos_emission > 0.25)
    print("\n44M00044, methane: I/F and B0 by planetocentric latitude (Karkoschka's disc: B0 0.079)")
    law = np.maximum(planes.cos_incidence, 0.05) ** MINNAERT * np.maximum(planes.cos_emission, 0.05) ** (MINNAERT - 1)
    latitude = np.degrees(planes.latitude)
    for south in range(40, 80, 5):
        here = good & (latitude >= south) & (latitude < south + 5)
        if here.sum() > 500:
            print(
                f"  {south} to {south + 5}: {here.sum():6d} px   I/F {light[here].mean():.4f}   "
                f"B0 {np.median(light[here] / law[here]):.4f}"
            )
    both = dark.usable(Filter.METHANE) & red.usable(Filter.RED) & (planes.cos_emission > 0.15)
    both &= (planes.cos_incidence > 0.08) & (red.planes.cos_incidence > 0.08)
    core = cv2.erode(both.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    print(f"  detail on ground shared with 44C00030 ({core.sum()} px), light over cos i:")
    for fine, coarse in ((1.5, 5.0), (2.0, 10.0), (4.0, 20.0)):
        x, y = (
            detail(np.where(both, p.band(b) / np.maximum(p.cos_incidence, 0.05), 0), both, fine, coarse)[core]
            for p, b in ((red.planes, Filter.RED), (planes, Filter.METHANE))
        )
        slope = float(np.mean(x * y) / np.mean(x * x))
        print(f"    {fine} to {coarse} px: red {x.std():.4f} rms, methane {y.std():.4f} rms, slope {slope:+.4f}")


def detail(light: Plane, where: Mask, fine: float, coarse: float) -> FloatArray:
    """What of a plane lies between two blurs (sigma, px), made from where it is known."""
    share = where.astype(np.float32)
    blurs = []
    for sigma in (fine, coarse):
        total = cv2.GaussianBlur((light * share).astype(np.float32), (0, 0), sigma)
        blurs.append(total / np.maximum(cv2.GaussianBlur(share, (0, 0), sigma), 1e-3))
    out: FloatArray = blurs[0] - blurs[1]
    return out


def halves(swaths: list[Swath], part: int) -> list[Swath]:
    """Every second framelet of each swath, from number `part` on."""
    keep = slice(part, None, 2)
    return [
        replace(
            s, light=s.light[keep], variance=None if s.variance is None else s.variance[keep],
            quality=None if s.quality is None else s.quality[keep], et=s.et[keep],
            position_km=s.position_km[keep], camera_from_j2000=s.camera_from_j2000[keep],
            velocity_km_s=None if s.velocity_km_s is None else s.velocity_km_s[keep],
        )
        for s in swaths
    ]  # fmt: skip


def overlaps(name: str, observation: Observation) -> None:
    """Even framelets against odd ones where they overlap: mean step, and reduced chi-square of the differences."""
    o = observation
    swaths, view = o.swaths(sigma=True), own_view(o)
    even, odd = (render(halves(swaths, p), o.body, o.middle_et, view, sun_direction=o.sun) for p in (0, 1))
    for k, band in enumerate(even.bands):
        good = np.isfinite(even.light[k]) & np.isfinite(odd.light[k])
        good &= ((even.quality[k] | odd.quality[k]) & UNUSABLE) == 0
        sigma = np.hypot(even.sigma[k], odd.sigma[k])
        pull = (even.light[k] - odd.light[k]) / sigma
        white = 1.0 / o.calibrated.dn_per_light[band]
        for what, where in (
            ("sky", good & ~even.hit & (even.altitude_km > 3000.0)),
            ("faint", good & even.hit & (even.light[k] < 50 * white)),
            ("disc", good & even.hit & (even.light[k] >= 50 * white) & (even.cos_emission > 0.3)),
        ):
            if where.sum() < 300:
                continue
            # a median, which the edges of clouds that stand a fraction of a pixel off do not carry away
            robust = (1.4826 * float(np.median(np.abs(pull[where])))) ** 2
            mean = float(even.light[k][where].mean() / white)
            print(
                f"  {name} {band:8s} {what:5s} {where.sum():7d} px  mean {mean:7.1f} DN  "
                f"chi2 {float(np.mean(np.minimum(pull[where] ** 2, 25.0))):.2f}, by the median {robust:.2f}"
            )


def main() -> None:
    """Print all tables."""
    if not DATA.is_dir():
        print(f"no real strips at {DATA}: set PERIJOVE_DATA to the folder that holds them")
        return
    opened = {name: open_strip(DATA / path) for name, path in STRIPS.items()}
    labels = [label for strip in opened.values() for label in strip.pass_labels]
    solved = dict(zip(opened, observe([strip.raw for strip in opened.values()], labels), strict=True))
    two_exposures(solved["44C00029"], solved["44C00030"])
    bands({name: seen(o, own_view(o)) for name, o in solved.items()})
    ganymede()
    methane(solved)
    photon_transfer(solved["44C00074"])
    print("\nOverlapping framelets of one colour against the sigma said of them")
    for name, o in solved.items():
        overlaps(name, o)


if __name__ == "__main__":
    main()
