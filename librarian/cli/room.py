"""Whether what a run will make fits on the disk, as far as is known from what it made before."""

from __future__ import annotations

import contextlib

from librarian.cli import quoting
from librarian.cli.words import size
from librarian.errors import EnvironmentFailedError
from librarian.machine import machine_id
from librarian.manifest.catalog import Catalog
from librarian.plan import Shape
from librarian.project import Project
from librarian.run.devices import device_of
from librarian.run.order import Order

PLENTY = 8
"""Where so many times what everything may take is free, nothing is reckoned more closely."""
LEAST_RATE = 4000.0
"""Bytes a second of sound that is compressed as far as it is common: 32 kbit/s."""


def check_room(project: Project, order: Order, workers: int, ask: quoting.Ask) -> None:
    """Refuse a run whose results will not fit, before it begins.

    What steps make is estimated from what they made on this machine before. Those that never ran count nothing but what
    they say that they hold while they work: the run itself ends in good order where the disk fills up.

    Raises:
        EnvironmentFailedError: they will not.
    """
    free = quoting.free_at(project.library)
    if _roughly(project, order, workers) * PLENTY <= free:
        return
    quotation = quoting.quote(project, order, workers, ask)
    needed, scratch = sum(quotation.bytes(step) or 0.0 for step in quotation.rows), quotation.scratch
    if needed + scratch > free:
        more = f" and {size(scratch)} more while they are made" if scratch else ""
        raise EnvironmentFailedError(
            f"the results will take about {size(needed)}{more}, and {size(free)} are free where library/ lies; make "
            "room, do a part of it (--sample, --only, --to), or begin anyway: --full-disk-ok"
        )


def _roughly(project: Project, order: Order, workers: int) -> float:
    """Bytes of all recordings, and of all that the steps make of them and hold meanwhile, done or not: quickly said."""
    shape, where = Shape(order.job, order.steps), (machine_id(project.id_key), device_of(order.job))
    found = float(order.scan.bytes)
    if scratch := max((step.scratch for step in order.steps), default=0.0):
        longest = max((each.size for each in order.scan.sightings), default=0) / LEAST_RATE
        found += workers * scratch * longest
    with contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog:
        for step, tasks in order.expected(shape).items():
            operation = shape.by_id[step].declaration.full_name
            if speed := catalog.speed(*where, operation, order.job.name, step):
                found += max(tasks, speed.tasks) * speed.bytes / speed.tasks
    return found
