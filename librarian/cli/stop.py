"""`librarian stop`: end the run that is going on, in good order."""

from __future__ import annotations

import os
import signal
import time

import click

from librarian.cli.place import find_root
from librarian.cli.status import alive, read_status, status_path

PATIENCE_SECONDS = 20.0


@click.command("stop")
@click.option("--now", is_flag=True, help="Do not wait for anything; what was committed is kept.")
@click.pass_context
def command(context: click.Context, now: bool) -> int:
    """From another terminal: as Ctrl-C in the run's own. The run takes no more work, seals its record and ends; the
    same run typed again goes on. Ends with 1 where nothing is running.
    """
    status = read_status(status_path(find_root(context)))
    if status["state"] != "running":
        click.echo("nothing is running")
        return 1
    pid = int(status["pid"])
    os.kill(pid, signal.SIGINT)
    if now:
        time.sleep(0.2)  # two signals at once would be one
        if alive(pid):
            os.kill(pid, signal.SIGINT)
    until = time.monotonic() + PATIENCE_SECONDS
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    click.echo("still running; --now ends it at once" if alive(pid) else f"stopped {status['job']}")
    return int(alive(pid))
