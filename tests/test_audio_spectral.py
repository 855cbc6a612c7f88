"""Spectra against a naive transform and torch's, back to the same sound, and any cutting of the stream."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.audio.spectral import AT_ONCE, IstftStream, StftStream, hann, istft, stft

ROUNDING = 1e-6
"""float32, of a sum of up to 2048 products of which few are large, by its greatest."""


def noise(frames, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, frames)).astype(np.float32)


def naive(samples, size, hop, padding, window):
    """The equation, frame by frame and bin by bin, in float64."""
    padded = np.pad(samples.astype(np.float64), [(0, 0), (size // 2, size // 2)], mode=padding)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size)
    starts = range(0, samples.shape[1] // hop * hop + 1, hop)
    return np.stack([(padded[:, k : k + size] * window) @ turns.T for k in starts], axis=-1)


def streamed(stream, samples, sizes, join):
    pieces, start = [], 0
    for size in itertools.cycle(sizes):
        pieces.append(stream.add(samples[:, start : start + size]))
        start += size
        if start >= samples.shape[1]:
            return join([*pieces, stream.end()], -1)


@pytest.mark.parametrize("padding", ["reflect", "constant"])
@pytest.mark.parametrize(("size", "hop"), [(400, 160), (512, 128), (64, 33), (64, 64), (64, 100), (2, 1)])
def test_it_is_the_transform_of_the_equation(size, hop, padding):
    samples = noise(1999)
    expected = naive(samples, size, hop, padding, 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
    found = stft(samples, size, hop, padding)
    assert found.dtype == np.complex64
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < ROUNDING * size
    tensor = stft(torch.from_numpy(samples), size, hop, padding)
    assert np.abs(tensor.numpy() - expected).max() < ROUNDING * size


@pytest.mark.parametrize("padding", ["reflect", "constant"])
def test_torch_has_the_same_conventions(padding):
    tensor = torch.from_numpy(noise(5000))
    theirs = torch.stft(tensor, 512, 160, window=torch.hann_window(512), pad_mode=padding, return_complex=True)
    torch.testing.assert_close(stft(tensor, 512, 160, padding), theirs, atol=ROUNDING * 512, rtol=0)
    back = torch.istft(theirs, 512, 160, window=torch.hann_window(512), length=5000)
    torch.testing.assert_close(istft(theirs, 160, 5000), back, atol=ROUNDING, rtol=0)


@settings(deadline=None, max_examples=60)
@given(
    half=st.integers(4, 200),
    share=st.floats(0.05, 0.75),  # beyond, the last window is so low at the end that rounding shows
    frames=st.integers(0, 3000),
    padding=st.sampled_from(["reflect", "constant"]),
)
def test_the_same_sound_comes_back(half, share, frames, padding):
    samples, hop = noise(frames + half + 1), max(1, int(half * share))
    for one in (samples, torch.from_numpy(samples)):
        back = istft(stft(one, 2 * half, hop, padding), hop, samples.shape[1])
        assert back.shape == samples.shape
        assert float(abs(back - one).max()) < 4 * ROUNDING


def test_the_parts_in_which_a_long_sound_is_transformed_show_nowhere():
    samples, count = noise(200_000), 200_000 // 512 + 1
    assert count > 2 * AT_ONCE // 2048
    spectra = stft(samples, 2048, 512)
    whole = stft(torch.from_numpy(samples), 2048, 512).numpy()
    assert np.abs(spectra - whole).max() < ROUNDING * 2048
    assert np.abs(istft(spectra, 512, 200_000) - samples).max() < 4 * ROUNDING


def test_a_tone_is_found_in_its_bin_and_nowhere_else():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)[np.newaxis]
    levels = np.abs(stft(tone, 512, 128))[0, :, 4:-4].mean(axis=1)
    assert levels.argmax() == 1000 * 512 // 16000
    assert np.delete(levels, range(30, 35)).max() < 1e-5 * levels.max()


@settings(deadline=None, max_examples=80)
@given(
    size=st.integers(1, 60).map(lambda half: 2 * half),
    hop=st.integers(1, 150),
    padding=st.sampled_from(["reflect", "constant"]),
    frames=st.integers(61, 900),
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=4).filter(any),
)
def test_the_stream_may_be_cut_anywhere(size, hop, padding, frames, sizes):
    samples = noise(frames)
    whole = stft(samples, size, hop, padding)
    assert np.array_equal(streamed(StftStream(size, hop, padding), samples, sizes, np.concatenate), whole)
    found = streamed(StftStream(size, hop, padding), torch.from_numpy(samples), sizes, torch.cat)
    assert np.abs(found.numpy() - whole).max() < ROUNDING * size


def sound_streamed(spectra, size, hop, frames, sizes, window=None):
    stream, pieces, start = IstftStream(size, hop, window), [], 0
    for count in itertools.cycle(sizes):
        pieces.append(stream.add(spectra[..., start : start + count]))
        start += count
        if start >= spectra.shape[-1]:
            return np.concatenate([*map(np.asarray, pieces), np.asarray(stream.end(frames))], -1)


@settings(deadline=None, max_examples=80)
@given(
    size=st.integers(1, 60).map(lambda half: 2 * half),
    hop=st.integers(1, 150),
    frames=st.integers(0, 900),
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any),
)
def test_the_stream_of_the_inverse_may_be_cut_anywhere(size, hop, frames, sizes):
    window, samples = np.hamming(size + 1)[:-1].astype(np.float32), noise(frames)
    spectra = stft(samples, size, hop, "constant", window)
    try:
        whole = istft(spectra, hop, frames, window)
    except ValueError:
        assert hop > size // 2
        with pytest.raises(ValueError, match="leave gaps"):
            sound_streamed(spectra, size, hop, frames, sizes, window)
        return
    assert whole.shape == samples.shape
    assert not frames or np.abs(whole - samples).max() < 20 * ROUNDING
    assert np.array_equal(sound_streamed(spectra, size, hop, frames, sizes, window), whole)
    found = sound_streamed(torch.from_numpy(spectra.copy()), size, hop, frames, sizes, window)
    assert not frames or np.abs(found - whole).max() < 20 * ROUNDING


def test_a_long_sound_comes_back_from_a_stream_bit_by_bit():
    samples = noise(200_000)
    spectra = stft(samples, 2048, 512)
    for one in (spectra, torch.from_numpy(spectra.copy())):
        whole = np.asarray(istft(one, 512, 200_000))
        assert np.array_equal(sound_streamed(one, 2048, 512, 200_000, [1, 150, 7]), whole)


def test_a_stream_of_the_inverse_keeps_no_more_than_a_window():
    stream = IstftStream(400, 160)
    given = sum(stream.add(stft(noise(1000), 400, 160)).shape[-1] for _ in range(50))
    assert given > 50 * 1000 - 400
    assert stream._sums.shape[-1] <= 400


def test_a_stream_keeps_no_more_than_a_window():
    stream = StftStream(400, 160)
    for _ in range(50):
        stream.add(noise(1000))
    assert stream._pending.shape[-1] <= 400


def test_the_window_may_be_another():
    samples, window = noise(3000), np.hamming(257)[:-1].astype(np.float32)
    spectra = stft(samples, 256, 64, window=window)
    assert np.abs(spectra - naive(samples, 256, 64, "reflect", window)).max() < ROUNDING * 256
    assert np.abs(istft(spectra, 64, 3000, window) - samples).max() < 4 * ROUNDING


def test_frames_may_have_any_dimensions_before_them():
    samples = noise(2000, channels=6)
    expected = stft(samples, 128, 32).reshape(2, 3, 65, -1)
    assert np.array_equal(stft(samples.reshape(2, 3, 2000), 128, 32), expected)
    assert istft(expected, 32, 2000).shape == (2, 3, 2000)


@pytest.mark.parametrize("size", [4, 64, 400])
def test_hann_windows_half_a_window_apart_add_up_to_one(size):
    assert hann(size)[: size // 2] + hann(size)[size // 2 :] == pytest.approx(1.0, abs=ROUNDING)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: stft(noise(100), 65, 16), "even"),
        (lambda: stft(noise(100), 64, 0), "positive"),
        (lambda: stft(noise(100), 64, 16, window=np.ones(32, np.float32)), r"\[64\], got \[32\]"),
        (lambda: stft(noise(32), 64, 16), "from 33 frames on; write padding='constant'"),
        (lambda: StftStream(64, 16).end(), "mirrored"),
        (lambda: istft(stft(noise(1000), 64, 64), 64, 1000), "smaller hop"),
        (lambda: istft(stft(noise(1000), 64, 16), 16, 1100), "1100 frames have 69 spectra .* got 63"),
        (lambda: IstftStream(64, 16).end(1000), "1000 frames have 63 spectra .* got 0"),
        (lambda: IstftStream(64, 16).add(stft(noise(1000), 32, 16)), "must be .* 33, windows"),
    ],
)
def test_what_cannot_be_transformed_is_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()
