"""A file that a person gives in the place of a result, looked into by a worker."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from librarian.cli.working import workers_for
from librarian.errors import EnvironmentFailedError, LibrarianError, UsageError
from librarian.manifest.catalog import Catalog
from librarian.manifest.lineage import Lineage
from librarian.project import Project
from librarian.workers import requests
from librarian.workers.asking import ask
from librarian.workers.messages import Message

if TYPE_CHECKING:
    from librarian.acts.revise import Make

TIMEOUT = 3600.0
"""Of the look into a file (s)."""
_OF_THE_RECORDING = "duration"
"""The fact of a document that says how long the recording is, and not what stands in the document."""


def maker_of(project: Project, found: str, file: Path, *, unlike_ok: bool) -> Make:
    """What makes, of a file in the place of an artifact, what is kept: `acts.revise.Make`.

    Args:
        project: the project.
        found: the artifact.
        file: the file.
        unlike_ok: whether a sound may have another length, sample rate or number of channels.
    """
    with contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog:
        made, operation = catalog.artifact(found), _operation(project, catalog, found)
    is_sound = made.kind == "audio"
    like = made.facts if is_sound and not unlike_ok else {}
    kept = {name: value for name, value in made.facts.items() if name == _OF_THE_RECORDING and not is_sound}
    message = requests.revise(file.absolute(), made.kind, operation, Path(made.file).suffix, like)

    def make(staging: Path, folder_for: Callable[[str], str], stem: str) -> tuple[str, Mapping[str, Any]]:
        def prepare(worker: str) -> None:
            message["folder"], message["stem"] = folder_for(worker), stem

        with workers_for(1, lambda line: None) as workers:
            workers.open_to(staging, project.state)
            answer = ask(workers, message, TIMEOUT, prepare)
        if answer["type"] != "done":
            raise _refused(answer.get("cause", {}))
        name, facts = answer.get("file"), answer.get("facts")
        if not isinstance(name, str) or name.rpartition(".")[0] != stem or not isinstance(facts, dict):
            raise EnvironmentFailedError("the worker that looked into the file gave no answer that can be used")
        return f"{message['folder']}/{name}", {**kept, **facts}

    return make


def _operation(project: Project, catalog: Catalog, found: str) -> str:
    """The operation that made what a person revises: its extension knows the schema."""
    lineage = Lineage(catalog, lambda file, size: True)
    standing = catalog.revisions(artifact=found)
    line = lineage.made(catalog.key_of(standing[0].machine if standing else found)).line
    return str((line.document or {}).get("operation", ""))


def _refused(cause: Message) -> LibrarianError:
    """Why a file is not taken; what an unexpected error says of itself may quote the file, and is left out."""
    if cause.get("reason") == "refused":
        return UsageError(f"the file is not taken: {cause.get('message', '')}")
    if cause.get("reason") == "disk":
        return EnvironmentFailedError("the disk takes no more: library/; make room and type the same again")
    told = " ".join(str(cause[name]) for name in ("reason", "exception", "signal", "exit_code") if cause.get(name))
    return EnvironmentFailedError(f"the file could not be looked into ({told or 'error'}); nothing is recorded")
