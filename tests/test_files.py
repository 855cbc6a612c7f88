"""Plain file work: what goes wrong is told with the file it went wrong with."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from librarian.files import hash_file, naming, remove_tree, room, write_file


def test_an_error_of_a_handle_names_its_file(tmp_path: Path) -> None:
    handle = os.open(tmp_path / "a", os.O_RDONLY | os.O_CREAT)
    for fails in (lambda: os.write(handle, b"a word"), lambda: os.truncate(handle, 0)):
        with pytest.raises(OSError) as caught, naming(tmp_path / "a"):
            fails()
        assert caught.value.filename == os.fspath(tmp_path / "a")
    os.close(handle)


def test_an_error_that_names_a_file_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, naming(tmp_path / "a"):
        (tmp_path / "b").read_bytes()
    assert caught.value.filename == os.fspath(tmp_path / "b")


def test_a_folder_that_cannot_be_removed_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *, dir_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error", name)

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError) as caught:
        remove_tree(tmp_path / "a", tries=1)
    assert caught.value.filename == os.fspath(tmp_path / "a")


def test_the_room_where_a_file_was_to_be_made_is_that_of_the_folder_above(tmp_path: Path) -> None:
    assert room(tmp_path / "a" / "b") == room(tmp_path)
    assert room(tmp_path).endswith(" MiB free there")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "a", b"old")

    def refuse(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError) as caught:
        write_file(tmp_path / "a", b"new")
    assert caught.value.filename == os.fspath(tmp_path / "a.new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_no_image_of_memory_is_left_by_a_crash(tmp_path: Path) -> None:
    script = (
        "import ctypes, os, resource\n"
        "from librarian.files import keep_memory_in\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
        "keep_memory_in()\n"
        "print(*resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)\n"
        "os.abort()\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["0", "0", "0"]
    assert done.returncode == -signal.SIGABRT
    assert not list(tmp_path.iterdir())


def test_the_command_line_keeps_its_memory_in_while_it_works() -> None:
    script = (
        "import ctypes\n"
        "from librarian.cli.working import workers_for\n"
        "with workers_for(0, lambda line: None): print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


@pytest.mark.parametrize("size", [0, 1, 300_000, 1 << 20, (1 << 20) + 1])
def test_a_file_is_hashed_whole(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    assert hash_file(tmp_path / "a") == (size, hashlib.sha256(content).hexdigest())


def test_a_file_that_grows_while_it_is_hashed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(1 << 20))

    def grow() -> bool:
        os.truncate(path, (1 << 20) + 4)
        return False

    with pytest.raises(OSError, match="changed while it was read"):
        hash_file(path, grow)
