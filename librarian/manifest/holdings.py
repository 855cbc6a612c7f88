"""What the library holds, as the catalog tells it: artifacts, of which step they are, and whether they are current."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from librarian.manifest.chain import GOOD
from librarian.manifest.index import Index

ITEM = "art_"
"""How the id of a unit begins that is an item of a list."""
_REVISED = (
    "EXISTS (SELECT 1 FROM revised r WHERE r.job_name = c.job_name AND r.step = c.step AND r.unit = c.unit "
    "AND r.output = a.output AND r.item = COALESCE(a.item, 0) AND r.counts)"
)
"""Whether what a person made counts in the place of artifact `a` of what is current as `c`."""
_STANDS = (
    f"r.counts AND (substr(r.unit, 1, {len(ITEM)}) <> '{ITEM}' "
    "OR (r.job_name, r.step, r.unit) IN (SELECT job_name, step, unit FROM live))"
)
"""Whether a revision `r` counts, and is of no item whose list is current no more."""


class CurrentArtifact(NamedTuple):
    """An artifact that is current: of which step of which job, for which unit. `file` is relative to the library."""

    job_name: str
    step: str
    unit: str
    key: str
    id: str
    output: str
    item: int | None
    kind: str
    file: str
    bytes: int
    digest: str
    private: bool


class Holdings(Index):
    """Questions about all that was made."""

    def current_artifacts(self, kind: str = "") -> list[CurrentArtifact]:
        """Every artifact that is current and not dropped, as often as it is: by job, step, unit and output.

        What was made of an item is, as long as the list is that the item stands in. Where a person made something in
        the place of an artifact, that is.

        Args:
            kind: only those of this kind; empty for all.
        """
        artifact = "a.key, a.id, a.output, a.item, a.kind, a.file, a.bytes, a.digest, a.private"
        rows = self._db.execute(
            f"SELECT c.job_name, c.step, c.unit, {artifact} FROM live c JOIN artifacts a ON a.key = c.key "
            f"WHERE a.key NOT IN (SELECT key FROM made WHERE dropped) AND NOT {_REVISED} AND (?1 = '' OR a.kind = ?1) "
            f"UNION ALL SELECT r.job_name, r.step, r.unit, {artifact} FROM revised r JOIN artifacts a "
            f"ON a.id = r.artifact WHERE {_STANDS} AND (?1 = '' OR a.kind = ?1) ORDER BY 1, 2, 3, 6, 7",
            (kind,),
        )
        return [CurrentArtifact(*row) for row in rows]

    def current_facts(self, name: str, *, own: bool) -> Iterator[tuple[str, str, str | float | bool]]:
        """A fact of all current artifacts that have it: the unit, the artifact, and the value.

        Args:
            name: of the fact.
            own: whether only what was measured of a recording itself counts, not of what was made from it.
        """
        rows = self._db.execute(
            "SELECT c.unit, a.id, json_extract(a.facts, ?1), json_type(a.facts, ?1) "
            f"FROM live c JOIN artifacts a ON a.key = c.key WHERE NOT {_REVISED} "
            "AND json_extract(a.facts, ?1) IS NOT NULL "
            "AND (NOT ?2 OR EXISTS (SELECT 1 FROM consumed s WHERE s.input = c.unit AND s.key = c.key)) ORDER BY 1, 2",
            (f'$."{name}"', own),
        )
        for unit, artifact, value, sort in rows:
            yield unit, artifact, bool(value) if sort in ("true", "false") else value

    def fact_names(self) -> set[str]:
        """The names of the facts that current artifacts have."""
        rows = self._db.execute(
            "SELECT DISTINCT f.key FROM current c JOIN artifacts a ON a.key = c.key, json_each(a.facts) f"
        )
        return {name for (name,) in rows}

    def current_keys(self) -> Iterator[tuple[str, str, str, str, str]]:
        """(job name, step, unit, outcome, task key) of all that is current, and of what persons made in its place."""
        yield from self._db.execute("SELECT job_name, step, unit, outcome, key FROM current")
        yield from self._db.execute("SELECT job_name, step, unit, 'revised', key FROM revised WHERE counts")

    def maker_of(self, artifact_id: str) -> tuple[str, int | None]:
        """The unit for which an artifact was made, and its number in a list.

        Raises:
            KeyError: no line says that it was made.
        """
        row = self._db.execute(
            "SELECT m.unit, a.item FROM artifacts a JOIN made m ON m.key = a.key WHERE a.id = ?", (artifact_id,)
        ).fetchone()
        if row is None:
            raise KeyError(artifact_id)
        return row[0], row[1]

    def is_live(self, job_name: str, unit: str) -> bool:
        """Whether a job still works on a unit: on an item, as long as its list is current there."""
        rows = self._db.execute(
            "SELECT c.outcome, c.unit FROM artifacts a JOIN current c ON c.key = a.key "
            "WHERE a.id = ? AND c.job_name = ?",
            (unit, job_name),
        )
        return not unit.startswith(ITEM) or any(
            outcome in GOOD and self.is_live(job_name, above) for outcome, above in rows.fetchall()
        )

    def inputs(self) -> dict[str, list[str]]:
        """Task key → recordings and artifacts that it was made from, of all that was made."""
        found: dict[str, list[str]] = {}
        for source, key in self._db.execute("SELECT input, key FROM consumed"):
            found.setdefault(key, []).append(source)
        return found

    def kept(self) -> Iterator[tuple[str, str, str, str, int, bool, bool, bool]]:
        """Of every artifact: job name, step, its id, its file, bytes, whether it is current, suspect and dropped."""
        rows = self._db.execute(
            "SELECT m.job_name, m.step, a.id, a.file, a.bytes, a.suspect, m.dropped, "
            f"a.id IN (SELECT a.id FROM live c JOIN artifacts a ON a.key = c.key WHERE NOT {_REVISED}) "
            f"OR a.id IN (SELECT r.artifact FROM revised r WHERE {_STANDS}) "
            "FROM artifacts a JOIN made m ON m.key = a.key ORDER BY 1, 2"
        )
        for job_name, step, artifact, file, size, suspect, dropped, current in rows:
            yield job_name, step, artifact, file, size, bool(current), bool(suspect), bool(dropped)
