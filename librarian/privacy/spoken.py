"""What is said: numbers and addresses in words, in English, German, French and Spanish."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from librarian.privacy.phones import national

Words = Mapping[str, int]


def _numbered(text: str, first: int = 0, step: int = 1) -> dict[str, int]:
    """The words of a text, counted; those that mean the same are joined by a slash."""
    return {word: first + step * number for number, words in enumerate(text.split()) for word in words.split("/")}


def _joined(units: Words, tens: Words, middle: str, *, units_first: bool) -> dict[str, int]:
    """`einundzwanzig`, `veintiuno`: tens and units in one word."""
    return {
        (f"{unit}{middle}{ten}" if units_first else f"{ten}{middle}{unit}"): many + few
        for ten, many in tens.items()
        for unit, few in units.items()
        if few
    }


_EN_UNITS = _numbered("zero/oh/o/nought/nil one two three four five six seven eight nine")
_EN_TENS = _numbered("twenty thirty forty/fourty fifty sixty seventy eighty ninety", 20, 10)
_DE_UNITS = _numbered("null eins/ein zwei/zwo drei vier fünf/fuenf sechs sieben acht neun")
_DE_TENS = _numbered("zwanzig dreißig/dreissig vierzig fünfzig/fuenfzig sechzig siebzig achtzig neunzig", 20, 10)
_FR_UNITS = _numbered("zéro/zero un/une deux trois quatre cinq six sept huit neuf")
_FR_TENS = {
    **_numbered("vingt/vingts trente quarante cinquante soixante", 20, 10),
    **{"septante": 70, "huitante": 80, "octante": 80, "nonante": 90},
}
_ES_UNITS = _numbered("cero uno/un/una dos tres cuatro cinco seis siete ocho nueve")
_ES_TENS = _numbered("veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa", 20, 10)

LANGUAGES: Mapping[str, Words] = {
    "en": {
        **_EN_UNITS,
        **_numbered("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10),
        **_EN_TENS,
    },
    "de": {
        **_DE_UNITS,
        **_numbered("zehn elf zwölf/zwoelf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn", 10),
        **_DE_TENS,
        **_joined(_DE_UNITS, _DE_TENS, "und", units_first=True),
    },
    "fr": {**_FR_UNITS, **_numbered("dix onze douze treize quatorze quinze seize", 10), **_FR_TENS},
    "es": {
        **_ES_UNITS,
        **_numbered("diez once doce trece catorce quince", 10),
        **_numbered("dieciséis/dieciseis diecisiete dieciocho diecinueve", 16),
        **_ES_TENS,
        **_numbered("veintiuno/veintiún veintidós/veintidos veintitrés/veintitres veinticuatro veinticinco", 21),
        **_numbered("veintiséis/veintiseis veintisiete veintiocho veintinueve", 26),
    },
}
TIMES = {"double": 2, "triple": 3, "treble": 3, "doppel": 2, "doppelt": 2, "zweimal": 2, "dreimal": 3, "doble": 2}
LINKS = frozenset({"and", "et", "y", "und"})
HUNDREDS = {"hundred": 100, "hundert": 100, "cent": 100, "cents": 100, "cien": 100, "ciento": 100}
PAUSES = frozenset(
    "uh uhm um er erm eh ah hm hmm mm mhm äh ähm öh öhm euh heu este pues sorry wait pardon no nein "
    "yes yeah okay ok right ja genau oui sí".split()
)
"""What is said among the words of a number and is none of it: who thinks, is answered, or corrects himself."""
_WORD = re.compile(r"[^\W\d_]+|\d+")
_TEN = 10
_SHORTEST, _LONGEST = 7, 15
_LONGEST_SAID = 2000
"""Characters of numbers in a row that are understood; more are one hit as they are."""
_LEAST_WORDS = 3
_SHORTEST_PIN, _LONGEST_PIN = 3, 8


def number_words() -> list[str]:
    """Every word of a number, and those that stand among them."""
    found = {word for words in LANGUAGES.values() for word in words}
    return sorted(found | TIMES.keys() | HUNDREDS.keys())


def spoken_number(hit: str) -> str | None:
    """The number that the words say, as if it were dialled; None where they are few, or only count.

    Of numbers in a row all digits are one.
    """
    if len(hit) > _LONGEST_SAID:
        return hit.casefold()
    words = [word for word in _WORD.findall(hit.casefold()) if word not in PAUSES]
    if sum(map(str.isalpha, words)) < _LEAST_WORDS:
        return None
    digits = _digits_of(words)
    if len(digits) < _SHORTEST or _counts(words):
        return None
    return national(digits) if len(digits) <= _LONGEST else digits


def spoken_pin(hit: str) -> str | None:
    """The few digits that the words say."""
    digits = _digits_of([word for word in _WORD.findall(hit.casefold()) if word not in PAUSES])
    return digits if _SHORTEST_PIN <= len(digits) <= _LONGEST_PIN else None


def _digits_of(words: Sequence[str]) -> str:
    """The digits that words say, in one language or in several; empty where they say none."""
    for language in LANGUAGES.values():
        if said := _said(words, language):
            return said
    return _said(words, {word: value for language in LANGUAGES.values() for word, value in language.items()})


def _counts(words: Sequence[str]) -> bool:
    """Whether somebody only counts: one, two, three."""
    for language in LANGUAGES.values():
        values = [language[word] for word in words if word in language]
        if len(values) == len(words):
            return all(two - one == 1 for one, two in pairwise(values))
    return False


def _said(words: Sequence[str], language: Words) -> str:
    """The digits that words say in one language; empty where one of them is of another."""
    return "".join(_digits(words, language)) if all(_is_said(word, language) for word in words) else ""


def _is_said(word: str, language: Words) -> bool:
    return word in language or word in TIMES or word in LINKS or word in HUNDREDS or word.isdigit()


def _digits(words: Sequence[str], language: Words) -> Iterator[str]:
    place, times = 0, 1
    while place < len(words):
        word = words[place]
        if word in TIMES or word in LINKS:
            times = TIMES.get(word, times)
            place += 1
            continue
        said, place = _one(words, place, language)
        yield said * times
        times = 1


def _one(words: Sequence[str], place: int, language: Words) -> tuple[str, int]:
    """The number that begins at a place, and the place behind it."""
    if words[place].isdigit():
        return words[place], place + 1
    value = HUNDREDS.get(words[place]) or language[words[place]]
    place += 1
    while place < len(words):
        skip = int(words[place] in LINKS and place + 1 < len(words))
        following = words[place + skip]
        more = HUNDREDS.get(following) or language.get(following, 0)
        if not skip and more == HUNDREDS["hundred"] and 0 < value < _TEN:
            value *= more
        elif _joins(value, more, linked=bool(skip), french="soixante" in language):
            value = value * more if (value, more) == (4, 20) else value + more
        else:
            break
        place += skip + 1
    return str(value), place


def _joins(value: int, more: int, *, linked: bool, french: bool) -> bool:
    """Whether a smaller number goes on with a greater one: twenty | one, quatre | vingt, soixante | douze."""
    if french and ((value, more) == (4, 20) or (value in (60, 80) and 0 < more < 2 * _TEN)):
        return True
    tens = value % 100 >= 2 * _TEN and value % _TEN == 0
    return (tens and 0 < more < _TEN) or (linked and value >= 100 and value % 100 == 0 and 0 < more < 100)  # noqa: PLR2004


DOTS = ("dot", "punkt", "point", "punto")
ATS = ("at", "ät", "arobase", "arroba", "klammeraffe")
SIGNS = {
    **dict.fromkeys(DOTS, "."),
    **dict.fromkeys(("underscore", "unterstrich", "tiret bas", "guion bajo"), "_"),
    **dict.fromkeys(("dash", "hyphen", "minus", "bindestrich", "tiret", "guion"), "-"),
    **dict.fromkeys(ATS, "@"),
}
DOMAINS = (
    "com org net edu gov info io int mil biz name pro aero coop museum mobi travel jobs app dev web online site shop "
    "store tech cloud email mail blog media news press radio studio academy school berlin london paris wien "
    "example test invalid local"
).split()
"""Ends of names of machines that are no countries'."""
_NO_HOST = frozenset("the a an this that our my der die das le la el".split())
_SIGN = re.compile(rf"(?i) (?:{'|'.join(sorted(SIGNS, key=len, reverse=True))}) ")


def spoken_mail(hit: str) -> str | None:
    """`ana dot silva at example dot com` as it is written; None where `at the dot …` is said."""
    written = _SIGN.sub(lambda match: SIGNS[match.group().strip().casefold()], hit.casefold())
    return None if written.partition("@")[2].partition(".")[0].split()[0] in _NO_HOST else written.replace(" ", "")


def spelt(hit: str) -> str | None:
    """The word that is spelt letter by letter; None for the letters of the alphabet in their order."""
    letters = re.findall(r"[^\W\d_]", hit.casefold())
    steps = [ord(two) - ord(one) for one, two in pairwise(letters)]
    return None if all(step == 1 for step in steps) or len(set(letters)) == 1 else "".join(letters)
