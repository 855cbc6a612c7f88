"""What a view of many recordings takes: made for the first time, as it is, and after one in a hundred changed.

    python benchmarks/view.py --recordings 20000 --repeat 3

The catalog and the vault are written by the code that a run writes them with: an outcome line for each recording with
two results, in manifests of a thousand lines, and a sighting with a name in one of many folders. The library's files
are empty, since a link does not look at them. Times are of `librarian view` as a whole process, medians; the limit is a
bare loop of as many `os.symlink` calls in as many folders, in the same run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from librarian import project as projects
from librarian.keys import key_document
from librarian.machine import machine_record
from librarian.manifest.catalog import Catalog
from librarian.manifest.fields import MachineRecord
from librarian.manifest.journal import Journal, new_job_id, now
from librarian.manifest.records import JobLine, OutcomeLine
from librarian.manifest.store import folder_of
from librarian.privacy.vault import Seen, Vault
from librarian.project import Project

PER_FOLDER, PER_MANIFEST = 40, 1000
OUTPUTS = {"audio": ("audio", "flac", True), "report": ("measurements/1", "json", False)}


def digest(number: int) -> str:
    """Of a recording's content."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def name(number: int) -> str:
    """Where a recording lies."""
    return f"interviews/{1900 + number // PER_FOLDER % 97}/tape {number // PER_FOLDER}/Anna Müller {number}.wav"


def line(project: Project, number: int, target: float) -> OutcomeLine:
    """How the task of a recording ended."""
    key_of, sha256 = project.id_key, digest(number)
    unit = key_of.recording(sha256)
    document = key_document(
        operation="librarian-normalization/normalize",
        version="1",
        settings={"target": target},
        models={},
        inputs=[("audio", "", unit)],
        audio={"format": "flac", "bits": 24},
    )
    key = key_of.task(document)
    produced = [
        {
            **{"id": key_of.artifact(key, output), "output": output, "kind": kind, "bytes": 0, "private": private},
            **{"file": f"{unit}.normalize.{output}.{ending}", "digest": key_of.content(sha256, private=private)},
            "facts": {"gain": -1.5, "loudness_before": -20.5},
        }
        for output, (kind, ending, private) in OUTPUTS.items()
    ]
    return OutcomeLine.model_validate(
        {
            **{"job_name": "many", "step": "voice", "unit": unit, "outcome": "done", "key": key},
            **{"document": document, "folder": folder_of(unit, "normalize", key), "produced": produced},
            "consumed": [{"port": "audio", "role": None, "id": unit, "digest": key_of.content(sha256, private=True)}],
        }
    )


Line = Callable[[Project, int, float], OutcomeLine]


def record(project: Project, numbers: range, target: float = -16.0, of: Line = line) -> None:
    """Manifests, catalog and vault of a run over these recordings."""
    machine = MachineRecord(**machine_record(project.id_key))
    with (
        closing(Vault(project.vault, owned=True)) as vault,
        closing(Catalog(project.catalog, project.manifests, owned=True)) as catalog,
    ):
        for begin in range(numbers.start, numbers.stop, PER_MANIFEST):
            job = new_job_id(project.manifests)
            first = JobLine(
                **{"job": job, "act": "run", "name": "many", "file": f"sha256:{digest(0)}", "steps": []},
                **{"versions": {}, "machine": machine, "device": "cpu", "workers": 1, "fence": "none", "options": {}},
                started=now(),
            )
            journal = Journal.create(project.manifests, job, first)
            some = range(begin, min(begin + PER_MANIFEST, numbers.stop))
            catalog.follow(job)
            catalog.take(job, journal.append([of(project, number, target) for number in some]))
            for number in some:
                seen = Seen(project.id_key.recording(digest(number)), digest(number))
                path = project.root / name(number)
                vault.sight(path, (1, number, 2, 3, 4), seen, hashed_at_ns=1 << 62, job=job)
            journal.seal("complete")
            catalog.follow(job)
        vault.commit()


Spent = tuple[float, float]
"""Seconds of wall time and of processor time."""


def timed(root: Path, *more: str) -> Spent:
    """What `librarian view view` takes."""
    began, before = time.perf_counter(), _children()
    command = [sys.executable, "-P", "-m", "librarian", "view", "view", *more]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return time.perf_counter() - began, _children() - before


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def bare(root: Path, recordings: int) -> Spent:
    """As many links in as many folders, and nothing else."""
    began, before = time.perf_counter(), time.process_time()
    for number in range(recordings):
        path = f"{root}/bare/{name(number)}"
        if number % PER_FOLDER == 0:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        for output in OUTPUTS:
            os.symlink("../../../../library/aa/rec_aaaaaaaaaaaaa/normalize-aaaaaaaa/file", f"{path}.{output}")
    spent = time.perf_counter() - began, time.process_time() - before
    shutil.rmtree(root / "bare")
    return spent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    typed = parser.parse_args()
    found: dict[str, list[Spent]] = {"bare": [], "made": [], "unchanged": [], "one in a hundred": []}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        project = projects.init(root)
        record(project, range(typed.recordings))
        for number in range(typed.repeat):
            found["bare"].append(bare(root, typed.recordings))
            found["made"].append(timed(root))
            found["unchanged"].append(timed(root))
            record(project, range(typed.recordings // 100), -17.0 - number)
            found["one in a hundred"].append(timed(root))
            timed(root, "--remove")
    print(f"{typed.recordings:,} recordings, {len(OUTPUTS)} links each, medians of {typed.repeat}")
    for what, spent in found.items():
        wall, work = map(median, zip(*spent, strict=True))
        print(f"  {what:<16}  {wall:6.2f} s, {work:6.2f} s of processor time")


if __name__ == "__main__":
    main()
