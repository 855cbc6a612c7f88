"""What is private stays on this machine unless the owner says otherwise; what is clean may leave it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from conftest import MakeExtension
from harness import Archive

CODE = """
from librarian import Audio, Data, Field, Measurements, Operation, Settings, Text, hookimpl

class PostSettings(Settings):
    port: int = Field(description="Port of the server.")

class Note(Data):
    word = "note/1"
    text: str

def post(task):
    import urllib.request
    (given,) = task.inputs.values()
    body = given.path.read_bytes()
    with urllib.request.urlopen(f"http://127.0.0.1:{task.settings.port}/", data=body, timeout=10) as answer:
        said = answer.read().decode()
    return {"note": Note(text=said)}

def redact(task):
    path = task.folder / "redacted.txt"
    path.write_text("nothing but numbers: 1 2 3")
    return {"text": path}

@hookimpl
def librarian_operations():
    common = {"version": "1", "description": "For a test."}
    host = ("127.0.0.1",)
    return [
        Operation(name="upload", run=f"{__name__}:post", settings=PostSettings, inputs={"audio": Audio},
                  outputs={"note": Note}, hosts=host, **common),
        Operation(name="post", run=f"{__name__}:post", settings=PostSettings, inputs={"report": Measurements},
                  outputs={"note": Note}, hosts=host, **common),
        Operation(name="tell", run=f"{__name__}:post", settings=PostSettings, inputs={"text": Text},
                  outputs={"note": Note}, hosts=host, **common),
        Operation(name="redact", run=f"{__name__}:redact", settings=Settings, inputs={"audio": Audio},
                  outputs={"text": Text}, clears=True, **common),
    ]
"""


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback: its port, and what it was sent."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"heard")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found.server_port, got
        found.shutdown()
        thread.join()


@pytest.fixture
def posting(calls: Archive, make_extension: MakeExtension) -> Archive:
    make_extension("posting", CODE)
    return calls


def job(archive: Archive, *steps: str) -> None:
    listed = "\n".join(f"  - {each}" for each in steps)
    archive.job(f"librarian: 1\nname: sends\nrecordings: [{{id: calls, path: calls/*.wav}}]\nsteps:\n{listed}\n")


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_recording_is_not_sent(posting: Archive, server: tuple[int, list[bytes]], command: str) -> None:
    job(posting, f"{{id: sent, use: upload, with: {{port: {server[0]}}}}}")
    said = posting.librarian(command, "job.yaml", code=4).stderr
    assert said == (
        "job.yaml:5:21: steps.0.use: talks to 127.0.0.1, and calls, its input audio, is private; take what a step has "
        "cleared (numbers, or the output of an operation that clears), or let it go out: type the same again with "
        "--private\n"
    )
    assert not server[1]
    assert not (posting.root / ".librarian").exists()


def test_it_is_where_the_owner_says_so_and_the_record_says_that(
    posting: Archive, server: tuple[int, list[bytes]]
) -> None:
    job(posting, f"{{id: sent, use: upload, with: {{port: {server[0]}}}}}")
    said = posting.librarian("plan", "job.yaml", "--private").stdout
    assert "private: sent.note\nsent sends calls, which is private, to 127.0.0.1\n" in said
    posting.librarian("run", "job.yaml", "--private")
    assert len(server[1]) == 3
    (manifest,) = (posting.root / "manifests").glob("*.jsonl")
    assert json.loads(manifest.read_text().splitlines()[0])["body"]["options"]["private"] is True


def test_what_an_output_of_a_private_kind_holds_is_not_sent(posting: Archive, server: tuple[int, list[bytes]]) -> None:
    job(
        posting,
        "{id: voice, use: normalize}",
        f"{{id: sent, use: upload, from: voice.audio, with: {{port: {server[0]}}}}}",
    )
    assert "voice.audio, its input audio, is private" in posting.librarian("run", "job.yaml", code=4).stderr
    # Only what is to be run counts.
    posting.librarian("run", "job.yaml", "--to", "voice")


def test_numbers_are_sent(posting: Archive, server: tuple[int, list[bytes]]) -> None:
    job(posting, "{id: levels, use: measure}", f"{{id: sent, use: post, from: levels, with: {{port: {server[0]}}}}}")
    plan = json.loads(posting.librarian("plan", "job.yaml", "--json").stdout)
    assert [(each["outputs"], each["hosts"]) for each in plan["steps"]] == [
        ({"report": "clean"}, []),
        ({"note": "private"}, ["127.0.0.1"]),
    ]
    posting.librarian("run", "job.yaml")
    assert len(server[1]) == 3
    assert all(json.loads(each)["schema"] == "measurements/1" for each in server[1])


def test_what_an_operation_cleared_is_sent_and_said_to_be_clean(
    posting: Archive, server: tuple[int, list[bytes]]
) -> None:
    job(
        posting,
        "{id: bare, use: librarian-posting/redact}",
        f"{{id: sent, use: tell, from: bare, with: {{port: {server[0]}}}}}",
    )
    assert "private: sent.note; clean: bare.text\n" in posting.librarian("plan", "job.yaml").stdout
    posting.librarian("run", "job.yaml")
    assert set(server[1]) == {b"nothing but numbers: 1 2 3"}
    for name in posting.files():
        if name.endswith((".txt", ".json")):
            shown = posting.librarian("show", f"library/{name}").stdout
            assert f", {'clean' if name.endswith('.txt') else 'private'}, current" in shown
            record = json.loads(posting.librarian("show", f"library/{name}", "--json").stdout)["record"]
            (made,) = record["produced"]
            assert made["private"] is name.endswith(".json")
            assert made["digest"].startswith("keyed:" if made["private"] else "sha256:")


def test_a_try_sends_nothing_private_either(posting: Archive, server: tuple[int, list[bytes]]) -> None:
    file = str(next((posting.root / "calls").glob("*.wav")))
    typed = ("try", "upload", file, "--with", f"port={server[0]}")
    said = posting.librarian(*typed, code=4).stderr
    assert said.startswith("librarian: talks to 127.0.0.1, and files, its input audio, is private;")
    assert not server[1]
    posting.librarian(*typed, "--private")
    assert len(server[1]) == 1


def test_a_kind_is_not_clean_because_it_says_so(posting: Archive, make_extension: MakeExtension) -> None:
    make_extension("claiming", CODE.replace('word = "note/1"', 'word = "note/1"\n    clean = True'))
    said = posting.librarian("extensions", code=None).stdout
    assert "the port note says that it is clean, and its kind has room for any text" in said
