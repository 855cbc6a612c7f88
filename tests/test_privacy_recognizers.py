"""Recognizers: what has the shape of personal data, and what only looks like it."""

import itertools
import re

import pytest
import re2
from hypothesis import assume, given
from hypothesis import strategies as st

from librarian.privacy.ordinary import record_words, undated
from librarian.privacy.recognizers import RECOGNIZERS
from librarian.privacy.search import find, search_at
from librarian.privacy.spans import Span, merge
from librarian.privacy.view import LATIN1, plain


def types(text):
    return [span.type for span in find(text)]


def found(text):
    return [(span.type, text[span.start : span.end]) for span in find(text)]


GERMAN_MOBILE = "1711234567"
US_NUMBER = "5551234567"
FULL_WIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
ARABIC_INDIC = {ord("0") + digit: 0x0660 + digit for digit in range(10)}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("+1 (555) 123-4567", US_NUMBER),
        ("+15551234567", US_NUMBER),
        ("0015551234567", US_NUMBER),
        ("1-555-123-4567", US_NUMBER),
        ("(555) 123-4567", US_NUMBER),
        ("555.123.4567", US_NUMBER),
        ("555–123–4567", US_NUMBER),
        ("5 5 5 1 2 3 4 5 6 7", US_NUMBER),
        ("+1 555 123 4567".translate(FULL_WIDTH), US_NUMBER),
        ("\u202a+1 555 123 4567\u202c", US_NUMBER),
        ("555\u200b123\u200b4567", US_NUMBER),
        ("+49 171 1234567", GERMAN_MOBILE),
        ("+49 (0)171 / 123 45 67", GERMAN_MOBILE),
        ("0049 171 1234567", GERMAN_MOBILE),
        ("0171 1234567", GERMAN_MOBILE),
        ("0171/1234567", GERMAN_MOBILE),
        ("0171 1234567".translate(ARABIC_INDIC), GERMAN_MOBILE),
        ("+47 22 12 34 56", "22123456"),
        ("22 12 34 56", "22123456"),
        ("01.23.45.67.89", "123456789"),
        ("+33 1 23 45 67 89", "123456789"),
        ("+39 06 1234 5678", "612345678"),
        ("5551234", "5551234"),
    ],
)
def test_a_phone_number_is_one_number_in_every_spelling(text, canonical):
    (span,) = find(f"from {text} at noon")
    assert (span.type, span.canonical) == ("PHONE", canonical)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("recv_out-20240214-091500-+15551234567.wav", "+15551234567"),
        ("out-20240214-091500-5551234567.wav", "5551234567"),
        ("call_5551234567_left.wav", "5551234567"),
        ("John_Smith_+15551234567", "+15551234567"),
        ("Anna01711234567.wav", "01711234567"),
        ("20240214-+15551234567", "+15551234567"),
        ("+15551234567 (1).wav", "+15551234567"),
        ("tel:5551234567", "5551234567"),
        ("rec_5551234567890", "5551234567890"),
        ("+49 30 20240214", "+49 30 20240214"),
    ],
)
def test_a_phone_number_is_found_in_a_file_name(text, number):
    assert found(text) == [("PHONE", number)]


def test_two_numbers_in_a_row_are_two():
    assert [span.canonical for span in find("5551234567 5559876543")] == [US_NUMBER, "5559876543"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to john_smith@example.com now", ("EMAIL", "john_smith@example.com")),
        ("to jürgen.groß@müller.de now", ("EMAIL", "jürgen.groß@müller.de")),
        ("GET https://anna:secret@host/x done", ("URL", "https://anna:secret@host/x")),
        ("GET https://host/x?mail=anna done", ("URL", "https://host/x?mail=anna")),
        ("open /home/ana/x.wav", ("USER", "ana")),
        ("open /mnt/c/Users/ana_b/x.wav", ("USER", "ana_b")),
        ("in '/Users/ana'", ("USER", "ana")),
        (r"open C:\Users\John Smith\x.wav", ("USER", "John Smith")),
        (r"open C:\\Users\\ana failed", ("USER", "ana")),
        ("from 192.168.1.10:8188", ("IP", "192.168.1.10")),
        ("from [2001:db8::1]:443", ("IP", "2001:db8::1")),
        ("from fe80::1.", ("IP", "fe80::1")),
        ("card 4111 1111 1111 1111", ("CARD", "4111 1111 1111 1111")),
        ("card 4111-1111-1111-1111", ("CARD", "4111-1111-1111-1111")),
        ("card 378282246310005", ("CARD", "378282246310005")),
    ],
)
def test_other_personal_data(text, expected):
    assert found(text) == [expected]


def test_a_card_that_fails_its_check_digit_is_no_card():
    assert "CARD" not in types("4111 1111 1111 1112")


HARD_NEGATIVES = """
20240214 | 2024-02-14 | 2024_02_14 | 14.02.2024 | 02/14/2024 | 20240214-091500 | 20240214_091500 | 20240214091500
2024-02-14T09:15:00Z | 2024-02-14T09:15:00.123456+01:00 | 20240214T091500Z | 2024-02-14 09:15:00.123456
2024-02-14_09-15-00 | out-20240214-091500.wav | 09:15 | 09:15:00.123456 | 1:02:03 | 00:01:02,345 --> 00:01:04,567
1.2.3 | v2.15.0 | 2.7.1+cu128 | 1.1.20251105 | 12.4.131 | 590.48.01 | version 8.9.7.29
44100 | 192000 Hz | 44100 48000 96000 | 44.1 kHz | sample_rate=48000
d41d8cd98f00b204e9800998ecf8427e | 955717e8-8726e21a | 9f86d0818840
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
01ARZ3NDEKTSV4RRFFQ69G5FAV | 550e8400-e29b-41d4-a716-446655440000 | 12345678-1234-1234-1234-123456789012
rec_7f3k9q2mabcde | art_2222222345672 | job_01jq7k3w0000000000000000ab | mch_a2345672345ab
htdemucs_ft | wav2vec2-large-960h-lv60 | whisper-large-v3 | facebook/musicgen-stereo-medium
13958643712 bytes | 10485760 B | 6 GiB | 158760000 frames
frames=158760000 | 1234567 ms | 7.8 s | 1h02m03s | seed: 1234567890
"seed": 3825911738 | "seed":2359966854 | 'bytes': 5550148822 | {"memory":25276510208}
-16 LUFS | -1 dBTP | -16.123456 | 0.123456789 | 3.14159265 | 1.5e-05 | 0.123 0.456 10 0.789 | 1920x1080 | [1, 2, 44100]
127.0.0.1:8188 | ::1 | a[1::2] | std::vector | https://example.org/models/x | <PHONE:22345672> | <NAME:abcdefgh>
12345678901234567890
"""


@pytest.mark.parametrize("text", re.split(r" \| |\n", HARD_NEGATIVES.strip()))
@pytest.mark.parametrize("frame", ["{}", "in {} of it", "x_{}"])
def test_what_only_looks_like_personal_data_stays(text, frame):
    assert find(frame.format(text)) == []


def test_merging_keeps_no_overlap_and_loses_no_character():
    merged = merge([Span(5, 9, "B", "b"), Span(0, 6, "A", "a"), Span(9, 10, "C", "c"), Span(2, 3, "D", "d")])
    assert merged == [Span(0, 9, "A", "a"), Span(9, 10, "C", "c")]


def test_of_equal_spans_the_first_given_names_the_hit():
    assert merge([Span(0, 3, "NAME", "ana"), Span(0, 3, "USER", "ana")]) == [Span(0, 3, "NAME", "ana")]


def test_dates_years_and_rates_are_blanked():
    assert (
        undated("Anna_1987_20240214-091500_44100_4821") == "Anna_" + " " * 4 + "_" + " " * 15 + "_" + " " * 5 + "_4821"
    )


def test_words_of_the_record_are_known():
    text = "rec_abcdefghijklm <NAME:abcdefgh> anna"
    assert [text[start:end] for start, end in record_words(text)] == ["rec_abcdefghijklm", "<NAME:abcdefgh>"]


digits = st.text("0123456789", min_size=7, max_size=15)
separators = st.lists(
    st.sampled_from(["", "", " ", "-", "_", " - ", "/", "\u00a0", "\u2011"]), min_size=15, max_size=15
)
around = st.text("xyoÄЖ李_-,;()'\n\t ", max_size=20)


@given(digits, separators, around, around, st.sampled_from(["", "+", "00"]))
def test_no_digit_of_a_phone_number_is_left_over(number, gaps, before, after, prefix):
    # A date or a sample rate within the number is the one thing that may part it.
    assume(not re.search("19|20|000|44100|11025", number))
    spelt = prefix + "".join(itertools.chain(*zip(number, gaps, strict=False)))
    text = f"{before} {spelt} {after}"
    rest = list(text)
    for span in find(text):
        rest[span.start : span.end] = "x" * (span.end - span.start)
    assert not re.search(r"\d{3}", re.sub(r"\D", "", "".join(rest))), found(text)


@given(st.text(max_size=60) | st.text("0123456789abcdef:.@/\\ +-()_Usershome", max_size=60))
def test_spans_are_in_order_and_inside_the_text(text):
    spans = find(text)
    assert all(span.start < span.end <= len(text) for span in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


@given(st.text("0123456789abcdef:.@/\\ +-()UsershomeDcuntadSig", max_size=60))
def test_a_gate_opens_wherever_its_recognizer_has_a_hit(text):
    view, search = plain(text), search_at("strict")
    for number, recognizer in enumerate(each for each in RECOGNIZERS if "strict" in each.levels):
        if search._hits(number, text, view, len(text))[0]:
            assert re2.search(recognizer.gate, view, options=LATIN1), recognizer.type
            assert number in search._gates.Match(view)


@given(st.text(max_size=40), st.integers(0, 40))
def test_a_search_that_stops_early_misses_nothing_before(text, until):
    text = f"{text} anna@example.org 5551234567 {text} 5559876543"
    wanted = [span for span in find(text) if span.start < until]
    assert [span for span in find(text, until=until) if span.start < until] == wanted


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "\udce9", "é" * 3, "\U0001f600"])
def test_the_plain_view_has_one_byte_for_each_character(text):
    assert len(plain(text)) == len(text)
