"""What the jobs of a project were: first line, counts and seal of their manifests, and why tasks failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from librarian.errors import EnvironmentFailedError
from librarian.keys import canonical
from librarian.manifest.catalog import Catalog
from librarian.manifest.journal import entries
from librarian.manifest.records import GOOD, JobLine, SealLine, SummaryLine

Counts = Mapping[str, Mapping[str, int]]
"""Step → outcome → tasks."""


@dataclass(frozen=True)
class Failures:
    """Tasks of one step that did not end well for one reason, and the unit of the first of them."""

    step: str
    outcome: str
    reason: str
    tasks: int
    unit: str


@dataclass(frozen=True)
class JobRecord:
    """One job. `state`: complete, interrupted, or open: under way, or cut off and not sealed yet."""

    first: JobLine
    state: str
    ended: str | None
    recordings: int | None
    counts: Counts

    @property
    def failed(self) -> bool:
        """Whether any task did not end well."""
        return any(set(found) - GOOD for found in self.counts.values())


class History:
    """The jobs of a project.

    Args:
        catalog: the index, caught up.
        folder: the manifests.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog, self._folder = catalog, folder

    def job(self, job: str) -> JobRecord:
        """One job.

        Raises:
            EnvironmentFailedError: a line of its manifest is not what was written.
        """
        lines = self._catalog.job_lines(job)
        try:
            first = JobLine.model_validate_json(canonical(lines.get("job")))
            summary = SummaryLine.model_validate_json(canonical(lines["summary"])) if "summary" in lines else None
            seal = SealLine.model_validate_json(canonical(lines["seal"])) if "seal" in lines else None
        except ValidationError:
            raise EnvironmentFailedError(
                f"manifests/{job}.jsonl: a line is not what was written; type: librarian verify"
            ) from None
        counts: Any = summary.counts if summary else self._counted(job)
        state, ended = (seal.state, seal.ended) if seal else ("open", None)
        return JobRecord(first, state, ended, summary.recordings if summary else None, counts)

    def _counted(self, job: str) -> Counts:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for entry in entries(self._folder / f"{job}.jsonl"):
            if entry.type == "outcome" and entry.body:
                counts[entry.body["step"]][entry.body["outcome"]] += 1
        return counts

    def failures(self, job: str) -> list[Failures]:
        """Why tasks of a job did not end well, the most frequent first; its whole manifest is read."""
        counts: Counter[tuple[str, str, str]] = Counter()
        units: dict[tuple[str, str, str], str] = {}
        for entry in entries(self._folder / f"{job}.jsonl"):
            if entry.type == "outcome" and entry.body and entry.body["cause"]:
                body = entry.body
                which = (body["step"], body["outcome"], body["cause"]["reason"])
                counts[which] += 1
                units.setdefault(which, body["unit"])
        return [Failures(*which, tasks, units[which]) for which, tasks in counts.most_common()]
