"""A task's end → its line. Files first, checked, hashed, durable and in place; then the line, which is the commit."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.errors import CAUSE_CLASSES
from librarian.keys import seed
from librarian.manifest.records import Cause, Consumed, OutcomeLine, Produced, RungRecord, Timings
from librarian.manifest.store import BadOutputError, Stored
from librarian.operation import WORD_PATTERN
from librarian.plan import Task, seal_value
from librarian.privacy.scrub import Scrubbed, ScrubError
from librarian.run.session import Session
from librarian.workers.messages import Message, cause

LONGEST_MESSAGE = 500


class BadAnswerError(Exception):
    """A worker's answer that cannot be believed."""


@dataclass(frozen=True)
class Attempt:
    """A task that a worker had.

    Attributes:
        task: the task.
        folder: where it wrote.
        consumed: what it read.
        waited: how long it waited for a worker (s).
        audio_seconds: length of the sound that it worked on (s); None where there is none.
    """

    task: Task
    folder: Path
    consumed: tuple[Consumed, ...]
    waited: float
    audio_seconds: float | None = None


class Committer:
    """Writes the outcome lines of one job."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def done(self, attempt: Attempt, answer: Message) -> OutcomeLine:
        """Commit what a worker made. What it made wrongly becomes a failed line."""
        began = time.perf_counter()
        task = attempt.task
        try:
            named, spent, rungs = _named(answer, task), _timings(answer), self._rungs(answer)
            stored = self._session.store.seal_files(attempt.folder, list(named))
            produced = [self._produced(task, named[each.file], each) for each in stored]
            replaced = self._session.store.settle(
                attempt.folder, task.folder, files=list(named), job=self._session.job_id, committed=task.redo
            )
        except (BadOutputError, BadAnswerError) as error:
            return self.failed(attempt, cause("bad_output", message=str(error)))
        except (KeyError, TypeError, ValueError):
            return self.failed(attempt, cause("bad_output", message="its worker gave an answer that cannot be read"))
        whole = {"wait": round(attempt.waited, 4), "commit": round(time.perf_counter() - began, 4)}
        line = self._line(
            task,
            "degraded" if answer.get("degraded") else "done",
            cause=self._cause(cause("out_of_memory")) if answer.get("degraded") else None,
            rungs=rungs,
            consumed=list(attempt.consumed),
            produced=sorted(produced, key=lambda each: each.file),
            folder=task.folder,
            replaces=replaced and task.redo,
            seed=seed(task.key),
            audio_seconds=attempt.audio_seconds,
            timings=spent.model_copy(update=whole),
        )
        self._session.vault.drop_state(task.key)
        self._append(line)
        if replaced:
            self._session.store.forget_old(attempt.folder, self._session.job_id)
        return line

    def failed(self, attempt: Attempt, why: Mapping[str, Any]) -> OutcomeLine:
        """Record a failure and throw away what the task wrote."""
        self._session.store.drop_task(attempt.folder)
        return self.not_started(attempt.task, why, attempt.consumed)

    def not_started(
        self, task: Task, why: Mapping[str, Any], consumed: Sequence[Consumed] = (), outcome: str = "failed"
    ) -> OutcomeLine:
        """Record a task that left nothing."""
        line = self._line(task, outcome, cause=self._cause(why), consumed=list(consumed))
        self._append(line)
        return line

    def cached(self, task: Task) -> OutcomeLine:
        """Record that a result made elsewhere is current here."""
        line = self._line(task, "cached", folder=task.folder)
        self._append(line)
        return line

    def scrub(self, text: str) -> Scrubbed:
        """Any text, ready to be written or shown."""
        return self._session.scrubber.scrub(text, limit=LONGEST_MESSAGE)

    def _append(self, line: OutcomeLine) -> None:
        self._session.vault.commit()
        self._session.journal.append([line])
        self._session.catalog.follow(self._session.job_id)

    def _line(self, task: Task, outcome: str, **details: Any) -> OutcomeLine:
        return OutcomeLine.model_validate(
            {
                "job_name": self._session.job_name,
                "step": task.step.id,
                "unit": task.unit,
                "outcome": outcome,
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
                "kind": port.kind if port.kind != "data" else named["kind"],
                "file": stored.file,
                "bytes": stored.bytes,
                "digest": self._session.project.id_key.content(stored.sha256, private=not port.clean),
                "private": not port.clean,
                "facts": named["facts"],
            }
        )


def _named(answer: Message, task: Task) -> dict[str, Mapping[str, Any]]:
    """File name → output, as the worker says; refused unless it is what the step's outputs are called."""
    named: dict[str, Mapping[str, Any]] = {}
    for each in answer["outputs"]:
        output, item = each["output"], each["item"]
        stem = f"{task.home}.{task.step.declaration.name}.{output}" + ("" if item is None else f".{item:04d}")
        if output not in task.step.outputs or each["file"].rpartition(".")[0] != stem:
            raise BadAnswerError("an output has another name than it should")
        named[each["file"]] = each
    if {each["output"] for each in named.values()} < {
        output for output, port in task.step.outputs.items() if not port.many
    }:
        raise BadAnswerError("an output is missing")
    return named


def _timings(answer: Message) -> Timings:
    names = ("read", "load", "compute", "write")
    return Timings(**{name: round(float(answer["timings"][name]), 4) for name in names})


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
