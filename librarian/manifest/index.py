"""The tables of the catalog: brought up to date from the manifests, made anew where they are damaged."""

from __future__ import annotations

import contextlib
import json
import operator
import os
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from librarian.errors import EnvironmentFailedError
from librarian.files import sync_folder, write_file
from librarian.manifest.index_file import checked, fresh, open_index, remove, stat_of, with_tables
from librarian.manifest.journal import Written, entries, manifests

DECIMALS = 6
"""Of seconds: as records give them, so that sums are the same in whatever portions they are added up."""
AT_ONCE = 500
"""Outcome lines that are taken in together."""
LAPSED = 2
"""Of what was dropped: nothing was current with it then, so that it does not count where it would be again."""
_text = json.JSONEncoder(sort_keys=True).encode
"""The same text whether a line comes from whoever wrote it or from its manifest."""
Body = dict[str, Any]
"""What a line records, as plain data."""
Row = tuple[Any, ...]
_ACTS = frozenset({"emptied", "forgotten", "allowed"})


class Place(NamedTuple):
    """Where a line stands: in the manifest of which job, its number there, the byte it begins at."""

    job: str
    seq: int
    start: int


class Index:
    """The index, open.

    Args:
        path: its file.
        folder: the manifests.
        owned: whether the caller is the one writer, who may make a damaged index anew. A reader works with one in
            memory then, and with one that is not caught up where the writer is busy with it.
    """

    def __init__(self, path: Path, folder: Path, *, owned: bool) -> None:
        self._path, self._folder, self._owned = path, folder, owned
        self._ran_on = ("", "", "")
        wanted = owned or path.exists() or bool(manifests(folder))  # a reader makes none of nothing
        self._db = open_index(path, owned) if wanted else with_tables(sqlite3.connect(":memory:"))
        try:
            self._catch_up()
        except sqlite3.DatabaseError as error:
            busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            if busy and not owned:
                self._db.rollback()
                return
            self._db = fresh(path, self._db, owned)
            self._catch_up()

    def close(self) -> None:
        """Close the index; its writer notes that it is whole, so that it need not be checked the next time."""
        self._db.close()
        if self._owned:
            with contextlib.suppress(OSError):  # a full disk: it is checked the next time then
                write_file(checked(self._path), json.dumps(stat_of(self._path)).encode(), durable=False)

    def _catch_up(self) -> None:
        if self._known() == self._sizes():
            return
        self._db.execute("BEGIN IMMEDIATE")  # or another process takes in newer lines before these
        known, sizes = self._known(), self._sizes()
        shrunk = any(sizes.get(job, -1) < size for job, size in known.items())
        if shrunk or not all([self._add(job) for job, size in sizes.items() if size > known.get(job, 0)]):
            self._rebuild()
        self._db.commit()

    def _sizes(self) -> dict[str, int]:
        return {path.stem: path.stat().st_size for path in manifests(self._folder)}

    def _known(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT job, bytes FROM manifests"))

    def _rebuild(self) -> None:
        suspects = self._db.execute("SELECT id, digest FROM artifacts WHERE suspect > 1").fetchall()
        for table in (
            "manifests",
            "jobs",
            "made",
            "artifacts",
            "consumed",
            "current",
            "speeds",
            "settled",
            "decisions",
            "revisions",
            "forgotten",
            "drops",
        ):
            self._db.execute(f"DELETE FROM {table}")
        for path in manifests(self._folder):
            self._add(path.stem)
        self._doubt(suspects)

    def _doubt(self, ids: Sequence[Row]) -> None:
        """Note artifacts whose content is not what was recorded (2): ids and the digests that were recorded.

        What a damaged line recorded (1) is not doubted any more where the lines are read again.
        """
        self._db.executemany("UPDATE artifacts SET suspect = 2 WHERE id = ? AND digest = ?", ids)
        self._db.execute("UPDATE made SET suspect = 2 WHERE key IN (SELECT key FROM artifacts WHERE suspect > 1)")

    def clean(self) -> None:
        """Take in manifests that were rewritten, and leave no page that holds what they do not any more.

        Raises:
            EnvironmentFailedError: another command reads it meanwhile.
        """
        self._db.rollback()
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("PRAGMA temp_store = MEMORY")
        self._catch_up()
        self._db.execute("VACUUM")
        if self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise EnvironmentFailedError(
                ".librarian/catalog.db is being read by another command; once that has ended, type the same again"
            )

    def _add(self, job: str) -> bool:
        """Take in what was appended to a manifest, up to a torn line; False where it does not follow what is known."""
        row = self._db.execute("SELECT bytes, lines, link FROM manifests WHERE job = ?", (job,)).fetchone()
        start, seq, last = row or (0, 0, None)
        end = ""
        waiting: dict[tuple[str, ...], tuple[Place, Body]] = {}
        for line in entries(self._folder / f"{job}.jsonl", start, seq):
            if line.torn:
                break
            if last is not None and line.prev != last:
                return False
            if line.type == "outcome" and line.body and line.body.get("revises"):
                self._revise(Place(job, line.seq, start), line.body)
            elif line.type == "outcome" and line.body:
                task = line.body["job_name"], line.body["step"], line.body["unit"]
                if len(waiting) == AT_ONCE or task in waiting:
                    self._outcomes(list(waiting.values()))
                    waiting.clear()
                waiting[task] = Place(job, line.seq, start), line.body
            elif line.body:
                if waiting:  # what it tells of may have been made just before
                    self._outcomes(list(waiting.values()))
                    waiting.clear()
                self._other(job, line.type, line.body)
            seq, start, last, end = line.seq + 1, line.end, None, line.link
        if waiting:
            self._outcomes(list(waiting.values()))
        if end:
            self._db.execute("INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?)", (job, start, seq, end))
        return True

    def _other(self, job: str, kind: str, body: Body) -> None:
        """Take in a line that is no outcome."""
        if kind == "decision":
            self._decide(job, body)
        elif kind == "dropped":
            self._drop(job, body)
        elif kind == "withdrawn":
            self._withdraw(body)
        elif kind in _ACTS:
            self._act(job, body)
        else:
            self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)", (job, kind, json.dumps(body)))

    def follow(self, job: str) -> None:
        """Take in what was appended to the manifest of `job` since last time."""
        self._begin()
        if not self._add(job):
            self._rebuild()
        self._db.commit()

    def take(self, job: str, written: Sequence[Written]) -> None:
        """Take in lines of `job` that were just written, the next after those that it holds: outcomes, then drops."""
        self._begin()
        known = self._db.execute("SELECT lines FROM manifests WHERE job = ?", (job,)).fetchone()
        if known != (written[0].seq,):
            self._db.rollback()
            self.follow(job)
            return
        self._outcomes([(Place(job, each.seq, each.start), each.body) for each in written if "outcome" in each.body])
        for line in written:
            if line.body["type"] == "dropped":
                self._drop(job, line.body)
        values = (job, line.end, line.seq + 1, line.link)
        self._db.execute("INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?)", values)
        self._db.commit()
        self._db.execute("BEGIN")  # what is asked now is asked of one state: each question need not lock the file

    def _begin(self) -> None:
        self._db.rollback()  # what may be open was only for reading
        self._db.execute("BEGIN IMMEDIATE")

    def _changed(self) -> None:
        """What is current, good or decided is not what it was: nothing is settled any more."""
        self._db.execute("DELETE FROM settled")

    def _outcomes(self, lines: Sequence[tuple[Place, Body]]) -> None:
        """Take in outcome lines, no two of them of the same task: table by table, which is faster."""
        self._changed()
        made = [(place, body) for place, body in lines if body["produced"] or body["outcome"] in ("done", "degraded")]
        self._made(made)
        self._speeds(made)
        self._many("current", [_current(place, body) for place, body in lines])

    def _drop(self, job: str, body: Body) -> None:
        """Take in that results were dropped: nothing of them is there that could be doubted."""
        self._changed()
        how = LAPSED if body["why"] == "superseded" else 1
        self._db.executemany(
            "UPDATE made SET dropped = ?, suspect = 0 WHERE key = ?", [(how, key) for key in body["keys"]]
        )
        self._db.executemany("UPDATE artifacts SET suspect = 0 WHERE key = ?", [(key,) for key in body["keys"]])
        self._many("drops", [(key, job) for key in body["keys"]])

    def _decide(self, job: str, body: Body) -> None:
        """Take in a decision of the owner's."""
        self._changed()
        of = body["unit"], body["job_name"], body["step"] or "", body["reason"]
        if body["stands"]:
            self._many("decisions", [(*of, body["because"], job)])
        else:
            where = "unit = ? AND job_name = ? AND step = ? AND reason = ?"
            self._db.execute(f"DELETE FROM decisions WHERE {where}", of)

    def _revise(self, place: Place, body: Body) -> None:
        """Take in what a person made in the place of a result."""
        self._changed()
        if body["produced"]:
            self._made([(place, body)])
        what = body["revises"]
        of = body["job_name"], body["step"], body["unit"], what["output"], what["item"] or 0
        made = what["artifact"], body["key"], what["machine"], what["digest"], what["because"]
        self._many("revisions", [(*of, *made, place.job)])

    def _withdraw(self, body: Body) -> None:
        """Take in that a revision no longer counts."""
        self._changed()
        of = body["job_name"], body["step"], body["unit"], body["output"], body["item"] or 0
        where = "job_name = ? AND step = ? AND unit = ? AND output = ? AND item = ?"
        self._db.execute(f"DELETE FROM revisions WHERE {where}", of)

    def _many(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def _made(self, lines: Sequence[tuple[Place, Body]]) -> None:
        self._db.executemany("DELETE FROM artifacts WHERE key = ?", [(body["key"] or "",) for _, body in lines])
        self._many("made", [_made(place, body) for place, body in lines])
        self._many("consumed", [(each["id"], body["key"] or "") for _, body in lines for each in body["consumed"]])
        self._many("artifacts", [_artifact(body, each) for _, body in lines for each in body["produced"]])

    def _speeds(self, lines: Sequence[tuple[Place, Body]]) -> None:
        sums: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0, 0.0, 0.0, 0])
        for place, body in lines:
            operation = (body["document"] or {}).get("operation", "")
            found = sums[(*self._machine(place.job), operation, body["job_name"], body["step"])]
            seconds = sum(spent for stage, spent in body["timings"].items() if stage != "wait")
            made = sum(each["bytes"] for each in body["produced"])
            found[:] = map(operator.add, found, (1, seconds, body.get("audio_seconds") or 0.0, made))
            found[1:3] = (round(each, DECIMALS) for each in found[1:3])
        self._db.executemany(
            "INSERT INTO speeds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            f"tasks = tasks + excluded.tasks, seconds = round(seconds + excluded.seconds, {DECIMALS}), "
            f"audio = round(audio + excluded.audio, {DECIMALS}), bytes = bytes + excluded.bytes",
            [(*of, *found) for of, found in sums.items()],
        )

    def _act(self, job: str, body: Body) -> None:
        """Take in what was forgotten, and what may be taken again."""
        self._changed()
        units = [*body.get("units", ()), *body.get("artifacts", ())]
        if body["type"] == "allowed":
            self._db.executemany("DELETE FROM forgotten WHERE unit = ?", [(unit,) for unit in units])
        else:
            self._many("forgotten", [(unit, job) for unit in units])

    def _machine(self, job: str) -> tuple[str, str]:
        if self._ran_on[0] != job:
            first = self.job_lines(job).get("job", {})
            self._ran_on = (job, first.get("machine", {}).get("id", ""), first.get("device", ""))
        return self._ran_on[1:]

    def body_at(self, place: Place) -> Body | None:
        """What a line records; None where it is not what was written, or was emptied."""
        line = next(entries(self._folder / f"{place.job}.jsonl", place.start, place.seq), None)
        return line.body if line else None

    def job_lines(self, job: str) -> dict[str, dict[str, Any]]:
        """A manifest's lines that are no outcomes, by their type: job, summary, seal, as far as there are."""
        rows = self._db.execute("SELECT type, body FROM jobs WHERE job = ?", (job,))
        return {kind: json.loads(body) for kind, body in rows}


def rebuild(path: Path, folder: Path) -> None:
    """Make the index anew beside the one that is there, and put it into its place. For the one writer.

    Artifacts that are noted as suspect stay so, as far as the old index can be read.

    Args:
        path: its file.
        folder: the manifests.
    """
    aside = path.with_name(f"{path.name}.new")
    remove(aside)
    suspects: list[Row] = []
    if path.exists():
        with contextlib.closing(Index(path, folder, owned=True)) as old:  # with all that was made again since
            suspects = old._db.execute("SELECT id, digest FROM artifacts WHERE suspect > 1").fetchall()
    made = Index(aside, folder, owned=True)
    made._doubt(suspects)
    made._db.commit()
    made._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made._db.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    os.replace(aside, path)
    remove(aside)
    sync_folder(path.parent)


def _current(place: Place, body: Body) -> Row:
    reason = (body["cause"] or {}).get("reason", "")
    of = (body["job_name"], body["step"], body["unit"])
    return *of, body["outcome"], body["key"] or "", reason, place.job, place.seq, place.start


def _made(place: Place, body: Body) -> Row:
    files = "/".join(f"{each['file']}/{each['bytes']}" for each in body["produced"])
    where = place.job, place.seq, body["unit"], body["folder"], place.start
    by_hand = bool(body.get("revises"))  # nobody could make that again
    return body["key"] or "", *where, files, 0, body["job_name"], body["step"], 0, by_hand


def _artifact(body: Body, each: Body) -> Row:
    what = each["id"], body["key"] or "", each["output"], each["item"], each["kind"]
    where = f"{body['folder']}/{each['file']}", each["bytes"], each["digest"]
    return *what, *where, each["private"], _text(each["facts"]), 0
