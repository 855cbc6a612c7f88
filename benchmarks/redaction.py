"""What redaction finds in calls, what is left of it in the sound, and how far word times may be off.

    python benchmarks/redaction.py ../shared/audio/calls

The folder holds calls as three files each (`out` both sides, `recv_out` and `trans_out` one each) and transcripts.json:
what is said, and what of it is private. The words go in as the transcript has them, by side, with times that were
aligned to the sound (TIMES); `find_private` finds, `redact_group` takes it out of all three files. Then:

* spans by type: how many are found, and how many of those found are true; a span is found when all of its words are;
* each file: what is left where something private is said (dB of what was there), whether every sample outside of the
  stretches and their fades is the same, whether the words still show anything;
* the same with every word's start and end up to 150 ms off, by padding.

`--hours` measures an hour of sound as well.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

import numpy as np
import soundfile

from librarian import Artifact, PrivateFinder, Span, Spans, Word, Words
from librarian.testing import FileTask
from librarian_redaction import FindSettings, RedactSettings
from librarian_redaction.find import FinderOfPrivate
from librarian_redaction.redact import GroupRedactor, Redactor
from librarian_redaction.stretches import taken

ROLES = ("out", "recv_out", "trans_out")
TYPES = {"PERSON": "NAME"}
"""What a transcript calls otherwise."""
PADDINGS = (0.0, 0.05, 0.1, 0.12, 0.15, 0.2, 0.25)
OFF = 0.15
SEEDS = range(20)

TIMES = {
    (0, 0.52): "37-82 82-93 93-109 109-152 152-158 158-192 192-224 245-262 262-287 287-298 298-333 333-368",
    (0, 4.32): (
        "434-457 457-517 538-552 552-589 589-604 604-643 643-693 "
        "693-714 714-732 732-759 759-795 795-807 807-866 866-871 871-936"
    ),
    (0, 9.85): "992-1043 1058-1082 1082-1090 1090-1105 1105-1145 1145-1163 1163-1182 1182-1218 1218-1239 1239-1287",
    (0, 13.19): "1316-1357 1357-1395 1395-1450 1450-1499 1499-1520 1520-1550 1550-1578 1578-1595 1595-1621 1621-1656",
    (0, 16.99): "1696-1713 1713-1733 1733-1762 1762-1801 1801-1817 1817-1826 1826-1878",
    (0, 19.01): "1898-1915 1915-1930 1930-1973 1973-1987 1987-2035 2035-2060 2060-2127",
    (0, 21.75): "2171-2197 2197-2224 2224-2233 2233-2273 2273-2309 2309-2329 2329-2360 2360-2408 2408-2472",
    (0, 24.98): "2495-2553 2553-2605 2605-2624 2624-2654 2654-2714",
    (1, 0.52): "54-100 122-134 134-155 155-177 177-205 205-268",
    (1, 2.93): "290-306 306-333 346-369 369-408 408-426 426-443 443-480",
    (1, 5.21): "521-575 575-589 589-628 628-680",
    (1, 7.48): "752-805 805-866 880-895 895-903 903-931 931-956 956-973 973-981 981-1052",
    (1, 10.7): (
        "1055-1100 1122-1145 1145-1157 1157-1187 1187-1205 1205-1231 1231-1285 "
        "1285-1299 1299-1329 1329-1355 1355-1401 1401-1435 1435-1454 1454-1487 1496-1533"
    ),
    (1, 16.09): "1606-1625 1625-1642 1642-1668 1668-1671 1671-1694 1694-1706 1706-1744",
}
"""(Number of the call, start of the turn) → start and end of each word (1/100 s), aligned
to the sound by pocketsphinx 5.1.1."""


@dataclass
class Side:
    """One side of a call: its words, and which of them are private (type, first, behind the last)."""

    words: list[Word]
    private: list[tuple[str, int, int]]


@dataclass
class Call:
    """A call: role → samples `[frames]` int16, and the sides that speak."""

    rate: int
    sounds: dict[str, np.ndarray]
    sides: dict[str, Side]

    @property
    def true_times(self) -> list[tuple[float, float]]:
        """When something private is said (s)."""
        return [
            (side.words[first].start, side.words[behind - 1].end)
            for side in self.sides.values()
            for _, first, behind in side.private
        ]


def calls_in(folder: Path) -> Iterator[Call]:
    """The calls of a folder."""
    for number, told in enumerate(json.loads((folder / "transcripts.json").read_text())):
        sounds = {}
        for role in ROLES:
            sounds[role], rate = soundfile.read(folder / f"{role}-{told['call']}.wav", dtype="int16")
        sides: dict[str, Side] = {}
        for turn in told["turns"]:
            side = sides.setdefault(turn["side"], Side([], []))
            for private in turn["pii"]:
                place = len(turn["text"][: turn["text"].index(private["value"])].split())
                first = len(side.words) + place
                side.private.append(
                    (TYPES.get(private["type"], private["type"]), first, first + len(private["value"].split()))
                )
            times = [pair.split("-") for pair in TIMES[number, turn["start"]].split()]
            side.words += [
                Word(text=text, start=int(start) / 100, end=int(end) / 100)
                for text, (start, end) in zip(turn["text"].split(), times, strict=True)
            ]
        yield Call(rate, sounds, sides)


class Work:
    """Runs the operations on a call, as a worker does, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0

    def _file(self, value: Any, recording: str) -> Artifact:
        self._number += 1
        path = self._folder / f"{self._number}.json"
        path.write_text(value.model_dump_json())
        return Artifact(path, value.word, recording=recording)

    def find(self, words: Sequence[Word]) -> list[Span]:
        """What `find_private` finds."""
        task = SimpleNamespace(inputs={"words": self._file(Words(language="en", words=list(words)), "")})
        return FinderOfPrivate(FindSettings(), "cpu")(task)["spans"].value.spans  # type: ignore[arg-type]

    def redact(self, call: Call, sides: Mapping[str, Sequence[Word]], **settings: Any) -> tuple[dict[str, Any], list]:
        """What `redact_group` makes: role → samples, and the words of each side."""
        self._number += 1
        folder = self._folder / f"task{self._number}"
        folder.mkdir()
        chosen = RedactSettings(**settings)
        sounds = [call.sounds[role][np.newaxis] for role in ROLES]
        task = FileTask(folder, sounds, call.rate, chosen, subtype="PCM_16")
        said = {role: (list(words), self.find(words)) for role, words in sides.items()}
        task.inputs |= {
            "words": [self._file(Words(language="en", words=words), role) for role, (words, _) in said.items()],
            "spans": [self._file(Spans(spans=spans), role) for role, (_, spans) in said.items()],
        }
        made = GroupRedactor(chosen, "cpu")(task)  # type: ignore[arg-type]
        samples = [soundfile.read(output.value, dtype="int16")[0] for output in made["audio"]]
        return dict(zip(ROLES, samples, strict=True)), [output.value.words for output in made["words"]]


def left(call: Call, made: np.ndarray, role: str) -> float:
    """Energy that is left where something private is said, of what was there (dB); −inf for none."""
    before = after = 0.0
    for start, end in call.true_times:
        part = slice(int(start * call.rate), math.ceil(end * call.rate))
        before += float(np.square(call.sounds[role][part].astype(float)).sum())
        after += float(np.square(made[part].astype(float)).sum())
    return 10 * math.log10(after / before) if after else -math.inf


def decibels(value: float) -> str:
    """As a cell of a table."""
    return "nothing" if value == -math.inf else f"{value:.1f} dB".replace("-", "−")


def found_table(calls: Sequence[Call], work: Work) -> None:
    """Precision and recall by type."""
    true, hit, said, right = Counter(), Counter(), Counter(), Counter()
    for call in calls:
        for side in call.sides.values():
            spans = work.find(side.words)
            for kind, first, behind in side.private:
                start, end = side.words[first].start, side.words[behind - 1].end
                true[kind] += 1
                hit[kind] += any(each.start <= start and end <= each.end for each in spans)
            for each in spans:
                said[each.type] += 1
                right[each.type] += any(
                    side.words[first].start <= each.start and each.end <= side.words[behind - 1].end
                    for _, first, behind in side.private
                )
    print("| | spans | found | recall | found in all | right | precision |\n|---|---|---|---|---|---|---|")
    for kind in [*sorted(true | said), "all"]:
        t, h, s, r = (sum(each.values()) if kind == "all" else each[kind] for each in (true, hit, said, right))
        print(f"| {kind} | {t} | {h} | {h / t if t else 1:.2f} | {s} | {r} | {r / s if s else 1:.2f} |")


def sound_table(calls: Sequence[Call], work: Work) -> None:
    """What is left in each file."""
    print("\n| call | file | left where it is private | silent with padding | outside | words still show |")
    print("|---|---|---|---|---|---|")
    chosen, find = RedactSettings(), PrivateFinder()
    for number, call in enumerate(calls, 1):
        made, words = work.redact(call, {role: side.words for role, side in call.sides.items()})
        shown = sum(len(find(" ".join(each.text for each in side))) for side in words)
        times = taken(call.true_times, [], chosen.padding, chosen.fade)
        for role, samples in made.items():
            source, outside, silent = call.sounds[role], np.ones(len(samples), bool), True
            for start, end in times:
                silent &= not samples[math.ceil(start * call.rate) : math.floor(end * call.rate)].any()
                fades = math.floor((start - chosen.fade) * call.rate), math.ceil((end + chosen.fade) * call.rate) + 1
                outside[max(0, fades[0]) : fades[1]] = False
            same = len(samples) == len(source) and np.array_equal(samples[outside], source[outside])
            words_of = f"{'yes' if silent else 'NO'} | {'the same' if same else 'CHANGED'} | {shown}"
            print(f"| {number} | {role} | {decibels(left(call, samples, role))} | {words_of} |")


def off_by(words: Sequence[Word], how: str, random: np.random.Generator) -> list[Word]:
    """The words with wrong times."""
    shifts = {
        "early": np.full((len(words), 2), -OFF),
        "late": np.full((len(words), 2), OFF),
        "shorter": np.tile([OFF, -OFF], (len(words), 1)),
        "each": random.uniform(-OFF, OFF, (len(words), 2)),
    }[how]
    found = []
    for word, (early, late) in zip(words, shifts.tolist(), strict=True):
        start = max(0.0, word.start + early)
        found.append(word.model_copy(update={"start": start, "end": max(start, word.end + late)}))
    return found


def padding_table(calls: Sequence[Call], work: Work) -> None:
    """What is left where word times are off, by padding."""
    print(f"\nmost that is left, of {len(calls)} calls; every word is off by 150 ms, or (each) by up to that at random")
    print("| padding | times right | all early | all late | all shorter | each by itself | silent share |")
    print("|---|---|---|---|---|---|---|")
    for padding in PADDINGS:
        cells = []
        lengths = [len(call.sounds["out"]) / call.rate for call in calls]
        times = [taken(call.true_times, [], padding, RedactSettings().fade) for call in calls]
        share = sum(end - start for each in times for start, end in each) / sum(lengths)
        for how in ("", "early", "late", "shorter", "each"):
            most = -math.inf
            for call in calls:
                for seed in SEEDS if how == "each" else (0,):
                    random = np.random.default_rng(seed)
                    sides = {
                        role: off_by(side.words, how, random) if how else side.words
                        for role, side in call.sides.items()
                    }
                    made, _ = work.redact(call, sides, padding=padding)
                    most = max(most, *(left(call, made[role], role) for role in ROLES))
            cells.append(decibels(most))
        print(f"| {round(1000 * padding)} ms | {' | '.join(cells)} | {share:.2f} |", flush=True)


def hour(folder: Path) -> None:
    """Processor time and memory of an hour of stereo, with a span each 20 s."""
    import resource

    rate, seconds = 48000, 3600
    noise = np.random.default_rng(1).integers(-9000, 9000, (2, rate), np.int16)
    path = folder / "hour.wav"
    with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
        for _ in range(seconds):
            file.write(noise.T)
    words = [Word(text="word", start=at / 2, end=at / 2 + 0.4) for at in range(2 * seconds)]
    spans = [Span(start=float(at), end=at + 1.5, type="NAME") for at in range(10, seconds, 20)]
    settings = RedactSettings()
    task = FileTask(folder, [noise], rate, settings, subtype="PCM_16")
    for name, value in (("words", Words(language="en", words=words)), ("spans", Spans(spans=spans))):
        file_of = folder / f"{name}.json"
        file_of.write_text(value.model_dump_json())
        task.inputs[name] = Artifact(file_of, value.word)  # type: ignore[assignment]
    task.inputs["audio"] = Artifact(path, "audio")  # type: ignore[assignment]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, process_time()
    Redactor(settings, "cpu")(task)  # type: ignore[arg-type]
    spent, most = process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\nan hour of stereo at 48 kHz, {len(spans)} spans: {spent:.1f} s processor, {(most - before) >> 10} MiB")


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with calls and transcripts.json")
    parser.add_argument("--hours", action="store_true", help="measure an hour of sound as well")
    typed = parser.parse_args()
    calls = list(calls_in(typed.folder))
    with tempfile.TemporaryDirectory() as place:
        work = Work(Path(place))
        found_table(calls, work)
        sound_table(calls, work)
        padding_table(calls, work)
        if typed.hours:
            (Path(place) / "hour").mkdir()
            hour(Path(place) / "hour")


if __name__ == "__main__":
    main()
