"""Recordings cut, assembled, mixed and joined, for librarian: `cut`, `call`, `mix`, `mix_group`, `join`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from librarian import Audio, Event, Events, Fact, Many, Operation, Resources, Text, hookimpl
from librarian_editing.settings import CallSettings, CutSettings, JoinSettings, MixSettings

GAIN = Fact("What was taken off the whole so that nothing is cut off; 0 where all fits.", "dB")

CUT = Operation(
    name="cut",
    version="1",
    run="librarian_editing.cut:cut",
    settings=CutSettings,
    inputs={"audio": Audio, "events": Events},
    optional=("events",),
    needs=lambda settings: ("events",) if settings.by == "events" else (),
    outputs={"pieces": Many(Audio)},
    facts={
        "start": Fact("Where it starts in the recording.", "s"),
        "end": Fact("Where it ends in the recording.", "s"),
        "open_end": Fact("Whether the end of the recording ended it, and nothing before that."),
        "clipped": Fact("Samples that a lossy format decodes to more than full scale, held there."),
    },
    description="Cut a long recording into pieces, sample for sample: by events, silence, length or a list of times.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
    keeps_clean=True,
)

CALL = Operation(
    name="call",
    version="1",
    run="librarian_editing.call:call",
    settings=CallSettings,
    inputs={"audio": Many(Audio)},
    outputs={"audio": Audio},
    each="group",
    example={"left": "1", "right": "2", "both": "3"},
    facts={
        "alignment": Fact(
            "Whether the sides were laid over each other: found; unsure: left as they are; not asked for; or there is "
            "only one.",
            words=("aligned", "unsure", "not_asked", "one_side"),
        ),
        "shift": Fact("By how much the right side starts later than the left one; 0 where it was left.", "s"),
        "confidence": Fact("Of what was found, 0 to 1."),
        "drift": Fact("By how much the right side's clock is slower than the left one's.", "ppm"),
        "corrected": Fact("Whether the drift was taken out."),
        "missing": Fact("Side that there is no file of; it is silent.", words=("none", "left", "right")),
        "gain": GAIN,
    },
    description="Lay the sides of a call over each other, in stereo: left theirs, right ours.",
    resources=Resources(memory="512 MiB"),
    reproducible="tolerance",
    keeps_clean=True,
)

_MIXED = {
    "parts": Fact("Parts that were mixed, without the bed."),
    "left_out": Fact("Parts that were not."),
    "peak": Fact("Greatest sample of the result.", "dBFS"),
    "gain": GAIN,
}

MIX = Operation(
    name="mix",
    version="1",
    run="librarian_editing.mix:mix",
    settings=MixSettings,
    inputs={"audio": Many(Audio), "bed": Many(Audio)},
    optional=("bed",),
    outputs={"audio": Audio},
    facts=_MIXED,
    description="Mix what was made of a recording, such as its stems, into stereo, over a bed of music if wanted.",
    resources=Resources(memory="512 MiB"),
    reproducible="tolerance",
    keeps_clean=True,
)

MIX_GROUP = Operation(
    name="mix_group",
    version="1",
    run="librarian_editing.mix:mix",
    settings=MixSettings,
    inputs={"audio": Many(Audio), "bed": Many(Audio)},
    optional=("bed",),
    outputs={"audio": Audio},
    each="group",
    facts=_MIXED,
    description="The same for recordings that belong together, by their roles.",
    resources=Resources(memory="512 MiB"),
    reproducible="tolerance",
    keeps_clean=True,
)


class Listing(Text):
    """Times and numbers, and words of our own: it cannot name anyone."""

    clean = True


class PartEvent(Event):
    """Where a part is, by its number."""

    label: str = Field(pattern=r"^part [1-9][0-9]{0,6}$", description="Its number, as in part 12.")


class Timeline(Events):
    """Where the parts are."""

    word: ClassVar[str] = Events.word
    clean: ClassVar[bool] = True

    events: list[PartEvent] = Field(description="One for each part, by start.")  # type: ignore[assignment]


JOIN = Operation(
    name="join",
    version="1",
    run="librarian_editing.join:join",
    settings=JoinSettings,
    inputs={"audio": Many(Audio)},
    outputs={"audio": Audio, "events": Timeline, "chapters": Listing, "cue": Listing, "notes": Listing},
    each="job",
    facts={
        "parts": Fact("Parts that were joined."),
        "left_out": Fact("Parts that were too short."),
        "straight": Fact("Cross-fades that are straight, since those of equal power would rise above full scale."),
        "gain": GAIN,
    },
    description="Join parts to one recording, with chapters, a cue sheet and a list of times.",
    resources=Resources(memory="512 MiB"),
    reproducible="tolerance",
    keeps_clean=True,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`cut`, `call`, `mix`, `mix_group` and `join`."""
    return [CUT, CALL, MIX, MIX_GROUP, JOIN]
