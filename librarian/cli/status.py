"""`librarian status`: where the run that is going on stands."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from librarian.cli.place import find_root
from librarian.cli.words import duration, times
from librarian.project import STATE

WATCH_SECONDS = 1.0


@click.command("status")
@click.option("--watch", is_flag=True, help="Look again every second until the run is over.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(context: click.Context, watch: bool, as_json: bool) -> int:
    """Says it from another terminal, or after the run. Reads one small file and waits for nobody."""
    path = status_path(find_root(context))
    while True:
        status = read_status(path)
        click.echo(json.dumps(status, indent=None if watch else 1) if as_json else "\n".join(lines(status)))
        if not watch or status["state"] != "running":
            return 0
        time.sleep(WATCH_SECONDS)


def status_path(root: Path) -> Path:
    """Where the run that is going on says where it stands."""
    return root / STATE / "runs" / "status.json"


def read_status(path: Path) -> dict[str, Any]:
    """Where the last run stands. One whose process is gone without a word was killed."""
    try:
        status: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {"state": "none", "pid": 0, "steps": {}, "running": []}
    if status["state"] == "running" and not alive(int(status["pid"])):
        status["state"] = "killed"
    return status


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:  # another user's, or a system without /proc
        return True


def failure_line(failure: dict[str, Any]) -> str:
    """The last task that failed."""
    of = failure.get("label") or failure["unit"]
    why = ": ".join(each for each in (failure["reason"].replace("_", " "), failure["message"]) if each)
    return f"last failure: {failure['step']} {of}  {why}"


def lines(status: dict[str, Any]) -> list[str]:
    """The status for people."""
    if status["state"] == "none":
        return ["nothing has run here yet; next: librarian run job.yaml"]
    left = status["left"]
    more = f", about {duration(left)} left" if status["state"] == "running" and left is not None else ""
    said = [f"{status['name']} {status['job']}: {status['state']} for {duration(status['elapsed'])}{more}"]
    width = max(map(len, status["steps"]), default=0)
    for step, each in status["steps"].items():
        under_way = status["running"] if status["state"] == "running" else ()
        running = [task["done"] for task in under_way if task["step"] == step]
        said.append(f"  {step:<{width}}  {', '.join(_counts(each, running))}")
    if failure := status["failure"]:
        said.append(failure_line(failure))
    if status["state"] == "killed":
        said.append("its process is gone; next: type the same run again, it goes on where it was")
    return said


def _counts(step: dict[str, Any], running: list[float]) -> Iterator[str]:
    """How many tasks of a step ended in which way, run (and how far they are), and wait."""
    for outcome, number in step["ended"].items():
        if number:
            yield f"{number:,} {outcome}"
    if running:
        parts = ", ".join(f"{done:.0%}" for done in running if done)
        yield f"{len(running):,} running{f' ({parts})' if parts else ''}"
    yield f"{max(0, step['waiting'] - len(running)):,} waiting"
    if step["speed"]:
        yield f"{times(step['speed'])} real time"
