"""The contract with extensions: quantities, settings, resources, ports, and what a worker says of them as data."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Literal

import pytest
from pydantic import TypeAdapter, ValidationError

import librarian
from librarian import (
    Artifact,
    Audio,
    Duration,
    Field,
    Frequency,
    Gain,
    KnownFile,
    KnownModel,
    Level,
    Loudness,
    LoudnessRange,
    Operation,
    Output,
    Resources,
    Settings,
    Size,
    TruePeak,
)
from librarian.operation import Declaration, Port, Resolved, message_of
from librarian.quantity import Quantity


class Levels(Settings):
    target: Loudness = Field("-16 LUFS", ge=-70, le=0, description="Loudness (LUFS).")
    window: Duration | None = Field(None, description="Window (s).")
    mode: Literal["fast", "good"] = Field("good", description="Mode.")
    batch: int = Field(8, ge=1, changes_result=False, description="Batch.")
    name: str = Field("x", min_length=1, max_length=3, pattern="^[a-z]+$", description="Name.")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Loudness, "-16 LUFS", -16.0),
        (Loudness, "\N{MINUS SIGN}16 LUFS", -16.0),
        (Loudness, "-23 LKFS", -23.0),
        (Loudness, " -16.5LUFS ", -16.5),
        (Loudness, "-16", -16.0),
        (Loudness, -16, -16.0),
        (Loudness, -16.25, -16.25),
        (LoudnessRange, "7 LU", 7.0),
        (TruePeak, "-1 dBTP", -1.0),
        (Level, "-20 dBFS", -20.0),
        (Gain, "+3.5 dB", 3.5),
        (Duration, "7.8 s", 7.8),
        (Duration, "250 ms", 0.25),
        (Duration, "2 min", 120.0),
        (Duration, "1.5 h", 5400.0),
        (Frequency, "44.1 kHz", 44100.0),
        (Frequency, "440 Hz", 440.0),
        (Size, "6 GiB", 6 * 2.0**30),
        (Size, "512 MiB", 512 * 2.0**20),
        (Size, "1 GB", 1e9),
        (Size, "1e3 kB", 1e6),
        (Size, ".5 TiB", 2.0**39),
        (Size, 4096, 4096.0),
    ],
)
def test_a_quantity_is_a_float_in_its_unit(kind, text, value):
    read = TypeAdapter(kind).validate_python(text)
    assert read == value
    assert type(read) is float


@pytest.mark.parametrize(
    "text",
    [
        "-16 dB", "-16 lufs", "LUFS", "", " ", "- 16", "--16", "16 LUFS LUFS", "16 LUFS\n16", "1,5 LUFS", "1_000",
        "0x10", "nan", "NaN LUFS", "inf", "-inf LUFS", "one", "12:30", "1e LUFS", "1.2.3", "$(ls)", "16 LUFS;",
    ],
)  # fmt: skip
def test_what_is_no_quantity_is_refused_with_its_units(text):
    with pytest.raises(ValidationError, match="expected a number with one of the units LUFS, LKFS"):
        TypeAdapter(Loudness).validate_python(text)


@pytest.mark.parametrize("text", ["'1' * SIZE + '!'", "'1' + ' ' * SIZE + '!'", "'1.' + '1' * SIZE + '!'"])
def test_hostile_text_costs_no_more_than_its_length(text):
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (20, 20)); SIZE = 200_000\n"
        "from librarian.quantity import Quantity\n"
        f"try: Quantity('LUFS').parse({text})\n"
        "except ValueError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n"


@pytest.mark.parametrize("value", [True, False])
def test_a_flag_is_no_quantity(value):
    with pytest.raises(ValidationError, match='expected a quantity in LUFS, such as "1 LUFS"'):
        TypeAdapter(Loudness).validate_python(value)


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, object(), 10**400])
def test_what_is_neither_number_nor_text_is_refused(value):
    with pytest.raises(ValidationError):
        TypeAdapter(Loudness).validate_python(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1e999 LUFS", "-1e999", "9" * 400])
def test_a_setting_is_finite(value):
    with pytest.raises(ValidationError, match="finite number"):
        Levels(target=value)


def test_the_bounds_of_a_quantity_hold_in_its_unit():
    class Window(Settings):
        length: Duration = Field("400 ms", ge=0.1, le=60, description="Length (s).")

    assert Window(length="1 min").length == 60.0
    assert Window().length == 0.4
    for wrong in ("99 ms", "1.1 min"):
        with pytest.raises(ValidationError, match=r"greater than or equal to 0\.1|less than or equal to 60"):
            Window(length=wrong)


def test_the_schema_of_a_quantity_says_its_unit_and_bounds():
    schema = Levels.model_json_schema()["properties"]["target"]
    assert schema["unit"] == "LUFS"
    assert {"type": "number", "minimum": -70, "maximum": 0} in schema["anyOf"]
    assert {"type": "string"} in schema["anyOf"]
    assert (schema["default"], schema["description"]) == ("-16 LUFS", "Loudness (LUFS).")


def test_a_quantity_of_an_extension():
    tempo = Quantity("bpm", Hz=60.0)
    assert (tempo.parse("120 bpm"), tempo.parse("2 Hz"), tempo.parse("90"), tempo.parse(90)) == (120.0, 120.0, 90.0, 90)


def test_settings_are_checked_with_their_defaults():
    settings = Levels(name="abc")
    assert (settings.target, settings.window, settings.mode, settings.batch) == (-16.0, None, "good", 8)
    with pytest.raises(ValidationError, match="frozen"):
        settings.batch = 2
    with pytest.raises(ValidationError, match="Extra inputs"):
        Levels(taget=1)

    class Wrong(Settings):
        target: Loudness = Field("loud", description="Loudness (LUFS).")

    with pytest.raises(ValidationError, match="expected a number"):
        Wrong()


@pytest.mark.parametrize("name", ["", "abcd", "A", 7])
def test_bounds_of_text_hold(name):
    with pytest.raises(ValidationError):
        Levels(name=name)


def test_a_setting_without_default_must_be_given():
    class Needs(Settings):
        model: str = Field(description="Model.")

    with pytest.raises(ValidationError, match="Field required"):
        Needs()


def test_a_setting_without_description_is_refused_at_once():
    with pytest.raises(TypeError, match="Bare: describe the setting gap"):

        class Bare(Settings):
            mode: str = Field("x", description="Mode.")
            gap: float = 0.0


def test_a_refusal_does_not_hold_the_value():
    with pytest.raises(ValidationError) as caught:
        Levels(target="Jane Roe", mode="Jane Roe", name="Jane Roe", batch="Jane Roe")
    assert "Jane" not in str(caught.value)
    assert "Jane" not in str([message_of(detail) for detail in caught.value.errors(include_input=False)])


def test_messages_are_short_and_ours():
    with pytest.raises(ValidationError) as caught:
        Levels(target="x", mode="x", name="A", batch=0, more=1)
    assert {detail["loc"][0]: message_of(detail) for detail in caught.value.errors()} == {
        "target": "expected a number with one of the units LUFS, LKFS",
        "mode": "input should be 'fast' or 'good'",
        "name": "must match ^[a-z]+$",
        "batch": "input should be greater than or equal to 1",
        "more": "unknown key",
    }


def test_what_cannot_change_a_result_is_marked():
    extra = {name: info.json_schema_extra for name, info in Levels.model_fields.items()}
    assert [name for name, each in extra.items() if each == {"changes_result": False}] == ["batch"]


def test_resources_are_quantities():
    resources = Resources(memory="2 GiB", gpu="optional", gpu_memory="6 GiB", timeout="1 h")
    assert (resources.memory, resources.gpu_memory, resources.timeout) == (2.0**31, 6 * 2.0**30, 3600.0)
    assert (Resources().memory, Resources().threads, Resources().timeout, Resources().gpu) == (2.0**30, 1, None, "no")
    for wrong in ({"threads": 0}, {"memory": "much"}, {"gpu": "maybe"}, {"disk": 1}, {"memory": math.inf}):
        with pytest.raises(ValidationError):
            Resources(**wrong)


@pytest.mark.parametrize(
    ("wanted", "offered", "fits"),
    [
        ("audio", "audio", True),
        ("audio", "video", False),
        ("turns/1", "turns/1", True),
        ("turns/1", "turns/2", False),
        ("data", "turns/1", True),
        ("data", "audio", False),
        ("turns/1", "data", False),
        ("data", "data", True),
    ],
)
def test_what_fits_into_a_port(wanted, offered, fits):
    assert Port(kind=wanted).accepts(Port(kind=offered)) is fits


def test_a_declaration_survives_json():
    declared = Declaration(
        extension="librarian-x",
        extension_version="1.0",
        name="op",
        version="1",
        description="An operation.",
        settings_schema=Levels.model_json_schema(),
        inputs={"audio": Port(kind="audio", many=True, optional=True)},
        outputs=None,
        facts={"level": {"description": "Level.", "unit": "dB", "words": []}},
        each="recording",
        resources=Resources(memory="1 GiB"),
        reproducible="bytes",
        models=(KnownModel("m", (KnownFile("m.bin", size=1),), loader="toy"),),
        hosts=(),
        clears=False,
    )
    assert declared.full_name == "librarian-x/op"
    assert Declaration.model_validate(json.loads(declared.model_dump_json())) == declared


def test_an_answer_of_a_worker_is_read_strictly():
    message = {"settings": {"a": 1}, "public": {}, "outputs": {"audio": {"kind": "audio"}}}
    read = Resolved.read(message)
    assert (read.settings, read.outputs["audio"], read.models) == ({"a": 1}, Port(kind="audio"), {})
    with pytest.raises(ValidationError):
        Resolved.read({**message, "more": 1})


def test_an_operation_and_what_goes_in_and_out_do_not_change():
    operation = Operation(
        name="op", version="1", run="a:b", settings=Levels, inputs={"audio": Audio}, outputs={"audio": Audio}
    )
    assert (operation.each, operation.reproducible, operation.clears, operation.hosts) == ("recording", "no", False, ())
    for each, name in ((operation, "name"), (Artifact(Path("x"), "audio"), "path"), (Output(1), "value")):
        with pytest.raises(FrozenInstanceError):
            setattr(each, name, "y")


def test_every_name_for_extension_authors_is_there():
    for name in librarian.__all__:
        assert getattr(librarian, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = librarian.Nothing


@pytest.mark.parametrize("kind", [list[str], tuple[str, ...], set[str]])
def test_whatever_python_makes_of_a_list_it_is_called_one(kind):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python("vocals")
    assert [message_of(detail) for detail in caught.value.errors()] == [
        "input should be a valid list, such as [one, two]"
    ]
