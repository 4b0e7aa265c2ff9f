"""From the codes of a strip to light, and the balance of its colours."""

from perijove.calibrate.balance import throughput, white_balance
from perijove.calibrate.framelets import FULL_DN, Calibrated, calibrate

__all__ = ["FULL_DN", "Calibrated", "calibrate", "throughput", "white_balance"]
