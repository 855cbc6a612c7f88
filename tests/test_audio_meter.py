import math
import tracemalloc

import naive_loudness
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import speechlike, tone

from librarian.audio import loudness, peak
from librarian.audio.layout import weights
from librarian.audio.meter import Meter
from librarian.audio.tiles import Tiles

REFERENCE_TOLERANCE = 1e-6
"""LU. Filters that start 100 ms early, not at the beginning, and sums in another order: 1e-8 was seen."""

RATES = (4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192_000, 384_000)

NOTHING = -math.inf


def measured(samples, rate=48000, layout="", blocks=()):
    """In blocks of the given sizes, over and over; all at once without."""
    meter = Meter(rate, weights(len(samples), layout))
    at = 0
    while at < samples.shape[1]:
        for frames in blocks or [samples.shape[1]]:
            meter.add(samples[:, at : at + frames])
            at += frames
    return meter.levels()


@pytest.mark.parametrize("rate", RATES)
def test_every_measure_equals_a_naive_reference(rate):
    samples = speechlike(rate, 8.37)
    levels = measured(samples, rate)
    near = {"abs": REFERENCE_TOLERANCE}
    assert levels.integrated == pytest.approx(naive_loudness.integrated(samples, rate, (1, 1)), **near)
    assert levels.momentary_max == pytest.approx(max(naive_loudness.windows(samples, rate, (1, 1), 4)), **near)
    assert levels.short_term_max == pytest.approx(max(naive_loudness.windows(samples, rate, (1, 1), 30)), **near)
    assert levels.loudness_range == pytest.approx(naive_loudness.loudness_range(samples, rate, (1, 1)), **near)
    assert levels.true_peak == peak.decibels(peak.true_peak(samples, rate))
    assert levels.sample_peak == peak.decibels(peak.sample_peak(samples))


@pytest.mark.parametrize("layout", ["3.0", "quad", "5.1", "6.1", "7.1"])
def test_every_layout_equals_a_naive_reference(layout):
    channels = {"3.0": 3, "quad": 4, "5.1": 6, "6.1": 7, "7.1": 8}[layout]
    samples = speechlike(8000, 70, channels, seed=1)
    levels = measured(samples, 8000, layout)
    reference = naive_loudness.integrated(samples, 8000, weights(channels, layout))
    assert levels.integrated == pytest.approx(reference, abs=REFERENCE_TOLERANCE)


@pytest.mark.parametrize("seconds", [18.9, 19.2, 19.21, 38.4, 50])
def test_it_does_not_matter_where_a_tile_ends(seconds):
    samples = speechlike(16000, seconds, seed=2)
    levels = measured(samples, 16000)
    assert levels.integrated == pytest.approx(
        naive_loudness.integrated(samples, 16000, (1, 1)), abs=REFERENCE_TOLERANCE
    )
    assert levels.momentary_max == pytest.approx(
        max(naive_loudness.windows(samples, 16000, (1, 1), 4)), abs=REFERENCE_TOLERANCE
    )


@settings(deadline=None, max_examples=25)
@given(blocks=st.lists(st.integers(1, 200_000), min_size=1, max_size=8), rate=st.sampled_from([8000, 11025]))
def test_the_sizes_of_the_blocks_do_not_matter(blocks, rate):
    samples = speechlike(rate, 47.3)
    whole, cut = measured(samples, rate), measured(samples, rate, blocks=[*blocks, 1000])
    assert whole == cut
    assert np.array_equal(whole.powers, cut.powers)


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_whole_numbers_measure_like_their_floats(layout):
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    whole = (speechlike(48000, 21, channels) * 30_000).astype(np.int16)
    as_in_a_file = np.ascontiguousarray(whole.T).T
    levels = measured(as_in_a_file, layout=layout, blocks=(7001, 100_000))
    expected = measured((whole / np.float32(32768)).astype(np.float32), layout=layout)
    assert levels == expected
    assert np.array_equal(levels.powers, expected.powers)


def test_without_peaks_the_loudness_is_the_same():
    samples = speechlike(48000, 21.3)
    meter = Meter(48000, (1.0, 1.0), peaks=False)
    meter.add(samples)
    levels, all_levels = meter.levels(), measured(samples)
    assert math.isnan(levels.true_peak)
    assert math.isnan(levels.sample_peak)
    for name in ("integrated", "momentary_max", "short_term_max", "loudness_range"):
        assert getattr(levels, name) == getattr(all_levels, name)


@pytest.mark.parametrize("at", [5000, 48000 * 20])
def test_without_peaks_what_is_not_finite_still_shows(at):
    samples = speechlike(48000, 21.3)
    samples[1, at] = math.nan
    meter = Meter(48000, (1.0, 1.0), peaks=False)
    meter.add(samples)
    assert math.isnan(meter.levels().integrated)
    assert math.isnan(meter.levels().momentary_max)


def test_asking_for_the_levels_changes_nothing():
    samples = speechlike(16000, 30)
    meter = Meter(16000, (1.0, 1.0))
    for start in range(0, samples.shape[1], 50_000):
        meter.add(samples[:, start : start + 50_000])
        assert meter.levels() == measured(samples[:, : start + 50_000], 16000)


@pytest.mark.parametrize("before", range(-1, 24))
def test_a_peak_between_two_tiles_is_found(before):
    samples = tone(60, -60, 8000, channels=1)
    start = Tiles(8000, 1).frames - before
    samples[0, start : start + 2] = 0.5
    assert measured(samples, 8000).true_peak == peak.decibels(peak.true_peak(samples, 8000)) > -5


@pytest.mark.parametrize("silence", range(9))
def test_a_peak_at_the_very_end_is_found(silence):
    samples = np.zeros((1, 20_000), np.float32)
    samples[0, 19_998 - silence : 20_000 - silence] = 0.5
    assert measured(samples, 8000).true_peak == peak.decibels(peak.true_peak(samples, 8000)) > -5


@pytest.mark.parametrize("steps", [1, 39, 150, 299])
@pytest.mark.parametrize("hops", [4, 30])
def test_the_loudest_window_may_lie_in_two_tiles(hops, steps):
    end = Tiles(8000, 1).frames
    samples = tone(30, -40, 8000, channels=1)
    start = end - 80 * min(steps, 10 * hops - 1)
    samples[:, start : start + 800 * hops] *= 10
    levels = measured(samples, 8000)
    expected = pytest.approx(max(naive_loudness.windows(samples, 8000, (1,), hops)), abs=REFERENCE_TOLERANCE)
    assert {4: levels.momentary_max, 30: levels.short_term_max}[hops] == expected


@pytest.mark.parametrize("left", [0, 110, 329, 330, 331, 992])
def test_the_loudest_window_may_be_the_last_before_a_step_that_is_not_whole(left):
    samples = speechlike(11_025, 3, channels=1)[:, : 20 * 1103 + left] * 0.01
    samples[:, -4 * 1103 :] *= 100
    expected = max(naive_loudness.windows(samples, 11_025, (1,), 4))
    assert measured(samples, 11_025).momentary_max == pytest.approx(expected, abs=REFERENCE_TOLERANCE)


def test_in_silence_every_level_is_minus_infinity():
    levels = measured(np.zeros((2, 48000 * 4), np.float32))
    assert (levels.integrated, levels.momentary_max, levels.short_term_max) == (NOTHING,) * 3
    assert (levels.true_peak, levels.sample_peak, levels.loudness_range) == (NOTHING, NOTHING, 0)


def test_what_is_softer_than_the_gate_has_maxima_but_no_loudness():
    levels = measured(tone(5, -80))
    assert (levels.integrated, levels.loudness_range) == (NOTHING, 0)
    assert levels.momentary_max == pytest.approx(-80, abs=0.1)


def test_low_frequency_effects_alone_have_peaks_only():
    samples = np.zeros((6, 48000 * 4), np.float32)
    samples[3] = 0.5
    levels = measured(samples, layout="5.1")
    assert (levels.integrated, levels.momentary_max, levels.short_term_max) == (NOTHING,) * 3
    assert levels.sample_peak == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize("frames", [0, 1, 19199, 19200, 143_999, 144_000])
def test_what_is_too_short_has_no_loudness_but_peaks(frames):
    levels = measured(np.full((1, frames), 0.5, np.float32))
    assert math.isnan(levels.integrated) == math.isnan(levels.momentary_max) == (frames < 19200)
    assert math.isnan(levels.short_term_max) == math.isnan(levels.loudness_range) == (frames < 144_000)
    assert levels.sample_peak == pytest.approx(-6.02 if frames else NOTHING, abs=0.01)


@pytest.mark.parametrize(("value", "expected"), [(math.nan, math.nan), (math.inf, math.inf), (-math.inf, math.inf)])
@pytest.mark.parametrize("at", [5000, 48000 * 20, 48000 * 25 - 1])
def test_what_is_not_finite_shows_in_every_level(at, value, expected):
    samples = tone(25, -20)
    samples[1, at] = value
    levels = measured(samples, blocks=[48000])
    loudness_levels = (levels.integrated, levels.momentary_max, levels.short_term_max, levels.loudness_range)
    assert all(math.isnan(level) for level in loudness_levels)
    assert (levels.true_peak, levels.sample_peak) == pytest.approx((expected, expected), nan_ok=True)


def test_the_greatest_momentary_loudness_is_never_under_a_gating_block():
    for seed in range(20):
        levels = measured(speechlike(8000, 25, seed=seed), 8000)
        assert levels.momentary_max >= loudness.to_lufs(levels.powers.max())


def test_ten_hours_are_measured_in_little_memory():
    minute = np.tile(speechlike(4000, 6, channels=1), 10)
    tracemalloc.start()
    try:
        meter = Meter(4000, (1.0,))
        for _ in range(600):
            meter.add(minute)
        assert meter.levels().integrated == pytest.approx(measured(minute, 4000).integrated, abs=0.01)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("rate", [48000, 384_000])
@pytest.mark.parametrize("channels", [1, 8])
def test_what_waits_to_be_measured_needs_little_memory(channels, rate):
    tracemalloc.start()
    try:
        meter = Meter(rate, (1.0,) * channels)
        block = np.zeros((channels, rate // 10), np.float32)
        for _ in range(100):
            meter.add(block)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(48000,), (1, 48000), (3, 48000), (2, 4, 8)])
def test_a_block_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \[2, frames\]"):
        Meter(48000, (1.0, 1.0)).add(np.zeros(shape, np.float32))


def test_a_rate_at_which_loudness_is_not_defined_is_refused():
    with pytest.raises(ValueError, match="from 4000 Hz, got 3999 Hz"):
        Meter(3999, (1.0,))


def test_samples_may_lie_in_memory_in_any_way_and_are_left_alone():
    samples = speechlike(16000, 4)
    locked = samples.copy()
    locked.flags.writeable = False
    for same in (np.asfortranarray(samples), locked, samples.astype(np.float64), np.repeat(samples, 2, axis=1)[:, ::2]):
        before = same.copy()
        assert measured(same, 16000) == measured(samples, 16000)
        assert np.array_equal(same, before)
