"""Cues: the words before personal data that say what it is, as patterns for the plain view of a text."""

from __future__ import annotations

from librarian.privacy.view import plain


def _any(words: str) -> bytes:
    """One of some words, which `|` parts: in the plain view, letter case ignored."""
    return rb"(?i:" + plain(words) + rb")"


def after(cue: bytes, value: bytes, between: bytes) -> bytes:
    """A value behind a cue that stands on word edges, `_` included."""
    return rb"(?:\A|[^A-Za-z\xe9])" + cue + between + rb"(" + value + rb")"


IS = (
    rb"(?:[ \x1f]?(?:\(?(?i:nos?|nr|num|numbers?|nummer|numero|n\xe9mero|n|code|id|is|was|ist|war|est|es|era|lautet|on"
    rb"|of|am|le|el|il|op|em|a|de|issued|expires)\)?\b)?[.:=#/'\" \x1f,()\xb7\xe9-]{0,3}){0,4}"
)
"""What may stand between a cue and its value: `no.`, `is`, a colon …"""
NAME = _any(
    "my name is|my name's|name is|i am called|they call me|mein name ist|ich hei(?:ß|ss)e|je m.appelle|mon nom est|"
    "je me nomme|me llamo|mi nombre es|mi chiamo|il mio nome è|o meu nome é|meu nome é|mijn naam is|ik heet|jag heter|"
    "jeg hedder|nazywam się"
)
BIRTH = _any(
    "(?:was |were )?born|date of birth|birth ?da(?:te|y)|d\\.?o\\.?b\\.?|geb(?:oren|\\.)?|geburts(?:datum|tag)|née?|"
    "date de naissance|naci(?:do|da|ó|miento)|nací|nat[oa]|nascit[oa]|data di nascita|nascid[oa]|nasceu|"
    "data de nascimento|geboortedatum|född|født|fødselsdato|urodzon[ya]|ur\\."
)
PASSPORT = _any("passports?|passeport|(?:reise)?pass|pasaporte|passaporto?e?|paspoort|paszport|passnummer|pas nr")
PLATE = _any(
    "licen[cs]e plate|number ?plate|plate|registration|kennzeichen|nummernschild|immatriculation|plaque|matr[ií]cula|"
    "placa|targa|kenteken|nummerplade|registreringsnummer|rejestracja"
)
ID = _any(
    "ssn|social security|national insurance|insurance|nin|nhs|national id|personal (?:code|number|id)|"
    "person(?:al)?(?:nummer|-?nr)|identity|identification|id|tax(?:payer)?|tin|steuer(?:-?id|nummer)?|"
    "sozialversicherung\\w*|versicherung\\w*|ausweis|ahv|"
    "sécurité sociale|insee|nir|dni|nif|nie|cédula|curp|rfc|cpf|codice fiscale|c\\.?f\\.?|nss|bsn|burgerservicenummer|"
    "pesel|nip|cnp|oib|egn|henkilötunnus|hetu|fødselsnummer|cpr|isikukood|rodné číslo|aadhaar|kimlik"
)
PIN = _any(
    "pin|passcode|pass code|access code|security code|cvv|cvc|geheimzahl|code secret|código secreto|clave|pincode"
)
KEY = _any("api[-_ ]?key|secret|token|access[-_ ]?key|private[-_ ]?key|credentials?|authorization|auth")
PASSWORD = _any("passw(?:or)?d|passwd|pwd|passphrase|passwort|kennwort|mot de passe|contraseña|pw")
