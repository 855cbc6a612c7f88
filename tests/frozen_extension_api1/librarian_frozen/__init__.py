"""Written for LIBRARIAN_API 1. NEVER EDIT IT: see pyproject.toml."""

from __future__ import annotations

from librarian import (
    Audio,
    Data,
    Fact,
    Field,
    Gain,
    KnownFile,
    KnownModel,
    Many,
    Measurements,
    Operation,
    Resources,
    Settings,
    Text,
    Turns,
    hookimpl,
)

LIBRARIAN_API = 1


class Peaks(Data):
    word = "peaks/1"
    clean = True

    peaks: list[float] = Field(description="Greatest sample of each channel.")


class LoudenSettings(Settings):
    gain: Gain = Field("6 dB", description="Gain (dB, −60 to 60).", ge=-60, le=60)
    note: str = Field("", description="Free text.")
    workers: int = Field(1, description="Speed only.", changes_result=False, ge=1, le=8)


class NoSettings(Settings):
    pass


def _resolve(settings, installed):
    return settings, []


@hookimpl
def librarian_operations():
    return [
        Operation(
            name="louden",
            version="1",
            run="librarian_frozen.work:Louden",
            settings=LoudenSettings,
            inputs={"audio": Audio},
            outputs={"audio": Audio, "report": Measurements, "peaks": Peaks},
            facts={"gain": Fact("Gain.", "dB"), "result": Fact("What was done.", words=("raised", "lowered"))},
            description="Make a recording louder.",
            resources=Resources(gpu="optional", memory="512 MiB", timeout="10 min"),
            reproducible="bytes",
            models=(KnownModel("frozen", (KnownFile("weights.bin"),), licence="MIT"),),
            resolve=_resolve,
            ladder=lambda settings: [{"workers": 1}],
            scratch=lambda settings: 0.0,
        ),
        Operation(
            name="halves",
            version="1",
            run="librarian_frozen.work:halves",
            settings=NoSettings,
            inputs={"audio": Audio},
            outputs={"pieces": Many(Audio)},
            description="Cut a recording into halves.",
        ),
        Operation(
            name="describe",
            version="1",
            run="librarian_frozen.work:describe",
            settings=NoSettings,
            inputs={"audio": Many(Audio), "turns": Turns},
            outputs={"text": Text},
            optional=("turns",),
            each="job",
            description="Say what there is.",
        ),
    ]


@hookimpl
def librarian_recognizers():
    return [{"type": "FROZEN", "pattern": "FRZ-[0-9]{4}", "cues": ["number"]}]
