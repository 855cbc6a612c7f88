"""Server-sent events (WHATWG HTML, 9.2) as servers of language models use them: `data` alone, and mostly [DONE] last.

[DONE] says little: some never send it, and some send it where they broke off. What counts is that an event says why the
answer ended; urllib3 sees to it that a body is as long as it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from librarian import UnreachableError
from librarian.servers import ServerError, parsed

LONGEST_LINE = 2 << 20
"""Bytes."""
_DONE = b"[DONE]"
_BROKEN = "the server broke off in the middle of an answer"


def chunks(blocks: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """The JSON objects that come as events, up to the last.

    Raises:
        ServerError: an event is no JSON object, or there is none.
        UnreachableError: they break off.
    """
    has_begun = is_over = False
    for found in _events(blocks):
        has_begun, is_over = True, is_over or _ends(found)
        yield found
    if not has_begun:
        raise ServerError("it ended before an answer began; its log says why")
    if not is_over:
        raise UnreachableError(_BROKEN)


def _events(blocks: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    data: list[bytes] = []
    for line in _lines(blocks):
        name, _, value = line.partition(b":")
        if name == b"error":
            yield {"error": parsed(value) or True}
        elif name == b"data":
            data.append(value.strip())
        if data == [_DONE]:
            return
        if not line and data:
            yield _mapping(b"\n".join(data))
            data = []
    if data:
        raise UnreachableError(_BROKEN)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in whole)
        if len(rest) > LONGEST_LINE:
            raise ServerError("an event has no end")
    yield rest


def _mapping(data: bytes) -> Mapping[str, Any]:
    found = parsed(data)
    if not isinstance(found, Mapping):
        raise ServerError("it sends events that are no JSON object: does it speak the OpenAI API?")
    return found


def _ends(chunk: Mapping[str, Any]) -> bool:
    """Whether it says why an answer ended."""
    choices = chunk.get("choices")
    return isinstance(choices, list) and any(
        isinstance(each, Mapping) and each.get("finish_reason") for each in choices
    )
