"""What a server answers, put together from what arrives: the text, why it ended, and what it cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from librarian.servers import ServerError
from librarian_language.fitting import UnfitError

LONGEST = 1 << 20
"""Characters of an answer, thinking included."""
_LONGEST_NAME = 200
_MOST_TOKENS = 2**53
_OVERFLOW = re.compile(r"context.{0,60}(length|size|window|exceed|overflow|long)|(exceed|too long).{0,60}context")

_FORM = re.compile(r"response.?format|json.?schema")


class AnswerError(Exception):
    """The model gave no whole answer, and would give none if it were asked the same again."""


@dataclass
class Reply:
    """An answer.

    Attributes:
        text: what it says.
        ended: why it ended, in the server's word; empty where it has not.
        model: the model, as the server calls it; empty where it does not say.
        tokens_in: tokens that the server read; None where it does not say.
        tokens_out: tokens that it wrote; None where it does not say.
    """

    model: str = ""
    ended: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    _parts: list[str] = field(default_factory=list)
    _length: int = 0

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(self._parts)

    def take(self, chunk: Mapping[str, Any]) -> None:
        """Add what arrived: a chunk of a stream, or all at once.

        Raises:
            AnswerError: it refuses, or does something other than answer.
            ServerError: it is no part of an answer.
            UnfitError: the server gives up in the middle, as where it cannot read what its own model says.
        """
        if chunk.get("error"):
            self._fail(failure_of(chunk))
        if isinstance(usage := chunk.get("usage"), Mapping):
            self.tokens_in, self.tokens_out = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
        if isinstance(model := chunk.get("model"), str) and model.isprintable():
            self.model = model[:_LONGEST_NAME]
        choices = chunk.get("choices")
        if not isinstance(choices, list) or len(choices) > 1:
            raise ServerError("it sends what is no part of an answer: does it speak the OpenAI API?")
        for choice in choices:
            self._take_choice(choice)

    def _fail(self, failure: Exception) -> None:
        if self._length and isinstance(failure, ServerError):
            raise UnfitError("ended in an error of the server")
        raise failure

    def _take_choice(self, choice: Any) -> None:
        message = (choice.get("delta") or choice.get("message") or {}) if isinstance(choice, Mapping) else None
        if not isinstance(message, Mapping):
            raise ServerError("it sends what is no part of an answer: does it speak the OpenAI API?")
        if message.get("refusal"):
            raise AnswerError("the model refuses to answer")
        if message.get("tool_calls"):
            raise AnswerError("the model wants to call a tool, and none was offered")
        self._add(message.get("content"))
        if ended := choice.get("finish_reason"):
            self.ended = str(ended)

    def _add(self, content: Any) -> None:
        if content is None:
            return
        if not isinstance(content, str):
            raise ServerError("its answer is no text")
        if self.ended and content:
            raise ServerError("its answer goes on after its end")
        self._length += len(content)
        if self._length > LONGEST:
            raise AnswerError(f"the answer has more than {LONGEST:,} characters")
        self._parts.append(content)


def reply_of(chunks: Iterable[Mapping[str, Any]], beat: Callable[[int], None]) -> Reply:
    """An answer that is whole.

    Args:
        chunks: what arrives.
        beat: called with how many chunks have arrived, at each.

    Raises:
        AnswerError: it is cut off, refused, or no answer.
        ServerError: it cannot be used, or is an error.
        UnfitError: it ends in an error.
    """
    reply = Reply()
    for number, chunk in enumerate(chunks, 1):
        reply.take(chunk)
        beat(number)
    match reply.ended:
        case "stop":
            return reply
        case "length":
            raise AnswerError(
                "the answer was cut off: raise max_tokens of the task, or start the model with a longer context"
            )
        case "":
            raise ServerError("it does not say that the answer is whole")
        case "content_filter":
            raise AnswerError("a filter of the server held the answer back")
    raise AnswerError("the answer ended for another reason than that it was whole")


def failure_of(found: Any) -> Exception:
    """The error that a server states. What it says is used to tell what it is, and is not taken over."""
    if _OVERFLOW.search(_said(found).replace("_", " ")):
        return too_long()
    return ServerError("it answered with an error; its log says which")


def is_about_form(found: Any) -> bool:
    """Whether an error is about the form in which an answer is asked for."""
    return bool(_FORM.search(_said(found)))


def _said(found: Any) -> str:
    error = found.get("error", found) if isinstance(found, Mapping) else found
    return (" ".join(map(str, error.values())) if isinstance(error, Mapping) else str(error)).lower()[:4000]


def too_long() -> AnswerError:
    """What is said where a text does not fit."""
    return AnswerError(
        "the text is longer than the context of the model: start it with a longer one, give the step less, and set "
        "longest to what fits"
    )


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    count = usage.get(name)
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < _MOST_TOKENS else None
