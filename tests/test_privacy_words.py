"""Words of a transcript: each hit has the words that it is made of."""

from hypothesis import given
from hypothesis import strategies as st

from librarian.privacy.names import common_names
from librarian.privacy.scrub import Scrubber
from librarian.privacy.search import find
from librarian.privacy.words import WordSpan, spans_of_words

SCRUBBER = Scrubber(b"key", names=common_names())


def named(text):
    words = text.split(" ")
    return [(span.type, " ".join(words[span.first : span.end])) for span in spans_of_words(words, SCRUBBER.hits)]


def test_a_number_that_is_said_has_all_its_words():
    assert named("so call me at five five five oh one two three double four six please") == [
        ("PHONE", "five five five oh one two three double four six")
    ]


def test_an_address_that_is_said_has_all_its_words():
    assert named("write to ana dot silva at example dot com today") == [("EMAIL", "ana dot silva at example dot com")]


def test_what_is_said_after_a_cue():
    assert named("my name is Ottilie Quist, and my PIN is 4821. I was born on 14 March 1962, in Ulm.") == [
        ("NAME", "Ottilie Quist,"),
        ("PIN", "4821."),
        ("BIRTH", "14 March 1962,"),
    ]


def test_a_part_of_a_word_names_the_whole_word():
    assert spans_of_words([" tel:5551234567,", " ok"], find) == [WordSpan(0, 1, "PHONE", "5551234567")]


def test_no_words_have_no_spans():
    assert spans_of_words([], find) == []


@given(st.lists(st.sampled_from(["ok", " five", "555", "0123456", "a@b.org,", "", " ", "+1", "one"]), max_size=20))
def test_every_span_is_within_the_words_and_holds_what_was_found(words):
    text = " ".join(word.strip() for word in words)
    spans = find(text)
    for span, word_span in zip(spans, spans_of_words(words, find), strict=True):
        assert 0 <= word_span.first < word_span.end <= len(words)
        assert text[span.start : span.end].split()[0] in " ".join(words[word_span.first : word_span.end])
