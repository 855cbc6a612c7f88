"""How far a forget goes: everything that was ever made from some recordings, as all manifests tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from librarian.manifest.journal import entries, manifests


@dataclass
class Touched:
    """What of one manifest goes: the numbers of its lines, the artifacts that they recorded, and their folders."""

    lines: list[int] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


@dataclass
class Extent:
    """What goes.

    Attributes:
        units: the recordings that were asked for, and groups of nothing but these.
        touched: job → what of its manifest goes.
        results: kind of artifact → how many.
        bytes: their size.
        gathered: artifacts among them that other recordings went into as well.
        exports: job that copied any of them out of the library → when it began.
    """

    units: set[str]
    touched: dict[str, Touched] = field(default_factory=lambda: defaultdict(Touched))
    results: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    gathered: int = 0
    exports: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """Lines that are emptied."""
        return sum(len(each.lines) for each in self.touched.values())


def extent(folder: Path, units: Collection[str]) -> Extent:
    """What goes with some recordings: whatever was made from them, in however many steps, also with others together.

    A thing is always made before anything is made from it, so one walk through all manifests finds everything.

    Args:
        folder: the manifests.
        units: ids of recordings, or of files that cannot be read.
    """
    found = Extent(set(units))
    gone, made = set(units), set[str]()
    whole, partly = set[str](), set[str]()
    for path in manifests(folder):
        began = ""
        for entry in entries(path):
            body = entry.body or {}
            began = body.get("started", began)
            if entry.type == "export" and gone.intersection(body["artifacts"]):
                found.exports[path.stem] = began
            unit, sources = body.get("unit"), set(_sources(body))
            comes_of_it = bool(sources & gone) or unit in gone
            if str(unit).startswith("grp_"):
                (whole if sources and sources <= gone else partly).add(str(unit))
            if not comes_of_it:
                continue
            touched = found.touched[path.stem]
            touched.lines.append(entry.seq)
            if body.get("folder"):
                touched.folders.append(body["folder"])
            for each in body.get("produced", ()):
                gone.add(each["id"])
                touched.artifacts.append(each["id"])
                if each["id"] not in made:
                    made.add(each["id"])
                    found.results[each["kind"]] += 1
                    found.bytes += each["bytes"]
                    found.gathered += not sources <= gone
    found.units |= whole - partly
    return found


def _sources(body: dict[str, Any]) -> Iterator[str]:
    """What a task took, as its line says: what it read, or what it was to read."""
    yield from (each["id"] for each in body.get("consumed") or ())
    yield from (given[2] for given in (body.get("document") or {}).get("inputs", ()))
