"""Meta-kernels: text files that name other kernels, with symbols for the folders they lie in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from perijove.errors import SpiceError
from perijove.spice.kernel import Kernel
from perijove.spice.toolkit import toolkit

_NAMES, _SYMBOLS, _VALUES = "KERNELS_TO_LOAD", "PATH_SYMBOLS", "PATH_VALUES"


def is_meta(kernel: Kernel) -> bool:
    """Whether SPICE would load other kernels with this one: any text kernel can name some."""
    if kernel.kind == "MK":
        return True
    if kernel.segments or kernel.kind in ("SPK", "CK", "OTHER") or _NAMES.encode() not in kernel.path.read_bytes():
        return False
    with toolkit() as spice:
        spice.ldpool(str(kernel.path))
        return bool(_texts(spice, _NAMES))


def named_in(path: Path) -> list[Path]:
    """The files that a meta-kernel names, in its order: as seen from its own folder, else from the current one.

    Raises SpiceError for symbols without values and for files that are not there.
    """
    try:
        with toolkit() as spice:
            spice.ldpool(str(path))
            names, symbols, values = (_texts(spice, name) for name in (_NAMES, _SYMBOLS, _VALUES))
    except SpiceError as error:
        raise SpiceError(f"{path}: cannot be read as a meta-kernel ({error})") from error
    if len(symbols) != len(values):
        raise SpiceError(f"{path}: {len(symbols)} PATH_SYMBOLS for {len(values)} PATH_VALUES; complete them")
    return [_place(path, name, dict(zip(symbols, values, strict=True))) for name in names]


def _texts(spice: ModuleType, name: str) -> list[str]:
    """The strings of one variable; those that are continued with + come as one."""
    return list(_each(spice, name))


def _each(spice: ModuleType, name: str) -> Iterator[str]:
    with spice.no_found_check():
        number = 0
        while True:
            text, _, found = spice.stpool(name, number, "+", 1024)
            if not found:
                return
            yield text.strip()
            number += 1


def _place(meta: Path, name: str, symbols: dict[str, str]) -> Path:
    # the longest symbol first: $PATH is the beginning of $PATHS too
    for symbol in sorted(symbols, key=len, reverse=True):
        name = name.replace(f"${symbol}", symbols[symbol])
    if "$" in name:
        raise SpiceError(f"{meta}: {name} has a symbol that PATH_SYMBOLS does not list; add it")
    for place in (meta.parent / name, Path(name)):
        if place.is_file():
            return place
    raise SpiceError(
        f"{meta}: names {name}, which is neither in its own folder {meta.parent.absolute()} nor in the current one; "
        "download it, correct PATH_VALUES, or take the line out"
    )


__all__ = ["is_meta", "named_in"]
