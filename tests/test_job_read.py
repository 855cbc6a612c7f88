"""A job file by itself: what it says, and every problem in it, at its place, in the order of the file."""

from __future__ import annotations

import os
import socket
import textwrap
from pathlib import Path

import pytest

from librarian.errors import ExtensionError, JobError
from librarian.job import MissingExtensionError, Problem, read, read_bytes
from librarian.job.file import MOST_RECORDINGS, MOST_STEPS
from librarian.job.yamltext import MAX_BYTES

GOOD = """\
librarian: 1
name: oral-history
audio: {format: wav, bits: 32}
recordings:
  - {id: interviews, path: 'interviews/**/*.{wav,flac}'}
  - {id: calls, path: [a/*.wav, b/*.wav]}
steps:
  - {id: voice, use: normalize, from: [interviews, calls], with: {target: -16 LUFS}}
  - id: check
    use: librarian-normalization/measure
    from: {audio: voice.audio}
    audio: {bits: 16}
privacy: {names: names.txt}
run: {device: cpu, workers: 2, timeout: 90 min}
"""


def take(text: str):
    return read_bytes(textwrap.dedent(text).encode(), name="job.yaml", folder=Path())


def problems(text: str) -> list[str]:
    """What is wrong with a file, without its name."""
    found = take(text)
    with pytest.raises(JobError) as caught:
        found.check()
    assert caught.value.exit_code == 2
    assert str(caught.value) == "\n".join(caught.value.problems)
    for line in caught.value.problems:
        assert line.startswith("job.yaml:")
    return [line.removeprefix("job.yaml:") for line in caught.value.problems]


def a_job(**parts: str) -> str:
    """A good small job file with other parts."""
    usual = {"recordings": "[{id: calls, path: a.wav}]", "steps": "[{id: voice, use: normalize}]"}
    lines = {"librarian": "1", "name": "a-job", **usual, **parts}
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def marked(text: str) -> tuple[str, str]:
    """The text without its mark, and the line and column where that stood."""
    index = text.index("▸")
    return text.replace("▸", ""), f"{text.count(chr(10), 0, index) + 1}:{index - text.rfind(chr(10), 0, index)}"


def test_a_good_file_is_read():
    found = take(GOOD)
    found.check()
    file = found.file
    assert file is not None
    assert (file.name, file.audio.format, file.audio.bits) == ("oral-history", "wav", 32)
    assert [entry.patterns for entry in file.recordings] == [
        ["interviews/**/*.{wav,flac}"],
        ["a/*.wav", "b/*.wav"],
    ]
    voice, check = file.steps
    assert (voice.use, voice.from_, voice.with_) == ("normalize", ["interviews", "calls"], {"target": "-16 LUFS"})
    assert (check.use, check.from_) == ("librarian-normalization/measure", {"audio": "voice.audio"})
    assert check.audio is not None
    assert (check.audio.format, check.audio.bits) == ("flac", 16)
    assert file.privacy.names == "names.txt"
    assert (file.run.device, file.run.workers, file.run.timeout) == ("cpu", 2, 5400.0)
    assert found.content == GOOD.encode()


def test_what_may_be_left_out_has_defaults():
    found = take(a_job())
    found.check()
    file = found.file
    assert file is not None
    assert (file.audio.format, file.audio.bits) == ("flac", 24)
    assert (file.steps[0].from_, file.steps[0].with_, file.steps[0].audio) == (None, {}, None)
    assert (file.run.device, file.run.workers, file.run.timeout, file.privacy.names) == ("auto", "auto", None, None)


def test_every_problem_is_said_at_once_in_the_order_of_the_file():
    text = """\
    librarian: 2
    nmae: x
    audio: {format: flac, bits: 32}
    recordings:
      - {id: Calls, path: 7}
      - {path: a, labl: x}
    steps:
      - id: voice
        use: normalize
        from:
          audio: [calls, 'no such!']
        wth: {target: 3}
      - {id: check}
    run:
      device: gpu
      timeout: 5 kg
      workers: 1.5
    """
    assert problems(text) == [
        "1:1: name: is missing",
        "1:12: librarian: input should be 1",
        "2:1: nmae: unknown key; did you mean name?",
        "3:8: audio: flac holds 16 or 24 bits; take wav for 32 (float)",
        "5:10: recordings.0.id: must match ^[a-z][a-z0-9-]{0,47}$",
        "5:23: recordings.0.path: input should be a valid string or input should be a valid list, such as [one, two]",
        "6:5: recordings.1.id: is missing",
        "6:15: recordings.1.labl: unknown key; did you mean label?",
        r"11:22: steps.0.from.audio.1: must match ^[a-z][a-z0-9-]{0,47}(\.[a-z][a-z0-9_]{0,31})?$",
        "12:5: steps.0.wth: unknown key; did you mean with?",
        "13:5: steps.1.use: is missing",
        r"15:11: run.device: must match ^(auto|cpu|cuda(:\d{1,2})?)$",
        "16:12: run.timeout: expected a number with one of the units s, ms, min, h",
        "17:12: run.workers: input should be 'auto'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (a_job(name="▸012"), "name: must match ^[a-z][a-z0-9-]{0,47}$"),
        (a_job(name="▸12"), "name: input should be a valid string"),
        (a_job(name="▸true"), "name: input should be a valid string"),
        (a_job(name="▸12:30:45"), "name: must match ^[a-z][a-z0-9-]{0,47}$"),
        (a_job(name="▸2024-02-14"), "name: must match ^[a-z][a-z0-9-]{0,47}$"),
        ("▸name:\n" + a_job().replace("name: a-job\n", ""), "name: input should be a valid string"),
        (a_job(name=f"▸{'a' * 49}"), "name: must match ^[a-z][a-z0-9-]{0,47}$"),
        (a_job(name="▸'calls\n\n  '"), "name: must match ^[a-z][a-z0-9-]{0,47}$"),
        (a_job(librarian="▸'1'"), "librarian: input should be 1"),
        (a_job(recordings="▸[]"), "recordings: list should have at least 1 item after validation, not 0"),
        (a_job(recordings="[{id: a, path: ▸[]}]"), "recordings.0.path: list should have at least 1 item"),
        (a_job(recordings="[{id: a, path: ▸''}]"), "recordings.0.path: string should have at least 1 character"),
        (a_job(recordings="[{id: a, path: [b, ▸'']}]"), "recordings.0.path.1: string should have at least 1"),
        (a_job(recordings="[{id: a, path: b, ▸list_: c}]"), "recordings.0.list_: unknown key"),
        (a_job(steps="▸[]"), "steps: list should have at least 1 item after validation, not 0"),
        (a_job(steps="[{id: b, use: x, from: ▸[]}]"), "steps.0.from: list should have at least 1 item"),
        (a_job(steps="[{id: b, use: x, from: ▸{}}]"), "steps.0.from: dictionary should have at least 1 item"),
        (a_job(steps="[{id: b, use: x, from: {a: ▸[]}}]"), "steps.0.from.a: list should have at least 1 item"),
        (a_job(steps="[{id: b, use: x, from: ▸'calls.'}]"), "steps.0.from: must match ^[a-z]"),
        (a_job(steps="[{id: b, use: x, with: ▸[a]}]"), "steps.0.with: "),
        (
            a_job(steps=r'[{id: b, use: x, with: ▸{a: {b: [x, "\udcff"]}}}]'),
            "steps.0.with: a text in it is not Unicode",
        ),
        (a_job(privacy="{names: ▸''}"), "privacy.names: string should have at least 1 character"),
        (a_job(steps="[{id: b, use: ▸X}]"), "steps.0.use: must match ^"),
        (a_job(steps="[{id: b, use: ▸../x}]"), "steps.0.use: must match ^"),
        (a_job(steps="[{id: b, use: ▸a/b/c}]"), "steps.0.use: must match ^"),
        (a_job(steps="[{id: ▸../b, use: x}]"), "steps.0.id: must match ^[a-z][a-z0-9-]{0,47}$"),
        (a_job(steps="[{id: b, use: x, keep: ▸no}]"), "steps.0.keep: input should be 'yes' or 'until-used'"),
        (a_job(audio="{bits: ▸20}"), "audio.bits: input should be 16, 24 or 32"),
        (a_job(audio="{bits: 24, ▸bitz: 1}"), "audio.bitz: unknown key"),
        (
            a_job(run="{workers: ▸257}"),
            "run.workers: input should be 'auto' or input should be less than or equal to 256",
        ),
        (
            a_job(run="{workers: ▸-1}"),
            "run.workers: input should be 'auto' or input should be greater than or equal to 0",
        ),
        (a_job(run="{timeout: ▸0 s}"), "run.timeout: input should be greater than 0"),
        (a_job(run="{timeout: ▸1e999 s}"), "run.timeout: input should be a finite number"),
        (a_job(run="{timeout: ▸true}"), "run.timeout: expected a quantity in s"),
        (a_job(run="{device: ▸'cuda:1; rm'}"), "run.device: must match"),
        (a_job(run="▸[]"), "run: "),
        (a_job(**{"▸'<<'": "{a: b}"}), "<<: unknown key"),
        (a_job(**{"? ▸''\n": "1"}), "'': unknown key"),
    ],
)
def test_a_problem_stands_at_its_place(text, message):
    text, place = marked(text)
    (found,) = problems(text)
    assert found.startswith(f"{place}: {message}")


@pytest.mark.parametrize(
    "text",
    [
        a_job(name="no"),
        a_job(name="a" * 48),
        a_job(recordings="[{id: a, path: 2024-02-14}]"),
        a_job(recordings="[{id: a, path: 012}]"),
        a_job(steps="[{id: b, use: My_Package.x/op_2}]"),
        a_job(steps="[{id: b, use: x, from: voice.audio}]"),
        a_job(run="{device: cuda:1, workers: 0}"),
        a_job(run="{timeout: 90}"),
    ],
)
def test_what_is_fine_passes(text):
    take(text).check()


@pytest.mark.parametrize("text", ["", "# nothing\n", "5", "librarian", "- a\n- b\n", "null", "'librarian: 1'"])
def test_a_file_that_is_no_mapping_says_how_to_begin(text):
    place = "2:1" if text.startswith("#") else "1:1"
    assert problems(text) in (
        [f"{place}: a job file is a mapping; start with: librarian: 1"],
        ["1:1: a job file is a mapping; start with: librarian: 1"],
    )


def test_an_empty_mapping_lacks_everything():
    assert problems("{}") == [
        f"1:1: {name}: is missing" for name in ("librarian", "name", "recordings", "steps")
    ]  # fmt: skip


def test_yaml_that_is_refused_is_a_problem_of_the_file():
    with pytest.raises(JobError) as caught:
        take("name: a\nname: b\n")
    assert caught.value.problems == ("job.yaml:2:1: this key stands here twice",)


def test_steps_are_read_though_others_are_wrong():
    found = take(a_job(name="A B", steps="[{id: a, use: x}, {id: b}, {id: c, use: y}]"))
    assert found.file is None
    assert {index: step.id for index, step in found.steps.items()} == {0: "a", 2: "c"}


def test_a_file_has_at_most_so_many_steps_and_recordings():
    steps = ", ".join(f"{{id: s{number}, use: x}}" for number in range(MOST_STEPS))
    entries = ", ".join(f"{{id: r{number}, path: x}}" for number in range(MOST_RECORDINGS))
    take(a_job(steps=f"[{steps}]", recordings=f"[{entries}]")).check()
    more = a_job(steps=f"[{steps}, {{id: b, use: x}}]", recordings=f"[{entries}, {{id: b, path: x}}]")
    assert [line.split(" after")[0] for line in problems(more)] == [
        f"3:13: recordings: list should have at most {MOST_RECORDINGS} items",
        f"4:8: steps: list should have at most {MOST_STEPS} items",
    ]
    assert len(take(more).steps) == MOST_STEPS


def test_a_problem_is_one_short_harmless_line_whatever_the_key():
    escape = "\\e]0;x\\a"
    found = problems(a_job(**{f'? "a\\nb{escape}\\u202e{"x" * 5000}"\n': "1"}))
    assert found == ["5:3: a?b?]0;x??" + "x" * 37 + "…: unknown key"]


def test_a_value_never_stands_in_a_message():
    text = a_job(
        name="Jane Roe",
        steps="[{id: Jane Roe, use: Jane Roe, from: Jane Roe, keep: Jane Roe, missing: Jane Roe}]",
        audio="{format: Jane Roe, bits: Jane Roe}",
        run="{device: Jane Roe, workers: Jane Roe, timeout: Jane Roe}",
        privacy="Jane Roe",
        librarian="Jane Roe",
    )
    found = problems(text)
    assert len(found) == 13
    assert not any("Jane" in line or "Roe" in line for line in found)


def test_problems_with_one_place_stay_in_the_order_in_which_they_were_found():
    found = take(a_job())
    for message in ("second", "first"):
        found.problems.append(Problem(("steps", 0, "use"), message))
    found.problems.append(Problem(("name",), "before both"))
    with pytest.raises(JobError) as caught:
        found.check()
    assert [line.split(": ")[-1] for line in caught.value.problems] == ["before both", "second", "first"]


def test_missing_extensions_are_another_error_unless_something_else_is_wrong():
    found = take(a_job())
    found.problems.append(Problem(("steps", 0, "use"), "not installed", missing=True))
    with pytest.raises(MissingExtensionError) as missing:
        found.check()
    assert isinstance(missing.value, ExtensionError)
    assert missing.value.exit_code == 3
    assert missing.value.problems == ("job.yaml:4:26: steps.0.use: not installed",)
    found.problems.append(Problem(("name",), "wrong"))
    with pytest.raises(JobError) as both:
        found.check()
    assert both.value.problems == ("job.yaml:2:7: name: wrong", "job.yaml:4:26: steps.0.use: not installed")


def test_a_file_without_problems_passes():
    take(a_job()).check()


def unreadable(path: Path) -> str:
    with pytest.raises(JobError) as caught:
        read(path)
    (line,) = caught.value.problems
    assert line.startswith(f"{path}:1:1: ")
    return line.removeprefix(f"{path}:1:1: ")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert unreadable(Path("socket")).startswith("cannot be read: ")
    Path("loop").symlink_to("loop")
    assert unreadable(Path("fifo")) == "cannot be read: not a regular file"
    assert unreadable(Path()) == "cannot be read: not a regular file"
    assert unreadable(Path("/dev/zero")) == "cannot be read: not a regular file"
    assert unreadable(Path("missing.yaml")) == "cannot be read: No such file or directory"
    assert unreadable(Path("loop")).startswith("cannot be read: ")
    assert unreadable(Path("a" * 300)) == "cannot be read: File name too long"


def test_a_file_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_bytes(b"name: " + b"x" * (10 << 20))
    assert unreadable(path) == f"larger than {MAX_BYTES >> 10} KiB"


def test_the_file_is_named_as_it_was_given_and_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a\nb\x1b.yaml").write_text("5")
    with pytest.raises(JobError) as caught:
        read(Path("a\nb\x1b.yaml")).check()
    assert caught.value.problems[0].startswith("a?b?.yaml:1:1: ")


def test_relative_paths_are_relative_to_the_file(tmp_path, monkeypatch):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "job.yaml").write_text(a_job())
    monkeypatch.chdir(tmp_path)
    found = read(Path("jobs/job.yaml"))
    found.check()
    assert found.folder == (tmp_path / "jobs").resolve()
    assert found.name == "jobs/job.yaml"
