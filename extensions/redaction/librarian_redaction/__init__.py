"""What is private goes out of words, sound and texts: `find_private`, `redact`, `redact_group` and `redact_text`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from librarian import (
    Audio,
    Duration,
    Fact,
    Field,
    Frequency,
    Level,
    Many,
    Model,
    Operation,
    Resources,
    Settings,
    Spans,
    Text,
    Words,
    hookimpl,
)

LONGEST_LIST = 1 << 22


class SearchSettings(Settings):
    """What is looked for."""

    level: Literal["strict", "balanced"] = Field(
        "strict",
        description="What is looked for: strict; or balanced: only what is checked or has a word such as Tel. before "
        "it, and no names of the list that ships.",
    )
    names: str = Field(
        "",
        max_length=LONGEST_LIST,
        told="names",
        description="Names, numbers and addresses that are known, one a line; those of privacy.names are added.",
    )
    allow: str = Field(
        "",
        max_length=LONGEST_LIST,
        told="allow",
        description="What names no one though it looks so, one a line; what privacy.allow lists is added.",
    )


class FindSettings(SearchSettings):
    """What is looked for, and by what else."""

    model: str = Field(
        "",
        max_length=48,
        description="A model of models.lock that finds names by the words around them (token classification of "
        "transformers); empty: none.",
    )


class RedactSettings(SearchSettings):
    """What is put in the place of what is private, and how much around it."""

    replace: Literal["silence", "tone"] = Field("silence", description="What is heard instead.")
    padding: Duration = Field(
        "200 ms", ge=0, le=5, description="Taken on both sides of each span, since word times are off (s, 0 to 5)."
    )
    fade: Duration = Field("8 ms", ge=0, le=1, description="Fades, outside of what is taken (s, 0 to 1).")
    tone: Frequency = Field("1 kHz", ge=20, le=20000, description="Of the tone (Hz, 20 to 20,000).")
    tone_level: Level = Field("-30 dBFS", ge=-80, le=-6, description="Peak of the tone (dBFS, −80 to −6).")
    uncovered: Literal["keep", "silence"] = Field(
        "keep",
        description="Sound far above the pauses in which no word stands: keep, and say how much; or take it too.",
    )
    review: Literal["no", "required"] = Field(
        "no", description="Whether somebody has to look at the spans before the sound is made."
    )


def resolve_find(settings: FindSettings, installed: Mapping[str, Model]) -> tuple[Settings, Sequence[str]]:
    """The model that is asked for."""
    return settings, [settings.model] if settings.model else []


FOUND = {
    "spans": Fact("Spans that were found."),
    "names": Fact("Names among them."),
    "numbers": Fact("Telephone and other numbers among them."),
    "addresses": Fact("Addresses of mail and the net among them."),
    "words": Fact("Words that were searched."),
    "untimed": Fact("Words without times of their own: of those found, all up to their neighbours is taken."),
    "private_seconds": Fact("Time of all spans together.", "s"),
}
MADE = {
    "stretches": Fact("Stretches that were taken, as they are in the sound."),
    "silenced_seconds": Fact("Their time together.", "s"),
    "share": Fact("Of the sound, 0 to 1."),
    "uncovered_seconds": Fact(
        "Sound left that is far above the pauses and has no word: nobody searched what is said there.", "s"
    ),
    "reviewed": Fact("Whether somebody looked at the spans."),
    "words": Fact("Words that were replaced."),
    "added": Fact("Spans that were found in what the others leave, and taken too."),
    "left": Fact("Found, and left by whoever looked at the spans."),
}

FIND_PRIVATE = Operation(
    name="find_private",
    version="1",
    run="librarian_redaction.find:FinderOfPrivate",
    settings=FindSettings,
    inputs={"words": Words},
    outputs={"spans": Spans},
    facts=FOUND,
    description="Find where something private is said: names, numbers, addresses.",
    resolve=resolve_find,
    resources=Resources(memory="2 GiB"),
    reproducible="tolerance",
)
REDACT = Operation(
    name="redact",
    version="1",
    run="librarian_redaction.redact:Redactor",
    settings=RedactSettings,
    inputs={"audio": Audio, "words": Words, "spans": Spans, "stems": Many(Audio)},
    optional=("stems",),
    outputs={"audio": Audio, "words": Words, "stems": Many(Audio)},
    facts=MADE,
    description="Take private spans out of a recording, its stems and its words, and verify that they are gone.",
    resources=Resources(memory="1 GiB"),
    reproducible="bytes",
    clears=True,
)
REDACT_GROUP = Operation(
    name="redact_group",
    version="1",
    run="librarian_redaction.redact:GroupRedactor",
    settings=RedactSettings,
    inputs={"audio": Many(Audio), "words": Many(Words), "spans": Many(Spans)},
    outputs={"audio": Many(Audio), "words": Many(Words)},
    each="group",
    facts=MADE,
    description="The same for recordings that belong together: what is private in one is taken out of all.",
    resources=Resources(memory="1 GiB"),
    reproducible="bytes",
    clears=True,
)


REDACT_TEXT = Operation(
    name="redact_text",
    version="1",
    run="librarian_redaction.text:TextRedactor",
    settings=SearchSettings,
    inputs={"text": Text},
    outputs={"text": Text},
    facts={name: FOUND[name] for name in ("spans", "names", "numbers", "addresses")},
    description="Take names, numbers and addresses out of a text, such as an answer of a model, and verify that.",
    resources=Resources(memory="1 GiB"),
    reproducible="bytes",
    clears=True,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`find_private`, `redact`, `redact_group` and `redact_text`."""
    return [FIND_PRIVATE, REDACT, REDACT_GROUP, REDACT_TEXT]
