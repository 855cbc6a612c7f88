"""Trees of what a thing was made from and what was made from it, as `show` and `trace` print them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from librarian.cli.asked import Asked, kind_of
from librarian.cli.recorded import operation_of, sound_of
from librarian.errors import UsageError
from librarian.manifest.lineage import Graph

Branches = dict[str, dict[str, str]]
"""Node → the nodes below it, each with what is to be said of the step between them."""
FROM_EARLIER = "; made from other bytes than that has now"
OTHER_NOW = "; has other bytes now than those it was made from"
MOST_FOLLOWED = 100
"""Results of one task that are followed."""


def graph_of(project: Asked, found: str) -> Graph:
    """Everything before and after an artifact, a unit, or a task with all that it made.

    Raises:
        UsageError: it is a task that made more than can be followed.
    """
    if kind_of(found) != "task":
        return project.lineage.graph(found)
    artifacts = [each.id for each, _ in project.lineage.made(found).artifacts]
    if len(artifacts) > MOST_FOLLOWED:
        raise UsageError(f"that task made {len(artifacts):,} results; type one of them, such as {artifacts[0]}")
    graph = Graph(found)
    for one in map(project.lineage.graph, artifacts):
        graph.made |= one.made
        graph.edges = list(dict.fromkeys([*graph.edges, *one.edges]))
    return graph


def tree(project: Asked, graph: Graph, most: int | None = None) -> Iterator[str]:
    """What it was made from and what was made from it.

    Args:
        project: the project.
        graph: all of it.
        most: lines of each of the two at most; the rest is counted.
    """
    before, after = _branches(graph, back=True), _branches(graph, back=False)
    if graph.id in before:
        yield from _headed("made from", list(_below(project, graph, before)), graph.id, most)
    if graph.id in after:
        yield from _headed("made into", list(_below(project, graph, after)), graph.id, most)
    else:
        yield "nothing was made from it"


def _headed(title: str, lines: list[str], start: str, most: int | None) -> Iterator[str]:
    yield title
    yield from lines[:most]
    if most is not None and len(lines) > most:
        yield f"  and {len(lines) - most:,} more; all: librarian trace {start}"


def _branches(graph: Graph, *, back: bool) -> Branches:
    branches: Branches = defaultdict(dict)
    for edge in graph.edges:
        upper, lower = (edge.target, edge.source) if back else (edge.source, edge.target)
        branches[upper][lower] = (OTHER_NOW if back else FROM_EARLIER) if edge.earlier else ""
    own = [each for each, made in graph.made.items() if made.line.key == graph.id]  # those of a task
    if own:
        branches[graph.id] = branches.get(own[0], {}) if back else dict.fromkeys(own, "")
    return branches


def _below(project: Asked, graph: Graph, branches: Branches) -> Iterator[str]:
    seen: set[str] = set()

    def lines(node: str, indent: str) -> Iterator[str]:
        below = branches.get(node, {})
        for number, (each, note) in enumerate(below.items(), 1):
            corner, deeper = ("└─ ", "   ") if number == len(below) else ("├─ ", "│  ")
            again = " (see above)" if each in seen and each in branches else ""
            yield f"{indent}{corner}{label(project, graph, each)}{note}{again}"
            if each not in seen:
                seen.add(each)
                yield from lines(each, indent + deeper)

    return lines(graph.id, "  ")


def label(project: Asked, graph: Graph, node: str) -> str:
    """A node in a line: `art_…  voice.audio of calls, normalize 1, current`."""
    if node in graph.made:
        line, artifact = graph.made[node].line, graph.artifact(node)
        number = "" if artifact.item is None else f" {artifact.item}"
        what = f"{line.step}.{artifact.output}{number} of {line.job_name}"
        by = "by hand" if line.revises else operation_of(line)
        return f"{node}  {what}, {by}, {graph.state(node)}"
    name = project.called(node)
    sound = sound_of(project.vault.facts(node) or {})
    return f"{node}  {', '.join(filter(None, (kind_of(node), '' if name == node else name, sound)))}"
