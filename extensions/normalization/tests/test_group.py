"""One gain for recordings that belong together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from librarian.audio import loudness, peak
from librarian.testing.sound import voice_like
from librarian_normalization import NormalizeSettings
from librarian_normalization.group import GroupNormalizer

RATE = 16000
TOLERANCE = 0.001
"""LU: gains are rounded down to 0.0001 dB, samples to float32."""


class Group:
    """What the operation sees of a group of sounds, and what it hands back."""

    def __init__(self, *sounds: NDArray[np.float32]) -> None:
        self.inputs = {"audio": tuple(range(len(sounds)))}
        self.sounds, self.written = sounds, list[NDArray[np.float32]]()

    def read_audio(self, number: int) -> tuple[NDArray[np.float32], int]:
        return self.sounds[number], RATE

    def write_audio(self, output: str, samples: NDArray[np.float32], rate: int) -> Path:
        self.written.append(samples)
        return Path(f"{len(self.written)}.flac")

    def progress(self, fraction: float) -> None:
        self.done = fraction


def normalized(*sounds: NDArray[np.float32], **settings: Any) -> tuple[Group, list[Any]]:
    group = Group(*sounds)
    made = GroupNormalizer(NormalizeSettings(**settings), "cpu")(group)  # type: ignore[arg-type]
    return group, [SimpleNamespace(**each.facts) for each in made["audio"]]


def voice(gain: float, seconds: float = 6.0) -> NDArray[np.float32]:
    return np.asarray(voice_like(seconds, RATE) * np.float32(10 ** (gain / 20)), dtype=np.float32)


def test_all_get_the_same_gain_and_together_meet_the_target() -> None:
    loud, quiet = voice(-20), voice(-26)
    group, facts = normalized(loud, quiet, target=-30)
    assert facts[0].gain == facts[1].gain != 0
    for before, after in zip((loud, quiet), group.written, strict=True):
        np.testing.assert_allclose(after, before * np.float32(peak.amplitude(facts[0].gain)))
    blocks = np.concatenate([loudness.block_powers(each, RATE) for each in group.written])
    assert loudness.gated(blocks) == pytest.approx(-30, abs=TOLERANCE)
    assert facts[0].loudness_before - facts[1].loudness_before == pytest.approx(6, abs=TOLERANCE)
    assert facts[0].loudness_after - facts[1].loudness_after == pytest.approx(6, abs=TOLERANCE)
    assert {each.result for each in facts} == {"normalized"}


def test_the_ceiling_holds_for_the_loudest_of_them() -> None:
    group, facts = normalized(voice(-6), voice(-40), target=-3, ceiling=-6)
    assert max(peak.decibels(peak.true_peak(each, RATE)) for each in group.written) <= -6
    assert {each.result for each in facts} == {"held_by_ceiling"}


def test_a_silent_one_among_them_stays_silent() -> None:
    silence = np.zeros((1, RATE), np.float32)
    group, facts = normalized(voice(-20), silence, target=-30)
    assert facts[0].result == facts[1].result == "normalized"
    assert facts[1].loudness_before is facts[1].loudness_after is None
    assert not group.written[1].any()


@pytest.mark.parametrize(
    ("frames", "result"), [pytest.param(RATE, "silent", id="silence"), pytest.param(100, "too_short", id="too short")]
)
def test_where_no_loudness_is_defined_all_are_handed_on_unchanged(frames: int, result: str) -> None:
    sounds = [np.zeros((1, frames), np.float32) for _ in range(2)]
    group, facts = normalized(*sounds, target=-30)
    assert [each.result for each in facts] == [result, result]
    assert all(after is before for after, before in zip(group.written, sounds, strict=True))
