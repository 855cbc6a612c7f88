"""A task: its inputs are put into the template, a model is asked, and its answer is checked before it is kept.

An answer that does not fit is asked for again, and told which rule it broke. Nothing that failed becomes an answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from librarian import Output, Task, UnusableInputError
from librarian.servers import Server, TooLateError
from librarian_language import Answer, PromptSettings
from librarian_language.chat import Chat, Question
from librarian_language.fitting import Shape, UnfitError, text_of
from librarian_language.reply import AnswerError, Reply, too_long
from librarian_language.template import filled, places_of
from librarian_language.wording import text_of_all

WIDEST_TOKEN = 12
"""Letters of a token on average, at the most: who reads fewer tokens has not read all."""
_ALMOST, _EVERY = 0.99, 16
"""Progress is at most so much before the end, and said at one in so many pieces of an answer."""


@dataclass
class Cost:
    """What an answer took so far."""

    characters: int
    began: float
    tries: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None

    def add(self, reply: Reply) -> None:
        """Add an answer's."""
        self.tokens_in, self.tokens_out = _sum(self.tokens_in, reply.tokens_in), _sum(self.tokens_out, reply.tokens_out)

    def facts(self, form: str) -> dict[str, float | bool | str | None]:
        """It as facts."""
        return {
            "form": form,
            "tries": self.tries,
            "characters": self.characters,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "seconds": round(time.monotonic() - self.began, 3),
        }


class Prompter:
    """Asks one model the same about one recording after another."""

    def __init__(self, settings: PromptSettings, device: str) -> None:
        self._settings = settings
        self._name, self._task = settings.asked
        self._chat = Chat(Server(settings.server), settings.model, self._task)
        self._shape = None if self._task.shape is None else Shape(self._task.shape)

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Do a task.

        Raises:
            UnreachableError: the server does not answer.
            UnusableInputError: there is nothing to ask about.
            AnswerError, ServerError, TooLateError: there is no answer that can be kept.
        """
        text = self._filled(task)
        cost = Cost(len(self._task.system) + len(text), time.monotonic())
        if cost.characters > self._settings.longest:
            raise AnswerError(
                f"the text has {cost.characters:,} characters, and longest is {self._settings.longest:,}: raise it if "
                "the context of the model holds that, or give the step less"
            )
        try:
            reply, value = self._answer(task, text, cost)
        except TooLateError:
            raise TooLateError("it took longer than its deadline, and was hung up on") from None
        return {"answer": Output(self._kept(task, reply, value), cost.facts(self._chat.form))}

    def _filled(self, task: Task) -> str:
        """The template with what the task is given."""
        places, given = places_of(self._task.template), {name for name, each in task.inputs.items() if each}
        if places != given:
            lacks, more = sorted(places - given), sorted(given - places)
            what = f"has {{{lacks[0]}}}, and the step is given no {lacks[0]}" if lacks else f"has no {{{more[0]}}}"
            raise AnswerError(f"the template {what}: write what it takes into the step's from, as a mapping")
        texts = {name: text_of_all(task.inputs[name]) for name in places}
        if texts and not any(texts.values()):
            raise UnusableInputError("silent", "nothing is said in it that could be asked about")
        return filled(self._task.template, texts)

    def _answer(self, task: Task, text: str, cost: Cost) -> tuple[Reply, Any]:
        """An answer that fits, and what it says."""
        question = Question(text, task.seed, self._settings.silence, cost.began + self._settings.deadline)
        why = ""
        for number in range(self._settings.tries):
            more = f"\n\nAn answer before this one {why}. Answer again, and keep to what is asked." if why else ""
            asked = replace(question, text=text + more, seed=task.seed + number)
            cost.tries += 1
            try:
                reply = self._chat.ask(asked, lambda pieces: self._beat(task, pieces))
                cost.add(reply)
                _check_read(asked.text, reply)
                return reply, self._value(reply)
            except UnfitError as error:
                why = str(error)
                self._chat.doubt()
        raise AnswerError(f"no answer of {cost.tries} fits; the last one {why}")

    def _beat(self, task: Task, pieces: int) -> None:
        if pieces % _EVERY == 1:
            task.progress(min(_ALMOST, pieces / self._task.max_tokens))

    def _value(self, reply: Reply) -> Any:
        return text_of(reply.text) if self._shape is None else self._shape.value_of(reply.text)

    def _kept(self, task: Task, reply: Reply, value: Any) -> Any:
        """The answer as an output: a file of text, or data."""
        if self._shape is not None:
            return Answer(task=self._name, model=reply.model, answer=value)
        path = task.folder / "answer.txt"
        path.write_text(value + "\n", encoding="utf-8")
        return path


def _check_read(text: str, reply: Reply) -> None:
    """Some servers cut what is too long for the context without a word: the number of tokens shows it."""
    letters = sum(map(len, text.split()))
    if reply.tokens_in and letters > WIDEST_TOKEN * reply.tokens_in:
        raise too_long()


def _sum(first: int | None, second: int | None) -> int | None:
    return first if second is None else (first or 0) + second
