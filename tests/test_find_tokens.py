"""Tokens: what is typed finds what was said, whatever the case, the accents and the script."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian.find.query import Phrase
from librarian.find.search import expression
from librarian.find.tokens import LONGEST, between, tokens


@pytest.mark.parametrize(
    ("said", "cut"),
    [
        ("Größe, Straße 7!", "grosse strasse 7"),
        ("GRÖSSE STRASSE", "grosse strasse"),
        ("C’était à l'hôpital", "c etait a l hopital"),
        ("œuvre Cœur", "oeuvre coeur"),
        ("Ёлка, Чайковский", "елка чаиковскии"),
        ("Łódź Søren İstanbul", "lodz soren istanbul"),
        ("Ἀθήνα Αθήνα", "αθηνα αθηνα"),
        ("co\u00adoperate e\u0301cole", "cooperate ecole"),
        ("東京タワーで", "東 京 タ ワ ー で"),
        ("ﾊﾞｽ が か", "バ ス が か"),
        ("서울에서", "서 울 에 서"),
        ("हिन्दी किताब", "हिन्दी किताब"),
        ("שָׁלוֹם", "שלום"),
        ("10.30 a_b", "10 30 a b"),
        ("… – !", ""),
    ],
)
def test_case_and_accents_do_not_matter_and_other_letters_do(said: str, cut: str) -> None:
    assert tokens(said) == tuple(cut.split())


def test_a_mark_that_makes_another_letter_stays() -> None:
    assert tokens("が") != tokens("か")
    assert tokens("कि") != tokens("क")


def test_words_have_spaces_between_them_where_their_script_has() -> None:
    assert [between(*each) for each in (("a", "b"), ("東京", "に"), ("に", "OK"), ("行く", "。"), ("", "a"))] == [
        *(" ", "", " ", ""),
        " ",
    ]


def test_a_token_has_an_end() -> None:
    assert tokens("x" * 1000) == ("x" * LONGEST,)


@pytest.fixture(scope="module")
def fts() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE tokens USING fts5 (text, tokenize = 'ascii')")
    return db


@given(text=st.text(max_size=60), more=st.text(max_size=20), begins=st.booleans())
def test_any_text_is_found_by_itself_and_is_no_language_to_the_database(
    fts: sqlite3.Connection, text: str, more: str, begins: bool
) -> None:
    cut = tokens(text)
    assert all(each and not set(each) & set(' "*^+-()\n') for each in cut)
    if cut:
        fts.execute("DELETE FROM tokens")
        fts.execute("INSERT INTO tokens VALUES (?)", (" ".join([*tokens(more), *cut]),))
        found = fts.execute("SELECT 1 FROM tokens WHERE tokens MATCH ?", (expression(Phrase(cut, begins, False)),))
        assert found.fetchall()
