"""What is known of the unknowns before an image is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perijove.attitude.exposure import Exposure
from perijove.attitude.problem import BANDS, SHAPES
from perijove.attitude.sampled import SampledAttitude
from perijove.attitude.search import Scene
from perijove.attitude.spin import NOMINAL_PERIOD_S, SpinModel, axis_angles
from perijove.instrument import FOCAL_LENGTH_PX, MOUNTING_TILT, MOUNTING_TWIST, Filter

Prior = tuple[float, float] | None
"""Mean and sigma, or None where nothing is known."""

TWIST_SIGMA, TILT_SIGMA = 0.0002, 0.001
"""How far the mounting of a pass may stand off the usual one: how far those stand apart that it is known from."""
LOOSE_MOUNTING_SIGMA = 0.001
"""Error of both where a bare limb and the ground tell them, so well that nothing need be known beforehand."""
AXIS_SIGMA = np.radians(0.2)
"""How far the axis may turn between the arcs of a pass; three arcs of perijove 44 agree to 0.1 deg over 4.5 hours."""
EARTH_SIGMA = np.radians(7.0)
"""Juno keeps its axis near the Earth: 8.5 deg from it at perijove 44, 5.6 deg at 34."""
LINE_SIGMA_PX, SAMPLE_SIGMA_PX, SCALE_SIGMA = 0.05, 0.02, 0.0001
METHANE_SIGMA_PX = 20.0
"""Methane's readout window can be moved by command; the keystone over the disc tells where it was."""
HAZE_SIGMA_KM = 25.0
"""Height above the 1-bar ellipsoid of the ground that the edges of a hazy limb are measured to."""
RESOLVED_KM = 50.0
"""Pixels (km) below which a haze is too well resolved to be told by its depth alone: two scale heights."""
HALF_KM, HALF_SIGMA_KM, METHANE_SIGMA_KM = 60.0, 60.0, 150.0
"""Height of half the light of the limb, which plain edges are measured at: some scale heights above the clouds. In
methane the clouds are nearly black, and it stands wherever the haze gets bright."""
GRAZING_SIGMA_KM, HALF_GRAZING_KM, HALF_GRAZING_SIGMA_KM = 10.0, 60.0, 50.0
"""How much higher the limb may stand where the Sun only grazes it: the ground; half the light, and its error."""
SHAPE_SIGMA_KM = 20.0
"""Each term of the haze's change with latitude; the limb's residuals at perijove 44 wave by so much."""
EDGE_BIAS_PX, GRAZING_BIAS_PX, SHAPE_BIAS_PX = 0.1, 0.05, 0.05
"""How far an edge may stand off where the haze is not resolved, how much that may change with the Sun's height and with
latitude; they count like haze of so many pixels. Simulated discs, 400,000 to 165,000 km away: 0.1, 0.05 and 0.05."""
HALF_BIAS_PX, HALF_GRAZING_BIAS_PX = 0.3, 0.5
"""The same of half the light: 0.13 and 0.7."""
BROAD_SHAPES, BELT_SIGMA_KM, BELT_BIAS_PX = 4, 5.0, 0.06
"""Degrees of the change with latitude that may be as large as `SHAPE_SIGMA_KM`; the finer ones are belts and zones,
whose brightness moves the edge by some hundredths of a pixel, the same in all colours and framelets."""
RATE_SIGMA = 0.006
"""Relative; the published periods, 30.07 to 30.74 s, lie within two of it."""
KERNEL_AXIS_SIGMA, KERNEL_RATE_SIGMA = np.radians(0.02), 2e-5
"""Errors of axis (rad) and rate (relative) by an attitude kernel: two of 2016, 45 minutes apart, agree to 0.004 deg."""
EVEN_PX = 2.0
"""Juno turns evenly: those two leave 0.007 px over three turns. One that leaves more than this tells no axis."""
RATE_DRIFT = 0.0005
"""Relative change of the rate between the arcs of a pass."""


@dataclass(frozen=True)
class Anchor:
    """What the rest of a pass, or a kernel, tells an arc: a spin, and the error of its axis and (relative) of its rate.

    One that is `of_the_moment` has not drifted since, and knows how the camera is mounted.
    """

    spin: SpinModel
    axis_sigma: float
    rate_sigma: float
    of_the_moment: bool = False


def kernel_anchor(attitude: SampledAttitude) -> Anchor | None:
    """What an attitude by kernels, over a turn or more, tells of axis and rate; None where it is no free spinner's."""
    if attitude.rms_px > EVEN_PX:
        return None
    uneven = attitude.rms_px / FOCAL_LENGTH_PX
    turned = attitude.rate * float(attitude.et[-1] - attitude.et[0])
    axis, rate = np.hypot(KERNEL_AXIS_SIGMA, uneven), np.hypot(KERNEL_RATE_SIGMA, uneven / turned)
    return Anchor(attitude.fitted, float(axis), float(rate), of_the_moment=True)


def on_ground(exposures: Sequence[Exposure], scene: Scene) -> bool:
    """Whether the edges of the limb are measured down to the ground, through haze that is finer than the pixels.

    From near by the haze has a shape of its own, which no single layer has, and half the light tells more.
    """
    if not scene.body.atmosphere:
        return False
    places = np.concatenate([scene.trajectory.position(e.et[[0, -1]]) for e in exposures])
    away = np.sqrt(np.maximum(np.sum(places**2, axis=1) - min(scene.body.radii_km) ** 2, 0.0))
    return bool(np.min(away) / FOCAL_LENGTH_PX > RESOLVED_KM)


def free_unknowns(
    exposures: Sequence[Exposure],
    anchor: Anchor | None,
    reference: SpinModel,
    scene: Scene,
    *,
    loose: bool = False,
    plain: bool = False,
) -> dict[str, Prior]:
    """What may move, and what is known of it beforehand.

    `loose` lets the mounting move where it can be seen; `plain` says that the limb was measured where half its light
    stands, and not on the ground.
    """
    plain = plain or not on_ground(exposures, scene)
    bands = [b for b in BANDS if any(b in e.light for e in exposures)]
    twist, tilt = MOUNTING_TWIST, MOUNTING_TILT
    if anchor is not None and anchor.of_the_moment:
        twist, tilt, loose = anchor.spin.twist, anchor.spin.tilt, True
    free: dict[str, Prior] = {
        **_axis_prior(anchor, reference, scene),
        "phase": None,
        "rate": _rate_prior(anchor),
        "twist": (twist, LOOSE_MOUNTING_SIGMA if loose else TWIST_SIGMA),
        "tilt": (tilt, LOOSE_MOUNTING_SIGMA if loose else TILT_SIGMA),
        "interframe": _interframe_prior(exposures),
    }
    if scene.body.atmosphere:
        free.update(_haze_priors(exposures, bands, scene, plain))
    for b in bands:
        # green is what the others are measured against
        if b is not Filter.GREEN and len(bands) > 1:
            free[f"line_{b.lower()}"] = (0.0, LINE_SIGMA_PX)
            free[f"sample_{b.lower()}"] = (0.0, SAMPLE_SIGMA_PX)
            free[f"scale_{b.lower()}"] = (0.0, SCALE_SIGMA)
    if bands == [Filter.METHANE]:
        free["line_methane"] = (0.0, METHANE_SIGMA_PX)
    free.update({f"offset_{k}": (-e.start_moved_s, e.start_sigma_s) for k, e in enumerate(exposures)})
    return free


def _interframe_prior(exposures: Sequence[Exposure]) -> tuple[float, float]:
    """What is known of the step between frames beyond the given one: what is best known of any strip."""
    best = min(exposures, key=lambda e: e.interframe_sigma_s)
    return -best.interframe_moved_s, best.interframe_sigma_s


def _haze_priors(exposures: Sequence[Exposure], bands: Sequence[Filter], scene: Scene, plain: bool) -> dict[str, Prior]:
    """What is known of the height of the limb; without an atmosphere it is the ground, and nothing is free."""
    km_per_px = float(np.linalg.norm(scene.trajectory.position(exposures[0].et[0]))) / FOCAL_LENGTH_PX
    broad = (0.0, float(np.hypot(SHAPE_SIGMA_KM, SHAPE_BIAS_PX * km_per_px)))
    fine = (0.0, float(np.hypot(BELT_SIGMA_KM, BELT_BIAS_PX * km_per_px)))
    out: dict[str, Prior] = {f"haze_p{k + 1}": broad if k < BROAD_SHAPES else fine for k in range(SHAPES)}
    for b in bands:
        haze, grazing = f"haze_{b.lower()}", f"grazing_{b.lower()}"
        if plain or b is Filter.METHANE:
            sigma = METHANE_SIGMA_KM if b is Filter.METHANE else HALF_SIGMA_KM
            out[haze] = (HALF_KM, float(np.hypot(sigma, HALF_BIAS_PX * km_per_px)))
            out[grazing] = (HALF_GRAZING_KM, float(np.hypot(HALF_GRAZING_SIGMA_KM, HALF_GRAZING_BIAS_PX * km_per_px)))
        else:
            out[haze] = (0.0, float(np.hypot(HAZE_SIGMA_KM, EDGE_BIAS_PX * km_per_px)))
            out[grazing] = (0.0, float(np.hypot(GRAZING_SIGMA_KM, GRAZING_BIAS_PX * km_per_px)))
    return out


def _axis_prior(anchor: Anchor | None, reference: SpinModel, scene: Scene) -> dict[str, Prior]:
    """What is known of the axis: another arc's, else the scene's hint, else nothing."""
    if anchor is not None:
        drift = 0.0 if anchor.of_the_moment else AXIS_SIGMA
        ra, dec, sigma = anchor.spin.ra, anchor.spin.dec, float(np.hypot(drift, anchor.axis_sigma))
    elif scene.axis is not None:
        (ra, dec), sigma = axis_angles(scene.axis.direction), scene.axis.sigma
    else:
        return {"ra": None, "dec": None}
    # the same turn of the circle as the solution stands on
    ra += 2 * np.pi * np.round((reference.ra - ra) / (2 * np.pi))
    return {"ra": (float(ra), sigma / np.cos(dec)), "dec": (dec, sigma)}


def _rate_prior(anchor: Anchor | None) -> tuple[float, float]:
    """Mean and sigma of the spin rate: another arc's with its drift, else the mission's."""
    if anchor is not None:
        drift = 0.0 if anchor.of_the_moment else RATE_DRIFT
        return anchor.spin.rate, float(np.hypot(drift, anchor.rate_sigma)) * anchor.spin.rate
    nominal = 2 * np.pi / NOMINAL_PERIOD_S
    return nominal, RATE_SIGMA * nominal
