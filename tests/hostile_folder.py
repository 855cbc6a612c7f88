"""A folder of recordings as no archive should be: hostile files, hostile names, and things that are no files."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

import hostile_containers  # noqa: F401  (registers its specimens)
from hostile_media import RATE, SPECIMENS, Good, pcm, wav

PERSON = "Wilhelmina Zauberflöte"
"""Stands in the name of the folder that holds them all."""
NAMES = (
    "two\nlines.wav", "carriage\rreturn.wav", "tab\t.wav", "bell\a.wav", "quote'.wav", 'quotes".wav', "back\\slash.wav",
    "$(touch owned).wav", "`touch owned`.wav", "; touch owned;.wav", "${HOME}.wav", "%s%n.wav", "[bold]loud[red].wav",
    "\x1b[31mred\x1b[0m.wav", "\x1b]0;title\a.wav", "\u202egnp.wav", "\u200b\u2066.wav", "zalgo\u0300\u0301\u0302.wav",
    "-rf.wav", "--json", "   ", " lead.wav", "trail.wav ", "~root.wav", "#.wav", "a:b|c?d*e.wav", "CON.wav", "💾.wav",
    "stem.wav", "stem.WAV", "Stem.wav", "caf\u00e9.wav", "cafe\u0301.wav", "n" * 251 + ".wav", "é" * 125 + ".wav",
)  # fmt: skip
BYTES = (b"\xff\xfe.wav", b"caf\xe9.wav", b"\xed\xa0\x80.wav", b"\xf0\x9f.wav")
NOT_FILES = ("pipe.wav", "zero.dev.wav", "stdin.wav", "socket.wav", "loop.wav", "dangling.wav")


@dataclass
class Filled:
    """What was put into a folder.

    Attributes:
        good: path → what comes out.
        bad: paths whose tasks fail.
        not_files: how many entries are no files.
    """

    good: dict[Path, Good] = field(default_factory=dict)
    bad: list[Path] = field(default_factory=list)
    not_files: int = 0


def fill(folder: Path) -> Filled:
    """Everything at once, in a new folder."""
    folder.mkdir(parents=True)
    filled = Filled()
    for number, (name, specimen) in enumerate(SPECIMENS.items()):
        path = folder / f"{number}{os.path.splitext(name)[1]}"  # no word that a message may need
        specimen.make(path)
        if specimen.good:
            filled.good[path] = specimen.good
        else:
            filled.bad.append(path)
    for frames, name in enumerate((*NAMES, *map(os.fsdecode, BYTES)), 1000):
        (folder / name).write_bytes(wav(pcm(frames)))
        filled.good[folder / name] = Good(RATE, 1, frames)
    _fill_with_what_is_no_file(folder)
    filled.not_files = len(NOT_FILES)
    return filled


def _fill_with_what_is_no_file(folder: Path) -> None:
    (folder / "folder.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    (folder / "zero.dev.wav").symlink_to("/dev/zero")
    (folder / "stdin.wav").symlink_to("/dev/stdin")
    (folder / "loop.wav").symlink_to("loop.wav")
    (folder / "dangling.wav").symlink_to("nothing.wav")
    here = os.getcwd()
    os.chdir(folder)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind("socket.wav")
    finally:
        os.chdir(here)
