"""Parent side: what one worker has under way, and who is to blame when it is lost."""

from __future__ import annotations

from dataclasses import dataclass

from librarian.workers.devices import serves
from librarian.workers.messages import Message
from librarian.workers.requests import Request


@dataclass(frozen=True)
class Warm:
    """What a worker said of a route.

    Attributes:
        ahead: requests of it that the worker can use at once.
        batch: tasks that it computes together; 0 where it does one after the other and nothing beside.
    """

    ahead: int = 1
    batch: int = 0

    @classmethod
    def read(cls, answer: Message) -> Warm:
        """From a worker's answer."""
        ahead, batch = answer.get("ahead", 1), answer.get("batch", 0)
        return cls(max(1, ahead), max(0, batch)) if isinstance(ahead, int) and isinstance(batch, int) else cls()


MOST_WARM = 100
"""Routes that are remembered of a worker: a list may give every recording settings of its own."""
COLD = Warm()
"""What holds for a route of which nothing is known yet."""


class Assigned:
    """The requests under way in one worker, oldest first. Only the oldest one's clock runs.

    Attributes:
        device: where it works: `cpu` or `cuda:N`.
        hosts: hosts that it may talk to.
        under_way: number → request.
        warm: route → what the worker said of it.
        answered: number of requests that it answered.
        retiring: whether it gets nothing more, and ends once nothing is under way.
        since: when the oldest one was begun (monotonic, s).
        deadline: when its time is up (monotonic, s).
        recalled: numbers of requests that were asked back, and were not heard of since.
    """

    def __init__(self, device: str = "cpu", hosts: tuple[str, ...] = ()) -> None:
        self.device, self.hosts = device, hosts
        self.under_way: dict[int, Request] = {}
        self.warm: dict[str, Warm] = {}
        self.answered = 0
        self.retiring = False
        self.recalled: set[int] = set()
        self._kept: set[int] = set()
        self.since = 0.0
        self.deadline = float("inf")

    @property
    def is_idle(self) -> bool:
        """Whether it waits for something to do."""
        return not self.under_way and not self.retiring

    @property
    def most(self) -> int:
        """Requests of one route that it can use at once, as far as it has said."""
        return max((each.ahead for each in self.warm.values()), default=1)

    @property
    def has_room(self) -> bool:
        """Whether it is busy and can use more of what it is busy with."""
        return bool(self.under_way) and len(self.under_way) < min(map(self._ahead, self.under_way.values()))

    def takes(self, request: Request) -> bool:
        """Whether it can use a request now."""
        if self.retiring or self.hosts != request.hosts or not serves(self.device, request.device):
            return False
        if not self.under_way:
            return True
        most = min(self._ahead(each) for each in (request, *self.under_way.values()))
        return len(self.under_way) < most

    def _ahead(self, request: Request) -> int:
        return 1 if request.alone else self.warm.get(request.route, COLD).ahead

    def add(self, number: int, request: Request, now: float) -> None:
        """Take in a request that is sent."""
        self.under_way[number] = request
        if self._batch(request):
            request.waited = now - request.queued
        if len(self.under_way) == 1:
            self._begin_oldest(now)

    def take_out(self, number: int, now: float) -> Request | None:
        """Take out a request that is answered or came back; None where there is no such one."""
        was_oldest = next(iter(self.under_way), None) == number
        request = self.under_way.pop(number, None)
        self.recalled.discard(number)
        self._kept.discard(number)
        if was_oldest:
            self._begin_oldest(now)
        return request

    def _begin_oldest(self, now: float) -> None:
        self.since, self.deadline = now, float("inf")
        for request in self.under_way.values():
            batch = self._batch(request)
            if not batch:
                request.waited = now - request.queued
            if request.timeout:
                self.deadline = now + request.timeout * max(1, batch)
            return

    def _batch(self, request: Request) -> int:
        return self.warm.get(request.route, COLD).batch

    def recallable(self) -> list[int]:
        """The requests that may not have been begun, the last one first."""
        waiting = list(self.under_way)[1:]
        return [number for number in reversed(waiting) if number not in self.recalled | self._kept]

    def keep(self, number: int) -> None:
        """Note that a request was begun before it could come back."""
        self.recalled.discard(number)
        if number in self.under_way:
            self._kept.add(number)

    def note(self, request: Request, answer: Message) -> None:
        """Learn from an answer."""
        self.answered += 1
        for route in answer.get("unloaded", ()):
            self.warm.pop(route, None)
        if "ahead" in answer:
            self.warm.pop(request.route, None)
            self.warm[request.route] = Warm.read(answer)
            if len(self.warm) > MOST_WARM:
                del self.warm[next(iter(self.warm))]

    def blame(self, suspect: Request | None = None, *, whole: bool = True) -> tuple[Request | None, list[Request]]:
        """Who ended the worker, and who can be tried elsewhere.

        Where several were read, computed and written at once nobody can be blamed: they are tried one at a time.

        Args:
            suspect: with whom it showed; else the oldest.
            whole: whether it can have been any of those that were worked on at once.
        """
        requests = list(self.under_way.values())
        suspect = suspect or next(iter(requests), None)
        together = [each for each in requests if suspect and each.route == suspect.route and self._batch(each)]
        if not whole or len(together) <= 1:
            return suspect, [each for each in requests if each is not suspect]
        for each in together:
            each.alone = True
        return None, requests
