"""The corpus to tune on. The one that scores is another (`corpora_scoring`): other languages, formats and sentences."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import phonenumbers
from corpora import Make, Sample, samples, strings_of_records
from faker import Faker

LOCALES = "en_US de_DE fr_FR es_ES uk_UA bg_BG hr_HR sl_SI sk_SK et_EE lv_LV lt_LT de_AT fr_CH es_MX".split()
REGIONS = "US DE FR ES UA BG HR SI SK EE LV CH AT CA IE".split()
TRANSCRIPTS = [
    "my name is {NAME} and I was a weaver",
    "today we talk with {NAME} about the flood",
    "mein Name ist {NAME}, ich war Weber",
    "heute sprechen wir mit {NAME} über den Krieg",
    "je m'appelle {NAME} et je suis née ici",
    "nous recevons {NAME}, ancien mineur",
    "me llamo {NAME} y nací en el valle",
    "hoy hablamos con {NAME} sobre la fábrica",
    "сьогодні наш гість {NAME}, вітаємо",
    "днес наш гост е {NAME}, добре дошли",
    "naš gost je {NAME}, dobar dan",
    "z nami je {NAME}, lep pozdrav",
    "naším hosťom je {NAME}, dobrý deň",
    "meie külaline on {NAME}, tere",
    "mūsu viesis ir {NAME}, labdien",
    "šiandien kalbamės su svečiu, tai {NAME}",
]
FILES = [
    "{NAMEFILE} {date}.wav", "interview_{NAMEFILE}_{n}.mp3", "recv_out-{date}-{time}-{PHONE}.wav", "{PHONEFILE}.amr",
    "Call with {NAME} ({PHONE}).m4a", "{date}_{time}_{PHONEFILE}_left.wav", "{IBAN}.pdf", "{CARD} receipt.png",
]  # fmt: skip
OTHER = [
    "/home/{USER}/x.wav", "C:\\Users\\{USER}\\x.wav", "write to {MAIL} today", "open {URL} failed", "from {IP}:8188",
    "listening on [{IPSIX}]:80", "ether {MAC} txqueuelen 1000", "IBAN {IBAN}", "Karte {CARD} abgelehnt", "SSN: {SSN}",
    "Steuer-ID {ID}", "numéro de sécurité sociale {ID}", "DNI {ID}", "personal code {ID}", "Reisepass Nr. {PASSPORT}",
    "passport no {PASSPORT}", "Kennzeichen {PLATE}", "plate number {PLATE}", "geboren am {BIRTH}", "born {BIRTH} in Ulm",
    "né le {BIRTH}", "fecha de nacimiento: {BIRTH}", "GPS {PLACE}", "token={TOKEN}", "Authorization: Bearer {JWT}",
    "export OPENAI_API_KEY={OPENAI}", "api_key: {TOKEN}", "client_secret = '{TOKEN}'", "x-api-key {TOKEN}",
    "tax id {ID} was given", "the PIN is {PIN}", "Tel.: {PHONE}", "ruf {PHONE} an", "call me at {SAID} please",
    "meine Nummer ist {GESAGT}", "mi número es {DICHO}", "mail me, {SAIDMAIL}, any time",
]  # fmt: skip
PLAIN = [
    "{date} {clock}", "{date}T{clock}Z", "out-{date}-{time}.wav", "v{n}.{n}.{n}", "{n}.{n}.{n}+cu128", "{rate} Hz", "{big} bytes",
    "{big} frames at {rate} Hz", "rec_{base}", "{hex}", "htdemucs_ft", "wav2vec2-large-960h-lv60", "whisper-large-v3", "seed: {big}",
    "-{n}.{n} LUFS, -{n} dBTP", "{n}:{nn}:{nn}", "0.{big}", "cannot open file: No such file or directory", "CUDA out of memory. Tried to allocate {n}.00 GiB",
    "the cat sat on the mat", "es regnet seit Tagen", "il fait beau", "hace calor", "one two three", "in nineteen sixty two", "version {n}.{n}.{n}.{n}",
    "driver 590.48.01", "Killed by signal 9", "step voice of quickstart", "Will you mark the rose in May", "Frank talk about a grand art", "a[1::2]", "std::vector",
    "pages 1024-2048", "rows 10000-20000 of 90000", "max_tokens=512", "token: 5 of 12", "secret santa", "auth ok", "OH-1987-042",
    "passport control at noon", "the plate was hot", "he was born in Ulm", "my name is on the list", "the pin is broken", "position 123, 456",
    "point of no return", "look at the dot in it", "Sie war am Tag danach", "id 12", "identity matrix 128x128", "identification of {n}096 rows",
]  # fmt: skip


@cache
def _faker(locale: str) -> Any:
    return Faker(locale)


def _made(what: str, locales: list[str]) -> Make:
    def made(r: random.Random) -> str:
        maker = _faker(r.choice(locales))
        maker.seed_instance(r.randrange(2**32))
        return str(getattr(maker, what)())

    return made


def _name(r: random.Random) -> str:
    locale = [r.choice(LOCALES)]
    return f"{_made('first_name', locale)(r)} {_made('last_name', locale)(r)}"


def _phone(r: random.Random) -> str:
    number = phonenumbers.example_number_for_type(r.choice(REGIONS), r.choice([0, 1]))
    return phonenumbers.format_number(number, r.choice([0, 1, 2]))


def _random(count: int, letters: str) -> Make:
    return lambda r: "".join(r.choices(letters, k=count))


def _said(words: str, count: int) -> Make:
    return lambda r: " ".join(r.choices(words.split(), k=count))


def _changed(make: Make, change: Callable[[str], str]) -> Make:
    return lambda r: change(make(r))


ALPHANUMERIC = string.ascii_letters + string.digits
VALUES: Mapping[str, Make] = {
    "NAME": _name,
    "NAMEFILE": lambda r: _name(r).replace(" ", r.choice("_- ")),
    "PHONE": _phone,
    "PHONEFILE": _changed(_phone, lambda text: text.replace(" ", "")),
    "MAIL": _made("email", LOCALES),
    "URL": lambda r: f"https://{r.choice('abc')}:{r.randrange(10**6)}@host.example/x",
    "IP": _made("ipv4", LOCALES),
    "IPSIX": _made("ipv6", LOCALES),
    "MAC": _made("mac_address", LOCALES),
    "CARD": _made("credit_card_number", LOCALES),
    "IBAN": _made("iban", ["de_DE", "fr_FR", "es_ES", "de_AT"]),
    "SSN": _made("ssn", ["en_US"]),
    "ID": _made("ssn", ["es_ES", "fr_FR", "en_GB", "et_EE", "bg_BG", "de_CH", "es_MX", "zh_TW", "zh_CN", "es_VE"]),
    "PASSPORT": lambda r: r.choice("CFGHJK") + "".join(r.choices("0123456789CFGHJK", k=7)) + r.choice("0123456789"),
    "PLATE": lambda r: f"{r.choice(['M', 'UL', 'HH'])}-{''.join(r.choices(string.ascii_uppercase, k=2))} {r.randrange(10, 9999)}",
    "BIRTH": _made("date", LOCALES),
    "PLACE": lambda r: f"{r.uniform(-80, 80):.6f}, {r.uniform(-170, 170):.6f}",
    "TOKEN": _random(40, ALPHANUMERIC),
    "JWT": lambda r: f"eyJ{_random(20, ALPHANUMERIC)(r)}.eyJ{_random(30, ALPHANUMERIC)(r)}.{_random(40, ALPHANUMERIC)(r)}",
    "OPENAI": lambda r: "sk-" + _random(40, ALPHANUMERIC)(r),
    "PIN": _random(4, string.digits),
    "USER": lambda r: r.choice(["ana", "j.smith", "bob_k", "müller"]),
    "SAID": _said("zero oh one two three four five six seven eight nine", 10),
    "GESAGT": _said("null eins zwei zwo drei vier fünf sechs sieben acht neun", 10),
    "DICHO": _said("cero uno dos tres cuatro cinco seis siete ocho nueve", 9),
    "SAIDMAIL": lambda r: f"{r.choice(['ana', 'john dot smith'])} at example dot com",
    "date": lambda r: f"{r.randrange(1990, 2026)}-{r.randrange(1, 13):02d}-{r.randrange(1, 29):02d}",
    "time": lambda r: f"{r.randrange(24):02d}{r.randrange(60):02d}{r.randrange(60):02d}",
    "clock": lambda r: f"{r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d}",
    "n": lambda r: str(r.randrange(1, 10)),
    "nn": lambda r: f"{r.randrange(10, 60)}",
    "rate": lambda r: r.choice(["44100", "48000", "16000"]),
    "big": lambda r: str(r.randrange(10**6, 10**10)),
    "base": _random(13, "abcdefghijklmnopqrstuvwxyz234567"),
    "hex": _random(40, "0123456789abcdef"),
}  # fmt: skip


def corpus(number: int = 2000, seed: int = 1) -> Iterator[Sample]:
    """About `number` samples with marks, and others without."""
    source = random.Random(seed)
    for templates in (TRANSCRIPTS, FILES, OTHER):
        yield from samples(templates, VALUES, number // 3, source)
    yield from samples(PLAIN, VALUES, number // 3, source)
    yield from map(Sample, strings_of_records())
