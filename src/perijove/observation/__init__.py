"""Observation: all that is known of one strip once its trajectory and pointing are solved.

`observe` is the way there; `sources` has what tells where Juno was and how the camera stood, `times` what labels tell
of a strip, `exposure` what its light tells where they do not.
"""

from perijove.observation.exposure import exposure_by_light
from perijove.observation.sources import Attitude, Flight
from perijove.observation.strip import Observation
from perijove.observation.times import body_of, exposure_of, framelet_times
from perijove.observation.together import Together, observe_together
from perijove.observation.work import observe, passes, target_of

__all__ = [
    "Attitude",
    "Flight",
    "Observation",
    "Together",
    "body_of",
    "exposure_by_light",
    "exposure_of",
    "framelet_times",
    "observe",
    "observe_together",
    "passes",
    "target_of",
]
