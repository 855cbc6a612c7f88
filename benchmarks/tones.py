"""How much of a line's tones `tones` finds, and how often it finds some where there are none; and how fast.

    python benchmarks/tones.py --speech ../shared/audio/conversations --music ../shared/audio/songs

Mixtures at 8 kHz: tones after the standards (ring, busy and dial tones of North America, Europe and the UK, keys,
special information and off-hook tones), each a little off in frequency and length, over noise, speech or music whose
mean power is 20, 10 or 5 dB below that of a tone while it sounds. Recall: the share of these sounds that an event of
the right label covers by half, both ways (keys: each of them; a busy tone under speech may count as a hang-up, which
it is after talk). False alarms: events of a label that meets no sound of it, an hour. `alone`: the same speech, music
and noise without any tone. Speed: a recording of a channel at 8 and at 48 kHz in a process that runs already, one
thread.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "extensions" / "tagging" / "tests"))

import telephone  # noqa: E402 (the tests' maker of tones)
from telephone import MAKERS, Made, Placed, Samples  # noqa: E402

from librarian.audio.resample import resample  # noqa: E402
from librarian.testing import FileTask  # noqa: E402
from librarian_tagging import TonesSettings  # noqa: E402
from librarian_tagging.line import Line  # noqa: E402
from librarian_tagging.tones import tones  # noqa: E402

RATE = 8000
LEVELS = (20, 10, 5)
LABELS = ("ring", "busy", "dial", "dtmf", "hangup")
ALSO = {"busy": ("busy", "hangup")}
BLOCK = 1 << 16
Background = Callable[[int], Samples]


def heard(samples: Samples, rate: int = RATE) -> list[Placed]:
    """What is found in a sound."""
    line = Line(rate, TonesSettings())
    for start in range(0, len(samples), BLOCK):
        line.add(samples[start : start + BLOCK])
    return [Placed(each.label, each.start, each.end) for each in line.end()]


def meets(one: Placed, other: Placed) -> bool:
    """Whether two cover each other by half."""
    both = min(one.end, other.end) - max(one.start, other.start)
    return both >= 0.5 * max(one.end - one.start, other.end - other.start)


def score(made: Made, found: Sequence[Placed]) -> tuple[Counter[str], Counter[str]]:
    """Sounds that were found, and events that meet none, by label."""
    hits, wrong = Counter[str](), Counter[str]()
    for each in made.events:
        hits[each.label] += any(one.label in ALSO.get(each.label, (each.label,)) and meets(one, each) for one in found)
    for one in found:
        touched = [each for each in made.events if one.label in ALSO.get(each.label, (each.label,))]
        if not any(min(one.end, each.end) > max(one.start, each.start) for each in touched):
            wrong[one.label] += 1
    return hits, wrong


def material(folder: Path) -> Samples:
    """All sound files below a folder, one after another, mono, at 8 kHz; stems stand for what is not the song."""
    found = []
    for path in sorted(folder.rglob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = resample(np.ascontiguousarray(samples.mean(axis=1, keepdims=True).T), rate, RATE)[0]
        level = float(np.sqrt(np.mean(np.square(mono))))
        found.append(mono / max(level, 1e-6))
    return np.concatenate(found)


def from_material(samples: Samples, random: np.random.Generator) -> Background:
    """Pieces of it, from any place, round and round."""
    return lambda frames: np.resize(np.roll(samples, int(random.integers(len(samples)))), frames)


def backgrounds(options: argparse.Namespace, random: np.random.Generator) -> Iterator[tuple[str, Background]]:
    """Noise, and what there is of speech and music."""
    yield "noise", lambda frames: random.standard_normal(frames).astype(np.float32)
    for name in ("speech", "music"):
        if folder := getattr(options, name):
            yield name, from_material(material(folder), random)


def table(options: argparse.Namespace) -> None:
    """Print recall and false alarms by label, background and level."""
    print(f"{'':8}{'':8}" + "".join(f"{label:>16}" for label in LABELS))
    for name in ("noise", "speech", "music"):
        for decibels in LEVELS:
            random = np.random.default_rng(options.seed)
            given = dict(backgrounds(options, random))
            if name not in given:
                continue
            cells = []
            for label in LABELS:
                made = telephone.scene(random, list(MAKERS[label].values()), options.count, RATE, given[name], decibels)
                hits, wrong = score(made, found := heard(made.samples))
                hours = len(made.samples) / RATE / 3600
                false = sum(wrong[each] for each in LABELS) / hours
                cells.append(f"{100 * hits[label] / len(made.events):5.0f} %{false:5.1f}/h")
                if options.show:
                    say(made, found, name, decibels)
            print(f"{name:8}{decibels:3} dB  " + "".join(f"{cell:>16}" for cell in cells), flush=True)


def say(made: Made, found: Sequence[Placed], name: str, decibels: float) -> None:
    """Print what was missed, and what was found where nothing is."""
    for each in made.events:
        if not any(one.label in ALSO.get(each.label, (each.label,)) and meets(one, each) for one in found):
            near = [one for one in found if one.end > each.start - 0.5 and one.start < each.end + 0.5]
            print(f"  {name} {decibels}: missed {each} {near[:4]}")
    for one in found:
        if one.label in LABELS and not any(min(one.end, each.end) > max(one.start, each.start) for each in made.events):
            print(f"  {name} {decibels}: false {one}")


def alone(options: argparse.Namespace) -> None:
    """Print false alarms of all labels where there is no tone."""
    random = np.random.default_rng(options.seed)
    for name, background in backgrounds(options, random):
        frames = 3600 * RATE if name == "noise" else len(material(getattr(options, name)))
        under = background(frames)
        found = heard(0.1 * under / np.sqrt(np.mean(under**2)))
        counts = Counter(each.label for each in found if each.label not in ("silence",))
        print(f"{name} alone, {frames / RATE / 60:.1f} min: {dict(counts)}")
        if options.show:
            print(*(each for each in found if each.label in LABELS), sep="\n")


def speed() -> None:
    """Print how many times as fast as it sounds."""
    for rate in (8000, 48000):
        random = np.random.default_rng(1)
        samples = (0.05 * random.standard_normal((1, 600 * rate))).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            task = FileTask(Path(folder), [samples], rate, TonesSettings(), subtype="PCM_16")
            tones(task)  # type: ignore[arg-type]
            began, before = time.perf_counter(), time.process_time()
            tones(task)  # type: ignore[arg-type]
            took, used = time.perf_counter() - began, time.process_time() - before
        print(f"{rate} Hz: {600 / used:.0f} times real time by processor time, {600 / took:.0f} by the clock")


def main() -> None:
    """Print it all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="folder with recordings of speech")
    parser.add_argument("--music", type=Path, help="folder with recordings of music")
    parser.add_argument("--count", type=int, default=28, help="sounds for each cell of the table")
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--show", action="store_true", help="what is missed, and what is found where nothing is")
    parser.add_argument("--no-speed", action="store_true", help="leave out how fast it is")
    options = parser.parse_args()
    table(options)
    alone(options)
    if not options.no_speed:
        speed()


if __name__ == "__main__":
    main()
