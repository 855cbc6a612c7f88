"""One question to one model: /v1/models and /v1/chat/completions of the OpenAI API, as a stream.

A stream shows that something is going on, and so does without a time limit that is as long as the longest answer. A
server that sends the whole at once is understood as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from librarian.servers import Arriving, Server, ServerError, in_json
from librarian_language import FORMS
from librarian_language.events import chunks
from librarian_language.reply import AnswerError, Reply, failure_of, is_about_form, reply_of, too_long
from librarian_language.tasks import PromptTask

SEEDS = 2**31
"""Seeds are below it: every server takes those."""
_LATEST = ":latest"
"""What Ollama adds to a name that says nothing else."""
_EMBEDS = "embed"
"""In the names of models that answer nothing, which LM Studio lists too."""
_REFUSED, _NO_KEY, _NOT_THERE, _TOO_LARGE = (400, 422), (401, 403), 404, 413
_WORDS_OF_THE_SCHEMA = "\n\nAnswer with JSON that fits this JSON Schema, and with nothing else:\n"


class RefusedError(Exception):
    """The server does not take a request as it is."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        text: the template, filled.
        seed: of the sampling.
        silence: longest time without a sign of life (s).
        until: when the answer has to be there (monotonic, s).
    """

    text: str
    seed: int
    silence: float
    until: float


class Chat:
    """A model that does one task, asked again and again.

    Attributes:
        form: how an answer is asked for, one of `FORMS`: the first that the server takes.
    """

    def __init__(self, server: Server, model: str, task: PromptTask) -> None:
        self._server, self._task = server, task
        self._wanted, self._found = model, ""
        self._forms: tuple[str, ...] = FORMS[:1] if task.shape is None else FORMS[1:]
        self._is_kept_to = True

    @property
    def form(self) -> str:
        """How an answer is asked for."""
        return self._forms[0]

    def doubt(self) -> None:
        """An answer did not fit: some servers take a schema and do nothing with it, so it is said in words as well."""
        self._is_kept_to = False

    def ask(self, question: Question, beat: Callable[[int], None]) -> Reply:
        """Ask, in the strictest form that the server takes.

        Args:
            question: what.
            beat: called with how many pieces of the answer are there, at each.

        Raises:
            AnswerError: there is no whole answer.
            ServerError: the server cannot do it, or says what cannot be used.
            UnfitError: the answer ends in an error.
            UnreachableError, TooLateError: it is away, silent or too slow.
        """
        forms = self._forms
        while True:
            try:
                return self._asked(question, beat)
            except RefusedError:
                if len(self._forms) == 1:
                    self._forms = forms
                    raise ServerError("it does not take the request; its log says why") from None
                self._forms = self._forms[1:]

    def _asked(self, question: Question, beat: Callable[[int], None]) -> Reply:
        times: dict[str, Any] = {"silence": question.silence, "until": question.until}
        body = {"model": self._model(times), **self._body(question)}
        with self._server.ask("POST", "/v1/chat/completions", **times, **in_json(body)) as answer:
            _refuse(answer)
            reply = reply_of(chunks(answer.blocks) if answer.kind == "text/event-stream" else [_whole(answer)], beat)
        reply.model = reply.model or self._found
        return reply

    def _body(self, question: Question) -> dict[str, Any]:
        system = [{"role": "system", "content": self._task.system}] if self._task.system else []
        return {
            "messages": [*system, {"role": "user", "content": question.text + self._spelt_out}],
            "temperature": self._task.temperature,
            "max_tokens": self._task.max_tokens,
            "seed": question.seed % SEEDS,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._format,
        }

    @property
    def _spelt_out(self) -> str:
        """The schema in words, where the server is not given it or does not keep to it."""
        told = self.form == "text" or (self.form == "json_schema" and self._is_kept_to)
        return "" if told else _WORDS_OF_THE_SCHEMA + json.dumps(self._task.shape, ensure_ascii=False)

    @property
    def _format(self) -> dict[str, Any]:
        if self.form == "json_schema":
            named = {"name": "answer", "strict": True, "schema": self._task.shape}
            return {"response_format": {"type": self.form, "json_schema": named}}
        return {"response_format": {"type": self.form}} if self.form == "json_object" else {}

    def _model(self, times: Mapping[str, Any]) -> str:
        """The model, as the server calls it; asked for once. While it answers somebody else, a server may keep silent.

        Raises:
            ServerError: it has none of that name, or not the only one.
        """
        if not self._found:
            names = _models(self._server, times)
            if self._wanted:
                found = [name for name in (self._wanted, self._wanted + _LATEST) if name in names][:1]
            else:
                found = [name for name in names if _EMBEDS not in name.lower()]
            if len(found) != 1:
                raise ServerError(
                    "it has no model of that name: see what it lists below /v1/models"
                    if self._wanted
                    else f"it has {len(found)} models: say which with model"
                )
            self._found = found[0]
        return self._found


def _models(server: Server, times: Mapping[str, Any]) -> list[str]:
    with server.ask("GET", "/v1/models", **times) as arriving:
        answer = arriving.whole()
    found = answer.json()
    listed = found.get("data") if isinstance(found, Mapping) else None
    if answer.status in _NO_KEY:
        raise ServerError("it wants a key: start it without one")
    if not isinstance(listed, list):
        if isinstance(found, Mapping) and "data" in found and listed is None:
            return []
        raise ServerError("it lists no models: does it speak the OpenAI API?")
    names = [each.get("id") for each in listed if isinstance(each, Mapping)]
    return [name for name in names if isinstance(name, str) and name]


def _refuse(answer: Arriving) -> None:
    """Tell why a question was not taken."""
    if answer.is_ok:
        return
    if answer.status == _TOO_LARGE:
        raise too_long()
    if answer.status in _NO_KEY:
        raise ServerError("it wants a key: start it without one")
    if answer.status == _NOT_THERE:
        raise ServerError("it has no such model, or no /v1/chat/completions")
    found = answer.whole().json()
    error = failure_of(found)
    if isinstance(error, AnswerError):
        raise error
    if answer.status in _REFUSED or is_about_form(found):
        raise RefusedError
    raise ServerError(f"it answered with status {answer.status}; its log says why")


def _whole(answer: Arriving) -> Mapping[str, Any]:
    found = answer.whole().json()
    if not isinstance(found, Mapping):
        raise ServerError("it answered with no JSON object: does it speak the OpenAI API?")
    return found
