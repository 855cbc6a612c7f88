"""Where things came from and what was made of them: questions to the catalog, answered with lines of the manifests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from librarian.errors import EnvironmentFailedError
from librarian.keys import canonical
from librarian.manifest.catalog import Catalog, Ended, MadeArtifact
from librarian.manifest.index import Place
from librarian.manifest.records import Consumed, OutcomeLine
from librarian.manifest.revisions import Revision

State = Literal["current", "superseded", "dropped", "missing", "suspect"]
"""Of an artifact. Dropped, missing and suspect (its bytes are not those recorded) say more than the other two, and win.
"""

_BEGINNING = re.compile(r"(rec|grp|set|art|src|job)_[0-9a-z]*|[a-z2-7]{6,52}")
_TASK_FOLDER = re.compile(r"(?:.*/)?([a-z]{3}_[a-z2-7]{13})/[a-z0-9_]+-([a-z2-7]{8})(?:/([^/]+))?/?")
_MANIFEST = re.compile(r"(?:.*/)?(job_[0-9a-z]{26})\.jsonl")
_MANY = ("grp_", "set_")
"""Units that stand for several recordings."""
_SHORTEST_HINT = len("art_") + 2


@dataclass(frozen=True)
class Made:
    """A task that left results, or a revision: its line, what it made with the state of each, and as what it counts.

    Attributes:
        revisions: of a revision, where it stands in the place of a result.
    """

    place: Place
    line: OutcomeLine
    artifacts: tuple[tuple[MadeArtifact, State], ...]
    current: tuple[Ended, ...]
    revisions: tuple[Revision, ...] = ()


@dataclass(frozen=True)
class Edge:
    """What was made from what. `earlier`: from other bytes than the source has now."""

    source: str
    target: str
    port: str
    role: str | None
    earlier: bool


@dataclass
class Graph:
    """An artifact or a unit, what it was made from, and what was made from it. `made`: artifact id → its task."""

    id: str
    made: dict[str, Made] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    @property
    def origins(self) -> set[str]:
        """What was not made: the recordings."""
        return {edge.source for edge in self.edges if edge.source not in self.made} - {self.id}

    def artifact(self, artifact_id: str) -> MadeArtifact:
        """One of the artifacts."""
        return next(each for each, _ in self.made[artifact_id].artifacts if each.id == artifact_id)

    def state(self, artifact_id: str) -> State:
        """The state of one of the artifacts."""
        return next(state for each, state in self.made[artifact_id].artifacts if each.id == artifact_id)


class Lineage:
    """The questions.

    Args:
        catalog: the index, caught up.
        in_place: (file, relative to the library; its size) → whether it is there.
    """

    def __init__(self, catalog: Catalog, in_place: Callable[[str, int], bool]) -> None:
        self._catalog, self._in_place = catalog, in_place

    def find(self, text: str, most: int) -> list[str]:
        """What a text may stand for: an id, a task key, the beginning of one, or a place in library or manifests.

        Returns:
            Ids and keys, more than `most` only where there are.
        """
        if match := _TASK_FOLDER.fullmatch(text):
            return list(self._at(*match.groups()))
        if match := _MANIFEST.fullmatch(text):
            text = match[1]
        return self._catalog.beginning(text, most + 1) if _BEGINNING.fullmatch(text) else []

    def _at(self, unit: str, key8: str, file: str | None) -> Iterator[str]:
        for key in self._catalog.beginning(key8, 2):
            made = self._catalog.made(key)
            if made and made.folder.split("/")[1] == unit:
                yield from (
                    [key] if file is None else [each.id for each in made.artifacts if Path(each.file).name == file]
                )

    def near(self, text: str, most: int) -> list[str]:
        """Ids that begin as a text does that is none, as far as any does."""
        while _BEGINNING.fullmatch(text) and len(text) > _SHORTEST_HINT:
            text = text[:-1]
            if found := self._catalog.beginning(text, most):
                return found[:most]
        return []

    def outcome(self, place: Place) -> OutcomeLine:
        """One outcome line.

        Raises:
            EnvironmentFailedError: the line is not what was written.
        """
        try:
            return OutcomeLine.model_validate_json(canonical(self._catalog.body_at(place)))
        except ValidationError:
            raise EnvironmentFailedError(
                f"manifests/{place.job}.jsonl:{place.seq + 1}: the line is not what was written; type: librarian verify"
            ) from None

    def made(self, key: str) -> Made:
        """A task that left results.

        Raises:
            EnvironmentFailedError: no line says what it made, or the line is not what was written.
        """
        place, made = self._catalog.place(key), self._catalog.made(key)
        if place is None or made is None:
            raise EnvironmentFailedError("a manifest that is needed for this is missing; type: librarian verify")
        line, ended = self.outcome(place), [each for each in self._catalog.ended(key=key) if each.good]
        standing = tuple(self._catalog.revisions(key=key)) if line.revises else ()
        ended += (
            Ended(each.job_name, each.step, each.unit, "done", key, "", place) for each in standing if each.counts
        )
        current = tuple(each for each in ended if self._catalog.is_live(each.job_name, each.unit))
        states = tuple((each, self._state(each, current, dropped=made.dropped)) for each in made.artifacts)
        return Made(place, line, states, current, standing)

    def _counts(self, artifact: MadeArtifact, at: Ended) -> bool:
        """Whether an artifact counts at a place where its task is current, and no revision of it does."""
        revised = self.revision(artifact, at)
        return revised is None or revised.artifact == artifact.id

    def revision(self, artifact: MadeArtifact, of: Ended | OutcomeLine) -> Revision | None:
        """The revision that counts in the place of an output of a task; None where the machine's does."""
        place = {"job_name": of.job_name, "step": of.step, "unit": of.unit}
        found = self._catalog.revisions(**place, output=artifact.output, item=artifact.item or 0, counts=1)
        return found[0] if found else None

    def _state(self, artifact: MadeArtifact, current: Iterable[Ended], *, dropped: bool) -> State:
        if dropped:
            return "dropped"
        if not self._in_place(artifact.file, artifact.bytes):
            return "missing"
        if artifact.suspect:
            return "suspect"
        return "current" if any(self._counts(artifact, at) for at in current) else "superseded"

    def successor(self, made: Made, artifact: MadeArtifact) -> str | None:
        """What is current in the place of an artifact that is superseded; None where nothing is."""
        line = made.line
        revised = self.revision(artifact, line)
        if revised is not None:
            return revised.artifact if revised.artifact != artifact.id else None
        now = self._catalog.current(line.job_name, line.step, line.unit)
        found = self._catalog.made(now.key) if now and now.good else None
        same = [each.id for each in found.artifacts if _slot(each) == _slot(artifact)] if found else []
        return same[0] if same and same[0] != artifact.id else None

    def graph(self, start: str) -> Graph:
        """An artifact or a unit with everything before and after it."""
        graph = Graph(start)
        self._back(start, graph)
        self._forth(start, graph)
        if start.startswith(_MANY):
            self._through(start, graph)
        return graph

    def _through(self, unit: str, graph: Graph) -> None:
        """A group, or the whole job: what its tasks took leads to it, what they made comes from it."""
        keys = dict.fromkeys(each.key for each in self._catalog.ended(unit=unit) if each.good)
        for made in map(self.made, keys):
            for consumed in made.line.consumed:
                edge = Edge(consumed.id, unit, consumed.port, consumed.role, earlier=False)
                graph.edges += [edge] if edge not in graph.edges else []
                self._back(consumed.id, graph)
            for artifact, _ in made.artifacts:
                graph.made[artifact.id] = made
                graph.edges.append(Edge(unit, artifact.id, "", None, earlier=False))
                self._forth(artifact.id, graph)

    def _back(self, start: str, graph: Graph) -> None:
        waiting = [start]
        while waiting:
            target = waiting.pop()
            if target not in graph.made and (made := self._made_of(target)):
                graph.made[target] = made
                graph.edges += [self._edge(each, target) for each in made.line.consumed]
                waiting += [each.id for each in made.line.consumed]

    def _forth(self, start: str, graph: Graph) -> None:
        waiting, seen = [start], {start}
        while waiting:
            source = waiting.pop()
            for made in sorted(map(self.made, self._catalog.consumers(source)), key=_when):
                for artifact, _ in made.artifacts:
                    graph.made.setdefault(artifact.id, made)
                    graph.edges += [self._edge(each, artifact.id) for each in made.line.consumed if each.id == source]
                    waiting += {artifact.id} - seen
                    seen.add(artifact.id)

    def _made_of(self, target: str) -> Made | None:
        try:
            return self.made(self._catalog.key_of(target))
        except KeyError:
            return None  # a recording

    def _edge(self, consumed: Consumed, target: str) -> Edge:
        try:
            earlier = self._catalog.artifact(consumed.id).digest != consumed.digest
        except KeyError:
            earlier = False  # a recording is its bytes
        return Edge(consumed.id, target, consumed.port, consumed.role, earlier)


def _when(made: Made) -> tuple[str, int]:
    return made.place.job, made.place.seq


def _slot(artifact: MadeArtifact) -> tuple[str, int | None]:
    return artifact.output, artifact.item
