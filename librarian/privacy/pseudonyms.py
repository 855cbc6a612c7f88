"""Keyed pseudonyms: `<PHONE:7f3kqm2a>` is one number in all records of a project, and says nothing of it."""

from __future__ import annotations

import hmac
from base64 import b32encode

_BYTES = 5
"""Of the digest: eight characters in base32."""


def pseudonym(key: bytes, kind: str, canonical: str) -> str:
    """The stand-in for one personal value.

    Without the key a dictionary of names or numbers is of no help, and two projects cannot be joined.

    Args:
        key: the project's pseudonym key, not empty.
        kind: the type of value: upper-case ASCII letters.
        canonical: the one form that stands for all spellings of the value.

    Raises:
        ValueError: the key is empty.
    """
    if not key:
        raise ValueError("a pseudonym needs a key")
    # A file name may hold lone surrogates (bytes that are no UTF-8): they are data here, not errors.
    data = kind.encode() + b"\0" + canonical.encode("utf-8", "surrogatepass")
    code = b32encode(hmac.digest(key, data, "sha256")[:_BYTES]).decode().lower()
    return f"<{kind}:{code}>"
