"""A month with an archive: whatever happened by day, nothing is done twice by night and the record is whole."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from faults import Fault, watch, why_not
from harness import Archive
from units import here, lines, outcomes, run, sound, toy_archive

JOB = r"""
librarian: 1
name: nightly
recordings:
  - {id: talks, path: 'talks/**/*.wav'}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: cuts, use: chop, from: voice}
  - {id: loud, use: number, from: cuts}
  - {id: level, use: profile, from: voice, missing: leave out}
""".lstrip()
LONG_AGO = 3600.0
PER_RECORDING = 1 + 1 + 3
"""Tasks of a recording: its voice, its cuts, and three pieces."""


class Month:
    """An archive over many nights."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.made: Counter[str] = Counter()
        self._number = 0

    def record(self, *names: str) -> None:
        """New recordings, from a while ago."""
        for name in names:
            self._number += 1
            path = sound(self.path(name), 0 if "silent" in name else self._number)
            os.utime(path, (time.time() - LONG_AGO,) * 2)

    def path(self, name: str) -> Path:
        return self.archive.root / "talks" / f"{name}.wav"

    def pieces(self) -> int:
        """Pieces of recordings that lie in the library."""
        return sum(".chop.pieces." in path.name for path in (self.archive.root / "library").rglob("*.flac"))

    def night(self, *typed: str, code: int = 0, again: int = 0) -> Counter[str]:
        """A run at night: its exit code, a record that is whole, and nothing done twice but what is expected.

        Args:
            typed: what is typed beside the job file.
            code: how it ends.
            again: tasks that are done a second time, since their results were gone.

        Returns:
            Outcome → lines.
        """
        run(self.archive, *typed, code=code)
        return self.morning(again)

    def morning(self, again: int = 0) -> Counter[str]:
        done = [each["key"] for each in outcomes(self.archive) if each["outcome"] == "done"]
        assert len(done) == len(set(done))
        assert sum(key in self.made for key in done) == again
        self.made.update(done)
        assert here(self.archive, "verify", "--read-data").returncode == 0
        here(self.archive, "view")
        assert all(link.exists() for link in (self.archive.root / "view").rglob("*.flac"))
        return Counter(each["outcome"] for each in outcomes(self.archive))

    def new_version(self) -> None:
        """Another version of all operations is installed."""
        code = Path(self.archive.environment["PYTHONPATH"]) / "librarian_toys.py"
        code.write_text(code.read_text().replace('version="1"', 'version="2"'))

    def delete_by_hand(self) -> None:
        """Two current results are gone."""
        for link in sorted((self.archive.root / "view").rglob("*.voice.flac"))[:2]:
            link.resolve().unlink()

    def full_disk(self, at: int) -> int:
        """A run whose disk takes no more from some change of a file on; how many tasks it has done."""
        if reason := why_not():
            pytest.skip(reason)
        command = [sys.executable, "-P", "-m", "librarian", "run", "job.yaml", "--workers", "0", "--redo-ok"]
        environment = {**os.environ, **self.archive.variables()}
        fault = Fault("full from there on", at)
        ended = watch(command, self.archive.root, fault, cwd=self.archive.root, environment=environment)
        assert ended.struck and ended.code == 6, ended.err
        done = {each["key"] for each in outcomes(self.archive) if each["outcome"] == "done"} - self.made.keys()
        self.made.update(done)
        return len(done)

    def revise(self, name: str) -> None:
        """Put a quieter one in the place of a recording's result."""
        here(self.archive, "view")
        link = self.archive.root / "view" / "talks" / f"{name}.voice.flac"
        samples, rate = soundfile.read(link)
        soundfile.write(self.archive.root / "mine.wav", samples / 2, rate)
        here(self.archive, "revise", str(link), "mine.wav", "--because", "there was a hum")


@pytest.fixture
def month(tmp_path: Path) -> Iterator[Month]:
    archive = toy_archive(tmp_path / "archive")
    archive.job(JOB)
    made = Month(archive)
    made.record("one", "two", "three", "four")
    run(archive)
    made.made.update(each["key"] for each in outcomes(archive) if each["outcome"] == "done")
    here(archive, "view", "view")
    yield made


def test_the_archive_grows_and_failures_are_settled(month: Month) -> None:
    assert month.night() == {}
    month.record("more/five", "silent")
    assert month.night("--redo-ok", code=1) == {"done": PER_RECORDING + 1, "failed": 1, "skipped": 1}
    assert month.night(code=1) == {}  # said again, not tried again
    here(month.archive, "settle", "silent.wav", "--because", "blank tape")
    assert month.night() == {}
    month.path("broken").write_bytes(b"RIFF")
    assert month.night(code=1) == {"failed": 1, "skipped": 1}
    here(month.archive, "settle", "broken.wav", "--because", "no other copy")
    month.record("six")
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1}
    assert lines(month.archive)[-2]["settled"] == {"voice": 2, "cuts": 2}
    assert len(list((month.archive.root / "view").rglob("*.voice.flac"))) == 6


def test_settings_and_versions_change(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    month.archive.job(JOB.replace("1 dB", "2 dB"))
    month.record("five")
    assert month.night(code=1)["done"] == PER_RECORDING  # nobody was there to ask: only what is new
    assert lines(month.archive)[-2]["withheld"]["voice"] == 4
    assert month.night("--redo-ok") == {"done": 4 * PER_RECORDING + 1}
    month.new_version()
    assert month.night() == {}  # what is done stays done
    assert month.night("--upgrade", "--redo-ok") == {"done": 5 * PER_RECORDING + 1}
    assert month.night("--upgrade") == {}


def test_results_are_deleted_by_hand(month: Month) -> None:
    month.delete_by_hand()
    assert "2 problems" in here(month.archive, "verify", code=1).stdout
    assert month.night(again=2) == {"done": 2}
    (month.archive.root / ".librarian" / "catalog.db").unlink()
    assert month.night() == {}


def test_pieces_are_kept_until_they_are_used(month: Month) -> None:
    kept = JOB.replace("use: chop, from: voice", "use: chop, from: voice, keep: until-used")
    month.archive.job(kept)
    assert month.night() == {}
    assert month.pieces() == 0
    month.record("five")
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1}
    assert month.pieces() == 0
    month.archive.job(kept.replace("use: number,", "use: number, with: {gain: 3 dB},"))
    assert month.night("--redo-ok", again=5) == {"done": 5 * 4}  # the pieces, which were made and used before
    assert month.pieces() == 0
    next(path for path in (month.archive.root / "view").rglob("*.loud.*")).resolve().unlink()
    assert month.night(again=2) == {"done": 2}
    assert month.night() == {}


def test_what_is_superseded_is_pruned_and_asked_for_again(month: Month) -> None:
    month.archive.job(JOB.replace("1 dB", "2 dB"))
    month.night("--redo-ok")
    here(month.archive, "prune", "--superseded", "--yes")
    assert month.night() == {}
    month.archive.job(JOB)
    assert month.night("--redo-ok", again=4 * PER_RECORDING + 1) == {"done": 4 * PER_RECORDING + 1}
    here(month.archive, "prune", "--step", "voice", "--yes")
    assert month.night() == {}
    month.record("five")
    assert month.night("--redo-ok", again=4) == {"done": PER_RECORDING + 1 + 4}  # for the level of all of them
    here(month.archive, "prune", "--dropped", "--older", "0", "--yes")
    here(month.archive, "project", "move", "../disk")
    month.archive.root.joinpath("library").rename(month.archive.root / "old")
    assert month.night() == {}


def test_a_result_is_revised_by_hand(month: Month) -> None:
    month.revise("one")
    assert month.night() == {"done": PER_RECORDING - 1 + 1}  # its cuts and pieces, and what takes all recordings
    assert (month.archive.root / "view" / "talks" / "one.voice.wav").exists()
    month.archive.job(JOB.replace("1 dB", "2 dB"))
    assert month.night("--redo-ok") == {"done": 4 + 3 * (PER_RECORDING - 1) + 1}  # what hangs on the revision stays
    month.record("five")
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1}
    here(month.archive, "revise", "--undo", "view/talks/one.voice.wav")
    assert month.night() == {"done": PER_RECORDING - 1 + 1}
    assert month.night() == {}


def test_what_a_person_made_is_never_pruned(month: Month) -> None:
    month.revise("one")
    month.night()
    here(month.archive, "prune", "--superseded", "--step", "voice", "--yes")
    assert [path.name for path in (month.archive.root / "view").rglob("*.voice.*")] == ["one.voice.wav"]
    assert month.night() == {}
    month.archive.job(JOB.replace("1 dB", "2 dB"))
    assert month.night("--redo-ok") == {"done": 4 + 3 * (PER_RECORDING - 1) + 1}


def test_a_disk_is_away_and_comes_back(month: Month) -> None:
    month.record("five")
    month.night("--redo-ok")
    away = [(month.path(name), month.archive.root / f"{name}.away") for name in ("one", "two")]
    for here_, there in away:
        here_.rename(there)
    assert month.night("--redo-ok", code=1) == {}  # what takes all recordings waits
    assert lines(month.archive)[-2]["absent"] == 2
    for here_, there in away:
        there.rename(here_)
    assert month.night() == {}
    month.path("three").unlink()
    assert month.night("--redo-ok") == {"done": 1}  # one of five is missed, and nothing waits


def test_the_library_moves_to_another_disk(month: Month) -> None:
    month.record("five")
    month.night("--redo-ok")
    here(month.archive, "project", "move", "../disk")
    month.archive.root.joinpath("library").rename(month.archive.root / "old")
    assert month.night() == {}
    month.record("six")
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1}


def test_a_file_is_still_being_written(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIBRARIAN_FRESH_OK")
    month.record("five", "six")
    os.utime(month.path("six"))
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1}
    assert lines(month.archive)[-2]["fresh"] == 1
    os.utime(month.path("six"), (time.time() - LONG_AGO,) * 2)
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1}


@pytest.mark.parametrize("at", [40, 90])
def test_the_disk_is_full(month: Month, at: int) -> None:
    month.record("five", "six", "seven")
    before = sum(month.made.values())
    done = month.full_disk(at)
    assert month.night("--redo-ok")["done"] == 3 * PER_RECORDING + 1 - done
    assert sum(month.made.values()) == before + 3 * PER_RECORDING + 1


def test_all_of_it_in_one_library(month: Month) -> None:
    month.record("five", "silent")
    assert month.night("--redo-ok", code=1) == {"done": PER_RECORDING + 1, "failed": 1, "skipped": 1}
    here(month.archive, "settle", "silent.wav", "--because", "blank tape")
    month.path("broken").write_bytes(b"RIFF")
    assert month.night(code=1) == {"failed": 1, "skipped": 1}
    here(month.archive, "settle", "broken.wav", "--because", "no other copy")
    assert month.night() == {}
    month.archive.job(JOB.replace("1 dB", "2 dB"))
    assert month.night("--redo-ok") == {"done": 5 * PER_RECORDING + 1, "failed": 2}  # tried again, as before
    month.new_version()
    assert month.night() == {"failed": 2}
    assert month.night("--upgrade", "--redo-ok") == {"done": 5 * PER_RECORDING + 1}
    month.record("six")
    done = month.full_disk(40)
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1 - done}
    here(month.archive, "project", "move", "../disk")
    month.archive.root.joinpath("library").rename(month.archive.root / "old")
    assert month.night() == {}
    away = [(month.path(name), month.archive.root / f"{name}.away") for name in ("one", "two")]
    for here_, there in away:
        here_.rename(there)
    assert month.night("--redo-ok", code=1) == {}
    for here_, there in away:
        there.rename(here_)
    month.delete_by_hand()
    assert month.night(again=2) == {"done": 2}
    here(month.archive, "prune", "--superseded", "--yes")
    assert month.night() == {}
    month.archive.job(
        JOB.replace("1 dB", "2 dB").replace("use: chop, from: voice", "use: chop, from: voice, keep: until-used")
    )
    assert month.night() == {}
    assert month.pieces() == 0
    month.revise("one")
    assert month.night() == {"done": PER_RECORDING - 1 + 1}
    month.record("seven")
    assert month.night("--redo-ok") == {"done": PER_RECORDING + 1}
    assert month.night() == {}
