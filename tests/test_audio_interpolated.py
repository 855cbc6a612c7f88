"""The ideal peak is what transforming the whole sound at once, with 16 times as many points, says."""

import numpy as np
import pytest

from librarian.audio.interpolated import MISSED, IdealPeak
from librarian.audio.peak import decibels

RATE = 48000
BETWEEN = 0.05
"""dB that 16 times as many points miss of a tone of half the rate."""

rng = np.random.default_rng(7)
time = np.arange(60_000) / RATE
SOUNDS = {
    "white noise": rng.standard_normal((2, 60_000)),
    "noise of two values": np.sign(rng.standard_normal((1, 60_000))),
    "clipped noise": np.clip(rng.standard_normal((1, 60_000)), -1, 1),
    "digital square": np.sign(np.sin(2 * np.pi * 5013.7 * time))[np.newaxis],
    "tone": np.sin(2 * np.pi * 997 * time)[np.newaxis],
    "tone near half the rate": np.sin(2 * np.pi * 23_900 * time)[np.newaxis],
    "click": np.eye(1, 60_000, 31_111),
}


def at_once(samples: np.ndarray, factor: int = 16) -> float:
    padded = np.pad(samples, ((0, 0), (20_000, 20_000)))
    frames = padded.shape[1]
    spectrum = np.fft.rfft(padded)
    spectrum[:, -1] /= 2
    return float(np.abs(np.fft.irfft(spectrum, frames * factor)).max() * factor)


def in_blocks(samples: np.ndarray, block: int, level: float = 1.0) -> float:
    found = IdealPeak(len(samples), level)
    for at in range(0, samples.shape[1], block):
        found.add(samples[:, at : at + block].astype(np.float32))
    return found.end()


@pytest.mark.parametrize("name", SOUNDS)
def test_it_is_the_peak_of_a_transform_of_the_whole(name: str) -> None:
    samples = SOUNDS[name]
    assert -MISSED <= decibels(in_blocks(samples, 10_000)) - decibels(at_once(samples)) <= BETWEEN


@pytest.mark.parametrize("block", [1000, 16_384, 60_000])
def test_how_a_sound_is_cut_plays_no_part(block: int) -> None:
    samples = SOUNDS["white noise"]
    assert in_blocks(samples, block) == in_blocks(samples, 7777)


@pytest.mark.parametrize("frames", [0, 1, 2, 5000])
def test_the_shortest_sounds_have_a_peak(frames: int) -> None:
    assert in_blocks(np.ones((1, frames)), 1000) == pytest.approx(at_once(np.ones((1, frames))), abs=0.01)


def test_the_last_samples_are_looked_at() -> None:
    samples = np.zeros((1, 50_000))
    samples[0, -1] = 0.9
    assert in_blocks(samples, 4096) == pytest.approx(0.9, abs=1e-6)


def test_what_stays_far_below_the_level_is_passed_by() -> None:
    assert in_blocks(np.full((1, 50_000), 0.2), 10_000, level=0.9) == 0.0
    assert in_blocks(np.full((1, 50_000), 0.23), 10_000, level=0.9) >= 0.23
