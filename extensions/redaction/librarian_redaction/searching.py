"""Which words are private: they are searched as one talk, and each speaker's and each channel's by themselves.

Who dictates a number is interrupted; the answer to `What is your name?` is somebody else's. So all streams are
searched, and what any of them shows counts. Words are read in the order in which they are written down: their times may
be off by more than a short word takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from librarian import PrivateFinder, Span, Word

WINDOW, OVERLAP = 2000, 200
"""Words that are searched at once, and those that one window repeats of the one before: no find is cut in both."""
UNKNOWN_END = 360_000.0
"""Where a recording of which nobody knows the length ends, or later (s)."""
SHORTEST = 0.005
"""A word that takes less has no time of its own (s)."""


@dataclass(frozen=True)
class Hit:
    """Words that name someone.

    Attributes:
        words: their indices, in order.
        type: `PHONE`, `NAME` …
        canonical: one form for all spellings; as private as the words.
    """

    words: tuple[int, ...]
    type: str
    canonical: str


def streams(words: Sequence[Word]) -> list[list[int]]:
    """The words as they are searched, as indices: all of them, then each speaker's on each channel."""
    every = list(range(len(words)))
    apart: dict[tuple[int | None, int | None], list[int]] = {}
    channels: dict[int | None, list[int]] = {}
    for index, word in enumerate(words):
        apart.setdefault((word.channel, word.speaker), []).append(index)
        channels.setdefault(word.channel, []).append(index)
    found = [every, *channels.values(), *apart.values()]
    return [list(each) for each in dict.fromkeys(map(tuple, found))]


def search(words: Sequence[Word], find: PrivateFinder) -> list[Hit]:
    """What is private among words, by its first word; hits that share a word are one."""
    found = [hit for stream in streams(words) for hit in _in_stream(words, stream, find)]
    return _joined(found)


def _in_stream(words: Sequence[Word], stream: Sequence[int], find: PrivateFinder) -> Iterator[Hit]:
    for begin in range(0, max(1, len(stream) - OVERLAP), WINDOW - OVERLAP):
        window = stream[begin : begin + WINDOW]
        for each in find.in_words([words[index].text for index in window]):
            yield Hit(tuple(window[each.first : each.end]), each.type, each.canonical)


def _joined(hits: Sequence[Hit]) -> list[Hit]:
    """Hits that share a word as one, named after the longest of them."""
    home: dict[int, int] = {}
    groups: dict[int, list[Hit]] = {}
    for number, hit in enumerate(sorted(set(hits), key=lambda each: (each.words[:1], -len(each.words), each.type))):
        merged = [hit]
        for other in sorted({home[word] for word in hit.words if word in home}):
            merged += groups.pop(other)
        groups[number] = merged
        home.update(dict.fromkeys((word for each in merged for word in each.words), number))
    found = []
    for group in groups.values():
        longest = max(group, key=lambda each: (len(each.words), -each.words[0]))
        touched = tuple(sorted({word for each in group for word in each.words}))
        found.append(Hit(touched, longest.type, longest.canonical))
    return sorted(found, key=lambda each: each.words)


def is_timed(word: Word) -> bool:
    """Whether a word has a time of its own."""
    return word.end - word.start >= SHORTEST


def time_of(words: Sequence[Word], hit: Hit, length: float) -> tuple[float, float]:
    """When a hit is said (s): of words without times, all that their neighbours leave.

    Args:
        words: all of them, in the order in which they are said.
        hit: which.
        length: where the recording ends, or later.
    """
    first, last = hit.words[0], hit.words[-1]
    start = min(words[index].start for index in hit.words)
    end = max(words[index].end for index in hit.words)
    if not all(is_timed(words[index]) for index in hit.words):
        start = min(start, next((words[i].end for i in range(first - 1, -1, -1) if is_timed(words[i])), 0.0))
        end = max(end, next((words[i].start for i in range(last + 1, len(words)) if is_timed(words[i])), length))
    return start, end


def spans_of(words: Sequence[Word], hits: Sequence[Hit], length: float = UNKNOWN_END) -> list[Span]:
    """Spans for hits, by start. One value has one number within its type, wherever it is said.

    Args:
        words: all of them, in the order in which they are said.
        hits: which of them are private.
        length: where the recording ends, or later (s).
    """
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    spans = []
    for hit in hits:
        of_type = numbers[hit.type]
        number = of_type.setdefault(hit.canonical, len(of_type) + 1)
        start, end = time_of(words, hit, length)
        text = " ".join(words[index].text.strip() for index in hit.words)
        spans.append(Span(start=start, end=end, type=hit.type, number=number, text=text))
    return sorted(spans, key=lambda span: (span.start, span.end))
