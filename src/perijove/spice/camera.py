"""JunoCam's optics as solved, as an instrument kernel: what goes on top of NAIF's and of ISIS's addendum to it.

The keywords are those of NAIF's juno_junocam_v03.ti, whose pixel centres lie at halves, and those that ISIS's camera
model reads, whose pixel centres lie at whole numbers from 1 on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perijove.instrument import FOCAL_LENGTH_PX, Camera, Filter

CAMERA_ID = -61500
BAND_IDS = {Filter.BLUE: -61501, Filter.GREEN: -61502, Filter.RED: -61503, Filter.METHANE: -61504}
PIXEL_MM = 0.0074
ISIS_BORESIGHT_LINE = 600.0
"""Line of the CCD on which ISIS's addendum puts the optical axis."""


def instrument_text(
    cameras: Mapping[Filter, Camera], start_bias_s: float, interframe_delta_s: float, origin_text: Sequence[str]
) -> str:
    """A text kernel with each filter's optical centre and focal length, and the corrections to the labels' times.

    ISIS knows one sample and one focal length for all filters: it gets green's, or the first one's.
    """
    first = cameras.get(Filter.GREEN) or next(iter(cameras.values()))
    reference = Filter.GREEN if Filter.GREEN in cameras else next(iter(cameras))
    centre = first.centre(reference)[1]
    values: list[tuple[int, str, float]] = [
        (CAMERA_ID, "FOCAL_LENGTH", _millimetres(first, reference)),
        (CAMERA_ID, "START_TIME_BIAS", start_bias_s),
        (CAMERA_ID, "INTERFRAME_DELTA", interframe_delta_s),
        (CAMERA_ID, "BORESIGHT_LINE", ISIS_BORESIGHT_LINE),
        (CAMERA_ID, "BORESIGHT_SAMPLE", centre + 0.5),
    ]
    for band, camera in cameras.items():
        line, sample = camera.centre(band)
        values += [
            (BAND_IDS[band], "FOCAL_LENGTH", _millimetres(camera, band)),
            (BAND_IDS[band], "DISTORTION_X", sample),
            (BAND_IDS[band], "DISTORTION_Y", line),
            (BAND_IDS[band], "START_TIME_BIAS", start_bias_s),
            (BAND_IDS[band], "INTERFRAME_DELTA", interframe_delta_s),
            (BAND_IDS[band], "FILTER_OFFSET", ISIS_BORESIGHT_LINE - line + 0.5),
        ]
    data = "\n".join(f"{f'INS{number}_{name}':<28} = ( {value:.9f} )" for number, name, value in values)
    comments = "\n".join(origin_text)
    return f"KPL/IK\n\n{comments}\n\n\\begindata\n\n{data}\n\n\\begintext\n"


def _millimetres(camera: Camera, band: Filter) -> float:
    """Focal length of a filter, mm."""
    return FOCAL_LENGTH_PX * camera.scale.get(band, 1.0) * PIXEL_MM


__all__ = ["instrument_text"]
