"""From swaths to planes: inverse mapping of a strip into any view, by compiled kernels."""

from perijove.render.engine import INTERPOLATIONS, Prepared, prepare, render
from perijove.render.planes import Planes
from perijove.render.survey import coverage

__all__ = ["INTERPOLATIONS", "Planes", "Prepared", "coverage", "prepare", "render"]
