"""One server, by HTTP. It is not trusted: for sizes, types, redirects, times, or that it speaks JSON.

Every request has a time limit to connect, between bytes, and as a whole. No redirect is followed, no proxy and no
password file is asked, nothing compressed is taken, and `Origin` is never sent (a foreign one is refused with 403).
urllib3 sees to it, from 2.0 on, that an answer is as long as it says.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import requests

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
"""To connect; between two portions of an answer. A server that ends accepts and falls silent."""
ANSWER_SECONDS = 120.0
"""For a whole answer that is no file."""
MOST_JSON = 32 << 20
"""Bytes: /queue carries whole graphs, and 300 small ones are 0.1 MB."""
_BLOCK = 1 << 16
_OK = 200
_AWAY = (502, 503, 504)
"""What a proxy says of a server that is not there."""


class UnansweredError(Exception):
    """It could not be reached, fell silent, or broke off."""


class ServerError(Exception):
    """It answered, and with what cannot be used."""


class Answer:
    """An answer in full: its status, and its body as JSON where it is any."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self._body = status, body

    @property
    def is_ok(self) -> bool:
        """Whether what was asked for was done."""
        return self.status == _OK

    def mapping(self) -> dict[str, Any]:
        """The JSON object that it is.

        Raises:
            ServerError: it is none.
        """
        found = self.json()
        if not isinstance(found, dict):
            raise ServerError(f"it answered {self.status} with no JSON object: is it a ComfyUI server?")
        return found

    def json(self) -> Any:
        """What it holds; None where that is no JSON."""
        try:
            return json.loads(self._body, parse_constant=_refused)
        except (ValueError, RecursionError):
            return None


def _refused(word: str) -> Any:
    raise ValueError(word)


class Server:
    """A server at `name:port`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers = requests.structures.CaseInsensitiveDict({"Accept-Encoding": "identity"})

    def get(self, path: str, **params: str) -> Answer:
        """Ask for something."""
        return self._whole("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Ask to do something. It is not asked again: whoever asked looks first what became of it."""
        return self._whole("POST", path, data=json.dumps(body, allow_nan=False).encode())

    def upload(self, path: Path, name: str, folder: str) -> Answer:
        """Send a file under a name and into a folder of ours."""
        with open(path, "rb") as file:
            form = {"subfolder": folder, "type": "input", "overwrite": "true"}
            return self._whole("POST", "/upload/image", files={"image": (name, file)}, data=form)

    def fetch(self, params: Mapping[str, str], to: Path, most: float, until: float) -> tuple[str, int]:
        """Write a file that the server has to `to`.

        Args:
            params: of /view.
            to: a path that does not exist yet.
            most: bytes at the most.
            until: when it has to be there (monotonic, s).

        Returns:
            Its sha256 in hex, and its size in bytes.
        """
        digest, size = hashlib.sha256(), 0
        with self._asked("GET", "/view", params=dict(params)) as answer, open(to, "xb") as file:
            if answer.status_code != _OK:
                raise ServerError(f"a file that the run made is not there any more ({answer.status_code})")
            for block in _blocks(answer, most, until):
                digest.update(block)
                size += _written(file, block)
        return digest.hexdigest(), size

    def _whole(self, method: str, path: str, **more: Any) -> Answer:
        until = time.monotonic() + ANSWER_SECONDS
        with self._asked(method, path, **more) as answer:
            if answer.status_code in _AWAY:
                raise UnansweredError(f"status {answer.status_code}")
            return Answer(answer.status_code, b"".join(_blocks(answer, MOST_JSON, until)))

    def _asked(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method,
                f"http://{self.address}{path}",
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
                allow_redirects=False,
                **more,
            )
        except (requests.RequestException, OSError, ValueError) as error:
            raise UnansweredError(type(error).__name__) from None
        if answer.is_redirect or answer.status_code // 100 == 3:  # noqa: PLR2004
            answer.close()
            raise ServerError("it sends elsewhere, which is not followed: is it a ComfyUI server?")
        return answer


def _blocks(answer: requests.Response, most: float, until: float) -> Iterator[bytes]:
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ServerError("it sent something compressed, which was not asked for")
    size = 0
    try:
        for block in answer.iter_content(_BLOCK):
            size += len(block)
            if size > most:
                raise ServerError(f"an answer has more than {most:,.0f} bytes")
            if time.monotonic() > until:
                raise UnansweredError("an answer took too long")
            yield block
    except (requests.RequestException, OSError) as error:
        raise UnansweredError(type(error).__name__) from None


def _written(file: BinaryIO, block: bytes) -> int:
    file.write(block)
    return len(block)
