import math

import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal

from librarian import UnusableInputError
from librarian_normalization import NORMALIZE, NormalizeSettings
from librarian_normalization.normalize import Normalizer

STATED = 2e-4
"""LU and dB: the gain is a multiple of 0.0001 dB, and so is every level that is stated."""

INDEPENDENT = 0.01
"""LU, with pyloudnorm reading the written file: 24 bits, and its own rounding of blocks."""

PEAK_METER = 0.1
"""dB, between 4 and 16 times oversampling of noise, with two different filters."""


def normalize(task):
    outputs = Normalizer(task.settings, "cpu")(task)
    assert set(outputs) == {"audio", "report"}
    return outputs


def values(output):
    return {m.name: m.value for m in output.value.measurements}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "PCM_24"), (".wav", "FLOAT"), (".flac", "PCM_24")])
@pytest.mark.parametrize("target", [-23.0, -30.0])
def test_it_meets_the_target(make_task, speech, written, target, suffix, subtype, channels):
    task = make_task(speech(channels=channels), 48000, NormalizeSettings(target=target), suffix, subtype)
    audio = normalize(task)["audio"]
    assert audio.facts["result"] == "normalized"
    assert audio.facts["loudness_after"] == pytest.approx(target, abs=STATED)
    assert audio.facts["gain"] == pytest.approx(target - audio.facts["loudness_before"], abs=STATED)
    samples, rate = written(audio)
    theirs = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.T.astype(np.float64))
    assert theirs == pytest.approx(target, abs=INDEPENDENT)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000])
def test_rate_and_length_are_kept_to_the_sample(make_task, speech, written, rate, suffix):
    samples = speech(rate, seconds=0.7)[:, :-3]
    result, kept = written(normalize(make_task(samples, rate, NormalizeSettings(), suffix, "PCM_24"))["audio"])
    assert (result.shape, kept) == (samples.shape, rate)


def test_no_peak_rises_above_the_ceiling(make_task, speech, written):
    samples = speech()
    samples[0, 50_000:50_004] = [0.5, 0.7, 0.7, 0.5]
    task = make_task(samples, 48000, NormalizeSettings(target=-10, ceiling=-3))
    audio = normalize(task)["audio"]
    assert audio.facts["result"] == "held_by_ceiling"
    assert audio.facts["loudness_after"] < -10
    assert audio.facts["true_peak_after"] == pytest.approx(-3, abs=STATED)
    assert audio.facts["true_peak_after"] <= -3
    fine = signal.resample_poly(written(audio)[0].astype(np.float64), 16, 1, axis=1)
    assert 20 * math.log10(np.abs(fine).max()) == pytest.approx(-3, abs=PEAK_METER)


def test_the_ceiling_lowers_what_is_quiet_enough_but_peaks_too_high(make_task, speech):
    samples = speech(level=0.01)
    samples[1, 10_000] = 1.5
    audio = normalize(make_task(samples, 48000, NormalizeSettings(target=-20, ceiling=-1)))["audio"]
    assert audio.facts["gain"] < 0
    assert audio.facts["true_peak_after"] <= -1


def test_it_is_one_gain_and_nothing_else(make_task, speech, written):
    samples = speech()
    audio = normalize(make_task(samples, 48000, NormalizeSettings(target=-31)))["audio"]
    factor = np.float32(10 ** (audio.facts["gain"] / 20))
    assert np.array_equal(written(audio)[0], samples * factor)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=st.floats(-50, 0), ceiling=st.floats(-20, 0), level=st.floats(0.001, 0.3))
def test_whatever_is_asked_one_of_the_two_is_met(make_task, speech, target, ceiling, level):
    task = make_task(speech(8000, 1.0, 1, level), 8000, NormalizeSettings(target=target, ceiling=ceiling))
    facts = normalize(task)["audio"].facts
    assert facts["true_peak_after"] <= ceiling + STATED
    assert facts["loudness_after"] <= target + STATED
    reached, asked = facts["loudness_after"], target
    if facts["result"] == "held_by_ceiling":
        reached, asked = facts["true_peak_after"], ceiling
    assert reached == pytest.approx(asked, abs=STATED)


def test_it_meets_the_target_where_noise_rises_through_the_gate(make_task, speech):
    """A quiet recording: its pauses, at −75 LUFS, count after the gain and did not count before."""
    rng = np.random.default_rng(2)
    samples = (rng.standard_normal((1, 480_000)) * 1.5e-4).astype(np.float32)
    for start, level in ((0, 0.02), (200_000, 0.001), (300_000, 0.02)):
        samples[:, start : start + 48_000] += speech(48000, 1.0, 1, level)
    facts = normalize(make_task(samples, 48000, NormalizeSettings(target=-23)))["audio"].facts
    assert facts["loudness_after"] == pytest.approx(-23, abs=STATED)
    assert abs(facts["gain"] - (-23 - facts["loudness_before"])) > 0.1


def test_normalizing_twice_changes_nothing_to_speak_of(make_task, speech, written):
    first = normalize(make_task(speech(), 48000, NormalizeSettings()))["audio"]
    second = normalize(make_task(written(first)[0], 48000, NormalizeSettings()))["audio"]
    assert second.facts["gain"] == pytest.approx(0, abs=STATED)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_the_same_input_gives_the_same_bytes(make_task, speech, suffix):
    task = make_task(speech(), 44100, NormalizeSettings(), suffix, "PCM_24")
    first = normalize(task)["audio"].value.read_bytes()
    assert normalize(task)["audio"].value.read_bytes() == first


@pytest.mark.parametrize("frames", [1, 2, 19_199])
@pytest.mark.parametrize("value", [0.0, 0.25])
def test_under_400_ms_is_handed_on_unchanged(make_task, written, frames, value):
    samples = np.full((2, frames), value, np.float32)
    outputs = normalize(make_task(samples, 48000, NormalizeSettings()))
    facts = outputs["audio"].facts
    assert facts["result"] == "too_short"
    assert facts["gain"] == 0
    assert facts["loudness_before"] is None
    assert facts["loudness_after"] is None
    assert (facts["true_peak_after"] is None) == (value == 0)
    assert np.array_equal(written(outputs["audio"])[0], samples)


@pytest.mark.parametrize("amplitude", [0.0, 1e-30, 1e-5])
def test_silence_is_handed_on_unchanged(make_task, speech, written, amplitude):
    samples = speech(level=amplitude)
    outputs = normalize(make_task(samples, 48000, NormalizeSettings()))
    facts = outputs["audio"].facts
    assert facts["result"] == "silent"
    assert facts["gain"] == 0
    assert facts["loudness_after"] is None
    assert np.array_equal(written(outputs["audio"])[0], samples)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("frames", [1, 1000, 48_000])
def test_what_is_not_a_number_is_refused(make_task, speech, value, frames):
    task = make_task(speech(), 48000, NormalizeSettings())
    samples = np.zeros((frames, 1), np.float32)
    samples[-1] = value
    soundfile.write(task.inputs["audio"][0].path, samples, 48000, subtype="FLOAT")
    with pytest.raises(UnusableInputError, match="NaN") as caught:
        normalize(task)
    assert caught.value.cause == "corrupt"


@pytest.mark.parametrize(("channels", "rate", "match"), [(3, 48000, "3 channels"), (1, 3000, "3000 Hz")])
def test_what_it_cannot_measure_is_refused(make_task, speech, channels, rate, match):
    with pytest.raises(UnusableInputError, match=match) as caught:
        normalize(make_task(speech(rate, channels=channels), rate, NormalizeSettings()))
    assert caught.value.cause == "unsupported"


EVERYTHING = {"by": "rms", "target": "-12 dBFS", "ceiling": -12, "limiter": True, "remove_dc": True, "high_pass": 80}
PLAIN = {"loudness_before", "loudness_after", "true_peak_before", "true_peak_after", "gain", "result"}


@pytest.mark.parametrize("seconds", [0.01, 0.1, 2.0])
def test_every_fact_is_declared_and_the_report_agrees(make_task, speech, seconds):
    outputs = normalize(make_task(speech(seconds=seconds), 48000, NormalizeSettings()))
    facts, report = outputs["audio"].facts, values(outputs["report"])
    assert set(facts) == PLAIN <= set(NORMALIZE.facts)
    assert facts["result"] in NORMALIZE.facts["result"].words
    assert list(report) == [
        *(f"{name}_{when}" for when in ("before", "after") for name in
          ("integrated_loudness", "true_peak", "sample_peak")),
        "gain",
    ]  # fmt: skip
    assert report["integrated_loudness_after"] == facts["loudness_after"]
    assert report["true_peak_before"] == facts["true_peak_before"]
    assert report["gain"] == facts["gain"]


def test_with_everything_asked_for_it_tells_every_fact(make_task, speech):
    facts = normalize(make_task(speech(), 48000, NormalizeSettings(**EVERYTHING)))["audio"].facts
    assert set(facts) == set(NORMALIZE.facts)
    assert all(isinstance(value, (float, str)) for value in facts.values())


def test_progress_is_told_and_ends_at_all(make_task, speech):
    task = make_task(speech(seconds=20.0), 48000, NormalizeSettings())
    normalize(task)
    assert task.fractions == sorted(task.fractions)
    assert task.fractions[-1] == 1


def test_a_long_sound_is_read_again_and_gives_the_same(make_task, speech, monkeypatch):
    samples = speech(seconds=8.0)
    short = normalize(make_task(samples, 48000, NormalizeSettings()))
    monkeypatch.setattr("librarian_normalization.sound.MOST_KEPT", 1 << 20)
    long = normalize(make_task(samples, 48000, NormalizeSettings()))
    assert long["audio"].facts == short["audio"].facts
    assert long["audio"].value.read_bytes() == short["audio"].value.read_bytes()
