"""`librarian schema`: the JSON Schema of a job file, or of a manifest line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from librarian.cli.typed import OneOf
from librarian.operation import Declaration


def job_schema() -> dict[str, Any]:
    """The JSON Schema of `job.yaml`."""
    from librarian.job import JobFile

    return JobFile.model_json_schema(by_alias=True)


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of one line of a manifest."""
    from librarian.manifest.records import Line

    return Line.model_json_schema()


def data_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a data kind's files, by its name without version."""
    from librarian.kinds import SCHEMAS

    kind = {kind.word.partition("/")[0]: kind for kind in SCHEMAS}[name]
    made = kind.model_json_schema()
    word = {"schema": {"const": kind.word, "description": "Name and version of this schema."}}
    return {**made, "properties": word | made["properties"], "required": ["schema", *made["required"]]}


def models_schema() -> dict[str, Any]:
    """The JSON Schema of `models.lock`."""
    from librarian.models.lock import Lock

    return Lock.model_json_schema()


NAMES = ("job", "manifest", "models", "turns", "words", "spans", "events", "measurements")


def schema(name: str) -> dict[str, Any]:
    """A JSON Schema by name."""
    own = {"job": job_schema, "manifest": manifest_schema, "models": models_schema}
    made = own[name]() if name in own else data_schema(name)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def text(name: str) -> str:
    """A JSON Schema as it is kept beside the code and beside the manifests."""
    return as_text(schema(name))


def as_text(made: Mapping[str, Any]) -> str:
    """A JSON Schema as it is printed."""
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def with_installed(made: dict[str, Any], declarations: Sequence[Declaration]) -> dict[str, Any]:
    """The schema of a job file with the settings of what is installed: which apply, the step's `use` says."""
    short = Counter(each.name for each in declarations)
    rules = [
        {
            "if": {"properties": {"use": {"enum": _names(each, short)}}, "required": ["use"]},
            # An id of its own, so that what it refers to is looked for in it.
            "then": {"properties": {"with": {"$id": f"operation:{each.full_name}", **each.settings_schema}}},
        }
        for each in declarations
    ]
    step = {**made["$defs"]["StepEntry"], "allOf": rules} if rules else made["$defs"]["StepEntry"]
    return {**made, "$defs": {**made["$defs"], "StepEntry": step}}


def _names(declaration: Declaration, short: Counter[str]) -> list[str]:
    alone = short[declaration.name] == 1
    return [declaration.full_name, declaration.name] if alone else [declaration.full_name]


def _installed() -> list[Declaration]:
    from librarian.cli.working import workers_for
    from librarian.workers.declared import extensions
    from librarian.workers.installed import state_of_all

    with workers_for(1, lambda line: None) as workers:
        return [each for extension in extensions(workers, remembered=state_of_all()) for each in extension.declarations]


@click.command("schema")
@click.argument("name", type=OneOf(NAMES), default="job", metavar="[NAME]")
@click.option(
    "--write",
    "folder",
    hidden=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write all of them into a folder; for librarian/schema and manifests/schema after a format was changed.",
)
def command(name: str, folder: Path | None) -> None:
    """NAME is job (the default, with the settings of what is installed), manifest, models (of models.lock), or a data
    kind: turns, words, spans, events, measurements. Editors check a job.yaml against it while it is written.
    """
    if folder is None:
        made = schema(name)
        click.echo(as_text(with_installed(made, _installed()) if name == "job" else made), nl=False)
    else:
        for each in NAMES:
            (folder / f"{each}.json").write_text(text(each), encoding="utf-8")
