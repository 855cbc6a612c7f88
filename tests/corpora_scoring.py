"""The corpus that scores: written apart from the one that tunes, with other languages, formats and sentence forms.

Nothing is tuned on it. Its names are written down here and come from no list that the recognizers use.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any

import phonenumbers
from corpora import Make, Sample, samples, strings_of_records
from faker import Faker
from phonenumbers import PhoneNumberFormat as Format
from phonenumbers import PhoneNumberType as Type

NAMES = {
    "en_GB": ("Oliver Harriet Callum Imogen Rhys Fiona Nigel Gemma", "Ashworth Pemberton Hughes Fairclough Entwistle Doyle"),
    "it": ("Giulia Lorenzo Chiara Matteo Francesca Salvatore Rosaria Ilaria", "Esposito Ferrari Colombo Marchetti Lombardi Rinaldi"),
    "pt": ("João Beatriz Gonçalo Inês Thiago Luciana Rodrigo Catarina", "Carvalho Figueiredo Nogueira Teixeira Magalhães Sousa"),
    "nl": ("Sanne Daan Femke Maarten Liesbeth Joris Anouk Bram", "Visser Dijkstra Hendriks Smit Bakker Mulder"),
    "pl": ("Agnieszka Zbigniew Małgorzata Wojciech Zofia Krzysztof Kinga Marek", "Wiśniewska Kamiński Lewandowski Zieliński Wójcik Mazur"),
    "sv": ("Astrid Gunnar Linnea Björn Ingrid Fredrik Elsa Lars", "Lindqvist Bergström Nyström Sandberg Eklund Holmgren"),
    "fi": ("Aino Mikko Päivi Jukka Sanna Timo Riikka Antti", "Virtanen Korhonen Nieminen Mäkinen Heikkinen Laine"),
    "cs": ("Tereza Ondřej Kateřina Jiří Lenka Tomáš Zdeněk Markéta", "Dvořák Svoboda Procházka Černý Horáková Novotná"),
    "tr": ("Ayşe Mehmet Zeynep Mustafa Elif Emre Fatma Hakan", "Yılmaz Demir Kaya Çelik Öztürk Aydın"),
    "ru": ("Екатерина Дмитрий Наталья Сергей Ольга Алексей Светлана Игорь", "Иванова Смирнов Кузнецова Попов Волкова Соколов"),
    "el": ("Δημήτρης Ελένη Γιώργος Κατερίνα Νίκος Σοφία Παναγιώτης Άννα", "Παπαδόπουλος Γεωργίου Οικονόμου Νικολάου Ιωάννου Δημητρίου"),
    "hu": ("Zsófia László Katalin Gábor Ágnes Attila Erzsébet Balázs", "Nagy Kovács Szabó Tóth Horváth Varga"),
    "ro": ("Andreea Mihai Ioana Cristian Elena Bogdan Gabriela Radu", "Popescu Ionescu Dumitrescu Stan Gheorghe Munteanu"),
    "da": ("Mette Søren Kirsten Rasmus Freja Anders Birgitte Henrik", "Jensen Nielsen Christensen Rasmussen Mortensen Kjær"),
    "ja": ("直樹 美咲 健太 陽子", "佐藤 鈴木 高橋 渡辺"),
    "hi": ("Priya Rajesh Sunita Vikram Anjali Deepak Kavita Arjun", "Sharma Patel Gupta Chatterjee Reddy Iyer"),
    "id": ("Siti Budi Dewi Agus Rina Wahyu Putri Hendra", "Wijaya Santoso Hidayat Setiawan Nugroho Kusuma"),
    "ng": ("Chinedu Ngozi Oluwaseun Funmilayo Emeka Adaeze", "Okafor Adeyemi Eze Balogun Nwosu Ibrahim"),
}  # fmt: skip
REGIONS = "GB IT PT NL PL SE FI CZ TR GR BR IN JP ZA AU MX".split()
IDS = {
    "it_IT": "ssn", "pl_PL": "pesel", "pt_BR": "cpf", "nl_NL": "ssn", "fi_FI": "ssn", "sv_SE": "ssn", "tr_TR": "ssn",
    "ro_RO": "ssn", "hr_HR": "ssn", "no_NO": "ssn", "cs_CZ": "birth_number", "en_IN": "aadhaar_id",
}  # fmt: skip
TRANSCRIPTS = [
    "right, so we're joined by {NAME} this morning, who drove down from Leeds",
    "I never met {NAME}, but {FIRST} did, back in the eighties",
    "buongiorno, oggi intervistiamo {NAME} nella sua casa",
    "poi è arrivata {FIRST} e abbiamo cenato insieme",
    "a nossa convidada de hoje é {NAME}, bem-vinda ao programa",
    "o meu vizinho {FIRST} nunca gostou do mar",
    "we spreken vandaag met {NAME} over de watersnood",
    "dzisiaj rozmawiamy z gościem, a jest nim {NAME}",
    "i studion sitter {NAME}, som arbetade vid varvet",
    "vieraana on {NAME}, joka muistaa sodan ajan",
    "naším hostem je {NAME} a budeme mluvit o továrně",
    "bugün konuğumuz {NAME}, hoş geldiniz",
    "сегодня у нас в гостях {NAME}, здравствуйте",
    "σήμερα μαζί μας είναι {NAME}, καλησπέρα σας",
    "mai vendégünk {NAME}, aki a gyárban dolgozott",
    "invitatul nostru este {NAME}, bună ziua",
    "i dag taler vi med {NAME} om fiskeriet",
    "tamu kita hari ini adalah {NAME}, selamat datang",
    "本日のゲストは{NAME}さんです",
]
SPOKEN = [
    "you can reach me on {SAID}, any time after six",
    "ja, die Nummer wäre {GESAGT}, am besten abends",
    "vous pouvez me joindre au {DIT} après dix-huit heures",
    "apunta el teléfono, es {DICHO}, por favor",
    "write to {SAIDMAIL} and they'll post it",
    "and then he goes {SAID} like that, slowly",
]
FILES = [
    "{NAMEFILE}_{isodate}.wav", "{isodate}-{NAMEFILE}-tape2.flac", "Nachlass/{year}/{NAMEFILE} side B.mp3",
    "{PHONEFILE}_{compact}.amr", "in_{PHONEFILE}.m4a", "rec-{compact}-{PHONEFILE}-left.wav", "WhatsApp {PHONE}.opus",
    "{IDFILE}_scan.png", "carta {CARD}.pdf", "estratto-{IBANFILE}.wav", "take {n} ({NAME}).aif", "{MAIL}_{isodate}.eml",
]  # fmt: skip
PATHS = [
    "/srv/nas/oral/{year}/{NAMEFILE}/reel_{n}.wav", "/home/{USER}/Music/tape.flac", "C:\\Users\\{USER}\\Desktop\\a b.wav",
    "/Users/{USER}/Library/take.wav", "smb://archive/{NAMEFILE}/{n}.wav", "D:\\Familie\\{NAME}\\{compact}.wav",
]  # fmt: skip
TAGS = [
    "TPE1={NAME}", "artist: {NAME}", "COMM=recorded for {NAME}, {PHONE}", "INAM=Interview with {NAME}",
    "contact={MAIL}", "location={PLACE}", "©xyz {PLACEISO}", "originator={NAME}", "album_artist={NAME}",
]  # fmt: skip
LOGS = [
    "{isodate} 14:07:{nn} WARN upload refused for {MAIL} (attempt {n})",
    "peer {IP}:5060 registered, {n} ms",
    "dhcp lease {IP} to {MAC}",
    "sip:{PHONEE} dialled at 08:{nn}:{nn}",
    "GET {URL} 404 in 0.{nn} s",
    "cannot read [{IPSIX}]:873, timeout after {n} s",
    "auth failed: Authorization: Bearer {JWT}",
    "config: api_key={APIKEY}",
    "export AWS_ACCESS_KEY_ID={AWS}",
    "cloned with token {GITHUB} into cache",
    "psql password={PASSWORD} host=db",
    "wifi {MAC} lost, rssi -{nn}",
    "payment by card {CARD} declined",
    "transfer from {IBAN} booked",
    "refund to IBAN: {IBAN}, thanks",
]
PERSONAL = [
    "PESEL/ID number: {ID}",
    "CPF or equivalent {ID} was read out",
    "her national insurance number is {ID}",
    "codice fiscale {IDIT}",
    "identity no. {ID}, checked by the clerk",
    "SSN {SSN} on file",
    "passport number {PASSPORT} expires soon",
    "passaporto n. {PASSPORT}",
    "paspoort {PASSPORT}, afgegeven te Utrecht",
    "the car's registration was {PLATE}",
    "licence plate: {PLATE}",
    "targa {PLATE}",
    "kenteken {PLATE}",
    "date of birth: {BIRTH}",
    "DOB {BIRTH}",
    "she was born on {BIRTHLONG} in the village",
    "nato il {BIRTHDOT}",
    "geboren op {BIRTHDOT} te Delft",
    "my PIN is {PIN}, don't tell",
    "we met at {PLACE}, by the well",
    "call {PHONE} or {PHONEE}",
    "tel. {PHONE}",
    "mobile {PHONE}, ask for {FIRST}",
    "telefono {PHONE}, interno {n}",
    "puh. {PHONE}",
    "numer {PHONE} nie odpowiada",
]
PLAIN = [
    "{isodate}T14:{nn}:{nn}Z", "recorded {isodate} at 09:{nn}", "reel {n} of {n}", "v{n}.{nn}.{n}", "ffmpeg version {n}.{n}.{n}",
    "Stream #0:0: Audio: pcm_s24le, 48000 Hz, stereo, s32 (24 bit), 2304 kb/s", "torch {n}.{nn}.1+cu126, driver 550.54.15",
    "sha256 {hex}", "commit {shorthex}", "{uuid}", "peak -{n}.{nn} dBTP, {nn}.{n} LUFS", "{bignum} bytes in {n} s",
    "RuntimeError: size mismatch, m1: [32 x {nnn}], m2: [{nnn} x 10]", "frame={nnnn} fps={nn} q=-1.0 size= {nnnn}kB time=00:0{n}:{nn}.{nn}",
    "model htdemucs_6s, shifts {n}, overlap 0.25", "speechbrain/spkrec-ecapa-voxceleb", "wav2vec2-large-xlsr-53", "pyannote/segmentation-3.0",
    "exit status {nnn} after 00:0{n}:{nn}", "block {nnnn}-{nnnn} of {nnnnn}", "the tide was high and the nets were full",
    "we sang until the lamps went out", "es war ein langer Winter damals", "on allait au marché le samedi", "era una notte fredda e lunga",
    "seed {nnnn}{nnnn}", "offset {bignum} samples", "{compact}_{hms}", "tape_{compact}T{hms}.flac", "{nn}-{nnnn}", "OH-{year}-{nnn}",
    "channel {n}: rms -{nn}.{nn} dB, dc 0.0000{nn}", "gap of {n} min {nn} s", "1/{nnn} s", "{nn}%", "{n}x{n} grid, stride {nnn}", "pid {nnnn}{n}",
    "ISRC missing, track {nn} of {nn}", "one two three testing", "chapter nineteen", "in nineteen eighty four we moved",
    "libsndfile-1.2.2", "Python 3.11.{n} (main), GCC 12.2.0", "0x{shorthex}", "AssertionError: {nnn} != {nnn}", "step words: {nn} of {nnn} done",
    "https://docs.pytorch.org/docs/stable/notes/cuda.html", "see https://example.net/guide/install", "channels=2 rate=96000 bits=24",
    "the choir of the parish, second rehearsal", "side A, wow and flutter, splice at 12:{nn}", "Mono (L), Dolby B, chrome", "mic 3 clipped {n} times",
]  # fmt: skip


def _name(r: random.Random) -> str:
    first, last = NAMES[r.choice(list(NAMES))]
    one, other = r.choice(first.split()), r.choice(last.split())
    if not one[0].isascii() and ord(one[0]) > 0x3000:
        return other + one
    return r.choice([f"{one} {other}"] * 5 + [f"{other}, {one}", f"{one.upper()} {other.upper()}", f"{other} {one}"])


def _first(r: random.Random) -> str:
    return r.choice(NAMES[r.choice([each for each in NAMES if each != "ja"])][0].split())


def _file_name(r: random.Random) -> str:
    one, other = (r.choice(each.split()) for each in NAMES[r.choice([each for each in NAMES if each != "ja"])])
    return r.choice([f"{one}_{other}", f"{other}_{one}", f"{one}-{other}".lower(), f"{one}{other}", f"{other}.{one}"])


def _phone(r: random.Random, formats: tuple[int, ...]) -> str:
    while True:
        region = r.choice(REGIONS)
        example = phonenumbers.example_number_for_type(region, r.choice([Type.MOBILE, Type.FIXED_LINE]))
        digits = str(example.national_number)
        changed = int(digits[:-5] + f"{r.randrange(10**5):05d}")
        number = phonenumbers.PhoneNumber(country_code=example.country_code, national_number=changed)
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, r.choice(formats))


def _luhn(digits: str) -> str:
    doubled = [sum(divmod(2 * int(each), 10)) for each in digits[::-2]]
    return digits + str(-(sum(doubled) + sum(map(int, digits[-2::-2]))) % 10)


def _card(r: random.Random) -> str:
    start, length = r.choice([("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("36", 14), ("3530", 16)])
    number = _luhn(start + "".join(r.choices("0123456789", k=length - len(start) - 1)))
    parts = [number[:4], number[4:10], number[10:]] if length < 16 else [number[i : i + 4] for i in range(0, 16, 4)]
    return r.choice([" ", "", "-"]).join(parts)


def _iban(r: random.Random) -> str:
    digits = lambda count: "".join(r.choices("0123456789", k=count))  # noqa: E731
    country, account = r.choice(
        [("GB", "NWBK" + digits(14)), ("NL", "ABNA" + digits(10)), ("IT", "X" + digits(22)), ("PT", digits(21)),
         ("PL", digits(24)), ("FI", digits(14)), ("NO", digits(11)), ("CH", digits(17)), ("LV", "HABA" + digits(13))]
    )  # fmt: skip
    from stdnum import iban

    made = country + iban.calc_check_digits(f"{country}00{account}") + account
    return r.choice([made, iban.format(made), made.lower()])


@cache
def _faker(locale: str) -> Any:
    return Faker(locale)


def _id(r: random.Random) -> str:
    locale = r.choice(list(IDS))
    _faker(locale).seed_instance(r.randrange(2**32))
    return str(getattr(_faker(locale), IDS[locale])())


def _italian(r: random.Random) -> str:
    _faker("it_IT").seed_instance(r.randrange(2**32))
    return str(_faker("it_IT").ssn())


def _mail(r: random.Random) -> str:
    who = r.choice(["g.ferrari", "hallo+tapes", "zofia_w", "info.joris", "x7", "Aino-Mikko", "o'brien"])
    host = r.choice(
        ["posteo.example", "uni-oslo.example", "mail.museum", "sub.archive.co.uk", "correio.pt", "münster.de"]
    )
    return f"{who}{r.choice(['', str(r.randrange(99))])}@{host}"


def _ip(r: random.Random) -> str:
    return f"{r.choice([10, 82, 172, 192, 203])}.{r.randrange(1, 255)}.{r.randrange(255)}.{r.randrange(1, 255)}"


def _ip6(r: random.Random) -> str:
    groups = [f"{r.randrange(0x1000, 0xFFFF):x}" for _ in range(8)]
    return r.choice([":".join(groups), f"fe80::{groups[0]}:{groups[1]}", f"2a02:{groups[2]}::{groups[3]}"])


def _mac(r: random.Random) -> str:
    pairs = [f"{r.randrange(256):02x}" for _ in range(6)]
    return r.choice([":".join(pairs), "-".join(pairs).upper()])


def _day(r: random.Random) -> date:
    return date(1921, 1, 1) + timedelta(days=r.randrange(33000))


def _token(r: random.Random, count: int, letters: str = "") -> str:
    return "".join(r.choices(letters or "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=count))


EN = "zero one two three four five six seven eight nine".split()
DE = "null eins zwei drei vier fünf sechs sieben acht neun".split()
ES = "cero uno dos tres cuatro cinco seis siete ocho nueve".split()
FR = "zéro dix vingt trente quarante cinquante soixante douze quinze seize".split()


def _said(words: list[str], count: int) -> Make:
    def said(r: random.Random) -> str:
        return r.choice([" ", " ", ", "]).join(r.choices(words, k=count))

    return said


def _said_double(r: random.Random) -> str:
    digits = r.choices(EN, k=6)
    return f"oh {digits[0]} {digits[1]} double {digits[2]} {digits[3]} triple {digits[4]} {digits[5]}"


def _ten(r: random.Random) -> str:
    return _said(EN, 10)(r) if r.random() < 0.5 else _said_double(r)


def _place(r: random.Random) -> str:
    lat, lon = r.uniform(-80, 80), r.uniform(-170, 170)
    return r.choice(
        [f"{lat:.5f}, {lon:.5f}", f"{abs(lat):.4f}° {'N' if lat > 0 else 'S'}, {abs(lon):.4f}° {'E' if lon > 0 else 'W'}",
         f"{int(abs(lat))}°{r.randrange(60)}'{r.randrange(60)}\"N {int(abs(lon))}°{r.randrange(60)}'{r.randrange(60)}\"E"]
    )  # fmt: skip


def _url(r: random.Random) -> str:
    return r.choice(
        [f"https://{_token(r, 6)}:{_token(r, 9)}@files.example.net/a", f"https://example.net/u?user=zofia{r.randrange(99)}",
         f"ftp://joris:{_token(r, 8)}@10.0.0.9/pub", f"http://t.example/@aino{r.randrange(99)}"]
    )  # fmt: skip


def _plate(r: random.Random) -> str:
    upper = "ABCDEFGHJKLMNPRSTUVWXYZ"
    return r.choice(
        [f"{_token(r, 2, upper)}{r.randrange(10, 99)} {_token(r, 3, upper)}", f"{_token(r, 2, upper)} {r.randrange(100, 999)} {_token(r, 2, upper)}",
         f"{r.randrange(10, 99)}-{_token(r, 2, upper)}-{_token(r, 2, upper)}", f"{_token(r, 3, upper)}-{r.randrange(100, 999)}"]
    )  # fmt: skip


VALUES: Mapping[str, Make] = {
    "NAME": _name,
    "FIRST": _first,
    "NAMEFILE": _file_name,
    "PHONE": lambda r: _phone(r, (Format.INTERNATIONAL, Format.NATIONAL)),
    "PHONEE": lambda r: _phone(r, (Format.E164,)),
    "PHONEFILE": lambda r: r.choice([str, lambda s: s.replace(" ", "_"), lambda s: s.replace("+", "00")])(
        _phone(r, (Format.E164, Format.INTERNATIONAL))
    ),
    "MAIL": _mail,
    "IP": _ip,
    "IPSIX": _ip6,
    "MAC": _mac,
    "URL": _url,
    "CARD": _card,
    "IBAN": _iban,
    "IBANFILE": lambda r: _iban(r).replace(" ", ""),
    "ID": _id,
    "IDFILE": _id,
    "IDIT": _italian,
    "SSN": lambda r: f"{r.randrange(100, 660):03d}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}",
    "PASSPORT": lambda r: r.choice([_token(r, 2, "ABCDEFGHKLM") + f"{r.randrange(10**6, 10**7)}", f"{r.randrange(10**8, 10**9)}"]),
    "PLATE": _plate,
    "BIRTH": lambda r: _day(r).strftime(r.choice(["%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%d %b %Y"])),
    "BIRTHLONG": lambda r: _day(r).strftime(r.choice(["%d %B %Y", "%B %d, %Y", "the %dth of %B %Y"])),
    "BIRTHDOT": lambda r: _day(r).strftime("%d.%m.%Y"),
    "PIN": lambda r: f"{r.randrange(1000, 9999)}",
    "PLACE": _place,
    "PLACEISO": lambda r: f"{r.uniform(10, 80):+08.4f}{r.uniform(10, 170):+09.4f}/",
    "JWT": lambda r: f"eyJ{_token(r, 30)}.eyJ{_token(r, 40)}.{_token(r, 43)}",
    "APIKEY": lambda r: _token(r, 32),
    "AWS": lambda r: "AKIA" + _token(r, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "GITHUB": lambda r: "ghp_" + _token(r, 36),
    "PASSWORD": lambda r: _token(r, 7) + r.choice("!$%") + _token(r, 4),
    "USER": lambda r: r.choice(["zofia", "joris.v", "g-ferrari", "aino_m", "mkaya", "Rhys Doyle", "елена"]).replace(" ", "_"),
    "SAID": _ten,
    "GESAGT": _said(DE, 9),
    "DIT": _said(FR, 5),
    "DICHO": _said(ES, 9),
    "SAIDMAIL": lambda r: f"{r.choice(['joris', 'aino dot laine', 'zofia underscore w'])} at {r.choice(['archive', 'tapes'])} dot {r.choice(['com', 'org', 'nl'])}",
    "isodate": lambda r: (date(2001, 1, 1) + timedelta(days=r.randrange(9000))).isoformat(),
    "compact": lambda r: (date(2001, 1, 1) + timedelta(days=r.randrange(9000))).strftime("%Y%m%d"),
    "hms": lambda r: f"{r.randrange(24):02d}{r.randrange(60):02d}{r.randrange(60):02d}",
    "year": lambda r: str(r.randrange(1931, 2024)),
    "n": lambda r: str(r.randrange(1, 10)),
    "nn": lambda r: f"{r.randrange(10, 60)}",
    "nnn": lambda r: f"{r.randrange(100, 1000)}",
    "nnnn": lambda r: f"{r.randrange(1000, 10000)}",
    "nnnnn": lambda r: f"{r.randrange(10000, 100000)}",
    "bignum": lambda r: f"{r.randrange(10**7, 10**10)}",
    "hex": lambda r: _token(r, 64, "0123456789abcdef"),
    "shorthex": lambda r: _token(r, 7, "0123456789abcdef"),
    "uuid": lambda r: "-".join(_token(r, size, "0123456789abcdef") for size in (8, 4, 4, 4, 12)),
}  # fmt: skip


def corpus(number: int = 3000, seed: int = 20261130) -> Iterator[Sample]:
    """About `number` samples with marks and a third as many without, always the same ones."""
    source = random.Random(seed)
    for templates in (TRANSCRIPTS, FILES, PATHS, TAGS, LOGS, PERSONAL, SPOKEN):
        yield from samples(templates, VALUES, number // 7, source)
    yield from samples(PLAIN, VALUES, number // 3, source)
    yield from map(Sample, strings_of_records())
