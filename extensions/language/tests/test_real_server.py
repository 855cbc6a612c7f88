"""The same against a real server and whatever model it has: one with random weights will do.

`LANGUAGE_URL=127.0.0.1:8080` names one that runs. `LANGUAGE_COMMAND='llama-server -m a.gguf --port {port}'` says how to
start one that may be killed; with it alone, that one serves for all. `LANGUAGE_MODEL` says which of several models is
asked, `LANGUAGE_CONTEXT` how many tokens fit.

Nobody knows what a model says. So each asks for less: an answer is whole and fits, or there is none and a reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import requests
import soundfile
from fake_language import EARS, FakeTask
from harness import KEY, TOP, Archive, install
from loopback import Started

from librarian import Artifact, UnreachableError
from librarian.document import read_document
from librarian.servers import ServerError, TooLateError
from librarian_language import PromptSettings
from librarian_language.prompter import Prompter
from librarian_language.reply import AnswerError

URL = os.environ.get("LANGUAGE_URL", "").removeprefix("http://").rstrip("/")
COMMAND = os.environ.get("LANGUAGE_COMMAND", "")
MODEL = os.environ.get("LANGUAGE_MODEL", "")
CONTEXT = int(os.environ.get("LANGUAGE_CONTEXT", "0"))
PRESETS = read_document(str(TOP / "configs" / "language" / "tasks.yaml"))
MOOD = {"type": "object", "properties": {"mood": {"enum": ["calm", "sad"]}}, "required": ["mood"]}
SHORT = {"template": "Is it calm or sad? {words}", "max_tokens": 400}
ENDLESS = {"template": "Count to a million, in words. {text}", "max_tokens": 100_000, "temperature": 0.7}
RECORDINGS, KILLS = 4, 4
pytestmark = pytest.mark.skipif(not URL and not COMMAND, reason="wants a language model: LANGUAGE_URL=127.0.0.1:8080")


def until_it_answers(address: str) -> None:
    for _ in range(1200):
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"http://{address}/v1/models", timeout=30).json().get("data"):
                return
        time.sleep(0.1)
    pytest.fail("the server does not come up")


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    if not COMMAND:
        pytest.skip("wants a server that may be killed: LANGUAGE_COMMAND='llama-server -m a.gguf --port {port}'")
    found = Started(COMMAND)
    until_it_answers(found.address)
    yield found
    found.kill()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    return URL or request.getfixturevalue("started").address


def asked(server: str, task: FakeTask, given: dict[str, Any], **more: Any) -> Any:
    """What comes of a question, or why nothing does."""
    settings = {"server": server, "model": MODEL, "tasks": {"a": given}, **more}
    try:
        return Prompter(PromptSettings.model_validate(settings), "cpu")(task)["answer"]  # type: ignore[arg-type]
    except AnswerError as error:
        assert not [each for each in task.folder.iterdir() if each.name.startswith("answer")]
        return str(error)


def about(given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**given, "template": given["template"].replace("{words}", "{text}"), **more}


@pytest.mark.parametrize("name", [None, "titles", "categories"])
def test_an_answer_fits_or_there_is_none(server: str, task: FakeTask, name: str | None) -> None:
    given = about(PRESETS[name] if name else {**SHORT, "schema": MOOD}, max_tokens=400)
    found = asked(server, task, given)
    print(name, found if isinstance(found, str) else dict(found.facts))
    if isinstance(found, str):
        assert found.startswith(("no answer of 3 fits", "the answer was cut off"))
    else:
        jsonschema.validate(found.value.answer, given["schema"])
        assert found.value.model
        assert found.facts["tokens_in"] != 0 and found.facts["tokens_out"] != 0


def test_a_text_is_whole_or_there_is_none(server: str, task: FakeTask) -> None:
    found = asked(server, task, about(SHORT))
    print(found if isinstance(found, str) else dict(found.facts))
    assert "was cut off" in found if isinstance(found, str) else found.value.read_text().strip()


def test_an_answer_that_is_cut_off_is_none(server: str, task: FakeTask) -> None:
    assert "was cut off: raise max_tokens" in asked(server, task, {**ENDLESS, "max_tokens": 2})


@pytest.mark.skipif(not CONTEXT, reason="wants to know the context: LANGUAGE_CONTEXT=4096")
def test_a_text_that_is_too_long_is_no_answer(server: str, task: FakeTask, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("harvest " * CONTEXT)
    task.inputs["text"] = Artifact(tmp_path / "long", "text")
    with contextlib.suppress(ServerError):  # the server of llama-cpp-python says nothing, and so no more is known
        assert "longer than the context of the model" in asked(server, task, about(SHORT), longest=10**8)


def test_what_takes_too_long_is_hung_up_on_and_ends_there(server: str, task: FakeTask) -> None:
    with pytest.raises(TooLateError):
        pytest.skip(f"it ended before: {asked(server, task, ENDLESS, deadline=2.0, silence=2.0)}")
    assert "was cut off" in asked(server, task, {**ENDLESS, "max_tokens": 2})


def test_two_at_once(server: str, tmp_path: Path) -> None:
    found: dict[int, Any] = {}

    def run(number: int) -> None:
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}.txt").write_text("They talk about the harvest.")
        task = FakeTask(tmp_path / f"{number}", {"text": Artifact(tmp_path / f"{number}.txt", "text")}, seed=number)
        found[number] = asked(server, task, about(SHORT), silence=120.0)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 2
    assert all(isinstance(each, str) or each.value.read_text().strip() for each in found.values())


def test_a_server_that_is_killed_in_mid_answer(started: Started, task: FakeTask) -> None:
    killed: list[float] = []

    def kill(fraction: float) -> None:
        if not killed:
            killed.append(fraction)
            started.kill()

    task.progress = kill  # type: ignore[method-assign]
    try:
        with pytest.raises(UnreachableError, match=r"the server (does not answer|broke off)"):
            pytest.skip(f"it ended before: {asked(started.address, task, ENDLESS)}")
    finally:
        started.start()
        until_it_answers(started.address)
    assert not [*task.folder.iterdir()]


@pytest.fixture
def archive(tmp_path: Path, server: str) -> Archive:
    """Recordings, an operation that knows what is said in them, and a job that asks what mood it is."""
    found = Archive(tmp_path / "archive", {"LIBRARIAN_KEY": KEY})
    (found.root / "interviews").mkdir(parents=True)
    noise = np.random.default_rng(1)
    for number in range(RECORDINGS):
        soundfile.write(found.root / "interviews" / f"{number}.wav", noise.uniform(-0.1, 0.1, 4000), 8000)
    install(tmp_path / "site", found, "ears", EARS)
    settings = {"server": server, "model": MODEL, "tasks": {"a": SHORT, "b": {**SHORT, "schema": MOOD}}}
    steps = [
        {"id": "words", "use": "hear", "from": "talks"},
        *(
            {"id": f"mood-{each}", "use": "prompt", "from": {"words": "words"}, "with": {**settings, "task": each}}
            for each in "ab"
        ),
    ]
    document = {
        **{"librarian": 1, "name": "moods", "recordings": [{"id": "talks", "path": "interviews/*.wav"}]},
        **{"steps": steps, "allow": {"hosts": [server]}},
    }
    found.job(json.dumps(document))
    return found


def check(archive: Archive) -> tuple[int, int]:
    """What is kept is whole and fits, and nothing of it is told; how many texts and how much data that is."""
    archive.librarian("verify", "--read-data")
    made = archive.files()
    texts = [each.decode() for name, each in made.items() if name.endswith("answer.txt")]
    data = [json.loads(each) for name, each in made.items() if name.endswith("answer.json")]
    for each in data:
        jsonschema.validate(each["answer"], MOOD)
    assert all(each.strip() for each in texts)
    everything = b"".join(archive.files("manifests").values())
    assert not [each for each in texts if len(each) > 8 and json.dumps(each)[1:-3].encode() in everything]
    return len(texts), len(data)


def test_a_job_keeps_what_is_whole_and_keeps_it_when_run_again(archive: Archive) -> None:
    first = archive.librarian("run", "job.yaml", "--private", code=None)
    kept = check(archive)
    print(kept, first.stderr)
    assert first.returncode == (0 if kept == (RECORDINGS, RECORDINGS) else 1)
    before = archive.files()
    archive.librarian("run", "job.yaml", "--private", code=None)
    check(archive)
    assert before.items() <= archive.files().items()


def until_it_asks(archive: Archive, process: subprocess.Popen[str], later: float) -> None:
    """Until the words are there that it asks about, and a little longer (s)."""
    while process.poll() is None and not [*(archive.root / "library").rglob("*.hear.words.*")]:
        time.sleep(0.02)
    time.sleep(later)


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_and_run_again(archive: Archive, number: int) -> None:
    process = archive.start("run", "job.yaml", "--private")
    until_it_asks(archive, process, 0.2 * number)
    process.kill()
    process.communicate(timeout=120)
    done = archive.librarian("run", "job.yaml", "--private", code=None)
    kept = check(archive)
    assert max(kept) <= RECORDINGS
    assert done.returncode == (0 if kept == (RECORDINGS, RECORDINGS) else 1)


@pytest.mark.skipif(not COMMAND, reason="wants a server that may be killed")
@pytest.mark.parametrize("number", range(KILLS))
def test_a_server_that_is_killed_in_mid_run_is_asked_again(archive: Archive, started: Started, number: int) -> None:
    job = archive.root / "job.yaml"
    job.write_text(job.read_text().replace(URL or started.address, started.address))
    process = archive.start("run", "job.yaml", "--private")
    until_it_asks(archive, process, 0.2 * number)
    started.kill()
    started.start()
    _, said = process.communicate(timeout=300)
    until_it_answers(started.address)
    kept = check(archive)
    print(kept, said)
    assert process.returncode == (0 if kept == (RECORDINGS, RECORDINGS) else 1)
