"""The language of `find`: what is meant is read, and what is wrong is said with its place."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from librarian.errors import UsageError
from librarian.find.query import LONGEST, MOST_TERMS, Day, Fact, Phrase, Query, Speaker, Word, parse


def test_every_kind_of_term() -> None:
    typed = 'Fire text:"Holy Fire" hosp* "l’hôp"* -nurse speaker:2 -speaker:3 label:OH-* -step:w.words job:j lang:DE'
    assert parse(typed).terms == (
        Phrase(("fire",), False, False),
        Phrase(("holy", "fire"), False, False),
        Phrase(("hosp",), True, False),
        Phrase(("l", "hop"), True, False),
        Phrase(("nurse",), False, True),
        Speaker(2, False),
        Speaker(3, True),
        Word("label", "oh-*", False),
        Word("step", "w.words", True),
        Word("job", "j", False),
        Word("lang", "de", False),
    )


def test_facts_are_read_with_their_units() -> None:
    facts = parse("loud<−30LUFS length>=1.5h peak>-1 range<=5LU speech_to_noise=3 result=held_by_ceiling").facts
    assert [(each.name, each.sign, each.value, each.at) for each in facts] == [
        *(("loud", "<", -30.0, 1), ("length", ">=", 5400.0, 14), ("peak", ">", -1.0, 27), ("range", "<=", 5.0, 35)),
        *(("speech_to_noise", "=", 3.0, 46), ("result", "=", "held_by_ceiling", 64)),
    ]
    assert Fact("x", "<", 3.0, False, 1).holds(2) and not Fact("x", "<", 3.0, False, 1).holds(3)
    assert not Fact("x", "=", 1.0, False, 1).holds(True) and not Fact("x", "<", 3.0, False, 1).holds("measured")
    assert Fact("x", "=", "yes", False, 1).holds(True) and Fact("x", "=", "silent", False, 1).holds("silent")


@pytest.mark.parametrize(
    ("typed", "day"), [("2026", (2026, 1, 1)), ("2026-11", (2026, 11, 1)), ("2026-11-30", (2026, 11, 30))]
)
def test_a_day_begins_where_this_machine_is(typed: str, day: tuple[int, int, int]) -> None:
    assert parse(f"after:{typed}").days == [Day("after", datetime(*day).timestamp(), False)]


def test_what_is_asked_of_words_wants_the_index_and_what_is_known_does_not() -> None:
    assert all(parse(each).wants_words for each in ("fire", "-fire", "lang:de", "loud<-30 fire"))
    assert not any(parse(each).wants_words for each in ("loud<-30", "label:a step:b", "after:2026"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "say what to look for: words, or text: speaker: label: step: job: lang: after: before:; length loud"),
        ("fire lable:x", "at character 6 of the query: no such field; label: was meant, maybe; to look for it as it"),
        ("http://x", "at character 1 of the query: no such field; allowed: text: speaker: label:"),
        ('text:"holy', "at character 6 of the query: a quote that is not closed, or stands in a word"),
        ('ho"ly', "at character 3 of the query: a quote that is not closed, or stands in a word"),
        ('"holy"fire', "at character 1 of the query: a quote that is not closed, or stands in a word"),
        ("text:", "at character 1 of the query: nothing stands behind text:"),
        ("fire -", "at character 6 of the query: an empty term; leave it out"),
        ("!!!", "at character 1 of the query: no letter and no digit to look for"),
        (
            "loud < 3",
            "at character 6 of the query: no letter and no digit to look for; comparisons are written without",
        ),
        ("fi*re", r"at character 1 of the query: \* stands at the end of a word only"),
        ("fire OR flame", "at character 6 of the query: all terms have to hold, and - before one excludes it"),
        ("fire speaker:me", "at character 6 of the query: speaker: wants a number, from 1, such as speaker:2"),
        ("speaker:2", "speaker: says who says the words that are looked for; add some, or ask for speakers>2"),
        ("after:2026-13", "at character 1 of the query: after: wants a day, a month or a year, such as after:2026-11"),
        ("before:1", "before: wants a day, a month or a year, such as before:2026-11-30"),
        ("loud<quiet", "at character 1 of the query: a number in LUFS or LKFS has to stand there, such as 12"),
        ("length>3km", "at character 1 of the query: a number in s or ms or min or h has to stand there"),
        ("peak<1e999", "at character 1 of the query: a number in dBTP has to stand there"),
        ("speakers>many", "at character 1 of the query: a number has to stand there, such as 12"),
        ("label=x", "at character 1 of the query: label is followed by a colon: label:"),
        ("a " * (MOST_TERMS + 1), "a query has 50 terms at the most"),
        ("a" * (LONGEST + 1), "a query has 2,000 characters at the most"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_is_allowed(typed: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(typed)


@given(typed=st.text(alphabet=st.sampled_from("abzäか \"'*-:<>=().0159LUFS\n\0"), max_size=40) | st.text(max_size=40))
@example("zqxa:zqxb")
@example('"zqxa')
@example("speaker:zqxa after:zqxb loud<zqxc")
def test_anything_is_a_query_or_is_refused_without_being_repeated(typed: str) -> None:
    try:
        assert isinstance(parse(typed), Query)
    except UsageError as error:
        assert "\n" not in str(error)
        assert "zqx" not in str(error)
