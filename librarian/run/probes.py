"""Recordings that are looked into, some at a time: asking takes longer than a look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from librarian.job import Recording
from librarian.workers import requests
from librarian.workers.messages import Message
from librarian.workers.requests import Request

AT_ONCE = 16
TIMEOUT = 15.0
"""How long so many may take together (s); where that is not enough, each is looked into by itself."""
TIMEOUT_ALONE = 45.0
"""How long one may take by itself (s)."""

Then = Callable[[Message], None]
Submit = Callable[[Request, Then], None]


class Probes:
    """Asks workers what recordings hold.

    Args:
        submit: has a request answered.

    Attributes:
        open: recordings of which it is not known yet what they hold.
    """

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._asked: list[tuple[Recording, Then]] = []
        self.open = 0

    def __len__(self) -> int:
        """Recordings that no worker has been asked about."""
        return len(self._asked)

    def add(self, recording: Recording, then: Then) -> None:
        """Ask about a recording with the next `send`."""
        self.open += 1
        self._asked.append((recording, partial(self._found, then)))
        if len(self._asked) >= AT_ONCE:
            self.send()

    def _found(self, then: Then, answer: Message) -> None:
        self.open -= 1
        then(answer)

    def drop(self) -> None:
        """Ask about none of those that wait."""
        self.open -= len(self._asked)
        self._asked.clear()

    def send(self) -> None:
        """Ask about those that wait."""
        asked, self._asked = self._asked, []
        if len(asked) > 1:
            request = Request(requests.probes([each.sighting.path for each, _ in asked]), TIMEOUT)
            self._submit(request, lambda answer: self._answered(asked, answer))
        elif asked:
            self._alone(*asked[0])

    def _alone(self, recording: Recording, then: Then) -> None:
        self._submit(Request(requests.probe(recording.sighting.path), TIMEOUT_ALONE), then)

    def _answered(self, asked: Sequence[tuple[Recording, Then]], answer: Message) -> None:
        found = answer.get("answers")
        if answer["type"] == "done" and isinstance(found, list) and len(found) == len(asked):
            for (_, then), each in zip(asked, found, strict=True):
                then(each)
        else:  # one of them took the worker down, or all the time: that one alone is to pay
            for each in asked:
                self._alone(*each)
