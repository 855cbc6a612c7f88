"""Faults at chosen file-changing calls of a command and of everything that it starts (Linux).

Calls that touch one folder are counted; at the one that a fault names the call fails, writes half of its bytes, or
does not come to pass because somebody is killed. What a kill before call N+1 leaves is what one after call N leaves.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syscalls import Notice, launch, receive, reply

ORPHANS_GONE_AFTER = 5.0
LONGEST_RUN = 120.0
WRITES = frozenset({"write", "pwrite64"})
SYNCS = frozenset({"fsync", "fdatasync", "syncfs", "sync_file_range"})
OPENS = frozenset({"open", "openat", "creat"})
ADDS = WRITES | SYNCS | OPENS | {"writev", "pwritev", "pwritev2", "sendfile", "copy_file_range"}
ADDS |= {"mkdir", "mkdirat", "fallocate", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"}
"""What a full disk may refuse. A file system that allocates late says so when it is told to sync."""


@dataclass(frozen=True)
class Call:
    """A call that changes a file; `is_new`: there is none at its path yet; `source`: of a rename, the old path."""

    notice: Notice
    path: str
    process: int
    is_new: bool
    source: str = ""

    def __str__(self) -> str:
        return f"{self.notice.name} {self.path}"


@dataclass(frozen=True)
class Kind:
    """What happens at a call.

    Attributes:
        error: what the call answers; 0: it comes to pass.
        calls: the names of the calls that it can happen at; none: any.
        ending: how the path ends.
        half: whether the call writes the first half of its bytes, and says so.
        kills: "all", "parent" or "worker"; with a worker, only calls of workers count.
        lasts: whether all later calls fail as well.
    """

    error: int = 0
    calls: frozenset[str] = frozenset()
    ending: str = ""
    half: bool = False
    kills: str = ""
    lasts: bool = False

    def meets(self, call: Call, parent: int) -> bool:
        """Whether it can happen at a call."""
        if self.calls and call.notice.name not in self.calls:
            return False
        if not call.path.endswith(self.ending) or (self.kills == "worker" and call.process == parent):
            return False
        return call.notice.arguments[2] > 1 if self.half else self.refuses(call)

    def refuses(self, call: Call) -> bool:
        """Whether its error fits the call: a full disk refuses what takes space, and nothing else."""
        name = call.notice.name
        return self.error != errno.ENOSPC or (name in ADDS and (name not in OPENS or call.is_new))


KINDS = {
    "kill all": Kind(kills="all"),
    "kill the parent": Kind(kills="parent"),
    "kill a worker": Kind(kills="worker"),
    "tear and kill all": Kind(calls=WRITES, half=True, kills="all"),
    "tear a line and kill all": Kind(calls=WRITES, ending=".jsonl", half=True, kills="all"),
    "short write": Kind(calls=WRITES, half=True),
    "full once": Kind(errno.ENOSPC),
    "full from there on": Kind(errno.ENOSPC, lasts=True),
    "full within a write": Kind(errno.ENOSPC, calls=WRITES, half=True, lasts=True),
    "broken once": Kind(errno.EIO),
    "broken from there on": Kind(errno.EIO, lasts=True),
    "sync fails": Kind(errno.EIO, calls=SYNCS),
}


@dataclass(frozen=True)
class Fault:
    """A kind of fault, and which of the calls that it can happen at it strikes: 1 is the first."""

    kind: str
    at: int


@dataclass
class Ended:
    """How a watched command ended.

    Attributes:
        code: its exit code, negative for a signal.
        out: what it said on stdout.
        err: what it said on stderr.
        parent: the id of its first process.
        calls: the calls that touched the folder.
        struck: the call that the fault met first; None where there were not so many.
        outlived: whether something that it started was still there after `ORPHANS_GONE_AFTER`.
    """

    code: int
    out: str
    err: str
    parent: int
    calls: list[Call]
    struck: Call | None
    outlived: bool


def why_not() -> str:
    """Why no fault can be made to happen on this machine; empty where it can."""
    try:
        watch(["/bin/true"], Path("/"))
    except OSError as error:
        return f"crashes and disk errors at chosen calls are not tested here: {error}"
    return ""


def watch(
    command: Sequence[str],
    folder: Path,
    fault: Fault | None = None,
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command with a fault in a folder.

    Raises:
        OSError: this machine does not hand out system calls.
        TimeoutError: it did not end in `LONGEST_RUN`.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process, listener = launch(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        watcher = _Watcher(listener, process, os.path.join(folder, ""), fault)
        try:
            outlived = watcher.work()
        finally:
            watcher.close()
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    return Ended(process.returncode, *texts, process.pid, watcher.calls, watcher.struck, outlived)


@dataclass
class _Watcher:
    """Answers every call of a process and of what it starts."""

    listener: int
    process: subprocess.Popen[bytes]
    folder: str
    fault: Fault | None
    calls: list[Call] = field(default_factory=list)
    struck: Call | None = None
    _killed: set[int] = field(default_factory=set)
    _met: int = 0

    def work(self) -> bool:
        """Answer until all of them are gone; whether some were still there long after the first had ended."""
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        until, ended = time.monotonic() + LONGEST_RUN, False
        while time.monotonic() < until:
            events = [event for _, event in poll.poll(20)]
            if not ended and self.process.poll() is not None:
                ended, until = True, time.monotonic() + ORPHANS_GONE_AFTER
            if events and events[0] & select.POLLIN:
                self._serve()
            elif events and ended:  # a hang-up: nobody is under the filter any more
                return False
        if not ended:
            raise TimeoutError(f"it did not end in {LONGEST_RUN:.0f} s")
        return True

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self._kill("all", self.process.pid)
            self.process.wait()
        os.close(self.listener)

    def _serve(self) -> None:
        notice = receive(self.listener)
        if notice is None:
            return
        call = self._call(notice)
        if call is None:
            reply(self.listener, notice)
        elif self.fault is not None and self._is_struck(call, KINDS[self.fault.kind]):
            self._strike(call, KINDS[self.fault.kind])
        else:
            self._let_pass(call)

    def _let_pass(self, call: Call) -> None:
        # One who was killed is still there for a moment: with an answer he might make his call.
        if call.process not in self._killed:
            reply(self.listener, call.notice)

    def _call(self, notice: Notice) -> Call | None:
        try:
            path = notice.path()
            if not path.startswith(self.folder):
                return None
            call = Call(notice, path, notice.process(), not os.path.lexists(path), notice.source())
        except OSError:  # it is no file, or its process has gone
            return None
        self.calls.append(call)
        return call

    def _is_struck(self, call: Call, kind: Kind) -> bool:
        if self.struck is not None:
            return kind.lasts and kind.refuses(call)
        self._met += kind.meets(call, self.process.pid)
        return self.fault is not None and self._met == self.fault.at

    def _strike(self, call: Call, kind: Kind) -> None:
        first, self.struck = self.struck is None, self.struck or call
        written = call.notice.write_part(call.notice.arguments[2] // 2) if kind.half and first else 0
        if kind.kills:
            self._kill(kind.kills, call.process)
            self._let_pass(call)
        else:
            reply(self.listener, call.notice, gives=written, error=0 if written else kind.error)

    def _kill(self, whom: str, caller: int) -> None:
        victims = [caller if whom == "worker" else self.process.pid]
        if whom == "all":
            victims += descendants(self.process.pid)
        self._killed.update(victims)
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)


def descendants(process: int) -> list[int]:
    """The ids of all that a process has started, and they in turn."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = stat.read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    found = [process]
    for each in found:
        found += children.get(each, ())
    return found[1:]


def points(ended: Ended, kind: str, number: int, seed: str) -> list[Fault]:
    """Faults for a command to meet: all sorts of calls in turn.

    Args:
        ended: how it went without one.
        kind: the kind of fault.
        number: how many; 0: one at every call.
        seed: what they are chosen by.
    """
    can = [call for call in ended.calls if KINDS[kind].meets(call, ended.parent)]
    chance = random.Random(f"{seed} {kind}")
    sorts: dict[str, list[int]] = {}
    for at, call in enumerate(can, 1):
        sorts.setdefault(_sort(call), []).append(at)
    turns = [chance.sample(each, len(each)) for each in sorts.values()]
    chance.shuffle(turns)
    in_turn = [each for some in itertools.zip_longest(*turns) for each in some if each is not None]
    return [Fault(kind, at) for at in sorted(in_turn[: number or None])]


def _sort(call: Call) -> str:
    """Calls of one name on files of one sort are of one sort: ids, keys and numbers do not count."""
    return re.sub(r"[a-z]{3}_[a-z2-7]{13}|-[a-z2-7]{8}|/[a-z2-7]{2}(?=/|$)|/w\d+/|\d+", "*", str(call))
