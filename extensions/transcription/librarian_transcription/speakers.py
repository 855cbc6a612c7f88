"""Which speaker said a word: the one whose turn covers most of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from librarian import Turn, Turns, Word

NO_TIME = 1e-9
"""Seconds: how long a word without any length is taken to be."""


def assigned(words: Sequence[Word], turns: Turns) -> list[Word]:
    """The words with their speakers; none where no turn covers any of a word.

    A turn of a channel covers words of that channel only. Of two turns that cover as much of a word the one counts
    that has the floor there (the exclusive turns), then the one that began first.

    Args:
        words: by start.
        turns: who spoke when.
    """
    floor = list(_covering(words, turns.exclusive))
    found = []
    for word, turns_here, floor_here in zip(words, _covering(words, turns.turns), floor, strict=True):
        speaker = _speaker(word, turns_here, floor_here)
        found.append(word if speaker is None else word.model_copy(update={"speaker": speaker}))
    return found


def _speaker(word: Word, turns: Sequence[Turn], floor: Sequence[Turn]) -> int | None:
    totals: dict[int, float] = {}
    for turn in turns:
        totals[turn.speaker] = totals.get(turn.speaker, 0.0) + _covered(word, turn)
    if not totals:
        return None
    has_floor = {turn.speaker: _covered(word, turn) for turn in floor}
    return max(totals, key=lambda speaker: (round(totals[speaker], 6), has_floor.get(speaker, 0.0)))


def _covering(words: Sequence[Word], turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    """For each word the turns that cover some of it, by start."""
    going: list[Turn] = []
    place = 0
    for word in words:
        end = max(word.end, word.start + NO_TIME)
        while place < len(turns) and turns[place].start < end:
            going.append(turns[place])
            place += 1
        going = [turn for turn in going if turn.end > word.start]
        yield [turn for turn in going if _is_heard(word, turn) and _covered(word, turn) > 0]


def _is_heard(word: Word, turn: Turn) -> bool:
    return None in (word.channel, turn.channel) or word.channel == turn.channel


def _covered(word: Word, turn: Turn) -> float:
    end = max(word.end, word.start + NO_TIME)
    return min(end, turn.end) - max(word.start, turn.start)
