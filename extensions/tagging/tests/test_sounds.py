"""What may be asked for, and the files that list sounds."""

import json
import os

import pytest
from harness import TOP
from pydantic import ValidationError

from librarian_tagging import TagSettings
from librarian_tagging.sounds import read_presets, sounds_of

PRESETS = sorted((TOP / "configs" / "tagging").glob("*.sounds.yaml"))
NAMED = {"laughter": {"prompt": "people laughing", "threshold": 0.6}}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.name)
def test_the_presets_that_ship_are_read(path):
    assert len(sounds_of(read_presets(str(path)), {})) > 3


def test_presets_ship():
    assert len(PRESETS) == 2


def test_yaml_and_json_of_the_same_sounds_are_the_same_whatever_their_order(tmp_path):
    (tmp_path / "a.yaml").write_text("bell: {threshold: 0.7, prompt: a bell}\nlaughter: {prompt: people laughing}\n")
    (tmp_path / "a.json").write_text(
        json.dumps(
            {
                "laughter": {"prompt": "people laughing", "threshold": 0.5},
                "bell": {"prompt": "a bell", "threshold": 0.7},
            }
        )
    )
    one, other = (read_presets(str(tmp_path / name)) for name in ("a.yaml", "a.json"))
    assert one == other == read_presets(one)


def test_sounds_of_the_step_go_before_those_of_the_file(tmp_path):
    (tmp_path / "a.yaml").write_text("laughter: {prompt: laughter, threshold: 0.9}\nbell: {prompt: a bell}\n")
    settings = TagSettings(presets=str(tmp_path / "a.yaml"), sounds=NAMED)
    sounds = sounds_of(settings.presets, settings.sounds)
    assert sorted(sounds) == ["bell", "laughter"]
    assert sounds["laughter"].threshold == 0.6
    again = TagSettings.model_validate(settings.model_dump())
    assert again == settings


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("bell: {prompt: a bell}\nbell: {prompt: b}", "line 2, column 1 of the file: this key stands here twice"),
        ("{", "line 1, column 2 of the file"),
        ("[" * 20_000, "nested more than 32 deep"),
        ("a: &a {prompt: [x, y]}\nb: *a", "anchors and aliases are not allowed"),
        ("a: !!python/object/apply:os.system ['true']", "tags are not allowed"),
        ("- bell", "it is a mapping of at most 200 ids"),
        ("", "it is a mapping of at most 200 ids"),
        ("{}", "lists no sound"),
        ("A Bell: {prompt: a}", r"the id of entry 1 is not of the form \[a-z\]"),
        ("ok: {prompt: a}\nbell: {prompt: Jane Doe, threshold: 1.5}", "entry 2 has a wrong threshold"),
        ("bell: {prompt: a, threshold: .nan}", "a number must be finite"),
        ("bell: {prompt: []}", "entry 1 has a wrong prompt"),
        ("bell: 3", "entry 1 is no mapping with a prompt"),
        ("bell: {prompt: a, volume: 3}", "entry 1"),
        ("".join(f"s{number}: {{prompt: a}}\n" for number in range(201)), "at most 200"),
        ("#" * ((256 << 10) + 1), "larger than 256 KiB"),
    ],
)
def test_a_file_that_lists_no_sounds_says_what_is_wrong_and_nothing_of_what_it_holds(tmp_path, content, match):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(ValidationError, match=match) as caught:
        TagSettings(presets=str(tmp_path / "a.yaml"))
    assert "Jane" not in str(caught.value)


def test_a_file_that_is_not_there_or_is_none(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, match in (("none", "no such file"), ("pipe", "no such file"), ("", "no such file")):
        with pytest.raises(ValidationError, match=match):
            TagSettings(presets=str(tmp_path / name))
    (tmp_path / "bad").write_bytes(b"bell: {prompt: \xff}")
    with pytest.raises(ValidationError, match="not UTF-8"):
        TagSettings(presets=str(tmp_path / "bad"))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({}, "name what to look for"),
        ({"sounds": {"A bell": {"prompt": "a bell"}}}, "match"),
        ({"sounds": {"bell": {"prompt": ""}}}, "at least 1 character"),
        ({"sounds": {"bell": {"prompt": "a bell", "threshold": 0}}}, "greater than 0"),
        ({"sounds": NAMED, "window": "4 s", "hop": "5 s"}, "hop: it may not be longer than the window"),
        ({"sounds": NAMED, "window": "11 s"}, "window"),
        ({"sounds": NAMED, "contrast": []}, "contrast"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, match):
    with pytest.raises(ValidationError, match=match):
        TagSettings(**given)
