"""By peak and by RMS, with a limiter, without rumble and offset, and what is left alone."""

import numpy as np
import pyloudnorm
import pytest
from scipy import signal

from librarian import UnusableInputError
from librarian.audio import loudness, peak
from librarian.audio.layout import weights
from librarian.audio.meter import Meter
from librarian_normalization import NormalizeSettings
from librarian_normalization.decision import NEAR
from librarian_normalization.normalize import Normalizer

RATE = 48000
STATED = 2e-4
"""LU and dB: the gain is a multiple of 0.0001 dB, and so is every level that is stated."""
ROUNDING = 1e-6
"""Full scale is 1: some steps of 24 bits, for the source is rounded as well as the result."""
LATER = 0.002
"""dB: what rounding to 24 bits may change, and the meters' own rounding."""


@pytest.fixture
def normalized(make_task, written):
    """What is written of samples, and the facts."""

    def run(samples, layout="", **settings):
        task = make_task(samples, RATE, NormalizeSettings(**settings), ".wav", "PCM_24", layout)
        before = set(task.folder.iterdir())
        outputs = Normalizer(task.settings, "cpu")(task)
        assert set(task.folder.iterdir()) - before == {outputs["audio"].value}
        return written(outputs["audio"])[0], outputs["audio"].facts

    return run


def true_peak(samples):
    return peak.decibels(peak.true_peak(samples, RATE))


def rms(samples):
    return 10 * np.log10(np.square(samples, dtype=np.float64).mean())


@pytest.mark.parametrize("target", [-1.0, -6.0, -30.0])
def test_by_peak_the_true_peak_meets_the_target(normalized, speech, target):
    result, facts = normalized(speech(), by="peak", target=target)
    assert facts["result"] == "normalized"
    assert facts["true_peak_after"] == pytest.approx(target, abs=STATED)
    assert true_peak(result) == pytest.approx(target, abs=LATER)


def test_by_rms_the_power_meets_the_target(normalized, speech):
    result, facts = normalized(speech(), by="rms", target="-31 dBFS")
    assert facts["result"] == "normalized"
    assert facts["rms_after"] == pytest.approx(-31, abs=STATED)
    assert rms(result) == pytest.approx(-31, abs=LATER)


@pytest.mark.parametrize("by", ["peak", "rms"])
def test_by_peak_and_rms_a_click_of_a_sample_has_a_level_too(normalized, by):
    result, facts = normalized(np.full((1, 1), 0.1, np.float32), by=by, target=-10)
    assert facts["result"] == "normalized"
    assert np.abs(result).max() == pytest.approx(10 ** (-10 / 20), rel=0.001)


def test_the_gain_is_written_once_and_is_the_same_for_every_sample(normalized, speech):
    samples = speech()
    result, facts = normalized(samples, by="rms", target=-30)
    np.testing.assert_allclose(result, samples * np.float32(peak.amplitude(facts["gain"])), atol=ROUNDING)


@pytest.mark.parametrize("distance", [-2.0, 2.0])
def test_what_is_near_enough_to_the_target_is_left_alone(normalized, speech, distance):
    samples = speech()
    target = loudness.integrated(samples, RATE) + distance
    result, facts = normalized(samples, target=target, leave_within="2.01 LU")
    assert (facts["result"], facts["gain"]) == ("left_alone", 0)
    np.testing.assert_allclose(result, samples, atol=ROUNDING)
    _, facts = normalized(samples, target=target, leave_within="1.99 LU")
    assert facts["result"] == "normalized"
    assert facts["loudness_after"] == pytest.approx(target, abs=STATED)


def test_what_peaks_above_the_ceiling_is_not_left_alone(normalized, speech):
    samples = speech()
    samples[0, 10_000] = 0.99
    result, facts = normalized(samples, target=loudness.integrated(samples, RATE), leave_within="1 LU", ceiling=-3)
    assert facts["result"] == "held_by_ceiling"
    assert true_peak(result) <= -3 + LATER


def test_without_a_limiter_nothing_is_ever_limited(normalized, speech):
    samples = speech()
    result, facts = normalized(samples, target=-12, ceiling=-6)
    assert facts["result"] == "held_by_ceiling"
    assert "limited_share" not in facts
    np.testing.assert_allclose(result, samples * np.float32(peak.amplitude(facts["gain"])), atol=ROUNDING)


@pytest.mark.parametrize("target", [-14.0, -13.0])
def test_with_a_limiter_the_target_is_reached_under_the_ceiling(normalized, speech, target):
    result, facts = normalized(speech(), target=target, ceiling=-6, limiter=True)
    assert facts["result"] == "limited"
    assert true_peak(result) <= -6 + LATER
    assert loudness.integrated(result, RATE) == pytest.approx(target, abs=NEAR + LATER)
    assert facts["loudness_after"] == pytest.approx(loudness.integrated(result, RATE), abs=LATER)
    assert facts["true_peak_after"] == pytest.approx(true_peak(result), abs=LATER)
    assert facts["reduction_max"] > 0.5
    assert 0 < facts["limited_share"] < 1


def ideal_peak(samples, factor=16):
    """dB. All of the spectrum, `factor` times as many points, nothing windowed."""
    padded = np.pad(samples.astype(np.float64), ((0, 0), (1000, 1000)))
    frames = padded.shape[1]
    spectrum = np.fft.rfft(padded)
    if frames % 2 == 0:
        spectrum[:, -1] /= 2
    return peak.decibels(np.abs(np.fft.irfft(spectrum, frames * factor)).max() * factor)


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(lambda noise: 0.2 * noise, id="white noise"),
        pytest.param(lambda noise: 0.2 * np.clip(noise, -1, 1), id="clipped noise"),
        pytest.param(lambda noise: 0.2 * np.sign(noise), id="noise of two values"),
        pytest.param(
            lambda noise: 0.3 * np.sign(np.sin(np.arange(noise.size) / 1.53))[np.newaxis], id="digital square"
        ),
    ],
)
def test_what_reaches_half_the_rate_stays_under_the_ceiling_of_an_ideal_interpolation(normalized, samples):
    noise = np.random.default_rng(5).standard_normal((1, 3 * RATE))
    result, facts = normalized(samples(noise).astype(np.float32), target=-3, ceiling=-6, limiter=True)
    assert facts["result"] in ("limited", "held_by_ceiling")
    assert facts["reduction_max"] > 0.1
    assert -7.5 < ideal_peak(result) <= -6


def test_a_limiter_that_is_not_needed_does_nothing(normalized, speech):
    plain, _ = normalized(speech(), target=-30)
    result, facts = normalized(speech(), target=-30, limiter=True)
    assert facts["result"] == "normalized"
    assert "limited_share" not in facts
    assert np.array_equal(result, plain)


def test_a_target_that_no_limiter_reaches_is_said(normalized, speech):
    result, facts = normalized(speech(), target=-3, ceiling=-20, limiter=True)
    assert facts["result"] == "held_by_ceiling"
    assert facts["loudness_after"] < -10
    assert true_peak(result) <= -20 + LATER


def test_the_offset_of_each_channel_goes_and_nothing_else_changes(normalized, speech):
    samples = speech()
    samples -= samples.mean(axis=1, keepdims=True)
    offset = np.array([[0.1], [-0.03]], np.float32)
    result, facts = normalized(samples + offset, remove_dc=True, by="rms", target=-30)
    assert facts["dc_removed"] == pytest.approx(0.1, abs=1e-6)
    assert facts["rms_before"] == pytest.approx(rms(samples + offset), abs=LATER)
    assert facts["rms_after"] == pytest.approx(-30, abs=STATED)
    assert rms(result) == pytest.approx(-30, abs=LATER)
    np.testing.assert_allclose(result, samples * np.float32(peak.amplitude(facts["gain"])), atol=1e-6)


def test_what_lies_below_a_high_pass_goes_before_it_is_measured(normalized, speech):
    time = np.arange(4 * RATE) / RATE
    rumble = (0.3 * np.sin(2 * np.pi * 20 * time)).astype(np.float32)
    result, facts = normalized(speech() + rumble, target=-30, high_pass="150 Hz")
    clean, _ = normalized(speech(), target=-30, high_pass="150 Hz")
    expected = signal.sosfilt(
        signal.butter(4, 150, "highpass", fs=RATE, output="sos"), (speech() + rumble).astype(np.float64)
    )
    np.testing.assert_allclose(result, expected * peak.amplitude(facts["gain"]), atol=1e-6)
    assert loudness.integrated(result, RATE) == pytest.approx(-30, abs=LATER)
    assert facts["loudness_before"] == pytest.approx(loudness.integrated(speech() + rumble, RATE), abs=STATED)
    assert np.abs(result[:, RATE:] - clean[:, RATE:]).max() < 0.001


@pytest.mark.parametrize(
    ("channels", "layout"), [(3, "3.0"), (4, "quad"), (5, "5.0"), (6, "5.1"), (6, "5.1(side)"), (7, "6.1"), (8, "7.1")]
)
def test_every_layout_is_weighted_as_it_should_be(normalized, speech, channels, layout):
    result, facts = normalized(speech(channels=channels), layout, target=-20, ceiling=0)
    meter = Meter(RATE, weights(channels, layout))
    meter.add(result)
    assert meter.levels().integrated == pytest.approx(-20, abs=LATER)
    assert facts["loudness_after"] == pytest.approx(-20, abs=STATED)


@pytest.mark.parametrize(("channels", "layout"), [(1, ""), (2, ""), (5, "5.0")])
def test_with_pyloudnorm_as_the_meter_pyloudnorm_agrees(normalized, speech, channels, layout):
    result, facts = normalized(speech(channels=channels), layout, target=-23, meter="pyloudnorm")
    theirs = pyloudnorm.Meter(RATE).integrated_loudness(result.T.astype(np.float64))
    assert theirs == pytest.approx(-23, abs=LATER)
    assert facts["loudness_after"] == pytest.approx(-23, abs=STATED)


def test_pyloudnorm_is_not_asked_what_it_does_not_know(normalized, speech):
    _, facts = normalized(speech(seconds=0.3), meter="pyloudnorm")
    assert facts["result"] == "too_short"
    _, facts = normalized(np.zeros((1, RATE), np.float32), meter="pyloudnorm")
    assert facts["result"] == "silent"
    with pytest.raises(UnusableInputError, match=r"pyloudnorm does not measure the layout '5\.1'"):
        normalized(speech(channels=6), "5.1", meter="pyloudnorm")


def test_of_channels_in_unknown_places_loudness_is_not_defined(normalized, speech):
    with pytest.raises(UnusableInputError, match="3 channels") as caught:
        normalized(speech(channels=3))
    assert caught.value.cause == "unsupported"
