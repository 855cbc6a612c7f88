"""A run from its beginning to its seal: what an earlier one left is mended, then the conductor works."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from librarian.acts.act import mend
from librarian.acts.drop import drop_gone
from librarian.events import Observer, RunEnded, RunStarted, Said
from librarian.keys import canonical
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal, new_job_id
from librarian.manifest.revisions import Revision
from librarian.manifest.store import Store
from librarian.plan import Foresight, Planner, Revised, Shape, Uses, seal_texts
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.recordings import Identifier
from librarian.run.census import Census
from librarian.run.commit import Committer
from librarian.run.conductor import Conductor
from librarian.run.devices import device_of
from librarian.run.halt import Halt
from librarian.run.header import job_line, versions_of
from librarian.run.order import Order
from librarian.run.session import Session
from librarian.run.settled import mark_of, settle
from librarian.run.standing import find_settled, finish, nothing_to_do, placed, take_note
from librarian.run.work import Work
from librarian.workers.asking import Workers

NEW_OBJECTS = 10_000
"""More than before, until cycles among them are sought. What a task leaves behind holds none, and with Python's 700 the
search takes a thirtieth of the time of small tasks."""


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
    with _opened(project, lambda sentence: observe(Said(scrubber.scrub(sentence)))) as (vault, catalog, store):
        stated = canonical([dict(step.public) for step in job.steps])  # as the first line does
        for digest in [each for each in texts if each.encode() in stated]:
            vault.note_text(digest, texts.pop(digest))
        vault.commit()
        job_id = new_job_id(project.manifests)
        first = job_line(
            *(job, job_id, project.id_key, scrubber), workers=workers, device=device, options=order.options
        )
        with closing(Journal.create(project.manifests, job_id, first)) as journal:
            session = Session(
                job_id, job.name, device, project, store, journal, catalog, vault, scrubber, order.models, texts
            )
            revisions = catalog.revisions(job_name=job.name)
            shape = Shape(job, job.steps, Revised(revisions))
            size = order.scan.files, order.scan.bytes
            started = RunStarted(job_id, job.name, *size, workers.size, order.expected(shape))
            observe(started)
            for sentence in _missed(catalog, revisions, placed(project.library)):
                observe(Said(scrubber.scrub(sentence)))
            mark = mark_of(job, order.scan, order.policy, first.versions, project.id_key)
            if found := find_settled(catalog, job.name, mark, placed(project.library)):
                ended = nothing_to_do(job_id, found, observe)
            else:  # where something waits to be made otherwise, nothing is done with
                uses = Uses(shape, () if order.policy.only_new else order.job.steps, catalog)
                ended = _conducted(session, replace(order, job=job), shape, uses, workers, observe, halt)
            ended = replace(ended, newer=catalog.newer_versions(job.name))
            finish(journal, catalog, ended, scrubber.counts)
            if not found and not ended.absent:
                settle(catalog, vault, job, mark, ended)
            if order.plain:
                take_note(vault, order.plain, mark, first.model_dump(mode="json"), started)
            observe(ended)
            return ended


def _missed(catalog: Catalog, revisions: Iterable[Revision], in_place: Callable[[str, int], bool]) -> Iterator[str]:
    """What persons made and is not there: no run makes it again."""
    for each in revisions:
        made = catalog.artifact(each.artifact)
        if not in_place(made.file, made.bytes):
            yield (
                f"{each.artifact}, which a person made, is missing; give its file again, or take it back: "
                f"librarian revise --undo {each.artifact}"
            )


@contextmanager
def _opened(project: Project, say: Callable[[str], None]) -> Iterator[tuple[Vault, Catalog, Store]]:
    """The places that a run writes to, with what an earlier one left there mended; `say` is told of that."""
    mend(project, say)
    with (
        closing(Vault(project.vault, owned=True)) as vault,
        closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog,
        closing(Store(project.library, project.staging)) as store,
    ):
        store.recover(catalog.made_by)
        yield vault, catalog, store


@contextmanager
def _cycles_sought_seldom() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _conducted(
    session: Session, order: Order, shape: Shape, uses: Uses, workers: Workers, observe: Observer, halt: Halt
) -> RunEnded:
    """Do what is to be done, and leave nothing in staging."""
    job, project, job_id = order.job, session.project, session.job_id
    workers.open_to(project.staging / job_id, project.state)
    in_place = placed(project.library)
    here = (job, session.catalog, project.id_key, in_place, order.policy)
    planner = Planner(*here, run=job_id, versions=lambda: versions_of(job))
    committer = Committer(session)
    taken = frozenset(shape.dependents)
    work = Work(session, workers, committer, observe, job.file.run.timeout, taken)
    census = Census.of(order, session.catalog, session.vault, project.id_key)
    foresight = Foresight(shape, planner, session.catalog)
    conductor = Conductor(session, committer, work, foresight, observe, halt, census, uses)
    gone = session.catalog.forgotten()
    with closing(committer), _cycles_sought_seldom():
        ended = conductor.conduct(lambda: Identifier(order.scan, session.vault, project.id_key, job_id, gone))
    session.journal.append(list(census.decisions()))
    if ended.interrupted:
        workers.close()
    if committer.dropped:
        session.store.flush()
        drop_gone(session.catalog, session.vault)
    session.store.close_job(job_id)
    session.vault.commit()
    return replace(ended, fresh=len(order.waiting), dropped=committer.dropped)
