from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from librarian import Turn, Turns
from librarian.testing import Conformance
from librarian.workers import requests
from librarian.workers.messages import Message

TURNS = Turns(
    speakers=2,
    counted="given",
    turns=[Turn(start=0.1, end=1.2, speaker=1), Turn(start=1.0, end=2.5, speaker=2)],
    exclusive=[],
)


class TestDiarize(Conformance):
    package = "librarian-diarization"
    operation = "diarize"
    settings = MappingProxyType({"features": "cepstra"})


class TestDiarizeByChannel(Conformance):
    package = "librarian-diarization"
    operation = "diarize"
    settings = MappingProxyType({"method": "channels"})
    channels = 2


class WithTurns(Conformance):
    """Turns where turns go in."""

    package = "librarian-diarization"

    def input(self, name: str, kind: str, folder: Path) -> Message:
        if kind == "audio":
            return super().input(name, kind, folder)
        path = folder / f"{name}.json"
        path.write_text(TURNS.model_dump_json())
        return requests.source(path, kind, "", {"duration": 3.0})


class TestConvertTurns(WithTurns):
    operation = "convert_turns"
    settings = MappingProxyType({"formats": ["rttm", "uem", "audacity", "csv", "textgrid"]})


class TestClip(WithTurns):
    operation = "clip"


del Conformance, WithTurns
