"""Withdraw: a revision no longer counts, and what the machine made does again. Both stay in the library."""

from __future__ import annotations

from librarian.acts.act import Say, mended, recorded
from librarian.errors import UsageError
from librarian.keys import IdKey
from librarian.manifest.act_lines import WithdrawnLine
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import new_job_id
from librarian.manifest.revisions import Revision
from librarian.project import Project


def _standing(catalog: Catalog, artifact_id: str) -> list[Revision]:
    """The revisions that are meant where an artifact is named: one itself, or what it stands in the place of.

    Raises:
        UsageError: there is none.
    """
    for column in ("artifact", "now", "machine"):
        if found := catalog.revisions(**{column: artifact_id}):
            return found
    raise UsageError("nobody revised that; which revisions there are: librarian revise --list")


def withdraw(
    project: Project, artifact_id: str, because: str, say: Say, *, dry: bool = False
) -> tuple[str, list[Revision]]:
    """Let what the machine made count again. The caller holds the project's lock.

    Args:
        project: the project.
        artifact_id: a revision, or what one stands in the place of.
        because: why; empty where nothing was said.
        say: told what was mended first.
        dry: whether nothing is recorded.

    Returns:
        The job's id (empty where nothing is recorded), and the revisions that no longer count.

    Raises:
        UsageError: nobody revised it.
    """
    with mended(project, say) as (catalog, _):
        found = _standing(catalog, artifact_id)
        if dry:
            return "", found
        with recorded(project, catalog, new_job_id(project.manifests), "revise") as doing:
            doing.keep(because)
            doing.record(*(_withdrawn(project.id_key, each, because) for each in found))
    return doing.job, found


def _withdrawn(id_key: IdKey, each: Revision, because: str) -> WithdrawnLine:
    return WithdrawnLine(
        job_name=each.job_name,
        step=each.step,
        unit=each.unit,
        output=each.output,
        item=each.item or None,
        artifact=each.artifact,
        because=id_key.text(because) if because else None,
    )
