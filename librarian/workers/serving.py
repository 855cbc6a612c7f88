"""Child side: the loop of a worker. Classes that split themselves get a pipeline, all else one request at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from librarian.workers.inbox import Inbox
from librarian.workers.messages import Message
from librarian.workers.pipeline import Pipeline
from librarian.workers.replies import Replies, Send
from librarian.workers.servant import Servant


def serve(inbox: Inbox, send: Send, busy: Callable[[], AbstractContextManager[None]]) -> None:
    """Answer requests for ever.

    Args:
        inbox: where they come in.
        send: takes messages from any thread.
        busy: told while something is under way.
    """
    service = Service(inbox, Replies(send))
    while True:
        request = inbox.get()
        with busy():
            service.serve(request)


class Service:
    """Answers requests in the way that suits them."""

    def __init__(self, inbox: Inbox, replies: Replies) -> None:
        self._servant, self._inbox, self._replies = Servant(own_process=True), inbox, replies

    def serve(self, request: Message) -> None:
        """Answer a request, and where it goes through a pipeline those that follow it there."""
        if not self._servant.splits(request):
            return self._answer(request)
        for each in Pipeline(self._servant, self._servant.route(request), self._inbox, self._replies).run(request):
            self._servant.start_over(each)
            self._answer(each)
        self._servant.shrink()
        self._retire_if_it_must()

    def _answer(self, request: Message) -> None:
        if request["type"] == "run":
            self._replies.begin(request, self._servant.most_output(request))
        answer = self._servant.answer(request, self._replies.before(request))
        self._retire_if_it_must()
        self._replies.answer(request, answer)

    def _retire_if_it_must(self) -> None:
        if self._servant.must_end():
            self._replies.retire()
