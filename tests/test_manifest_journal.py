"""Manifests: appended whole or not at all, chained, sealed, and mended after a crash."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger import Ledger, largest_file, outcome, recording

from librarian.keys import canonical
from librarian.manifest import journal
from librarian.manifest.chain import NO_LINE
from librarian.manifest.journal import entries, last_entry, manifests, new_job_id, recover


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def some(number: int, first: int = 0) -> list[Any]:
    """Outcome lines."""
    return [outcome(recording(each)) for each in range(first, first + number)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def bodies(path: Path) -> list[str]:
    return [line["body"]["type"] for line in lines(path)]


def sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def assert_whole(folder: Path) -> None:
    """Every line is what was written, and follows the one before, as design.md has it; every manifest has its seal."""
    prev = NO_LINE
    for path in manifests(folder):
        found = lines(path)
        assert path.read_bytes() == b"".join(canonical(line) + b"\n" for line in found)
        for seq, line in enumerate(found):
            assert (line["seq"], line["prev"], line["digest"]) == (seq, prev, sha256(line["body"]))
            prev = sha256([line["seq"], line["prev"], line["digest"]])
        assert [line["body"]["type"] for line in found].index("seal") == len(found) - 1
        assert found[-1]["body"]["outcomes"] == bodies(path).count("outcome")


def rewritten(raw: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A line with something changed, in canonical form again."""
    line = json.loads(raw)
    change(line)
    return canonical(line) + b"\n"


class TestChain:
    def test_every_line_follows_the_one_before_across_manifests(self, ledger: Ledger) -> None:
        for number in range(4):
            ledger.write(*some(number), seal="interrupted" if number == 2 else "complete")
        assert len(manifests(ledger.manifests)) == 4
        assert_whole(ledger.manifests)

    def test_lines_written_together_are_lines_written_one_by_one(self, ledger: Ledger) -> None:
        group = some(5)
        at_once, singly = Ledger(ledger.library / "a"), Ledger(ledger.library / "b")
        one = at_once.begin()
        one.append(group)
        other = singly.begin()
        for each in group:
            other.append([each])
        assert [line["body"] for line in lines(one.path)][1:] == [line["body"] for line in lines(other.path)][1:]
        for each in (one, other):
            each.seal("complete")
        assert_whole(at_once.manifests)
        assert_whole(singly.manifests)

    def test_no_two_bodies_have_one_digest(self, ledger: Ledger) -> None:
        same = recording(1)
        path = ledger.write(*(outcome(same) for _ in range(20)))
        digests = [line["digest"] for line in lines(path)]
        assert len(set(digests)) == len(digests)
        assert all(len(bytes.fromhex(line["body"]["salt"])) == 16 for line in lines(path))

    def test_a_body_that_was_emptied_leaves_the_chain_as_it_was(self, ledger: Ledger) -> None:
        path = ledger.write(*some(3))
        before = list(entries(path))
        raw = path.read_bytes().splitlines(keepends=True)
        raw[2] = rewritten(raw[2], lambda line: line.update(body=None))
        path.write_bytes(b"".join(raw))
        after = list(entries(path))
        assert [each.link for each in after] == [each.link for each in before]
        assert (after[2].body, after[2].damaged, after[2].type) == (None, False, "")

    def test_only_the_owner_can_read_it(self, ledger: Ledger) -> None:
        assert ledger.write().stat().st_mode & 0o777 == 0o600


class TestReading:
    def test_from_the_middle_on(self, ledger: Ledger) -> None:
        path = ledger.write(*some(3))
        everything = list(entries(path))
        assert [each.seq for each in everything] == list(range(6))
        assert everything[-1].end == path.stat().st_size
        for number, each in enumerate(everything):
            assert list(entries(path, each.end, each.seq + 1)) == everything[number + 1 :]

    def test_a_line_is_what_was_written_or_damaged(self, ledger: Ledger) -> None:
        path = ledger.write(*some(1))
        raw = path.read_bytes().splitlines(keepends=True)
        changes: list[Callable[[dict[str, Any]], None]] = [
            lambda line: line.update(more=1),
            lambda line: line.update(seq=1.0),
            lambda line: line.update(seq=True),
            lambda line: line.update(seq=2),
            lambda line: line.pop("prev"),
            lambda line: line.update(body={}),
            lambda line: line.update(body=[]),
            lambda line: line["body"].update(step="other"),
            lambda line: line.update(body={"type": 5}, digest=sha256({"type": 5})),
        ]
        damaged = [rewritten(raw[1], change) for change in changes]
        spaced = json.dumps(json.loads(raw[1]), sort_keys=True).encode() + b"\n"
        for each in (*damaged, spaced, b"\n", b"{\n", b"[]\n", b"null\n", b"\xff\n", b"[" * 100_000 + b"\n"):
            path.write_bytes(raw[0] + each + raw[2])
            found = list(entries(path))
            assert [entry.damaged for entry in found] == [False, True, False], each[:80]
            assert (found[1].body, found[1].type, found[1].torn) == (None, "", False)

    @pytest.mark.parametrize("size", [1, 1 << 15, 1 << 17])
    def test_the_last_line_however_long_it_is(self, ledger: Ledger, size: int) -> None:
        begun = ledger.begin()
        long = {f"s{number}": f"text:{'a' * 52}" for number in range(size // 60)}
        begun.append([outcome(recording(1), key_of={"settings": long})])
        assert last_entry(begun.path) == list(entries(begun.path))[-1]
        begun.seal("complete")
        assert last_entry(begun.path) == list(entries(begun.path))[-1]

    @pytest.mark.parametrize("ending", [b"{", b"x\n", b"\n", b"\x00" * 100])
    def test_the_last_line_where_it_is_damaged(self, ledger: Ledger, ending: bytes) -> None:
        path = ledger.write(*some(2))
        path.write_bytes(path.read_bytes() + ending)
        last = last_entry(path)
        assert last == list(entries(path))[-1]
        assert last.damaged

    def test_other_files_in_the_folder_are_no_manifests(self, ledger: Ledger) -> None:
        path = ledger.write(*some(1))
        for name in ("job_zzz.jsonl", f"{path.stem} copy.jsonl", f"{path.stem.upper()}.jsonl", "notes.txt"):
            shutil.copy(path, path.with_name(name))
        assert manifests(ledger.manifests) == [path]
        assert recover(ledger.manifests) == []
        ledger.write()
        assert_whole(ledger.manifests)


class TestAppending:
    def test_where_the_disk_is_full_nothing_of_the_lines_stays(self, ledger: Ledger) -> None:
        begun = ledger.begin()
        begun.append(some(2))
        before = begun.path.read_bytes()
        size = len(before)
        for more in range(0, 3000, 130):
            with largest_file(size + more), pytest.raises(OSError, match="File too large"):
                begun.append(some(4, first=10))
            assert begun.path.read_bytes() == before
        begun.append(some(2, first=20))
        begun.seal("complete")
        assert_whole(ledger.manifests)
        assert bodies(begun.path).count("outcome") == 4

    def test_a_write_that_takes_little_at_a_time_is_gone_on_with(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = os.write
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", lambda handle, data: write(handle, data[:7]))
            ledger.write(*some(2))
        assert_whole(ledger.manifests)

    @pytest.mark.parametrize("call", ["write", "fsync"])
    def test_where_the_disk_fails_all_goes_that_was_written_since_it_was_durable(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        begun = ledger.begin()
        begun.append(some(2))
        before = begun.path.read_bytes()
        written = [*begun.write(some(2, first=10)), *begun.write(some(1, first=20))]
        assert [begun.path.read_bytes()[each.start : each.end].count(b"\n") for each in written] == [1, 1, 1]
        with monkeypatch.context() as broken:
            broken.setattr(os, call, lambda *given: os.stat("/nowhere"))
            with pytest.raises(OSError, match="manifests"):
                begun.write(some(1, first=30)) if call == "write" else begun.sync()
        assert begun.path.read_bytes() == before
        begun.write(some(1, first=40))
        begun.write(some(1, first=50))
        begun.sync()
        begun.seal("complete")
        assert_whole(ledger.manifests)
        assert bodies(begun.path).count("outcome") == 4

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
    @pytest.mark.parametrize("call", ["write", "fsync"])
    def test_where_any_call_fails_nothing_of_the_lines_stays(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, call: str, number: int
    ) -> None:
        begun = ledger.begin()
        before = begun.path.read_bytes()
        write, sync = os.write, os.fsync
        left = 0

        def failing(name: str, real: Callable[[], Any]) -> Any:
            nonlocal left
            left -= name == call
            if left < 0:
                raise OSError(number, os.strerror(number))
            return real()

        monkeypatch.setattr(os, "write", lambda handle, data: failing("write", lambda: write(handle, data[:500])))
        monkeypatch.setattr(os, "fsync", lambda handle: failing("fsync", lambda: sync(handle)))
        for at in range(100):
            left = at
            try:
                begun.append(some(2))
            except OSError as error:
                assert error.errno == number
                assert begun.path.read_bytes() == before
            else:
                break
        assert at > 0
        left = 1000
        begun.seal("complete")
        assert_whole(ledger.manifests)
        assert bodies(begun.path) == ["job", "outcome", "outcome", "seal"]

    def test_a_manifest_whose_first_line_could_not_be_written_does_no_harm(self, ledger: Ledger) -> None:
        ledger.write(*some(1))
        with largest_file(10), pytest.raises(OSError, match="File too large"):
            ledger.begin()
        recover(ledger.manifests)
        ledger.write(*some(1))
        assert len(manifests(ledger.manifests)) == 2
        assert_whole(ledger.manifests)


class TestMending:
    def crashed(self, ledger: Ledger, *more: Any) -> Path:
        """A manifest without a seal."""
        begun = ledger.begin()
        begun.append(more)
        begun.close()
        return begun.path

    def test_what_is_whole_is_left_alone(self, ledger: Ledger) -> None:
        ledger.write(*some(1))
        path = ledger.write(*some(2))
        before = path.read_bytes(), path.stat().st_mtime_ns
        assert recover(ledger.manifests) == []
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before

    def test_there_is_nothing(self, ledger: Ledger) -> None:
        assert recover(ledger.manifests) == []

    def test_one_that_was_left_open_is_sealed_as_interrupted(self, ledger: Ledger) -> None:
        path = self.crashed(ledger, *some(3))
        before = path.read_bytes()
        assert recover(ledger.manifests) == [f"{path.stem}: was interrupted; it has been sealed"]
        assert path.read_bytes().startswith(before)
        assert lines(path)[-1]["body"] | {"salt": "", "ended": ""} == {
            **{"type": "seal", "state": "interrupted", "outcomes": 3, "salt": "", "ended": ""}
        }
        assert recover(ledger.manifests) == []
        assert_whole(ledger.manifests)

    @pytest.mark.parametrize("content", [b"", b"{", b'{"body":'])
    def test_one_without_any_line_is_removed(self, ledger: Ledger, content: bytes) -> None:
        ledger.write(*some(1))
        path = ledger.manifests / f"{new_job_id(ledger.manifests)}.jsonl"
        path.write_bytes(content)
        assert recover(ledger.manifests) == [f"{path.stem}: had no line yet; it has been removed"]
        assert not path.exists()
        ledger.write()
        assert_whole(ledger.manifests)

    @pytest.mark.parametrize("sealed", [True, False])
    def test_a_line_that_is_torn_at_any_byte_is_cut_and_what_came_before_it_stays(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, sealed: bool
    ) -> None:
        monkeypatch.setattr(os, "fsync", lambda handle: None)  # 1,500 times
        ledger.write(*some(1))
        path = ledger.write(*some(2)) if sealed else self.crashed(ledger, *some(3))
        whole = path.read_bytes()
        ends = [each.end for each in entries(path)]
        for size in range(ends[-3], len(whole)):
            path.write_bytes(whole[:size])
            said = recover(ledger.manifests)
            kept = max(end for end in ends if end <= size)
            assert path.read_bytes()[:kept] == whole[:kept]
            assert_whole(ledger.manifests)
            assert lines(path)[-1]["body"]["state"] == "interrupted"
            torn = [f"{path.stem}: the last line was torn; it has been cut"] if kept < size else []
            assert said == [*torn, f"{path.stem}: was interrupted; it has been sealed"]
        path.write_bytes(whole)
        ledger.write()

    def test_what_a_crash_left_after_the_seal_is_cut(self, ledger: Ledger) -> None:
        path = ledger.write(*some(1))
        whole = path.read_bytes()
        path.write_bytes(whole + b'{"body":{"act"')
        assert recover(ledger.manifests) == [f"{path.stem}: the last line was torn; it has been cut"]
        assert path.read_bytes() == whole

    def test_a_tail_of_zeros_is_cut(self, ledger: Ledger) -> None:
        path = self.crashed(ledger, *some(2))
        path.write_bytes(path.read_bytes() + b"\x00" * 5000)
        recover(ledger.manifests)
        assert_whole(ledger.manifests)

    @pytest.mark.parametrize("at", [0, 1, 2, 3])
    def test_a_line_that_is_damaged_in_the_middle_stays_for_verify_to_find(self, ledger: Ledger, at: int) -> None:
        path = self.crashed(ledger, *some(3))
        raw = path.read_bytes().splitlines(keepends=True)
        raw[at] = raw[at].replace(b'"salt":"', b'"salt":"f', 1)
        damaged = b"".join(raw)
        path.write_bytes(damaged)
        assert recover(ledger.manifests) == [f"{path.stem}: was interrupted; it has been sealed"]
        assert path.read_bytes().startswith(damaged)
        assert [each.damaged for each in entries(path)] == [each == at for each in range(5)]
        following = lines(ledger.write())
        assert following[0]["prev"] == list(entries(path))[-1].link

    def test_only_the_newest_can_have_been_left_open(self, ledger: Ledger) -> None:
        older = self.crashed(ledger, *some(1))
        ledger.write()
        before = older.read_bytes()
        assert recover(ledger.manifests) == []
        assert older.read_bytes() == before


class TestJobIds:
    def test_they_grow_although_the_clock_goes_back(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        made = []
        for moment in (1_800_000_000.0, 1_700_000_000.0, 1_800_000_000.0, 0.001, 1_900_000_000.0, 1_899_999_999.999):
            monkeypatch.setattr(time, "time", lambda moment=moment: moment)
            made.append(ledger.write(*some(1)).stem)
        assert made == sorted(made)
        assert len(set(made)) == len(made)
        assert [path.stem for path in manifests(ledger.manifests)] == made
        assert_whole(ledger.manifests)

    def test_they_grow_within_one_tick(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
        made = [ledger.begin().path.stem for _ in range(20)]
        assert made == sorted(set(made))

    def test_they_are_ulids_of_the_time(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
        made = new_job_id(ledger.manifests)
        assert journal._NAME.fullmatch(f"{made}.jsonl")
        digits = "0123456789abcdefghjkmnpqrstvwxyz"
        milliseconds = 0
        for char in made.removeprefix("job_")[:10]:
            milliseconds = milliseconds * 32 + digits.index(char)
        assert milliseconds == 1_800_000_000_000
