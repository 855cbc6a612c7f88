"""A task of the bridge without a run around it, workflows for it, and answers that no server should give."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fake_comfyui import FakeComfy, Handler

from librarian_comfyui import ComfySettings
from librarian_comfyui.bridge import Bridge

GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 1}},
    "2": {
        "class_type": "SaveImage",
        "inputs": {"images": ["1", 0], "filename_prefix": "x"},
        "_meta": {"title": "Save"},
    },
}
PROMPT = {
    "1": {"class_type": "Prompt", "inputs": {"text": "a lake", "seed": 1}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
LOAD = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
PICTURE = {"picture": {"kind": "image"}}


@dataclass
class FakeState:
    value: dict[str, Any] = field(default_factory=dict)
    saved: list[dict[str, Any]] = field(default_factory=list)

    def save(self) -> None:
        self.saved.append(json.loads(json.dumps(self.value)))


@dataclass
class FakeTask:
    folder: Path
    inputs: dict[str, Any] = field(default_factory=dict)
    state: FakeState = field(default_factory=FakeState)
    seed: int = 4711

    def progress(self, fraction: float) -> None:
        pass


def settings(
    *servers: FakeComfy | str, graph: Any = GRAPH, kind: type[ComfySettings] = ComfySettings, **more: Any
) -> Any:
    addresses = [each if isinstance(each, str) else each.address for each in servers]
    return kind.model_validate({"servers": addresses, "workflow": json.dumps(graph), "outputs": PICTURE, **more})


def run(task: FakeTask, *servers: FakeComfy | str, **more: Any) -> Any:
    return Bridge(settings(*servers, **more), "cpu")(task)  # type: ignore[arg-type]


def html(request: Handler) -> None:
    request.answer(200, b"<html>welcome</html>", "text/html")


def failing(request: Handler) -> None:
    request.answer(500, b"500 Internal Server Error", "text/plain")


def endless(request: Handler) -> None:
    request.send_response(200)
    request.end_headers()
    request.close_connection = True
    with_block = b"x" * 65536
    try:
        while True:
            request.wfile.write(with_block)
    except OSError:
        return


def silent(request: Handler) -> None:
    request.rfile.read(1)


def cut(request: Handler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.wfile.write(b"\x89PNG\r\n\x1a\n")
    request.drop()


def shorter(request: Handler) -> None:
    request.answer(200, b"\x89PNG\r\n\x1a\n", Content_Length="4")


def elsewhere(request: Handler) -> None:
    request.answer(302, Location="http://127.0.0.1:1/")


def packed(request: Handler) -> None:
    request.answer(200, b"\x1f\x8b" + bytes(50), Content_Encoding="gzip")


def not_a_number(request: Handler) -> None:
    request.answer(200, b'{"exec_info": {"queue_remaining": NaN}}')


def deep(request: Handler) -> None:
    request.answer(200, b"[" * 100_000)
