"""From the codes of a strip to light, and the balance of its colours."""

from perijove.calibrate.balance import throughput, white_balance
from perijove.calibrate.framelets import Calibrated, Treatment, calibrate

__all__ = ["Calibrated", "Treatment", "calibrate", "throughput", "white_balance"]
