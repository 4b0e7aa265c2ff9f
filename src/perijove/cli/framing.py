"""Where one stands to look at a strip, and the view that is framed from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.cli.requests import PictureRequest, Station, Up
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.errors import StripError, UsageError
from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.geometry.view import View, check_outside, chosen_points, disc_middle, native_scale, spacecraft_view
from perijove.geometry.viewpoint import (
    CAMERA_HORIZON,
    below,
    camera_km_per_px,
    cos_emission,
    ground_scale,
    point_above,
    scale_of_any,
    shown_middle,
)
from perijove.instrument import Filter
from perijove.observation import Observation
from perijove.render.survey import coverage
from perijove.swath import Swath
from perijove.timescale import utc_from_et

FloatArray = NDArray[np.float64]

TWILIGHT = float(np.sin(np.radians(15.0)))
"""Where night is to be seen, how far below the horizon the Sun may stand: haze glows beyond the cusps of a crescent."""
MAX_AWAY_S = 43200.0
"""How far in time from an image Earth and Sun may be taken: Jupiter has turned more than once, and its clouds drifted
by some thousand km."""


@dataclass(frozen=True)
class Standing:
    """A viewpoint: its `name` in words, the time `et` that fixes the frame b0 of the picture, `position_km` (3,) in b0.

    `sun` (3,) is the unit vector in b0 to where the Sun stood over the body when the light was taken, `sun_j2000` the
    same in j2000 at `et`. `own` tells whether it is the camera's place during the strip; else `horizon` is the cosine
    of emission at the camera from which ground is shown.
    """

    name: str
    et: float
    position_km: FloatArray
    sun: FloatArray
    sun_j2000: FloatArray
    own: bool

    @property
    def horizon(self) -> float | None:
        """What `render` is to take as the camera's horizon."""
        return None if self.own else CAMERA_HORIZON


def stand(observation: Observation, request: PictureRequest) -> Standing:
    """Where the request wants to look from. Raises UsageError for a time too far off and a place inside the body."""
    body, station = observation.body, request.viewpoint
    middle, span = observation.middle_et, observation.pointing.et
    et = middle if request.at_et is None else request.at_et
    own = station is Station.SPACECRAFT and float(span[0]) <= et <= float(span[-1])
    turn = body.body_from_j2000(et)
    sun = observation.middle_sun
    if not isinstance(station, Station):
        latitude, longitude, km = station
        name = f"{latitude:g}, {longitude:g} deg (east) at {km:g} km"
        position = point_above(body, float(np.radians(latitude)), float(np.radians(longitude)), km)
    elif station is Station.SPACECRAFT:
        name = "the spacecraft"
        position = observation.middle_position if request.at_et is None else turn @ _flown(observation, et)
    else:
        if not abs(et - middle) <= MAX_AWAY_S:
            raise UsageError(
                f"--at {utc_from_et(et)} lies more than {MAX_AWAY_S / 3600:g} hours from the image, taken at "
                f"{utc_from_et(middle)}: give a time nearer to it"
            )
        name = "the Earth" if station is Station.EARTH else "the Sun"
        position = turn @ (apparent_earth if station is Station.EARTH else apparent_sun)(et, body)
    check_outside(position, body)
    return Standing(name, et, position, sun, sun @ turn, own)


def _flown(observation: Observation, et: float) -> FloatArray:
    """Position (3,) km in j2000 of the spacecraft at a time; UsageError outside the span of its trajectory."""
    trajectory = observation.trajectory
    position = trajectory.position(et)
    if not np.isfinite(position).all():
        first, last = (utc_from_et(float(t))[:19] for t in (trajectory.et[0], trajectory.et[-1]))
        raise UsageError(
            f"--at {utc_from_et(et)} lies outside the trajectory that the labels give, {first} to {last}: give a time "
            "within it, labels of more images, or a place with --from"
        )
    return position


@dataclass(frozen=True)
class Framed:
    """A view and what is to be said of it: `numbers` for the report."""

    view: View
    numbers: dict[str, float]


def frame(observation: Observation, standing: Standing, swaths: list[Swath], request: PictureRequest) -> Framed:
    """The view from where one stands, framed on what of the lit body all of `swaths` have seen and is seen from there.

    Raises UsageError where what was imaged is out of sight, StripError where nothing was.
    """
    body, place, sun = observation.body, standing.position_km, standing.sun
    # fixed to the body, as all places are
    camera = place if standing.own else observation.middle_position

    def covered(points: FloatArray) -> NDArray[np.bool_]:
        seen = coverage(swaths, body, standing.et, place, points).all(axis=0)
        if not standing.own:
            seen &= cos_emission(camera, body, points) > CAMERA_HORIZON
        if not seen.any():
            raise _nothing(observation, standing, swaths)
        return np.asarray(seen)

    wanted = request.centre_deg
    look = None if wanted is None else (float(np.radians(wanted[0])), float(np.radians(wanted[1])))
    view = spacecraft_view(
        place, body, sun, request.size,
        fov=None if request.fov_deg is None else float(np.radians(request.fov_deg)),
        centre=look,
        up=request.up.value,
        camera_up=observation.camera_up if request.up is Up.CAMERA else None,
        covered=covered,
        camera_km=None if standing.own else camera,
    )  # fmt: skip
    if standing.own:
        middle = disc_middle(place, body, sun) if look is None else point_from_centric(*look, body.radii_km)
        scale = native_scale(view, middle)
    else:
        middle = shown_middle(view, chosen_points(place, body, sun, True, covered, camera))
        scale = ground_scale(view, body, camera, middle)
    return Framed(view, _numbers(observation, standing, middle, scale, camera))


def frame_together(
    observations: Sequence[Observation],
    lead: Observation,
    standing: Standing,
    request: PictureRequest,
    *,
    night: bool,
    bands: Sequence[Filter] = (),
) -> Framed:
    """The view from where one stands, framed on what of the lit body (with `night` of its twilight too) any strip has
    seen.

    Where no strip has all of `bands`, it is what was seen through each of them by some strip. `lead` is the strip that
    was taken nearest to where one stands. Raises UsageError where all of it is out of sight.
    """
    body, place = lead.body, standing.position_km
    known = [(o, o.swaths(), o.middle_position) for o in observations]
    # of strips that each have all filters none has to wait for another's
    parted = bands and not any(set(bands) <= set(o.calibrated.light) for o in observations)

    def covered(points: FloatArray) -> NDArray[np.bool_]:
        through = {band: np.zeros(len(points), np.bool_) for band in (bands if parted else Filter)}
        for observation, swaths, camera in known:
            mine = coverage(swaths, body, standing.et, place, points)
            if not (standing.own and observation is lead):
                mine &= cos_emission(camera, body, points) > CAMERA_HORIZON
            for swath, shown in zip(swaths, mine, strict=True):
                if swath.band in through:
                    through[swath.band] |= shown
        each = np.stack(list(through.values()))
        seen = np.asarray(each.all(axis=0) if parted else each.any(axis=0))
        if night:
            seen &= normal(points, body.radii_km) @ standing.sun > -TWILIGHT
        if not seen.any():
            raise UsageError(
                f"nothing that was imaged of {body.name} can be seen from {standing.name}: stand nearer to where Juno "
                "was, or give another --epoch"
            )
        return seen

    wanted = request.centre_deg
    look = None if wanted is None else (float(np.radians(wanted[0])), float(np.radians(wanted[1])))
    view = spacecraft_view(
        place, body, standing.sun, request.size,
        fov=None if request.fov_deg is None else float(np.radians(request.fov_deg)),
        centre=look,
        up=request.up.value,
        camera_up=lead.camera_up if request.up is Up.CAMERA else None,
        lit_only=not night,
        covered=covered,
    )  # fmt: skip
    camera, cameras = lead.middle_position, [position for _, _, position in known]
    middle = shown_middle(view, chosen_points(place, body, standing.sun, not night, covered, None))
    scale = native_scale(view, middle) if standing.own else scale_of_any(view, body, [camera, *cameras], middle)
    return Framed(view, _numbers(lead, standing, middle, scale, camera))


def _nothing(observation: Observation, standing: Standing, swaths: list[Swath]) -> StripError | UsageError:
    """What is to be said where no place was seen by all filters and from the viewpoint."""
    body, bands = observation.body, ", ".join(swath.band for swath in swaths)
    if standing.own:
        return StripError(
            f"{observation.raw.path}: no place on {body.name} was seen through all of {bands}, so there is no "
            "picture to be made: give a strip of more frames"
        )
    under = below(observation.middle_position, body)
    return UsageError(
        f"{observation.raw.path}: nothing that was imaged of {body.name} can be seen from {standing.name}: stand "
        f"nearer to where Juno was, above {np.degrees(under.latitude):.1f}, {np.degrees(under.longitude):.1f} deg"
    )


def _numbers(
    observation: Observation, standing: Standing, middle: FloatArray, scale: float, camera: FloatArray
) -> dict[str, float]:
    """What the report says of a view whose middle is a surface point (3,) km; angles in degrees."""
    place, under = standing.position_km, below(standing.position_km, observation.body)

    def phase(position: FloatArray) -> float:
        away = position / np.linalg.norm(position)
        return float(np.degrees(np.arccos(np.clip(away @ standing.sun, -1.0, 1.0))))

    return {
        "native_scale": scale,
        "phase_angle_deg": phase(place),
        "phase_angle_of_light_deg": phase(camera),
        "range_km": float(np.linalg.norm(place)),
        "altitude_km": under.altitude_km,
        "sub_latitude_deg": float(np.degrees(under.latitude)),
        "sub_longitude_east_deg": float(np.degrees(under.longitude)),
        "km_per_native_px": camera_km_per_px(camera, middle),
    }
