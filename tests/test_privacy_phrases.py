"""Phrases: what is found is what a naive search finds, on word edges, however the phrases share their beginnings."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian.privacy.phrases import BEYOND, Phrases


def phrases(*values):
    made = Phrases()
    for value in values:
        made.add(value)
    return made


def found(made, text):
    return [text[start:end] for start, end in sorted(made.find(text, len(text)))]


def is_edge(text, index):
    """Whether a word may end before `text[index]`: two letters or two digits hold together, 李 and 娜 do not."""
    return not re.fullmatch(r"[^\W\d_李娜]{2}|\d\d", text[max(index - 1, 0) : index + 1])


def naively(values, text):
    """Every stretch of a text that is one of the values, on word edges."""
    ends = range(len(text) + 1)
    return [
        (start, end)
        for start in ends
        for end in ends[start + 1 :]
        if text[start:end] in values and is_edge(text, start) and is_edge(text, end)
    ]


words = st.sampled_from(["a", "an", "anna", "annabel", "annabella", "1", "12", "1234567", "f", "жук", "李", "娜"])
gaps = st.sampled_from(["", " "])
texts = st.lists(st.tuples(words, gaps), min_size=1, max_size=20).map(lambda parts: "".join(sum(parts, ())).strip())


@given(st.lists(texts, min_size=1, max_size=8), texts, st.integers(0, 100))
def test_what_is_found_is_what_a_naive_search_finds(values, text, cut):
    values = {*values, text[cut : cut + 30].strip() or "a"}
    assert sorted(phrases(*values).find(text, len(text))) == naively(values, text)


@given(texts, texts, st.integers(0, 60))
def test_a_search_that_stops_early_finds_all_that_begins_before(value, text, until):
    made = phrases(value, text[:7].strip())
    wanted = {each for each in made.find(text, len(text)) if each[0] < until}
    assert {each for each in made.find(text, until) if each[0] < until} == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 16, 17, 300])
def test_a_phrase_of_any_length_is_found_and_its_beginning_is_not(size):
    value = " ".join(f"word{number}" for number in range(size))
    assert found(phrases(value), f"a {value} b") == [value]
    assert found(phrases(value), f"a {value[:-1]} b") == []


def test_a_phrase_can_be_added_after_a_search():
    made = phrases("anna")
    assert found(made, "anna boris") == ["anna"]
    assert made.add("boris")
    assert not made.add("anna")
    assert found(made, "anna boris") == ["anna", "boris"]


def test_where_there_are_no_phrases_nothing_is_found():
    assert not Phrases()
    assert found(Phrases(), "anna") == []


def test_after_too_many_places_all_that_is_left_is_one(monkeypatch):
    monkeypatch.setattr("librarian.privacy.phrases.MOST_HEADS", 3)
    phrases = Phrases()
    phrases.add("11")
    assert list(phrases.find("1111111111 11", 99)) == [(3, BEYOND)]
    assert list(phrases.find("11 11", 99)) == [(0, 2), (3, 5)]
