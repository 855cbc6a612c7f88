"""Harmonic/percussive separation against scipy's medians in double precision, against librosa, and in segments."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from mixtures import assert_near, chords, noise, streamed, strokes
from scipy import ndimage

from librarian.testing import sdr
from librarian_separation.hpss import Hpss

ROUNDING = 2e-6
"""Of full scale: transforms and masks in single precision."""

RATE, SIZE, HELD, BROAD = 8000, 512, 17, 9


def naive(samples, margin, power=2.0):
    """With scipy in double precision, in silence on both sides."""
    around = SIZE * HELD
    padded = np.pad(samples.astype(np.float64), ((0, 0), (around, around)))
    spectra = librosa.stft(padded, n_fft=SIZE, hop_length=SIZE // 4)
    tones = ndimage.median_filter(np.abs(spectra), size=(1, 1, HELD), mode="reflect")
    strokes_ = ndimage.median_filter(np.abs(spectra), size=(1, BROAD, 1), mode="reflect")
    found = []
    for part, rest in ((tones, strokes_), (strokes_, tones)):
        a, b = part**power, (margin * rest) ** power
        mask = np.where(a + b > 0, a / np.where(a + b > 0, a + b, 1), 0.5)
        back = librosa.istft(spectra * mask, hop_length=SIZE // 4, length=padded.shape[1])
        found.append(back[:, around : around + samples.shape[1]])
    return np.stack([*found, samples - sum(found)])


@pytest.mark.parametrize("margin", [1.0, 2.5])
@pytest.mark.parametrize("frames", [1, 100, SIZE, 10_007])
def test_it_is_scipys_medians_and_wieners_masks(frames, margin):
    mix = noise(frames) + chords(RATE, 2, channels=2)[:, :frames]
    found = Hpss(RATE, SIZE, HELD, BROAD, margin)(mix[None])[0]
    assert_near(found, naive(mix, margin), ROUNDING)


@pytest.mark.parametrize("margin", [1.0, 3.0])
def test_it_is_what_librosa_makes_of_it_but_at_the_ends(margin):
    """librosa mirrors the spectrogram at the ends, this puts silence there: what both see alike is the same."""
    rate, size, width = 22050, 2048, 31
    mix = chords(rate, 4) + strokes(rate, 4)
    ours = Hpss(rate, size, width, width, margin)(mix[None])[0]
    theirs = np.stack(librosa.effects.hpss(mix, margin=margin))
    inside = slice(reach := width // 2 * (size // 4) + 2 * size, mix.shape[1] - reach)
    assert_near(ours[:2, :, inside], theirs[..., inside], ROUNDING)
    assert sdr(theirs, ours[:2]) > 25


def test_tones_and_strokes_come_apart():
    rate = 16000
    tones, clicks = chords(rate, 6), 4 * strokes(rate, 6)
    harmonic, percussive, residual = Hpss.at(rate)((tones + clicks)[None])[0]
    assert sdr(tones, harmonic) > sdr(tones, tones + clicks) + 8
    assert sdr(clicks, percussive) > sdr(clicks, tones + clicks) + 8
    assert not residual.any()


def test_with_a_margin_noise_is_left_to_the_residual():
    rate = 16000
    mix = chords(rate, 3) + strokes(rate, 3) + 0.1 * noise(3 * rate)
    residual = Hpss.at(rate, margin=3.0)(mix[None])[0, 2]
    quiet = slice(rate // 8 + rate // 16, rate // 8 + rate // 5)  # between two strokes
    assert np.abs(residual[:, quiet]).mean() > 0.5 * np.abs(0.1 * noise(3 * rate)[:, quiet]).mean()


@pytest.mark.parametrize("margin", [1.0, 2.0])
@pytest.mark.parametrize("seconds", [4.0, 10.0, 10.9, 21.3])
def test_in_segments_it_is_what_it_is_as_a_whole(seconds, margin):
    mix = noise(round(seconds * RATE)) * chords(RATE, 22)[:, : round(seconds * RATE)] * 10
    model = Hpss(RATE, SIZE, HELD, BROAD, margin)
    assert_near(streamed(model, mix), model(mix[None])[0], ROUNDING)


def test_tensors_give_what_arrays_give():
    mix = noise(9000)
    for margin in (1.0, 2.0):
        expected = Hpss(RATE, SIZE, HELD, BROAD, margin)(mix[None])
        found = Hpss(RATE, SIZE, HELD, BROAD, margin)(torch.from_numpy(mix[None]))
        assert_near(found.numpy(), expected, ROUNDING)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_what_a_cpu_gives():
    mix = noise(5 * 44100)
    found = Hpss.at(44100, 2.0, "cuda:0")(np.stack([mix, mix[::-1]]))
    assert_near(found.cpu().numpy(), Hpss.at(44100, 2.0)(np.stack([mix, mix[::-1]])), 1e-5)
