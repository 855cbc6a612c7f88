"""The JSON Schemas: what is kept is what is generated, and what is written fits them."""

from __future__ import annotations

import ast
import json
import re
import shutil
import textwrap
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from harness import TOP, Archive
from jsonschema import Draft202012Validator

from librarian.cli.schema import NAMES, schema, text
from librarian.errors import JobError
from librarian.job import read_bytes
from librarian.kinds import SCHEMAS

REFRESH = "the schema changed; write it anew: librarian schema --write librarian/schema, and manifests/schema"


def accepts(name: str, document: Any) -> bool:
    return Draft202012Validator(schema(name)).is_valid(document)


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_that_ship_are_those_that_are_generated(name):
    assert files("librarian").joinpath("schema", f"{name}.json").read_text(encoding="utf-8") == text(name), REFRESH
    assert (TOP / "manifests" / "schema" / f"{name}.json").read_text(encoding="utf-8") == text(name), REFRESH


def test_no_schema_is_left_over():
    for folder in (TOP / "librarian" / "schema", TOP / "manifests" / "schema"):
        assert {path.name for path in folder.iterdir()} == {f"{name}.json" for name in NAMES}


def test_the_command_prints_and_writes_them(archive: Archive):
    printed = json.loads(archive.librarian("schema").stdout)
    assert printed["properties"] == json.loads(text("job"))["properties"]
    assert archive.librarian("schema", "words").stdout == text("words")
    archive.librarian("schema", "--write", ".")
    assert archive.files(".") == {f"{name}.json": text(name).encode() for name in NAMES}
    assert "--write" not in archive.librarian("schema", "--help").stdout
    assert "turns" in archive.librarian("schema", "turn", code=2).stderr


@pytest.mark.parametrize(
    ("use", "settings", "fits"),
    [
        pytest.param("normalize", {"target": -20}, True, id="a setting"),
        pytest.param("normalize", {"target": "-20 LUFS"}, True, id="with its unit"),
        pytest.param("normalize", {"targt": -20}, False, id="no setting"),
        pytest.param("normalize", {"target": 20}, False, id="out of range"),
        pytest.param("librarian-normalization/normalize", {"targt": -20}, False, id="the whole name"),
        pytest.param("somebodys", {"targt": -20}, True, id="not installed"),
    ],
)
def test_what_is_installed_says_which_settings_there_are(archive: Archive, use: str, settings: dict, fits: bool):
    made = json.loads(archive.librarian("schema").stdout)
    Draft202012Validator.check_schema(made)
    step = {"id": "voice", "use": use, "with": settings}
    job = {"librarian": 1, "name": "a", "recordings": [{"id": "b", "path": "c"}], "steps": [step]}
    assert Draft202012Validator(made).is_valid(job) is fits


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_schema_and_refuses_other_keys(name):
    made = schema(name)
    Draft202012Validator.check_schema(made)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for part in (made, *made["$defs"].values()):
        assert part.get("additionalProperties") is False or "properties" not in part


def fields(part: Any) -> Iterator[tuple[str, Any]]:
    """Every field of every object in a schema."""
    if isinstance(part, dict):
        yield from part.get("properties", {}).items()
        for each in part.values():
            yield from fields(each)
    elif isinstance(part, list):
        for each in part:
            yield from fields(each)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_described(name):
    found = dict(fields(schema(name)))
    assert len(found) >= 3
    assert [field for field, each in found.items() if not each.get("description")] == []


def texts() -> Iterator[tuple[str, str]]:
    """What may be a job file: configs, examples in READMEs, texts in the code and in the tests."""
    yield from ((path.name, path.read_text()) for path in (TOP / "configs").glob("*.yaml"))
    for path in (TOP / "README.md", *TOP.glob("extensions/*/README.md"), *TOP.glob("docs/examples/*/README.md")):
        yield from ((path.name, block) for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL))
    for path in (*TOP.glob("tests/*.py"), *TOP.glob("extensions/*/tests/*.py"), TOP / "librarian" / "cli" / "init.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, textwrap.dedent(node.value)


def test_job_files_that_are_read_fit_the_schema():
    seen = set()
    for name, content in texts():
        try:
            found = read_bytes(content.encode(), name=name, folder=Path())
            found.check()
        except (JobError, UnicodeEncodeError):
            continue
        assert accepts("job", found.document.data), f"{name}:\n{content}"
        seen.add(name)
    assert {"quickstart.yaml", "conftest.py", "init.py", "test_job_read.py"} <= seen


GOOD: dict[str, Any] = {
    "librarian": 1,
    "name": "a-job",
    "recordings": [
        {"id": "calls", "path": ["a/*.wav"], "label": "OH-\\d{4}", "list": {"file": "a.csv", "public": ["label"]}},
        {
            "id": "pairs",
            "path": "*",
            "group": "(?P<role>in|out)-(?P<group>.*)",
            "roles": {"in": "left", "out": "right"},
        },
        {"id": "talks", "path": "b/*.wav", "list": "b.csv"},
    ],
    "steps": [
        {"id": "a", "use": "normalize", "with": {"target": "-16 LUFS"}},
        {"id": "b", "use": "x/op", "from": {"audio": ["calls"], "turns": "a.turns"}, "audio": {"bits": 16}},
        {"id": "c", "use": "y", "from": "b", "missing": "leave out", "keep": "yes"},
    ],
    "run": {"timeout": "5 min", "workers": 2, "device": "cuda:1"},
}


def test_a_good_job_fits():
    assert accepts("job", GOOD)
    read_bytes(json.dumps(GOOD).encode(), name="job.yaml", folder=Path()).check()


@pytest.mark.parametrize(
    "change",
    [
        {"librarian": 2},
        {"librarian": "1"},
        {"name": "A Job"},
        {"name": None},
        {"more": 1},
        {"recordings": []},
        {"recordings": [{"id": "calls"}]},
        {"recordings": [{"id": "calls", "path": []}]},
        {"recordings": [{"id": "calls", "path": ""}]},
        {"recordings": [{"id": "calls", "path": [""]}]},
        {"recordings": [{"id": "calls", "path": "x", "list_": "y"}]},
        {"recordings": [{"id": "calls", "path": "x", "label": ""}]},
        {"recordings": [{"id": "calls", "path": "x", "group": "(?P<group>x)(?P<role>y)", "roles": {}}]},
        {"recordings": [{"id": "calls", "path": "x", "group": "(?P<group>x)(?P<role>y)", "roles": {"a": "A Role"}}]},
        {"recordings": [{"id": "calls", "path": "x", "list": {"public": ["label"]}}]},
        {"recordings": [{"id": "calls", "path": "x", "list": {"file": "x", "more": 1}}]},
        {"steps": [{"id": "a", "use": "x", "missing": "no"}]},
        {"steps": []},
        {"steps": [{"id": "a"}]},
        {"steps": [{"id": "a", "use": "../x"}]},
        {"steps": [{"id": "a", "use": "x", "from": []}]},
        {"steps": [{"id": "a", "use": "x", "from": {}}]},
        {"steps": [{"id": "a", "use": "x", "from": "../x"}]},
        {"steps": [{"id": "a", "use": "x", "from": {"a": [1]}}]},
        {"steps": [{"id": "a", "use": "x", "with": []}]},
        {"steps": [{"id": "a", "use": "x", "keep": "no"}]},
        {"audio": {"bits": 20}},
        {"audio": {"format": "mp3"}},
        {"run": {"device": "gpu"}},
        {"run": {"workers": 257}},
        {"run": {"workers": -1}},
        {"run": {"timeout": []}},
        {"privacy": []},
    ],
)
def test_the_schema_of_a_job_refuses_what_reading_refuses(change):
    document = GOOD | change
    with pytest.raises(JobError):
        read_bytes(json.dumps(document).encode(), name="job.yaml", folder=Path()).check()
    assert not accepts("job", document)


def test_what_a_run_writes_fits(archive: Archive):
    shutil.copytree(TOP / "configs" / "recordings" / "calls", archive.root / "calls")
    (archive.root / "calls" / "broken.wav").write_bytes(b"RIFF")
    archive.job(
        """\
        librarian: 1
        name: calls
        recordings: [{id: calls, path: calls/*.wav}]
        steps: [{id: voice, use: normalize}]
        """
    )
    archive.librarian("run", "job.yaml", code=1)
    (manifest,) = (archive.root / "manifests").glob("*.jsonl")
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert {line["body"]["type"] for line in lines} == {"job", "outcome", "summary", "seal"}
    assert {line["body"].get("outcome") for line in lines} == {"done", "failed", None}
    for line in lines:
        assert accepts("manifest", line)
        assert not accepts("manifest", {**line, "more": 1})
        assert not accepts("manifest", {**line, "body": {**line["body"], "file_name": "Jane Roe.wav"}})
    reports = [json.loads(path.read_text()) for path in (archive.root / "library").glob("*/*/*/*.json")]
    assert len(reports) == 3
    for report in reports:
        assert accepts("measurements", report)
        assert not accepts("measurements", {**report, "schema": "measurements/2"})
        assert not accepts("words", report)


def test_every_data_kind_of_the_core_has_a_schema():
    for kind in SCHEMAS:
        name = kind.word.partition("/")[0]
        assert schema(name)["properties"]["schema"]["const"] == kind.word
        assert "schema" in schema(name)["required"]
        assert set(kind.model_fields) < set(schema(name)["properties"])
