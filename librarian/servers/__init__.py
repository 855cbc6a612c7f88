"""A server on the owner's own machines, by HTTP: for extensions that talk to one. Loaded in workers only.

It is not trusted: for sizes, types, redirects, times, or that it speaks JSON. Every request has a limit to connect, for
silence, and as a whole. No redirect is followed, no proxy and no password file is asked, nothing compressed is taken,
and no `Origin` is sent. A body is handed over as it arrives, so that whoever waits sees that something comes; urllib3
sees to it that it is as long as it says.

An operation names its hosts (`Operation.hosts`), and the owner lets them by a rule in the job file.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from librarian.errors import UnreachableError
from librarian.servers.timed import TimedAdapter, within

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
"""To connect; between two portions of an answer. A server that ends accepts, and falls silent."""
ANSWER_SECONDS = 120.0
"""For a whole answer."""
MOST_BYTES = 32 << 20
"""Of an answer that is no file."""
_BLOCK = 1 << 16
_OK = 200
_AWAY = (429, 502, 503, 504)
"""What a server says that is busy or still loads, or a proxy of one that is not there."""


class ServerError(Exception):
    """It answered, and with what cannot be used."""


class TooLateError(Exception):
    """The time is up."""


@dataclass(frozen=True)
class Answer:
    """An answer that is there: its status, and its body."""

    status: int
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether what was asked for was done."""
        return self.status == _OK

    def json(self) -> Any:
        """What it holds; None where that is no JSON in UTF-8, or no number."""
        return parsed(self.body)

    def mapping(self) -> dict[str, Any]:
        """The JSON object that it is.

        Raises:
            ServerError: it is none.
        """
        found = self.json()
        if not isinstance(found, dict):
            raise ServerError(f"it answered {self.status} with no JSON object: is it the server that is meant?")
        return found


@dataclass(frozen=True)
class Arriving:
    """An answer whose body arrives bit by bit.

    Attributes:
        status: its status.
        kind: media type, in lower case; empty where it says none.
        blocks: its body, once. Raises what `Server.ask` does.
    """

    status: int
    kind: str
    blocks: Iterator[bytes]

    @property
    def is_ok(self) -> bool:
        """Whether what was asked for was done."""
        return self.status == _OK

    def whole(self) -> Answer:
        """It, once all of it is there."""
        return Answer(self.status, b"".join(self.blocks))


class Server:
    """A server at `name:port`, by plain HTTP."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", TimedAdapter())
        self._session.headers = requests.structures.CaseInsensitiveDict({"Accept-Encoding": "identity"})

    def get(self, path: str, **params: str) -> Answer:
        """Ask for something; raises what `ask` does."""
        return self.request("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Ask to do something, in JSON. It is not asked again: whoever asked looks first what became of it."""
        return self.request("POST", path, **in_json(body))

    def save(self, path: str, to: Path, *, most: float, until: float, **params: str) -> tuple[str, int]:
        """Write what the server has to a file.

        Args:
            path: which.
            to: a path that does not exist yet.
            most: bytes at the most.
            until: when it has to be there (monotonic, s).
            params: of the request.

        Returns:
            Its sha256 in hex, and its size in bytes.

        Raises:
            ServerError: it is not there, or too large.
        """
        digest, size = hashlib.sha256(), 0
        with self.ask("GET", path, most=most, until=until, params=params) as answer, open(to, "xb") as file:
            if not answer.is_ok:
                raise ServerError(f"a file that it named is not there any more ({answer.status})")
            for block in answer.blocks:
                digest.update(block)
                size += file.write(block)
        return digest.hexdigest(), size

    def request(self, method: str, path: str, **more: Any) -> Answer:
        """Ask, and wait for all that comes; arguments as in `ask`, but for `until`."""
        try:
            with self.ask(method, path, until=time.monotonic() + ANSWER_SECONDS, **more) as answer:
                return answer.whole()
        except TooLateError:
            raise UnreachableError("an answer of the server took too long") from None

    @contextmanager
    def ask(
        self,
        method: str,
        path: str,
        *,
        until: float,
        silence: float | None = None,
        most: float | None = None,
        **more: Any,
    ) -> Iterator[Arriving]:
        """Ask, and take what comes. Whoever leaves before its end hangs up, which a server takes as a wish to stop.

        Args:
            method: GET or POST.
            path: which.
            until: when all of it has to be there (monotonic, s).
            silence: longest time in which nothing comes (s); `READ_SECONDS` where it is not said.
            most: bytes at the most; `MOST_BYTES` where it is not said.
            more: what `requests` takes: params, data, files, headers.

        Raises:
            UnreachableError: it does not answer, is busy, falls silent, or breaks off: worth another try.
            ServerError: it sends elsewhere, something compressed, or too much.
            TooLateError: the time is up.
        """
        longest = READ_SECONDS if silence is None else silence
        with _told(until), within(until):
            answer = self._session.request(
                method,
                f"http://{self.address}{path}",
                timeout=(CONNECT_SECONDS, max(0.001, min(longest, until - time.monotonic()))),
                stream=True,
                allow_redirects=False,
                **more,
            )
        with answer:
            if answer.is_redirect or answer.status_code // 100 == 3:  # noqa: PLR2004
                raise ServerError("it sends elsewhere, which is not followed: is it the server that is meant?")
            if answer.status_code in _AWAY:
                raise UnreachableError(f"the server is not there, or busy ({answer.status_code})")
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            yield Arriving(answer.status_code, kind, _blocks(answer, until, MOST_BYTES if most is None else most))


@contextmanager
def _told(until: float) -> Iterator[None]:
    """Whatever goes wrong on the way, in our words."""
    try:
        yield
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        if time.monotonic() >= until:
            raise TooLateError("the time is up") from None
        raise UnreachableError(f"the server does not answer ({type(error).__name__})") from None


def _blocks(answer: requests.Response, until: float, most: float) -> Iterator[bytes]:
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ServerError("it sent something compressed, which was not asked for")
    size = 0
    while True:
        with _told(until):
            block = answer.raw.read1(_BLOCK, decode_content=False)  # what is there, however little
        if not block:
            return
        size += len(block)
        if size > most:
            raise ServerError(f"an answer has more than {most:,.0f} bytes")
        if time.monotonic() >= until:
            raise TooLateError("the time is up")
        yield block


def in_json(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body in JSON, as `Server.ask` takes it."""
    return {"data": json.dumps(body, allow_nan=False).encode(), "headers": {"Content-Type": "application/json"}}


def parsed(body: bytes) -> Any:
    """JSON in UTF-8; None where it is none, or holds what is no number."""
    try:
        return json.loads(body.decode(), parse_constant=_refused)
    except (ValueError, RecursionError):
        return None


def _refused(word: str) -> Any:
    raise ValueError(word)
