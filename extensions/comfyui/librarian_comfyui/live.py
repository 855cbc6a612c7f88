"""What a server tells of a run while it goes on, by WebSocket: shown, and a reason to look. Polling is the truth.

Nothing is told twice, so it is listened for before a run is given. The id that is listened under is the run's own: of
two sockets with one id the server forgets the first. Where there is no socket, nothing is missed but the display.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from librarian.servers import CONNECT_SECONDS

MOST_BYTES = 16 << 20
"""Of a message: previews are among them."""
CLOSE_SECONDS = 0.5
MOST_STEPS = 1e15
"""Of a node."""
_BROKEN = (WebSocketException, OSError, EOFError)


class Live:
    """What is heard of one run.

    Args:
        connection: what is listened to; none: nothing is heard.
        prompt_id: the run.
        nodes: ids of the nodes of its graph.
        show: called with the fraction that is done, 0 to 1.
    """

    def __init__(
        self,
        connection: ClientConnection | None,
        prompt_id: str,
        nodes: Collection[str],
        show: Callable[[float], None],
    ) -> None:
        self._connection, self._prompt_id, self._show = connection, prompt_id, show
        self._done = dict.fromkeys(nodes, 0.0)
        self._is_over = False

    def pause(self, seconds: float) -> None:
        """Listen for a time (s), or until the run is said to be over, for the first time that it is said."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._connection is None:
                time.sleep(left)
                return
            try:
                message = self._connection.recv(timeout=left)
            except TimeoutError:
                return
            except _BROKEN:
                self._connection = None
                continue
            if isinstance(message, str) and self._heard(message):
                return

    def _heard(self, message: str) -> bool:
        """Take in a message, and say whether it is time to look. Kinds that are not known come from extensions."""
        kind, content = _parts(message)
        if content.get("prompt_id") != self._prompt_id:
            return False
        if kind == "execution_cached" and isinstance(content.get("nodes"), list):
            self._take({str(each): 1.0 for each in content["nodes"]})
        elif kind == "progress_state" and isinstance(content.get("nodes"), Mapping):
            self._take({name: _fraction(each) for name, each in content["nodes"].items()})
        elif kind == "executing" and content.get("node") is None and not self._is_over:
            self._is_over = True  # it ended, well or not: the history says which
            return True
        return False

    def _take(self, done: Mapping[str, float]) -> None:
        self._done |= {name: max(self._done[name], part) for name, part in done.items() if name in self._done}
        self._show(sum(self._done.values()) / len(self._done))


@contextmanager
def listening(address: str, prompt_id: str, nodes: Collection[str], show: Callable[[float], None]) -> Iterator[Live]:
    """Listen for a run from now on.

    Args:
        address: of the server, `name:port`.
        prompt_id: the run.
        nodes: ids of the nodes of its graph.
        show: called with the fraction that is done, 0 to 1.
    """
    with ExitStack() as stack:
        connection = _connected(stack, address, prompt_id)
        try:
            yield Live(connection, prompt_id, nodes, show)
        finally:
            if connection is not None:
                _hang_up(connection)


def _hang_up(connection: ClientConnection) -> None:
    """Break it off, and read what has come: with more unread than it holds, a connection waits before it closes."""
    try:
        connection.socket.shutdown(socket.SHUT_RDWR)
        while True:
            connection.recv(timeout=CLOSE_SECONDS)
    except (*_BROKEN, TimeoutError):
        return


def _connected(stack: ExitStack, address: str, prompt_id: str) -> ClientConnection | None:
    where = urlsplit(f"//{address}")
    try:
        plain = socket.create_connection((where.hostname or "", where.port or 80), CONNECT_SECONDS)
        stack.callback(plain.close)
        return stack.enter_context(
            connect(
                f"ws://{address}/ws?clientId={prompt_id}",
                sock=plain,  # so that no redirect is followed
                proxy=None,
                compression=None,
                open_timeout=CONNECT_SECONDS,
                close_timeout=CLOSE_SECONDS,
                ping_interval=None,
                max_size=MOST_BYTES,
                user_agent_header=None,
            )
        )
    except (*_BROKEN, ValueError):
        return None


def _parts(message: str) -> tuple[str, Mapping[str, Any]]:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return "", {}
    content = found.get("data") if isinstance(found, Mapping) else None
    return (str(found.get("type")), content) if isinstance(content, Mapping) else ("", {})


def _fraction(node: Any) -> float:
    """How much of a node is done, 0 to 1."""
    value, most = (node.get(each) if isinstance(node, Mapping) else None for each in ("value", "max"))
    if not isinstance(value, (int, float)) or not isinstance(most, (int, float)):
        return 0.0
    return min(1.0, value / most) if 0 <= value < MOST_STEPS and 0 < most < MOST_STEPS else 0.0
