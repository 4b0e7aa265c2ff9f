"""What labels tell of a strip: when its framelets were exposed, and which body it shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.exposure import INTERFRAME_SIGMA_S, START_JITTER_S, Exposure
from perijove.bodies import BODIES, Body
from perijove.calibrate.framelets import Calibrated
from perijove.errors import LabelError, UsageError
from perijove.instrument import INTERFRAME_DELTA_S, START_TIME_BIAS_S, TDI_STEP_S
from perijove.label import Label
from perijove.raw import RawImage

FloatArray = NDArray[np.float64]


def framelet_times(label: Label) -> FloatArray:
    """ET (frames,) of mid-exposure by the label: START_TIME and INTERFRAME_DELAY with their corrections.

    They hold for raw and reduced strips alike: what the archive corrects in START_TIME, by the limb, is the jitter of
    some 20 ms, in both (TIMING_OFFSETS_DESCRIPTION.TXT of its volumes); the fixed 61.88 ms of the instrument kernel
    are in neither. RDR labels of 2016 have START_TIME within 0.4 ms of their own clock count, as EDR labels have.

    Without EXPOSURE_DURATION a single stage of integration is taken, 3.2 ms. Raises LabelError where the step between
    frames is missing.
    """
    delay = label.interframe_delay_s
    if delay is None and label.frames > 1:
        raise LabelError(
            f"{label.product_id}: the label has no INTERFRAME_DELAY, needed to time its frames; complete it"
        )
    step = 0.0 if delay is None else delay + INTERFRAME_DELTA_S
    start = label.start_et + START_TIME_BIAS_S + (label.exposure_s or TDI_STEP_S) / 2.0
    times: FloatArray = start + step * np.arange(label.frames, dtype=float)
    return times


def exposure_of(raw: RawImage, calibrated: Calibrated) -> Exposure:
    """What the solver must know of a strip."""
    label = raw.label
    return Exposure(
        product_id=raw.label.product_id,
        light=calibrated.light,
        et=framelet_times(raw.label),
        binning=calibrated.binning,
        saturation=calibrated.full_dn,
        tdi_stages=raw.label.tdi_stages or 1,
        methane_centre_line=raw.label.methane_centre_line,
        start_sigma_s=START_JITTER_S if label.start_sigma_s is None else label.start_sigma_s,
        interframe_sigma_s=INTERFRAME_SIGMA_S if label.interframe_sigma_s is None else label.interframe_sigma_s,
    )


def body_of(label: Label) -> Body:
    """The body that a label names as its target; UsageError for one that is not among `BODIES`."""
    body = BODIES.get(label.target.upper())
    if body is None:
        known = ", ".join(BODIES)
        raise UsageError(f"{label.product_id}: TARGET_NAME is {label.target}, but only {known} can be done so far")
    return body
