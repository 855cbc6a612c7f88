from __future__ import annotations

import warnings
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest

from librarian.audio.resample import resample
from librarian.errors import UnusableInputError
from librarian.media import open_audio
from librarian_diarization.together import through

CLOSE = 1e-4
"""Of a speaker's embedding: the networks are applied to batches of another size."""

COMMUNITY_1 = {"clustering": "VBxClustering", "seed": 13}
V3_1 = {"clustering": "AgglomerativeClustering", "seed": 18}


@pytest.fixture(scope="session")
def networks_of(make_folder, read_folder):
    """The networks of a folder; the same ones are read once."""
    read = {}

    def get(**changes):
        folder = make_folder(**changes)
        if folder not in read:
            read[folder] = read_folder(folder)
        return read[folder]

    return get


@pytest.fixture
def diarize(library):
    """What networks make of a sound that is to be opened."""
    from librarian_diarization.pyannote_pipeline import Count, Listening, hear

    def run(networks, sound, count=(), size=8, progress=lambda _: None):
        listening = Listening(networks, sound, progress)
        (found,) = through(partial(hear, networks), [lambda: listening], size)
        if isinstance(found, Exception):
            raise found
        return found.diarized(Count(*count))

    return run


@pytest.fixture
def ours(networks_of, sound_of, diarize):
    """What the package makes of samples `[channels, frames]`, through a file."""

    def run(samples, rate=16000, count=(), size=8, **changes):
        return diarize(networks_of(**changes), open_audio(sound_of(samples, rate)), count, size)

    return run


@pytest.fixture
def theirs(library, make_folder):
    """What the library's own pipeline makes of samples `[1, frames]` at 16 kHz."""
    from librarian_diarization.pyannote_stack import contained, torch

    def run(samples, count=(), **changes):
        pipeline = library.Pipeline.from_pretrained(make_folder(**changes))
        bounds = dict(zip(("num_speakers", "min_speakers", "max_speakers"), count, strict=False))
        with contained():
            warnings.filterwarnings("ignore", message="\nThe detected number of speakers")
            return pipeline({"waveform": torch.from_numpy(samples), "sample_rate": 16000, "uri": "x"}, **bounds)

    return run


def same(mine, other, seconds):
    """Whether both are the same turns of the same speakers, with the same embeddings."""
    speakers = list(dict.fromkeys(label for _, _, label in of(other.speaker_diarization, seconds)))
    assert rows(mine.turns, speakers) == of(other.speaker_diarization, seconds)
    assert rows(mine.exclusive, speakers) == of(other.exclusive_speaker_diarization, seconds)
    order = [other.speaker_diarization.labels().index(label) for label in speakers]
    expected = np.nan_to_num(other.speaker_embeddings)[order]
    np.testing.assert_allclose(mine.embeddings, expected, rtol=0, atol=CLOSE * np.abs(expected).max(initial=1e-9))


def of(annotation, seconds):
    """Its turns within the sound, by start and then by label as it was before it got its name."""
    turns = [(turn.start, min(turn.end, seconds), label) for turn, _, label in annotation.itertracks(yield_label=True)]
    return sorted(turn for turn in turns if turn[0] < turn[1])


def rows(runs, speakers):
    return sorted((run.start, run.end, speakers[run.speaker]) for run in runs)


@pytest.mark.parametrize(
    "changes",
    [
        COMMUNITY_1,
        V3_1,
        V3_1 | {"embedding": "XVectorSincNet"},
        COMMUNITY_1 | {"exclude_overlap": False, "gap": 0.3, "size": 1},
        V3_1 | {"numbers": "{method: average, min_cluster_size: 1, threshold: 0.001}", "gap": 0.1},
    ],
)
def test_the_result_is_that_of_the_library(changes, ours, theirs, voices):
    samples = voices[:, :99_000]
    mine = ours(samples, **changes)
    other = theirs(samples, **{name: value for name, value in changes.items() if name != "size"})

    same(mine, other, 99_000 / 16000)
    assert len(mine.embeddings) > 1
    assert len(mine.turns) > len(mine.exclusive) / 2 > 3
    assert any(late.start < early.end for early, late in zip(mine.turns, mine.turns[1:], strict=False))
    assert mine.share == 1


@pytest.mark.parametrize("count", [(1,), (2,), (3,), (None, 3), (None, None, 1), (None, 2, 2)])
@pytest.mark.parametrize("changes", [COMMUNITY_1, V3_1])
def test_the_number_of_speakers_is_minded_as_the_library_minds_it(count, changes, ours, theirs, voices):
    samples = voices[:, 40_000:120_000]
    mine = ours(samples, count=count, **changes)

    same(mine, theirs(samples, count=count, **changes), 5.0)
    if count[0]:
        assert len(mine.embeddings) == count[0]


@pytest.mark.parametrize("changes", [COMMUNITY_1, V3_1])
def test_more_speakers_than_voices_that_speak_long_enough_are_as_many_as_there_are(changes, ours, voices):
    mine = ours(voices[:, 40_000:80_000], count=(9,), **changes)
    assert 0 < len(mine.embeddings) < 9


def test_fewest_above_most_is_no_count(ours, voices):
    with pytest.raises(ValueError, match="min_speakers must be smaller"):
        ours(voices[:, :40_000], count=(None, 3, 2), **V3_1)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_any_rate_and_two_channels(rate, ours, theirs, voices):
    one = resample(voices[:, :64_000], 16000, rate)
    samples = np.concatenate([one, 0.5 * one])

    mine = ours(samples, rate, **COMMUNITY_1)

    taken = resample(samples.mean(axis=0, keepdims=True), rate, 16000)
    same(mine, theirs(taken, **COMMUNITY_1), taken.shape[1] / 16000)
    assert mine.turns


@pytest.mark.parametrize("frames", [3_000, 31_999, 32_000, 32_001, 40_000, 48_000])
def test_sounds_about_as_long_as_a_chunk(frames, ours, theirs, voices):
    samples = voices[:, 16_000 : 16_000 + frames]
    same(ours(samples, **COMMUNITY_1), theirs(samples, **COMMUNITY_1), frames / 16000)


@pytest.mark.parametrize("frames", [1, 50_000])
def test_where_nobody_speaks_there_is_nobody(frames, ours, networks_of, monkeypatch):
    networks = networks_of(**COMMUNITY_1)
    infer = networks.segmentation.infer
    monkeypatch.setattr(networks.segmentation, "infer", lambda sounds: 0 * infer(sounds))
    before = networks.embedder.applied

    mine = ours(np.zeros((1, frames), np.float32), **COMMUNITY_1)

    assert (mine.turns, mine.exclusive, mine.embeddings.shape) == ([], [], (0, 256))
    assert networks.embedder.applied == before


class Blocks:
    """A sound in memory, in blocks of some size."""

    def __init__(self, samples, frames, broken=None):
        self._samples, self._frames, self._broken = samples, frames, broken
        self.sample_rate, self.channels, self.layout, self.frames = 16000, len(samples), "", samples.shape[1]

    def blocks(self, frames=None):
        yield from np.split(self._samples, range(self._frames, self._samples.shape[1], self._frames), axis=1)
        if self._broken:
            raise self._broken


def test_how_a_sound_is_cut_plays_no_part_and_progress_is_told(networks_of, voices, diarize, monkeypatch):
    monkeypatch.setattr("librarian.audio.progress.PAUSE", 0.0)
    networks, told = networks_of(**V3_1), []
    first = diarize(networks, nullcontext(Blocks(voices[:, :70_000], 70_000)), size=2)
    other = diarize(networks, nullcontext(Blocks(voices[:, :70_000], 1_234)), size=2, progress=told.append)

    assert (first.turns, first.exclusive) == (other.turns, other.exclusive)
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 1


def test_damage_in_a_sound_is_not_swallowed(networks_of, voices, diarize):
    broken = Blocks(voices[:, :40_000], 9_000, UnusableInputError("corrupt", "it ends in the middle"))
    with pytest.raises(UnusableInputError, match="in the middle"):
        diarize(networks_of(**V3_1), nullcontext(broken))


def test_agreement_is_a_share_of_the_chunks(ours, voices):
    agreements = [turn.agreement for turn in ours(voices[:, :99_000], **V3_1).turns]
    assert 0 <= min(agreements) < max(agreements) <= 1
