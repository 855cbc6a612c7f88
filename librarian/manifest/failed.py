"""What did not end well, as the catalog tells it, and what the owner decided about it."""

from __future__ import annotations

from dataclasses import dataclass

from librarian.errors import OF_THE_RECORDING, REMEMBERED
from librarian.manifest.chain import GOOD
from librarian.manifest.index import Index


@dataclass(frozen=True)
class Decision:
    """What the owner decided: about which unit and cause, in which step (empty: the recording itself), in which job."""

    unit: str
    job_name: str
    step: str
    reason: str
    because: str | None
    job: str


class Failed(Index):
    """Questions about failures and decisions."""

    def failure(self, key: str) -> tuple[str, str] | None:
        """Why a task key failed the last time, where that is remembered, and the job that tried it."""
        rows = self._db.execute("SELECT job, reason FROM current WHERE key = ? AND outcome = 'failed'", (key,))
        job, reason = max((row for row in rows if row[1] in REMEMBERED), default=("", ""))
        return (reason, job) if job else None

    def ended_badly(self, job_name: str, step: str, unit: str) -> tuple[str, str]:
        """The current outcome and its cause, of what did not end well; empty where it did, or nothing is current."""
        row = self._db.execute(
            "SELECT outcome, reason FROM current WHERE job_name = ? AND step = ? AND unit = ?", (job_name, step, unit)
        ).fetchone()
        return ("", "") if row is None or row[0] in GOOD else (row[0], row[1])

    def is_settled(self, job_name: str, step: str, unit: str, reason: str) -> bool:
        """Whether the owner settled a failure: that one, or any of the recording where the cause lies in it."""
        rows = self._db.execute("SELECT job_name, step FROM decisions WHERE unit = ? AND reason = ?", (unit, reason))
        return any(reason in OF_THE_RECORDING or tuple(row) == (job_name, step) for row in rows)

    def decisions(self, unit: str | None = None, reason: str | None = None) -> list[Decision]:
        """The decisions that stand, of a unit, or about a cause."""
        column, value = ("unit", unit) if unit is not None else ("reason", reason)
        columns = "unit, job_name, step, reason, because, job"
        return [
            Decision(*row) for row in self._db.execute(f"SELECT {columns} FROM decisions WHERE {column} = ?", (value,))
        ]

    def known_units(self, job_name: str) -> set[str]:
        """The recordings and groups that a job ever worked on."""
        rows = self._db.execute(
            "SELECT DISTINCT unit FROM current WHERE job_name = ? AND substr(unit, 1, 4) IN ('rec_', 'grp_')",
            (job_name,),
        )
        return {unit for (unit,) in rows}
