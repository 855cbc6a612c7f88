"""From tokens to words, and words in order."""

import pytest

from librarian_transcription.recognizer import Token
from librarian_transcription.wording import Spoken, in_order, words_of

PARTS = [" We", " are", " gl", "ad", ".", " Zo", b"\xc3", b"\xab", "  ", "you"]


def spell(ids):
    """Tokens of text or of bytes, as byte-level vocabularies have them."""
    data = b"".join(part if isinstance(part, bytes) else part.encode() for part in (PARTS[each] for each in ids))
    return data.decode("utf-8", "replace")


def tokens(*ids):
    return [Token(each, place * 1.0, place + 0.5, 0.5 + place / 100) for place, each in enumerate(ids)]


def test_words_are_what_stands_between_spaces():
    found = words_of(tokens(0, 1, 2, 3, 4), spell, "en")
    assert [(word.text, word.start, word.end) for word in found] == [("We", 0, 0.5), ("are", 1, 1.5), ("glad.", 2, 4.5)]
    assert found[2].confidence == pytest.approx((0.52 + 0.53 + 0.54) / 3)


def test_a_letter_of_several_tokens_is_one():
    found = words_of(tokens(5, 6, 7, 8, 9), spell, "en")
    assert [(word.text, word.start, word.end) for word in found] == [("Zoë", 0, 2.5), ("you", 4, 4.5)]


def test_a_letter_that_was_never_finished_spoils_nothing():
    assert [word.text for word in words_of(tokens(0, 6), spell, "en")] == ["We\ufffd"]


def test_without_spaces_each_group_of_tokens_is_a_word():
    parts = ["我", b"\xe4\xbd", b"\xa0", "好"]
    data = [part if isinstance(part, bytes) else part.encode() for part in parts]
    found = words_of(
        tokens(0, 1, 2, 3), lambda ids: b"".join(data[each] for each in ids).decode("utf-8", "replace"), "zh"
    )
    assert [(word.text, word.start, word.end) for word in found] == [("我", 0, 0.5), ("你", 1, 2.5), ("好", 3, 3.5)]


def test_nothing_but_spaces_is_no_word():
    assert words_of(tokens(8, 8), spell, "en") == []
    assert words_of([], spell, "en") == []


def test_words_lie_in_their_stretch_and_none_begins_before_the_last_has_ended():
    words = [Spoken("a", -1, 2.5, 1), Spoken("b", 2, 1, 1), Spoken("c", 1.5, 99, 1), Spoken("d", 50, 60, 1)]
    found = in_order(words, 10.0, 20.0)
    assert [word.text for word in found] == ["a", "b", "c", "d"]
    flat = [at for word in found for at in (word.start, word.end)]
    assert flat == sorted(flat)
    assert (flat[0], flat[-1]) == (10.0, 20.0)
    assert (found[0].end, found[1].start) == (12.0, 12.0)
