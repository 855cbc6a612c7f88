"""Messages between parent and worker: a length (4 bytes, big endian) and as much JSON.

Requests: `declare`, `checks`, `examine`, `validate`, `probe`, `probes`, `measure`, `names`, `revise`, `run`, each with
an `id`. A worker answers each with one `done`, `failed` or `problems` of the same id; before that it may send
`progress` and `state` with that id, and at any time `beat` and `retire`: it is to get nothing more. Beside what was
asked for an answer may say `ahead` and `batch` (how many requests of this route the worker can use at once, and how
many it computes together), `end` (the worker is of no more use) and `again` (it may have been so before this task).

`recall` asks for a request back; the worker says `back` where it has not begun it, else `kept`. `saved` answers each
`state` once that is durable.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

HEADER = struct.Struct(">I")
MAX_BYTES = 64 << 20
"""A message that claims to be longer is not read: its sender is broken."""

Message = dict[str, Any]


class BrokenMessageError(Exception):
    """What came is no message."""


def encode(message: Message) -> bytes:
    """A message as bytes. Paths that are no UTF-8 travel as lone surrogates, escaped."""
    text = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii")
    if len(text) > MAX_BYTES:
        raise BrokenMessageError(f"a message of {len(text)} bytes")
    return HEADER.pack(len(text)) + text


class Decoder:
    """Bytes, as they come in, → messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes.

        Raises:
            BrokenMessageError: it is not what a worker of ours sends.
        """
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > MAX_BYTES:
                raise BrokenMessageError(f"a message of {length} bytes")
            if len(self._buffer) < HEADER.size + length:
                return
            text = bytes(self._buffer[HEADER.size : HEADER.size + length])
            del self._buffer[: HEADER.size + length]
            yield _message(text)


def _message(text: bytes) -> Message:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenMessageError("a message that is no JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BrokenMessageError("a message without a type")
    return message


def cause(reason: str, **details: Any) -> Message:
    """The `cause` of a `failed` message."""
    return {"reason": reason, **{name: value for name, value in details.items() if value is not None}}


def failed(reason: str, **details: Any) -> Message:
    """A `failed` message."""
    return {"type": "failed", "cause": cause(reason, **details)}
