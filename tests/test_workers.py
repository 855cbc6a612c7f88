"""Whatever an extension does, it costs its own task and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Archive

from librarian.operation import Declaration
from librarian.workers import requests
from librarian.workers.asking import ask
from librarian.workers.messages import BrokenMessageError, Decoder, Message, encode
from librarian.workers.pool import Pool
from librarian.workers.requests import Request

ODD = """
import librarian
from librarian import Audio, Fact, Field, Operation, Settings, hookimpl

class OddSettings(Settings):
    mode: str = Field(description="What to do.")

@hookimpl
def librarian_operations():
    return [Operation(name="odd", version="1", run="librarian_odd_work:run", settings=OddSettings, description="Odd.",
                      inputs={"audio": Audio}, outputs={"audio": Audio}, facts={"number": Fact("a number")})]
"""
WORK = """
import ctypes, os, pathlib, random, sys, threading, time
from librarian import Output

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")

def run(task):
    mode = task.settings.mode
    samples, rate = task.read_audio("audio")
    good = lambda: task.write_audio("audio", samples, rate)
    if mode == "raises": raise ValueError("it went wrong")
    if mode == "mute": raise Mute
    if mode == "exits": sys.exit(0)
    if mode == "leaves": os._exit(0)
    if mode == "interrupts": raise KeyboardInterrupt
    if mode == "segfaults": ctypes.string_at(0)
    if mode == "aborts": os.abort()
    if mode == "recurses": return run(task)
    if mode == "memory": raise MemoryError
    if mode == "nothing": return None
    if mode == "forgets": return {}
    if mode == "number": return {"audio": 5}
    if mode == "invents": return {"audio": good(), "more": good()}
    if mode == "litters": (task.folder / "left.txt").write_text("x"); return {"audio": good()}
    if mode == "elsewhere": return {"audio": task.inputs["audio"].path}
    if mode == "above": return {"audio": "../x.flac"}
    if mode == "links":
        (task.folder / "a.flac").symlink_to(task.inputs["audio"].path); return {"audio": "a.flac"}
    if mode == "hardlinks":
        path = good(); os.link(path, task.folder.parent / "a.flac"); return {"audio": path}
    if mode == "noise":
        (task.folder / "a.flac").write_text("x"); return {"audio": "a.flac"}
    if mode == "lost": return {"audio": task.folder / "none.flac"}
    if mode == "undeclared": return {"audio": Output(good(), {"other": 1})}
    if mode == "endless": return {"audio": Output(good(), {"number": float("nan")})}
    if mode == "text": return {"audio": Output(good(), {"number": "Maria"})}
    if mode == "holes":
        samples[0, 0] = float("nan"); return {"audio": good()}
    if mode == "too loud":
        samples[0, 0] = 3.0; return {"audio": good()}
    if mode == "hangs": time.sleep(1000)
    if mode == "closes": os.closerange(3, 100); return {"audio": good()}
    if mode == "prints":
        for _ in range(200): print("x" * 100_000)
        os.write(1, b"y" * 5_000_000); os.write(2, b"z" * 5_000_000)
        return {"audio": good()}
    if mode == "leaks":
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        open(task.inputs["audio"].path)
        return {"audio": good()}
    if mode == "unsettles":
        os.chdir("/"); os.umask(0); os.environ["ODD"] = "1"; random.seed(5); return {"audio": good()}
    if mode == "looks":
        state = [os.getcwd() != "/", oct(os.umask(0o077)) == "0o77", "ODD" not in os.environ,
                 "LIBRARIAN_KEY" not in os.environ, os.environ["HF_HUB_OFFLINE"] == "1"]
        if not all(state): raise RuntimeError(str(state))
        return {"audio": good()}
    return {"audio": good()}
"""
FAILS = {
    "raises": ("error", "it went wrong"),
    "mute": ("error", ""),
    "exits": ("error", ""),
    "leaves": ("crash", "exit code 0"),
    "interrupts": ("crash", "SIGINT"),
    "segfaults": ("crash", "SIGSEGV"),
    "aborts": ("crash", "SIGABRT"),
    "recurses": ("error", "recursion"),
    "memory": ("out_of_memory", ""),
    "nothing": ("bad_output", "mapping"),
    "forgets": ("bad_output", "no audio"),
    "number": ("bad_output", "no path"),
    "invents": ("bad_output", "does not declare"),
    "litters": ("bad_output", "did not declare"),
    "elsewhere": ("bad_output", "task's folder"),
    "above": ("bad_output", "task's folder"),
    "links": ("bad_output", "task's folder"),
    "hardlinks": ("bad_output", "link"),
    "noise": ("bad_output", "an output cannot be kept"),
    "lost": ("bad_output", "task's folder"),
    "undeclared": ("bad_output", "fact"),
    "endless": ("bad_output", "finite"),
    "text": ("bad_output", "no number"),
    "holes": ("error", "NaN"),
    "too loud": ("error", "dBFS"),
    "hangs": ("timeout", "time limit"),
    "closes": ("crash", ""),
}
GOOD = ("prints", "leaks", "unsettles", "looks", "fine")


@pytest.fixture
def odd(calls: Archive, make_extension) -> Archive:  # type: ignore[no-untyped-def]
    path = make_extension("odd", ODD)
    path.with_name("librarian_odd_work.py").write_text(WORK)
    for path in sorted((calls.root / "calls").iterdir())[1:]:
        path.unlink()
    return calls


def job_of(modes: list[str]) -> str:
    steps = [{"id": f"s{number}", "use": "odd", "with": {"mode": mode}} for number, mode in enumerate(modes)]
    recordings = [{"id": "calls", "path": "calls/*.wav"}]
    return json.dumps({"librarian": 1, "name": "odd", "recordings": recordings, "steps": steps, "run": {"timeout": 10}})


def test_each_misbehaviour_fails_its_task_with_its_cause_and_the_rest_completes(odd: Archive) -> None:
    modes = [*FAILS, *GOOD]
    odd.job(job_of(modes))
    before = {path: path.read_bytes() for path in (odd.root / "calls").iterdir()}
    odd.librarian("run", "job.yaml", "--workers", "2", code=1)
    (manifest,) = (odd.root / "manifests").glob("*.jsonl")
    bodies = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    ended = {modes[int(each["step"][1:])]: each for each in bodies if each["type"] == "outcome"}
    found = {mode: each["cause"] for mode, each in ended.items() if each["outcome"] == "failed"}
    assert found.keys() == FAILS.keys()
    for mode, (reason, words) in FAILS.items():
        assert found[mode]["reason"] == reason, (mode, found[mode])
        assert words in (found[mode]["message"] or ""), (mode, found[mode])
    assert found["raises"]["exception"] == "ValueError"
    assert found["exits"]["exception"] == "SystemExit"
    assert found["segfaults"]["signal"] == 11
    assert {mode for mode, each in ended.items() if each["outcome"] == "done"} == set(GOOD)
    assert {path: path.read_bytes() for path in (odd.root / "calls").iterdir()} == before
    odd.librarian("verify", "--read-data")
    assert not (odd.root / "library" / ".staging").exists()
    (log,) = (odd.root / ".librarian" / "logs").iterdir()
    assert log.stat().st_size < 5 << 20


def test_an_input_that_is_edited_while_it_is_read_fails_the_task(odd: Archive) -> None:
    # In the main process, which has no fence: a worker cannot edit it.
    work = odd.environment["PYTHONPATH"] + "/librarian_odd_work.py"
    Path(work).write_text("def run(task):\n    open(task.inputs['audio'].path, 'ab').write(b'more')\n    return {}\n")
    odd.job(job_of(["edits"]))
    odd.librarian("run", "job.yaml", "--workers", "0", code=1)
    (manifest,) = (odd.root / "manifests").glob("*.jsonl")
    assert '"reason":"input_changed"' in manifest.read_text()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(2, lambda line: None, silence=3.0)
    yield pool
    pool.close()


def run_code(code: str) -> Message:
    """A request that makes a worker import a module which runs `code`."""
    return {"type": "declare", "package": "x", "version": "1", "entry_point": "x", "value": code}


def test_a_worker_that_gives_no_sign_of_life_is_replaced(pool: Pool, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    # PyDLL keeps the interpreter's lock: no thread of the worker runs, and it does not beat.
    (tmp_path / "holds.py").write_text("import ctypes\nctypes.PyDLL(None).sleep(1000)\n")
    (tmp_path / "fine.py").write_text("import librarian\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    pool = Pool(1, lambda line: None, silence=3.0)
    try:
        answer = ask(pool, run_code("holds"), timeout=60)
        assert (answer["type"], answer["cause"]["reason"]) == ("failed", "timeout")
        assert "sign of life" in answer["cause"]["message"]
        assert ask(pool, run_code("fine"), timeout=60)["type"] == "done"
    finally:
        pool.close()


def test_requests_wait_for_a_free_worker_and_each_gets_its_own_answer(pool: Pool, tmp_path: Path) -> None:
    requests = [Request({"type": "probe", "path": str(tmp_path / str(number))}) for number in range(20)]
    for request in requests:
        pool.submit(request)
    answered = []
    while pool.unanswered:
        answered += pool.wait(None)
    assert {id(request) for request, _ in answered} == {id(request) for request in requests}
    assert len(answered) == 20
    assert all(answer["type"] == "failed" for _, answer in answered)


def test_an_unknown_request_is_answered(pool: Pool) -> None:
    assert ask(pool, {"type": "nonsense"}, 30)["type"] == "failed"


def test_a_worker_ends_when_its_socket_does(pool: Pool) -> None:
    ask(pool, {"type": "nonsense"}, 30)
    process = pool._processes[0]
    process.socket.close()
    assert process.process.wait(timeout=5) == 0


def test_messages_come_through_in_any_pieces() -> None:
    messages = [{"type": "a", "path": "b\udcff"}, {"type": "b", "number": -16.0}]
    data = b"".join(map(encode, messages))
    for size in (1, 3, 1000):
        decoder = Decoder()
        found = [each for at in range(0, len(data), size) for each in decoder.feed(data[at : at + size])]
        assert found == messages


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\2{]", b"\0\0\0\2[]", b"\0\0\0\2{}"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenMessageError):
        list(Decoder().feed(data))


def test_a_message_with_nan_is_not_sent() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        encode({"type": "x", "number": float("nan")})


def test_workers_never_see_the_key(pool: Pool) -> None:
    os.environ["LIBRARIAN_KEY"] = "x" * 20
    try:
        fresh = Pool(1, lambda line: None)
        ask(fresh, requests.probe(Path("nothing.wav")), 30)
        environment = Path(f"/proc/{fresh._processes[0].process.pid}/environ").read_bytes()
        fresh.close()
    finally:
        del os.environ["LIBRARIAN_KEY"]
    assert b"PYANNOTE_METRICS_ENABLED=0" in environment
    assert b"LIBRARIAN_KEY" not in environment


def test_declarations_travel_as_plain_data(odd: Archive) -> None:
    found = json.loads(odd.librarian("extensions", "--json").stdout)
    (odd_one,) = [each for each in found if each["package"] == "librarian-odd"]
    declaration = Declaration.model_validate(odd_one["operations"][0])
    assert declaration.full_name == "librarian-odd/odd"


def test_an_artifact_that_a_task_edits_fails_it_and_is_made_again(odd: Archive) -> None:
    work = Path(odd.environment["PYTHONPATH"]) / "librarian_odd_work.py"
    edit = "    os.chmod(path, 0o600)\n    open(path, 'ab').write(b'more')\n"
    begin = "import os\ndef run(task):\n    path = task.inputs['audio'].path\n"
    end = "    return {'audio': task.write_audio('audio', *task.read_audio('audio'))}\n"
    work.write_text(begin + edit + end)
    steps = [
        {"id": "voice", "use": "normalize"},
        {"id": "odd", "use": "odd", "from": "voice.audio", "with": {"mode": "x"}},
    ]
    recordings = [{"id": "calls", "path": "calls/*.wav"}]
    odd.job(json.dumps({"librarian": 1, "name": "odd", "recordings": recordings, "steps": steps}))
    odd.librarian("run", "job.yaml", "--workers", "0", code=1)
    (manifest,) = (odd.root / "manifests").glob("*.jsonl")
    assert '"reason":"input_changed"' in manifest.read_text()
    work.write_text(begin + end)
    odd.librarian("run", "job.yaml")
    odd.librarian("verify", "--read-data")
