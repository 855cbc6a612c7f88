"""`librarian privacy scrub`: any text through the filter, in a project and without one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from harness import Archive

from librarian.privacy.recognizers import MOST_HITS

TEXT = "call Ottilie Quist\tat +1 555 014 8822\r\nor ana@example.org\n2024-02-14 -16 LUFS\nPIN is 4821"


def scrub(archive: Archive, text: bytes, *options: str, code: int = 0) -> tuple[str, str]:
    """What comes out of the filter, and what it says."""
    command = [sys.executable, "-P", "-m", "librarian", "privacy", "scrub", *options]
    environment = {"PATH": "/usr/bin:/bin", **archive.variables()}
    done = subprocess.run(command, input=text, capture_output=True, cwd=archive.root, env=environment, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def masked(text: str) -> str:
    return re.sub("<([A-Z]+):[a-z2-7]{8}>", r"<\1>", text)


def test_text_goes_through_line_by_line(archive: Archive) -> None:
    out, said = scrub(archive, TEXT.encode())
    assert masked(out) == "call <NAME>\tat <PHONE>\r\nor <EMAIL>\n2024-02-14 -16 LUFS\nPIN is <PIN>"
    assert said == "no project here: these pseudonyms mean nothing beyond this text\n"


def test_pseudonyms_of_the_moment_are_others_each_time(archive: Archive) -> None:
    assert scrub(archive, TEXT.encode())[0] != scrub(archive, TEXT.encode())[0]


def test_in_a_project_they_are_the_projects_and_its_recordings_are_known(calls: Archive) -> None:
    name = next((calls.root / "calls").glob("*.wav"))
    name.rename(name.with_name("Zyxtrov Quonk.wav"))
    calls.librarian("run", "job.yaml")
    out, said = scrub(calls, b"zyxtrov_quonk called 5550148822")
    assert (masked(out), said) == ("<NAME> called <PHONE>", "")
    assert out == scrub(calls, b"ZYXTROV QUONK called +1 555 014 8822", "--level", "balanced")[0]


def test_names_of_jobs_and_steps_stay_though_a_recording_is_called_so(calls: Archive) -> None:
    name = next((calls.root / "calls").glob("*.wav"))
    name.rename(name.with_name("Zyxtrov check Quonk.wav"))
    calls.librarian("run", "job.yaml")
    assert masked(scrub(calls, b"check of calls: Quonk")[0]) == "check of calls: <NAME>"


def test_names_allowed_words_and_counts(archive: Archive) -> None:
    (archive.root / "names").write_text("Zyx\n")
    (archive.root / "allow").write_text("Ottilie Quist\n")
    files = [archive.root / "a.txt", archive.root / "b.txt"]
    for file in files:
        file.write_text("Zyx met Ottilie Quist, 5550148822\n")
    given = ["--names", "names", "--allow", "allow", "--counts"]
    out, said = scrub(archive, b"", *given, "--json", *map(str, files))
    assert masked(out) == "<NAME> met Ottilie Quist, <PHONE>\n" * 2
    counted = json.loads(said.splitlines()[-1])
    assert counted == {"counts": {"NAME": 2, "PHONE": 2}, "level": "strict", "recognizers": counted["recognizers"]}
    assert scrub(archive, b"", *given, str(files[0]))[1].splitlines()[1:] == ["NAME 1", "PHONE 1"]


def test_balanced_leaves_what_is_not_checked(archive: Archive) -> None:
    text = b"Ottilie Quist, 5550148822, +44 20 7946 0018, card 4111 1111 1111 1111"
    out, _ = scrub(archive, text, "--level", "balanced")
    assert masked(out) == "Ottilie Quist, 5550148822, <PHONE>, card <CARD>"


def test_bytes_that_are_no_text_and_no_text_at_all(archive: Archive) -> None:
    assert scrub(archive, b"\xff\x1b[31m ok\n\n")[0] == "??[31m ok\n\n"
    assert scrub(archive, b"")[0] == ""


def test_of_a_line_with_too_much_the_rest_is_withheld(archive: Archive) -> None:
    line = b"".join(b"a%d@example.org " % number for number in range(MOST_HITS + 1000))
    out, said = scrub(archive, line, code=1)
    assert masked(out) == "<EMAIL> " * MOST_HITS + "<WITHHELD>"
    assert "1 line held so much" in said


def test_a_file_that_cannot_be_read_is_exit_2_and_not_named(archive: Archive) -> None:
    for file in ("Ottilie.txt", "."):
        _, said = scrub(archive, b"", file, code=2)
        assert "file 1 cannot be read" in said
        assert "Ottilie" not in said
    assert "--names" in scrub(archive, b"", "--names", "nowhere", code=2)[1]


def test_privacy_that_is_off_is_said_and_recorded_and_changes_no_key(calls: Archive) -> None:
    job = calls.root / "job.yaml"
    text = job.read_text()
    calls.librarian("run", "job.yaml")
    job.write_text(text + "privacy: {level: off}\n")
    for _ in range(2):
        assert "privacy is OFF" in calls.librarian("run", "job.yaml").stderr
    manifests = sorted((calls.root / "manifests").glob("*.jsonl"))
    lines = [[json.loads(line)["body"] for line in path.read_text().splitlines()] for path in manifests]
    assert [each[0]["privacy"] for each in lines] == ["strict", "off", "off"]
    assert [sum(body["type"] == "outcome" for body in each) for each in lines[1:]] == [0, 0]
    assert all(each[-2]["recognizers"] for each in lines)


def test_a_word_that_the_owner_allows_is_not_refused(calls: Archive) -> None:
    job = calls.root / "job.yaml"
    job.write_text(job.read_text().replace("name: calls", "name: giulia-rossi"))
    refused = calls.librarian("run", "job.yaml", code=4)
    assert "privacy.allow" in refused.stderr
    (calls.root / "allow.txt").write_text("giulia-rossi\n")
    job.write_text(job.read_text() + "privacy: {allow: allow.txt}\n")
    calls.librarian("run", "job.yaml")


def test_nothing_heavy_is_loaded_for_help() -> None:
    code = (
        "import sys\nfrom librarian.cli import cli\n"
        "cli.main(['privacy', 'scrub', '--help'], standalone_mode=False)\n"
        "assert not {'re2', 'stdnum', 'pydantic', 'phonenumbers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, cwd=Path(__file__).parent)
