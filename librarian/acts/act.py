"""An act on the library: one job, one manifest, from its first line to its seal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from librarian.acts.drop import complete
from librarian.machine import machine_record
from librarian.manifest.act_lines import ActKind, ActLine
from librarian.manifest.catalog import Catalog
from librarian.manifest.fields import MachineRecord
from librarian.manifest.journal import (
    Journal,
    entries,
    last_entry,
    manifests,
    new_job_id,
    now,
    recover,
    reopened,
)
from librarian.manifest.records import Act as Line
from librarian.manifest.store import Store
from librarian.privacy.vault import Vault
from librarian.project import Project

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
def act(project: Project, kind: ActKind, say: Say, *, resumable: bool = False) -> Iterator[Act]:
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
def recorded(project: Project, catalog: Catalog, job: str, kind: ActKind, *, resumable: bool = False) -> Iterator[Act]:
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
    """Mend what the last job left, before another begins.

    A forget or a prune that was cut off is completed; others are sealed, and what they dropped is gone.

    The caller holds the project's lock, and has nothing of the project open.

    Returns:
        The id of the forget that was completed; empty where there was none.
    """
    existing = manifests(project.manifests)
    kind, lines = _unfinished(existing[-1]) if existing else ("", frozenset())
    if kind == "forget" and "forgotten" in lines:
        from librarian.acts.forget import carry_out  # which makes acts of its own

        _complete(project, existing[-1], carry_out)
    elif kind == "prune" and "dropped" in lines:
        _complete(project, existing[-1], _take_away)
    else:
        if "dropped" in lines:
            with contextlib.closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog:
                complete(project, catalog, existing[-1].stem)
        for sentence in recover(project.manifests):
            say(sentence)
        return ""
    say(f"{existing[-1].stem}: a {kind} was cut off; it has been completed")
    return existing[-1].stem if kind == "forget" else ""


def _unfinished(path: Path) -> tuple[str, frozenset[str]]:
    """What kind of job a manifest is of that was cut off, and the types of its lines; nothing where it has a seal."""
    if last_entry(path).type == "seal":
        return "", frozenset()
    lines = entries(path)
    first = next(lines, None)
    return str(((first and first.body) or {}).get("act", "")), frozenset(entry.type for entry in lines)


def _complete(project: Project, path: Path, carry_out: Callable[[Act], None]) -> None:
    with (
        contextlib.closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog,
        contextlib.closing(reopened(path)) as journal,
    ):
        carry_out(Act(path.stem, project, catalog, journal))
        journal.seal("complete")
        catalog.follow(path.stem)


def _take_away(doing: Act) -> None:
    complete(doing.project, doing.catalog, doing.job)


def _first(project: Project, job: str, kind: ActKind) -> ActLine:
    return ActLine(
        job=job,
        act=kind,
        version=version("librarian-media"),
        machine=MachineRecord(**machine_record(project.id_key)),
        started=now(),
    )
