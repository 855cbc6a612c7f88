"""The mel scale by its definitions, the filters by their equation, what Whisper hears by its own lines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from librarian.audio.mel import hertz, mel_filters, mels, whisper_spectrogram

ROUNDING = 1e-6


def naive_mel(frequency, scale):
    if scale == "htk":
        return 2595 * math.log10(1 + frequency / 700)
    return frequency * 3 / 200 if frequency < 1000 else 15 + 27 * math.log(frequency / 1000) / math.log(6.4)


def naive_filters(rate, size, bands, low, high, scale, equal_area):
    """One weight after another; the edges found by bisection, so that only one direction of the scale is used."""
    edges = []
    for step in range(bands + 2):
        target = naive_mel(low, scale) + step * (naive_mel(high, scale) - naive_mel(low, scale)) / (bands + 1)
        under, over = 0.0, float(rate)
        for _ in range(80):
            middle = (under + over) / 2
            under, over = (middle, over) if naive_mel(middle, scale) < target else (under, middle)
        edges.append(under)
    weights = np.zeros((bands, size // 2 + 1))
    for band in range(bands):
        left, top, right = edges[band : band + 3]
        for bin_ in range(size // 2 + 1):
            frequency = bin_ * rate / size
            if left < frequency < right:
                slope = (frequency - left) / (top - left) if frequency < top else (right - frequency) / (right - top)
                weights[band, bin_] = slope * (2 / (right - left) if equal_area else 1)
    return weights


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("equal_area", [True, False])
@pytest.mark.parametrize(
    ("rate", "size", "bands", "low", "high"),
    [(16000, 400, 80, 0, 8000), (16000, 400, 128, 0, 8000), (44100, 2048, 64, 60, 15000), (8000, 256, 1, 300, 3400)],
)
def test_the_filters_are_the_triangles_of_the_equation(rate, size, bands, low, high, scale, equal_area):
    found = mel_filters(rate, size, bands, low=low, high=high, scale=scale, equal_area=equal_area)
    expected = naive_filters(rate, size, bands, low, high, scale, equal_area)
    assert found == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_the_scale_goes_up_and_comes_back(scale):
    frequencies = np.linspace(0, 24000, 1000)
    there = mels(frequencies, scale)
    assert np.all(np.diff(there) > 0)
    assert hertz(there, scale) == pytest.approx(frequencies, abs=1e-6)


def test_known_points_of_the_scales():
    assert mels(np.array([60.0, 1000.0, 6400.0])) == pytest.approx([0.9, 15, 42])
    assert mels(1000.0, "htk") == pytest.approx(1000, abs=0.02)


def test_a_tone_lights_its_own_band():
    filters = mel_filters(16000, 400, 40)
    assert (
        filters[:, 1000 * 400 // 16000].argmax() == np.abs(hertz(np.linspace(0, mels(8000), 42))[1:-1] - 1000).argmin()
    )


def test_triangles_of_height_one_add_up_to_one_between_the_first_top_and_the_last():
    total = mel_filters(48000, 8192, 30, equal_area=False).sum(axis=0)
    tops = hertz(np.linspace(0, mels(24000), 32))
    inside = (np.arange(4097) * 48000 / 8192 > tops[1]) & (np.arange(4097) * 48000 / 8192 < tops[-2])
    assert total[inside] == pytest.approx(1, abs=ROUNDING)


def whisper_by_its_own_lines(samples, bands):
    """`whisper.audio.log_mel_spectrogram`, with the naive filters."""
    filters = torch.from_numpy(naive_filters(16000, 400, bands, 0, 8000, "slaney", True)).float()
    stft = torch.stft(samples, 400, 160, window=torch.hann_window(400), return_complex=True)
    log_spec = torch.clamp(filters @ stft[..., :-1].abs() ** 2, min=1e-10).log10()
    return (torch.maximum(log_spec, log_spec.max() - 8.0) + 4.0) / 4.0


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("level", [1.0, 1e-3, 0.0])
def test_whisper_hears_the_same(level, bands):
    samples = level * torch.rand(32000, generator=torch.Generator().manual_seed(0)) * torch.linspace(0, 1, 32000) ** 9
    expected = whisper_by_its_own_lines(samples, bands)
    assert expected.shape == (bands, 200)
    torch.testing.assert_close(whisper_spectrogram(samples, bands), expected, atol=1e-5, rtol=0)
    assert whisper_spectrogram(samples.numpy(), bands) == pytest.approx(expected.numpy(), abs=1e-5)


def test_each_sound_of_a_batch_has_its_own_greatest():
    loud, soft = np.random.default_rng(0).uniform(-1, 1, (2, 1, 16000)).astype(np.float32) * [[[1.0]], [[1e-4]]]
    both = whisper_spectrogram(np.stack([loud, soft]).astype(np.float32))
    assert both[1] == pytest.approx(whisper_spectrogram(soft.astype(np.float32)), abs=1e-5)


@pytest.mark.parametrize("given", [{"bands": 0}, {"low": -1}, {"high": 9000}, {"low": 4000, "high": 3000}])
def test_bands_that_do_not_fit_are_refused(given):
    with pytest.raises(ValueError, match=r"do not fit below 8000\.0 Hz"):
        mel_filters(16000, 400, **{"bands": 10, **given})
