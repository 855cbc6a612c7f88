"""A run on a server: given once, looked up, waited for, cancelled. Polling is the truth.

A prompt id is a UUID of ours and no idempotency key: the same id given twice runs twice. So it is noted before it is
given, and whoever does not know what became of it looks first.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from librarian import UnreachableError
from librarian.servers import Answer, Server, ServerError, TooLateError
from librarian_comfyui.preflight import Version
from librarian_comfyui.workflow import Graph

JOBS_SINCE: Version = (0, 6, 0)
CANCEL_SINCE: Version = (0, 26, 0)
"""The first versions that have /api/jobs, and jobs that can be cancelled."""
PATIENCE = 20.0
"""How long a server may be away while it is waited for (s): it comes back after 5 to 15."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
LONGEST_TEXT, MOST_LOOKED_AT = 200, 4000
"""Characters of what a server says of a failure that are taken over, and looked at."""
WAITING, LOST = "waiting", "lost"
_PATH = re.compile(r"'[^']*[/\\][^']*'|\"[^\"]*[/\\][^\"]*\"|\S*[/\\]\S*")
"""Paths on a server tell of whoever it belongs to."""
_UNDER_WAY = ("pending", "in_progress", "completed", "failed", "cancelled")


class RunFailedError(Exception):
    """A run ended without success, or the server did not take it."""


@dataclass(frozen=True)
class Ended:
    """A run that succeeded.

    Attributes:
        outputs: node → kind → what it made, as the server says it.
        cached: nodes whose result the server had already.
        queued: seconds that it waited; -1 where that is not known.
        ran: seconds that it took.
    """

    outputs: Mapping[str, Any]
    cached: tuple[str, ...]
    queued: float
    ran: float


class Prompts:
    """Runs on one server."""

    def __init__(self, server: Server, version: Version) -> None:
        self._server, self._version = server, version

    def give(self, prompt_id: str, graph: Graph) -> None:
        """Give a graph to the server, once.

        Raises:
            RunFailedError: it does not take it, or not all of it.
            UnreachableError: nobody knows whether it took it.
        """
        sent = {"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id}
        answer = self._server.post("/prompt", sent)
        if not answer.is_ok:
            raise RunFailedError(_refusal(answer))
        taken = answer.mapping()
        if taken.get("node_errors"):
            self.cancel(prompt_id)
            raise RunFailedError(f"the server would leave out a part: {_node_errors(taken)}")
        if taken.get("prompt_id") != prompt_id:
            if isinstance(taken.get("prompt_id"), str):
                self.cancel(taken["prompt_id"])
            raise RunFailedError("the server took it under another id than it was given")

    def look_up(self, prompt_id: str) -> Mapping[str, Any] | str:
        """The history of a run, `WAITING`, or `LOST`: history, then the queue, then history once more."""
        if entry := self._history(prompt_id):
            return entry
        if self._is_known(prompt_id):
            return WAITING
        return self._history(prompt_id) or LOST

    def _history(self, prompt_id: str) -> Mapping[str, Any] | None:
        answer = self._server.get(f"/history/{prompt_id}")
        if not answer.is_ok:
            raise UnreachableError(f"the server does not tell of its runs ({answer.status})")
        entry = answer.mapping().get(prompt_id)
        return entry if isinstance(entry, Mapping) else None

    def _is_known(self, prompt_id: str) -> bool:
        if self._version >= JOBS_SINCE:
            answer = self._server.get(f"/api/jobs/{prompt_id}")
            if answer.is_ok:
                return answer.mapping().get("status") in _UNDER_WAY
            if isinstance(answer.json(), dict):  # 404 with an empty body: there is no such route
                return False
        return any(prompt_id in ids for ids in self._queue())

    def _queue(self) -> tuple[list[str], list[str]]:
        """Prompt ids that run, and that wait."""
        answer = self._server.get("/queue")
        if not answer.is_ok:
            raise UnreachableError(f"the server does not tell of its queue ({answer.status})")
        found = answer.mapping()
        return tuple(  # type: ignore[return-value]
            [each[1] for each in found.get(part) or [] if isinstance(each, list) and len(each) > 1]
            for part in ("queue_running", "queue_pending")
        )

    def wait(self, prompt_id: str, until: float, pause: Callable[[float], None]) -> Mapping[str, Any] | str:
        """Look a run up until it has ended; its history, or `LOST`.

        Args:
            prompt_id: which.
            until: when it has to be there (monotonic, s).
            pause: called between two looks; waits for a number of seconds, or for less where there is news.

        Raises:
            TooLateError: it is not there in time. It was cancelled.
            UnreachableError: the server was away for longer than `PATIENCE`.
        """
        pauses, away = _pauses(), 0.0
        while True:
            try:
                found = self.look_up(prompt_id)
            except (UnreachableError, ServerError):  # whoever starts answers anything
                now = time.monotonic()
                away = away or now
                if now - away > PATIENCE:
                    raise
            else:
                away = 0.0
                if found is not WAITING:
                    return found
            if time.monotonic() > until:
                self.cancel(prompt_id)
                raise TooLateError
            pause(next(pauses))

    def cancel(self, prompt_id: str) -> None:
        """Cancel a run of ours, and nobody else's; as far as the server can be reached."""
        try:
            self._server.post("/queue", {"delete": [prompt_id]})
            if self._version >= CANCEL_SINCE:
                self._server.post(f"/api/jobs/{prompt_id}/cancel", {})
            elif prompt_id in self._queue()[0]:  # one before 0.3.57 interrupts whatever runs
                self._server.post("/interrupt", {"prompt_id": prompt_id})
        except (UnreachableError, ServerError):
            return

    def forget(self, prompt_id: str) -> None:
        """Delete a run from the history, with the graph that it holds; as far as the server can be reached."""
        try:
            self._server.post("/history", {"delete": [prompt_id]})
        except (UnreachableError, ServerError):
            return


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(LONGEST_PAUSE, pause * 1.5)


def ended(entry: Mapping[str, Any]) -> Ended:
    """What a history entry says of a run that succeeded. Its last message decides.

    Raises:
        RunFailedError: it did not succeed.
    """
    status = entry.get("status")
    messages = [
        each
        for each in (status.get("messages") or [] if isinstance(status, Mapping) else [])
        if isinstance(each, list) and len(each) == 2 and isinstance(each[1], Mapping)  # noqa: PLR2004
    ]
    events = {str(name): content for name, content in messages}
    last = str(messages[-1][0]) if messages else ""
    if last == "execution_error":
        raise RunFailedError(_failure(events[last]))
    if last == "execution_interrupted":
        raise RunFailedError("somebody interrupted it on the server")
    if last != "execution_success" or not isinstance(status, Mapping) or status.get("status_str") != "success":
        raise RunFailedError("the server does not say that it succeeded")
    outputs = entry.get("outputs")
    cached = events.get("execution_cached", {}).get("nodes")
    return Ended(
        outputs if isinstance(outputs, Mapping) else {},
        tuple(sorted(each for each in cached if isinstance(each, str))) if isinstance(cached, list) else (),
        _seconds(_created(entry), _at(events.get("execution_start"))),
        _seconds(_at(events.get("execution_start")), _at(events[last])),
    )


def _created(entry: Mapping[str, Any]) -> float | None:
    prompt = entry.get("prompt")
    extra = prompt[3] if isinstance(prompt, list) and len(prompt) > 3 else None  # noqa: PLR2004
    return _number(extra.get("create_time")) if isinstance(extra, Mapping) else None


def _at(content: Mapping[str, Any] | None) -> float | None:
    return _number(content.get("timestamp")) if content else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 < value < 2**53 else None


def _seconds(first: float | None, last: float | None) -> float:
    """Between two times in milliseconds; -1 where one is not known."""
    return -1.0 if first is None or last is None else max(0.0, (last - first) / 1000)


def _failure(content: Mapping[str, Any]) -> str:
    """Which node failed, and how. Its inputs and the traceback hold prompts and paths, and are left where they are."""
    node, kind = _cut(content.get("node_id"), 60), _cut(content.get("node_type"), 60)
    said = _cut(_PATH.sub("…", str(content.get("exception_message"))[:MOST_LOOKED_AT]), LONGEST_TEXT)
    return f"node {node} ({kind}) failed: {_cut(content.get('exception_type'), 60)}: {said}"


def _refusal(answer: Answer) -> str:
    """Why a graph was not taken, in the server's types: its details hold values."""
    found = answer.json()
    if not isinstance(found, dict):
        return f"the server cannot read the workflow ({answer.status})"
    error = found.get("error")
    kind = _cut(error.get("type"), 60) if isinstance(error, Mapping) else "no reason given"
    more = _node_errors(found)
    return f"the server does not take the workflow: {kind}{f': {more}' if more else ''}"


def _node_errors(found: Mapping[str, Any]) -> str:
    nodes = found.get("node_errors")
    lines = []
    for name, each in nodes.items() if isinstance(nodes, Mapping) else ():
        errors = each.get("errors") if isinstance(each, Mapping) else None
        for error in errors if isinstance(errors, list) else ():
            info = error.get("extra_info") if isinstance(error, Mapping) else None
            given = _cut(info.get("input_name"), 60) if isinstance(info, Mapping) and info.get("input_name") else ""
            kind = _cut(error.get("type"), 60) if isinstance(error, Mapping) else "?"
            lines.append(f"node {_cut(name, 60)}{f' {given}' if given else ''}: {kind}")
    return ", ".join(lines[:5])


def _cut(text: Any, most: int) -> str:
    return " ".join(str(text).split())[:most]
