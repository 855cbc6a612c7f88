"""Texts with personal data whose places are known, and how much of it is found: what both generators share."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
Make = Callable[[random.Random], str]
_PLACE = re.compile(r"\{([A-Za-z]+)\}")


class Marked(NamedTuple):
    """A stretch of a sample that names someone."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Sample:
    """A text and what in it names someone."""

    text: str
    marked: tuple[Marked, ...] = ()


def render(template: str, values: Mapping[str, Make], source: random.Random) -> Sample:
    """A template with its places filled in. Those in capitals name someone."""
    pieces: list[str] = []
    marked: list[Marked] = []
    length = last = 0
    for place in _PLACE.finditer(template):
        before, name = template[last : place.start()], place[1]
        value = values[name](source)
        length += len(before)
        if name.isupper():
            marked.append(Marked(length, length + len(value), name))
        length += len(value)
        pieces += [before, value]
        last = place.end()
    return Sample("".join([*pieces, template[last:]]), tuple(marked))


def samples(
    templates: Sequence[str], values: Mapping[str, Make], number: int, source: random.Random
) -> Iterator[Sample]:
    """Samples of each template in turn."""
    for each in range(number):
        yield render(templates[each % len(templates)], values, source)


def strings_of_records() -> list[str]:
    """Every string in the manifests, the key documents and the contract that the tests keep."""
    found: set[str] = set()
    for path in sorted((TESTS / "golden").iterdir()):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        for line in lines:
            found.update(_strings(json.loads(line)))
    return sorted(found)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


@dataclass
class Score:
    """What was found.

    Attributes:
        marked, covered: type → stretches, and those of which every letter and digit was found.
        hits, right: what was found at all, and what of it lies on a marked stretch.
        plain, untouched: texts that name no one, and those in which nothing was found.
    """

    marked: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    plain: int = 0
    untouched: int = 0

    def recall(self, *types: str) -> float:
        """Covered of marked, of some types."""
        return sum(self.covered[each] for each in types) / sum(self.marked[each] for each in types)

    @property
    def precision(self) -> float:
        """Right of all hits."""
        return self.right.total() / self.hits.total()

    @property
    def kept(self) -> float:
        """Untouched of plain."""
        return self.untouched / self.plain


def score(corpus: Iterable[Sample], find: Callable[[str], Iterable[tuple[int, int, str]]]) -> Score:
    """Hold what `find` finds (start, end, type) against what is marked."""
    made = Score()
    for sample in corpus:
        found = [(start, end, kind) for start, end, kind in find(sample.text)]
        for start, end, kind in found:
            made.hits[kind] += 1
            made.right[kind] += any(start < each.end and each.start < end for each in sample.marked)
        for each in sample.marked:
            made.marked[each.type] += 1
            made.covered[each.type] += missed(sample.text, each, found) == ""
        if not sample.marked:
            made.plain += 1
            made.untouched += not found
    return made


def missed(text: str, marked: Marked, found: Iterable[tuple[int, int, str]]) -> str:
    """The letters and digits of a marked stretch that nothing covers."""
    hidden = {index for start, end, _ in found for index in range(start, end)}
    return "".join(
        text[index] for index in range(marked.start, marked.end) if index not in hidden and text[index].isalnum()
    )
