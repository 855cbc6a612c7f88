"""A server for tests, and to try the extension with: `python tests/little_server.py`. It turns a sound round."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import soundfile


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        samples, rate = soundfile.read(io.BytesIO(self.rfile.read(length)))
        changed = io.BytesIO()
        soundfile.write(changed, samples[::-1], rate, format="WAV")
        self.answer(self.server.status, changed.getvalue() if self.server.answer is None else self.server.answer)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(port: int = 0, status: int = 200, answer: bytes | None = None) -> Iterator[str]:
    """A server, as host:port; `status` and `answer` are what it says instead."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.status, server.answer = status, answer
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    with serving(8765) as address:
        print(f"serving at {address}; Ctrl-C ends it")
        threading.Event().wait()
