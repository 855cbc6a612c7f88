"""Where nothing has changed since a run of a job had nothing to do, only its results are looked at.

A plain run notes in the vault which bytes and stats it hung on, and the mark (`settled.mark_of`) that came of them once
they were understood; the catalog knows whether nothing was to be done under that mark: all is done, or failed before
and is not tried again. The next one looks at the bytes and stats first, and needs next to nothing imported for it.
Whatever is not as it was noted, or not expected, is left to an ordinary run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from librarian.events import AllStand, Failures, Observer, RunEnded, RunStarted
from librarian.files import open_regular, stat_key
from librarian.keys import canonical
from librarian.machine import default_size, machine_record
from librarian.manifest.catalog import Catalog, Settled
from librarian.manifest.chain import new_salt
from librarian.manifest.journal import Journal, is_whole, new_job_id, now
from librarian.patterns import Found, all_of, in_order, not_taken, taken_by
from librarian.privacy import RECOGNIZERS
from librarian.privacy.known import names_in, surroundings
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.workers.installed import state_of, state_of_all

_MOST_BYTES = 64 << 20
"""Of a job file or a list: no larger one was ever taken."""
Watched = Callable[[], contextlib.AbstractContextManager[Observer]]
"""Gives, for as long as a run lasts, who is told what happens."""


class Look(NamedTuple):
    """Where a run looks, apart from the job file.

    Attributes:
        entries: the patterns of each recordings entry.
        lists: the files of its lists.
        names: the owner's list of names; empty where there is none.
        extensions: of each that is installed, its distribution, version and entry point.
        allow: the owner's list of words that name no one; empty where there is none.
    """

    entries: Sequence[Sequence[str]]
    lists: Sequence[str]
    names: str
    extensions: Sequence[Sequence[str]]
    allow: str = ""


class Seen(NamedTuple):
    """What a run found where it looked, raw, but for the recordings.

    Attributes:
        job: sha256 of the job file.
        lists: sha256 of each list.
        known: what names someone: the user, the machine, the owner's list.
        states: of each extension, what its answers hang on.
        models: sha256 of models.lock; empty where there is none.
        installed: what is installed at all.
        allowed: what names no one: the owner's other list.
    """

    job: str
    lists: Sequence[str]
    known: Sequence[str]
    states: Sequence[str]
    models: str
    installed: str
    allowed: Sequence[str] = ()

    def digest(self) -> str:
        """All of it in one word."""
        return hashlib.sha256(canonical(self)).hexdigest()


class Plain(NamedTuple):
    """A run of a whole job file with nothing asked for beside it.

    Attributes:
        job: where the job file lies.
        look: where it looked.
        seen: what was seen there, as its digest.
        found: the recordings, and what lies beside them: `patterns.all_of` of those.
        workers: as the job file says; None for as many as fit the machine.
        said: what was said of the files before it began.
    """

    job: Path
    look: Look
    seen: str
    found: str
    workers: int | None
    said: Sequence[str]


class Note(NamedTuple):
    """What a plain run hung on, and what it made of it.

    Attributes:
        look, seen, found, workers, said: as in `Plain`.
        name: the job's.
        mark: what the catalog says under it whether all was done.
        first: the first line of its manifest.
        files, bytes, expected: as in `RunStarted`.
    """

    look: Look
    seen: str
    found: str
    workers: int | None
    said: Sequence[str]
    name: str
    mark: str
    first: Mapping[str, Any]
    files: int
    bytes: int
    expected: dict[str, int]


def take_note(vault: Vault, plain: Plain, mark: str, first: Mapping[str, Any], started: RunStarted) -> None:
    """Keep what a run hung on, and what it made of it."""
    note = Note(
        look=plain.look,
        seen=plain.seen,
        found=plain.found,
        workers=plain.workers,
        said=plain.said,
        name=started.name,
        mark=mark,
        first=first,
        files=started.files,
        bytes=started.bytes,
        expected=started.expected,
    )
    vault.note_standing(plain.job, json.dumps(note))
    vault.commit()


def as_noted(project: Project, job: Path) -> Note | None:
    """What the last plain run of a job file noted, where all that it hung on is as it was."""
    try:
        with contextlib.closing(Vault(project.vault, owned=False)) as vault:
            kept = json.loads(vault.standing(job) or "null")
        note = kept and Note(Look(*kept[0]), *kept[1:])
        return note if note and _is_as_it_was(note, project, job) else None
    except Exception:  # an ordinary run says what is wrong, if anything is
        return None


def _is_as_it_was(note: Note, project: Project, job: Path) -> bool:
    return (
        note.first["machine"] == machine_record(project.id_key)
        and note.seen == _seen(note.look, job, job.parent, project.models_lock)
        and note.found == _found(note.look.entries, job.parent)
    )


def _seen(at: Look, job: Path, folder: Path, lock: Path) -> str:
    return Seen(
        job=_sha256(job),
        lists=[_sha256(folder / each) for each in at.lists],
        known=[*surroundings(), *(names_in(folder / at.names) if at.names else ())],
        states=[state_of(*each) for each in at.extensions],
        models=_sha256(lock) if lock.exists() else "",
        installed=state_of_all(),
        allowed=names_in(folder / at.allow) if at.allow else (),
    ).digest()


def _sha256(path: Path) -> str:
    with open(open_regular(path), "rb") as file:
        return hashlib.sha256(file.read(_MOST_BYTES + 1)).hexdigest()


def _found(entries: Sequence[Sequence[str]], folder: Path) -> str:
    found: list[Found] = []
    for patterns in entries:
        taken = [taken_by(pattern, folder) for pattern in patterns]
        if any(reason for each in taken for reason in each.values()):
            raise OSError("a folder cannot be opened")
        paths = set[str]().union(*taken)
        found += [(path, _stat(path)) for path in in_order(paths)]
    return all_of(found, not_taken({path for path, _ in found}))


def _stat(path: str) -> tuple[int, int, int, int, int]:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return stat_key(status)


def stand(project: Project, note: Note, workers: int | None, watched: Watched) -> RunEnded | None:
    """Record a run that has nothing to do; None where it may have, and nothing is written then.

    The caller holds the project's lock.

    Args:
        project: the project.
        note: is as it was.
        workers: as typed; None for as many as the job file says.
        watched: opened once it is sure that there is nothing to do.
    """
    if project.staging.exists() or not is_whole(project.manifests):
        return None
    with contextlib.closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog:
        found = find_settled(catalog, note.name, note.mark, placed(project.library))
        if found is None:
            return None
        stated = note.workers if workers is None else workers
        number = default_size() if stated is None else stated
        if number and not note.first["workers"]:
            return None  # what holds workers is not known: the run that took the note had none
        with watched() as observe:
            return _record(project, catalog, note, found, number, observe)


def _record(
    project: Project, catalog: Catalog, note: Note, found: Settled, workers: int, observe: Observer
) -> RunEnded:
    job_id = new_job_id(project.manifests)
    own = {"job": job_id, "salt": new_salt(), "started": now(), "workers": workers}
    own |= {} if workers else {"fence": "none"}
    with contextlib.closing(Journal.create(project.manifests, job_id, {**note.first, **own})) as journal:
        observe(RunStarted(job_id, note.name, note.files, note.bytes, workers, note.expected))
        ended = replace(nothing_to_do(job_id, found, observe), newer=catalog.newer_versions(note.name))
        finish(journal, catalog, ended, {})
    observe(ended)
    return ended


def placed(library: Path) -> Callable[[str, int], bool]:
    """Whether a file is where it should be in the library, with its size."""

    def in_place(file: str, size: int) -> bool:
        try:
            return os.lstat(f"{library}/{file}").st_size == size
        except OSError:
            return False

    return in_place


def find_settled(catalog: Catalog, job_name: str, mark: str, in_place: Callable[[str, int], bool]) -> Settled | None:
    """What the last run found, where nothing has changed since and every result is in place."""
    found = catalog.settled(job_name, mark) if mark else None
    if found is None or not all(in_place(*each) for each in catalog.standing_files(job_name)):
        return None
    return found


def nothing_to_do(job_id: str, found: Settled, observe: Observer) -> RunEnded:
    """The end of a run that found nothing to do."""
    known: dict[str, Counter[str]] = defaultdict(Counter)
    for each in found.failures:
        known[each.step][each.outcome] += each.tasks
    stand = AllStand(found.counts, {step: dict(tasks) for step, tasks in known.items()})
    observe(stand)
    counts = {
        step: {outcome: tasks for outcome, tasks in ended.items() if tasks} for step, ended in stand.ended().items()
    }
    failures = tuple(Failures(**each._asdict(), tried=0) for each in found.failures)
    return RunEnded(job_id, found.recordings, counts, 0.0, interrupted=False, failures=failures)


def finish(journal: Journal, catalog: Catalog, ended: RunEnded, scrubbed: Mapping[str, int]) -> None:
    """Write the last two lines of a run's manifest, and let the catalog take them in.

    Args:
        journal: the manifest.
        catalog: the index.
        ended: how the run ended.
        scrubbed: type of personal data → how many were replaced.
    """
    summary = {"recordings": ended.recordings, "counts": ended.counts, "withheld": ended.withheld}
    known, settled = Counter[str](), Counter[str]()
    for each in ended.failures:
        known[each.step] += each.tasks - each.tried
        settled[each.step] += each.tasks if each.state == "settled" else 0
    summary |= {"known": dict(+known), "settled": dict(+settled), "absent": ended.absent, "fresh": ended.fresh}
    summary |= {"scrubbed": dict(sorted(scrubbed.items())), "recognizers": RECOGNIZERS}
    journal.append([{"type": "summary", "salt": new_salt(), **summary}])
    journal.seal("interrupted" if ended.interrupted else "complete")
    catalog.follow(ended.job)
