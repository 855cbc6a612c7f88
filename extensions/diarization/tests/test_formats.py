"""What other tools read of the turns, by those tools where they are libraries."""

import csv
import json

import pytest
from pyannote.database.util import load_rttm, load_uem

from librarian import Turn, Turns, UnusableInputError
from librarian_diarization import ConvertTurnsSettings
from librarian_diarization.convert import convert_turns
from librarian_diarization.formats import FORMATS, rttm

TURNS = Turns(
    speakers=2,
    counted="guessed",
    turns=[
        Turn(start=0.5, end=2.25, speaker=1, confidence=0.75),
        Turn(start=2, end=3.125, speaker=2, channel=1),
        Turn(start=4, end=5, speaker=1),
    ],
    exclusive=[],
)
EXPECTED = [(0.5, 2.25, "speaker_1"), (2.0, 3.125, "speaker_2"), (4.0, 5.0, "speaker_1")]
UNIT = "rec_aaaaaaaaaaaaa"


@pytest.fixture
def written(make_task):
    """The files that are made of turns, by their format."""

    def run(turns=TURNS, seconds=6.0, formats=tuple(FORMATS)):
        import numpy as np

        settings = ConvertTurnsSettings(formats=list(formats))
        task = make_task(np.zeros((1, 10), np.float32), 8000, settings, turns, {"duration": seconds})
        return convert_turns(task)

    return run


def test_rttm_is_what_pyannote_reads(written):
    (annotation,) = load_rttm(written()["rttm"]).values()
    assert [(seg.start, seg.end, who) for seg, _, who in annotation.itertracks(yield_label=True)] == EXPECTED
    assert annotation.uri == UNIT
    lines = [line.split() for line in written()["rttm"].read_text().splitlines()]
    assert [(line[2], line[8], len(line)) for line in lines] == [
        ("1", "0.750", 10),
        ("2", "<NA>", 10),
        ("1", "<NA>", 10),
    ]


def test_rttm_is_what_lhotse_reads(written):
    from lhotse import SupervisionSet

    found = SupervisionSet.from_rttm(written()["rttm"])
    assert [(each.start, each.end, each.speaker) for each in found] == EXPECTED
    assert {each.recording_id for each in found} == {UNIT}
    assert {each.channel for each in found} == {1, 2}


def test_uem_is_what_pyannote_reads(written):
    (timeline,) = load_uem(written()["uem"]).values()
    assert [(seg.start, seg.end) for seg in timeline] == [(0, 6)]


def test_a_textgrid_is_what_praatio_reads(written):
    from praatio import textgrid

    grid = textgrid.openTextgrid(str(written()["textgrid"]), includeEmptyIntervals=False)
    found = [(each.start, each.end, each.label) for name in grid.tierNames for each in grid.getTier(name).entries]
    assert sorted(found) == EXPECTED
    assert (grid.tierNames, grid.maxTimestamp) == (("speaker_1", "speaker_2"), 6)


def test_labels_and_table_hold_every_turn(written):
    files = written()
    lines = [line.split("\t") for line in files["audacity"].read_text().splitlines()]
    assert [(float(start), float(end), who) for start, end, who in lines] == EXPECTED
    with open(files["csv"], newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(float(row["start"]), float(row["end"]), f"speaker_{row['speaker']}") for row in rows] == EXPECTED
    assert [(row["channel"], row["confidence"]) for row in rows] == [("", "0.75"), ("1", ""), ("", "")]


def test_where_nobody_speaks_every_format_is_empty_but_whole(written):
    files = written(Turns(speakers=0, counted="guessed", turns=[], exclusive=[]))
    assert load_rttm(files["rttm"]) == {}
    assert files["csv"].read_text().count("\n") == 1
    assert files["uem"].read_text() == f"{UNIT} 1 0.000 6.000\n"
    assert "size = 0" in files["textgrid"].read_text()


def test_a_recording_of_unknown_id_has_a_name_all_the_same():
    assert rttm(TURNS, "").split()[1] == "recording"


def test_formats_are_named_once():
    with pytest.raises(ValueError, match="once"):
        ConvertTurnsSettings(formats=["csv", "csv"])


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"schema": "turns/1"}', json.dumps({"speakers": "Anna"}), "[" * 100_000]
)
def test_what_holds_no_turns_is_refused(written, text):
    with pytest.raises(UnusableInputError, match="it holds no turns/1"):
        written(text)
