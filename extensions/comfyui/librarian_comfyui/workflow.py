"""A workflow in ComfyUI's API format: read, checked, and found one's way in. Needs no server.

A graph is a mapping of node id → `{"class_type": …, "inputs": {name: value, or [source node, slot]}}`. Nothing in it is
executed here; a title (`_meta`) serves to find a node and is not sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from librarian.document import read_text

Graph = dict[str, dict[str, Any]]

MOST_BYTES = 4 << 20
MOST_NODES = 2000
_LONGEST_WORD = 200
_UNFETCHED = "SaveImageWebsocket"
"""It sends pictures by WebSocket alone, once: whoever was away for a moment has lost them."""


def read_workflow(value: Any) -> str:
    """The canonical text of a workflow, from its file or from such a text.

    Raises:
        ValueError: it cannot be read, or is no workflow in API format.
    """
    if not isinstance(value, str):
        raise ValueError("name a workflow file")
    return json.dumps(_checked(_parsed(value if value[:1] == "{" else read_text(value, MOST_BYTES))), sort_keys=True)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refused_number)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None


def _refused_number(word: str) -> Any:
    raise ValueError(word)


def _checked(data: Any) -> Graph:
    if isinstance(data, Mapping) and isinstance(data.get("nodes"), list):
        raise ValueError(
            "is in the editor's format, which no server runs: open it in ComfyUI, choose File > Export (API), and name "
            "the file that this writes"
        )
    if not isinstance(data, Mapping) or not 1 <= len(data) <= MOST_NODES:
        raise ValueError("is no workflow in API format (File > Export (API) in ComfyUI writes one)")
    graph = {str(name): _node(name, node) for name, node in data.items()}
    for name, node in graph.items():
        for given, (source, _) in links(node):
            if source not in graph:
                raise ValueError(f"the input {_cut(given)} of node {_cut(name)} comes from a node that is not there")
    _refuse_circle(graph)
    return graph


def _node(name: str, node: Any) -> dict[str, Any]:
    whole = isinstance(node, Mapping) and isinstance(node.get("inputs"), Mapping)
    if not whole or not isinstance(node.get("class_type"), str) or not 1 <= len(name) <= _LONGEST_WORD:
        raise ValueError(f"node {_cut(name)} has no class_type and inputs, so this is no workflow in API format")
    if node["class_type"] == _UNFETCHED:
        raise ValueError(
            f"node {_cut(name)} ({_UNFETCHED}) keeps nothing that can be fetched: use SaveImage in its place"
        )
    found = {"class_type": node["class_type"], "inputs": dict(node["inputs"])}
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return {**found, "_meta": {"title": title}} if isinstance(title, str) and title else found


def links(node: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, int]]]:
    """Inputs of a node that come from others: name, (source node, slot)."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, (value[0], int(value[1]))


def is_link(value: Any) -> bool:
    """Whether a server takes a value for a link."""
    number = isinstance(value, list) and len(value) == 2 and isinstance(value[1], (int, float))  # noqa: PLR2004
    return number and isinstance(value[0], str) and not isinstance(value[1], bool)


def _refuse_circle(graph: Graph) -> None:
    needs = {name: {source for _, (source, _) in links(node)} for name, node in graph.items()}
    while needs:
        free = [name for name, sources in needs.items() if not sources & needs.keys()]
        if not free:
            raise ValueError(f"its nodes go round in a circle, by way of node {_cut(next(iter(needs)))}")
        for name in free:
            del needs[name]


def graph_of(text: str) -> Graph:
    """The graph of a text that `read_workflow` gave."""
    found: Graph = json.loads(text)
    return found


def node_named(graph: Graph, word: str) -> str:
    """The id of the one node that has a word as its id, title or class.

    Raises:
        ValueError: there is none, or more than one.
    """
    if word in graph:
        return word
    for kind, of in (("title", _title), ("class", lambda node: node["class_type"])):
        found = [name for name, node in graph.items() if of(node) == word]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{len(found)} nodes have the {kind} {_cut(word)}; name one by its id: {', '.join(found)}")
    raise ValueError(f"no node has the id, title or class {_cut(word)}")


def _title(node: Mapping[str, Any]) -> str:
    return str(node.get("_meta", {}).get("title", ""))


def place_named(graph: Graph, place: str) -> tuple[str, str]:
    """`node.input` → the node's id and the input; either may hold dots.

    Raises:
        ValueError: there is no such input.
    """
    parts = place.split(".")
    problem = f"write node.input, as in 3.text, and not {_cut(place)}"
    for cut in range(1, len(parts)):
        try:
            node = node_named(graph, ".".join(parts[:cut]))
        except ValueError as error:
            problem = str(error) if cut == 1 else problem
            continue
        name = ".".join(parts[cut:])
        if is_link(graph[node]["inputs"].get(name)):
            raise ValueError(f"the input {_cut(name)} of node {_cut(node)} comes from another node")
        if name in graph[node]["inputs"]:
            return node, name
        known = ", ".join(each for each, value in graph[node]["inputs"].items() if not is_link(value))
        problem = f"node {_cut(node)} has no input {_cut(name)}; it has {known or 'none that can be set'}"
    raise ValueError(problem)


def _cut(word: object) -> str:
    text = str(word)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004
