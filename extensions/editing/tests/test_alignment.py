"""How much later a sound starts: known shifts are found, and what is not there is said to be unsure."""

import numpy as np
import pytest

from librarian.audio.resample import resample
from librarian.testing import tone, voice_like
from librarian_editing.alignment import RATE, Hit, align, correlation, fitted
from librarian_editing.places import loudest
from librarian_editing.settings import CallSettings

WITHIN = 0.0001
"""Seconds: what a shift may be off by, where half of what is heard is somebody else."""
PPM = 1e-6
CERTAIN = CallSettings().certainty


def aligned(sound, other, within=10.0):
    def blocks(samples):
        return (samples[:, start : start + 5000] for start in range(0, samples.shape[1], 5000))

    return align(lambda: blocks(sound), lambda: blocks(other), sound.shape[1], within)


def delayed(samples, seconds):
    frames = round(seconds * RATE)
    return np.pad(samples, ((0, 0), (frames, 0))) if frames >= 0 else samples[:, -frames:]


def noise(seconds, seed):
    return np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * RATE))).astype(np.float32)


def naive_correlation(window, region):
    x, y = (each - 0.95 * np.append([0.0], each[:-1]) for each in (window.astype(float), region.astype(float)))
    parts = np.lib.stride_tricks.sliding_window_view(y, len(x))
    energies = np.square(parts).sum(axis=1)
    energies = np.maximum(energies, 0.01 * energies.mean())
    return parts @ x / np.sqrt(energies * np.square(x).sum())


def test_correlation_is_that_of_its_formula():
    region = voice_like(2, 1000)[0]
    np.testing.assert_allclose(
        correlation(region[700:1000], region), naive_correlation(region[700:1000], region), atol=1e-9
    )


@pytest.mark.parametrize("shift", [0.0, 0.75, -0.75, 9.9, -3.2])
@pytest.mark.parametrize("kind", [noise, lambda seconds, seed: voice_like(seconds, RATE, seed=seed)])
def test_a_known_shift_is_found_under_somebody_else(shift, kind):
    sound, somebody = kind(60, 1), kind(60, 2)
    found = aligned(sound, delayed(sound + somebody, shift))
    assert found.shift == pytest.approx(shift, abs=WITHIN)
    assert found.slower == pytest.approx(0, abs=1 * PPM)
    assert found.confidence > 2 * CERTAIN


@pytest.mark.parametrize("seconds", [1.0, 2.0, 5.0])
def test_a_short_one_is_found_too_but_no_drift_is_told_of_it(seconds):
    found = aligned(noise(seconds, 1), delayed(noise(seconds, 1), 0.4))
    assert found.shift == pytest.approx(0.4, abs=WITHIN)
    assert found.slower is None
    assert found.confidence > CERTAIN


@pytest.mark.parametrize("ppm", [50, -120])
def test_a_clock_that_is_slower_is_found(ppm):
    sound = voice_like(120, RATE)
    other = resample(sound, RATE * 10**6, RATE * 10**6 + ppm * RATE)  # longer: the sound's own clock is slower
    found = aligned(sound, delayed(other, 0.25))
    assert found.slower / PPM == pytest.approx(ppm, abs=2)
    assert found.shift == pytest.approx(0.25, abs=WITHIN)


@pytest.mark.parametrize("seconds", [1, 3, 20])
def test_where_nothing_is_the_same_the_confidence_is_low(seconds):
    for seed in range(10):
        assert aligned(noise(seconds, seed), noise(seconds, seed + 100)).confidence < CERTAIN / 2
        sounds = (voice_like(seconds, RATE, seed=each) for each in (seed, seed + 100))
        assert aligned(*sounds).confidence < CERTAIN / 2


def test_a_tone_fits_everywhere_and_silence_nowhere():
    assert aligned(tone(440, 20, RATE), tone(440, 20, RATE)).confidence < CERTAIN / 2
    silent = np.zeros((1, 20 * RATE), np.float32)
    for pair in ((silent, silent), (noise(20, 1), silent), (silent, noise(20, 1))):
        assert aligned(*pair).confidence == 0


def test_a_shift_beyond_what_is_looked_for_is_unsure():
    assert aligned(noise(20, 1), delayed(noise(20, 1), 1.5), within=1.0).confidence < CERTAIN


def test_windows_that_disagree_with_most_of_them_do_not_count():
    hits = [Hit(10.0 * number, 0.5 + 10.0 * number * 80 * PPM, 0.8) for number in range(8)]
    wrong = [Hit(5.0, -3.0, 0.9), Hit(47.0, 2.0, 0.1)]
    found = fitted([*hits, *wrong])
    assert (found.shift, found.slower) == (pytest.approx(0.5), pytest.approx(80 * PPM))
    assert found.confidence == pytest.approx(8 * 0.8 / 10)


def test_the_windows_are_where_somebody_speaks_and_spread_over_the_sound():
    sound = np.concatenate([noise(30, 1) * 1e-4, noise(30, 2), noise(60, 3) * 0.5], axis=1)
    places = loudest([sound], RATE, sound.shape[1])
    starts = [place.start / RATE for place in places]
    assert starts == sorted(starts)
    assert min(starts) >= 30 - 8 and max(starts) > 100
    assert len(places) >= 8
