"""The minimum requirements of EBU Tech 3341 (2023) and Tech 3342 (2023), as far as they are defined by a formula.

Left out are cases 7 and 8 of the one and 5 and 6 of the other: broadcasts, not formulas.
"""

import math

import numpy as np
import pytest
from sounds import tone, tones

from librarian.audio.layout import weights
from librarian.audio.meter import Meter

LOUDNESS_TOLERANCE = 0.1
"""LU, Tech 3341, table 1."""

RANGE_TOLERANCE = 1.0
"""LU, Tech 3342, table 1."""

PEAK_OVER, PEAK_UNDER = 0.2, 0.4
"""dB, Tech 3341, table 1."""

SILENCE = -math.inf

RATES = pytest.mark.parametrize("rate", [44100, 48000])


def near(expected):
    return pytest.approx(expected, abs=LOUDNESS_TOLERANCE)


def levels(samples, rate=48000, layout=""):
    meter = Meter(rate, weights(len(samples), layout))
    meter.add(samples)
    return meter.levels()


@RATES
@pytest.mark.parametrize("dbfs", [pytest.param(-23, id="1"), pytest.param(-33, id="2")])
def test_3341_a_steady_tone_reads_its_level_on_all_three_scales(dbfs, rate):
    measured = levels(tone(20, dbfs, rate), rate)
    assert (measured.momentary_max, measured.short_term_max, measured.integrated) == (near(dbfs),) * 3


@RATES
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(10, -36), (60, -23), (10, -36)], id="3"),
        pytest.param([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], id="4"),
        pytest.param([(20, -26), (20.1, -20), (20, -26)], id="5"),
    ],
)
def test_3341_the_gates_leave_out_what_is_soft(parts, rate):
    assert levels(tones(*parts, rate=rate), rate).integrated == near(-23)


@RATES
@pytest.mark.parametrize(
    ("layout", "dbfs"),
    [
        ("5.0", [-28, -28, -24, -30, -30]),
        ("5.1", [-28, -28, -24, 0, -30, -30]),
        ("5.1(side)", [-28, -28, -24, 0, -30, -30]),
        ("7.1", [-28, -28, -24, 0, SILENCE, SILENCE, -30, -30]),
    ],
)
def test_3341_surround_channels_count_more_and_the_low_frequency_effects_do_not_6(layout, dbfs, rate):
    samples = np.concatenate([tone(20, level, rate, channels=1) for level in dbfs])
    assert levels(samples, rate, layout).integrated == near(-23)


@RATES
def test_3341_the_short_term_scale_averages_over_3_s_9(rate):
    meter = Meter(rate, (1.0, 1.0))
    for _ in range(5):
        meter.add(tones((1.34, -20), (1.66, -30), rate=rate))
        assert meter.levels().short_term_max == near(-23)


@RATES
@pytest.mark.parametrize("number", range(20))
def test_3341_three_seconds_are_found_wherever_they_lie_10(number, rate):
    assert levels(tones((number * 0.15, SILENCE), (3, -23), (1, SILENCE), rate=rate), rate).short_term_max == near(-23)


@RATES
def test_3341_the_greatest_of_the_short_term_scale_follows_at_once_11(rate):
    meter = Meter(rate, (1.0, 1.0))
    for number in range(20):
        delay = number * 0.15
        meter.add(tones((delay, SILENCE), (3, number - 38), (3 - delay, SILENCE), rate=rate))
        assert meter.levels().short_term_max == near(number - 38)


@RATES
def test_3341_the_momentary_scale_averages_over_400_ms_12(rate):
    meter = Meter(rate, (1.0, 1.0))
    for number in range(25):
        meter.add(tones((0.18, -20), (0.22, -30), rate=rate))
        if number > 1:
            assert meter.levels().momentary_max == near(-23)


@RATES
@pytest.mark.parametrize("number", range(20))
def test_3341_400_ms_are_found_wherever_they_lie_13(number, rate):
    assert levels(tones((number * 0.02, SILENCE), (0.4, -23), (1, SILENCE), rate=rate), rate).momentary_max == near(-23)


@RATES
def test_3341_the_greatest_of_the_momentary_scale_follows_at_once_14(rate):
    meter = Meter(rate, (1.0, 1.0))
    for number in range(20):
        delay = number * 0.02
        meter.add(tones((delay, SILENCE), (0.4, number - 38), (0.4 - delay, SILENCE), rate=rate))
        assert meter.levels().momentary_max == near(number - 38)


def faded(wave):
    """In and out: a sudden start has a higher peak of its own."""
    frames = len(wave)
    fade = np.minimum(1, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / (frames / 4))
    return np.tile((wave * fade).astype(np.float32), (2, 1))


@pytest.mark.parametrize(
    ("cycles", "degrees", "amplitude", "expected"),
    [
        pytest.param(1 / 4, 0.0, 0.5, -6.0, id="15"),
        pytest.param(1 / 4, 45.0, 0.5, -6.0, id="16"),
        pytest.param(1 / 6, 60.0, 0.5, -6.0, id="17"),
        pytest.param(1 / 8, 67.5, 0.5, -6.0, id="18"),
        pytest.param(1 / 4, 45.0, 1.41, 3.0, id="19"),
    ],
)
def test_3341_the_true_peak_of_a_tone(cycles, degrees, amplitude, expected):
    wave = amplitude * np.sin(2 * np.pi * cycles * np.arange(48000) + math.radians(degrees))
    assert expected - PEAK_UNDER <= levels(faded(wave)).true_peak <= expected + PEAK_OVER


@pytest.mark.parametrize("quarters", [0, 1, 2, 3], ids=["20", "21", "22", "23"])
def test_3341_the_true_peak_of_a_crest_between_samples(quarters):
    time = np.arange(48000) - 24000 - quarters / 4
    wave = np.cos(2 * np.pi * time / 6) * np.cos(np.pi * time / 50000) ** 2
    assert -PEAK_UNDER <= levels(faded(wave)).true_peak <= PEAK_OVER


@RATES
@pytest.mark.parametrize(
    ("dbfs", "expected"),
    [
        pytest.param([-20, -30], 10, id="1"),
        pytest.param([-20, -15], 5, id="2"),
        pytest.param([-40, -20], 20, id="3"),
        pytest.param([-50, -35, -20, -35, -50], 15, id="4"),
    ],
)
def test_3342_the_loudness_range(dbfs, expected, rate):
    samples = tones(*((20, level) for level in dbfs), rate=rate)
    assert levels(samples, rate).loudness_range == pytest.approx(expected, abs=RANGE_TOLERANCE)
