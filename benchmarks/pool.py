"""The worker pool under load: what a trivial task costs, whether that grows, and what a second worker brings.

    python benchmarks/pool.py --tasks 1000 10000 100000

Trivial: each task copies one small WAV file (archive and extension of `overhead.py`), durably, through workers. For
each number of tasks: seconds of the whole process and of the run inside it, µs a task, the parent's own processor time
a task (beside its start), the most memory that the parent held. Linear is where µs a task stay the same; flat where
memory does.

Heavy: each task computes for a while on one core (SHA-256, the interpreter's lock released). The same recordings go
through one worker and through two, in turns; the ratio of the medians of the time inside the run is printed beside
what two bare processes reach against one: two cores that share a memory bus, or neighbours, seldom reach 2.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from overhead import SETTLE_SECONDS, make_recordings
from overhead_tools import Librarian, inside_of
from processes import CORES, take

HEAVY_TASKS = 100
ROUNDS = 20
"""Of 8 MiB each: some 0.1 s."""
SPIN = '''
import hashlib

from librarian import Audio, Measurement, Measurements, Operation, Settings, hookimpl

BLOCK = bytes(8 << 20)


class SpinSettings(Settings):
    """None."""


def spin(task):
    found = hashlib.sha256(task.inputs["audio"].path.read_bytes())
    for _ in range({rounds}):
        found.update(BLOCK)
    value = float(found.digest()[0])
    return {{"report": Measurements(measurements=[Measurement(name="spin", value=value)])}}


@hookimpl
def librarian_operations():
    return [
        Operation(
            name="copy",
            version="1",
            run=f"{{__name__}}:spin",
            settings=SpinSettings,
            inputs={{"audio": Audio}},
            outputs={{"report": Measurements}},
            description="Compute for a while.",
        )
    ]
'''


@dataclass(frozen=True)
class Run:
    """One run: seconds of the process, seconds inside it, the parent's processor time (s), its most memory (bytes)."""

    seconds: float
    inside: float
    cpu: float
    peak: int


def run(folder: Path, workers: int) -> Run:
    """Run the job in a folder."""
    command = [sys.executable, "-P", "-m", "librarian", "run", "job.yaml", "--workers", str(workers)]
    path = os.pathsep.join(filter(None, (os.fspath(folder / "site"), os.environ.get("PYTHONPATH"))))
    taken = take(command, folder, {"PYTHONPATH": path})
    return Run(taken.seconds, inside_of(folder), taken.cpu, taken.peak)


def trivial(top: Path, tasks: int, workers: int, repeat: int) -> list[Run]:
    """First runs over so many small files."""
    make_recordings(top / "recordings", tasks)
    time.sleep(SETTLE_SECONDS)
    found = []
    for turn in range(repeat):
        folder = top / f"work{turn}"  # all are deleted at the end: see overhead.py
        folder.mkdir()
        Librarian(workers).lay(folder)
        os.sync()
        found.append(run(folder, workers))
    clear(top)
    return found


def clear(top: Path) -> None:
    """Delete all that a comparison made."""
    for each in top.iterdir():
        shutil.rmtree(each)


def heavy(top: Path, repeat: int) -> tuple[float, float]:
    """Seconds inside the run with one worker, and with two."""
    make_recordings(top / "recordings", HEAVY_TASKS)
    time.sleep(SETTLE_SECONDS)
    took: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(repeat):
        for workers in (1, 2) if turn % 2 else (2, 1):
            folder = top / f"work{turn}-{workers}"
            folder.mkdir()
            Librarian(workers).lay(folder)
            (folder / "site" / "librarian_copying.py").write_text(SPIN.format(rounds=ROUNDS))
            took[workers].append(run(folder, workers).inside)
    clear(top)
    return median(took[1]), median(took[2])


def spin(tasks: int) -> None:
    """What the heavy tasks do, without anything around it."""
    for _ in range(tasks):
        found = hashlib.sha256()
        for _ in range(ROUNDS):
            found.update(bytes(8 << 20))


def bare(repeat: int) -> tuple[float, float]:
    """Seconds of the same work in one process, and shared by two."""
    took: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeat):
        for number, each in took.items():
            began = time.perf_counter()
            others = [multiprocessing.Process(target=spin, args=(HEAVY_TASKS // number,)) for _ in range(number)]
            for process in others:
                process.start()
            for process in others:
                process.join()
            each.append(time.perf_counter() - began)
    return median(took[1]), median(took[2])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="*", default=[1000, 10000])
    parser.add_argument("--workers", type=int, default=CORES)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work: a temporary folder is made there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        top = Path(made).resolve()
        trivial(top, 1, 1, 1)  # modules are compiled, and the disk has read them
        start = median(each.cpu for each in trivial(top, 1, options.workers, options.repeat))
        print(f"{CORES} cores, {options.workers} workers; medians of {options.repeat}\n")
        print("trivial tasks   seconds   inside  µs/task  parent µs/task  parent MB")
        for tasks in options.tasks:
            runs = trivial(top, tasks, options.workers, options.repeat)
            seconds, inside, cpu = (
                median(getattr(each, name) for each in runs) for name in ("seconds", "inside", "cpu")
            )
            peak = max(each.peak for each in runs) / 1e6
            each, own = inside / tasks * 1e6, (cpu - start) / tasks * 1e6
            print(f"{tasks:13,}  {seconds:8.2f} {inside:8.2f} {each:8.0f} {own:15.0f} {peak:10.0f}", flush=True)
        one, two = heavy(top, options.repeat)
        bare_one, bare_two = bare(options.repeat)
        print(f"\n{HEAVY_TASKS} heavy tasks: one worker {one:.2f} s, two {two:.2f} s: {one / two:.2f} × as fast")
        print(f"the same, bare: one process {bare_one:.2f} s, two {bare_two:.2f} s: {bare_one / bare_two:.2f} ×")


if __name__ == "__main__":
    main()
