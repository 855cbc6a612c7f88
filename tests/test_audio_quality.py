"""The quality ledger: every measure on sound whose truth is known, against naive references, whatever the blocks."""

from __future__ import annotations

import dataclasses
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from librarian.audio.quality import Ledger, Quality
from librarian.testing.sound import tone, voice_like

RATE = 48000
STEP = 1 / 32768

Sound = NDArray[np.float32]


def quality(samples: Sound, rate: int = RATE, block: int = 1 << 30) -> Quality:
    ledger = Ledger(rate, len(samples))
    for start in range(0, samples.shape[1], block):
        ledger.add(samples[:, start : start + block])
    return ledger.quality()


def noise(seconds: float, rms: float, rate: int = RATE, *, channels: int = 1, seed: int = 1) -> Sound:
    random = np.random.default_rng(seed)
    return (rms * random.normal(size=(channels, round(seconds * rate)))).astype(np.float32)


def in_16_bits(samples: Sound) -> Sound:
    return (np.rint(samples * 32767) / 32768).astype(np.float32)


def band_limited(samples: Sound, rate: int, edge: float) -> Sound:
    spectrum = np.fft.rfft(samples, axis=1)
    spectrum[:, round(edge * samples.shape[1] / rate) :] = 0
    return np.fft.irfft(spectrum, samples.shape[1], axis=1).astype(np.float32)


def naive_clipping(samples: Sound) -> tuple[int, int]:
    """Runs and samples, in a second pass that knows the tops."""
    runs = total = 0
    for channel in (*samples, *-samples):
        levels = np.floor(channel.astype(np.float64) * 32768).astype(int)
        top = max(levels.max(), 328)
        place = 0
        for near, group in groupby(levels >= top - 1):
            length = len(list(group))
            before = levels[place - 1] if place else int(np.floor(0.0))
            if near and length >= 3 and levels[place] - before > 8:
                runs, total = runs + 1, total + length
            place += length
    return runs, total


def clipped_song(rate: int = RATE) -> Sound:
    sound = in_16_bits(band_limited(noise(3, 0.8, rate, channels=2), rate, rate / 8))
    return np.clip(sound, -0.8, 0.7).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 48000])
@pytest.mark.parametrize("block", [1, 997, 24000, 100_000])
def test_the_ledger_is_the_same_whatever_the_blocks(rate: int, block: int) -> None:
    sound = clipped_song(rate)[:, : rate + rate // 3 if block == 1 else None]
    sound[0, rate // 2 : rate // 2 + rate // 50] = 0
    assert quality(sound, rate, block) == quality(sound, rate)


def test_what_was_asked_in_between_changes_nothing() -> None:
    sound = clipped_song()
    ledger = Ledger(RATE, 2)
    for start in range(0, sound.shape[1], 31_000):
        ledger.add(sound[:, start : start + 31_000])
        ledger.quality()
    assert ledger.quality() == quality(sound)


def test_clipped_runs_are_those_of_a_second_pass_that_knows_the_tops() -> None:
    sound = clipped_song()
    found = quality(sound)
    runs, samples = naive_clipping(sound)
    assert found.clipped_runs == runs > 100
    assert found.clipped_share == pytest.approx(samples / sound.size)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([-404, -403, -402, -400, 0, 395, 400, 401, 402, 403, 900]), st.integers(1, 6)),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 300),
)
def test_rising_tops_make_no_difference_to_what_is_counted(steps: list[tuple[int, int]], block: int) -> None:
    levels = np.repeat([level for level, _ in steps], [length for _, length in steps])
    sound = ((levels + 0.5) * STEP).astype(np.float32)[np.newaxis]
    runs, samples = naive_clipping(sound)
    found = quality(sound, 4000, block)
    assert (found.clipped_runs, round(found.clipped_share * sound.size)) == (runs, samples)


@pytest.mark.parametrize("frequency", [20.0, 50.0, 997.0, 6000.0])
@pytest.mark.parametrize("level", [0.0, -3.0, -30.0])
def test_a_clean_tone_is_not_clipped_and_a_cut_one_at_every_crest(frequency: float, level: float) -> None:
    clean = in_16_bits(tone(frequency, 2, RATE, level=level))
    assert quality(clean).clipped_runs == 0
    if 50 <= frequency < 1000 and level > -10:
        cut = np.clip(clean, -0.8 * clean.max(), 0.8 * clean.max()).astype(np.float32)
        assert quality(cut).clipped_runs == pytest.approx(2 * 2 * frequency, rel=0.02)


def test_quiet_sound_of_8_bits_is_not_clipped() -> None:
    quiet = (np.rint(noise(2, 0.006) * 128) / 128).astype(np.float32)
    assert np.abs(quiet).max() > 0
    assert quality(np.clip(quiet, -1 / 128, 1 / 128)).clipped_runs == 0


def test_the_offset_of_the_channel_that_has_the_most() -> None:
    sound = noise(2, 0.1, channels=2)
    sound += np.array([[0.01], [-0.03]], np.float32)
    naive = sound.astype(np.float64).mean(axis=1)
    assert quality(sound).dc_offset == pytest.approx(naive[1], abs=1e-12)


def test_an_offset_is_no_sound() -> None:
    found = quality(np.full((1, RATE), 0.3, np.float32))
    assert found.silence_share == 1.0
    assert found.noise_floor is found.speech_to_noise is found.bandwidth is None
    assert found.dc_offset == pytest.approx(0.3, abs=1e-6)


def test_a_single_step_in_a_window_is_sound() -> None:
    steps = np.repeat(np.array([0.1, -0.1] * 16, np.float32), 1500)[np.newaxis]
    constant = np.ptp(steps.reshape(-1, 960), axis=1) == 0
    assert quality(steps).silence_share == pytest.approx(constant.mean())


@pytest.mark.parametrize("rate", [8000, 48000])
@pytest.mark.parametrize("floor", [-70.0, -50.0, -35.0])
def test_the_noise_floor_is_the_level_of_the_pauses(rate: int, floor: float) -> None:
    rms = 10 ** (floor / 20)
    sound = voice_like(20, rate) + noise(20, rms, rate, seed=2)
    found = quality(sound, rate)
    below = 0.7  # dB: the 15th percentile of what scatters by 0.5 dB at 8 kHz
    assert found.noise_floor == pytest.approx(floor - below / 2, abs=below)


def test_speech_to_noise_is_that_of_a_naive_reference_and_falls_with_the_noise() -> None:
    voice = voice_like(20, RATE)
    ratios = []
    for rms in (0.001, 0.002, 0.004):
        sound = voice + noise(20, rms, seed=2)
        powers = sound.reshape(-1, 960).astype(np.float64).var(axis=1)
        low, high = 10 * np.log10(np.percentile(powers, [15, 95]))
        found = quality(sound).speech_to_noise
        assert found == pytest.approx(high - low, abs=0.15)  # bins of 0.1 dB
        ratios.append(found)
    assert np.diff(ratios) == pytest.approx([-6, -6], abs=0.5)


def test_digital_silence_tells_nothing_of_the_noise() -> None:
    sound = noise(10, 0.01)
    gated = sound.copy()
    gated[:, 3 * RATE : 8 * RATE] = 0
    assert quality(gated).noise_floor == pytest.approx(quality(sound).noise_floor, abs=0.15)


def test_silence_is_what_lies_under_60_dbfs() -> None:
    sound = noise(10, 10 ** (-50 / 20))
    sound[:, : 4 * RATE] *= 10 ** (-20 / 20)
    sound[:, 9 * RATE :] = 0
    assert quality(sound).silence_share == pytest.approx(0.5)
    assert quality(noise(1, 10 ** (-59 / 20))).silence_share == 0.0


@pytest.mark.parametrize(
    ("rate", "edge"), [(48000, 3400), (48000, 4000), (44100, 16000), (16000, 4000), (96000, 20000)]
)
@pytest.mark.parametrize("below", [-30.0, -60.0])
def test_the_bandwidth_of_up_sampled_sound_is_where_it_ends(rate: int, edge: int, below: float) -> None:
    sound = band_limited(noise(4, 10 ** (below / 20), rate), rate, edge)
    for each in (sound, in_16_bits(sound + noise(4, STEP / 2, rate, seed=3))):
        assert quality(each, rate).bandwidth == pytest.approx(edge, rel=0.05)


def test_a_gap_in_the_spectrum_is_no_edge() -> None:
    wide = noise(4, 0.05)
    low, high = band_limited(wide, RATE, 3400), wide - band_limited(wide, RATE, 9000)
    assert quality(low + high).bandwidth == RATE / 2


def test_a_whistle_above_the_edge_is_no_bandwidth() -> None:
    sound = band_limited(noise(4, 0.05), RATE, 3400) + tone(15_625, 4, RATE, level=-50)
    assert quality(sound).bandwidth == pytest.approx(3400, rel=0.05)


@pytest.mark.parametrize("per_octave", [0.0, 6.0, 12.0, 18.0])
def test_sound_that_falls_off_gently_has_all_the_bandwidth(per_octave: float) -> None:
    spectrum = np.fft.rfft(noise(4, 0.1), axis=1)
    octaves = np.log2(np.maximum(np.arange(spectrum.shape[1]) / 4, 100) / 100)
    sound = np.fft.irfft(spectrum * 10 ** (-per_octave * octaves / 20), axis=1).astype(np.float32)
    assert quality(sound + noise(4, 1e-5, seed=2)).bandwidth == RATE / 2


@pytest.mark.parametrize("value", [0.0, 0.03])
@pytest.mark.parametrize("milliseconds", [6, 20, 45, 300])
@pytest.mark.parametrize("at", [0.5, 0.997, 1.0, 1.25])
def test_a_stretch_that_stands_still_in_sound_is_a_dropout(value: float, milliseconds: int, at: float) -> None:
    sound = noise(2, 0.05, channels=2)
    start, length = round(at * RATE), RATE * milliseconds // 1000
    sound[1, start : start + length] = value
    found = quality(sound)
    assert found.dropouts == 1
    assert found.dropout_seconds == pytest.approx(length / RATE, abs=1e-9)


def test_pauses_short_stretches_and_flat_tops_are_no_dropouts() -> None:
    pause = noise(3, 0.05) * np.clip(np.abs(np.linspace(-6, 6, 3 * RATE)) - 2, 0, 1).astype(np.float32)
    short = noise(2, 0.05)
    short[:, RATE : RATE + 200] = 0
    square = np.sign(tone(40, 2, RATE)) * np.float32(0.5)
    silence_after = noise(2, 0.05)
    silence_after[:, RATE:] = 0
    for sound in (pause, short, square, silence_after):
        assert quality(sound).dropouts == 0


def test_dropouts_are_counted_in_each_channel() -> None:
    sound = noise(3, 0.05, channels=2)
    for channel, start in ((0, 0.3), (0, 0.9), (1, 0.9), (1, 2.0)):
        sound[channel, round(start * RATE) :][: RATE // 50] = 0
    found = quality(sound)
    assert (found.dropouts, found.dropout_seconds) == (4, pytest.approx(0.08))


def test_the_correlation_of_two_channels_is_pearsons() -> None:
    sound = voice_like(3, RATE, channels=2) + np.float32(0.02)
    assert quality(sound).correlation == pytest.approx(np.corrcoef(sound.astype(np.float64))[0, 1], abs=1e-9)
    assert quality(sound * np.array([[1], [-1]], np.float32)).correlation == pytest.approx(-quality(sound).correlation)


@pytest.mark.parametrize(
    ("second", "said", "gain"),
    [
        (lambda one: one, "identical", 0.0),
        (lambda one: in_16_bits(one + noise(2, STEP / 2, seed=5)), "rounding", 0.0),
        (lambda one: one * np.float32(0.5), "gain", -6.02),
        (lambda one: in_16_bits(one * np.float32(0.05)), "gain", -26.02),
        (lambda one: -one, "gain", 0.0),
        (lambda one: one * 0, "one_empty", None),
        (lambda one: one * np.float32(0.7) + noise(2, 0.001, seed=5), "no", None),
        (lambda one: noise(2, 0.05, seed=9), "no", None),
    ],
)
def test_mono_in_two_channels_is_told_and_how(second: object, said: str, gain: float | None) -> None:
    one = in_16_bits(noise(2, 0.05))
    found = quality(np.concatenate([one, second(one)]))  # type: ignore[operator]
    assert found.mono_as_stereo == said
    assert found.channel_gain == (None if gain is None else pytest.approx(gain, abs=0.02))


def test_two_faint_noises_are_not_taken_for_one() -> None:
    assert quality(noise(2, STEP / 2, channels=2)).mono_as_stereo == "no"
    shared = noise(2, 1.7 * STEP) + noise(2, 0.7 * STEP, channels=2, seed=7)
    assert quality(shared).mono_as_stereo == "no"


def test_only_two_channels_are_compared() -> None:
    for channels in (1, 3):
        found = quality(noise(1, 0.1, channels=channels))
        assert found.correlation is found.mono_as_stereo is found.channel_gain is None


@pytest.mark.parametrize("frames", [0, 1, 7, 959, 960, 961])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_the_shortest_sounds_have_a_ledger(frames: int, channels: int) -> None:
    sound = noise(1, 0.1, channels=channels)[:, :frames]
    found = quality(sound)
    assert found.frames == frames
    assert found.silence_share == pytest.approx(1.0 if frames < 2 else 0.0, abs=1 / 961)
    numbers = [each for each in dataclasses.astuple(found) if isinstance(each, float)]
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize("rate", [4000, 8000, 22050, 192_000, 384_000])
def test_any_rate_has_a_ledger(rate: int) -> None:
    found = quality(noise(2.5, 0.1, rate), rate)
    assert found.bandwidth == rate / 2
    assert found.noise_floor == pytest.approx(-20, abs=1)


def test_a_longer_sound_takes_no_more_memory() -> None:
    import tracemalloc

    ledger = Ledger(8000, 1)
    block = noise(1, 0.1, 8000)
    for _ in range(10):
        ledger.add(block)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(3000):
        ledger.add(block)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000


def test_the_spectrum_of_white_noise_is_its_density() -> None:
    ledger = Ledger(RATE, 1)
    ledger.add(noise(20, 0.1))
    centres, levels = ledger.spectrum()
    assert len(centres) < 300
    assert (np.diff(centres) > 0).all()
    assert levels[centres > 400] == pytest.approx(10 * np.log10(0.1**2 / (RATE / 2)), abs=1)
