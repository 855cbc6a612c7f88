"""Parent side: which request goes to which worker. Whoever is warm for it is preferred; nobody idles for that."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from librarian.workers.assigned import Assigned
from librarian.workers.requests import Request

WINDOW = 64
"""So far into the queue it is looked for what a worker is warm for: older requests do not wait for ever."""

RECALL_SECONDS = 0.1
"""What a busy worker works on for longer than this, others need not wait behind."""

Match = tuple[int, int]
"""Place of a worker, and place in the queue of what it gets."""


def for_idle(queue: deque[Request], workers: Sequence[Assigned]) -> Match | None:
    """A request for a worker that waits: one that it is warm for, else the oldest that it can do."""
    idle = [place for place, worker in enumerate(workers) if worker.is_idle]
    return _first(queue, workers, idle, warm=True) or _first(queue, workers, idle, warm=False)


def for_busy(queue: deque[Request], workers: Sequence[Assigned]) -> Match | None:
    """A request for a worker that is busy and can use more of the same."""
    return _first(queue, workers, [place for place, worker in enumerate(workers) if worker.has_room], warm=True)


def _first(queue: deque[Request], workers: Sequence[Assigned], places: Sequence[int], *, warm: bool) -> Match | None:
    for place in places:
        worker = workers[place]
        for number, request in enumerate(islice(queue, WINDOW)):
            if (request.route in worker.warm or not warm) and worker.takes(request):
                return place, number
    return None


def to_recall(workers: Sequence[Assigned], now: float) -> Match | None:
    """A request that waits in a busy worker while another has nothing to do: place of the worker, and its number."""
    for idle in (each for each in workers if each.is_idle):
        for place, worker in enumerate(workers):
            recallable = worker.recallable() if now - worker.since >= RECALL_SECONDS and not worker.recalled else []
            if recallable and idle.takes(worker.under_way[recallable[0]]):
                return place, recallable[0]
    return None
