"""Forget: recordings and everything derived from them leave library, record, indexes, vault, logs and status.

What goes is written down first, as ids: from then on one that is cut off can be completed by whoever comes next. Bodies
of lines are emptied and no line is removed, so every chain still verifies.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from librarian.acts.act import Act, Say, act
from librarian.acts.extent import Extent, extent
from librarian.files import FileSystem, remove_tree
from librarian.find.index import purge
from librarian.keys import shard
from librarian.manifest.act_lines import AllowedLine, EmptiedLine, ForgottenLine
from librarian.manifest.journal import empty_bodies, entries, manifests
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.view.views import drop_gone

_TEXT = re.compile(rb'"(text:[a-z2-7]{52})"')
_KEY = re.compile(rb'"key":"([a-z2-7]{52})"')


def forget(project: Project, units: Collection[str], say: Say) -> tuple[str, Extent]:
    """Forget recordings. The caller holds the project's lock, and has nothing of the project open.

    Args:
        project: the project.
        units: ids of recordings, or of files that cannot be read.
        say: told what was mended first.

    Returns:
        The job's id, and what went.

    Raises:
        OSError: the disk failed; typed again, it goes on where it was.
        EnvironmentFailedError: another command reads the vault or the catalog meanwhile; likewise.
    """
    with act(project, "forget", say, resumable=True) as doing:
        goes = extent(project.manifests, units)
        emptied = (
            EmptiedLine(
                job=job,
                lines=each.lines,
                artifacts=list(dict.fromkeys(each.artifacts)),
                folders=list(dict.fromkeys(each.folders)),
            )
            for job, each in goes.touched.items()
        )
        doing.record(*emptied, ForgottenLine(units=sorted(goes.units)))
        carry_out(doing)
    return doing.job, goes


def allow(project: Project, units: Collection[str], say: Say) -> str:
    """Let forgotten recordings be taken again. The caller holds the project's lock.

    Returns:
        The job's id.
    """
    with act(project, "allow", say) as doing:
        doing.record(AllowedLine(units=sorted(units)))
    return doing.job


def carry_out(doing: Act) -> None:
    """Do what the manifest of a forget says; what of it is done already is no hindrance."""
    project = doing.project
    lines = [entry.body for entry in entries(doing.journal.path) if entry.body]
    units = [unit for line in lines if line["type"] == "forgotten" for unit in line["units"]]
    emptied = [line for line in lines if line["type"] == "emptied"]
    _empty_library(project, units, emptied)
    purge(project.words, [each for line in emptied for each in line["artifacts"]])
    for line in emptied:
        path = project.manifests / f"{line['job']}.jsonl"
        if any(entry.body is not None for entry in entries(path) if entry.seq in set(line["lines"])):
            empty_bodies(path, frozenset(line["lines"]))
    for folder in (project.logs, project.state / "runs"):
        for each in folder.iterdir() if folder.is_dir() else ():
            remove_tree(each)
    doing.catalog.clean()
    with contextlib.closing(Vault(project.vault, owned=True)) as vault:
        drop_gone(doing.catalog, vault)
        vault.forget(units)
        vault.keep_only(*_used(project.manifests))
        vault.clean()


def _empty_library(project: Project, units: list[str], emptied: list[dict[str, Any]]) -> None:
    """Remove the folders of results, and those of units that are gone with all that a crash may have left there."""
    artifacts = [each for line in emptied for each in line["artifacts"]]
    folders = [folder for line in emptied for folder in line["folders"]]
    below = [f"{shard(unit)}/{unit}" for unit in (*units, *artifacts)]
    gone = [path for each in (*folders, *below) if (path := project.library / each).exists()]
    for path in gone:
        remove_tree(path)
    above = {parent for path in gone for parent in path.parents if project.library in parent.parents}
    for folder in sorted(above, key=lambda each: -len(each.parts)):
        if folder.is_dir() and not os.listdir(folder):
            folder.rmdir()
    if gone:
        file_system = FileSystem(project.library)
        try:
            file_system.sync()
        finally:
            file_system.close()


def _used(folder: Path) -> tuple[set[str], set[str]]:
    """The texts and the task keys that any line still tells of."""
    texts, keys = set[str](), set[str]()
    for raw in _raw_lines(folder):
        texts.update(each.decode() for each in _TEXT.findall(raw))
        keys.update(each.decode() for each in _KEY.findall(raw))
    return texts, keys


def _raw_lines(folder: Path) -> Iterator[bytes]:
    for path in manifests(folder):
        with open(path, "rb") as file:
            yield from file
