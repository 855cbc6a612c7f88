"""Which results of a job may name someone, and which are clean because all that they were made of is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from librarian.job.model import Source, Step


def is_private(source: Source, steps: Mapping[str, Step]) -> bool:
    """Whether what comes from a source may name someone: a recording, or an output that is not clean."""
    return not source.step or not steps[source.step].outputs[source.output].clean


def private_sources(step: Step, steps: Mapping[str, Step]) -> Iterator[tuple[str, Source]]:
    """Each private input of a step: the port, and where it comes from."""
    for port, sources in step.inputs.items():
        yield from ((port, source) for source in sources if is_private(source, steps))


def kept_clean(steps: Iterable[Step]) -> list[Step]:
    """The steps, with clean outputs where an operation keeps clean what it is given and all of that is.

    Args:
        steps: in an order in which each comes after what it needs.
    """
    found: dict[str, Step] = {}
    for step in steps:
        keeps = step.declaration.keeps_clean and bool(step.inputs)
        if keeps and not any(private_sources(step, found)):
            outputs = {name: port.model_copy(update={"clean": not port.secret}) for name, port in step.outputs.items()}
            step = replace(step, outputs=outputs)  # noqa: PLW2901
        found[step.id] = step
    return list(found.values())
