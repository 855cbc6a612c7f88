"""The library on disk: what a task wrote goes to its place whole, or not at all; what is not ours is left alone."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, plain_user, recording

from librarian import files
from librarian.files import hash_file, remove_tree
from librarian.manifest.store import LARGE, BadOutputError, Store, folder_of

UNIT = recording(1)
KEY = ID_KEY.task({"of": UNIT})
FINAL = folder_of(UNIT, "normalize", KEY)
SOUND = f"{UNIT}.normalize.audio.flac"
REPORT = f"{UNIT}.normalize.report.json"
JOB, EARLIER = "job_2", "job_1"


class Shelf(Store):
    """A store with a library around it."""

    def __init__(self, root: Path) -> None:
        self.library, self.staging = root / "library", root / "library" / ".staging"
        self.library.mkdir()
        super().__init__(self.library, self.staging)

    def write(self, files: dict[str, bytes], job: str = JOB) -> Path:
        """What a task wrote, in staging."""
        folder = Path(self.open_task(job, "worker-1", UNIT, "normalize", KEY))
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder

    def put(self, files: dict[str, bytes], *, job: str = JOB, committed: bool = False) -> bool:
        """The whole way of a task's files, up to its line."""
        folder = self.write(files, job)
        names = [each.file for each in self.seal_files(folder, list(files))]
        return self.settle(folder, FINAL, files=names, job=job, committed=committed)

    def holds(self) -> dict[str, bytes]:
        """Every file of the library, staging included."""
        found = (path for path in self.library.rglob("*") if path.is_file())
        return {path.relative_to(self.library).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


class TestSealing:
    def test_says_what_there_is_and_closes_it(self, shelf: Shelf) -> None:
        contents = {SOUND: b"sound" * 1000, REPORT: b""}
        folder = shelf.write(contents)
        stored = shelf.seal_files(folder, [REPORT, SOUND])
        assert [each.file for each in stored] == sorted(contents)
        for each in stored:
            content = contents[each.file]
            assert (each.bytes, each.sha256) == (len(content), hashlib.sha256(content).hexdigest())
            assert (folder / each.file).stat().st_mode & 0o777 == 0o400

    def test_all_of_it_may_be_as_much_as_the_task_may_write_and_no_more(self, shelf: Shelf) -> None:
        folder = shelf.write({SOUND: bytes(1 << 20), REPORT: bytes(1 << 20)})
        with pytest.raises(BadOutputError, match=r"more than its limit of 1\.5 MiB"):
            shelf.seal_files(folder, [SOUND, REPORT], 1.5 * 2**20)
        assert [each.bytes for each in shelf.seal_files(folder, [SOUND, REPORT], 2 << 20)] == [1 << 20, 1 << 20]

    @pytest.mark.skipif(sys.platform != "linux", reason="a call of Linux")
    def test_a_large_file_begins_to_go_to_the_disk(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        begun = []

        class Libc:
            @staticmethod
            def sync_file_range(handle: int, *rest: Any) -> int:
                begun.append(
                    (
                        Path(os.readlink(f"/proc/self/fd/{handle}")).name,
                        [int(getattr(each, "value", each)) for each in rest],
                    )
                )
                return -1  # who waits until it is durable would be told

        monkeypatch.setattr(files, "_libc", lambda: Libc)
        folder = shelf.write({SOUND: bytes(LARGE), REPORT: bytes(LARGE - 1)})
        assert [each.bytes for each in shelf.seal_files(folder, [REPORT, SOUND])] == [LARGE, LARGE - 1]
        assert begun == [(SOUND, [0, 0, 2])]

    def test_a_task_finds_an_empty_folder(self, shelf: Shelf) -> None:
        shelf.write({"left": b"over"})
        folder = shelf.write({})
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            pytest.param(lambda folder: (folder / "more").touch(), "1 files lie in its folder", id="more"),
            pytest.param(lambda folder: (folder / "more").mkdir(), "1 files lie in its folder", id="folder"),
            pytest.param(lambda folder: (folder / ".more").touch(), "1 files lie in its folder", id="hidden"),
            pytest.param(lambda folder: (folder / SOUND).unlink(), "is not there", id="gone"),
            pytest.param(lambda folder: replaced(folder, os.mkfifo), "no plain file", id="fifo"),
            pytest.param(lambda folder: replaced(folder, os.mkdir), "no plain file", id="folder of that name"),
            pytest.param(
                lambda folder: replaced(folder, lambda path: os.symlink(__file__, path)), "is a link", id="link"
            ),
            pytest.param(
                lambda folder: replaced(folder, lambda path: os.symlink("none", path)), "is a link", id="dangling"
            ),
            pytest.param(lambda folder: os.link(folder / SOUND, folder.parent / "second"), "is a link", id="hard link"),
            pytest.param(lambda folder: os.rename(folder, folder.parent / "moved"), "is gone", id="folder moved"),
            pytest.param(
                lambda folder: (os.rename(folder, folder.parent / "m"), folder.symlink_to(folder.parent / "m")),
                "is gone",
                id="folder a link",
            ),
            pytest.param(lambda folder: (remove_tree(folder), folder.touch()), "is gone", id="folder a file"),
        ],
    )
    def test_what_a_task_did_not_say_is_refused(self, shelf: Shelf, spoil: Callable[[Path], Any], reason: str) -> None:
        folder = shelf.write({SOUND: b"1", REPORT: b"2"})
        spoil(folder)
        before = hash_file(Path(__file__)), Path(__file__).stat().st_mode
        with pytest.raises(BadOutputError, match=reason):
            shelf.seal_files(folder, [SOUND, REPORT])
        assert (hash_file(Path(__file__)), Path(__file__).stat().st_mode) == before
        shelf.drop_task(folder)
        shelf.close_job(JOB)
        assert shelf.holds() == {}
        assert not shelf.staging.exists()

    def test_an_output_that_nobody_may_read_is_read(self) -> None:
        with plain_user() as root:
            shelf = Shelf(root)
            folder = shelf.write({SOUND: b"sound"})
            (folder / SOUND).chmod(0)
            folder.chmod(0)
            (stored,) = shelf.seal_files(folder, [SOUND])
            assert stored.bytes == 5
            assert shelf.settle(folder, FINAL, files=[SOUND], job=JOB, committed=False) is False

    def test_a_closed_folder_is_thrown_away_too(self) -> None:
        with plain_user() as root:
            shelf = Shelf(root)
            root.chmod(0o750)
            folder = shelf.write({SOUND: b"sound"})
            (folder / "closed" / "below").mkdir(parents=True)
            (folder / "closed" / "below" / "file").touch()
            (folder / "link").symlink_to(root)
            (folder / "closed" / "below").chmod(0)
            (folder / "closed").chmod(0o400)
            folder.chmod(0)
            before = root.stat().st_mode
            shelf.drop_task(folder)
            assert not folder.exists()
            assert root.stat().st_mode == before


def replaced(folder: Path, make: Callable[[str], Any]) -> None:
    (folder / SOUND).unlink()
    make(os.fspath(folder / SOUND))


def _unread(place: Path) -> tuple[int, ...]:
    """What is known of a place but for when it was looked at last, which whoever looks changes."""
    found = place.lstat()
    return found.st_mode, found.st_ino, found.st_nlink, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class TestSettling:
    def test_to_its_place(self, shelf: Shelf) -> None:
        assert shelf.put({SOUND: b"1", REPORT: b"2"}) is False
        shelf.close_job(JOB)
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"1", f"{FINAL}/{REPORT}": b"2"}
        assert not shelf.staging.exists()
        for folder in (shelf.library / FINAL, *(shelf.library / FINAL).parents[:2]):
            assert folder.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("debris", [{}, {SOUND: b"old"}, {SOUND: b"old", REPORT: b"old"}])
    def test_the_debris_of_a_crash_is_replaced(self, shelf: Shelf, debris: dict[str, bytes]) -> None:
        (shelf.library / FINAL).mkdir(parents=True)
        for name, content in debris.items():
            (shelf.library / FINAL / name).write_bytes(content)
        assert shelf.put({SOUND: b"1", REPORT: b"2"}) is True
        shelf.close_job(JOB)
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"1", f"{FINAL}/{REPORT}": b"2"}

    def test_so_are_more_and_fewer_items(self, shelf: Shelf) -> None:
        clips = [f"{UNIT}.normalize.clips.{number:04d}.flac" for number in (1, 2, 3, 12345)]
        (shelf.library / FINAL).mkdir(parents=True)
        for name in clips:
            (shelf.library / FINAL / name).write_bytes(b"old")
        shelf.put({clips[0]: b"new"})
        shelf.close_job(JOB)
        assert shelf.holds() == {f"{FINAL}/{clips[0]}": b"new"}

    @pytest.mark.parametrize("committed", [False, True])
    @pytest.mark.parametrize(
        "lay",
        [
            pytest.param(lambda place: (place.mkdir(), (place / "notes.txt").write_text("mine")), id="file"),
            pytest.param(lambda place: (place.mkdir(), (place / "more").mkdir()), id="folder"),
            pytest.param(lambda place: (place.mkdir(), (place / f"{SOUND}.bak").touch()), id="bak"),
            pytest.param(lambda place: place.write_text("mine"), id="a file in its place"),
            pytest.param(lambda place: place.symlink_to(place.parent), id="a link in its place"),
            pytest.param(lambda place: place.symlink_to("nowhere"), id="a dangling link in its place"),
        ],
    )
    def test_what_is_not_ours_is_left_alone_and_named(
        self, shelf: Shelf, lay: Callable[[Path], Any], committed: bool
    ) -> None:
        place = shelf.library / FINAL
        place.parent.mkdir(parents=True)
        lay(place)
        before = shelf.holds(), _unread(place)
        with pytest.raises(BadOutputError, match=f"library/{FINAL} holds files of unknown origin"):
            shelf.put({SOUND: b"1"}, committed=committed)
        shelf.close_job(JOB)
        assert (shelf.holds(), _unread(place)) == before

    def test_outputs_of_another_name_are_not_the_debris_of_this_task(self, shelf: Shelf) -> None:
        (shelf.library / FINAL).mkdir(parents=True)
        (shelf.library / FINAL / f"{UNIT}.normalize.other.flac").touch()
        with pytest.raises(BadOutputError, match="unknown origin"):
            shelf.put({SOUND: b"1"})

    def test_a_redo_puts_the_old_one_aside_until_its_line_is_written(self, shelf: Shelf) -> None:
        shelf.put({SOUND: b"old"}, job=EARLIER)
        shelf.close_job(EARLIER)
        assert shelf.put({SOUND: b"new"}, committed=True) is True
        aside = f".staging/{JOB}/{UNIT}.normalize-{KEY[:8]}.old"
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"new", f"{aside}/{SOUND}": b"old"}
        shelf.forget_old(shelf.staging / JOB / "worker-1" / f"{UNIT}.normalize-{KEY[:8]}", JOB)
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"new"}

    def test_a_redo_replaces_whatever_its_outputs_were_called(self, shelf: Shelf) -> None:
        shelf.put({f"{UNIT}.normalize.audio.wav": b"old", f"{UNIT}.normalize.clips.0002.wav": b"old"}, job=EARLIER)
        shelf.put({SOUND: b"new"}, committed=True)
        shelf.close_job(JOB)
        shelf.close_job(EARLIER)
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"new"}

    def test_twice_in_one_job(self, shelf: Shelf) -> None:
        shelf.put({SOUND: b"1"}, job=EARLIER)
        shelf.put({SOUND: b"2"}, committed=True)
        shelf.put({SOUND: b"3"}, committed=True)
        shelf.close_job(JOB)
        shelf.close_job(EARLIER)
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"3"}


class CrashError(BaseException):
    """The process ends here."""


class TestRecovering:
    """A run that is cut off at each rename, and the next one that mends what it left."""

    def cut_off(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, at: int, *, committed: bool) -> bool:
        """Put something in place, up to the n-th rename; whether there were as many."""
        rename = os.rename
        left = at

        def counted(*places: Any) -> None:
            nonlocal left
            if not left:
                raise CrashError
            left -= 1
            rename(*places)

        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", counted)
            try:
                shelf.put({SOUND: b"new"}, committed=committed)
            except CrashError:
                return True
        return False

    @pytest.mark.parametrize("at", [0, 1, 2])
    def test_without_its_line_the_old_one_is_put_back(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, at: int
    ) -> None:
        shelf.put({SOUND: b"old"}, job=EARLIER)
        assert self.cut_off(shelf, monkeypatch, at, committed=True) is (at < 2)
        asked: list[tuple[str, str]] = []
        shelf.recover(lambda job, folder: bool(asked.append((job, folder))))
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"old"}
        assert not shelf.staging.exists()
        assert asked == ([(JOB, FINAL)] if at else [])

    def test_with_its_line_the_old_one_goes(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        shelf.put({SOUND: b"old"}, job=EARLIER)
        self.cut_off(shelf, monkeypatch, 2, committed=True)
        shelf.recover(lambda job, folder: (job, folder) == (JOB, FINAL))
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"new"}
        assert not shelf.staging.exists()

    @pytest.mark.parametrize("at", [0, 1])
    def test_a_first_one_is_replaced_by_the_next(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        assert self.cut_off(shelf, monkeypatch, at, committed=False) is (at < 1)
        shelf.recover(lambda job, folder: False)
        assert shelf.holds() == ({f"{FINAL}/{SOUND}": b"new"} if at else {})
        assert shelf.put({SOUND: b"again"}, job="job_3") is bool(at)
        shelf.close_job("job_3")
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"again"}

    def test_its_place_may_be_gone(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        shelf.put({SOUND: b"old"}, job=EARLIER)
        self.cut_off(shelf, monkeypatch, 1, committed=True)
        remove_tree(shelf.library / FINAL[:2])
        shelf.recover(lambda job, folder: False)
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"old"}

    def test_a_crash_while_it_mends_is_mended(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        shelf.put({SOUND: b"old"}, job=EARLIER)
        self.cut_off(shelf, monkeypatch, 2, committed=True)
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", self.crash)
            with pytest.raises(CrashError):
                shelf.recover(lambda job, folder: False)
        shelf.recover(lambda job, folder: False)
        assert shelf.holds() == {f"{FINAL}/{SOUND}": b"old"}

    def crash(self, *places: Any) -> None:
        raise CrashError

    @pytest.mark.parametrize("committed", [False, True])
    def test_where_nothing_was_expected_nothing_stays_without_a_line(self, shelf: Shelf, committed: bool) -> None:
        staged = shelf.write({SOUND: b"by hand"})
        store = Store(shelf.library, shelf.staging)
        store.expect_nothing(staged, JOB)
        store.settle(staged, FINAL, files=[SOUND], job=JOB, committed=False)
        shelf.recover(lambda job, folder: committed)
        assert shelf.holds() == ({f"{FINAL}/{SOUND}": b"by hand"} if committed else {})
        assert not shelf.staging.exists()

    def test_what_lies_about_in_staging_is_removed(self, shelf: Shelf, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        kept.mkdir()
        (kept / "file").write_text("mine")
        shelf.write({SOUND: b"1"}, job=EARLIER)
        shelf.write({SOUND: b"1"})
        (shelf.staging / "file").touch()
        (shelf.staging / "job_link").symlink_to(kept)
        (shelf.staging / "dangling").symlink_to("nowhere")
        (shelf.staging / JOB / "link.old").symlink_to(kept)
        shelf.recover(lambda job, folder: False)
        assert not shelf.staging.exists()
        assert (kept / "file").read_text() == "mine"

    @pytest.mark.parametrize(
        "name", ["no-such-place.left.old", "no-such.old", "rec_.x.old", f"{UNIT}..old", f"{UNIT}.x-{'a' * 8}.y.old"]
    )
    def test_an_old_one_that_is_not_ours_takes_nobodys_place(self, shelf: Shelf, name: str) -> None:
        # `home.user.old` would once have been put in the place of /home/user.
        (shelf.staging / JOB / name).mkdir(parents=True)
        (shelf.library / "notes.txt").write_text("mine")
        asked: list[str] = []
        shelf.recover(lambda job, folder: bool(asked.append(folder)))
        assert asked == []
        assert shelf.holds() == {"notes.txt": b"mine"}
        assert not shelf.staging.exists()

    def test_there_is_nothing_to_do(self, shelf: Shelf) -> None:
        shelf.recover(lambda job, folder: False)
        shelf.close_job(JOB)
        assert shelf.holds() == {}


class TestHashing:
    def test_a_file_that_changes_meanwhile_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"1" * (3 << 20))
        asked: list[int] = []

        def meanwhile() -> bool:
            asked.append(1)
            if len(asked) == 2:
                os.utime(path, ns=(1, 1))
            return False

        with pytest.raises(OSError, match="changed while it was read"):
            hash_file(path, meanwhile)
        assert hash_file(path) == (3 << 20, hashlib.sha256(b"1" * (3 << 20)).hexdigest())

    def test_it_can_be_given_up(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"1" * (3 << 20))
        asked: list[int] = []
        with pytest.raises(InterruptedError):
            hash_file(path, lambda: bool(asked.append(1)) or len(asked) == 2)
        assert len(asked) == 2

    @pytest.mark.parametrize("name", ["folder", "fifo", "/dev/zero", "none"])
    def test_only_plain_files_are_read(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(OSError, match=r"not a regular file|No such file|Is a directory"):
            hash_file(tmp_path / name)
