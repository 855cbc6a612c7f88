"""Calls: each side where it belongs, laid over the other, and said where that is not sure."""

import numpy as np
import pytest
from pydantic import ValidationError

from librarian import UnusableInputError
from librarian.audio.resample import resample
from librarian.testing import voice_like
from librarian_editing import CALL
from librarian_editing.call import call
from librarian_editing.settings import CallSettings

NEAR = 0.005
"""Seconds that a shift may be off."""
RATE = 8000
STEP = 1 / 32768
"""Of 16 bits."""


@pytest.fixture
def assembled(make_task, sides, read):
    """What becomes of the files of a call: samples, rate and facts."""

    def run(samples, rates=None, *, bits=16, source_bits=16, **settings):
        task = make_task(CallSettings(**settings), bits=bits, audio=sides(samples, rates, bits=source_bits))
        output = call_of(task)["audio"]
        assert set(output.facts) == set(CALL.facts)
        assert task.fractions == sorted(task.fractions)
        return read(output)

    return run


call_of = call


def early(samples, seconds):
    """A recording that began later: what it has comes earlier in it."""
    return samples[:, round(seconds * RATE) :]


def test_the_sides_of_a_real_call_are_left_and_right_as_they_are(assembled, call):
    made, rate, facts = assembled(call)
    assert rate == RATE
    assert np.array_equal(made, np.concatenate([call["left"], call["right"]]))
    assert (facts["alignment"], facts["shift"], facts["missing"], facts["gain"]) == ("aligned", 0, "none", 0)
    assert facts["confidence"] > 0.6
    assert facts["drift"] == pytest.approx(0, abs=1)


@pytest.mark.parametrize("late", ["left", "right", "both"])
def test_a_member_that_began_later_is_found_and_put_right(assembled, call, late):
    made, _, facts = assembled(call | {late: early(call[late], 0.75)})
    expected = {"left": -0.75, "right": 0.75, "both": 0.0}[late]
    assert facts["shift"] == pytest.approx(expected, abs=NEAR)
    whole = np.concatenate([call["left"], call["right"]])
    if late != "both":
        whole[["left", "right"].index(late), : round(0.75 * RATE)] = 0
    assert np.array_equal(made, whole)


def test_sides_of_other_rates_and_lengths_are_brought_together(assembled, call):
    left = resample(call["left"], RATE, 16000)[:, : 10 * 16000]
    made, rate, facts = assembled({**call, "left": left, "right": early(call["right"], 0.3)}, {"left": 16000}, bits=32)
    assert (rate, made.shape[1]) == (16000, round(call["right"].shape[1] * 2))
    assert facts["shift"] == pytest.approx(0.3, abs=NEAR)
    assert np.abs(made[0, : 10 * 16000] - left[0]).max() < 2 * STEP
    assert not made[0, 10 * 16000 :].any() and not made[1, : round(0.299 * 16000)].any()


@pytest.mark.parametrize("drift", ["keep", "correct"])
def test_a_clock_that_is_off_is_said_and_put_right_where_that_is_asked_for(assembled, drift):
    left, right = voice_like(60, RATE, seed=1), voice_like(60, RATE, seed=2)
    slow = resample(right, RATE * 10**6, RATE * (10**6 - 50))  # fewer samples a second than it says
    made, _, facts = assembled(
        {"left": left, "right": slow, "both": 0.5 * (left + right)}, source_bits=32, bits=32, drift=drift
    )
    assert facts["drift"] == pytest.approx(50, abs=3)
    assert facts["corrected"] == (drift == "correct")
    part = slice(50 * RATE, 55 * RATE)
    error = np.std(made[1, part] - right[0, part]) / np.std(right[0, part])
    assert error < 0.3 if drift == "correct" else error > 0.9  # resampled twice, noise loses what is near 4 kHz
    assert np.array_equal(made[0, : left.shape[1]], left[0])


def test_without_a_mix_of_both_what_leaks_from_one_side_into_the_other_says_it(assembled):
    left, right = voice_like(40, RATE, seed=1), voice_like(40, RATE, seed=2)
    leaky = right + 0.2 * left
    _, _, facts = assembled({"left": left, "right": early(leaky, 0.4)})
    assert (facts["alignment"], facts["shift"]) == ("aligned", pytest.approx(0.4, abs=NEAR))
    _, _, facts = assembled({"left": early(right, 0.4), "right": left + 0.2 * right})
    assert (facts["alignment"], facts["shift"]) == ("aligned", pytest.approx(-0.4, abs=NEAR))


def test_files_that_do_not_belong_together_stay_as_they_are_and_that_is_said(assembled, call):
    stranger = voice_like(18, RATE, seed=9)
    made, _, facts = assembled(call | {"right": stranger})
    assert (facts["alignment"], facts["shift"], facts["drift"]) == ("unsure", 0, None)
    assert facts["confidence"] < 0.1
    assert np.array_equal(made[0], call["left"][0])
    without = {role: samples for role, samples in call.items() if role != "both"}
    assert assembled(without)[2]["alignment"] == "unsure"
    assert assembled(call, align="no")[2]["alignment"] == "not_asked"


@pytest.mark.parametrize(("there", "missing", "silent"), [("left", "right", 1), ("right", "left", 0)])
def test_a_side_that_is_missing_is_silent_and_said(assembled, call, there, missing, silent):
    made, _, facts = assembled({there: call[there], "both": call["both"]})
    assert (facts["missing"], facts["alignment"], facts["confidence"]) == (missing, "one_side", None)
    assert np.array_equal(made[1 - silent], call[there][0])
    assert not made[silent].any()


def test_what_resampling_raises_above_full_scale_is_turned_down(assembled):
    square = np.sign(np.sin(2 * np.pi * 100 * (np.arange(RATE) + 0.5) / RATE)).astype(np.float32)[np.newaxis]
    made, _, facts = assembled({"left": square, "right": 0.1 * square}, rate="11.025 kHz", align="no")
    assert facts["gain"] < -0.5
    assert 0.999 < np.abs(made).max() <= 1


def test_files_without_roles_go_by_their_numbers_where_the_owner_says_so(make_task, artifact, call, read):
    files = tuple(artifact(call[role], bits=16) for role in ("both", "left", "right"))
    task = make_task(CallSettings(left="2", right="3", both="1"), audio=files)
    made, _, facts = read(call_of(task)["audio"])
    assert facts["alignment"] == "aligned"
    assert np.array_equal(made[0], call["left"][0])


def test_a_group_without_a_side_or_with_two_of_one_role_is_refused(make_task, sides, call, renamed):
    task = make_task(CallSettings(), audio=sides({"both": call["both"]}))
    with pytest.raises(UnusableInputError, match="no file has the role of a side"):
        call_of(task)
    files = sides(call)
    task = make_task(CallSettings(), audio=(*files, renamed(files[0], "right")))
    with pytest.raises(UnusableInputError, match="two files of the call have one role"):
        call_of(task)
    role = list(call).index("left") + 1
    task = make_task(CallSettings(right=str(role)), audio=sides(call))
    with pytest.raises(UnusableInputError, match="name it once"):
        call_of(task)
    with pytest.raises(ValidationError, match="three files, each another"):
        CallSettings(left="both")
