"""What a person puts in the place of a result: later steps take it, no run replaces it, and everything knows of it."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from faults import Fault, points, watch, why_not
from harness import Archive
from tagged import wav
from units import artifact, copy_of, counts, here, lines, outcomes, run, sound, toy_archive

from librarian.cli.working import workers_for
from librarian.manifest.catalog import Catalog
from librarian.view.export import read_sums

JOB = r"""
librarian: 1
name: night
recordings:
  - {id: talks, path: 'talks/*.wav'}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: cuts, use: chop, from: voice}
  - {id: loud, use: number, from: cuts}
  - {id: spans, use: spell, from: voice}
  - {id: told, use: tell, from: spans}
  - {id: level, use: profile, from: voice}
  - {id: fitted, use: fit, from: {audio: voice, profile: level}}
""".lstrip()


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked into in this process: one test does it as a person would."""
    monkeypatch.setattr("librarian.cli.given.workers_for", lambda count, log: workers_for(0, log))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = toy_archive(tmp_path_factory.mktemp("revise") / "archive")
    for number, name in enumerate(("one.wav", "two.wav"), 1):
        sound(made.root / "talks" / name, number)
    made.job(JOB)
    run(made)
    return made


@pytest.fixture
def archive(template: Archive, tmp_path: Path) -> Archive:
    return copy_of(template, tmp_path / "archive")


def line_of(archive: Archive, step: str, number: int = 0, manifest: int = 0) -> dict[str, Any]:
    return outcomes(archive, manifest, step)[number]


def made(archive: Archive, step: str, number: int = 0, manifest: int = 0) -> str:
    """The id of the first artifact of a step."""
    return str(line_of(archive, step, number, manifest)["produced"][0]["id"])


def louder(archive: Archive, of: str, name: str = "mine.wav", factor: float = 0.5) -> str:
    """A file of a person's: an artifact of the archive, half as loud."""
    samples, rate = soundfile.read(file_of(archive, of))
    soundfile.write(archive.root / name, samples * factor, rate, subtype="PCM_24")
    return name


def file_of(archive: Archive, artifact_id: str) -> Path:
    with catalog(archive) as found:
        return archive.root / "library" / found.artifact(artifact_id).file


@contextlib.contextmanager
def catalog(archive: Archive) -> Iterator[Catalog]:
    with contextlib.closing(
        Catalog(archive.root / ".librarian" / "catalog.db", archive.root / "manifests", owned=True)
    ) as opened:
        yield opened


def revise(archive: Archive, *typed: str, code: int = 0) -> dict[str, Any]:
    done = here(archive, "revise", *typed, "--json", code=code)
    return dict(json.loads(done.stdout)) if code == 0 else {"said": done.stderr}


def results(archive: Archive) -> set[str]:
    """Library and record, by the names of their files."""
    return {*archive.files("library"), *archive.files("manifests")}


def whole(archive: Archive) -> bool:
    return "0 problems" in here(archive, "verify", "--read-data").stdout


def test_later_steps_take_it_and_are_done_again_once(archive: Archive) -> None:
    run(archive)
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice))
    assert whole(archive)
    planned = {row["step"]: row for row in json.loads(here(archive, "plan", "job.yaml", "--json").stdout)["steps"]}
    assert planned["cuts"]["reasons"] == {"voice revised by hand": 1}
    assert planned["voice"]["done"] == planned["voice"]["revised"] + 1 == 2
    run(archive)  # nobody need agree: whoever revised it wants it
    assert counts(archive) == {
        **{("cuts", "done"): 1, ("loud", "done"): 3, ("spans", "done"): 1, ("told", "done"): 1},
        **{("level", "done"): 1, ("fitted", "done"): 2},
    }
    assert [each["id"] for each in line_of(archive, "cuts", manifest=-1)["consumed"]] == [told["artifact"]]
    run(archive)
    assert outcomes(archive) == []
    assert whole(archive)
    assert here(archive, "catalog", "rebuild").returncode == 0
    run(archive)
    assert outcomes(archive) == []


def test_what_it_is_stands_in_the_record_as_of_everything(archive: Archive) -> None:
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice), "--because", "Ottilie was too loud")
    first, line, seal = lines(archive)
    assert (first["act"], seal["state"], seal["outcomes"]) == ("revise", "complete", 1)
    assert (line["document"]["operation"], line["document"]["inputs"]) == (
        "librarian-media/revise",
        [["audio", "", voice]],
    )
    (produced,) = line["produced"]
    machine = line_of(archive, "voice")["produced"][0]
    assert line["revises"] == {
        **{"artifact": told["artifact"], "output": "audio", "item": None, "machine": voice, "cleared": False},
        **{"digest": machine["digest"], "because": line["revises"]["because"]},
    }
    shown = here(archive, "show", told["job"]).stdout
    assert f"{told['artifact']} from {voice}, voice.audio of night of {line['unit']}" in shown
    assert told["job"] in here(archive, "jobs").stdout
    assert "made by hand on" in here(archive, "show", told["artifact"]).stdout.splitlines()[0]
    assert produced["private"] and produced["facts"]["frames"] == machine["facts"]["frames"]
    assert produced["facts"].get("gain") == machine["facts"].get("gain")
    assert not any("Ottilie" in path.read_text() for path in (archive.root / "manifests").iterdir())
    assert all(b"Ottilie" not in path.read_bytes() for path in (archive.root / ".librarian").glob("catalog.db*"))
    assert whole(archive)


def test_no_run_replaces_it_and_all_say_where_the_machine_is_ahead(archive: Archive) -> None:
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice))
    run(archive)
    archive.job(JOB.replace("1 dB", "2 dB"))
    said = run(archive, "--redo-ok").stderr
    assert "1 revised result made anew by the machine since, and kept beside yours" in said
    assert counts(archive)["voice", "done"] == 2 and counts(archive)["cuts", "done"] == 1
    assert "1 revised result made anew" in run(archive).stderr
    anew = made(archive, "voice", manifest=-2)
    (revision,) = json.loads(here(archive, "revise", "--list", "--json").stdout)
    assert revision["newer"] and (revision["artifact"], revision["now"]) == (told["artifact"], anew)
    undo = f"librarian revise --undo {told['artifact']}"
    assert undo in here(archive, "revise", "--list").stderr
    assert undo in here(archive, "show", told["artifact"]).stdout
    assert undo in here(archive, "show", "one.wav").stdout
    assert f"superseded by {told['artifact']}: revised by hand" in here(archive, "show", anew).stdout
    assert "made anew by the machine since" in here(archive, "plan", "job.yaml").stdout
    assert whole(archive)
    # Who looked at what the machine made, and keeps his own, says so by revising that.
    again = revise(archive, anew, "mine.wav")
    assert again["artifact"] != told["artifact"]
    assert not json.loads(here(archive, "revise", "--list", "--json").stdout)[0]["newer"]


def test_taken_back_the_machines_counts_again(archive: Archive) -> None:
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice))
    run(archive)
    (withdrawn,) = revise(archive, "--undo", voice, "--because", "it was right")["withdrawn"]
    assert withdrawn["artifact"] == told["artifact"]
    run(archive)
    assert {outcome for _, outcome in counts(archive)} == {"cached"}  # all of it was there
    assert "the revision was taken back" in here(archive, "show", told["artifact"]).stdout
    assert whole(archive)
    run(archive)
    assert outcomes(archive) == []
    assert "nobody revised that" in revise(archive, "--undo", voice, code=2)["said"]
    revise(archive, voice, "mine.wav")  # and once more
    run(archive)
    assert {outcome for _, outcome in counts(archive)} == {"cached"}


def test_of_two_revisions_the_newest_counts(archive: Archive) -> None:
    voice = made(archive, "voice")
    first = revise(archive, voice, louder(archive, voice))["artifact"]
    second = revise(archive, first, louder(archive, voice, "better.wav", 0.7))["artifact"]
    run(archive)
    assert [each["id"] for each in line_of(archive, "cuts", manifest=-1)["consumed"]] == [second]
    shown = here(archive, "show", first).stdout
    assert f"superseded by {second}: revised by hand" in shown
    assert f"superseded by {second}" in here(archive, "show", voice).stdout
    (revision,) = json.loads(here(archive, "revise", "--list", "--json").stdout)
    assert (revision["artifact"], revision["machine"], revision["newer"]) == (second, voice, False)
    revise(archive, "--undo", second)
    run(archive)
    assert [each["id"] for each in line_of(archive, "cuts", manifest=-1)["consumed"] or ()] == []
    assert not json.loads(here(archive, "revise", "--list", "--json").stdout)


def test_views_exports_and_counts_take_it(archive: Archive) -> None:
    voice = made(archive, "voice")
    here(archive, "view", "view")
    link = next((archive.root / "view").rglob("one.voice.flac"))
    told = revise(archive, str(link), louder(archive, voice))
    assert told["revises"] == voice
    here(archive, "view")
    (shown,) = [path for path in (archive.root / "view").rglob("one.voice.*")]
    assert shown.resolve() == file_of(archive, told["artifact"])
    here(archive, "export", "voice", "out", "--private", "--names")
    sums = read_sums(archive.root / "out" / "SHA256SUMS")
    assert {Path(name).suffix for name in sums} == {".wav", ".flac"}
    proof = [path.read_text() for path in (archive.root / "out" / "proof").iterdir()]
    assert any(told["artifact"] in text for text in proof)
    states = {each["state"]: each["results"] for each in json.loads(here(archive, "du", "--json").stdout)["steps"]
              if each["step"] == "voice"}  # fmt: skip
    assert states == {"current": 2, "superseded": 1}
    traced = {each["id"]: each for each in json.loads(here(archive, "trace", voice, "--json").stdout)["nodes"]}
    assert (traced[voice]["state"], traced[told["artifact"]]["state"]) == ("superseded", "current")


def test_an_extensions_own_schema_is_checked_and_its_task_is_told(archive: Archive) -> None:
    spans = made(archive, "spans")
    machine = artifact(archive, line_of(archive, "told"), "text").read_text()
    assert machine == "one two, by machine, ['duration', 'words']\n"
    (archive.root / "mine.json").write_text(json.dumps({"schema": "marks/1", "spans": ["Ottilie", "zwei"]}))
    revise(archive, spans, "mine.json")
    run(archive)
    told = line_of(archive, "told", manifest=-1)
    assert artifact(archive, told, "text").read_text() == "Ottilie zwei, by hand, ['duration']\n"
    assert counts(archive) == {("told", "done"): 1}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"spans": ["Ottilie?"]}', "marks/1: spans: it is not what the schema asks for"),
        ('{"spans": [1, 2, 3, 4, 5]}', "spans.0: Input should be a valid string; spans.1: .*; spans.2: .*; and 2 more"),
        ('{"spans": [], "Ottilie": 1}', "it has a field that is not in the schema"),
        ('{"schema": "Ottilie/1", "spans": []}', "of another schema; the result is of marks/1"),
        ('{"spans": ["\\ud800"]}', "half a character"),
        ('{"spans": [NaN', "no JSON: line 1, column 15"),
        ("[" * 100_000, "no JSON that can be read"),
        ("[]", "no JSON object, as marks/1 is"),
        ("\udcff", "no text in UTF-8: byte 0"),
    ],
)
def test_what_does_not_fit_is_refused_and_not_quoted(archive: Archive, content: str, why: str) -> None:
    (archive.root / "mine.json").write_text(content, errors="surrogateescape")
    before = results(archive)
    said = revise(archive, made(archive, "spans"), "mine.json", code=2)["said"]
    assert "Ottilie" not in said
    assert re.search(why, said), said
    assert results(archive) == before
    assert whole(archive)


class TestSound:
    def test_of_another_length_only_where_that_is_agreed(self, archive: Archive) -> None:
        voice = made(archive, "voice")
        samples, rate = soundfile.read(file_of(archive, voice))
        soundfile.write(archive.root / "short.wav", samples[:-800], rate)
        said = revise(archive, voice, "short.wav", code=2)["said"]
        assert f"frames {len(samples) - 800:,} instead of {len(samples):,}" in said and "--unlike-ok" in said
        revise(archive, voice, "short.wav", "--unlike-ok")
        run(archive)
        assert len(line_of(archive, "cuts", manifest=-1)["produced"]) == 2
        assert whole(archive)

    @pytest.mark.parametrize("content", [b"", b"RIFF", b"junk" * 99], ids=["empty", "begun", "junk"])
    def test_that_is_none(self, archive: Archive, content: bytes) -> None:
        (archive.root / "bad.wav").write_bytes(content)
        assert "the file is not taken" in revise(archive, made(archive, "voice"), "bad.wav", code=2)["said"]

    def test_without_its_metadata(self, archive: Archive) -> None:
        wav(archive.root / "tagged.wav", ["Ottilie Brandstaetter"])
        told = revise(archive, made(archive, "voice"), "tagged.wav", "--unlike-ok")
        kept = file_of(archive, told["artifact"])
        assert b"Ottilie" in (archive.root / "tagged.wav").read_bytes() and b"Ottilie" not in kept.read_bytes()
        assert (soundfile.read(kept)[0] == soundfile.read(archive.root / "tagged.wav")[0]).all()


def test_a_text_has_to_be_one_of_the_same_format(archive: Archive) -> None:
    told = made(archive, "told")
    (archive.root / "mine.srt").write_text("1")
    assert "ends in .txt" in revise(archive, told, "mine.srt", code=2)["said"]
    (archive.root / "mine.txt").write_text("what was said\n")
    found = revise(archive, told, "mine.txt")
    assert found["private"] and file_of(archive, found["artifact"]).read_text() == "what was said\n"
    clean = revise(archive, told, "mine.txt", "--clean")
    assert not clean["private"]
    assert lines(archive)[1]["revises"]["cleared"]
    assert whole(archive)
    here(archive, "export", "told", "out")
    assert "what was said\n" in {path.read_text() for path in (archive.root / "out").iterdir() if path.suffix == ".txt"}


def test_one_of_a_list(archive: Archive) -> None:
    piece = line_of(archive, "cuts")["produced"][1]["id"]
    told = revise(archive, piece, louder(archive, piece))
    run(archive)
    assert counts(archive) == {("loud", "done"): 1}
    (line,) = outcomes(archive)
    assert (line["unit"], line["consumed"][0]["id"]) == (piece, told["artifact"])
    archive.job(JOB.replace("use: chop, from: voice", "use: chop, from: voice, with: {seconds: 0.15 s}"))
    run(archive, "--redo-ok")  # another list: its second piece is another one
    assert told["artifact"] not in {each["id"] for line in outcomes(archive) for each in line["consumed"]}
    assert "does not count: its list was made anew" in here(archive, "revise", "--list").stdout
    assert whole(archive)


def test_one_of_the_whole_job_and_of_two_jobs_at_once(archive: Archive) -> None:
    level = made(archive, "level")
    found = json.loads(file_of(archive, level).read_text())
    found["measurements"][0]["value"] /= 2
    (archive.root / "mine.json").write_text(json.dumps(found))
    assert not revise(archive, level, "mine.json")["private"]
    run(archive)
    assert counts(archive) == {("fitted", "done"): 2}
    archive.job(JOB.replace("name: night", "name: other"))
    run(archive)
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice))
    assert {line["job_name"]: line["outcome"] for line in outcomes(archive)} == {"night": "done", "other": "cached"}
    for job in ("night", "other"):
        archive.job(JOB.replace("name: night", f"name: {job}"))
        run(archive)
        assert line_of(archive, "cuts", manifest=-1)["document"]["inputs"] == [["audio", "", told["artifact"]]]
    assert whole(archive)


def test_it_stands_where_the_machine_comes_to_nothing(archive: Archive) -> None:
    voice = made(archive, "voice")
    revise(archive, voice, louder(archive, voice))
    run(archive)
    code = Path(archive.environment["PYTHONPATH"]) / "librarian_toys.py"
    code.write_text(code.read_text().replace("def louder(task):", "def louder(task):\n    raise RuntimeError('no')", 1))
    archive.job(JOB.replace("1 dB", "3 dB"))
    run(archive, "--redo-ok", code=1)
    assert counts(archive)["voice", "failed"] == 2
    assert counts(archive)["cuts", "skipped"] == 1  # of the other recording


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (["talks/one.wav", "mine.wav"], "that is no result"),
        (["art_aaaaaaaaaaaaa", "mine.wav"], "nothing has that id|nothing is known"),
        (["{voice}", "nowhere.wav"], "FILE: there is no such file"),
        (["{voice}"], "librarian revise ARTIFACT FILE"),
        (["--undo", "{voice}", "mine.wav"], "librarian revise --undo ARTIFACT"),
        (["{voice}", "mine.wav", "--because", "x" * 2001], "--because has more than 2,000 characters"),
        (["{voice}", "{file}"], "the file is what art_[a-z2-7]{13} is"),
    ],
)
def test_what_cannot_be_is_said(archive: Archive, typed: list[str], why: str) -> None:
    voice = made(archive, "voice")
    louder(archive, voice)
    words = {"{voice}": voice, "{file}": str(file_of(archive, voice))}
    said = here(archive, "revise", *(words.get(each, each) for each in typed), code=2).stderr
    assert re.search(why, said), said
    assert len(list((archive.root / "manifests").iterdir())) == 1


def test_what_is_superseded_is_not_revised_and_what_stands_is_not_put_there_twice(archive: Archive) -> None:
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice))
    assert f"{told['artifact']} is that file" in revise(archive, voice, "mine.wav", code=2)["said"]
    archive.job(JOB.replace("1 dB", "2 dB"))
    run(archive, "--redo-ok")
    assert "is superseded" in revise(archive, voice, louder(archive, voice, factor=0.3), code=2)["said"]


def test_a_dry_run_checks_and_records_nothing(archive: Archive) -> None:
    voice = made(archive, "voice")
    louder(archive, voice)
    before = results(archive)
    told = revise(archive, voice, "mine.wav", "--dry-run")
    assert told["job"] is None
    assert results(archive) == before
    assert told["artifact"] == revise(archive, voice, "mine.wav")["artifact"]
    assert revise(archive, "--undo", voice, "--dry-run")["job"] is None
    assert json.loads(here(archive, "revise", "--list", "--json").stdout)


def test_one_that_is_gone_is_missed_and_given_again(archive: Archive) -> None:
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice))
    run(archive)
    file_of(archive, told["artifact"]).unlink()
    assert "a person made it" in here(archive, "verify", code=1).stdout
    said = run(archive).stderr
    assert f"librarian revise --undo {told['artifact']}" in said
    archive.job(JOB.replace("use: chop, from: voice", "use: chop, from: voice, with: {seconds: 0.15 s}"))
    said = run(archive, "--redo-ok", code=1).stderr
    assert "a revision that it needs is not what was recorded" in said
    assert revise(archive, voice, "mine.wav")["artifact"] == told["artifact"]
    run(archive, "--redo-ok")
    assert whole(archive)


def test_it_goes_with_its_recording(archive: Archive) -> None:
    voice = made(archive, "voice")
    told = revise(archive, voice, louder(archive, voice), "--because", "Ottilie")
    run(archive)
    here(archive, "privacy", "forget", "one.wav", "--yes")
    kept = b"".join(path.read_bytes() for path in archive.root.rglob("*") if path.is_file() and path.name != "mine.wav")
    assert b"Ottilie" not in kept
    assert f"{told['artifact']} was forgotten" in here(archive, "show", told["artifact"]).stdout
    assert json.loads(here(archive, "revise", "--list", "--json").stdout) == []
    assert whole(archive)


def test_as_a_person_would_and_killed_anywhere(template: Archive, tmp_path: Path) -> None:
    """Whatever a crash leaves, the next run mends: it stands or it does not, and nothing lies in the library."""
    if reason := why_not():
        pytest.skip(reason)
    voice = made(template, "voice")
    louder(template, voice)

    def play(archive: Archive, fault: Fault | None = None) -> Any:
        command = [sys.executable, "-P", "-m", "librarian", "revise", voice, "mine.wav"]
        return watch(command, archive.root, fault, cwd=archive.root, environment=archive.variables())

    undisturbed = play(copy_of(template, tmp_path / "first"))
    assert undisturbed.code == 0, undisturbed.err
    settled = next(at for at, call in enumerate(undisturbed.calls, 1) if "/.staging/" in call.source)
    killed = [Fault("kill all", at) for at in (settled, settled + 1, settled + 2, settled + 4)]
    torn = [Fault("tear a line and kill all", 2)]  # the first is that of the act
    wrong = []
    for number, fault in enumerate([*killed, *torn, *points(undisturbed, "full from there on", 2, "revise")]):
        archive = copy_of(template, tmp_path / f"copy{number}")
        ended = play(archive, fault)
        run(archive, code=None)
        verified = here(archive, "verify", "--read-data", code=None)
        stands = json.loads(here(archive, "revise", "--list", "--json").stdout)
        if verified.returncode or len(stands) > 1 or (archive.root / "library" / ".staging").exists():
            wrong.append(f"{fault} {ended.struck}: {verified.stdout}")
        shutil.rmtree(archive.root)
    assert not wrong, "\n".join(wrong)
