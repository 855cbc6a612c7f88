"""A text is cleared: every value goes, one has one number, and what stands in its place is left alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from librarian import Artifact, UnusableInputError
from librarian_redaction import SearchSettings
from librarian_redaction.text import MOST_BYTES, TextRedactor


@pytest.fixture
def redact(tmp_path):
    def redacted(content, **settings):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / "out").mkdir(parents=True)
        (folder / "in.txt").write_bytes(content if isinstance(content, bytes) else content.encode())

        task = SimpleNamespace(inputs={"text": Artifact(folder / "in.txt", "text")}, folder=folder / "out")
        (found,) = TextRedactor(SearchSettings(**settings), "cpu")(task).values()
        return found.value.read_text(), found.facts

    return redacted


def test_every_value_goes_and_one_has_one_number(redact):
    text, facts = redact("Peter Jones met Anna Silva. Call Peter Jones: 555 0148 822, or peter@example.org.")
    assert text == "<NAME-1> met <NAME-2>. Call <NAME-1>: <PHONE-1>, or <EMAIL-1>."
    assert facts == {"spans": 5, "names": 3, "numbers": 1, "addresses": 1}


def test_a_text_that_names_no_one_is_as_it_was(redact):
    said = "A mill in the morning light, 3 windows.\n\nNo people <NAME-1>.\n"
    assert redact(said) == (said, {"spans": 0, "names": 0, "numbers": 0, "addresses": 0})


def test_the_owners_lists_count(redact):
    assert redact("the old Grange by the river", names="old Grange")[0] == "the <NAME-1> by the river"
    assert redact("Peter Jones sings", allow="Peter Jones")[0] == "Peter Jones sings"


def test_cleared_once_more_it_is_the_same(redact):
    once, _ = redact("Peter Jones and Anna Silva and Maria Lopez-Jones, 555 0148 822")
    assert redact(once)[0] == once


@pytest.mark.parametrize(
    "said", ["<PETER> met <HARTMAN>.", "Call <CALL-442079460123>.", "<PHONE-5550148822>", "<JONES-1>"]
)
def test_what_only_looks_like_a_placeholder_goes(redact, said):
    text, facts = redact(said, names="Oliver Hartman")
    assert facts["spans"] > 0
    assert not any(each in text for each in ("PETER", "HARTMAN", "JONES", "442079460123", "5550148822"))


def test_numbers_go_on_above_those_that_stand_there(redact):
    text, _ = redact("<NAME-1> asked Peter Jones about <NAME-3>, and Anna Silva.")
    assert text == "<NAME-1> asked <NAME-4> about <NAME-3>, and <NAME-5>."


def test_more_values_than_a_placeholder_may_come_with_are_still_stand_ins(redact):
    text, facts = redact(" ".join(f"my PIN is {number}." for number in range(1000, 2100)))
    assert facts["numbers"] == 1100 and "<PIN-1100>" in text


@pytest.mark.parametrize(("content", "message"), [(b"\xff\xfe", "UTF-8"), (b" " * (MOST_BYTES + 1), "is not searched")])
def test_what_is_no_text(redact, content, message):
    with pytest.raises(UnusableInputError, match=message):
        redact(content)
