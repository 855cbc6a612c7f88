"""What it takes to find what was said: the index made, searched, and brought up to date after one in a hundred changed.

    python benchmarks/find.py --recordings 20000 --words 500

Transcripts of words that are drawn as often as words of a language are (by rank, Zipf), with times and two speakers, as
`transcribe` writes them; manifests, catalog and vault are written by the code that a run writes them with. Times are of
`librarian find` as a whole process. Beside them the limit, reading all transcripts and parsing them as JSON; and what
taking one transcript out for good takes, as `privacy forget` does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import view

from librarian import project as projects
from librarian.find.index import purge
from librarian.keys import key_document
from librarian.manifest.catalog import Catalog
from librarian.manifest.records import OutcomeLine
from librarian.manifest.store import folder_of
from librarian.project import Project

VOCABULARY = 50_000
LETTERS = ("ba", "ke", "li", "mo", "ru", "ta", "si", "da", "ne", "ko")
MEASURE = """
import os, sys, time
began = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


def word(number: int) -> str:
    """A word that can be spoken, of two syllables or more."""
    return "".join(LETTERS[int(digit)] for digit in f"{number:02}")


WORDS = list(map(word, range(VOCABULARY)))
SPOKEN, PHRASE, RARE = WORDS[0], f"{WORDS[0]} {WORDS[1]}", WORDS[-1]


class Transcripts:
    """Written into a library, one for each recording."""

    def __init__(self, words: int) -> None:
        self._words, self._weights = words, []
        total = 0.0
        for rank in range(1, len(WORDS) + 1):
            total += 1 / rank
            self._weights.append(total)

    def line(self, project: Project, number: int, changed: float) -> OutcomeLine:
        """How the task of a recording ended; its transcript lies in the library then."""
        unit = project.id_key.recording(view.digest(number))
        key = project.id_key.task(document := self._document(unit, changed))
        folder, file = folder_of(unit, "transcribe", key), f"{unit}.transcribe.words.json"
        content = self._transcript(number, changed)
        (project.library / folder).mkdir(parents=True, exist_ok=True)
        (project.library / folder / file).write_bytes(content)
        produced = {
            **{"id": project.id_key.artifact(key, "words"), "output": "words", "item": None, "kind": "words/1"},
            **{"file": file, "bytes": len(content), "private": True, "facts": {"words": self._words, "speakers": 2}},
            "digest": project.id_key.content(hashlib.sha256(content).hexdigest(), private=True),
        }
        digest = project.id_key.content(view.digest(number), private=True)
        return OutcomeLine.model_validate(
            {
                **{"job_name": "many", "step": "words", "unit": unit, "outcome": "done", "key": key},
                **{"document": document, "folder": folder, "produced": [produced]},
                "consumed": [{"port": "audio", "role": None, "id": unit, "digest": digest}],
            }
        )

    def _document(self, unit: str, changed: float) -> dict[str, object]:
        return key_document(
            operation="librarian-transcription/transcribe",
            version="1",
            settings={"changed": changed},
            models={},
            inputs=[("audio", "", unit)],
            audio=None,
        )

    def _transcript(self, number: int, changed: float) -> bytes:
        drawn = random.Random(number + changed).choices(WORDS, cum_weights=self._weights, k=self._words)
        words = [
            {"start": at * 0.4, "end": at * 0.4 + 0.35, "text": text, "speaker": 1 + at // 20 % 2, "channel": None,
             "confidence": 0.9}
            for at, text in enumerate(drawn)
        ]  # fmt: skip
        return json.dumps({"language": "en", "words": words}, indent=1).encode()


def found(root: Path, *query: str) -> tuple[float, float, float, str]:
    """Wall time (s), processor time (s) and peak memory (MiB) of a search, and what it said of it."""
    command = [sys.executable, "-ISc", MEASURE, sys.executable, "-P", "-m", "librarian", "find", *query]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    wall, work, kib, code = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stderr
    said = next(line for line in done.stderr.splitlines() if " recording" in line or line.startswith("nothing"))
    return float(wall), float(work), int(kib) / 1024, said


def tell(what: str, taken: tuple[float, float, float, str]) -> None:
    """Print a row."""
    wall, work, mib, said = taken
    print(f"  {what:<24} {wall:7.2f} s, {work:7.2f} s of processor time, {mib:4.0f} MiB: {said}", flush=True)


def parsed(library: Path) -> float:
    """Processor time (s) that reading and parsing all transcripts takes."""
    began = time.process_time()
    for path in library.rglob("*.json"):
        json.loads(path.read_bytes())
    return time.process_time() - began


def purged(project: Project) -> float:
    """Processor time (s) that it takes to take one transcript out for good."""
    with closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog:
        artifact = next(catalog.artifacts()).id
    began = time.process_time()
    purge(project.words, [artifact])
    return time.process_time() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=500)
    typed = parser.parse_args()
    os.environ.pop("LIBRARIAN_KEY", None)
    transcripts = Transcripts(typed.words)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        project = projects.init(root)
        view.record(project, range(typed.recordings), 0.0, transcripts.line)
        print(f"{typed.recordings:,} recordings, {typed.words:,} words each")
        print(f"  limit, reading and parsing          {parsed(project.library):7.2f} s of processor time")
        tell("index made", found(root, RARE))
        print(f"  size                        {project.words.stat().st_size / 2**20:7.1f} MiB")
        for what, query in (
            *(("a rare word", [RARE]), ("a frequent word", [SPOKEN]), ("a phrase", [f'"{PHRASE}"'])),
            *(("all of a frequent word", [SPOKEN, "--limit", "0"]), ("by a speaker", [SPOKEN, "speaker:2"])),
            ("no words, a fact", ["words>100", "--limit", "1"]),
        ):
            tell(what, found(root, *query))
        view.record(project, range(typed.recordings // 100), 1.0, transcripts.line)
        tell("after 1 % changed", found(root, RARE))
        print(f"  one taken out for good              {purged(project):7.2f} s of processor time")


if __name__ == "__main__":
    main()
