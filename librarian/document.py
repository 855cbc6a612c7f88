"""Small files that a setting names, for extensions: YAML 1.2, or JSON, as plain data. Hostile text is refused."""

from __future__ import annotations

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
