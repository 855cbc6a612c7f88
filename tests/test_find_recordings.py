"""Which recordings a query means: what counts as measured of one, when it was written, and what a group takes over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, Ledger, document, recording

from librarian.errors import UsageError
from librarian.find.query import parse
from librarian.find.recordings import Fitting, Recordings
from librarian.keys import key_document
from librarian.manifest.act_lines import ForgottenLine
from librarian.manifest.records import Consumed, OutcomeLine
from librarian.privacy.vault import Seen, Vault

LOUD, QUIET, COPIED = map(recording, range(3))
GROUP = ID_KEY.group("calls", "monday")


class Archive:
    """A ledger and a vault, written by hand."""

    def __init__(self, root: Path) -> None:
        self.ledger, self.vault = Ledger(root), Vault(root / "vault.db", owned=True)

    def measured(self, unit: str, source: str, step: str = "level", **facts: Any) -> OutcomeLine:
        """A task that took something, and the facts of what it made."""
        how: dict[str, Any] = {"operation": "librarian-normalization/measure", "settings": {}, "models": {}}
        made = key_document(**how, version="1", inputs=[("audio", "", source)], audio=None)
        consumed = [Consumed(port="audio", role=None, id=source, digest=ID_KEY.content("ab" * 32, private=True))]
        line = self.ledger.done(unit, {"report.json": b"{}"}, key_of=made, step=step, consumed=consumed)
        return line.model_copy(update={"produced": [line.produced[0].model_copy(update={"facts": facts})]})

    def see(self, unit: str, path: str, day: datetime) -> None:
        """A file of a recording that was written on a day."""
        written = int(day.timestamp() * 1e9)
        self.vault.sight(Path(path), (1, 2, 3, written, written), Seen(unit, "ab" * 32), hashed_at_ns=0, job="job_x")

    def fitting(self, query: str) -> tuple[Recordings, Fitting]:
        """What is meant."""
        self.catalog = self.ledger.catalog()
        recordings = Recordings(self.catalog, self.vault)
        return recordings, recordings.fitting(parse(query))

    def found(self, query: str) -> set[str]:
        """All that fit."""
        recordings, fitting = self.fitting(query)
        return {unit for unit, key in recordings.everything().items() if fitting.fits(unit, key)}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path)
    with closing(archive.vault):
        yield archive


def test_a_level_is_that_of_the_recording_and_not_of_what_was_made_of_it(archive: Archive) -> None:
    voice = archive.measured(QUIET, QUIET, "voice", loudness_before=-40.0, loudness_after=-16.0, true_peak_before=-9.0)
    after = archive.measured(QUIET, voice.produced[0].id, "after", loudness=-16.0, speakers=3)
    archive.ledger.write(archive.measured(LOUD, LOUD, loudness=-12.0, true_peak=-0.5), voice, after)
    assert archive.found("loud<-30") == {QUIET}
    assert archive.found("loud>-30") == {LOUD}
    assert archive.found("peak<-1dBTP") == {QUIET}
    assert archive.found("loudness>-20") == {LOUD, QUIET}
    assert archive.found("speakers>2") == {QUIET}
    assert archive.found("-speakers>2") == {LOUD}
    _, fitting = archive.fitting("loud<-30")
    assert [(each.found, each.artifact) for each in fitting.values["loud"][QUIET]] == [(-40.0, voice.produced[0].id)]


def test_what_is_not_current_any_more_is_not_measured(archive: Archive) -> None:
    archive.ledger.write(archive.measured(QUIET, QUIET, loudness=-40.0), archive.measured(LOUD, LOUD, loudness=-12.0))
    archive.ledger.write(archive.measured(QUIET, LOUD, loudness=-15.0))
    assert archive.found("loudness<-30") == set()


def test_a_day_is_that_of_the_earliest_copy_and_begins_at_midnight(archive: Archive) -> None:
    archive.see(LOUD, "/a/one.wav", datetime(2026, 11, 30, 0, 0))
    archive.see(QUIET, "/a/two.wav", datetime(2026, 11, 29, 23, 59))
    archive.see(COPIED, "/a/three.wav", datetime(2026, 12, 24))
    archive.see(COPIED, "/b/three.wav", datetime(1998, 5, 1))
    archive.ledger.write(*(archive.measured(unit, unit, loudness=0.0) for unit in (LOUD, QUIET, COPIED)))
    assert archive.found("after:2026-11-30") == {LOUD}
    assert archive.found("before:2026-11-30") == {QUIET, COPIED}
    assert archive.found("after:1998 before:1999") == {COPIED}
    assert archive.found("-after:1999") == {COPIED}


def test_a_group_fits_where_it_or_one_of_its_recordings_does(archive: Archive) -> None:
    consumed = [
        Consumed(port="audio", role=role, id=unit, digest=ID_KEY.content("ab" * 32, private=True))
        for role, unit in (("left", LOUD), ("right", QUIET))
    ]
    group = archive.ledger.done(GROUP, {"audio.flac": b"mixed"}, key_of=document(GROUP), consumed=consumed)
    levels = [archive.measured(unit, unit, loudness=level) for unit, level in ((LOUD, -12.0), (QUIET, -40.0))]
    archive.ledger.write(*levels, group)
    archive.vault.note_label(GROUP, "Monday", public=True)
    archive.vault.note_label(QUIET, "Tape 7", public=False)
    assert archive.found("loud<-30") == {QUIET, GROUP}
    assert archive.found("label:tape*") == {QUIET, GROUP}
    assert archive.found("label:monday") == {GROUP}
    assert archive.found("-label:tape*") == {LOUD}


def test_a_length_needs_no_result(archive: Archive) -> None:
    archive.see(LOUD, "/a/one.wav", datetime(2026, 1, 1))
    archive.vault.note_facts(LOUD, {"seconds": 90.5})
    archive.see(QUIET, "/a/picture.png", datetime(2026, 1, 1))
    archive.vault.note_facts(QUIET, {"width": 640})
    assert archive.found("length>1.5min") == {LOUD}
    assert archive.found("length>0") == {LOUD}


def test_what_is_forgotten_is_not_found(archive: Archive) -> None:
    archive.ledger.write(archive.measured(LOUD, LOUD, loudness=-12.0), archive.measured(QUIET, QUIET, loudness=-40.0))
    archive.ledger.write(ForgottenLine(units=[QUIET]))
    assert archive.found("-label:x") == {LOUD}


def test_a_fact_that_nothing_has_is_said_with_those_that_are_meant(archive: Archive) -> None:
    archive.ledger.write(archive.measured(LOUD, LOUD, speech_to_noise=20.0, duration=3.0))
    with pytest.raises(UsageError, match=r"character 3 of the query: .*; there are: speech_to_noise$"):
        archive.found("a speech_noise<3")
    with pytest.raises(UsageError, match=r"there are: duration, speech_to_noise$"):
        archive.found("qzx<3")
    with pytest.raises(UsageError, match="no peak was measured yet; take a step into the job: use: measure"):
        archive.found("peak<3")
