"""Recordings leave a project, with everything derived from them: `privacy forget`."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from librarian.acts import forget
from librarian.acts.act import mend
from librarian.acts.extent import Extent, extent
from librarian.cli.agreeing import agreed
from librarian.cli.asked import Asked, asked, kind_of, may_show_names
from librarian.cli.place import held, open_project
from librarian.cli.recorded import columns, day
from librarian.cli.words import plural, say, size
from librarian.errors import UsageError
from librarian.project import Project


@dataclass(frozen=True)
class Wanted:
    """What was typed beside the recordings."""

    yes: bool
    dry_run: bool
    allow_again: bool
    names: bool
    as_json: bool


@dataclass
class _Found:
    """What was asked for.

    Attributes:
        units: ids of recordings.
        gone: those that are forgotten already.
        places: where they were seen.
        labels: how many of them the owner gave a name.
    """

    units: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    places: list[Path] = field(default_factory=list)
    labels: int = 0

    @property
    def originals(self) -> list[Path]:
        """The files that still lie there."""
        return [path for path in self.places if os.path.lexists(path)]


def forget_all(context: click.Context, what: Sequence[str], wanted: Wanted, no_wait: bool) -> int:
    """Say what goes, ask, and forget it.

    Raises:
        UsageError: nothing is known of one of them, or nobody is there to be asked.
    """
    may_show_names(wanted.names, wanted.as_json)
    if wanted.as_json and not (wanted.yes or wanted.dry_run or wanted.allow_again):
        raise UsageError("--json asks nothing: add --yes, or --dry-run to look only")
    project = open_project(context)
    with held(project, no_wait):
        completed = mend(project, say)
        with asked(context) as place:
            try:
                found = _find(place, what)
            except UsageError as error:
                if completed:
                    return 0  # its name went before it was cut off
                last = place.catalog.jobs()[-1:]
                if last and place.history.job(last[0]).first.act == "forget":
                    raise UsageError(f"{error}. The last job was a forget, and it is complete") from None
                raise
            if wanted.names:
                place.say_names(("lies at", str(path)) for path in found.originals)
        if wanted.allow_again:
            return _allow(project, found, wanted)
        goes = extent(project.manifests, found.units)
        if found.units == found.gone and not goes.lines and not found.places:
            say("that was forgotten before; nothing of it is left")
            return 0
        for line in () if wanted.as_json else _preview(found, goes):
            click.echo(line)
        job = "" if wanted.dry_run or not _agreed(wanted) else forget.forget(project, found.units, say)[0]
    if wanted.as_json:
        click.echo(json.dumps(_as_json(found, goes, job), indent=1))
    if job:
        say(f"forgotten; recorded in manifests/{job}.jsonl")
        say("next: librarian verify")
    else:
        say("nothing was done")
    return 0


def _find(place: Asked, what: Sequence[str]) -> _Found:
    found = _Found()
    for typed in what:
        found.units += [each for each in _units(place, typed) if each not in found.units]
    for unit in found.units:
        found.places += place.vault.sightings(unit)
        found.labels += bool(place.vault.label(unit)[0])
        found.gone += [unit] * bool(place.catalog.forgotten_in(unit))
    return found


def _units(place: Asked, typed: str) -> list[str]:
    """The recordings that are meant: all that have a label, those of a group, or the one of that id, path or name."""
    labeled = [each for each in place.vault.labeled(typed) if not each.startswith("grp_")]
    if labeled:
        return labeled
    unit = place.resolve(typed)
    kind = kind_of(unit)
    if kind in ("recording", "unreadable file") or place.catalog.forgotten_in(unit):
        return [unit]
    if kind == "group":
        return sorted(each for each in place.lineage.graph(unit).origins if kind_of(each) == "recording")
    if kind == "job":
        raise UsageError(f"a job is no recording; what it worked on: librarian show {unit}")
    origins = sorted(place.lineage.graph(unit).origins)
    raise UsageError(f"that was made, and recordings are forgotten; it came of {' and '.join(origins)}")


def _preview(found: _Found, goes: Extent) -> Iterator[str]:
    """What goes, and what stays that nobody here can reach."""
    recordings = plural(len(found.units), "recording")
    yield f"to be forgotten: {recordings}, and what was ever made from {'it' if len(found.units) == 1 else 'them'}"
    results = ", ".join(f"{number:,} {kind}" for kind, number in goes.results.most_common())
    number = sum(goes.results.values())
    rows = [("results", f"{plural(number, 'file')} ({results}), {size(goes.bytes)}" if number else "none")]
    if goes.gathered:
        again = "a run makes them again without it where their step says missing: leave out"
        rows.append(("", f"of these {goes.gathered:,} hold other recordings too; {again}"))
    emptied = f"{plural(goes.lines, 'line')} of {plural(len(goes.touched), 'manifest')} emptied, none removed"
    rows.append(("record", emptied))
    named = f"{plural(len(found.places), 'path')}, {plural(found.labels, 'label')}"
    rows.append(("vault", f"{named}; texts and secrets that nothing else uses; what interrupted tasks saved"))
    rows.append(("logs", "all that workers said, and the status of the last run: who is in them cannot be told"))
    yield from columns(rows)
    yield "out of reach"
    folders = Counter(path.parent for path in found.originals)
    where = f", in {plural(len(folders), 'folder')}; where: --names" if folders else ""
    last = day(max(goes.exports.values())) if goes.exports else ""
    exports = f"{plural(len(goes.exports), 'job')} took of it out, the last on {last}; which and when: --json"
    yield from columns(
        [
            ("exports", exports if goes.exports else "none recorded"),
            ("originals", f"{plural(len(found.originals), 'file')} still there{where}"),
            ("copies", "whatever you exported, copied or backed up; your job files, lists of names and event files"),
        ]
    )


def _agreed(wanted: Wanted) -> bool:
    return agreed(wanted.yes, "This cannot be undone. Forget it?", "to forget all of this")


def _allow(project: Project, found: _Found, wanted: Wanted) -> int:
    if not found.gone:
        raise UsageError("nothing of that is forgotten")
    job = "" if wanted.dry_run else forget.allow(project, found.gone, say)
    if wanted.as_json:
        click.echo(json.dumps({"units": found.gone, "job": job or None}, indent=1))
    say(
        f"{plural(len(found.gone), 'recording')} may be taken again"
        + (f"; recorded in manifests/{job}.jsonl" * bool(job))
    )
    return 0


def _as_json(found: _Found, goes: Extent, job: str) -> dict[str, Any]:
    return {
        **{"job": job or None, "units": sorted(goes.units), "results": dict(goes.results), "bytes": goes.bytes},
        **{"gathered": goes.gathered, "lines": goes.lines, "manifests": len(goes.touched)},
        **{"paths": len(found.places), "labels": found.labels, "originals": len(found.originals)},
        "exports": goes.exports,
    }
