"""A task: a workflow is given to the least busy server, waited for, and what it made is fetched.

What was given is noted in the task's state first, so whoever comes after a crash finds the run again. A run that the
server lost (it was restarted) is given once more.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from librarian import Artifact, Output, Task, UnreachableError
from librarian.servers import ServerError, TooLateError
from librarian_comfyui import REPORT, SEED, ComfyRun, ComfySettings, Fetched, Given, Node
from librarian_comfyui.live import listening
from librarian_comfyui.preflight import Nodes, Version, check, text_of, version_of
from librarian_comfyui.prompts import Ended, Prompts, RunFailedError, ended
from librarian_comfyui.results import Got, fetched, made_of, sniffed, taken
from librarian_comfyui.server import ComfyServer
from librarian_comfyui.workflow import Graph, graph_of, place_named

FOLDER = "librarian"
"""Of ours on a server: below it a folder for each run, named by its id."""
MOST_LOST = 1
MOST_TRIES = 3
"""Of giving one run, where it is not known whether it was taken."""
MOST_TEXT = 64 << 10
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Between looks at servers that are all busy (s)."""


@dataclass
class Station:
    """A server with what it said of itself."""

    server: ComfyServer
    version: Version = ()
    nodes: Nodes = field(init=False)
    is_checked: bool = False

    def __post_init__(self) -> None:
        self.nodes = Nodes(self.server)

    @property
    def prompts(self) -> Prompts:
        """Its runs."""
        return Prompts(self.server, self.version)

    def load(self) -> int:
        """Jobs that it has, the running one included."""
        answer = self.server.get("/prompt")
        said = answer.mapping().get("exec_info") if answer.is_ok else None
        left = said.get("queue_remaining") if isinstance(said, Mapping) else None
        if not isinstance(left, int) or left < 0:
            raise ServerError("it does not say how busy it is: is it a ComfyUI server?")
        return left


class Bridge:
    """Runs one workflow, task after task."""

    def __init__(self, settings: ComfySettings, device: str) -> None:
        self._settings = settings
        self._graph = graph_of(settings.workflow)
        self._values = {place_named(self._graph, place): value for place, value in settings.set.items()}
        self._stations = {address: Station(ComfyServer(address)) for address in settings.servers}

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Do a task.

        Raises:
            UnreachableError: no server answers, or the one that has the run does not; it will be found again.
            RunFailedError, ServerError, TooLateError: the run failed, and is not looked for again.
        """
        until = time.monotonic() + self._settings.deadline
        try:
            station, entry = self._run(task, until)
            result = self._results(task, station, ended(entry), until)
        except TooLateError:
            self._forget(task)
            raise TooLateError("it took longer than its deadline, and was cancelled") from None
        except (RunFailedError, ServerError):
            self._forget(task)
            raise
        if self._settings.forget:
            station.prompts.forget(task.state.value["prompt"])
        return result

    def _forget(self, task: Task) -> None:
        """Note that there is nothing to find again."""
        task.state.value = {}
        task.state.save()

    def _run(self, task: Task, until: float) -> tuple[Station, Mapping[str, Any]]:
        """The history of the task's run, found again or given now."""
        for _ in range(MOST_TRIES):
            station, graph = self._stations.get(task.state.value.get("server", "")), None
            if station is None:
                station, graph = self._noted(task, until)
            else:
                station.version = version_of(station.server)
            noted = task.state.value
            with listening(station.server.address, noted["prompt"], self._graph, task.progress) as live:
                if graph is not None:
                    self._give(task, station, graph)
                found = station.prompts.wait(noted["prompt"], until, live.pause)
            if isinstance(found, Mapping):
                return station, found
            lost = noted["lost"] + noted["given"]  # what was never taken is not lost
            if lost > MOST_LOST:
                raise RunFailedError("the server lost the run twice")
            task.state.value = {"lost": lost}
        raise UnreachableError("the server takes nothing")

    def _noted(self, task: Task, until: float) -> tuple[Station, Graph]:
        """A server for a run and the graph as it will be sent, noted before that."""
        station = self._chosen(until)
        prompt_id = str(uuid.uuid4())
        graph = self._filled(task, station, prompt_id)
        text = json.dumps(graph, sort_keys=True, allow_nan=False)
        task.state.value = {
            "prompt": prompt_id,
            "server": station.server.address,
            "graph": hashlib.sha256(text.encode()).hexdigest(),
            "lost": task.state.value.get("lost", 0),
            "given": False,
        }
        task.state.save()
        return station, graph

    def _give(self, task: Task, station: Station, graph: Graph) -> None:
        try:
            station.prompts.give(task.state.value["prompt"], graph)
        except UnreachableError:
            return  # it may have it: whoever waits looks
        task.state.value["given"] = True
        task.state.save()

    def _chosen(self, until: float) -> Station:
        """The least busy server that can run the workflow; where all are busy, once one is not."""
        pause = FIRST_PAUSE
        while True:
            loads, refusals = self._loads()
            for load, address in sorted(loads):
                if load >= self._settings.queue:
                    break
                try:
                    return self._ready(self._stations[address])
                except (ServerError, UnreachableError) as error:
                    refusals.append(error)
            if len(refusals) >= len(self._stations):
                raise min(refusals, key=lambda error: isinstance(error, UnreachableError))
            if time.monotonic() > until:
                raise TooLateError
            time.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)

    def _loads(self) -> tuple[list[tuple[int, str]], list[Exception]]:
        loads, refusals = list[tuple[int, str]](), list[Exception]()
        for address, station in self._stations.items():
            try:
                loads.append((station.load(), address))
            except (ServerError, UnreachableError) as error:
                refusals.append(error)
        return loads, refusals

    def _ready(self, station: Station) -> Station:
        """A server that was asked whether it can run the workflow."""
        station.version = version_of(station.server)
        if not station.is_checked:
            check(station.nodes, self._graph, self._values)
            station.is_checked = True
        return station

    def _filled(self, task: Task, station: Station, prompt_id: str) -> Graph:
        """The graph as it is sent: values put in, files uploaded, titles left out, every output under our name."""
        graph = copy.deepcopy(self._graph)
        for (name, given), value in self._values.items():
            graph[name]["inputs"][given] = (
                self._value(task, station, prompt_id, value) if isinstance(value, Given) else value
            )
        for number, name in enumerate(sorted(graph), 1):
            node = graph[name]
            node.pop("_meta", None)
            if isinstance(node["inputs"].get("filename_prefix"), str):
                node["inputs"]["filename_prefix"] = f"{FOLDER}/{prompt_id}/{number:04d}"
            elif station.nodes.is_output(node["class_type"]):
                # Not the result of an earlier run, whose file may be gone: what a node does not know makes it run anew.
                node["inputs"]["librarian"] = prompt_id
        return graph

    def _value(self, task: Task, station: Station, prompt_id: str, given: Given) -> Any:
        if given.from_ == SEED:
            return task.seed
        artifact = _artifact(task, given)
        if artifact.kind == "text":
            if artifact.path.stat().st_size > MOST_TEXT:
                raise RunFailedError(f"a text of more than {MOST_TEXT:,} bytes is no prompt")
            return artifact.path.read_text(encoding="utf-8", errors="replace")
        return _uploaded(station.server, artifact.path, f"{FOLDER}/{prompt_id}")

    def _results(self, task: Task, station: Station, done: Ended, until: float) -> Mapping[str, Any]:
        noted = task.state.value
        made = made_of(done.outputs, self._graph, f"{FOLDER}/{noted['prompt']}")
        found: dict[str, Any] = {}
        files = []
        for name, take in self._settings.outputs.items():
            wanted = taken(made, take, self._graph)
            most = self._settings.largest
            got = list(fetched(station.server, wanted, task.folder, name, most=most, until=until))
            files += [_fetched(name, number, each) for number, each in enumerate(got, 1)]
            found[name] = [Output(each.path) for each in got] if take.many else Output(got[0].path)
        report = ComfyRun(
            server_version=text_of(station.version),
            prompt_id=noted["prompt"],
            graph_sha256=noted["graph"],
            nodes=tuple(
                Node(id=name, class_type=node["class_type"], cached=name in done.cached)
                for name, node in sorted(self._graph.items())
            ),
            files=tuple(files),
            seconds_queued=done.queued,
            seconds_run=done.ran,
            lost=noted["lost"],
        )
        return {**found, REPORT: Output(report, _facts(report))}


def _artifact(task: Task, given: Given) -> Artifact:
    """The input that a setting names."""
    there = task.inputs.get(given.from_, ())
    listed = list(there) if isinstance(there, (tuple, list)) else [there]
    if given.role:
        listed = [each for each in listed if each.role == given.role]
    number = given.number or 1
    if len(listed) < number or (len(listed) > 1 and not given.number):
        raise RunFailedError(
            f"set: from: {given.from_} is {len(listed)} files here: say which by role or number, or give the step one"
        )
    found: Artifact = listed[number - 1]
    return found


def _uploaded(server: ComfyServer, path: Path, folder: str) -> str:
    """Send a file under a name made of its content, and say how a graph names it."""
    features = server.get("/features")
    most = features.mapping().get("max_upload_size") if features.is_ok else None
    size = path.stat().st_size
    if isinstance(most, int) and size > most:
        raise RunFailedError(
            f"a file of {size:,} bytes is larger than the server takes: start it with --max-upload-size"
        )
    with open(path, "rb") as file:
        name = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    answer = server.upload(path, f"{name}.{sniffed(path)[1] or 'bin'}", folder)
    if not answer.is_ok:
        raise ServerError(f"it does not take an upload ({answer.status})")
    said = answer.mapping()
    stored, below = said.get("name"), said.get("subfolder")
    if not isinstance(stored, str) or below != folder or not stored.startswith(name) or "/" in stored:
        raise ServerError("it stored an upload under another name than it was given")
    return f"{below}/{stored}"


def _fetched(output: str, number: int, got: Got) -> Fetched:
    return Fetched(output=output, item=number, node=got.node, kind=got.kind, sha256=got.sha256, bytes=got.bytes)


def _facts(report: ComfyRun) -> dict[str, float | bool | str | None]:
    return {
        "server_version": report.server_version,
        "graph": f"sha256:{report.graph_sha256}",
        "nodes": len(report.nodes),
        "cached": sum(node.cached for node in report.nodes),
        "files": len(report.files),
        "lost": report.lost,
        "queued": report.seconds_queued if report.seconds_queued >= 0 else None,
        "ran": report.seconds_run if report.seconds_run >= 0 else None,
    }
