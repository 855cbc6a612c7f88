"""Words as other tools read them. Speakers have numbers, and the recording its id: nothing has a name.

What was said is text from outside: markup of captions in it is made harmless, and no word breaks a line.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import TYPE_CHECKING

from librarian import Words
from librarian_transcription.cues import Cue, Limits, cues

if TYPE_CHECKING:
    from librarian_transcription import ConvertWordsSettings

SHORTEST = 0.1
"""Seconds that a caption is seen at the least."""
SIDES = ("LEFT", "RIGHT")
HARMLESS = str.maketrans({"<": "(", "{": "(", "}": ")", "\\": "/"})
"""SubRip has no way to say that a tag is none."""


@dataclass(frozen=True)
class Given:
    """What is written.

    Attributes:
        words: what was said.
        unit: id of the recording.
        seconds: its length; 0 where nobody says.
        settings: how captions are made.
    """

    words: Words
    unit: str
    seconds: float
    settings: ConvertWordsSettings

    @property
    def captions(self) -> list[Cue]:
        """As much as is read at once."""
        letters = self.settings.width * self.settings.lines
        return cues(self.words, Limits(self.settings.gap, letters, self.settings.longest, sentences=True))

    @property
    def passages(self) -> list[Cue]:
        """Until somebody else speaks, or nobody."""
        return cues(self.words, Limits(self.settings.gap))


def srt(given: Given) -> str:
    """SubRip captions; the speaker stands before the text where it changes."""
    return _captions(given, "srt")


def vtt(given: Given) -> str:
    """WebVTT captions (W3C), each with its speaker as a voice: `<v speaker_1>`."""
    parts = ["WEBVTT\n"]
    for cue in given.captions:
        text = "\n".join(html.escape(line, quote=False) for line in _wrapped(cue, given.settings.width))
        voice = "" if cue.speaker is None else f"<v {label(cue.speaker)}>"
        parts.append(f"{_clock(cue.start)} --> {_clock(_seen_until(cue))}\n{voice}{text}\n")
    return "\n".join(parts)


def txt(given: Given) -> str:
    """Paragraphs, with the speaker before each where there is one."""
    return "".join(
        f"{'' if cue.speaker is None else f'{label(cue.speaker)}: '}{_plain(cue.text)}\n" for cue in given.passages
    )


def lines(given: Given) -> str:
    """A line a passage: `[LEFT][Speaker01][12.34-15.60]: text`."""
    return "".join(
        f"{_side(cue.channel)}[{_speaker(cue.speaker)}][{cue.start:.2f}-{cue.end:.2f}]: {_plain(cue.text)}\n"
        for cue in given.passages
    )


def ctm(given: Given) -> str:
    """NIST's Conversation Time Marked: a line a word."""
    words = sorted(given.words.words, key=lambda word: (word.channel or 0, word.start))
    return "".join(
        f"{given.unit} {(word.channel or 0) + 1} {word.start:.3f} {word.end - word.start:.3f} "
        f"{_one(word.text)}{'' if word.confidence is None else f' {word.confidence:.3f}'}\n"
        for word in words
    )


def stm(given: Given) -> str:
    """NIST's Segment Time Marked: a line a passage."""
    return "".join(
        f"{given.unit} {(cue.channel or 0) + 1} {given.unit}_{_speaker(cue.speaker)} {cue.start:.3f} "
        f"{max(cue.end, cue.start + 0.001):.3f} <NA> {_plain(cue.text)}\n"
        for cue in given.passages
    )


def textgrid(given: Given) -> str:
    """A TextGrid of Praat: a tier of words for each speaker and channel."""
    from praatio.textgrid import IntervalTier, Textgrid

    length = max([given.seconds, 0.001, *(word.end for word in given.words.words)])
    grid = Textgrid(0, length)
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    for word in given.words.words:
        entries = tiers.setdefault(_tier(word.channel, word.speaker), [])
        start = max(word.start, entries[-1][1] if entries else 0.0)
        if word.end > start:  # an interval has a length
            entries.append((start, word.end, _plain(word.text)))
    for name in sorted(tiers):
        grid.addTier(IntervalTier(name, tiers[name], 0, length))
    if not tiers:
        grid.addTier(IntervalTier("words", [], 0, length))
    with TemporaryDirectory() as folder:
        path = f"{folder}/words.TextGrid"
        grid.save(path, format="long_textgrid", includeBlankSpaces=True)
        with open(path, encoding="utf-8") as file:
            return file.read()


def label(speaker: int) -> str:
    """What a speaker is called."""
    return f"speaker_{speaker}"


def _captions(given: Given, form: str) -> str:
    from pysubs2 import SSAEvent, SSAFile

    file = SSAFile()
    before: int | None = None
    for cue in given.captions:
        text = "\\N".join(line.translate(HARMLESS) for line in _wrapped(cue, given.settings.width))
        named = "" if cue.speaker in (None, before) else f"{label(cue.speaker or 0)}: "
        before = cue.speaker
        file.append(SSAEvent(start=round(cue.start * 1000), end=round(_seen_until(cue) * 1000), text=named + text))
    return file.to_string(form)


def _wrapped(cue: Cue, width: int) -> list[str]:
    return wrap(_plain(cue.text), width, break_long_words=not cue.between, break_on_hyphens=False) or [""]


def _seen_until(cue: Cue) -> float:
    return max(cue.end, cue.start + SHORTEST)


def _plain(text: str) -> str:
    """On one line, without what ends one or is not seen."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _one(text: str) -> str:
    """A word of a file whose fields stand between spaces."""
    return "_".join(_plain(text).split()) or "<unk>"


def _clock(seconds: float) -> str:
    """A time as WebVTT writes it.

    >>> _clock(3661.5)
    '01:01:01.500'
    """
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _side(channel: int | None) -> str:
    if channel is None:
        return ""
    return f"[{SIDES[channel] if channel < len(SIDES) else f'CHANNEL{channel + 1:02}'}]"


def _speaker(speaker: int | None) -> str:
    return "Unknown" if speaker is None else f"Speaker{speaker:02}"


def _tier(channel: int | None, speaker: int | None) -> str:
    who = "words" if speaker is None else label(speaker)
    return who if channel is None else f"{who} channel_{channel + 1}"


FORMATS: Mapping[str, tuple[str, Callable[[Given], str]]] = {
    "srt": (".srt", srt),
    "vtt": (".vtt", vtt),
    "txt": (".txt", txt),
    "lines": (".txt", lines),
    "ctm": (".ctm", ctm),
    "stm": (".stm", stm),
    "textgrid": (".textgrid", textgrid),
}
"""For each format the ending of its files, and what writes it."""
