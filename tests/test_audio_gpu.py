import contextlib
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from harness import RECORDINGS
from sounds import speechlike, tone

from librarian.audio import batch, loudness, peak, rows
from librarian.audio.meter import Levels
from librarian.errors import UnusableInputError
from librarian.media import open_audio

LOUDNESS_TOLERANCE = 1e-6
"""LU. Promised is 0.001: the rest is for GPUs that nobody has tried."""

PEAK_TOLERANCE = 1e-6
"""dB. Promised is 0.001."""

DEVICES = [
    "cpu",
    pytest.param(
        "cuda:0", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]
    ),
]


@dataclass
class Memory:
    """A stream of a sound that is in memory; `error` is raised at its end."""

    samples: np.ndarray
    sample_rate: int
    layout: str = ""
    error: Exception | None = None

    @property
    def channels(self):
        return len(self.samples)

    def sampled_blocks(self):
        yield from np.array_split(self.samples, 7, axis=1)
        if self.error:
            raise self.error


def sounds(*streams):
    return [contextlib.nullcontext(stream) for stream in streams]


def both(*streams, device="cpu", most_bytes=batch.MOST_BYTES):
    """What torch says and what the meter on the CPU says of each."""
    together = list(batch.in_batches(sounds(*streams), device, most_bytes))
    alone = list(batch.measure_all(sounds(*streams)))
    assert len(together) == len(alone) == len(streams)
    return list(zip(together, alone, strict=True))


def assert_same(one, other):
    for name in ("integrated", "momentary_max", "short_term_max", "loudness_range"):
        expected = pytest.approx(getattr(other, name), abs=LOUDNESS_TOLERANCE, nan_ok=True)
        assert getattr(one, name) == expected, name
    for name in ("true_peak", "sample_peak"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=PEAK_TOLERANCE, nan_ok=True), name


@pytest.mark.parametrize("device", DEVICES)
def test_sounds_of_any_length_rate_and_layout_are_measured_together_as_alone(device):
    streams = [
        Memory(speechlike(8000, 3.3, 1), 8000),
        Memory(speechlike(8000, 61, 2, seed=1), 8000),
        Memory(speechlike(8000, 0.7, 6, seed=2), 8000, "5.1"),
        Memory(speechlike(44100, 20, 2, seed=3), 44100),
        Memory(speechlike(44100, 1, 8, seed=4), 44100, "7.1"),
        Memory(speechlike(96000, 4, 1, seed=5), 96000),
        Memory(speechlike(192_000, 3, 1, seed=6), 192_000),
    ]
    for together, alone in both(*streams, device=device):
        assert_same(together, alone)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("most_bytes", [1, 300_000, 1_000_000])
def test_the_size_of_a_batch_does_not_matter(device, most_bytes):
    streams = [Memory(speechlike(4000, seconds, 2), 4000) for seconds in (1, 45, 3, 20, 0.5, 60, 7)]
    for together, alone in both(*streams, device=device, most_bytes=most_bytes):
        assert_same(together, alone)


@pytest.mark.parametrize("device", DEVICES)
def test_a_sound_that_cannot_be_measured_keeps_its_place_and_harms_no_other(device):
    good = Memory(speechlike(8000, 50), 8000)
    torn = Memory(speechlike(8000, 50), 8000, error=UnusableInputError("corrupt", "cut short"))
    streams = [good, torn, Memory(good.samples, 3000), good, Memory(np.zeros((5, 9), np.float32), 8000), torn]
    found = both(*streams, device=device)
    for together, alone in found:
        if isinstance(alone, Levels):
            assert_same(together, alone)
        else:
            assert str(together) == str(alone)
    assert [str(together).partition(":")[0] for together, _ in found if not isinstance(together, Levels)] == [
        str(torn.error),
        "loudness is defined from 4000 Hz, got 3000 Hz",
        "loudness is not defined for 5 channels of which the layout is not known",
        str(torn.error),
    ]


@pytest.mark.parametrize("device", DEVICES)
def test_silence_short_sounds_and_what_is_not_finite(device):
    torn = [tone(25, -20, 8000) for _ in range(3)]
    torn[0][1, 90_000], torn[1][0, 199_999], torn[2][:, 5:9] = math.nan, math.inf, -math.inf
    shapes = [(1, 0), (2, 1), (1, 3199), (1, 3200), (2, 40_000)]
    streams = [*torn, *(np.zeros(shape, np.float32) for shape in shapes), np.ones((1, 20), np.float32)]
    for together, alone in both(*(Memory(samples, 8000) for samples in streams), device=device):
        assert_same(together, alone)


@pytest.mark.parametrize("device", DEVICES)
def test_only_the_end_of_a_sound_rings(device):
    loud = np.full((1, 8000 * 40), 0.5, np.float32)
    loud[0, 1::2] = -0.5
    loud *= np.minimum(1, np.minimum(np.arange(loud.size), np.arange(loud.size)[::-1]) / 8000).astype(np.float32)
    longer = Memory(tone(19.3, -60, 8000, channels=1), 8000)
    sudden = Memory(np.array([[0.0, 0.5, 0.5]], np.float32), 8000)
    for together, alone in both(Memory(loud, 8000), longer, sudden, device=device):
        assert_same(together, alone)


def test_only_one_sound_is_open_at_a_time_and_what_is_done_is_told_at_once():
    opened = []

    @contextlib.contextmanager
    def watched(number):
        opened.append(number)
        yield Memory(speechlike(4000, 2, seed=number), 4000)

    outcomes = batch.in_batches(map(watched, range(100)), "cpu", most_bytes=100_000)
    assert isinstance(next(outcomes), Levels)
    assert len(opened) < 20


def test_files_are_measured_one_after_the_other_and_a_bad_one_says_why(tmp_path):
    paths = [*sorted(RECORDINGS.rglob("*.wav")), tmp_path / "bad.wav"]
    paths[-1].write_bytes(b"no sound")
    *good, bad = batch.measure_all(map(open_audio, paths))
    *together, _ = batch.in_batches(map(open_audio, paths), "cpu")
    for one, other in zip(together, good, strict=True):
        assert_same(one, other)
    assert isinstance(bad, UnusableInputError)


def test_the_spectral_filter_is_the_recursion():
    x = speechlike(8000, 3, 2)
    recursion = loudness.integrated(x, 8000)
    hops = x.shape[1] // 800
    y = rows.k_weighted(torch.from_numpy(np.pad(x, ((0, 0), (800, 0)))).double(), 8000)[:, 800:]
    energies = rows.step_energies(y[:, : hops * 800], 800).sum(0).numpy()
    powers = loudness.gating_powers(loudness.hop_energies(energies), 8000)
    assert loudness.gated(powers) == pytest.approx(recursion, abs=LOUDNESS_TOLERANCE)


@pytest.mark.parametrize("rate", [8000, 96000, 192_000])
def test_the_convolution_finds_the_true_peak(rate):
    x = speechlike(rate, 0.3, 2)
    padded = torch.from_numpy(np.pad(x, ((0, 0), (peak.CONTEXT, peak.CONTEXT)))).double()
    sample, true = rows.peaks(padded, torch.tensor([padded.shape[1]] * 2), rate).amax(1).tolist()
    assert (sample, true) == pytest.approx((peak.sample_peak(x), peak.true_peak(x, rate)), rel=1e-12)
