"""A program on one recording: no shell, files of its own, limits, and a result that is looked into before it counts."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from librarian import Output, Task, UnusableInputError
from librarian.media import create_audio, open_audio
from librarian_program import GIVEN, MADE, ProgramSettings, place_of

PASSED_ON = ("PATH", "TMPDIR", "OMP_NUM_THREADS")
"""Variables that the program gets; no other, for they may hold tokens."""


class ProgramError(Exception):
    """The program did not do what it was started for. Says nothing of what it was given or printed."""


def program(task: Task) -> Mapping[str, Output]:
    """The operation `program`."""
    settings: ProgramSettings = task.settings
    folder = Path(tempfile.mkdtemp(dir=task.folder))
    try:
        frames = _give(task, folder / GIVEN)
        task.progress(0.2)
        took = run([place_of(settings.program), *settings.arguments], folder, settings.timeout, int(settings.largest))
        task.progress(0.8)
        return {"audio": Output(_take(task, folder / MADE, frames), {"took": round(took, 3)})}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _give(task: Task, path: Path) -> int:
    """Write the recording under a name that tells nothing, without tags; how many frames it has."""
    frames = 0
    with (
        task.open_audio("audio") as sound,
        create_audio(
            path,
            sound.sample_rate,
            sound.channels,
            layout=sound.layout,
            audio_format="wav",
            bits=task.settings.bits,
            seed=task.seed,
        ) as writer,
    ):
        for samples in sound.sampled_blocks():
            writer.write(samples)
            frames += samples.shape[1]
    return frames


def run(command: list[str], folder: Path, seconds: float, largest: int) -> float:
    """Start a program and wait for its end; how long that took (s).

    Args:
        command: its path and its arguments.
        folder: where it is started.
        seconds: after which it is ended, with what it started.
        largest: bytes of each file that it may write.

    Raises:
        ProgramError: it does not start, ends with another code than 0, or takes too long.
    """
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "LC_ALL": "C",
        "HOME": os.fspath(folder),
    }
    nothing = subprocess.DEVNULL
    began = time.monotonic()
    try:
        with _files_up_to(largest):
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=nothing,
                stdout=nothing,
                stderr=nothing,
                start_new_session=True,
            )
    except OSError as error:
        raise ProgramError(f"the program does not start: {error.strerror}") from None
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise ProgramError("the program took longer than its time limit") from None
    if code == -signal.SIGXFSZ:
        raise ProgramError("the program wrote more into a file than its limit")
    if code:
        raise ProgramError(f"the program ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}")
    return time.monotonic() - began


@contextlib.contextmanager
def _files_up_to(largest: int) -> Iterator[None]:
    """What is started meanwhile may write files of so many bytes; what is started after it as before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest if soft == resource.RLIM_INFINITY else min(soft, largest), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _take(task: Task, path: Path, frames: int) -> Path:
    """Read what the program wrote to its end, and write it as all results of the job are.

    Raises:
        ProgramError: it is no sound, or not as long as it should be.
    """
    if path.is_symlink() or not path.is_file():
        raise ProgramError(f"the program wrote no file {MADE}")
    made = 0
    try:
        with (
            open_audio(path) as sound,
            task.create_audio("audio", sound.sample_rate, sound.channels, sound.layout) as writer,
        ):
            for samples in sound.sampled_blocks():
                writer.write(samples)
                made += samples.shape[1]
            if task.settings.length == "same" and made != frames:
                raise ProgramError(f"the program wrote {made} frames, and the recording has {frames}")
    except (UnusableInputError, ValueError):
        raise ProgramError("what the program wrote is no sound, or one that the job's format cannot hold") from None
    return writer.path
