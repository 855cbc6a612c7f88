"""What was written is held against the input, and everything that is wrong with it is noticed."""

import numpy as np
import pytest
from dictated import RATE

from librarian_redaction.checking import NotCleanError, compare
from librarian_redaction.silencing import Instead, silenced
from librarian_redaction.stretches import Stretches

STRETCHES = Stretches([(0.5, 0.7), (10.0, 10.4)], RATE, 0.01)
FADE = 80
STEP = 2.0**-15


@pytest.fixture
def source():
    return np.random.default_rng(3).integers(-20000, 20000, (2, 12 * RATE), np.int16)


def cut(samples, frames):
    return [samples[:, start : start + frames] for start in range(0, samples.shape[1], frames)]


@pytest.mark.parametrize("instead", [Instead(RATE), Instead(RATE, 700.0, 0.1)], ids=["silence", "tone"])
@pytest.mark.parametrize("frames", [100, 4001, 12 * RATE])
def test_how_a_sound_is_cut_plays_no_part(source, instead, frames):
    whole = np.concatenate(list(silenced([source], STRETCHES, instead)), axis=1)
    made = np.concatenate(list(silenced(cut(source, frames), STRETCHES, instead)), axis=1)
    np.testing.assert_array_equal(made, whole)
    compare(cut(source, frames), [whole], STRETCHES, instead, STEP)


@pytest.mark.parametrize(
    ("frame", "value", "message"),
    [
        (4000, 1, "something of the sound is left"),
        (83199, -1, "something of the sound is left"),
        (3999, 32767, "a fade is louder"),
        (5600 + FADE - 1, -32768, "a fade is louder"),
        (4000 - FADE - 1, None, "changed where it was to be left"),
        (0, None, "changed where it was to be left"),
        (12 * RATE - 1, None, "changed where it was to be left"),
    ],
)
def test_a_single_sample_is_noticed(source, frame, value, message):
    made = np.concatenate(list(silenced([source], STRETCHES, Instead(RATE))), axis=1)
    made[1, frame] = made[1, frame] ^ 1 if value is None else value
    with pytest.raises(NotCleanError, match=message):
        compare([source], [made], STRETCHES, Instead(RATE), STEP)


@pytest.mark.parametrize("made", [lambda each: each[:, :-1], lambda each: each[:1], lambda each: np.tile(each, 2)])
def test_another_length_is_noticed(source, made):
    silent = np.concatenate(list(silenced([source], STRETCHES, Instead(RATE))), axis=1)
    with pytest.raises(NotCleanError, match="another length"):
        compare([source], [made(silent)], STRETCHES, Instead(RATE), STEP)


def test_a_tone_with_something_of_the_sound_in_it_is_noticed(source):
    tone = Instead(RATE, 700.0, 0.1)
    made = np.concatenate(list(silenced([source], STRETCHES, tone)), axis=1)
    made[:, 4100:4200] += (source[:, 4100:4200] * 0.001).astype(np.int16)
    with pytest.raises(NotCleanError, match="something of the sound is left"):
        compare([source], [made], STRETCHES, tone, STEP)
