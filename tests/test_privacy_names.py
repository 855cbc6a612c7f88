"""The list of names: whose name it is, and what only looks like one."""

import pytest

from librarian.privacy.folding import bare, fold
from librarian.privacy.names import LIST, common_names
from librarian.privacy.recognizers import MOST_HITS
from librarian.privacy.scrub import Scrubber


def found(text):
    return [text[span.start : span.end] for span in common_names().find(text, *fold(text), len(text))]


@pytest.mark.parametrize(
    "name",
    ["Maria Gonzalez", "maria gonzalez", "MARIA GONZALEZ", "Gonzalez, Maria", "maria_gonzalez", "Maria-Gonzalez",
     "MariaGonzalez", "Katarzyna Xyzowska", "Giulia", "giulia", "Björn Åkesson", "Björn Åkesson", "Ольга Смирнова",
     "Ludwig van Beethoven", "Κατερίνα Παπαδοπούλου"],
)  # fmt: skip
def test_a_name_is_found_whole(name):
    assert found(f"then {name} 1962") == [name]


def test_a_name_in_a_script_without_spaces():
    assert found("本日は佐藤直樹さんです") == ["佐藤直樹"]


@pytest.mark.parametrize(
    "text",
    ["Will you mark the rose in May?", "a frank talk about art", "htdemucs_ft",
     "RuntimeError: out of memory", "BertModel",
     "roberta-base", "the even step, the voice step", "MemoryError", "die Rose im Mai",
     "Paris in April", "max 5, min 3",
     "AssertionError at line 3", "Mono (L), Dolby B"],
)  # fmt: skip
def test_an_ordinary_word_is_no_name(text):
    assert found(text) == []


def test_one_name_has_one_pseudonym_in_every_spelling_and_where_it_is_known():
    scrubber = Scrubber(b"key", names=common_names())
    known = Scrubber(b"key")
    known.learn(["Maria_Gonzalez.wav"])
    spellings = ["Maria Gonzalez", "maria_gonzalez", "MARIA-GONZALEZ", "MariaGonzalez", "María González"]
    assert len({scrubber.scrub(each) for each in spellings} | {known.scrub(each) for each in spellings}) == 1


def test_a_name_within_an_id_is_there_by_chance():
    scrubber = Scrubber(b"key", names=common_names())
    assert scrubber.scrub("art_2anna3bcdefgh") == "art_2anna3bcdefgh"
    assert scrubber.scrub("x 2anna3") != "x 2anna3"


def test_too_many_names_are_withheld():
    text = "Giulia, " * (MOST_HITS + 10)
    spans = common_names().find(text, *fold(text), len(text))
    assert (len(spans) <= MOST_HITS + 1, spans[-1].type, spans[-1].end) == (True, "WITHHELD", len(text))


def test_the_list_is_small_folded_and_licensed():
    text = LIST.read_text()
    words = [line for line in text.splitlines() if line and not line.startswith(("#", "["))]
    assert LIST.stat().st_size < 1_000_000
    assert "Permission is hereby granted" in LIST.with_name("LICENSE").read_text()
    assert all(word == bare(word) for word in words[::50])
