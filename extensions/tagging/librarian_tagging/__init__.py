"""What happens in a recording, for librarian: `tag` finds sounds that you describe, `tones` those of a telephone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema, field_validator, model_validator

from librarian import (
    Audio,
    Data,
    Duration,
    Events,
    Fact,
    Field,
    Level,
    Measurements,
    Model,
    Operation,
    Resources,
    Settings,
    hookimpl,
)
from librarian_tagging.known import KNOWN, LOADER, best
from librarian_tagging.sounds import Id, Prompt, Sound, Sounds, read_presets, sounds_of

KnownName = Literal["auto", "larger-clap-general", "clap-htsat-unfused"]
"""Words that stand in a record as they are; other models of models.lock may be named too."""
Presets = Annotated[str, BeforeValidator(read_presets), WithJsonSchema({"type": "string", "format": "path"})]


class TagSettings(Settings):
    """Which sounds, by what, and what counts as one."""

    model: KnownName | str = Field(
        "auto",
        max_length=48,
        description="What listens: a model of models.lock, by its name; auto: the best that is installed.",
    )
    presets: Presets = Field("", description="File with sounds (YAML or JSON), relative to the job file; empty: none.")
    sounds: Sounds = Field(
        {}, description="id → {prompt: what it sounds like, threshold: 0 to 1}; they go before those of the file."
    )
    contrast: list[Prompt] = Field(
        ["background noise"],
        min_length=1,
        max_length=16,
        description="What a sound is told from: where that fits as well as its prompt, its probability is 0.5.",
    )
    window: Duration = Field("10 s", ge=0.5, le=10, description="Sound that is judged at once (s, 0.5 to 10).")
    hop: Duration = Field("5 s", ge=0.1, le=10, description="From one window to the next (s, 0.1 to the window).")
    release: float = Field(
        0.1, ge=0, lt=1, description="An event goes on until its probability is so much below the threshold (0 to 1)."
    )
    gap: Duration = Field("0 s", ge=0, le=3600, description="Events with no more between them are one (s, to 3600).")
    minimum: Duration = Field("0 s", ge=0, le=3600, description="Shorter events are left out (s, to 3600).")
    channels: Literal["mix", "each"] = Field(
        "mix", description="Whether all channels are heard as one (mix), or each by itself (each)."
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="What is computed with: bf16 is for GPUs.")
    batch: int = Field(
        0,
        ge=0,
        le=256,
        changes_result=False,
        description="Windows that are computed together (to 256); 0: 32 on a GPU, 4 on a CPU.",
    )

    @model_validator(mode="after")
    def _fits(self) -> TagSettings:
        if not sounds_of(self.presets, self.sounds):
            raise ValueError("name what to look for: sounds: {laughter: {prompt: people laughing}}, or a presets file")
        if self.hop > self.window:
            raise ValueError("hop: it may not be longer than the window, or sound between them is not heard")
        return self


class Probabilities(Data):
    """How probable each sound was in each window: what thresholds are chosen by."""

    word = "probabilities/1"

    window: float
    starts: tuple[float, ...]
    channels: tuple[int | None, ...]
    sounds: dict[Id, tuple[float, ...]]


def resolve(settings: TagSettings, installed: Mapping[str, Model]) -> tuple[Settings, Sequence[str]]:
    """The model that `auto` means.

    Raises:
        ValueError: the model has another loader.
    """
    model = best(installed) if settings.model == "auto" else settings.model
    if model in installed and installed[model].loader not in ("", LOADER):
        raise ValueError(f"the model has another loader in models.lock than {LOADER}, and cannot tag")
    return settings.model_copy(update={"model": model}), [model]


TAG = Operation(
    name="tag",
    version="1",
    run="librarian_tagging.tag:Tagger",
    settings=TagSettings,
    inputs={"audio": Audio},
    outputs={"events": Events, "probabilities": Probabilities},
    facts={
        "events": Fact("Number of events."),
        "sounds": Fact("Sounds that were looked for."),
        "found": Fact("Of these, those that are there."),
        "windows": Fact("Windows that were judged."),
        "silent": Fact("Of these, those without any sound, in which nothing is found."),
        "covered": Fact("Time in which there is an event, of each sound and channel for itself.", "s"),
        "duration": Fact("Length of the recording.", "s"),
    },
    description="Find when sounds are heard that you describe in words.",
    models=KNOWN,
    resolve=resolve,
    ladder=lambda settings: [{"batch": 2}, {"batch": 1}],
    resources=Resources(gpu="optional", memory="4 GiB", gpu_memory="4 GiB"),
    reproducible="tolerance",
)

Label = Literal["ring", "busy", "dial", "dtmf", "hangup", "silence", "click"]
LABELS: tuple[Label, ...] = ("ring", "busy", "dial", "dtmf", "hangup", "silence", "click")


class TonesSettings(Settings):
    """What to find, and what counts as silence."""

    find: list[Label] = Field(
        list(LABELS), min_length=1, max_length=len(LABELS), description="Which events; all of them."
    )
    plan: Literal["all", "north-america", "europe", "uk"] = Field(
        "all", description="Whose ring, busy and dial tones: one network's, or all of them."
    )
    channels: Literal["each", "mix"] = Field(
        "each", description="Whether each channel is heard by itself (each), or all as one (mix)."
    )
    silence: Duration = Field("2 s", ge=0.1, le=3600, description="Shorter silence is none (s, 0.1 to 3600).")
    silence_level: Level = Field(
        "-60 dBFS", ge=-120, le=-20, description="What is quieter (RMS of 10 ms) is silence (dBFS, −120 to −20)."
    )

    @field_validator("find")
    @classmethod
    def _each_once(cls, value: list[Label]) -> list[Label]:
        if len(set(value)) < len(value):
            raise ValueError("name each event once")
        return sorted(value)


TONES = Operation(
    name="tones",
    version="1",
    run="librarian_tagging.tones:tones",
    settings=TonesSettings,
    inputs={"audio": Audio},
    outputs={"events": Events, "report": Measurements},
    facts={
        **{label: Fact(f"Events with the label {label}.") for label in LABELS},
        "duration": Fact("Length of the recording.", "s"),
    },
    description="Find ring, busy and dial tones, keys, hang-ups, silence and clicks of telephone lines.",
    resources=Resources(memory="512 MiB"),
    reproducible="tolerance",
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`tag` and `tones`."""
    return [TAG, TONES]


__all__ = ["Probabilities", "Sound", "TagSettings", "TonesSettings", "librarian_operations"]
