"""A server is not trusted: whatever it does ends soon, in one of three errors."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer

from librarian import UnreachableError, servers
from librarian.servers import Server, ServerError, TooLateError

HOUR = 3600.0
Does = Callable[["Handler"], object]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    does: Does

    def do_GET(self) -> None:
        type(self).does(self)  # type: ignore[misc]

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drop(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Does], Server]]:
    monkeypatch.setattr(servers, "READ_SECONDS", 0.3)
    with LoopbackServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()

        def behaving(does: Does) -> Server:
            Handler.does = does
            return Server(f"127.0.0.1:{found.server_port}")

        yield behaving
        found.shutdown()
        thread.join()


def test_json_goes_there_and_comes_back(server: Callable[[Does], Server]) -> None:
    got: list[Any] = []

    def echo(request: Handler) -> None:
        got.append(dict(request.headers))
        request.answer(body=request.rfile.read(int(request.headers["Content-Length"])))

    assert server(echo).post("/x", {"a": [1, "ü"]}).mapping() == {"a": [1, "ü"]}
    assert got[0]["Content-Type"] == "application/json"
    assert got[0]["Accept-Encoding"] == "identity"
    assert not {"Origin", "Authorization", "Cookie"} & got[0].keys()


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000, b'{"a": NaN}', b"\xff", b"[1]"])
def test_what_is_no_json_object(server: Callable[[Does], Server], body: bytes) -> None:
    with pytest.raises(ServerError, match="answered 500 with no JSON object"):
        server(lambda request: request.answer(500, body)).get("/x").mapping()


@pytest.mark.parametrize(
    ("does", "message"),
    [
        (lambda request: request.answer(302, Location="http://127.0.0.1:1/"), "sends elsewhere"),
        (lambda request: request.answer(body=bytes(9), Content_Encoding="gzip"), "compressed"),
        (lambda request: request.answer(body=bytes(2000)), "more than 1,000 bytes"),
    ],
)
def test_what_cannot_be_used(
    server: Callable[[Does], Server], does: Does, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "MOST_BYTES", 1000)
    with pytest.raises(ServerError, match=message):
        server(does).get("/x")


@pytest.mark.parametrize(
    "does",
    [
        lambda request: request.drop(),
        lambda request: request.rfile.read(1),
        lambda request: request.answer(503),
        lambda request: (request.answer(Content_Length="100"), request.drop()),
    ],
)
def test_what_is_worth_another_try(server: Callable[[Does], Server], does: Does) -> None:
    with pytest.raises(UnreachableError):
        server(does).get("/x")


def test_one_that_is_not_there() -> None:
    with pytest.raises(UnreachableError, match=r"does not answer \(ConnectionError\)"):
        Server("127.0.0.1:1").get("/x")


def test_one_that_drips_for_ever_is_hung_up_on(server: Callable[[Does], Server]) -> None:
    hung_up = threading.Event()

    def drip(request: Handler) -> None:
        request.answer(Content_Length="1000000")
        try:
            while not hung_up.wait(0.01):
                request.wfile.write(b" ")
        except OSError:
            hung_up.set()

    found = server(drip)
    with (
        pytest.raises(TooLateError),
        found.ask("GET", "/x", until=time.monotonic() + 0.2) as answer,
    ):
        answer.whole()
    assert hung_up.wait(HOUR)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"0\r\n", b"a: b\r\n"),
    ],
    ids=["header", "continue", "length", "trailer"],
)
def test_one_that_drips_around_its_answer_is_hung_up_on_too(
    server: Callable[[Does], Server], first: bytes, again: bytes
) -> None:
    hung_up = threading.Event()

    def drip(request: Handler) -> None:
        try:
            request.wfile.write(first)
            while not hung_up.wait(0.01):
                request.wfile.write(again)
        except OSError:
            hung_up.set()

    found = server(drip)
    with (
        pytest.raises(TooLateError),
        found.ask("GET", "/x", until=time.monotonic() + 0.2) as answer,
    ):
        answer.whole()
    assert hung_up.wait(HOUR)


def test_a_connection_that_is_kept_has_the_time_of_each_request(server: Callable[[Does], Server]) -> None:
    places = []

    def tell(request: Handler) -> None:
        places.append(request.client_address)
        request.answer()

    found = server(tell)
    for seconds in (5.0, HOUR):
        with found.ask("GET", "/x", until=time.monotonic() + seconds) as answer:
            assert answer.whole().mapping() == {}
    assert places[0] == places[1]


def test_a_file_is_saved_with_its_digest(server: Callable[[Does], Server], tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    found = server(lambda request: request.answer(200 if "name=a" in request.path else 404, content))
    until = time.monotonic() + HOUR
    assert found.save("/x", tmp_path / "a", most=1e6, until=until, name="a") == (
        hashlib.sha256(content).hexdigest(),
        len(content),
    )
    assert (tmp_path / "a").read_bytes() == content
    with pytest.raises(ServerError, match=r"not there any more \(404\)"):
        found.save("/x", tmp_path / "b", most=1e6, until=until, name="b")
    with pytest.raises(ServerError, match="more than 1,000 bytes"):
        found.save("/x", tmp_path / "c", most=1000, until=until, name="a")
    with pytest.raises(FileExistsError):
        found.save("/x", tmp_path / "a", most=1e6, until=until, name="a")


def test_a_body_is_strict_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        servers.in_json({"a": float("nan")})
    assert servers.parsed(json.dumps({"a": 1}).encode()) == {"a": 1}
