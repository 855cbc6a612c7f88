"""A long tape becomes calls: what the line says is found, and the tape is cut by it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import soundfile
from harness import Archive
from telephone import cadence

RATE = 8000
CALLS = 5
NEAR = 0.05
"""Seconds by which a piece may be off."""
JOB = """
librarian: 1
name: tapes
recordings: [{id: tapes, path: '*.wav'}]
steps:
  - {id: lines, use: tones}
  - id: calls
    use: cut
    from: {audio: tapes, events: lines.events}
    with: {by: events, starts: [ring], ends: [hangup]}
  - {id: even, use: normalize, from: calls}
"""
NOISE = 0.003
"""RMS of the line (−50 dBFS)."""


def talk(random: np.random.Generator, seconds: float) -> Any:
    """Noise with the rhythm of speech: syllables of a fifth of a second, of other levels."""
    syllables = np.repeat(random.uniform(0.0, 0.2, round(seconds * 5)), RATE // 5)
    return syllables * random.standard_normal(len(syllables))


@pytest.fixture
def tape(archive: Archive) -> list[tuple[float, float]]:
    """Five calls that ring, are answered, and end with a busy tone; where they are (s)."""
    random = np.random.default_rng(5)
    parts: list[Any] = []
    spans = []
    for number in range(CALLS):
        parts.append(np.zeros(round(random.uniform(4, 9) * RATE)))
        start = sum(map(len, parts)) / RATE
        parts += [0.1 * cadence((440, 480), (2, 4, 2), RATE), np.zeros(RATE)]
        parts += [
            talk(random, 8 + 4 * number),
            np.zeros(RATE // 2),
            0.1 * cadence((480, 620), (0.5, 0.5) * 5 + (0.5,), RATE),
        ]
        spans.append((start, sum(map(len, parts)) / RATE))
    parts.append(np.zeros(6 * RATE))
    sound = np.concatenate(parts)
    sound += NOISE * random.standard_normal(len(sound))
    soundfile.write(archive.root / "tape.wav", sound.clip(-1, 1), RATE, subtype="PCM_16")
    archive.job(JOB)
    return spans


def test_five_calls_are_five_pieces(archive: Archive, tape: list[tuple[float, float]]) -> None:
    archive.librarian("run", "job.yaml")
    archive.librarian("verify", "--read-data")
    pieces = [
        (each["facts"]["start"], each["facts"]["end"])
        for path in (archive.root / "manifests").glob("*.jsonl")
        for body in (json.loads(line)["body"] for line in path.read_text().splitlines())
        if body["type"] == "outcome" and body["step"] == "calls"
        for each in body["produced"]
    ]
    assert len(pieces) == CALLS
    np.testing.assert_allclose(pieces, tape, atol=NEAR)
    planned = {
        each["step"]: each["done"]
        for each in json.loads(archive.librarian("plan", "job.yaml", "--json").stdout)["steps"]
    }
    assert planned == {"lines": 1, "calls": 1, "even": CALLS}


def test_events_are_asked_for_where_it_is_cut_by_them(archive: Archive, tape: list[tuple[float, float]]) -> None:
    archive.job(JOB.replace("from: {audio: tapes, events: lines.events}", "from: tapes"))
    said = archive.librarian("plan", "job.yaml", code=2).stderr
    assert "with these settings cut takes the input events too; write it as a mapping port: step" in said
