"""Operations that exist for tests: on recordings, groups, items and whole jobs, each small and easy to follow.

The module is an extension as it stands: `units.archive_in` lays it beside a project, and tests that start nothing
take its declarations from here.
"""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
from pydantic import field_validator

from librarian import (
    Audio,
    Data,
    Duration,
    Fact,
    Field,
    Gain,
    Many,
    Measurement,
    Measurements,
    Operation,
    Output,
    Settings,
    Text,
    UnusableInputError,
    hookimpl,
)


class Spans(Data):
    """A schema of an extension's own, with room for any text."""

    word = "marks/1"

    spans: list[str] = Field(description="What is said in each.")

    @field_validator("spans")
    @classmethod
    def _no_question(cls, value):
        if any("?" in each for each in value):
            raise ValueError(f"{value} is a question")
        return value


class NoSettings(Settings):
    pass


class CutSettings(Settings):
    seconds: Duration = Field("0.1 s", description="Length of a piece (s).", gt=0)


class LouderSettings(Settings):
    gain: Gain = Field(0.0, description="Gain (dB, −60 to 60).", ge=-60, le=60)


class NoteSettings(Settings):
    language: str = Field("en", description="Language.", pattern="^[a-z]{2}$")
    speaker: str = Field("", description="Who speaks.")
    count: int = Field(1, description="How often it is written.", ge=1)

    @field_validator("speaker")
    @classmethod
    def _no_number(cls, value):
        if any(char.isdigit() for char in value):
            raise ValueError(f"{value} is no name")
        return value


class StemSettings(Settings):
    stem: Literal["voice", "rest"] = Field("voice", description="What comes out.")


def chop(task):
    """Pieces of one length; what is left over is thrown away, so a short recording has none."""
    sound, rate = task.read_audio("audio")
    length = round(task.settings.seconds * rate)
    starts = range(0, sound.shape[1] - length + 1, length)
    return {"pieces": [task.write_audio("pieces", sound[:, start : start + length], rate) for start in starts]}


def louder(task):
    """Refuses silence, so that a silent recording or piece is one that fails."""
    sound, rate = task.read_audio("audio")
    if not np.abs(sound).max(initial=0.0) > 0:
        raise UnusableInputError("silent", "nothing is heard in it")
    return {"audio": task.write_audio("audio", sound * 10 ** (task.settings.gain / 20), rate)}


def splice(task):
    sounds = [task.read_audio(each)[0] for each in task.inputs["audio"]]
    joined = np.concatenate(sounds, axis=1) if sounds else np.zeros((1, 1), np.float32)
    return {"audio": task.write_audio("audio", joined, 8000)}


def order(task):
    """A line for each file that it is given, in the order in which it is."""
    path = task.folder / "order.txt"
    ports = [task.inputs[port] for port in sorted(task.inputs)]
    given = [each for port in ports for each in (port if isinstance(port, tuple) else (port,))]
    path.write_text("".join(f"{each.role or '-'} {each.recording} {each.item}\n" for each in given))
    return {"order": path}


def blend(task):
    """A channel for each member of a group."""
    sounds = [task.read_audio(each)[0] for each in task.inputs["audio"]]
    frames = min(sound.shape[1] for sound in sounds)
    mixed = np.concatenate([sound[:1, :frames] for sound in sounds])
    return {"audio": task.write_audio("audio", mixed, 8000), **order(task)}


def profile(task):
    levels = [float(np.sqrt(np.mean(task.read_audio(each)[0] ** 2))) for each in task.inputs["audio"]]
    value = sum(levels) / len(levels) if levels else None
    return {"profile": Measurements(measurements=[Measurement(name="level", value=value)])}


def fit(task):
    """Bring a recording to the level of a profile."""
    sound, rate = task.read_audio("audio")
    level = json.loads(task.inputs["profile"].path.read_text())["measurements"][0]["value"]
    return {"audio": task.write_audio("audio", sound * level / max(1e-9, float(np.sqrt(np.mean(sound**2)))), rate)}


def parts(task):
    """As many files as it is given."""
    return {"parts": [task.write_audio("parts", *task.read_audio(each)) for each in task.inputs["audio"]]}


def note(task):
    path = task.folder / "note.txt"
    path.write_text(f"{task.settings.language} {task.settings.speaker}\n" * task.settings.count)
    return {"text": path}


def spell(task):
    return {"spans": Output(Spans(spans=["one", "two"]), {"duration": 0.1, "words": 2})}


def tell(task):
    """What it is given, and whether a person made that."""
    path, given = task.folder / "told.txt", task.inputs["spans"]
    said = " ".join(json.loads(given.path.read_text())["spans"])
    path.write_text(f"{said}, {'by hand' if given.revised else 'by machine'}, {sorted(given.facts)}\n")
    return {"text": path}


def make(task):
    return {"audio": task.write_audio("audio", np.full((1, 800), 0.1, np.float32), 8000)}


def stems_of(settings):
    return {settings.stem: Audio}


def operation(name, inputs, outputs, settings=NoSettings, run="", **more):
    return Operation(
        name=name,
        version="1",
        run=f"{__name__}:{run or name}",
        settings=settings,
        inputs=inputs,
        outputs=outputs,
        description="For tests.",
        reproducible="bytes",
        **more,
    )


@hookimpl
def librarian_operations():
    many = {"audio": Many(Audio)}
    heard = {"audio": Audio}
    return [
        operation("chop", heard, {"pieces": Many(Audio)}, CutSettings),
        operation("louder", heard, heard, LouderSettings, facts={"gain": Fact("Gain.", "dB")}),
        operation("hoard", heard, heard, LouderSettings, run="louder", scratch=lambda settings: 1e6),
        operation("number", heard, heard, each="item", run="louder", settings=LouderSettings),
        operation("count", many, {"order": Text}, each="item", run="order"),
        operation("splice", many, heard),
        operation("blend", many, {"audio": Audio, "order": Text}, each="group"),
        operation("duet", {"first": Many(Audio), "second": Many(Audio)}, {"order": Text}, each="group", run="order"),
        operation("legs", many, {"parts": Many(Audio)}, each="group", run="parts"),
        operation("profile", many, {"profile": Measurements}, each="job"),
        operation("split", many, {"parts": Many(Audio)}, each="job", run="parts"),
        operation("index", many, {"order": Text}, each="job", run="order"),
        operation("fit", {"audio": Audio, "profile": Measurements}, heard, optional=("profile",)),
        operation(
            "group_fit", {"audio": Many(Audio), "profile": Measurements}, {"order": Text}, each="group", run="order"
        ),
        operation("pair", {"first": Audio, "second": Audio}, heard, run="make"),
        operation("lone", heard, heard, each="group", run="louder", settings=LouderSettings),
        operation("stem", heard, stems_of, StemSettings, run="louder"),
        operation("note", heard, {"text": Text}, NoteSettings),
        operation("spell", heard, {"spans": Spans}, facts={"duration": Fact("Length.", "s"), "words": Fact("Words.")}),
        operation("tell", {"spans": Spans}, {"text": Text}),
        operation("make", {}, heard, each="job"),
        operation("conjure", {}, heard, run="make"),
    ]
