"""A server of the OpenAI API that answers as a test asks for: well, wrongly, slowly, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from loopback import LoopbackServer

USAGE = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}
MODEL = "small-model"
EARS = """
from librarian import Audio, Operation, Settings, Turns, Word, Words, hookimpl

class Nothing(Settings):
    pass

def hear(task):
    said = "The harvest was good that year Jane Miller told them".split()
    words = [Word(start=n, end=n + 1, text=each, speaker=1) for n, each in enumerate(said)]
    return {"words": Words(language="en", words=words)}

@hookimpl
def librarian_operations():
    return [Operation(name="hear", version="1", run="librarian_ears:hear", settings=Nothing,
                      inputs={"audio": Audio, "turns": Turns}, optional=("turns",), outputs={"words": Words},
                      description="Hear.")]
"""
"""An extension whose operation knows the words of every recording."""


def chunk(content: str | None = None, ended: str | None = None, **more: Any) -> dict[str, Any]:
    """An event of a stream."""
    delta = {} if content is None else {"content": content}
    return {"model": MODEL, "choices": [{"index": 0, "delta": {**delta, **more}, "finish_reason": ended}]}


def stream_of(content: str, ended: str | None = "stop", usage: Any = USAGE) -> list[dict[str, Any]]:
    """The events of an answer, five letters each."""
    parts = [chunk(content[at : at + 5]) for at in range(0, len(content), 5)]
    return [chunk("", role="assistant"), *parts, chunk(ended=ended), {"model": MODEL, "choices": [], "usage": usage}]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.fake: FakeLanguage = self.server.fake  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self.fake.paths.append(f"GET {self.path}")
        self.fake.list_models(self)

    def do_POST(self) -> None:
        self.fake.paths.append(f"POST {self.path}")
        self.fake.headers.append(dict(self.headers))
        self.fake.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", kind: str = "application/json", **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        named = {name.replace("_", "-"): value for name, value in more.items()}
        for name, value in {"Content-Length": str(len(body)), **named}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, data: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(data).encode())

    def begin(self, kind: str = "text/event-stream") -> None:
        """The head of a stream."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def write(self, data: bytes) -> None:
        """A piece of it; none ends it."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def stream(self, events: Sequence[Mapping[str, Any]], end: bytes = b"data: [DONE]\n\n") -> None:
        self.begin()
        for each in events:
            self.write(b"data: " + json.dumps(each).encode() + b"\n\n")
        if end:
            self.write(end)
        self.write(b"")

    def drop(self) -> None:
        """Break off."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)


Said = str | Callable[[Handler], object]


class FakeLanguage:
    """A server.

    Attributes:
        models: the names of those that it lists.
        said: what it answers, one after another, the last for ever: a text, or what is done instead.
        forms: forms of answers that it can keep to; other ones it refuses.
        asked: the requests that came, refused ones included.
    """

    def __init__(self, *said: Said) -> None:
        self.said: list[Said] = list(said) or ["A title"]
        self.models: list[Any] = [MODEL]
        self.forms = {"json_schema", "json_object"}
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.list_models: Callable[[Handler], object] = lambda request: request.json(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
        )
        self.over = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def texts(self) -> list[str]:
        """What it was asked."""
        return [each["messages"][-1]["content"] for each in self.asked]

    @contextmanager
    def running(self) -> Iterator[FakeLanguage]:
        """Serve on a port of its own."""
        with LoopbackServer(("127.0.0.1", 0), Handler) as server:
            server.fake, self.port = self, server.server_port  # type: ignore[attr-defined]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield self
            self.over.set()
            server.shutdown()
            thread.join()

    def answer(self, request: Handler, body: dict[str, Any]) -> None:
        self.asked.append(body)
        form = body.get("response_format", {}).get("type", "text")
        if form != "text" and form not in self.forms:
            return request.json({"error": {"message": "response_format is not supported", "code": 400}}, 400)
        said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if callable(said):
            said(request)
        else:
            request.stream(stream_of(said))
        return None


@dataclass
class FakeTask:
    """A task with a folder of its own."""

    folder: Path
    inputs: dict[str, Any] = field(default_factory=dict)
    seed: int = 4711
    fractions: list[float] = field(default_factory=list)

    def progress(self, fraction: float) -> None:
        assert 0 <= fraction <= 1
        self.fractions.append(fraction)
