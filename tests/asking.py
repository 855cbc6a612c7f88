"""Questions to a project, and what a person sees of the answers."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

from harness import Archive


def data(archive: Archive, *arguments: str) -> Any:
    return json.loads(archive.librarian(*arguments, "--json").stdout)


def units(archive: Archive) -> list[str]:
    return sorted(path.name for path in (archive.root / "library").glob("*/*_*"))


def results(archive: Archive, unit: str) -> dict[str, str]:
    """step.output → artifact id, as `show` says of a recording."""
    found = data(archive, "show", unit)["results"]
    return {f"{each['step']}.{one['output']}": one["id"] for each in found for one in each["artifacts"]}


def on_a_terminal(archive: Archive, *arguments: str, columns: int = 0) -> str:
    ours, theirs = pty.openpty()
    if columns:
        subprocess.run(["stty", "cols", str(columns)], stdin=theirs, check=True)
    command = [sys.executable, "-P", "-m", "librarian", *arguments]
    environment = {**os.environ, **archive.environment}
    process = subprocess.Popen(command, cwd=archive.root, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the process is gone
            break
    os.close(ours)
    assert process.wait() == 0, said.decode()
    return said.decode()
