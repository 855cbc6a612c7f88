"""Lineage and history: whatever was made is found by its id, leads back to the recording and forward to the last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, Ledger, document, job_line, outcome, recording

from librarian.errors import EnvironmentFailedError
from librarian.keys import key_document
from librarian.manifest.history import History
from librarian.manifest.journal import Journal, new_job_id
from librarian.manifest.lineage import Lineage
from librarian.manifest.records import OutcomeLine, SummaryLine

FIRST, SECOND = recording(1), recording(2)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


@contextlib.contextmanager
def asking(ledger: Ledger) -> Iterator[tuple[Lineage, History]]:
    def in_place(file: str, size: int) -> bool:
        return (ledger.library / file).is_file() and (ledger.library / file).stat().st_size == size

    with contextlib.closing(ledger.catalog()) as catalog:
        yield Lineage(catalog, in_place), History(catalog, ledger.manifests)


def voice(ledger: Ledger, unit: str, content: bytes = b"sound", target: float = -16.0) -> OutcomeLine:
    """A normalization of a recording."""
    read = [{"port": "audio", "role": None, "id": unit, "digest": ID_KEY.content("ab" * 32, private=True)}]
    return ledger.done(unit, {"audio.flac": content}, key_of=document(unit, target=target), consumed=read)


def check(ledger: Ledger, above: OutcomeLine) -> OutcomeLine:
    """A measurement of what a normalization made."""
    source = above.produced[0]
    read = [{"port": "audio", "role": None, "id": source.id, "digest": source.digest}]
    inputs = [("audio", "", source.id)]
    how: dict[str, Any] = {"operation": "librarian-normalization/measure", "settings": {}, "models": {}}
    made = key_document(**how, version="1", inputs=inputs, audio=None)
    return ledger.done(above.unit, {"report.json": b"{}"}, key_of=made, consumed=read, step="check")


def test_a_chain_leads_back_to_the_recording_and_forward_to_the_end(ledger: Ledger) -> None:
    one, other = voice(ledger, FIRST), voice(ledger, SECOND)
    last = check(ledger, one)
    ledger.write(one, other, last)
    sound, report = one.produced[0].id, last.produced[0].id
    whole = {(FIRST, sound), (sound, report)}
    with asking(ledger) as (lineage, _):
        for start in (FIRST, sound, report):
            graph = lineage.graph(start)
            assert {(edge.source, edge.target) for edge in graph.edges} == whole
            assert {each: graph.state(each) for each in graph.made} == {sound: "current", report: "current"}
        assert lineage.graph(report).origins == {FIRST}
        assert lineage.made(last.key or "").line == last


def test_what_was_made_with_other_settings_is_superseded_and_says_by_what(ledger: Ledger) -> None:
    before, after = voice(ledger, FIRST, target=-16.0), voice(ledger, FIRST, target=-20.0)
    below = check(ledger, before)
    ledger.write(before, below)
    ledger.write(after)
    with asking(ledger) as (lineage, _):
        old = lineage.made(before.key or "")
        assert [state for _, state in old.artifacts] == ["superseded"]
        assert lineage.successor(old, old.artifacts[0][0]) == after.produced[0].id
        new = lineage.made(after.key or "")
        assert [(each.job_name, each.step) for each in new.current] == [("calls", "voice")]
        assert lineage.successor(new, new.artifacts[0][0]) is None
        assert len(lineage.graph(FIRST).made) == 3


def test_missing_and_suspect_files_are_said_to_be(ledger: Ledger) -> None:
    one, other = voice(ledger, FIRST), voice(ledger, SECOND)
    ledger.write(one, other)
    (ledger.library / f"{one.folder}/{one.produced[0].file}").unlink()
    with contextlib.closing(ledger.catalog()) as catalog:
        catalog.suspect([other.produced[0].id])
    with asking(ledger) as (lineage, _):
        assert [lineage.made(each.key or "").artifacts[0][1] for each in (one, other)] == ["missing", "suspect"]


def test_an_input_that_was_made_again_with_other_bytes_is_noticed(ledger: Ledger) -> None:
    one = voice(ledger, FIRST)
    last = check(ledger, one)
    ledger.write(one, last)
    with asking(ledger) as (lineage, _):
        assert not any(edge.earlier for edge in lineage.graph(FIRST).edges)
    ledger.write(voice(ledger, FIRST, content=b"other sound"))
    with asking(ledger) as (lineage, _):
        graph = lineage.graph(last.produced[0].id)
        assert {(edge.source, edge.earlier) for edge in graph.edges} == {(FIRST, False), (one.produced[0].id, True)}


def test_what_two_recordings_went_into_leads_back_to_both(ledger: Ledger) -> None:
    both = [{"port": "audio", "role": "left", "id": FIRST, "digest": ID_KEY.content("ab" * 32, private=True)}]
    both += [{"port": "audio", "role": "right", "id": SECOND, "digest": ID_KEY.content("cd" * 32, private=True)}]
    group = ID_KEY.group("calls", "1")
    ledger.write(ledger.done(group, {"audio.flac": b"sound"}, key_of=document(group), consumed=both))
    with asking(ledger) as (lineage, _):
        (mixed,) = lineage.graph(FIRST).made
        assert lineage.graph(mixed).origins == {FIRST, SECOND}
        assert {edge.role for edge in lineage.graph(mixed).edges} == {"left", "right"}


def test_everything_is_found_by_its_id_its_beginning_and_its_place(ledger: Ledger) -> None:
    one = voice(ledger, FIRST)
    path = ledger.write(one, outcome(SECOND, "failed"))
    sound, key = one.produced[0].id, one.key or ""
    folder = f"library/{one.folder}"
    with asking(ledger) as (lineage, _):
        for text in (sound, sound[:9], f"{folder}/{one.produced[0].file}", f"/mnt/{folder}/{one.produced[0].file}"):
            assert lineage.find(text, 5) == [sound], text
        for text in (key, key[:8], folder, f"{folder}/"):
            assert lineage.find(text, 5) == [key], text
        for text in (path.stem, path.stem[:10], path.name, f"manifests/{path.name}"):
            assert lineage.find(text, 5) == [path.stem], text
        assert lineage.find(SECOND, 5) == [SECOND]
        assert lineage.find("rec_", 5) == sorted([FIRST, SECOND])
        for text in ("", "_", "%", "art", "rec_%", "nobody", f"{folder}/other.flac", "../..", f"{sound}x"):
            assert lineage.find(text, 5) == [], text


def test_of_many_candidates_one_more_than_asked_for_is_found(ledger: Ledger) -> None:
    ledger.write(*(outcome(recording(number), "failed") for number in range(20)))
    with asking(ledger) as (lineage, _):
        assert len(lineage.find("rec_", 5)) == 6


def test_a_mistyped_id_has_a_near_one(ledger: Ledger) -> None:
    one = voice(ledger, FIRST)
    ledger.write(one)
    sound = one.produced[0].id
    typo = sound[:10] + ("a" if sound[10] != "a" else "b") + sound[11:]
    with asking(ledger) as (lineage, _):
        assert lineage.find(typo, 5) == []
        assert lineage.near(typo, 3) == [sound]
        assert lineage.near("a name", 3) == []


def test_a_line_that_was_changed_is_not_believed(ledger: Ledger) -> None:
    one = voice(ledger, FIRST)
    path = ledger.write(one)
    with asking(ledger) as (lineage, history):
        path.write_bytes(path.read_bytes().replace(b'"gain":-1.5', b'"gain":-2.5'))
        with pytest.raises(EnvironmentFailedError, match=r":2: the line is not what was written; .*librarian verify"):
            lineage.made(one.key or "")
        assert history.job(path.stem).state == "complete"


def test_a_result_whose_manifest_was_taken_away_is_said_to_be_so(ledger: Ledger) -> None:
    one = voice(ledger, FIRST)
    path = ledger.write(one)
    ledger.write(outcome(FIRST, "cached", step="again"))
    path.unlink()
    with asking(ledger) as (lineage, _), pytest.raises(EnvironmentFailedError, match="librarian verify"):
        lineage.made(one.key or "")


def test_jobs_say_how_they_ended_and_count_where_no_summary_stands(ledger: Ledger) -> None:
    done, failed = voice(ledger, FIRST), outcome(SECOND, "failed")
    with contextlib.closing(journal(ledger)) as open_job:
        open_job.append([done, failed])
    with asking(ledger) as (_, history):
        record = history.job(open_job.path.stem)
        assert (record.state, record.ended, record.recordings) == ("open", None, None)
        assert record.counts == {"voice": {"done": 1, "failed": 1}}
        (why,) = history.failures(open_job.path.stem)
        assert (why.step, why.outcome, why.reason, why.tasks, why.unit) == ("voice", "failed", "corrupt", 1, SECOND)


def test_a_sealed_job_takes_its_counts_from_its_summary(ledger: Ledger) -> None:
    closed = journal(ledger)
    closed.append([SummaryLine(recordings=7, counts={"voice": {"cached": 7}})])
    closed.seal("interrupted")
    with asking(ledger) as (_, history):
        record = history.job(closed.path.stem)
        assert (record.state, record.recordings, record.failed) == ("interrupted", 7, False)
        assert record.counts == {"voice": {"cached": 7}}


def journal(ledger: Ledger) -> Journal:
    job = new_job_id(ledger.manifests)
    return Journal.create(ledger.manifests, job, job_line(job))
