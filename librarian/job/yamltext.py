"""YAML text → plain data with the line and column of everything in it. Hostile text is refused at the door.

ruamel.yaml splits the text into events. What a plain scalar means is the core schema of YAML 1.2, except that a whole
number with a leading zero stays text. What a job file has no use for is an error: tags, anchors and aliases, several
documents, duplicate keys, lists and mappings as keys, numbers that are not finite or do not fit 64 bits, and nesting
or size beyond the caps.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from librarian.files import open_regular

MAX_BYTES = 1 << 18
MAX_DEPTH = 32
MAX_NODES = 50_000
_LARGEST = 2**63

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DIGITS_WITH_ZERO = re.compile(r"[-+]?0[0-9]+")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_TEXT = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
"""What text cannot hold. U+DC80 to U+DCFF are what Python writes for bytes of file names that are not UTF-8."""

Place = tuple[str | int, ...]
Position = tuple[int, int]


@dataclass
class YamlProblemError(Exception):
    """Text that is refused: where (0-based line and column) and why."""

    message: str
    line: int = 0
    column: int = 0


@dataclass
class Document:
    """Plain data, and where (0-based line and column) each part of it stands, and the key of each entry."""

    data: Any = None
    positions: dict[Place, Position] = field(default_factory=dict)
    keys: dict[Place, Position] = field(default_factory=dict)

    def position(self, place: Place, *, of_key: bool = False) -> Position:
        """Line and column (from 1) of a place, or of the nearest part above it that the text has.

        Args:
            place: the place.
            of_key: whether its key is meant, not its value.
        """
        while place and place not in self.positions:
            place, of_key = place[:-1], False
        line, column = (of_key and self.keys.get(place)) or self.positions.get(place, (0, 0))
        return line + 1, column + 1


def read_file(path: Path) -> bytes:
    """The bytes of a small regular file.

    Raises:
        OSError: it cannot be opened, or is no regular file.
        YamlProblemError: it is too large.
    """
    with open(open_regular(path), "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise YamlProblemError(f"larger than {MAX_BYTES >> 10} KiB")
    return content


def parse(content: bytes) -> Document:
    """Read one YAML document.

    Raises:
        YamlProblemError: it is refused.
    """
    text, builder = _decoded(content), _Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except YamlProblemError:
        raise
    except YAMLError as error:
        raise _refused(error, text) from None
    except Exception:  # hostile escapes and directives make ruamel.yaml trip over itself in many ways
        raise YamlProblemError("this cannot be read as YAML", builder.line, builder.column) from None
    return builder.document


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
    raise YamlProblemError("not UTF-8", *_end_of(before))


def _end_of(text: str) -> Position:
    return text.count("\n"), len(text) - (text.rfind("\n") + 1)


def _refused(error: YAMLError, text: str) -> YamlProblemError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # of a character, ruamel.yaml says how far into the text it stands
        return YamlProblemError("a character that YAML does not allow", *_end_of(text[: getattr(error, "position", 0)]))
    return YamlProblemError(str(getattr(error, "problem", "this cannot be read as YAML")), mark.line, mark.column)


@dataclass
class _Open:
    """A list or mapping that has not ended; `key` is the one whose value comes next."""

    place: Place
    data: Any
    key: str | None = None


class _Builder:
    """Events → a document."""

    def __init__(self) -> None:
        self.document = Document()
        self.line = self.column = 0
        self._open: list[_Open] = []
        self._nodes = 0
        self._begun = False

    def _refuse(self, reason: str) -> NoReturn:
        raise YamlProblemError(reason, self.line, self.column)

    def take(self, event: Any) -> None:
        """Take the next event."""
        self.line, self.column = event.start_mark.line, event.start_mark.column
        if isinstance(event, DocumentStartEvent):
            self._begin(event)
        elif isinstance(event, CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, NodeEvent):
            self._check(event)
            if self._open and isinstance(self._open[-1].data, dict) and self._open[-1].key is None:
                self._key(event, self._open[-1])
            else:
                self._value(event)

    def _begin(self, event: DocumentStartEvent) -> None:
        if self._begun:
            self._refuse("a second document")
        if event.version not in (None, (1, 2)):
            self._refuse("only YAML 1.2 is read")
        self._begun = True

    def _check(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(f"more than {MAX_NODES} entries")
        if isinstance(event, CollectionStartEvent) and len(self._open) >= MAX_DEPTH:
            self._refuse(f"nested more than {MAX_DEPTH} deep")
        if isinstance(event, AliasEvent) or event.anchor:
            self._refuse("anchors and aliases are not allowed; write it out")
        if event.tag:
            self._refuse("tags are not allowed")

    def _key(self, event: NodeEvent, above: _Open) -> None:
        if not isinstance(event, ScalarEvent):
            self._refuse("a key must be text")
        key = self._text(event)
        if key in above.data:
            self._refuse("this key stands here twice")
        above.key = key
        self.document.keys[*above.place, key] = (self.line, self.column)

    def _value(self, event: NodeEvent) -> None:
        value: Any = {} if isinstance(event, MappingStartEvent) else []
        if isinstance(event, ScalarEvent):
            value = self._scalar(event)
        place = self._put(value)
        # Where a value is left out, its mark stands at whatever comes next.
        left_out = isinstance(event, ScalarEvent) and not event.value and event.style is None
        here = (self.line, self.column)
        self.document.positions[place] = self.document.keys.get(place, here) if left_out else here
        if isinstance(event, CollectionStartEvent):
            self._open.append(_Open(place, value))

    def _put(self, value: Any) -> Place:
        """Put a value where it belongs; its place."""
        if not self._open:
            self.document.data = value
            return ()
        above = self._open[-1]
        if isinstance(above.data, list):
            above.data.append(value)
            return (*above.place, len(above.data) - 1)
        key, above.key = above.key, None
        assert key is not None
        above.data[key] = value
        return (*above.place, key)

    def _text(self, event: ScalarEvent) -> str:
        text = str(event.value)
        if _SURROGATE.search(text):  # JSON writes some characters as two escapes
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if _NO_TEXT.search(text):
            self._refuse("a character that text cannot hold")
        return text

    def _scalar(self, event: ScalarEvent) -> str | int | float | bool | None:
        text = self._text(event)
        if event.style is not None or _DIGITS_WITH_ZERO.fullmatch(text):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return self._integer(text)
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            return self._float(text)
        return text

    def _integer(self, text: str) -> int:
        try:
            number = int(text, 0)
        except ValueError:  # thousands of digits
            number = _LARGEST
        if not -_LARGEST <= number < _LARGEST:
            self._refuse("a number too large to read")
        return number

    def _float(self, text: str) -> float:
        number = math.inf if _NOT_FINITE.fullmatch(text) else float(text)
        if not math.isfinite(number):
            self._refuse("a number must be finite")
        return number
