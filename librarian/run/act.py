"""An act of the owner's that is no run: what he decided or took out, recorded in a manifest of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Literal

from librarian.machine import machine_record
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal, new_job_id, now, recover
from librarian.manifest.records import ActLine, Body, MachineRecord
from librarian.privacy.vault import Vault
from librarian.project import Project


def record(
    project: Project, act: Literal["settle", "export"], lines: Sequence[Body], texts: Mapping[str, str] = {}
) -> str:
    """Record an act. The caller holds the project's lock.

    Args:
        project: the project.
        act: what kind of act it is.
        lines: what the record says of it.
        texts: keyed digest → private text that stands for it in the lines; the vault keeps it.

    Returns:
        The id of the job.

    Raises:
        OSError: the disk failed; nothing of it counts.
    """
    with contextlib.closing(Vault(project.vault, owned=True)) as vault:
        for digest, text in texts.items():
            vault.note_text(digest, text)
        vault.commit()
    recover(project.manifests)
    job = new_job_id(project.manifests)
    machine = MachineRecord(**machine_record(project.id_key))
    first = ActLine(job=job, act=act, version=version("librarian-media"), machine=machine, started=now())
    with contextlib.closing(Journal.create(project.manifests, job, first)) as journal:
        journal.append(lines)
        journal.seal("complete")
    Catalog(project.catalog, project.manifests, owned=True).close()  # takes it in
    return job
