"""An act on the library: one job, one manifest, from its first line to its seal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

from librarian.machine import machine_record
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal, new_job_id, now, recover
from librarian.manifest.records import Act as Line
from librarian.manifest.records import ActLine, MachineRecord
from librarian.manifest.store import Store
from librarian.project import Project

Kind = Literal["forget", "allow", "reveal", "rotate"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Act:
    """An act under way: its id, its project, the index and its manifest."""

    job: str
    project: Project
    catalog: Catalog
    journal: Journal

    def record(self, *lines: Line) -> None:
        """Write lines; they are durable then.

        Raises:
            OSError: they could not be written; none of them counts.
        """
        self.journal.append(lines)


@contextlib.contextmanager
def act(project: Project, kind: Kind, say: Say, *, resumable: bool = False) -> Iterator[Act]:
    """Begin an act, and seal its manifest. The caller holds the project's lock.

    What an earlier job left is mended first.

    Args:
        project: the project.
        kind: what kind of act it is.
        say: told what was mended.
        resumable: whether the manifest of one that fails stays open, for whoever completes it; else it is sealed as
            interrupted.
    """
    for sentence in recover(project.manifests):
        say(sentence)
    with contextlib.closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog:
        with contextlib.closing(Store(project.library, project.staging)) as store:
            store.recover(catalog.made_by)
        job = new_job_id(project.manifests)
        with contextlib.closing(Journal.create(project.manifests, job, _first(project, job, kind))) as journal:
            try:
                yield Act(job, project, catalog, journal)
            except BaseException:
                if not resumable:
                    with contextlib.suppress(OSError):  # the next job seals it then
                        journal.seal("interrupted")
                raise
            journal.seal("complete")
        catalog.follow(job)


def _first(project: Project, job: str, kind: Kind) -> ActLine:
    return ActLine(
        job=job,
        act=kind,
        version=version("librarian-media"),
        machine=MachineRecord(**machine_record(project.id_key)),
        started=now(),
    )
