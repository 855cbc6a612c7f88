"""Kinds: what data may hold, and what it may not."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import Field, ValidationError

from librarian import (
    Audio,
    Data,
    Event,
    Events,
    File,
    Image,
    Many,
    Measurement,
    Measurements,
    Span,
    Spans,
    Text,
    Turn,
    Turns,
    Video,
    Word,
    Words,
)
from librarian.kinds import SCHEMAS, Kind
from librarian.workers import discovery


def test_every_kind_has_a_word_of_its_own():
    assert [kind.word for kind in (Audio, Image, Video, Text, Data)] == ["audio", "image", "video", "text", "data"]
    assert [kind.word for kind in SCHEMAS] == ["turns/1", "words/1", "spans/1", "events/1", "measurements/1"]
    assert all(issubclass(kind, Kind) for kind in (Audio, Image, Video, Text, Data))


def test_only_what_has_no_room_for_a_name_is_clean():
    assert [kind.word for kind in SCHEMAS if kind.clean] == ["turns/1", "measurements/1"]
    assert not any(kind.clean for kind in (Audio, Image, Video, Text, Data))


@pytest.mark.parametrize("wrong", ["beats", "beats/", "beats/one", "/1", "my beats/1", "beats/1.0", ""])
def test_a_data_kind_is_named_with_its_version(wrong):
    with pytest.raises(TypeError, match=r"Beats\.word is .*write"):
        type("Beats", (Data,), {"word": wrong, "__annotations__": {}})


def test_a_data_kind_of_an_extension():
    class Beats(Data):
        word = "beats/2"
        times: list[float] = Field(description="Times (s).")

    assert Beats.word == "beats/2"
    assert not Beats.clean
    assert Many(Beats).kind is Beats
    with pytest.raises(ValidationError):
        Beats(times=[math.nan])


def test_a_data_kind_that_names_no_word_is_refused():
    with pytest.raises(TypeError, match=r"Nameless\.word"):

        class Nameless(Data):
            pass


GOOD = [
    Turns(
        speakers=2,
        counted="guessed",
        turns=[Turn(start=0, end=1.5, speaker=1), Turn(start=1, end=2, speaker=2, channel=0, confidence=0.5)],
        exclusive=[Turn(start=0, end=1, speaker=1)],
    ),
    Words(language="de-CH", words=[Word(start=0, end=0.2, text="grüezi", speaker=1, confidence=1)]),
    Spans(spans=[Span(start=1, end=2.5, type="PHONE", number=2, text="five five five"), Span(start=3, end=4)]),
    Events(events=[Event(start=0, end=0, label="door", score=0)]),
    Measurements(
        measurements=[
            Measurement(name="loudness", value=-16.5, unit="LUFS"),
            Measurement(name="clipped", value=True, channel=1, start=0, end=2),
            Measurement(name="range", value=None, unit="LU"),
        ]
    ),
]


@pytest.mark.parametrize("data", GOOD, ids=lambda data: data.word)
def test_data_survives_json(data):
    again = type(data).model_validate(json.loads(json.dumps(data.model_dump(mode="json"), allow_nan=False)))
    assert again == data
    assert type(again) in SCHEMAS


def test_flags_and_numbers_stay_what_they_are():
    values = [Measurement(name="x", value=value).value for value in (True, False, 1.0, 1, None)]
    assert [type(value) for value in values] == [bool, bool, float, float, type(None)]


def refused(make):
    with pytest.raises(ValidationError) as caught:
        make()
    return [".".join(map(str, detail["loc"])) for detail in caught.value.errors()]


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda: Turn(start=2, end=1, speaker=1), ""),
        (lambda: Turn(start=-0.1, end=1, speaker=1), "start"),
        (lambda: Turn(start=0, end=math.inf, speaker=1), "end"),
        (lambda: Turn(start=math.nan, end=1, speaker=1), "start"),
        (lambda: Turn(start=0, end=1, speaker=0), "speaker"),
        (lambda: Turn(start=0, end=1, speaker="Jane"), "speaker"),
        (lambda: Turn(start=0, end=1, speaker=1, channel=-1), "channel"),
        (lambda: Turn(start=0, end=1, speaker=1, confidence=1.01), "confidence"),
        (lambda: Turn(start=0, end=1, speaker=1, name="Jane"), "name"),
        (lambda: Turns(speakers=-1, counted="given", turns=[], exclusive=[]), "speakers"),
        (lambda: Turns(speakers=1, counted="Jane", turns=[], exclusive=[]), "counted"),
        (lambda: Turns(speakers=1, counted="given", turns=[]), "exclusive"),
        (lambda: Turns(speakers=1, counted="given", turns=[], exclusive=[], file="x"), "file"),
        (lambda: Words(language="a language", words=[]), "language"),
        (lambda: Words(language="", words=[]), "language"),
        (lambda: Word(start=0, end=1), "text"),
        (lambda: Span(start=0, end=1, type="Jane Roe"), "type"),
        (lambda: Span(start=0, end=1, number=-1), "number"),
        (lambda: Span(start=0, end=1, who="Jane"), "who"),
        (lambda: Event(start=0, end=1, label="x", score=-0.1), "score"),
        (lambda: Measurement(name="Jane Roe", value=1), "name"),
        (lambda: Measurement(name="x", value=math.nan), "value.float"),
        (lambda: Measurement(name="x", value=math.inf), "value.float"),
        (lambda: Measurement(name="x", value="high"), "value.float"),
        (lambda: Measurement(name="x", value=1, unit="Jane Roe"), "unit"),
        (lambda: Measurement(name="x", value=1, start=-1), "start"),
        (lambda: Measurement(name="x", value=1, note="y"), "note"),
    ],
)
def test_what_data_may_not_hold(make, place):
    assert place in refused(make)


@pytest.mark.parametrize("data", GOOD, ids=lambda data: data.word)
def test_data_does_not_change(data):
    name = next(iter(type(data).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(data, name, getattr(data, name))


def test_an_extension_may_bring_a_kind_of_file_of_its_own():
    parquet = type("Parquet", (Kind,), {"word": "parquet"})
    found = discovery.ports({"table": parquet, "many": Many(parquet)}, False)
    assert [(port.kind, port.many, port.clean) for port in found.values()] == [
        ("parquet", False, False),
        ("parquet", True, False),
    ]
    assert found["table"].accepts(found["many"])
    audio, data, file = (discovery.ports({"it": kind}, False)["it"] for kind in (Audio, Data, File))
    assert not any(each.accepts(found["table"]) for each in (audio, data, file))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "needs a word of its own"),
        ({"word": "parquet/1"}, "needs a word of its own"),
        ({"word": "audio"}, "needs a word of its own"),
        ({"word": "data"}, "needs a word of its own"),
        ({"word": "parquet", "clean": True}, "nobody looks into files of its kind"),
    ],
)
def test_a_kind_of_file_that_is_taken_or_says_that_it_is_clean_is_refused(body, said):
    with pytest.raises(discovery.BrokenExtensionError, match=said):
        discovery.ports({"table": type("Table", (Kind,), body)}, False)
