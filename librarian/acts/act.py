"""An act on the library: one job, one manifest, from its first line to its seal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from librarian.machine import machine_record
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal, entries, manifests, new_job_id, now, recover, reopened
from librarian.manifest.records import Act as Line
from librarian.manifest.records import ActLine, MachineRecord
from librarian.manifest.store import Store
from librarian.privacy.vault import Vault
from librarian.project import Project

Kind = Literal["forget", "allow", "reveal", "rotate", "settle", "export", "revise"]
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

    def keep(self, *texts: str) -> None:
        """Keep in the vault what the owner said, of which a line holds the keyed digest. It comes before that line."""
        with contextlib.closing(Vault(self.project.vault, owned=True)) as vault:
            for text in filter(None, texts):
                vault.note_text(self.project.id_key.text(text), text)
            vault.commit()


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
    with (
        mended(project, say) as (catalog, _),
        recorded(project, catalog, new_job_id(project.manifests), kind, resumable=resumable) as doing,
    ):
        yield doing


@contextlib.contextmanager
def mended(project: Project, say: Say) -> Iterator[tuple[Catalog, Store]]:
    """The index and the library, with what earlier jobs left there mended. The caller holds the project's lock."""
    mend(project, say)
    with (
        contextlib.closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog,
        contextlib.closing(Store(project.library, project.staging)) as store,
    ):
        store.recover(catalog.made_by)
        yield catalog, store


@contextlib.contextmanager
def recorded(project: Project, catalog: Catalog, job: str, kind: Kind, *, resumable: bool = False) -> Iterator[Act]:
    """The manifest of an act, from its first line to its seal; arguments as in `act`."""
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


def mend(project: Project, say: Say) -> str:
    """Mend what the last job left, before another begins: a forget that was cut off is completed, others are sealed.

    The caller holds the project's lock, and has nothing of the project open.

    Returns:
        The id of the job that was completed; empty where there was none.
    """
    existing = manifests(project.manifests)
    path = existing[-1] if existing else None
    if path is None or not _is_unfinished_forget(path):
        for sentence in recover(project.manifests):
            say(sentence)
        return ""
    from librarian.acts.forget import carry_out  # which makes acts of its own

    with (
        contextlib.closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog,
        contextlib.closing(reopened(path)) as journal,
    ):
        carry_out(Act(path.stem, project, catalog, journal))
        journal.seal("complete")
        catalog.follow(path.stem)
    say(f"{path.stem}: a forget was cut off; it has been completed")
    return path.stem


def _is_unfinished_forget(path: Path) -> bool:
    """Whether a manifest says all that is to be forgotten, and not that it is done."""
    lines = entries(path)
    first = next(lines, None)
    if first is None or first.body is None or first.body.get("act") != "forget":
        return False
    types = [entry.type for entry in lines]
    return "forgotten" in types and "seal" not in types


def _first(project: Project, job: str, kind: Kind) -> ActLine:
    return ActLine(
        job=job,
        act=kind,
        version=version("librarian-media"),
        machine=MachineRecord(**machine_record(project.id_key)),
        started=now(),
    )
