"""Where the kernel keeps a worker from nothing, a hook keeps Python code from what it keeps others from."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import get_args

import pytest

from librarian.manifest.records import Fence
from librarian.workers import fence, hook, pool
from librarian.workers.asking import ask
from librarian.workers.pool import Pool

HEAD = """
import errno, os, pathlib, shutil, socket, sys, tempfile
from librarian.workers import hook

def refused(act):
    try:
        act()
    except PermissionError as error:
        return error.errno == errno.EACCES
    return False
"""


def run(code: str, *arguments: object) -> None:
    command = [sys.executable, "-c", HEAD + textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_python_code_changes_names_and_files_in_its_folders_only(tmp_path: Path) -> None:
    for name in ("own", "own/a", "other", "other/a", "hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "file").write_text("other")
    (tmp_path / "hidden" / "vault.db").write_text("names")
    (tmp_path / "own" / "way-out").symlink_to(tmp_path / "other")
    code = """
        top = pathlib.Path(sys.argv[1]); own, other = top / "own", top / "other"
        hook.keep_folders([own, "/dev/null"], top / "hidden")
        for act in (
            lambda: (other / "file").write_text("x"), lambda: open(other / "file", "r+b"),
            lambda: os.open(other / "new", os.O_CREAT), lambda: (own / "way-out" / "file").write_text("x"),
            lambda: os.truncate(other / "file", 0), (other / "file").unlink, (other / "a").rmdir, (other / "new").mkdir,
            lambda: os.rename(other / "file", own / "x"), lambda: os.rename(own / "a", other / "b"),
            lambda: os.link(own / "a", other / "x"), lambda: os.symlink("x", other / "x"),
            lambda: shutil.rmtree(other), (top / "hidden" / "vault.db").read_bytes,
            lambda: os.remove("file", dir_fd=os.open(other, os.O_RDONLY)), lambda: os.remove(bytes(other / "file")),
        ):
            assert refused(act), act
        assert (other / "file").read_text() == "other"
        (own / "x").write_text("x"); os.rename(own / "x", own / "y"); os.link(own / "y", own / "z")
        os.truncate(own / "y", 0); (own / "way-out").unlink(); shutil.rmtree(own / "a")
        open(os.devnull, "w").write("x")
        os.chdir(own); pathlib.Path("relative").touch()
        assert not (own / "a").exists()
    """
    run(code, tmp_path)


def test_python_code_talks_to_declared_hosts_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = """
            port = int(sys.argv[1])
            hook.keep_hosts([f"localhost:{port}", "127.0.0.2"])
            assert refused(lambda: socket.create_connection(("127.0.0.1", port)))  # nobody looked it up yet
            socket.create_connection(("localhost", port)).close()
            socket.create_connection(("127.0.0.1", port)).close()
            for act in (
                lambda: socket.getaddrinfo("example.org", 80), lambda: socket.gethostbyname("example.org"),
                lambda: socket.create_connection(("localhost", port + 1)), lambda: socket.socket(socket.AF_NETLINK),
                lambda: socket.socket().bind(("", 9999)),
                lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
            ):
                assert refused(act), act
            socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.2", 9))
        """
        run(code, port)


def test_without_declared_hosts_there_is_no_socket_but_local_ones() -> None:
    run("""
        hook.keep_hosts([])
        assert refused(socket.socket) and refused(lambda: socket.getaddrinfo("localhost", 80))
        one, other = socket.socketpair(); one.send(b"x"); assert other.recv(1) == b"x"
    """)


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("Example.org", ("example.org", None)),
        ("example.org:443", ("example.org", 443)),
        ("127.0.0.1:8188", ("127.0.0.1", 8188)),
        ("[::1]:8188", ("::1", 8188)),
    ],
)
def test_a_host_may_be_declared_with_a_port(host: str, parts: tuple[str, int | None]) -> None:
    assert hook.host_and_port(host) == parts


def test_a_worker_is_kept_by_the_hook_where_there_is_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(pool, "offered", lambda: (fence.HOOK,))
    code = "import socket, pathlib\n{}\n"
    (tmp_path / "writes.py").write_text(code.format(f"pathlib.Path({str(tmp_path)!r}, 'new').touch()"))
    (tmp_path / "talks.py").write_text(code.format("socket.socket()"))
    workers = Pool(1, lambda line: None)
    try:
        assert workers.fence == "hook"
        for name in ("writes", "talks"):
            request = {"type": "declare", "package": name, "version": "1", "entry_point": "x", "value": name}
            assert "PermissionError" in ask(workers, request, 60)["cause"]["exception"]
    finally:
        workers.close()


def test_a_worker_that_cannot_be_fenced_as_the_record_says_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(fence.VARIABLE, raising=False)
    monkeypatch.setattr(fence.Fence, "variable", lambda self: {fence.VARIABLE: '{"means": ["seccomp"], "other": 1}'})
    lines: list[str] = []
    workers = Pool(1, lines.append)
    try:
        answer = ask(workers, {"type": "nonsense"}, 60)
        assert answer["cause"]["reason"] == "crash"
        assert any("other" in line for line in lines)
    finally:
        workers.close()


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ((True, 7), ("seccomp", "landlock")),
        ((True, 0), ("seccomp", "hook")),
        ((False, 3), ("hook", "landlock")),
        ((False, 0), ("hook",)),
    ],
)
def test_what_a_machine_offers_is_said_in_words_of_the_record(
    monkeypatch: pytest.MonkeyPatch, kernel: tuple[bool, int], words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(fence.seccomp, "offered", lambda: kernel[0])
    monkeypatch.setattr(fence.landlock, "version", lambda: kernel[1])
    assert fence.offered() == words
    assert "+".join(words) in get_args(Fence)
