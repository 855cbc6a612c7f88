"""Jobs over the toy operations: resolved without a process, or run over small sounds."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import soundfile
import toys
from harness import Archive, install

from librarian import project
from librarian.cli import main
from librarian.job import Job, read_bytes
from librarian.job import resolve as resolve_job
from librarian.keys import IdKey
from librarian.operation import Declaration
from librarian.testing.sound import tone
from librarian.workers import discovery

PACKAGE = "librarian-toys"
OPERATIONS = {f"{PACKAGE}/{each.name}": each for each in toys.librarian_operations()}
DECLARED = [discovery.declare(each, PACKAGE, "1.0") for each in OPERATIONS.values()]
RATE = 8000

HEAD = r"""
librarian: 1
name: units
recordings:
  - {id: calls, path: calls/*.wav, group: '(?P<role>\w+)-(?P<group>\d+)', roles: {recv: left, trans: right, out: both}}
  - {id: talks, path: talks/*.wav}
steps:
""".lstrip()
STEPS_BEGIN = HEAD.count("\n")


def validate(declaration: Declaration, given: Mapping[str, object]) -> Any:
    """What a worker answers, by way of JSON."""
    answer = discovery.resolve(OPERATIONS[declaration.full_name], given, {})
    return json.loads(json.dumps(answer)) if isinstance(answer, list) else answer


def resolve(steps: str, head: str = HEAD, folder: Path = Path("here")) -> Job:
    """A job of these steps."""
    text = head + textwrap.indent(textwrap.dedent(steps), "  ")
    return resolve_job(read_bytes(text.encode(), name="job.yaml", folder=folder), DECLARED, validate)


def toy_archive(root: Path, environment: Mapping[str, str] = {}) -> Archive:
    """An empty archive in which the toy operations are installed."""
    root.mkdir()
    archive = Archive(root, dict(environment))
    install(root.with_name(f"{root.name}-site"), archive, "toys", Path(toys.__file__).read_text())
    return archive


def copy_of(archive: Archive, root: Path) -> Archive:
    """An archive with all that was done in it, and with its operations."""
    shutil.copytree(archive.root, root, symlinks=True)
    site = Path(shutil.copytree(archive.environment["PYTHONPATH"], root.with_name(f"{root.name}-site")))
    return Archive(root, {**archive.environment, "PYTHONPATH": str(site)})


def id_key(archive: Archive) -> IdKey:
    """The key that ids of its project are made with."""
    with mock.patch.dict(os.environ, archive.environment):
        return project.load(archive.root).id_key


def sound(path: Path, number: int, seconds: float = 0.3) -> Path:
    """A tone that no other number has; silence where the number is 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = tone(100.0 + 7 * number, seconds, RATE, level=-20 - number % 9)
    soundfile.write(path, frames.T if number else np.zeros((round(seconds * RATE), 1)), RATE, subtype="PCM_16")
    return path


def here(archive: Archive, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line as `archive.librarian` does, in this process: what is about words needs no other."""
    out, err, ended = io.StringIO(), io.StringIO(), None
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(archive.root))
        stack.enter_context(mock.patch.dict(os.environ, archive.variables()))
        stack.enter_context(mock.patch.object(sys, "argv", ["librarian", *arguments]))
        stack.enter_context(mock.patch.object(sys, "path", [archive.environment["PYTHONPATH"], *sys.path]))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        stack.enter_context(_handlers_kept())
        sys.modules.pop("librarian_toys", None)  # it may be another one by now
        importlib.invalidate_caches()
        try:
            main()
        except SystemExit as end:
            ended = end.code
    done = subprocess.CompletedProcess(arguments, int(ended or 0), out.getvalue(), err.getvalue())
    assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def run(archive: Archive, *options: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run its job without a worker."""
    return here(archive, "run", "job.yaml", "--workers", "0", *options, code=code)


def lines(archive: Archive, number: int = -1) -> list[dict[str, Any]]:
    """The bodies of a manifest's lines."""
    paths = sorted((archive.root / "manifests").glob("*.jsonl"))
    return [json.loads(line)["body"] for line in paths[number].read_text().splitlines()]


def outcomes(archive: Archive, number: int = -1, step: str | None = None) -> list[dict[str, Any]]:
    """The outcome lines of a manifest, of one step where it is said."""
    return [each for each in lines(archive, number) if each["type"] == "outcome" and step in (None, each["step"])]


def counts(archive: Archive, number: int = -1) -> Counter[tuple[str, str]]:
    """(step, outcome) → lines of a manifest."""
    return Counter((each["step"], each["outcome"]) for each in outcomes(archive, number))


def artifact(archive: Archive, line: Mapping[str, Any], output: str) -> Path:
    """Where an output of an outcome line lies; the first, where there are many."""
    file = next(each["file"] for each in line["produced"] if each["output"] == output)
    return archive.root / "library" / line["folder"] / file
