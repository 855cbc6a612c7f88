"""`librarian prune`: what goes and what stays, whoever cuts it off; and what comes back afterwards."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import data
from faults import Ended, Fault, points, watch, why_not
from harness import Archive
from test_catalog_rebuild import dump
from units import copy_of, counts, here, lines, outcomes, run, sound, toy_archive

JOB = r"""
librarian: 1
name: pruned
recordings:
  - {id: talks, path: 'talks/*.wav'}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: note, use: note, from: voice}
  - {id: level, use: profile, from: voice}
""".lstrip()
LOUDER = JOB.replace("1 dB", "2 dB")
TALKS = 3


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Everything was made, and made otherwise since; a view shows it."""
    made = toy_archive(tmp_path_factory.mktemp("pruned") / "archive")
    for number in range(1, TALKS + 1):
        sound(made.root / "talks" / f"{number}.wav", number)
    for job in (JOB, LOUDER):
        made.job(job)
        run(made, "--redo-ok")
    return made


@pytest.fixture
def archive(template: Archive, tmp_path: Path) -> Archive:
    return copy_of(template, tmp_path / "archive")


def states(archive: Archive) -> dict[tuple[str, str], int]:
    """(step, state) → results, as du tells it; and that what is there takes the room that it says."""
    rows = json.loads(here(archive, "du", "--json").stdout)["steps"]
    there = sum(path.stat().st_size for path in (archive.root / "library").rglob("*.*.*") if path.is_file())
    assert sum(row["bytes"] for row in rows) == there
    return {(row["step"], row["state"]): row["results"] for row in rows}


def pruned(archive: Archive, *typed: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(here(archive, "prune", *typed, "--yes", "--json").stdout)
    assert "0 problems" in here(archive, "verify", "--read-data").stdout
    return found


ALL = {("voice", "current"): 3, ("voice", "superseded"): 3, ("note", "current"): 3, ("note", "superseded"): 3}
ALL |= {("level", "current"): 1, ("level", "superseded"): 1}


class TestWhatGoes:
    def test_what_is_superseded_and_the_next_run_does_nothing(self, archive: Archive) -> None:
        assert states(archive) == ALL
        found = pruned(archive, "--superseded")
        assert (found["tasks"], found["results"]) == (7, 7)
        assert states(archive) == {of if of[1] == "current" else (of[0], "dropped"): n for of, n in ALL.items()}
        run(archive)
        assert outcomes(archive) == []
        kinds = [line["type"] for line in lines(archive, -2)]
        assert kinds == ["act", "dropped", "seal"]

    def test_settings_that_come_back_make_it_again_under_its_own_key(self, archive: Archive) -> None:
        run(archive)
        pruned(archive, "--superseded")
        archive.job(JOB)
        plan = json.loads(here(archive, "plan", "job.yaml", "--json").stdout)
        assert [list(row["reasons"]) for row in plan["steps"]] == [["dropped"]] * 3
        run(archive, "--redo-ok")
        assert counts(archive) == {("voice", "done"): 3, ("note", "done"): 3, ("level", "done"): 1}
        assert states(archive) == ALL

    @pytest.mark.parametrize("typed", [("--step", "note"), ("--step", "note", "--job", "pruned")])
    def test_a_step_that_is_named(self, archive: Archive, typed: tuple[str, ...]) -> None:
        assert pruned(archive, *typed)["results"] == 6
        assert states(archive)["note", "dropped"] == 6
        run(archive)
        assert outcomes(archive) == []  # it is done
        run(archive, "--redo", "dropped")
        assert counts(archive) == {("note", "done"): 3}
        found = pruned(archive, "--dropped")
        assert [(each["step"], each["state"], each["results"]) for each in found["steps"]] == [("note", "current", 3)]

    def test_what_the_whole_job_is_current_with_stays(self, archive: Archive) -> None:
        found = pruned(archive, "--step", "level")
        assert (found["results"], found["stays"]["whole"]) == (1, 1)
        assert (states(archive)["level", "current"], states(archive)["level", "dropped"]) == (1, 1)

    def test_what_is_current_for_others_stays(self, archive: Archive) -> None:
        archive.job(LOUDER.replace("name: pruned", "name: other").replace("voice", "sound"))
        run(archive, "--redo-ok")
        assert pruned(archive, "--step", "voice")["stays"]["elsewhere"] == 3
        assert pruned(archive, "--step", "sound", "--job", "other")["stays"]["elsewhere"] == 3
        assert pruned(archive, "--step", "voice", "--step", "sound")["results"] == 3

    def test_by_age(self, archive: Archive) -> None:
        assert pruned(archive, "--older", "1")["results"] == 0
        assert states(archive) == ALL
        then = datetime.now(UTC) - timedelta(days=3)
        first = min((archive.root / "manifests").glob("*.jsonl"))
        assert json.loads(first.read_text().splitlines()[-1])["body"]["ended"] > then.isoformat()
        found = pruned(archive, "--older", "0")
        assert {each["state"] for each in found["steps"]} == {"superseded"}
        assert found["results"] == 7

    def test_what_asks_for_it_later_has_it_made_again(self, archive: Archive) -> None:
        run(archive)
        pruned(archive, "--step", "voice", "--superseded")
        sound(archive.root / "talks" / "4.wav", 4)
        plan = json.loads(here(archive, "plan", "job.yaml", "--json").stdout)
        assert next(row["reasons"] for row in plan["steps"]) == {"not read yet": 1, "made again for level": 3}
        run(archive, "--redo-ok")
        assert counts(archive) == {("voice", "done"): 4, ("note", "done"): 1, ("level", "done"): 1}
        assert next(each for each in lines(archive) if each["type"] == "summary")["counts"]["voice"] == {"done": 4}
        assert "0 problems" in here(archive, "verify", "--read-data").stdout
        run(archive)
        assert outcomes(archive) == []

    def test_what_was_made_of_the_items_of_a_list_goes_with_it(self, tmp_path: Path) -> None:
        archive = toy_archive(tmp_path / "lists")
        sound(archive.root / "talks" / "1.wav", 1)
        job = (
            JOB[: JOB.index("steps:")] + "steps:\n  - {id: cuts, use: chop}\n  - {id: loud, use: number, from: cuts}\n"
        )
        archive.job(job)
        run(archive)
        archive.job(job.replace("use: chop}", "use: chop, with: {seconds: 0.15 s}}"))
        run(archive, "--redo-ok")
        now = {("cuts", "current"): 2, ("loud", "current"): 2}
        assert states(archive) == now | {("cuts", "superseded"): 3, ("loud", "superseded"): 3}
        here(archive, "view", "view")
        assert len(list((archive.root / "view").rglob("*.loud.*"))) == 2
        old = outcomes(archive, 0, "loud")[0]["produced"][0]["id"]
        assert data(archive, "show", old)["state"] == "superseded"
        assert pruned(archive, "--superseded")["results"] == 6
        assert states(archive) == now | {("cuts", "dropped"): 3, ("loud", "dropped"): 3}
        archive.job(job)
        run(archive, "--redo-ok")
        assert counts(archive) == {("cuts", "done"): 1, ("loud", "done"): 3}
        assert pruned(archive, "--superseded")["results"] == 4

    def test_the_index_is_made_anew_as_it_was(self, archive: Archive) -> None:
        pruned(archive, "--superseded")
        pruned(archive, "--step", "note")
        run(archive, "--redo", "dropped")
        before = dump(archive)
        here(archive, "catalog", "rebuild")
        assert dump(archive) == before
        (archive.root / ".librarian" / "catalog.db").unlink()
        assert states(archive)["voice", "dropped"] == 3

    def test_what_lies_there_although_it_was_dropped_is_taken_away(self, archive: Archive) -> None:
        kept = copy_of(archive, archive.root.with_name("backup"))
        pruned(archive, "--superseded")
        gone = {path.parent for path in (kept.root / "library").rglob("*.note.*")} - {
            kept.root / path.parent.relative_to(archive.root) for path in (archive.root / "library").rglob("*.note.*")
        }
        for folder in gone:
            back = archive.root / folder.relative_to(kept.root)
            back.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                (back / path.name).write_bytes(path.read_bytes())
        assert (
            here(archive, "verify", code=1).stdout.count(
                "it was dropped, and is still there; to remove it, type: librarian prune --dropped"
            )
            == 3
        )
        assert "of 3 tasks, is removed" in here(archive, "prune", "--dropped", "--yes").stderr
        assert "0 problems" in here(archive, "verify").stdout


class TestWords:
    def test_what_would_go_is_said_and_left(self, archive: Archive) -> None:
        before = archive.files(".")
        said = here(archive, "prune", "--superseded", "--dry-run")
        assert re.match(r"to be dropped: 7 results, \d+\.\d KiB\n", said.stdout)
        assert re.search(r"  voice of pruned +superseded  3 results  \d", said.stdout)
        assert "nothing was done" in said.stderr
        after = archive.files(".")
        assert {name for name in before if before[name] != after.get(name)} <= {".librarian/lock"}

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ((), "say what goes: --superseded, --dropped, --step STEP or --older DAYS"),
            (("--job", "pruned"), "say what goes"),
            (("--superseded",), "nobody is there to be asked; to drop all of this, add --yes"),
            (("--superseded", "--json"), "--json asks nothing: add --yes, or --dry-run to look only"),
            (("--step", "voices", "--yes"), "nothing was made by that step; there are level, note, voice"),
        ],
    )
    def test_what_is_refused(self, archive: Archive, typed: tuple[str, ...], words: str) -> None:
        assert words in here(archive, "prune", *typed, code=2).stderr

    def test_it_is_told_of_what_is_dropped_wherever_one_asks(self, archive: Archive) -> None:
        here(archive, "view", "view")
        shown = links(archive)
        job = pruned(archive, "--step", "note")["job"]
        assert list((archive.root / "view").rglob("*.note.*")) == []
        assert "3 results dropped, and without a link; to have that again" in here(archive, "view").stderr
        said = here(archive, "export", "note", "out", "--private", code=2).stderr
        assert "3 results dropped, and cannot be copied; to have that again" in said
        assert "librarian run JOB --redo dropped" in said
        made = outcomes(archive, 1, "note")[0]["produced"][0]["id"]
        assert data(archive, "show", made)["state"] == "dropped"
        assert data(archive, "show", made)["dropped_by"] == job
        assert f"by {job}; a run makes it again where a step needs it" in here(archive, "show", made).stdout
        node = next(each for each in data(archive, "trace", made)["nodes"] if each["id"] == made)
        assert node["state"] == "dropped"
        said = here(archive, "show", job).stdout
        assert re.findall(r"3 results of 3 tasks, \d+ B, (\w+)", said) == ["superseded", "named"]
        run(archive, "--redo", "dropped")
        here(archive, "view")
        assert links(archive) == shown
        assert all(path.exists() for path in (archive.root / "view").rglob("*.note.*"))

    def test_a_moved_library_leaves_nothing_out_for_it(self, archive: Archive) -> None:
        pruned(archive, "--superseded")
        said = here(archive, "project", "move", str(archive.root.parent / "new")).stderr
        assert "7 results copied" in said and "left out" not in said
        assert [line["type"] for line in lines(archive)] == ["act", "moved", "seal"]
        assert "move" in here(archive, "jobs").stdout
        assert "results 7" in here(archive, "show", max((archive.root / "manifests").glob("*")).stem).stdout


def play(archive: Archive, fault: Fault | None = None) -> Ended:
    command = [sys.executable, "-P", "-m", "librarian", "prune", "--superseded", "--yes"]
    environment = {**os.environ, **archive.variables()}
    return watch(command, archive.root, fault, cwd=archive.root, environment=environment)


@pytest.mark.parametrize("kind", ["kill all", "tear a line and kill all", "full from there on", "broken once"])
def test_cut_off_anywhere_it_is_completed_or_was_not_begun(
    template: Archive, kind: str, request: pytest.FixtureRequest
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    top = Path(tempfile.mkdtemp(dir=template.root.parent))
    here(viewed := copy_of(template, top / "viewed"), "view", "view")
    undisturbed = play(done := copy_of(viewed, top / "undisturbed"))
    assert undisturbed.code == 0, undisturbed.err
    before, wanted, shown = viewed.files(), done.files(), links(done)
    number = request.config.getoption("--points")
    chosen = points(undisturbed, kind, number and 4 * number, "prune")
    wrong = []
    for place, fault in enumerate(chosen):
        archive = copy_of(viewed, top / f"{place}")
        ended = play(archive, fault)
        here(archive, "view")  # which mends first
        verified = here(archive, "verify", "--read-data", code=None)
        found = archive.files()
        if found not in (before, wanted) or verified.returncode or (ended.code == 0 and found != wanted):
            wrong.append(f"{fault} {ended.struck}: {verified.stdout} {found.keys() ^ wanted.keys()}")
        if found == wanted and links(archive) != shown:
            wrong.append(f"{fault} {ended.struck}: links {links(archive) ^ shown}")
        here(archive, "prune", "--superseded", "--yes")
        if archive.files() != wanted:
            wrong.append(f"{fault} {ended.struck}: typed again {archive.files().keys() ^ wanted.keys()}")
    assert not wrong, "\n".join(wrong)


def links(archive: Archive) -> set[str]:
    return {path.name for path in (archive.root / "view").rglob("*.*")}


def test_nothing_of_it_is_asked_where_nothing_goes(archive: Archive) -> None:
    pruned(archive, "--superseded")
    number = len(list((archive.root / "manifests").glob("*.jsonl")))
    assert "nothing of that is in the library" in here(archive, "prune", "--superseded").stdout
    assert len(list((archive.root / "manifests").glob("*.jsonl"))) == number
