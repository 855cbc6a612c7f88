"""The language of `librarian find`: terms that all have to hold, read into a query or refused with their place."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from librarian.errors import UsageError
from librarian.find.tokens import tokens
from librarian.quantity import Quantity

LONGEST, MOST_TERMS = 2000, 50
FIELDS = ("text", "speaker", "label", "step", "job", "lang", "after", "before")
QUANTITIES = {
    "length": Quantity("s", ms=0.001, min=60.0, h=3600.0),
    "loud": Quantity("LUFS", LKFS=1.0),
    "peak": Quantity("dBTP"),
    "range": Quantity("LU"),
}
"""Facts of the recording itself, by the names that they have here, and what they are said in."""
ALLOWED = (
    f"{' '.join(f'{each}:' for each in FIELDS)}; {' '.join(QUANTITIES)} and any other fact with < <= > >= =, such as "
    "loud<-30"
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    **{"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq},
}
_PLAIN = str.maketrans({"\N{MINUS SIGN}": "-", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_TERM = re.compile(
    r"(?P<minus>-)?"
    r"(?:(?P<field>[^\W\d]\w*):|(?P<fact>[^\W\d]\w*)(?P<sign><=|>=|<|>|=))?"
    r'(?:"(?P<quoted>[^"]*)"(?P<star>\*)?|(?P<bare>[^\s"]*))(?=\s|$)'
)
_DAY = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", re.ASCII)
_OPERATORS = ("AND", "OR", "NOT", "NEAR")


@dataclass(frozen=True)
class Phrase:
    """Words that are said one after the other; of the last maybe only its beginning."""

    tokens: tuple[str, ...]
    begins: bool
    excluded: bool


@dataclass(frozen=True)
class Speaker:
    """By whom it is said."""

    number: int
    excluded: bool


@dataclass(frozen=True)
class Word:
    """A label, the language, the step or the job of a result; `*`, `?` and `[…]` stand for any letters."""

    field: Literal["label", "step", "job", "lang"]
    pattern: str
    excluded: bool


@dataclass(frozen=True)
class Day:
    """From a day on, or before it: seconds since 1970 of its beginning."""

    field: Literal["after", "before"]
    when: float
    excluded: bool


@dataclass(frozen=True)
class Fact:
    """How a measured fact compares with a number or a word; `at`: where it stands in what was typed, from 1."""

    name: str
    sign: str
    value: float | str
    excluded: bool
    at: int

    def holds(self, found: object) -> bool:
        """Whether it does for what was found."""
        if isinstance(self.value, str):
            word = {True: "yes", False: "no"}.get(found) if isinstance(found, bool) else str(found)
            return word == self.value
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        return is_number and COMPARE[self.sign](found, self.value)


Term = Phrase | Speaker | Word | Day | Fact


@dataclass(frozen=True)
class Query:
    """What is looked for."""

    terms: tuple[Term, ...]

    @property
    def phrases(self) -> list[Phrase]:
        """What has to be said."""
        return [each for each in self.terms if isinstance(each, Phrase) and not each.excluded]

    @property
    def unwanted(self) -> list[Phrase]:
        """What must not be said."""
        return [each for each in self.terms if isinstance(each, Phrase) and each.excluded]

    @property
    def speakers(self) -> list[Speaker]:
        """By whom it has to be said."""
        return [each for each in self.terms if isinstance(each, Speaker)]

    def words(self, field: str) -> list[Word]:
        """What is asked of labels, steps, jobs or languages."""
        return [each for each in self.terms if isinstance(each, Word) and each.field == field]

    @property
    def days(self) -> list[Day]:
        """What is asked of dates."""
        return [each for each in self.terms if isinstance(each, Day)]

    @property
    def facts(self) -> list[Fact]:
        """What is asked of facts."""
        return [each for each in self.terms if isinstance(each, Fact)]

    @property
    def wants_words(self) -> bool:
        """Whether it can be answered from what was said alone."""
        return bool(self.phrases or self.unwanted or self.words("lang"))


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        UsageError: it is none. Of what was typed it says the place only.
    """
    if len(text) > LONGEST:
        raise UsageError(f"a query has {LONGEST:,} characters at the most")
    terms = tuple(_terms(text.translate(_PLAIN)))
    if not terms:
        raise UsageError(f"say what to look for: words, or {ALLOWED}")
    if len(terms) > MOST_TERMS:
        raise UsageError(f"a query has {MOST_TERMS} terms at the most")
    query = Query(terms)
    if query.speakers and not query.phrases:
        raise UsageError("speaker: says who says the words that are looked for; add some, or ask for speakers>2")
    return query


def wrong(at: int, why: str) -> UsageError:
    """What is said of a mistake: where it stands (characters, from 1), and what would be right."""
    return UsageError(f"at character {at} of the query: {why}")


def _terms(text: str) -> Iterator[Term]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TERM.match(text, at)
        if match is None:
            why = "a quote that is not closed, or stands in a word; a phrase is a term of its own"
            raise wrong(text.index('"', at) + 1, f'{why}: text:"holy fire"')
        yield _term(match)
        at = match.end()


def _term(match: re.Match[str]) -> Term:
    at, excluded = match.start() + 1, bool(match["minus"])
    value = match["bare"] if match["quoted"] is None else match["quoted"]
    if match["fact"]:
        return _fact(match["fact"], match["sign"], value, excluded, at)
    field = match["field"] or "text"
    if field not in FIELDS:
        near = difflib.get_close_matches(field, FIELDS, n=1)
        hint = f"{near[0]}: was meant, maybe" if near else f"allowed: {ALLOWED}"
        raise wrong(at, f"no such field; {hint}; to look for it as it stands, put quotes around it")
    if not value.strip():
        raise wrong(at, f"nothing stands behind {field}:" if match["field"] else "an empty term; leave it out")
    if field == "text":
        return _phrase(match, value, excluded, at)
    if field == "speaker":
        if not re.fullmatch("[1-9][0-9]{0,8}", value):
            raise wrong(at, "speaker: wants a number, from 1, such as speaker:2")
        return Speaker(int(value), excluded)
    if field in ("after", "before"):
        return Day(field, _day(field, value, at), excluded)  # type: ignore[arg-type]
    return Word(field, value.casefold(), excluded)  # type: ignore[arg-type]


def _phrase(match: re.Match[str], value: str, excluded: bool, at: int) -> Phrase:
    if match["quoted"] is None and not match["field"] and value in _OPERATORS:
        why = "all terms have to hold, and - before one excludes it; there is no other operator"
        raise wrong(at, f"{why}; to look for the word, put quotes around it")
    found = tokens(value)
    if not found:
        raise wrong(at, "no letter and no digit to look for; comparisons are written without spaces: loud<-30")
    if "*" in value[:-1]:
        raise wrong(at, "* stands at the end of a word only, for whatever follows: interview*")
    return Phrase(found, bool(match["star"]) or value.endswith("*"), excluded)


def _day(field: str, value: str, at: int) -> float:
    match = _DAY.fullmatch(value)
    try:
        if match is None:
            raise ValueError("no date")
        return datetime(int(match[1]), int(match[2] or 1), int(match[3] or 1)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise wrong(at, f"{field}: wants a day, a month or a year, such as {field}:2026-11-30") from None


def _fact(name: str, sign: str, value: str, excluded: bool, at: int) -> Fact:
    if name in FIELDS:
        raise wrong(at, f"{name} is followed by a colon: {name}:")
    quantity = QUANTITIES.get(name, Quantity(""))
    try:
        number = float(quantity.parse(value))
        if not math.isfinite(number):
            raise ValueError("no finite number")
    except ValueError:
        if sign == "=" and name not in QUANTITIES and re.fullmatch(r"[A-Za-z][\w.+-]*", value, re.ASCII):
            return Fact(name, sign, value, excluded, at)
        units = " or ".join(filter(None, quantity.scales))
        raise wrong(at, f"a number{f' in {units}' if units else ''} has to stand there, such as 12") from None
    return Fact(name, sign, number, excluded, at)
