"""Which body a strip shows, told by its limb: the one whose disc, as large as it must be, most of the limb lies on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perijove.attitude.exposure import Exposure
from perijove.attitude.measure import candidate_points, shading
from perijove.attitude.problem import Unknowns
from perijove.attitude.search import Scene, first_guess
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, Camera

LEAST_LEAD = 1.5
"""The body found has so many times the points of the next best, or it might be either."""


@dataclass(frozen=True)
class Likeness:
    """How many limb points of a strip agree with a body's disc; `name` is the body's."""

    name: str
    points: int


def likenesses(exposure: Exposure, scenes: Sequence[Scene], camera: Camera) -> list[Likeness]:
    """How well each scene's body is seen in a strip, the best first; bodies without a limb are left out."""
    points = candidate_points(exposure, camera)
    found = []
    for scene in scenes:

        def shaded(at: Unknowns, scene: Scene = scene) -> float:
            return shading(exposure, at, scene, camera)

        guess = first_guess(points, scene, MOUNTING_TWIST, MOUNTING_TILT, shaded)
        if guess is not None:
            found.append(Likeness(scene.body.name, guess.agree))
    return sorted(found, key=lambda one: -one.points)
