"""Keyed pseudonyms: `<PHONE:7f3kqm2a>` is one number in all records of a project, and says nothing of it."""

from __future__ import annotations

import hmac
from base64 import b32encode

_BYTES = 5
"""Of the digest: eight characters in base32."""


class Pseudonyms:
    """The stand-ins of one project for personal values.

    Without the key a dictionary of names or numbers is of no help, and two projects cannot be joined.

    Args:
        key: the project's pseudonym key, not empty.

    Raises:
        ValueError: the key is empty.
    """

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("a pseudonym needs a key")
        self._begun = hmac.new(key, digestmod="sha256")

    def __call__(self, kind: str, canonical: str) -> str:
        """The stand-in for one value.

        Args:
            kind: the type of value: upper-case ASCII letters.
            canonical: the one form that stands for all spellings of the value.
        """
        # A file name may hold lone surrogates (bytes that are no UTF-8): they are data here, not errors.
        keyed = self._begun.copy()
        keyed.update(kind.encode() + b"\0" + canonical.encode("utf-8", "surrogatepass"))
        return f"<{kind}:{b32encode(keyed.digest()[:_BYTES]).decode().lower()}>"
