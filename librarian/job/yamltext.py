"""YAML text → plain data with the line and column of everything in it. Hostile text is refused at the door.

YAML 1.2 by ruamel.yaml. What a job file has no use for is an error: tags, anchors and aliases, several documents,
duplicate keys, keys that are not text, numbers that are not finite, and nesting or size beyond the caps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
)
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from librarian.files import open_regular

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 100_000
_TAG = "tag:yaml.org,2002:"

Place = tuple[str | int, ...]


@dataclass
class YamlProblemError(Exception):
    """Text that is refused: where (0-based line and column) and why."""

    message: str
    line: int = 0
    column: int = 0


@dataclass
class Document:
    """Plain data, and where each part of it stands."""

    data: Any
    positions: dict[Place, tuple[int, int]] = field(default_factory=dict)

    def position(self, place: Place) -> tuple[int, int]:
        """Line and column (from 1) of a place, or of the nearest part above it that the text has."""
        kept: Place = ()
        for part in place:
            if (*kept, part) in self.positions:
                kept = (*kept, part)
        line, column = self.positions.get(kept, (0, 0))
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
        raise YamlProblemError(f"larger than {MAX_BYTES >> 20} MiB")
    return content


def parse(content: bytes) -> Document:
    """Read one YAML document.

    Raises:
        YamlProblemError: it is refused.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise YamlProblemError("not UTF-8", content.count(b"\n", 0, error.start)) from None
    try:
        _check_events(text)
        node = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise YamlProblemError(str(reason), *((mark.line, mark.column) if mark else (0, 0))) from None
    document = Document(None)
    if node is not None:
        document.data = _plain(node, (), document)
    return document


def _check_events(text: str) -> None:
    depth = nodes = documents = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        mark = event.start_mark
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if event.version not in (None, (1, 2)):
                raise YamlProblemError("only YAML 1.2 is read", mark.line, mark.column)
        nodes += isinstance(event, NodeEvent)
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        reason = _refusal(event, depth, nodes, documents)
        if reason:
            raise YamlProblemError(reason, mark.line, mark.column)


def _refusal(event: Any, depth: int, nodes: int, documents: int) -> str:
    if depth > MAX_DEPTH:
        return f"nested more than {MAX_DEPTH} deep"
    if nodes > MAX_NODES:
        return f"more than {MAX_NODES} entries"
    if documents > 1:
        return "a second document"
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        return "anchors and aliases are not allowed; write it out"
    if getattr(event, "tag", None):
        return "tags are not allowed"
    return ""


def _plain(node: Node, place: Place, document: Document) -> Any:
    document.positions.setdefault(place, (node.start_mark.line, node.start_mark.column))
    if isinstance(node, MappingNode):
        return _mapping(node, place, document)
    if isinstance(node, SequenceNode):
        return [_plain(child, (*place, index), document) for index, child in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    return _scalar(node)


def _mapping(node: MappingNode, place: Place, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise YamlProblemError("a key must be text", key.start_mark.line, key.start_mark.column)
        name = str(key.value)
        if name in found:
            raise YamlProblemError("this key stands here twice", key.start_mark.line, key.start_mark.column)
        found[name] = _plain(value, (*place, name), document)
    return found


def _scalar(node: ScalarNode) -> Any:
    text = node.value
    match str(node.tag).removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _integer(text, node)
        case "float":
            return _finite(text, node)
    return text


def _integer(text: str, node: Node) -> int:
    digits = text.replace("_", "")
    try:
        return int(digits, 0 if digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else 10)
    except ValueError:
        raise YamlProblemError("a number too long to read", node.start_mark.line, node.start_mark.column) from None


def _finite(text: str, node: Node) -> float:
    number = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise YamlProblemError("a number must be finite", node.start_mark.line, node.start_mark.column)
    return number
