"""A voice a channel: what is cross-talk and what is not, from levels and probabilities alone."""

import numpy as np
import pytest

from librarian.audio.silero import WINDOW
from librarian_diarization.channels import by_channel, have_their_own
from librarian_diarization.hearing import Heard
from librarian_diarization.sound import RATE

SECOND = RATE / WINDOW
"""Windows of a second."""
NOISE, VOICE = -60.0, -25.0
"""dB."""
CLOSE = 0.2
"""Seconds; speech is padded by 0.1."""


def heard(turns, seconds=20.0, leak=20.0, delay=0.0, voice=(VOICE, VOICE)):
    """What is heard of turns (start, end, channel): each channel hears the others softer (dB) and later (s)."""
    windows = round(seconds * SECOND)
    power = np.full((2, windows), 10 ** (NOISE / 10))
    speech = np.full((2, windows), 0.01)
    rng = np.random.default_rng(5)
    for start, end, channel in turns:
        here = slice(round(start * SECOND), round(end * SECOND))
        late = slice(here.start + round(delay * SECOND), here.stop + round(delay * SECOND))
        syllables = voice[channel] + rng.uniform(-6, 0, here.stop - here.start)
        power[channel, here] += 10 ** (syllables / 10)
        power[1 - channel, late] += 10 ** ((syllables - leak) / 10)
        speech[channel, here] = 0.95
        if voice[channel] - leak > NOISE + 6:
            speech[1 - channel, late] = np.maximum(speech[1 - channel, late], 0.9)
    return Heard(speech.astype(np.float32), power.astype(np.float32), windows * WINDOW)


TURNS = [(1, 4, 0), (4.5, 8, 1), (9, 12, 0), (11, 14, 1), (15, 16, 0)]
"""Two of them overlap."""


@pytest.mark.parametrize("leak", [12.0, 20.0, 30.0, 80.0])
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.25])
def test_each_channel_has_its_own_turns_whatever_it_hears_of_the_other(leak, delay):
    found = by_channel(heard(TURNS, leak=leak, delay=delay))
    turns = sorted((turn.start, turn.end, turn.channel) for turn in found.turns)
    assert [channel for *_, channel in turns] == [channel for *_, channel in TURNS]
    for (start, end, _), (begin, finish, _) in zip(turns, TURNS, strict=True):
        assert start == pytest.approx(begin, abs=CLOSE)
        assert end == pytest.approx(finish, abs=CLOSE)
    assert {turn.speaker - turn.channel for turn in found.turns} == {1}
    assert (found.counted, found.certainty, found.method) == ("channels", "certain", "channels")


def test_a_voice_that_is_softer_than_the_other_is_not_taken_for_cross_talk():
    found = by_channel(heard(TURNS, leak=25.0, voice=(VOICE, VOICE - 8)))
    assert [turn.channel for turn in sorted(found.turns, key=lambda turn: turn.start)] == [0, 1, 0, 1, 0]


def test_two_channels_with_a_voice_each_are_known_as_such():
    assert have_their_own(heard(TURNS))
    assert have_their_own(heard(TURNS, leak=12.0, delay=0.1))


@pytest.mark.parametrize(
    "other",
    [
        heard(TURNS, leak=0.0),  # mono as stereo
        heard(TURNS, leak=3.0),  # one room, two microphones
        heard([turn for turn in TURNS if turn[2] == 0]),  # one of them has nobody
        heard([]),
    ],
    ids=["mono", "room", "one-sided", "silent"],
)
def test_other_pairs_of_channels_are_not(other):
    assert not have_their_own(other)
