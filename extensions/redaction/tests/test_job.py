"""From the command line: words are found private, looked at, and taken out of the sound; nothing is tried twice."""

import json
import re
import shutil
from pathlib import Path

import dictated
import numpy as np
import pytest
import soundfile
from harness import RECORDINGS, Archive, install

README = (Path(__file__).parents[1] / "README.md").read_text()
KNOWN_WORDS = """
from librarian import Audio, Operation, Settings, Words, hookimpl

class Nothing(Settings):
    pass

def heard(task):
    from pathlib import Path
    return {"words": Words.model_validate_json(Path(__file__).with_name("said.json").read_text())}

def split(task):
    samples, rate = task.read_audio("audio")
    return {name: task.write_audio(name, factor * samples, rate) for name, factor in (("low", 0.5), ("high", 0.25))}

@hookimpl
def librarian_operations():
    return [
        Operation(name="hear", version="1", run="librarian_ears:heard", settings=Nothing,
                  inputs={"audio": Audio}, outputs={"words": Words}, description="Hear."),
        Operation(name="split", version="1", run="librarian_ears:split", settings=Nothing,
                  inputs={"audio": Audio}, outputs={"low": Audio, "high": Audio}, description="Split."),
    ]
"""
JOB = """
librarian: 1
name: redaction
run: {workers: 1}
recordings: [{id: calls, path: calls/*.wav}]
steps:
  - {id: words, use: hear, from: calls}
  - {id: spans, use: find_private, from: words}
  - {id: stems, use: split, from: calls}
  - {id: given, use: redact, from: {audio: calls, words: words, spans: spans, stems: [stems.high, stems.low]}}
"""


@pytest.fixture
def project(tmp_path):
    """A call, and an operation that knows what is said in it."""
    from librarian import Words

    archive = Archive(tmp_path / "archive")
    (archive.root / "calls").mkdir(parents=True)
    shutil.copy(next((RECORDINGS / "calls").glob("recv_out*")), archive.root / "calls")
    install(tmp_path / "site", archive, "ears", KNOWN_WORDS)
    said = Words(language="en", words=dictated.words_of(dictated.SAID))
    (tmp_path / "site" / "said.json").write_text(said.model_dump_json())
    archive.job(JOB)
    return archive


def made(project, ending):
    """The files of the library with this ending."""
    return [project.root / "library" / name for name in project.files() if name.endswith(ending)]


def text(project):
    """The words that were redacted last."""
    current = max(made(project, "redact.words.json"), key=lambda path: path.stat().st_mtime_ns)
    return " ".join(word["text"] for word in json.loads(current.read_text())["words"])


def test_what_comes_out_is_clean_and_nothing_private_is_in_it(project):
    project.librarian("run", "job.yaml")
    assert text(project).endswith("tomorrow on <PHONE-1>")
    found = {
        path.name.partition("redact.")[2]: soundfile.read(path)[0]
        for path in made(project, ".flac")
        if "redact" in path.name
    }
    assert sorted(found) == ["audio.flac", "stems.0001.flac", "stems.0002.flac"]
    for samples in found.values():
        assert samples.shape == found["audio.flac"].shape
        assert not samples[int(12.8 * 8000) : int(15.5 * 8000)].any()
    loud = {name: np.square(samples).mean() for name, samples in found.items()}
    assert loud["stems.0001.flac"] < loud["stems.0002.flac"] < loud["audio.flac"]
    planned = project.librarian("plan", "job.yaml").stdout
    assert (
        "private: words.words, stems.low, stems.high, spans.spans; clean: given.audio, given.words, given.stems"
        in planned
    )
    exported = project.librarian("export", "given.audio", "given.words", "out")
    assert "2 " in exported.stdout + exported.stderr
    everything = b"".join(project.files("manifests").values())
    assert b"five" not in everything and b"zero one" not in everything


def test_where_a_look_is_required_it_is_said_what_to_look_at_and_not_tried_again(project):
    """The job of the README, with words that are known."""
    (job,) = re.findall(r"```yml\n(librarian: 1\n.*?)```", README, re.DOTALL)
    job = job.replace("use: transcribe, from: interviews, with: {model: whisper-small}", "use: hear, from: interviews")
    project.job(job.replace("interviews/*", "calls/*"))
    (project.root / "names.txt").write_text("Quirina Zabel\n")
    said = project.librarian("run", "job.yaml", code=1).stderr
    (spans,) = made(project, "find_private.spans.json")
    shown = spans.relative_to(project.root).as_posix()
    assert f"librarian revise {shown}" in said
    assert re.search(r"given: 1 review: rec_\w+; look at what they wait for", said)
    assert json.loads(spans.read_text())["spans"][0]["text"].startswith("five five five")
    assert not made(project, "redact.audio.flac")
    assert "not tried again: 1" in project.librarian("run", "job.yaml", code=1).stderr
    corrected = json.loads(spans.read_text())
    corrected["spans"] = [{"start": 1, "end": 2}]
    (project.root / "mine.json").write_text(json.dumps(corrected))
    project.librarian("revise", shown, "mine.json")
    project.librarian("run", "job.yaml")
    assert "five five five" in text(project) and "Hello, <PRIVATE> station?" in text(project)
    (sound,) = made(project, "redact.audio.flac")
    assert not soundfile.read(sound)[0][8000:16000].any()
    project.librarian("revise", "--undo", shown)
    project.librarian("run", "job.yaml", "--set", "steps.given.with.review=no", "--redo-ok")
    assert text(project).endswith("tomorrow on <PHONE-1>")


def test_the_owner_s_lists_and_names_of_single_recordings_are_looked_for_and_followed(project):
    call = next((project.root / "calls").iterdir()).name
    (project.root / "list.csv").write_text(f"file,names\n{call},station; noon\n")
    project.job(
        JOB.replace("path: calls/*.wav", "path: calls/*.wav, list: list.csv") + "privacy: {names: a, allow: b}\n"
    )
    (project.root / "a").write_text("tomorrow\nThanks\n")
    (project.root / "b").write_text("nobody at all\n")
    project.librarian("run", "job.yaml")
    assert text(project) == (
        "Hello, is this the weather <NAME-1> Yesterday at <NAME-2> please. <NAME-3> Could you call me back <NAME-4> on "
        "<PHONE-1>"
    )
    (project.root / "b").write_text("thanks\n")
    planned = json.loads(project.librarian("plan", "job.yaml", "--json").stdout)
    assert {each["step"]: each["redo"] for each in planned["steps"]} == {"words": 0, "stems": 0, "spans": 1, "given": 1}
    project.librarian("run", "job.yaml", "--redo-ok")
    assert "please. Thanks. Could" in text(project)
    everything = b"".join([*project.files("manifests").values(), *project.files(".librarian/logs").values()])
    assert b"station" not in everything and b"tomorrow" not in everything


def test_a_list_that_cannot_be_read_is_a_problem_of_the_job_file_beside_the_others(project):
    (project.root / "names.txt").write_text("Quirina Zabel\n")
    project.job(
        JOB.replace("use: hear", "use: hera").replace("from: words}", "from: words, with: {names: [one, two]}}", 1)
        + "privacy: {names: names.txt, allow: nowhere.txt}\n"
    )
    said = project.librarian("run", "job.yaml", code=2).stderr
    assert "privacy.allow: the file cannot be read" in said
    assert "no installed extension offers it" in said
    assert "steps.1.with.names: input should be a valid string" in said


def test_both_sides_of_a_call_and_its_mix_lose_the_same(project):
    for file in (RECORDINGS / "calls").glob("*.wav"):
        shutil.copy(file, project.root / "calls")
    project.job(
        r"""
        librarian: 1
        name: sides
        audio: {format: wav, bits: 16}
        recordings:
          - id: calls
            path: calls/*.wav
            group: '(?P<role>recv_out|trans_out|out)-(?P<group>\d{8}-\d{6}-[^.]*)'
            roles: {recv_out: left, trans_out: right, out: both}
        steps:
          - {id: words, use: hear, from: calls}
          - {id: spans, use: find_private, from: words}
          - {id: given, use: redact_group, from: {audio: calls, words: words, spans: spans}}
        """
    )
    project.librarian("run", "job.yaml")
    sounds = [soundfile.read(path, dtype="int16")[0] for path in made(project, ".wav")]
    assert len(sounds) == 3
    for samples in sounds:
        assert samples.dtype == np.int16
        assert not samples[int(12.8 * 8000) : int(15.5 * 8000)].any()
