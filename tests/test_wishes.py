"""What is typed beside a job file: which recordings, how far, what again, until when; and what is not done unasked."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from harness import Archive
from units import copy_of, counts, here, id_key, lines, outcomes, run, sound, toy_archive

from librarian.cli.wishes import Wishes
from librarian.files import hash_file
from librarian.keys import canonical
from librarian.manifest.catalog import Catalog
from librarian.manifest.chain import NO_LINE, link, sha256

JOB = r"""
librarian: 1
name: wished
recordings:
  - {id: talks, path: 'talks/**/*.wav', label: 'OH-\d+'}
  - {id: calls, path: calls/*.wav, group: '(?P<role>in|out)-(?P<group>\w+)', roles: {in: left, out: right}}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: note, use: note, from: talks}
  - {id: mixed, use: blend, from: calls}
  - {id: level, use: profile, from: voice}
  - {id: fitted, use: fit, from: {audio: voice, profile: level}}
""".lstrip()
TALKS = ("talks/a.wav", "talks/more/b.wav", "talks/OH-7.wav", "talks/d é.wav")
CALLS = ("calls/in-one.wav", "calls/out-one.wav", "calls/in-two.wav", "calls/out-two.wav")


def archive_in(folder: Path, job: str = JOB) -> Archive:
    made = toy_archive(folder)
    for number, name in enumerate((*TALKS, *CALLS), 1):
        sound(made.root / unicodedata.normalize("NFD", name), number)
    made.job(job)
    return made


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path / "archive")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """All of it done; for tests that do nothing more."""
    made = archive_in(tmp_path_factory.mktemp("done") / "archive")
    run(made)
    return made


@pytest.fixture
def ran(done: Archive, tmp_path: Path) -> Archive:
    """All of it done; for tests that do something more. What lies elsewhere now was read again."""
    copied = copy_of(done, tmp_path / "archive")
    run(copied)
    return copied


def rec(archive: Archive, name: str) -> str:
    """The id of a recording."""
    return id_key(archive).recording(hash_file(archive.root / unicodedata.normalize("NFD", name))[1])


def grp(archive: Archive, name: str) -> str:
    return id_key(archive).group("calls", name)


def edit(archive: Archive, old: str, new: str) -> None:
    text = (archive.root / "job.yaml").read_text()
    assert old in text
    (archive.root / "job.yaml").write_text(text.replace(old, new))


def options(archive: Archive) -> dict[str, Any]:
    """What the record says was typed."""
    found: dict[str, Any] = lines(archive)[0]["options"]
    return found


def refused(archive: Archive, *typed: str) -> str:
    """What is said where nothing is begun and nothing is made."""
    before = archive.files(".")
    said = here(archive, "run", "job.yaml", *typed, code=2).stderr
    assert archive.files(".") == before
    return said


def units(archive: Archive, *typed: str, step: str = "voice") -> set[str]:
    """The units of a step that a run goes through, also where the one before found nothing to do with the same."""
    with mock.patch.object(Catalog, "settled", lambda *_: None):
        stream = run(archive, *typed, "--events", "-").stdout.splitlines()
    events = [json.loads(line) for line in stream]
    return {each["unit"] for each in events if step in each.get("steps", ()) or step == each.get("step")}


class TestWhich:
    def test_a_sample_is_spread_over_all_and_groups_stay_whole(self, archive: Archive) -> None:
        said = run(archive, "--sample", "3").stderr
        assert "left out, as it takes all recordings: level, fitted" in said
        assert counts(archive) == {("voice", "done"): 4, ("note", "done"): 2, ("mixed", "done"): 1}
        assert options(archive) == {"upgrade": False, "sample": 3, "recordings": 4}
        assert len({each["unit"] for each in outcomes(archive)}) == 5
        run(archive)
        assert counts(archive)["voice", "done"] == 4
        assert counts(archive)["fitted", "done"] == 8

    def test_a_sample_of_more_than_there_are_is_all(self, done: Archive) -> None:
        assert len(units(done, "--sample", "100")) == len(units(done, "--sample", "6")) == 8
        assert len(units(done, "--sample", "1")) == 1

    @pytest.mark.parametrize(
        ("typed", "names"),
        [
            ("a.wav", TALKS[:1]),
            ("a", TALKS[:1]),
            ("talks/a.wav", TALKS[:1]),
            ("./talks/../talks/a.wav", TALKS[:1]),
            ("more/b.wav", TALKS[1:2]),
            ("OH-7", TALKS[2:3]),
            ("d é.wav", TALKS[3:]),
            (unicodedata.normalize("NFD", "d é"), TALKS[3:]),
            ("talks/*.wav", (TALKS[0], *TALKS[2:])),
            ("**/B.{WAV,flac}", TALKS[1:2]),
            ("in-one.wav", CALLS[:2]),
            ("one", CALLS[:2]),
            ("calls/in-*", CALLS),
            ("wav", ()),
            ("alks/a.wav", ()),
            ("", ()),
        ],
    )
    def test_only_takes_names_ends_of_paths_labels_groups_and_patterns(
        self, done: Archive, typed: str, names: tuple[str, ...]
    ) -> None:
        if names:
            assert units(done, "--only", typed) == {rec(done, name) for name in names}
            assert options(done) == {"upgrade": False, "only": 1, "recordings": len(names)}
        else:
            assert refused(done, "--only", typed) == (
                f"librarian: --only {typed}: no recording of this job has that name, label or id\n"
            )

    def test_only_takes_a_path_from_wherever_it_is_typed(self, done: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        inside = Archive(done.root / "talks", done.environment)
        stream = here(inside, "run", "../job.yaml", "--workers", "0", "--only", "../calls/in-two.wav", "--events", "-")
        assert rec(done, CALLS[2]) in stream.stdout
        assert rec(done, CALLS[0]) not in stream.stdout
        assert units(done, "--only", str(done.root / TALKS[0])) == {rec(done, TALKS[0])}

    def test_only_takes_ids_and_their_beginnings(self, done: Archive) -> None:
        one, group = rec(done, TALKS[0]), grp(done, "two")
        made = {each["step"]: each["produced"][0]["id"] for each in outcomes(done, 0) if each["unit"] == one}
        mixed = next(each for each in outcomes(done, 0) if each["unit"] == group)["produced"][0]["id"]
        two = {rec(done, CALLS[2]), rec(done, CALLS[3])}
        assert units(done, "--only", one) == units(done, "--only", made["note"][:12]) == {one}
        assert units(done, "--only", mixed) == units(done, "--only", rec(done, CALLS[2])[:10]) == two
        assert units(done, "--only", made["voice"], "--only", group[:10]) == {one, *two}
        assert "rec_2222222222222" in refused(done, "--only", "rec_2222222222222")

    def test_a_group_has_its_id_before_anything_was_done_to_it(self, archive: Archive) -> None:
        here(archive, "init")
        assert units(archive, "--only", grp(archive, "one")) == {rec(archive, name) for name in CALLS[:2]}

    def test_a_recording_has_its_id_where_only_its_group_was_worked_on(self, archive: Archive) -> None:
        run(archive, "--to", "mixed")
        member = rec(archive, CALLS[1])[:10]
        assert units(archive, "--to", "mixed", "--only", member, step="mixed") == {grp(archive, "one")}

    def test_a_pattern_that_cannot_be_read_is_said(self, done: Archive) -> None:
        assert refused(done, "--only", "{1..100000}.wav") == (
            "librarian: --only {1..100000}.wav: the pattern cannot be read; check its braces\n"
        )

    def test_no_name_that_was_typed_stands_in_the_record(self, archive: Archive) -> None:
        (archive.root / "talks" / "a.wav").rename(archive.root / "talks" / "Ottilie Brandt.wav")
        for typed in ("Ottilie Brandt", "talks/Ottilie*", "OH-7"):
            run(archive, "--only", typed, "--set", "steps.note.with.speaker=Wilhelmine")
        for name, content in archive.files(".").items():
            if not name.startswith(("talks/", ".librarian/vault.db")) and not name.endswith(".txt"):
                assert not any(word in content for word in (b"Ottilie", b"Brandt", b"Wilhelmine")), name


class TestHowFar:
    def test_to_a_step_and_what_it_needs(self, archive: Archive) -> None:
        run(archive, "--to", "level")
        assert counts(archive) == {("voice", "done"): 8, ("level", "done"): 1}
        assert options(archive) == {"upgrade": False, "to": "level"}

    @pytest.mark.parametrize("option", ["--to", "--redo"])
    def test_a_step_that_there_is_not(self, archive: Archive, option: str) -> None:
        assert (
            refused(archive, option, "voise")
            == f"librarian: {option} voise: the job has no such step; did you mean voice?\n"
        )
        assert refused(archive, option, "xxx") == (
            f"librarian: {option} xxx: the job has no such step; there are voice, note, mixed, level, fitted\n"
        )

    @pytest.mark.parametrize("typed", ["7", "24:00", "07:60", "noon", "07:00:00", "-1:00"])
    def test_a_time_that_is_none(self, done: Archive, typed: str) -> None:
        assert "write a time of day, such as 07:00" in refused(done, f"--until={typed}")

    @pytest.mark.parametrize("until", ["07:00", "7:00", "00:00", "23:59"])
    def test_a_time_is_the_next_of_that_name(self, until: str) -> None:
        deadline = Wishes(None, (), None, (), (), until, None, False, False).deadline()
        assert time.strftime("%H:%M:%S", time.localtime(deadline)) == f"{until:0>5}:00"
        assert 0 < deadline - time.time() <= 25 * 3600

    def test_when_it_is_past_nothing_is_begun_and_the_next_run_goes_on(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Wishes, "deadline", lambda self: 0.0)
            said = run(archive, "--until", "07:00", code=1).stderr
        assert "it was ended early; to go on, type the same again: librarian run job.yaml" in said
        assert (counts(archive), options(archive)["until"]) == ({}, "07:00")
        assert lines(archive)[-1]["state"] == "interrupted"
        run(archive)
        assert counts(archive)["fitted", "done"] == 8
        assert here(archive, "verify", "--read-data").returncode == 0


class TestChanges:
    @pytest.mark.parametrize(
        ("typed", "place"),
        [
            ("steps.voice.with.gain=3", "steps.voice.with.gain"),
            ("steps.0.with={gain: 3 dB}", "steps.0.with"),
            ("steps.voice.with.gain=3.0 dB", "steps.voice.with.gain"),
        ],
    )
    def test_steps_go_by_id_or_number(self, archive: Archive, typed: str, place: str) -> None:
        run(archive, "--to", "voice", "--only", "a", "--set", typed)
        assert [each["document"]["settings"]["gain"] for each in outcomes(archive)] == [3.0]
        assert options(archive)["set"] == [place]

    def test_anything_may_be_changed_and_several_at_once(self, archive: Archive) -> None:
        changes = (
            "recordings.talks.path=talks/*.wav",
            "audio.format=wav",
            "name=other",
            "steps.mixed.missing=leave out",
        )
        run(archive, "--to", "voice", *(word for each in changes for word in ("--set", each)))
        assert {(each["job_name"], each["document"]["audio"]["format"]) for each in outcomes(archive)} == {
            ("other", "wav")
        }
        assert len(outcomes(archive)) == 7
        assert options(archive)["set"] == ["recordings.talks.path", "audio.format", "name", "steps.mixed.missing"]

    def test_what_may_be_a_name_is_cut_off_in_the_record(self, archive: Archive) -> None:
        for name in ("in-one", "in-two"):
            (archive.root / "calls" / f"{name}.wav").rename(
                archive.root / "calls" / f"{name}.wav".replace("in", "Anna")
            )
        edit(archive, "?P<role>in", "?P<role>Anna")
        edit(archive, "{in: left, out", "{out")
        run(archive, "--to", "mixed", "--set", "recordings.calls.roles.Anna=left")
        assert counts(archive) == {("mixed", "done"): 2}
        assert options(archive)["set"] == ["recordings.calls.roles"]

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ("steps.voise.with.gain=3", "--set steps.voise: nothing there has that id; did you mean voice?"),
            ("recordings.xxx.path=a", "--set recordings.xxx: nothing there has that id; there are talks, calls"),
            ("steps.9.with.gain=3", "nothing there has that id; there are voice, note, mixed, level, fitted"),
            ("steps.voice=3", "--set steps.voice: there is no such place"),
            ("name.of.it=3", "--set name.of: there is no such place"),
            ("steps.voice.with.gain", "--set takes PLACE=VALUE, such as: --set steps.voice.with.target=-20"),
            ("=3", "--set takes PLACE=VALUE"),
            ("steps..with=3", "--set takes PLACE=VALUE"),
            ("steps.voice.with.gain=[", "--set takes PLACE=VALUE"),
            ("steps.voice.with.gain=!!python/name:os.system x", "--set takes PLACE=VALUE"),
            ("steps.voice.with.Größe=3", "the place holds characters that no job file has there"),
            ("steps.voice.with.gian=3", "job.yaml:7:36: steps.0.with.gian: unknown key; did you mean gain?"),
            (
                "steps.voice.with.gain=loud",
                "job.yaml:7:43: steps.0.with.gain: expected a number with one of the units dB",
            ),
            ("steps.voice.use=lowder", "steps.0.use: no installed extension offers it"),
            ("librarian=2", "job.yaml:1:12: librarian: input should be 1"),
            ("new.thing=2", "job.yaml:1:1: new: unknown key"),
        ],
    )
    def test_what_cannot_be_put_in(self, done: Archive, typed: str, said: str) -> None:
        before = done.files(".")
        found = run(done, "--set", typed, code=None)
        assert found.returncode == (3 if "lowder" in typed else 2)
        assert said in found.stderr
        assert done.files(".") == before

    def test_roles_in_another_order_make_another_mix_of_files_that_nobody_touched(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("librarian.privacy.vault.RACY_NS", 0)  # as if they had lain there for a while
        run(archive, "--to", "mixed")
        assert '"all_stand"' in run(archive, "--to", "mixed", "--events", "-").stdout
        order = "recordings.calls.roles={out: right, in: left}"
        run(archive, "--to", "mixed", "--set", order, "--redo-ok")
        assert [each["role"] for each in outcomes(archive)[0]["consumed"]] == ["right", "left"]

    def test_they_hold_for_this_time_only(self, archive: Archive) -> None:
        run(archive, "--to", "voice")
        run(archive, "--to", "voice", "--set", "steps.voice.with.gain=3", "--redo-ok")
        assert counts(archive) == {("voice", "done"): 8}
        run(archive, "--to", "voice", "--redo-ok")
        assert counts(archive) == {("voice", "cached"): 8}


class TestAgain:
    def test_a_step_and_all_that_hangs_on_it(self, ran: Archive) -> None:
        before = ran.files()
        run(ran, "--redo", "level", "--redo", "note")
        assert counts(ran) == {("note", "done"): 4, ("level", "done"): 1, ("fitted", "done"): 8}
        assert all(each["replaces"] for each in outcomes(ran))
        assert options(ran) == {"upgrade": False, "redo": ["level", "note"]}
        assert ran.files() == before
        run(ran)
        assert counts(ran) == {}
        assert here(ran, "verify", "--read-data").returncode == 0

    def test_what_is_suspect_and_what_was_made_of_it(self, ran: Archive) -> None:
        one = rec(ran, TALKS[0])
        (line,) = [each for each in outcomes(ran, 0) if (each["step"], each["unit"]) == ("voice", one)]
        path = ran.root / "library" / line["folder"] / line["produced"][0]["file"]
        content = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(content[:-4] + b"\0\0\0\0")
        here(ran, "verify", "--read-data", code=1)
        run(ran, "--redo", "suspect")
        assert counts(ran) == {("voice", "done"): 1, ("level", "done"): 1, ("fitted", "done"): 8}
        assert path.read_bytes() == content
        assert here(ran, "verify", "--read-data").returncode == 0
        run(ran, "--redo", "suspect")
        assert counts(ran) == {}

    def test_what_was_degraded(self, archive: Archive) -> None:
        run(archive, "--to", "note")
        degrade(archive, 2)
        run(archive, "--to", "note")
        assert counts(archive) == {}
        run(archive, "--to", "note", "--redo", "degraded")
        assert counts(archive) == {("note", "done"): 1}
        run(archive, "--to", "note", "--redo", "degraded")
        assert counts(archive) == {}

    def test_a_new_version_is_followed_when_it_is_asked_for(self, ran: Archive) -> None:
        code = Path(ran.environment["PYTHONPATH"]) / "librarian_toys.py"
        text = code.read_text()
        code.write_text(text.replace('version="1"', 'version="2"'))
        run(ran)
        assert counts(ran) == {}
        run(ran, "--upgrade", "--redo-ok", "--to", "note")
        assert counts(ran) == {("note", "done"): 4}
        assert options(ran) == {"upgrade": True, "to": "note"}
        assert {each["document"]["version"] for each in outcomes(ran)} == {"2"}

    def test_so_is_a_new_default(self, archive: Archive) -> None:
        run(archive, "--to", "note")
        code = Path(archive.environment["PYTHONPATH"]) / "librarian_toys.py"
        code.write_text(code.read_text().replace('Field("en",', 'Field("de",'))
        run(archive, "--to", "note")
        assert counts(archive) == {}
        run(archive, "--to", "note", "--set", "steps.note.with.count=2", "--redo-ok")  # the owner changed something
        notes = {
            (archive.root / "library" / each["folder"] / each["produced"][0]["file"]).read_text()
            for each in outcomes(archive)
        }
        assert notes == {"de \n" * 2}


def degrade(archive: Archive, seq: int) -> None:
    """Make a line of the only manifest that of a task whose result the memory ladder changed."""
    (path,) = (archive.root / "manifests").glob("*.jsonl")
    prev, rewritten = NO_LINE, []
    for number, text in enumerate(path.read_text().splitlines()):
        body = json.loads(text)["body"]
        if number == seq:
            body["outcome"] = "degraded"
        digest = sha256(canonical(body))
        rewritten.append(canonical({"seq": number, "prev": prev, "digest": digest, "body": body}))
        prev = link(number, prev, digest)
    path.write_bytes(b"\n".join(rewritten) + b"\n")
    for index in (archive.root / ".librarian").glob("catalog.db*"):
        index.unlink()
    here(archive, "verify")


class TestUnasked:
    def test_much_that_is_finished_is_not_done_again_where_nobody_is_there(self, ran: Archive) -> None:
        before = ran.files()
        edit(ran, "gain: 1 dB", "gain: 2 dB")
        sound(ran.root / "talks" / "new.wav", 30)
        said = run(ran, code=1).stderr
        assert "would be done again (voice: gain 1 → 2 dB); nobody is there to ask, so only what is new is done" in said
        assert "to do that again: librarian run job.yaml --redo-ok" in said
        assert options(ran) == {"upgrade": False, "only_new": True}
        new = rec(ran, "talks/new.wav")
        assert counts(ran)["voice", "done"] == counts(ran)["note", "done"] == 1
        assert {each["unit"] for each in outcomes(ran) if each["step"] in ("voice", "note")} == {new}
        assert lines(ran)[-2]["withheld"]["voice"] == 8
        assert {name: content for name, content in ran.files().items() if name in before} == before

        again = run(ran, code=1).stderr  # the same again: still nobody is there
        assert "of finished sound would be done again (" in again
        assert (counts(ran), lines(ran)[-2]["withheld"]["voice"]) == ({}, 8)

        run(ran, "--redo-ok")
        assert counts(ran)["voice", "done"] == 8
        run(ran)
        assert counts(ran) == {}
        assert here(ran, "verify", "--read-data").returncode == 0

    def test_little_is_just_done(self, tmp_path: Path) -> None:
        archive = toy_archive(tmp_path / "archive")
        for number in range(1, 22):
            sound(archive.root / "talks" / f"{number}.wav", number, seconds=0.05)
        rows = [f"{number}.wav,{number}" for number in range(1, 22)]
        table = archive.root / "files.csv"
        table.write_text("\n".join(["file,gain", *rows]))
        archive.job(
            "librarian: 1\nname: listed\nrecordings: [{id: talks, path: talks/*.wav, list: files.csv}]\n"
            "steps: [{id: voice, use: louder}]\n"
        )
        run(archive)
        table.write_text("\n".join(["file,gain", *rows[:-1], "21.wav,-3"]))
        run(archive)
        assert (counts(archive), options(archive)) == ({("voice", "done"): 1}, {"upgrade": False})
        table.write_text("\n".join(["file,gain", *rows[:-2], "20.wav,-3", "21.wav,-3.5"]))
        assert "gain" in run(archive, code=1).stderr  # two of twenty-one
        assert counts(archive) == {}

    def test_what_was_asked_for_by_name_is_done_without_a_question(self, ran: Archive) -> None:
        run(ran, "--redo", "voice")
        assert counts(ran)["voice", "done"] == 8

    def test_a_result_that_is_missing_is_made_without_a_question(self, ran: Archive) -> None:
        for path in ran.root.glob("library/*/*/louder-*/*"):
            path.unlink()
        run(ran)
        assert counts(ran) == {("voice", "done"): 8}

    def test_a_new_recording_does_not_redo_all_that_hangs_on_the_whole_job(self, ran: Archive) -> None:
        sound(ran.root / "talks" / "new.wav", 30)
        said = run(ran, code=1).stderr
        assert "of finished sound would be done again (level: not read yet); nobody is there to ask" in said
        assert (counts(ran)["voice", "done"], counts(ran)["fitted", "done"]) == (1, 1)
        run(ran, "--redo-ok")
        assert (counts(ran)["level", "done"], counts(ran)["fitted", "done"]) == (1, 9)
        run(ran)
        assert counts(ran) == {}

    def test_a_new_version_is_asked_about_too(self, ran: Archive) -> None:
        code = Path(ran.environment["PYTHONPATH"]) / "librarian_toys.py"
        code.write_text(code.read_text().replace('version="1"', 'version="2"'))
        assert "version 1 → 2" in run(ran, "--upgrade", code=1).stderr
        assert counts(ran) == {}

    @pytest.mark.parametrize(("typed", "code", "done_again"), [("y\n", 0, 8), ("\n", 1, 0)])
    def test_on_a_terminal_a_person_is_asked(self, archive: Archive, typed: str, code: int, done_again: int) -> None:
        run(archive, "--to", "voice")
        edit(archive, "gain: 1 dB", "gain: 2 dB")
        with asking(archive) as (process, terminal):
            os.write(terminal, typed.encode())
            assert process.wait(timeout=60) == code
        assert counts(archive)["voice", "done"] == done_again

    def test_a_question_can_be_broken_off(self, archive: Archive) -> None:
        run(archive, "--to", "voice")
        edit(archive, "gain: 1 dB", "gain: 2 dB")
        before = archive.files("manifests")
        with asking(archive) as (process, _):
            while "S" not in Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2]:
                pass  # until it waits for an answer
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
        assert archive.files("manifests") == before


@contextlib.contextmanager
def asking(archive: Archive) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A run on a terminal, once it has put its question."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "librarian", "run", "job.yaml", "--workers", "0", "--to", "voice"]
    environment = {**os.environ, **archive.environment, "NO_COLOR": "1"}
    process = subprocess.Popen(command, cwd=archive.root, env=environment, stdin=theirs, stderr=theirs)
    os.close(theirs)
    try:
        said = b""
        while b"[y/N]" not in said:
            said += os.read(ours, 1 << 16)
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)
