"""From spans to what is taken out of a sound: padded, whole words, merged; the same seconds in every sound."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from math import ceil, floor

from librarian import UnusableInputError, Word

Time = tuple[float, float]
"""Start and end (s)."""
Frames = tuple[int, int]
"""The first frame, and that behind the last."""
TOUCH = 0.03
"""A word that shares less with a stretch (s), and less than half of itself, only borders on it."""
BEYOND = 0.5
"""Seconds after the end of a sound at which a span may begin: encoders and resamplers add and cut off as much."""


def joined(times: Iterable[Time], gap: float = 0.0) -> list[Time]:
    """Stretches by start; those that are no further apart than `gap` (s) are one."""
    found: list[Time] = []
    for start, end in sorted(times):
        if found and start - found[-1][1] <= gap:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def touched(words: Sequence[Word], times: Sequence[Time]) -> list[int]:
    """The words that lie in stretches, were it by a part of them; a word without a time where it is or at a border.

    Args:
        words: in any order.
        times: as `joined` gives them.
    """
    starts, ends = [start for start, _ in times], [end for _, end in times]
    found = []
    for index, word in enumerate(words):
        least = min(TOUCH, (word.end - word.start) / 2)
        first, behind = bisect_left(ends, word.start), bisect_right(starts, word.end)
        if any(min(word.end, ends[i]) - max(word.start, starts[i]) >= least for i in range(first, behind)):
            found.append(index)
    return found


def taken(spans: Iterable[Time], words: Sequence[Word], padding: float, fade: float) -> list[Time]:
    """What is taken: spans with the words that they touch, padded; merged where no fades fit between them.

    Args:
        spans: what is private (s).
        words: of all transcripts.
        padding: on both sides (s).
        fade: outside of that (s).
    """
    found = joined(spans)
    whole = joined([*found, *((words[index].start, words[index].end) for index in touched(words, found))])
    return joined(padded(whole, padding), apart(fade))


def apart(fade: float) -> float:
    """How far from each other stretches are whose fades (s) do not meet, in frames too."""
    return 2 * fade + 0.001


def padded(times: Iterable[Time], padding: float) -> list[Time]:
    """Stretches with more on both sides, none before the beginning (s)."""
    return [(max(0.0, start - padding), end + padding) for start, end in times]


class Stretches:
    """What is taken, as frames of one sound.

    Args:
        times: as `taken` gives them (s).
        rate: Hz, of the sound.
        fade: around each (s).

    Attributes:
        fade: frames around each.
    """

    def __init__(self, times: Sequence[Time], rate: int, fade: float) -> None:
        self.fade = round(fade * rate)
        self._rate = rate
        self._starts = [floor(start * rate) for start, _ in times]
        self._ends = [ceil(end * rate) for _, end in times]

    def within(self, first: int, behind: int) -> list[Frames]:
        """Those that have a frame among some, were it one of their fades."""
        some = slice(bisect_right(self._ends, first - self.fade), bisect_left(self._starts, behind + self.fade))
        return list(zip(self._starts[some], self._ends[some], strict=True))

    def seconds(self, length: int) -> float:
        """Their time in a sound of so many frames (s).

        Raises:
            UnusableInputError: `unsupported` where one begins long after the end of the sound.
        """
        if self._starts and self._starts[-1] > length + BEYOND * self._rate:
            raise UnusableInputError("unsupported", "spans lie after the end of the sound: of another recording?")
        pairs = zip(self._starts, self._ends, strict=True)
        return sum(min(end, length) - start for start, end in pairs if start < length) / self._rate

    def __len__(self) -> int:
        return len(self._starts)
