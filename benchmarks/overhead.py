"""What a task costs beside its work: librarian, doit and snakemake on the same files in the same run, and a bare loop.

    python benchmarks/overhead.py --peers FOLDER --tasks 1000 10000 --repeat 3

Each task copies and hashes one small WAV file; no two are alike. The bare loop (sha256, copy, rename and a commit to
SQLite's WAL for every file) is the limit. doit works in its own process and with its default database, snakemake with
a shell command a task on all cores, librarian in its own process (`--workers 0`) and with a worker process a core.

A repetition is one first run and three more that find nothing to do; the tools take turns, in another order each
time, and the disk's queue is empty before each run. Nothing is deleted before all runs are over: for a while after it
ext4 looks for new inodes beyond those that became free, at several times the cost. Outputs are counted after the first
run, and none may have changed after the others. Printed are medians of whole processes, start-up included; of the bare
loop, the loop alone.

* `µs/task`: over what the same command takes for one file.
* `inside`: from the first line of librarian's manifest to the last one, which is `RunEnded.seconds` and the
  manifest's own beginning and end. `--events` is left out: it adds some 20 µs a task where nothing is to be done.
* `peak`: the most memory that the process itself held, workers left out (Linux only).

librarian's first run is durable to the last task, doit's and snakemake's is not: what an `fsync` takes is printed, and
a disk that others write to shows many times over.

doit and snakemake live in a virtual environment of their own. `--peers` names it; what is missing there is installed
with pip, and it is kept. Without `--peers` it goes with the rest. snakemake's first run takes minutes: beyond
`--snakemake-most` tasks its outputs are laid by hand. It has no records to compare then, and its second run is faster
than it would be.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import tempfile
import time
import wave
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from overhead_tools import DODO, SNAKEFILE, Librarian, Limit, Measured, Peer, Tool
from processes import CORES, find_peers

AGAIN = 3
"""Runs without anything to do after each first run."""
SETTLE_SECONDS = 2.1
"""librarian trusts the time of a file's last change only where it lies further back than this (s)."""
SYNCS = 50
RATE, FRAMES = 8000, 512
PEERS = ("doit", "snakemake")


def fsync_seconds(folder: Path) -> float:
    """What it takes here, now, to write a line and make it durable."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(b"a line\n")
            file.flush()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return median(took)


def make_recordings(folder: Path, number: int) -> None:
    """Small WAV files of noise, the same at every call."""
    noise = random.Random(0)
    folder.mkdir()
    for index in range(number):
        with wave.open(os.fspath(folder / f"{index:06}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, FRAMES, "NONE", ""))
            file.writeframes(noise.randbytes(2 * FRAMES))


def outputs(folder: Path) -> dict[Path, int]:
    """Every copy below a tool's folder, and when it was last changed (ns)."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.wav")}


class Comparison:
    """All tools on the same recordings.

    Args:
        top: folder to work in.
        tools: who takes part.
        snakemake_most: number of tasks beyond which snakemake's outputs are laid by hand.
    """

    def __init__(self, top: Path, tools: Sequence[Tool], snakemake_most: int) -> None:
        self._top, self._tools, self._snakemake_most = top, tools, snakemake_most

    def measure(self, tasks: int, repeat: int) -> tuple[dict[str, Measured], dict[str, Measured]]:
        """Medians by tool: of first runs, and of runs with nothing to do."""
        place = self._top / str(tasks)
        place.mkdir()
        make_recordings(place / "recordings", tasks)
        time.sleep(SETTLE_SECONDS)
        first: defaultdict[str, list[Measured]] = defaultdict(list)
        again: defaultdict[str, list[Measured]] = defaultdict(list)
        for turn in range(repeat):
            start = turn % len(self._tools)
            for tool in (*self._tools[start:], *self._tools[:start]):
                folder = place / f"{turn} {tool.name}"
                folder.mkdir()
                tool.lay(folder)
                first[tool.name] += self._first(tool, folder, tasks)
                again[tool.name] += [self._again(tool, folder) for _ in range(AGAIN)]
        shutil.rmtree(place)
        return {name: middle(runs) for name, runs in first.items() if runs}, {
            name: middle(runs) for name, runs in again.items()
        }

    def _first(self, tool: Tool, folder: Path, tasks: int) -> list[Measured]:
        if tool.name == "snakemake" and tasks > self._snakemake_most:
            shutil.copytree(folder.parent / "recordings", folder / "out", copy_function=shutil.copyfile)
            return []
        os.sync()
        run = tool.run(folder)
        if (made := len(outputs(folder))) != tasks:
            raise RuntimeError(f"{tool.name}: {made} outputs of {tasks} tasks")
        return [run]

    def _again(self, tool: Tool, folder: Path) -> Measured:
        before = outputs(folder)
        os.sync()
        run = tool.run(folder)
        if outputs(folder) != before:
            raise RuntimeError(f"{tool.name}: did something again")
        return run


def middle(runs: Sequence[Measured]) -> Measured:
    """The median of each number; of memory, the most."""
    inside = [run.inside for run in runs if run.inside is not None]
    peak = max((run.peak for run in runs if run.peak is not None), default=None)
    return Measured(median(run.seconds for run in runs), median(inside) if inside else None, peak)


def tools_of(skip: Sequence[str], peers: Path) -> list[Tool]:
    """Who takes part."""
    snake = (os.fspath(peers / "bin" / "snakemake"), "--quiet", "all", "--cores", str(CORES))
    everyone: list[Tool] = [
        Limit(),
        Peer("doit", (os.fspath(peers / "bin" / "doit"),), "dodo.py", DODO),
        Peer("snakemake", snake, "Snakefile", SNAKEFILE),
        Librarian(0),
        Librarian(CORES),
    ]
    return [tool for tool in everyone if not any(tool.name.startswith(each) for each in skip)]


def table(title: str, tasks: int, found: dict[str, Measured], one: dict[str, Measured], names: Sequence[str]) -> None:
    """Print one table."""
    print(f"\n{title:26}    seconds  × doit  × limit  µs/task   inside  peak MB")

    def cell(value: float | None, form: str, width: int) -> str:
        return f"{'–' if value is None else format(value, form):>{width}}"

    def times(run: Measured, other: str) -> float | None:
        return run.seconds / found[other].seconds if other in found else None

    for name in names:
        run = found.get(name)
        if run is None:
            print(f"{name:26}  {'–':>9}")
            continue
        over = (run.seconds - one[name].seconds) / tasks * 1e6 if tasks > 1 else None
        cells = (
            cell(run.seconds, ".3f", 9),
            cell(times(run, "doit"), ".2f", 6),
            cell(times(run, "limit"), ".1f", 7),
            cell(over, ".0f", 7),
            cell(run.inside, ".3f", 7),
            cell(None if run.peak is None else run.peak / 1e6, ".0f", 7),
        )
        print(f"{name:26}  " + "  ".join(cells))


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], help="tools, by how their names begin")
    parser.add_argument("--peers", type=Path, help="virtual environment with doit and snakemake; made where missing")
    parser.add_argument("--folder", type=Path, help="where to work: a temporary folder is made there")
    parser.add_argument("--snakemake-most", type=int, default=1000, help="most tasks for its first run (40 ms each)")
    return parser.parse_args()


def main() -> None:
    """Print two tables for each number of tasks."""
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        top = Path(made).resolve()
        peers = options.peers.absolute() if options.peers else top / "peers"
        tools = tools_of(options.skip, peers)
        names = [tool.name for tool in tools]
        known = find_peers(peers, wanted) if (wanted := {name: name for name in PEERS if name in names}) else []
        versions = [f"Python {platform.python_version()}", f"librarian-media {version('librarian-media')}", *known]
        print(f"{', '.join(versions)}; {CORES} cores; median of {options.repeat} first runs, {AGAIN} more after each")
        compare = Comparison(top, tools, options.snakemake_most)
        compare.measure(1, 1)  # modules are compiled, and the disk has read them
        one = compare.measure(1, options.repeat)
        for number in (1, *options.tasks):
            first, again = compare.measure(number, options.repeat) if number > 1 else one
            print(f"\nan fsync: {fsync_seconds(top) * 1e3:.2f} ms", end="")
            said = f"{number:,} task{'s' if number > 1 else ''}"
            table(f"{said}, first run", number, first, one[0], names)
            table(f"{said}, nothing to do", number, again, one[1], names)


if __name__ == "__main__":
    main()
