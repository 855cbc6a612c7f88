"""A project: found, made, cut off while it is made, refused where its key is not, and written by one at a time."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import KEY, Archive

from librarian import files, project
from librarian.errors import EnvironmentFailedError, RefusedError, UsageError
from librarian.project import Project, find, init, load, open_or_make, writer_lock

VARIABLE = "LIBRARIAN_KEY"
ID_OF_THE_HORSE = "53083cbda21e541ffd0907e864a02ae89f019349fcecf7515f48b74376da42f8"
PSEUDONYM_OF_THE_HORSE = "d5e6e6cf7f41c11877cc033473e6fc5316ced9983b70931a942632856ba4b56d"
"""scrypt, n 2^14, r 8, p 1, salt `librarian/keys/1`, 64 bytes: the id key, then the pseudonym key."""
HOLD = """
import sys
from pathlib import Path
from librarian.project import load, writer_lock
with writer_lock(load(Path(sys.argv[1])), wait=True, on_wait=print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("LIBRARIAN_PROJECT", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "archive"
    made.mkdir()
    return made


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


def same(one: Project, other: Project) -> bool:
    return (one.id_key, one.pseudonym_key) == (other.id_key, other.pseudonym_key)


class TestFinding:
    def test_from_anywhere_below(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        init(root)
        below = root / "recordings" / "1987"
        below.mkdir(parents=True)
        assert find(start=below) == find(start=root) == root
        monkeypatch.chdir(below)
        assert find() == root

    def test_the_nearest_one_counts(self, root: Path) -> None:
        init(root)
        inner = root / "inner"
        inner.mkdir()
        init(inner)
        assert find(start=inner / "library") == inner

    def test_a_link_to_a_folder_is_followed(self, root: Path, tmp_path: Path) -> None:
        init(root)
        (tmp_path / "link").symlink_to(root / "library")
        assert find(start=tmp_path / "link") == root

    def test_there_is_none(self, root: Path) -> None:
        (root / ".librarian").mkdir()
        assert find(start=root) is None

    def test_what_is_named_goes_before_the_variable_and_that_before_the_folder(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others = {name: tmp_path / name for name in ("named", "variable")}
        for each in (root, *others.values()):
            each.mkdir(exist_ok=True)
            init(each)
        assert find(start=root) == root
        monkeypatch.setenv("LIBRARIAN_PROJECT", str(others["variable"]))
        assert find(start=root) == others["variable"]
        assert find(others["named"], start=root) == others["named"]

    def test_a_named_folder_that_is_none_is_not_replaced_by_one_above_it(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        init(root)
        (root / "below").mkdir()
        with pytest.raises(UsageError, match="not a librarian project"):
            find(root / "below")
        monkeypatch.setenv("LIBRARIAN_PROJECT", str(root / "below"))
        with pytest.raises(UsageError, match="not a librarian project"):
            find(start=root)


class TestMaking:
    def test_what_is_made(self, root: Path) -> None:
        made = init(root)
        assert same(load(root), made)
        assert made.id_key.secret != made.pseudonym_key
        assert set(snapshot(root)) == {
            *(".librarian", ".librarian/project.toml", ".librarian/.gitignore", ".librarian/lock", ".librarian/logs"),
            *(".librarian/keys", ".librarian/keys/id", ".librarian/keys/pseudonym"),
            *("library", "library/.gitignore", "library/.owner", "manifests"),
        }

    def test_nobody_else_can_look_in(self, root: Path) -> None:
        before = os.umask(0)
        try:
            init(root)
            with writer_lock(load(root), wait=False, on_wait=print):
                pass
        finally:
            os.umask(before)
        for path in root.rglob("*"):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path

    def test_git_takes_none_of_it(self, root: Path) -> None:
        init(root)
        assert (root / ".librarian/.gitignore").read_text() == (root / "library/.gitignore").read_text() == "*\n"

    def test_twice_is_refused_and_changes_nothing(self, root: Path) -> None:
        init(root)
        before = snapshot(root)
        with pytest.raises(UsageError, match="already"):
            init(root)
        assert snapshot(root) == before

    def test_opening_does_not_make_it_again(self, root: Path) -> None:
        made = open_or_make(root)
        before = snapshot(root)
        assert same(open_or_make(root), made)
        assert snapshot(root) == before

    def test_two_projects_have_different_keys(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        one, other = init(root), init(tmp_path / "other")
        assert len({one.id_key.secret, one.pseudonym_key, other.id_key.secret, other.pseudonym_key}) == 4

    def test_keys_are_not_shown(self, root: Path) -> None:
        made = init(root)
        for secret in (made.id_key.secret, made.pseudonym_key):
            assert secret.hex() not in repr(made)
            assert repr(secret)[2:-1] not in repr(made)

    def test_what_the_owner_has_there_stays(self, root: Path) -> None:
        (root / "job.yaml").write_text("mine")
        (root / "library").mkdir(mode=0o755)
        (root / "library" / "notes.txt").write_text("mine")
        init(root)
        assert (root / "job.yaml").read_text() == (root / "library" / "notes.txt").read_text() == "mine"


class CutError(BaseException):
    """The process ends here."""


class Cut:
    """Ends whatever works with files at its n-th step: folder, half a file, whole file, rename, fsync."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.left = at
        for name in ("mkdir", "replace", "fsync"):
            monkeypatch.setattr(os, name, self.around(getattr(os, name)))
        monkeypatch.setattr(files, "open", self.open, raising=False)

    def step(self) -> None:
        if not self.left:
            raise CutError
        self.left -= 1

    def around(self, real: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.step()
            done = real(*arguments, **named)
            self.step()
            return done

        return counted

    def open(self, *arguments: Any, **named: Any) -> Any:
        self.step()
        opened = open(*arguments, **named)
        write = opened.write

        class Half:
            def __enter__(half) -> Any:
                return half

            def __exit__(half, *exc: object) -> None:
                opened.close()

            def __getattr__(half, name: str) -> Any:
                return getattr(opened, name)

            def write(half, content: bytes) -> None:
                write(content[: len(content) // 2])
                opened.flush()
                self.step()
                write(content[len(content) // 2 :])

        return Half()


class TestCutOff:
    @pytest.mark.parametrize("key", ["", KEY], ids=["files", "environment"])
    def test_at_every_step_it_is_completed_with_the_keys_it_has(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        monkeypatch.setenv(VARIABLE, key)
        monkeypatch.setattr(hashlib, "scrypt", functools.cache(hashlib.scrypt))
        for at in range(1000):
            root = tmp_path / str(at)
            root.mkdir()
            with monkeypatch.context() as patched:
                cut = Cut(patched, at)
                try:
                    open_or_make(root)
                except CutError:
                    pass
                else:
                    break
            had = [path for name in ("id", "pseudonym") if (path := root / ".librarian/keys" / name).exists()]
            before = [path.read_bytes() for path in had]
            made = open_or_make(root)
            assert same(load(root), made)
            if len(had) == 2:
                assert [path.read_bytes() for path in had] == before, at
            assert not list(root.rglob("*.new")), at
            with pytest.raises(UsageError, match="already"):
                init(root)
        assert at > 30
        assert cut.left == 0


class TestKeys:
    @pytest.mark.parametrize("name", ["id", "pseudonym"])
    @pytest.mark.parametrize("content", [None, b"", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64])
    def test_one_that_is_missing_or_damaged_is_refused_and_not_made_again(
        self, root: Path, name: str, content: bytes | None
    ) -> None:
        init(root)
        path = root / ".librarian/keys" / name
        path.unlink() if content is None else path.write_bytes(content)
        before = snapshot(root)
        for way in (load, open_or_make):
            with pytest.raises(RefusedError, match=r"never re-made: restore \.librarian/keys/ from your backup"):
                way(root)
        assert snapshot(root) == before

    @pytest.mark.parametrize("lost", [["id"], ["pseudonym"], ["id", "pseudonym"]])
    def test_nor_is_it_where_the_settings_are_lost_too(self, root: Path, lost: list[str]) -> None:
        init(root)
        for name in lost:
            (root / ".librarian/keys" / name).unlink()
        (root / ".librarian/project.toml").unlink()
        before = snapshot(root)
        for way in (init, open_or_make):
            with pytest.raises(RefusedError, match=r"never re-made|another id key"):
                way(root)
        assert snapshot(root) == before

    def test_another_one_is_refused(self, root: Path) -> None:
        init(root)
        (root / ".librarian/keys/id").write_text("ab" * 32)
        with pytest.raises(RefusedError, match="not the one this project was made with"):
            load(root)

    def test_a_new_line_at_its_end_does_no_harm(self, root: Path) -> None:
        made = init(root)
        path = root / ".librarian/keys/id"
        path.write_bytes(path.read_bytes() + b"\n")
        assert same(load(root), made)

    def test_from_the_variable_none_is_written(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, KEY)
        made = init(root)
        everything = b"".join(content or b"" for content in snapshot(root).values())
        for secret in (KEY.encode(), made.id_key.secret, made.pseudonym_key):
            assert secret not in everything
            assert secret.hex().encode() not in everything
        (tmp_path / "other").mkdir()
        assert same(init(tmp_path / "other"), made)

    @pytest.mark.parametrize("value", [KEY + "!", KEY.upper(), " " + KEY])
    def test_a_wrong_variable_is_refused(self, root: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        monkeypatch.setenv(VARIABLE, KEY)
        init(root)
        monkeypatch.setenv(VARIABLE, value)
        with pytest.raises(RefusedError, match="not the one this project was made with; restore LIBRARIAN_KEY"):
            load(root)

    def test_a_variable_that_is_not_set_any_more_is_refused(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, KEY)
        init(root)
        before = snapshot(root)
        for value in ("", None):
            monkeypatch.setenv(VARIABLE, value) if value is not None else monkeypatch.delenv(VARIABLE)
            with pytest.raises(RefusedError, match="which is not set"):
                open_or_make(root)
        assert snapshot(root) == before

    def test_a_variable_does_not_take_the_place_of_files(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made = init(root)
        monkeypatch.setenv(VARIABLE, KEY)
        assert same(load(root), made)

    def test_a_short_variable_is_refused_and_nothing_is_made(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "a" * 15)
        with pytest.raises(RefusedError, match="shorter than 16 characters"):
            init(root)
        assert snapshot(root) == {}
        monkeypatch.setenv(VARIABLE, "a" * 16)
        init(root)

    def test_a_variable_may_hold_any_bytes(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(os.environb, VARIABLE.encode(), b"\xff\xfe is no UTF-8, and long enough")
        made = init(root)
        assert same(load(root), made)

    def test_the_derivation_does_not_change(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "correct horse battery staple")
        made = init(root)
        assert made.id_key.secret.hex() == ID_OF_THE_HORSE
        assert made.pseudonym_key.hex() == PSEUDONYM_OF_THE_HORSE


class TestLibraryOfAnother:
    def test_it_is_refused(self, root: Path, tmp_path: Path) -> None:
        init(root)
        (tmp_path / "other").mkdir()
        init(tmp_path / "other")
        (root / "library").rename(tmp_path / "aside")
        (tmp_path / "other" / "library").rename(root / "library")
        before = snapshot(root)
        with pytest.raises(RefusedError, match="another id key"):
            load(root)
        assert snapshot(root) == before

    def test_no_project_is_made_around_it(self, root: Path, tmp_path: Path) -> None:
        init(root)
        other = tmp_path / "other"
        other.mkdir()
        (root / "library").rename(other / "library")
        before = snapshot(other)
        with pytest.raises(RefusedError, match="another id key"):
            init(other)
        assert snapshot(other) == before

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 26])
    def test_an_owner_that_cannot_be_read_is_not_us(self, root: Path, content: bytes) -> None:
        init(root)
        (root / "library/.owner").write_bytes(content)
        with pytest.raises(RefusedError, match="another id key"):
            load(root)

    def test_one_that_was_emptied_is_ours_again(self, root: Path) -> None:
        made = init(root)
        for path in (root / "library").iterdir():
            path.unlink()
        load(root)
        assert (root / "library/.owner").read_text() == made.id_key.fingerprint()


class TestSettings:
    @pytest.mark.parametrize(
        "text",
        [
            *("", "format = ", "format = 1", "\x00"),
            'format = 1\nkeys = "files"\nkey_fingerprint = "x"',
            'format = 1\nkeys = "files"\nkey_fingerprint = "x"\nplaces = 3',
            'format = 1\nkeys = "files"\nkey_fingerprint = "x"\nplaces = "library"',
            'format = 1\nkeys = "files"\nkey_fingerprint = "x"\n[places]\nlibrary = "library"',
        ],
    )
    def test_what_cannot_be_read_is_said(self, root: Path, text: str) -> None:
        init(root)
        (root / ".librarian/project.toml").write_text(text)
        with pytest.raises(EnvironmentFailedError, match=r"project\.toml cannot be read .*; restore it"):
            load(root)

    def test_bytes_that_are_no_text(self, root: Path) -> None:
        init(root)
        (root / ".librarian/project.toml").write_bytes(b"\xff\xfe")
        with pytest.raises(EnvironmentFailedError, match="cannot be read"):
            load(root)

    @pytest.mark.parametrize("text", ["format = 2\n", 'format = 2\nkeys = "vault"\nplaces = ["library"]\n'])
    def test_a_newer_format_asks_for_an_upgrade(self, root: Path, text: str) -> None:
        init(root)
        (root / ".librarian/project.toml").write_text(text)
        with pytest.raises(EnvironmentFailedError, match="another format than 1; upgrade librarian-media"):
            load(root)

    def test_places_may_lie_elsewhere(self, root: Path, tmp_path: Path) -> None:
        init(root)
        path = root / ".librarian/project.toml"
        path.write_text(path.read_text().replace('library = "library"', f'library = "{tmp_path}/nas/library"'))
        (tmp_path / "nas").mkdir()
        (root / "library").rename(tmp_path / "nas" / "library")
        assert load(root).library == tmp_path / "nas" / "library"
        assert load(root).staging.is_relative_to(tmp_path / "nas" / "library")
        assert not (root / "library").exists()


@pytest.fixture
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the project's lock until its input ends."""
    init(root)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    with process:
        yield process
        process.kill()


class TestLock:
    def test_who_does_not_wait_is_told_who_holds_it(self, root: Path, holder: subprocess.Popen[str]) -> None:
        with (
            pytest.raises(EnvironmentFailedError, match=rf"in use by process {holder.pid}, started at \d\d:\d\d:\d\d"),
            writer_lock(load(root), wait=False, on_wait=print),
        ):
            raise AssertionError("two writers")
        assert EnvironmentFailedError.exit_code == 6

    def test_who_waits_is_told_once_and_comes_after(self, root: Path, holder: subprocess.Popen[str]) -> None:
        said: list[str] = []

        def let_go(who: str) -> None:
            said.append(who)
            assert holder.stdin is not None
            holder.stdin.close()

        with writer_lock(load(root), wait=True, on_wait=let_go):
            assert json.loads((root / ".librarian/lock").read_text())["pid"] == os.getpid()
        assert len(said) == 1
        assert f"process {holder.pid}," in said[0]
        assert holder.wait() == 0

    def test_the_lock_of_a_killed_holder_is_gone_with_it(self, root: Path, holder: subprocess.Popen[str]) -> None:
        holder.kill()
        holder.wait()
        with writer_lock(load(root), wait=False, on_wait=print):
            assert json.loads((root / ".librarian/lock").read_text())["pid"] == os.getpid()

    def test_a_waiting_one_gets_it_when_the_holder_is_killed(self, root: Path, holder: subprocess.Popen[str]) -> None:
        with writer_lock(load(root), wait=True, on_wait=lambda who: holder.kill()):
            assert holder.wait() != 0

    def test_it_is_let_go_at_the_end_and_after_an_error(self, root: Path) -> None:
        made = init(root)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), writer_lock(made, wait=False, on_wait=print):
                raise ZeroDivisionError

    def test_a_child_that_outlives_the_run_does_not_keep_it(self, root: Path) -> None:
        made = init(root)
        with writer_lock(made, wait=False, on_wait=print):
            child = subprocess.Popen(
                [sys.executable, "-c", "print(flush=True); input()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                close_fds=False,
            )
            assert child.stdout is not None and child.stdout.readline()
        with child, writer_lock(made, wait=False, on_wait=print):
            child.kill()

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"pid": "x", "started": 1}', b'{"pid": 1}', b"1"])
    def test_a_lock_file_that_says_nothing_holds_all_the_same(
        self, root: Path, holder: subprocess.Popen[str], content: bytes
    ) -> None:
        (root / ".librarian/lock").write_bytes(content)
        with (
            pytest.raises(EnvironmentFailedError, match="in use by another process"),
            writer_lock(load(root), wait=False, on_wait=print),
        ):
            raise AssertionError("two writers")

    def test_two_that_make_a_project_at_once_make_one(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # The other one makes it after we looked and before we have the lock.
        real = project._folder
        other: list[Project] = []

        def late(path: Path) -> Path:
            if not other:
                monkeypatch.setattr(project, "_folder", real)
                other.append(open_or_make(root))
            return real(path)

        monkeypatch.setattr(project, "_folder", late)
        assert same(open_or_make(root), other[0])


def test_a_library_that_is_not_there_is_not_made_anew(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    (calls.root / "library").rename(calls.root / "elsewhere")
    for folder_is_there in (False, True):
        if folder_is_there:
            (calls.root / "library").mkdir()
        said = calls.librarian("run", "job.yaml", code=6).stderr
        assert "the library is not there; mount it" in said
        assert not (calls.root / "library" / ".owner").exists()
    remedy = said.strip().rpartition("again: ")[2]
    subprocess.run(remedy, shell=True, cwd=calls.root, check=True)
    assert "6 done" in calls.librarian("run", "job.yaml").stderr


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_a_key_of_the_environment_is_not_shown_to_other_processes(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from librarian.project import load, open_or_make\n"
        "shown = lambda: Path('/proc/self/environ').read_bytes()\n"
        "key = os.environb[b'LIBRARIAN_KEY']; assert key in shown()\n"
        "made = open_or_make(Path(sys.argv[1])); assert key not in shown() and b'BESIDE=it' in shown()\n"
        "assert load(Path(sys.argv[1])).id_key == made.id_key\n"
    )
    variables = {**os.environ, "LIBRARIAN_KEY": "a key that nobody guesses, 32 at least", "BESIDE": "it"}
    subprocess.run([sys.executable, "-P", "-c", code, tmp_path], check=True, env=variables)
