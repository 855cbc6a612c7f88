"""The operation `find_private`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from librarian import Output, Spans, Task, Words
from librarian_redaction import FindSettings
from librarian_redaction.finding import finder
from librarian_redaction.searching import UNKNOWN_END, is_timed, search, spans_of
from librarian_redaction.stretches import joined

if TYPE_CHECKING:
    from librarian.models.names import NameFinder

ADDRESSES = ("EMAIL", "URL", "IP", "MAC", "USER")


class FinderOfPrivate:
    """Built once for its settings: the lists, and the model if there is one."""

    def __init__(self, settings: FindSettings, device: str) -> None:
        self._find = finder(settings, _model(settings.model, device) if settings.model else None)

    def __call__(self, task: Task) -> Mapping[str, Output]:
        """Find what is private in the words of a recording."""
        artifact = task.inputs["words"]
        words = artifact.read_data(Words).words
        length = float(artifact.facts.get("duration") or UNKNOWN_END)
        hits = search(words, self._find)
        spans = spans_of(words, hits, length)
        seconds = sum(end - start for start, end in joined([(each.start, min(each.end, length)) for each in spans]))
        kinds = [each.type for each in spans]
        facts: dict[str, Any] = {
            "spans": len(spans),
            "names": kinds.count("NAME"),
            "addresses": sum(map(kinds.count, ADDRESSES)),
            "words": len(words),
            "untimed": sum(not is_timed(word) for word in words),
            "private_seconds": round(seconds, 3),
        }
        facts["numbers"] = facts["spans"] - facts["names"] - facts["addresses"]
        return {"spans": Output(Spans(spans=spans), facts)}


def _model(name: str, device: str) -> NameFinder:
    from librarian.models.names import NameFinder

    return NameFinder(name, device)
