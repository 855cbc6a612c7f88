"""What is done beside reading and writing needs a rule in the job file; what is private stays on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Annotated, Any, Literal

import pytest
from conftest import MakeExtension
from harness import Archive
from pydantic import Field, create_model

from librarian import Data
from librarian.workers.discovery import BrokenExtensionError, ports

CODE = """
from librarian import Audio, Data, Field, Measurements, Operation, Settings, Text, UnreachableError, hookimpl

class PostSettings(Settings):
    port: int = Field(description="Port of the server.")
    text: str = Field("", description="What is said there.")

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

def silent(task):
    tries = task.state.value.get("tries", 0) + 1
    task.state.value["tries"] = tries
    task.state.save()
    if tries <= task.settings.port:
        raise UnreachableError(f"127.0.0.1:{task.settings.port} does not answer")
    return {"note": Note(text=str(tries))}

def broken(task):
    raise ValueError("broken")

def tidy(task):
    return {"note": Note(text="")}

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
        Operation(name="silent", run=f"{__name__}:silent", settings=PostSettings, inputs={"audio": Audio},
                  outputs={"note": Note}, hosts=lambda settings: (f"127.0.0.1:{settings.port}",), **common),
        Operation(name="broken", run=f"{__name__}:broken", settings=Settings, inputs={"audio": Audio},
                  outputs={"note": Note}, **common),
        Operation(name="tidy", run=f"{__name__}:tidy", settings=Settings, inputs={"audio": Audio},
                  outputs={"note": Note}, effects=("deletes", "model-code"), **common),
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


def job(archive: Archive, *steps: str, allow: str = "{hosts: [127.0.0.1]}") -> None:
    listed = "\n".join(f"  - {each}" for each in steps)
    archive.job(
        f"librarian: 1\nname: sends\nrecordings: [{{id: calls, path: calls/*.wav}}]\nsteps:\n{listed}\nallow: {allow}\n"
    )


def lines(archive: Archive) -> list[dict[str, Any]]:
    """What the last manifest records."""
    path = sorted((archive.root / "manifests").glob("*.jsonl"))[-1]
    return [json.loads(line)["body"] for line in path.read_text().splitlines()]


def more_calls(archive: Archive) -> int:
    """More recordings than workers are given at once; how many there are."""
    first = min((archive.root / "calls").glob("*.wav")).read_bytes()
    for number in range(16):
        (archive.root / f"calls/more-{number}.wav").write_bytes(first + bytes([number]))
    return len(list((archive.root / "calls").glob("*.wav")))


def run_without_pauses(archive: Archive, *more: str) -> subprocess.CompletedProcess[str]:
    """`librarian run job.yaml`, where pauses are short."""
    code = "import librarian.run.work as work; work.PAUSES = (0.01, 0.02, 0.03)\nfrom librarian.cli import main; main()"
    command = [sys.executable, "-P", "-c", code, "run", "job.yaml", "--private", *more]
    environment = {**os.environ, **archive.variables()}
    return subprocess.run(command, cwd=archive.root, env=environment, text=True, capture_output=True, check=False)


def test_what_is_refused_is_in_the_record(posting: Archive, server: tuple[int, list[bytes]]) -> None:
    posting.librarian("init", ".", code=None)
    sent = f"{{id: sent, use: upload, with: {{port: {server[0]}, text: ask Jane Doe}}}}"
    job(posting, sent, "{id: tidied, use: tidy}", allow="{}")
    said = posting.librarian("run", "job.yaml", code=4).stderr
    first, *found, seal = lines(posting)
    assert (first["act"], seal["state"]) == ("refuse", "complete")
    assert [(each["step"], each["why"], each["hosts"]) for each in found] == [
        *[("sent", "host", ["127.0.0.1"]), ("tidied", "deletes", []), ("tidied", "model-code", [])],
        *[("sent", "private", ["127.0.0.1"]), ("sent", "text", ["127.0.0.1"])],
    ]
    assert len(said.splitlines()) == len(found)
    job_id = posting.librarian("jobs").stdout.split()[0]
    assert "why model-code" in posting.librarian("show", job_id).stdout
    posting.librarian("plan", "job.yaml", code=4)
    assert len(list((posting.root / "manifests").glob("*.jsonl"))) == 1, "plan writes nothing"
    posting.librarian("verify")
    assert not server[1]


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
    typed = ["try", "upload", file, "--with", f"port={server[0]}"]
    said = posting.librarian(*typed, "--private", code=4).stderr
    assert said == "librarian: talks to 127.0.0.1; to let it, type the same again with --allow 127.0.0.1\n"
    typed += ["--allow", "127.0.0.1"]
    said = posting.librarian(*typed, code=4).stderr
    assert said.startswith("librarian: talks to 127.0.0.1, and files, its input audio, is private;")
    assert not server[1]
    posting.librarian(*typed, "--private")
    assert len(server[1]) == 1


def test_a_kind_is_not_clean_because_it_says_so(posting: Archive, make_extension: MakeExtension) -> None:
    make_extension("claiming", CODE.replace('word = "note/1"', 'word = "note/1"\n    clean = True'))
    said = posting.librarian("extensions", code=None).stdout
    assert "the port note says that it is clean, and its kind has room for any text" in said


Label = Annotated[str, Field(pattern=r"^part [0-9]$")]


class Held(Data):
    word = "held/1"
    clean = True


@pytest.mark.parametrize(
    ("form", "may_name"),
    [
        (dict[str, float], True),
        (dict[Label, float], False),
        (dict[Literal["a", "b"], float], False),
        (list[Any], True),
        (Any, True),
        (Label, False),
        (Label | None, False),
        (list[tuple[float, str]], True),
        (dict[Label, list[str]], True),
        (list[Literal["a"]], False),
    ],
)
def test_a_clean_kind_has_no_room_for_words_in_keys_or_in_what_says_no_type(form: Any, may_name: bool) -> None:
    kind = create_model("Kind", __base__=Held, held=(form, ...))
    with pytest.raises(BrokenExtensionError, match="room for any text") if may_name else nullcontext():
        ports({"held": kind}, clears=False)


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_host_that_no_rule_allows_is_not_talked_to(
    posting: Archive, server: tuple[int, list[bytes]], command: str
) -> None:
    job(posting, f"{{id: sent, use: upload, with: {{port: {server[0]}}}}}", allow="{hosts: [127.0.0.1:80]}")
    said = posting.librarian(command, "job.yaml", "--private", code=4).stderr
    rule = "allow: {hosts: ['127.0.0.1']}"
    assert said == f"job.yaml:5:21: steps.0.use: talks to 127.0.0.1; to let it, write into the job file:  {rule}\n"
    assert not server[1]
    assert not (posting.root / ".librarian").exists()


def test_each_effect_needs_its_rule_and_the_record_says_what_was_allowed(posting: Archive) -> None:
    job(posting, "{id: tidied, use: tidy}", allow="{model-code: [other]}")
    said = posting.librarian("run", "job.yaml", code=4).stderr
    assert "deletes something elsewhere; to let it, write into the job file:  allow: {deletes: [tidied]}\n" in said
    assert "runs code that comes with a model; to let it, write into the job file:  allow: {model-code: [" in said
    job(posting, "{id: tidied, use: tidy}", allow="{model-code: [tidied], deletes: [tidied]}")
    posting.librarian("run", "job.yaml")
    assert lines(posting)[0]["allowed"] == {"tidied": ["deletes", "model-code"]}


def test_a_text_that_names_someone_does_not_leave(posting: Archive, server: tuple[int, list[bytes]]) -> None:
    step = f"{{id: sent, use: post, from: levels, with: {{port: {server[0]}, text: 'call Margaret Thatcher'}}}}"
    job(posting, "{id: levels, use: measure}", step)
    said = posting.librarian("run", "job.yaml", code=4).stderr
    assert "talks to 127.0.0.1, and a text in its setting text reads like a name or a number of somebody" in said
    assert "Thatcher" not in said
    posting.librarian("run", "job.yaml", "--private")


@pytest.mark.parametrize(
    "text",
    ['{"a": "Margaret Thatcher", "a": "x"}', ' {"a": ["Marg\\u0061ret Th\\u0061tcher"]}', '"Marg\\u0061ret Thatcher"'],
)
def test_a_text_is_found_however_json_writes_it(posting: Archive, text: str) -> None:
    step = f"{{id: sent, use: post, from: levels, with: {{port: 1, text: '{text}'}}}}"
    job(posting, "{id: levels, use: measure}", step, allow="{hosts: ['127.0.0.1']}")
    assert "a text in its setting text reads like a name" in posting.librarian("plan", "job.yaml", code=4).stderr


def test_a_server_that_does_not_answer_is_tried_again_and_the_record_says_so(posting: Archive) -> None:
    job(posting, "{id: asked, use: silent, with: {port: 2}}", allow="{hosts: ['127.0.0.1:2']}")
    assert run_without_pauses(posting).returncode == 0
    found = [line["retries"] for line in lines(posting) if line["type"] == "outcome"]
    assert found == [[0.01, 0.02]] * 3


def test_a_server_that_never_answers_is_left_alone_by_the_rest_of_the_run(posting: Archive) -> None:
    number = more_calls(posting)
    job(posting, "{id: asked, use: silent, with: {port: 99}}", allow="{hosts: ['127.0.0.1:99']}")
    done = run_without_pauses(posting, "--workers", "1")
    assert done.returncode == 1
    assert "failed 3 times in a row: it is left alone until the next run" in done.stderr
    found = lines(posting)
    (opened,) = (line for line in found if line["type"] == "breaker")
    assert (opened["of"], opened["reason"], opened["failures"]) == ("host", "unreachable", 3)
    causes = [line["cause"]["reason"] for line in found if line["type"] == "outcome"]
    assert causes.count("unreachable") >= 3
    assert causes.count("breaker") >= 1
    assert len(causes) == number
    posting.librarian("verify")


def test_after_so_many_failures_nothing_new_is_begun(posting: Archive) -> None:
    number = more_calls(posting)
    job(posting, "{id: tried, use: broken}")
    said = posting.librarian("run", "job.yaml", "--max-failures", "1", "--workers", "1", code=1).stderr
    assert "too many failed" in said
    found = lines(posting)
    assert found[0]["options"]["max-failures"] == 1
    assert found[-1]["state"] == "interrupted"
    assert 1 <= found[-1]["outcomes"] < number


def test_what_leaves_holds_no_embedded_metadata(posting: Archive, server: tuple[int, list[bytes]]) -> None:
    first = min((posting.root / "calls").glob("*.wav"))
    note = b"LIST" + (24).to_bytes(4, "little") + b"INFOICMT" + (12).to_bytes(4, "little") + b"M. Thatcher\0"
    text = bytearray(first.read_bytes() + note)
    text[4:8] = (len(text) - 8).to_bytes(4, "little")
    first.write_bytes(text)
    job(posting, f"{{id: sent, use: upload, with: {{port: {server[0]}}}}}")
    posting.librarian("run", "job.yaml", "--private")
    assert len(server[1]) == 3
    assert not any(b"Thatcher" in body for body in server[1])
    assert b"Thatcher" in first.read_bytes()


def test_what_a_list_sets_for_one_recording_counts_too(posting: Archive) -> None:
    name = min((posting.root / "calls").glob("*.wav")).name
    (posting.root / "list.csv").write_text(f"file,asked.port,asked.text\n{name},77,call Margaret Thatcher\n")
    job(posting, "{id: asked, use: silent, with: {port: 1}}", allow="{hosts: ['127.0.0.1:1']}")
    text = (posting.root / "job.yaml").read_text()
    (posting.root / "job.yaml").write_text(text.replace("path: calls/*.wav", "path: calls/*.wav, list: list.csv"))
    said = posting.librarian("run", "job.yaml", code=4).stderr
    assert "talks to 127.0.0.1:77; to let it" in said
    assert "a text in its setting text reads like a name" in said
