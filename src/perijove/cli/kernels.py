"""Our own solution as SPICE kernels: `perijove solve --write-spk`, `--write-ck`, `--write-sclk`."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from perijove.attitude.exposure import INTERFRAME_SIGMA_S, START_JITTER_S
from perijove.attitude.sampled import SampledAttitude
from perijove.attitude.spin import SpinModel
from perijove.errors import PerijoveWarning, UsageError
from perijove.instrument import INTERFRAME_DELTA_S, START_TIME_BIAS_S, Camera, Filter
from perijove.io.atomic import Staged, check_writable
from perijove.io.provenance import label_source, software, strip_source
from perijove.observation import Observation
from perijove.spice.camera import instrument_text
from perijove.spice.clock import (
    Clock,
    KernelClock,
    Reading,
    Span,
    count_seconds,
    kernel_clock,
    make_clock,
    sclk_text,
)
from perijove.spice.solved import SolvedStrip, moved_covariance, solved_text
from perijove.spice.toolkit import toolkit
from perijove.spice.write import Flight, ck_bytes, corrected_path, sample_times, spk_bytes, stretches
from perijove.timescale import utc_from_et

FloatArray = NDArray[np.float64]

STALE_S = 0.05
"""A kernel's clock that puts a label's count so far from its START_TIME ends before the strip was taken."""
SAME_PX, SAME_S = 0.1, 0.0005
"""Strips whose cameras and times agree so well can share an instrument kernel."""
_HALF_STEP_S = 0.0625
"""A binary fraction: at times of 7e8 s all others would be rounded, by 1e-6 of themselves."""
_STATE = ("x", "y", "z", "vx", "vy", "vz")


def stage_kernels(
    staged: Staged,
    observations: Sequence[Observation],
    ck: Path | None,
    spk: Path | None,
    sclk: Path | None,
    kernels: Sequence[Path] = (),
    ik: Path | None = None,
) -> None:
    """Stage the kernels that are asked for, each with all strips of one pass, or of several.

    The CK counts in the clock that is written along with it; without one, in that of an SCLK kernel of Juno among
    `kernels`. `ik` is for the camera's optics and the corrections of its times. Raises UsageError where there is no
    clock, where strips overlap in time, differ in their cameras, or spiceypy is missing, SpiceError for kernels that do
    not tell Juno's clock.
    """
    if ck is None and spk is None and sclk is None and ik is None:
        return
    strips = sorted(observations, key=lambda o: float(o.pointing.et[0]))
    naif = _naif_clock(ck, sclk, kernels)
    flights = flights_of(strips)
    own = own_clock(strips, flights)
    clock: Clock | KernelClock = naif or own
    if naif is not None:
        _warn_of_stale(strips, naif)
    origin = origin_text(strips, clock)
    if spk is not None:
        staged.add(spk, spk_bytes(flights, [*_SPK_TEXT, *origin]))
    if ck is not None:
        staged.add(ck, ck_bytes(flights, clock.ticks, [*_CK_TEXT, *_clock_text(clock), *origin]))
    if sclk is not None:
        staged.add(sclk, sclk_text(own, [*_SCLK_TEXT, *_clock_text(own), *origin]).encode("ascii"))
    if ik is not None:
        staged.add(ik, camera_text(strips, naif, [*_IK_TEXT, *origin]).encode("ascii"))


def check_kernels(
    ck: Path | None, spk: Path | None, sclk: Path | None, kernels: Sequence[Path] = (), ik: Path | None = None
) -> None:
    """Refuse what `stage_kernels` would refuse in the end, before the work begins.

    Raises OutputError for a file that cannot be written, UsageError where a CK has no clock or spiceypy is missing.
    """
    for path in (ck, spk, sclk, ik):
        if path is not None:
            check_writable(path)
    _naif_clock(ck, sclk, kernels)
    if ck is not None or spk is not None:
        with toolkit():
            pass


def _naif_clock(ck: Path | None, sclk: Path | None, kernels: Sequence[Path]) -> KernelClock | None:
    """The clock among a user's kernels, None where our own is written. Raises UsageError where a CK has neither."""
    naif = kernel_clock(kernels) if sclk is None else None
    if ck is not None and sclk is None and naif is None:
        raise UsageError(
            f"{ck}: a CK needs the spacecraft's clock: let --write-sclk CLOCK.tsc write one along with it, or give an "
            "SCLK kernel of Juno with --kernels"
        )
    return naif


def flights_of(strips: Sequence[Observation]) -> list[Flight]:
    """What kernels hold of solved strips, which come in the order of time."""
    frames = [o.pointing.et for o in strips]
    limits = stretches(np.array([et[0] for et in frames]), np.array([et[-1] for et in frames]))
    return [_flight(o, float(first), float(last)) for o, (first, last) in zip(strips, limits, strict=True)]


def _flight(observation: Observation, first: float, last: float) -> Flight:
    """One strip from `first` to `last`, or as far as its trajectory goes."""
    p, trajectory = observation.pointing, observation.trajectory
    first, last = max(first, float(trajectory.et[0])), min(last, float(trajectory.et[-1]))
    path = corrected_path(trajectory, np.array([p.parameters.get(name, 0.0) for name in _STATE]), first, last)
    # an attitude that is known at samples turns evenly between them, as that of the file does
    marks = p.et if isinstance(p.spin, SpinModel) else np.union1d(p.et, p.spin.et)
    turn_et = sample_times(marks, first, last)
    return Flight(
        product_id=p.product_id,
        centre=observation.body.naif_id,
        first=first,
        last=last,
        path_et=path.et,
        position_km=path.position_km,
        velocity_km_s=path.velocity_km_s,
        turn_et=turn_et,
        camera_from_j2000=p.spin.camera_from_j2000(turn_et),
        angular_velocity=_angular_velocity(p.spin, turn_et),
    )


def _angular_velocity(spin: SpinModel | SampledAttitude, et: FloatArray) -> FloatArray:
    """Angular velocity (n, 3) rad/s in j2000 at ET (n,): a free spinner's, else by the turn over 0.125 s."""
    if isinstance(spin, SpinModel):
        return np.tile(spin.rate * spin.axis, (len(et), 1))
    before, after = (spin.camera_from_j2000(et + step) for step in (-_HALF_STEP_S, _HALF_STEP_S))
    turn = Rotation.from_matrix(np.swapaxes(after, 1, 2) @ before).as_rotvec()
    out: FloatArray = turn / (2.0 * _HALF_STEP_S)
    return out


def own_clock(strips: Sequence[Observation], flights: Sequence[Flight]) -> Clock:
    """The spacecraft's clock by the labels' counts; nominal where they have none.

    Each strip's own count is tied to its start as it was solved, so that a program that takes the time from the count
    (ISIS does) comes to the solved one. Between the strips the clock follows all labels of the pass.
    """
    spans = [Span(f.first, f.last, _solved_reading(o)) for o, f in zip(strips, flights, strict=True)]
    own = {o.raw.label.product_id for o in strips}
    others = {label.product_id: label for o in strips for label in o.labels if label.product_id not in own}
    counts = [(count_seconds(label.clock_start), label.start_et) for label in others.values()]
    return make_clock(spans, [Reading(count, et) for count, et in counts if count is not None])


def _solved_reading(observation: Observation) -> Reading | None:
    """A strip's count with the START_TIME that the solution would have had in the label."""
    count = count_seconds(observation.raw.label.clock_start)
    return None if count is None else Reading(count, solved_start(observation))


def solved_start(observation: Observation) -> float:
    """ET of START_TIME as it was solved: before the instrument kernel's bias and the first half exposure."""
    exposure = observation.raw.label.exposure_s or 0.0
    return float(observation.pointing.et[0]) - exposure / 2.0 - START_TIME_BIAS_S


def camera_text(strips: Sequence[Observation], naif: KernelClock | None, text: Sequence[str]) -> str:
    """The instrument kernel of solved strips. Raises UsageError where one cannot hold for all of them."""
    cameras: dict[Filter, Camera] = {}
    for o in strips:
        for band in o.calibrated.light:
            found = cameras.setdefault(band, o.pointing.camera)
            moved = np.subtract(found.centre(band), o.pointing.camera.centre(band))
            if np.abs(moved).max() > SAME_PX:
                raise UsageError(
                    f"{o.pointing.product_id}: its camera differs by {np.abs(moved).max():.2f} px from that of the "
                    "strips before (another exposure, or another part of the pass), and one instrument kernel cannot "
                    "hold both: solve and write them one by one"
                )
    bias, delta = [_start_bias(o, naif) for o in strips], [_interframe_delta(o) for o in strips]
    drift = float(np.ptp(delta)) * max(len(o.pointing.et) for o in strips)
    if np.ptp(bias) > SAME_S or drift > SAME_S:
        raise UsageError(
            "the strips' times are corrected differently, and one instrument kernel cannot hold that: solve and write "
            "them one by one"
        )
    return instrument_text(cameras, float(np.mean(bias)), float(np.mean(delta)), text)


def _start_bias(observation: Observation, naif: KernelClock | None) -> float:
    """What is to be added to the count's ET, s: the instrument kernel's own number where the clock is ours."""
    count = observation.raw.label.clock_start
    if naif is None or count is None:
        return START_TIME_BIAS_S
    return solved_start(observation) + START_TIME_BIAS_S - naif.at(count)


def _interframe_delta(observation: Observation) -> float:
    """What is to be added to the label's INTERFRAME_DELAY, s."""
    et, delay = observation.pointing.et, observation.raw.label.interframe_delay_s
    if len(et) < 2 or delay is None:
        return INTERFRAME_DELTA_S
    return float(et[-1] - et[0]) / (len(et) - 1) - delay


def _warn_of_stale(strips: Sequence[Observation], clock: KernelClock) -> None:
    """Warn where a kernel's clock does not agree with a label's."""
    for o in strips:
        label = o.raw.label
        if label.clock_start is None:
            continue
        off = clock.at(label.clock_start) - label.start_et
        if abs(off) > STALE_S:
            warnings.warn(
                f"{clock.name}: by this clock {label.product_id} begins {off:+.2f} s "
                "from its START_TIME, so it is too old for it; the CK fits this clock and no other: let --write-sclk "
                "write one that has the solved times",
                PerijoveWarning,
                stacklevel=2,
            )
            return


_HEAD = (
    "Written by Perijove from JunoCam's own pictures. Not a product of NAIF, nor",
    "of the Juno project.",
    "",
)
_SPK_TEXT = (
    *_HEAD,
    "Juno (-61) about the centre of the body that was photographed (Jupiter is 599,",
    "not its barycentre 5), J2000, geometric; type 13, degree 3: the cubic Hermite",
    "pieces of the solution itself. A program that wants a chain to the solar",
    "system's barycentre needs NAIF's planets and Jovian moons too (deNNN, jupNNN).",
    "It is an orbit through the positions in the labels, moved by what the limb in",
    "the pictures says; each segment holds for its strip alone, and neighbouring",
    "ones may stand apart by their errors.",
    "",
)
_CK_TEXT = (
    *_HEAD,
    "Attitude of JUNO_SPACECRAFT (-61000) in J2000 with angular velocity, type 3.",
    "It is such that with the mounting in NAIF's frame kernel (juno_v12.tf) the",
    "frame JUNO_JUNOCAM is the camera's as solved. The camera stands off that",
    "mounting by a twist and a tilt; they are folded into the attitude of the",
    "spacecraft, which is right for JunoCam, and off by them for all else on board.",
    "Aberration is no part of it: ask for light time and aberration (LT+S).",
    "",
)
_SCLK_TEXT = (
    *_HEAD,
    "Juno's standard clock (-61), for the CK of the same solution, and in place of",
    "NAIF's SCLK kernel, not with it.",
    "",
)
_IK_TEXT = (
    *_HEAD,
    "JunoCam's optics and times as solved, to be loaded after NAIF's instrument",
    "kernel (juno_junocam_v03.ti) and ISIS's addendum to it, whose values these",
    "replace. DISTORTION_X and _Y are NAIF's: pixel centres lie at halves.",
    "FILTER_OFFSET and BORESIGHT_* are ISIS's, whose pixel centres are whole numbers;",
    "it has one sample and one focal length for all filters (green's), and its own",
    "addendum stands half a pixel off.",
    "",
)
_READ_CLOCK = (
    "The clock is by SPACECRAFT_CLOCK_START_COUNT in the labels. The count of each strip is tied to its start as it "
    "was solved, START_TIME with the offset below, so that a program that takes the time from the count comes to the "
    f"solved time when it adds the instrument kernel's START_TIME_BIAS, {START_TIME_BIAS_S} s. While a strip is taken "
    "the clock's rate is 1; between the strips it follows all labels of the pass."
)
_NOMINAL_CLOCK = (
    "The labels have no SPACECRAFT_CLOCK_START_COUNT: this clock is nominal, made from ET, and good to a second or so. "
    "It goes with the CK of the same solution and tells nothing of Juno's true clock."
)


def _clock_text(clock: Clock | KernelClock) -> list[str]:
    """What the clock of these files is."""
    if isinstance(clock, KernelClock):
        return [*_wrapped(f"The clock is that of {clock.name}: load it, and no other."), ""]
    text = _READ_CLOCK if clock.read else _NOMINAL_CLOCK
    return [*_wrapped(text), ""]


def origin_text(strips: Sequence[Observation], clock: Clock | KernelClock) -> list[str]:
    """Where a solution comes from and how good it is, strip by strip: lines of ASCII, 80 characters at most."""
    lines = [f"Software: {software()}", "Times are ET (TDB), UTC beside them; angles in degrees.", ""]
    for o in strips:
        lines += [*_strip_text(o, clock), ""]
    labels = {label.product_id: label for o in strips for label in o.labels}
    lines += ["Labels behind the trajectory, with SHA-256:"]
    for label in labels.values():
        source = label_source(label)
        lines += [f"  {source.product_id} {source.name}", f"    {source.sha256 or 'inside an archive'}"]
    # names of files may hold anything, comments take printing ASCII
    return ["".join(c if c.isascii() and c.isprintable() else "?" for c in line) for line in lines]


def _strip_text(o: Observation, clock: Clock | KernelClock) -> list[str]:
    """What is to be said of one strip."""
    p, label, trajectory = o.pointing, o.raw.label, o.trajectory
    named = [p.parameters.get(name, 0.0) for name in _STATE]
    axis_ra = np.degrees(p.spin.ra) % 360.0
    source = strip_source(o.raw)
    lines = [
        f"{p.product_id}: {o.body.name}",
        f"  strip: {source.name}",
        f"    SHA-256 {source.sha256}",
        f"  first mid-exposure: {p.et[0]:.6f}, {utc_from_et(float(p.et[0]))}",
        f"  last mid-exposure:  {p.et[-1]:.6f}, {utc_from_et(float(p.et[-1]))}",
        f"  START_TIME: {label.start_utc}; solved offset {p.start_offset_s:+.6f} s",
        f"  INTERFRAME_DELTA: {_interframe_delta(o):.7f} s, to be added to INTERFRAME_DELAY",
        f"  spin axis (J2000): {axis_ra:.5f}, {np.degrees(p.spin.dec):.5f}; period {p.spin.period_s:.6f} s",
        f"  twist, tilt of the camera: {np.degrees(p.spin.twist):.5f}, {np.degrees(p.spin.tilt):.5f}",
        f"  trajectory: {trajectory.source}, corrected by",
        f"    {named[0]:+.3f} {named[1]:+.3f} {named[2]:+.3f} km,",
        f"    {named[3]:+.6f} {named[4]:+.6f} {named[5]:+.6f} km/s at {trajectory.reference_et:.3f}",
        f"  limb {p.limb_rms_px:.2f} px rms; one sigma of a place on the disc {p.sigma_px:.2f} px",
        *_wrapped(f"  {p.verdict}"),
        *solved_text(_worth(o)),
    ]
    if isinstance(clock, KernelClock) and label.clock_start is not None:
        lines.insert(6, f"  START_TIME_BIAS: {_start_bias(o, clock):.6f} s, to be added to the count's ET")
    return lines


def _worth(o: Observation) -> SolvedStrip:
    """What is read back of a strip with its kernels, beside place and attitude."""
    p, trajectory = o.pointing, o.trajectory
    middle = 0.5 * float(p.et[0] + p.et[-1])
    names = list(p.parameters)
    found = trajectory.covariance
    if len(p.covariance) == len(names) and set(_STATE) <= set(names):
        state = [names.index(name) for name in _STATE]
        found = p.covariance[np.ix_(state, state)]
    label = o.raw.label
    return SolvedStrip(
        product_id=p.product_id,
        first=float(p.et[0]),
        last=float(p.et[-1]),
        frames=len(p.et),
        start_sigma_s=p.sigmas.get("offset", label.start_sigma_s or START_JITTER_S),
        step_sigma_s=p.sigmas.get("interframe", label.interframe_sigma_s or INTERFRAME_SIGMA_S),
        sigma_px=p.sigma_px,
        unseen_km=trajectory.unseen_km,
        optics={band.value: (*p.camera.centre(band), p.camera.scale.get(band, 1.0)) for band in o.calibrated.light},
        found=moved_covariance(found, middle - trajectory.reference_et),
        before=moved_covariance(trajectory.covariance, middle - trajectory.reference_et),
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 78, subsequent_indent="  " if text.startswith(" ") else "")
