"""Recognizers of extensions: data that is checked, and then looks in every text of a job."""

from __future__ import annotations

import json
import re

import pytest
from harness import Archive

from librarian.privacy.declared import MOST, BadRecognizerError, recognizers_of
from librarian.privacy.scrub import Scrubber
from librarian.privacy.search import search_at

CASE = {"type": "CASE", "pattern": r"[A-Z]{2}_\d{4}", "cues": ["case no", "Größe (neu)"]}
EXTENSION = """
from librarian import Audio, Measurements, Operation, Settings, hookimpl

class NoSettings(Settings):
    pass

@hookimpl
def librarian_operations():
    return [Operation(name="fail", version="1", run="librarian_cases:fail", settings=NoSettings,
                      description="Fail.", inputs={"audio": Audio}, outputs={"report": Measurements})]

def fail(task):
    raise LookupError("there is no case no. AB_1234 in drawer 7, ref ZZ-99-ZZ")

@hookimpl
def librarian_recognizers():
    return [{"type": "CASE", "pattern": "[A-Z]{2}_[0-9]{4}", "cues": ["case no"]}, RECOGNIZER]
"""
GOOD = '{"type": "REF", "pattern": "ZZ-[0-9]{2}-ZZ"}'


def found(text, *declared):
    return [
        (span.type, text[span.start : span.end]) for span in search_at("strict", recognizers_of(declared)).find(text)
    ]


def test_a_pattern_is_found_behind_its_cue_only():
    assert found("in case no. AB_1234, and CD_5678", CASE) == [("CASE", "AB_1234")]
    assert found("GRÖSSE (NEU): AB_1234, Größe (neu): AB_1234", CASE)[-1:] == [("CASE", "AB_1234")]


def test_a_validator_decides():
    declared = {"type": "MEMBER", "pattern": r"M-(1\d{15})", "validator": "card"}
    assert found("M-1111111111111117 M-1111111111111112", declared) == [("MEMBER", "1111111111111117")]


def test_it_has_pseudonyms_like_any_other():
    scrubber = Scrubber(b"key", more=recognizers_of([CASE]))
    assert re.fullmatch("case no <CASE:[a-z2-7]{8}>", scrubber.scrub("case no AB_1234"))


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"type": "CASE"}, "has type and pattern"),
        ({**CASE, "code": "x"}, "has type and pattern"),
        ({**CASE, "type": "Case"}, "capital letters"),
        ({**CASE, "type": "WITHHELD"}, "capital letters"),
        ({**CASE, "type": 7}, "capital letters"),
        ({**CASE, "pattern": "(?=x)x"}, "RE2"),
        ({**CASE, "pattern": "x*"}, "takes nothing"),
        ({**CASE, "pattern": "x" * 1001}, "1 to 1000"),
        ({**CASE, "pattern": 7}, "1 to 1000"),
        ({**CASE, "validator": "eval"}, "no such validator"),
        ({**CASE, "cues": [7]}, "a cue"),
        ({**CASE, "cues": 7}, "a cue"),
        ("CASE", "has type and pattern"),
    ],
)
def test_what_is_no_recognizer_is_refused(declared, why):
    with pytest.raises(BadRecognizerError, match=why):
        recognizers_of([declared])


def test_too_many_are_refused():
    with pytest.raises(BadRecognizerError, match="more than"):
        recognizers_of([CASE] * (MOST + 1))


def test_what_an_extension_looks_for_is_kept_out_of_every_record(calls: Archive, make_extension) -> None:
    make_extension("cases", EXTENSION.replace("RECOGNIZER", GOOD))
    job = calls.root / "job.yaml"
    job.write_text(job.read_text() + "  - {id: failing, use: fail, from: calls}\n")
    for _ in range(2):  # the second time from what was remembered
        done = calls.librarian("run", "job.yaml", code=1)
        assert "no case no. <CASE:" in done.stderr
    for text in [done.stderr, *map(bytes.decode, calls.files("manifests").values())]:
        assert not re.search("AB_1234|ZZ-99", text)
    last = max((calls.root / "manifests").iterdir()).read_text().splitlines()
    (summary,) = (body for line in last if (body := json.loads(line)["body"])["type"] == "summary")
    assert summary["scrubbed"]["CASE"] >= 3  # one for each recording
    assert "looks in texts for CASE, REF" in calls.librarian("extensions").stdout
    listed = json.loads(calls.librarian("extensions", "--json").stdout)
    assert ["CASE", "REF"] in [each["recognizers"] for each in listed]


def test_an_extension_with_a_recognizer_that_is_none_cannot_be_used(calls: Archive, make_extension) -> None:
    make_extension("cases", EXTENSION.replace("RECOGNIZER", '{"type": "REF", "pattern": "("}'))
    assert "REF: its pattern cannot be read" in calls.librarian("extensions", code=3).stdout
