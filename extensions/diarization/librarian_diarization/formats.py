"""Turns as other tools read them. Speakers have numbers, and nothing else has a name."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from tempfile import TemporaryDirectory

from librarian import Turns

UNNAMED = "recording"
"""What stands for the recording where its id is not known."""


def rttm(turns: Turns, unit: str, seconds: float = 0.0) -> str:
    """NIST's Rich Transcription Time Marked: a line a turn."""
    return "".join(
        f"SPEAKER {unit or UNNAMED} {1 if turn.channel is None else turn.channel + 1} {turn.start:.3f} "
        f"{turn.end - turn.start:.3f} <NA> <NA> {label(turn.speaker)} "
        f"{'<NA>' if turn.confidence is None else format(turn.confidence, '.3f')} <NA>\n"
        for turn in turns.turns
    )


def uem(turns: Turns, unit: str, seconds: float) -> str:
    """NIST's Un-partitioned Evaluation Map: the part of the recording that was looked at, which is all of it."""
    return f"{unit or UNNAMED} 1 0.000 {_length(turns, seconds):.3f}\n"


def audacity(turns: Turns, unit: str, seconds: float) -> str:
    """A label track of Audacity."""
    return "".join(f"{turn.start:.6f}\t{turn.end:.6f}\t{label(turn.speaker)}\n" for turn in turns.turns)


def table(turns: Turns, unit: str, seconds: float) -> str:
    """A table of comma-separated values (RFC 4180, but for the ends of its lines)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["start", "end", "speaker", "channel", "confidence"])
    for turn in turns.turns:
        writer.writerow([f"{turn.start:.3f}", f"{turn.end:.3f}", turn.speaker, turn.channel, turn.confidence])
    return text.getvalue()


def textgrid(turns: Turns, unit: str, seconds: float) -> str:
    """A TextGrid of Praat: a tier of intervals for each speaker."""
    from praatio.textgrid import IntervalTier, Textgrid

    length = _length(turns, seconds)
    grid = Textgrid(0, length)
    for speaker in range(1, turns.speakers + 1):
        name = label(speaker)
        entries = [(turn.start, turn.end, name) for turn in turns.turns if turn.speaker == speaker]
        grid.addTier(IntervalTier(name, entries, 0, length))
    with TemporaryDirectory() as folder:
        path = f"{folder}/turns.TextGrid"
        grid.save(path, format="long_textgrid", includeBlankSpaces=True)
        with open(path, encoding="utf-8") as file:
            return file.read()


def label(speaker: int) -> str:
    """What a speaker is called."""
    return f"speaker_{speaker}"


def _length(turns: Turns, seconds: float) -> float:
    return max([seconds, *(turn.end for turn in turns.turns)])


FORMATS: Mapping[str, tuple[str, Callable[[Turns, str, float], str]]] = {
    "rttm": (".rttm", rttm),
    "uem": (".uem", uem),
    "audacity": (".txt", audacity),
    "csv": (".csv", table),
    "textgrid": (".textgrid", textgrid),
}
"""For each format the ending of its files, and what writes it."""
