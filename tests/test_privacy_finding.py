"""What names someone, found for extensions: without a key, and without a word of the text in an error."""

import pytest

from librarian import PrivateFinder
from librarian.privacy.scrub import ScrubError


def found(finder, text):
    return [(hit.type, text[hit.start : hit.end]) for hit in finder(text)]


def test_the_layers_find_by_shape_by_cue_by_the_list_and_by_what_is_known():
    text = "Call Anna Silva or Zibbeth Quorl on 555 0148 822, PIN is four seven one nine, in Windermere"
    by_itself = [("NAME", "Anna Silva"), ("PHONE", "555 0148 822"), ("PIN", "four seven one nine")]
    assert found(PrivateFinder(), text) == by_itself
    told = PrivateFinder(names=["Zibbeth Quorl", "Windermere"], allow=["anna silva"])
    assert found(told, text) == [("NAME", "Zibbeth Quorl"), *by_itself[1:], ("NAME", "Windermere")]


def test_a_level_leaves_listed_names():
    assert found(PrivateFinder(level="balanced"), "Anna Silva, ana@example.org") == [("EMAIL", "ana@example.org")]


def test_one_value_has_one_canonical_form_in_every_finder():
    (said,) = PrivateFinder()("five five five, uh, zero one four eight, eight two two")
    (written,) = PrivateFinder()("555-0148-822")
    assert said.canonical == written.canonical


def test_words_are_named_as_a_whole():
    words = ["It", "is", " oliver", "at", "hartman", "dot", "example."]
    (hit,) = PrivateFinder().in_words(words)
    assert (hit.first, hit.end, hit.type) == (2, 7, "EMAIL")


def test_what_finds_names_beside_it_counts():
    assert found(PrivateFinder(more=lambda text: [(0, 5, "PER")]), "quorl went") == [("NAME", "quorl")]


def test_what_cannot_be_searched_is_refused_without_its_words():
    with pytest.raises(ScrubError) as caught:
        PrivateFinder()(None)
    assert "None" not in str(caught.value)
