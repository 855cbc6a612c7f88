"""Whether the record and the library are what they say: chains, seals, files, and on request every byte."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from librarian.files import hash_file
from librarian.keys import IdKey
from librarian.manifest.catalog import Catalog, MadeArtifact
from librarian.manifest.chain import NO_LINE
from librarian.manifest.journal import Entry, entries, manifests

_PLACE = re.compile(r"[a-z2-7]{2}(/[a-z]{3}_[a-z2-7]{13}(/[a-z0-9_]+-[a-z2-7]{8})?)?")
"""A folder of ours in the library: of a shard, of a unit, of a task."""
_TASK_DEPTH = 2
_SUSPECT = "is suspect since an earlier verify; the next run makes it again"
_BY_HAND = "; a person made it: give the file again, or take it back (librarian revise --list)"


@dataclass
class Report:
    """What was looked at and what was found. `problems` is empty where all is well."""

    manifests: int = 0
    lines: int = 0
    artifacts: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


def verify(catalog: Catalog, manifest_folder: Path, library: Path, id_key: IdKey, *, read_data: bool) -> Report:
    """Check everything; what is suspect is noted in the catalog, nothing else is written.

    Args:
        catalog: the index, caught up.
        manifest_folder: the manifests.
        library: the artifacts.
        id_key: for keyed digests.
        read_data: whether to read every artifact and compare its digest; else its size only.
    """
    report = Report()
    _verify_chain(catalog, manifest_folder, report)
    suspects = list(_verify_artifacts(catalog, library, id_key, read_data, report))
    if read_data:
        catalog.suspect(suspects)
    report.problems.extend(_strangers(catalog, library))
    return report


def _verify_chain(catalog: Catalog, folder: Path, report: Report) -> None:
    expected: str | None = NO_LINE
    files = manifests(folder)
    emptied = emptied_lines(files)
    if others := len(set(folder.glob("*.jsonl")) - set(files)):
        report.problems.append(f"manifests: {others} .jsonl files there are no manifests")
    for path in files:
        report.manifests += 1
        last, outcomes, gone, intact = None, 0, emptied.get(path.stem, frozenset()), True
        for entry in entries(path):
            report.lines += 1
            outcomes += entry.type == "outcome"
            if problem := _line_problem(entry, expected, newest=path == files[-1], emptied=entry.seq in gone):
                report.problems.append(f"manifests/{path.name}:{entry.seq + 1}: {problem}")
                catalog.suspect_line(path.stem, entry.seq)
                intact = False
            expected, last = None if entry.damaged else entry.link, entry
        if intact and (problem := _end_problem(last, outcomes, len(gone), newest=path == files[-1])):
            report.problems.append(f"manifests/{path.name}: {problem}")


def emptied_lines(files: Sequence[Path]) -> dict[str, frozenset[int]]:
    """Job → the lines of its manifest that a forget emptied, as that one's own manifest says.

    What one says counts once it says what was forgotten: where that does not stand, nothing was emptied yet.
    """
    found: dict[str, frozenset[int]] = {}
    for path in files:
        lines = entries(path)
        first = next(lines, None)
        if first is None or first.body is None or first.body.get("act") != "forget":
            continue
        coming: dict[str, frozenset[int]] = {}
        for entry in lines:
            if entry.type == "emptied" and entry.body:
                coming[entry.body["job"]] = frozenset(entry.body["lines"])
            elif entry.type == "forgotten":
                found |= {job: found.get(job, frozenset()) | seqs for job, seqs in coming.items()}
                coming = {}
    return found


def _line_problem(entry: Entry, expected: str | None, *, newest: bool, emptied: bool) -> str:
    if entry.torn and newest:
        return "the line is torn; the next run cuts it"
    if entry.damaged:
        return "the line is damaged: it is not what was written"
    if expected is not None and entry.prev != expected:
        return "the line does not follow the one before: a line or a manifest was changed, removed or added"
    if entry.body is None and not emptied:
        return "the line was emptied, and no record says by what"
    if entry.body is not None and emptied:
        return "the line should have been emptied: a forget was cut off; type the same forget again"
    return ""


def _end_problem(last: Entry | None, outcomes: int, emptied: int, *, newest: bool) -> str:
    if last is None or last.body is None or last.type != "seal":
        return "" if newest else "it has no seal"  # the newest may be that of a run under way, or be sealed by the next
    whole = outcomes <= last.body["outcomes"] <= outcomes + emptied
    return "" if whole else "it has not as many outcomes as its seal counts"


def _verify_artifacts(catalog: Catalog, library: Path, id_key: IdKey, read_data: bool, report: Report) -> Iterator[str]:
    for artifact in catalog.artifacts():
        report.artifacts += 1
        report.bytes += artifact.bytes
        problem = artifact_problem(artifact, library, id_key, read_data)
        if problem and not catalog.dropped_key(artifact.id):  # asked again: a run may go on meanwhile
            more = _BY_HAND if catalog.is_revision(artifact.id) else ""
            report.problems.append(f"library/{artifact.file}: {problem.split('; ')[0] if more else problem}{more}")
            if problem != _SUSPECT:
                yield artifact.id


def artifact_problem(artifact: MadeArtifact, library: Path, id_key: IdKey, read_data: bool) -> str:
    """What is wrong with an artifact in a library, in a few words; empty where it is what was recorded."""
    path = library / artifact.file
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return "is a link, or no file"
        if status.st_size != artifact.bytes:
            return f"has {status.st_size} bytes where {artifact.bytes} were recorded"
        if read_data and id_key.content(hash_file(path)[1], private=artifact.private) != artifact.digest:
            return "its content is not what was recorded"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return _SUSPECT if artifact.suspect else ""


def _strangers(catalog: Catalog, library: Path) -> Iterator[str]:
    found = list(_unknown(library, "", _known(catalog)))
    known = _known(catalog) if found else set()  # asked again: a run may go on meanwhile
    dropped = set(catalog.dropped_folders()) if found else ()
    for name in found:
        if name in known:
            continue
        if name in dropped:
            yield f"library/{name}: it was dropped, and is still there; to remove it, type: librarian prune --dropped"
        elif _PLACE.fullmatch(name):
            yield f"library/{name}: no record names it"
        else:
            above = f"library/{name}".rpartition("/")[0]
            yield f"{above}: holds a file or folder that no record names"


def _known(catalog: Catalog) -> set[str]:
    return catalog.folders() | {artifact.file for artifact in catalog.artifacts()}


def _unknown(library: Path, below: str, known: set[str]) -> Iterator[str]:
    for entry in sorted(os.scandir(library / below), key=lambda each: each.name):
        name = f"{below}/{entry.name}".lstrip("/")
        if name.startswith("."):
            continue
        is_folder = entry.is_dir(follow_symlinks=False)
        above_tasks = _PLACE.fullmatch(name) and name.count("/") < _TASK_DEPTH
        if is_folder and (above_tasks or name in known):
            yield from _unknown(library, name, known)
        elif is_folder or name not in known:
            yield name
