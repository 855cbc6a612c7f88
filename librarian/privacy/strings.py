"""Texts in bytes of any kind: what a person could read of a file that is no text."""

from __future__ import annotations

import re
from collections.abc import Iterator

SHORTEST = 4
_UTF8 = re.compile(
    rb"(?:[\x20-\x7e\t]|[\xc2-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}){%d,}" % SHORTEST
)
_LATIN = re.compile(rb"[\x20-\x7e\xc0-\xff]{%d,}" % SHORTEST)
_UTF16 = [
    (encoding, re.compile(pattern % SHORTEST))
    for encoding, pattern in (
        ("utf-16-le", rb"(?:[\x20-\x7e\xa0-\xff]\0){%d,}"),
        ("utf-16-be", rb"(?:\0[\x20-\x7e\xa0-\xff]){%d,}"),
        ("utf-16-le", rb"(?:[\x20-\x7e\xa0-\xff]\0|[\0-\xff][\x01-\x06]){%d,}"),
        ("utf-16-be", rb"(?:\0[\x20-\x7e\xa0-\xff]|[\x01-\x06][\0-\xff]){%d,}"),
    )
]
"""Latin by itself first: of what stands before it in other letters nobody knows whether it is text."""


def strings_in(content: bytes) -> Iterator[str]:
    """Stretches that can be read, as UTF-8, as Latin-1 where they are no UTF-8, and as UTF-16."""
    for match in _UTF8.finditer(content):
        yield match[0].decode("utf-8", "replace")
    for match in _LATIN.finditer(content):
        if not match[0].isascii():
            yield match[0].decode("latin-1")
    if b"\0" in content:
        for encoding, pattern in _UTF16:
            for match in pattern.finditer(content):
                yield match[0].decode(encoding, "replace")
