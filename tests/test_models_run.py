"""Operations that use models, from the job file to the record: what is missing, what is handed out, what changes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from harness import Archive
from scaling import folder_of, lay_in, scaling

JOB = """\
librarian: 1
name: scaled
recordings: [{id: calls, path: calls/*.wav}]
steps:
  - {id: louder, use: scale, with: {model: MODEL}}
"""


@pytest.fixture
def scaled(calls: Archive, tmp_path: Path) -> Archive:
    """An archive with a job that scales by whatever model is there."""
    scaling(tmp_path / "site", calls)
    calls.librarian("init")
    calls.job(JOB.replace("MODEL", "auto"))
    return calls


def store(archive: Archive) -> Path:
    return Path(archive.environment["LIBRARIAN_MODELS"])


def outcomes(archive: Archive) -> list[dict]:
    """The outcome lines of the last job."""
    last = max((archive.root / "manifests").glob("*.jsonl"))
    bodies = [json.loads(line)["body"] for line in last.read_text().splitlines()]
    return [body for body in bodies if body["type"] == "outcome"]


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_missing_model_is_said_before_anything_runs(scaled: Archive, command: str) -> None:
    scaled.job(JOB.replace("MODEL", "loud"))
    said = scaled.librarian(command, "job.yaml", code=5).stderr
    assert said == (
        "job.yaml:5:44: steps.0.with.model: the model loud is not installed; it is gain.txt (licence CC0-1.0); type: "
        "librarian models fetch loud, or, with the files in a folder: librarian models add FOLDER --name loud\n"
    )
    assert not list((scaled.root / "manifests").glob("*.jsonl"))


def test_without_a_setting_that_names_it_the_place_is_the_operation(scaled: Archive) -> None:
    assert scaled.librarian("plan", "job.yaml", code=5).stderr.startswith("job.yaml:5:23: steps.0.use: the model loud")


def test_a_model_that_nobody_knows_is_missing_too(scaled: Archive) -> None:
    scaled.job(JOB.replace("MODEL", "mine"))
    said = scaled.librarian("plan", "job.yaml", code=5).stderr
    assert "the model mine is not installed; type: librarian models add FOLDER --name mine\n" in said


def test_a_model_that_another_project_brought_is_taken_from_there(scaled: Archive, tmp_path: Path) -> None:
    scaled.job(JOB.replace("MODEL", "mine"))
    add = ["models", "add", str(folder_of(tmp_path, "mine")), "--name", "mine", "--loader", "gain"]
    scaled.librarian(*add)
    scaled.librarian("models", "remove", "mine")
    said = scaled.librarian("plan", "job.yaml", code=5).stderr
    assert "the model mine is not installed; this machine has it; type: librarian models fetch mine\n" in said
    scaled.librarian("models", "fetch", "mine")
    scaled.librarian("run", "job.yaml")


def test_what_reads_like_somebody_is_not_repeated(scaled: Archive) -> None:
    scaled.job(JOB.replace("MODEL", "m15550148822"))
    said = scaled.librarian("plan", "job.yaml", code=5).stderr
    assert "is not installed" in said
    assert "5550148822" not in said


def test_what_cannot_be_a_name_is_a_mistake_of_the_job_file(scaled: Archive) -> None:
    scaled.job(JOB.replace("MODEL", "../x"))
    assert "cannot be the name of a model" in scaled.librarian("plan", "job.yaml", code=2).stderr


@pytest.mark.parametrize("workers", ["1", "0"])
def test_auto_takes_what_is_there_and_the_record_says_which(scaled: Archive, tmp_path: Path, workers: str) -> None:
    lay_in(scaled, tmp_path, "quiet")
    scaled.librarian("run", "job.yaml", "--workers", workers)
    made = outcomes(scaled)
    assert [line["outcome"] for line in made] == ["done"] * 3
    lock = json.loads((scaled.root / ".librarian" / "models.lock").read_text())
    assert {json.dumps(line["document"]["models"]) for line in made} == {
        json.dumps({"quiet": lock["models"][0]["digest"]})
    }
    assert "3 done before" in scaled.librarian("run", "job.yaml").stderr


def test_a_model_that_was_removed_is_missed_though_all_was_done(scaled: Archive, tmp_path: Path) -> None:
    """Neither what extensions answered before nor that nothing was left to do stands any more."""
    lay_in(scaled, tmp_path, "quiet")
    scaled.librarian("run", "job.yaml")
    for _ in range(2):
        assert "3 done before" in scaled.librarian("run", "job.yaml").stderr
    scaled.librarian("models", "remove", "quiet")
    assert "the model loud is not installed" in scaled.librarian("run", "job.yaml", code=5).stderr


@pytest.mark.parametrize("named", ["auto", "quiet"])
def test_where_nothing_changed_no_worker_is_asked_again(scaled: Archive, tmp_path: Path, named: str) -> None:
    """The name of a model is no text of the owner's: the record says it, and answers that hold it are kept."""
    lay_in(scaled, tmp_path, "quiet")
    scaled.job(JOB.replace("MODEL", named))
    scaled.librarian("run", "job.yaml")
    assert {line["document"]["settings"]["model"] for line in outcomes(scaled)} == {"quiet"}
    work = tmp_path / "site" / "librarian_scaling.py"
    times, text = work.stat(), work.read_text()
    work.write_text("raise SystemExit\n".ljust(len(text)))  # whoever asks again learns it
    os.utime(work, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "3 done before" in scaled.librarian("run", "job.yaml").stderr


def test_a_better_model_is_followed_only_with_upgrade(scaled: Archive, tmp_path: Path) -> None:
    lay_in(scaled, tmp_path, "quiet")
    scaled.librarian("run", "job.yaml")
    lay_in(scaled, tmp_path, "quiet", "loud")
    (step,) = json.loads(scaled.librarian("plan", "job.yaml", "--json").stdout)["steps"]
    assert (step["done"], step["redo"]) == (3, 0)
    (step,) = json.loads(scaled.librarian("plan", "job.yaml", "--upgrade", "--json").stdout)["steps"]
    assert (step["done"], step["redo"]) == (0, 3)
    scaled.job(JOB.replace("MODEL", "loud"))  # now the owner asks for it
    (step,) = json.loads(scaled.librarian("plan", "job.yaml", "--json").stdout)["steps"]
    assert (step["done"], step["redo"]) == (0, 3)


def test_a_model_with_other_files_is_followed_only_with_upgrade(scaled: Archive, tmp_path: Path) -> None:
    scaled.job(JOB.replace("MODEL", "mine"))
    lay_in(scaled, tmp_path, "mine")
    scaled.librarian("run", "job.yaml")
    (tmp_path / "mine" / "bias.txt").write_text("0\n")
    lay_in(scaled, tmp_path, "mine")
    plan = json.loads(scaled.librarian("plan", "job.yaml", "--json").stdout)
    assert plan["steps"][0]["done"] == 3
    plan = json.loads(scaled.librarian("plan", "job.yaml", "--upgrade", "--json").stdout)
    assert plan["steps"][0]["reasons"] == {"mine changed": 3}


def test_a_byte_that_changed_fails_the_task_with_its_cause(scaled: Archive, tmp_path: Path) -> None:
    lay_in(scaled, tmp_path, "loud")
    (path,) = store(scaled).glob("loud/*/gain.txt")
    path.chmod(0o600)
    path.write_text("3.0\n")  # as long as it was
    said = scaled.librarian("run", "job.yaml", code=1).stderr
    assert {line["cause"]["reason"] for line in outcomes(scaled)} == {"model_missing"}
    assert {line["cause"]["message"] for line in outcomes(scaled)} == {
        "the files of the model loud are not what models.lock says; type: librarian models verify loud"
    }
    assert str(tmp_path) not in said


@pytest.mark.parametrize("what", ["added", "link"])
def test_a_file_that_is_not_listed_is_not_handed_out(scaled: Archive, tmp_path: Path, what: str) -> None:
    lay_in(scaled, tmp_path, "loud")
    (path,) = store(scaled).glob("loud/*/gain.txt")
    if what == "added":
        path.with_name("config.yaml").write_text("a: b\n")
    else:
        path.rename(tmp_path / "elsewhere.txt")
        path.symlink_to(tmp_path / "elsewhere.txt")
    scaled.librarian("run", "job.yaml", code=1 if what == "added" else 5)


def test_files_that_are_not_on_this_machine_are_missing(scaled: Archive, tmp_path: Path) -> None:
    lay_in(scaled, tmp_path, "loud")
    scaled.environment["LIBRARIAN_MODELS"] = str(tmp_path / "another")
    said = scaled.librarian("run", "job.yaml", code=5).stderr
    assert "the model loud is in models.lock, and its files are not on this machine; it is gain.txt" in said


def test_an_operation_gets_no_model_that_it_did_not_resolve(scaled: Archive, tmp_path: Path) -> None:
    lay_in(scaled, tmp_path, "loud")
    scaled.job(JOB.replace("MODEL", "loud").replace("scale", "stray"))
    scaled.librarian("run", "job.yaml", code=1)
    assert {line["cause"]["reason"] for line in outcomes(scaled)} == {"model_missing"}


def test_another_kind_of_model_is_a_mistake_of_the_job_file(scaled: Archive, tmp_path: Path) -> None:
    scaled.librarian("models", "add", str(folder_of(tmp_path, "mine")), "--name", "mine", "--loader", "other")
    scaled.job(JOB.replace("MODEL", "mine"))
    said = scaled.librarian("plan", "job.yaml", code=2).stderr
    assert said == "job.yaml:5:36: steps.0.with: mine is no model that scales\n"


def test_what_is_wrong_only_with_the_model_that_auto_takes_is_said_as_plainly(scaled: Archive) -> None:
    scaled.job(JOB.replace("MODEL", "auto, louder: false"))
    said = scaled.librarian("plan", "job.yaml", code=2).stderr
    assert said == "job.yaml:5:36: steps.0.with: loud makes it louder\n"


def test_a_lock_that_was_changed_by_hand_is_refused(scaled: Archive, tmp_path: Path) -> None:
    lay_in(scaled, tmp_path, "loud")
    lock = scaled.root / ".librarian" / "models.lock"
    lock.write_text(lock.read_text().replace('"gain"', '"other"'))
    assert "changed by hand" in scaled.librarian("plan", "job.yaml", code=6).stderr


def test_try_uses_the_models_of_the_project(scaled: Archive, tmp_path: Path) -> None:
    lay_in(scaled, tmp_path, "loud")
    file = next((scaled.root / "calls").iterdir())
    assert "scale.audio.flac" in scaled.librarian("try", "scale", str(file), "--with", "model=loud").stdout
    said = scaled.librarian("try", "scale", str(file), "--with", "louder=false", "--with", "model=loud", code=2).stderr
    assert said == "--with: loud makes it louder\n"
    said = scaled.librarian("try", "scale", str(file), "--with", "model=quiet", code=5).stderr
    assert said.startswith("librarian: the model quiet is not installed; it is gain.txt, more/notes.txt")


def test_nothing_is_handed_out_twice_differently(scaled: Archive, tmp_path: Path) -> None:
    """Two models of one operation in one run: each task gets its own."""
    lay_in(scaled, tmp_path, "loud", "quiet")
    scaled.job(JOB.replace("MODEL", "loud") + "  - {id: softer, use: scale, from: calls, with: {model: quiet}}\n")
    scaled.librarian("run", "job.yaml", "--workers", "1")
    used = {line["step"]: list(line["document"]["models"]) for line in outcomes(scaled)}
    assert used == {"louder": ["loud"], "softer": ["quiet"]}


def test_the_folder_of_a_model_is_copied_and_never_named(scaled: Archive, tmp_path: Path) -> None:
    lay_in(scaled, tmp_path, "loud")
    scaled.librarian("run", "job.yaml")
    written = b"".join(scaled.files("manifests").values()) + (scaled.root / ".librarian" / "models.lock").read_bytes()
    assert str(folder_of(tmp_path, "loud")).encode() not in written
