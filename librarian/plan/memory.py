"""Failures that are remembered: what would fail again is not tried again. Pure: nothing is read or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from librarian.manifest.catalog import Catalog, Current

if TYPE_CHECKING:
    from librarian.plan.task import Task


class Memory:
    """Why tasks failed before.

    A cause that lies in the recording, or that the owner has to look at something first, is remembered by the task key,
    whichever step or job met it, until any package has another version than it had then. Any other is, where the owner
    settled it.

    Args:
        job_name: the job that is planned.
        catalog: what came of it so far.
        versions: package → version, of what is installed.
    """

    def __init__(self, job_name: str, catalog: Catalog, versions: Callable[[], Mapping[str, str]]) -> None:
        self._job_name, self._catalog, self._versions = job_name, catalog, versions
        self._same: dict[str, bool] = {}

    def reason(self, task: Task, current: Current | None) -> str:
        """The class of the cause for which a task would fail again; empty where it is to be tried.

        Args:
            task: that has no result.
            current: what the record says of its step and unit.
        """
        failure = self._catalog.failure(task.key)
        if failure and self._is_as_it_was(failure[1]):
            return failure[0]
        if current is None or current.outcome != "failed" or current.key != task.key:
            return ""
        settled = self._catalog.is_settled(self._job_name, task.step.id, task.unit, current.reason)
        return current.reason if settled and self._is_as_it_was(current.job) else ""

    def _is_as_it_was(self, job: str) -> bool:
        """Whether what a job ran with is what is installed, as far as both know it."""
        if job not in self._same:
            then = self._catalog.job_lines(job).get("job", {}).get("versions", {})
            now = self._versions()
            self._same[job] = all(now.get(package, version) == version for package, version in then.items())
        return self._same[job]
