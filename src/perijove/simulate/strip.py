"""Strip: a shot as the archive would hold it, label and codes, and the truth of a whole scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import SAMPLES, Filter
from perijove.simulate.detector import Exposed, expose
from perijove.simulate.label import LabelFacts, label_file_name, product_id_of, strip_file_name, web_label
from perijove.simulate.optics import STAGE_S
from perijove.simulate.particles import hits_at
from perijove.simulate.photograph import Photograph, Progress, photograph
from perijove.simulate.scene import Scene, Shot, Timing, time_shot
from perijove.timescale import utc_from_et

FloatArray = NDArray[np.float64]

FIRST_IMAGE_NUMBER = 90000
"""The site's running numbers lie well below: a simulated label's file name cannot be taken for one of them."""


@dataclass(frozen=True)
class Strip:
    """One shot: its label always, its codes and light where it was exposed."""

    shot: Shot
    timing: Timing
    product_id: str
    label: dict[str, object]
    exposed: Exposed | None
    photograph: Photograph | None

    @property
    def strip_name(self) -> str:
        """File name of the raw strip."""
        return strip_file_name(self.product_id)

    @property
    def label_name(self) -> str:
        """File name of the web label."""
        return label_file_name(FIRST_IMAGE_NUMBER + self.shot.number)


def take(
    scene: Scene,
    shot: Shot,
    *,
    per_side: int = 2,
    progress: Progress = lambda done, of: None,
) -> Strip:
    """A shot of the scene, from the world to the codes; only its label where it is not to be exposed."""
    timing = time_shot(scene, shot)
    facts = _facts(scene, shot, timing)
    name, label = product_id_of(facts), web_label(facts)
    if not shot.exposed:
        return Strip(shot, timing, name, label, None, None)
    picture = photograph(scene, shot, per_side=per_side, progress=progress)
    detector = replace(scene.detector, hits_per_framelet=hits_of(scene, shot))
    exposed = expose(
        picture.light, detector, exposure_s=shot.stages * STAGE_S, perijove=scene.perijove,
        sun_distance_km=facts.sun_distance_km, filters=shot.filters, binning=shot.binning, bit_mode=shot.bit_mode,
        compression=shot.compression, seed=scene.seed * 100003 + shot.number,
    )  # fmt: skip
    return Strip(shot, timing, name, label, exposed, picture)


def hits_of(scene: Scene, shot: Shot) -> float:
    """Particle hits in a blue framelet of a shot: the detector's own number, the shot's, or the perijove's."""
    own = scene.detector.hits_per_framelet
    if own is not None:
        return own
    return hits_at(scene.perijove) if shot.hits is None else shot.hits


def _facts(scene: Scene, shot: Shot, timing: Timing) -> LabelFacts:
    """What the label says: the nominal times, and the place at the middle of them."""
    middle = 0.5 * (timing.start_et + timing.stop_et)
    place = scene.label_place(middle)
    return LabelFacts(
        number=shot.number,
        perijove=scene.perijove,
        target=scene.flight.body.name,
        filters=shot.filters,
        lines=len(timing.et) * len(shot.filters) * 128 // shot.binning,
        samples=SAMPLES // shot.binning,
        sampling_factor=shot.binning,
        start_et=timing.start_et,
        stop_et=timing.stop_et,
        interframe_s=shot.interframe_s,
        exposure_s=shot.stages * STAGE_S,
        tdi_stages=shot.stages,
        bit_mode=shot.bit_mode,
        compression=shot.compression,
        latitude_graphic_deg=place.latitude_graphic_deg,
        longitude_west_deg=place.longitude_west_deg,
        altitude_km=place.altitude_km,
        sun_distance_km=float(np.linalg.norm(scene.sun(middle))),
        title=shot.title or f"{scene.name} {shot.number}",
    )


def truth(scene: Scene, strips: Sequence[Strip]) -> dict[str, object]:
    """Everything that is true of the scene and was hidden from the strips, ready for JSON.

    Angles in degrees, places in km, j2000 about the body's centre, times ET; matrices take camera vectors to j2000.
    """
    body = scene.flight.body
    spin = scene.spin
    axis = spin.axis / np.linalg.norm(spin.axis)
    return {
        "scene": scene.name,
        "perijove": scene.perijove,
        "seed": scene.seed,
        "body": body.name,
        "spin": {
            "axis_ra_deg": float(np.degrees(np.arctan2(axis[1], axis[0])) % 360.0),
            "axis_dec_deg": float(np.degrees(np.arcsin(axis[2]))),
            "period_s": spin.period_s,
            "turn_deg": float(np.degrees(spin.turn)),
            "epoch_et": spin.epoch,
            "twist_deg": float(np.degrees(spin.twist)),
            "tilt_deg": float(np.degrees(spin.tilt)),
            "nutation_deg": float(np.degrees(spin.nutation)),
            "coning": spin.coning,
            "nutation_turn_deg": float(np.degrees(spin.nutation_turn)),
        },
        "interframe_error_s": scene.interframe_error_s,
        "start_jitter_sigma_s": scene.jitter_s,
        "stars": scene.world.stars is not None,
        "lens": plain(scene.lens),
        "haze": plain(scene.world.haze),
        "photometric_law": plain(scene.world.law),
        "detector": plain(scene.detector),
        "strips": [_strip_truth(scene, strip) for strip in strips],
    }


def _strip_truth(scene: Scene, strip: Strip) -> dict[str, object]:
    et, shot = strip.timing.et, strip.shot
    return {
        "product_id": strip.product_id,
        "exposed": strip.exposed is not None,
        "shot": {
            "start_utc": utc_from_et(strip.timing.start_et),
            "frames": len(et),
            "filters": [band.value for band in shot.filters],
            "interframe_s": shot.interframe_s,
            "stages": shot.stages,
            "exposure_s": shot.stages * STAGE_S,
            "binning": shot.binning,
            "bit_mode": shot.bit_mode,
            "compression": shot.compression,
            "hits_per_framelet": hits_of(scene, shot),
            "smear": shot.smear,
        },
        "start_jitter_s": strip.timing.jitter_s,
        "et": et.tolist(),
        "position_km": scene.flight.position(et).tolist(),
        "velocity_km_s": scene.flight.velocity(et).tolist(),
        "j2000_from_camera": scene.spin.j2000_from_camera(et).tolist(),
        "dn_per_light": {} if strip.exposed is None else plain(strip.exposed.dn_per_light),
    }


def plain(value: object) -> object:
    """Dataclasses, mappings and arrays as what JSON holds; filters by their name."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {key.value if isinstance(key, Filter) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
