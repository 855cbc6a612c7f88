"""What the scrubber costs: learning, strings as they stand in manifests and logs, and single lines of 10 MB.

python benchmarks/privacy.py

Seconds are the processor's, of one core. Beside it presidio-analyzer (without a model of names) and scrubadub, where
they are installed.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

from privacy_peers import peers

from librarian.privacy.names import common_names
from librarian.privacy.scrub import Scrubber
from librarian.privacy.search import find

MEGABYTES = 10
LINES: dict[str, Callable[[random.Random], str]] = {
    "prose": lambda _: "the task opened rec_abcdefghijklm and wrote 3 files of 44.1 kHz in 7.8 s; ",
    "Cyrillic prose": lambda _: "задача открыла файл и записала три дорожки; ",
    "prose, 1 number in 1000 characters": lambda r: "no one is named here. " * 45 + f"0171{r.randrange(10**7):07d} ",
    "one letter": lambda _: "a",
    "one digit": lambda _: "1",
    "nothing but numbers": lambda r: f"+49171{r.randrange(10**7):07d},",
    "nothing but addresses": lambda r: f"a{r.randrange(10**6)}@example.org ",
    "nothing but times": lambda r: f"2024-02-{r.randrange(10, 29)} 09:15:00,",
    "nothing but floats": lambda r: f"{r.random():.9f},",
    "nothing but paths": lambda r: f"/home/a{r.randrange(10**6)} ",
    "nothing but a known name": lambda _: "Person7 ",
    "nothing but listed names": lambda r: r.choice(["Giulia Rossi, ", "Jan Kowalski; ", "ana silva "]),
    "nothing but ids": lambda r: f"{r.randrange(10**8):08d}Z {r.randrange(10**5):05d}ABC ",
    "nothing but said numbers": lambda r: r.choice(["five ", "oh ", "null ", "cero "]),
    "everything in turn": lambda r: (
        f"a{r.randrange(99)}@b.org +49171{r.randrange(10**7):07d} 10.1.2.{r.randrange(256)} /home/u{r.randrange(99)} "
    ),
    "nothing but escapes": lambda _: r"\u00e4%C3%A4&auml;",
}
STRINGS = [
    "library/ab/rec_abcdefghijklm/normalize-abcdefgh/rec_abcdefghijklm.normalize.audio.flac",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "2024-02-14T09:15:00.123Z",
    "separate: htdemucs_ft, 4 stems, 44100 Hz, -16.0 LUFS, 7.8 s",
    "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 139.81 GiB total capacity)",
    "cannot open /home/ana/interviews/Person7_0171-1234567.wav: No such file or directory",
]


FIRST = [
    first + last for first in ("Ma", "Jo", "An", "Ka", "Ol", "Pe") for last in ("ria", "sef", "na", "rl", "ga", "ter")
]
LAST = [
    first + last for first in ("Gon", "Brand", "Ko", "Ro", "Hu", "Mey") for last in ("zalez", "ner", "walski", "ssi")
]
CASES = [(20_000, False, False), (20_000, True, False), (20_000, False, True), (100_000, False, False)]
ACCENTS = str.maketrans({"a": "ä", "o": "ö", "u": "ü"})


def _paths(count: int) -> list[str]:
    """Such as interviews/1987/OH-1987-00042_Maria_Gonzalez42_+15551234567.wav."""
    source = random.Random(0)
    return [
        f"/home/owner/interviews/{1960 + number % 60}/OH-{1960 + number % 60}-{number:05d}"
        f"_{source.choice(FIRST)}_{source.choice(LAST)}{source.choice(LAST).lower()}"
        f"_+1{source.randrange(2 * 10**9, 10**10)}.wav"
        for number in range(count)
    ]


def _peak() -> float:
    """The most memory this process has held so far (MB)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _learning(count: int, accents: bool, labels: bool) -> tuple[float, float, float]:
    """Seconds to take paths, seconds to read them, and the memory that it takes at most (MB)."""
    paths = _paths(count)
    if accents:
        paths = [path.translate(ACCENTS) for path in paths]
    exempt = [path.rpartition("/")[2].partition("_")[0] for path in paths] if labels else []
    Scrubber(b"benchmark").scrub("+1 555 123 4567")
    before = _peak()
    scrubber = Scrubber(b"benchmark", exempt=exempt)
    taken, read = _seconds(scrubber.learn, paths), _seconds(scrubber.scrub, "x")
    return taken, read, _peak() - before


def _line(make: Callable[[random.Random], str], size: int) -> str:
    source = random.Random(0)
    pieces: list[str] = []
    length = 0
    while length < size:
        pieces.append(make(source))
        length += len(pieces[-1])
    return "".join(pieces)[:size]


def _seconds(act: Callable[..., object], *args: Any, **kwargs: Any) -> float:
    start = process_time()
    act(*args, **kwargs)
    return process_time() - start


def _rate(act: Callable[[str], object], repeats: int = 5000) -> float:
    """Thousands of strings per second."""
    return len(STRINGS) * repeats / _seconds(lambda: [act(text) for text in STRINGS * repeats]) / 1000


def main() -> None:
    """Print the figures."""
    for count, accents, labels in CASES:
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            taken, read, memory = fresh.apply(_learning, (count, accents, labels))
        kind = ", with accents" * accents + ", with labels" * labels
        print(f"{count} paths{kind}: taken in {taken:.3f} s, read in {read:.2f} s, {memory:.0f} MB")
    scrubber = Scrubber(b"benchmark")
    names = [f"/data/p{n % 50}/Person{n} Lastname{n}_20240101-{n:06d}_{5550000000 + 37 * n}.wav" for n in range(20_000)]
    scrubber.learn(names)
    scrubber.scrub("x")
    with_list = Scrubber(b"benchmark", names=common_names())
    with_list.scrub("x")
    rates: dict[str, Callable[[str], object]] = {
        "recognizers alone": find,
        "scrubber, nothing learnt": Scrubber(b"benchmark").scrub,
        "scrubber, nothing learnt, balanced": Scrubber(b"benchmark", level="balanced").scrub,
        "scrubber, nothing learnt, with the list of names": with_list.scrub,
        f"scrubber, {len(names)} paths learnt": scrubber.scrub,
    }
    for name, act in rates.items():
        print(f"{name}: {median(_rate(act) for _ in range(3)):.0f} k strings/s")
    for name, look in peers().items():
        print(f"{name}: {_rate(lambda text, look=look: list(look(text)), repeats=50):.1f} k strings/s")
    scrubber = with_list
    scrubber.learn(names)
    scrubber.scrub("x")
    print(f"\n{MEGABYTES} MB on one line, in seconds:     whole    half   limit=2000")
    for name, make in LINES.items():
        text = _line(make, MEGABYTES * 10**6)
        whole = _seconds(scrubber.scrub, text, limit=None)
        half = _seconds(scrubber.scrub, text[: len(text) // 2], limit=None)
        print(f"{name:36} {whole:7.2f} {half:7.2f} {_seconds(scrubber.scrub, text):9.2f}")


if __name__ == "__main__":
    main()
