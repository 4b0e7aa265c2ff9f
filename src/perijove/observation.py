"""Observation: all that is known of one strip once its trajectory and pointing are solved."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.basemap import Basemap
from perijove.attitude.clock import REACH_SIGMAS
from perijove.attitude.exposure import INTERFRAME_SIGMA_S, START_JITTER_S, Exposure
from perijove.attitude.given import given_pointing
from perijove.attitude.pointing import Pointing
from perijove.attitude.priors import Anchor
from perijove.attitude.sampled import SampledAttitude
from perijove.attitude.search import Scene
from perijove.attitude.solve import solve_pointing
from perijove.attitude.target import LEAST_LEAD, likenesses
from perijove.bodies import BODIES, GALILEAN, JUPITER, Body
from perijove.calibrate.framelets import Calibrated, Treatment, calibrate
from perijove.calibrate.pointspread import point_spread
from perijove.calibrate.second_look import look_again
from perijove.calibrate.sharpen import noise_growth
from perijove.calibrate.sharpen import sharpen as sharpened
from perijove.ephemeris.compare import compare
from perijove.ephemeris.labels import solve_trajectory
from perijove.ephemeris.moons import trajectory_about
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import LabelError, PerijoveWarning, PointingError, TrajectoryError, UsageError
from perijove.geometry.ellipsoid import intersect
from perijove.instrument import FRAMELET_LINES, INTERFRAME_DELTA_S, LIT_SAMPLES, START_TIME_BIAS_S, Camera, Filter
from perijove.label import PASS_S, TDI_STEP_S, Label
from perijove.photometry.expected import expected_light
from perijove.raw import RawImage
from perijove.swath import Swath, split_by_filter

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Flight:
    """Where trajectories come from but from labels.

    `find` gives one about a body, from one ET to another, or None where labels are to tell. `final` is false where
    labels that know the place better take precedence.
    """

    find: Callable[[Body, float, float], Trajectory | None]
    final: bool = True


@dataclass(frozen=True)
class Attitude:
    """Where attitudes come from but from the image.

    `find` gives the camera's from one ET to another, or None where only the image tells. With `refined` the image has
    the last word. `start` gives the ET of a label's clock count, None where START_TIME tells it as well.
    """

    find: Callable[[float, float], SampledAttitude | None]
    refined: bool = True
    start: Callable[[str], float | None] = lambda _: None


ASIDE_S = 1.0
"""Attitudes are asked for from so much before a strip to so much after it."""
KERNEL_AXIS_SIGMA, KERNEL_RATE_SIGMA = np.radians(0.02), 2e-5
"""Errors of axis (rad) and rate (relative) by an attitude kernel: two of 2016, 45 minutes apart, agree to 0.004 deg."""
CLOCK_SIGMA_S = 1e-5
"""Our own clock's counts stand for the solved start; they are written to 4 ms / 256."""
LEAST_LIT = 200
"""Fewer lit places than this tell no exposure."""


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

    Without EXPOSURE_DURATION a single stage of integration is taken, 3.2 ms. Raises LabelError where the step between
    frames is missing.
    """
    delay = label.interframe_delay_s
    if delay is None and label.frames > 1:
        raise LabelError(
            f"{label.product_id}: the label has no INTERFRAME_DELAY, needed to time its frames; complete it"
        )
    step = 0.0 if delay is None else delay + INTERFRAME_DELTA_S
    start = label.start_et + START_TIME_BIAS_S + (label.exposure_s or TDI_STEP_S) / 2.0
    times: FloatArray = start + step * np.arange(label.frames, dtype=float)
    return times


def exposure_of(raw: RawImage, calibrated: Calibrated) -> Exposure:
    """What the solver must know of a strip."""
    label = raw.label
    return Exposure(
        product_id=raw.label.product_id,
        light=calibrated.light,
        et=framelet_times(raw.label),
        binning=calibrated.binning,
        saturation=calibrated.full_dn,
        tdi_stages=raw.label.tdi_stages or 1,
        methane_centre_line=raw.label.methane_centre_line,
        start_sigma_s=START_JITTER_S if label.start_sigma_s is None else label.start_sigma_s,
        interframe_sigma_s=INTERFRAME_SIGMA_S if label.interframe_sigma_s is None else label.interframe_sigma_s,
    )


def body_of(label: Label) -> Body:
    """The body that a label names as its target; UsageError for one that is not among `BODIES`."""
    body = BODIES.get(label.target.upper())
    if body is None:
        known = ", ".join(BODIES)
        raise UsageError(f"{label.product_id}: TARGET_NAME is {label.target}, but only {known} can be done so far")
    return body


def target_of(raw: RawImage, flight: Flight) -> Body:
    """The body that a strip shows, by its limb and the trajectory. Raises PointingError where that cannot tell."""
    times = framelet_times(raw.label)
    scenes = []
    for body in (JUPITER, *GALILEAN):
        there = flight.find(body, float(times[0]), float(times[-1]))
        if there is not None:
            sun = apparent_sun(float(times.mean()), body)
            scenes.append(Scene(there, body, _direction(sun)))
    exposure = exposure_of(raw, calibrate(raw))
    found = likenesses(exposure, scenes, Camera.measured())
    if not found or (len(found) > 1 and found[0].points < LEAST_LEAD * found[1].points):
        seen = " or ".join(one.name for one in found[:2]) or "none of the bodies that Juno has passed"
        raise PointingError(f"{raw.path}: its limb may be that of {seen}: give --target")
    return BODIES[found[0].name]


def observe(
    raws: Sequence[RawImage],
    pass_labels: Iterable[Label],
    *,
    treatment: Treatment | None = None,
    flight: Flight | None = None,
    attitude: Attitude | None = None,
    basemap: Basemap | None = None,
    ties: bool = True,
    step: Callable[[str], object] = lambda _: None,
) -> list[Observation]:
    """Calibrate strips, solve their trajectory from all labels of the pass, and their pointing jointly.

    `pass_labels` are other labels of the same pass; the strips' own are added. Strips of several passes are solved pass
    by pass. `treatment` says how they are calibrated. `flight` gives the trajectory where it is not to be found from
    labels, `attitude` the camera's; the ground of `basemap` ties the pointing. `step` is told what is being done.
    Raises PerijoveError where a strip cannot be solved.
    """
    work = _Work(treatment, flight, attitude, basemap, ties, step)
    labels = {label.product_id: label for label in (*pass_labels, *(raw.label for raw in raws))}
    done: dict[str, Observation] = {}
    for group in _passes(raws):
        done.update({o.raw.label.product_id: o for o in _observe_pass(group, list(labels.values()), work)})
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


@dataclass(frozen=True)
class _Work:
    """How `observe` was asked to do its work."""

    treatment: Treatment | None
    flight: Flight | None
    attitude: Attitude | None
    basemap: Basemap | None
    ties: bool
    step: Callable[[str], object]


def _fly(raws: Sequence[RawImage], labels: Sequence[Label], body: Body, flight: Flight | None) -> Trajectory:
    """Where the spacecraft was: as told, or by the labels' positions, which may be counted from a moon's planet."""
    label = raws[0].label
    if flight is not None:
        reach = [REACH_SIGMAS * (raw.label.start_sigma_s or 0.0) for raw in raws]
        times = [framelet_times(raw.label) for raw in raws]
        first = min(float(et[0]) - far for et, far in zip(times, reach, strict=True))
        found = flight.find(body, first, max(float(et[-1]) + far for et, far in zip(times, reach, strict=True)))
        if found is not None:
            return found if flight.final else _better(found, raws, labels, body)
    if label.place_target in (None, body.name):
        return solve_trajectory(labels, label, body)
    home = BODIES.get(str(label.place_target))
    if home is None or home.name != body.parent:
        raise TrajectoryError(
            f"{label.product_id}: its position is counted from {label.place_target}, which does not tell where "
            f"{body.name} is: give --trajectory, or labels of {body.name}"
        )
    there = [replace(one, target=home.name) for one in labels if one.place_target == home.name]
    return trajectory_about(body, solve_trajectory(there, replace(label, target=home.name), home))


def _better(found: Trajectory, raws: Sequence[RawImage], labels: Sequence[Label], body: Body) -> Trajectory:
    """The trajectory, or that by the labels where they know the place better; then told by a warning."""
    try:
        told = _fly(raws, labels, body, None)
    except TrajectoryError:
        return found
    sigma, other = (
        float(np.sqrt(np.trace(one.covariance[:3, :3]) + 3.0 * one.unseen_km**2)) for one in (found, told)
    )
    if other > sigma:
        return found
    apart = compare(found, told)
    if (
        max(abs(apart.late_s) * float(np.linalg.norm(found.velocity(found.reference_et))), apart.beside_km)
        < sigma / 3.0
    ):
        return found
    warnings.warn(
        f"the orbit of {', '.join(found.used)} is {apart.late_s:+.1f} s late and {apart.beside_km:.0f} km beside the "
        "positions in the labels, which know it better and are taken instead",
        PerijoveWarning,
        stacklevel=2,
    )
    return told


def _by_clock(exposure: Exposure, label: Label, attitude: Attitude) -> Exposure:
    """The exposure at the times of the clock by which its attitude was written, where that is our own."""
    start = None if label.clock_start is None else attitude.start(label.clock_start)
    if start is None:
        return exposure
    return replace(exposure.moved(start - label.start_et, 0.0), start_sigma_s=CLOCK_SIGMA_S)


def _point(
    raws: Sequence[RawImage],
    exposures: Sequence[Exposure],
    trajectory: Trajectory,
    body: Body,
    sun: FloatArray,
    earth: FloatArray,
    work: _Work,
) -> list[Pointing]:
    """Pointings from the image, from kernels, or from both."""
    anchor = None
    if work.attitude is not None:
        ends = [float(t) for e in exposures for t in (e.et[0] - ASIDE_S, e.et[-1] + ASIDE_S)]
        given = work.attitude.find(min(ends), max(ends))
        if given is not None and not work.attitude.refined:
            timed = [_by_clock(e, raw.label, work.attitude) for e, raw in zip(exposures, raws, strict=True)]
            return [given_pointing(exposure, trajectory, given) for exposure in timed]
        if given is not None:
            anchor = Anchor(given.fitted, KERNEL_AXIS_SIGMA, KERNEL_RATE_SIGMA, of_the_moment=True)
    return solve_pointing(
        exposures, trajectory, body, sun,
        earth=earth, ties=work.ties, basemap=work.basemap, anchor=anchor, progress=work.step,
    )  # fmt: skip


def _observe_pass(raws: Sequence[RawImage], labels: Sequence[Label], work: _Work) -> list[Observation]:
    """Observations of the strips of one pass."""
    body, step, treatment = body_of(raws[0].label), work.step, work.treatment
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
    trajectory = _fly(raws, labels, body, work.flight)
    step("solving the pointing")
    pointings = _point(raws, exposures, trajectory, body, sun, earth, work)
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
    observations = [_exposed(o, treatment) if o.raw.label.exposure_s is None else o for o in observations]
    if treatment is not None and not treatment.mend:
        return observations
    step("looking again at what may be hits")
    return [replace(o, calibrated=look_again(o.raw, o.calibrated, o.swaths(), body)) for o in observations]


def _exposed(observation: Observation, treatment: Treatment | None) -> Observation:
    """The observation with the exposure that its light asks for, where no label tells it."""
    exposure = exposure_by_light(observation)
    raw = observation.raw
    stages = max(round(exposure / TDI_STEP_S), 1)
    label = replace(raw.label, exposure_s=stages * TDI_STEP_S, tdi_stages=stages)
    raw = replace(raw, label=label)
    light = calibrate(raw, treatment, sun_distance_km=observation.calibrated.sun_distance_km)
    labels = tuple(label if one.product_id == label.product_id else one for one in observation.labels)
    return replace(observation, raw=raw, calibrated=light, labels=labels)


def exposure_by_light(observation: Observation) -> float:
    """The exposure, s, at which the lit ground is as bright as is to be expected of the body, good to a third.

    Raises LabelError where too little of it is lit.
    """
    body, calibrated = observation.body, observation.calibrated
    # without an exposure calibration takes one of a second
    band = max(calibrated.light, key=lambda b: b is Filter.GREEN)
    values, expected = [], []
    p = observation.pointing
    attitude = p.spin.camera_from_j2000(p.et)
    lines = np.arange(8.5, FRAMELET_LINES, 16.0)
    samples = np.arange(LIT_SAMPLES.start + 16.5, LIT_SAMPLES.stop, 32.0)
    line, sample = (a.ravel() for a in np.meshgrid(lines, samples, indexing="ij"))
    rays = p.camera.ray(band, line, sample)
    at = (line / calibrated.binning).astype(int), (sample / calibrated.binning).astype(int)
    for frame, stack in enumerate(calibrated.light[band]):
        turn = body.body_from_j2000(float(p.et[frame]))
        looks, place = rays @ attitude[frame] @ turn.T, turn @ p.position_km[frame]
        ground = intersect(np.broadcast_to(place, looks.shape), looks, body.radii_km)
        up = ground / np.square(body.radii_km)
        up /= np.linalg.norm(up, axis=-1, keepdims=True)
        back = -looks / np.linalg.norm(looks, axis=-1, keepdims=True)
        sun = turn @ observation.sun
        cos_i, cos_e = up @ sun, np.sum(up * back, axis=-1)
        lit = (cos_i > 0.4) & (cos_e > 0.3) & np.isfinite(stack[at])
        values.append(stack[at][lit])
        expected.append(expected_light(body, cos_i[lit], cos_e[lit], (back @ sun)[lit]))
    seen, wanted = np.concatenate(values), np.concatenate(expected)
    if len(seen) < LEAST_LIT:
        raise LabelError(
            f"{observation.raw.path}: no label tells the exposure, and too little of {body.name} is lit to tell it by: "
            "give --exposure"
        )
    return float(np.median(seen / (wanted * calibrated.dn_per_light[band])))
