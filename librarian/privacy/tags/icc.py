"""Colour profiles (ISO 15076-1): the numbers stay, names of devices and people, texts and dates become zeros."""

from __future__ import annotations

import struct

_NUMBERS = frozenset(
    b"rXYZ gXYZ bXYZ wtpt bkpt lumi chad chrm rTRC gTRC bTRC kTRC gamt A2B0 A2B1 A2B2 A2B3 B2A0 B2A1 B2A2 B2A3 "
    b"D2B0 D2B1 D2B2 D2B3 B2D0 B2D1 B2D2 B2D3 pre0 pre1 pre2 cicp".split()
)
_HEADER, _ENTRY, _MOST_TAGS = 128, 12, 200
_KEPT_OF_HEADER = ((0, 4), (8, 24), (36, 44), (64, 80))
"""Size; version, class and spaces; signature and platform; intent and illuminant."""


def numbers_of(profile: bytes) -> bytes:
    """A profile of the same length with its numbers only; all zeros where it cannot be read."""
    kept = bytearray(len(profile))
    if len(profile) < _HEADER + 4 or profile[36:40] != b"acsp":
        return bytes(kept)
    for start, end in _KEPT_OF_HEADER:
        kept[start:end] = profile[start:end]
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    table = _HEADER + 4 + _ENTRY * count
    if count > _MOST_TAGS or table > len(profile):
        return bytes(len(profile))
    kept[_HEADER:table] = profile[_HEADER:table]
    for place in range(_HEADER + 4, table, _ENTRY):
        word, start, size = struct.unpack_from(">4sII", profile, place)
        if start < table or start + size > len(profile):
            return bytes(len(profile))
        # The type of what is emptied stays: a text of no characters is one.
        end = start + (size if word in _NUMBERS else min(size, 4))
        kept[start:end] = profile[start:end]
    return bytes(kept)
