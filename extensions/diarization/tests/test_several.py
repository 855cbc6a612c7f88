"""Several recordings at once are what each is by itself, in fewer batches; and what is done where memory ends."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial

import numpy as np
import pyannote_folders
import pytest
import torch
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from librarian import UnusableInputError
from librarian.testing import Conformance, FileTask, given_models
from librarian.testing.trial import TIMEOUT, check_done, trying
from librarian.workers.asking import ask
from librarian.workers.inline import Inline
from librarian_diarization import DiarizeSettings
from librarian_diarization.diarize import Diarizer

MADE = pyannote_folders.Made(clustering="AgglomerativeClustering", seed=18)
D_VECTORS = {"method": "classic", "features": "d_vectors", "model": "none", "speakers": 2}
PIPELINE = {"method": "pyannote", "model": "mine"}
LENGTHS = {"short": 0.2, "silent": 3.0, "long": 24.0, "odd": 5.1}
"""Seconds; a chunk has two, and d-vectors take a dozen."""
NEAR = 0.02
"""Of the time in which a GPU and a CPU may disagree: where a voice is as likely as not, their last bits decide."""


@pytest.fixture
def sounds(recording):
    """Sounds of many lengths, by name, and their rate (Hz)."""
    samples, rate = recording("two_speakers")
    made = {name: np.ascontiguousarray(samples[:, : round(seconds * rate)]) for name, seconds in LENGTHS.items()}
    return made | {"silent": np.zeros_like(made["silent"])}, rate


@pytest.fixture
def tasks_of(sounds, tmp_path):
    """A task for each of these sounds; `broken` is a file that ends in its middle."""

    def make(settings, *names):
        found = []
        for name in names:
            (folder := tmp_path / str(len(list(tmp_path.iterdir())))).mkdir()
            samples = sounds[0].get(name, sounds[0]["long"])
            task = FileTask(folder, [samples], sounds[1], settings, suffix=".flac", subtype="PCM_16")
            if name == "broken":
                path = task.inputs["audio"][0].path
                path.chmod(0o600)
                os.truncate(path, path.stat().st_size // 2)
            found.append(task)
        return found

    return make


@pytest.fixture
def diarizer(package, make_folder, tmp_path):
    """Diarizers, by their settings; random weights are installed."""
    with given_models({"mine": make_folder(clustering=MADE.clustering, seed=MADE.seed)}, tmp_path / "store"):
        yield lambda device="cpu", **changes: Diarizer(DiarizeSettings(**changes), device)


def made(diarizer, tasks, *, together=True):
    """What comes of tasks, at once or one after the other."""
    read = [diarizer.read(task) for task in tasks]
    return diarizer.compute(read) if together else [diarizer.compute([each])[0] for each in read]


@pytest.mark.parametrize("batch", [0, 1, 7])
@pytest.mark.parametrize("changes", [PIPELINE, D_VECTORS], ids=["pipeline", "d_vectors"])
def test_recordings_together_are_what_each_is_alone_and_a_broken_one_fails_alone(diarizer, tasks_of, changes, batch):
    runner = diarizer(batch=batch, **changes)
    tasks = tasks_of(DiarizeSettings(batch=batch, **changes), "odd", "silent", "broken", "long", "short", "long")
    together, alone = made(runner, tasks), made(runner, tasks, together=False)

    for number, (one, other) in enumerate(zip(together, alone, strict=True)):
        if number == 2:
            assert isinstance(one, UnusableInputError)
            with pytest.raises(UnusableInputError):
                runner.write(tasks[number], one)
        else:
            assert one == other
            assert runner.write(tasks[number], one)["turns"].facts["method"] == changes["method"]
    assert together[0].turns.turns
    assert together[3].turns.speakers > 1
    assert together[3].turns == together[5].turns
    assert together[3].found.features == ("d_vectors" if changes is D_VECTORS else "embeddings")


def test_chunks_of_several_recordings_share_batches(diarizer, tasks_of):
    runner, given = diarizer(batch=8, **PIPELINE), []
    networks = runner._pipeline.networks
    networks.segmentation.model.register_forward_pre_hook(lambda _, sounds: given.append(len(sounds[0])))
    tasks = tasks_of(None, "odd", "short", "silent", "odd", "short")
    chunks = [8, 1, 3, 8, 1]

    before = networks.embedder.applied
    made(runner, tasks)
    embedded = networks.embedder.applied - before
    assert given == [8, 8, 5]
    given.clear()
    made(runner, tasks, together=False)
    assert given == chunks
    assert networks.embedder.applied - before == 2 * embedded <= 2 * sum(chunks)


def test_d_vectors_of_several_recordings_share_batches(diarizer, tasks_of, monkeypatch):
    runner, given = diarizer(**D_VECTORS), []
    vectors = runner._encoder.vectors

    def counted(windows):
        given.append(len(windows))
        return vectors(windows)

    monkeypatch.setattr(runner._encoder, "vectors", counted)
    tasks = tasks_of(None, "long", "silent", "long", "short", "long")
    made(runner, tasks, together=False)
    alone = given.copy()
    given.clear()
    made(runner, tasks)
    assert len(alone) == 3
    assert given == [32, sum(alone) - 32]


def test_a_gpu_is_given_several_recordings_and_full_batches_and_a_cpu_what_pays_there(diarizer):
    sizes = {
        (device, changes["model"]): (runner.batch, runner._size)
        for device in ("cpu", "cuda:0")
        for changes in (PIPELINE, D_VECTORS)
        for runner in [diarizer(device, **changes)]
    }
    assert sizes == {
        ("cpu", "mine"): (1, 8),
        ("cpu", "none"): (1, 32),
        ("cuda:0", "mine"): (8, 32),
        ("cuda:0", "none"): (8, 32),
    }


def test_nothing_stays_open_where_a_network_fails(diarizer, tasks_of, monkeypatch):
    runner = diarizer(batch=4, **D_VECTORS)
    tasks = tasks_of(None, "long", "long")

    def full(_):
        raise MemoryError

    monkeypatch.setattr(runner._encoder, "vectors", full)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(MemoryError) as kept:  # what it holds on to is not closed by chance
        made(runner, tasks)
    assert len(os.listdir("/proc/self/fd")) == len(before), kept
    monkeypatch.undo()


class Diarized(Conformance):
    """Done by a worker in this process, with a network that has no memory for more than one chunk."""

    package, operation = "librarian-diarization", "diarize"
    seconds = 8.0

    def __init__(self, folder, batch):
        self.settings = PIPELINE | {"model": "pyannote-3-1", "batch": batch}
        (folder / "task").mkdir(parents=True)
        with trying(self._subject(), folder) as trial:
            message = trial.request(trial.inputs()) | {"folder": str(folder / "task")}
        with closing(Inline(print)) as worker:
            self.answer = ask(worker, message, TIMEOUT)
        check_done(self.answer)

    def models(self, folder):
        return {"pyannote-3-1": pyannote_folders.make(folder / "made", MADE)}


def test_chunks_are_computed_singly_where_several_are_too_many(library, tmp_path, monkeypatch):
    from librarian_diarization import pyannote_pipeline

    hear, given = pyannote_pipeline.hear, []

    def limited(networks, chunks):
        given.append(len(chunks))
        if len(chunks) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return hear(networks, chunks)

    monkeypatch.setattr(pyannote_pipeline, "hear", limited)
    answer = Diarized(tmp_path / "made", batch=4).answer
    assert given[0] == 4
    assert set(given[1:]) == {1}
    assert (answer["rungs"], answer["degraded"]) == ([{"settings": {"batch": 1}}], False)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("changes", [PIPELINE, D_VECTORS], ids=["pipeline", "d_vectors"])
def test_a_gpu_finds_in_several_recordings_what_a_cpu_finds_in_each(diarizer, tasks_of, changes):
    tasks = partial(tasks_of, DiarizeSettings(**changes), "odd", "silent", "long", "short")
    for one, other in zip(
        made(diarizer("cuda:0", **changes), tasks()), made(diarizer(**changes), tasks()), strict=True
    ):
        rate = DiarizationErrorRate()(annotation(other.turns), annotation(one.turns))
        assert rate < NEAR


def annotation(turns):
    found = Annotation()
    for number, turn in enumerate(turns.turns):
        found[Segment(turn.start, turn.end), number] = str(turn.speaker)
    return found
