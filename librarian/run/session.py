"""What one run works with, opened once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import Journal
from librarian.manifest.store import Store
from librarian.models.installed import Installed
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import Project


@dataclass(frozen=True)
class Session:
    """A run: its id, its project, and the places it writes to. `device` is where its tasks compute, with `models`.

    `texts` are those of single recordings' settings, by their keyed digests: each is kept once a line tells of it.
    """

    job_id: str
    job_name: str
    device: str
    project: Project
    store: Store
    journal: Journal
    catalog: Catalog
    vault: Vault
    scrubber: Scrubber
    models: Installed
    texts: Mapping[str, str]
