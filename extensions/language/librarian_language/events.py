"""Server-sent events (WHATWG HTML, 9.2) as servers of language models use them: `data` alone, and [DONE] at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from librarian import UnreachableError
from librarian.servers import ServerError, parsed

LONGEST_LINE = 2 << 20
"""Bytes."""
_DONE = b"[DONE]"


def chunks(blocks: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """The JSON objects that come as events, up to the one that says that it was all.

    Raises:
        ServerError: an event is no JSON object.
        UnreachableError: they break off.
    """
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
    raise UnreachableError("the server broke off in the middle of an answer")


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
