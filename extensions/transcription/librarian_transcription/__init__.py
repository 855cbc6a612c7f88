"""What was said, for librarian: `transcribe` it word by word, `convert_words` for other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import field_validator

from librarian import (
    Audio,
    Duration,
    Fact,
    Field,
    Model,
    Operation,
    Resources,
    Settings,
    Text,
    Turns,
    Words,
    hookimpl,
)
from librarian_transcription.known import KNOWN, LOADER, best, languages_of
from librarian_transcription.languages import ANOTHER, LANGUAGES, UNKNOWN, Language

KnownName = Literal[
    "auto",
    "whisper-large-v3-turbo",
    "whisper-large-v3",
    "parakeet-tdt-0-6b-v3",
    "canary-1b-v2",
    "whisper-medium",
    "whisper-small",
    "parakeet-ctc-1-1b",
    "whisper-base",
    "moonshine-base",
    "whisper-tiny",
    "moonshine-tiny",
    "wav2vec2-base-960h",
]
"""Words that stand in a record as they are; other models of models.lock may be named too."""
BCP47 = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"


class TranscribeSettings(Settings):
    """By what, in which language, and what is believed of it."""

    model: KnownName | str = Field(
        "auto",
        max_length=48,
        description="What transcribes: a model of models.lock, by its name; auto: the best that is installed.",
    )
    language: Literal["auto"] | Language | str = Field(
        "auto",
        pattern=BCP47,
        max_length=35,
        description="Language, as a BCP 47 tag (en, de, yue); auto: found out by models that can, which says so.",
    )
    channels: Literal["auto", "mix", "each"] = Field(
        "auto",
        description="Whether all channels are heard as one (mix) or each by itself (each); auto: each where two "
        "channels have a voice of their own, or the turns say channels.",
    )
    most_repetition: float = Field(
        2.4, gt=1, le=100, description="What compresses by more than this repeats itself, and is done again (1 to 100)."
    )
    least_likelihood: float = Field(
        -1.0,
        ge=-20,
        le=0,
        description="What has a mean log probability below this is done again (natural, of a token; −20 to 0).",
    )
    no_speech: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Where it is more probable than this that nobody speaks, and the text is unlikely too, there is no "
        "text (0 to 1); of Whisper.",
    )
    attempts: int = Field(
        5, ge=1, le=5, description="How often it is tried, with more and more left to chance (1 to 5)."
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="What is computed with: bf16 is for GPUs.")
    batch: int = Field(
        0,
        ge=0,
        le=256,
        changes_result=False,
        description="Pieces of sound that are computed together (to 256); 0: 16 on a GPU, on a CPU 8, of CTC 1.",
    )


def resolve(settings: TranscribeSettings, installed: Mapping[str, Model]) -> tuple[Settings, Sequence[str]]:
    """The model that `auto` means.

    Raises:
        ValueError: the model has another loader, or is known not to know the language.
    """
    model = best(installed) if settings.model == "auto" else settings.model
    if model in installed and installed[model].loader not in ("", LOADER):
        raise ValueError(f"the model has another loader in models.lock than {LOADER}, and cannot transcribe")
    knows = languages_of(model)
    if knows and settings.language.partition("-")[0] not in ("auto", *knows):
        raise ValueError(f"{model} knows no other language than {', '.join(knows)}: take another model")
    update = {"model": model}
    if knows and settings.language == "auto":
        update["language"] = knows[0]
    return settings.model_copy(update=update), [model]


TRANSCRIBE = Operation(
    name="transcribe",
    version="1",
    run="librarian_transcription.transcribe:Transcriber",
    settings=TranscribeSettings,
    inputs={"audio": Audio, "turns": Turns},
    optional=("turns",),
    outputs={"words": Words},
    facts={
        "family": Fact("Kind of model.", words=("whisper", "moonshine", "canary", "parakeet", "wav2vec2")),
        "times": Fact("What the times of words come from.", words=("attention", "emissions", "durations")),
        "language": Fact("BCP 47 tag; und: the model does not tell.", words=(*LANGUAGES, UNKNOWN, ANOTHER)),
        "language_from": Fact(
            "Whether the language was told, heard or is the model's.", words=("told", "heard", "model")
        ),
        "language_certainty": Fact("Probability of the language, where it was found out, 0 to 1."),
        "words": Fact("Number of words."),
        "uncovered": Fact("Words that no turn covers, and which have no speaker."),
        "confidence": Fact("Mean of the words', 0 to 1."),
        "pieces": Fact("Pieces of sound that went through the model."),
        "redone": Fact("Pieces that took more than one attempt."),
        "doubtful": Fact("Pieces that repeat themselves or are unlikely whatever was tried."),
        "silent": Fact("Pieces with text for silence, which was left out."),
        "apart": Fact("Whether each channel was heard by itself."),
        "speech": Fact("Time in which anybody speaks; of channels by themselves, their sum.", "s"),
        "duration": Fact("Length of the recording.", "s"),
    },
    description="Write down what is said, word by word, with times.",
    models=KNOWN,
    resolve=resolve,
    ladder=lambda settings: [{"batch": 4}, {"batch": 1}],
    resources=Resources(gpu="optional", memory="6 GiB", gpu_memory="8 GiB"),
    reproducible="tolerance",
)


class ConvertWordsSettings(Settings):
    """As what, and how captions are made."""

    formats: list[Literal["srt", "vtt", "txt", "lines", "ctm", "stm", "textgrid"]] = Field(
        ["srt", "vtt", "txt"],
        min_length=1,
        max_length=7,
        description="What to write: srt and vtt (captions), txt (paragraphs), lines ([LEFT][Speaker01][12.34-15.60]: "
        "text), ctm and stm (NIST), textgrid (Praat).",
    )
    width: int = Field(42, ge=10, le=200, description="Letters in a line of a caption, at the most (10 to 200).")
    lines: int = Field(2, ge=1, le=6, description="Lines of a caption, at the most (1 to 6).")
    longest: Duration = Field("7 s", ge=1, le=60, description="Time of a caption, at the most (s, 1 to 60).")
    gap: Duration = Field(
        "1.5 s", ge=0.1, le=60, description="Pause after which a caption, line or paragraph ends (s, 0.1 to 60)."
    )

    @field_validator("formats")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("name each format once")
        return value


CONVERT_WORDS = Operation(
    name="convert_words",
    version="1",
    run="librarian_transcription.convert:convert_words",
    settings=ConvertWordsSettings,
    inputs={"words": Words},
    outputs=lambda settings: dict.fromkeys(settings.formats, Text),
    description="Write words as captions, text, or for tools: SRT, VTT, CTM, STM, TextGrid.",
    resources=Resources(memory="256 MiB"),
    reproducible="bytes",
    keeps_clean=True,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`transcribe` and `convert_words`."""
    return [TRANSCRIBE, CONVERT_WORDS]
