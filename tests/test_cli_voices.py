"""`voices`: where a voice is heard again, by what diarizations left in the vault."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import MakeExtension
from harness import Archive

CODE = """
from librarian import Audio, Field, Operation, Output, Settings, Voice, Voices, hookimpl

SOUNDS = {8000: [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)], 16000: [(0.6, 0.0, 0.8), (0.28, 0.96, 0.0)], 24000: []}

class HearSettings(Settings):
    turned: bool = Field(False, description="Whether the numbers of the speakers are the other way round.")
    encoder: str = Field("ears", description="What it is heard with.")

def hear(task):
    found = SOUNDS[task.inputs["audio"].frames]
    found = found[::-1] if task.settings.turned else found
    voices = [Voice(speaker=number, seconds=4, vector=vector) for number, vector in enumerate(found, 1)]
    return {"voices": Output(Voices(encoder=task.settings.encoder, voices=voices))}

@hookimpl
def librarian_operations():
    return [Operation(name="hear", version="1", run=f"{__name__}:hear", settings=HearSettings, inputs={"audio": Audio},
                      outputs={"voices": Voices}, description="For a test.", reproducible="bytes")]
"""
JOB = """\
librarian: 1
name: heard
recordings: [{{id: tapes, path: '{path}'}}]
steps:
  - {{id: heard, use: hear{more}}}
"""


@pytest.fixture
def hearing(archive: Archive, make_extension: MakeExtension) -> Archive:
    """An archive of which each recording has been listened to: two with two voices each, and one with none."""
    make_extension("hearing", CODE)
    for number, seconds in enumerate((1, 2, 3)):
        noise = 0.1 * np.random.default_rng(number).standard_normal(8000 * seconds)
        soundfile.write(archive.root / f"tape{number}.wav", noise, 8000)
    run(archive)
    return archive


def run(archive: Archive, path: str = "tape*.wav", more: str = "") -> None:
    archive.job(JOB.format(path=path, more=more))
    archive.librarian("run", "job.yaml", "--redo-ok")


def asked(archive: Archive, *arguments: str) -> Any:
    return json.loads(archive.librarian("voices", *arguments, "--json").stdout)


def unit(archive: Archive, name: str) -> str:
    found: str = json.loads(archive.librarian("show", name, "--json").stdout)["id"]
    return found


def found(archive: Archive, *arguments: str) -> list[tuple[int, float, int]]:
    return [(each["speaker"], each["alike"], each["other"]["speaker"]) for each in asked(archive, *arguments)]


def test_the_recordings_with_a_voice_that_is_as_alike_are_listed(hearing: Archive) -> None:
    other = unit(hearing, "tape1.wav")
    assert asked(hearing, "tape0.wav") == [
        {"speaker": 2, "alike": 0.96, "other": {"unit": other, "speaker": 2, "seconds": 4.0}}
    ]
    said = hearing.librarian("voices", "tape0.wav")
    assert said.stdout.split() == f"speaker 2 0.96 {other} speaker 2, of 4 s".split()
    assert said.stderr.splitlines() == [f"next: librarian show {other}"]
    assert found(hearing, "tape0.wav", "--alike", "0.5") == [(1, 0.6, 1), (2, 0.96, 2)]
    assert found(hearing, "tape0.wav", "--alike", "0.2", "--speaker", "1") == [(1, 0.6, 1), (1, 0.28, 2)]


def test_where_none_is_as_alike_it_is_said_how_to_see_others(hearing: Archive) -> None:
    said = hearing.librarian("voices", "tape0.wav", "--speaker", "1")
    assert (said.stdout, said.stderr) == (
        "",
        "none of 2 voices in other recordings is as alike; less so: --alike 0.68\n",
    )


def test_without_a_recording_all_that_have_voices_are_listed(hearing: Archive) -> None:
    units = sorted(unit(hearing, f"tape{number}.wav") for number in (0, 1))
    voices = [{"speaker": 1, "seconds": 4.0}, {"speaker": 2, "seconds": 4.0}]
    assert asked(hearing) == [{"unit": each, "voices": voices} for each in units]
    said = hearing.librarian("voices").stdout.splitlines()
    assert said == [f"  {each}  2 voices" for each in units]


def test_nothing_of_how_a_voice_sounds_is_printed(hearing: Archive) -> None:
    printed = [hearing.librarian("voices", *more, "--json").stdout for more in ((), ("tape1.wav", "--alike", "-1"))]
    assert not [each for each in printed if "vector" in each or "0.8\n" in each or "ears" in each]


def test_what_a_newer_diarization_took_the_place_of_does_not_count(hearing: Archive) -> None:
    run(hearing, more=", with: {turned: true}")
    assert found(hearing, "tape0.wav") == [(1, 0.96, 1)]


def test_numbers_of_different_encoders_are_not_compared(hearing: Archive) -> None:
    run(hearing, path="tape1.wav", more=", with: {encoder: microphones}")
    assert found(hearing, "tape0.wav", "--alike", "-0.9") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tape2.wav"], "no voice is kept of that recording; ask for it in a job: use: diarize, with: {voices: true}"),
        (["tape0.wav", "--speaker", "3"], "of that speaker no voice is kept; there are: 1, 2"),
        (["--speaker", "1"], "--speaker is of a recording; type: librarian voices RECORDING --speaker N"),
        (["tape9.wav"], "no recording has that name; did you mean"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_line(hearing: Archive, arguments: list[str], message: str) -> None:
    assert message in hearing.librarian("voices", *arguments, code=2).stderr


def test_where_no_voice_is_kept_it_is_said_how_to_keep_them(archive: Archive) -> None:
    archive.librarian("init")
    said = archive.librarian("voices")
    assert said.stderr == "no voice is kept; ask for them in a job: use: diarize, with: {voices: true}\n"
