"""What is private in words, and when it is said."""

from types import SimpleNamespace

import name_folders
import pytest
from dictated import DIGITS, in_a_row

from librarian import Artifact, UnusableInputError, Word
from librarian.testing import given_models
from librarian_redaction import FindSettings, resolve_find
from librarian_redaction.find import FinderOfPrivate


def said(spans):
    return [(span.type, span.number, span.text) for span in spans]


def test_a_number_that_is_dictated_has_the_times_of_its_words(find, caller):
    (span,), facts = find(caller)
    assert (span.start, span.end) == DIGITS
    assert said([span]) == [("PHONE", 1, "five five five, zero one seven seven?")]
    assert (facts["spans"], facts["numbers"], facts["names"], facts["untimed"]) == (1, 1, 0, 0)
    assert facts["private_seconds"] == pytest.approx(DIGITS[1] - DIGITS[0])


def test_what_names_no_one_is_left(find):
    spans, facts = find(in_a_row("The train leaves at twelve forty five from platform nine on the fourteenth of March"))
    assert spans == []
    assert facts == {
        "spans": 0,
        "names": 0,
        "numbers": 0,
        "addresses": 0,
        "words": 15,
        "untimed": 0,
        "private_seconds": 0,
    }


def test_one_value_has_one_number_within_its_type(find):
    text = "I am Peter Jones and call Ana Silva on 555 0148 822 yes 5550148822 says Peter Jones"
    assert said(find(in_a_row(text))[0]) == [
        ("NAME", 1, "Peter Jones"),
        ("NAME", 2, "Ana Silva"),
        ("PHONE", 1, "555 0148 822"),
        ("PHONE", 1, "5550148822"),
        ("NAME", 1, "Peter Jones"),
    ]


def test_who_dictates_is_interrupted_by_another(find):
    one = {"speaker": 1}
    words = [
        *in_a_row("my number is five five five", 0.0, **one),
        *in_a_row("yes", 2.4, speaker=2),
        *in_a_row("zero one four eight", 2.8, **one),
        *in_a_row("mm-hm", 4.4, speaker=2),
        *in_a_row("eight two two thank you", 4.8, **one),
    ]
    (span,), _ = find(words)
    assert (span.type, round(span.start, 2), round(span.end, 2)) == ("PHONE", 1.2, 6.0)


def test_the_answer_is_somebody_else_s(find):
    words = [*in_a_row("and my name is", 0.0, channel=0), *in_a_row("Xaroly Quent", 2.0, channel=0, speaker=2)]
    assert said(find(words)[0]) == [("NAME", 1, "Xaroly Quent")]


def test_words_without_times_take_all_up_to_their_neighbours(find):
    words = [*in_a_row("please ask", 1.0), *(Word(text=each, start=1.8, end=1.8) for each in ("Peter", "Jones"))]
    words += in_a_row("about it", 4.0)
    (span,), facts = find(words)
    assert (span.start, span.end) == (1.8, 4.0)
    assert facts["untimed"] == 2


def test_words_without_any_times_take_the_whole_recording(find):
    words = [Word(text=each, start=0, end=0) for each in "please ask Peter Jones".split()]
    (span,), facts = find(words, facts={"duration": 9.5})
    assert (span.start, span.end, facts["private_seconds"]) == (0.0, 9.5, 9.5)


def test_known_names_are_found_and_allowed_ones_are_not(find):
    text = "so Blixa Qorv met Peter Jones near Windermere"
    assert said(find(in_a_row(text))[0]) == [("NAME", 1, "Peter Jones")]
    spans, _ = find(in_a_row(text), names="Blixa Qorv; Windermere", allow="Peter Jones")
    assert [span.text for span in spans] == ["Blixa Qorv", "Windermere"]


def test_in_the_longest_talk_nothing_is_missed_at_the_borders_of_what_is_searched_at_once(find):
    number = "five five five zero one four eight"
    blank = "well so then we went on and on "
    text = " ".join(f"{blank * n}{number}" for n in range(1, 40))
    spans, facts = find(in_a_row(text))
    assert facts["words"] > 6000
    assert [span.text for span in spans] == [number] * 39


@pytest.mark.parametrize(
    "text",
    [
        "meine Nummer ist null eins sieben sechs vier zwei eins neun bitte",
        "mon numéro est zéro six douze trente-quatre cinquante-six soixante-dix-huit merci",
        "mi número es seis uno dos tres cuatro cinco seis siete ocho gracias",
        "write to anna dot silva at example dot com please",
        "my card is 4111 1111 1111 1111 thanks",
    ],
)
def test_what_is_said_in_other_ways_and_languages(find, text):
    spans, _ = find(in_a_row(text))
    assert len(spans) == 1


def test_a_model_finds_names_beside_all_else(find, tmp_path):
    with given_models({"ours": name_folders.make(tmp_path / "ours")}, tmp_path / "store"):
        spans, _ = find(in_a_row("then Quorl Zibbeth called Peter Jones"), model="ours")
    assert said(spans) == [("NAME", 1, "Quorl Zibbeth"), ("NAME", 2, "Peter Jones")]
    settings = FindSettings(model="ours")
    assert resolve_find(settings, {}) == (settings, ["ours"])


def test_what_is_no_list_of_words_is_said(find, artifact, tmp_path):
    path = tmp_path / "words.json"
    path.write_text("[1, 2")
    with pytest.raises(UnusableInputError, match="it holds no words/1"):
        FinderOfPrivate(FindSettings(), "cpu")(SimpleNamespace(inputs={"words": Artifact(path, "words/1")}))
