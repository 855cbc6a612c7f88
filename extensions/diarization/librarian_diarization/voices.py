"""What each speaker sounds like, as a d-vector: to find the voice in other recordings. Biometric data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from librarian import Turn, Turns, Voice, Voices
from librarian.audio.spans import cut
from librarian_diarization.dvectors import WINDOW, Encoder
from librarian_diarization.sound import RATE, Samples, Sound

MOST_WINDOWS = 40
"""Of a speaker that are listened to: 64 s, evenly taken from all turns."""
DECIMALS = 6

Part = tuple[int, int, int, int | None]
"""Speaker, first frame, frame behind the last, channel."""


def voices_of(sound: Sound, turns: Turns, encoder: Encoder) -> Voices:
    """The voice of each speaker that speaks alone for 1.6 s or more."""
    heard: dict[int, list[Samples]] = defaultdict(list)
    for speaker, window in _windows(sound, _parts(turns.exclusive)):
        heard[speaker].append(encoder.vectors(window[np.newaxis])[0])
    return Voices(encoder="resemblyzer", voices=[_voice(speaker, heard[speaker]) for speaker in sorted(heard)])


def _voice(speaker: int, vectors: Sequence[Samples]) -> Voice:
    total = np.sum(vectors, axis=0)
    mean = total / np.linalg.norm(total)
    seconds = len(vectors) * WINDOW / RATE
    return Voice(speaker=speaker, seconds=seconds, vector=[round(float(value), DECIMALS) for value in mean])


def _parts(turns: Sequence[Turn]) -> list[Part]:
    """Windows of turns of one speaker, in the order of time."""
    found: dict[int, list[Part]] = defaultdict(list)
    for turn in turns:
        first = round(turn.start * RATE)
        for start in range(first, round(turn.end * RATE) - WINDOW + 1, WINDOW):
            found[turn.speaker].append((turn.speaker, start, start + WINDOW, turn.channel))
    kept = (parts[:: -(-len(parts) // MOST_WINDOWS)] for parts in found.values())
    return sorted((part for parts in kept for part in parts), key=lambda part: part[1])


def _windows(sound: Sound, parts: Sequence[Part]) -> Iterator[tuple[int, Samples]]:
    """The speaker of each part, and its sound on the speaker's channel."""
    by_channel = any(channel is not None for *_, channel in parts)
    blocks = sound.blocks(mixed=not by_channel)
    pieces = cut(blocks, [(start, end) for _, start, end, _ in parts])
    for (speaker, _, _, channel), piece in zip(parts, pieces, strict=True):
        window = piece[channel or 0]
        if window.shape[-1] == WINDOW:
            yield speaker, window
