"""What other tools read of the words, by those tools where they are libraries."""

import re

import numpy as np
import pysubs2
import pytest
from praatio import textgrid as praat

from librarian import UnusableInputError, Word, Words
from librarian_transcription import ConvertWordsSettings
from librarian_transcription.convert import convert_words
from librarian_transcription.formats import FORMATS

UNIT = "rec_aaaaaaaaaaaaa"


def said(text, start, step=0.4, **fields):
    return [
        Word(text=word, start=round(start + step * n, 3), end=round(start + step * n + 0.3, 3), **fields)
        for n, word in enumerate(text.split())
    ]


WORDS = Words(
    language="en",
    words=[
        *said("Good morning. How are you?", 0.5, speaker=1, channel=0, confidence=0.75),
        *said("Fine, thanks.", 3.0, speaker=2, channel=1),
        *said("<b>{x}</b> --> &", 12.34, speaker=1, channel=0),
        *said("Nobody's words", 20.0),
    ],
)


@pytest.fixture
def written(make_task):
    """The files that are made of words, by their format."""

    def run(words=WORDS, seconds=30.0, formats=tuple(FORMATS), **settings):
        given = ConvertWordsSettings(formats=list(formats), **settings)
        return convert_words(make_task(np.zeros((1, 10), np.float32), 8000, given, {"duration": seconds}, words=words))

    return run


def test_srt_is_what_pysubs2_reads(written):
    events = pysubs2.load(str(written()["srt"]))
    assert [(each.start, each.end) for each in events] == [(500, 2400), (3000, 3700), (12340, 13440), (20000, 20700)]
    assert [each.plaintext for each in events] == [
        "speaker_1: Good morning. How are you?",
        "speaker_2: Fine, thanks.",
        "speaker_1: (b>(x)(/b> --> &",
        "Nobody's words",
    ]


def test_vtt_has_voices_and_no_markup_of_others(written):
    path = written()["vtt"]
    text = path.read_text()
    assert text.startswith("WEBVTT\n\n00:00:00.500 --> 00:00:02.400\n<v speaker_1>Good morning.")
    assert "<v speaker_1>&lt;b&gt;{x}&lt;/b&gt; --&gt; &amp;" in text
    assert text.count("-->") == 4
    events = pysubs2.load(str(path), format_="vtt")
    assert [(each.start, each.end) for each in events] == [(500, 2400), (3000, 3700), (12340, 13440), (20000, 20700)]
    assert [each.plaintext for each in events][1] == "Fine, thanks."


def test_lines_are_those_of_old(written):
    assert written()["lines"].read_text().splitlines() == [
        "[LEFT][Speaker01][0.50-2.40]: Good morning. How are you?",
        "[RIGHT][Speaker02][3.00-3.70]: Fine, thanks.",
        "[LEFT][Speaker01][12.34-13.44]: <b>{x}</b> --> &",
        "[Unknown][20.00-20.70]: Nobody's words",
    ]


def test_txt_is_paragraphs(written):
    assert written()["txt"].read_text().splitlines()[1:] == [
        "speaker_2: Fine, thanks.",
        "speaker_1: <b>{x}</b> --> &",
        "Nobody's words",
    ]


def test_ctm_has_every_word_of_every_channel(written):
    rows = [line.split() for line in written()["ctm"].read_text().splitlines()]
    assert len(rows) == len(WORDS.words)
    assert {row[0] for row in rows} == {UNIT}
    assert rows[0] == [UNIT, "1", "0.500", "0.300", "Good", "0.750"]
    assert [row[4] for row in rows if row[1] == "2"] == ["Fine,", "thanks."]


def test_stm_has_every_passage(written):
    rows = [line.split(maxsplit=6) for line in written()["stm"].read_text().splitlines()]
    assert rows[0] == [UNIT, "1", f"{UNIT}_Speaker01", "0.500", "2.400", "<NA>", "Good morning. How are you?"]
    assert rows[-1][2] == f"{UNIT}_Unknown"


def test_a_textgrid_is_what_praatio_reads(written):
    grid = praat.openTextgrid(str(written()["textgrid"]), includeEmptyIntervals=False)
    assert grid.tierNames == ("speaker_1 channel_1", "speaker_2 channel_2", "words")
    assert grid.maxTimestamp == 30
    entries = grid.getTier("speaker_2 channel_2").entries
    assert [(each.start, each.end, each.label) for each in entries] == [(3.0, 3.3, "Fine,"), (3.4, 3.7, "thanks.")]


def test_captions_keep_their_limits_and_lose_no_word(written):
    words = Words(language="en", words=said("word " * 100 + "end.", 0, 0.31, speaker=1))
    files = written(words, formats=["srt", "vtt"], width=20, lines=2, longest=3)
    events = pysubs2.load(str(files["srt"]))
    assert sum(each.plaintext.split().count("word") for each in events) == 100
    for each in events:
        assert each.end - each.start <= 3000
        assert all(len(line) <= 20 for line in each.plaintext.removeprefix("speaker_1: ").split("\n"))
        assert each.plaintext.count("\n") < 2


def test_a_caption_ends_with_its_sentence():
    from librarian_transcription.cues import Limits, cues

    words = Words(language="en", words=said("This is one sentence here. And another", 0))
    found = cues(words, Limits(gap=2, letters=50, sentences=True))
    assert [cue.text for cue in found] == ["This is one sentence here.", "And another"]


@pytest.mark.parametrize("language", ["zh", "ja-JP"])
def test_where_nothing_stands_between_words_nothing_does(written, language):
    words = Words(language=language, words=said("我 们 很 好", 0))
    assert written(words, formats=["txt"])["txt"].read_text() == "我们很好\n"


def test_words_that_would_break_a_file_do_not(written):
    words = Words(
        language="en",
        words=[
            Word(text="two\nlines\r\n", start=0, end=1),
            Word(text="nul\0bel\a", start=1, end=1),
            Word(text="\u2028", start=2, end=2),
            Word(text="rtl\u202e", start=2, end=3),
        ],
    )
    files = written(words)
    assert len(files["lines"].read_text().splitlines()) == 1
    assert len(files["ctm"].read_text().splitlines()) == 4
    assert all(len(line.split()) == 5 for line in files["ctm"].read_text().splitlines())
    assert len(pysubs2.load(str(files["srt"]))) == 1
    for path in files.values():
        assert not re.search("[\0\a\u2028\u202e]", path.read_text())


def test_where_nobody_speaks_every_format_is_empty_but_whole(written):
    files = written(Words(language="und", words=[]))
    assert files["vtt"].read_text() == "WEBVTT\n"
    assert [files[name].read_text() for name in ("txt", "lines", "ctm", "stm")] == [""] * 4
    assert len(pysubs2.load(str(files["srt"]), format_="srt")) == 0
    assert praat.openTextgrid(str(files["textgrid"]), includeEmptyIntervals=True).maxTimestamp == 30


def test_formats_are_named_once():
    with pytest.raises(ValueError, match="once"):
        ConvertWordsSettings(formats=["srt", "srt"])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": "words/1"}', '{"language": 3}', "[" * 100_000])
def test_what_holds_no_words_is_refused(written, text):
    with pytest.raises(UnusableInputError, match="it holds no words/1"):
        written(text)
