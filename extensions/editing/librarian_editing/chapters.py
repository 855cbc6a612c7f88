"""Where the parts of a recording are, as other programs read it: times and numbers, and no names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from librarian_editing.crossing import Place

MILLISECONDS = 1000
FRAMES_PER_SECOND = 75
"""Of a cue sheet's times: sectors of a CD."""
FFMETADATA, CUE, NOTES = "txt", "cue", "txt"
"""Endings of the files."""


def starts_and_ends(places: Sequence[Place], frames: int) -> Iterator[tuple[int, int]]:
    """From where to where each chapter goes: to the start of the next one, so that they do not overlap."""
    yield from pairwise([*(place.start for place in places), frames])


def ffmetadata(places: Sequence[Place], rate: int, frames: int) -> str:
    """Chapters in FFmpeg's metadata format, in ms.

    `ffmpeg -i SOUND -i CHAPTERS -map_metadata 1 -codec copy OUT` puts them into a file.
    """
    lines = [";FFMETADATA1"]
    for number, (start, end) in enumerate(starts_and_ends(places, frames), 1):
        times = (f"START={start * MILLISECONDS // rate}", f"END={end * MILLISECONDS // rate}")
        lines += ["[CHAPTER]", f"TIMEBASE=1/{MILLISECONDS}", *times, f"title=Part {number}"]
    return _text(lines)


def cue_sheet(places: Sequence[Place], rate: int, file: str) -> str:
    """A cue sheet. Beyond 99 tracks, which is what a CD has, some programs stop reading.

    Args:
        places: of the parts.
        rate: Hz.
        file: name of the sound; nothing that names anyone.
    """
    lines = [f'FILE "{file}" WAVE']
    for number, place in enumerate(places, 1):
        seconds, sectors = divmod(place.start * FRAMES_PER_SECOND // rate, FRAMES_PER_SECOND)
        time = f"{seconds // 60:02d}:{seconds % 60:02d}:{sectors:02d}"
        lines += [f"  TRACK {number:02d} AUDIO", f'    TITLE "Part {number}"', f"    INDEX 01 {time}"]
    return _text(lines)


def notes(places: Sequence[Place], rate: int) -> str:
    """A line for each part: its number, where it starts, how long it is."""
    return _text(
        f"{number:>4}  {_clock(place.start / rate)}  {(place.end - place.start) / rate:.1f} s"
        for number, place in enumerate(places, 1)
    )


def _clock(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{left:02d}"


def _text(lines: Sequence[str] | Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
