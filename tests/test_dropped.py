"""What a line says is dropped: how the index takes it in, what verify says of it, and the form of the line, frozen.

What was added to the form on purpose is taken in with

    PYTHONPATH=tests python tests/test_dropped.py && git diff tests/golden/prune.jsonl
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ledger import ID_KEY, Ledger, document, outcome, recording

from librarian.manifest import index
from librarian.manifest.act_lines import ActLine, DroppedLine
from librarian.manifest.catalog import Catalog
from librarian.manifest.fields import MachineRecord
from librarian.manifest.journal import Journal, entries
from librarian.manifest.records import Line, OutcomeLine, Revises
from librarian.manifest.store import Store

GOLDEN = Path(__file__).parent / "golden" / "prune.jsonl"
JOB = "job_01kdyk0e1ez8v8v8v8v8v8v8v8"
KEYS = [ID_KEY.task(document(recording(number))) for number in range(3)]


def dropped(*keys: str) -> DroppedLine:
    return DroppedLine(why="used", keys=list(keys), results=len(keys), bytes=7)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def made(ledger: Ledger, number: int) -> OutcomeLine:
    return ledger.done(recording(number), {"audio.flac": b"a sound", "report.json": b"{}"})


def remove(ledger: Ledger, line: OutcomeLine) -> None:
    store = Store(ledger.library, ledger.library / ".staging")
    store.drop(str(line.folder))
    store.flush()
    store.close()


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_lines_count_in_their_order_however_they_are_taken_in(
    ledger: Ledger, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "AT_ONCE", at_once)
    journal = ledger.begin()
    lines = [made(ledger, number) for number in range(3)]
    groups = [[*lines, dropped(*KEYS[:2])], [lines[0]], [dropped(KEYS[2])], [lines[2], dropped(KEYS[2])]]
    with contextlib.closing(ledger.catalog()) as catalog:
        catalog.follow(journal.path.stem)
        for group in groups:
            catalog.take(journal.path.stem, journal.append(group))
        assert [bool(found and found.dropped) for found in map(catalog.made, KEYS)] == [False, True, True]
        assert {held.key: held.again for held in catalog.held()} == {KEYS[0]: True}
        assert {artifact.file.split("/")[1] for artifact in catalog.artifacts()} == {recording(0)}
        assert sorted(catalog.dropped_keys()) == sorted(KEYS[1:])
    before = dump(ledger.index)
    ledger.index.unlink()
    ledger.catalog().close()
    assert dump(ledger.index) == before


def test_what_is_dropped_is_not_missing_and_what_is_still_there_is_said(ledger: Ledger) -> None:
    lines = [made(ledger, number) for number in range(3)]
    ledger.write(*lines, dropped(*KEYS[:2]))
    remove(ledger, lines[0])
    report = ledger.verify()
    assert report.artifacts == 2
    (problem,) = report.problems
    assert problem == (
        f"library/{lines[1].folder}: it was dropped, and is still there; to remove it, type: librarian prune --dropped"
    )
    remove(ledger, lines[1])
    assert ledger.verify().problems == []


def test_what_is_dropped_while_verify_reads_is_no_problem(ledger: Ledger) -> None:
    line = made(ledger, 0)
    path = ledger.write(line)
    with contextlib.closing(ledger.catalog(owned=False)) as reader:
        real = reader.artifacts

        def slow() -> Any:
            for artifact in list(real()):
                with contextlib.closing(Catalog(ledger.index, ledger.manifests, owned=True)) as writer:
                    journal = ledger.begin()
                    journal.append([dropped(KEYS[0])])
                    journal.close()
                    writer.follow(journal.path.stem)
                remove(ledger, line)
                yield artifact

        with mock.patch.object(reader, "artifacts", slow), mock.patch.object(ledger, "catalog", lambda **_: reader):
            report = ledger.verify()
    assert not [problem for problem in report.problems if "missing" in problem], path


def test_nothing_is_doubted_of_what_is_dropped(ledger: Ledger) -> None:
    line = made(ledger, 0)
    ledger.write(line)
    with contextlib.closing(ledger.catalog()) as catalog:
        catalog.suspect([each.id for each in line.produced])
    ledger.write(dropped(KEYS[0]))
    with contextlib.closing(ledger.catalog()) as catalog:
        assert not any(artifact.suspect for artifact in catalog.made(KEYS[0]).artifacts)  # type: ignore[union-attr]
        assert catalog.standing("calls", "voice", recording(0), KEYS[0])[1] is not None
    ledger.write(line)
    with contextlib.closing(ledger.catalog()) as catalog:
        assert not any(artifact.suspect for artifact in catalog.artifacts())


def test_a_result_that_a_person_made_is_never_among_what_can_be_dropped(ledger: Ledger) -> None:
    journal = ledger.begin()
    line = made(ledger, 0)
    own = line.produced[0]
    revises = Revises(artifact=own.id, output=own.output, machine=own.id, digest=own.digest)
    journal.append([line.model_copy(update={"revises": revises}), made(ledger, 1)])
    with contextlib.closing(ledger.catalog()) as catalog:
        assert [held.key for held in catalog.held()] == [KEYS[1]]


def test_folders_that_hold_nothing_then_are_removed_and_others_stay(ledger: Ledger) -> None:
    line, other = made(ledger, 0), made(ledger, 1)
    beside = (ledger.library / str(line.folder)).with_name("beside")
    beside.mkdir()
    remove(ledger, line)
    remove(ledger, line)  # once more does no harm
    assert beside.is_dir() and not (ledger.library / str(line.folder)).exists()
    remove(ledger, other)
    assert not (ledger.library / str(other.folder)).parent.parent.exists()


def test_what_is_current_is_looked_up_by_indices(ledger: Ledger) -> None:
    with contextlib.closing(ledger.catalog()):
        pass
    with contextlib.closing(sqlite3.connect(ledger.index)) as db:
        plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN SELECT key FROM live")]
    after = plan[plan.index("RECURSIVE STEP") :]
    assert [each for each in after if each.startswith("SEARCH")] == [
        "SEARCH a USING INDEX artifacts_by_key (key=?)",
        "SEARCH c USING INDEX current_by_unit (unit=?)",
    ]


def manifest(folder: Path) -> bytes:
    """The manifest of a prune, written at a fixed time with fixed salts."""
    machine = MachineRecord(id=ID_KEY.machine("host"), system="Linux", processor="x86_64", cores=2, memory=1 << 30)
    common = {"version": "0.1.0", "machine": machine, "started": "2026-01-02T03:04:05.678Z", "salt": f"{0:032x}"}
    journal = Journal.create(folder, JOB, ActLine(job=JOB, act="prune", **common))  # type: ignore[arg-type]
    journal.append([DroppedLine(why="superseded", keys=KEYS, results=6, bytes=1234, salt=f"{1:032x}")])
    with (
        mock.patch("librarian.manifest.journal.now", lambda: "2026-01-02T03:04:06.789Z"),
        mock.patch("librarian.manifest.journal.new_salt", lambda: f"{2:032x}"),
    ):
        journal.seal("complete")
    return journal.path.read_bytes()


def test_the_manifest_of_a_prune_is_written_byte_for_byte_as_it_was(tmp_path: Path) -> None:
    assert manifest(tmp_path) == GOLDEN.read_bytes()


def test_one_that_was_written_before_can_be_read(tmp_path: Path) -> None:
    text = GOLDEN.read_bytes()
    (tmp_path / f"{JOB}.jsonl").write_bytes(text)
    assert not any(entry.damaged for entry in entries(tmp_path / f"{JOB}.jsonl"))
    bodies = [Line.model_validate_json(line).body for line in text.splitlines()]
    assert [body and body.type for body in bodies] == ["act", "dropped", "seal"]
    with contextlib.closing(Catalog(tmp_path / "catalog.db", tmp_path, owned=True)) as catalog:
        assert catalog.dropped_keys() == []  # of what no line says that it was made
        assert catalog.dropped_in(KEYS[0]) is None


def test_failures_and_cached_lines_leave_a_drop_as_it_is(ledger: Ledger) -> None:
    line = made(ledger, 0)
    ledger.write(line, dropped(KEYS[0]), outcome(recording(0), "failed"))
    ledger.write(outcome(recording(0), "cached", folder=line.folder))
    with contextlib.closing(ledger.catalog()) as catalog:
        found = catalog.made(KEYS[0])
        assert found is not None and found.dropped


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        GOLDEN.write_bytes(manifest(Path(place)))
