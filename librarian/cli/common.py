"""What several commands need: a job with everything checked, a scrubber that knows it."""

from __future__ import annotations

import gc
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

from librarian.cli.job_words import chosen_words, given_texts, texts
from librarian.cli.lacking import remedies
from librarian.cli.words import say
from librarian.errors import EnvironmentFailedError, ExtensionError, UsageError
from librarian.files import naming, private
from librarian.job import Job, Read, Step, Validate, resolve
from librarian.job.read import IS_MISSING, UNKNOWN_KEY, Problem, RefusedJobError
from librarian.job.yamltext import Place
from librarian.models.installed import Installed
from librarian.operation import Declaration, Resolved
from librarian.plan import seal_texts
from librarian.privacy.known import names_in, secrets, surroundings
from librarian.privacy.names import names_at
from librarian.privacy.recognizers import Level, Recognizer
from librarian.privacy.scrub import Scrubber, ScrubError
from librarian.project import Project
from librarian.recordings import PatternError, Scan, scan
from librarian.run.devices import device_of
from librarian.run.standing import Look, Seen
from librarian.workers.asking import Workers
from librarian.workers.declared import Extension, Validator, extensions, words_of
from librarian.workers.installed import state_of_all

_PHONE_DIGITS = 10
"""Fewer say nothing without a list of who has which number."""


def refuse_shadow() -> None:
    """Notice the other package called librarian: its files would lie over ours.

    Raises:
        EnvironmentFailedError: it is installed.
    """
    try:
        distribution("librarian")
    except PackageNotFoundError:
        return
    raise EnvironmentFailedError(
        "the package 'librarian' (a card-game library) is installed and shadows this one; type: "
        "pip uninstall librarian && pip install --force-reinstall --no-deps librarian-media"
    )


class LateLog:
    """What workers print, scrubbed, into a file. Held back until there is a scrubber that knows the names."""

    MOST_HELD = 1000

    def __init__(self) -> None:
        self._held: list[str] = []
        self._scrubber: Scrubber | None = None
        self._path: Path | None = None

    def __call__(self, line: str) -> None:
        """Take a line."""
        if self._path is None or self._scrubber is None:
            if len(self._held) < self.MOST_HELD:
                self._held.append(line)
        else:
            text = self._scrubbed(self._scrubber, line).encode() + b"\n"
            with naming(self._path), open(self._path, "ab", opener=private) as file:
                file.write(text)

    def _scrubbed(self, scrubber: Scrubber, line: str) -> str:
        try:
            return scrubber.scrub(line, limit=1000)
        except ScrubError:
            return "(withheld)"

    def open(self, path: Path, scrubber: Scrubber) -> None:
        """Write to `path` from now on."""
        self._path, self._scrubber = path, scrubber
        held, self._held = self._held, []
        for line in held:
            self(line)


@dataclass(frozen=True)
class Checked:
    """A job that passed every check that needs no project, and its recordings.

    Attributes:
        private: what names someone.
        chosen: words of the job file that do not.
        models: what it can use.
        allowed: words that the owner says do not.
        more: what extensions look for in texts.
        raw: where was looked for what it hangs on beside the recordings, and the digest of what was seen there; None
            where a worker would be asked again though nothing has changed.
    """

    job: Job
    scan: Scan
    private: Sequence[str]
    chosen: frozenset[str]
    models: Installed
    allowed: Sequence[str]
    more: tuple[Recognizer, ...]
    raw: tuple[Look, str] | None

    def names_someone(self, text: str) -> bool:
        """Whether a text holds what tells of somebody: of a recording, or as the names and recognizers have it."""
        return names_someone(self._checker, text)

    @cached_property
    def _checker(self) -> Scrubber:
        level = self.job.file.privacy.level
        checker = _throwaway(self.private, {*self.chosen, *self.job.models(), *self.allowed}, level, self.more)
        checker.learn(self.scan.paths)
        return checker

    def scrubber(self, project: Project) -> Scrubber:
        """A scrubber that knows every name of the job."""
        labels = {sighting.label for sighting in self.scan.sightings.telling() if sighting.public}
        level = self.job.file.privacy.level
        exempt = {*self.chosen, *labels, *self.job.models(), *self.allowed}
        scrubber = Scrubber(project.pseudonym_key, exempt=exempt, level=level, names=names_at(level), more=self.more)
        _, texts = seal_texts(self.job, project.id_key)
        learnt = set(texts.values()) - set(_allowing(self.job.steps))
        scrubber.learn([*self.private, *sorted(learnt), os.fspath(project.root)])
        for table in self.job.tables.values():
            scrubber.learn(table.private)
            if not table.labels_are_public:
                scrubber.learn(row.label for row in table.rows.values() if row.label)
        scrubber.learn_secrets(secrets())
        scrubber.learn(self.scan.paths)
        return scrubber


def check(text: Read, workers: Workers, models: Installed) -> Checked:
    """Check a job file against the extensions and models that are installed, and look for its recordings.

    Nothing is written.

    Raises:
        LibrarianError: anything that can refuse a job, before its first task.
    """
    chosen = frozenset(chosen_words(text))
    private = list(surroundings())
    state = state_of_all()
    installed = extensions(workers, remembered=state)
    declarations = [each for extension in installed for each in extension.declarations]
    public = chosen.union(models.lock.by_name, words_of(declarations))
    scrubber = _throwaway([*private, *given_texts(text)], public)
    _note_broken(text, installed, scrubber)
    _note_lacking(text, installed)
    validator = Validator(workers, installed, models)
    lists = {"names": _listed(text, "names"), "allow": _listed(text, "allow")}
    job = resolve(text, declarations, _telling(_scrubbing(validator, scrubber), lists))
    private += lists["names"]
    allowed = lists["allow"]
    more = _more(installed)
    device_of(job)
    checker = _throwaway(private, allowed, job.file.privacy.level, more)
    _check_words(job.words(), text, checker)
    try:
        found = scan(job)
    except PatternError as error:
        text.problems.extend(Problem(place, message) for place, message in error.problems)
        text.check()
        raise
    gc.freeze()  # what is known of the recordings stays: the collector need not walk through it again and again
    _check_words(_labels(job, found), text, checker)
    raw = None if validator.asks_again else _raw(job, private, allowed, installed, models.state, state)
    return Checked(job, found, private, chosen, models, allowed, more, raw)


def _raw(
    job: Job, known: Sequence[str], allowed: Sequence[str], installed: Sequence[Extension], models: str, state: str
) -> tuple[Look, str]:
    entries = job.file.recordings
    at = Look(
        entries=[entry.patterns for entry in entries],
        lists=[entry.table.file for entry in entries if entry.table],
        names=job.file.privacy.names or "",
        extensions=[each.made_of for each in installed],
        allow=job.file.privacy.allow or "",
    )
    seen = Seen(
        job=hashlib.sha256(job.content).hexdigest(),
        lists=[job.tables[entry.id].sha256 for entry in entries if entry.table],
        known=known,
        states=[each.state for each in installed],
        models=models,
        installed=state,
        allowed=allowed,
    )
    return at, seen.digest()


def _listed(text: Read, which: Literal["names", "allow"]) -> list[str]:
    """The lines of one of the owner's lists; one that cannot be read is a problem of the job file."""
    file: str | None = getattr(text.file.privacy, which) if text.file else None
    try:
        return names_in(text.folder / file) if file else []
    except UsageError as error:
        text.problems.append(Problem(("privacy", which), str(error)))
        return []


def _allowing(steps: Iterable[Step]) -> Iterator[str]:
    """Texts of settings that name no one."""
    for step in steps:
        yield from (str(step.settings[name]) for name, which in step.declaration.told.items() if which == "allow")


def _telling(validate: Validate, lists: Mapping[str, Sequence[str]]) -> Validate:
    """Settings that are told what the owner's lists say get their lines, behind what the job file gives."""

    def telling(declaration: Declaration, given: Mapping[str, object]) -> Any:
        told = dict(given)
        for name, which in declaration.told.items():
            own = given.get(name, "")
            if lists[which] and isinstance(own, str):  # what is no text is refused as it is
                told[name] = "\n".join(filter(None, (own, *lists[which])))
        return validate(declaration, told)

    return telling


def _labels(job: Job, found: Scan) -> Iterator[tuple[Place, str]]:
    """Every label that may stand in records, with the place that takes it."""
    places: dict[str, Place] = {
        entry.id: ("recordings", index, "label" if entry.label else "list")
        for index, entry in enumerate(job.file.recordings)
    }
    for label, entry in {
        sighting.label: sighting.entry for sighting in found.sightings.telling() if sighting.public
    }.items():
        yield places[entry], label


def _scrubbing(validate: Validate, scrubber: Scrubber) -> Validate:
    """What an extension says of a value may hold the value."""

    def scrubbed(declaration: Declaration, given: Mapping[str, object]) -> Any:
        try:
            answer = validate(declaration, given)
        except ExtensionError as error:
            scrubber.learn(texts(given.values()))
            raise ExtensionError(scrubber.scrub(str(error), limit=300)) from None
        if isinstance(answer, Resolved):
            return _without_names(answer) if answer.missing else answer
        scrubber.learn(texts(given.values()))  # those of a list are not in the job file
        ours = (UNKNOWN_KEY, IS_MISSING)
        return [(place, each if each in ours else scrubber.scrub(each, limit=300)) for place, each in answer]

    return scrubbed


def _without_names(answer: Resolved) -> Resolved:
    """The name of a model that is not installed may be any word."""
    scrubber = _throwaway(surroundings())
    missing = {name: scrubber.scrub(remedy, limit=500) for name, remedy in answer.missing.items()}
    return answer.model_copy(update={"missing": missing})


def _throwaway(
    known: Iterable[str],
    exempt: Iterable[str] = (),
    level: Level = "strict",
    more: tuple[Recognizer, ...] = (),
) -> Scrubber:
    """A scrubber for what is shown before there is a project: its pseudonyms mean nothing later."""
    scrubber = Scrubber(os.urandom(32), exempt=exempt, level=level, names=names_at(level), more=more)
    scrubber.learn(known)
    scrubber.learn_secrets(secrets())
    return scrubber


def _more(installed: Sequence[Extension]) -> tuple[Recognizer, ...]:
    """What extensions look for in texts."""
    declared = [each for each in installed if each.recognizers]
    if not declared:
        return ()
    from librarian.privacy.declared import recognizers_of

    return tuple(recognizer for each in declared for recognizer in recognizers_of(each.recognizers))


def _note_broken(text: Read, installed: Sequence[Extension], scrubber: Scrubber) -> None:
    broken = {each.package: each.problem for each in installed if each.problem}
    for index, step in text.steps.items():
        package = step.use.partition("/")[0]
        if package in broken:
            reason = scrubber.scrub(broken[package], limit=300)
            text.problems.append(Problem(("steps", index, "use"), f"{package} is broken: {reason}", missing=True))
    if broken and not text.problems:
        known = {name for each in installed for d in each.declarations for name in (d.name, d.full_name)}
        if any(step.use not in known for step in text.steps.values()):
            names = ", ".join(sorted(broken))
            say(f"cannot be used: {names}; why: librarian extensions")


def _note_lacking(text: Read, installed: Sequence[Extension]) -> None:
    known = {name for each in installed for d in each.declarations for name in (d.name, d.full_name)}
    broken = {each.package for each in installed if each.problem}
    lacking = [step.use for step in text.steps.values() if step.use not in known]
    for line in remedies([use for use in lacking if use.partition("/")[0] not in broken]) if lacking else ():
        say(line)


def names_someone(checker: Scrubber, word: str) -> bool:
    """Whether a chosen word is refused. A shelf mark (OH-1987-042) has digits as a short telephone number has."""
    return any(
        span.type != "PHONE" or _digits(word[span.start : span.end]) >= _PHONE_DIGITS for span in checker.hits(word)
    )


def _digits(text: str) -> int:
    return sum(char.isdigit() for char in text)


def _check_words(words: Iterable[tuple[Place, str]], text: Read, checker: Scrubber) -> None:
    for place, number in Counter(place for place, word in words if names_someone(checker, word)).items():
        which = "labels read" if place[-1] in ("label", "list") and number > 1 else "reads"
        what = f"{number} {which}" if number > 1 else which
        text.problems.append(
            Problem(
                place,
                f"{what} like a name or a number of somebody; choose another word, or list it in the file of "
                "privacy.allow",
            )
        )
    if text.problems:
        raise RefusedJobError(text.lines())
