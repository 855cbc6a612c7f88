"""Patterns → the files that they take, and what lies beside those: names and stats, no content.

What cannot be looked at is taken too: nothing is left out in silence.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wcmatch import glob

from librarian.files import StatKey

Found = tuple[str, StatKey]
"""Path and stat of a file."""

# What several alternatives take is told apart here: wcmatch would keep every path a second time.
_FLAGS = glob.BRACE | glob.GLOBSTAR | glob.IGNORECASE | glob.NODIR | glob.NOUNIQUE
_PATTERN_LIMIT = 1000
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)
_KNOWN_ENDINGS = frozenset(
    f".{ending}"
    for ending in (
        "3gp aac aif aiff amr ape au avi caf csv cue doc docx dss flac gif jpeg jpg json log lrc m3u m4a m4b md mka "
        "mkv mov mp2 mp3 mp4 mpg nfo oga ogg opus pdf png ra rf64 rtf rttm srt svg textgrid tif tiff toml tsv txt vtt "
        "7z bz2 gz rar tar w64 wav webm webp wma wmv wv xml yaml yml zip"
    ).split()
)


if TYPE_CHECKING:
    _Base = glob.Glob[str]
else:
    _Base = glob.Glob


class _Glob(_Base):
    """wcmatch passes over folders that cannot be opened and links in a circle; this one keeps them."""

    def __init__(self, pattern: str, folder: str) -> None:
        super().__init__(pattern, flags=_FLAGS, root_dir=folder, limit=_PATTERN_LIMIT)
        self.folder = folder
        self.closed: dict[str, str] = {}

    def _iter(self, curdir: str | None, dir_only: bool, deep: bool) -> Iterator[tuple[str, bool, bool, bool]]:
        here = os.path.join(self.folder, curdir or "")
        try:
            with os.scandir(here) as listing:
                yield from ((name, True, True, False) for name in self.specials)
                for each in listing:
                    is_folder = _is_folder(each)
                    if is_folder or not dir_only:
                        link = is_folder and each.is_symlink()
                        yield each.name, is_folder, self._is_hidden(each.name), link
        except OSError as error:
            if error.errno not in _NOT_THERE:
                self.closed[here] = error.strerror or str(error)


def _is_folder(entry: os.DirEntry[Any]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def taken_by(pattern: str, folder: Path) -> dict[str, str]:
    """The paths that a pattern takes, and why those cannot be read that are folders on its way.

    Args:
        pattern: braces, `**`; letter case ignored, dot files off.
        folder: what it is relative to.

    Raises:
        ValueError: it cannot be read.
    """
    above = os.fspath(folder)
    try:
        looking = _Glob(pattern, above)
        found = {_normal(above, place): "" for place in looking.glob()}
    except Exception as error:  # wcmatch has private types for what it cannot expand
        raise ValueError(type(error).__name__) from None
    for place, reason in looking.closed.items():
        found[_normal(above, place)] = f"a folder that cannot be opened: {reason}"
    return found


def _normal(above: str, place: str) -> str:
    return os.path.normpath(os.path.join(above, place))


def in_order(paths: Iterable[str]) -> list[str]:
    """Files as recordings are gone through: by the bytes of their names."""
    return sorted(paths, key=os.fsencode)


def not_taken(taken: Iterable[str]) -> Counter[str]:
    """Ending → files beside those that are taken."""
    endings: Counter[str] = Counter()
    known: set[int] = set()  # hashes take less than paths do, and nothing but a count hangs on them
    folders: set[str] = set()
    for path in taken:
        known.add(hash(path))
        folders.add(os.path.dirname(path))
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as listing:
            for each in listing:
                plain = each.is_file(follow_symlinks=False) and not each.name.startswith(".")
                if plain and hash(each.path) not in known:
                    endings[_ending(each.name)] += 1
    return endings


def _ending(name: str) -> str:
    # What follows the last dot may be the rest of a name ("Call with Dr.Anna"): only endings that are known are said.
    ending = os.path.splitext(name)[1].lower()
    return ending if ending in _KNOWN_ENDINGS else ""


def all_of(found: Iterable[Found], beside: Mapping[str, int]) -> str:
    """One word for all that a scan found: it is another wherever anything else is found.

    Args:
        found: the files, in the order of the entries and of names.
        beside: ending → files that no pattern took.
    """
    said = hashlib.sha256()
    for each in found:  # one by one: the text of all together is larger than what is kept of them
        said.update(repr(each).encode(errors="surrogateescape"))
    said.update(repr(sorted(beside.items())).encode())
    return said.hexdigest()
