"""Small files that a setting names, for extensions: as plain data (YAML 1.2, or JSON), or as text. None is trusted."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any


def read_document(path: Path | str) -> Any:
    """The plain data of a file: mappings, lists, texts, numbers, flags and nulls.

    Size, depth and number of entries are bounded, as of a job file (256 KiB, 32, 50,000). Tags, anchors, duplicate
    keys, several documents and numbers that are not finite are refused.

    Raises:
        ValueError: it cannot be read; where and why, in one line that quotes nothing of it.
    """
    from librarian.job.yamltext import YamlProblemError, parse, read_file

    try:
        return parse(read_file(Path(path))).data
    except OSError:
        raise ValueError("there is no such file, or it may not be read") from None
    except YamlProblemError as error:
        raise ValueError(f"line {error.line + 1}, column {error.column + 1} of the file: {error.message}") from None


def read_text(path: Path | str, most: int) -> str:
    """The text of a file; what is no UTF-8 in it becomes U+FFFD.

    Args:
        path: the file.
        most: bytes at the most.

    Raises:
        ValueError: it cannot be read, is a folder, a pipe or a device, or is larger.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ValueError("is no file")
            content = file.read(most + 1)
    except OSError:
        raise ValueError("there is no such file, or it may not be read") from None
    if len(content) > most:
        raise ValueError(f"is too large: more than {most:,} bytes")
    return content.decode("utf-8-sig", "replace")
