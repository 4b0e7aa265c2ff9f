"""Names that files may be given: what comes from an archive or an address is never trusted as a path."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

MAX_PART = 120
"""The longest name of a file or folder in the cache; file systems end at 255 bytes, temporary names need some."""
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_STRANGE = re.compile(r"[^A-Za-z0-9._+-]+")
# Windows takes these for devices in every folder, whatever the suffix
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE | re.DOTALL)


def is_device(part: str) -> bool:
    """Whether some system takes the name of a file for a device."""
    return _DEVICE.fullmatch(part) is not None


def is_plain(name: str) -> bool:
    """Whether a relative path ("mission/1.zip") has only parts that are harmless names on every system."""
    return 0 < len(name) <= 4 * MAX_PART and all(_is_plain_part(part) for part in name.split("/"))


def _is_plain_part(part: str) -> bool:
    harmless = _PLAIN.fullmatch(part) is not None and not part.endswith(".") and not is_device(part)
    return harmless and len(part) <= MAX_PART


def safe_name(*parts: str) -> str:
    """A relative path for the cache made of any words ("mission", "a/../b.zip"): one folder or file for each.

    What could leave the cache, hide, or trouble a file system is replaced, and a hash is added where it was, so that
    different words stay different.
    """
    return "/".join(part if _is_plain_part(part) else _tamed(part) for part in parts)


def _tamed(part: str) -> str:
    mark = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    harmless = _STRANGE.sub("_", part).strip("._+-") or "file"
    suffix = PurePosixPath(harmless).suffix[:12]
    stem = harmless[: len(harmless) - len(suffix)] if suffix else harmless
    if is_device(stem):
        stem = f"_{stem}"
    return f"{stem[:80]}-{mark}{suffix}"
