"""Where the tasks of a job compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from librarian.errors import MissingError
from librarian.job import Job, Step
from librarian.workers.devices import CPU, serves
from librarian.workers.gpus import Gpu, gpus


def device_of(job: Job, steps: Sequence[Step] | None = None, find: Callable[[], Sequence[Gpu]] = gpus) -> str:
    """The device of those steps of a job that can use a GPU; all others compute on the CPU.

    Args:
        job: the job.
        steps: those that are run; all of them without it.
        find: tells the GPUs of this machine; asked only where a step can use one.

    Returns:
        `cpu`, `cuda` (any GPU) or `cuda:N`.

    Raises:
        MissingError: it asks for a device that is not there, or a step needs a GPU.
    """
    asked = job.file.run.device
    able = [step for step in steps or job.steps if step.declaration.resources.gpu != "no"]
    found = [] if asked == CPU or not (able or asked != "auto") else [each.device for each in find()]
    wanted = "cuda" if asked == "auto" else asked
    if asked not in ("auto", CPU) and not any(serves(each, asked) for each in found):
        there = f"there is no {asked} on this machine; there are {', '.join(found)}"
        raise MissingError(f"run.device: {there if found else 'no GPU is found on this machine; write device: cpu'}")
    if found and able:
        return wanted
    for step in able:
        if step.declaration.resources.gpu == "required":
            why = "write device: auto" if asked == CPU else "none is found; run it where there is one"
            raise MissingError(f"the step {step.id} needs a GPU: {why}")
    return CPU


def device_for(step: Step, device: str) -> str:
    """Where a step computes in a job on a device."""
    return CPU if step.declaration.resources.gpu == "no" else device
