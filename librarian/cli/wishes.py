"""What is typed beside a job file: which recordings, how far, what again. The same for `run` and `plan`."""

from __future__ import annotations

import contextlib
import os
import re
import time
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wcmatch import glob

from librarian.cli.common import Checked
from librarian.cli.words import plural, say
from librarian.errors import UsageError
from librarian.job import Job, Read, Sighting, Step, did_you_mean, is_whole
from librarian.job.changes import place_of
from librarian.job.policy import Rules
from librarian.manifest.catalog import Catalog
from librarian.plan import Policy
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.recordings import Scan, without_fresh
from librarian.recordings.names import normal
from librarian.run.order import Order
from librarian.run.standing import placed

DEGRADED, SUSPECT, FAILED, DROPPED = "degraded", "suspect", "failed", "dropped"
_ALSO_REDONE = (DEGRADED, SUSPECT, FAILED, DROPPED)
_GLOB = glob.BRACE | glob.GLOBSTAR | glob.IGNORECASE
_RECORDED_PARTS = {"steps": 4}
"""Of the place of a change: what stands below a setting, or below a part of a recordings entry, may be any text."""


@dataclass(frozen=True)
class Wishes:
    """What was typed.

    Attributes:
        sample: so many groups or recordings, spread over all.
        only: names, labels, ids or patterns of recordings.
        to: the last step.
        redo: steps, or DEGRADED, SUSPECT, FAILED, DROPPED: what is done again.
        changes: `place=value` for the job file.
        until: time of day after which nothing new is begun (HH:MM); empty for none.
        max_failures: tasks that fail before nothing new is begun; None for any number.
        private: whether operations that talk to other machines may have private material.
        upgrade: follow new versions of operations, models and defaults.
        dev: packages whose code counts as a part of how a thing is made.
    """

    sample: int | None
    only: Sequence[str]
    to: str | None
    redo: Sequence[str]
    changes: Sequence[str]
    until: str
    max_failures: int | None
    private: bool
    upgrade: bool
    dev: Sequence[str] = ()

    @property
    def partial(self) -> bool:
        """Whether some of the recordings are left out."""
        return self.sample is not None or bool(self.only)

    def deadline(self) -> float:
        """When nothing new is begun any more (seconds since the epoch)."""
        if not self.until:
            return float("inf")
        hours, minutes = map(int, self.until.split(":"))
        now = time.localtime()
        days = ((now.tm_year, now.tm_mon, day, hours, minutes, 0, 0, 0, -1) for day in (now.tm_mday, now.tm_mday + 1))
        return next(at for at in map(time.mktime, days) if at > time.mktime(now))

    def seconds_left(self) -> float:
        """Until nothing new is begun any more."""
        return self.deadline() - time.time()

    def order(self, text: Read, checked: Checked, project: Project | None) -> Order:
        """What is to be run.

        Args:
            text: the job file.
            checked: the job and all of its recordings.
            project: knows ids; None where there is none yet.

        Raises:
            UsageError: a step or a recording is not there.
            RefusedJobError: a step would do what no rule allows, or send private material to other machines.
        """
        scan = self._scan(checked, project)
        steps = self._steps(checked.job)
        Rules(checked.job, self.private, checked.names_someone).refuse(text, steps)
        again = self._redone(checked.job)
        words = {word: word in self.redo for word in _ALSO_REDONE}
        policy = Policy(upgrade=self.upgrade, redo=again, developed=self._developed(checked.job), **words)
        options = self._options(scan)
        return Order(checked.job, scan, steps, policy, options, models=checked.models, partial=self.partial)

    def _options(self, scan: Scan) -> dict[str, Any]:
        """For the record: words and numbers only, no name of a recording."""
        found: dict[str, Any] = {"upgrade": self.upgrade}
        if self.partial:
            found["recordings"] = len(set(scan.sightings.paths))
        if self.sample is not None:
            found["sample"] = self.sample
        if self.only:
            found["only"] = len(self.only)
        if self.to:
            found["to"] = self.to
        if self.redo:
            found["redo"] = list(self.redo)
        if self.changes:
            places = [place_of(change).split(".") for change in self.changes]
            found["set"] = [".".join(place[: _RECORDED_PARTS.get(place[0], 3)]) for place in places]
        if self.until:
            found["until"] = self.until
        if self.max_failures is not None:
            found["max-failures"] = self.max_failures
        if self.private:
            found["private"] = True
        if self.dev:
            found["dev"] = list(self.dev)
        return found

    def _steps(self, job: Job) -> tuple[Step, ...]:
        steps = {step.id: step for step in job.steps}
        wanted = set(steps)
        if self.to is not None:
            _check_known("--to", self.to, steps)
            wanted = {self.to}
            for step in reversed(job.steps):
                if step.id in wanted:
                    wanted |= _needs(step)
        if self.partial:
            left = _with_dependents(job, {step.id for step in job.steps if is_whole(step.level)}) & wanted
            wanted -= left
            if left:
                say(f"left out, as it takes all recordings: {', '.join(step for step in steps if step in left)}")
        return tuple(step for step in job.steps if step.id in wanted)

    def _redone(self, job: Job) -> frozenset[str]:
        steps = {step.id: step for step in job.steps}
        named = [each for each in self.redo if each not in _ALSO_REDONE]
        for each in named:
            _check_known("--redo", each, steps)
        return frozenset(_with_dependents(job, set(named)))

    def _developed(self, job: Job) -> frozenset[str]:
        known = {step.declaration.extension: step.declaration.code for step in job.steps}
        for each in self.dev:
            _check_known("--dev", each, known, "extension")
            if not known[each]:
                raise UsageError(f"--dev {each}: its code is not found in files of its own")
        return frozenset(self.dev)

    def _scan(self, checked: Checked, project: Project | None) -> Scan:
        families = checked.scan.families
        if self.only:
            folder = os.fspath(checked.job.folder)
            tests = [_Test(each, folder, paths_of(project, each, families)) for each in self.only]
            families = [family for family in families if any(test(each) for test in tests for each in family)]
            for test in tests:
                test.check()
        if self.sample is not None:
            number = min(self.sample, len(families))
            families = [families[index * len(families) // number] for index in range(number)]
        if families is checked.scan.families:
            return checked.scan
        return checked.scan.part(families)


def left_fresh(order: Order) -> Order:
    """The same without files that have just changed, which are said and wait for the next run."""
    taken, waiting = without_fresh(order.scan)
    if waiting:
        files = plural(len(waiting), "file")
        say(f"{files} left for the next run: changed within the last minute (--fresh-ok takes what is there)")
    return replace(order, scan=taken, waiting=waiting)


class _Test:
    """Whether a file is meant by a name, a label, an id or a pattern."""

    def __init__(self, typed: str, folder: str, paths: Iterable[str]) -> None:
        self._typed, self._folder = typed, folder
        self._name = normal(typed)
        self._end = f"/{normal(os.path.normpath(typed)).lstrip('/')}"
        self._pattern = _pattern(typed)
        self._paths = frozenset([*paths, os.path.abspath(typed)])
        self._found = False

    def __call__(self, sighting: Sighting) -> bool:
        path = sighting.path
        name, relative = normal(path), normal(os.path.relpath(path, self._folder))
        base = os.path.basename(name)
        fits = bool(self._typed) and (
            self._name in (sighting.label, sighting.group, os.path.splitext(base)[0])
            or path in self._paths
            or f"/{name}".endswith(self._end)
            or (self._pattern is not None and any(map(self._pattern.match, (relative, base))))
        )
        self._found = self._found or fits
        return fits

    def check(self) -> None:
        if not self._found:
            raise UsageError(f"--only {self._typed}: no recording of this job has that name, label or id")


def _pattern(typed: str) -> Any:
    """A pattern, where the text is one."""
    if not glob.is_magic(typed, flags=_GLOB):
        return None
    try:
        return glob.compile(unicodedata.normalize("NFC", typed), flags=_GLOB)
    except Exception:  # wcmatch has private types for what it cannot expand
        raise UsageError(f"--only {typed}: the pattern cannot be read; check its braces") from None


def _check_known(option: str, name: str, known: Collection[str], what: str = "step") -> None:
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"{option} {name}: the job has no such {what}{hint}")


def _needs(step: Step) -> set[str]:
    return {source.step for sources in step.inputs.values() for source in sources if source.step}


def _with_dependents(job: Job, steps: set[str]) -> set[str]:
    """Steps and all that hangs on them."""
    found = set(steps)
    for step in job.steps:
        if _needs(step) & found:
            found.add(step.id)
    return found


def paths_of(project: Project | None, typed: str, families: Iterable[Sequence[Sighting]]) -> Iterator[str]:
    """Where the recordings lie that an id, or the beginning of one, stands for."""
    if project is None or not re.match(r"(rec|src|grp|art|set)_", typed):
        return
    from librarian.manifest.lineage import Lineage

    for family in families if typed.startswith("grp_") else ():
        if family[0].group and project.id_key.group(family[0].entry, family[0].group).startswith(typed):
            yield from (each.path for each in family)
    with (
        contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog,
        contextlib.closing(Vault(project.vault, owned=False)) as vault,
    ):
        lineage = Lineage(catalog, placed(project.library))
        for found in lineage.find(typed, 1):
            for unit in {found, *lineage.graph(found).origins}:
                yield from map(os.fspath, vault.sightings(unit))
