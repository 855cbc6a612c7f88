"""A run from its beginning to its seal: what an earlier one left is mended, then the conductor works."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from librarian.errors import MissingError
from librarian.events import Observer, RunEnded, RunStarted, Said
from librarian.job import Job
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal, new_job_id, recover
from librarian.manifest.records import SummaryLine
from librarian.manifest.store import Store
from librarian.plan import Planner, expected_tasks, seal_texts
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.recordings import Identifier, Scan
from librarian.run.commit import Committer
from librarian.run.conductor import Conductor
from librarian.run.header import job_line
from librarian.run.session import Session
from librarian.workers.pool import Workers


@dataclass(frozen=True)
class Options:
    """How to run, as typed.

    Attributes:
        upgrade: follow new versions of operations, models and defaults.
        stopped: the number of the signal that asks the run to stop, else 0; looked at between events.
    """

    upgrade: bool = False
    stopped: Callable[[], int] = lambda: 0


def device_of(job: Job) -> str:
    """The device the job runs on.

    Raises:
        MissingError: it asks for one that this version does not serve.
    """
    if job.file.run.device not in ("auto", "cpu"):
        raise MissingError("run.device: this version works on the CPU only; write device: cpu")
    return "cpu"


def placed(library: Path) -> Callable[[str, int], bool]:
    """Whether a file is where it should be in the library, with its size."""

    def in_place(file: str, size: int) -> bool:
        try:
            return os.lstat(f"{library}/{file}").st_size == size
        except OSError:
            return False

    return in_place


def run(
    project: Project,
    job: Job,
    scan: Scan,
    workers: Workers,
    scrubber: Scrubber,
    observe: Observer,
    options: Options,
) -> RunEnded:
    """Run a job. The caller holds the project's lock.

    Args:
        project: the project.
        job: the job.
        scan: the recordings that were found.
        workers: what runs the tasks.
        scrubber: knows every name of the scan.
        observe: told what happens.
        options: how to run.

    Raises:
        OSError: the disk failed; what was committed stays, the rest is resumable.
    """
    device = device_of(job)
    job, texts = seal_texts(job, project.id_key)
    with ExitStack() as stack:
        vault = Vault(project.vault, owned=True)
        stack.callback(vault.close)
        for sentence in recover(project.manifests):
            observe(Said(scrubber.scrub(sentence)))
        catalog = Catalog(project.catalog, project.manifests, owned=True)
        stack.callback(catalog.close)
        store = Store(project.library, project.staging)
        store.recover(catalog.made_by)
        for digest, text in texts.items():
            vault.note_text(digest, text)
        vault.commit()
        job_id = new_job_id(project.manifests)
        said = {"upgrade": options.upgrade}
        first = job_line(job, job_id, project.id_key, workers=workers.size, device=device, options=said)
        journal = Journal.create(project.manifests, job_id, first)
        stack.callback(journal.close)
        expected = expected_tasks(job, [sighting.entry for sighting in scan.sightings])
        observe(RunStarted(job_id, job.name, len(scan.sightings), scan.bytes, workers.size, expected))
        identifier = Identifier(scan, vault, project.id_key, job_id)
        stack.callback(identifier.close)
        session = Session(job_id, job.name, device, project, store, journal, catalog, vault, scrubber)
        planner = Planner(job, catalog, project.id_key, placed(project.library), upgrade=options.upgrade)
        conductor = Conductor(session, workers, planner, Committer(session), observe)
        ended = conductor.conduct(identifier, job.file.run.timeout, options.stopped)
        if ended.interrupted:
            workers.close()
        store.close_job(job_id)
        vault.commit()
        journal.append([SummaryLine(recordings=ended.recordings, counts=ended.counts)])
        journal.seal("interrupted" if ended.interrupted else "complete")
        catalog.follow(job_id)
        observe(ended)
        return ended
