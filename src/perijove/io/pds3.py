"""PDS3 labels: the ``KEYWORD = value`` text that planetary archives put beside or before their images.

Reads what the Object Description Language (PDS Standards Reference 3.8, chapter 12) needs for an image label:
comments, quoted text over several lines, symbols, numbers with units, based integers, dates, lists, sets, nested
objects and groups, pointers. Values stay text, so that a web label and a PDS3 label are read by one set of rules.
"""

from __future__ import annotations

import re

from perijove.errors import LabelError

Value = str | tuple["Value", ...]
Block = dict[str, "Value | Block"]

_SKIP = re.compile(r"(?:\s+|/\*.*?\*/)+", re.DOTALL)
_KEY = re.compile(r"\^?[A-Za-z][A-Za-z0-9_:]*")
_EQUALS = re.compile(r"[ \t]*=\s*")
_SCALAR = re.compile(
    r"\"(?P<text>[^\"]*)\"|'(?P<symbol>[^'\r\n]*)'|(?P<bare>[^\s\"'(){}<>,=]+)",
)
_UNIT = re.compile(r"[ \t]*<(?P<unit>[^<>\r\n]{0,40})>")
_MAX_DEPTH = 8


def parse_pds3(text: str, name: str) -> Block:
    """The keywords of a PDS3 label up to its END, nested as its objects are; `name` is the file, for messages.

    A number with a unit becomes ``"0.376 <s>"``, a list or set a tuple, a line break within quotes one blank. Of
    objects with one name the first is kept. Raises `LabelError` naming the line where the syntax ends.
    """
    reader = _Reader(text, name)
    stack: list[tuple[str, Block]] = [("", {})]
    while (key := reader.key()) is not None:
        upper = key.upper()
        if upper == "END":
            break
        block = stack[-1][1]
        if upper in ("END_OBJECT", "END_GROUP"):
            if len(stack) == 1:
                raise reader.error(f"{upper} without an object that it could end")
            if reader.equals():
                reader.value(0)
            stack.pop()
            continue
        if not reader.equals():
            raise reader.error(f"no '=' after {key[:40]}")
        value = reader.value(0)
        if upper in ("OBJECT", "GROUP"):
            if len(stack) > _MAX_DEPTH:
                raise reader.error("objects are nested too deeply")
            inner: Block = {}
            block.setdefault(value if isinstance(value, str) else upper, inner)
            stack.append((upper, inner))
        else:
            block.setdefault(upper, value)
    if len(stack) > 1:
        raise reader.error("the label ends inside an object")
    return stack[0][1]


class _Reader:
    """A place in the text and the four things that can be read there."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.at = 0

    def error(self, what: str) -> LabelError:
        line = self.text.count("\n", 0, self.at) + 1
        return LabelError(f"{self.name}, line {line}: {what}; download the label again or correct that line")

    def key(self) -> str | None:
        """The next keyword, None at the end of the text."""
        self._skip()
        if self.at >= len(self.text) or self.text[self.at] in "\x00\x1a":
            return None
        match = _KEY.match(self.text, self.at)
        if match is None:
            raise self.error(f"{self.text[self.at : self.at + 20]!r} is not a PDS3 keyword")
        self.at = match.end()
        return match.group(0)

    def equals(self) -> bool:
        match = _EQUALS.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match is not None

    def value(self, depth: int) -> Value:
        """A scalar with its unit, or a list or set of values."""
        self._skip()
        opening = self.text[self.at : self.at + 1]
        if opening and opening in "({":
            if depth >= _MAX_DEPTH:
                raise self.error("lists are nested too deeply")
            return self._sequence(")" if opening == "(" else "}", depth + 1)
        match = _SCALAR.match(self.text, self.at)
        if match is None:
            raise self.error("a value is missing or its quotes do not close")
        self.at = match.end()
        value = match[match.lastgroup or 0]
        if match.lastgroup == "text":
            value = " ".join(filter(None, map(str.strip, value.splitlines())))
        unit = _UNIT.match(self.text, self.at)
        if unit is not None:
            self.at = unit.end()
            value = f"{value} <{unit['unit'].strip()}>"
        return value

    def _sequence(self, closing: str, depth: int) -> tuple[Value, ...]:
        self.at += 1
        items: list[Value] = []
        while True:
            self._skip()
            following = self.text[self.at : self.at + 1]
            if following == closing:
                self.at += 1
                return tuple(items)
            if following == "," and items:
                self.at += 1
                continue
            items.append(self.value(depth))

    def _skip(self) -> None:
        match = _SKIP.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
