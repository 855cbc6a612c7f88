"""The index over all manifests: what was made, what is current, what is suspect. Rebuildable; never the truth.

It catches up from the manifests whenever it is opened, and is made anew where it is damaged or does not fit them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from librarian.manifest.chain import GOOD
from librarian.manifest.codes import Codes
from librarian.manifest.dropped import Dropped, files_of
from librarian.manifest.failed import Failed
from librarian.manifest.holdings import Holdings
from librarian.manifest.index import LAPSED, Place
from librarian.manifest.revisions import Revisions


@dataclass(frozen=True)
class MadeArtifact:
    """An artifact that a line says exists. `file` is relative to the library."""

    id: str
    output: str
    item: int | None
    kind: str
    file: str
    bytes: int
    digest: str
    private: bool
    facts: dict[str, Any]
    suspect: bool


@dataclass(frozen=True)
class Made:
    """What was made under a task key.

    `dropped`: it was taken out of the library since; `lapsed`: nothing was current with it then.
    """

    key: str
    folder: str
    artifacts: tuple[MadeArtifact, ...]
    dropped: bool = False
    lapsed: bool = False


@dataclass(frozen=True)
class Standing:
    """A result that stands under a key.

    Attributes:
        folder: where it lies, or lay.
        files: (file, its size) of each that should be there: none where it is dropped.
        dropped: whether it is.
        lapsed: whether nothing was current with it when it was dropped.
    """

    folder: str
    files: tuple[tuple[str, int], ...]
    dropped: bool
    lapsed: bool


@dataclass(frozen=True)
class Current:
    """What the last outcome line says of (job name, step, unit)."""

    outcome: str
    key: str
    document: dict[str, Any] | None
    given: tuple[str, ...]
    reason: str
    job: str

    @property
    def good(self) -> bool:
        """Whether that outcome left results."""
        return self.outcome in GOOD


@dataclass(frozen=True)
class Speed:
    """What tasks took so far: how many, seconds of work, seconds of sound, bytes that they made."""

    tasks: int = 0
    seconds: float = 0.0
    audio: float = 0.0
    bytes: int = 0


@dataclass(frozen=True)
class Ended:
    """A current outcome, of which (job name, step, unit), and where its line stands."""

    job_name: str
    step: str
    unit: str
    outcome: str
    key: str
    reason: str
    place: Place

    @property
    def good(self) -> bool:
        """Whether it left results."""
        return self.outcome in GOOD


class KnownFailures(NamedTuple):
    """Tasks of a step that failed before, for one cause, and were not tried again.

    Attributes:
        step: the step.
        outcome: failed or skipped.
        reason: class of the cause.
        state: known or settled.
        tasks: how many.
        units: what the first few work on, as it is called in public.
    """

    step: str
    outcome: str
    reason: str
    state: str
    tasks: int
    units: tuple[str, ...]


@dataclass(frozen=True)
class Settled:
    """What a run found that found nothing to do.

    Attributes:
        recordings: how many.
        counts: step → tasks that are done.
        failures: what failed before and was not tried again.
    """

    recordings: int
    counts: dict[str, int]
    failures: tuple[KnownFailures, ...] = ()


class Catalog(Holdings, Dropped, Failed, Revisions, Codes):
    """What the manifests say, ready to be asked."""

    def made(self, key: str) -> Made | None:
        """What was made under a task key."""
        row = self._db.execute("SELECT folder, dropped FROM made WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        artifacts = tuple(self._artifacts("key = ? ORDER BY output, item", key))
        return Made(key, row[0], artifacts, bool(row[1]), row[1] == LAPSED)

    def artifact(self, artifact_id: str) -> MadeArtifact:
        """One artifact.

        Raises:
            KeyError: no line says that it was made.
        """
        for found in self._artifacts("id = ?", artifact_id):
            return found
        raise KeyError(artifact_id)

    def made_by(self, job: str, folder: str) -> bool:
        """Whether what lies in a folder was made by that job, as its manifest says."""
        row = self._db.execute("SELECT 1 FROM made WHERE job = ? AND folder = ?", (job, folder)).fetchone()
        return row is not None

    def artifacts(self) -> Iterator[MadeArtifact]:
        """Every artifact that a line says exists, and none says is dropped, by file."""
        return self._artifacts("key NOT IN (SELECT key FROM made WHERE dropped) ORDER BY file")

    def _artifacts(self, where: str, *values: str) -> Iterator[MadeArtifact]:
        columns = "id, output, item, kind, file, bytes, digest, private, facts, suspect"
        for row in self._db.execute(f"SELECT {columns} FROM artifacts WHERE {where}", values):
            named = dict(zip(columns.split(", "), row, strict=True))
            named |= {"private": bool(row[7]), "facts": json.loads(row[8]), "suspect": bool(row[9])}
            yield MadeArtifact(**named)

    def standing(self, job_name: str, step: str, unit: str, key: str) -> tuple[bool, Standing | None]:
        """Whether any outcome is current, and the result that is under this key.

        None where it is under another key, or suspect.
        """
        row = self._db.execute(
            "SELECT c.key, c.outcome, m.folder, m.files, m.suspect, m.dropped "
            "FROM current c LEFT JOIN made m ON m.key = c.key "
            "WHERE c.job_name = ? AND c.step = ? AND c.unit = ?",
            (job_name, step, unit),
        ).fetchone()
        if row is None or row[0] != key or row[1] not in GOOD or row[2] is None or row[4]:
            return row is not None, None
        return True, Standing(row[2], () if row[5] else tuple(files_of(row[2], row[3])), bool(row[5]), row[5] == LAPSED)

    def speed(self, machine: str, device: str, operation: str, job_name: str, step: str) -> Speed | None:
        """What tasks of a step took on a machine so far; of the same operation anywhere, where it never ran there."""
        sums = "SELECT SUM(tasks), SUM(seconds), SUM(audio), SUM(bytes) FROM speeds WHERE machine = ? AND device = ?"
        where = (machine, device, operation)
        for more, values in ((" AND job_name = ? AND step = ?", (job_name, step)), ("", ())):
            row = self._db.execute(f"{sums} AND operation = ?{more}", (*where, *values)).fetchone()
            if row[0]:
                return Speed(*row)
        return None

    def settled(self, job_name: str, mark: str) -> Settled | None:
        """What a run of a job found that found nothing to do, where nothing was recorded or doubted since.

        Args:
            job_name: the job.
            mark: what the run hung on, beside the record.
        """
        row = self._db.execute(
            "SELECT recordings, counts, failures FROM settled WHERE job_name = ? AND mark = ?", (job_name, mark)
        ).fetchone()
        if row is None:
            return None
        failures = tuple(KnownFailures._make((*each[:-1], tuple(each[-1]))) for each in json.loads(row[2]))
        return Settled(row[0], json.loads(row[1]), failures)

    def settle(self, job_name: str, mark: str, found: Settled) -> None:
        """Note that a run of a job found, or left, nothing to do."""
        values = (job_name, mark, found.recordings, json.dumps(found.counts), json.dumps(found.failures))
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?, ?)", values)
        self._db.commit()

    def standing_files(self, job_name: str) -> Iterator[tuple[str, int]]:
        """The files (and their sizes) of all that is current in a job and not dropped, or stands in its place."""
        rows = self._db.execute(
            "SELECT m.folder, m.files FROM (SELECT key FROM current WHERE job_name = :name "
            "UNION ALL SELECT key FROM revisions WHERE job_name = :name) c JOIN made m ON m.key = c.key "
            "WHERE NOT m.dropped",
            {"name": job_name},
        )
        for folder, files in rows:
            yield from files_of(folder, files)

    def current(self, job_name: str, step: str, unit: str) -> Current | None:
        """What the last outcome line says of (job name, step, unit)."""
        row = self._db.execute(
            "SELECT outcome, key, reason, job, seq, start FROM current WHERE job_name = ? AND step = ? AND unit = ?",
            (job_name, step, unit),
        ).fetchone()
        if row is None:
            return None
        outcome, key, reason, *place = row
        said = self.body_at(Place(*place)) or {"document": None, "given": ()}
        return Current(outcome, key, said["document"], tuple(said["given"]), reason, place[0])

    def beginning(self, text: str, most: int) -> list[str]:
        """Ids and task keys that begin with a text; `most` of each sort at the most."""
        found: set[str] = set()
        columns = {"artifacts": "id", "made": "key", "manifests": "job", "current": "unit", "consumed": "input"}
        columns |= {"forgotten": "unit"}
        for table, column in columns.items():
            found |= {
                each
                for (each,) in self._db.execute(
                    f"SELECT DISTINCT {column} FROM {table} WHERE {column} >= ? AND {column} < ? ORDER BY 1 LIMIT ?",
                    (text, f"{text}~", most),
                )
            }
        return sorted(found)

    def key_of(self, artifact_id: str) -> str:
        """The task key that an artifact was made under.

        Raises:
            KeyError: no line says that it was made.
        """
        row = self._db.execute("SELECT key FROM artifacts WHERE id = ?", (artifact_id,)).fetchone()
        if row is None:
            raise KeyError(artifact_id)
        return str(row[0])

    def place(self, key: str) -> Place | None:
        """Where the line stands that says what was made under a task key."""
        row = self._db.execute("SELECT job, seq, start FROM made WHERE key = ?", (key,)).fetchone()
        return Place(*row) if row else None

    def ended(self, *, unit: str | None = None, key: str | None = None) -> list[Ended]:
        """The current outcomes of a unit, or of a task key, in the order in which they came."""
        columns = "job_name, step, unit, outcome, key, reason, job, seq, start"
        which, value = ("unit", unit) if key is None else ("key", key)
        rows = self._db.execute(f"SELECT {columns} FROM current WHERE {which} = ? ORDER BY job, seq", (value,))
        return [
            Ended(job_name, step, of, outcome, made, reason, Place(*place))
            for job_name, step, of, outcome, made, reason, *place in rows
        ]

    def consumers(self, input_id: str) -> list[str]:
        """The task keys of what was made from a recording or an artifact."""
        return [key for (key,) in self._db.execute("SELECT key FROM consumed WHERE input = ?", (input_id,))]

    def jobs(self) -> list[str]:
        """The ids of all jobs, oldest first."""
        return [job for (job,) in self._db.execute("SELECT job FROM manifests ORDER BY job")]

    def forgotten_in(self, found: str) -> str | None:
        """The job that forgot a recording, a group or an artifact; None where it is not forgotten."""
        row = self._db.execute("SELECT job FROM forgotten WHERE unit = ?", (found,)).fetchone()
        return row[0] if row else None

    def forgotten(self) -> dict[str, str]:
        """Recordings and groups that are forgotten, each with the job that did it."""
        return dict(self._db.execute("SELECT unit, job FROM forgotten WHERE unit NOT LIKE 'art!_%' ESCAPE '!'"))

    def chosen_words(self) -> set[str]:
        """The names of all jobs and of their steps."""
        return {name for (name,) in self._db.execute("SELECT job_name FROM current UNION SELECT step FROM current")}

    def folders(self) -> set[str]:
        """The folders in the library that a line names, but for those whose results are dropped."""
        return {folder for (folder,) in self._db.execute("SELECT folder FROM made WHERE NOT dropped")}

    def suspect(self, ids: Iterable[str]) -> None:
        """Note artifacts whose content is not what was recorded; the next run makes them again."""
        self._begin()
        self._changed()
        digests = "SELECT id, digest FROM artifacts WHERE id = ?"
        self._doubt([row for each in ids for row in self._db.execute(digests, (each,))])
        self._db.commit()

    def made_from_suspects(self) -> frozenset[str]:
        """The task keys of what was made from suspect artifacts, in however many steps."""
        rows = self._db.execute(
            "WITH RECURSIVE bad (id) AS (SELECT id FROM artifacts WHERE suspect UNION "
            "SELECT a.id FROM bad JOIN consumed c ON c.input = bad.id JOIN artifacts a ON a.key = c.key) "
            "SELECT DISTINCT c.key FROM bad JOIN consumed c ON c.input = bad.id"
        )
        return frozenset(key for (key,) in rows)

    def suspect_line(self, job: str, seq: int) -> None:
        """Note what a damaged line of a manifest recorded."""
        self._begin()
        self._changed()
        self._db.execute(
            "UPDATE artifacts SET suspect = MAX(suspect, 1) "
            "WHERE key IN (SELECT key FROM made WHERE job = ? AND seq = ?)",
            (job, seq),
        )
        self._db.execute("UPDATE made SET suspect = MAX(suspect, 1) WHERE job = ? AND seq = ?", (job, seq))
        self._db.commit()
