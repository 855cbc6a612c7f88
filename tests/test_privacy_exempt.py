"""Exempt words: public wherever they stand as a whole, and no cover for what stands around them."""

import unicodedata

import pytest

from librarian.privacy import exempt
from librarian.privacy.exempt import Exempt
from librarian.privacy.search import find
from librarian.privacy.spans import Span

LABEL = "OH-1987-042"


def spared(text, *words):
    spans = exempt.spared(text, find(text), Exempt(words).ranges(text))
    return [(span.type, text[span.start : span.end]) for span in spans]


def outside(name, *words):
    return exempt.outside(name, Exempt(words).ranges(name))


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("OH-1987-042_Maria.wav", ["", "_Maria.wav"]),
        ("Maria_oh 1987 042_Gonzalez", ["Maria_", "_Gonzalez"]),
        ("OH1987042.wav", ["", ".wav"]),
        ("OH-1987-042", ["", ""]),
        ("OH-1987-0421", ["OH-1987-0421"]),
        ("DOH-1987-042", ["DOH-1987-042"]),
        ("OH-1987", ["OH-1987"]),
        ("", [""]),
    ],
)
def test_what_a_label_leaves_of_a_name(name, left):
    assert outside(name, LABEL, "voice") == left


@pytest.mark.parametrize("text", ["OH, 1987-042", "OH-1987\n042", "OH-1987 - 042", "OH (1987)-042"])
def test_words_that_only_follow_each_other_are_no_label(text):
    assert outside(text, LABEL) == [text]


@pytest.mark.parametrize("label", ["Tape (2), B", "Ж/12", "Jörg-12", "राहुल-1", "李娜1"])
def test_a_label_may_hold_what_it_likes(label):
    for text in (label, label.upper(), unicodedata.normalize("NFD", label)):
        assert outside(f"a {text}.wav", label) == ["a ", ".wav"]


def test_where_nothing_is_exempt_a_name_is_left_as_it_is():
    assert outside("Maria") == ["Maria"]


def test_labels_that_overlap_are_one():
    assert outside("x A-1-B y", "A-1", "1-B", "A") == ["x ", " y"]


@pytest.mark.parametrize("text", ["{}", "in {0}, {0}.", "/home/{}/a"])
@pytest.mark.parametrize("written", ["OH-1987-0421", "oh_1987_0421", "OH19870421"])
def test_a_label_is_spared(text, written):
    assert find("OH-1987-0421") != []
    assert spared(text.format(written), "OH-1987-0421") == []


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("OH-1987-042@example.org", ("EMAIL", "OH-1987-042@example.org")),
        ("https://host/OH-1987-042?of=anna", ("URL", "https://host/OH-1987-042?of=anna")),
        ("OH-1987-0421", ("PHONE", "1987-0421")),
        ("555-123-4567", ("PHONE", "555-123-4567")),
    ],
)
def test_what_holds_a_label_and_more_is_not(text, hit):
    assert spared(text, LABEL, "555-123") == [hit]


@pytest.mark.parametrize("text", ["OH-1987-042_5551234567", "OH-1987-042 555 123 4567", "5551234567 OH-1987-042"])
def test_a_number_beside_a_label_is_the_number_that_it_is_alone(text):
    spans = exempt.spared(text, find(text), Exempt([LABEL]).ranges(text))
    assert {(text[span.start : span.end].replace(" ", ""), span.canonical) for span in spans[:1]} == {
        ("5551234567", "5551234567")
    }


def test_no_digit_outside_a_label_comes_out():
    assert ("PHONE", "1234 56") in spared("tel 030 1234 56", "tel-030")


def test_a_span_is_cut_at_both_ends():
    text = "A-1 Anna B-2"
    (span,) = exempt.spared(text, [Span(2, 10, "NAME", "anna")], Exempt(["A-1", "B-2"]).ranges(text))
    assert (text[span.start : span.end], span.canonical) == ("Anna", "anna")
