"""Recognizers: personal data that is known by its shape, or by the words before it. They are data, and nothing else.

Their patterns are google-re2's (linear time) and read the plain view of a text (`view`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from librarian.privacy.cues import BIRTH, ID, IS, KEY, NAME, PASSPORT, PASSWORD, PIN, PLATE, after
from librarian.privacy.phones import GAP
from librarian.privacy.spoken import ATS, DOMAINS, PAUSES, SIGNS, number_words
from librarian.privacy.view import plain

MOST_HITS = 10_000
"""Hits of one kind in one text; what stands behind them is withheld, so that no text takes long."""
MOST_LOOKED_AT = 200_000
"""Matches that are looked at, hits or not."""
_MOST_COSTLY = 4_000
Cut = Literal["whole", "unnamed", "phones", "dialled", "longest", "alone"]
Level = Literal["strict", "balanced", "off"]


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One type of personal data.

    Args:
        type: the word in its pseudonyms.
        gate: a quick pattern that is found wherever a hit is; all gates are tried at once.
        pattern: what the hit looks like; where it has groups, the one that took part is the hit.
        validator: the name of what decides whether a match is a hit (`validators.VALIDATORS`).
        cut: the name of what makes hits of a match (`search.CUTS`).
        clocks: whether the pattern may read ids, digests and times; they are zeroed for it otherwise.
        levels: at which it is used.
        most: matches that are looked at in one text.
    """

    type: str
    gate: bytes
    pattern: bytes
    validator: str = "text"
    cut: Cut = "whole"
    clocks: bool = True
    levels: Sequence[Level] = ("strict", "balanced")
    most: int = MOST_LOOKED_AT


def _one_of(words: Iterable[str]) -> bytes:
    """Any of some words, the longest first, in the plain view."""
    return b"(?:" + b"|".join(map(plain, sorted(words, key=lambda word: (-len(word), word)))) + b")"


_MONTH = rb"[A-Za-z\xe9]{3,10}\.?"
_DAY_OF_YEAR = (
    rb"\d{1,2}[./\- \x1f]{1,2}\d{1,2}[./\- \x1f]{1,2}(?:\d{4}|\d\d)\b|\d{4}[./\-\x1f]\d{1,2}[./\-\x1f]\d{1,2}"
    rb"|(?i:the )?\d{1,2}(?:\.|st|nd|rd|th|er|\xe9|\xba|\xaa|\xb7)?(?: (?i:of|de|di|den))? "
    + _MONTH
    + rb"(?: (?i:de|of|del))?,? \d{4}"
    rb"|" + _MONTH + rb" \d{1,2}(?:st|nd|rd|th)?,? \d{4}|(?:19|20)\d{6}\b"
)
_SEVEN_DIGITS = rb"\d(?:" + GAP + rb"\d){6}"
_DIGITS = rb"(?:\+[ (\x1f]{0,2})?(?:\d{10,}|\d(?:" + GAP + rb"\d){6,})"
_WORD = _one_of(number_words())
_GAP = rb"[ ,.\-\xb7]{1,4}"
_LINKED = _GAP + rb"(?:(?:and|et|y|und|" + _one_of(PAUSES) + rb")" + _GAP + rb"){0,3}"
_SAID = rb"(?i)\b" + _WORD + rb"(?:" + _LINKED + rb"(?:" + _WORD + rb"|\d{1,4})){3,}\b"
_SAID_PIN = rb"(?i:" + _WORD + rb"(?:" + _LINKED + _WORD + rb"){2,7})\b"
_LETTERS = rb"(?i)\b[a-z](?:(?:,? |\. |-)[a-z]){3,}\b"
_DOMAIN = rb"(?:" + _one_of(DOMAINS) + rb"|[a-z]{2})"
_SIGN = _one_of(SIGNS.keys() - set(ATS))
_SPELT = rb"[\w\xe9]+(?: " + _SIGN + rb" [\w\xe9]+)*"
_AT = _one_of(ATS)
_SECONDS = rb"(?:\d{1,2}(?:\.\d{1,4})?(?:\"|''|\xb7{1,2}) ?)?"
_DEGREES = rb"\d{1,3}(?:\.\d{1,8})?\xb7 ?(?:\d{1,2}(?:\.\d{1,6})?(?:'|\xb7) ?" + _SECONDS + rb")?[NSEWO]"

RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        "EMAIL",
        gate=rb"@",
        pattern=rb"[\w\xe9\x1f.!#$%&'*+/=?^`{|}~-]+@(?:[\w\xe9\x1f-]+\.)+[A-Za-z\xe9][A-Za-z0-9\xe9-]+",
    ),
    Recognizer(
        "EMAIL",
        gate=rb"(?i) " + _AT + rb" [\w\xe9]+ (?:dot|punkt|point|punto) ",
        pattern=rb"(?i)\b" + _SPELT + rb" " + _AT + rb" " + _SPELT + rb" (?:dot|punkt|point|punto) " + _DOMAIN + rb"\b",
        validator="spoken_mail",
    ),
    Recognizer("URL", gate=rb"://", pattern=rb"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s<>\"']+", validator="url"),
    Recognizer(
        "USER",
        gate=rb"(?i)/(?:home|Users)/|\\(?:Users|Documents and Settings)\\",
        pattern=rb"/(?:home|Users)/+([^\s/\\\"'<>:;,|*?()\[\]]+)"
        rb"|(?i:\\(?:Users|Documents and Settings)\\+)"
        rb"(?:([^/\\:*?\"'<>|\r\n]{1,64})\\|([^\s/\\\"'<>:;,|*?()\[\]]+))",
    ),
    Recognizer(
        "IP",
        gate=rb"\d\.\d{1,3}\.\d{1,3}\.\d|::|:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:",
        pattern=rb"\b\d{1,3}(?:\.\d{1,3}){3}\b|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*[0-9A-Fa-f]",
        validator="address",
        cut="unnamed",
    ),
    Recognizer(
        "MAC",
        gate=rb"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.",
        pattern=rb"\b(?:(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
        rb"|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})\b",
        validator="mac",
    ),
    Recognizer(
        "CARD",
        gate=rb"\d(?:[ .\x1f-]?\d){12}",
        pattern=rb"\b(?:[2-6]\d{3}(?:[ .\x1f-]?\d{4}){3}|3[47]\d\d[ .\x1f-]?\d{6}[ .\x1f-]?\d{5}"
        rb"|3[0689]\d\d[ .\x1f-]?\d{6}[ .\x1f-]?\d{4}|[2-6]\d{12,18})\b",
        validator="card",
        cut="unnamed",
    ),
    Recognizer(
        "IBAN",
        gate=rb"\b[A-Za-z]{2}\d\d[ \x1f-]?[A-Za-z0-9]{4}[ \x1f-]?[A-Za-z0-9]{4}",
        pattern=rb"\b[A-Za-z]{2}\d\d(?:[ \x1f-]?[A-Za-z0-9]{4}){2,7}(?:[ \x1f-]?[A-Za-z0-9]{1,3})?\b",
        validator="iban",
        cut="longest",
        most=_MOST_COSTLY,
    ),
    Recognizer(
        "ID",
        gate=rb"(?i)[a-z]\d\d[a-z0-9]{4}|\d{5}[a-z]|\d{16}|\d{6}[-+]\d{3}|\d{3}[. ]?\d{3}[- ]?[a-z]\b",
        pattern=rb"(?i)\b(?:[a-z]{1,6}\d\d[a-z0-9]{5,16}|\d{5,10}[a-z][a-z0-9]{0,9}|\d{15,18}[\dx]"
        rb"|\d{6}[-+a-fu-y]\d{3}[0-9a-z]|[a-z]?\d{1,2}[. ]?\d{3}[. ]?\d{3}[- ]?[a-z])\b",
        validator="lettered_id",
        most=_MOST_COSTLY,
    ),
    Recognizer(
        "ID",
        gate=rb"\d{1,6}[ ./-]\d{1,6}[ ./-]?\d{1,6}",
        pattern=rb"\b\d{1,8}(?:[ ./-]\d{1,6}){1,5}\b",
        validator="written_id",
        clocks=False,
        levels=("balanced",),  # at the strictest, a run of so many digits is a telephone number
    ),
    Recognizer(
        "ID",
        gate=after(ID, rb"[A-Za-z0-9]", IS),
        pattern=after(ID, rb"[A-Za-z]{0,6}\d(?:[ ./-]?[A-Za-z0-9]){5,18}", IS),
        validator="named_id",
        cut="longest",
        most=_MOST_COSTLY,
    ),
    Recognizer(
        "ID",
        gate=after(ID, rb"[A-Z0-9]", IS),
        pattern=after(ID, rb"(?:[A-Z]{1,4}[ -]?)?\d(?:[ ./-]?[A-Z0-9]){5,18}\b", IS),
        validator="numbered",
        levels=("strict",),
    ),
    Recognizer(
        "PASSPORT",
        gate=after(PASSPORT, rb"[A-Za-z0-9]", IS),
        pattern=after(PASSPORT, rb"[A-Z0-9]{1,3} ?[0-9A-Z]{5,9}\b", IS),
        validator="document",
    ),
    Recognizer(
        "PLATE",
        gate=after(PLATE, rb"[A-Z0-9\xe9]", IS),
        pattern=after(PLATE, rb"[A-Z0-9\xe9]{1,4}(?:[ \xb7.-]{0,2}[A-Z0-9]{1,4}){1,3}\b", IS),
        validator="plate",
    ),
    Recognizer(
        "BIRTH",
        gate=after(BIRTH, rb"[A-Za-z0-9\xe9]", IS),
        pattern=after(BIRTH, _DAY_OF_YEAR, IS),
        validator="birth",
    ),
    Recognizer(
        "NAME",
        gate=NAME + rb" ",
        pattern=after(NAME, rb"[A-Za-z\xe9][A-Za-z\xe9'-]*(?: [A-Z\xe9][A-Za-z\xe9'-]*){0,2}", rb" "),
        validator="introduced",
    ),
    Recognizer(
        "PLACE",
        gate=rb"\d\xb7|[+-]\d\d\.\d{3,}[+-]\d{3}\.|\d\.\d{4,}[,;] ?[+-]?\d{1,3}\.\d{4,}",
        pattern=_DEGREES + rb"(?:[ ,;/]{0,3}" + _DEGREES + rb")?|[+-]\d\d\.\d{3,8}[+-]\d{3}\.\d{3,8}"
        rb"|[+-]?\b\d{1,2}\.\d{4,9}[,;] ?[+-]?\d{1,3}\.\d{4,9}\b",
        validator="place",
        cut="alone",
    ),
    Recognizer(
        "SECRET",
        gate=rb"\b(?:sk|pk|rk|xox[a-z]|glpat|npm|hf|gh[a-z]|github\x1fpat|AKIA|ASIA|AIza|ya29|eyJ|SG\.|dop)"
        rb"|PRIVATE KEY",
        pattern=rb"\b(?:eyJ[\w\x1f-]{8,}\.[\w\x1f-]{8,}(?:\.[\w\x1f-]*)?|A[KS]IA[0-9A-Z]{16}\b|AIza[\w\x1f-]{30,}"
        rb"|(?:[spr]k|xox[a-z]|glpat|npm|hf|gh[a-z]|github\x1fpat|ya29|SG|dop)[-\x1f.][\w\x1f.-]{16,})"
        rb"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[A-Za-z0-9+/= ]*(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?",
        validator="exact",
    ),
    Recognizer(
        "SECRET",
        gate=KEY + rb"[\w\x1f]*[\"']{0,2} ?[:= ]|(?i:bearer|basic) [A-Za-z0-9]",
        pattern=KEY + rb"[\w\x1f]*[\"']{0,2} {0,2}[:= ] {0,2}(?i:bearer |basic |token )?[\"']?([^\s\"',;&<>]+)"
        rb"|\b(?i:bearer|basic) ([^\s\"',;&<>]+)",
        validator="key",
    ),
    Recognizer(
        "SECRET",
        gate=PASSWORD + rb"[\w\x1f]{0,16}[\"']{0,2} ?[:=]",
        pattern=PASSWORD + rb"[\w\x1f]{0,16}[\"']{0,2} ?[:=] ?[\"']?([^\s\"',;&<>]+)",
        validator="password",
    ),
    Recognizer("PIN", gate=after(PIN, rb"\d", IS), pattern=after(PIN, rb"\d{3,8}\b", IS), validator="digits"),
    Recognizer(
        "PHONE",
        gate=_SEVEN_DIGITS,
        pattern=_DIGITS,
        validator="phone",
        cut="phones",
        clocks=False,
        levels=("strict",),
    ),
    Recognizer(
        "PHONE",
        gate=_SEVEN_DIGITS,
        pattern=_DIGITS,
        validator="phone",
        cut="dialled",
        clocks=False,
        levels=("balanced",),
    ),
    Recognizer("PIN", gate=after(PIN, _WORD, IS), pattern=after(PIN, _SAID_PIN, IS), validator="spoken_pin"),
    Recognizer("NAME", gate=_LETTERS, pattern=_LETTERS, validator="spelt", most=_MOST_COSTLY, levels=("strict",)),
    Recognizer(
        "PHONE",
        gate=_SAID,
        pattern=_SAID,
        validator="spoken_number",
        most=_MOST_COSTLY,
    ),
)
