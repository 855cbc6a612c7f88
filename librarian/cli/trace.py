"""`librarian trace`: back to the recordings, and forward to everything made from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from librarian.cli.asked import Asked, asked, kind_of, may_show_names
from librarian.cli.recorded import operation_of
from librarian.cli.sentence import made_sentence, unit_sentence
from librarian.cli.tree import graph_of, label, tree
from librarian.cli.words import say
from librarian.errors import UsageError
from librarian.manifest.lineage import Graph


@click.command("trace")
@click.argument("what")
@click.option("--names", is_flag=True, help="Show where the recordings were seen; on a terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(context: click.Context, what: str, names: bool, as_json: bool) -> int:
    """WHAT is the id of a recording or a result, a task key, the beginning of one, a file in library/, or the path or
    the name of a recording. Each result is current, superseded (made again with other settings, or revised), missing
    or suspect.
    """
    names = may_show_names(names, as_json)
    with asked(context) as project:
        found = project.resolve(what)
        if kind_of(found) == "job":
            raise UsageError(f"a job is shown, not traced; type: librarian show {found}")
        graph = graph_of(project, found)
        if as_json:
            project.say_json(_as_json(graph))
            return 0
        project.say(_lines(project, graph))
        if names:
            origins = sorted(graph.origins | {graph.id})
            project.say_names((each, str(path)) for each in origins for path in project.vault.sightings(each))
    say(f"next: librarian show {graph.id}")
    return 0


def _lines(project: Asked, graph: Graph) -> Iterator[str]:
    if kind_of(graph.id) == "task":
        yield made_sentence(project, project.lineage.made(graph.id))
    elif graph.id in graph.made:
        yield made_sentence(project, graph.made[graph.id], graph.id)
        yield label(project, graph, graph.id)
    else:
        yield unit_sentence(project, graph)
    yield from tree(project, graph)


def _as_json(graph: Graph) -> dict[str, Any]:
    starts = {graph.id} if kind_of(graph.id) != "task" else set()
    nodes: list[dict[str, Any]] = [
        {"id": unit, "type": kind_of(unit)} for unit in sorted((starts | graph.origins) - graph.made.keys())
    ]
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
