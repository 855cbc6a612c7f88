"""Revise: a file of a person's becomes an artifact in the place of a result, and later steps take it from then on.

It is made as every artifact is: checked, hashed, durable, put into its place, and then recorded; the line is the
commit. What was made from the result is done again by the next run; the result itself stays, and so do revisions before
this one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.acts.act import Say, mended, recorded
from librarian.errors import EnvironmentFailedError, UsageError
from librarian.files import hash_file
from librarian.keys import IdKey, key_document
from librarian.manifest.catalog import Catalog, MadeArtifact
from librarian.manifest.journal import new_job_id
from librarian.manifest.records import Consumed, OutcomeLine, Produced, Revises
from librarian.manifest.store import Store, Stored, folder_of
from librarian.manifest.verify import artifact_problem
from librarian.project import Project

NAME, VERSION = "revise", "1"
OPERATION = f"librarian-media/{NAME}"
Place = tuple[str, str, str]
"""Job name, step, unit."""
Make = Callable[[Path, Callable[[str], str], str], tuple[str, Mapping[str, Any]]]
"""(staging of the job, worker → folder to write in, beginning of the name) → path of what is kept, and its facts."""


@dataclass(frozen=True)
class Target:
    """What is revised.

    Attributes:
        artifact: the result, or an earlier revision of one.
        places: of which steps it is a result.
        machine: what a step had made there; `digest`: its digest.
        home: the unit in whose folder it lies.
    """

    artifact: MadeArtifact
    places: tuple[Place, ...]
    machine: str
    digest: str
    home: str


@dataclass(frozen=True)
class Given:
    """What a person gives.

    Attributes:
        path: the file.
        because: why; empty where nothing was said.
        cleared: whether the owner says that it names no one.
    """

    path: Path
    because: str = ""
    cleared: bool = False


@dataclass(frozen=True)
class Revised:
    """What came of it: the job, the artifact, and whether it may name someone."""

    job: str
    artifact: str
    private: bool


def target_of(catalog: Catalog, artifact_id: str) -> Target:
    """What is revised where this artifact is named.

    Raises:
        UsageError: it is the result of no step any more.
    """
    artifact, key = catalog.artifact(artifact_id), catalog.key_of(artifact_id)
    made = catalog.made(key)
    home = made.folder.split("/")[1] if made else ""
    if standing := catalog.revisions(artifact=artifact_id, counts=1):
        places = tuple((each.job_name, each.step, each.unit) for each in standing)
        return Target(artifact, places, standing[0].machine, standing[0].digest, home)
    current = [each for each in catalog.ended(key=key) if each.good]
    if not current:
        raise UsageError(f"{artifact_id} is superseded; by what: librarian show {artifact_id}")
    places = tuple((each.job_name, each.step, each.unit) for each in current)
    return Target(artifact, places, artifact_id, artifact.digest, home)


def revise(project: Project, artifact_id: str, given: Given, make: Make, say: Say, *, dry: bool = False) -> Revised:
    """Put a file in the place of a result. The caller holds the project's lock.

    Args:
        project: the project.
        artifact_id: the result.
        given: the file, and what is said about it.
        make: checks the file, and makes of it what is kept.
        say: told what was mended first.
        dry: whether only to check it: nothing is recorded, and the job's id is empty.

    Raises:
        UsageError: the result is superseded, or the file is what is there already.
        RefusedError: the file is not what it has to be.
        EnvironmentFailedError: it changed while it was read.
        OSError: the disk failed; nothing counts, and the next job leaves nothing of it.
    """
    with mended(project, say) as (catalog, store):
        target, job = target_of(catalog, artifact_id), new_job_id(project.manifests)
        _, sha256 = hash_file(given.path)
        document = _document(project.id_key, target, sha256)
        key = project.id_key.task(document)
        _check_stands(project, catalog, key, given)
        try:
            path, facts = make(
                project.staging / job,
                lambda worker: store.open_task(job, worker, target.home, NAME, key),
                _stem(target),
            )
            staged, file = os.path.split(path)
            (stored,) = store.seal_files(staged, [file])
            _check(project.id_key, target, given, sha256, stored)
        except BaseException:
            store.close_job(job)
            raise
        line = _line(project.id_key, target, given, document, (stored, facts))
        done = Revised("" if dry else job, line.produced[0].id, line.produced[0].private)
        if not dry:
            _commit(project, catalog, store, staged, [line, *_elsewhere(line, target)], given, job)
        store.close_job(job)
    return done


def _document(id_key: IdKey, target: Target, sha256: str) -> dict[str, Any]:
    return key_document(
        operation=OPERATION,
        version=VERSION,
        settings={"content": id_key.content(sha256, private=True)},
        models={},
        inputs=[(target.artifact.output, "", target.artifact.id)],
        audio=None,
    )


def _check_stands(project: Project, catalog: Catalog, key: str, given: Given) -> None:
    """Refuse what stands already, as it was recorded."""
    for each in catalog.revisions(key=key):
        made = catalog.artifact(each.artifact)
        there = artifact_problem(made, project.library, project.id_key, read_data=True) == ""
        if there and not (made.private and given.cleared):
            raise UsageError(f"nothing is revised: {each.artifact} is that file, and stands there already")


def _stem(target: Target) -> str:
    item = target.artifact.item
    return f"{target.home}.{NAME}.{target.artifact.output}{'' if item is None else f'.{item:04d}'}"


def _check(id_key: IdKey, target: Target, given: Given, sha256: str, stored: Stored) -> None:
    if hash_file(given.path)[1] != sha256:
        raise EnvironmentFailedError("the file changed while it was read; type the same again once nobody writes to it")
    same = id_key.content(stored.sha256, private=target.artifact.private) == target.artifact.digest
    if same and not (given.cleared and target.artifact.private):
        raise UsageError(f"nothing is revised: the file is what {target.artifact.id} is")


def _line(
    id_key: IdKey, target: Target, given: Given, document: Mapping[str, Any], made: tuple[Stored, Mapping[str, Any]]
) -> OutcomeLine:
    artifact, key, (stored, facts) = target.artifact, id_key.task(document), made
    private = artifact.private and not given.cleared
    produced = Produced(
        id=id_key.artifact(key, artifact.output, artifact.item),
        output=artifact.output,
        item=artifact.item,
        kind=artifact.kind,
        file=stored.file,
        bytes=stored.bytes,
        digest=id_key.content(stored.sha256, private=private),
        private=private,
        facts=dict(facts),
    )
    job_name, step, unit = target.places[0]
    return OutcomeLine(
        job_name=job_name,
        step=step,
        unit=unit,
        outcome="done",
        key=key,
        document=dict(document),
        folder=folder_of(target.home, NAME, key),
        consumed=[Consumed(port=artifact.output, role=None, id=artifact.id, digest=artifact.digest)],
        produced=[produced],
        revises=Revises(
            artifact=produced.id,
            output=artifact.output,
            item=artifact.item,
            machine=target.machine,
            digest=target.digest,
            because=id_key.text(given.because) if given.because else None,
            cleared=artifact.private and given.cleared,
        ),
    )


def _elsewhere(line: OutcomeLine, target: Target) -> list[OutcomeLine]:
    """The same where the same result is that of other steps and jobs too."""
    return [
        OutcomeLine(
            job_name=job_name,
            step=step,
            unit=unit,
            outcome="cached",
            key=line.key,
            document=line.document,
            folder=line.folder,
            consumed=line.consumed,
            revises=line.revises,
        )
        for job_name, step, unit in target.places[1:]
    ]


def _commit(
    project: Project,
    catalog: Catalog,
    store: Store,
    staged: str,
    lines: Sequence[OutcomeLine],
    given: Given,
    job: str,
) -> None:
    line, *others = lines
    folder, known = line.folder or "", catalog.made(line.key or "") is not None
    with recorded(project, catalog, job, "revise") as doing:
        store.flush()
        if not (project.library / folder).exists():
            store.expect_nothing(staged, job)
        replaced = store.settle(staged, folder, files=[line.produced[0].file], job=job, committed=known)
        store.flush()
        doing.keep(given.because)
        doing.record(line.model_copy(update={"replaces": replaced and known}), *others)
        store.forget_old(staged, job)
