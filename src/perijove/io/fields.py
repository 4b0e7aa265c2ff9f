"""Fields: the keywords of one label, read with their units and refused with their names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from perijove.errors import LabelError
from perijove.timescale import TimeError, et_from_utc

_NOTHING = frozenset({"", "N/A", "NA", "UNK", "UNKNOWN", "NULL", "NONE"})
_NUMBER = re.compile(
    r"([-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eEdD][-+]?[0-9]{1,3})?)\s*(.{0,40})", re.ASCII
)
TIME_UNITS = {"S": 1.0, "SEC": 1.0, "SECOND": 1.0, "SECONDS": 1.0, "MS": 1e-3, "MSEC": 1e-3, "MILLISECOND": 1e-3,
               "MILLISECONDS": 1e-3, "US": 1e-6, "MICROSECONDS": 1e-6}  # fmt: skip
LENGTH_UNITS = {"KM": 1.0, "KILOMETER": 1.0, "KILOMETERS": 1.0, "M": 1e-3, "METER": 1e-3, "METERS": 1e-3,
                 "AU": 149597870.7}  # fmt: skip
ANGLE_UNITS = {"DEG": math.pi / 180, "DEGREE": math.pi / 180, "DEGREES": math.pi / 180, "RAD": 1.0, "RADIAN": 1.0,
                "RADIANS": 1.0}  # fmt: skip


class Fields:
    """The keywords of one label, each read with its unit and refused with its name."""

    def __init__(self, values: Mapping[str, object], name: str) -> None:
        """Take the keywords with their values; `name` is the file, for messages."""
        self.values = values
        self.name = name

    def error(self, key: str, expected: str) -> LabelError:
        """The refusal of a field's value, to be raised: `expected` says what should stand there."""
        shown = repr(self.values.get(key))
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        what = f"{key} is {shown}" if key in self.values else f"{key} is missing"
        return LabelError(f"{self.name}: {what}, but {expected}; download the label again or correct the field")

    def text(self, key: str) -> str | None:
        """The field as text without outer blanks, None where the label does not say."""
        value = self.values.get(key)
        if value is None or (isinstance(value, list | tuple) and not value):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.error(key, "text or a number is expected")
        try:
            text = str(value).strip()
        except ValueError:  # an integer of more digits than Python prints
            raise LabelError(f"{self.name}: {key} is a number without end; correct the field") from None
        return None if text.upper() in _NOTHING else text

    def number(self, key: str, units: Mapping[str, float], default: str) -> float | None:
        """The field in the base unit of `units`; a bare number counts in `default`."""
        text = self.text(key)
        if text is None:
            return None
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise self.error(key, "a number is expected")
        unit = match[2].strip().removeprefix("<").removesuffix(">").strip().upper() or default
        if unit not in units:
            raise self.error(key, f"its unit should be one of {', '.join(u.lower() for u in units)}")
        value = float(re.sub("[dD]", "e", match[1])) * units[unit]
        if not math.isfinite(value):
            raise self.error(key, "a finite number is expected")
        return value

    def positive(self, key: str, units: Mapping[str, float], default: str) -> float | None:
        """As `number`, refused where it is not above 0."""
        value = self.number(key, units, default)
        if value is not None and value <= 0:
            raise self.error(key, "it must be greater than zero")
        return value

    def integer(self, key: str, low: int, high: int) -> int | None:
        """The field as a whole number from `low` to `high`, None where the label does not say."""
        value = self.number(key, {"": 1.0}, "")
        if value is None:
            return None
        if value != math.floor(value) or not low <= value <= high:
            raise self.error(key, f"a whole number from {low} to {high} is expected")
        return int(value)

    def epoch(self, key: str) -> tuple[str, float] | None:
        """The UTC text of a time and its ET."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return text, et_from_utc(text)
        except TimeError as error:
            raise LabelError(f"{self.name}: {key}: {error}") from None
