"""Verify: how far the solution of a simulated strip lies from its truth, and how far strips lie from each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.pointing import Pointing
from perijove.bodies import LIGHT_KM_S, Body
from perijove.geometry.aberration import apparent, geometric
from perijove.geometry.ellipsoid import intersect, normal
from perijove.instrument import FOCAL_LENGTH_PX, FRAMELET_LINES, LIT_SAMPLES, Filter
from perijove.observation import Observation
from perijove.simulate.ground import ground_seen
from perijove.simulate.scene import Scene, Shot, time_shot

FloatArray = NDArray[np.float64]

LINES, SAMPLES = 5, 40
"""Grid of pixels in each framelet at which the pointing is compared."""
LEAST_COS = 0.25
"""Cosine of emission below which ground is too aslant to tell how strips lie on each other."""
FEWEST = 20
"""Fewest pixels of either strip on common ground that tell."""


@dataclass(frozen=True)
class PixelErrors:
    """Where the solution puts the ground that pixels truly see, minus those pixels: n errors.

    `px` (n, 2) as (line, sample), native px; `band` (n,) the filter's name, `ground` (n, 3) km body-fixed.
    """

    px: FloatArray
    band: NDArray[np.str_]
    ground: FloatArray


@dataclass(frozen=True)
class Verification:
    """Errors of one solution, solved minus true: px over the disc, angles in degrees, times in s, places in km.

    `median_px` and `p95_px` of the pointing; `registration_px` maps a filter to the median distance of its errors from
    green's; `attitude_deg` is the angle between true and solved attitude at mid-image, `axis_deg` that between the
    axes; `position_km` the distance at mid-image; `sigma_px` is what the solution itself expects, rms.
    """

    product_id: str
    median_px: float
    p95_px: float
    rms_px: float
    sigma_px: float
    registration_px: dict[str, float]
    attitude_deg: float
    axis_deg: float
    period_s: float
    start_s: float
    twist_deg: float
    tilt_deg: float
    position_km: float


@dataclass(frozen=True)
class GroundErrors:
    """Where n pixels' ground is put minus where it is: `error_km` (n, 3) at `ground` (n, 3) km, body-fixed, seen from
    `camera_km` (n, 3)."""

    ground: FloatArray
    error_km: FloatArray
    camera_km: FloatArray


@dataclass(frozen=True)
class PairError:
    """How far two strips lie from each other on the ground that both see, the second against the first.

    `median_px`, `p95_px` are lengths across the line of sight, in px of the strip in which they are more; `east_km`,
    `north_km` medians of the displacement; `places` the number of places compared.
    """

    first: str
    second: str
    places: int
    median_px: float
    p95_px: float
    east_km: float
    north_km: float


def verify(observation: Observation, scene: Scene, shot: Shot) -> Verification:
    """Compare the solution of a strip with the scene and shot it was simulated from."""
    pointing, spin = observation.pointing, scene.spin
    timing = time_shot(scene, shot)
    errors = pixel_errors(pointing, observation.body, scene, shot)
    length = np.linalg.norm(errors.px, axis=1)
    middle = float(timing.et.mean())
    solved = pointing.spin.camera_from_j2000(middle)
    turn = solved @ spin.j2000_from_camera(middle)
    angle = np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0))
    axis = np.arccos(np.clip(pointing.spin.axis @ spin.axis / np.linalg.norm(spin.axis), -1.0, 1.0))
    place = np.array([np.interp(middle, pointing.et, p) for p in pointing.position_km.T])
    return Verification(
        product_id=pointing.product_id,
        median_px=float(np.median(length)),
        p95_px=float(np.percentile(length, 95)),
        rms_px=float(np.sqrt(np.mean(length**2))),
        sigma_px=pointing.sigma_px,
        registration_px=registration(errors),
        attitude_deg=float(np.degrees(angle)),
        axis_deg=float(np.degrees(axis)),
        period_s=pointing.spin.period_s - spin.period_s,
        start_s=float(pointing.et[0] - timing.et[0]),
        twist_deg=float(np.degrees(pointing.spin.twist - spin.twist)),
        tilt_deg=float(np.degrees(pointing.spin.tilt - spin.tilt)),
        position_km=float(np.linalg.norm(place - scene.flight.position(middle))),
    )


def pixel_errors(pointing: Pointing, body: Body, scene: Scene, shot: Shot) -> PixelErrors:
    """Errors on a grid of pixels of every framelet that meets the body, as a picture by the solution has them."""
    timing = time_shot(scene, shot)
    line, sample = (
        a.ravel()
        for a in np.meshgrid(
            np.linspace(4.0, FRAMELET_LINES - 4.0, LINES),
            np.linspace(LIT_SAMPLES.start + 16.0, LIT_SAMPLES.stop - 20.0, SAMPLES),
        )
    )
    px, band, ground = [], [], []
    for name in shot.filters:
        for frame, et in enumerate(timing.et):
            seen = ground_seen(scene, shot, name, float(et), line, sample)
            on = np.isfinite(seen[:, 0])
            if not on.any():
                continue
            at = project(pointing, name, frame, looks_to(pointing, body, frame, seen[on]))
            px.append(at - np.stack([line, sample], axis=-1)[on])
            band.append(np.full(len(at), name.value))
            ground.append(seen[on])
    if not px:
        return PixelErrors(np.full((1, 2), np.nan), np.array([""]), np.full((1, 3), np.nan))
    return PixelErrors(np.concatenate(px), np.concatenate(band), np.concatenate(ground))


def looks_to(pointing: Pointing, body: Body, frame: int, ground: FloatArray) -> FloatArray:
    """Lines of sight (n, 3) km in j2000 along which body-fixed places (n, 3) km are seen by a solution.

    The body is turned back by the light time, and aberration counted.
    """
    et, place = float(pointing.et[frame]), pointing.position_km[frame]
    away = np.linalg.norm(ground - body.body_from_j2000(et) @ place, axis=1)
    back = body.body_from_j2000(et - away / LIGHT_KM_S)
    looks = np.einsum("nij,ni->nj", back, ground) - place
    return apparent(looks, velocity_of(pointing, frame))


def velocity_of(pointing: Pointing, frame: int) -> FloatArray | None:
    """The camera's velocity (3,) km/s in j2000 in a frame, None where aberration is not counted."""
    return None if pointing.velocity_km_s is None else pointing.velocity_km_s[frame]


def project(pointing: Pointing, band: Filter, frame: int, looks: FloatArray) -> FloatArray:
    """Pixels (n, 2) in which a solution's framelet shows what lies along `looks` (n, 3) in j2000."""
    return pointing.camera.pixel(band, looks @ pointing.spin.camera_from_j2000(float(pointing.et[frame])).T)


def registration(errors: PixelErrors) -> dict[str, float]:
    """How far each filter stands off green, px: the median over places of the difference of the two errors.

    Green's error at another filter's places is read from a smooth fit (cubic in longitude-like directions): errors of a
    solution vary slowly over the disc.
    """
    green = errors.band == Filter.GREEN.value
    if not green.any():
        return {}
    terms = _smooth_terms(errors.ground)
    fit, *_ = np.linalg.lstsq(terms[green], errors.px[green], rcond=None)
    out = {}
    for name in dict.fromkeys(errors.band.tolist()):
        if name != Filter.GREEN.value:
            mine = errors.band == name
            out[name] = float(np.median(np.linalg.norm(errors.px[mine] - terms[mine] @ fit, axis=1)))
    return out


def _smooth_terms(ground: FloatArray) -> FloatArray:
    """Products up to the third degree of the two directions across the mean of places (n, 3): (n, 10)."""
    middle = ground.mean(axis=0) / np.linalg.norm(ground.mean(axis=0))
    across = np.linalg.svd(middle[None])[2][1:]
    x, y = (ground @ across.T / np.linalg.norm(ground, axis=1).mean()).T
    return np.stack([x**i * y**j for i in range(4) for j in range(4 - i)], axis=-1)


def ground_errors(pointing: Pointing, body: Body, scene: Scene, shot: Shot) -> GroundErrors:
    """Errors on the ground of a grid of pixels of every framelet of one filter, green where there is one."""
    timing = time_shot(scene, shot)
    band = Filter.GREEN if Filter.GREEN in shot.filters else shot.filters[0]
    line, sample = (
        a.ravel()
        for a in np.meshgrid(
            np.linspace(4.0, FRAMELET_LINES - 4.0, LINES),
            np.linspace(LIT_SAMPLES.start + 16.0, LIT_SAMPLES.stop - 20.0, SAMPLES),
        )
    )
    rows = []
    for frame, et in enumerate(timing.et):
        seen = ground_seen(scene, shot, band, float(et), line, sample)
        own, place = float(pointing.et[frame]), pointing.position_km[frame]
        away = (float(np.linalg.norm(place)) - float(np.mean(body.radii_km))) / LIGHT_KM_S
        turn = body.body_from_j2000(own - away)
        rays = pointing.camera.ray(band, line, sample) @ pointing.spin.camera_from_j2000(own)
        rays = geometric(rays, velocity_of(pointing, frame)) @ turn.T
        camera = np.broadcast_to(turn @ place, seen.shape)
        found = intersect(camera, rays, body.radii_km)
        good = np.isfinite(seen[:, 0]) & np.isfinite(found[:, 0])
        good &= _cos_emission(seen, turn @ place, body) > LEAST_COS
        rows.append(np.concatenate([seen, found - seen, camera], axis=1)[good])
    ground, error, camera = np.split(np.concatenate(rows), 3, axis=1)
    return GroundErrors(ground, error, camera)


def pair_errors(observations: Sequence[Observation], scene: Scene, shots: Sequence[Shot]) -> list[PairError]:
    """How strips lie on each other, for every pair that has ground in common; each with its shot, in the same order.

    Errors across the line of sight vary slowly over the disc: those of one strip are read at the other's places from a
    smooth fit (cubic), and laid on the ground there.
    """
    body = scene.flight.body
    each = [ground_errors(o.pointing, body, scene, shot) for o, shot in zip(observations, shots, strict=True)]
    names = [o.pointing.product_id for o in observations]
    out = []
    for i in range(len(each)):
        for j in range(i + 1, len(each)):
            found = _pair_error(names[i], names[j], each[i], each[j], body)
            if found is not None:
                out.append(found)
    return out


def _pair_error(first: str, second: str, one: GroundErrors, two: GroundErrors, body: Body) -> PairError | None:
    """The error of one pair; None where too little ground is common."""
    if min(len(one.ground), len(two.ground)) == 0:
        return None
    mine = _cos_emission(one.ground, two.camera_km.mean(axis=0), body) > LEAST_COS
    theirs = _cos_emission(two.ground, one.camera_km.mean(axis=0), body) > LEAST_COS
    if min(mine.sum(), theirs.sum()) < FEWEST:
        return None
    terms = _smooth_terms(np.concatenate([one.ground[mine], two.ground[theirs]]))
    count = int(mine.sum())
    aside = _across(one.error_km[mine], one.ground[mine], one.camera_km[mine])
    fit, *_ = np.linalg.lstsq(terms[:count], aside, rcond=None)
    ground, up = two.ground[theirs], normal(two.ground[theirs], body.radii_km)
    sight = one.camera_km.mean(axis=0) - ground
    flat = terms[count:] @ fit
    flat -= sight * ((up * flat).sum(axis=1) / (up * sight).sum(axis=1))[:, None]
    apart = two.error_km[theirs] - flat
    px = np.maximum(*(_across_px(apart, ground, errors.camera_km.mean(axis=0)) for errors in (one, two)))
    east = np.stack([-ground[:, 1], ground[:, 0], np.zeros(len(ground))], axis=-1)
    east /= np.linalg.norm(east, axis=1, keepdims=True)
    north = np.cross(up, east)
    return PairError(
        first, second, len(px), float(np.median(px)), float(np.percentile(px, 95)),
        float(np.median((apart * east).sum(axis=1))), float(np.median((apart * north).sum(axis=1))),
    )  # fmt: skip


def _across(vector: FloatArray, ground: FloatArray, camera: FloatArray) -> FloatArray:
    """What of displacements (n, 3) km of ground lies across the line of sight from a camera, (3,) or (n, 3) km."""
    sight = camera - ground
    out: FloatArray = vector - sight * ((vector * sight).sum(axis=1) / (sight * sight).sum(axis=1))[:, None]
    return out


def _across_px(vector: FloatArray, ground: FloatArray, camera: FloatArray) -> FloatArray:
    """Length (n,) in native px of what of displacements (n, 3) km lies across the line of sight from a camera (3,)."""
    away = np.linalg.norm(camera - ground, axis=1)
    out: FloatArray = np.linalg.norm(_across(vector, ground, camera), axis=1) / away * FOCAL_LENGTH_PX
    return out


def _cos_emission(ground: FloatArray, camera: FloatArray, body: Body) -> FloatArray:
    """Cosine (n,) of emission of ground (n, 3) towards a camera (3,), km body-fixed; NaN where there is no ground."""
    sight = camera - ground
    out: FloatArray = (normal(ground, body.radii_km) * sight).sum(axis=1) / np.linalg.norm(sight, axis=1)
    return out
