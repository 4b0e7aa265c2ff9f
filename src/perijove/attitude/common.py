"""What the arcs of a pass have in common: a spin axis, seen from several sides.

An arc knows well the direction in which it sees the body, and badly the roll about it. Arcs that see the body in
different directions therefore pin the axis down where each leaves it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.adjust import Adjustment
from perijove.attitude.priors import AXIS_SIGMA, Anchor
from perijove.attitude.spin import SpinModel, axis_angles
from perijove.geometry.axes import frame_around

FloatArray = NDArray[np.float64]

OUTLIER = 4.0
"""An axis further from the common one than so many of its sigmas is left out."""


@dataclass(frozen=True)
class AxisFound:
    """An arc's spin, covariance (2, 2) of its right ascension and declination, rad, and relative error of its rate."""

    spin: SpinModel
    covariance: FloatArray
    rate_sigma: float


def axis_found(adjustment: Adjustment) -> AxisFound:
    """What a solution says of its axis and rate."""
    names = adjustment.unknowns.names()
    covariance = adjustment.full_covariance()
    at = [names.index("ra"), names.index("dec")]
    rate = names.index("rate")
    spin = adjustment.unknowns.spin
    return AxisFound(spin, covariance[np.ix_(at, at)], float(np.sqrt(covariance[rate, rate])) / spin.rate)


def common_axis(found: Sequence[AxisFound]) -> Anchor:
    """The axis on which arcs agree best, each weighed by its covariance and the drift between arcs.

    Those that disagree with the rest by more than `OUTLIER` sigma go, the worst first; the rate is the best known one.
    """
    best = min(found, key=lambda one: float(np.trace(one.covariance)))
    side, other, _ = frame_around(best.spin.axis)
    plane = np.stack([side, other])
    place = np.array([plane @ one.spin.axis for one in found])
    spread = np.array([_on_plane(one, plane) for one in found]) + AXIS_SIGMA**2 * np.eye(2)
    weight = np.linalg.inv(spread)
    keep = np.ones(len(found), dtype=bool)
    while True:
        inverse = np.linalg.inv(weight[keep].sum(axis=0))
        mean = inverse @ np.einsum("nij,nj->i", weight[keep], place[keep])
        off = np.sqrt(np.einsum("ni,nij,nj->n", place - mean, weight, place - mean)) * keep
        if keep.sum() < 3 or off.max() < OUTLIER:
            break
        keep[int(np.argmax(off))] = False
    axis = best.spin.axis * np.sqrt(max(1.0 - float(mean @ mean), 0.0)) + mean @ plane
    ra, dec = axis_angles(axis)
    steady = min((one for one, kept in zip(found, keep, strict=True) if kept), key=lambda one: one.rate_sigma)
    spin = SpinModel(ra, dec, best.spin.phase, best.spin.epoch, steady.spin.rate, best.spin.twist, best.spin.tilt)
    return Anchor(spin, float(np.sqrt(np.linalg.eigvalsh(inverse)[-1])), steady.rate_sigma)


def _on_plane(one: AxisFound, plane: FloatArray) -> FloatArray:
    """An axis' covariance (2, 2) on a plane (2, 3) across the common axis."""
    ra, dec = one.spin.ra, one.spin.dec
    by_ra = np.array([-np.cos(dec) * np.sin(ra), np.cos(dec) * np.cos(ra), 0.0])
    by_dec = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    change = plane @ np.stack([by_ra, by_dec], axis=1)
    out: FloatArray = change @ one.covariance @ change.T
    return out
