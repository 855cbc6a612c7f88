"""Recognizers: personal data that is known by its shape, or by the words before it. They are data, and nothing else.

Their patterns are google-re2's (linear time) and read the plain view of a text (`view`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from librarian.privacy.phones import GAP
from librarian.privacy.spoken import ATS, SIGNS, number_words
from librarian.privacy.view import plain

MOST = 50_000
"""Matches of one recognizer that are looked at in one text; what stands behind them is withheld."""
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
    most: int = MOST


def _any(words: str) -> bytes:
    """One of some words, which `|` parts: in the plain view, letter case ignored."""
    return rb"(?i:" + plain(words) + rb")"


def _after(cue: bytes, value: bytes, between: bytes) -> bytes:
    """A value behind a cue that stands on word edges, `_` included."""
    return rb"(?:\A|[^A-Za-z\xe9])" + cue + between + rb"(" + value + rb")"


_IS = (
    rb"(?:[ \x1f]?(?:\(?(?i:nos?|nr|num|numbers?|nummer|numero|n\xe9mero|n|code|id|is|was|ist|war|est|es|era|lautet|on"
    rb"|of|am|le|il|op|em|a|de|issued|expires)\)?\b)?[.:=#/'\" \x1f,()\xb7\xe9-]{0,3}){0,4}"
)
"""What may stand between a cue and its value: `no.`, `is`, a colon …"""
_NAME_CUES = _any(
    "my name is|my name's|name is|i am called|they call me|mein name ist|ich hei(?:ß|ss)e|je m.appelle|mon nom est|"
    "je me nomme|me llamo|mi nombre es|mi chiamo|il mio nome è|o meu nome é|meu nome é|mijn naam is|ik heet|jag heter|"
    "jeg hedder|nazywam się"
)
_BIRTH_CUES = _any(
    "(?:was |were )?born|date of birth|birth ?da(?:te|y)|d\\.?o\\.?b\\.?|geb(?:oren|\\.)?|geburts(?:datum|tag)|née?|"
    "date de naissance|naci(?:do|da|ó|miento)|nací|nat[oa]|nascit[oa]|data di nascita|nascid[oa]|nasceu|"
    "data de nascimento|geboortedatum|född|født|fødselsdato|urodzon[ya]|ur\\."
)
_PASSPORT_CUES = _any("passports?|passeport|(?:reise)?pass|pasaporte|passaporto?e?|paspoort|paszport|passnummer|pas nr")
_PLATE_CUES = _any(
    "licen[cs]e plate|number ?plate|plate|registration|kennzeichen|nummernschild|immatriculation|plaque|matr[ií]cula|"
    "placa|targa|kenteken|nummerplade|registreringsnummer|rejestracja"
)
_ID_CUES = _any(
    "ssn|social security|national insurance|insurance|nin|nhs|national id|personal (?:code|number|id)|person(?:al)?(?:nummer|-?nr)|"
    "identity|identification|id|tax(?:payer)?|tin|steuer(?:-?id|nummer)?|sozialversicherung\\w*|versicherung\\w*|ausweis|ahv|"
    "sécurité sociale|insee|nir|dni|nif|nie|cédula|curp|rfc|cpf|codice fiscale|c\\.?f\\.?|nss|bsn|burgerservicenummer|"
    "pesel|nip|cnp|oib|egn|henkilötunnus|hetu|fødselsnummer|cpr|isikukood|rodné číslo|aadhaar|kimlik"
)
_PIN_CUES = _any(
    "pin|passcode|pass code|access code|security code|cvv|cvc|geheimzahl|code secret|código secreto|clave|pincode"
)
_KEY_CUES = _any(
    "api[-_ ]?key|secret|token|access[-_ ]?key|private[-_ ]?key|credentials?|authorization|auth"
)
_PASSWORD_CUES = _any("passw(?:or)?d|passwd|pwd|passphrase|passwort|kennwort|mot de passe|contraseña|pw")
_MONTH = rb"[A-Za-z\xe9]{3,10}\.?"
_DAY_OF_YEAR = (
    rb"\d{1,2}[./\- \x1f]{1,2}\d{1,2}[./\- \x1f]{1,2}(?:\d{4}|\d\d)\b|\d{4}[./\-\x1f]\d{1,2}[./\-\x1f]\d{1,2}"
    rb"|(?i:the )?\d{1,2}(?:\.|st|nd|rd|th|er|\xe9|\xba|\xaa|\xb7)?(?: (?i:of|de|di|den))? " + _MONTH + rb"(?: (?i:de|of|del))?,? \d{4}"
    rb"|" + _MONTH + rb" \d{1,2}(?:st|nd|rd|th)?,? \d{4}|(?:19|20)\d{6}\b"
)
_WORD = b"(?:" + b"|".join(sorted(map(plain, number_words()), key=len, reverse=True)) + b")"
_LINKED = rb"[ ,.\-]{1,2}(?:(?:and|et|y|und) )?"
_SAID = rb"(?i)\b" + _WORD + rb"(?:" + _LINKED + rb"(?:" + _WORD + rb"|\d{1,4})){3,}\b"
_SIGN = b"(?:" + b"|".join(sorted(map(plain, SIGNS.keys() - set(ATS)), key=len, reverse=True)) + b")"
_AT = b"(?:" + b"|".join(map(plain, ATS)) + b")"
_DEGREES = rb"\d{1,3}(?:\.\d{1,8})?\xb7 ?(?:\d{1,2}(?:\.\d{1,6})?(?:'|\xb7) ?(?:\d{1,2}(?:\.\d{1,4})?(?:\"|''|\xb7{1,2}) ?)?)?[NSEWO]"

RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        "EMAIL",
        gate=rb"@",
        pattern=rb"[\w\xe9\x1f.!#$%&'*+/=?^`{|}~-]+@(?:[\w\xe9\x1f-]+\.)+[A-Za-z\xe9][A-Za-z0-9\xe9-]+",
    ),
    Recognizer(
        "EMAIL",
        gate=rb"(?i) " + _AT + rb" [\w\xe9]+ (?:dot|punkt|point|punto) ",
        pattern=rb"(?i)\b[\w\xe9]+(?: " + _SIGN + rb" [\w\xe9]+)* " + _AT + rb" [\w\xe9]+(?: " + _SIGN + rb" [\w\xe9]+)*"
        rb" (?:dot|punkt|point|punto) (?:com|org|net|edu|gov|info|io|[a-z]{2})\b",
        validator="spoken_mail",
    ),
    Recognizer(
        "URL", gate=rb"://", pattern=rb"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s<>\"']+", validator="url"
    ),
    Recognizer(
        "USER",
        gate=rb"(?i)/(?:home|Users)/|\\(?:Users|Documents and Settings)\\",
        pattern=rb"/(?:home|Users)/+([^\s/\\\"'<>:;,|*?()\[\]]+)"
        rb"|(?i:\\(?:Users|Documents and Settings)\\+)"
        rb"(?:([^/\\:*?\"'<>|\r\n]{1,64})\\|([^\s/\\\"'<>:;,|*?()\[\]]+))",
    ),
    Recognizer(
        "IP",
        gate=rb"\d\.\d{1,3}\.\d{1,3}\.\d|:[0-9A-Fa-f]{0,4}:",
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
        gate=rb"(?i)\d[a-z0-9]{6}|\d{6}[-+a-fu-y]\d{3}|\d{3}[. ]?\d{3}[- ]?[a-z]\b",
        pattern=rb"\b(?i:[a-z]{0,6}\d[a-z0-9]{6,17}|\d{6}[-+a-fu-y]\d{3}[0-9a-z]|[a-z]?\d{1,2}[. ]?\d{3}[. ]?\d{3}[- ]?[0-9a-z])\b",
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
        gate=_after(_ID_CUES, rb"[A-Za-z0-9]", _IS),
        pattern=_after(_ID_CUES, rb"[A-Za-z]{0,6}\d(?:[ ./-]?[A-Za-z0-9]){5,18}", _IS),
        validator="named_id",
        cut="longest",
        most=_MOST_COSTLY,
    ),
    Recognizer(
        "ID",
        gate=_after(_ID_CUES, rb"[A-Z0-9]", _IS),
        pattern=_after(_ID_CUES, rb"(?:[A-Z]{1,4}[ -]?)?\d(?:[ ./-]?[A-Z0-9]){5,18}\b", _IS),
        validator="numbered",
        levels=("strict",),
    ),
    Recognizer(
        "PASSPORT",
        gate=_after(_PASSPORT_CUES, rb"[A-Za-z0-9]", _IS),
        pattern=_after(_PASSPORT_CUES, rb"[A-Z0-9]{1,3} ?[0-9A-Z]{5,9}\b", _IS),
        validator="document",
    ),
    Recognizer(
        "PLATE",
        gate=_after(_PLATE_CUES, rb"[A-Z0-9\xe9]", _IS),
        pattern=_after(_PLATE_CUES, rb"[A-Z0-9\xe9]{1,4}(?:[ \xb7.-]{0,2}[A-Z0-9]{1,4}){1,3}\b", _IS),
        validator="plate",
    ),
    Recognizer(
        "BIRTH",
        gate=_after(_BIRTH_CUES, rb"[A-Za-z0-9\xe9]", _IS),
        pattern=_after(_BIRTH_CUES, _DAY_OF_YEAR, _IS),
        validator="birth",
    ),
    Recognizer(
        "NAME",
        gate=_NAME_CUES + rb" ",
        pattern=_after(_NAME_CUES, rb"[A-Za-z\xe9][A-Za-z\xe9'-]*(?: [A-Z\xe9][A-Za-z\xe9'-]*){0,2}", rb" "),
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
        gate=_KEY_CUES + rb"[\w\x1f]*[\"']{0,2} ?[:= ]|(?i:bearer|basic) [A-Za-z0-9]",
        pattern=_KEY_CUES + rb"[\w\x1f]*[\"']{0,2} {0,2}[:= ] {0,2}(?i:bearer |basic |token )?[\"']?([^\s\"',;&<>]+)"
        rb"|\b(?i:bearer|basic) ([^\s\"',;&<>]+)",
        validator="key",
    ),
    Recognizer(
        "SECRET",
        gate=_PASSWORD_CUES + rb"[\w\x1f]{0,16}[\"']{0,2} ?[:=]",
        pattern=_PASSWORD_CUES + rb"[\w\x1f]{0,16}[\"']{0,2} ?[:=] ?[\"']?([^\s\"',;&<>]+)",
        validator="password",
    ),
    Recognizer(
        "PIN", gate=_after(_PIN_CUES, rb"\d", _IS), pattern=_after(_PIN_CUES, rb"\d{3,8}\b", _IS), validator="digits"
    ),
    Recognizer(
        "PHONE",
        gate=rb"\d(?:" + GAP + rb"\d){6}",
        pattern=rb"(?:\+[ (\x1f]{0,2})?(?:\d{10,}|\d(?:" + GAP + rb"\d){6,})",
        validator="phone",
        cut="phones",
        clocks=False,
        levels=("strict",),
    ),
    Recognizer(
        "PHONE",
        gate=rb"\d(?:" + GAP + rb"\d){6}",
        pattern=rb"(?:\+[ (\x1f]{0,2})?(?:\d{10,}|\d(?:" + GAP + rb"\d){6,})",
        validator="phone",
        cut="dialled",
        clocks=False,
        levels=("balanced",),
    ),
    Recognizer(
        "PHONE",
        gate=_SAID,
        pattern=_SAID,
        validator="spoken_number",
        most=_MOST_COSTLY,
    ),
)
