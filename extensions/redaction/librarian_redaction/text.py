"""The operation `redact_text`: a text without what is private."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from librarian import Output, Span, Task, UnusableInputError
from librarian_redaction import SearchSettings
from librarian_redaction.checking import NotCleanError
from librarian_redaction.find import ADDRESSES
from librarian_redaction.finding import finder
from librarian_redaction.wording import PLACEHOLDER, placeholder

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
        numbers: dict[tuple[str, str], int] = {}
        taken = Counter[str]()
        for _ in range(MOST_PASSES):
            hits = self._hits(text)
            if not hits:
                return {"text": Output(_written(task, text), _facts(taken))}
            taken.update(kind for _, _, kind, _ in hits)
            text = without(text, hits, numbers)
        raise NotCleanError("something private is found in the text again and again")

    def _hits(self, text: str) -> Found:
        """What is found, but for placeholders."""
        stand_ins = [found.span() for found in PLACEHOLDER.finditer(text)]
        return [
            hit for hit in self._find(text) if not any(first <= hit[0] and hit[1] <= last for first, last in stand_ins)
        ]


def without(text: str, hits: Found, numbers: dict[tuple[str, str], int]) -> str:
    """A text with a placeholder for each hit; `numbers` holds those of values that were met, and takes in new ones."""
    parts: list[str] = []
    at = 0
    for start, end, kind, canonical in hits:
        number = numbers.setdefault((kind, canonical), 1 + sum(known == kind for known, _ in numbers))
        parts += [text[at:start], placeholder(Span(start=0, end=0, type=kind, number=number))]
        at = end
    return "".join([*parts, text[at:]])


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
