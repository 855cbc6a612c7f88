"""What a task reads: recordings and artifacts, as they were recorded, for its worker and for its line."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from librarian.files import StatKey, hash_file, stat_key
from librarian.job import Recording
from librarian.manifest.catalog import MadeArtifact
from librarian.manifest.records import Consumed, OutcomeLine
from librarian.plan import Input, Task
from librarian.run.session import Session
from librarian.workers import requests
from librarian.workers.messages import Message

_PICTURES = ("png", "jpeg", "webp")


@dataclass
class Known:
    """What a family's run knows of its files.

    Attributes:
        recordings: id → recording.
        facts: id of a recording → what it holds.
        hashed: artifacts whose bytes this run hashed itself, with the stat that they had then.
    """

    recordings: Mapping[str, Recording]
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    hashed: MutableMapping[str, StatKey] = field(default_factory=dict)


class Inputs:
    """The inputs of one task."""

    def __init__(self, session: Session, known: Known, task: Task) -> None:
        self._session, self._known, self._task = session, known, task
        self._made = {each.id: session.catalog.artifact(each.id) for each in task.inputs if each.step}

    def recordings(self) -> Iterator[Recording]:
        """The recordings that it reads."""
        return (self._known.recordings[each.id] for each in self._task.inputs if not each.step)

    def messages(self) -> dict[str, Message | list[Message]]:
        """Port → what its worker is told of it."""
        found: dict[str, Message | list[Message]] = {}
        for port in self._task.step.inputs:
            given = [self._message(each) for each in self._task.inputs if each.port == port]
            if self._task.step.gathers(port):
                found[port] = given
            elif given:
                found[port] = given[0]
        return found

    def _message(self, given: Input) -> Message:
        if given.step:
            made = self._made[given.id]
            path, kind, facts = self._path(made), made.kind, made.facts
        else:
            path, facts = self._known.recordings[given.id].sighting.path, self._known.facts[given.id]
            kind = "image" if facts.get("container") in _PICTURES else "audio"
        return requests.source(
            path, kind, given.role, facts, recording=given.recording, item=given.item, revised=given.revised
        )

    def consumed(self) -> tuple[Consumed, ...]:
        """What its line says of them."""
        return tuple(
            Consumed(port=each.port, role=each.role or None, id=each.id, digest=self._digest(each))
            for each in self._task.inputs
        )

    def _digest(self, given: Input) -> str:
        if given.step:
            return self._made[given.id].digest
        return self._session.project.id_key.content(self._known.recordings[given.id].sha256, private=True)

    def seconds(self, recording: Recording | None) -> float | None:
        """Length of the sound that it works on (s); of the recording it belongs to where it takes no sound itself."""
        lengths = [self._known.facts[each.id].get("seconds") for each in self._task.inputs if not each.step]
        lengths += [made.facts.get("seconds") for made in self._made.values() if made.kind == "audio"]
        known = [float(length) for length in lengths if length]
        if known:
            return round(sum(known), 6)
        facts = self._known.facts.get(recording.id) if recording else None
        return float(facts["seconds"]) if facts and facts.get("seconds") else None

    def stats(self) -> list[StatKey]:
        """The stats of the artifacts among them."""
        return [stat_key(os.lstat(path)) for path in map(self._path, self._made.values()) if os.path.exists(path)]

    def wrong(self) -> list[str]:
        """The artifacts among them whose bytes are not those that were recorded."""
        return [made.id for made in self._made.values() if not self._is_as_recorded(made)]

    def remedy(self, wrong: Collection[str]) -> str:
        """What is to be done about artifacts among them that are not what was recorded."""
        if any(each.revised and each.id in wrong for each in self._task.inputs):
            return (
                "a revision that it needs is not what was recorded; give its file again, or take it back: revise --list"
            )
        return "an artifact it needs is not what was recorded; run again to remake it"

    def _path(self, made: MadeArtifact) -> str:
        return f"{self._session.project.library}/{made.file}"

    def _is_as_recorded(self, made: MadeArtifact) -> bool:
        try:
            if self._known.hashed.get(made.id) == stat_key(os.lstat(self._path(made))):
                return True
            _, sha256 = hash_file(self._path(made))
        except OSError:
            return False
        return self._session.project.id_key.content(sha256, private=made.private) == made.digest

    def a_recording_changed(self) -> bool:
        """Whether a recording that it reads is not what it was."""
        return any(map(_changed, self.recordings()))


def note_hashed(session: Session, known: Known, line: OutcomeLine) -> None:
    """Keep the stats of what a task just made, and this process hashed."""
    for each in line.produced:
        known.hashed[each.id] = stat_key(os.lstat(f"{session.project.library}/{line.folder}/{each.file}"))


def _changed(recording: Recording) -> bool:
    sighting = recording.sighting
    try:
        now = stat_key(os.stat(sighting.path))
    except OSError:
        return True
    return now != sighting.stat_key and not _same_content(recording)


def _same_content(recording: Recording) -> bool:
    # A chmod or a new hard link changes the stat and not the content.
    try:
        return hash_file(recording.sighting.path)[1] == recording.sha256
    except OSError:
        return False
