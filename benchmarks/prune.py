"""What a prune of many results takes, at a quarter, a half and all of the tasks, and what it takes to look first.

    python benchmarks/prune.py --tasks 20000

The record is that of `benchmarks/view.py`: an outcome line for each recording with two results, whose files are there
and empty. Printed is processor time of `librarian prune --step voice` as a whole process, with `--dry-run` and with
`--yes`, and beside it the limit: a bare loop that removes as many files and folders.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from view import _children, record

from librarian import project as projects
from librarian.manifest.catalog import Catalog


def pruned(root: Path, *more: str) -> float:
    """Processor time (s) of a prune."""
    before = _children()
    command = [sys.executable, "-P", "-m", "librarian", "prune", "--step", "voice", *more]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return _children() - before


def lay(folder: Path, files: list[str]) -> None:
    """Make empty files."""
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o400)


def bare(folder: Path, files: list[str]) -> float:
    """Processor time (s) that removing as many files and folders takes."""
    lay(folder, files)
    before = time.process_time()
    for file in files:
        os.unlink(folder / file)
    for task in {os.path.dirname(file) for file in files}:
        os.rmdir(folder / task)
        os.rmdir((folder / task).parent)
    return time.process_time() - before


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=20_000)
    typed = parser.parse_args()
    for tasks in (typed.tasks // 4, typed.tasks // 2, typed.tasks):
        with tempfile.TemporaryDirectory() as place:
            root = Path(place)
            project = projects.init(root)
            record(project, range(tasks))
            with closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog:
                files = [artifact.file for artifact in catalog.artifacts()]
            lay(project.library, files)
            limit = bare(root / "bare", files)
            looked, gone = pruned(root, "--dry-run"), pruned(root, "--yes")
            print(
                f"{tasks:7,} tasks, {len(files):,} files: look {looked:.2f} s, prune {gone:.2f} s, bare {limit:.2f} s"
            )


if __name__ == "__main__":
    main()
