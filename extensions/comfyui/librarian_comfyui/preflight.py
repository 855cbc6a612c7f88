"""Whether a server can run a graph: its version, and what it says of the nodes. Asked before anything is sent to it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from librarian.servers import Server, ServerError
from librarian_comfyui.workflow import Graph, links

Version = tuple[int, ...]

OLDEST: Version = (0, 3, 45)
"""The first that takes the prompt id that it is given: without that a run cannot be found again."""
_MOST_NAMED = 5
_UPLOADED = ("image_upload", "audio_upload", "video_upload")


def version_of(server: Server) -> Version:
    """The version of a server.

    Raises:
        ServerError: it is none that can be worked with.
    """
    answer = server.get("/system_stats")
    system = answer.mapping().get("system") if answer.is_ok else None
    stated = str(system.get("comfyui_version", "")) if isinstance(system, Mapping) else ""
    found = re.match(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", stated)
    if not found:
        raise ServerError("it does not say which version of ComfyUI it is")
    version = tuple(int(part or 0) for part in found.groups())
    if version < OLDEST:
        raise ServerError(f"ComfyUI {text_of(version)} is too old: 0.3.45 or newer is needed")
    return version


def text_of(version: Version) -> str:
    """A version as it is written."""
    return ".".join(map(str, version))


class Nodes:
    """What a server says of its nodes, each asked for once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[str, Mapping[str, Any]] = {}

    def of(self, name: str) -> Mapping[str, Any]:
        """What it says of a class; nothing where it has none of that name."""
        if name not in self._known:
            if not re.fullmatch(r"[^/?#%\\\x00-\x1f]{1,200}", name):
                raise ServerError("the class of a node is no name")
            answer = self._server.get(f"/object_info/{name}")
            found = answer.mapping().get(name) if answer.is_ok else None
            self._known[name] = found if isinstance(found, Mapping) else {}
        return self._known[name]

    def is_output(self, name: str) -> bool:
        """Whether nodes of a class put something out."""
        return self.of(name).get("output_node") is True

    def takes(self, name: str, given: str) -> bool:
        """Whether nodes of a class have an input of a name."""
        return given in _inputs(self.of(name))


def check(nodes: Nodes, graph: Graph, brought: Collection[tuple[str, str]]) -> None:
    """Check a graph against what a server says.

    Args:
        nodes: what it says.
        graph: the graph, before values are put in.
        brought: (node, input) whose value a task brings.

    Raises:
        ServerError: with the first things that are wrong.
    """
    absent = [f"{name} ({node['class_type']})" for name, node in graph.items() if not nodes.of(node["class_type"])]
    if absent:
        listed = ", ".join(absent[:_MOST_NAMED])
        raise ServerError(f"it has nothing for node {listed}: install what brings it, or change the workflow")
    if not any(nodes.is_output(node["class_type"]) for node in graph.values()):
        raise ServerError("nothing in the workflow puts anything out: add a node that saves")
    problems = [problem for name in graph for problem in _problems(nodes, graph, name, brought)]
    if problems:
        raise ServerError("; ".join(problems[:_MOST_NAMED]))


def _problems(nodes: Nodes, graph: Graph, name: str, brought: Collection[tuple[str, str]]) -> Iterator[str]:
    node = graph[name]
    stated = nodes.of(node["class_type"])
    for required in _part(stated, "required"):
        if required not in node["inputs"]:
            yield f"node {name} ({node['class_type']}) lacks its input {required}"
    for _, (source, slot) in links(node):
        outputs = nodes.of(graph[source]["class_type"]).get("output")
        if isinstance(outputs, list) and not 0 <= slot < len(outputs):
            yield f"node {name} takes output {slot} of node {source}, which has {len(outputs)}"
    for given, value in node["inputs"].items():
        choices = _choices(_inputs(stated).get(given))
        if choices and isinstance(value, str) and value not in choices and (name, given) not in brought:
            yield f"node {name} ({node['class_type']}): {given} is none of the {len(choices)} that the server has"


def _part(stated: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    inputs = stated.get("input")
    found = inputs.get(part) if isinstance(inputs, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _inputs(stated: Mapping[str, Any]) -> dict[str, Any]:
    return {**_part(stated, "optional"), **_part(stated, "required")}


def _choices(stated: Any) -> list[str]:
    """The words of a combo, in its older and its newer form; none where it takes uploads: it does not list them all."""
    if not isinstance(stated, list) or not stated:
        return []
    more = stated[1] if len(stated) > 1 and isinstance(stated[1], Mapping) else {}
    if any(more.get(each) for each in _UPLOADED):
        return []
    listed = stated[0] if isinstance(stated[0], list) else more.get("options") if stated[0] == "COMBO" else None
    words = listed if isinstance(listed, list) else []
    return [each for each in words if isinstance(each, str)] if all(isinstance(each, str) for each in words) else []
