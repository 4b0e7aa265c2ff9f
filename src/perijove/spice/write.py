"""SPK and CK files of our own solution: where Juno was and how it turned while strips were taken.

The formats are NAIF's: SPK type 13 ("SPK Required Reading"), whose cubic Hermite pieces are those of `Trajectory`, and
CK type 3 ("CK Required Reading"), which turns at a constant rate from one sample to the next, as a free spinner does.
Both therefore give back the solution itself, not something near it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import UsageError
from perijove.instrument import CUBE_FROM_SPACECRAFT, camera_from_spacecraft
from perijove.spice.clock import Ticks
from perijove.spice.kernel import OUR_TITLE
from perijove.spice.toolkit import toolkit

FloatArray = NDArray[np.float64]

JUNO_ID, SPACECRAFT_FRAME_ID = -61, -61000
MARGIN_S = 60.0
"""The files reach so far beyond a strip's first and last frame: two turns of the spacecraft, no more, for the spin's
error grows with time."""
STEP_S = 1.0
"""At most so much time lies between two samples of attitude."""
_DEGREE = 3
_PAUSE = 3.0


@dataclass(frozen=True)
class Flight:
    """One strip's solution, from `first` to `last` (ET).

    `path_et` (n,), `position_km` and `velocity_km_s` (n, 3) are states in j2000 relative to the body `centre` (NAIF's
    number), joined by cubic Hermite pieces, with the solution's correction in them; they enclose first and last. At
    `turn_et` (k,), between first and last, the camera stood as `camera_from_j2000` (k, 3, 3) and the spacecraft turned
    with `angular_velocity` (k, 3) rad/s in j2000.
    """

    product_id: str
    centre: int
    first: float
    last: float
    path_et: FloatArray
    position_km: FloatArray
    velocity_km_s: FloatArray
    turn_et: FloatArray
    camera_from_j2000: FloatArray
    angular_velocity: FloatArray


def stretches(first: FloatArray, last: FloatArray, margin: float = MARGIN_S) -> FloatArray:
    """From when to when, ET (n, 2), files hold for strips from `first` (n,) to `last` (n,), in the order of time.

    Each reaches `margin` beyond its strip, but no further than a third of the way to its neighbour. Raises UsageError
    for strips that overlap.
    """
    pause = first[1:] - last[:-1]
    if np.any(pause < 0):
        raise UsageError("two strips overlap in time, so that no kernel can hold both: write them one by one")
    room = np.concatenate([[np.inf], pause / _PAUSE, [np.inf]])
    return np.stack([first - np.minimum(margin, room[:-1]), last + np.minimum(margin, room[1:])], axis=-1)


def sample_times(frames: FloatArray, first: float, last: float) -> FloatArray:
    """ET (k,) from `first` to `last` at which to tell the attitude: at all `frames` (m,), and every second or less."""
    marks = np.unique([first, *frames[(frames > first) & (frames < last)], last])
    parts = [np.linspace(a, b, int(np.ceil((b - a) / STEP_S)) + 1)[:-1] for a, b in pairwise(marks)]
    return np.append(np.concatenate(parts), last)


@dataclass(frozen=True)
class States:
    """States that enclose a stretch of a trajectory: `et` (n,), `position_km` and `velocity_km_s` (n, 3)."""

    et: FloatArray
    position_km: FloatArray
    velocity_km_s: FloatArray


def corrected_path(trajectory: Trajectory, correction: FloatArray, first: float, last: float) -> States:
    """The pieces of a trajectory from `first` to `last`, with `correction` (6,) km and km/s at its reference time.

    A correction that grows with time is a straight line, which cubic pieces hold exactly.
    """
    low = max(int(np.searchsorted(trajectory.et, first, side="right")) - 1, 0)
    high = min(int(np.searchsorted(trajectory.et, last, side="left")), len(trajectory.et) - 1)
    which = slice(min(low, high - 1), high + 1)
    et = trajectory.et[which]
    moved = correction[:3] + (et - trajectory.reference_et)[:, None] * correction[3:]
    return States(et, trajectory.position_km[which] + moved, trajectory.velocity_km_s[which] + correction[3:])


def spk_bytes(flights: Sequence[Flight], origin_text: Sequence[str]) -> bytes:
    """An SPK file with Juno's path: a segment of type 13 for every strip, about the centre of its body, in J2000.

    `origin_text` are the lines of its comments, ASCII. Raises UsageError where there is no strip or no spiceypy.
    """

    def fill(spice: ModuleType, handle: int) -> None:
        for f in flights:
            states = np.hstack([f.position_km, f.velocity_km_s])
            spice.spkw13(
                handle, JUNO_ID, f.centre, "J2000", f.first, f.last, f.product_id[:40], _DEGREE,
                len(f.path_et), states, f.path_et,
            )  # fmt: skip

    return _file(flights, origin_text, "bsp", fill)


def ck_bytes(flights: Sequence[Flight], ticks: Ticks, origin_text: Sequence[str]) -> bytes:
    """A CK file with the attitude of JUNO_SPACECRAFT in J2000: a segment of type 3 for every strip.

    With the mounting of NAIF's frame kernel the frame JUNO_JUNOCAM then is the solved camera's. `ticks` is the clock;
    `origin_text` as for `spk_bytes`. Raises UsageError likewise.
    """
    encoded = [ticks(f.turn_et) for f in flights]
    back = camera_by_kernel().T

    def fill(spice: ModuleType, handle: int) -> None:
        for f, tick in zip(flights, encoded, strict=True):
            turned = np.array([spice.m2q(back @ m) for m in f.camera_from_j2000])
            spice.ckw03(
                handle, tick[0], tick[-1], SPACECRAFT_FRAME_ID, "J2000", True, f.product_id[:40], len(tick), tick,
                turned, f.angular_velocity, 1, tick[:1],
            )  # fmt: skip

    return _file(flights, origin_text, "bc", fill)


def camera_by_kernel() -> FloatArray:
    """Rotation (3, 3) from JUNO_SPACECRAFT to JUNO_JUNOCAM as the toolkit reads juno_v12.tf.

    The kernel's cube matrix is rounded to seven digits; the toolkit makes it a rotation by keeping its first row's
    direction, and the plane of the first two (see SHARPR). `instrument.camera_from_spacecraft` takes the nearest
    rotation, 7e-9 rad from it.
    """
    one, two, _ = CUBE_FROM_SPACECRAFT
    x = one / np.linalg.norm(one)
    z = np.cross(x, two)
    z /= np.linalg.norm(z)
    u, _, vt = np.linalg.svd(CUBE_FROM_SPACECRAFT)
    out: FloatArray = camera_from_spacecraft() @ (u @ vt).T @ np.array([x, np.cross(z, x), z])
    return out


def _file(
    flights: Sequence[Flight], origin_text: Sequence[str], suffix: str, fill: Callable[[ModuleType, int], None]
) -> bytes:
    """The bytes of a binary kernel with its comments, filled by a function of the toolkit and the file's handle."""
    if not flights:
        raise UsageError("a kernel needs at least one strip: give a solved one")
    lines = [line.rstrip() or " " for line in origin_text]
    with tempfile.TemporaryDirectory(prefix="perijove-") as folder, toolkit() as spice:
        path = Path(folder) / f"kernel.{suffix}"
        room = sum(len(line) + 1 for line in lines)
        spk = suffix == "bsp"
        handle = (spice.spkopn if spk else spice.ckopn)(str(path), OUR_TITLE, room)
        try:
            spice.dafac(handle, lines)
            fill(spice, handle)
        except BaseException:
            spice.dafcls(handle)
            raise
        (spice.spkcls if spk else spice.ckcls)(handle)
        return path.read_bytes()


__all__ = [
    "Flight",
    "States",
    "camera_by_kernel",
    "ck_bytes",
    "corrected_path",
    "sample_times",
    "spk_bytes",
    "stretches",
]
