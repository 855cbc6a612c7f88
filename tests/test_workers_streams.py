"""What a task is given for sounds of any length: `task.open_audio` and `task.create_audio`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoded import FRAMES, signal

from librarian import Artifact, AudioStream, AudioWriter, Settings, Task
from librarian.media import probe, read_audio, write_audio
from librarian.workers.execution import RunningTask


@pytest.fixture
def task(tmp_path: Path) -> RunningTask:
    source: dict[str, Any] = {"path": str(tmp_path / "in.wav"), "kind": "audio"}
    write_audio(tmp_path / "in.wav", signal(FRAMES, 8000, 6), 8000, layout="5.1", audio_format="wav", bits=32, seed=1)
    (tmp_path / "out").mkdir()
    request = {
        "inputs": {"audio": source, "many": [source]},
        "seed": 7,
        "folder": str(tmp_path / "out"),
        "stem": "rec_aaaaaaaaaaaaa.change",
        "state": {},
        "audio": {"format": "flac", "bits": 16},
    }
    return RunningTask(request, Settings(), "cpu", lambda message: None)


def test_a_sound_passes_through_a_task_in_blocks_as_it_would_whole(task: RunningTask) -> None:
    given: Task = task
    with given.open_audio("audio") as sound:
        source: AudioStream = sound
        assert (sound.sample_rate, sound.channels, sound.layout) == (8000, 6, "5.1")
        with given.create_audio("audio", sound.sample_rate, sound.channels, layout=sound.layout) as writer:
            to: AudioWriter = writer
            for block in source.blocks(1234):
                to.write(block * np.float32(0.5))
    samples, rate = given.read_audio("audio")
    whole = given.write_audio("audio", samples * np.float32(0.5), rate)
    assert to.path != whole
    assert to.path.parent == given.folder
    assert to.path.read_bytes() == whole.read_bytes()
    assert read_audio(whole)[0].shape == samples.shape


def test_a_sound_that_is_written_whole_may_say_its_layout(task: RunningTask) -> None:
    task._audio = {"format": "wav", "bits": 16}
    samples, rate = task.read_audio("audio")
    assert probe(task.write_audio("audio", samples, rate, layout="5.1(side)")).layout == "5.1(side)"
    assert probe(task.write_audio("audio", samples, rate)).layout == ""


def test_a_sound_among_many_is_opened_by_its_artifact(task: RunningTask) -> None:
    (member,) = task.inputs["many"]
    assert isinstance(member, Artifact)
    with task.open_audio(member) as sound:
        assert sum(block.shape[1] for block in sound.blocks()) == FRAMES


def test_reading_and_writing_in_blocks_is_counted_as_such(task: RunningTask) -> None:
    with task.open_audio("audio") as sound, task.create_audio("audio", 8000, 6) as writer:
        for block in sound.blocks():
            writer.write(block)
    assert task.timer.read > 0
    assert task.timer.write > 0
    assert task.timer.read == pytest.approx(sound.seconds)  # type: ignore[attr-defined]
