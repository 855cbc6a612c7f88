"""What `template_client` does: it sends a sound to a server and takes back another.

The server is not trusted: for sizes, types, redirects, times, or that what it sends is a sound.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import requests
from librarian import Task, UnreachableError
from librarian.media import read_audio

CONNECT_SECONDS, READ_SECONDS, ANSWER_SECONDS = 5.0, 60.0, 900.0
"""To connect; between two portions of an answer; for the whole of it."""
MOST_BYTES = 1 << 30
_BLOCK = 1 << 16
_OK, _AWAY = 200, (502, 503, 504)


class ServerError(Exception):
    """It answered, and with what cannot be used."""


def change(task: Task) -> dict[str, Path]:
    """One task: the sound goes there, and what comes back is decoded here and written anew.

    The input has neither tags nor a telling name: librarian gives what talks to hosts a bare copy.
    """
    answer = task.folder / "answer.wav"
    fetch(f"http://{task.settings.server}/change", task.inputs["audio"].path, answer)
    samples, rate = read_audio(answer)
    answer.unlink()
    return {"audio": task.write_audio("audio", samples, rate)}


def fetch(url: str, source: Path, to: Path) -> None:
    """Send a file, and write what comes back.

    Raises:
        UnreachableError: no one answers, or breaks off; it is worth another try.
        ServerError: what it answers is no use.
    """
    until = time.monotonic() + ANSWER_SECONDS
    with requests.Session() as session, open(source, "rb") as file, open(to, "xb") as target:
        session.trust_env = False  # no proxy, no password file
        try:
            answer = session.post(
                url, data=file, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True, allow_redirects=False
            )
            _check(answer)
            for block in _limited(answer.iter_content(_BLOCK), until):
                target.write(block)
        except (requests.RequestException, OSError) as error:
            raise UnreachableError(f"the server does not answer ({type(error).__name__}); is it running?") from None


def _check(answer: requests.Response) -> None:
    if answer.status_code in _AWAY:
        raise UnreachableError(f"the server is not there ({answer.status_code})")
    if answer.status_code != _OK:
        raise ServerError(f"the server refuses it ({answer.status_code})")


def _limited(blocks: Iterator[bytes], until: float) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > MOST_BYTES:
            raise ServerError(f"the answer has more than {MOST_BYTES:,} bytes")
        if time.monotonic() > until:
            raise UnreachableError("the answer takes too long")
        yield block
