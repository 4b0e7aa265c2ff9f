"""What kernels of our own say of themselves in their comments, so that a solution is read back for what it was worth.

SPK and CK have no room for errors, for the moments of exposures, or for the camera. The block of a strip reads

    SOLVED JNCE_2022229_44C00029_V01
    TIMES 714014238.838000000 714014249.838000000 30
    SIGMAS 1.2e-03 2.0e-05 4.2e-01 0.0e+00
    OPTICS GREEN -154.480000 814.210000 1.000000000
    FOUND ... (12 lines)
    BEFORE ... (12 lines)

with the first and the last mid-exposure (ET) and the number of frames; one sigma of the start (s), of the step between
frames (s), of a place on the disc (px), and what the place has beside its covariance (km); by filter the optical centre
(line, sample) and the factor on the focal length; and the state's covariance (km, km/s) at the middle of the strip, row
by row, three numbers a line, as it was found and as it was known before the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_LONGEST_NAME = 60
_WORDS = ("TIMES", "SIGMAS", "OPTICS", "FOUND", "BEFORE")
_BLOCK = re.compile(rf"^ *SOLVED (?P<name>.*)\n(?P<body>(?: *(?:{'|'.join(_WORDS)}) .*(?:\n|\Z))*)", re.MULTILINE)


@dataclass(frozen=True)
class SolvedStrip:
    """One strip's solution: `first` and `last` mid-exposure (ET) of `frames`, and what they are worth.

    `start_sigma_s`, `step_sigma_s`, `sigma_px` and `unseen_km` are one sigma of the first time, of the step between
    frames, of a place on the disc, and of the spacecraft's place beside its covariance. `optics` maps a filter's name
    to its optical centre (line, sample) and the factor on its focal length. `found` and `before` (6, 6) km, km/s are
    the state's covariance at the middle of the strip with and without the image.
    """

    product_id: str
    first: float
    last: float
    frames: int
    start_sigma_s: float
    step_sigma_s: float
    sigma_px: float
    unseen_km: float
    optics: Mapping[str, tuple[float, float, float]]
    found: FloatArray
    before: FloatArray

    @property
    def middle(self) -> float:
        """ET of the middle of the strip."""
        return 0.5 * (self.first + self.last)

    def is_of(self, product_id: str, frames: int) -> bool:
        """Whether it is the solution of a product with so many frames."""
        return self.product_id == _plain(product_id) and self.frames == frames

    def covariance(self, et: float, *, image: bool) -> FloatArray:
        """Covariance (6, 6) of the state at ET, with what the `image` told or as it was before."""
        return moved_covariance(self.found if image else self.before, et - self.middle)


def moved_covariance(covariance: FloatArray, seconds: float) -> FloatArray:
    """The covariance (6, 6) of a state so much later, its error going on in a straight line."""
    onward = np.eye(6)
    onward[:3, 3:] = seconds * np.eye(3)
    out: FloatArray = onward @ covariance @ onward.T
    return out


def solved_text(strip: SolvedStrip) -> list[str]:
    """The block of one strip, lines of ASCII of 80 characters at most."""
    sigmas = (strip.start_sigma_s, strip.step_sigma_s, strip.sigma_px, strip.unseen_km)
    return [
        f"  SOLVED {_plain(strip.product_id)}",
        f"  TIMES {strip.first:.9f} {strip.last:.9f} {strip.frames}",
        "  SIGMAS " + " ".join(f"{value:.6e}" for value in sigmas),
        *(
            f"  OPTICS {band} {line:.6f} {sample:.6f} {scale:.9f}"
            for band, (line, sample, scale) in strip.optics.items()
        ),
        *(f"  FOUND {_row(row)}" for row in strip.found.reshape(-1, 3)),
        *(f"  BEFORE {_row(row)}" for row in strip.before.reshape(-1, 3)),
    ]


def solved_strips(comments: str) -> tuple[SolvedStrip, ...]:
    """The strips that comments tell of; blocks that someone has changed beyond sense are passed over."""
    return tuple(_strips(comments))


def nearest(strips: tuple[SolvedStrip, ...], et: float) -> SolvedStrip | None:
    """The strip whose middle is nearest to a time, None where there is none."""
    return min(strips, key=lambda strip: abs(strip.middle - et), default=None)


def _strips(comments: str) -> Iterator[SolvedStrip]:
    for block in _BLOCK.finditer(comments):
        rows: dict[str, list[list[str]]] = {word: [] for word in _WORDS}
        for line in block["body"].splitlines():
            word, *values = line.split()
            rows[word].append(values)
        try:
            strip = _strip(block["name"].strip(), rows)
        except (ValueError, IndexError):
            continue
        if _sound(strip):
            yield strip


def _strip(name: str, rows: Mapping[str, list[list[str]]]) -> SolvedStrip:
    (first, last, frames), sigmas = rows["TIMES"][0], [float(x) for x in rows["SIGMAS"][0]]
    start, step, pixels, unseen = sigmas
    optics = {band: (float(line), float(sample), float(scale)) for band, line, sample, scale in rows["OPTICS"]}
    found, before = (np.array(rows[word], dtype=float).reshape(6, 6) for word in ("FOUND", "BEFORE"))
    return SolvedStrip(name, float(first), float(last), int(frames), start, step, pixels, unseen, optics, found, before)


def _sound(strip: SolvedStrip) -> bool:
    """Whether the numbers can be what they say."""
    if strip.frames < 1 or strip.last < strip.first:
        return False
    sigmas = [strip.start_sigma_s, strip.step_sigma_s, strip.sigma_px, strip.unseen_km]
    variances = np.concatenate([np.square(sigmas), np.diag(strip.found), np.diag(strip.before)])
    optics = np.array([*strip.optics.values(), (0.0, 0.0, 1.0)])
    whole = np.isfinite([strip.first, strip.last, *variances, *sigmas, *optics.ravel()]).all()
    return bool(whole and (variances >= 0).all() and min(sigmas) >= 0 and (np.abs(optics[:, 2] - 1.0) < 0.5).all())


def _row(values: FloatArray) -> str:
    return " ".join(f"{value:.12e}" for value in values)


def _plain(name: str) -> str:
    """A name as comments can hold it."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in name)[:_LONGEST_NAME].strip()


__all__ = ["SolvedStrip", "moved_covariance", "nearest", "solved_strips", "solved_text"]
