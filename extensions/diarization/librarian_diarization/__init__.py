"""Who spoke when, for librarian: `diarize` it, `convert_turns` for other tools, `clip` what each speaker says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from librarian import (
    Audio,
    Duration,
    Fact,
    Field,
    Image,
    Many,
    Model,
    Operation,
    Resources,
    Settings,
    Text,
    Turns,
    Voices,
    hookimpl,
)
from librarian.kinds import KindLike
from librarian.operation import Outputs
from librarian_diarization.pyannote_known import COMMUNITY_1, KNOWN, NONE, best, is_there

MOST_SPEAKERS = 20


class DiarizeSettings(Settings):
    """How, and what is known beforehand."""

    method: Literal["auto", "channels", "classic", "pyannote"] = Field(
        "auto",
        description="channels: a speaker for each channel; pyannote: with a pipeline of neural networks; classic: by "
        "the sound of the voices, without any; auto: channels where each of two channels has a voice of its own, else "
        "pyannote where a pipeline is installed, else classic.",
    )
    model: Literal["auto", "none", "pyannote-community-1", "pyannote-3-1"] | str = Field(
        "auto",
        max_length=48,
        description="The pipeline of pyannote: a model of models.lock; auto: the best that is installed; none: no "
        "pipeline, though one is.",
    )
    speakers: int = Field(
        0, ge=0, le=MOST_SPEAKERS, description="Number of speakers, where it is known (0 to 20; 0: find out)."
    )
    min_speakers: int = Field(
        1, ge=1, le=MOST_SPEAKERS, description="Speakers at the least, where found out (1 to 20)."
    )
    max_speakers: int = Field(
        10, ge=1, le=MOST_SPEAKERS, description="Speakers at the most, where found out (1 to 20)."
    )
    features: Literal["auto", "cepstra", "d_vectors"] = Field(
        "auto",
        description="What classic tells voices apart by; d_vectors counts speakers better and needs resemblyzer; auto: "
        "d_vectors where it is installed.",
    )
    voices: bool = Field(
        False,
        description="Whether a d-vector of each speaker is put out too, to find the voice elsewhere: biometric data.",
    )

    batch: int = Field(
        0,
        ge=0,
        le=256,
        changes_result=False,
        description="Chunks of a pipeline, or d-vectors, that are computed together (to 256); 0: 32, of chunks 8 on a "
        "CPU.",
    )

    @field_validator("speakers")
    @classmethod
    def _channels_say_it(cls, value: int, info: ValidationInfo) -> int:
        if value and info.data.get("method") == "channels":
            raise ValueError("with method: channels there is a speaker for each channel; leave it out")
        return value

    @field_validator("max_speakers")
    @classmethod
    def _most_is_no_less(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min_speakers", value):
            raise ValueError("is below min_speakers")
        return value

    @field_validator("features", "voices")
    @classmethod
    def _encoder_is_there(cls, value: Any) -> Any:
        if value in ("d_vectors", True) and find_spec("resemblyzer") is None:
            raise ValueError("resemblyzer is not installed: pip install --no-deps resemblyzer")
        return value

    @property
    def bounds(self) -> tuple[int, int]:
        """Speakers at the least and at the most."""
        return (self.speakers, self.speakers) if self.speakers else (self.min_speakers, self.max_speakers)


def resolve(settings: DiarizeSettings, installed: Mapping[str, Model]) -> tuple[Settings, Sequence[str]]:
    """What `auto` stands for on this machine.

    Raises:
        ValueError: pyannote is asked for and not installed.
    """
    update = {"model": _pipeline(settings, installed)}
    if settings.features == "auto":
        update["features"] = "cepstra" if find_spec("resemblyzer") is None else "d_vectors"
    models = [] if update["model"] == NONE else [update["model"]]
    if models and not is_there():
        raise ValueError("pyannote.audio is not installed: pip install 'librarian-diarization[pyannote]'")
    return settings.model_copy(update=update), models


def _pipeline(settings: DiarizeSettings, installed: Mapping[str, Model]) -> str:
    """The pipeline that is used; the best to install where one is asked for and none is there."""
    if settings.method in ("channels", "classic"):
        return NONE
    if settings.model not in ("auto", NONE):
        return settings.model
    if settings.method == "auto":
        return best(installed) if settings.model == "auto" and is_there() else NONE
    if settings.model == NONE:
        raise ValueError("pyannote needs a pipeline: write model: auto, or leave model out")
    found = best(installed)
    return COMMUNITY_1.name if found == NONE else found


def diarize_outputs(settings: DiarizeSettings) -> Outputs:
    """The outputs of `diarize`."""
    outputs: dict[str, KindLike] = {"turns": Turns, "rttm": Labels, "picture": Timeline}
    return outputs | ({"voices": Voices} if settings.voices else {})


def ladder(settings: DiarizeSettings) -> list[dict[str, Any]]:
    """One piece at a time."""
    return [{"batch": 1}]


DIARIZE = Operation(
    name="diarize",
    version="1",
    run="librarian_diarization.diarize:Diarizer",
    settings=DiarizeSettings,
    inputs={"audio": Audio},
    outputs=diarize_outputs,
    facts={
        "method": Fact("How it was done.", words=("channels", "classic", "pyannote")),
        "features": Fact("What voices were told apart by.", words=("none", "cepstra", "d_vectors", "embeddings")),
        "speakers": Fact("Number of speakers."),
        "counted": Fact("Where that number comes from.", words=("given", "guessed", "channels")),
        "certainty": Fact("How far that number can be relied on.", words=("certain", "fair", "low")),
        "confidence": Fact("Of the turns, by their lengths, 0 to 1."),
        "turns": Fact("Number of turns."),
        "speech": Fact("Time in which anybody speaks.", "s"),
        "overlap": Fact("Time in which more than one speaks, as far as the method can tell.", "s"),
        "duration": Fact("Length of the recording.", "s"),
        "linked": Fact("Part of the voices that pyannote's speakers were found among; of long recordings a sample."),
    },
    description="Find out who spoke when.",
    models=KNOWN,
    resolve=resolve,
    ladder=ladder,
    resources=Resources(gpu="optional", memory="1 GiB", gpu_memory="4 GiB"),
    reproducible="tolerance",
)


class Labels(Text):
    """Turns as text: times and numbers."""

    clean = True


class Timeline(Image):
    """Turns as a picture: times and numbers."""

    clean = True


class ConvertTurnsSettings(Settings):
    """As what."""

    formats: list[Literal["rttm", "uem", "audacity", "csv", "textgrid"]] = Field(
        ["textgrid", "audacity", "csv"],
        min_length=1,
        max_length=5,
        description="What to write: rttm and uem (NIST), audacity (label track), csv, textgrid (Praat).",
    )

    @field_validator("formats")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("name each format once")
        return value


CONVERT_TURNS = Operation(
    name="convert_turns",
    version="1",
    run="librarian_diarization.convert:convert_turns",
    settings=ConvertTurnsSettings,
    inputs={"turns": Turns},
    outputs=lambda settings: dict.fromkeys(settings.formats, Labels),
    description="Write turns as RTTM, UEM, Audacity labels, CSV or TextGrid.",
    resources=Resources(memory="256 MiB"),
    reproducible="bytes",
)


class ClipSettings(Settings):
    """Which turns, and how much around them."""

    minimum: Duration = Field("1 s", ge=0, le=3600, description="What is shorter makes no clip (s, 0 to 3600).")
    gap: Duration = Field(
        "0.3 s", ge=0, le=60, description="Turns of one speaker that are no farther apart become one clip (s, 0 to 60)."
    )
    padding: Duration = Field("0.1 s", ge=0, le=10, description="Added before and after each clip (s, 0 to 10).")
    overlap: Literal["keep", "drop"] = Field(
        "keep", description="Whether a clip may hold others who speak at the same time, or only its speaker alone."
    )
    channels: Literal["own", "all"] = Field(
        "own", description="Where each channel has a speaker: only the speaker's, or all as they are."
    )


CLIP = Operation(
    name="clip",
    version="1",
    run="librarian_diarization.clip:clip",
    settings=ClipSettings,
    inputs={"audio": Audio, "turns": Turns},
    outputs={"clips": Many(Audio)},
    facts={
        "speaker": Fact("Number of the speaker."),
        "start": Fact("Where it was cut.", "s"),
        "confidence": Fact("Of the turn, the least of those that were joined, 0 to 1."),
    },
    description="Cut a clip for each turn, sample for sample.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
    keeps_clean=True,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`diarize`, `convert_turns` and `clip`."""
    return [DIARIZE, CONVERT_TURNS, CLIP]
