"""What persons made in the place of results, as the catalog tells it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from librarian.manifest.index import Index


@dataclass(frozen=True)
class Revision:
    """The newest revision of an output of a task.

    Attributes:
        job_name, step, unit, output: of which job, step and unit it is a result.
        item: its number in a list; 0 where it stands in none.
        artifact: what the person made.
        key: the task key of that.
        machine: what the step had made in its place; `digest`: its digest, as it was then.
        because: keyed digest of what the owner said about it.
        job: the act that recorded it.
        now: what the step has made there last; None where nothing of it is current.
        newer: whether that is not what was revised.
        counts: whether later steps take it. One of an item does as long as its list is the one that it was made for:
            in another, the item of this number may be another piece.
    """

    job_name: str
    step: str
    unit: str
    output: str
    item: int
    artifact: str
    key: str
    machine: str
    digest: str
    because: str | None
    job: str
    now: str | None
    newer: bool
    counts: bool


_FIELDS = [each.name for each in fields(Revision)]


class Revisions(Index):
    """Questions about revisions."""

    def revisions(self, **of: str | int) -> list[Revision]:
        """The newest revisions, of those with these attributes: `revisions(job_name="calls", step="turns")`."""
        where = " AND ".join(f"{column} = :{column}" for column in of) or "1"
        rows = self._db.execute(f"SELECT {', '.join(_FIELDS)} FROM revised WHERE {where} ORDER BY 1, 2, 3, 4, 5", of)
        return [
            Revision(**dict(zip(_FIELDS, (*row, bool(newer), bool(counts)), strict=True)))
            for *row, newer, counts in rows
        ]

    def newer_versions(self, job_name: str) -> int:
        """How many revisions of a job there are of which the machine has made a newer version since."""
        return sum(each.newer for each in self.revisions(job_name=job_name))

    def made_by_hand(self) -> frozenset[str]:
        """The revisions that count, and the artifacts that were made from them, in however many steps."""
        rows = self._db.execute(
            "WITH RECURSIVE by_hand (id) AS (SELECT artifact FROM revised WHERE counts UNION "
            "SELECT a.id FROM by_hand JOIN consumed c ON c.input = by_hand.id JOIN artifacts a ON a.key = c.key) "
            "SELECT id FROM by_hand"
        )
        return frozenset(artifact for (artifact,) in rows)

    def is_revision(self, artifact_id: str) -> bool:
        """Whether a person made an artifact, whether or not it counts."""
        row = self._db.execute(
            "SELECT 1 FROM artifacts a JOIN made m ON m.key = a.key JOIN jobs j ON j.job = m.job "
            "WHERE a.id = ? AND j.type = 'act'",
            (artifact_id,),
        ).fetchone()
        return row is not None
