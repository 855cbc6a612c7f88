"""Words and turns: who said what."""

import random

import pytest

from librarian import Turn, Turns, Word
from librarian_transcription.speakers import assigned


def turns(*spans, exclusive=(), channels=None):
    made = [Turn(start=a, end=b, speaker=s, channel=channels and channels[s]) for a, b, s in sorted(spans)]
    alone = [Turn(start=a, end=b, speaker=s) for a, b, s in sorted(exclusive)]
    count = max((turn.speaker for turn in made), default=0)
    return Turns(speakers=count, counted="given", turns=made, exclusive=alone)


def word(start, end, channel=None):
    return Word(text="w", start=start, end=end, channel=channel)


def speakers(words, given):
    return [each.speaker for each in assigned(words, given)]


def test_a_word_belongs_to_the_turn_that_covers_most_of_it():
    given = turns((0, 2, 1), (2, 4, 2))
    assert speakers([word(0.5, 1), word(1.7, 2.1), word(1.9, 2.3), word(3, 3.9)], given) == [1, 1, 2, 2]


def test_a_word_that_no_turn_covers_has_no_speaker():
    given = turns((1, 2, 1), (3, 4, 2))
    words = [word(0, 1), word(2, 2.5), word(2.5, 3), word(2.9, 3.1), word(4, 4), word(4.5, 5)]
    assert speakers(words, given) == [None, None, None, 2, None, None]


def test_turns_of_one_speaker_count_together():
    given = turns((0, 0.3, 1), (0.7, 1, 1), (0.3, 0.8, 2))
    assert speakers([word(0, 1)], given) == [1]


def test_where_two_cover_it_alike_the_one_who_has_the_floor_counts():
    spans = [(0, 4, 1), (1, 3, 2)]
    assert speakers([word(1.5, 2)], turns(*spans)) == [1]
    assert speakers([word(1.5, 2)], turns(*spans, exclusive=[(0, 1, 1), (1, 3, 2), (3, 4, 1)])) == [2]


def test_a_word_without_length_is_where_it_is():
    given = turns((1, 2, 1))
    assert speakers([word(0.5, 0.5), word(1, 1), word(1.5, 1.5), word(2, 2)], given) == [None, 1, 1, None]


def test_a_channel_has_its_own_turns():
    given = turns((0, 5, 1), (0, 5, 2), channels={1: 0, 2: 1})
    assert speakers([word(1, 2, channel=0), word(1, 2, channel=1), word(1, 2, channel=2)], given) == [1, 2, None]
    assert speakers([word(1, 2, channel=1)], turns((0, 5, 1))) == [1], "turns without channels cover all"


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_looking_at_every_turn_gives(seed):
    draw = random.Random(seed)
    spans = [(start := draw.uniform(0, 50), start + draw.uniform(0.1, 9), draw.randint(1, 4)) for _ in range(40)]
    words = sorted((word(at := draw.uniform(0, 60), at + draw.uniform(0, 2)) for _ in range(80)), key=lambda w: w.start)
    given = turns(*spans)
    for each, found in zip(words, speakers(words, given), strict=True):
        totals = {}
        for turn in given.turns:
            covered = min(each.end, turn.end) - max(each.start, turn.start)
            if covered > 0:
                totals[turn.speaker] = totals.get(turn.speaker, 0) + covered
        assert (found is None) == (not totals)
        assert found is None or totals[found] == pytest.approx(max(totals.values()))
