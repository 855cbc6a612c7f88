"""Results → paths with the names that the owner knows, each once, whatever his files are called.

A name is made of the recording's own folder and stem, the step, and where it has several the output and the number:
`interviews/1987/Anna.voice.flac`. Names that a file system could take for one (letter case, ways to write accents)
are told apart by the whole name of the recording's file, and where that does not suffice by the artifact's id.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from librarian.keys import ID_LENGTH
from librarian.manifest.catalog import Catalog
from librarian.privacy.vault import Vault
from librarian.view.results import Members, Result

Layout = Literal["folders", "steps", "flat"]
LONGEST_NAME = 240
"""Bytes of a name, with room for what tells twins apart."""
_TOLD_APART = 6
"""Characters of an id."""
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ODD = frozenset({"Cc", "Cs", "Zl", "Zp"})

Place = tuple[tuple[str, ...], str, str]
"""Folders, stem and ending of a recording's file."""


class Namer:
    """Says where recordings and groups lie, and what they are called.

    Args:
        catalog: the index, caught up.
        vault: knows names.
        root: the project's folder, which names within it do not repeat.
        paths: recording → where it lies (`Vault.places`).
    """

    def __init__(self, catalog: Catalog, vault: Vault, root: Path, paths: Mapping[str, Sequence[str]]) -> None:
        self._vault, self._members, self._paths = vault, Members(catalog), paths
        outside = [os.path.dirname(each) for found in self._paths.values() for each in found if not _is_in(each, root)]
        self._root, self._outside = os.fspath(root), os.path.commonpath(outside) if outside else ""

    def places(self, result: Result) -> Iterator[Place]:
        """Where a result belongs: beside the recording, wherever that lies; of one that is known no more, nowhere."""
        unit = result.unit
        if unit in self._paths:
            yield from map(self._split, self._paths[unit])
        elif unit.startswith("grp_"):
            label, _ = self._vault.label(unit)
            member = next((each for each in self._members.of(result.made.key) if each in self._paths), None)
            folders = self._split(self._paths[member][0])[0] if member else ()
            yield folders, _plain(label.replace("/", "_") or unit), ""
        elif unit.startswith("set_"):
            yield (), result.made.job_name, ""

    def _split(self, path: str) -> Place:
        above = self._root if _is_in(path, Path(self._root)) else self._outside
        *folders, name = map(_plain, os.path.relpath(path, above).split("/"))
        stem, ending = os.path.splitext(name)
        return tuple(folders), stem, ending


def public_places(vault: Vault) -> Callable[[Result], Iterator[Place]]:
    """Where results belong that go to others: in no folder, under the unit's public label, else its id."""

    def places(result: Result) -> Iterator[Place]:
        label, public = vault.label(result.unit)
        yield (), _plain(label.replace("/", "_")) if label and public else result.unit, ""

    return places


def _is_in(path: str, folder: Path) -> bool:
    return path.startswith(f"{folder}/")


def _plain(name: str) -> str:
    """A name without what would act on a terminal, or is no text."""
    if name.isascii() and name.isprintable():
        return name
    return "".join("_" if unicodedata.category(each) in _ODD or each in _BIDI else each for each in name)


def named(results: Iterable[Result], places: Callable[[Result], Iterator[Place]], layout: Layout) -> dict[str, Result]:
    """Relative path → result.

    Args:
        results: what is to have names, each by `places` in however many.
        places: where a result belongs.
        layout: the recordings' own folders; one for each step, with those in it; or none.
    """
    found = [(place, result) for result in results for place in places(result)]
    chosen: dict[int, str] = {}
    clash: set[str] = set()
    waiting: Sequence[int] = range(len(found))
    for way in (_by_stem, _by_name, _by_id):
        paths = {number: _path(*found[number], layout, way) for number in waiting}
        keys = {number: _key(path) for number, path in paths.items()}
        clash |= _taken_twice(found, keys, {_key(path) for path in chosen.values()})
        for number, path in paths.items():
            if keys[number] not in clash or way is _by_id:
                chosen[number] = path
        waiting = [number for number in waiting if number not in chosen]
    return {path: found[number][1] for number, path in chosen.items()}


def _taken_twice(found: Sequence[tuple[Place, Result]], keys: dict[int, str], taken: set[str]) -> set[str]:
    """The names that are those of several artifacts, or of a folder too."""
    counted = Counter({(key, found[number][1].made.id) for number, key in keys.items()})
    several = Counter(key for key, _ in counted)
    folders = {above for key in keys.values() for above in _above(key)}
    return {key for key, artifacts in several.items() if artifacts > 1 or key in folders or key in taken}


def _above(key: str) -> Iterator[str]:
    place = key.rfind("/")
    while place > 0:
        yield key[:place]
        place = key.rfind("/", 0, place)


def _by_stem(place: Place, result: Result) -> str:
    return place[1]


def _by_name(place: Place, result: Result) -> str:
    return place[1] + place[2]


def _by_id(place: Place, result: Result) -> str:
    return f"{place[1]}{place[2]}~{result.made.id[-ID_LENGTH:][:_TOLD_APART]}"


def _path(place: Place, result: Result, layout: Layout, way: Callable[[Place, Result], str]) -> str:
    made = result.made
    what = [made.step, *([made.output] if result.several else [])]
    numbers = [f"{number:04d}" for number in result.items]
    ending = made.file.rpartition(".")[2]
    folders = {"folders": place[0], "steps": (".".join(what), *place[0]), "flat": ()}[layout]
    end = ".".join(["", *([] if layout == "steps" else what), *numbers, ending])
    return "/".join((*folders, _short(way(place, result), end) + end))


def _short(stem: str, end: str) -> str:
    room = LONGEST_NAME - len(end)
    encoded = stem.encode(errors="replace")
    return stem if len(encoded) <= room else encoded[:room].decode(errors="ignore")


def _key(path: str) -> str:
    """What is the same for names that a file system could take for one."""
    if path.isascii():
        return path.casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
