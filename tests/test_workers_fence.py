"""What a worker, its native code and its children reach: its own folders, and no network."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Archive

from librarian.workers import landlock, seccomp
from librarian.workers.fence import offered
from librarian.workers.pool import Pool, Request

pytestmark = pytest.mark.skipif(
    offered() != ("seccomp", "landlock"), reason="this kernel does not keep workers from network and folders"
)
LATEST_CHECKED = 6
"""Version of Landlock that keeps signals and abstract sockets apart."""
HEAD = """
import ctypes, errno, multiprocessing, os, pathlib, platform, shutil, signal, socket, subprocess, sys, tempfile
libc = ctypes.CDLL(None, use_errno=True)

def refused(act, *numbers):
    try:
        act()
    except OSError as error:
        return error.errno in (numbers or (errno.EACCES,))
    return False

def shell(line):
    return subprocess.run(["sh", "-c", line], stderr=subprocess.DEVNULL).returncode

def child(line):
    return subprocess.run([sys.executable, "-c", line], stderr=subprocess.DEVNULL).returncode
"""
Check = Callable[..., None]


class Place:
    """A pool whose workers are given a staging folder beside files that they must not touch."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.staging, self.hidden = root / "project" / "library" / ".staging", root / "project" / ".librarian"
        self.hidden.mkdir(parents=True)
        (self.hidden / "vault.db").write_text("names")
        (root / "project" / "recording.wav").write_text("sound")
        (root / "beside.txt").write_text("beside")
        self.pool = Pool(1, lambda line: None)
        self.pool.open_to(self.staging, self.hidden)
        self._number = 0

    def check(self, code: str, hosts: tuple[str, ...] = ()) -> None:
        """Have a worker run code that asserts."""
        self._number += 1
        names = {"root": self.root, "own": self.staging / f"w{self.pool._started or 1}", "hidden": self.hidden}
        head = HEAD + "".join(f"{name} = pathlib.Path({str(path)!r})\n" for name, path in names.items())
        (self.root / f"code{self._number}.py").write_text(head + textwrap.dedent(code))
        message = {"type": "declare", "package": f"x{self._number}", "version": "1", "entry_point": "x"}
        request = Request({**message, "value": f"code{self._number}"}, 60, hosts=hosts)
        self.pool.submit(request)
        ((_, answer),) = self.pool.wait(None)
        assert answer["type"] == "done", answer["cause"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = Place(tmp_path)
    yield place
    place.pool.close()


def test_no_socket_of_the_internet_is_made_by_whatever_code(place: Place) -> None:
    place.check("""
        for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET):
            assert refused(lambda: socket.socket(family, socket.SOCK_DGRAM)), family
        assert libc.socket(socket.AF_INET, socket.SOCK_DGRAM, 0) == -1 and ctypes.get_errno() == errno.EACCES
        assert refused(lambda: socket.create_connection(("127.0.0.1", 9)))
        assert child("import socket; socket.socket()") == 1
        assert shell("exec 3<>/dev/tcp/127.0.0.1/9") != 0
        assert libc.syscall(425, 1, 0) == -1 and ctypes.get_errno() == errno.ENOSYS  # io_uring_setup
        one, other = socket.socketpair()
        one.send(b"x"); assert other.recv(1) == b"x"
    """)


def test_nothing_outside_its_folders_is_written_by_whatever_code(place: Place) -> None:
    place.check("""
        beside = root / "beside.txt"
        for act in (
            lambda: beside.write_text("x"), lambda: open(beside, "r+"), lambda: os.truncate(beside, 0),
            beside.unlink, lambda: (root / "new").touch(), lambda: (root / "new").mkdir(),
            lambda: os.symlink("x", root / "new"), lambda: os.mkfifo(root / "new"),
            lambda: (root / "project").rename(root / "new"), (root / "cache").rmdir,
        ):
            assert refused(act), act
        (own / "x").write_text("x")
        assert refused(lambda: os.rename(own / "x", root / "x"), errno.EACCES, errno.EXDEV)
        assert refused(lambda: os.link(beside, own / "y"), errno.EACCES, errno.EXDEV)
        assert libc.open(bytes(beside), os.O_WRONLY) == -1 and ctypes.get_errno() == errno.EACCES
        assert shell(f"echo x > {beside}") != 0
        assert shell(f"rm {root}/project/recording.wav") != 0
        assert child(f"open({str(beside)!r}, 'a')") == 1
    """)
    assert (place.root / "beside.txt").read_text() == "beside"
    assert (place.root / "project" / "recording.wav").exists()


def test_its_own_folders_devices_and_processes_work_as_ever(place: Place) -> None:
    place.check("""
        (own / "a" / "b").mkdir(parents=True); (own / "c").mkdir()
        (own / "a" / "b" / "x").write_text("x")
        os.rename(own / "a" / "b" / "x", own / "c" / "x"); os.truncate(own / "c" / "x", 0)
        os.link(own / "c" / "x", own / "a" / "x"); shutil.rmtree(own / "a")
        cache = pathlib.Path(os.environ["NUMBA_CACHE_DIR"]); cache.mkdir(); (cache / "x").write_text("x")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        assert pathlib.Path(tempfile.gettempdir()).stat().st_mode & 0o777 == 0o700
        pathlib.Path(tempfile.gettempdir(), "left").write_text("x")
        assert shell(f"echo x > /dev/null 2> /dev/zero; echo x > {own}/s; echo x > /dev/stderr; cat {own}/s") == 0
        lock = multiprocessing.get_context("fork").Lock()  # a semaphore in /dev/shm
        with lock:
            pass
        running = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        running.terminate()
        assert running.wait() == -signal.SIGTERM
    """)


def test_the_scratch_folder_goes_with_its_worker(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = place.root / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    pool = place.pool = Pool(1, lambda line: None)
    place.check("""
        with open(os.path.join(tempfile.mkdtemp(), "x"), "w") as file:
            file.write("x")
        os.chmod(os.path.dirname(file.name), 0)
    """)
    assert len(list(scratch.iterdir())) == 1
    pool.close()
    assert not list(scratch.iterdir())


def test_recordings_are_read_wherever_they_lie_and_the_vault_is_not(place: Place) -> None:
    place.check("""
        for path in (root / "beside.txt", root / "project" / "recording.wav", pathlib.Path("/etc/passwd")):
            assert path.read_bytes()
        assert os.listdir(root) and os.listdir("/")
        assert refused((hidden / "vault.db").read_bytes)
        assert libc.open(bytes(hidden / "vault.db"), os.O_RDONLY) == -1
        assert shell(f"cat {hidden}/vault.db") != 0
        (own / "link").symlink_to(hidden / "vault.db")
        assert refused((own / "link").read_bytes)
        assert refused(lambda: os.link(hidden / "vault.db", own / "copy"), errno.EACCES, errno.EXDEV)
    """)


def test_what_watches_over_a_worker_gets_no_signal_from_it(place: Place) -> None:
    place.check(f"""
        keeper, librarian = os.getppid(), {os.getpid()}
        for target in (keeper, -keeper, librarian, -1):
            assert refused(lambda: os.kill(target, signal.SIGKILL), errno.EPERM), target
        assert child("import os, signal; os.kill(" + str(keeper) + ", signal.SIGKILL)") == 1
    """)


@pytest.mark.skipif(landlock.version() < LATEST_CHECKED, reason="this version of Landlock does not scope signals")
def test_no_other_process_gets_a_signal_or_is_looked_into(place: Place) -> None:
    code = """
        assert refused(lambda: os.kill({0}, signal.SIGKILL), errno.EPERM)
        assert refused(lambda: open("/proc/{0}/mem", "rb"), errno.EACCES, errno.EPERM)
    """
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        try:
            place.check(code.format(stranger.pid))
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_numba_compiles_behind_the_fence_and_finds_its_kernels_again(place: Place) -> None:
    kernel = """
        import numba
        @numba.njit(cache=True)
        def double(x):
            return 2 * x
        assert double(2) == 4
        print(double.stats.cache_hits)
    """
    (place.root / "kernel.py").write_text(textwrap.dedent(kernel))
    place.check("import kernel; assert kernel.double.stats.cache_misses")
    place.pool.open_to(place.staging, place.hidden)  # another worker
    place.check("import kernel; assert kernel.double.stats.cache_hits")


def test_before_a_run_begins_no_folder_of_it_is_made(place: Place, tmp_path: Path) -> None:
    place.pool = Pool(1, lambda line: None)
    try:
        place.check("assert refused(lambda: (root / 'new').touch())")
        assert not place.staging.exists()
    finally:
        place.pool.close()


def listen(answer: bytes) -> tuple[socket.socket, int]:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return server, server.getsockname()[1]


def test_declared_hosts_are_reached_and_no_others(place: Place) -> None:
    server, port = listen(b"hello")
    other, other_port = listen(b"other")
    with server, other:
        code = f"""
            assert socket.create_connection(("localhost", {port})).recv(5) == b"hello"
            for act in (
                lambda: socket.create_connection(("localhost", {other_port})),
                lambda: socket.create_connection(("192.0.2.1", {port}), timeout=1),
                lambda: socket.getaddrinfo("example.org", 80),
                lambda: socket.socket().bind(("127.0.0.1", 9999)),
                lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
                lambda: (root / "new").touch(),
            ):
                assert refused(act), act
        """
        place.check(code, hosts=(f"localhost:{port}",))
        place.check("assert refused(socket.socket)")


@pytest.mark.skipif(landlock.version() < 4, reason="this version of Landlock knows no ports")
def test_where_every_host_has_a_port_the_kernel_holds_native_code_to_those(place: Place) -> None:
    server, port = listen(b"hello")
    other, other_port = listen(b"other")
    connect = "import socket; socket.create_connection(('127.0.0.1', {}))"
    with server, other:
        place.check(
            f'assert child("{connect.format(port)}") == 0; assert child("{connect.format(other_port)}") == 1',
            hosts=(f"localhost:{port}",),
        )
        place.check(f'assert child("{connect.format(other_port)}") == 0', hosts=("localhost",))


def test_the_record_says_what_held(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    calls.librarian("run", "job.yaml", "--workers", "0")
    first = [path.read_text().splitlines()[0] for path in sorted((calls.root / "manifests").glob("*.jsonl"))]
    assert [json.loads(line)["body"]["fence"] for line in first] == ["seccomp+landlock", "none"]


def run_filter(program: list[seccomp.Instruction], number: int, architecture: int, argument: int = 0) -> int:
    """What a filter says of a system call; an interpreter of the four instructions that it uses."""
    words, at, value = {0: number, 4: architecture, 16: argument}, 0, 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        match code:
            case 0x20:
                value = words[operand]
            case 0x15:
                at += if_true if value == operand else if_false
            case 0x35:
                at += if_true if value >= operand else if_false
            case 0x06:
                return operand
            case _:
                raise AssertionError(code)


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_filter_says_the_same_on_every_machine(name: str) -> None:
    machine = seccomp._MACHINES[name]
    program = seccomp.program(machine, network=False, shielded=(77, -77))
    say = lambda number, argument=0: run_filter(program, number, machine.architecture, argument)  # noqa: E731
    assert say(machine.socket, socket.AF_UNIX) == say(0) == say(machine.kill, 78) == seccomp._ALLOW
    assert say(machine.socket, socket.AF_INET) == seccomp._REFUSE | 13
    assert say(machine.kill, 77) == say(machine.kill, -77 & 0xFFFFFFFF) == seccomp._REFUSE | 1
    assert say(machine.socket | 0x40000000) == seccomp._REFUSE | 38
    assert run_filter(program, machine.socket, 0x40000003, socket.AF_UNIX) == seccomp._KILL
    open_one = seccomp.program(machine, network=True, shielded=())
    assert run_filter(open_one, machine.socket, machine.architecture, socket.AF_INET) == seccomp._ALLOW


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_earlier_versions_of_landlock_are_asked_for_what_they_know(tmp_path: Path, version: int) -> None:
    (tmp_path / "own").mkdir()
    script = f"""
        import os, pathlib
        from librarian.workers import landlock
        landlock.version = lambda: {version}
        landlock.restrict(writable=[{str(tmp_path / "own")!r}], devices=["/dev/null"])
        pathlib.Path({str(tmp_path / "own" / "x")!r}).write_text("x")
        open("/dev/null", "w").write("x")
        try:
            pathlib.Path({str(tmp_path / "x")!r}).write_text("x")
        except PermissionError:
            print("refused")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
