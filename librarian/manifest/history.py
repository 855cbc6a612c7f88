"""What the jobs of a project were: first line, counts and seal of their manifests, and why tasks failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from librarian.errors import EnvironmentFailedError
from librarian.keys import canonical
from librarian.manifest.act_lines import ActLine
from librarian.manifest.catalog import Catalog
from librarian.manifest.chain import GOOD
from librarian.manifest.journal import entries
from librarian.manifest.records import JobLine, SealLine, SummaryLine

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
class Spent:
    """What one task took.

    Attributes:
        step: its step.
        unit: what it worked on.
        made: its first artifact; None where it left none.
        seconds: phase → seconds of wall time.
        audio_seconds: length of the sound that it went through (s); None where that is not known.
    """

    step: str
    unit: str
    made: str | None
    seconds: Mapping[str, float]
    audio_seconds: float | None


@dataclass(frozen=True)
class JobRecord:
    """One job.

    Attributes:
        first: the first line of its manifest.
        state: complete, interrupted, or open: under way, or cut off and not sealed yet.
        ended: when it ended; None where it is open.
        recordings: how many it found; None where it did not come to say so.
        counts: what came of its tasks.
        withheld: step → tasks that would have been done again and were left as they are.
        known: step → tasks that failed before and were not tried again.
        settled: step → tasks whose failure the owner settled.
    """

    first: JobLine | ActLine
    state: str
    ended: str | None
    recordings: int | None
    counts: Counts
    withheld: Mapping[str, int]
    known: Mapping[str, int]
    settled: Mapping[str, int]

    @property
    def name(self) -> str:
        """The name of the job file's job; empty for an act of another kind."""
        return self.first.name if isinstance(self.first, JobLine) else ""

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
            act = "act" in lines
            first: JobLine | ActLine = (ActLine if act else JobLine).model_validate_json(
                canonical(lines.get("act" if act else "job"))
            )
            summary = SummaryLine.model_validate_json(canonical(lines["summary"])) if "summary" in lines else None
            seal = SealLine.model_validate_json(canonical(lines["seal"])) if "seal" in lines else None
        except ValidationError:
            raise EnvironmentFailedError(
                f"manifests/{job}.jsonl: a line is not what was written; type: librarian verify"
            ) from None
        counts: Any = summary.counts if summary else self._counted(job)
        state, ended = (seal.state, seal.ended) if seal else ("open", None)
        if summary is None:
            return JobRecord(first, state, ended, None, counts, {}, {}, {})
        more = (summary.withheld, summary.known, summary.settled)
        return JobRecord(first, state, ended, summary.recordings, counts, *more)

    def _counted(self, job: str) -> Counts:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for entry in entries(self._folder / f"{job}.jsonl"):
            if entry.type == "outcome" and entry.body:
                counts[entry.body["step"]][entry.body["outcome"]] += 1
        return counts

    def said(self, job: str) -> Iterator[dict[str, Any]]:
        """What an act recorded between its first line and its seal, as plain data."""
        for entry in entries(self._folder / f"{job}.jsonl"):
            if entry.body and entry.type not in ("act", "seal"):
                yield {name: value for name, value in entry.body.items() if name != "salt"}

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

    def spent(self, job: str) -> Iterator[Spent]:
        """What each task took that a worker had, line by line."""
        for entry in entries(self._folder / f"{job}.jsonl"):
            if entry.type == "outcome" and entry.body and any(entry.body["timings"].values()):
                body = entry.body
                made = body["produced"][0]["id"] if body["produced"] else None
                yield Spent(body["step"], body["unit"], made, body["timings"], body.get("audio_seconds"))

    def elapsed(self, job: str, record: JobRecord) -> float:
        """Seconds from a job's beginning to its end; where it has none, to the last line of its manifest."""
        ended = (
            datetime.fromisoformat(record.ended)
            if record.ended
            else datetime.fromtimestamp((self._folder / f"{job}.jsonl").stat().st_mtime, UTC)
        )
        return max(0.0, (ended - datetime.fromisoformat(record.first.started)).total_seconds())
