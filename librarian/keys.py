"""Ids, digests and task keys: everything that is derived, and from what.

All of it is HMAC-SHA256 under the project's id key, so that ids say nothing without the key and two projects cannot
be linked. The formats here are frozen: `tests/test_keys.py` holds a golden file of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

KEY_VARIABLE = "LIBRARIAN_KEY"
"""The variable both keys of a project may come from; it never reaches a worker."""
PASSPHRASE_VARIABLE = "LIBRARIAN_PASSPHRASE"
"""The variable that the passphrase of a sealed vault may come from; it never reaches a worker."""
SECRET_VARIABLES = frozenset({KEY_VARIABLE, PASSPHRASE_VARIABLE})
KEY_SCHEMA = 1
ID_LENGTH = 13
"""Base32 characters of an id: 65 bits."""
_ID_BYTES = 10
"""As many bytes hold them."""
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hide_variable(name: str = KEY_VARIABLE) -> None:
    """Wipe a variable where the system shows a process's environment to others (`/proc/PID/environ`).

    `os.environ` keeps its copy.
    """
    if sys.platform != "linux":
        return
    import ctypes

    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    if place := getenv(name.encode()):
        ctypes.memset(place, 0, len(ctypes.string_at(place)))


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no white space, UTF-8.

    A lone surrogate (a byte of a file name that is no UTF-8) becomes the three bytes that UTF-8 would give it.

    Raises:
        ValueError: for NaN and infinities.
    """
    return _ENCODER.encode(value).encode(errors="surrogatepass")


def base32(digest: bytes) -> str:
    """Lower-case base32 without padding (RFC 4648, section 6), two characters at a time."""
    places, left, characters = _places(len(digest))
    number = int.from_bytes(digest, "big") << left
    return "".join([_PAIRS[number >> place & 1023] for place in places])[:characters]


@cache
def _places(length: int) -> tuple[tuple[int, ...], int, int]:
    """For so many bytes: where each two characters begin (bits from the right), bits to add, characters."""
    bits = 8 * length
    left = -bits % 10
    return tuple(range(bits + left - 10, -1, -10)), left, -(-bits // 5)


def shard(unit: str) -> str:
    """The two characters after the prefix: the folder that a unit's folder lies in."""
    return unit.partition("_")[2][:2]


def key8(task_key: str) -> str:
    """The beginning of a task key that stands in a folder's name."""
    return task_key[:8]


def seed(task_key: str) -> int:
    """The task's seed, 32 bits, from its key."""
    return int.from_bytes(hashlib.sha256(task_key.encode()).digest()[:4], "big")


def key_document(
    *,
    operation: str,
    version: str,
    settings: Mapping[str, Any],
    models: Mapping[str, str],
    inputs: Sequence[tuple[str, str, str]],
    audio: Mapping[str, Any] | None,
    code: str = "",
) -> dict[str, Any]:
    """How a thing is made, whole: what the task key is the HMAC of.

    Args:
        operation: `package/operation`.
        version: the operation's version.
        settings: those that can change the result, free text as keyed digests.
        models: name → digest.
        inputs: `(port, role, id)` in gathering order; role is empty where there is none.
        audio: how sound is written (`format`, `bits`); None where no output is audio.
        code: digest of the extension's code, while that is developed; else empty, and not in the document.
    """
    document = {
        "schema": KEY_SCHEMA,
        "operation": operation,
        "version": version,
        "settings": dict(settings),
        "models": dict(models),
        "inputs": [list(entry) for entry in inputs],
        "audio": None if audio is None else dict(audio),
    }
    return {**document, "code": code} if code else document


@dataclass(frozen=True)
class IdKey:
    """The project's id key and everything that is derived with it. Its `repr` does not show it."""

    secret: bytes = field(repr=False)

    @cached_property
    def _keyed(self) -> hmac.HMAC:
        """With the key in it and nothing else: to copy it takes a seventh of what `hmac.digest` does."""
        return hmac.new(self.secret, digestmod="sha256")

    def _digest(self, domain: str, data: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(domain.encode() + b"\0" + data)
        return keyed.digest()

    def _mac(self, domain: str, data: bytes) -> str:
        return base32(self._digest(domain, data))

    def _id(self, prefix: str, data: bytes) -> str:
        return f"{prefix}_{base32(self._digest(prefix, data)[:_ID_BYTES])[:ID_LENGTH]}"

    def recording(self, sha256: str) -> str:
        """The id of a recording, from the hex digest of its content."""
        return self._id("rec", sha256.encode())

    def group(self, entry: str, text: str) -> str:
        """The id of a group, from its recordings entry and the text its members share."""
        return self._id("grp", canonical([entry, text]))

    def whole_job(self, job_name: str, step: str) -> str:
        """The id of the unit *job* of a step."""
        return self._id("set", canonical([job_name, step]))

    def artifact(self, task_key: str, output: str, item: int | None = None) -> str:
        """The id of an artifact, from how it is made. Items count from 1."""
        said = f'["{task_key}","{output}",{"null" if item is None else item}]'  # their canonical text
        return self._id("art", said.encode())

    def unreadable(self, path: bytes) -> str:
        """The id of a file that cannot be read, from where it lies."""
        return self._id("src", path)

    def machine(self, name: str) -> str:
        """The id of a machine."""
        return self._id("mch", name.encode())

    def task(self, document: Mapping[str, Any]) -> str:
        """The task key of a key document: 52 base32 characters."""
        return self._mac("task", canonical(document))

    def text(self, text: str) -> str:
        """What stands in a key document for free text; the text itself lies in the vault."""
        return f"text:{self._mac('text', text.encode(errors='surrogatepass'))}"

    def content(self, sha256: str, *, private: bool) -> str:
        """The digest of a file's content as the record gives it: keyed where the content is private."""
        return f"keyed:{self._mac('content', sha256.encode())}" if private else f"sha256:{sha256}"

    def fingerprint(self) -> str:
        """What tells two id keys apart without giving either away."""
        return self._mac("owner", b"")[:26]
