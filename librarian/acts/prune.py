"""Prune: what of the library is dropped to make room, by what the owner names; and how it is dropped."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from librarian.acts.act import Say, act
from librarian.acts.drop import Drop, drop_gone
from librarian.manifest.catalog import Catalog
from librarian.manifest.dropped import Held
from librarian.manifest.holdings import ITEM
from librarian.manifest.store import Store
from librarian.privacy.vault import Vault
from librarian.project import Project

OF_THE_WHOLE_JOB = "set_"
Why = Literal["elsewhere", "whole"]
"""Why something stays that was named: it is current for another step or job as well; it was made of the whole job."""


@dataclass(frozen=True)
class Named:
    """What the owner names. Nothing that is current is pruned unless `dropped` or `steps` name it.

    Attributes:
        superseded: what was current and is not.
        dropped: what was dropped before and made again since.
        steps: whatever these steps made.
        jobs: of these jobs only; none for all.
        older: only what was made at least so many days ago; None for all.
    """

    superseded: bool = False
    dropped: bool = False
    steps: Collection[str] = ()
    jobs: Collection[str] = ()
    older: float | None = None


@dataclass
class Choice:
    """What is pruned, and what of what was named stays.

    Attributes:
        goes: the results of each task that go.
        stays: why → results that stay.
    """

    goes: list[Held] = field(default_factory=list)
    stays: dict[Why, int] = field(default_factory=lambda: defaultdict(int))

    def keys(self, *, current: bool) -> list[str]:
        """The task keys of what goes and is current, or is not."""
        return [each.key for each in self.goes if bool(each.current) == current]


def choose(catalog: Catalog, named: Named) -> Choice:
    """What is pruned of what the library holds."""
    found, ages = Choice(), _Ages(catalog)
    origins = _Origins(catalog)
    for held in catalog.held():
        if not _is_named(held, named) or (named.older is not None and ages(held.job) < named.older):
            continue
        why = _why_it_stays(held, named, origins)
        if why:
            found.stays[why] += len(held.files)
        else:
            found.goes.append(held)
    return found


def _is_named(held: Held, named: Named) -> bool:
    if named.jobs and held.by[0] not in named.jobs and not any(each[0] in named.jobs for each in held.current):
        return False
    of_steps = any(each[1] in named.steps for each in (held.by, *held.current))
    return of_steps or (named.superseded and not held.current) or (named.dropped and held.again)


def _why_it_stays(held: Held, named: Named, origins: _Origins) -> Why | None:
    if held.current and any(map(origins.is_whole_job, {each[2] for each in held.current})):
        return "whole"
    by_step = not (named.superseded and not held.current) and not (named.dropped and held.again)
    others = any(
        (by_step and each[1] not in named.steps) or (named.jobs and each[0] not in named.jobs) for each in held.current
    )
    return "elsewhere" if others else None


class _Origins:
    """Whether units belong to the whole job: it, or items of its lists."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[str, bool] = {}

    def is_whole_job(self, unit: str) -> bool:
        if not unit.startswith(ITEM):
            return unit.startswith(OF_THE_WHOLE_JOB)
        if unit not in self._known:
            self._known[unit] = self.is_whole_job(self._catalog.maker_of(unit)[0])
        return self._known[unit]


class _Ages:
    """How many days ago jobs ended; one without a seal was under way until now."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._now = catalog, datetime.now(UTC)
        self._known: dict[str, float] = {}

    def __call__(self, job: str) -> float:
        if job not in self._known:
            ended = self._catalog.job_lines(job).get("seal", {}).get("ended")
            age = self._now - datetime.fromisoformat(ended) if ended else timedelta()
            self._known[job] = age / timedelta(days=1)
        return self._known[job]


def prune(project: Project, choice: Choice, say: Say, each: Callable[[int], None]) -> str:
    """Drop results. The caller holds the project's lock, and has nothing of the project open.

    Args:
        project: the project.
        choice: what is dropped.
        say: told what was mended first.
        each: told after each task's results how many are gone by then.

    Returns:
        The job's id.

    Raises:
        OSError: the disk failed; whoever comes next completes it.
    """
    with act(project, "prune", say, resumable=True) as doing:
        drops = [
            Drop(doing.catalog, choice.keys(current=False), "superseded"),
            Drop(doing.catalog, choice.keys(current=True), "named"),
        ]
        doing.record(*(line for drop in drops for line in drop.lines()))
        doing.catalog.follow(doing.job)
        with contextlib.closing(Vault(project.vault, owned=True)) as vault:
            drop_gone(doing.catalog, vault)
            vault.commit()
        with contextlib.closing(Store(project.library, project.staging)) as store:
            for number, folder in enumerate((folder for drop in drops for folder in drop.folders), 1):
                store.drop(folder)
                each(number)
            store.flush()
    return doing.job
