"""What is heard of a run while it goes on. Whatever comes or does not come, the run ends as its history says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from bridging import FakeTask, elsewhere, endless, html, run, silent
from fake_comfyui import FakeComfy, Handler

from librarian_comfyui import live, prompts
from librarian_comfyui.live import Live

RUN = "9f0c9b3e-3a38-4f0e-9f3c-0d5d4c1f8a77"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(prompts, name, 0.01)
    monkeypatch.setattr(live, "CONNECT_SECONDS", 0.5)


class Script:
    """A connection on which some messages come, and then none."""

    def __init__(self, *messages: Any) -> None:
        self.left = list(messages)

    def recv(self, timeout: float) -> Any:
        if not self.left:
            raise TimeoutError
        message = self.left.pop(0)
        return json.dumps(message) if isinstance(message, dict) else message


def said(kind: str, **content: Any) -> dict[str, Any]:
    return {"type": kind, "data": {"prompt_id": RUN, **content}}


def heard(*messages: Any) -> list[float]:
    shown: list[float] = []
    script = Script(*messages)
    listener = Live(script, RUN, ["1", "2", "3", "4"], shown.append)  # type: ignore[arg-type]
    while script.left:
        listener.pause(60)
    return shown


def state(**nodes: tuple[Any, Any]) -> dict[str, Any]:
    return said("progress_state", nodes={name[1:]: {"value": v, "max": m} for name, (v, m) in nodes.items()})


def test_how_far_a_run_is_by_its_nodes() -> None:
    assert heard(
        said("execution_cached", nodes=["1"]), state(_2=(1, 4)), state(_2=(4, 4), _3=(0.5, 1.0)), state(_4=(1, 1))
    ) == [0.25, 0.3125, 0.625, 0.875]


def test_it_never_goes_back_and_knows_only_nodes_of_its_own() -> None:
    assert heard(state(_1=(3, 4)), state(_1=(1, 4)), state(_9=(1, 1)), state(_1=(9, 4))) == [0.1875] * 3 + [0.25]


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[" * 100_000,
        "5",
        '{"type": "progress_state"}',
        '{"type": "progress_state", "data": 5}',
        b"\0\0\0\1\0\0\0\1\xff\xd8",
        {"type": "crystools.monitor", "data": {"prompt_id": RUN}},
        {"type": "progress_state", "data": {"prompt_id": "another's", "nodes": {"1": {"value": 1, "max": 1}}}},
        said("progress_state", nodes=5),
        said("execution_cached", nodes=5),
    ],
)
def test_what_says_nothing(message: Any) -> None:
    assert heard(message) == []


@pytest.mark.parametrize(
    "part",
    [
        *((1, 0), (-1, 4), ("1", 4), (float("inf"), 4), (float("nan"), 1), (1, float("nan"))),
        *((10**400, 1), (1.5, 10**400)),
    ],
)
def test_numbers_that_are_none(part: tuple[Any, Any]) -> None:
    assert heard(state(_1=part)) == [0.0]


def test_one_that_is_over_is_looked_at_once() -> None:
    over = said("executing", node=None)
    script = Script(said("executing", node="1"), over, "later", over, "last")
    listener = Live(script, RUN, ["1"], lambda fraction: None)  # type: ignore[arg-type]
    listener.pause(60)
    assert script.left == ["later", json.loads(json.dumps(over)), "last"]
    listener.pause(60)
    assert not script.left, "one that says it again and again is not looked at again and again"


def test_it_is_listened_for_before_it_is_given(fake: FakeComfy, task: FakeTask) -> None:
    fake.delay = 3
    shown: list[float] = []
    task.progress = shown.append  # type: ignore[method-assign]

    def tell(request: Handler) -> bool:
        (sent,) = fake.graphs
        node = {"value": 1, "max": 2}
        fake.tell(sent["client_id"], "progress_state", {"prompt_id": sent["prompt_id"], "nodes": {"1": node}})
        return False

    fake.trick("GET /history", tell)
    run(task, fake)
    (sent,) = fake.graphs
    assert shown[0] == 0.25
    asked = [each.split(b" HTTP")[0].split(b"\n")[0] for each in fake.received]
    assert asked.index(f"GET /ws?clientId={sent['client_id']}".encode()) < asked.index(b"POST /prompt")
    assert sent["client_id"] == sent["prompt_id"], "no id is listened under twice: the server would forget the first"


@pytest.mark.parametrize("answer", [html, elsewhere, endless, silent, lambda request: request.drop()])
def test_a_server_that_tells_nothing(new: FakeComfy, task: FakeTask, answer: Callable[[Handler], None]) -> None:
    new.trick("GET /ws", answer)
    assert run(task, new)["picture"]


def test_what_nobody_read_does_not_hold_it_up(new: FakeComfy, task: FakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CLOSE_SECONDS", 3600.0)

    def flood(request: Handler) -> bool:
        (sent,) = new.graphs
        for _ in range(200):
            new.tell(sent["client_id"], "status", {})
        return False

    new.trick("GET /history", flood)
    assert run(task, new)["picture"]


def test_one_that_breaks_off_or_says_too_much(new: FakeComfy, task: FakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_BYTES", 1000)
    for trick in (
        lambda request: new.sockets[new.graphs[-1]["client_id"]][0].drop() or False,
        lambda request: new.tell_raw(new.graphs[-1]["client_id"], b"x" * 5000) or False,
        lambda request: new.tell_raw(new.graphs[-1]["client_id"], b"\xff" * 50, binary=True) or False,
    ):
        new.delay = 5
        new.trick("GET /history", trick)
        assert run(FakeTask(task.folder), new)["picture"]
