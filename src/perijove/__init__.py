"""Perijove: from JunoCam's raw strips to calibrated, geometrically exact colour pictures.

The names below are the public ones; each is imported when it is first used, so that ``import perijove`` costs nothing.
Everything else can be had from the room that it lives in, e.g. ``from perijove.render import render``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perijove.attitude.pointing import Pointing
    from perijove.ephemeris.trajectory import Trajectory
    from perijove.errors import PerijoveError, PerijoveWarning
    from perijove.geometry.view import View
    from perijove.instrument import Camera, Filter
    from perijove.io.finder import OpenedStrip, find_label, open_strip
    from perijove.io.labels import read_label
    from perijove.label import Label
    from perijove.raw import RawImage
    from perijove.render.planes import Planes
    from perijove.swath import Swath

__version__ = "0.1.0"

__all__ = [
    "Camera",
    "Filter",
    "Label",
    "OpenedStrip",
    "PerijoveError",
    "PerijoveWarning",
    "Planes",
    "Pointing",
    "RawImage",
    "Swath",
    "Trajectory",
    "View",
    "__version__",
    "find_label",
    "open_strip",
    "read_label",
]

_HOMES = {
    "Camera": "instrument",
    "Filter": "instrument",
    "Label": "label",
    "OpenedStrip": "io.finder",
    "PerijoveError": "errors",
    "PerijoveWarning": "errors",
    "Planes": "render.planes",
    "Pointing": "attitude.pointing",
    "RawImage": "raw",
    "Swath": "swath",
    "Trajectory": "ephemeris.trajectory",
    "View": "geometry.view",
    "find_label": "io.finder",
    "open_strip": "io.finder",
    "read_label": "io.labels",
}


if not TYPE_CHECKING:  # so that type checkers still find misspelt names

    def __getattr__(name: str) -> object:
        """A public name, imported from its room at first use."""
        if name not in _HOMES:
            raise AttributeError(f"module 'perijove' has no attribute {name!r}")
        value: object = getattr(import_module(f"perijove.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """What the package offers, imported or not."""
    return sorted({*globals(), *__all__})
