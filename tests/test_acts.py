"""Jobs that are no run of a job file: each has its manifest, and `jobs`, `show` and `verify` know it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from ledger import ID_KEY, Ledger, outcome, recording

from librarian import project as projects
from librarian.acts.act import act
from librarian.acts.extent import extent
from librarian.manifest.act_lines import AllowedLine, EmptiedLine, ExportLine, ForgottenLine, RevealedLine
from librarian.manifest.journal import entries, last_entry, manifests
from librarian.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return projects.init(tmp_path)


def project_of(ledger: Ledger) -> Project:
    """A project around a record and a library that were made by hand."""
    root = ledger.library.parent
    (root / ".librarian").mkdir(exist_ok=True)
    return Project(root, ledger.library, ledger.manifests, ID_KEY, bytes(32))


def nothing(sentence: str) -> None:
    raise AssertionError(sentence)


def types(path: Path) -> list[str]:
    return [entry.type for entry in entries(path)]


def test_an_act_is_a_job_with_a_manifest_of_its_own(project: Project) -> None:
    with act(project, "reveal", nothing) as doing:
        doing.record(RevealedLine(units=[recording(1)], pseudonyms=["PHONE:abcd2345"], values=2))
    (path,) = manifests(project.manifests)
    assert path.stem == doing.job
    assert types(path) == ["act", "revealed", "seal"]
    first = json.loads(path.read_text().splitlines()[0])["body"]
    assert (first["job"], first["act"], first["format"]) == (doing.job, "reveal", 1)
    assert last_entry(path).body["state"] == "complete"


def test_one_that_fails_is_sealed_as_interrupted(project: Project) -> None:
    with pytest.raises(KeyError), act(project, "reveal", nothing):
        raise KeyError
    (path,) = manifests(project.manifests)
    assert (last_entry(path).type, last_entry(path).body["state"]) == ("seal", "interrupted")


def test_one_that_can_be_resumed_stays_open_and_the_next_job_seals_it(project: Project) -> None:
    with pytest.raises(KeyError), act(project, "forget", nothing, resumable=True):
        raise KeyError
    (path,) = manifests(project.manifests)
    assert types(path) == ["act"]
    said: list[str] = []
    with act(project, "reveal", said.append):
        pass
    assert said == [f"{path.stem}: was interrupted; it has been sealed"]
    assert types(path) == ["act", "seal"]


class TestEmptied:
    """A body may be emptied by a forget that says so, and by nothing else."""

    def emptied(self, ledger: Ledger, kind: str, *, forgets: bool) -> str:
        path = ledger.write(outcome(recording(1), "failed"), outcome(recording(2), "failed"))
        line = json.loads(path.read_text().splitlines()[1])
        path.write_text(
            path.read_text().replace(json.dumps(line["body"], sort_keys=True, separators=(",", ":")), "null")
        )
        project = project_of(ledger)
        with act(project, kind, nothing) as doing:  # type: ignore[arg-type]
            doing.record(EmptiedLine(job=path.stem, lines=[1], artifacts=[], folders=[]))
            if forgets:
                doing.record(ForgottenLine(units=[recording(1)]))
        return path.name

    def test_by_a_forget(self, tmp_path: Path) -> None:
        ledger = Ledger(tmp_path)
        self.emptied(ledger, "forget", forgets=True)
        assert ledger.verify().problems == []

    @pytest.mark.parametrize(("kind", "forgets"), [("forget", False), ("reveal", True)])
    def test_by_nothing_else(self, tmp_path: Path, kind: str, forgets: bool) -> None:
        ledger = Ledger(tmp_path)
        name = self.emptied(ledger, kind, forgets=forgets)
        assert f"manifests/{name}:2: the line was emptied, and no record says by what" in ledger.verify().problems

    def test_and_where_it_says_so_and_is_not_that_is_a_problem(self, tmp_path: Path) -> None:
        ledger = Ledger(tmp_path)
        path = ledger.write(outcome(recording(1), "failed"))
        with act(project_of(ledger), "forget", nothing) as doing:
            doing.record(
                EmptiedLine(job=path.stem, lines=[1], artifacts=[], folders=[]), ForgottenLine(units=[recording(1)])
            )
        assert [each for each in ledger.verify().problems if "should have been emptied" in each]


def test_a_forget_knows_what_was_exported_and_when(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    line = ledger.done(recording(1), {"audio.flac": b"a sound"})
    ledger.write(line)
    with act(project_of(ledger), "export", nothing) as doing:
        artifacts = [each.id for each in line.produced]
        doing.record(ExportLine(steps=["voice"], names=False, private=True, artifacts=artifacts))
    began = json.loads(doing.journal.path.read_text().splitlines()[0])["body"]["started"]
    assert extent(ledger.manifests, [recording(1)]).exports == {doing.job: began}
    assert extent(ledger.manifests, [recording(2)]).exports == {}


def test_the_catalog_knows_what_is_forgotten_and_what_may_be_taken_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    project = project_of(ledger)
    units = [recording(1), recording(2)]
    with act(project, "forget", nothing) as forget:
        forget.record(ForgottenLine(units=units))
    with contextlib.closing(ledger.catalog()) as catalog:
        assert catalog.forgotten() == dict.fromkeys(units, forget.job)
        assert catalog.beginning(units[0][:9], 2) == units[:1]
    with act(project, "allow", nothing) as allow:
        allow.record(AllowedLine(units=units[:1]))
    with contextlib.closing(ledger.catalog()) as catalog:
        assert catalog.forgotten() == {units[1]: forget.job}
        assert catalog.forgotten_in(units[0]) is None
        catalog._rebuild()
        assert catalog.forgotten() == {units[1]: forget.job}
