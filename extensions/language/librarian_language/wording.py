"""What a task is given, in plain words: one form for each kind, without names and without markup."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from librarian import Artifact, Events, Turns, UnusableInputError, Words
from librarian.kinds import Word
from librarian_language import Answer

PAUSE = 2.0
"""Seconds of silence after which words begin a new line."""
MOST_BYTES = 64 << 20
"""Of a file that is read."""
_UNSPACED = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages that are written without spaces between words."""


def text_of_all(given: Artifact | Sequence[Artifact]) -> str:
    """What stands in a place; where several are gathered, a line `[1]`, or `[role]`, stands before each.

    Raises:
        UnusableInputError: `corrupt` where a file is not of its kind.
    """
    if isinstance(given, Artifact):
        return text_of(given)
    return "\n\n".join(f"[{each.role or number}]\n{text_of(each)}" for number, each in enumerate(given, 1))


def text_of(artifact: Artifact) -> str:
    """What an input says; empty where it says nothing."""
    if artifact.path.stat().st_size > MOST_BYTES:
        raise UnusableInputError("unsupported", "it is too large to be read by a language model")
    return _WORDED[artifact.kind](artifact).strip()


def _of_text(artifact: Artifact) -> str:
    try:
        return artifact.path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UnusableInputError("corrupt", "it holds no text in UTF-8") from None


def _of_words(artifact: Artifact) -> str:
    """A line until somebody else speaks, or nobody does for a while: `speaker 2: so it was`."""
    said = artifact.read_data(Words)
    between = "" if said.language.partition("-")[0].lower() in _UNSPACED else " "
    return "\n".join(_line(words, between) for words in _passages(said.words))


def _passages(words: Sequence[Word]) -> Iterator[list[Word]]:
    passage: list[Word] = []
    for word in words:
        last = passage[-1] if passage else word
        other = (word.speaker, word.channel) != (last.speaker, last.channel)
        if other or word.start - last.end > PAUSE:
            yield passage
            passage = []
        passage.append(word)
    if passage:
        yield passage


def _line(words: Sequence[Word], between: str) -> str:
    text = between.join(" ".join(word.text.split()) for word in words)
    return text if words[0].speaker is None else f"{_speaker(words[0].speaker)}: {text}"


def _of_turns(artifact: Artifact) -> str:
    """`0.5-2.0 s: speaker 1`, a line a turn."""
    turns = artifact.read_data(Turns).turns
    return "\n".join(f"{_span(each.start, each.end)}: {_speaker(each.speaker)}" for each in turns)


def _of_events(artifact: Artifact) -> str:
    """`0.5-2.0 s: laughter`, a line an event."""
    events = artifact.read_data(Events).events
    return "\n".join(f"{_span(each.start, each.end)}: {' '.join(each.label.split())}" for each in events)


def _of_answer(artifact: Artifact) -> str:
    """JSON."""
    return json.dumps(artifact.read_data(Answer).answer, ensure_ascii=False)


def _speaker(number: int) -> str:
    return f"speaker {number}"


def _span(start: float, end: float) -> str:
    return f"{start:.1f}-{end:.1f} s"


_WORDED: Mapping[str, Callable[[Artifact], str]] = {
    "text": _of_text,
    Words.word: _of_words,
    Turns.word: _of_turns,
    Events.word: _of_events,
    Answer.word: _of_answer,
}
