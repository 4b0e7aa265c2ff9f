"""Simulated strips for the benches of mosaics: taken, written, solved blind together, and kept for the next time."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from perijove.cli.common import Steps
from perijove.cli.geometry_options import GeometryRequest
from perijove.cli.requests import LightRequest
from perijove.cli.solve import opened_strip, solve_together
from perijove.observation import Observation
from perijove.simulate.scene import Scene
from perijove.simulate.scenes import named_scene
from perijove.simulate.strip import Strip, take


@dataclass(frozen=True)
class Taken:
    """The scene, its exposed strips as simulated (without their photographs), and as solved; in the same order."""

    scene: Scene
    strips: Sequence[Strip]
    observations: Sequence[Observation]


@contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    """The folder to keep, or one that goes away."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def taken_strips(
    name: str, seed: int, keep: Path | None = None, only: Sequence[int] = (), brighter: float = 0.0
) -> Taken:
    """The strips of a named scene, all or those whose shots have the numbers `only`.

    Its stars are made `brighter` by so many magnitudes: in 3 ms only some ten of the true sky's can be seen at all.
    With `keep` what an earlier run left there is taken instead of simulating and solving again.
    """
    scene = named_scene(name, seed)
    if scene.world.stars is not None and brighter:
        stars = replace(scene.world.stars, magnitude=scene.world.stars.magnitude - brighter)
        scene = replace(scene, world=replace(scene.world, stars=stars))
    with folder_for(keep) as folder:
        found = folder / "strips.pkl"
        if not found.exists():
            strips = [exposed_strip(scene, k, folder, only) for k in range(len(scene.shots))]
            found.write_bytes(pickle.dumps([strip for strip in strips if strip is not None], protocol=5))
        strips = pickle.loads(found.read_bytes())
        solved = folder / "solved.pkl"
        if not solved.exists():
            paths = [folder / strip.strip_name for strip in strips]
            solved.write_bytes(pickle.dumps(solved_as_mosaics_are(paths), protocol=5))
        return Taken(scene, strips, pickle.loads(solved.read_bytes()))


def solved_as_mosaics_are(paths: Sequence[Path]) -> list[Observation]:
    """The strips as one problem, with ties between them, in the order of the paths."""
    geometry = GeometryRequest()
    opened = [opened_strip(path, None, geometry, None) for path in paths]
    together = solve_together(opened, Steps(quiet=True), LightRequest(), geometry, None)
    return list(together.observations)


def exposed_strip(scene: Scene, k: int, folder: Path, only: Sequence[int]) -> Strip | None:
    """Take a shot and write its files; None where only its label is made."""
    shot = scene.shots[k]
    if only and shot.number not in only:
        shot = replace(shot, exposed=False)
    strip = take(scene, shot)
    (folder / strip.label_name).write_text(json.dumps(strip.label), encoding="utf-8")
    if strip.exposed is None:
        return None
    cv2.imwrite(str(folder / strip.strip_name), strip.exposed.codes)
    return replace(strip, photograph=None)
