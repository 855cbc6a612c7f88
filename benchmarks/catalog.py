"""What it takes to make the catalog anew from its manifests, at a quarter, a half and all of the outcome lines.

    python benchmarks/catalog.py --lines 100000

The manifests are written by the code that a run writes them with: a thousand outcome lines each, with two results.
Printed are wall and processor time of `librarian catalog rebuild` as a whole process, its peak memory (Linux), and
beside it the limit: reading the same manifests and parsing each line as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from view import PER_MANIFEST, record

from librarian import project as projects
from librarian.project import Project

MEASURE = """
import os, sys, time
began = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


def rebuilt(root: Path) -> tuple[float, float, float]:
    """Wall time (s), processor time (s) and peak memory (MiB) of a rebuild."""
    command = [sys.executable, "-ISc", MEASURE, sys.executable, "-P", "-m", "librarian", "catalog", "rebuild"]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    wall, work, kib, code = done.stdout.split()
    assert code == "0", done.stderr
    return float(wall), float(work), int(kib) / 1024


def parsed(project: Project) -> float:
    """Processor time (s) that reading and parsing the manifests takes."""
    began = time.process_time()
    for path in project.manifests.glob("*.jsonl"):
        with open(path, "rb") as file:
            for line in file:
                json.loads(line)
    return time.process_time() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    typed = parser.parse_args()
    os.environ.pop("LIBRARIAN_KEY", None)
    with tempfile.TemporaryDirectory() as place:
        project = projects.init(Path(place))
        begin = 0
        for end in (typed.lines // 4, typed.lines // 2, typed.lines):
            record(project, range(begin, end))
            begin = end
            wall, work, mib = rebuilt(project.root)
            print(
                f"{end:>9,} lines, {end // PER_MANIFEST:,} manifests: {wall:.1f} s, {work:.1f} s of processor time "
                f"({work / end * 1e6:.0f} µs a line), {mib:.0f} MiB; parsing alone {parsed(project):.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
