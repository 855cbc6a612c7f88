"""What a job would do beside reading its inputs and writing its outputs, and what of it the owner let.

Talking to a host, running code that comes with a model, and deleting something elsewhere each need a rule in the job
file. What goes to a host is clean, unless the owner says `--private`; a step with `only: clean` takes nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from librarian.job.clean import private_sources
from librarian.job.model import Job, Source, Step
from librarian.job.read import Problem, Read, RefusedJobError

Why = Literal["host", "model-code", "deletes", "private", "text", "not-clean"]
_DOES: Mapping[Literal["model-code", "deletes"], str] = {
    "model-code": "runs code that comes with a model",
    "deletes": "deletes something elsewhere",
}


def private_inputs(steps: Iterable[Step]) -> Iterator[tuple[Step, str, Source]]:
    """Each private input of a step that talks to other hosts: the step, the port, where it comes from."""
    known = {step.id: step for step in steps}
    for step in known.values():
        if step.hosts:
            yield from ((step, port, source) for port, source in private_sources(step, known))


@dataclass(frozen=True)
class Refusal:
    """Something that a step may not do.

    Attributes:
        step: its id.
        why: a host that no rule lets it talk to, an effect that none lets it have, something private or a text that
            names somebody that would leave, an input that is not clean where only that is taken.
        message: what is the matter, and what helps.
        hosts: that it is about.
    """

    step: str
    why: Why
    message: str
    hosts: tuple[str, ...] = ()


class PolicyError(RefusedJobError):
    """What no rule of a job file allows. `refusals` say it in parts, for the record."""

    def __init__(self, problems: Sequence[str], refusals: Sequence[Refusal]) -> None:
        super().__init__(problems)
        self.refusals = tuple(refusals)


@dataclass(frozen=True)
class Rules:
    """What leaves and what is done elsewhere, held against what the owner let.

    Args:
        job: the job.
        private: whether the owner lets private material out.
        names_someone: whether a text holds a name, or what else tells of somebody.
    """

    job: Job
    private: bool
    names_someone: Callable[[str], bool]

    def refuse(self, text: Read, steps: Sequence[Step]) -> None:
        """Refuse what no rule allows, and what is private and would leave.

        Args:
            text: the job file.
            steps: those that are to be run.

        Raises:
            PolicyError: with a line for each of it, and what helps.
        """
        places = {entry.id: index for index, entry in text.steps.items()}
        found = [each for step in steps for each in (*self._not_allowed(step), *self._not_clean(step))]
        if not self.private:
            found += [_of_input(step, port, source) for step, port, source in private_inputs(steps)]
            found += [each for step in steps for each in self._of_texts(step)]
        text.problems.extend(Problem(("steps", places[each.step], "use"), each.message) for each in found)
        if text.problems:
            raise PolicyError(text.lines(), found)

    def _not_allowed(self, step: Step) -> Iterator[Refusal]:
        """What a step does without a rule."""
        allow = self.job.file.allow
        known = {host.lower() for host in allow.hosts}
        for host in step.hosts:
            if host.lower() not in known:
                message = f"talks to {host}; to let it, write into the job file:  allow: {{hosts: ['{host}']}}"
                yield Refusal(step.id, "host", message, (host,))
        leave = {"model-code": allow.model_code, "deletes": allow.deletes}
        for effect in step.effects:
            if step.id not in leave[effect]:
                message = f"{_DOES[effect]}; to let it, write into the job file:  allow: {{{effect}: [{step.id}]}}"
                yield Refusal(step.id, effect, message)

    def _not_clean(self, step: Step) -> Iterator[Refusal]:
        """What is private of the inputs of a step that takes only what is clean. No option lets that pass."""
        known = {each.id: each for each in self.job.steps}
        for port, source in private_sources(step, known) if step.only_clean else ():
            message = (
                f"takes only what is clean, and {_named(source)}, its input {port}, is private; take what a step has "
                "cleared (the output of an operation that clears), or leave out  only: clean"
            )
            yield Refusal(step.id, "not-clean", message)

    def _of_texts(self, step: Step) -> Iterator[Refusal]:
        """The settings of a step that would go to a host and hold a text that names someone."""
        named = {
            name
            for each in (self.job.variants(step) if step.hosts else ())
            for name, value in each.settings.items()
            if any(text not in step.hosts and self.names_someone(text) for text in _texts(value))
        }
        for name in sorted(named):
            message = (
                f"talks to {', '.join(step.hosts)}, and a text in its setting {name} reads like a name or a number of "
                "somebody; word it otherwise, list the word in the file of privacy.allow, or let it go out: type the "
                "same again with --private"
            )
            yield Refusal(step.id, "text", message, step.hosts)


def _named(source: Source) -> str:
    return f"{source.step}.{source.output}" if source.step else source.entry


def _of_input(step: Step, port: str, source: Source) -> Refusal:
    message = (
        f"talks to {', '.join(step.hosts)}, and {_named(source)}, its input {port}, is private; take what a step "
        "has cleared (numbers, or the output of an operation that clears), or let it go out: type the same again with "
        "--private"
    )
    return Refusal(step.id, "private", message, step.hosts)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a setting; in one that is JSON, every text of that."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, (list, tuple)):
            waiting += each
        elif isinstance(each, str):
            inner = _json(each)
            if isinstance(inner, (list, str)):
                waiting.append(inner)
            else:
                yield each


def _json(text: str) -> Any:
    """What a text is as JSON, where that may hold texts: objects as lists, so that no name in one hides another."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: [part for pair in pairs for part in pair])
    except (ValueError, RecursionError):
        return None
