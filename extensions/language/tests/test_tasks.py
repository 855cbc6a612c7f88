"""Tasks and templates: what is none is refused in one sentence, before anything runs."""

from __future__ import annotations

import doctest
import json
import os
from pathlib import Path
from typing import Any

import pytest
from harness import TOP
from pydantic import ValidationError

from librarian.document import read_document
from librarian_language import Answer, PromptSettings, Text, fitting, outputs_of, template

PRESETS = TOP / "configs" / "language" / "tasks.yaml"


def test_what_the_docstrings_show() -> None:
    for module in (fitting, template):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", sorted(read_document(PRESETS)))
def test_every_preset_is_a_task(name: str) -> None:
    settings = PromptSettings(tasks=str(PRESETS), task=name)
    assert settings.asked[0] == name
    assert "{words}" in settings.asked[1].template
    again = PromptSettings.model_validate(settings.model_dump(mode="json"))
    assert again == settings
    kind = Text if name in ("synopses", "pictures") else Answer
    assert outputs_of(settings) == {"answer": kind}


def test_a_file_of_one_task_needs_no_name_and_of_several_only_one_counts(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("a: {template: x}\n")
    (tmp_path / "two.json").write_text('{"a": {"template": "x"}, "b": {"template": "y"}}')
    one = PromptSettings(tasks=str(tmp_path / "one.yaml"))
    assert one.asked[0] == "a"
    assert PromptSettings(tasks=str(tmp_path / "two.json"), task="a").tasks == one.tasks
    assert PromptSettings(tasks={"a": {"template": "x"}}).tasks == one.tasks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {template: 'x {wrods}'}", r"tasks\n  .*a.template: {wrods} is no place; there are {text}, {words},"),
        ("a: {template: x}\nb: {template: y}", "say which with task: a, b"),
        ("a: {template: x, model: y}", "a.model: unknown key"),
        ("a: {system: x}", "a.template: is missing"),
        ("a: {template: x, temperature: 3}", "a.temperature: .*less than or equal to 2"),
        ("a: {template: x, schema: {type: objekt}}", "a.schema: is no JSON Schema"),
        ("a: 5", "a: input should be a valid"),
        ("'A b': {template: x}", "the name of a task is lower-case"),
        ("[a]", "holds no tasks"),
        ("{}", "holds no tasks"),
        ("", "holds no tasks"),
        ("a: {template: x\n", r"line \d, column \d+ of the file: "),
        ("a: &x {template: x}\nb: *x", "line 1, column 4 of the file: "),
        ("a: {template: x}\na: {template: y}", "line 2, column 1 of the file: "),
        ("a: {template: x, temperature: .nan}", "of the file: "),
        ("a: " + "[" * 5000, "of the file: "),
        ("x" * (1 << 19), "larger than 256 KiB"),
        ("{", "is no JSON|of the file"),
    ],
)
def test_what_is_no_file_of_tasks(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "tasks.yaml").write_text(text)
    with pytest.raises(ValidationError, match=message):
        PromptSettings(tasks=str(tmp_path / "tasks.yaml"))


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe"])
def test_what_is_no_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(ValidationError, match="there is no such file, or it may not be read"):
        PromptSettings(tasks=str(path))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Field required"),
        ({"tasks": {"a": {"template": "x"}}, "task": "b"}, "say which with task: a"),
        ({"tasks": 5}, "holds no tasks"),
        ({"tasks": {"a": {"template": ""}}}, "at least 1 character"),
        ({"tasks": {"a": {"template": "x" * 50_001}}}, "at most 50000 characters"),
        ({"tasks": {"a": {"template": "x"}}, "server": "http://127.0.0.1:1234"}, "should match pattern"),
        ({"tasks": {"a": {"template": "x"}}, "server": "user:password@host"}, "should match pattern"),
        ({"tasks": {"a": {"template": "x"}}, "server": "host/v1"}, "should match pattern"),
        ({"tasks": {"a": {"template": "x"}}, "tries": 0}, "greater than or equal to 1"),
    ],
)
def test_what_does_not_fit_together(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PromptSettings.model_validate(given)


@pytest.mark.parametrize(
    "place",
    ["{}", "{wrods}", "{text.upper}", "{words[0]}", "{text!r}", "{text:>9}", "{ Text }", "{0}", "{__class__}"],
)
def test_a_place_is_a_name_and_nothing_else(place: str) -> None:
    with pytest.raises(ValueError, match="is no place; there are"):
        template.places_of(f"say {place}")


def test_json_in_a_template_is_no_place() -> None:
    assert template.places_of('{"title": "x", "n": {"a": [1]}} { , } {a b}') == frozenset()


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "is no JSON Schema"),
        ({"properties": []}, "is no JSON Schema"),
        ({"pattern": "("}, "is no JSON Schema"),
        ({"pattern": "(?=a)b"}, "a pattern is none of RE2"),
        ({"properties": {"a": {"patternProperties": {"^(a+)+$": {}}}}}, "patternProperties is not taken"),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "leads out of it"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "leads out of it"),
        ({"$ref": "#/$defs/a"}, "leads to nothing"),
        (json.loads('{"not":' * 300 + "{}" + "}" * 300), "is nested too deep"),
    ],
)
def test_what_is_no_schema(schema: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PromptSettings(tasks={"a": {"template": "x", "schema": schema}})


def test_a_schema_may_refer_to_itself() -> None:
    tree = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}
    assert PromptSettings(tasks={"a": {"template": "x", "schema": tree}}).asked[1].shape == tree


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"items": {"pattern": "^(a+)+$"}}, ["a" * 50_000 + "!"], "breaks the rule items/pattern"),
        ({"uniqueItems": True}, [{"number": number} for number in range(20_000)] + [{"number": 0}], "uniqueItems"),
    ],
)
def test_what_a_model_says_is_checked_in_a_time_that_grows_with_it(schema: Any, value: Any, message: str) -> None:
    with pytest.raises(fitting.UnfitError, match=message):
        fitting.Shape(schema).value_of(json.dumps(value))


def test_patterns_and_lists_that_fit() -> None:
    named = {"properties": {"pattern": {"type": "string"}}}
    shape = fitting.Shape({"items": {"pattern": "^[a-z]+$"}, "uniqueItems": True, **named})
    assert shape.value_of('["a", "b"]') == ["a", "b"]
    with pytest.raises(fitting.UnfitError, match="breaks the rule uniqueItems"):
        shape.value_of('["a", "a"]')
