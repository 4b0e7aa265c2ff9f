"""Honesty: whether errors are as large as the solution says they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from benchmarks.accuracy.cases import FloatArray
from benchmarks.accuracy.truth import Seen, attitude_error, pixel_of
from scipy.stats import chi2

from perijove.attitude.pointing import Pointing
from perijove.attitude.problem import BANDS
from perijove.ephemeris.trajectory import Trajectory
from perijove.instrument import FOCAL_LENGTH_PX, Camera, Filter
from perijove.simulate.scene import Scene
from perijove.simulate.strip import Strip

FLOOR_PX = 0.03
"""Directions in which a solution claims to be better than a noiseless strip can be are not tested."""
BEND_PX = 1000.0
"""A turn that displaces places by d px bends their way by about d^2 over this, which no covariance knows."""
ACROSS = (0.1, 0.5, 0.9)
"""Where across the disc, as quantiles along and across the scan, the nine tested points lie."""
_ANGLES = ("ra", "dec", "phase", "twist", "tilt")
_STEPS = {"rate": 1e-8, "interframe": 1e-6, "offset": 1e-4, "vx": 1e-3, "vy": 1e-3, "vz": 1e-3}


@dataclass(frozen=True)
class Chi:
    """A sum of squares over its expectation: `reduced` = sum / `dof`; NaN where nothing is tested."""

    total: float
    dof: int

    @property
    def reduced(self) -> float:
        return self.total / self.dof if self.dof else float("nan")


def moved(p: Pointing, trajectory: Trajectory, name: str, by: float) -> Pointing:
    """The solution with one of its parameters moved by `by` in the units of `Pointing.parameters`."""
    spin, camera = p.spin, p.camera
    if name in _ANGLES:
        return replace(p, spin=replace(spin, **{name: getattr(spin, name) + np.radians(by)}))
    if name == "rate":
        return replace(p, spin=replace(spin, rate=spin.rate + by))
    if name in ("interframe", "offset"):
        later = by * (np.arange(len(p.et)) if name == "interframe" else np.ones(len(p.et)))
        flown = trajectory.velocity(p.et) * later[:, None]
        return replace(p, et=p.et + later, position_km=p.position_km + flown)
    kind, _, band = name.partition("_")
    if kind in ("line", "sample"):
        line, sample = camera.shift.get(Filter(band.upper()), (0.0, 0.0))
        own = (line + by, sample) if kind == "line" else (line, sample + by)
        return replace(p, camera=camera.with_shift(Filter(band.upper()), *own))
    if kind == "scale":
        scale = {**camera.scale, Filter(band.upper()): camera.scale.get(Filter(band.upper()), 1.0) + by}
        return replace(p, camera=Camera(camera.shift, scale))
    if name in ("x", "y", "z", "vx", "vy", "vz"):
        unit = np.eye(3)["xyz".index(name[-1])]
        since = p.et - trajectory.reference_et if name[0] == "v" else np.ones(len(p.et))
        return replace(p, position_km=p.position_km + by * since[:, None] * unit)
    return p


def step_of(name: str) -> float:
    """A step for difference quotients by a parameter."""
    if name in _ANGLES:
        return 1e-4
    return 1e-5 if name.startswith("scale") else _STEPS.get(name, 0.1)


def nine_points(seen: Seen) -> np.ndarray:
    """Indices of up to nine points spread over the disc, of the filter most in the middle."""
    bands = set(seen.band.tolist())
    green = BANDS.index(Filter.GREEN)
    band = green if green in bands else min(bands)
    mine = np.flatnonzero(seen.band == band)
    along = seen.frame[mine] * 115.0 + seen.pixel[mine, 0]
    found = set()
    for a in ACROSS:
        row = mine[np.argsort(np.abs(along - np.quantile(along, a)))[: max(9, len(mine) // 20)]]
        for b in ACROSS:
            sample = seen.pixel[row, 1]
            found.add(int(row[np.argmin(np.abs(sample - np.quantile(sample, b)))]))
    return np.array(sorted(found))


def displacement_chi(p: Pointing, trajectory: Trajectory, scene: Scene, seen: Seen) -> Chi:
    """Errors at nine points of the disc against their covariance, in the directions known worse than a floor."""
    which = nine_points(seen)

    def at(solution: Pointing) -> FloatArray:
        return np.concatenate(
            [
                pixel_of(solution, scene.flight.body, BANDS[seen.band[i]], int(seen.frame[i]), seen.ground[i : i + 1])
                for i in which
            ]
        ).ravel()

    jacobian = np.stack(
        [
            (at(moved(p, trajectory, name, step_of(name))) - at(moved(p, trajectory, name, -step_of(name))))
            / (2.0 * step_of(name))
            for name in p.parameters
        ],
        axis=-1,
    )
    floor = float(np.hypot(FLOOR_PX, p.sigma_px**2 / BEND_PX))
    return against(seen.error[which].ravel(), jacobian @ p.covariance @ jacobian.T, floor)


def attitude_chi(scene: Scene, strip: Strip, p: Pointing, trajectory: Trajectory) -> Chi:
    """The attitude's three angles at mid-image against their covariance."""
    k = len(p.et) // 2

    def at(solution: Pointing) -> FloatArray:
        return solution.spin.camera_from_j2000(float(solution.et[k]))

    columns = []
    for name in p.parameters:
        step = step_of(name)
        change = (at(moved(p, trajectory, name, step)) - at(moved(p, trajectory, name, -step))) / (2.0 * step)
        # d(R) R^T is minus the cross-product matrix of the turn of the frame
        skew = change @ at(p).T
        columns.append([skew[1, 2], skew[2, 0], skew[0, 1]])
    jacobian = np.array(columns).T
    error = attitude_error(scene, strip, p)
    floor = float(np.hypot(FLOOR_PX, p.sigma_px**2 / BEND_PX)) / FOCAL_LENGTH_PX
    return against(error, jacobian @ p.covariance @ jacobian.T, floor)


def against(error: FloatArray, covariance: FloatArray, floor: float) -> Chi:
    """Chi-square of errors (n,) with a covariance (n, n) in the principal directions whose sigma exceeds a floor."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    use = values > floor**2
    along = vectors.T @ error
    return Chi(float(np.sum(along[use] ** 2 / (values[use] + floor**2))), int(use.sum()))


def expected_range(dof: int, share: float = 0.9) -> tuple[float, float]:
    """Between which bounds a reduced chi-square of so many degrees of freedom lies in `share` of all cases."""
    low, high = chi2.ppf([(1 - share) / 2, (1 + share) / 2], dof) / dof
    return float(low), float(high)
