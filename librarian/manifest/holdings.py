"""What the library holds, as the catalog tells it: artifacts, of which step they are, and whether they are current."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from librarian.manifest.chain import GOOD
from librarian.manifest.index import Index


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
        """Every artifact that is current, as often as it is: by job, step, unit and output; maybe of one kind only."""
        good = ", ".join(f"'{word}'" for word in sorted(GOOD))
        rows = self._db.execute(
            "SELECT c.job_name, c.step, c.unit, c.key, a.id, a.output, a.item, a.kind, a.file, a.bytes, a.digest, "
            f"a.private FROM current c JOIN artifacts a ON a.key = c.key WHERE c.outcome IN ({good}) "
            "AND (?1 = '' OR a.kind = ?1) ORDER BY c.job_name, c.step, c.unit, a.output, a.item",
            (kind,),
        )
        return [CurrentArtifact(*row) for row in rows]

    def current_facts(self, name: str, *, own: bool) -> Iterator[tuple[str, str, str | float | bool]]:
        """A fact of all current artifacts that have it: the unit, the artifact, and the value.

        Args:
            name: of the fact.
            own: whether only what was measured of a recording itself counts, not of what was made from it.
        """
        good = ", ".join(f"'{word}'" for word in sorted(GOOD))
        rows = self._db.execute(
            "SELECT c.unit, a.id, json_extract(a.facts, ?1), json_type(a.facts, ?1) "
            f"FROM current c JOIN artifacts a ON a.key = c.key WHERE c.outcome IN ({good}) "
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
        """(job name, step, unit, outcome, task key) of all that is current."""
        yield from self._db.execute("SELECT job_name, step, unit, outcome, key FROM current")

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

    def inputs(self) -> dict[str, list[str]]:
        """Task key → recordings and artifacts that it was made from, of all that was made."""
        found: dict[str, list[str]] = {}
        for source, key in self._db.execute("SELECT input, key FROM consumed"):
            found.setdefault(key, []).append(source)
        return found

    def kept(self) -> Iterator[tuple[str, str, str, str, int, bool, bool]]:
        """Of every artifact: job name, step, its id, its file, bytes, whether it is current, and whether suspect."""
        good = ", ".join(f"'{word}'" for word in sorted(GOOD))
        rows = self._db.execute(
            "SELECT m.job_name, m.step, a.id, a.file, a.bytes, a.suspect, "
            f"EXISTS (SELECT 1 FROM current c WHERE c.key = a.key AND c.outcome IN ({good})) "
            "FROM artifacts a JOIN made m ON m.key = a.key ORDER BY 1, 2"
        )
        for job_name, step, artifact, file, size, suspect, current in rows:
            yield job_name, step, artifact, file, size, bool(current), bool(suspect)
