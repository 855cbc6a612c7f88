"""How the lines of a manifest are chained, as plain values: light, for those who only append a few or look.

A line is `{seq, prev, digest, body}`. `digest` is the sha256 of the body's canonical text, which carries 16 random
bytes; `prev` chains the line to the one before, and a manifest's first line to the last line of the manifest before it.
So a body can be emptied later and the chain still verifies. What a body may hold says `records`.
"""

from __future__ import annotations

import hashlib
import os

SALT_BYTES = 16
NO_LINE = "0" * 64
"""`prev` of the first line of a project's first manifest."""
GOOD: frozenset[str] = frozenset({"done", "cached", "degraded"})
"""The outcomes that left results."""


def new_salt() -> str:
    """16 random bytes in hex: what keeps a body's digest from being guessed once the body is emptied."""
    return os.urandom(SALT_BYTES).hex()


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def link(seq: int, prev: str, digest: str) -> str:
    """What the next line's `prev` is."""
    return sha256(f'[{seq},"{prev}","{digest}"]'.encode(errors="surrogatepass"))  # their canonical text
