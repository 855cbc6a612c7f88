"""What would leave the machine: inputs of steps that talk to other hosts, private until something clears them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from librarian.job.model import Source, Step
from librarian.job.read import Problem, Read, RefusedJobError


def is_private(source: Source, steps: Mapping[str, Step]) -> bool:
    """Whether what comes from a source may name someone: a recording, or an output that is not clean."""
    return not source.step or not steps[source.step].outputs[source.output].clean


def private_inputs(steps: Iterable[Step]) -> Iterator[tuple[Step, str, Source]]:
    """Each private input of a step that talks to other hosts: the step, the port, where it comes from."""
    known = {step.id: step for step in steps}
    for step in known.values():
        for port, sources in step.inputs.items() if step.declaration.hosts else ():
            yield from ((step, port, source) for source in sources if is_private(source, known))


def refuse_private(text: Read, steps: Iterable[Step]) -> None:
    """Refuse a job that would send private material to other hosts.

    Raises:
        RefusedJobError: it would; with a line for each such input, and what helps.
    """
    places = {entry.id: index for index, entry in text.steps.items()}
    for step, port, source in private_inputs(steps):
        given = f"{source.step}.{source.output}" if source.step else source.entry
        hosts = ", ".join(step.declaration.hosts)
        text.problems.append(
            Problem(
                ("steps", places[step.id], "use"),
                f"talks to {hosts}, and {given}, its input {port}, is private; take what a step has cleared (numbers, "
                "or the output of an operation that clears), or let it go out: type the same again with --private",
            )
        )
    if text.problems:
        raise RefusedJobError(text.lines())
