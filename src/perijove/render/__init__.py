"""From swaths to planes: inverse mapping of a strip into any view, by compiled kernels."""

from perijove.render.engine import INTERPOLATIONS, coverage, render
from perijove.render.planes import Planes

__all__ = ["INTERPOLATIONS", "Planes", "coverage", "render"]
