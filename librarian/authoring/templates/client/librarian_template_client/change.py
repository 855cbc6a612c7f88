"""What `template_client` does: it sends a sound to a server and takes back another.

The server is not trusted: `librarian.servers` sees to sizes, redirects and times, and what it sends is decoded here.
"""

from __future__ import annotations

import time
from pathlib import Path

from librarian import Task
from librarian.media import read_audio
from librarian.servers import Server, ServerError

SILENCE, ANSWER = 60.0, 900.0
"""Seconds: between two portions of an answer; for the whole of it."""
MOST_BYTES = 1 << 30


def change(task: Task) -> dict[str, Path]:
    """One task: the sound goes there, and what comes back is decoded here and written anew.

    The input has neither tags nor a telling name: librarian gives what talks to hosts a bare copy.
    """
    answer = task.folder / "answer.wav"
    fetch(Server(task.settings.server), task.inputs["audio"].path, answer)
    samples, rate = read_audio(answer)
    answer.unlink()
    return {"audio": task.write_audio("audio", samples, rate)}


def fetch(server: Server, source: Path, to: Path) -> None:
    """Send a file, and write what comes back.

    Raises:
        UnreachableError: no one answers, or breaks off; it is worth another try.
        ServerError, TooLateError: what it answers is no use, or comes too late.
    """
    limits = {"until": time.monotonic() + ANSWER, "silence": SILENCE, "most": MOST_BYTES}
    with (
        open(source, "rb") as file,
        server.ask("POST", "/change", data=file, **limits) as answer,
        open(to, "xb") as target,
    ):
        if not answer.is_ok:
            raise ServerError(f"the server refuses it ({answer.status})")
        for block in answer.blocks:
            target.write(block)
