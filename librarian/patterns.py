"""Patterns → the files that they take, and what lies beside those: names and stats, no content."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

from wcmatch import glob

from librarian.files import StatKey

Found = tuple[str, StatKey]
"""Path and stat of a file."""

_FLAGS = glob.BRACE | glob.GLOBSTAR | glob.IGNORECASE | glob.NODIR
_PATTERN_LIMIT = 1000
_KNOWN_ENDINGS = frozenset(
    f".{ending}"
    for ending in (
        "3gp aac aif aiff amr ape au avi caf csv cue doc docx dss flac gif jpeg jpg json log lrc m3u m4a m4b md mka "
        "mkv mov mp2 mp3 mp4 mpg nfo oga ogg opus pdf png ra rf64 rtf rttm srt svg textgrid tif tiff toml tsv txt vtt "
        "7z bz2 gz rar tar w64 wav webm webp wma wmv wv xml yaml yml zip"
    ).split()
)


def taken_by(pattern: str, folder: Path) -> set[str] | None:
    """The files that a pattern takes, below a folder or elsewhere; None where it cannot be read."""
    try:
        matches = glob.glob(pattern, flags=_FLAGS, root_dir=folder, limit=_PATTERN_LIMIT)
    except Exception:  # wcmatch has private types for what it cannot expand
        return None
    above = os.fspath(folder)
    return {os.path.normpath(os.path.join(above, match)) for match in matches}


def in_order(paths: Iterable[str]) -> list[str]:
    """Files as recordings are gone through: by the bytes of their names."""
    return sorted(paths, key=os.fsencode)


def not_taken(taken: Set[str]) -> Counter[str]:
    """Ending → files beside those that are taken."""
    endings: Counter[str] = Counter()
    for folder in {os.path.dirname(path) for path in taken}:
        with contextlib.suppress(OSError), os.scandir(folder) as listing:
            for each in listing:
                plain = each.is_file(follow_symlinks=False) and not each.name.startswith(".")
                if plain and each.path not in taken:
                    endings[_ending(each.name)] += 1
    return endings


def _ending(name: str) -> str:
    # What follows the last dot may be the rest of a name ("Call with Dr.Anna"): only endings that are known are said.
    ending = os.path.splitext(name)[1].lower()
    return ending if ending in _KNOWN_ENDINGS else ""


def all_of(found: Sequence[Found], beside: Mapping[str, int]) -> str:
    """One word for all that a scan found: it is another wherever anything else is found.

    Args:
        found: the files, in the order of the entries and of names.
        beside: ending → files that no pattern took.
    """
    said = repr((list(found), sorted(beside.items())))
    return hashlib.sha256(said.encode(errors="surrogateescape")).hexdigest()
