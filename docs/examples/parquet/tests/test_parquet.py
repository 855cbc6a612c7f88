from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from librarian import Artifact, Measurement, Measurements, UnusableInputError
from librarian.media import write_audio
from librarian.testing import Conformance, voice_like
from librarian_parquet import CollectSettings
from librarian_parquet import table as tables
from librarian_parquet.table import SCHEMA, collect

JOB = """
librarian: 1
name: levels
recordings: [{id: talks, path: '*.wav'}]
steps:
  - {id: levels, use: measure}
  - {id: table, use: collect, from: levels.report}
"""


class TestCollect(Conformance):
    package = "librarian-parquet"
    operation = "collect"


@pytest.fixture
def collected(tmp_path):
    """The rows that come of reports, and the facts."""

    def run(reports, **settings):
        artifacts = []
        for number, (recording, item, report) in enumerate(reports):
            path = tmp_path / f"{number}.json"
            path.write_text(report if isinstance(report, str) else report.model_dump_json())
            artifacts.append(Artifact(path, "measurements/1", recording=recording, item=item))
        told = []
        task = SimpleNamespace(
            inputs={"reports": tuple(artifacts)},
            folder=tmp_path,
            settings=CollectSettings(**settings),
            progress=told.append,
        )
        output = collect(task)["table"]
        assert told == sorted(told)
        made = pq.read_table(output.value)
        assert made.schema.equals(SCHEMA)
        return made.to_pylist(), output.facts

    return run


def report(**values):
    return Measurements(measurements=[Measurement(name=name, value=value) for name, value in values.items()])


def test_a_row_is_a_value_with_where_it_was_measured(collected):
    loud = Measurement(name="loudness", value=-23.5, unit="LUFS", channel=1, start=0.5, end=2)
    rows, facts = collected(
        [("rec_a", 0, Measurements(measurements=[loud])), ("rec_b", 2, report(clipped=True, rate=None))]
    )
    assert rows[0] == {
        "recording": "rec_a",
        "role": None,
        "item": None,
        "name": "loudness",
        "value": -23.5,
        "flag": None,
        "unit": "LUFS",
        "channel": 1,
        "start": 0.5,
        "end": 2.0,
    }
    assert [(row["recording"], row["item"], row["name"], row["value"], row["flag"]) for row in rows[1:]] == [
        ("rec_b", 2, "clipped", None, True),
        ("rec_b", 2, "rate", None, None),
    ]
    assert facts == {"reports": 2, "rows": 3}


def test_many_reports_are_written_in_groups(collected, monkeypatch):
    monkeypatch.setattr(tables, "AT_ONCE", 3)
    rows, facts = collected([(f"rec_{number}", 0, report(number=number)) for number in range(10)], compression="none")
    assert [row["value"] for row in rows] == list(range(10))
    assert facts == {"reports": 10, "rows": 10}


def test_no_reports_make_an_empty_table(collected):
    assert collected([]) == ([], {"reports": 0, "rows": 0})


def test_what_is_no_report_is_refused(collected):
    with pytest.raises(UnusableInputError, match="measurements/1"):
        collected([("rec_a", 0, "{}")])


def test_a_job_ends_in_one_table_that_names_no_one_and_is_clean(tmp_path):
    def librarian(*arguments, code=0):
        command = [sys.executable, "-m", "librarian", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    for number in range(3):
        path = tmp_path / f"Giulia Rossi {number}.wav"
        write_audio(path, voice_like(2.0, 8000, seed=number), 8000, audio_format="wav", bits=16, seed=1)
        os.utime(path, (1e9, 1e9))
    (tmp_path / "job.yaml").write_text(JOB)
    assert "table.table" in librarian("plan", "job.yaml").partition("clean:")[2]
    librarian("run", "job.yaml")
    (table,) = (tmp_path / "library").rglob("*.collect.table.parquet")
    assert b"Rossi" not in table.read_bytes()
    rows = pq.read_table(table).to_pylist()
    assert len({row["recording"] for row in rows}) == 3
    assert all(row["recording"].startswith("rec_") for row in rows)
    assert {row["name"] for row in rows} >= {"integrated_loudness", "true_peak"}
    librarian("verify", "--read-data")
    librarian("export", "table.table", "out")
    (copy,) = (tmp_path / "out").rglob("*.parquet")
    assert copy.read_bytes() == table.read_bytes()
    assert "nobody here can tell whether a file is a good parquet" in librarian("revise", str(table), str(copy), code=2)
