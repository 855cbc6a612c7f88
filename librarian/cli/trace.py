"""`librarian trace`: back to the recordings, and forward to everything made from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import click

from librarian.cli.asked import Asked, asked, kind_of, may_show_names
from librarian.cli.recorded import operation_of, sound_of
from librarian.cli.words import say
from librarian.errors import UsageError
from librarian.manifest.lineage import Graph

Label = Callable[[str], str]
Branches = dict[str, dict[str, str]]
FROM_EARLIER = "; made from other bytes than that has now"
OTHER_NOW = "; has other bytes now than those it was made from"


@click.command("trace")
@click.argument("what")
@click.option("--names", is_flag=True, help="Show where the recordings were seen; on a terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(context: click.Context, what: str, names: bool, as_json: bool) -> int:
    """WHAT is the id of a recording or a result, or its beginning, a file in library/, or the path or the name of a
    recording. Each result is current, superseded (made again with other settings), missing or suspect.
    """
    names = may_show_names(names, as_json)
    with asked(context) as project:
        graph = project.lineage.graph(_artifact_or_unit(project, project.resolve(what)))
        if as_json:
            project.say_json(_as_json(graph))
            return 0
        project.say(_lines(graph, lambda node: _label(project, graph, node)))
        if names:
            origins = sorted(graph.origins | {graph.id})
            project.say_names((each, str(path)) for each in origins for path in project.vault.sightings(each))
    say(f"next: librarian show {graph.id}")
    return 0


def _artifact_or_unit(project: Asked, found: str) -> str:
    if kind_of(found) == "job":
        raise UsageError(f"a job is shown, not traced; type: librarian show {found}")
    if kind_of(found) != "task":
        return found
    made = project.lineage.made(found).artifacts
    if len(made) != 1:
        raise UsageError(f"that task made {', '.join(each.id for each, _ in made)}; type one of them")
    return made[0][0].id


def _lines(graph: Graph, label: Label) -> Iterator[str]:
    yield label(graph.id)
    before, after = _branches(graph, back=True), _branches(graph, back=False)
    if graph.id in before:
        yield from ("made from", *_tree(graph.id, before, label, set(), "  "))
    if graph.id in after:
        yield from ("made into", *_tree(graph.id, after, label, set(), "  "))
    else:
        yield "nothing was made from it"


def _branches(graph: Graph, *, back: bool) -> Branches:
    """Node → the nodes below it, each with what is to be said of the step between them."""
    branches: Branches = defaultdict(dict)
    for edge in graph.edges:
        upper, lower = (edge.target, edge.source) if back else (edge.source, edge.target)
        branches[upper][lower] = (OTHER_NOW if back else FROM_EARLIER) if edge.earlier else ""
    return branches


def _tree(node: str, branches: Branches, label: Label, seen: set[str], indent: str) -> Iterator[str]:
    below = branches.get(node, {})
    for number, (each, note) in enumerate(below.items(), 1):
        corner, deeper = ("└─ ", "   ") if number == len(below) else ("├─ ", "│  ")
        again = " (see above)" if each in seen and each in branches else ""
        yield f"{indent}{corner}{label(each)}{note}{again}"
        if each not in seen:
            seen.add(each)
            yield from _tree(each, branches, label, seen, indent + deeper)


def _label(project: Asked, graph: Graph, node: str) -> str:
    if node not in graph.made:
        sound = sound_of(project.vault.facts(node) or {})
        return f"{node}  {kind_of(node)}{', ' if sound else ''}{sound}"
    line, output = graph.made[node].line, graph.artifact(node).output
    return f"{node}  {line.step}.{output} of {line.job_name}, {operation_of(line)}, {graph.state(node)}"


def _as_json(graph: Graph) -> dict[str, Any]:
    units = sorted({graph.id, *graph.origins} - graph.made.keys())
    nodes: list[dict[str, Any]] = [{"id": unit, "type": kind_of(unit)} for unit in units]
    for each, made in graph.made.items():
        line = made.line
        nodes.append(
            {
                **{"id": each, "type": "artifact", "state": graph.state(each), "output": graph.artifact(each).output},
                **{"operation": operation_of(line), "job_name": line.job_name, "step": line.step, "unit": line.unit},
                **{"job": made.place.job, "key": line.key},
            }
        )
    edges = [
        {"from": each.source, "to": each.target, "port": each.port, "role": each.role, "earlier": each.earlier}
        for each in graph.edges
    ]
    return {"id": graph.id, "nodes": nodes, "edges": edges}
