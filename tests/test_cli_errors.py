"""What the command line says when something is wrong: exit code, one line a problem, and nothing made."""

from __future__ import annotations

import json
import os
import re

import pytest
from harness import INSTALLED, Archive

NOT_THERE = "no installed extension offers it; what is there: librarian extensions"
LINE = re.compile(r"job\.yaml:[1-9]\d*:[1-9]\d*: [^ :]+: \S.*")


def refused(archive: Archive, *arguments: str, code: int) -> list[str]:
    """What it says on stderr; nothing else may be there afterwards that was not there before."""
    before = {path: path.lstat().st_mtime_ns for path in archive.root.rglob("*")}
    done = archive.librarian(*arguments, code=code)
    assert {path: path.lstat().st_mtime_ns for path in archive.root.rglob("*")} == before
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.isascii() or done.stderr.replace("\n", "").isprintable()
    return done.stderr.splitlines()


def edit(archive: Archive, *changes: tuple[str, str]) -> None:
    """Change the job file."""
    path = archive.root / "job.yaml"
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def at(archive: Archive, text: str) -> str:
    """Where a text stands in the job file."""
    before = (archive.root / "job.yaml").read_text().partition(text)[0]
    return f"job.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


@pytest.mark.parametrize("command", ["run", "plan"])
def test_every_problem_of_a_job_file_is_a_line_with_its_place(calls: Archive, command: str) -> None:
    edit(
        calls,
        ("name: calls", "name: Calls"),
        ("{target: -20 LUFS}", "{target: -20 dB, ceilng: 0}"),
        ("use: measure", "use: measre"),
    )
    lines = refused(calls, command, "job.yaml", code=2)
    assert lines == [
        "job.yaml:2:7: name: must match ^[a-z][a-z0-9-]{0,47}$",
        f"{at(calls, '-20 dB')}: steps.0.with.target: expected a number with one of the units LUFS, LKFS, dBTP, dBFS",
        f"{at(calls, 'ceilng')}: steps.0.with.ceilng: unknown key; did you mean ceiling?",
        f"{at(calls, 'measre')}: steps.1.use: {NOT_THERE}; did you mean measure?",
    ]
    assert all(LINE.fullmatch(line) for line in lines)


def test_steps_that_do_not_connect(calls: Archive) -> None:
    edit(calls, ("from: voice.audio", "from: voice.report"), ("id: voice", "id: calls"))
    assert refused(calls, "run", "job.yaml", code=2) == [
        f"{at(calls, 'calls, use')}: steps.0.id: another entry has this id already",
        f"{at(calls, 'voice.report')}: steps.1.from: voice.report is no recordings entry and no step",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "job.yaml:1:1: a job file is a mapping; start with: librarian: 1"),
        (b"name: a\nname: b\n", "job.yaml:2:1: this key stands here twice"),
        (b"a: b\nc: \xff", "job.yaml:2:4: not UTF-8"),
        (b"a: " + b"[" * 3000, "job.yaml:1:35: nested more than 32 deep"),
        (b"a: &a [1]\nb: *a\n", "job.yaml:1:4: anchors and aliases are not allowed; write it out"),
        (b"x" * (10 << 20), "job.yaml:1:1: larger than 256 KiB"),
        (None, "job.yaml:1:1: cannot be read: not a regular file"),
    ],
)
def test_a_file_that_is_no_job_file(archive: Archive, content: bytes | None, said: str) -> None:
    path = archive.root / "job.yaml"
    path.write_bytes(content) if content is not None else os.mkfifo(path)
    assert refused(archive, "run", "job.yaml", code=2) == [said]


def test_a_job_file_that_is_not_there(archive: Archive) -> None:
    assert refused(archive, "run", "job.yaml", code=2) == ["job.yaml:1:1: cannot be read: No such file or directory"]
    assert refused(archive, "plan", ".", code=2) == [".:1:1: cannot be read: not a regular file"]


def test_an_extension_that_is_missing_is_exit_3_with_what_to_type(calls: Archive) -> None:
    edit(calls, ("use: normalize", "use: normalise"), ("use: measure", "use: nothing/at_all"))
    lines = refused(calls, "run", "job.yaml", code=3)
    assert lines == [
        f"{at(calls, 'normalise')}: steps.0.use: {NOT_THERE}; did you mean normalize?",
        f"{at(calls, 'nothing/')}: steps.1.use: {NOT_THERE}",
    ]


def test_a_pattern_that_matches_nothing(calls: Archive) -> None:
    edit(calls, ("path: calls/*.wav", r'path: [calls/*.wav, "nothing\e[31m\n*"]'))
    place = at(calls, '"nothing')
    assert refused(calls, "run", "job.yaml", code=2) == [f"{place}: recordings.0.path.1: matches no file"]


def test_a_name_that_reads_like_a_number_or_stands_on_the_list_of_names_is_exit_4(calls: Archive) -> None:
    edit(calls, ("name: calls", "name: call-447700900123"))
    said = "reads like a name or a number of somebody; choose another word, or list it in the file of privacy.allow"
    assert refused(calls, "run", "job.yaml", code=4) == [f"job.yaml:2:7: name: {said}"]
    edit(calls, ("name: call-447700900123", "name: calls\nprivacy: {names: names.txt}"), ("id: voice", "id: jane-roe"))
    edit(calls, ("from: voice", "from: jane-roe"))
    (calls.root / "names.txt").write_text("# people\n\nJane Roe\n")
    assert refused(calls, "plan", "job.yaml", code=4) == [f"{at(calls, 'jane-roe')}: steps.0.id: {said}"]


def test_a_name_with_an_address_in_it_is_no_name(calls: Archive) -> None:
    edit(calls, ("name: calls", "name: jane@example.org"))
    assert refused(calls, "run", "job.yaml", code=2) == ["job.yaml:2:7: name: must match ^[a-z][a-z0-9-]{0,47}$"]


def test_a_list_of_names_that_cannot_be_read(calls: Archive) -> None:
    edit(calls, ("name: calls", "name: calls\nprivacy: {names: names.txt}"))
    (line,) = refused(calls, "run", "job.yaml", code=2)
    assert "privacy.names" in line


def test_a_device_that_is_not_there_is_exit_5(calls: Archive) -> None:
    calls.environment["CUDA_VISIBLE_DEVICES"] = ""
    with (calls.root / "job.yaml").open("a") as file:
        file.write("run: {device: cuda}\n")
    for command in ("run", "plan"):
        (line,) = refused(calls, command, "job.yaml", code=5)
        assert line.endswith("run.device: no GPU is found on this machine; write device: cpu")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu", "job.yaml"], "Did you mean run?"),
        (["run"], "librarian run: Missing argument 'JOB'. Type: librarian run --help"),
        (["show", "a", "--jsn"], "Did you mean '--json'? Type: librarian show --help"),
        (["jobs", "-n", "0"], "librarian jobs: Invalid value for '-n'"),
        (["jobs", "a"], "librarian jobs: Got unexpected extra argument (a). Type: librarian jobs --help"),
        (["completion", "fsh"], "'fsh' is not one of bash, zsh, fish. Did you mean fish?"),
        (["run", "job.yaml", "--workers", "300"], "--workers"),
        (["verify"], "no project here or above; make one with: librarian init"),
        (["--project", "elsewhere", "verify"], "that folder is not a librarian project"),
        (
            ["try", "clip", "job.yaml"],
            "try gives recordings alone: the input turns of clip is missing; librarian init, then write the steps into",
        ),
        (["try", "normalize", "job.yaml", "--with", "taget=1"], "--with taget: unknown key; did you mean target?"),
        (
            ["try", "separate", "job.yaml", "--with", "model=repet", "--with", "stems=[vocals, Oberhauser]"],
            "--with stems: the stems are vocals, accompaniment",  # a word that settings declare names no one
        ),
        (
            ["schema", "jobs"],
            "'jobs' is not one of job, manifest, models, turns, words, spans, events, measurements. Did you mean",
        ),
        (["try", "normalize", "missing.wav"], "missing.wav: no such file"),
    ],
)
def test_what_was_typed_wrong_is_exit_2_and_says_what_is_meant(
    archive: Archive, arguments: list[str], said: str
) -> None:
    archive.job("librarian: 1")
    assert said in refused(archive, *arguments, code=2)[-1]


def test_an_operation_that_is_not_there(archive: Archive) -> None:
    archive.job("librarian: 1")
    assert refused(archive, "try", "normalise", "job.yaml", code=3) == [
        f"librarian: {NOT_THERE}; did you mean normalize?"
    ]
    assert refused(archive, "extensions", "normalise", code=3) == [
        "librarian: no installed extension offers normalise; what is there: librarian extensions; "
        "did you mean normalize?"
    ]


WORKING = """\
from librarian import Audio, Field, Measurements, Operation, Settings, hookimpl
from pydantic import field_validator

class NoteSettings(Settings):
    note: str = Field("", description="A note.")

    @field_validator("note")
    @classmethod
    def _check(cls, value):
        if value.startswith("exit"):
            raise SystemExit(value)
        if value:
            raise ValueError(f"bad {value.upper()} and {value.split()[0]!r}")
        return value

@hookimpl
def librarian_operations():
    return [Operation(name="measure", version="1", run="nothing:here", settings=NoteSettings,
                      inputs={"audio": Audio}, outputs={"report": Measurements})]
"""


def test_two_extensions_with_one_operation_name(calls: Archive, make_extension) -> None:
    make_extension("other", WORKING)
    assert refused(calls, "run", "job.yaml", code=2) == [
        f"{at(calls, 'measure')}: steps.1.use: several extensions offer it; "
        "write librarian-normalization/measure or librarian-other/measure"
    ]
    both = calls.librarian("extensions", "measure").stdout
    assert "librarian-normalization/measure 2" in both
    assert "librarian-other/measure 1" in both
    edit(calls, ("use: measure", "use: librarian-normalization/measure"))
    assert re.search(r"^  check +0 +3 +0 ", calls.librarian("plan", "job.yaml").stdout, re.MULTILINE)


def without_pseudonyms(line: str) -> str:
    """They may spell anything."""
    return re.sub("<[A-Z]+:[a-z2-7]{8}>", "", line)


def test_what_an_extension_says_of_a_value_does_not_hold_it(calls: Archive, make_extension) -> None:
    make_extension("other", WORKING)
    edit(calls, ("use: measure,", "use: librarian-other/measure, with: {note: Jane Roe},"))
    (line,) = refused(calls, "run", "job.yaml", code=2)
    assert line.startswith(f"{at(calls, 'Jane')}: steps.1.with.note: ")
    assert not re.search("jane|roe", without_pseudonyms(line), re.IGNORECASE)
    edit(calls, ("note: Jane", "note: exit Jane"))
    (line,) = refused(calls, "run", "job.yaml", code=3)
    assert "librarian-other/measure cannot validate its settings: SystemExit" in line
    assert not re.search("jane|roe", without_pseudonyms(line), re.IGNORECASE)


BROKEN = {
    "raises": ('raise RuntimeError("call +44 7700 900123 now")', "RuntimeError: call <PHONE:"),
    "syntax": ("def (:", "SyntaxError"),
    "imports": ("import there_is_no_such_module", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
    "exits": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "dies": ("import os; os._exit(0)", "its worker ended by itself with exit code 0"),
    "crashes": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its worker was ended by SIGSEGV"),
    "prints": ("print('{'); import os; os.write(1, b'x' * 100000); 1 / 0", "ZeroDivisionError: division by zero"),
    "newer": ("LIBRARIAN_API = 99", "it needs LIBRARIAN_API 99"),
    "misspells": (
        "from librarian import hookimpl\n@hookimpl\ndef librarian_operation():\n    return []\n",
        "it implements a hook that there is not; there are librarian_checks, librarian_operations",
    ),
    "undescribed": (
        "from librarian import Settings\nclass Odd(Settings):\n    gap: float = 0.0\n",
        "TypeError: Odd: describe the setting gap",
    ),
    "strange": (
        "from librarian import hookimpl\n@hookimpl\ndef librarian_operations():\n    return ['normalize']\n",
        "librarian_operations gave something that is no Operation",
    ),
    "ports": (
        WORKING.replace('outputs={"report"', 'outputs={"../report"'),
        "a name is not of the form ",
    ),
    "twice": (
        WORKING.replace("return [", "return 2 * ["),
        "it offers measure twice",
    ),
}


@pytest.fixture
def broken(calls: Archive, make_extension) -> Archive:
    for name, (code, _) in BROKEN.items():
        make_extension(name, code)
    return calls


def test_extensions_that_are_broken_are_listed_with_the_reason(broken: Archive) -> None:
    shown = broken.librarian("extensions", code=3)
    for name, (_, reason) in BROKEN.items():
        assert re.search(rf"^librarian-{name} 1\.0\n  cannot be used: {re.escape(reason)}", shown.stdout, re.MULTILINE)
    assert re.search(r"^librarian-normalization .*\n  normalize ", shown.stdout, re.MULTILINE)
    assert "Traceback" not in shown.stderr
    listed = json.loads(broken.librarian("extensions", "--json", code=3).stdout)
    problems = {each["package"]: each["problem"] for each in listed}
    assert {problems.pop(f"librarian-{name}") for name in INSTALLED} == {""}
    for name, (_, reason) in BROKEN.items():
        assert problems.pop(f"librarian-{name}").startswith(reason)
    assert problems == {}
    described = broken.librarian("extensions", "normalize").stdout
    assert described.startswith("librarian-normalization/normalize")
    assert "One of: librarian, pyloudnorm. Default: librarian." in described
    assert "Default: false." in described


def test_extensions_that_are_broken_hurt_only_jobs_that_name_them(broken: Archive) -> None:
    broken.librarian("run", "job.yaml")
    steps = "".join(f"\n  - {{id: s-{name}, use: librarian-{name}/anything}}" for name in BROKEN)
    edit(broken, ("steps:", "steps:" + steps))
    lines = refused(broken, "plan", "job.yaml", code=3)
    assert len(lines) == len(BROKEN)
    for index, (line, (name, (_, reason))) in enumerate(zip(lines, BROKEN.items(), strict=True)):
        start = f"{at(broken, f'librarian-{name}/')}: steps.{index}.use: librarian-{name} is broken: {reason}"
        assert line.startswith(start)
        assert "900123" not in line


def test_a_broken_extension_is_named_where_its_operation_might_be_meant(calls: Archive, make_extension) -> None:
    make_extension("raises", BROKEN["raises"][0])
    edit(calls, ("use: measure", "use: hum"))
    lines = refused(calls, "run", "job.yaml", code=3)
    assert lines == [
        "cannot be used: librarian-raises; why: librarian extensions",
        f"{at(calls, 'hum')}: steps.1.use: {NOT_THERE}",
    ]


def test_json_is_json(calls: Archive) -> None:
    found = json.loads(calls.librarian("extensions", "--json").stdout)
    assert {"convert", "normalize", "measure"} <= {each["name"] for one in found for each in one["operations"]}
    (found,) = json.loads(calls.librarian("extensions", "measure", "--json").stdout)
    assert [each["name"] for each in found["operations"]] == ["measure"]
    plan = json.loads(calls.librarian("plan", "job.yaml", "--json").stdout)
    assert plan["files"] == 3
    row = {row["step"]: row for row in plan["steps"]}["check"]
    assert (row["done"], row["new"], row["redo"], row["reasons"]) == (0, 3, 0, {"not read yet": 3})
    assert not (calls.root / ".librarian").exists()
    calls.librarian("run", "job.yaml")
    report = json.loads(calls.librarian("verify", "--json").stdout)
    assert (report["manifests"], report["artifacts"], report["problems"]) == (1, 9, [])
    next(calls.root.glob("library/*/*/*/*.flac")).unlink()
    assert len(json.loads(calls.librarian("verify", "--json", code=1).stdout)["problems"]) == 1
