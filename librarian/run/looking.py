"""A family under way, and how its recordings are looked into before a task reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from librarian.job import Recording
from librarian.plan import Task, Weave
from librarian.run.inputs import Known
from librarian.run.session import Session
from librarian.run.work import Work
from librarian.workers.messages import Message


@dataclass
class UnderWay:
    """A family under way.

    Attributes:
        weave: its tasks.
        known: what is known of its files.
        planned: (step, unit) → task, of what is known to stand.
        causes: recording → why it cannot be read.
        probes: recording that is looked into → who waits for it.
        stood: unit → steps whose results were there already.
        settled: (step, unit) of failures that the owner settled.
        tried: (step, unit) → the task as it was before a recording that it reads turned out to be broken.
    """

    weave: Weave
    known: Known
    planned: dict[tuple[str, str], Task] = field(default_factory=dict)
    causes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    probes: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    stood: dict[str, list[str]] = field(default_factory=dict)
    settled: set[tuple[str, str]] = field(default_factory=set)
    tried: dict[tuple[str, str], Task] = field(default_factory=dict)


class Looking:
    """Has recordings probed, each once.

    Args:
        session: the run.
        work: asks workers.
    """

    def __init__(self, session: Session, work: Work) -> None:
        self._session, self._work = session, work

    def into(self, family: UnderWay, task: Task, then: Callable[[], None]) -> None:
        """Probe the recordings that a task reads, those that were not."""
        unknown = {each.id for each in task.inputs if not each.step} - family.known.facts.keys()
        for each in list(unknown):
            if facts := self._session.vault.facts(each):
                family.known.facts[each] = facts
                unknown.discard(each)
        if not unknown:
            return then()
        waiting = set(unknown)

        def probed(recording: str) -> None:
            waiting.discard(recording)
            if not waiting:
                then()

        for each in sorted(unknown):
            self._probe(family, family.known.recordings[each], lambda each=each: probed(each))  # type: ignore[misc]

    def _probe(self, family: UnderWay, recording: Recording, then: Callable[[], None]) -> None:
        if recording.id in family.probes:
            family.probes[recording.id].append(then)
            return
        family.probes[recording.id] = [then]

        def answered(answer: Message) -> None:
            if answer["type"] == "done":
                family.known.facts[recording.id] = answer["facts"]
                self._session.vault.note_facts(recording.id, answer["facts"])
            else:
                family.causes[recording.id] = answer["cause"]
                family.weave.spoil(recording.id)
            for each in family.probes.pop(recording.id):
                each()

        self._work.probe(recording, answered)
