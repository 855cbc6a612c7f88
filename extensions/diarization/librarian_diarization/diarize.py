"""The operation `diarize`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from librarian import Output, Task, Turns, UnusableInputError
from librarian_diarization import DiarizeSettings
from librarian_diarization.channels import by_channel, have_their_own
from librarian_diarization.classic import classic
from librarian_diarization.formats import rttm
from librarian_diarization.found import Found, overlaps
from librarian_diarization.hearing import hear
from librarian_diarization.pyannote_known import NONE
from librarian_diarization.pyannote_method import Pyannote
from librarian_diarization.sound import Sound
from librarian_diarization.timeline import timeline
from librarian_diarization.voices import voices_of

PAIR = 2
"""Channels of a call."""


class Diarizer:
    """Finds out who spoke when, with networks that stay loaded where a method needs any."""

    def __init__(self, settings: DiarizeSettings, device: str) -> None:
        self._pyannote = None if settings.model == NONE else Pyannote(settings.model, device)

    def __call__(self, task: Task) -> Mapping[str, Output]:
        """The turns of a recording, and what is made of them."""
        return diarize(task, self._pyannote)


def diarize(task: Task, pyannote: Pyannote | None = None) -> Mapping[str, Output]:
    """Find out who spoke when, by the method that the settings or the recording ask for."""
    settings: DiarizeSettings = task.settings
    sound = Sound(task, passes=3 if settings.voices else 2)
    found = find(sound, settings, task.seed, (lambda: pyannote(task, sound)) if pyannote else None)
    turns = found.as_data()
    texts = {"rttm": rttm(turns, task.unit), "picture": timeline(turns, sound.seconds)}
    files = {name: task.folder / f"{name}.{ending}" for name, ending in (("rttm", "rttm"), ("picture", "svg"))}
    for name, path in files.items():
        path.write_text(texts[name], encoding="utf-8")
    facts = _facts(found, turns, sound.seconds)
    outputs = {"turns": Output(turns, facts), **{name: Output(path) for name, path in files.items()}}
    if settings.voices:
        outputs["voices"] = Output(voices_of(sound, turns))
    task.progress(1.0)
    return outputs


def find(sound: Sound, settings: DiarizeSettings, seed: int, by_networks: Callable[[], Found] | None = None) -> Found:
    """What the method finds: where a pipeline is there, with that instead of `classic`.

    Raises:
        UnusableInputError: `unsupported` where channels are asked for and there is one only.
    """
    if settings.method == "channels" and sound.channels < PAIR:
        raise UnusableInputError("unsupported", "it has one channel: write method: classic, or auto")
    least, most = settings.bounds
    may_be_channels = settings.method == "auto" and sound.channels == PAIR and least <= PAIR <= most
    separate = may_be_channels or settings.method == "channels"
    if by_networks and not separate:
        return by_networks()
    heard = hear(sound, mixed=not separate)
    if settings.method == "channels" or (may_be_channels and have_their_own(heard)):
        return by_channel(heard)
    return by_networks() if by_networks else classic(sound, heard, settings, seed)


def _facts(found: Found, turns: Turns, seconds: float) -> dict[str, float | bool | str | None]:
    spoken = sum(turn.end - turn.start for turn in turns.exclusive)
    lengths = [turn.end - turn.start for turn in turns.turns]
    sure = sum(length * (turn.confidence or 0.0) for length, turn in zip(lengths, turns.turns, strict=True))
    return {
        "method": found.method,
        "features": found.features,
        "speakers": turns.speakers,
        "counted": found.counted,
        "certainty": found.certainty,
        "confidence": round(sure / sum(lengths), 3) if lengths else None,
        "turns": len(lengths),
        "speech": round(spoken, 3),
        "overlap": round(sum(end - start for start, end in overlaps(turns.turns)), 3),
        "duration": round(seconds, 3),
        "linked": None if found.linked is None else round(found.linked, 4),
    }
