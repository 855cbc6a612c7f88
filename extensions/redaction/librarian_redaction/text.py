"""The operation `redact_text`: a text without what is private."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from librarian import Output, Span, Task, UnusableInputError
from librarian_redaction import SearchSettings
from librarian_redaction.checking import NotCleanError
from librarian_redaction.find import ADDRESSES
from librarian_redaction.finding import finder
from librarian_redaction.wording import GIVEN, PLACEHOLDER, placeholder

MOST_BYTES = 16 << 20
"""Of a text."""
MOST_PASSES = 4
"""Of the search: what was between two names may be one itself."""

Found = Sequence[tuple[int, int, str, str]]
"""What names someone in a text: start, end, type, canonical form."""


class TextRedactor:
    """Built once for its settings: the lists."""

    def __init__(self, settings: SearchSettings, device: str) -> None:
        self._find = finder(settings)

    def __call__(self, task: Task) -> Mapping[str, Output]:
        """Replace what is private in a text by placeholders, until nothing of it is found.

        Raises:
            UnusableInputError: `corrupt` where it is no text in UTF-8, `unsupported` where it is too long.
            NotCleanError: something is found again and again.
        """
        text = _read(task)
        stand_ins = StandIns(text)
        taken = Counter[str]()
        for _ in range(MOST_PASSES):
            hits = [hit for hit in self._find(text) if not stand_ins.hold(hit)]
            if not hits:
                return {"text": Output(_written(task, text), _facts(taken))}
            taken.update(kind for _, _, kind, _ in hits)
            text = stand_ins.without(text, hits)
        raise NotCleanError("something private is found in the text again and again")


class StandIns:
    """The placeholders of a text: one for each value, with numbers above those that stood there before.

    Args:
        text: what is to be cleared.
    """

    def __init__(self, text: str) -> None:
        self._made: dict[tuple[str, str], str] = {}
        self._last = Counter[str]()
        for found in GIVEN.finditer(text):
            self._last[found[1]] = max(self._last[found[1]], int(found[2] or 0))
        self._look(text)

    def hold(self, hit: tuple[int, int, str, str]) -> bool:
        """Whether what was found lies within a placeholder."""
        place = bisect_right(self._starts, hit[0]) - 1
        return place >= 0 and hit[1] <= self._ends[place]

    def without(self, text: str, hits: Found) -> str:
        """The text with a placeholder for each hit."""
        parts: list[str] = []
        at = 0
        for start, end, kind, canonical in hits:
            parts += [text[at:start], self._of(kind, canonical)]
            at = end
        text = "".join([*parts, text[at:]])
        self._look(text)
        return text

    def _of(self, kind: str, canonical: str) -> str:
        if (kind, canonical) not in self._made:
            self._last[kind] += 1
            self._made[kind, canonical] = placeholder(Span(start=0, end=0, type=kind, number=self._last[kind]))
        return self._made[kind, canonical]

    def _look(self, text: str) -> None:
        """Find where they stand."""
        places = list(self._places(text))
        self._starts, self._ends = [start for start, _ in places], [end for _, end in places]

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        own = set(self._made.values())
        for found in PLACEHOLDER.finditer(text):
            if found[0] in own or GIVEN.fullmatch(found[0]):
                yield found.span()


def _read(task: Task) -> str:
    path: Path = task.inputs["text"].path
    if path.stat().st_size > MOST_BYTES:
        raise UnusableInputError("unsupported", f"a text of more than {MOST_BYTES:,} bytes is not searched")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UnusableInputError("corrupt", "it holds no text in UTF-8") from None


def _written(task: Task, text: str) -> Path:
    path = Path(task.folder) / "text.txt"
    path.write_text(text, encoding="utf-8")
    return path


def _facts(taken: Counter[str]) -> dict[str, float | bool | str | None]:
    addresses = sum(taken[kind] for kind in ADDRESSES)
    return {
        "spans": taken.total(),
        "names": taken["NAME"],
        "addresses": addresses,
        "numbers": taken.total() - taken["NAME"] - addresses,
    }
