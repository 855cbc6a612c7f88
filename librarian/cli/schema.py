"""`librarian schema`: the JSON Schema of a job file, or of a manifest line."""

from __future__ import annotations

import json
from typing import Any

import click


def job_schema() -> dict[str, Any]:
    """The JSON Schema of `job.yaml`."""
    from librarian.job import JobFile

    return JobFile.model_json_schema(by_alias=True)


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of one line of a manifest."""
    from librarian.manifest.records import Line

    return Line.model_json_schema()


def data_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a data kind, by its name without version."""
    from librarian.kinds import SCHEMAS

    return {kind.word.partition("/")[0]: kind for kind in SCHEMAS}[name].model_json_schema()


NAMES = ("job", "manifest", "turns", "words", "events", "measurements")


def schema(name: str) -> dict[str, Any]:
    """A JSON Schema by name."""
    made = job_schema() if name == "job" else manifest_schema() if name == "manifest" else data_schema(name)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


@click.command("schema")
@click.argument("name", type=click.Choice(NAMES), default="job")
def command(name: str) -> None:
    """NAME is `job` (the default), `manifest`, or a data kind. Editors check a job.yaml against it while it is
    written.
    """
    click.echo(json.dumps(schema(name), indent=1, ensure_ascii=False))
