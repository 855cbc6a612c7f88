import math

import numpy as np
import pytest
import soundfile
from harness import TOP
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.audio import peak
from librarian.audio.limiter import HOLD, MARGIN, UNITY, Limiter, Reduction

RATE = 48000
CEILING = -1.0

FULL_BAND = 1.0
"""dB that ideal interpolation right up to half the rate may show above the ceiling, where a sound reaches that far."""


def limited(samples, ceiling=CEILING, rate=RATE, block=10_000, **how):
    samples = np.atleast_2d(samples).astype(np.float32)
    limiter = Limiter(rate, len(samples), ceiling, **how)
    parts = [limiter.add(samples[:, at : at + block]) for at in range(0, samples.shape[1], block)]
    return np.concatenate([*parts, limiter.end()], axis=1), limiter.reduction()


def ideal_peak(samples, factor=16):
    """dB. All of the spectrum, `factor` times as many points, nothing windowed."""
    padded = np.pad(samples.astype(np.float64), ((0, 0), (1000, 1000)))
    frames = padded.shape[1]
    spectrum = np.fft.rfft(padded)
    if frames % 2 == 0:
        spectrum[:, -1] /= 2
    return peak.decibels(np.abs(np.fft.irfft(spectrum, frames * factor)).max() * factor)


def faded(wave):
    """A sudden start is no tone: it holds every frequency."""
    edge = np.arange(wave.size)
    return wave * np.minimum(1.0, np.minimum(edge, edge[::-1]) / 1000)


def tone(cycles, phase=0.0, frames=24_000):
    return 3 * faded(np.sin(2 * np.pi * cycles * np.arange(frames) + phase))


def square(frequency, frames=24_000):
    """All harmonics up to 20 kHz."""
    time = np.arange(frames) / RATE
    harmonics = range(1, int(20_000 / frequency) + 1, 2)
    return 2 * faded(sum(np.sin(2 * np.pi * frequency * n * time) / n for n in harmonics))


def noise(highest, seed=0, frames=24_000):
    """White up to a part of the rate."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((2, frames)))
    spectrum[:, int(highest * frames) :] = 0
    return np.fft.irfft(spectrum, frames)


def clicks(*shape, frames=24_000):
    wave = np.zeros(frames)
    for at in range(2000, frames - 2000, 4801):
        wave[at : at + len(shape)] = shape
    return wave


def song():
    samples, _ = soundfile.read(TOP / "configs" / "recordings" / "songs" / "rock_song.flac", always_2d=True)
    return samples.T * 4


@pytest.mark.parametrize("degrees", [0, 15, 30, 45, 60, 75, 90])
@pytest.mark.parametrize("cycles", [1 / 4, 0.2501, 1 / 6, 1 / 8, 0.01, 1 / 3, 0.4, 0.449])
def test_no_crest_of_a_tone_rises_above_the_ceiling(cycles, degrees):
    out, _ = limited(tone(cycles, math.radians(degrees)))
    assert peak.decibels(peak.true_peak(out, RATE)) <= CEILING
    assert CEILING - 0.3 <= ideal_peak(out) <= CEILING


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(square(997), id="square"),
        pytest.param(square(50), id="slow square"),
        pytest.param(square(7000), id="square of two harmonics"),
        pytest.param(clicks(5), id="clicks"),
        pytest.param(clicks(5, 5), id="clicks of two"),
        pytest.param(clicks(5, -5), id="clicks to both sides"),
        pytest.param(noise(0.1), id="dull noise"),
        pytest.param(noise(0.3) * 9, id="noise"),
        pytest.param(noise(0.44) * 3, id="bright noise"),
        pytest.param(3 * tone(40 / RATE) + noise(0.4)[0], id="bass under noise"),
        pytest.param(song(), id="song"),
    ],
)
def test_no_crest_of_anything_rises_above_the_ceiling(samples):
    out, reduction = limited(samples)
    assert peak.decibels(peak.true_peak(out, RATE)) <= CEILING
    assert ideal_peak(out) <= CEILING
    assert reduction.greatest > 1


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(noise(0.5) * 2, id="white noise"),
        pytest.param(3 * np.sign(np.sin(2 * np.pi * 997 * np.arange(24_000) / RATE + 0.1)), id="digital square"),
    ],
)
def test_a_sound_up_to_half_the_rate_stays_under_the_ceiling_of_a_meter(samples):
    out, _ = limited(samples)
    assert peak.decibels(peak.true_peak(out, RATE)) <= CEILING
    assert ideal_peak(out) <= CEILING + FULL_BAND


@pytest.mark.parametrize("rate", [8000, 44100, 96_000, 192_000])
def test_the_ceiling_holds_at_every_rate(rate):
    out, _ = limited(noise(0.4) * 3, -3.0, rate)
    assert peak.decibels(peak.true_peak(out, rate)) <= -3.0
    assert ideal_peak(out) <= -3.0


def test_what_is_under_the_ceiling_is_not_touched():
    samples = noise(0.4).astype(np.float32)
    samples *= np.float32(peak.amplitude(CEILING - MARGIN - 0.01 - ideal_peak(samples)))
    out, reduction = limited(samples)
    assert np.array_equal(out, samples)
    assert reduction == Reduction(0, 0, 0)


def test_after_a_crest_the_sound_is_soon_itself_again():
    samples = noise(0.4, frames=96_000) * 0.01
    samples[:, 1000] = 4
    out, reduction = limited(samples, release=0.05)
    assert np.array_equal(out[:, -1000:], samples[:, -1000:].astype(np.float32))
    assert reduction.share == pytest.approx(0.05 * math.log(1 / 0.0114) * RATE / 96_000, rel=0.2)


@settings(deadline=None, max_examples=30)
@given(blocks=st.lists(st.integers(1, 3000), min_size=1, max_size=20), seed=st.integers(0, 9))
def test_blocks_of_any_size_give_the_same_bits(blocks, seed):
    samples = (noise(0.45, seed)[:, : 3 * sum(blocks)] * np.linspace(0, 3, 24_000)[: 3 * sum(blocks)]).astype(
        np.float32
    )
    whole, reduction = limited(samples, block=samples.shape[1])
    limiter = Limiter(RATE, 2, CEILING)
    ends = [end for end in np.cumsum(blocks * 3) if end < samples.shape[1]]
    parts = [limiter.add(part) for part in np.split(samples, ends, axis=1)]
    assert np.array_equal(np.concatenate([*parts, limiter.end()], axis=1), whole)
    assert limiter.reduction() == reduction


@pytest.mark.parametrize("frames", [0, 1, 2, 31, 32, 300, 5000])
def test_it_is_as_long_as_it_was_and_lies_where_it_was(frames):
    samples = np.zeros((2, frames))
    samples[:, frames // 2 : frames // 2 + 1] = 0.5
    out, _ = limited(samples, block=7)
    assert np.array_equal(out, samples.astype(np.float32))


def test_channels_share_the_gain():
    loud, quiet = tone(0.1), np.full(24_000, 0.1)
    out, _ = limited(np.stack([loud, quiet]))
    gain = out[1] / np.float32(0.1)
    assert gain.min() < 0.5
    np.testing.assert_allclose(out[0], loud * gain, atol=1e-6)


def naive_gains(allowed, box, part):
    """The gains by their definition: frame after frame, everything looked at again."""
    ahead = np.concatenate([allowed, np.full(2 * box + HOLD, UNITY)])
    before = np.concatenate([np.full(2 * box + HOLD - 2 + HOLD, UNITY), ahead])
    least = [before[i : i + 2 * box + 2 * HOLD - 1].min() for i in range(len(ahead))]
    level, risen = 1.0, []
    for gain in least:
        level = gain / UNITY if gain / UNITY - level < 1e-6 else level + part * (gain / UNITY - level)
        risen.append(int(level * UNITY))
    smooth = np.array(risen)
    for _ in range(2):
        padded = np.concatenate([np.full(box - 1, UNITY), smooth])
        smooth = np.array([padded[i : i + box].sum() // box for i in range(len(smooth))])
    return smooth[2 * box - 2 + HOLD :][: len(allowed)] / UNITY


def test_the_gain_is_what_its_definition_says():
    samples = np.full((1, 3000), 0.01, np.float32)
    samples[0, [500, 520, 900, 2999]] = 3.0, 2.0, 5.0, 4.0
    out, reduction = limited(samples, rate=8000, block=100)
    threshold = peak.amplitude(CEILING - MARGIN)
    allowed = np.full(3000, UNITY)
    for at in (500, 520, 900, 2999):
        for i in range(at - 20, min(3000, at + 20)):
            crest = naive_crest(samples[0], i)
            allowed[i] = int(min(1.0, threshold / crest) * UNITY)
    expected = naive_gains(allowed, 20, 1 - math.exp(-1 / (0.1 * 8000)))
    np.testing.assert_allclose(out[0] / samples[0], expected, rtol=1e-6)
    assert reduction.greatest == pytest.approx(-peak.decibels(expected.min()), abs=1e-6)
    in_decibels = -20 * np.log10(expected)
    assert reduction.share == pytest.approx((in_decibels > 0.1).mean())
    assert reduction.mean == pytest.approx(-peak.decibels(expected[in_decibels > 0.1].mean()), rel=1e-6)


def naive_crest(samples, at):
    """Greatest magnitude from one sample to the next, eight points of a windowed sinc over 32 samples."""
    padded = np.pad(samples.astype(np.float64), 40)
    taps = np.arange(-15, 17)
    best = 0.0
    for step in range(8):
        distance = taps - step / 8
        window = np.where(np.abs(distance) <= 16, np.i0(5 * np.sqrt(np.maximum(0, 1 - (distance / 16) ** 2))), 0)
        best = max(best, abs((padded[at + 40 + taps] * np.sinc(distance) * window / np.i0(5)).sum()))
    for offset in (0.25, 0.5, 0.75):
        best = max(best, abs((padded[at + 33 : at + 49] * peak.interpolator(offset)).sum()))
    return best


def test_another_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="expected 2 channels, got 1"):
        Limiter(RATE, 2, CEILING).add(np.zeros((1, 10), np.float32))
