"""The scrubber: what was learnt never comes out, in no spelling, and what names no one stays readable."""

import itertools
import json
import pickle
import re
import traceback
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from librarian.errors import RefusedError
from librarian.privacy.scrub import Scrubbed, Scrubber, ScrubError

KEY = b"k" * 32
PSEUDONYM = re.compile("<[A-Z]+:[a-z2-7]{8}>")


def scrubber(*values, exempt=()):
    made = Scrubber(KEY, exempt=exempt)
    made.learn(values)
    return made


def masked(text):
    """The scrubbed text with its pseudonyms' codes left out."""
    return re.sub("<([A-Z]+):[a-z2-7]{8}>", r"<\1>", text)


@pytest.mark.parametrize(
    "text",
    [
        "John Smith", "john_smith", "JOHN-SMITH", "John.Smith", "JohnSmith", "johnsmith", "John   -  Smith",
        "Jo\u00adhn Smith", "John\u202eSmith", "John%20Smith", "Smith, John",
    ],
)  # fmt: skip
def test_a_name_is_found_in_every_spelling(text):
    scrubbed = masked(scrubber("/data/calls/John_Smith 2024-02-14.wav").scrub(f"cannot open {text}: gone"))
    assert re.fullmatch(r"cannot open <NAME>\W*(20)?(<NAME>)?: gone", scrubbed)


def test_the_spellings_of_a_name_have_one_pseudonym():
    made = scrubber("John_Smith.wav")
    assert len({made.scrub(text) for text in ("John Smith", "john_smith", "JOHN-SMITH", "johnsmith")}) == 1


@pytest.mark.parametrize("learnt", ["NFC", "NFD"])
@pytest.mark.parametrize("seen", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["José Müller", "김영희", "がくと", "Łukasz Żółć", "राहुल", "Нина Ёлкина", "李娜"])
def test_a_composed_and_a_decomposed_name_are_one(name, learnt, seen):
    made = scrubber(unicodedata.normalize(learnt, name) + ".wav")
    scrubbed = made.scrub("in " + unicodedata.normalize(seen, name).upper() + "!")
    assert masked(scrubbed) == "in <NAME>!"
    assert scrubbed == scrubber(name + ".wav").scrub(f"in {name}!")


@pytest.mark.parametrize("text", ["José", "Jose", "JOSE", "Müller", "Mueller", "Muller", "MÜLLER", "Groß", "GROSS"])
def test_accents_may_be_left_out_or_written_out(text):
    assert masked(scrubber("José Müller-Groß.mp3").scrub(text)) == "<NAME>"


ESCAPED = {
    "Python": ascii,
    "JSON": lambda name: json.dumps({"name": name}),
    "JSON in JSON": lambda name: json.dumps(json.dumps(name)),
    "bytes": lambda name: repr(name.encode()),
    "URL": lambda name: "https://host/" + quote(name),
    "HTML": lambda name: name.encode("ascii", "xmlcharrefreplace").decode(),
    "HTML by name": lambda name: name.replace("ö", "&ouml;").replace("ä", "&auml;"),
}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("way", ESCAPED)
@pytest.mark.parametrize("name", ["Jörg_Brandstätter", "Нина Ёлкина", "李娜", "Brandstätter"])
def test_a_name_is_found_as_programs_escape_it(name, way, form):
    made = scrubber("calls/Jörg_Brandstätter.wav", "Нина Ёлкина/李娜.wav")
    text = f"cannot read {ESCAPED[way](unicodedata.normalize(form, name))} twice"
    scrubbed = made.scrub(text)
    assert made.scrub(name) in scrubbed
    assert not re.search("(?i)brand|stätter|[öäа-я]|[0-9a-f]{4}|%[CDE]", PSEUDONYM.sub("", scrubbed))
    assert (scrubbed.startswith("cannot read "), scrubbed.endswith(" twice")) == (True, True)


@pytest.mark.parametrize("text", ["Brandst?tter", "Brandst\ufffdtter", "BrandstÃ¤tter", r"Brandst\xe4tter"])
def test_of_a_name_that_lost_its_accents_no_part_is_left(text):
    assert not re.search("(?i)brandst|tter", scrubber("Jörg Brandstätter.wav").scrub(f"in {text}, gone"))


@pytest.mark.parametrize("text", ["\x1b[31mAnna\x1b[0m", r"'\x1b[1mAnna\x1b[0m'", r"first\nAnna", r"{'a':\tAnna}"])
def test_a_name_is_found_beside_colours_and_line_ends(text):
    assert "Anna" not in scrubber("Anna.wav").scrub(text)


@pytest.mark.parametrize("text", ["李娜的录音", "采访李娜", "김철수가 왔다"])
def test_a_name_is_found_where_no_space_sets_it_off(text):
    assert "<NAME>" in masked(scrubber("李娜.wav", "김철수.wav").scrub(text))


def test_a_name_within_a_word_is_not_the_name():
    assert scrubber("Anna.wav", "ola.wav").scrub("Susanna, hannah, polar") == "Susanna, hannah, polar"


def test_underscores_and_digits_are_word_edges():
    assert masked(scrubber("Anna.wav").scrub("x_anna_y anna2 2anna")) == "x_<NAME>_y <NAME>2 2<NAME>"


@pytest.mark.parametrize(
    "text",
    ["+1 (555) 123-4567", "15551234567", "5551234567", "555-123-4567", "001 555 123 4567", "call_5551234567_left"],
)
def test_a_number_in_a_file_name_has_one_pseudonym_in_every_spelling(text):
    made = scrubber("calls/+1 (555) 123-4567.wav")
    assert PSEUDONYM.findall(made.scrub(text)) == [made.scrub("+15551234567")]


def test_a_number_within_a_known_name_is_caught_with_it():
    made = scrubber("Anna 5551234567.wav")
    assert masked(made.scrub("in Anna 5551234567.wav, that is 555 123 4567")) == "in <NAME>.wav, that is <PHONE>"


def test_folders_and_short_digits_are_learnt_too():
    made = scrubber(r"C:\Archiv\Meyer_4821\call.wav", "/mnt/data/Kowalski/call.wav", "J.Smith")
    assert masked(made.scrub("Archiv Meyer 4821 kowalski Smith")) == "<NAME> <NAME> <NAME> <NAME>"


def test_ordinary_words_dates_and_rates_are_not_learnt():
    made = scrubber("/home/recordings/out-20240214-091500-left 44100.wav", "2024.wav", "01.wav", "memory.wav", "a.wav")
    text = "a task ran out of memory at 44100 Hz on 2024-02-14 (20240214-091500), track 01 left, 1 file in recordings"
    assert made.scrub(text) == text


def test_what_is_to_be_typed_stays_whatever_the_project_s_folder_is_called():
    made = scrubber("/home/librarian/models/run.wav", "/tmp/librarian-try-x7", "stems/verify.wav", "fetch/add.wav")
    text = "type: librarian models verify mine, or: librarian models fetch mine, then librarian run job.yaml"
    assert made.scrub(text) == text


def test_a_whole_name_counts_though_each_part_is_ordinary():
    made = scrubber("call out 7.wav", "01.wav", "20240214-091500.wav")
    assert masked(made.scrub("call_out_7 01.wav 20240214-091500.wav")) == "<NAME> <NAME> <NAME>"


def test_a_short_whole_name_counts_but_a_letter_or_a_version_does_not():
    made = scrubber("Bo.wav", "a.wav", "v3.wav", "dB.wav")
    assert masked(made.scrub("Bo sent a whisper-large-v3 at -1 dB")) == "<NAME> sent a whisper-large-v3 at -1 dB"


def test_words_that_the_owner_chose_are_exempt():
    made = scrubber("oral-history/Anna.wav", "voice2/OH-1234.wav", exempt=["oral-history", "OH-1234", "voice2"])
    assert masked(made.scrub("oral-history, OH-1234, voice2: Anna")) == "oral-history, OH-1234, voice2: <NAME>"


def test_a_label_in_a_path_is_public_and_the_rest_of_the_path_is_not():
    made = scrubber("interviews/1987/OH-1987-042_Maria_Gonzalez_+15551234567.wav", exempt=["OH-1987-042"])
    for public in ("OH-1987-042", "oh_1987_042", "OH1987042", "take OH-1987-042 again"):
        assert made.scrub(public) == public
        assert made.hits(public) == []
    text = "OH-1987-042_Maria_Gonzalez.wav OH-1987-042 Maria, 15551234567, OH-1987-042-5551234567"
    assert masked(made.scrub(text)) == "OH-1987-042_<NAME>.wav OH-1987-042 <NAME>, <PHONE>, OH-1987-042-<PHONE>"


def test_a_label_makes_none_of_its_parts_public():
    made = scrubber("Gonzalez.wav", "Maria_4821.wav", exempt=["Gonzalez-4821", "Maria-1987"])
    text = "Gonzalez-4821, Maria-1987: Gonzalez, 4821, Maria. 1987"
    assert masked(made.scrub(text)) == "Gonzalez-4821, Maria-1987: <NAME>, <NAME>, <NAME>. 1987"


def test_a_label_within_a_number_does_not_hide_it():
    made = scrubber("call 555-123-4567.wav", exempt=["555-123", "1", "4567"])
    assert masked(made.scrub("555-123-4567, 5551234567, size=5551234567")) == "<PHONE>, <PHONE>, size=<PHONE>"
    assert made.scrub("555-123") == "555-123"


def test_many_labels_are_public_and_many_names_are_not():
    labels = [f"OH-{1900 + number % 100}-{number:05d}" for number in range(3000)]
    names = [f"Xaver{letters}" for letters in map("".join, itertools.product("abcdefghijklmno", repeat=3))][:3000]
    made = scrubber(*(f"a/{label}_{name}.wav" for label, name in zip(labels, names, strict=True)), exempt=iter(labels))
    for label, name in list(zip(labels, names, strict=True))[::7]:
        assert masked(made.scrub(f"{label}: {name}, {label}_{name}")) == f"{label}: <NAME>, {label}_<NAME>"


def test_learning_goes_on():
    made = scrubber("Anna.wav")
    assert made.scrub("Boris") == "Boris"
    made.learn(["Boris.wav"])
    assert masked(made.scrub("Anna, Boris")) == "<NAME>, <NAME>"


def test_what_was_learnt_stays_when_its_source_changes():
    names = ["Anna.wav"]
    made = scrubber()
    made.learn(names)
    names[0] = "Boris.wav"
    made.learn(name for name in names)
    names.clear()
    assert masked(made.scrub("Anna, Boris")) == "<NAME>, <NAME>"


def test_the_order_of_learning_changes_no_pseudonym():
    names = ["John_Smith.wav", "JohnSmith", "+49 171 1234567", "01711234567.wav", "Smith 1711234567", "4821.wav"]
    text = " / ".join(names)
    assert len({scrubber(*order).scrub(text) for order in itertools.permutations(names)}) == 1


def test_another_key_makes_other_pseudonyms():
    assert Scrubber(b"other").scrub("5551234567") != Scrubber(KEY).scrub("5551234567")


def test_shapes_are_found_without_learning():
    text = "mail a_b@example.org from /home/ana/x.wav, 0171 1234567"
    assert masked(Scrubber(KEY).scrub(text)) == "mail <EMAIL> from /home/<USER>/x.wav, <PHONE>"


@pytest.mark.parametrize(
    "text",
    ["rec_abcdefghijklm", "job_01jq7k3w0000000000000000ab", "htdemucs_ft", "-16 LUFS", "2024-02-14T09:15:00Z", "2.7.1",
     "d41d8cd98f00b204e9800998ecf8427e", "550e8400-e29b-41d4-a716-446655440000", "<NAME:abcdefgh>"],
)  # fmt: skip
def test_words_of_the_record_stay(text):
    assert scrubber("Ada_Abe Bea 4004 job.wav", "e29b.wav").scrub(text) == text


def test_a_known_value_cannot_hide_as_a_pseudonym():
    assert "jonathan" not in scrubber("Jonathan.wav").scrub("<NAME:jonathan>")


def test_scrubbing_again_changes_nothing():
    made = scrubber("Anna 5551234567.wav")
    once = made.scrub("Anna\n5551234567 \x1b[1m")
    assert made.scrub(once) == once


def test_the_result_is_one_harmless_line():
    scrubbed = Scrubber(KEY).scrub("a\x1b[31m\nb\r\tc\u202ed\ud800\u2028e\x00")
    assert scrubbed == "a?[31m b  c?d? e?"
    json.loads(json.dumps(scrubbed)).encode()


def test_a_long_text_is_cut_after_it_was_scrubbed():
    made = scrubber("Anna.wav")
    for length in range(1, 60):
        cut = made.scrub("x 5551234567 Anna " * 40, limit=length)
        assert len(cut) <= length
        assert cut.endswith("…")
        assert re.fullmatch("(x |<PHONE> |<NAME> )*x?(<PHONE>|<NAME>)?…", masked(cut))


def test_what_replacing_shortens_is_read_to_the_end():
    long_name = "Anna" + "bcdefghij" * 30
    scrubbed = scrubber(long_name).scrub(f"{long_name} " * 20 + "end", limit=400)
    assert masked(scrubbed) == "<NAME> " * 20 + "end"


def test_short_texts_and_no_limit_keep_all():
    assert Scrubber(KEY).scrub("x" * 2000) == "x" * 2000
    assert Scrubber(KEY).scrub("x" * 5000, limit=None) == "x" * 5000
    assert len(Scrubber(KEY).scrub("x" * 5000)) == 2000


def test_hits_name_what_would_be_replaced():
    made = scrubber("Anna.wav")
    assert [(hit.start, hit.end, hit.type) for hit in made.hits("anna-5551234567")] == [
        (0, 4, "NAME"),
        (5, 15, "PHONE"),
    ]
    assert made.hits("oral-history") == []


class Broken(str):
    """A text that fails on use, and says itself in the failure."""

    def translate(self, table):
        raise LookupError(str(self))

    def isprintable(self):
        raise LookupError(str(self))


@pytest.mark.parametrize("act", ["scrub", "hits"])
def test_a_failure_refuses_and_says_nothing_of_the_text(act):
    text = Broken("John Smith")
    with pytest.raises(ScrubError, match="LookupError") as caught:
        getattr(scrubber("Anna"), act)(text)
    assert isinstance(caught.value, RefusedError)
    assert caught.value.exit_code == 4
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "John" not in "".join(traceback.format_exception(caught.value))


class Unreadable(str):
    """A name that can be taken and not be read."""

    def replace(self, *_):
        raise LookupError(str(self))


def test_a_name_that_cannot_be_read_lets_nothing_out():
    made = scrubber("Anna.wav", Unreadable("John Smith"))
    for _ in range(2):
        with pytest.raises(ScrubError, match="LookupError") as caught:
            made.scrub("it ended")
        assert "John" not in "".join(traceback.format_exception(caught.value))


def test_names_that_cannot_be_taken_are_refused():
    def names():
        yield "Anna"
        raise OSError("John Smith")

    with pytest.raises(ScrubError, match="OSError") as caught:
        scrubber().learn(names())
    assert "John" not in "".join(traceback.format_exception(caught.value))


def test_a_scrubber_without_a_key_is_refused():
    with pytest.raises(ValueError, match="key"):
        Scrubber(b"")


def test_what_is_no_text_is_refused():
    made = scrubber("Anna")
    with pytest.raises(ScrubError):
        made.scrub("x", limit=0)
    with pytest.raises(ScrubError):
        made.scrub(b"John Smith")
    with pytest.raises(ScrubError):
        made.learn([7])
    with pytest.raises(ScrubError):
        made.learn_secrets([b"horse"])


class Record(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    message: Scrubbed | None = None


def test_only_the_scrubber_makes_scrubbed_text():
    with pytest.raises(TypeError, match="only the scrubber"):
        Scrubbed("John Smith")


def test_a_record_accepts_nothing_else():
    scrubbed = Scrubber(KEY).scrub("fine")
    assert type(Record(message=scrubbed).message) is Scrubbed
    for other in ("fine", b"fine", 7):
        with pytest.raises(ValidationError, match="instance of Scrubbed"):
            Record(message=other)


def test_a_record_is_written_and_read_as_plain_text():
    record = Record(message=Scrubber(KEY).scrub("fine"))
    assert record.model_dump_json() == '{"message":"fine"}'
    assert Record.model_validate(record.model_dump()) == record
    assert type(Record.model_validate_json('{"message":"fine"}').message) is Scrubbed
    assert Record.model_json_schema()["properties"]["message"]["anyOf"][0] == {"type": "string"}


def test_scrubbed_text_can_be_copied():
    scrubbed = Scrubber(KEY).scrub("fine")
    assert type(pickle.loads(pickle.dumps(scrubbed))) is Scrubbed
    assert type(Record(message=scrubbed).model_copy(deep=True).message) is Scrubbed


edges = st.sampled_from([" ", "_", "-", ".", "/", "(", "\n", "\x1b", "7", "'", "\u202e", "\uff0c", "\u200b", "\ud800"])
around = st.text("abcdeÄж _-.:<>@/\\\n\u0301\u202e\ud83d😀", max_size=30)
names = st.text("qvxzQVXZŽź", min_size=3, max_size=12)


@given(
    names,
    names,
    st.sampled_from(["_", " ", "-", ".", ""]),
    st.sampled_from(["_", " ", "-", " - "]),
    around,
    around,
    edges,
    edges,
)
def test_no_learnt_name_survives(one, other, learnt_gap, gap, before, after, left, right):
    made = scrubber(f"{one}{learnt_gap}{other}_a.wav", f"{other}.wav", one)
    for name in (f"{one}{gap}{other}", one.upper(), other.lower(), one + other, unicodedata.normalize("NFD", one)):
        scrubbed = PSEUDONYM.sub("", made.scrub(f"{before}{left}{name}{right}{after}"))
        assert not re.search("[qvxzž]{2}", unicodedata.normalize("NFC", scrubbed).lower())


@given(st.text("345678", min_size=7, max_size=15), around, around, edges.filter(lambda edge: edge not in "7.-_/("))
def test_no_learnt_number_survives(number, before, after, edge):
    made = scrubber(f"call {number}.wav")
    for spelt in (number, "+" + number, f"{number[:3]} {number[3:]}", f"({number[:4]})-{number[4:]}"):
        assert not re.search(r"\d", PSEUDONYM.sub("", made.scrub(f"{before}{edge}{spelt}{edge}{after}")))


@given(st.text(st.characters(), max_size=60), st.integers(1, 60))
def test_any_text_comes_out_printable_and_short(text, limit):
    scrubbed = scrubber("Anna Müller 5551234567.wav").scrub(text, limit=limit)
    assert scrubbed.isprintable()
    assert len(scrubbed) <= limit
    scrubbed.encode()


@given(st.text("anAN <>:_-.\n\x1b\u00ad2345671@é/", max_size=60))
def test_scrubbing_twice_is_scrubbing_once(text):
    made = scrubber("Anna Nann 5551234567.wav")
    once = made.scrub(text)
    assert made.scrub(once) == once


class TestSecrets:
    PHRASE = "correct horse, battery/staple"

    def test_a_secret_goes_as_a_whole_in_every_spelling(self):
        scrubber = Scrubber(KEY)
        scrubber.learn_secrets([self.PHRASE])
        for said in (self.PHRASE, self.PHRASE.upper(), f"key={self.PHRASE};", "correct_horse, battery/staple"):
            assert "horse" not in scrubber.scrub(f"it said {said} and went").lower()

    def test_a_secret_that_is_an_ordinary_word_goes(self):
        scrubber = Scrubber(KEY)
        scrubber.learn_secrets(["recordings"])
        assert "recordings" not in scrubber.scrub("token=recordings")

    def test_its_words_stay(self):
        scrubber = Scrubber(KEY)
        scrubber.learn_secrets([self.PHRASE])
        assert scrubber.scrub("a battery and a horse") == "a battery and a horse"
