"""Observation: all that is known of one strip once its trajectory and pointing are solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.exposure import Exposure
from perijove.attitude.pointing import Pointing
from perijove.attitude.solve import solve_pointing
from perijove.bodies import BODIES, Body
from perijove.calibrate.framelets import Calibrated, Treatment, calibrate
from perijove.calibrate.pointspread import point_spread
from perijove.calibrate.second_look import look_again
from perijove.calibrate.sharpen import noise_growth
from perijove.calibrate.sharpen import sharpen as sharpened
from perijove.ephemeris.labels import solve_trajectory
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import LabelError, PointingError, UsageError
from perijove.instrument import INTERFRAME_DELTA_S, START_TIME_BIAS_S, Filter
from perijove.label import PASS_S, Label
from perijove.raw import RawImage
from perijove.swath import Swath, split_by_filter

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """One strip with its light, trajectory and pointing; `sun` (3,) is the unit vector to the Sun in j2000.

    `labels` are the strip's own and those of its pass that the trajectory was found from.
    """

    raw: RawImage
    calibrated: Calibrated
    body: Body
    trajectory: Trajectory
    pointing: Pointing
    sun: FloatArray
    labels: tuple[Label, ...] = ()

    @property
    def middle_et(self) -> float:
        """ET of the middle of the image, by the solved times."""
        return float(0.5 * (self.pointing.et[0] + self.pointing.et[-1]))

    @property
    def middle_position(self) -> FloatArray:
        """Body-fixed position (3,) km of the spacecraft at the middle of the image."""
        j2000 = np.array([np.interp(self.middle_et, self.pointing.et, p) for p in self.pointing.position_km.T])
        out: FloatArray = self.body.body_from_j2000(self.middle_et) @ j2000
        return out

    @property
    def middle_sun(self) -> FloatArray:
        """Body-fixed unit vector (3,) to the Sun at the middle of the image."""
        out: FloatArray = self.body.body_from_j2000(self.middle_et) @ self.sun
        return out

    @property
    def camera_up(self) -> FloatArray:
        """Body-fixed unit vector (3,) against the camera's lines (-Y) at the middle of the image."""
        attitude = self.pointing.spin.camera_from_j2000(self.middle_et)
        out: FloatArray = self.body.body_from_j2000(self.middle_et) @ -attitude[1]
        return out

    @property
    def full(self) -> dict[Filter, float]:
        """I/F by filter from which a pixel of this exposure is full."""
        return {band: self.calibrated.full_dn / dn for band, dn in self.calibrated.dn_per_light.items()}

    def swaths(self, *, sigma: bool = False, sharpen: bool = False) -> list[Swath]:
        """The strip's filters, ready to be rendered: light in DN, whose unit is the I/F of one.

        With `sigma` they have variance and quality too. With `sharpen` the camera's blur is taken back, as far as the
        noise allows.
        """
        p, light = self.pointing, self.calibrated.light
        attitude = p.spin.camera_from_j2000(p.et)
        swaths = split_by_filter(light, p.camera, self.calibrated.binning, p.et, p.position_km, attitude)
        with ThreadPoolExecutor(len(swaths)) as pool:
            return list(pool.map(lambda swath: self._swath(swath, sigma, sharpen), swaths))

    def _swath(self, swath: Swath, sigma: bool, sharpen: bool) -> Swath:
        """One filter's swath with its unit, and what else is wanted of it."""
        band, calibrated = swath.band, self.calibrated
        swath = replace(swath, unit=1.0 / calibrated.dn_per_light[band])
        if not (sigma or sharpen):
            return swath
        variance, quality, light = calibrated.variance(band), calibrated.quality[band], swath.light
        if sharpen:
            psf = point_spread(band, stages=self.raw.label.tdi_stages or 1, binning=calibrated.binning)
            swath = replace(swath, light=sharpened(light, variance, quality, psf))
        if sigma:
            if sharpen:
                variance *= noise_growth(light, variance, quality, psf)
            swath = replace(swath, variance=variance, quality=quality)
        return swath


def framelet_times(label: Label) -> FloatArray:
    """ET (frames,) of mid-exposure by the label: START_TIME and INTERFRAME_DELAY with their corrections.

    They hold for raw and reduced strips alike: what the archive corrects in START_TIME, by the limb, is the jitter of
    some 20 ms, in both (TIMING_OFFSETS_DESCRIPTION.TXT of its volumes); the fixed 61.88 ms of the instrument kernel
    are in neither. RDR labels of 2016 have START_TIME within 0.4 ms of their own clock count, as EDR labels have.

    Raises LabelError where a field that is needed is missing.
    """
    delay = label.interframe_delay_s
    if delay is None and label.frames > 1:
        raise LabelError(
            f"{label.product_id}: the label has no INTERFRAME_DELAY, needed to time its frames; complete it"
        )
    if label.exposure_s is None:
        raise LabelError(f"{label.product_id}: the label has no EXPOSURE_DURATION; complete the label")
    step = 0.0 if delay is None else delay + INTERFRAME_DELTA_S
    start = label.start_et + START_TIME_BIAS_S + label.exposure_s / 2.0
    times: FloatArray = start + step * np.arange(label.frames, dtype=float)
    return times


def exposure_of(raw: RawImage, calibrated: Calibrated) -> Exposure:
    """What the solver must know of a strip."""
    return Exposure(
        product_id=raw.label.product_id,
        light=calibrated.light,
        et=framelet_times(raw.label),
        binning=calibrated.binning,
        saturation=calibrated.full_dn,
        tdi_stages=raw.label.tdi_stages or 1,
        methane_centre_line=raw.label.methane_centre_line,
    )


def body_of(label: Label) -> Body:
    """The body that a label names as its target; UsageError for one that is not among `BODIES`."""
    body = BODIES.get(label.target.upper())
    if body is None:
        known = ", ".join(BODIES)
        raise UsageError(f"{label.product_id}: TARGET_NAME is {label.target}, but only {known} can be done so far")
    return body


def observe(
    raws: Sequence[RawImage],
    pass_labels: Iterable[Label],
    *,
    treatment: Treatment | None = None,
    ties: bool = True,
    step: Callable[[str], object] = lambda _: None,
) -> list[Observation]:
    """Calibrate strips, solve their trajectory from all labels of the pass, and their pointing jointly.

    `pass_labels` are other labels of the same pass; the strips' own are added. Strips of several passes are solved pass
    by pass. `treatment` says how they are calibrated. `step` is told what is being done. Raises PerijoveError where a
    strip cannot be solved.
    """
    labels = {label.product_id: label for label in (*pass_labels, *(raw.label for raw in raws))}
    done: dict[str, Observation] = {}
    for group in _passes(raws):
        done.update(
            {o.raw.label.product_id: o for o in _observe_pass(group, list(labels.values()), treatment, ties, step)}
        )
    return [done[raw.label.product_id] for raw in raws]


def _direction(vector: FloatArray) -> FloatArray:
    """The unit vector along a vector (3,)."""
    return vector / np.linalg.norm(vector)


def _passes(raws: Sequence[RawImage]) -> list[list[RawImage]]:
    """Strips grouped by target and pass."""
    groups: list[list[RawImage]] = []
    for raw in sorted(raws, key=lambda r: r.label.start_et):
        for group in groups:
            last = group[-1].label
            if last.target == raw.label.target and raw.label.start_et - last.start_et < PASS_S:
                group.append(raw)
                break
        else:
            groups.append([raw])
    return groups


def _observe_pass(
    raws: Sequence[RawImage],
    labels: Sequence[Label],
    treatment: Treatment | None,
    ties: bool,
    step: Callable[[str], object],
) -> list[Observation]:
    """Observations of the strips of one pass."""
    body = body_of(raws[0].label)
    middle = float(np.mean([framelet_times(raw.label).mean() for raw in raws]))
    sun, earth = apparent_sun(middle, body), apparent_earth(middle, body)
    if not np.isfinite(sun).all():
        name = raws[0].label.product_id
        raise PointingError(f"{name}: START_TIME lies outside 2011-2031, which the Sun's table covers; check the label")
    step("calibrating")
    away = float(np.linalg.norm(sun))
    calibrated = [calibrate(raw, treatment, sun_distance_km=away) for raw in raws]
    exposures = [exposure_of(raw, light) for raw, light in zip(raws, calibrated, strict=True)]
    step("fitting the trajectory")
    trajectory = solve_trajectory(labels, raws[0].label, body)
    step("solving the pointing")
    pointings = solve_pointing(exposures, trajectory, body, sun, earth=earth, ties=ties, progress=step)
    behind = tuple(label for label in labels if label.product_id in trajectory.used)
    observations = [
        Observation(
            raw,
            light,
            body,
            trajectory,
            pointing,
            _direction(apparent_sun(float(pointing.et.mean()), body)),
            (raw.label, *(label for label in behind if label.product_id != raw.label.product_id)),
        )
        for raw, light, pointing in zip(raws, calibrated, pointings, strict=True)
    ]
    if treatment is not None and not treatment.mend:
        return observations
    step("looking again at what may be hits")
    return [replace(o, calibrated=look_again(o.raw, o.calibrated, o.swaths(), body)) for o in observations]
