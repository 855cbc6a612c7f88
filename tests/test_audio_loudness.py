import math

import naive_loudness
import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from sounds import speechlike, tone, tones

from librarian.audio import loudness

TABLE_TOLERANCE = 1e-12
"""The standard prints 14 decimals; the analog parameters give them back to 13."""

REFERENCE_TOLERANCE = 1e-6
"""LU. Filters that start 100 ms early, not at the beginning, and sums in another order: 1e-8 was seen."""

SAME_FILTER_TOLERANCE = 1e-3
"""LU. pyloudnorm's class DeMan has the same analog parameters, printed with fewer digits."""

OTHER_FILTER_OFFSET = 0.044
"""LU. pyloudnorm's default filter is an approximation that reads this much lower at 44.1 and 48 kHz."""

GATE_STEP = 0.2
"""LU. One block more or less of those that count: near the gate only few are left, and none lies between."""

RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)


def test_the_filters_at_48_khz_are_those_the_standard_prints():
    shelf, high_pass = loudness.k_weighting(48000)
    assert shelf == pytest.approx(
        [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585],
        abs=TABLE_TOLERANCE,
    )
    assert high_pass == pytest.approx([1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621], abs=TABLE_TOLERANCE)


@pytest.mark.parametrize(("rate", "deviation"), [(8000, 0.22), (44100, 0.005), (96000, 0.025), (192000, 0.035)])
def test_the_response_at_1_khz_hardly_depends_on_the_rate(rate, deviation):
    def response(rate):
        return sum(
            20 * math.log10(abs(signal.freqz(q[:3], [1, *q[3:]], worN=[997], fs=rate)[1][0]))
            for q in loudness.k_weighting(rate)
        )

    assert response(rate) == pytest.approx(response(48000), abs=deviation)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_it_equals_a_naive_reference(rate, channels):
    samples = speechlike(rate, 9.37, channels)
    expected = naive_loudness.integrated(samples, rate, (1.0,) * channels)
    assert loudness.integrated(samples, rate) == pytest.approx(expected, abs=REFERENCE_TOLERANCE)


@pytest.mark.parametrize("seconds", [0.4, 0.5, 0.77, 1.6, 1.7, 3.2, 31.0])
def test_it_equals_a_naive_reference_at_any_length(seconds):
    samples = speechlike(16000, seconds, seed=3)
    expected = naive_loudness.integrated(samples, 16000, (1.0, 1.0))
    assert loudness.integrated(samples, 16000) == pytest.approx(expected, abs=REFERENCE_TOLERANCE)


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
def test_pyloudnorm_agrees_where_it_has_the_same_filter(rate):
    samples = speechlike(rate, 20)
    theirs = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.T.astype(np.float64))
    assert loudness.integrated(samples, rate) == pytest.approx(theirs, abs=SAME_FILTER_TOLERANCE)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_pyloudnorm_reads_a_little_lower_with_its_default_filter(rate):
    samples = speechlike(rate, 20)
    theirs = pyloudnorm.Meter(rate).integrated_loudness(samples.T.astype(np.float64))
    assert loudness.integrated(samples, rate) - theirs == pytest.approx(OTHER_FILTER_OFFSET, abs=0.01)


def test_a_full_scale_tone_at_997_hz_in_one_channel_is_at_minus_3_01():
    assert loudness.integrated(tone(20, 0, frequency=997, channels=1), 48000) == pytest.approx(-3.01, abs=0.005)


def test_a_second_equal_channel_adds_3_01():
    mono = speechlike(48000, 5, channels=1)
    stereo = np.tile(mono, (2, 1))
    difference = loudness.integrated(stereo, 48000) - loudness.integrated(mono, 48000)
    assert difference == pytest.approx(10 * math.log10(2), abs=1e-9)


def test_the_order_of_channels_does_not_matter():
    samples = speechlike(48000, 5)
    assert loudness.integrated(samples[::-1], 48000) == loudness.integrated(samples, 48000)


def test_digital_silence_does_not_count():
    heard = tone(60, -20)
    padded = np.concatenate([heard, np.zeros_like(heard)], axis=1)
    # three blocks reach from the tone into the silence
    assert loudness.integrated(padded, 48000) == pytest.approx(loudness.integrated(heard, 48000), abs=0.02)


@pytest.mark.parametrize(("quiet", "expected"), [(-31, -22.68), (-34, -20)])
def test_the_relative_gate_lies_10_lu_under_the_loudness_of_the_whole(quiet, expected):
    assert loudness.integrated(tones((30, -20), (30, quiet)), 48000) == pytest.approx(expected, abs=0.05)


@settings(deadline=None, max_examples=30)
@given(gain=st.floats(-25, 25))
def test_a_gain_moves_it_by_as_much(gain):
    samples = (np.random.default_rng(1).standard_normal((2, 24000)) * 0.03).astype(np.float32)
    louder = samples * np.float32(10 ** (gain / 20))
    difference = loudness.integrated(louder, 8000) - loudness.integrated(samples, 8000)
    assert difference == pytest.approx(gain, abs=1e-5)


@pytest.mark.parametrize("target", [0, -16, -30, -55, -65, -69.9])
@pytest.mark.parametrize("seed", range(5))
def test_the_gain_for_a_target_reaches_it_through_the_gates(seed, target):
    powers = np.vectorize(loudness.to_power)(np.random.default_rng(seed).uniform(-90, -25, 500))
    reached = loudness.gated(powers * 10 ** (loudness.gain_for(powers, target) / 10))
    assert reached == pytest.approx(target, abs=GATE_STEP)


def test_the_gain_for_a_target_is_the_difference_where_no_block_crosses_a_gate():
    powers = loudness.block_powers(tone(5, -20), 48000)
    assert loudness.gain_for(powers, -16) == pytest.approx(-16 - loudness.gated(powers), abs=1e-9)


@pytest.mark.parametrize("dbfs", [-math.inf, -200, -75])
def test_what_is_below_the_absolute_gate_has_none(dbfs):
    assert loudness.integrated(tone(2, dbfs), 48000) == -math.inf


def test_silence_after_sound_is_silence():
    samples = np.zeros((1, 48000 * 20), np.float32)
    samples[0, :100] = 1.0
    powers = loudness.block_powers(samples, 48000)
    assert powers[0] > loudness.to_power(-70)
    assert np.all(powers[10:] == 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_gives_nan(value):
    samples = tone(2, -20)
    samples[1, 5000] = value
    assert math.isnan(loudness.integrated(samples, 48000))


@pytest.mark.parametrize("frames", [0, 1, 19199])
def test_under_400_ms_it_is_not_defined(frames):
    assert loudness.block_frames(48000) == 19200
    with pytest.raises(ValueError, match="400 ms"):
        loudness.integrated(np.zeros((2, frames), np.float32), 48000)


@pytest.mark.parametrize(
    ("shape", "rate", "match"),
    [((6, 48000), 48000, "6 channels"), ((0, 48000), 48000, "0 channels"), ((1, 48000), 3999, "4000 Hz")],
)
def test_what_it_cannot_measure_it_refuses(shape, rate, match):
    with pytest.raises(ValueError, match=match):
        loudness.integrated(np.zeros(shape, np.float32), rate)


def test_any_layout_of_memory_will_do_and_is_left_alone():
    samples = speechlike(16000, 2)
    expected = loudness.integrated(samples, 16000)
    interleaved = np.asfortranarray(samples)
    locked = samples.copy()
    locked.flags.writeable = False
    for same in (interleaved, locked, samples.astype(np.float64), np.repeat(samples, 2, axis=1)[:, ::2]):
        before = same.copy()
        assert loudness.integrated(same, 16000) == expected
        assert np.array_equal(same, before)
