"""A job file against what is installed: operations found, settings validated, steps connected and put in order."""

from __future__ import annotations

import json
import random
import resource
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, WithJsonSchema, model_validator
from pydantic import Field as PydanticField

from librarian import (
    Audio,
    Data,
    Duration,
    Field,
    Image,
    Loudness,
    Many,
    Measurements,
    Operation,
    Settings,
    Text,
    TruePeak,
    Turns,
    Words,
)
from librarian.errors import ExtensionError, JobError, LibrarianError
from librarian.job import Job, MissingExtensionError, Source, read_bytes
from librarian.job import resolve as resolve_job
from librarian.operation import Declaration
from librarian.workers import discovery


class Fine(BaseModel):
    """A model within settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    window: Duration = PydanticField(0.4, gt=0, description="Window (s).")
    shape: Literal["hann", "boxcar"] = PydanticField("hann", description="Shape.")


class LevelSettings(Settings):
    target: Loudness = Field("-16 LUFS", ge=-70, le=0, description="Loudness (LUFS).")
    ceiling: TruePeak = Field("-1 dBTP", description="Ceiling (dBTP).")
    fine: Fine = Field(Fine(), description="Details.")
    mode: Literal["fast", "good"] = Field("good", description="Mode.")
    gap: Duration | Literal["auto"] = Field("auto", description="Gap (s).")
    count: int = Field(1, ge=1, description="Count.")


class CutSettings(Settings):
    model: str = Field(description="Model.")
    stems: list[str] = Field(["vocals"], min_length=1, description="Stems.")

    @model_validator(mode="after")
    def _known(self) -> CutSettings:
        if "noise" in self.stems:
            raise ValueError("there is no such stem")
        return self


class NoSettings(Settings):
    pass


FilePath = Annotated[str, WithJsonSchema({"type": "string", "format": "path"})]


class BySettings(Settings):
    by: str = Field("length", description="By what.")
    file: FilePath = Field("", description="A file, or none.")


def operation(name: str, inputs: Any = None, outputs: Any = None, settings: Any = NoSettings, **more: Any) -> Operation:
    return Operation(
        name=name,
        version="1",
        run="nowhere:Nothing",
        settings=settings,
        inputs={"audio": Audio} if inputs is None else inputs,
        outputs={"audio": Audio} if outputs is None else outputs,
        **more,
    )


def stems_of(settings: CutSettings) -> dict[str, Any]:
    return dict.fromkeys(settings.stems, Audio)


OPERATIONS = {
    "levels": [
        operation("normalize", outputs={"audio": Audio, "report": Measurements}, settings=LevelSettings),
        operation("measure", outputs={"report": Measurements}),
    ],
    "words": [
        operation("separate", outputs=stems_of, settings=CutSettings),
        operation("diarize", outputs={"turns": Turns}),
        operation("transcribe", {"audio": Audio, "turns": Turns}, {"words": Words, "text": Text}, optional=("turns",)),
        operation("join", {"turns": Turns, "words": Words}, {"words": Words}),
        operation("archive", {"data": Data}, {"copy": Data}),
        operation("mix", {"first": Audio, "second": Audio}),
        operation("draw", outputs={"image": Image}),
        operation("frame", {"image": Image}, {"image": Image}),
    ],
    "odd": [
        operation("measure", outputs={"report": Measurements}),
        operation("once", each="job"),
        operation("cut", outputs={"pieces": Many(Audio)}),
        operation(
            "part",
            {"audio": Audio, "turns": Turns},
            settings=BySettings,
            optional=("turns",),
            needs=lambda settings: ("turns",) if settings.by == "turns" else (),
        ),
        operation("collect", {"audio": Many(Audio)}),
        operation("gather", {"audio": Many(Audio)}, each="job"),
        operation("make", {}),
    ],
}
BY_NAME = {f"{package}/{each.name}": each for package, found in OPERATIONS.items() for each in found}
DECLARED = [discovery.declare(each, name.partition("/")[0], "1.0") for name, each in BY_NAME.items()]


def validate(declaration: Declaration, given: Mapping[str, object]) -> Any:
    """What a worker answers, by way of JSON."""
    answer = discovery.resolve(BY_NAME[declaration.full_name], given, {})
    return json.loads(json.dumps(answer)) if isinstance(answer, list) else answer


HEAD = "librarian: 1\nname: a-job\nrecordings: [{id: calls, path: a.wav}, {id: talks, path: b.wav}]\nsteps:\n"
STEPS_BEGIN = HEAD.count("\n")


def resolve(steps: str, head: str = HEAD, folder: Path = Path("here")) -> Job:
    text = head + textwrap.indent(textwrap.dedent(steps), "  ")
    return resolve_job(read_bytes(text.encode(), name="job.yaml", folder=folder), DECLARED, validate)


def problems(steps: str, kind: type[LibrarianError] = JobError, head: str = HEAD) -> list[str]:
    """What is wrong; each must stand where a ▸ marks it (in their order), except what is marked by none."""
    marks = list(_marks(steps))
    with pytest.raises(kind) as caught:
        resolve(steps.replace("▸", ""), head)
    lines = caught.value.problems
    assert [line.split(": ")[0].removeprefix("job.yaml:") for line in lines] == marks
    return [line.partition(": ")[2] for line in lines]


def _marks(steps: str) -> Iterator[str]:
    text = textwrap.indent(textwrap.dedent(steps), "  ")
    for number, line in enumerate(text.splitlines(), STEPS_BEGIN + 1):
        pieces = line.split("▸")
        for index in range(1, len(pieces)):
            yield f"{number}:{len(''.join(pieces[:index])) + 1}"


def test_a_job_is_resolved():
    job = resolve(
        """\
        - {id: stems, use: separate, from: talks, with: {model: m, stems: [vocals, drums]}}
        - id: voice
          use: levels/normalize
          from: stems.vocals
          with: {target: -20 LUFS, mode: fast}
          audio: {bits: 16}
        - {id: turns, use: diarize, from: voice}
        - {id: words, use: transcribe, from: {audio: voice.audio, turns: turns}}
        """
    )
    assert (job.name, job.folder, job.content[:12]) == ("a-job", Path("here"), b"librarian: 1")
    stems, voice, turns, words = job.steps
    assert stems.inputs == {"audio": (Source(entry="talks"),)}
    assert list(stems.outputs) == ["vocals", "drums"]
    assert voice.declaration.full_name == "levels/normalize"
    assert voice.inputs == {"audio": (Source(step="stems", output="vocals"),)}
    assert (voice.settings["target"], voice.settings["ceiling"], voice.settings["mode"]) == (-20.0, -1.0, "fast")
    assert voice.given == ("mode", "target")
    assert stems.public == {"model": {"$text": "m"}, "stems": [{"$text": "vocals"}, {"$text": "drums"}]}
    assert stems.audio == job.file.audio
    assert voice.audio is not None
    assert voice.audio.bits == 16
    assert turns.audio is None
    assert words.inputs == {
        "audio": (Source(step="voice", output="audio"),),
        "turns": (Source(step="turns", output="turns"),),
    }


def test_a_step_without_from_takes_all_recordings():
    (step,) = resolve("- {id: voice, use: normalize}").steps
    assert step.inputs == {"audio": (Source(entry="calls"), Source(entry="talks"))}
    (step,) = resolve("- {id: voice, use: normalize, from: [talks, calls]}").steps
    assert step.inputs == {"audio": (Source(entry="talks"), Source(entry="calls"))}


def test_an_output_need_not_be_named_where_only_one_fits():
    steps = resolve("- {id: voice, use: normalize}\n- {id: log, use: archive, from: voice}").steps
    assert steps[1].inputs == {"data": (Source(step="voice", output="report"),)}


def test_an_optional_input_may_be_left_out():
    assert set(resolve("- {id: words, use: transcribe}").steps[0].inputs) == {"audio"}


def test_images_may_be_recordings():
    assert resolve("- {id: a, use: frame, from: calls}").steps[0].inputs == {"image": (Source(entry="calls"),)}


def test_steps_come_after_what_they_need():
    job = resolve(
        """\
        - {id: d, use: normalize, from: c}
        - {id: b, use: normalize, from: a}
        - {id: c, use: mix, from: {first: b.audio, second: a.audio}}
        - {id: a, use: normalize}
        """
    )
    assert [step.id for step in job.steps] == ["a", "b", "c", "d"]


def test_an_operation_that_is_not_installed():
    found = problems("- {id: a, use: ▸normalise}\n- {id: b, use: ▸nothing}", MissingExtensionError)
    assert found == [
        "steps.0.use: no installed extension offers it; what is there: librarian extensions; did you mean normalize?",
        "steps.1.use: no installed extension offers it; what is there: librarian extensions",
    ]
    (found,) = problems("- {id: a, use: ▸level/normalize}", MissingExtensionError)
    assert found.endswith("did you mean levels/normalize?")


def test_missing_extensions_do_not_hide_other_problems():
    steps = "- {id: a, use: ▸nothing}\n- {id: b, use: normalize, with: {▸taget: 1}}"
    assert [line.split(": ")[0] for line in problems(steps)] == ["steps.0.use", "steps.1.with.taget"]


def test_a_name_that_several_extensions_offer():
    (found,) = problems("- {id: a, use: ▸measure}")
    assert found == "steps.0.use: several extensions offer it; write levels/measure or odd/measure"
    assert resolve("- {id: a, use: odd/measure}").steps[0].declaration.extension == "odd"


def test_every_problem_of_the_settings_is_at_its_place():
    found = problems(
        """\
        - id: a
          use: normalize
          with:
            ▸taget: -16
            ceiling: ▸-1 LUFS
            fine: {window: ▸0 s, shape: ▸round, ▸shap: hann}
            mode: ▸bad
            gap: ▸soon
            count: ▸0
        - {id: b, use: separate, with: {▸zzz: 1, stems: [a, ▸2]}}
        """.replace("with: {▸zzz", "with: ▸{▸zzz")
    )
    assert found == [
        "steps.0.with.taget: unknown key; did you mean target?",
        "steps.0.with.ceiling: expected a number with one of the units dBTP",
        "steps.0.with.fine.window: input should be greater than 0",
        "steps.0.with.fine.shape: input should be 'hann' or 'boxcar'",
        "steps.0.with.fine.shap: unknown key",
        "steps.0.with.mode: input should be 'fast' or 'good'",
        "steps.0.with.gap: expected a number with one of the units s, ms, min, h or input should be 'auto'",
        "steps.0.with.count: input should be greater than or equal to 1",
        "steps.1.with.model: is missing",
        "steps.1.with.zzz: unknown key",
        "steps.1.with.stems.1: input should be a valid string",
    ]


@pytest.mark.parametrize("name", ["../up", "a/b", "'a b'", "'a\n\nb'", "Vocals", "''"])
def test_outputs_that_settings_name_have_plain_names(name):
    (found,) = problems(f"- {{id: b, use: separate, with: ▸{{model: m, stems: [vocals, {name}]}}}}")
    assert found.startswith("steps.0.with: the outputs that this makes cannot be: a name is not of the form ^[a-z]")


def test_a_setting_that_must_be_given_is_missed_where_nothing_is_given():
    assert problems("- ▸{id: b, use: separate}") == ["steps.0.with.model: is missing"]


def test_what_a_whole_model_refuses_is_at_the_settings():
    (found,) = problems("- {id: b, use: separate, with: ▸{model: m, stems: [noise]}}")
    assert found == "steps.0.with: there is no such stem"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-16 LUFS", -16.0), ("\N{MINUS SIGN}16 LUFS", -16.0), ("-16LUFS", -16.0), ("'-16'", -16.0), ("-16", -16.0),
        ("-16.5", -16.5), ("-16 LKFS", -16.0), ("-016", -16.0), ("-1.6e1 LUFS", -16.0), ("0", 0.0),
    ],
)  # fmt: skip
def test_quantities_in_settings(text, value):
    (step,) = resolve(f"- {{id: a, use: normalize, with: {{target: {text}}}}}").steps
    assert step.settings["target"] == step.public["target"] == value


@pytest.mark.parametrize(
    "text",
    [
        "-16 dB", "-16 lufs", "LUFS", "''", "true", "null", "[1]", "{a: 1}", "-16 LUFS or so", "'1,5 LUFS'", "nan",
        "'.nan'", "'inf LUFS'", "1e999 LUFS", "-71", "-1 -2", "--1", "0x10 LUFS", "12:30:45",
    ],
)  # fmt: skip
def test_what_is_no_such_quantity_is_refused_at_its_place(text):
    (found,) = problems(f"- {{id: a, use: normalize, with: {{target: ▸{text}}}}}")
    assert found.startswith("steps.0.with.target: ")


def test_an_extension_that_cannot_validate_is_a_problem_of_its_step():
    def broken(declaration: Declaration, given: Mapping[str, object]) -> Any:
        if declaration.name == "normalize":
            raise ExtensionError("levels/normalize cannot validate its settings")
        return validate(declaration, given)

    text = HEAD + "  - {id: a, use: normalize}\n  - {id: b, use: diarize, from: a}\n"
    with pytest.raises(MissingExtensionError) as caught:
        resolve_job(read_bytes(text.encode(), name="job.yaml", folder=Path()), DECLARED, broken)
    assert caught.value.problems == (
        "job.yaml:5:18: steps.0.use: levels/normalize cannot validate its settings",
    )  # fmt: skip


def test_unknown_names_in_from():
    found = problems(
        """\
        - {id: voice, use: normalize, from: ▸cals}
        - {id: b, use: normalize, from: [calls, ▸voic]}
        - id: c
          use: transcribe
          from:
            audio: voice
            turns: ▸nobody
        - {id: d, use: normalize, from: ▸calls.audio}
        - {id: e, use: ▸nothing, from: {x: ▸voices}}
        """
    )
    assert found == [
        "steps.0.from: cals is no recordings entry and no step; did you mean calls?",
        "steps.1.from.1: voic is no recordings entry and no step; did you mean voice?",
        "steps.2.from.turns: nobody is no recordings entry and no step",
        "steps.3.from: calls.audio is no recordings entry and no step; did you mean calls?",
        "steps.4.use: no installed extension offers it; what is there: librarian extensions",
        "steps.4.from.x: voices is no recordings entry and no step; did you mean voice?",
    ]


def test_kinds_that_do_not_fit():
    found = problems(
        """\
        - {id: voice, use: normalize}
        - {id: turns, use: diarize}
        - {id: a, use: normalize, from: ▸turns}
        - {id: b, use: normalize, from: ▸voice.report}
        - {id: c, use: archive, from: ▸voice.audio}
        - {id: d, use: archive, from: ▸calls}
        - {id: e, use: transcribe, from: {audio: voice, turns: ▸calls}}
        - {id: f, use: normalize, from: ▸voice.nothing}
        - {id: g, use: diarize, from: ▸words}
        - {id: words, use: transcribe}
        """
    )
    assert found == [
        "steps.2.from: the input audio takes audio; turns offers nothing that fits",
        "steps.3.from: the input audio takes audio; voice offers voice.audio",
        "steps.4.from: the input data takes data; voice offers voice.report",
        "steps.5.from: the input data takes data, not recordings",
        "steps.6.from.turns: the input turns takes turns/1, not recordings",
        "steps.7.from: the input audio takes audio; voice offers voice.audio",
        "steps.8.from: the input audio takes audio; words offers nothing that fits",
    ]


def test_an_output_must_be_named_where_several_fit():
    steps = "- {id: stems, use: separate, with: {model: m, stems: [a, b]}}\n- {id: voice, use: normalize, from: ▸stems}"
    assert problems(steps) == ["steps.1.from: the input audio takes audio; stems offers stems.a, stems.b"]


def test_ports_that_settings_ask_for():
    found = problems(
        """\
        - {id: turns, use: diarize, from: calls}
        - {id: a, use: part, from: calls}
        - {id: b, use: part, from: {audio: calls, turns: turns}, with: {by: turns}}
        - ▸{id: c, use: part, with: {by: turns}}
        """
    )
    assert found == [
        "steps.3.from: with these settings part takes the input turns too; write it as a mapping port: step"
    ]


def test_ports_that_are_missing_or_unknown():
    found = problems(
        """\
        - {id: a, use: mix, from: ▸calls}
        - {id: b, use: normalize, from: {audio: calls, adio: ▸calls}}
        - ▸{id: c, use: join}
        - {id: d, use: normalize, from: ▸{adio: ▸calls}}
        """.replace("▸{id: c", "▸▸▸{id: c")
    )
    assert found[0] == "steps.0.from: the input second of mix is missing; write it as a mapping port: step"
    assert found[1] == "steps.1.from.adio: normalize has no input of this name: audio"
    assert "steps.2.from: the input words of join is missing; write it as a mapping port: step" in found
    assert found[-2:] == [
        "steps.3.from: the input audio of normalize is missing; write it as a mapping port: step",
        "steps.3.from.adio: normalize has no input of this name: audio",
    ]


def test_an_input_takes_recordings_or_one_step():
    found = problems(
        """\
        - {id: voice, use: normalize}
        - {id: a, use: normalize, from: ▸[voice, calls]}
        - {id: b, use: mix, from: {first: ▸[voice, a], second: [voice]}}
        """
    )
    assert found == [
        "steps.1.from: the input audio takes recordings, or one step",
        "steps.2.from.first: the input first takes recordings, or one step",
    ]


def test_ids_stand_once():
    head = HEAD.replace("id: talks", "id: calls")
    found = problems(
        """\
        - {id: voice, use: normalize}
        - {id: ▸calls, use: normalize}
        - {id: ▸voice, use: normalize, from: calls}
        """,
        head=head.replace("id: calls, path: b", "id: other, path: b"),
    )
    assert found == [f"steps.{index}.id: another entry has this id already" for index in (1, 2)]
    with pytest.raises(JobError) as caught:
        resolve("- {id: voice, use: normalize}", head)
    (line,) = caught.value.problems
    assert (
        line
        == f"job.yaml:3:{HEAD.splitlines()[2].index('talks') + 1}: recordings.1.id: another entry has this id already"
    )


@pytest.mark.parametrize(
    ("steps", "circle"),
    [
        ("- {id: a, use: normalize, from: ▸a}", "steps.0.from: goes round in a circle: a → a"),
        (
            """\
            - {id: after, use: normalize, from: b}
            - {id: fine, use: normalize}
            - {id: b, use: normalize, from: ▸c}
            - {id: c, use: normalize, from: d}
            - {id: d, use: normalize, from: b}
            """,
            "steps.2.from: goes round in a circle: b → c → d → b",
        ),
        (
            "- {id: b, use: mix, from: ▸{first: calls, second: c.audio}}\n- {id: c, use: normalize, from: b}",
            "steps.0.from: goes round in a circle: b → c → b",
        ),
    ],
)
def test_a_circle_is_named(steps, circle):
    assert problems(steps) == [circle]


def test_what_is_kept_until_it_is_used_has_to_be_used():
    job = resolve("- {id: a, use: normalize, keep: until-used}\n- {id: b, use: normalize, from: a, keep: yes}")
    assert [step.until_used for step in job.steps] == [True, False]
    (found,) = problems("- {id: a, use: normalize, keep: ▸until-used}")
    assert found.startswith("steps.0.keep: no step takes what it makes, so it would never be used; leave the line out")
    (found,) = problems(
        "- {id: a, use: normalize, keep: until-used}\n- {id: b, use: ▸unheard, from: {audio: a.audio}}", ExtensionError
    )
    assert "no installed extension offers it" in found  # and nothing about a, which it would take


def test_what_is_made_of_the_whole_job_is_kept():
    (found,) = problems("- {id: a, use: gather, keep: ▸until-used}\n- {id: b, use: normalize, from: a}")
    assert found == "steps.0.keep: what is made of the whole job stays; leave the line out"


def test_lists_groups_labels_and_what_is_missing_are_served(tmp_path):
    (tmp_path / "c.csv").write_text("file,label,count\na.wav,one,2\n")
    entry = "path: a.wav, label: x, group: '(?P<role>a)(?P<group>y)', roles: {a: b}, list: c.csv"
    steps = """\
        - {id: a, use: cut}
        - {id: b, use: collect, from: a, missing: leave out}
        - {id: c, use: normalize, from: a}
        - {id: d, use: gather, from: c.audio}
        """
    job = resolve(steps, HEAD.replace("path: a.wav", entry), tmp_path)
    cut, collected, pieces, whole = job.steps
    recording = ("group", "recording")
    assert [step.level for step in job.steps] == [recording, recording, (*recording, "a.pieces"), ()]
    assert [step.leave_out for step in job.steps] == [False, True, False, False]
    assert cut.outputs["pieces"].many
    assert collected.inputs == {"audio": (Source(step="a", output="pieces"),)}
    assert whole.inputs == {"audio": (Source(step="c", output="audio"),)}
    (row,) = job.tables["calls"].rows.values()
    assert (row.file, row.label, row.steps["c"].settings["count"], pieces.settings["count"]) == ("a.wav", "one", 2, 1)


def test_what_an_operation_works_on_has_to_fit_what_it_is_given():
    found = problems(
        """\
        - {id: a, use: ▸once}
        - {id: b, use: ▸make}
        """
    )
    assert found == [
        "steps.0.use: the input audio of once takes one file, and is given one for each recording",
        "steps.1.use: takes no input, so it has to work on the whole job; its operation says otherwise",
    ]


def test_problems_of_the_schema_and_of_the_settings_are_said_together():
    text = "librarian: 1\nname: A\nsteps:\n  - {id: a, use: normalize, with: {taget: 1}}\n  - {id: b, use: nothing}\n"
    with pytest.raises(JobError) as caught:
        resolve_job(read_bytes(text.encode(), name="job.yaml", folder=Path()), DECLARED, validate)
    places = [line.split(": ")[1] for line in caught.value.problems]
    assert places == ["recordings", "name", "steps.0.with.taget", "steps.1.use"]


def test_the_largest_job_costs_little():
    head = (
        "librarian: 1\nname: a\nrecordings:\n" + "".join(f"- {{id: r{n}, path: x}}\n" for n in range(1024)) + "steps:\n"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    job = resolve("".join(f"- {{id: s{n}, use: normalize}}\n" for n in range(256)), head)
    assert sum(len(step.inputs["audio"]) for step in job.steps) == 1024 * 256
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 200  # MiB
    with pytest.raises(JobError) as caught:
        resolve("".join(f"- {{id: s{n}, use: normalize, from: x{n}}}\n" for n in range(256)), head)
    assert len(caught.value.problems) == 256


GOOD = HEAD + textwrap.indent(
    textwrap.dedent(
        """\
        - {id: stems, use: separate, from: talks, with: {model: m, stems: [vocals, drums]}}
        - {id: voice, use: levels/normalize, from: stems.vocals, with: {target: -20 LUFS, fine: {window: 0.3 s}}}
        - {id: words, use: transcribe, from: {audio: voice.audio}, audio: {format: wav, bits: 32}}
        """
    ),
    "  ",
) + "run: {device: cpu, workers: 2, timeout: 5 min}\n"  # fmt: skip
PIECES = [
    *"{}[]:,-?&*!|>'\"%@#~ \t\n\r\0\\\x1b\ufeff\u0085\u2028\uff10é",
    "1e999", ".nan", "*a", "&a ", "!!python/name:os.system ", "? ", "- ", ": ", "---\n", "<<: ", "null", "no", "012",
    "../..", "$(ls)", "${HOME}", "9" * 5000, "[" * 40, '"\\0"',
]  # fmt: skip


def mutated(rng: random.Random) -> bytes:
    text = bytearray(GOOD.encode())
    for _ in range(rng.randint(1, 4)):
        at, end = sorted(rng.randrange(len(text)) for _ in range(2))
        end = min(end, at + rng.randint(0, 30))
        match rng.randrange(5):
            case 0:
                text[at:end] = b""
            case 1:
                text[at:at] = rng.choice(PIECES).encode()
            case 2:
                text[at:end] = rng.choice(PIECES).encode()
            case 3:
                text[at] = rng.randrange(256)
            case 4:
                text[at:at] = text[at:end] * rng.randint(1, 3)
    return bytes(text)


def test_a_file_in_the_settings_starts_from_the_folder_of_the_job_and_none_stays_none():
    job = resolve("- {id: one, use: part, with: {file: lists/a.csv}}\n- {id: two, use: part, with: {file: ''}}\n")
    assert [step.settings["file"] for step in job.steps] == ["here/lists/a.csv", ""]


@pytest.mark.parametrize("seed", range(40))
def test_a_mutated_file_is_a_job_or_has_problems(seed):
    rng = random.Random(seed)
    for _ in range(10):
        content = mutated(rng)
        try:
            resolve_job(read_bytes(content, name="job.yaml", folder=Path()), DECLARED, validate)
        except (JobError, ExtensionError) as error:
            for line in str(error).split("\n"):
                name, row, column, _ = line.split(":", 3)
                assert (name, row.isdigit(), column.isdigit(), line.isprintable()) == ("job.yaml", True, True, True)


def test_the_file_that_is_mutated_is_good():
    assert len(resolve_job(read_bytes(GOOD.encode(), name="job.yaml", folder=Path()), DECLARED, validate).steps) == 3
