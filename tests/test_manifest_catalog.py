"""The catalog: always what the manifests say, however it got there, and made anew where it is not."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, Ledger, document, largest_file, outcome, recording

from librarian.manifest import index as indexes
from librarian.manifest import index_file
from librarian.manifest.catalog import Catalog, Current
from librarian.manifest.journal import manifests, recover

TABLES = ("manifests", "jobs", "made", "artifacts", "consumed", "current", "speeds")
OPEN = """
import sys
from pathlib import Path
from librarian.manifest.catalog import Catalog
sys.stdin.read(1)
catalog = Catalog(Path(sys.argv[1]), Path(sys.argv[2]), owned=False)
print(len(list(catalog.artifacts())))
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of an index."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return {table: sorted(db.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def anew(ledger: Ledger, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of an index that is made from nothing."""
    path = folder / "anew.db"
    path.unlink(missing_ok=True)
    Catalog(path, ledger.manifests, owned=True).close()
    return dump(path)


def artifacts(catalog: Catalog) -> list[Any]:
    found = list(catalog.artifacts())
    catalog.close()
    return found


def key(unit: str, **changes: Any) -> str:
    return ID_KEY.task(document(unit, **changes))


def history(ledger: Ledger, chance: random.Random) -> Iterator[Any]:
    """Outcome lines as they come: things made, made again, failed, found elsewhere."""
    for _ in range(30):
        unit, target = recording(chance.randrange(4)), chance.choice([-16.0, -20.0])
        made = document(unit, target=target)
        word = chance.choice(["done", "done", "degraded", "failed", "skipped", "cached"])
        step = chance.choice(["voice", "other"])
        if word in ("done", "degraded"):
            content = {"audio.flac": chance.randbytes(9), "report.json": b"{}"}
            yield ledger.done(unit, content, key_of=made).model_copy(update={"outcome": word, "step": step})
        else:
            yield outcome(unit, word, step=step, key_of=made)


class TestCatchingUp:
    @pytest.mark.parametrize("seed", range(5))
    def test_what_grew_line_by_line_is_what_is_made_from_nothing(
        self, ledger: Ledger, tmp_path: Path, seed: int
    ) -> None:
        chance = random.Random(seed)
        catalog = ledger.catalog()
        begun = ledger.begin()
        for line in history(ledger, chance):
            begun.append([line])
            if chance.random() < 0.3:
                catalog.follow(begun.path.stem)
            if chance.random() < 0.2:
                begun.seal("complete")
                catalog.follow(begun.path.stem)
                begun = ledger.begin()
            if chance.random() < 0.2:
                catalog.close()
                catalog = ledger.catalog(owned=chance.random() < 0.5)
        catalog.close()
        catalog = ledger.catalog()
        catalog.close()
        assert dump(ledger.index) == anew(ledger, tmp_path)
        assert len(dump(ledger.index)["current"]) > 4

    def test_nothing_new_is_nothing_written(self, ledger: Ledger) -> None:
        ledger.write(ledger.done(recording(1), {"audio.flac": b"1"}))
        ledger.catalog().close()
        before = ledger.index.read_bytes()
        for owned in (True, False):
            ledger.catalog(owned=owned).close()
        assert ledger.index.read_bytes() == before

    def test_a_torn_line_counts_when_it_is_whole(self, ledger: Ledger) -> None:
        path = ledger.write(ledger.done(recording(1), {"audio.flac": b"1"}))
        whole = path.read_bytes()
        end = whole.index(b"\n", whole.index(b"\n") + 1)
        for size in (end - 1, end):
            path.write_bytes(whole[:size])
            assert artifacts(ledger.catalog()) == []
        path.write_bytes(whole[: end + 1])
        assert len(artifacts(ledger.catalog())) == 1

    def test_a_damaged_line_says_nothing_and_the_next_ones_do(self, ledger: Ledger, tmp_path: Path) -> None:
        one, two = (ledger.done(recording(number), {"audio.flac": b"1"}) for number in (1, 2))
        path = ledger.write(one, two)
        path.write_bytes(path.read_bytes().replace(b'"outcome":"done"', b'"outcome":"dome"', 1))
        found = artifacts(ledger.catalog())
        assert [each.id for each in found] == [two.produced[0].id]
        assert dump(ledger.index) == anew(ledger, tmp_path)

    def test_an_emptied_line_says_nothing(self, ledger: Ledger) -> None:
        path = ledger.write(ledger.done(recording(1), {"audio.flac": b"1"}))
        raw = path.read_bytes().splitlines(keepends=True)
        body = raw[1][: raw[1].index(b',"digest"')]
        path.write_bytes(b"".join([raw[0], raw[1].replace(body, b'{"body":null'), *raw[2:]]))
        assert artifacts(ledger.catalog()) == []


class TestMadeAnew:
    def rebuilt(self, ledger: Ledger, folder: Path) -> None:
        ledger.catalog().close()
        assert dump(ledger.index) == anew(ledger, folder)

    @pytest.fixture
    def filled(self, ledger: Ledger) -> Ledger:
        for first in (0, 40):
            ledger.write(*(ledger.done(recording(first + number), {"audio.flac": b"1"}) for number in range(40)))
        ledger.catalog().close()
        return ledger

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda data: b"", id="empty"),
            pytest.param(lambda data: b"no database" * 1000, id="no database"),
            pytest.param(lambda data: data[:100], id="header only"),
            pytest.param(lambda data: data[: len(data) // 2], id="half"),
            pytest.param(lambda data: bytes(len(data)), id="zeros"),
            pytest.param(lambda data: data[:96] + bytes(4) + data[100:], id="no version"),
            *(
                pytest.param(lambda data, at=at: data[:at] + b"\xff" * 64 + data[at + 64 :], id=f"page {at >> 12}")
                for at in range(4096, 4096 * 20, 4096)
            ),
        ],
    )
    def test_where_it_is_damaged(self, filled: Ledger, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
        expected = artifacts(filled.catalog())
        filled.index.write_bytes(damage(filled.index.read_bytes()))
        assert artifacts(filled.catalog(owned=False)) == expected
        self.rebuilt(filled, tmp_path)
        assert filled.index.stat().st_mode & 0o777 == 0o600

    def test_a_reader_does_not_touch_a_damaged_one(self, filled: Ledger) -> None:
        filled.index.write_bytes(b"no database" * 1000)
        before = filled.index.read_bytes()
        assert len(artifacts(filled.catalog(owned=False))) == 80
        assert filled.index.read_bytes() == before

    def test_where_it_is_of_another_version(self, filled: Ledger, tmp_path: Path) -> None:
        with contextlib.closing(sqlite3.connect(filled.index)) as db:
            db.execute("PRAGMA user_version = 99")
        assert len(artifacts(filled.catalog(owned=False))) == 80
        self.rebuilt(filled, tmp_path)

    def test_where_it_is_gone(self, filled: Ledger, tmp_path: Path) -> None:
        filled.index.unlink()
        self.rebuilt(filled, tmp_path)

    def test_where_a_manifest_is_gone(self, filled: Ledger, tmp_path: Path) -> None:
        manifests(filled.manifests)[0].unlink()
        assert len(artifacts(filled.catalog())) == 40
        self.rebuilt(filled, tmp_path)

    @pytest.mark.parametrize("size", [0, 100, 10_000])
    def test_where_a_manifest_is_shorter(self, filled: Ledger, tmp_path: Path, size: int) -> None:
        path = manifests(filled.manifests)[0]
        path.write_bytes(path.read_bytes()[:size])
        assert len(artifacts(filled.catalog())) < 80
        self.rebuilt(filled, tmp_path)

    def test_where_a_manifest_is_another_and_longer_one(self, ledger: Ledger, tmp_path: Path) -> None:
        first = ledger.write(*(ledger.done(recording(number), {"audio.flac": b"1"}) for number in range(2)))
        ledger.catalog().close()
        other = Ledger(tmp_path / "other")
        line = ledger.done(recording(9), {"audio.flac": b"1"})
        longer = other.write(*(ledger.done(recording(number), {"audio.flac": b"1"}) for number in range(2, 8)), line)
        shutil.copy(longer, first)
        assert len(artifacts(ledger.catalog())) == 7
        self.rebuilt(ledger, tmp_path)

    def test_where_lines_that_were_seen_were_cut_and_others_came(self, ledger: Ledger, tmp_path: Path) -> None:
        begun = ledger.begin()
        begun.append([ledger.done(recording(1), {"audio.flac": b"1"})])
        ledger.catalog().close()
        whole = begun.path.read_bytes()
        begun.path.write_bytes(whole[: whole.index(b"\n") + 1])
        recover(ledger.manifests)
        ledger.write(*(ledger.done(recording(number), {"audio.flac": b"1"}) for number in (2, 3)))
        path = manifests(ledger.manifests)[0]
        path.write_bytes(path.read_bytes() + b" " * len(whole) + b"\n")  # as long as it was, and longer
        assert len(artifacts(ledger.catalog())) == 2
        self.rebuilt(ledger, tmp_path)

    def test_a_full_disk_is_said_and_does_not_go_round_in_circles(self, ledger: Ledger) -> None:
        ledger.write(ledger.done(recording(1), {"audio.flac": b"1"}))
        with largest_file(1000), pytest.raises(sqlite3.OperationalError):
            ledger.catalog()
        assert len(artifacts(ledger.catalog())) == 1


class TestCurrent:
    def current(self, ledger: Ledger, unit: str, step: str = "voice") -> Current | None:
        with contextlib.closing(ledger.catalog()) as catalog:
            return catalog.current("calls", step, unit)

    def test_nothing_was_said(self, ledger: Ledger) -> None:
        ledger.write(outcome(recording(1)))
        assert self.current(ledger, recording(2)) is None
        assert self.current(ledger, recording(1), "other") is None

    def test_the_last_line_says_it(self, ledger: Ledger) -> None:
        unit = recording(1)
        one, two = document(unit), document(unit, target=-20.0)
        for word, made, reason, good in [
            ("done", one, "", True),
            ("failed", two, "corrupt", False),
            ("skipped", two, "corrupt", False),
            ("degraded", two, "", True),
            ("cached", one, "", True),
        ]:
            job = ledger.write(outcome(unit, word, key_of=made)).stem
            found = self.current(ledger, unit)
            assert found == Current(word, ID_KEY.task(made), made, ("target",), reason, job)
            assert found.good is good

    def test_how_it_was_made_is_not_taken_from_a_line_that_is_not_what_was_written(self, ledger: Ledger) -> None:
        unit = recording(1)
        path = ledger.write(outcome(unit))
        ledger.catalog().close()
        path.write_bytes(path.read_bytes().replace(b'"target":-16.0', b'"target":-17.0'))
        assert self.current(ledger, unit) == Current("done", key(unit), None, (), "", path.stem)

    def test_within_a_manifest_too(self, ledger: Ledger) -> None:
        unit = recording(1)
        job = ledger.write(outcome(unit, "failed"), outcome(unit), outcome(unit, step="other")).stem
        assert self.current(ledger, unit) == Current("done", key(unit), document(unit), ("target",), "", job)

    def test_job_step_and_unit_are_apart(self, ledger: Ledger) -> None:
        unit = recording(1)
        ledger.write(
            outcome(unit),
            outcome(unit, "failed", step="other"),
            outcome(recording(2), "failed"),
            outcome(unit, "failed", job_name="others"),
        )
        found = self.current(ledger, unit)
        assert found is not None and found.good

    def test_a_task_without_a_key(self, ledger: Ledger) -> None:
        unit = ID_KEY.unreadable(b"/a")
        job = ledger.write(outcome(unit, "failed", key=None, document=None)).stem
        assert self.current(ledger, unit) == Current("failed", "", None, ("target",), "corrupt", job)


class TestMade:
    def test_what_was_made_is_known_by_key_and_id(self, ledger: Ledger) -> None:
        unit = recording(1)
        line = ledger.done(unit, {"audio.flac": b"sound", "report.json": b"{}"})
        ledger.write(line)
        with contextlib.closing(ledger.catalog()) as catalog:
            made = catalog.made(key(unit))
            assert made is not None
            assert (made.key, made.folder) == (key(unit), line.folder)
            for found, said in zip(made.artifacts, line.produced, strict=True):
                assert found == catalog.artifact(said.id)
                same = ("id", "output", "item", "kind", "bytes", "digest", "private", "facts")
                assert all(getattr(found, name) == getattr(said, name) for name in same)
                assert (ledger.library / found.file).stat().st_size == found.bytes
                assert not found.suspect
            assert catalog.folders() == {line.folder}
            assert catalog.made(key(recording(2))) is None
            with pytest.raises(KeyError):
                catalog.artifact(ID_KEY.artifact(key(unit), "other"))

    def test_what_is_superseded_is_still_made(self, ledger: Ledger) -> None:
        unit = recording(1)
        old, new = document(unit), document(unit, target=-20.0)
        ledger.write(ledger.done(unit, {"audio.flac": b"1"}, key_of=old))
        ledger.write(ledger.done(unit, {"audio.flac": b"2"}, key_of=new))
        ledger.write(outcome(unit, "failed", key_of=new))
        with contextlib.closing(ledger.catalog()) as catalog:
            assert all(catalog.made(ID_KEY.task(each)) for each in (old, new))

    @pytest.mark.parametrize("word", ["failed", "skipped", "cached"])
    def test_what_left_nothing_is_not_made(self, ledger: Ledger, word: str) -> None:
        ledger.write(outcome(recording(1), word))
        with contextlib.closing(ledger.catalog()) as catalog:
            assert catalog.made(key(recording(1))) is None

    def test_what_was_made_again_is_known_by_what_it_is_now(self, ledger: Ledger) -> None:
        unit = recording(1)
        first = ledger.write(ledger.done(unit, {"audio.flac": b"first", "clip.flac": b"1"}))
        second = ledger.write(ledger.done(unit, {"audio.flac": b"second"}))
        with contextlib.closing(ledger.catalog()) as catalog:
            (found,) = catalog.artifacts()
            assert found.bytes == len(b"second")
            assert catalog.made_by(second.stem, str(Path(found.file).parent))
            assert not catalog.made_by(first.stem, str(Path(found.file).parent))

    def test_what_many_made_of_one_output(self, ledger: Ledger) -> None:
        unit = recording(1)
        line = ledger.done(unit, {"audio.flac": b"1"})
        (one,) = line.produced
        items = [
            one.model_copy(
                update={
                    "item": number,
                    "id": ID_KEY.artifact(key(unit), "audio", number),
                    "file": f"{unit}.normalize.audio.{number:04d}.flac",
                }
            )
            for number in range(1, 13)
        ]
        ledger.write(line.model_copy(update={"produced": items[::-1]}))
        with contextlib.closing(ledger.catalog()) as catalog:
            made = catalog.made(key(unit))
            assert made is not None
            assert [each.item for each in made.artifacts] == list(range(1, 13))


class TestSuspects:
    def test_they_are_noted_and_gone_when_they_are_made_again(self, ledger: Ledger) -> None:
        unit = recording(1)
        line = ledger.done(unit, {"audio.flac": b"1", "report.json": b"{}"})
        ledger.write(line)
        catalog = ledger.catalog(owned=False)
        catalog.suspect([line.produced[0].id])
        catalog.close()
        assert [each.suspect for each in artifacts(ledger.catalog())] == [True, False]
        ledger.write(outcome(unit, "failed"))
        assert [each.suspect for each in artifacts(ledger.catalog())] == [True, False]
        ledger.write(ledger.done(unit, {"audio.flac": b"1", "report.json": b"{}"}))
        assert [each.suspect for each in artifacts(ledger.catalog())] == [False, False]

    def test_what_a_damaged_line_told_of(self, ledger: Ledger) -> None:
        one, two = (ledger.done(recording(number), {"audio.flac": b"1"}) for number in (1, 2))
        path = ledger.write(one, two)
        catalog = ledger.catalog()
        catalog.suspect_line(path.stem, 2)
        assert [each.id for each in catalog.artifacts() if each.suspect] == [two.produced[0].id]
        catalog.suspect_line(path.stem, 0)
        catalog.suspect_line("job_other", 1)
        assert not catalog.artifact(one.produced[0].id).suspect
        catalog.close()


class TestAtOnce:
    def test_a_reader_works_with_what_there_is_while_the_writer_is_busy(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(index_file, "READER_PATIENCE", 0.0)
        ledger.write(ledger.done(recording(1), {"audio.flac": b"1"}))
        ledger.catalog().close()
        ledger.write(ledger.done(recording(2), {"audio.flac": b"1"}))
        writer = sqlite3.connect(ledger.index)
        writer.execute("BEGIN IMMEDIATE")
        assert len(artifacts(ledger.catalog(owned=False))) == 1
        writer.rollback()
        writer.close()
        assert len(artifacts(ledger.catalog(owned=False))) == 2

    def test_a_reader_in_the_middle_of_its_list_does_not_hold_up_the_writer(self, ledger: Ledger) -> None:
        ledger.write(*(ledger.done(recording(number), {"audio.flac": b"1"}) for number in range(3)))
        writer, reader = ledger.catalog(), ledger.catalog(owned=False)
        listed = reader.artifacts()
        next(listed)
        path = ledger.write(ledger.done(recording(9), {"audio.flac": b"1"}))
        writer.follow(path.stem)
        assert writer.made(key(recording(9)))
        assert len(list(listed)) == 2
        assert len(list(reader.artifacts())) == 4
        writer.close()
        reader.close()

    def test_one_that_is_late_does_not_take_the_others_back(
        self, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(index_file, "WRITER_PATIENCE", 0.0)
        unit = recording(1)
        begun = ledger.begin()
        writer = ledger.catalog()
        begun.append([outcome(unit, "failed")])
        real = indexes.entries
        held_up: list[bool] = []

        def late(*places: Any) -> Iterator[Any]:
            lines = list(real(*places))
            if not held_up:
                begun.append([outcome(unit)])
                try:
                    held_up.append(False)
                    writer.follow(begun.path.stem)
                except sqlite3.OperationalError:
                    held_up[0] = True
            return iter(lines)

        monkeypatch.setattr(indexes, "entries", late)
        ledger.catalog(owned=False).close()
        if held_up == [True]:
            writer.follow(begun.path.stem)
        found = writer.current("calls", "voice", unit)
        assert found is not None and found.good
        writer.close()
        self.again(ledger, tmp_path)

    def test_a_manifest_that_comes_meanwhile_is_no_reason_to_begin_again(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ledger.write(outcome(recording(1)))
        writer = ledger.catalog()
        real = indexes.manifests
        late: list[str] = []

        def meanwhile(folder: Path) -> list[Path]:
            found = real(folder)
            if not late:
                late.append(ledger.write(outcome(recording(2))).stem)
                writer.follow(late[0])
            return found

        with monkeypatch.context() as patched:
            patched.setattr(indexes, "manifests", meanwhile)
            patched.setattr(Catalog, "_rebuild", lambda catalog: pytest.fail("made anew"))
            ledger.catalog(owned=False).close()
        assert writer.current("calls", "voice", recording(2))
        writer.close()

    def again(self, ledger: Ledger, tmp_path: Path) -> None:
        ledger.catalog().close()
        assert dump(ledger.index) == anew(ledger, tmp_path)

    def test_two_that_find_none_work_on_one(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        ledger.write(ledger.done(recording(1), {"audio.flac": b"1"}))
        real = index_file.with_tables
        others: list[Catalog] = []

        def meanwhile(db: sqlite3.Connection) -> sqlite3.Connection:
            if not others:
                monkeypatch.setattr(index_file, "with_tables", real)
                others.append(ledger.catalog(owned=False))
            return real(db)

        monkeypatch.setattr(index_file, "with_tables", meanwhile)
        writer = ledger.catalog()
        writer.follow(ledger.write(ledger.done(recording(2), {"audio.flac": b"1"})).stem)
        assert len(list(others[0].artifacts())) == 2
        writer.close()
        others[0].close()

    def test_many_that_find_none_make_one(self, ledger: Ledger, tmp_path: Path) -> None:
        ledger.write(*(ledger.done(recording(number), {"audio.flac": b"1"}) for number in range(5)))
        command = [sys.executable, "-c", OPEN, str(ledger.index), str(ledger.manifests)]
        each = [
            subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(6)
        ]
        for process in each:
            assert process.stdin is not None
            process.stdin.write("x")
            process.stdin.flush()
        assert [process.communicate() for process in each] == [("5\n", "")] * len(each)
        self.again(ledger, tmp_path)
