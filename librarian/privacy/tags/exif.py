"""EXIF: which way up a picture is stays, in the shortest form that says it."""

from __future__ import annotations

import struct

_ORIENTATION, _SHORT = 0x0112, 3
_UPRIGHT, _MOST = 1, 8
_LONGEST_TABLE = 1000


def needed_of(content: bytes) -> bytes:
    """The TIFF header with the orientation and nothing else; nothing where the picture is upright or nobody says.

    Args:
        content: EXIF as it stands in a file, from its TIFF header on; `Exif` and two zeros may be before it.
    """
    content = content.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None or len(content) < 8:  # noqa: PLR2004
        return b""
    try:
        (table,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, table)
        for number in range(min(count, _LONGEST_TABLE)):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", content, table + 2 + 12 * number)
            if tag == _ORIENTATION and kind == _SHORT and _UPRIGHT < value <= _MOST:
                return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, value, 0, 0)
    except struct.error:
        pass
    return b""
