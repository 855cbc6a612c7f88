"""Every type of personal data: its spellings are one pseudonym, another project has another; what is like it stays."""

from __future__ import annotations

import re

import pytest
from corpora import score
from corpora_scoring import corpus

from librarian.privacy.ids import lettered_id, named_id, written_id
from librarian.privacy.names import common_names
from librarian.privacy.recognizers import MOST_HITS, RECOGNIZERS
from librarian.privacy.scrub import Scrubber
from librarian.privacy.search import find, search_at
from librarian.privacy.validators import VALIDATORS

ONE = Scrubber(b"one project", names=common_names())
OTHER = Scrubber(b"another project", names=common_names())
PSEUDONYM = re.compile("<([A-Z]+):[a-z2-7]{8}>")
SPELLINGS = {
    "PHONE": ["+1 555 123 4567", "(555) 123-4567", "555.123.4567", "0015551234567", "call_5551234567_left",
              "five five five one two three four five six seven", "triple five one two three four five six seven"],
    "EMAIL": ["mail Ana.Silva@Example.com", "<ana.silva@example.com>", "ana dot silva at example dot com"],
    "NAME": ["Giulia Rossi", "giulia_rossi", "GIULIA ROSSI", "GiuliaRossi", "my name is Giulia Rossi"],
    "CARD": ["4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111", "4111_1111_1111_1111"],
    "IBAN": ["GB29 NWBK 6016 1331 9268 19", "gb29nwbk60161331926819", "GB29-NWBK-6016-1331-9268-19"],
    "IP": ["from 2001:db8::1 on", "[2001:0db8:0:0::1]:80"],
    "MAC": ["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7"],
    "ID": ["DNI 12345678Z", "dni: 12345678-Z", "12345678z_scan"],
    "BIRTH": ["born on 14 March 1962", "DOB: 1962-03-14", "geb. 14.03.1962", "née le 14 mars 1962",
              "nacido el 14/3/1962", "born March 14th, 1962"],
    "PASSPORT": ["passport no. AB1234567", "Reisepass Nr. AB 1234567", "passport AB1234567"],
    "PLATE": ["licence plate AB12 CDE", "number plate AB12CDE", "Kennzeichen: AB-12 CDE"],
    "PIN": ["PIN is 4821", "my pin: 4821", "pin code 4821"],
    "PLACE": ["48.85837, 2.29448", "48.85837,2.29448"],
    "SECRET": ["api_key=abc123def456ghi789", 'API-Key: "abc123def456ghi789"', "token abc123def456ghi789"],
    "URL": ["GET https://ana:x@host/", "see https://ana:x@host/ now"],
    "USER": ["/home/ana/x.wav", r"C:\Users\ana\x.wav", "/Users/Ana/"],
}  # fmt: skip


def test_every_type_is_here():
    assert SPELLINGS.keys() == {each.type for each in RECOGNIZERS}


@pytest.mark.parametrize("kind", SPELLINGS)
def test_the_spellings_of_a_value_are_one_pseudonym_and_another_project_has_another(kind):
    found = {spelling: PSEUDONYM.search(ONE.scrub(spelling)) for spelling in SPELLINGS[kind]}
    assert {match and match[0] for match in found.values()} == {next(iter(found.values()))[0]}, found
    assert {match[1] for match in found.values()} == {kind}
    for spelling, match in found.items():
        assert match[0] not in OTHER.scrub(spelling)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("SECRET", "export AWS=AKIAIOSFODNN7EXAMPLE"),
        ("SECRET", "using ghp_16C7e42F292c6912E7710c838347Ae178B4a now"),
        ("SECRET", "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r"),
        ("SECRET", "password = hunter2!x"),
        ("ID", "codice fiscale RSSMRA85T10A562S"),
        ("ID", "Henkilötunnus 131052-308T"),
        ("ID", "national insurance number QQ 12 34 56 C"),
        ("PLACE", "52°31'12\"N 13°24'18\"E"),
        ("PLACE", "+48.8577+002.295/"),
        ("BIRTH", "she was born on the 3rd of May 1931 in Ulm"),
    ],
)
def test_other_forms(kind, text):
    assert kind in {span.type for span in find(text)}


@pytest.mark.parametrize(
    "text",
    ["max_tokens=512", "token: 5 of 12", "auth ok", "password: none", "passport control at noon", "the plate was hot",
     "he was born in Ulm", "my name is on the list", "the pin is broken", "identity matrix 128x128", "rows 10000-20000",
     "identification of 4096 rows", "peak -3.12345, -16.12345, 0.00001", "commit 955717e8", "wav2vec2-large",
     "GB29 is not enough", "version 10.0.19045.3803", "OH-1987-042", "born 1962", "Basic training", "Bearer of news"],
)  # fmt: skip
def test_what_is_only_like_it_stays(text):
    assert ONE.hits(text) == []


def test_ids_are_known_by_their_check_digits_and_layouts():
    assert (lettered_id("12345678Z"), lettered_id("12345678A")) == ("12345678Z", None)
    assert (written_id("123-45-6789"), written_id("12-34567-89")) == ("123456789", None)
    assert (named_id("123 45"), named_id("4096")) == (None, None)


def test_a_validator_that_fails_takes_the_number(monkeypatch):
    from stdnum.es import dni

    def fails(number):
        raise KeyError(number)

    monkeypatch.setattr(dni, "is_valid", fails)
    assert lettered_id("12345678A") == "12345678A"


def test_every_recognizer_names_what_there_is():
    assert {each.validator for each in RECOGNIZERS} <= VALIDATORS.keys()
    assert {level for each in RECOGNIZERS for level in each.levels} == {"strict", "balanced"}


def test_balanced_takes_fewer_and_off_takes_nothing():
    for text in ("5551234567", "call 5551234567", "+44 20 7946 0018", "a@b.org"):
        strict, balanced = (search_at(level).find(text) for level in ("strict", "balanced"))
        assert {span[:2] for span in balanced} <= {span[:2] for span in strict}
        assert search_at("off").find(text) == []
    assert search_at("balanced").find("5551234567") == []


def test_a_scrubber_that_is_off_keeps_secrets_only():
    scrubber = Scrubber(b"key", level="off")
    scrubber.learn(["Anna Smith.wav"])
    scrubber.learn_secrets(["hunter2hunter2"])
    said = scrubber.scrub("Anna Smith, 5551234567, hunter2hunter2")
    assert said.startswith("Anna Smith, 5551234567, <SECRET:")


@pytest.mark.parametrize(
    "piece",
    ["+491711234567,", "a@example.org ", "/home/a ", "12345678Z ", "Person7 ", r"\u00e4", "09:15:00 ", "0.123456789,"],
)
def test_of_a_text_with_too_much_nothing_comes_out_unseen(piece):
    scrubber = Scrubber(b"key")
    scrubber.learn(["Person7.wav"])
    length = 400_000 // len(piece)
    scrubbed = scrubber.scrub(piece * length + " Anna@example.org, +1 555 014 8822", limit=None)
    assert not re.search("Anna|8822", scrubbed)
    assert sum(scrubber.counts.values()) <= MOST_HITS + 3


def test_what_was_replaced_is_counted():
    scrubber = Scrubber(b"key")
    scrubber.scrub("a@b.org, c@d.org, 5551234567")
    assert scrubber.counts == {"EMAIL": 2, "PHONE": 1}


CHECKED = ("CARD", "IBAN", "IBANFILE", "ID", "IDFILE", "IDIT", "IP", "IPSIX", "MAIL")


def test_the_corpus_that_scores_is_found():
    made = score(corpus(1400), lambda text: [span[:3] for span in ONE.hits(text)])
    assert made.recall(*CHECKED) >= 0.995
    assert made.recall("PHONE", "PHONEE", "PHONEFILE") >= 0.97
    assert made.recall("NAME", "FIRST", "NAMEFILE") >= 0.90
    assert made.precision >= 0.98
    assert made.kept >= 0.99
