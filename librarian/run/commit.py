"""Tasks that have ended → their lines, in groups. Files first: checked, hashed, durable, in place; then the lines.

The append of a group's lines is its commit. A kill costs at most one group and what is under way. Whatever the disk has
to make durable is left to a thread: meanwhile the conductor hands out what comes next, and no other group is begun.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from librarian.acts.drop import Drop
from librarian.errors import CAUSE_CLASSES
from librarian.keys import canonical, seed
from librarian.manifest.journal import Written
from librarian.manifest.records import BreakerLine, Cause, Consumed, OutcomeLine, Produced, RungRecord
from librarian.manifest.store import BadOutputError, Stored
from librarian.operation import FILE, WORD_PATTERN
from librarian.plan import Task, seal_value
from librarian.privacy.scrub import Scrubbed, ScrubError
from librarian.run import answers
from librarian.run.breakers import Opened
from librarian.run.session import Session
from librarian.workers.messages import Message, cause

LONGEST_MESSAGE = 500
GROUP_TASKS = 50
"""Tasks of a group at the most."""
GROUP_SECONDS = 0.5
"""How long the first task of a group waits for others at the most."""

_TEXT = re.compile(rb"text:[a-z2-7]{52}")
Then = Callable[[OutcomeLine], None]


class Attempt(NamedTuple):
    """A task that a worker had.

    Attributes:
        task: the task.
        folder: where it wrote.
        consumed: what it read.
        waited: how long it waited for a worker (s).
        audio_seconds: length of the sound that it worked on (s); None where there is none.
        retries: pauses after which it was tried again (s).
    """

    task: Task
    folder: str
    consumed: tuple[Consumed, ...]
    waited: float
    audio_seconds: float | None = None
    retries: tuple[float, ...] = ()


class _Ended(NamedTuple):
    """A task that has ended and has no line yet.

    Attributes:
        task: the task.
        outcome: how it ended.
        then: told of the line once it is durable.
        details: what else the line says.
        staged: the folder it wrote, where that goes to the library; else empty.
        files: the names of its artifacts.
        replaced: whether an earlier folder was put aside for it.
        secrets: output → document, of what stays in the vault.
    """

    task: Task
    outcome: str
    then: Then
    details: Mapping[str, Any]
    staged: str = ""
    files: tuple[str, ...] = ()
    replaced: bool = False
    secrets: Mapping[str, str] = MappingProxyType({})


@dataclass
class _Group:
    """What waits to be committed together."""

    ended: list[_Ended] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    began: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.ended or self.dropped)


class Committer:
    """Writes the outcome lines of one job, and what it drops.

    Attributes:
        nothing: no text, scrubbed.
        dropped: tasks whose results were dropped.
        failures: tasks of this run that failed.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._group = _Group()
        self._steps: Iterator[Future[float]] = iter(())
        self._working: Future[float] | None = None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self.dropped = 0
        self.failures = 0
        self.nothing = self.scrub("")

    def __len__(self) -> int:
        """Tasks that wait for their line, and those whose results are to be dropped; one more for a group under way."""
        return len(self._group.ended) + len(self._group.dropped) + self.is_under_way

    @property
    def is_under_way(self) -> bool:
        """Whether a group is on its way to its lines."""
        return self._working is not None

    def close(self) -> None:
        """Let go of what works beside."""
        self._beside.shutdown()

    def due_in(self) -> float:
        """Seconds until something is to be done here; 0 where it is, infinite where nothing is or the disk works."""
        if self._working:
            return 0.0 if self._working.done() else float("inf")
        if not self._group:
            return float("inf")
        if len(self._group.ended) >= GROUP_TASKS:
            return 0.0
        return max(0.0, self._group.began + GROUP_SECONDS - time.monotonic())

    def done(self, attempt: Attempt, answer: Message, then: Then) -> None:
        """Take what a worker made into the group. What it made wrongly becomes a failed line."""
        began = time.perf_counter()
        task = attempt.task
        try:
            named, spent, rungs = answers.named(answer, task), answers.timings(answer), self._rungs(answer)
            secrets = answers.secrets(answer, task)
            most = task.step.declaration.resources.output
            stored = self._session.store.seal_files(attempt.folder, list(named), most)
            produced = [self._produced(task, named[each.file], each) for each in stored]
        except (BadOutputError, answers.BadAnswerError) as error:
            return self.failed(attempt, cause("bad_output", message=str(error)), then)
        except (KeyError, TypeError, ValueError):
            why = cause("bad_output", message="its worker gave an answer that cannot be read")
            return self.failed(attempt, why, then)
        spent |= {"wait": round(attempt.waited, 4), "commit": time.perf_counter() - began}
        details = {
            "cause": self._cause(cause("out_of_memory")) if answer.get("degraded") else None,
            "rungs": rungs,
            "consumed": list(attempt.consumed),
            "produced": sorted(produced, key=lambda each: each.file),
            "folder": task.folder,
            "retries": list(attempt.retries),
            "seed": seed(task.key),
            "audio_seconds": attempt.audio_seconds,
            "timings": spent,
        }
        outcome = "degraded" if answer.get("degraded") else "done"
        self._add(_Ended(task, outcome, then, details, attempt.folder, tuple(named), secrets=secrets))

    def failed(self, attempt: Attempt, why: Mapping[str, Any], then: Then) -> None:
        """Take a failure into the group, and throw away what the task wrote."""
        self._session.store.drop_task(attempt.folder)
        self.not_started(attempt.task, why, then, consumed=attempt.consumed, retries=attempt.retries)

    def not_started(
        self,
        task: Task,
        why: Mapping[str, Any],
        then: Then,
        *,
        consumed: Sequence[Consumed] = (),
        outcome: str = "failed",
        retries: Sequence[float] = (),
    ) -> None:
        """Take a task that left nothing into the group."""
        details = {"cause": self._cause(why), "consumed": list(consumed), "retries": list(retries)}
        self._add(_Ended(task, outcome, then, details))

    def cached(self, task: Task, then: Then) -> None:
        """Take in that a result made elsewhere is current here."""
        self._add(_Ended(task, "cached", then, {"folder": task.folder}))

    def opened(self, breaker: Opened) -> Scrubbed:
        """Record that a breaker has opened; the sentence that says so."""
        line = BreakerLine(
            of=breaker.of, name=self.scrub(breaker.name), reason=breaker.reason, failures=breaker.failures
        )
        self._session.journal.append([line])
        return self.scrub(str(breaker))

    def scrub(self, text: str) -> Scrubbed:
        """Any text, ready to be written or shown."""
        return self._session.scrubber.scrub(text, limit=LONGEST_MESSAGE)

    def drop(self, keys: Sequence[str]) -> None:
        """Take into the group that results are needed no more: with its lines one says so, and they go."""
        if keys:
            self._begin()
            self._group.dropped += keys

    def _add(self, ended: _Ended) -> None:
        self._begin()
        self._group.ended.append(ended)
        self.failures += ended.outcome == "failed"

    def _begin(self) -> None:
        if not self._group:
            self._group.began = time.monotonic()

    def commit(self) -> None:
        """Make durable what has ended, then tell those who wait for it.

        Raises:
            OSError: the disk failed; nothing of the group counts.
        """
        while self.is_under_way or self._group:
            self.go_on()

    def go_on(self) -> None:
        """Begin to commit what has ended; where a group is under way, wait for the disk and do what comes next.

        While the disk works, the caller can do other things.

        Raises:
            OSError: the disk failed; nothing of the group counts.
        """
        if not self._working:
            group, self._group = self._group, _Group()
            self._steps = self._committed(group.ended, Drop(self._session.catalog, group.dropped, "used"))
        self._working = next(self._steps, None)

    def _committed(self, group: list[_Ended], dropped: Drop) -> Iterator[Future[float]]:
        """The way of a group to its lines. Each step ends where the disk has something to do."""
        if not (group or dropped):
            return
        session = self._session
        yield (working := self._beside.submit(_timed, session.store.flushing()))
        took, began = working.result(), time.perf_counter()
        group = [self._in_place(each) for each in group]
        for each in group if session.texts else ():
            self._note_texts(each.task)
        session.vault.commit(durable=not session.store.flushes_all(session.project.state))
        took += time.perf_counter() - began
        yield (working := self._beside.submit(_timed, session.store.flushing()))
        share = (took + working.result()) / max(1, len(group))
        lines = [self._line(each, share) for each in group]
        written = session.journal.write([*lines, *dropped.lines()])
        yield (working := self._beside.submit(_timed, session.journal.sync))
        working.result()
        self._recorded(group, lines, written, dropped)

    def _recorded(
        self, group: Sequence[_Ended], lines: Sequence[OutcomeLine], written: Sequence[Written], dropped: Drop
    ) -> None:
        """What follows from the lines of a group, which are durable."""
        session = self._session
        session.vault.drop_states(each.task.key for each in group if each.staged)
        session.catalog.take(session.job_id, written)
        for folder in dropped.folders:
            session.store.drop(folder)
        self.dropped += len(dropped.folders)
        for each, line in zip(group, lines, strict=True):
            if each.replaced and each.staged:
                session.store.forget_old(each.staged, session.job_id)
            each.then(line)

    def _note_texts(self, task: Task) -> None:
        """Keep the texts of settings that are this task's own."""
        for digest in set(_TEXT.findall(canonical(task.document))):
            if text := self._session.texts.get(digest.decode()):
                self._session.vault.note_text(digest.decode(), text)

    def _in_place(self, ended: _Ended) -> _Ended:
        """Put what a task made into the library; where that cannot be, it has failed."""
        task, staged = ended.task, ended.staged
        if not staged:
            return ended
        try:
            replaced = self._session.store.settle(
                staged, task.folder, files=ended.files, job=self._session.job_id, committed=task.redo
            )
        except BadOutputError as error:
            self._session.store.drop_task(staged)
            why = self._cause(cause("bad_output", message=str(error)))
            return _Ended(task, "failed", ended.then, {"cause": why, "consumed": ended.details["consumed"]})
        for output, document in ended.secrets.items():
            self._session.vault.note_secret(task.key, output, task.unit, task.step.outputs[output].kind, document)
        return ended._replace(replaced=True) if replaced else ended

    def _line(self, ended: _Ended, share: float) -> OutcomeLine:
        task, details = ended.task, dict(ended.details)
        if ended.staged:
            timings = details["timings"]
            details["timings"] = {**timings, "commit": round(timings["commit"] + share, 4)}
            details["replaces"] = ended.replaced and task.redo
        return OutcomeLine.model_validate(
            {
                "job_name": self._session.job_name,
                "step": task.step.id,
                "unit": task.unit,
                "outcome": ended.outcome,
                "key": task.key or None,
                "document": task.document or None,
                "given": list(task.step.given),
                "absent": [
                    {"port": each.port, "role": each.role or None, "unit": each.unit or None, "step": each.step or None}
                    for each in task.absent
                ],
                **details,
            }
        )

    def _cause(self, why: Mapping[str, Any]) -> Cause:
        reason = why.get("reason")
        exception = str(why.get("exception"))
        try:
            message = self.scrub(str(why["message"])) if why.get("message") else None
        except ScrubError:
            reason, message = "privacy", None
        return Cause(
            reason=reason if reason in CAUSE_CLASSES else "error",
            exception=exception if why.get("exception") and re.fullmatch(WORD_PATTERN, exception) else None,
            signal=_number(why.get("signal")),
            exit_code=_number(why.get("exit_code")),
            message=message,
        )

    def _rungs(self, answer: Message) -> list[RungRecord]:
        """The rungs of the memory ladder that a worker took."""
        texts: dict[str, str] = {}
        sealed = seal_value(answer.get("rungs", []), self._session.project.id_key, texts)
        for digest, text in texts.items():
            self._session.vault.note_text(digest, text)
        return [RungRecord.model_validate(each) for each in sealed]

    def _produced(self, task: Task, named: Mapping[str, Any], stored: Stored) -> Produced:
        output, item = named["output"], named["item"]
        port = task.step.outputs[output]
        return Produced.model_validate(
            {
                "id": self._session.project.id_key.artifact(task.key, output, item),
                "output": output,
                "item": item,
                "kind": port.kind if port.kind not in ("data", FILE) else named["kind"],
                "file": stored.file,
                "bytes": stored.bytes,
                "digest": self._session.project.id_key.content(stored.sha256, private=not port.clean),
                "private": not port.clean,
                "facts": named["facts"],
            }
        )


def _timed(work: Callable[[], None]) -> float:
    """Do it; the seconds that it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
