"""One server, by HTTP. It is not trusted: for sizes, types, redirects, times, or that it speaks JSON.

Every request has a time limit to connect, for silence, and as a whole. No redirect is followed, no proxy and no
password file is asked, nothing compressed is taken. Bodies are handed over as they arrive, so that whoever waits sees
that something comes. urllib3 sees to it that an answer is as long as it says.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import HTTPError

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
"""To connect; between two portions of an answer to `get`."""
ANSWER_SECONDS = 120.0
"""For a whole answer to `get`."""
MOST_BYTES = 32 << 20
"""Of an answer. An event with one token takes 200 to 400 of them."""
_BLOCK = 1 << 16
_OK = 200
_AWAY = (429, 502, 503, 504)
"""What a server says that is busy or still loads, or a proxy of one that is not there."""


class UnansweredError(Exception):
    """It could not be reached, fell silent, or broke off."""


class ServerError(Exception):
    """It answered, and with what cannot be used."""


class TooLateError(Exception):
    """The time is up."""


@dataclass(frozen=True)
class Arriving:
    """An answer whose body arrives bit by bit.

    Attributes:
        status: its status.
        kind: media type, in lower case; empty where it says none.
        blocks: its body, once.
    """

    status: int
    kind: str
    blocks: Iterator[bytes]

    @property
    def is_ok(self) -> bool:
        """Whether what was asked for is done."""
        return self.status == _OK

    def json(self) -> Any:
        """What the body holds, once it is there; None where that is no JSON."""
        return parsed(b"".join(self.blocks))


class Server:
    """A server at `name:port`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers = requests.structures.CaseInsensitiveDict({"Accept-Encoding": "identity"})

    def get(self, path: str) -> tuple[int, Any]:
        """Ask for something: the status, and the JSON that came."""
        until = time.monotonic() + ANSWER_SECONDS
        try:
            with self._asked("GET", path, READ_SECONDS, until) as answer:
                return answer.status, answer.json()
        except TooLateError:
            raise UnansweredError("an answer took too long") from None

    @contextmanager
    def post(self, path: str, body: Mapping[str, Any], silence: float, until: float) -> Iterator[Arriving]:
        """Ask to do something. Whoever leaves before the end hangs up, which a server takes as a wish to stop.

        Args:
            path: which.
            body: what is sent, as JSON.
            silence: longest time in which nothing comes (s).
            until: when all of it has to be there (monotonic, s).

        Raises:
            TooLateError: it is not.
        """
        sent = {
            "data": json.dumps(body, allow_nan=False).encode(),
            "headers": {"Content-Type": "application/json"},
        }
        with self._asked("POST", path, silence, until, **sent) as answer:
            yield answer

    @contextmanager
    def _asked(self, method: str, path: str, silence: float, until: float, **more: Any) -> Iterator[Arriving]:
        longest = max(0.001, min(silence, until - time.monotonic()))
        with _told(until):
            answer = self._session.request(
                method,
                f"http://{self.address}{path}",
                timeout=(CONNECT_SECONDS, longest),
                stream=True,
                allow_redirects=False,
                **more,
            )
        with answer:
            if answer.is_redirect or answer.status_code // 100 == 3:  # noqa: PLR2004
                raise ServerError("it sends elsewhere, which is not followed")
            if answer.status_code in _AWAY:
                raise UnansweredError(f"status {answer.status_code}")
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            yield Arriving(answer.status_code, kind, _blocks(answer, until))


@contextmanager
def _told(until: float) -> Iterator[None]:
    """Whatever goes wrong on the way, in our words."""
    try:
        yield
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        if time.monotonic() >= until:
            raise TooLateError("the time is up") from None
        raise UnansweredError(type(error).__name__) from None


def _blocks(answer: requests.Response, until: float) -> Iterator[bytes]:
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ServerError("it sent something compressed, which was not asked for")
    size = 0
    while True:
        with _told(until):
            block = answer.raw.read1(_BLOCK, decode_content=False)  # what is there, however little
        if not block:
            return
        size += len(block)
        if size > MOST_BYTES:
            raise ServerError(f"an answer has more than {MOST_BYTES:,} bytes")
        if time.monotonic() >= until:
            raise TooLateError("the time is up")
        yield block


def parsed(body: bytes) -> Any:
    """JSON in UTF-8; None where it is none."""
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
