"""Kill it anywhere, run it again: the library is that of an undisturbed run, byte for byte."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import KEY, RECORDINGS, Archive

JOB = """\
librarian: 1
name: crash
recordings:
  - {id: all, path: recordings/*.*}
steps:
  - {id: voice, use: normalize, with: {target: -20 LUFS}}
  - {id: check, use: measure, from: voice.audio}
  - {id: quiet, use: normalize, from: voice.audio, audio: {format: wav, bits: 16}, with: {target: -30 LUFS}}
"""
SEED = 2024
ORPHANS_GONE_AFTER = 5.0


def fresh(root: Path) -> Archive:
    (root / "recordings").mkdir(parents=True)
    for path in (*RECORDINGS.glob("calls/*.wav"), *RECORDINGS.glob("conversations/*.flac")):
        shutil.copy(path, root / "recordings")
    archive = Archive(root, {"LIBRARIAN_KEY": KEY})
    archive.job(JOB)
    return archive


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    archive = fresh(tmp_path_factory.mktemp("undisturbed") / "archive")
    began = time.monotonic()
    archive.librarian("run", "job.yaml")
    return archive.files(), time.monotonic() - began


def kill_after(archive: Archive, seconds: float) -> bool:
    """Start a run and kill its whole group; False where it was done before."""
    process = archive.start("run", "job.yaml", start_new_session=True)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def processes_in(folder: Path) -> Iterator[str]:
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                if (each / "cwd").resolve() == folder and (each / "cmdline").read_bytes():
                    yield each.name
            except OSError:
                continue


def test_a_run_that_is_killed_at_random_moments_ends_as_if_it_had_not_been(
    tmp_path: Path, undisturbed: tuple[dict[str, bytes], float], request: pytest.FixtureRequest
) -> None:
    expected, duration = undisturbed
    moments = random.Random(SEED)
    killed = 0
    for number in range(request.config.getoption("--crashes")):
        archive = fresh(tmp_path / f"archive-{number}")
        killed += kill_after(archive, moments.uniform(0, duration))
        again = archive.librarian("run", "job.yaml")
        assert archive.files() == expected, f"kill {number}: {again.stderr}"
        archive.librarian("verify", "--read-data")
        assert not (archive.root / "library" / ".staging").exists()
        shutil.rmtree(archive.root)
    assert killed


def test_a_run_that_is_killed_again_and_again_gets_there(
    tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]
) -> None:
    expected, duration = undisturbed
    archive = fresh(tmp_path / "archive")
    moments = random.Random(SEED + 1)
    for _ in range(6):
        kill_after(archive, moments.uniform(0.3, 0.8) * duration)
    archive.librarian("run", "job.yaml")
    assert archive.files() == expected
    archive.librarian("verify", "--read-data")


def test_nothing_committed_is_made_again_and_no_worker_outlives_the_run(tmp_path: Path) -> None:
    archive = fresh(tmp_path / "archive")
    process = archive.start("run", "job.yaml", start_new_session=True)
    library = archive.root / "library"
    while not (made := list(library.glob("*/*/*/*"))) and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    until = time.monotonic() + ORPHANS_GONE_AFTER
    while list(processes_in(archive.root)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not list(processes_in(archive.root))
    before = {path: path.stat().st_mtime_ns for path in made}
    assert before
    lines = "".join(path.read_text() for path in (archive.root / "manifests").glob("*.jsonl"))
    archive.librarian("run", "job.yaml")
    for path, mtime in before.items():
        if path.name in lines:  # its line was there: it was committed
            assert path.stat().st_mtime_ns == mtime


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_in_good_order(
    tmp_path: Path, undisturbed: tuple[dict[str, bytes], float], number: int, code: int
) -> None:
    archive = fresh(tmp_path / "archive")
    process = archive.start("run", "job.yaml")
    manifests = archive.root / "manifests"
    while not list(manifests.glob("*.jsonl")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert '"state":"interrupted"' in next(manifests.glob("*.jsonl")).read_text()
    assert not (archive.root / "library" / ".staging").exists()
    archive.librarian("run", "job.yaml")
    assert archive.files() == undisturbed[0]
