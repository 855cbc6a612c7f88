"""Folding: one form for all ways to write a text, and the way back; what was escaped is read again."""

import json
import re
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian.privacy.folding import bare, fold, narrowed, spellings, unescaped
from librarian.privacy.scrub import Scrubber

WRITERS = {
    "Python": lambda text: ascii(text)[1:-1],
    "Python in Python": lambda text: ascii(ascii(text)),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "bytes": lambda text: repr(text.encode())[2:-1],
    "bytes in JSON": lambda text: json.dumps(repr(text.encode())),
    "URL": quote,
    "HTML": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
}
characters = st.text("abZ 7_-.éßÄж李\u0301\u00ad\u202e\x00\U00020bb7", max_size=30)


@given(characters)
def test_folded_text_is_letters_digits_and_single_spaces(text):
    folded, _ = fold(text)
    assert "  " not in folded
    assert all(char == " " or char.isalnum() for char in folded)
    assert bare(text) == folded.strip()


@given(characters, st.integers(0, 30), st.integers(0, 30))
def test_the_way_back_leads_to_the_same_characters(text, one, other):
    folded, back = fold(text)
    start, end = sorted((min(one, len(folded)), min(other, len(folded))))
    assert bare(text[back(start) : back(end)]) == folded[start:end].strip()
    assert back(len(folded)) <= len(text)


def test_the_spellings_of_a_word_with_accents():
    assert spellings("MÜLLER-GROSS") == ["muller gross", "mueller gross", "muller gross", "muller gross"]
    assert spellings("Anna_B.") == ["anna b"]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["José Müller", "Łukasz Żółć", "Нина", "李娜", "\U00020bb7野", "Zoë"])
def test_what_a_program_escaped_is_read_again(writer, name):
    written = f"in {WRITERS[writer](name)}: gone"
    assert any(bare(name) in fold(view)[0] for view in unescaped(written)[0])


@pytest.mark.parametrize("written", [quote("Jürgen".encode("latin-1")), repr("Jürgen".encode("latin-1"))])
def test_bytes_may_be_latin_1(written):
    assert any("jurgen" in fold(view)[0] for view in unescaped(written)[0])


@pytest.mark.parametrize("writer", WRITERS)
@given(text=st.text("ab\\x4&#u0 é李\U00020bb7%\x1b[m;", max_size=20))
def test_a_text_that_is_read_again_is_as_long(writer, text):
    written = WRITERS[writer](text)
    assert {len(view) for view in unescaped(written)[0]} <= {len(written)}
    assert {len(view) for view in unescaped(text)[0]} <= {len(text)}


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mAnna\x1b[0m",
        r"\x1b[1;31mAnna\x1b[0m",
        r"\u001b[31mAnna",
        r"lost:\nAnna",
        r"\\nAnna",
        "a%0AAnna",
        "\\tAnna",
    ],
)
def test_colours_and_line_ends_part_words(text):
    assert any(re.search(r"\banna\b", fold(view)[0]) for view in unescaped(text)[0])


def test_a_backslash_before_an_escape_may_part_a_path():
    written = json.dumps("C:\\Users\\bea\\архив")
    assert any(
        re.search(r"\bbea архив\b", unicodedata.normalize("NFC", fold(view)[0])) for view in unescaped(written)[0]
    )


@pytest.mark.parametrize("text", ["", "50 % done", "a & b; c", r"C:\Users\bea", "plain", "&nosuch", "%zz", r"\u12"])
def test_where_nothing_is_escaped_there_is_nothing_to_read(text):
    assert unescaped(text) == ([], len(text))


@pytest.mark.parametrize("text", [r"\U99999999", r"\ud83d", "%ff%fe", "&nosuchentity;", r"\xff\xc3"])
def test_what_means_nothing_is_no_failure(text):
    assert all(len(view) == len(text) for view in unescaped(text)[0])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_what_is_utf_16_is_read_as_what_it_says(encoding: str) -> None:
    said = "of Brandstätter 555"
    for text in (
        said.encode(encoding).decode("latin-1"),
        repr(said.encode(encoding)),
        json.dumps(said.encode(encoding).decode("latin-1")),
        json.dumps(repr(said.encode(encoding))),
        quote(said.encode(encoding)),
    ):
        scrubber = Scrubber(b"k" * 32)
        scrubber.learn(["Brandstätter"])
        assert "<NAME:" in scrubber.scrub(f"line: {text}"), text
    for text in ("a\0b and c", "2000 x00 100", "name\0other", "\\x00\\x00\\x00", "%00%00"):
        assert narrowed(text) == text
