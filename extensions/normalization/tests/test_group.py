"""One gain for recordings that belong together."""

from types import SimpleNamespace

import numpy as np
import pytest

from librarian.audio import loudness, peak
from librarian.testing.sound import voice_like
from librarian_normalization import NormalizeSettings
from librarian_normalization.normalize import GroupNormalizer

RATE = 16000
TOLERANCE = 0.001
"""LU: gains are rounded down to 0.0001 dB, samples to float32."""


@pytest.fixture
def normalized(make_task, written):
    """Normalize sounds as a group: what was written, and the facts of each."""

    def run(*sounds, **settings):
        task = make_task(list(sounds), RATE, NormalizeSettings(**settings))
        made = GroupNormalizer(task.settings, "cpu")(task)["audio"]
        assert len(list(task.folder.iterdir())) == 2 * len(sounds)
        return [written(each)[0] for each in made], [SimpleNamespace(**each.facts) for each in made]

    return run


def voice(gain, seconds=6.0):
    return np.asarray(voice_like(seconds, RATE) * np.float32(10 ** (gain / 20)), dtype=np.float32)


def together(sounds):
    return loudness.gated(np.concatenate([loudness.block_powers(each, RATE) for each in sounds]))


def test_all_get_the_same_gain_and_together_meet_the_target(normalized):
    loud, quiet = voice(-20), voice(-26)
    results, facts = normalized(loud, quiet, target=-30)
    assert facts[0].gain == facts[1].gain != 0
    for before, after in zip((loud, quiet), results, strict=True):
        np.testing.assert_allclose(after, before * np.float32(peak.amplitude(facts[0].gain)))
    assert together(results) == pytest.approx(-30, abs=TOLERANCE)
    assert facts[0].loudness_before - facts[1].loudness_before == pytest.approx(6, abs=TOLERANCE)
    assert facts[0].loudness_after - facts[1].loudness_after == pytest.approx(6, abs=TOLERANCE)
    assert {each.result for each in facts} == {"normalized"}


def test_by_rms_they_meet_the_target_together(normalized):
    results, facts = normalized(voice(-20), voice(-26, seconds=3), by="rms", target="-30 dBFS")
    assert facts[0].gain == facts[1].gain
    power = np.square(np.concatenate(results, axis=1), dtype=np.float64).mean()
    assert 10 * np.log10(power) == pytest.approx(-30, abs=TOLERANCE)


def test_the_ceiling_holds_for_the_loudest_of_them(normalized):
    results, facts = normalized(voice(-6), voice(-40), target=-3, ceiling=-6)
    assert max(peak.decibels(peak.true_peak(each, RATE)) for each in results) <= -6
    assert {each.result for each in facts} == {"held_by_ceiling"}


def test_with_a_limiter_they_meet_the_target_and_what_is_quiet_is_not_limited(normalized):
    loud, quiet = voice(-6), voice(-40)
    loud[0, 30_000] = 0.9
    results, facts = normalized(loud, quiet, target=-20, ceiling=-6, limiter=True)
    assert {each.result for each in facts} == {"limited"}
    assert together(results) == pytest.approx(-20, abs=0.06)
    assert max(peak.decibels(peak.true_peak(each, RATE)) for each in results) <= -6
    assert facts[0].reduction_max > 1
    assert facts[1].reduction_max == facts[1].limited_share == 0
    np.testing.assert_allclose(results[1], quiet * np.float32(peak.amplitude(facts[1].gain)))


def test_a_silent_one_among_them_stays_silent(normalized):
    results, facts = normalized(voice(-20), np.zeros((1, RATE), np.float32), target=-30)
    assert facts[0].result == facts[1].result == "normalized"
    assert facts[1].loudness_before is facts[1].loudness_after is None
    assert not results[1].any()


@pytest.mark.parametrize(
    ("frames", "result"), [pytest.param(RATE, "silent", id="silence"), pytest.param(100, "too_short", id="too short")]
)
def test_where_no_loudness_is_defined_all_are_handed_on_unchanged(normalized, frames, result):
    sounds = [np.full((1, frames), 1e-5, np.float32) for _ in range(2)]
    results, facts = normalized(*sounds, target=-30)
    assert [each.result for each in facts] == [result, result]
    assert all(np.array_equal(after, before) for after, before in zip(results, sounds, strict=True))
