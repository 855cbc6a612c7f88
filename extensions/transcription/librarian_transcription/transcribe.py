"""The operation `transcribe`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from librarian import Output, Task, Turns, UnusableInputError, Word, Words, model_folder
from librarian.models.pretrained import UnusableModelError
from librarian_transcription import TranscribeSettings
from librarian_transcription.door import open_model
from librarian_transcription.flow import Batches, Recording, Told
from librarian_transcription.guards import Limits
from librarian_transcription.hearing import Heard, hear
from librarian_transcription.languages import ANOTHER, LANGUAGES, UNKNOWN
from librarian_transcription.recognizer import RATE
from librarian_transcription.speakers import assigned

CPU = "cpu"
FILES_TOGETHER = 8
PIECES_ON_GPU, PIECES_ON_CPU = 16, 8
"""Together: on a CPU a decoder reads its weights for each token, and for eight pieces only once. CTC has none, and
there pieces beside longer ones only cost what they are padded with."""
MILLISECONDS = 3
"""Decimals of a time (s)."""
BEYOND = 0.5
"""Seconds by which turns may end behind the sound: more, and they are of another recording."""


@dataclass(frozen=True)
class Read:
    """A recording that was listened to, and who spoke when, where that is given."""

    task: Task
    heard: Heard
    turns: Turns | None


class Transcriber:
    """The operation `transcribe`.

    Attributes:
        batch: recordings that are transcribed together.
    """

    def __init__(self, settings: TranscribeSettings, device: str) -> None:
        self._settings = settings
        self._recognizer = open_model(model_folder(settings.model), device, settings.precision)
        self._language = self._told()
        self._limits = Limits(
            settings.most_repetition, settings.least_likelihood, settings.no_speech, settings.attempts
        )
        on_cpu = 1 if self._recognizer.traits.times == "emissions" else PIECES_ON_CPU
        self._size = settings.batch or (on_cpu if device == CPU else PIECES_ON_GPU)
        self.batch = FILES_TOGETHER

    def _told(self) -> str:
        """The language that is told, or known; empty where it is to be found out.

        Raises:
            UnusableModelError: the model does not know it.
        """
        traits, asked = self._recognizer.traits, self._settings.language
        if asked == "auto":
            return "" if traits.detects else traits.language
        if (traits.languages and asked not in traits.languages) or traits.language not in (UNKNOWN, asked):
            known = ", ".join(traits.languages or (traits.language,))
            raise UnusableModelError(f"the model does not know the language {asked}; it knows {known}")
        return asked

    def read(self, task: Task) -> Read:
        """Find out where anybody speaks."""
        settings: TranscribeSettings = task.settings
        turns = task.inputs["turns"].read_data(Turns) if task.inputs.get("turns") else None
        with task.open_audio("audio") as stream:
            channels = stream.channels
        by_turns = turns is not None and channels > 1 and any(turn.channel is not None for turn in turns.turns)
        apart = {"each": True, "mix": False, "auto": by_turns or None}[settings.channels]
        heard = hear(task, channels, self._recognizer.traits, apart=apart)
        if turns and max((turn.end for turn in turns.turns), default=0.0) > heard.frames / RATE + BEYOND:
            raise UnusableInputError("unsupported", "the turns go on after the sound has ended: of another recording?")
        return Read(task, heard, turns)

    def compute(self, given: Sequence[Read]) -> list[tuple[Read, Recording]]:
        """Transcribe."""
        recordings = [Recording(each.task, each.heard, self._language) for each in given]
        Batches(self._recognizer, self._limits, self._size).run(recordings)
        return list(zip(given, recordings, strict=True))

    def write(self, task: Task, result: tuple[Read, Recording]) -> Mapping[str, Output]:
        """Put the words in order, and say whose they are."""
        given, recording = result
        words = sorted(map(_word, recording.words), key=lambda word: (word.start, word.end, word.channel or 0))
        if given.turns:
            words = assigned(words, given.turns)
        made = Words(language=recording.language or UNKNOWN, words=words)
        task.progress(1.0)
        return {"words": Output(made, self._facts(given, recording, made))}

    def _facts(self, given: Read, recording: Recording, made: Words) -> Mapping[str, float | bool | str | None]:
        words, traits = made.words, self._recognizer.traits
        sure = [word.confidence for word in words if word.confidence is not None]
        language = made.language if made.language in (*LANGUAGES, UNKNOWN) else ANOTHER
        covered = None if given.turns is None else sum(word.speaker is None for word in words)
        certainty = recording.certainty
        return {
            "family": traits.family,
            "times": traits.times,
            "language": language,
            "language_from": "told" if self._settings.language != "auto" else "heard" if traits.detects else "model",
            "language_certainty": None if certainty is None else round(certainty, 3),
            "words": len(words),
            "uncovered": covered,
            "confidence": round(sum(sure) / len(sure), 3) if sure else None,
            "pieces": len(given.heard.pieces),
            "redone": recording.redone,
            "doubtful": recording.doubtful,
            "silent": recording.silent,
            "apart": given.heard.apart,
            "speech": round(given.heard.speech / RATE, MILLISECONDS),
            "duration": round(given.heard.frames / RATE, MILLISECONDS),
        }


def _word(told: Told) -> Word:
    spoken = told.spoken
    start, end = round(spoken.start, MILLISECONDS), round(spoken.end, MILLISECONDS)
    return Word(
        text=spoken.text,
        start=start,
        end=max(start, end),
        channel=told.channel,
        confidence=round(spoken.confidence, MILLISECONDS),
    )
