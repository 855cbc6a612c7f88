"""Drop: results leave the library and stay in the record, from which they can be made again.

The line that says so is durable before anything is removed: one that is cut off is completed by whoever comes next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Literal

from librarian.manifest.act_lines import DroppedLine
from librarian.manifest.catalog import Catalog
from librarian.manifest.store import Store
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.view.views import drop_gone

__all__ = ["Drop", "complete", "drop_gone"]
TASKS_OF_A_LINE = 1000
Why = Literal["used", "superseded", "named"]
"""They were kept until they were used; nothing was current with them; they were current, and named."""


class Drop:
    """Results that are dropped together.

    Args:
        catalog: knows them.
        keys: the task keys under which they were made.
        why: why they are.
    """

    def __init__(self, catalog: Catalog, keys: Sequence[str], why: Why) -> None:
        self._made = [made for key in dict.fromkeys(keys) if (made := catalog.made(key)) and not made.dropped]
        self._why = why

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._made)

    def lines(self) -> Iterator[DroppedLine]:
        """What is to be written before anything is removed."""
        for start in range(0, len(self._made), TASKS_OF_A_LINE):
            some = self._made[start : start + TASKS_OF_A_LINE]
            artifacts = [each for made in some for each in made.artifacts]
            yield DroppedLine(
                why=self._why,
                keys=[made.key for made in some],
                results=len(artifacts),
                bytes=sum(each.bytes for each in artifacts),
            )

    @property
    def folders(self) -> list[str]:
        """What is to be removed once the lines are durable and the catalog knows of them."""
        return [made.folder for made in self._made]


def complete(project: Project, catalog: Catalog, job: str | None = None) -> int:
    """Remove what was dropped and lies there still. The caller holds the project's lock.

    Args:
        project: the project.
        catalog: the index, caught up.
        job: what that one dropped; None: whatever was dropped at any time.

    Returns:
        Of how many tasks there was something left.
    """
    left = [each for each in catalog.dropped_folders(job) if (project.library / each).exists()]
    with contextlib.closing(Store(project.library, project.staging)) as store:
        for folder in left:
            store.drop(folder)
        store.flush()
    with contextlib.closing(Vault(project.vault, owned=True)) as vault:
        drop_gone(catalog, vault)
        vault.commit()
    return len(left)
