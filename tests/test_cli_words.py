"""How things are said: facts of any operation, times, and lines on a terminal that is narrower than they are."""

from __future__ import annotations

import io
from typing import Any

import pytest
from ledger import ID_KEY, outcome, recording

from librarian.cli.display import fact_line
from librarian.cli.facts import facts_of, gist, measured
from librarian.cli.words import broken, fitted, took
from librarian.manifest.records import OutcomeLine

NORMALIZED = {
    **{"loudness_before": -22.2, "loudness_after": -16.0, "true_peak_before": -7.7, "true_peak_after": -1.4},
    **{"gain": 6.2, "result": "normalized", "container": "flac", "codec": "pcm_24", "sample_rate": 16000},
    **{"channels": 1, "frames": 16000, "frames_exact": True, "seconds": 1.0},
}


def made(**facts: Any) -> OutcomeLine:
    """A task with one result of which this was measured."""
    unit = recording(1)
    one = {
        **{"id": ID_KEY.artifact("key", "audio"), "output": "audio", "kind": "audio", "bytes": 1, "private": True},
        **{"file": f"{unit}.normalize.audio.flac", "digest": ID_KEY.content("ab" * 32, private=True), "facts": facts},
    }
    return outcome(unit, produced=[one])


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (NORMALIZED, "raised 6.2 dB to −16.0 LUFS, normalized"),
        (NORMALIZED | {"gain": -6.25, "limited": False}, "lowered 6.2 dB to −16.0 LUFS, normalized, not limited"),
        (NORMALIZED | {"gain": 0.01, "result": "held_by_ceiling"}, "left at −16.0 LUFS, held by ceiling"),
        ({"gain": 3.0}, "raised 3.0 dB"),
        ({"gain": 0.0}, "left at its level"),
        ({"gain": None, "loudness_before": None, "loudness_after": None, "result": "silent"}, "silent"),
        (
            {"duration": 18.7, "loudness": -23.04, "result": "measured", "sample_peak": -6.0, "true_peak": -5.5},
            "loudness −23.0 LUFS, true peak −5.5 dBTP, sample peak −6.0 dBFS, measured",
        ),
        ({"speakers": 2, "turns": 41, "speech_seconds": 12.34}, "2 speakers, 41 turns, speech 12.3 s"),
        ({"speakers": 1, "loss": 3, "overlap": True}, "1 speaker, loss 3, overlap"),
        (
            {"confidence": 0.9, "duration": 60.0, "overlap": 2.25, "speakers": 2, "speech": 49.9, "turns": 14}
            | {"counted": "channels", "method": "channels"},
            "2 speakers, 14 turns, speech 49.9 s, counted channels, method channels",
        ),
        ({"snr_before": 12.0, "snr_after": 20.5, "words": 3}, "snr 12.0 → 20.5 dB"),
        ({}, ""),
    ],
)
def test_what_came_of_a_task_is_said_by_one_rule_for_every_operation(facts: dict[str, Any], said: str) -> None:
    assert gist(measured(made(**facts))) == said


def test_all_facts_are_told_in_detail_but_those_of_every_sound_file() -> None:
    assert facts_of(made(**NORMALIZED)) == (
        "loudness −22.2 → −16.0 LUFS, true peak −7.7 → −1.4 dBTP, gain 6.2 dB, normalized"
    )


def test_a_list_is_counted_and_one_of_it_has_facts_of_its_own() -> None:
    unit = recording(1)
    clips = [
        {
            **{"id": ID_KEY.artifact("key", "clips", item), "output": "clips", "item": item, "kind": "audio"},
            **{"file": f"{unit}.clip.clips.{item:04}.flac", "digest": ID_KEY.content("ab" * 32, private=True)},
            **{"bytes": 1, "private": True, "facts": {"speaker": item, "start": 2.5 * item}},
        }
        for item in (1, 2)
    ]
    line = outcome(unit, produced=clips)
    assert gist(measured(line)) == facts_of(line) == "2 clips"
    assert facts_of(line, clips[1]["id"]) == "start 5.0 s, speaker 2"


def test_of_several_words_each_says_what_it_is_of() -> None:
    declared = {name: {"words": ("own", "low"), "unit": ""} for name in ("model", "certainty")}
    assert fact_line(declared, {"model": "own", "certainty": "low"}) == "model own, certainty low"
    assert fact_line(declared, {"model": "own", "certainty": None}) == "own"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0 s"), (0.0001, "0 s"), (0.0123, "0.012 s"), (0.4, "0.4 s"), (1.0, "1.0 s"), (61.0, "1 min 1 s")],
)
def test_short_times_keep_two_figures(seconds: float, said: str) -> None:
    assert took(seconds) == said


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_lines_are_broken_on_a_narrow_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "made on 3 May 2026 from rec_2222222222222 by normalize 1: raised 6.2 dB to −16.0 LUFS, normalized, 0.4 s"
    monkeypatch.setenv("COLUMNS", "60")
    assert fitted(line, io.StringIO()) == line
    assert fitted(line, Terminal()) == (
        "made on 3 May 2026 from rec_2222222222222 by normalize 1:\n  raised 6.2 dB to −16.0 LUFS, normalized, 0.4 s"
    )
    monkeypatch.setenv("COLUMNS", "200")
    assert fitted(line, Terminal()) == line
    monkeypatch.setenv("COLUMNS", "8")
    assert fitted(line, Terminal()) == line
    monkeypatch.delenv("COLUMNS")
    assert fitted(line, Terminal()) == line  # it does not say how wide it is


def test_a_number_stays_with_its_unit_and_a_command_in_one_piece() -> None:
    assert broken("the whole of it was lowered by 12.5 dB and more", 36)[0].endswith("by")
    said = broken("no project here or above; make one with: librarian init FOLDER", 50)
    assert said == ["no project here or above; make one with:", "  librarian init FOLDER"]


def test_what_stands_below_stands_below_the_second_column_or_the_branch() -> None:
    row = "  settings  ceiling −1 (default), target −20, and a good many others"
    assert all(line.startswith(" " * 12) for line in broken(row, 40)[1:])
    branch = broken("  │  ├─ art_2222222222222  voice.audio of calls, normalize 1, current", 40)
    assert all(line.startswith("  │  │    ") for line in branch[1:])
    last = broken("  └─ art_2222222222222  voice.audio of calls, normalize 1, current", 40)
    assert all(line.startswith("       ") for line in last[1:])
    for lines in (branch, last, broken(row, 40)):
        assert len(lines) > 1
        assert max(map(len, lines)) <= 40


def test_a_path_that_fits_no_line_is_left_in_one_piece() -> None:
    line = f"  file  library/ab/{'x' * 90}.flac"
    assert broken(line, 80) == [line]
