from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian.audio.resample import resample
from librarian_diarization.pyannote_chunks import Chunks, mono


def naive(samples, window, step):
    """Every chunk that begins in the sound, until one reaches its end; the last one filled up."""
    starts = [0]
    while starts[-1] + window < len(samples):
        starts.append(starts[-1] + step)
    return np.stack([np.pad(part := samples[start : start + window], (0, window - len(part))) for start in starts])


@given(
    frames=st.integers(1, 60),
    window=st.integers(1, 12),
    part=st.integers(1, 12),
    block=st.integers(1, 30),
)
def test_chunks_are_those_of_the_whole_sound_however_it_is_cut_into_blocks(frames, window, part, block):
    step = min(part, window)
    samples = np.arange(1, frames + 1, dtype=np.float32)
    chunks = Chunks(np.split(samples, range(block, frames, block)), window, step)

    np.testing.assert_array_equal(list(chunks), naive(samples, window, step))
    assert chunks.frames == frames


def test_no_sound_has_no_chunk():
    assert list(Chunks([np.zeros(0, np.float32)], 4, 2)) == []


def sound(samples, rate, layout="", block=700):
    blocks = np.split(samples, range(block, samples.shape[1], block), axis=1)
    return SimpleNamespace(channels=len(samples), sample_rate=rate, layout=layout, blocks=lambda: iter(blocks))


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_the_stream_is_the_mean_of_both_channels_at_the_rate_of_the_networks(rate):
    samples = np.random.default_rng(1).standard_normal((2, rate)).astype(np.float32)

    made = np.concatenate(list(mono(sound(samples, rate), 16000)))

    np.testing.assert_array_equal(made, resample(samples.mean(axis=0, keepdims=True), rate, 16000)[0])


def test_many_channels_of_no_known_place_become_their_mean():
    samples = np.random.default_rng(1).standard_normal((7, 900)).astype(np.float32)

    made = np.concatenate(list(mono(sound(samples, 16000), 16000)))

    np.testing.assert_allclose(made, samples.mean(axis=0), atol=1e-6)
