"""Numbers in words: what was said is the number that would have been written."""

import pytest

from librarian.privacy.search import find
from librarian.privacy.spoken import LANGUAGES, spoken_mail, spoken_number


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("five five five oh one two three four five six", "5550123456"),
        ("oh two oh seven nine four six double oh one eight", "2079460018"),
        ("triple five one two three four five six seven", "5551234567"),
        ("five fifty five, twelve, thirty four, fifty six", "555123456"),
        ("eight hundred five five five one two one two", "8005551212"),
        ("null eins sieben eins zwo drei vier fünf sechs sieben", "171234567"),
        ("null eins sieben eins einundzwanzig dreiundvierzig fünfundsechzig", "171214365"),
        ("zéro six douze trente-quatre cinquante-six soixante-dix-huit", "612345678"),
        ("zéro un quatre-vingt-dix-neuf soixante et onze vingt et un dix", "199712110"),
        ("seis cero cero doce treinta y cuatro cincuenta y seis", "600123456"),
        ("five, uh, five five, zero one, um, four eight, eight two two", "5550148822"),
        ("five five five, sorry, no, zero one four eight... eight two two", "5550148822"),
        ("null eins sieben äh eins ja zwo drei vier fünf sechs sieben", "171234567"),
    ],
)
def test_a_number_in_words_is_the_number_in_digits(said, number):
    assert spoken_number(said) == number
    (span,) = find(f"well, {said}, that is it")
    assert (span.type, span.canonical) == ("PHONE", number)


def test_what_is_said_and_what_is_written_are_one():
    (said,) = find("dial five five five one two three four five six seven")
    (written,) = find("dial 555-123-4567")
    assert said.canonical == written.canonical


@pytest.mark.parametrize(
    "text",
    ["one two three four five six seven eight", "in nineteen eighty four", "twenty one guns",
     "eins zwei drei vier fünf",
     "un deux trois quatre cinq six sept", "two of us and one of them", "for one, I am not one to say so"],
)  # fmt: skip
def test_who_counts_or_says_a_year_says_no_number(text):
    assert find(text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_digit_and_every_ten(language):
    assert {*range(10), 10, 11, 12, 20, 30, 40, 50, 60} <= set(LANGUAGES[language].values())


def test_an_address_in_words_is_the_address():
    assert spoken_mail("ana dot silva at example dot com") == "ana.silva@example.com"
    assert spoken_mail("jo underscore w arroba correo punto es") == "jo_w@correo.es"
    assert find("look at the dot in it") == []


def test_an_address_may_end_in_more_than_a_country():
    (span,) = find("It is oliver at hartman dot example, thanks")
    assert (span.type, span.canonical) == ("EMAIL", "oliver@hartman.example")


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("that is H, A, R, T, M, A, N", "hartman"),
        ("H-A-R-T-M-A-N like this", "hartman"),
        ("o l i v e r", "oliver"),
    ],
)
def test_a_name_may_be_spelt(text, hit):
    (span,) = find(text)
    assert (span.type, span.canonical) == ("NAME", hit)


def test_a_pin_may_be_said():
    (span,) = find("my PIN is four, er, seven one nine")
    assert (span.type, span.canonical) == ("PIN", "4719")


@pytest.mark.parametrize(
    "text",
    ["the letters a b c d e f", "e.g. i.e. a.m. p.m.", "a a a a", "yes no okay right sorry", "U. S. A. today",
     "twelve, no, thirteen or so", "plan b, c and d"],
)  # fmt: skip
def test_letters_and_hesitation_that_say_nothing(text):
    assert find(text) == []
