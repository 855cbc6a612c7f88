"""Repetition against a naive reference, against librosa's recipe, and on music that comes again under a voice."""

from __future__ import annotations

import tracemalloc

import librosa
import numpy as np
import pytest
import torch
from mixtures import assert_near, chords, noise, strokes, voice

from librarian import UnusableInputError
from librarian.audio.networks import median_of_rows
from librarian.audio.similarity import similar_frames
from librarian.testing import sdr
from librarian_separation.repet import CentredRepet, Repet

ROUNDING = 1e-5
"""Of full scale: where two windows are nearly as similar, single precision may choose the other."""

RATE, SIZE, MOST, APART = 8000, 512, 9, 20


def naive(mix, most=MOST, apart=APART, power=2.0):
    """Window by window, in double precision."""
    spectra = librosa.stft(mix.astype(np.float64), n_fft=SIZE, hop_length=SIZE // 4)
    levels = np.abs(spectra)
    features = np.sqrt(levels.mean(axis=0))
    units = features / np.maximum(np.linalg.norm(features, axis=0), 1e-30)
    voices = np.zeros_like(spectra)
    for window in range(levels.shape[-1]):
        likeness = units.T @ units[:, window]
        likeness[max(0, window - apart + 1) : window + apart] = -np.inf
        best = np.argsort(-likeness)[:most]
        best = best[np.isfinite(likeness[best])]
        for channel in range(len(levels)):
            here = levels[channel, :, window]
            repeating = np.minimum(here, np.median(levels[channel][:, best], axis=1)) if len(best) else 0 * here
            a, b = (here - repeating) ** power, repeating**power
            mask = np.where(a + b > 0, a / np.where(a + b > 0, a + b, 1), 0.5)
            mask[np.arange(len(mask)) * RATE / SIZE < 100] = 0
            voices[channel, :, window] = spectra[channel, :, window] * mask
    vocals = librosa.istft(voices, hop_length=SIZE // 4, length=mix.shape[1])
    return np.stack([vocals, mix - vocals])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_it_is_the_median_over_the_most_similar_windows(channels):
    mix = voice(RATE, 4, channels=channels) + strokes(RATE, 4, channels=channels) + noise(4 * RATE, channels) / 50
    assert_near(Repet(RATE, SIZE, MOST, APART)(mix[None])[0], naive(mix), ROUNDING)


@pytest.mark.parametrize("seconds", [0.07, 0.3, 0.7])
def test_where_little_or_nothing_can_come_again_it_is_the_same(seconds):
    mix = noise(round(seconds * RATE)) + 0.1
    assert_near(Repet(RATE, SIZE, MOST, APART)(mix[None])[0], naive(mix), ROUNDING)


def test_it_is_librosas_median_over_neighbours():
    """Of the nearest, which librosa takes only where the links between frames are told their distances."""
    levels = np.abs(librosa.stft((voice(RATE, 6) + strokes(RATE, 6) + noise(6 * RATE) / 50)[0], n_fft=SIZE))
    links = librosa.segment.recurrence_matrix(
        levels, k=MOST, width=APART, metric="cosine", mode="distance", sparse=True
    )
    theirs = librosa.decompose.nn_filter(levels, rec=links, aggregate=np.median)
    rows = np.ascontiguousarray(levels.T)
    ours = median_of_rows(rows, similar_frames(rows, MOST, APART)).T
    assert np.isclose(ours, theirs, atol=1e-6).mean() > 0.999


def test_a_voice_over_what_comes_again_comes_out():
    rate = 16000
    singer, band = voice(rate, 12), chords(rate, 12) + strokes(rate, 12)
    vocals, accompaniment = Repet.at(rate)((singer + band)[None])[0]
    assert sdr(singer, vocals) > sdr(singer, singer + band) + 6
    assert sdr(band, accompaniment) > sdr(band, singer + band) + 6


def test_in_stereo_what_is_in_the_middle_may_count_too():
    rate = 16000
    singer, band = voice(rate, 12), chords(rate, 12) * np.array([[1.0], [0.2]], np.float32)
    aside = voice(rate, 12, seed=3) * np.array([[0.0], [1.0]], np.float32)
    mix = (singer + band + aside)[None]
    assert sdr(singer, CentredRepet.at(rate)(mix)[0, 0]) > sdr(singer, Repet.at(rate)(mix)[0, 0]) + 1.5
    with pytest.raises(UnusableInputError, match="mono sound has no centre"):
        CentredRepet.at(rate)(mix[:, :1])


def test_silence_around_a_sound_changes_nothing():
    model = Repet(RATE, SIZE, MOST, APART)
    mix = voice(RATE, 3) + 0.1 * noise(3 * RATE)
    alone = model(mix[None])[0]
    within = model(np.pad(mix, ((0, 0), (RATE, 2 * RATE)))[None])[0]
    assert np.array_equal(within[..., RATE : RATE + mix.shape[1]], alone)
    assert not within[..., :RATE].any() and not within[..., RATE + mix.shape[1] :].any()


def test_tensors_give_what_arrays_give():
    mix = np.stack([(voice(RATE, 3, seed) + strokes(RATE, 3, seed)) + noise(3 * RATE) / 50 for seed in range(2)])
    model = Repet(RATE, SIZE, MOST, APART)
    assert_near(model(torch.from_numpy(mix)).numpy(), model(mix), ROUNDING)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_what_a_cpu_gives():
    """Few windows lie so near to each other that another is chosen: 60 dB below the sound."""
    mix = (voice(RATE, 20) + strokes(RATE, 20) + noise(20 * RATE) / 50)[None]
    assert sdr(Repet.at(RATE)(mix), Repet.at(RATE, "cuda:0")(mix).cpu().numpy()) > 60


def test_memory_does_not_grow_with_the_square_of_a_segment():
    model = Repet(RATE, SIZE, MOST, APART)
    mix = noise(model.segment, 1)[None]
    tracemalloc.start()
    model(mix)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    windows = model.segment // model.grid
    assert peak < 12 * mix.nbytes * 4 < 4 * windows**2 * 10
