"""`show`, `trace` and `jobs`, as the owner of an archive meets them after real runs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile
from asking import data, on_a_terminal, results, units
from harness import RECORDINGS, Archive

FIRST, LAST, NUMBER = "Ottilie", "Brandstätter", "+15550148822"


@pytest.fixture
def done(calls: Archive) -> Archive:
    """The calls, after their first run."""
    calls.librarian("run", "job.yaml")
    return calls


def change_target(archive: Archive) -> None:
    job = archive.root / "job.yaml"
    job.write_text(job.read_text().replace("-20 LUFS", "-24 LUFS"))
    archive.librarian("run", "job.yaml", "--redo-ok")


def rows(lines: list[str]) -> dict[str, str]:
    """What stands below `in detail`."""
    below = (line[2:].partition("  ") for line in lines[lines.index("in detail") + 1 :])
    return {name: text.strip() for name, _, text in below}


def test_a_result_is_told_in_a_sentence_then_its_tree_then_in_detail(done: Archive) -> None:
    unit = units(done)[0]
    found = results(done, unit)
    sound = found["voice.audio"]
    said = done.librarian("show", sound).stdout.splitlines()
    sentence = re.fullmatch(
        rf"made on (\d+ \w+ \d{{4}}) from {unit} by normalize 2: "
        r"(raised|lowered) (\d+\.\d) dB to (−2\d\.\d) LUFS, \w[\w ]*, (\d+(\.\d+)?) s",
        said[0],
    )
    assert sentence, said[0]
    details = rows(said)
    before, after = re.match(r"loudness −(\d+\.\d) → −(\d+\.\d) LUFS, true peak ", details["measured"]).groups()
    assert sentence[4] == f"−{after}"
    assert sentence[2] == ("raised" if float(before) > float(after) else "lowered")
    assert float(sentence[3]) == pytest.approx(abs(float(before) - float(after)), abs=0.11)  # both are rounded
    assert said[1:6] == [
        f"{sound}  voice.audio of calls, normalize 2, current",
        "made from",
        f"  └─ {unit}  recording, 18.2 s, 8 kHz, mono, wav pcm_16",
        "made into",
        f"  └─ {found['check.report']}  check.report of calls, measure 2, current",
    ]
    assert details["settings"].startswith("by loudness (default), ceiling −1 (default), ")
    assert details["settings"].endswith(", target −20")
    assert details["current"] == "voice of calls"
    assert (done.root / details["file"]).is_file()
    record = data(done, "show", sound)
    assert (record["state"], record["type"], record["superseded_by"]) == ("current", "artifact", None)
    assert record["sentence"] == said[0]
    (line,) = [
        line
        for path in (done.root / "manifests").glob("*.jsonl")
        for line in map(json.loads, path.read_text().splitlines())
        if line["body"].get("key") == record["record"]["key"]
    ]
    assert record["seq"] == line["seq"]
    assert record["record"] == {name: value for name, value in line["body"].items() if name != "salt"}


def test_a_result_of_a_result_says_of_which_step_and_recording(done: Archive) -> None:
    unit = units(done)[0]
    said = done.librarian("show", results(done, unit)["check.report"]).stdout
    assert f" from voice.audio of {unit} by measure 2: loudness −2" in said.splitlines()[0]
    assert " dBTP, sample peak −" in said.splitlines()[0]


def test_show_and_trace_begin_alike_for_whatever_has_a_tree(done: Archive) -> None:
    unit = units(done)[0]
    found = results(done, unit)
    key = data(done, "show", found["voice.audio"])["record"]["key"]
    for what in (unit, found["voice.audio"], found["check.report"], key):
        traced = done.librarian("trace", what).stdout
        assert len(traced.splitlines()) >= 3
        assert done.librarian("show", what).stdout.startswith(traced)


def test_a_recording_says_what_it_is_and_what_came_of_it(done: Archive) -> None:
    unit = units(done)[0]
    shown = done.librarian("show", unit).stdout.splitlines()
    assert shown[0] == f"recording {unit}: 18.2 s, 8 kHz, mono, wav pcm_16, seen in 1 place, 3 results"
    assert shown[1] == "made into"
    steps = shown[shown.index("steps") + 1 :]
    assert [line.split()[:4] for line in steps] == [["voice", "of", "calls", "done"], ["check", "of", "calls", "done"]]
    assert re.search(r"(raised|lowered) \d+\.\d dB to −2\d\.\d LUFS", steps[0])
    assert data(done, "show", unit)["facts"]["sample_rate"] == 8000


def test_a_failure_says_why(calls: Archive) -> None:
    (calls.root / "calls" / "broken.wav").write_bytes(b"RIFF")
    (calls.root / "calls" / "gone.wav").symlink_to("nowhere.wav")
    calls.librarian("run", "job.yaml", code=1)
    assert "voice of calls  failed   corrupt: " in calls.librarian("show", "broken.wav").stdout
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
    assert f"{sound}  voice.audio of calls, normalize 2, missing" in done.librarian("trace", unit).stdout


def test_jobs_lists_the_newest_last(done: Archive) -> None:
    done.librarian("run", "job.yaml")
    first, second = done.librarian("jobs").stdout.splitlines()
    assert re.search(r"  [ 1-3]\d \w{3} \d{4}, \d\d:\d\d UTC  calls  6 done$", first)
    assert second.endswith("UTC  calls  6 done before")
    newest = done.librarian("jobs", "-n", "1")
    assert newest.stdout.strip().split()[0] == second.strip().split()[0]
    assert "the newest 1 of 2" in newest.stderr
    assert [each["counts"] for each in data(done, "jobs")] == [
        {"voice": {"done": 3}, "check": {"done": 3}},
        {"voice": {"cached": 3}, "check": {"cached": 3}},
    ]
    shown = done.librarian("show", second.split()[0]).stdout
    assert shown.startswith("run of calls on 3 recordings, ")
    assert "voice: librarian-normalization/normalize 2, 3 done before" in shown


def test_a_project_without_jobs_says_what_to_type(archive: Archive) -> None:
    archive.librarian("init")
    said = archive.librarian("jobs")
    assert (said.stdout, said.stderr) == ("", "no job yet; next: librarian run job.yaml\n")
    assert data(archive, "jobs") == []


def test_a_task_is_traced_to_all_that_it_made(done: Archive) -> None:
    unit = units(done)[0]
    found = results(done, unit)
    record = data(done, "show", found["voice.audio"])
    key = record["record"]["key"]
    assert data(done, "show", key)["type"] == "task"
    said = done.librarian("trace", key).stdout
    assert said.startswith("made on ")
    made_from, made_into = said.split("made into\n")
    assert made_from.count(unit) == 2  # in the sentence, and in the tree
    assert all(made_into.count(each) == 1 for each in found.values())
    graph = data(done, "trace", key)
    assert {node["id"] for node in graph["nodes"]} == {unit, *found.values()}
    assert {(edge["from"], edge["to"]) for edge in graph["edges"]} == {
        (unit, found["voice.audio"]),
        (unit, found["voice.report"]),
        (found["voice.audio"], found["check.report"]),
    }


def test_on_a_terminal_of_80_columns_nothing_runs_over_its_edge(done: Archive) -> None:
    unit = units(done)[0]
    sound = results(done, unit)["voice.audio"]
    job = data(done, "jobs")[0]["id"]
    for arguments in (("show", unit), ("show", sound), ("trace", sound), ("show", job), ("jobs",)):
        narrow = on_a_terminal(done, *arguments, columns=80).replace("\r", "").splitlines()
        assert [line for line in narrow if len(line) > 80 and "library/" not in line] == []  # a path stays in one piece
        wide = done.librarian(*arguments)
        assert " ".join(narrow).split() == (wide.stdout + wide.stderr).split()
    assert any(len(line) > 80 for line in done.librarian("show", sound).stdout.splitlines())


def test_a_job_is_shown_and_only_a_job_has_timings(done: Archive) -> None:
    job = data(done, "jobs")[0]["id"]
    assert done.librarian("trace", job, code=2).stderr == (
        f"librarian: a job is shown, not traced; type: librarian show {job}\n"
    )
    said = done.librarian("show", units(done)[0], "--timing", code=2).stderr
    assert said == "librarian: --timing is for jobs, and that is no job (recording); which there are: librarian jobs\n"


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
