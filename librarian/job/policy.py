"""What a job would do beside reading its inputs and writing its outputs, and what of it the owner let.

Talking to a host, running code that comes with a model, and deleting something elsewhere each need a rule in the job
file. What goes to a host is clean, unless the owner says `--private`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from librarian.job.model import Job, Source, Step
from librarian.job.read import Problem, Read, RefusedJobError

_DOES = {"model-code": "runs code that comes with a model", "deletes": "deletes something elsewhere"}


def is_private(source: Source, steps: Mapping[str, Step]) -> bool:
    """Whether what comes from a source may name someone: a recording, or an output that is not clean."""
    return not source.step or not steps[source.step].outputs[source.output].clean


def private_inputs(steps: Iterable[Step]) -> Iterator[tuple[Step, str, Source]]:
    """Each private input of a step that talks to other hosts: the step, the port, where it comes from."""
    known = {step.id: step for step in steps}
    for step in known.values():
        for port, sources in step.inputs.items() if step.hosts else ():
            yield from ((step, port, source) for source in sources if is_private(source, known))


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
            RefusedJobError: with a line for each of it, and what helps.
        """
        places = {entry.id: index for index, entry in text.steps.items()}
        found = [(step, message) for step in steps for message in self._not_allowed(step)]
        if not self.private:
            found += [(step, _of_input(step, port, source)) for step, port, source in private_inputs(steps)]
            found += [(step, message) for step in steps for message in self._of_texts(step)]
        text.problems.extend(Problem(("steps", places[step.id], "use"), message) for step, message in found)
        if text.problems:
            raise RefusedJobError(text.lines())

    def _not_allowed(self, step: Step) -> Iterator[str]:
        """What a step does without a rule."""
        allow = self.job.file.allow
        known = {host.lower() for host in allow.hosts}
        for host in step.hosts:
            if host.lower() not in known:
                yield f"talks to {host}; to let it, write into the job file:  allow: {{hosts: ['{host}']}}"
        leave = {"model-code": allow.model_code, "deletes": allow.deletes}
        for effect in step.effects:
            if step.id not in leave[effect]:
                yield f"{_DOES[effect]}; to let it, write into the job file:  allow: {{{effect}: [{step.id}]}}"

    def _of_texts(self, step: Step) -> Iterator[str]:
        """The settings of a step that would go to a host and hold a text that names someone."""
        named = {
            name
            for each in (self.job.variants(step) if step.hosts else ())
            for name, value in each.settings.items()
            if any(text not in step.hosts and self.names_someone(text) for text in _texts(value))
        }
        for name in sorted(named):
            yield (
                f"talks to {', '.join(step.hosts)}, and a text in its setting {name} reads like a name or a number of "
                "somebody; word it otherwise, list the word in the file of privacy.allow, or let it go out: type the "
                "same again with --private"
            )


def _of_input(step: Step, port: str, source: Source) -> str:
    given = f"{source.step}.{source.output}" if source.step else source.entry
    return (
        f"talks to {', '.join(step.hosts)}, and {given}, its input {port}, is private; take what a step has cleared "
        "(numbers, or the output of an operation that clears), or let it go out: type the same again with --private"
    )


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
            inner = _json(each) if each[:1] in ("{", "[") else None
            if isinstance(inner, (dict, list)):
                waiting.append(inner)
            else:
                yield each


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
