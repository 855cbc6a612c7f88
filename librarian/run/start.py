"""A run from its beginning to its seal: what an earlier one left is mended, then the conductor works."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from librarian.events import Observer, RunEnded, RunStarted, Said
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal, new_job_id, recover
from librarian.manifest.store import Store
from librarian.plan import Planner, Shape, seal_texts
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.recordings import Identifier
from librarian.run.census import Census
from librarian.run.commit import Committer
from librarian.run.conductor import Conductor, Halt
from librarian.run.devices import device_of
from librarian.run.header import job_line
from librarian.run.order import Order
from librarian.run.session import Session
from librarian.run.settled import mark_of, settle
from librarian.run.standing import find_settled, finish, nothing_to_do, placed, take_note
from librarian.run.work import Work
from librarian.workers.pool import Workers


def run(
    project: Project, order: Order, workers: Workers, scrubber: Scrubber, observe: Observer, halt: Halt
) -> RunEnded:
    """Run a job. The caller holds the project's lock.

    Args:
        project: the project.
        order: what is to be run.
        workers: what runs the tasks.
        scrubber: knows every name of the scan.
        observe: told what happens.
        halt: what ends it early.

    Raises:
        OSError: the disk failed; what was committed stays, the rest is resumable.
    """
    device = device_of(order.job, order.steps)
    job, texts = seal_texts(replace(order.job, steps=order.steps), project.id_key)
    scan = order.scan
    with ExitStack() as stack:
        vault = Vault(project.vault, owned=True)
        stack.callback(vault.close)
        for sentence in recover(project.manifests):
            observe(Said(scrubber.scrub(sentence)))
        catalog = Catalog(project.catalog, project.manifests, owned=True)
        stack.callback(catalog.close)
        store = Store(project.library, project.staging)
        stack.callback(store.close)
        store.recover(catalog.made_by)
        for digest, text in texts.items():
            vault.note_text(digest, text)
        vault.commit()
        job_id = new_job_id(project.manifests)
        first = job_line(job, job_id, project.id_key, workers=workers, device=device, options=order.options)
        journal = Journal.create(project.manifests, job_id, first)
        stack.callback(journal.close)
        shape = Shape(job, job.steps)
        started = RunStarted(job_id, job.name, scan.files, scan.bytes, workers.size, order.expected(shape))
        observe(started)
        session = Session(job_id, job.name, device, project, store, journal, catalog, vault, scrubber, order.models)
        here = (placed(project.library), order.policy)
        planner = Planner(job, catalog, project.id_key, *here, run=job_id, versions=lambda: first.versions)
        mark = mark_of(job, scan, order.policy, project.id_key)
        if found := find_settled(catalog, job.name, mark, placed(project.library)):
            ended = nothing_to_do(job_id, found, observe)
        else:
            workers.open_to(project.staging / job_id, project.state)
            committer = Committer(session)
            work = Work(session, workers, committer, observe, job.file.run.timeout)
            census = Census.of(order, catalog, vault, project.id_key)
            conductor = Conductor(session, committer, work, planner, shape, observe, halt, census)
            ended = conductor.conduct(lambda: Identifier(scan, vault, project.id_key, job_id))
            ended = replace(ended, fresh=len(order.waiting))
            journal.append(list(census.decisions()))
        if ended.interrupted:
            workers.close()
        store.close_job(job_id)
        vault.commit()
        finish(journal, catalog, ended, scrubber.counts)
        if not found and not ended.absent:
            settle(catalog, vault, job, mark, ended)
        if order.plain:
            take_note(vault, order.plain, mark, first.model_dump(mode="json"), started)
        observe(ended)
        return ended
