"""What one file is among SPICE's kernels, told by its first bytes, whatever its name ends in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perijove.errors import SpiceError
from perijove.spice.daf import Daf, read_daf
from perijove.spice.solved import SolvedStrip, solved_strips
from perijove.spice.transfer import FIRST_WORD, decode

JUNO, SPACECRAFT, CAMERA = -61, -61000, -61500
"""NAIF's numbers of Juno, of the frame that its attitude is told in, and of JunoCam."""
OUR_TITLE = "Perijove, solved from JunoCam images"
"""The internal name of SPK and CK files of our own, which stays where comments are taken out."""
_HEAD = 1 << 16
_TEXT_KINDS = {"LSK", "PCK", "FK", "IK", "SCLK", "MK", "SPK", "CK"}
_OTHERS = (b"DAS/", b"DASETF", b"DAF/", b"NAIF/DAS")
# what tells the kind of a text kernel that has no first word
_CONTENT = (
    ("MK", "KERNELS_TO_LOAD"),
    ("LSK", "DELTET/"),
    ("SCLK", "SCLK_DATA_TYPE"),
    ("FK", "FRAME_"),
    ("IK", "INS-"),
    ("PCK", "BODY"),
)
_RECONSTRUCTED = {"rec", "recon", "reconstructed"}
_PREDICTED = {"pre", "pred", "predict", "predicted", "plan", "planned", "ref", "nom", "nominal"}

# in words, or by the names of the kernels that it was cut from
_COMMENTS = (
    ("reconstructed", re.compile(r"reconstruct|_rec_\d")),
    ("predicted", re.compile(r"predict|_pred?_\d")),
)


@dataclass(frozen=True)
class Segment:
    """What one segment of an SPK or CK is about: a body or frame, from `start` to `stop` (ET; ticks in a CK)."""

    target: int
    centre: int
    start: float
    stop: float


@dataclass(frozen=True)
class Kernel:
    """One file: `path` as it was given, `binary` what SPICE loads (decoded where that was in transfer form).

    `kind` is LSK, PCK, FK, IK, SCLK, SPK, CK, MK, or OTHER for kernels that Juno's geometry needs not. `origin` is
    'reconstructed', 'predicted', 'solved' (by Perijove), or '' where neither name nor comments tell. `reach` is where
    the table of a clock or of leap seconds ends, in its own unit; `leaps` whether a clock cannot do without the latter.
    `solved` is what a kernel of our own tells of its strips.
    """

    path: Path
    binary: Path
    kind: str
    origin: str = ""
    segments: tuple[Segment, ...] = ()
    reach: float = -math.inf
    leaps: bool = True
    solved: tuple[SolvedStrip, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def recognise(path: Path, place: Callable[[Path], Path]) -> Kernel | None:
    """The kernel that a file is, None where it is none.

    `place` gives the name under which what stands in transfer form is to be decoded. Raises SpiceError where the file
    cannot be read or is a damaged kernel.
    """
    head = _first_bytes(path)
    if head.startswith(FIRST_WORD):
        binary = place(path)
        decode(path, binary)
        return _from_daf(path, binary)
    if head.startswith((b"DAF/SPK", b"DAF/CK", b"DAF/PCK", b"NAIF/DAF")):
        return _from_daf(path, path)
    if head.startswith(_OTHERS):
        return Kernel(path, path, "OTHER")
    if head.startswith(b"KPL/"):
        kind = head[4:64].split()[0].decode("latin-1") if head[4:64].split() else ""
        return Kernel(path, path, kind if kind in _TEXT_KINDS else "OTHER", _ours(head.decode("latin-1")))
    if b"\\begindata" in head and b"\0" not in head:
        data = head.decode("latin-1").split("\\begindata", 1)[1]
        return Kernel(path, path, next((kind for kind, word in _CONTENT if word in data), "OTHER"))
    return None


def _first_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise SpiceError(f"{path}: {'no file' if path.exists() else 'no such file'}; check the name")
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise SpiceError(f"{path}: cannot be read ({error.strerror}); check the name and the permissions") from error


def _from_daf(path: Path, binary: Path) -> Kernel:
    try:
        daf = read_daf(binary)
    except SpiceError as error:
        raise SpiceError(str(error).replace(str(binary), str(path))) from error
    shape = 1 if daf.kind == "SPK" else 0
    segments = tuple(
        Segment(a.integers[0], a.integers[shape], float(a.doubles[0]), float(a.doubles[1])) for a in daf.arrays
    )
    origin = _origin(path, daf)
    return Kernel(
        path, binary, daf.kind, origin, segments, solved=solved_strips(daf.comments) if origin == "solved" else ()
    )


def _ours(comments: str) -> str:
    """'solved' where comments say that Perijove wrote the file, else ''."""
    return "solved" if "written by perijove" in comments.lower() else ""


def _origin(path: Path, daf: Daf) -> str:
    """Whether a kernel tells what was or what was to be: our own by its comments, others by name, else comments."""
    if _ours(daf.comments) or daf.title.startswith(OUR_TITLE):
        return "solved"
    for text in (path.stem.lower(), daf.title.lower()):
        words = set(re.split(r"[^a-z]+", text))
        if words & _RECONSTRUCTED:
            return "reconstructed"
        if words & _PREDICTED:
            return "predicted"
    said = [name for name, words in _COMMENTS if words.search(daf.comments.lower())]
    return said[0] if len(said) == 1 else ""


__all__ = ["CAMERA", "JUNO", "SPACECRAFT", "Kernel", "Segment", "recognise"]
