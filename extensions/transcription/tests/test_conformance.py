from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import speech_folders

from librarian import Turn, Turns, Word, Words
from librarian.testing import Conformance
from librarian.workers import requests
from librarian.workers.messages import Message

TURN = Turn(start=0.1, end=2.5, speaker=1)
DATA = {
    "turns": Turns(speakers=1, counted="given", turns=[TURN], exclusive=[TURN]),
    "words": Words(language="en", words=[Word(text="yes.", start=0.5, end=0.8), Word(text="No", start=2, end=2.5)]),
}
SPEECH = Path(__file__).parents[3] / "configs/recordings/conversations/three_speakers_overlap.flac"


class WithWords(Conformance):
    """Speech where sound goes in, and turns and words where those do."""

    package = "librarian-transcription"

    def input(self, name: str, kind: str, folder: Path) -> Message:
        if kind == "audio":
            return requests.source(SPEECH, kind, "", {"sample_rate": 16000, "frames": 299200, "channels": 1})
        path = folder / f"{name}.json"
        path.write_text(DATA[name].model_dump_json())
        return requests.source(path, kind, "", {"duration": 3.0})

    def models(self, folder: Path) -> dict[str, Path]:
        return {"whisper-tiny": speech_folders.whisper(folder / "made")} if self.operation == "transcribe" else {}


class TestTranscribe(WithWords):
    operation = "transcribe"
    settings = MappingProxyType({"model": "whisper-tiny", "attempts": 1})


class TestConvertWords(WithWords):
    operation = "convert_words"
    settings = MappingProxyType({"formats": ["srt", "vtt", "txt", "lines", "ctm", "stm", "textgrid"]})


del Conformance, WithWords
