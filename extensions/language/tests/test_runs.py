"""Whole runs through the command line: the presets, what must not leave, and what is done again."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fake_language import EARS, FakeLanguage
from harness import KEY, RECORDINGS, TOP, Archive, install

README = (Path(__file__).parents[1] / "README.md").read_text()
NAME = "Jane Miller"
TITLE = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive with a recording, and an operation that knows what is said in it."""
    found = Archive(tmp_path / "archive", {"LIBRARIAN_KEY": KEY})
    (found.root / "interviews").mkdir(parents=True)
    shutil.copy(next((RECORDINGS / "calls").glob("recv_out*")), found.root / "interviews" / "a.wav")
    (found.root / "names.txt").write_text(f"{NAME}\n")
    install(tmp_path / "site", found, "ears", EARS)
    return found


def titled(archive: Archive, fake: FakeLanguage, *, clean: bool = False, **more: Any) -> None:
    """A job that asks for titles, of words or of what is left of them."""
    settings = {"server": fake.address, "tasks": {"a": {"template": "What is it? {words}", "schema": TITLE}}, **more}
    steps: list[dict[str, Any]] = [{"id": "words", "use": "hear", "from": "talks"}]
    if clean:
        given = {"audio": "talks", "words": "words", "spans": "spans"}
        steps += [
            {"id": "spans", "use": "find_private", "from": "words"},
            {"id": "given", "use": "redact", "from": given},
        ]
    source = "given.words" if clean else "words.words"
    steps.append({"id": "titles", "use": "prompt", "from": {"words": source}, "with": settings})
    document = {
        **{"librarian": 1, "name": "titles", "recordings": [{"id": "talks", "path": "interviews/*.wav"}]},
        **{"steps": steps, "privacy": {"names": "names.txt"}, "allow": {"hosts": [fake.address]}},
    }
    archive.job(json.dumps(document))


def answers(archive: Archive) -> list[Any]:
    return [json.loads(text) for name, text in archive.files().items() if name.endswith("answer.json")]


def test_the_presets_plan_without_a_server_and_run_with_one(archive: Archive) -> None:
    shutil.copytree(TOP / "configs", archive.root / "configs")
    for file in ("two_speakers", "three_speakers_overlap"):  # one recording shows it all
        (archive.root / "configs" / "recordings" / "conversations" / f"{file}.flac").unlink()
    path = archive.root / "configs" / "language" / "titles.yaml"
    heard = re.sub(r"use: transcribe, (.*), with: {model: whisper-small}", r"use: hear, \1", path.read_text())
    path.write_text(heard)
    planned = archive.librarian("plan", "configs/language/titles.yaml", "--json").stdout
    assert {step["new"] for step in json.loads(planned)["steps"]} == {1}
    title, category = {"title": "The harvest", "others": []}, {"category": "interview", "mood": "calm", "certain": True}
    with FakeLanguage().running() as fake:
        fake.said = [lambda request: _choose(request, title, category)]
        text = heard.replace("127.0.0.1:1234", fake.address)
        path.write_text(text.replace("with: {tasks", f"with: {{server: '{fake.address}', tasks"))
        archive.librarian("run", "configs/language/titles.yaml")
        asked = len(fake.asked)
        archive.librarian("verify", "--read-data")
        archive.librarian("run", "configs/language/titles.yaml")
        assert len(fake.asked) == asked == 4
        assert not [each for each in fake.texts if "Jane" in each or "Miller" in each]
    made = archive.files()
    assert sorted(each["task"] for each in answers(archive)) == ["categories", "titles"]
    assert len([name for name in made if name.endswith("answer.txt")]) == 2


def _choose(request: Any, title: Any, category: Any) -> None:
    from fake_language import stream_of

    schema = request.fake.asked[-1].get("response_format", {}).get("json_schema", {}).get("schema", {})
    names = schema.get("properties", {})
    answer = (
        json.dumps(title) if "title" in names else json.dumps(category) if names else "A mill in the morning light."
    )
    request.stream(stream_of(answer))


def test_the_job_of_the_readme(archive: Archive, fake: FakeLanguage) -> None:
    (job,) = re.findall(r"```yml\n(librarian: 1\n.*?)```", README, re.DOTALL)
    job = job.replace("use: transcribe, from: interviews, with: {model: whisper-small}", "use: hear, from: interviews")
    archive.job(job.replace("127.0.0.1:11434", fake.address))
    fake.models, fake.said = ["qwen3:8b", "another"], ['```json\n{"title": "The harvest"}\n```']
    archive.librarian("run", "job.yaml")
    assert [each["answer"] for each in answers(archive)] == [{"title": "The harvest"}]
    shown = archive.librarian("extensions", "prompt").stdout
    assert "longest" in shown and "tokens_out" in shown


def test_what_is_private_stays_unless_the_owner_says_otherwise(archive: Archive, fake: FakeLanguage) -> None:
    titled(archive, fake)
    said = archive.librarian("run", "job.yaml", code=4).stderr
    assert "words.words, its input words, is private" in said
    assert not fake.paths
    fake.said = ['{"title": "Jane Miller on the harvest"}']
    archive.librarian("run", "job.yaml", "--private")
    assert answers(archive)[0]["answer"] == {"title": "Jane Miller on the harvest"}
    assert "private: words.words, titles.answer" in archive.librarian("plan", "job.yaml", "--private").stdout
    everything = b"".join(archive.files("manifests").values())
    assert b"Jane" not in everything and b"harvest" not in everything
    facts = [
        each["facts"]
        for line in map(json.loads, everything.decode().splitlines())
        for each in line["body"].get("produced", [])
        if each["output"] == "answer"
    ]
    assert facts[0]["form"] == "json_schema" and facts[0]["tokens_in"] == 1000


def test_a_host_needs_a_rule_and_a_text_no_name(archive: Archive, fake: FakeLanguage) -> None:
    titled(archive, fake, clean=True)
    job = (archive.root / "job.yaml").read_text()
    archive.job(job.replace(f'"allow": {{"hosts": ["{fake.address}"]}}', '"allow": {}'))
    assert f"talks to {fake.address}; to let it" in archive.librarian("run", "job.yaml", code=4).stderr
    (archive.root / "tasks.yaml").write_text(f"a: {{template: 'What did {NAME} say? {{words}}'}}\n")
    titled(archive, fake, clean=True, tasks="tasks.yaml")
    said = archive.librarian("run", "job.yaml", code=4).stderr
    assert "a text in its setting tasks reads like a name" in said
    assert "Jane" not in said
    assert not fake.paths


def test_what_failed_is_not_kept_and_tells_nothing(archive: Archive, fake: FakeLanguage) -> None:
    titled(archive, fake, tries=2)
    fake.said = ['{"tittle": "Jane Miller"}']
    said = archive.librarian("run", "job.yaml", "--private", code=1).stderr
    assert "no answer of 2 fits; the last one breaks the rule required of the JSON Schema" in said
    assert "Jane" not in said and "tittle" not in said
    assert not answers(archive)
    fake.said = [lambda request: request.json({"error": {"message": f"no {NAME} at /srv"}})]
    said = archive.librarian("run", "job.yaml", "--private", code=1).stderr
    assert "it answered with an error; its log says which" in said
    fake.said = ['{"title": "The harvest"}']
    archive.librarian("run", "job.yaml", "--private")
    assert len(answers(archive)) == 1
    assert b"tittle" not in b"".join(archive.files("manifests").values())


def test_a_mistake_in_a_task_is_said_with_its_place(archive: Archive, fake: FakeLanguage) -> None:
    (archive.root / "tasks.yaml").write_text("a: {template: 'x {wrods}'}\n")
    titled(archive, fake, tasks="tasks.yaml")
    said = archive.librarian("run", "job.yaml", code=2).stderr
    assert re.search(r"^job.yaml:1:\d+: steps.1.with.tasks: a.template: {wrods} is no place; there are", said)
    assert said.count("\n") == 1


def test_another_task_makes_it_anew_and_another_server_or_another_task_of_the_file_does_not(
    archive: Archive, fake: FakeLanguage
) -> None:
    tasks = {name: {"template": f"{name}: {{words}}", "schema": TITLE} for name in ("a", "b")}
    fake.said = ['{"title": "x"}']

    def run(server: FakeLanguage) -> int:
        (archive.root / "tasks.yaml").write_text(json.dumps(tasks))
        titled(archive, server, tasks="tasks.yaml", task="a")
        archive.librarian("run", "job.yaml", "--private", "--redo-ok")
        return len(server.asked)

    assert run(fake) == 1
    tasks["b"]["template"] = "another: {words}"
    assert run(fake) == 1
    with FakeLanguage().running() as other:
        assert run(other) == 0
    tasks["a"]["template"] = "another: {words}"
    assert run(fake) == 2
