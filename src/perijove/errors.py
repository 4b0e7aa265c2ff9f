"""Everything Perijove refuses to do, said in one sentence each.

Every error of the package derives from `PerijoveError`. A message says what was wrong, names the file and the
field where there is one, and ends with what to do about it; the command line prints it as it is and leaves with
the error's `exit_code`.
"""


class PerijoveError(Exception):
    """Base of all errors of the package; the command line exits with code 1."""

    exit_code = 1


class UsageError(PerijoveError):
    """The request itself makes no sense (an unknown recipe, a size of zero); exit code 2."""

    exit_code = 2


class LabelError(PerijoveError):
    """A label is missing, unreadable, or lacks a field that is needed."""


class StripError(PerijoveError):
    """A raw strip is unreadable or does not fit its label."""


class CalibrationError(PerijoveError):
    """Calibration frames are missing, unreadable, or not what they are taken for."""


class TrajectoryError(PerijoveError):
    """The position of the spacecraft cannot be had from what was given."""


class PointingError(PerijoveError):
    """The pointing of the camera cannot be solved from the image."""


class SpiceError(PerijoveError):
    """A SPICE kernel is missing, damaged, or not one that is read."""


class SpiceGap(SpiceError):
    """The kernels are sound, but do not cover the time that is asked for."""


class MapError(PerijoveError):
    """A map file is unreadable, or not one of Perijove's."""


class OutputError(PerijoveError):
    """A product cannot be written."""


class FetchError(PerijoveError):
    """Something cannot be had from an archive or its cache, or not whole.

    `url` is what was asked for ("" where it is about the cache alone), `status` the server's answer where that is why.
    """

    def __init__(self, message: str, url: str = "", status: int | None = None) -> None:
        """The sentence for the user, and what a program may want to look at."""
        super().__init__(message)
        self.url = url
        self.status = status


class PerijoveWarning(UserWarning):
    """Base of all warnings of the package: the work goes on, but less can be expected of its result."""
