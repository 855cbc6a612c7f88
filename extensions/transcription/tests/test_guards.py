"""What decoders make up is decoded again, and what nobody said is left out."""

from dataclasses import replace

import pytest

from librarian_transcription.guards import ATTEMPTS, Limits, decode
from librarian_transcription.recognizer import Decoded, Encoded, Token, Traits

LOOP = Decoded([Token(1, 0, 1, 0.9)], "and so " * 30, -0.1)
MADE_UP = Decoded([Token(2, 0, 1, 0.1)], "thank you for watching", -2.0)
GOOD = Decoded([Token(3, 0, 1, 0.9)], "we are glad", -0.2)
SILENCE = replace(MADE_UP, no_speech=0.9)


class Told:
    """A model that says what a test wants, attempt after attempt, and notes what it was asked."""

    traits = Traits("whisper", 30.0, 1.0, "attention", retries=True)

    def __init__(self, *answers):
        self.answers, self.asked, self.seeds = answers, [], []

    def decode(self, encoded, languages, attempt):
        import torch

        self.asked.append((len(encoded), attempt))
        self.seeds.append(torch.initial_seed())
        return [self.answers[min(len(self.asked), len(self.answers)) - 1] for _ in encoded]


def heard(model, count=1, **limits):
    return decode(model, [Encoded(None, 1.0)] * count, ["en"] * count, list(range(100, 100 + count)), Limits(**limits))


@pytest.mark.parametrize("bad", [LOOP, MADE_UP])
def test_the_first_that_is_believed_is_taken(bad):
    model = Told(bad, bad, GOOD)
    (found,) = heard(model)
    assert (found.decoded, found.attempts, found.doubtful) == (GOOD, 3, False)
    assert [attempt for _, attempt in model.asked] == list(ATTEMPTS[:3])
    assert model.seeds[1:] == [101, 102]


def test_where_none_is_believed_the_likeliest_that_does_not_repeat_itself_is_taken():
    (found,) = heard(Told(LOOP, replace(MADE_UP, likelihood=-3.0), MADE_UP, LOOP, LOOP))
    assert (found.decoded, found.attempts, found.doubtful) == (MADE_UP, 5, True)


def test_text_for_silence_is_left_out_and_not_tried_again():
    model = Told(SILENCE)
    (found,) = heard(model)
    assert (found.decoded.text, found.decoded.tokens, found.silent, len(model.asked)) == ("", (), True, 1)


def test_what_is_likely_is_no_silence_whatever_is_said_of_it():
    (found,) = heard(Told(replace(GOOD, no_speech=0.99)))
    assert (found.decoded.text, found.silent) == (GOOD.text, False)


def test_of_several_only_the_bad_are_done_again_each_by_itself():
    class Mixed(Told):
        def decode(self, encoded, languages, attempt):
            super().decode(encoded, languages, attempt)
            return [LOOP, GOOD, LOOP] if len(encoded) == 3 else [GOOD]

    model = Mixed(GOOD)
    assert [each.attempts for each in heard(model, 3)] == [2, 1, 2]
    assert [count for count, _ in model.asked] == [3, 1, 1]
    assert model.seeds[1:] == [101, 103]


def test_one_attempt_is_one():
    model = Told(LOOP)
    (found,) = heard(model, attempts=1)
    assert (len(model.asked), found.decoded, found.doubtful) == (1, LOOP, True)


def test_what_is_the_same_each_time_is_not_tried_again():
    model = Told(LOOP)
    model.traits = replace(Told.traits, retries=False)
    (found,) = heard(model)
    assert (len(model.asked), found.decoded) == (1, LOOP)


def test_the_random_numbers_of_others_go_on_as_they_would():
    import torch

    torch.manual_seed(3)
    expected = torch.rand(2).tolist()
    torch.manual_seed(3)
    first = torch.rand(1).tolist()
    heard(Told(LOOP, GOOD))
    assert first + torch.rand(1).tolist() == expected
