"""The contract with extensions and the form of the record are frozen in `golden/`.

What was added on purpose is taken in with the line below, and the difference looked at. What was changed or removed
breaks extensions or records that exist: it needs a new LIBRARIAN_API, or a new `format` of the manifest.

    PYTHONPATH=tests python tests/test_contract.py && git diff tests/golden

`manifest.jsonl` is what is written now. The others were written before lines could say what was absent (1), what was
scrubbed (2), which failures are remembered (3), what persons made (4), what was allowed and tried again (5), and by
which code results were made (6); manifests like them lie in projects, and are read as long as `format` is 1.
`act.jsonl` is a manifest of an act of the owner's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import inspect
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import pytest
from ledger import ID_KEY, document, job_line, outcome, recording
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import librarian
from librarian import hookspecs, kinds, operation, task
from librarian.keys import seed
from librarian.manifest.act_lines import ActLine, WithdrawnLine
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal, entries
from librarian.manifest.records import (
    Cause,
    Consumed,
    Lacking,
    Line,
    OutcomeLine,
    Produced,
    Revises,
    SummaryLine,
    Timings,
)
from librarian.manifest.store import folder_of
from librarian.models import known
from librarian.privacy.scrub import Scrubber

GOLDEN = Path(__file__).parent / "golden"
JOB = "job_01kdyk0e1ez8v8v8v8v8v8v8v8"
QUANTITIES = ("Duration", "Frequency", "Gain", "Level", "Loudness", "LoudnessRange", "Size", "TruePeak")


def contract() -> dict[str, Any]:
    """All that an extension may count on, as data."""
    return {
        "api": librarian.LIBRARIAN_API,
        "names": sorted(librarian.__all__),
        "types": {each.__name__: dict(fields(each)) for each in dataclasses_of_the_contract()},
        "Resources": {name: default(info) for name, info in operation.Resources.model_fields.items()},
        "Field": str(inspect.signature(operation.Field)),
        "protocols": {each.__name__: dict(members(each)) for each in protocols()},
        "hooks": {
            name: str(inspect.signature(hook))
            for name, hook in vars(hookspecs).items()
            if hasattr(hook, "librarian_spec")
        },
        "entry_points": hookspecs.PROJECT,
        "quantities": {name: quantity(name) for name in QUANTITIES},
        "kinds": {each.word: kind(each) for each in all_kinds()},
        "unusable": list(
            get_args(inspect.signature(librarian.UnusableInputError, eval_str=True).parameters["cause"].annotation)
        ),
    }


def dataclasses_of_the_contract() -> list[type]:
    return [
        operation.Operation,
        operation.Fact,
        task.Artifact,
        task.Output,
        known.Model,
        known.KnownModel,
        known.KnownFile,
        kinds.Many,
    ]


def protocols() -> list[type]:
    return [task.Task, task.State, task.AudioStream, task.AudioWriter]


def fields(each: Any) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(each):
        if field.default_factory is not dataclasses.MISSING:
            yield field.name, f"{field.type} = {field.default_factory.__name__}()"
        elif field.default is not dataclasses.MISSING:
            yield field.name, f"{field.type} = {field.default!r}"
        else:
            yield field.name, str(field.type)


def default(info: FieldInfo) -> Any:
    return "required" if info.default is PydanticUndefined else info.get_default()


def members(protocol: type) -> Iterator[tuple[str, str]]:
    for name, kind_of_it in protocol.__annotations__.items():
        yield name, str(kind_of_it)
    for name, function in vars(protocol).items():
        if inspect.isfunction(function) and not name.startswith("_"):
            yield name, str(inspect.signature(function))


def quantity(name: str) -> dict[str, float]:
    (marker,) = getattr(librarian, name).__metadata__
    return {marker.unit: 1.0, **marker.scales}


def all_kinds() -> tuple[type[kinds.Kind], ...]:
    return (kinds.Audio, kinds.Image, kinds.Video, kinds.File, kinds.Text, kinds.Data, *kinds.SCHEMAS)


def kind(each: type[kinds.Kind]) -> dict[str, Any]:
    if not issubclass(each, BaseModel):
        return {"clean": each.clean}
    schema = json.dumps(without_words(each.model_json_schema()), sort_keys=True)
    return {"clean": each.clean, "schema": hashlib.sha256(schema.encode()).hexdigest()}


def without_words(schema: Any) -> Any:
    """A JSON Schema without titles and descriptions, which may be worded better at any time."""
    if isinstance(schema, Mapping):
        return {name: without_words(each) for name, each in schema.items() if not is_word(name, each)}
    return [without_words(each) for each in schema] if isinstance(schema, list) else schema


def is_word(name: str, value: Any) -> bool:
    return name in ("title", "description") and isinstance(value, str)


def manifest(folder: Path) -> bytes:
    """A manifest with a line of every kind, written at a fixed time with fixed salts."""
    done, failed, skipped, cached = (recording(number) for number in range(4))
    key_document = document(done)
    key = ID_KEY.task(key_document)
    produced = [
        artifact(done, key, "audio", "flac", {"loudness_after": -16.02, "limited": False, "codec": "flac"}, True),
        artifact(done, key, "report", "json", {"seconds": 12.5, "result": None}, False),
    ]
    said = Scrubber(b"k" * 32).scrub("it ended with signal 11")
    bodies = [
        outcome(
            done,
            consumed=[Consumed(port="audio", role=None, id=done, digest=ID_KEY.content("0" * 64, private=True))],
            produced=produced,
            folder=folder_of(done, "normalize", key),
            seed=seed(key),
            audio_seconds=12.5,
            timings=Timings(wait=0.25, compute=1.5),
        ),
        outcome(failed, "failed", cause=Cause(reason="crash", signal=11, message=said)),
        outcome(
            skipped,
            "skipped",
            step="check",
            key=None,
            document=None,
            cause=Cause(reason="input_failed"),
            absent=[Lacking(port="audio", role=None, unit=skipped, step="voice")],
        ),
        outcome(cached, "cached", folder=folder_of(cached, "normalize", ID_KEY.task(document(cached)))),
        SummaryLine(
            recordings=4,
            counts={"voice": {"done": 1, "failed": 1, "cached": 1}, "check": {"skipped": 1}},
            withheld={"voice": 1},
        ),
    ]
    return written(folder, job_line(JOB), *bodies)


def written(folder: Path, first: Any, *bodies: Any) -> bytes:
    journal = Journal.create(folder, JOB, salted(first, 0))
    journal.append([salted(body, number) for number, body in enumerate(bodies, 1)])
    with (
        mock.patch("librarian.manifest.journal.now", lambda: "2026-01-02T03:04:06.789Z"),
        mock.patch("librarian.manifest.journal.new_salt", lambda: f"{len(bodies) + 1:032x}"),
    ):
        journal.seal("complete")
    return journal.path.read_bytes()


def act(folder: Path) -> bytes:
    """A manifest of a revision that is made and taken back, in the same manner."""
    unit = recording(0)
    machine = ID_KEY.artifact(ID_KEY.task(document(unit)), "audio")
    made = {**document(unit), "operation": "librarian-media/revise", "inputs": [["audio", "", machine]]}
    key = ID_KEY.task(made)
    produced = artifact(unit, key, "audio", "flac", {"seconds": 12.5}, True)
    of = {"artifact": produced.id, "output": "audio", "because": ID_KEY.text("better")}
    digest = ID_KEY.content("2" * 64, private=True)
    first = ActLine(
        job=JOB, act="revise", version="0.1.0", machine=job_line(JOB).machine, started="2026-01-02T03:04:05.678Z"
    )
    revision = outcome(
        unit,
        key_of=made,
        given=[],
        consumed=[Consumed(port="audio", role=None, id=machine, digest=digest)],
        produced=[produced],
        folder=folder_of(unit, "revise", key),
        revises=Revises.model_validate({**of, "machine": machine, "digest": digest}),
    )
    return written(
        folder,
        first,
        revision,
        WithdrawnLine.model_validate({**of, "job_name": "calls", "step": "voice", "unit": unit}),
    )


def salted(body: Any, number: int) -> Any:
    return body.model_copy(update={"salt": f"{number:032x}"})


def artifact(unit: str, key: str, output: str, ending: str, facts: dict[str, Any], private: bool) -> Produced:
    return Produced(
        id=ID_KEY.artifact(key, output),
        output=output,
        kind="audio" if private else "measurements/1",
        file=f"{unit}.normalize.{output}.{ending}",
        bytes=1234,
        digest=ID_KEY.content("1" * 64, private=private),
        private=private,
        facts=facts,
    )


def test_extensions_can_count_on_what_they_could() -> None:
    assert contract() == json.loads((GOLDEN / "contract.json").read_text())


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in librarian.__all__:
        assert getattr(librarian, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Sound'"):
        getattr(librarian, "Sound")  # noqa: B009


def test_a_manifest_is_written_byte_for_byte_as_it_was(tmp_path: Path) -> None:
    assert manifest(tmp_path) == (GOLDEN / "manifest.jsonl").read_bytes()


@pytest.mark.parametrize("name", [f"manifest{each}.jsonl" for each in ("", "-1", "-2", "-3", "-4")])
def test_a_manifest_that_was_written_before_can_be_read(tmp_path: Path, name: str) -> None:
    text = (GOLDEN / name).read_bytes()
    (tmp_path / f"{JOB}.jsonl").write_bytes(text)
    assert not any(entry.damaged for entry in entries(tmp_path / f"{JOB}.jsonl"))
    bodies = [Line.model_validate_json(line).body for line in text.splitlines()]
    assert [body and body.type for body in bodies] == ["job", *["outcome"] * 4, "summary", "seal"]
    done = bodies[1]
    assert isinstance(done, OutcomeLine)
    catalog = Catalog(tmp_path / "catalog.db", tmp_path, owned=True)
    made = catalog.made(str(done.key))
    assert made is not None
    assert [each.id for each in made.artifacts] == [each.id for each in done.produced]
    catalog.close()


def test_a_manifest_of_an_act_is_written_as_it_was_and_can_be_read(tmp_path: Path) -> None:
    text = (GOLDEN / "act.jsonl").read_bytes()
    assert act(tmp_path) == text
    bodies = [Line.model_validate_json(line).body for line in text.splitlines()]
    assert [body and body.type for body in bodies] == ["act", "outcome", "withdrawn", "seal"]
    with contextlib.closing(Catalog(tmp_path / "catalog.db", tmp_path, owned=True)) as catalog:
        assert catalog.revisions() == []
        assert catalog.is_revision(bodies[1].produced[0].id)  # type: ignore[union-attr]


def test_a_line_holds_what_was_asked_of_it_and_no_more() -> None:
    line = {"seq": 0, "prev": "0" * 64, "digest": "0" * 64, "body": None}
    assert Line.model_validate(line).body is None
    for wrong in ({"seq": -1}, {"prev": "x"}, {"digest": None}, {"more": 1}, {"body": {"type": "note"}}):
        with pytest.raises(ValueError, match="validation error"):
            Line.model_validate(line | wrong)


def test_words_of_a_schema_may_change_and_nothing_else() -> None:
    schema = {"title": "Turns", "properties": {"title": {"type": "string", "description": "x"}}, "required": ["title"]}
    assert without_words(schema) == {"properties": {"title": {"type": "string"}}, "required": ["title"]}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        (GOLDEN / "manifest.jsonl").write_bytes(manifest(Path(place)))
    with tempfile.TemporaryDirectory() as place:
        (GOLDEN / "act.jsonl").write_bytes(act(Path(place)))
    (GOLDEN / "contract.json").write_text(json.dumps(contract(), indent=1, ensure_ascii=False) + "\n")
