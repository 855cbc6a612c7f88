"""`show`, `trace` and `jobs`, as the owner of an archive meets them after real runs."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
from harness import RECORDINGS, Archive

FIRST, LAST, NUMBER = "Ottilie", "Brandstätter", "+15550148822"


@pytest.fixture
def done(calls: Archive) -> Archive:
    """The calls, after their first run."""
    calls.librarian("run", "job.yaml")
    return calls


def data(archive: Archive, *arguments: str) -> Any:
    return json.loads(archive.librarian(*arguments, "--json").stdout)


def units(archive: Archive) -> list[str]:
    return sorted(path.name for path in (archive.root / "library").glob("*/*_*"))


def results(archive: Archive, unit: str) -> dict[str, str]:
    """step.output → artifact id, as `show` says of a recording."""
    found = data(archive, "show", unit)["results"]
    return {f"{each['step']}.{one['output']}": one["id"] for each in found for one in each["artifacts"]}


def change_target(archive: Archive) -> None:
    job = archive.root / "job.yaml"
    job.write_text(job.read_text().replace("-20 LUFS", "-24 LUFS"))
    archive.librarian("run", "job.yaml")


def on_a_terminal(archive: Archive, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "librarian", *arguments]
    environment = {**os.environ, **archive.environment}
    process = subprocess.Popen(command, cwd=archive.root, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the process is gone
            break
    os.close(ours)
    assert process.wait() == 0, said.decode()
    return said.decode()


def test_a_result_is_told_in_a_sentence_and_then_in_detail(done: Archive) -> None:
    unit = units(done)[0]
    sound = results(done, unit)["voice.audio"]
    sentence, *details = done.librarian("show", sound).stdout.splitlines()
    assert sentence.startswith("made in the job of ")
    assert f" UTC by normalize 1 from {unit}: loudness −" in sentence
    assert " → −2" in sentence
    rows = dict(line.strip().split("  ", 1) for line in details)
    assert rows["settings"].strip() == "ceiling −1 (default), target −20"
    assert rows["current"].strip() == "voice of calls"
    assert (done.root / rows["file"].strip()).is_file()
    record = data(done, "show", sound)
    assert (record["state"], record["type"], record["superseded_by"]) == ("current", "artifact", None)
    (line,) = [
        line
        for path in (done.root / "manifests").glob("*.jsonl")
        for line in map(json.loads, path.read_text().splitlines())
        if line["body"].get("key") == record["record"]["key"]
    ]
    assert record["seq"] == line["seq"]
    assert record["record"] == {name: value for name, value in line["body"].items() if name != "salt"}


def test_a_recording_says_what_it_is_and_what_came_of_it(done: Archive) -> None:
    unit = units(done)[0]
    shown = done.librarian("show", unit).stdout
    assert shown.splitlines()[0] == f"recording {unit}: 18.2 s, 8 kHz, mono, wav pcm_16, seen in 1 place"
    assert [line.split()[:3] for line in shown.splitlines()[1:]] == [
        ["calls", "voice", "done"],
        ["calls", "check", "done"],
    ]
    assert data(done, "show", unit)["facts"]["sample_rate"] == 8000


def test_a_failure_says_why(calls: Archive) -> None:
    (calls.root / "calls" / "broken.wav").write_bytes(b"RIFF")
    (calls.root / "calls" / "gone.wav").symlink_to("nowhere.wav")
    calls.librarian("run", "job.yaml", code=1)
    assert "voice  failed   corrupt: " in calls.librarian("show", "broken.wav").stdout
    gone = calls.librarian("show", "calls/gone.wav").stdout
    assert gone.startswith("unreadable file src_")
    assert "unreadable: No such file or directory" in gone
    job = data(calls, "jobs")[0]["id"]
    failures = {(each["step"], each["reason"], each["tasks"]) for each in data(calls, "show", job)["failures"]}
    assert {("voice", "corrupt", 1), ("voice", "unreadable", 1), ("check", "input_failed", 2)} == failures
    assert "voice failed 1 ×: corrupt; rec_" in calls.librarian("show", job).stdout


def test_trace_leads_from_any_end_to_the_other(done: Archive) -> None:
    unit = units(done)[0]
    found = results(done, unit)
    below = done.librarian("trace", unit).stdout
    assert below.index(found["voice.audio"]) < below.index(f"│  └─ {found['check.report']}")
    above = done.librarian("trace", found["check.report"]).stdout
    assert above.index(f"└─ {found['voice.audio']}") < above.index(f"   └─ {unit}")
    assert above.endswith("nothing was made from it\n")
    graph = data(done, "trace", found["voice.audio"])
    edges = {(edge["from"], edge["to"]) for edge in graph["edges"]}
    assert edges == {(unit, found["voice.audio"]), (found["voice.audio"], found["check.report"])}
    assert {node["id"] for node in graph["nodes"]} == {unit, found["voice.audio"], found["check.report"]}


def test_after_a_changed_setting_the_old_result_is_superseded_and_says_by_what(done: Archive) -> None:
    unit = units(done)[0]
    before = results(done, unit)
    change_target(done)
    after = results(done, unit)
    assert not set(before.values()) & set(after.values())
    shown = done.librarian("show", before["voice.audio"]).stdout
    assert f"superseded by {after['voice.audio']}: target −20 → −24\n" in shown
    assert (
        f"superseded by {after['check.report']}: its input changed"
        in done.librarian("show", before["check.report"]).stdout
    )
    states = {node["id"]: node.get("state") for node in data(done, "trace", unit)["nodes"]}
    assert {states[each] for each in before.values()} == {"superseded"}
    assert {states[each] for each in after.values()} == {"current"}


def test_a_missing_file_is_said_to_be_missing(done: Archive) -> None:
    unit = units(done)[0]
    sound = results(done, unit)["voice.audio"]
    path = (
        done.root
        / "library"
        / next(each["file"] for each in data(done, "show", sound)["artifacts"] if each["id"] == sound)
    )
    path.unlink()
    assert data(done, "show", sound)["state"] == "missing"
    assert f"{sound}  voice.audio of calls, normalize 1, missing" in done.librarian("trace", unit).stdout


def test_jobs_lists_the_newest_last(done: Archive) -> None:
    done.librarian("run", "job.yaml")
    first, second = done.librarian("jobs").stdout.splitlines()
    assert first.endswith("UTC  calls  complete  6 done")
    assert second.endswith("UTC  calls  complete  6 done before")
    newest = done.librarian("jobs", "-n", "1")
    assert newest.stdout.strip().split()[0] == second.strip().split()[0]
    assert "the newest 1 of 2" in newest.stderr
    assert [each["counts"] for each in data(done, "jobs")] == [
        {"voice": {"done": 3}, "check": {"done": 3}},
        {"voice": {"cached": 3}, "check": {"cached": 3}},
    ]
    shown = done.librarian("show", second.split()[0]).stdout
    assert shown.startswith("run of calls on 3 recordings, ")
    assert "voice: librarian-normalization/normalize 1, 3 done before" in shown


def test_a_project_without_jobs_says_what_to_type(archive: Archive) -> None:
    archive.librarian("init")
    said = archive.librarian("jobs")
    assert (said.stdout, said.stderr) == ("", "no job yet; next: librarian run job.yaml\n")
    assert data(archive, "jobs") == []


def test_beginnings_that_fit_several_are_refused_with_a_few(done: Archive) -> None:
    said = done.librarian("show", "art_", code=2).stderr
    assert said.count("art_") == 5
    assert "and more" in said
    assert len(said.splitlines()) == 1
    unit = units(done)[0]
    assert data(done, "show", unit[:12])["id"] == unit


def test_a_mistyped_id_is_answered_with_the_near_one(done: Archive) -> None:
    unit = units(done)[0]
    said = done.librarian("trace", unit[:-1] + ("a" if unit[-1] != "a" else "b"), code=2).stderr
    assert said == f"librarian: nothing has that id; did you mean {unit}?\n"
    for unknown in ("", "nobody", "rec_zz", "../..", "\udcff", "a" * 5000, "%", "job_"[:3]):
        said = done.librarian("show", unknown, code=2).stderr
        assert said.startswith("librarian: nothing is known under that id, path or name")
        assert len(said.splitlines()) == 1


def test_a_task_with_several_results_wants_one_of_them(done: Archive) -> None:
    unit = units(done)[0]
    found = results(done, unit)
    record = data(done, "show", found["voice.audio"])
    key = record["record"]["key"]
    assert data(done, "show", key)["type"] == "task"
    said = done.librarian("trace", key, code=2).stderr
    assert {found["voice.audio"], found["voice.report"]} <= {word.strip(",;") for word in said.split()}
    assert "is shown" in done.librarian("trace", record["job"], code=2).stderr


def test_recordings_are_found_by_path_and_name_with_their_disk_away(done: Archive) -> None:
    path = sorted((done.root / "calls").iterdir())[0]
    shown = done.librarian("show", str(path)).stdout
    done.root.joinpath("calls").rename(done.root / "away")
    for typed in (str(path), f"calls/{path.name}", f"./calls/../calls/{path.name}", path.name):
        assert done.librarian("show", typed).stdout == shown
    # The same bytes under a name that was never seen:
    shutil.copy(done.root / "away" / path.name, done.root / "new name.wav")
    assert done.librarian("show", "new name.wav").stdout == shown


def test_a_name_that_several_have_is_answered_with_their_ids(archive: Archive) -> None:
    one, other = sorted((RECORDINGS / "calls").glob("*.wav"))[:2]
    for folder, source in (("a", one), ("b", other)):
        (archive.root / folder).mkdir()
        shutil.copy(source, archive.root / folder / "talk.wav")
    archive.job("librarian: 1\nname: two\nrecordings: [{id: all, path: '*/*.wav'}]\nsteps: [{id: m, use: measure}]\n")
    archive.librarian("run", "job.yaml")
    said = archive.librarian("show", "talk.wav", code=2).stderr
    assert {word.strip(",;") for word in said.split() if word.startswith("rec_")} == set(units(archive))
    assert "talk" not in said
    assert data(archive, "show", "b/talk.wav")["id"] in units(archive)


def test_an_input_that_has_other_bytes_now_is_said_to(archive: Archive, make_extension: Any) -> None:
    make_extension(
        "dice",
        """
        import secrets
        from librarian import Audio, Measurements, Operation, Settings, Text, hookimpl

        class Nothing(Settings):
            pass

        def throw(task):
            path = task.folder / "number.txt"
            path.write_text(secrets.token_hex(8))
            return {"number": path}

        def read(task):
            return {"number": throw(task)["number"]}

        @hookimpl
        def librarian_operations():
            return [
                Operation(name="throw", version="1", run=f"{__name__}:throw", settings=Nothing, description="Throw.",
                          inputs={"audio": Audio}, outputs={"number": Text}, reproducible="no"),
                Operation(name="reread", version="1", run=f"{__name__}:read", settings=Nothing, description="Read.",
                          inputs={"number": Text}, outputs={"number": Text}, reproducible="no"),
            ]
        """,
    )
    shutil.copy(next((RECORDINGS / "calls").glob("*.wav")), archive.root / "a.wav")
    steps = "[{id: first, use: throw}, {id: second, use: reread, from: first.number}]"
    archive.job(f"librarian: 1\nname: dice\nrecordings: [{{id: all, path: '*.wav'}}]\nsteps: {steps}\n")
    archive.librarian("run", "job.yaml")
    found = results(archive, units(archive)[0])
    (path,) = (archive.root / "library").glob("*/*/throw-*/*")
    path.unlink()
    archive.librarian("run", "job.yaml")
    assert results(archive, units(archive)[0]) == found
    note = "; has other bytes now than those it was made from"
    lines = archive.librarian("trace", found["second.number"]).stdout.splitlines()
    assert any(found["first.number"] in line and line.endswith(note) for line in lines)
    forward = archive.librarian("trace", found["first.number"]).stdout
    assert "made from other bytes than that has now" in forward
    assert any(edge["earlier"] for edge in data(archive, "trace", found["second.number"])["edges"])


@pytest.fixture
def planted(archive: Archive) -> Archive:
    """A recording whose name and path name someone, and that was worked on."""
    folder = archive.root / f"Family {LAST}"
    folder.mkdir()
    sound, rate = soundfile.read(next((RECORDINGS / "calls").glob("out*.wav")))
    soundfile.write(folder / f"{FIRST}_{LAST}_{NUMBER}.flac", sound, rate)
    (folder / f"{FIRST} broken.flac").write_bytes(b"no sound")
    archive.environment["USER"] = archive.environment["LOGNAME"] = FIRST.lower()
    archive.job(
        "librarian: 1\nname: planted\nrecordings: [{id: all, path: '*/*.flac'}]\n"
        "steps: [{id: voice, use: normalize}, {id: check, use: measure, from: voice.audio}]\n"
    )
    archive.librarian("run", "job.yaml", code=1)
    return archive


def test_no_answer_names_anyone(planted: Archive) -> None:
    (unit,) = {path.name for path in (planted.root / "library").glob("*/rec_*")}
    job = data(planted, "jobs")[0]["id"]
    path = str(next(planted.root.glob(f"Family*/{FIRST}_*")))
    broken = str(next(planted.root.glob("Family*/*broken*")))
    known = [unit, job, path, broken, Path(path).name, results(planted, unit)["voice.audio"]]
    wrong = [f"{FIRST} {LAST}", f"Family {LAST}", NUMBER]
    answers = [("jobs",), ("jobs", "--json")]
    for command in ("show", "trace"):
        answers += [(command, each, *option) for each in known for option in ((), ("--json",))]
        answers += [("--debug", command, each) for each in wrong]
    for arguments in answers:
        said = planted.librarian(*arguments, code=None)
        assert "internal error" not in said.stderr
        for word in (FIRST, LAST, LAST.replace("ä", "a"), "randst", NUMBER, NUMBER[1:], "5550148822", "Family"):
            assert word.lower() not in (said.stdout + said.stderr).lower(), (arguments, word)


def test_names_are_shown_on_a_terminal_only(planted: Archive) -> None:
    (unit,) = {path.name for path in (planted.root / "library").glob("*/rec_*")}
    path = str(next(planted.root.glob(f"Family*/{FIRST}_*")))
    sound = results(planted, unit)["voice.audio"]
    for command in ("show", "trace"):
        for options in ((), ("--json",)):
            refused = planted.librarian(command, unit, "--names", *options, code=2)
            assert refused.stdout == ""
            assert len(refused.stderr.splitlines()) == 1
            assert "on a terminal only" in refused.stderr
        for what in (unit, sound):
            assert path in on_a_terminal(planted, command, what, "--names")
            assert FIRST not in on_a_terminal(planted, command, what)
