"""Where a strip's place, attitude and map come from, by what a command was asked: tables, kernels, maps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from perijove.attitude.basemap import Basemap
from perijove.attitude.given import optics_turn
from perijove.attitude.sampled import SampledAttitude, sampled_attitude
from perijove.bodies import Body
from perijove.cli.geometry_options import GeometryRequest, PointingBy
from perijove.ephemeris.table import POSITION_SIGMA_KM, PositionTable, trajectory_from_table
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PerijoveWarning, PointingError, SpiceError, SpiceGap
from perijove.instrument import Camera
from perijove.io.provenance import Source, file_source
from perijove.io.trajectory_table import read_trajectory_table
from perijove.label import Label
from perijove.observation import Attitude, Flight, body_of

if TYPE_CHECKING:
    from perijove.spice.select import KernelSet

KERNEL_MARGIN_S = 3600.0
"""Kernels that tell of so much time before and after the strips are inputs: fits look beyond the strips' ends."""


def kernel_set(geometry: GeometryRequest) -> KernelSet | None:
    """The kernels that were given, None where none were; SpiceError for what is no kernel.

    Those in transfer form lie unpacked in a folder that goes with the set.
    """
    if not geometry.kernels:
        return None
    from perijove.spice.select import KernelSet

    return KernelSet.find(geometry.kernels)


def table_of(geometry: GeometryRequest) -> PositionTable:
    """The table of positions that was given."""
    assert geometry.trajectory is not None
    return read_trajectory_table(geometry.trajectory, geometry.frame)


def flight_of(geometry: GeometryRequest) -> Flight | None:
    """The source of the trajectory that was asked for, None for labels; PerijoveError for what cannot be read."""
    kernels = kernel_set(geometry)
    if kernels is not None:
        # what was solved from an image is not told to that image again as if it were news
        pieces = partial(_flight_by_kernels, kernels, geometry.pointing is PointingBy.KERNEL)
        return Flight(lambda body, first, last: pieces(body, [(first, last)]), final=False, pieces=pieces)
    if geometry.trajectory is None:
        return None
    table = table_of(geometry)
    sigma = POSITION_SIGMA_KM if geometry.trajectory_sigma_km is None else geometry.trajectory_sigma_km
    return Flight(lambda body, first, last: trajectory_from_table(table, body, first, last, sigma))


def _flight_by_kernels(
    kernels: KernelSet, image: bool, body: Body, stretches: Sequence[tuple[float, float]]
) -> Trajectory | None:
    """The trajectory by kernels, None with a warning where they have a gap."""
    from perijove.spice.read import pieced_trajectory

    try:
        return pieced_trajectory(kernels, body, stretches, image=image)
    except SpiceGap as gap:
        warnings.warn(f"{gap}: the trajectory is found from labels", PerijoveWarning, stacklevel=2)
        return None


def attitude_of(geometry: GeometryRequest) -> Attitude | None:
    """The source of the attitude that was asked for, None for the image alone."""
    kernels = kernel_set(geometry)
    if kernels is None or geometry.pointing is PointingBy.IMAGE:
        return None
    from perijove.spice.read import solved_strip

    refined = geometry.pointing is PointingBy.BOTH
    told: list[str] = []
    find = partial(_attitude_by_kernels, kernels, refined, told)
    return Attitude(find, refined, partial(_start_by_clock, kernels), partial(solved_strip, kernels))


def _start_by_clock(kernels: KernelSet, count: str) -> float | None:
    """The ET at which a clock of our own shows a count, None for the mission's: START_TIME is as good."""
    from perijove.spice.read import spice_clock

    clock = kernels.clock()
    return spice_clock(kernels, count) if clock is not None and clock.origin == "solved" else None


def _attitude_by_kernels(
    kernels: KernelSet, refined: bool, told: list[str], first: float, last: float
) -> SampledAttitude | None:
    """The camera's attitude by kernels, None where the image is to tell it; why is `told` once, as a warning.

    Where the image has the last word it does not lack much without them: then a CK without its clock, or one that
    does not turn, is no failure.
    """
    from perijove.spice.read import attitudes_over

    if not kernels.of_kind("CK") and refined:
        return None
    try:
        found = attitudes_over(kernels, first, last)
        if found.solved and refined:
            names = ", ".join(found.names)
            why = f"{names}: solved from images, which are asked again; --pointing kernel takes it as it is"
        else:
            # NAIF's frames go with NAIF's optics
            turn = np.eye(3) if found.solved else optics_turn(Camera.measured())
            return sampled_attitude(found.et, turn @ found.camera_from_j2000)
    except SpiceGap as gap:
        why = str(gap)
    except (SpiceError, PointingError) as error:
        if not refined:
            raise
        why = str(error)
    if not told:
        told.append(why)
        warnings.warn(f"{why}: the pointing is solved from the image", PerijoveWarning, stacklevel=2)
    return None


def basemap_of(geometry: GeometryRequest, label: Label) -> Basemap | None:
    """The map to whose ground strips are tied, None where none was asked for."""
    if geometry.tie is None:
        return None
    from perijove.io.basemap import read_basemap  # rasterio takes long to import

    return read_basemap(geometry.tie, body_of(label), centre_deg=geometry.tie_centre_deg)


def geometry_sources(geometry: GeometryRequest, first: float, last: float) -> list[Source]:
    """The table of positions, the map, and of the kernels those that cover ET `first` to `last`, in the order of
    loading, as inputs."""
    kernels = kernel_set(geometry)
    covering = () if kernels is None else kernels.covering(first - KERNEL_MARGIN_S, last + KERNEL_MARGIN_S).kernels
    named = [("trajectory", geometry.trajectory), ("basemap", geometry.tie), *(("kernel", k.path) for k in covering)]
    return [file_source(kind, path) for kind, path in named if path is not None]


def geometry_parameters(geometry: GeometryRequest) -> dict[str, object]:
    """What was told of a strip beside its label, for the provenance; only what was."""
    told = {
        "target": geometry.target, "start": geometry.start, "interframe_s": geometry.interframe_s,
        "exposure_s": geometry.exposure_s, "frame": geometry.frame,
        "trajectory_sigma_km": geometry.trajectory_sigma_km, "tie_centre_deg": geometry.tie_centre_deg,
        "pointing": geometry.pointing.value if geometry.kernels else None,
    }  # fmt: skip
    return {"geometry": told} if any(value is not None for value in told.values()) else {}
