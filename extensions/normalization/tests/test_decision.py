import doctest
import math

import numpy as np
import pytest

from librarian.audio import loudness
from librarian_normalization import NormalizeSettings, decision
from librarian_normalization.decision import MOST_MORE, NEAR, ROUNDS, Decision, Search, decide
from librarian_normalization.levels import Levels, together


def levels(value=-20.0, true_peak=-10.0, power=0.01, frames=48_000):
    powers = np.full(10, loudness.to_power(value)) if math.isfinite(value) else np.empty(0)
    return Levels(value, true_peak, true_peak, powers, power, frames)


@pytest.mark.parametrize(
    ("given", "settings", "gain", "result"),
    [
        (levels(), {"target": -16}, 4, "normalized"),
        (levels(), {"target": -10}, 9, "held_by_ceiling"),
        (levels(), {"target": -10, "limiter": True}, 10, "limited"),
        (levels(true_peak=1), {"target": -16}, -2, "held_by_ceiling"),
        (levels(), {"target": -18, "leave_within": 2}, 0, "left_alone"),
        (levels(), {"target": -18, "leave_within": 1.9}, 2, "normalized"),
        (levels(true_peak=-0.5), {"target": -20.5, "leave_within": 2}, -0.5, "normalized"),
        (levels(math.nan), {"target": -16}, 0, "too_short"),
        (levels(-math.inf, -40), {"target": -16}, 0, "silent"),
        (levels(math.nan), {"by": "peak", "target": -3}, 7, "normalized"),
        (levels(-math.inf, -math.inf, 0), {"by": "peak", "target": -3}, 0, "silent"),
        (levels(), {"by": "rms", "target": -23}, -3, "normalized"),
        (levels(power=0), {"by": "rms", "target": -23}, 0, "silent"),
    ],
)
def test_what_is_decided(given, settings, gain, result):
    decision = decide(given, NormalizeSettings(**settings))
    assert decision.result == result
    assert decision.gain == pytest.approx(gain, abs=1e-4)


def test_a_gain_is_rounded_down_so_that_the_ceiling_holds():
    assert decide(levels(true_peak=-10.00005), NormalizeSettings(target=0)) == Decision(9.0, "held_by_ceiling")


def search(level_of, target=-16.0, wanted=10.0):
    found = Search(target, wanted)
    tried = [found.gain]
    found.add(level_of(found.gain))
    while not found.ended:
        found.go_on()
        tried.append(found.gain)
        found.add(level_of(found.gain))
    return found, tried


@pytest.mark.parametrize("slope", [1.0, 0.75, 0.4, 0.2])
def test_the_gain_is_found_however_much_of_it_the_limiter_takes(slope):
    found, tried = search(lambda gain: -17 + slope * (gain - 10))
    assert found.found
    assert -17 + slope * (found.gain - 10) == pytest.approx(-16, abs=NEAR)
    assert len(tried) <= 3


@pytest.mark.parametrize("wanted", [10.0, 4.7157, 1.8399])
def test_what_no_gain_reaches_is_given_up(wanted):
    found, tried = search(lambda gain: -18.0, wanted=wanted)
    assert not found.found
    assert found.gain == wanted + MOST_MORE
    assert len(tried) <= ROUNDS


def test_sounds_together_are_what_they_are_one_after_the_other():
    both = together([levels(-20, -10, 0.01, 3000), levels(-30, -5, 0.04, 1000)])
    assert both.loudness == pytest.approx(loudness.gated(both.powers))
    assert both.true_peak == -5
    assert both.power == pytest.approx((0.01 * 3 + 0.04) / 4)
    assert both.frames == 4000


def test_a_gain_moves_what_passes_the_gate():
    quiet = Levels(-69.0, -50.0, -50.0, np.array([loudness.to_power(-69.0), loudness.to_power(-71.0)]), 0.1, 100)
    louder = quiet.amplified(10.0)
    assert louder.loudness == pytest.approx(loudness.to_lufs(louder.powers.mean()))
    assert (louder.true_peak, louder.power) == (-40, pytest.approx(1.0))
    assert quiet.amplified(0.0) is quiet


def test_the_examples_hold():
    assert doctest.testmod(decision).failed == 0
