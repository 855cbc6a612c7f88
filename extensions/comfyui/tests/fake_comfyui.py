"""A ComfyUI server that behaves as recorded (0.3.64 and 0.26.0), and one that is as hostile as a test asks for.

A run ends when its history has been asked for `delay` times, so nothing here depends on the clock.
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import soundfile
from loopback import LoopbackServer
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from websockets.server import ServerProtocol

VERSIONS = ("0.3.64", "0.26.0")
SERVER_PATH = "/srv/jane-doe/comfyui"
"""A path that tracebacks hold."""
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _node(required: dict[str, Any], output: list[str], *, saves: bool = False) -> dict[str, Any]:
    return {"input": {"required": required}, "output": output, "output_node": saves}


NODES: dict[str, dict[str, Any]] = {
    "EmptyImage": _node({"width": ["INT", {}], "height": ["INT", {}], "batch_size": ["INT", {}]}, ["IMAGE"]),
    "ImageScale": _node(
        {"image": ["IMAGE"], "upscale_method": [["nearest", "area"], {}], "width": ["INT", {}], "height": ["INT", {}]},
        ["IMAGE"],
    ),
    "ImageInvert": _node({"image": ["IMAGE"]}, ["IMAGE"]),
    "LoadImage": _node({"image": [["other.png"], {"image_upload": True}]}, ["IMAGE", "MASK"]),
    "LoadAudio": _node({"audio": ["COMBO", {"options": ["other.wav"], "audio_upload": True}]}, ["AUDIO"]),
    "Prompt": _node({"text": ["STRING", {}], "seed": ["INT", {}]}, ["IMAGE"]),
    "CheckpointLoaderSimple": _node(
        {"ckpt_name": [["v1-5-pruned-emaonly-fp16.safetensors"]]}, ["MODEL", "CLIP", "VAE"]
    ),
    "CLIPTextEncode": _node({"clip": ["CLIP"], "text": ["STRING", {}]}, ["CONDITIONING"]),
    "EmptyLatentImage": _node({"width": ["INT", {}], "height": ["INT", {}]}, ["LATENT"]),
    "KSampler": _node({"model": ["MODEL"], "sampler_name": [["euler", "heun"]], "seed": ["INT", {}]}, ["LATENT"]),
    "VAEDecode": _node({"samples": ["LATENT"], "vae": ["VAE"]}, ["IMAGE"]),
    "Boom": _node({"image": ["IMAGE"], "message": ["STRING", {}]}, ["IMAGE"]),
    "SaveImage": _node({"images": ["IMAGE"], "filename_prefix": ["STRING", {}]}, [], saves=True),
    "PreviewImage": _node({"images": ["IMAGE"]}, [], saves=True),
    "EmptyAudio": _node({"duration": ["FLOAT", {}]}, ["AUDIO"]),
    "SaveAudio": _node({"audio": ["AUDIO"], "filename_prefix": ["STRING", {}]}, [], saves=True),
    "SaveAudioMP3": _node(
        {
            "audio": ["AUDIO"],
            "filename_prefix": ["STRING", {}],
            "quality": ["COMBO", {"options": ["V0", "128k"], "multiselect": False}],
        },
        [],
        saves=True,
    ),
    "ShowText": _node({"text": ["STRING", {}]}, [], saves=True),
}


class Handler(BaseHTTPRequestHandler):
    """One request; `server.fake` knows the rest."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.fake: FakeComfy = self.server.fake  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self.fake.handle(self, b"")

    def do_POST(self) -> None:
        self.fake.handle(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", kind: str = "application/json", **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in {
            "Content-Length": str(len(body)),
            **{k.replace("_", "-"): v for k, v in more.items()},
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, data: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(data).encode())

    def drop(self) -> None:
        """Break off."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)


Trick = Callable[[Handler], object]


class FakeComfy:
    """A server.

    Attributes:
        delay: times that history is asked for before a run has ended; None: it never ends.
        tricks: [(pattern of "METHOD path", what is done instead)], each once, unless `keep` is set.
        received: everything that came: request lines and bodies.
        graphs: the bodies of POST /prompt that were taken or would have been.
        sockets: client id → the WebSocket that listens under it, the latest of several.
    """

    def __init__(self, version: str = "0.26.0") -> None:
        self.version = tuple(map(int, version.split(".")))
        self.delay: int | None = 0
        self.tricks: list[tuple[str, Trick, bool]] = []
        self.received: list[bytes] = []
        self.graphs: list[dict[str, Any]] = []
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.change: Callable[[dict[str, Any]], None] = lambda entry: None
        self.others = 0
        self.max_upload = 100 << 20
        self.cancelled: list[str] = []
        self.sockets: dict[str, tuple[Handler, ServerProtocol]] = {}
        self._cache: dict[str, dict[str, Any]] = {}
        self.restart()

    def restart(self) -> None:
        """Queue and history live in memory only; files stay."""
        self.history: dict[str, dict[str, Any]] = {}
        self.queue: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, int] = {}

    def trick(self, pattern: str, trick: Trick, *, keep: bool = False) -> None:
        """Do something else at the next request that matches."""
        self.tricks.append((pattern, trick, keep))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[FakeComfy]:
        """Serve on a port of its own."""
        with LoopbackServer(("127.0.0.1", 0), Handler) as server:
            server.fake, self.port = self, server.server_port  # type: ignore[attr-defined]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield self
            server.shutdown()
            thread.join()

    def handle(self, request: Handler, body: bytes) -> None:
        self.received.append(f"{request.command} {request.path}\n{request.headers}".encode() + body)
        for number, (pattern, trick, keep) in enumerate(self.tricks):
            if re.match(pattern, f"{request.command} {request.path}"):
                if not keep:
                    del self.tricks[number]
                if trick(request) is not False:
                    return
                break
        if request.headers.get("Origin"):
            return request.answer(403)
        url = urlsplit(request.path)
        path, query = url.path.removeprefix("/api") if "/jobs" not in url.path else url.path, dict(parse_qsl(url.query))
        for pattern, handler in self._routes():
            if found := re.fullmatch(pattern, f"{request.command} {path}"):
                return handler(request, body, query, *found.groups())
        return request.answer(404)

    def _routes(self) -> Iterator[tuple[str, Callable[..., None]]]:
        yield (
            "GET /system_stats",
            lambda r, b, q: r.json({"system": {"comfyui_version": ".".join(map(str, self.version))}}),
        )
        yield "GET /features", lambda r, b, q: r.json({"max_upload_size": self.max_upload})
        yield "GET /prompt", lambda r, b, q: r.json({"exec_info": {"queue_remaining": len(self.queue) + self.others}})
        yield "GET /queue", self._get_queue
        yield "POST /queue", self._post_queue
        yield "POST /prompt", self._post_prompt
        yield "GET /history/([^/]+)", self._get_history
        yield "POST /history", self._post_history
        yield "GET /object_info/([^/]+)", lambda r, b, q, name: r.json({name: NODES[name]} if name in NODES else {})
        yield "POST /interrupt", self._interrupt
        yield "POST /upload/image", self._upload
        yield "GET /view", self._view
        yield "GET /ws", self._listen
        if self.version >= (0, 6):
            yield "GET /api/jobs/([^/]+)", self._get_job
        if self.version >= (0, 26):
            yield "POST /api/jobs/([^/]+)/cancel", lambda r, b, q, job: r.json({"cancelled": self._cancel(job)})

    def _listen(self, request: Handler, body: bytes, query: dict[str, str]) -> None:
        protocol = ServerProtocol()
        head = str(request.headers).strip().replace("\n", "\r\n")
        protocol.receive_data(f"{request.requestline}\r\n{head}\r\n\r\n".encode())
        (opening,) = protocol.events_received()
        protocol.send_response(protocol.accept(opening))  # type: ignore[arg-type]
        self.sockets[query["clientId"]] = request, protocol
        self.tell(query["clientId"], "status", {"status": {"exec_info": {"queue_remaining": len(self.queue)}}})
        request.close_connection = True
        while not protocol.close_expected() and (content := request.connection.recv(1 << 16)):
            protocol.receive_data(content)
            request.wfile.write(b"".join(protocol.data_to_send()))

    def tell(self, client: str, kind: str, content: Any) -> None:
        """Send a message to whoever listens under an id."""
        self.tell_raw(client, json.dumps({"type": kind, "data": content}).encode())

    def tell_raw(self, client: str, message: bytes, *, binary: bool = False) -> None:
        """Send a message that need not be any."""
        if client in self.sockets:
            request, protocol = self.sockets[client]
            (protocol.send_binary if binary else protocol.send_text)(message)
            request.wfile.write(b"".join(protocol.data_to_send()))

    def _get_queue(self, request: Handler, body: bytes, query: Any) -> None:
        jobs = [[number, job, each["prompt"], {}, []] for number, (job, each) in enumerate(self.queue.items())]
        request.json({"queue_running": jobs[:1], "queue_pending": jobs[1:]})

    def _post_queue(self, request: Handler, body: bytes, query: Any) -> None:
        for job in json.loads(body).get("delete", []):
            if job in list(self.queue)[1:]:  # what runs is not deleted
                self.queue.pop(job)
                self.cancelled.append(job)
        request.answer(200)

    def _post_prompt(self, request: Handler, body: bytes, query: Any) -> None:
        try:
            given = json.loads(body)
            graph = given["prompt"]
            classes = {name: node["class_type"] for name, node in graph.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return request.answer(500, b"500 Internal Server Error\n\nServer got itself in trouble", "text/plain")
        job = str(given.get("prompt_id", uuid.uuid4()))
        self.graphs.append(given)
        if self.version >= (0, 25) and not re.fullmatch(_UUID, job):
            return request.json({"error": {"type": "invalid_prompt_id"}, "node_errors": {}}, 400)
        if any(each not in NODES for each in classes.values()):
            kind = "missing_node_type" if self.version >= (0, 12) else "invalid_prompt"
            return request.json({"error": {"type": kind, "message": "Node not found"}, "node_errors": {}}, 400)
        errors = {name: _required(name, graph) for name in graph if _required(name, graph)}
        good = [name for name, each in classes.items() if NODES[each]["output_node"] and not errors.get(name)]
        if not good:
            error = {"type": "prompt_outputs_failed_validation", "message": "failed", "details": SERVER_PATH}
            return request.json({"error": error, "node_errors": errors}, 400)
        self.queue[job] = {"prompt": graph, "extra": {"client_id": given.get("client_id")}, "good": good}
        return request.json({"prompt_id": job, "number": len(self.graphs), "node_errors": errors})

    def _get_history(self, request: Handler, body: bytes, query: Any, job: str) -> None:
        self.asked[job] = self.asked.get(job, -1) + 1
        if job in self.queue and self.delay is not None and self.asked[job] >= self.delay:
            self.finish(job)
        request.json({job: self.history[job]} if job in self.history else {})

    def _post_history(self, request: Handler, body: bytes, query: Any) -> None:
        for job in json.loads(body).get("delete", []):
            self.history.pop(job, None)
        request.answer(200)

    def _get_job(self, request: Handler, body: bytes, query: Any, job: str) -> None:
        if job in self.queue:
            return request.json({"id": job, "status": "in_progress" if next(iter(self.queue)) == job else "pending"})
        if job in self.history:
            return request.json({"id": job, "status": "completed"})
        return request.json({"error": "Job not found"}, 404)

    def _interrupt(self, request: Handler, body: bytes, query: Any) -> None:
        running = next(iter(self.queue), None)
        wanted = json.loads(body or b"{}").get("prompt_id") if self.version >= (0, 3, 57) else None
        if running and wanted in (None, running):
            self._cancel(running)
        request.answer(200)

    def _cancel(self, job: str) -> bool:
        if job not in self.queue:
            return False
        self.finish(job, "execution_interrupted", {})
        self.cancelled.append(job)
        return True

    def _upload(self, request: Handler, body: bytes, query: Any) -> None:
        if len(body) > self.max_upload:
            return request.answer(413)
        head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        fields = {
            str(part.get_param("name", header="content-disposition")): part
            for part in BytesParser().parsebytes(head + body).walk()
            if not part.is_multipart()
        }
        name = str(fields["image"].get_filename())
        if "/" in name:
            return request.answer(500)
        folder = str(fields["subfolder"].get_payload()) if "subfolder" in fields else ""
        content = fields["image"].get_payload(decode=True)
        assert isinstance(content, bytes)
        self.files["input", folder, name] = content
        return request.json({"name": name, "subfolder": folder, "type": "input"})

    def _view(self, request: Handler, body: bytes, query: dict[str, str]) -> None:
        if ".." in query.get("filename", ".."):
            return request.answer(400)
        key = query.get("type", "output"), query.get("subfolder", ""), query["filename"]
        if key not in self.files:
            return request.answer(404)
        return request.answer(200, self.files[key], "application/octet-stream")

    def finish(self, job: str, event: str = "execution_success", content: dict[str, Any] | None = None) -> None:
        """End a run."""
        each = self.queue.pop(job)
        graph, outputs, cached = each["prompt"], {}, []
        now = int(time.time() * 1000)
        if event == "execution_success":
            for name in each["good"]:
                made = None if (boom := _above(name, graph, "Boom")) else self._made(name, graph)
                if boom:
                    event, content = "execution_error", _error(boom, graph)
                    continue
                outputs[name], was_cached = made or ({}, False)
                cached += [name] if was_cached else []
        bug = self.version >= (0, 3, 68) and not each["extra"]["client_id"] and len(cached) == len(each["good"])
        entry = {
            "prompt": [1, job, graph, {**each["extra"], "create_time": now - 1000}, each["good"]],
            "outputs": {} if bug else outputs,
            "status": {
                "status_str": "success" if event == "execution_success" else "error",
                "completed": event == "execution_success",
                "messages": [
                    ["execution_start", {"prompt_id": job, "timestamp": now}],
                    ["execution_cached", {"nodes": cached, "prompt_id": job, "timestamp": now}],
                    [event, {**(content or {}), "prompt_id": job, "timestamp": now + 250}],
                ],
            },
            "meta": {},
        }
        self.change(entry)
        self.history[job] = entry
        client = each["extra"].get("client_id") or ""
        self.tell(client, "execution_cached", {"nodes": cached, "prompt_id": job})
        self.tell(client, event, {"prompt_id": job})
        self.tell(client, "executing", {"node": None, "prompt_id": job})

    def _made(self, name: str, graph: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """What an output node makes: the file of an earlier run where nothing is new, as the cache has it."""
        signature = json.dumps(_signature(name, graph), sort_keys=True)
        if signature in self._cache:
            return self._cache[signature], True
        kind = graph[name]["class_type"]
        if kind == "ShowText":
            return {"text": [str(graph[name]["inputs"]["text"])]}, False
        prefix = str(graph[name]["inputs"].get("filename_prefix", f"ComfyUI_temp_{len(self.files)}"))
        folder, _, stem = prefix.rpartition("/")
        where = "temp" if kind == "PreviewImage" else "output"
        if "Audio" in kind:
            file, content = f"{stem}_00001{'_' if self.version < (0, 26) else ''}.flac", sound(graph)
        else:
            file, content = f"{stem}_00001_.png", picture(graph)
        self.files[where, folder, file] = content
        listed = [{"filename": file, "subfolder": folder, "type": where}]
        found = {"audio": listed} if "Audio" in kind else {"images": listed, "animated": [False]}
        self._cache[signature] = found
        return found, False


def _required(name: str, graph: dict[str, Any]) -> dict[str, Any]:
    node = graph[name]
    wanted = NODES[node["class_type"]]["input"]["required"]
    errors = [
        {"type": "required_input_missing", "message": "x", "details": SERVER_PATH, "extra_info": {"input_name": each}}
        for each in wanted
        if each not in node["inputs"]
    ]
    return {"errors": errors, "class_type": node["class_type"], "dependent_outputs": []} if errors else {}


def _sources(name: str, graph: dict[str, Any]) -> Iterator[str]:
    yield name
    for value in graph[name]["inputs"].values():
        if isinstance(value, list):
            yield from _sources(value[0], graph)


def _above(name: str, graph: dict[str, Any], kind: str) -> str:
    return next((each for each in _sources(name, graph) if graph[each]["class_type"] == kind), "")


def _signature(name: str, graph: dict[str, Any]) -> Any:
    inputs = graph[name]["inputs"]
    return graph[name]["class_type"], {
        k: _signature(v[0], graph) if isinstance(v, list) else v for k, v in inputs.items()
    }


def _error(node: str, graph: dict[str, Any]) -> dict[str, Any]:
    return {
        "node_id": node,
        "node_type": graph[node]["class_type"],
        "executed": [],
        "exception_type": "RuntimeError",
        "exception_message": f"{graph[node]['inputs']['message']}\n",
        "traceback": [f'  File "{SERVER_PATH}/execution.py", line 542\n'],
        "current_inputs": {"text": ["a prompt that names Jane Doe"]},
        "current_outputs": [],
    }


def picture(graph: Any) -> bytes:
    """A PNG that holds the whole graph, as every server writes it."""
    told = PngInfo()
    told.add_text("prompt", json.dumps(graph))
    told.add_text("workflow", json.dumps({"note": "secret note of Jane Doe"}))
    with io.BytesIO() as file:
        Image.new("RGB", (16, 12), (0, 90, 180)).save(file, "PNG", pnginfo=told)
        return file.getvalue()


def sound(graph: Any) -> bytes:
    """A FLAC file that holds it in a tag."""
    with io.BytesIO() as file:
        with soundfile.SoundFile(file, "w", 48_000, 1, format="FLAC") as out:
            out.comment = json.dumps(graph)
            out.write(np.linspace(-0.5, 0.5, 4800))
        return file.getvalue()
