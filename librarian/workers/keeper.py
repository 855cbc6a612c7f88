"""The keeper of a worker: `python -m librarian.workers.keeper FD PARENT`.

It forks before anything heavy is imported. The child becomes the worker; the keeper waits for it, kills all that is
left below it, in whatever session that is, and ends as the worker did: with its exit code, or by its signal.
A signal that ends processes is handed on to the worker and what it started, and a moment later they are killed; where
the process ended that started the keeper, at once.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from pathlib import Path

from librarian.workers.children import adopt_orphans, end_children, signal_at_end_of

_ORPHANED = signal.SIGUSR1
"""What the kernel sends when the parent ends, and also when only the thread ended that started the keeper."""
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
GRACE_SECONDS = 1.0
"""Between asking a worker and what it started to end, and killing them."""


def main() -> None:
    """Keep a worker; in the child process, be it."""
    handle, parent = int(sys.argv[1]), int(sys.argv[2])
    if sys.platform != "linux":  # no orphans can be adopted: the pool ends the process group, as far as that goes
        return _serve(handle, ())
    heard = {signal.SIGCHLD, _ORPHANED, *_ENDING}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    adopt_orphans()
    signal_at_end_of(parent, _ORPHANED)
    keeper = os.getpid()
    scratch = _make_scratch()
    worker = os.fork()
    if not worker:
        os.setsid()  # a signal to its own group does not reach the keeper
        signal_at_end_of(keeper, signal.SIGKILL)
        adopt_orphans()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return _serve(handle, (keeper, -keeper, parent, -os.getpgid(parent), -1))
    os.close(handle)
    status, until = _outlive(worker, parent, heard)
    _await_children(until)
    end_children()
    _remove(scratch)
    _end_like(os.waitstatus_to_exitcode(status))


def _serve(handle: int, shielded: tuple[int, ...]) -> None:
    from librarian.workers.worker import serve

    serve(handle, shielded)


def _make_scratch() -> str:
    """A folder for temporary files, which what is started takes for the place of all of them."""
    scratch = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"librarian-{os.getpid()}-{os.urandom(4).hex()}")
    os.mkdir(scratch, 0o700)
    os.environ["TMPDIR"] = scratch
    return scratch


def _remove(folder: str) -> None:
    with contextlib.suppress(OSError):
        return os.rmdir(folder)
    from librarian.files import remove_tree  # brings modules that an empty folder does not need

    with contextlib.suppress(OSError):
        remove_tree(Path(folder))


def _outlive(worker: int, parent: int, heard: set[signal.Signals]) -> tuple[int, float]:
    """The worker's wait status, once it has ended, and until when what it started may take to end (monotonic, s)."""
    grace: float | None = None
    asked = False
    while True:
        left = GRACE_SECONDS if grace is None else max(0.0, grace - time.monotonic())
        told = signal.sigwaitinfo(heard) if grace is None else signal.sigtimedwait(heard, left)
        if told is None or os.getppid() != parent:
            grace, asked = time.monotonic() + GRACE_SECONDS, False
            _signal_group(worker, signal.SIGKILL)
        elif told.si_signo in _ENDING and grace is None:
            grace, asked = time.monotonic() + GRACE_SECONDS, True
            _signal_group(worker, signal.SIGTERM)
        ended, status = os.waitpid(worker, os.WNOHANG)
        if ended:
            return status, grace if asked and grace else 0.0


def _await_children(until: float) -> None:
    """Let what was asked to end do so."""
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


def _signal_group(worker: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, number)  # it may have no group of its own yet
        os.killpg(worker, number)


def _end_like(code: int) -> None:
    """End with an exit code, or by the signal that a negative one stands for."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [-code])
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
