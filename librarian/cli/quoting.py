"""The quotation of a job: for `plan`, and for `run` where much that is finished would be done again."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from librarian.cli.words import duration, say
from librarian.job import RECORDING, Family, Recording, Sighting, is_under
from librarian.keys import IdKey
from librarian.machine import machine_id
from librarian.manifest.catalog import Catalog, Speed
from librarian.manifest.revisions import Revision
from librarian.plan import ASKED_FOR, NEW, Planner, Quote, Revised, Row, Shape, Task, seal_texts
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.recordings import Scan, known_families
from librarian.run.devices import device_of
from librarian.run.header import file_digest, step_records, versions_of
from librarian.run.order import Order
from librarian.run.settled import mark_of
from librarian.run.standing import find_settled, placed
from librarian.workers import requests
from librarian.workers.messages import Message

MUCH = 1 / 20
"""Of the finished sound: so much is not done again unasked."""
LOOKED_INTO = 100
"""Files of each sort that are looked into where no length is known yet."""
_PROBE_TIMEOUT = 10.0

Ask = Callable[[Message, float], Message]
Each = Callable[[Task], None]


class Lengths:
    """How long recordings are: what the vault knows of each, else by the size of the file and others of its sort.

    Args:
        vault: knows those that were probed.
        scan: what was found.
        ask: asks a worker; where there is none, what is not known counts nothing.

    Attributes:
        estimated: whether any length was estimated.
    """

    def __init__(self, vault: Vault, scan: Scan, ask: Ask | None) -> None:
        self._known, self._scan, self._ask = vault.lengths(), scan, ask
        self._per_byte: dict[str, float] | None = None
        self.estimated = False

    def __call__(self, recording: Recording) -> float:
        """Seconds of sound."""
        known = self._known.get(recording.id)
        if known is not None or recording.reason:
            return known or 0.0
        self.estimated = True
        if self._per_byte is None:
            self._per_byte = dict(self._looked_into(self._ask)) if self._ask else {}
        return recording.sighting.size * self._per_byte.get(_ending(recording.sighting.path), 0.0)

    def _looked_into(self, ask: Ask) -> Iterator[tuple[str, float]]:
        """Ending → seconds of sound a byte, from some files of each sort, spread evenly over them."""
        files: dict[str, list[Sighting]] = defaultdict(list)
        for sighting in self._scan.sightings:
            if not sighting.reason:
                files[_ending(sighting.path)].append(sighting)
        for ending, found in files.items():
            seconds = size = 0.0
            for sighting in found[:: max(1, len(found) // LOOKED_INTO)][:LOOKED_INTO]:
                answer = ask(requests.probe(sighting.path), _PROBE_TIMEOUT)
                if answer["type"] == "done":
                    seconds, size = seconds + float(answer["facts"].get("seconds") or 0.0), size + sighting.size
            yield ending, seconds / size if size else 0.0


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


@dataclass(frozen=True)
class Quotation:
    """What a run would do and take.

    Attributes:
        rows: step → its row.
        speeds: step → what it took on this machine before.
        audio: seconds of sound of all recordings.
        estimated: whether lengths were estimated from sizes.
        workers: processes that a run would have.
        free: bytes free where the library lies.
        revisions: what persons made in the place of results of the job.
        other_code: step → results that other code made under the same version of the operation.
    """

    rows: Mapping[str, Row]
    speeds: Mapping[str, Speed | None]
    audio: float
    estimated: bool
    workers: int
    free: int
    revisions: Sequence[Revision] = ()
    other_code: Mapping[str, int] = field(default_factory=dict)

    def seconds(self, step: str) -> float | None:
        """How long a step will take, all workers at it; None where that is not known."""
        work = self.rows[step].takes(self.speeds[step])
        return None if work is None else work / max(1, self.workers)

    def bytes(self, step: str) -> float | None:
        """What a step will make; None where that is not known."""
        return self.rows[step].makes(self.speeds[step])

    def revised(self, step: str) -> list[Revision]:
        """The revisions of results of a step."""
        return [each for each in self.revisions if each.step == step]

    @property
    def scratch(self) -> float:
        """Bytes that are wanted beside the results while they are made: of the step that holds most."""
        return max((row.holds(max(1, self.workers)) for row in self.rows.values()), default=0.0)

    @property
    def redone(self) -> float:
        """The share of finished sound that would be done again without having been asked for."""
        finished = sum(row.finished for row in self.rows.values())
        return sum(row.redone for row in self.rows.values()) / finished if finished else 0.0


def quote(
    project: Project | None,
    order: Order,
    workers: int,
    ask: Ask | None,
    each: Each | None = None,
) -> Quotation:
    """Go through all tasks and add up. Nothing is written.

    Args:
        project: the project; None where there is none yet.
        order: what would be run.
        workers: processes that a run would have.
        ask: asks a worker, where lengths that are not known are to be estimated.
        each: told of every task; without it, none is looked at where a run would look at none.
    """
    with _opened(project) as place:
        job, _ = seal_texts(replace(order.job, steps=order.steps), place.id_key)
        lengths = Lengths(place.vault, order.scan, ask)
        in_place, versions = placed(place.library), versions_of(job)
        planner = Planner(job, place.catalog, place.id_key, in_place, order.policy, versions=lambda: versions)
        revisions = place.catalog.revisions(job_name=job.name)
        shape = Shape(job, job.steps, Revised(revisions))
        quoted = Quote(shape, planner, place.catalog, place.id_key, lengths, each or _nobody)
        mark = mark_of(job, order.scan, order.policy, versions, place.id_key) if each is None else ""

        def families() -> Iterator[Family]:
            return known_families(order.scan, place.vault, place.id_key)

        found = find_settled(place.catalog, job.name, mark, in_place)
        rows = quoted.stand(families(), found) if found else quoted.go(families)
        where = machine_id(place.id_key), device_of(job)
        speeds = {
            step.id: place.catalog.speed(*where, step.declaration.full_name, job.name, step.id) for step in job.steps
        }
        free = free_at(place.library)
        other_code = place.catalog.other_code(job.name, _codes(order))
        return Quotation(rows, speeds, quoted.audio, lengths.estimated, workers, free, revisions, other_code)


def _codes(order: Order) -> dict[tuple[str, str], str]:
    """(operation, its version) → the code of its extension, but for those that are done anew by other code anyway."""
    declared = [step.declaration for step in order.steps]
    return {
        (each.full_name, each.version): each.code for each in declared if each.extension not in order.policy.developed
    }


def _nobody(task: Task) -> None:
    """Is told of a task."""


@dataclass(frozen=True)
class _Place:
    """What a quotation looks into."""

    id_key: IdKey
    library: Path
    catalog: Catalog
    vault: Vault


@contextlib.contextmanager
def _opened(project: Project | None) -> Iterator[_Place]:
    id_key = project.id_key if project else IdKey(os.urandom(32))
    library = project.library if project else Path.cwd()
    with contextlib.ExitStack() as stack:
        nowhere = Path("") if project else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        index, manifests = (project.catalog, project.manifests) if project else (nowhere / "catalog.db", nowhere)
        catalog = stack.enter_context(contextlib.closing(Catalog(index, manifests, owned=False)))
        vault = Vault(project.vault if project else nowhere / "vault.db", owned=False)
        yield _Place(id_key, library, catalog, stack.enter_context(contextlib.closing(vault)))


def free_at(library: Path) -> int:
    """Bytes free where a library lies, or will lie."""
    while not library.exists():
        library = library.parent
    return shutil.disk_usage(library).free


def asked_first(project: Project, order: Order) -> Order:
    """What is run after all: where much that is finished would be done again, a person is asked, and nobody else."""
    if not _may_redo(project, order):
        return order
    quotation = quote(project, order, 1, None)
    if quotation.redone <= MUCH:
        return order
    most = max(quotation.rows.values(), key=lambda row: row.redone)
    why = next((why for why, _ in most.reasons.most_common() if why not in (ASKED_FOR, NEW)), "")
    redone, finished = (
        duration(sum(getattr(row, name) for row in quotation.rows.values())) for name in ("redone", "finished")
    )
    what = f"{redone} of {finished} of finished sound would be done again ({most.step.id}: {why})"
    if sys.stdin.isatty() and sys.stderr.isatty():
        if click.confirm(f"{what}. Do it?", err=True):
            return order
    else:
        say(f"{what}; nobody is there to ask, so only what is new is done")
    policy = replace(order.policy, only_new=True)
    return replace(order, policy=policy, options={**order.options, "only_new": True})


def _may_redo(project: Project, order: Order) -> bool:
    """Whether anything finished may be made in another way than by the last run of this job, which did all of it.

    What groups or the whole job gather changes with every recording that comes to it.
    """
    with contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog:
        for job in reversed(catalog.jobs()):
            lines = catalog.job_lines(job)
            first = lines.get("job", {})
            if first.get("name") == order.job.name:
                break
        else:
            return False
        plain = {name for name, value in {**order.options, **first["options"]}.items() if value not in (False, None)}
        sealed, _ = seal_texts(order.job, project.id_key)
        return bool(
            plain
            or order.job.tables
            or any(not is_under(step.level, RECORDING) for step in order.steps)
            or lines.get("seal", {}).get("state") != "complete"
            or first["file"] != file_digest(order.job, project.id_key)
            or first["steps"] != [step.model_dump(mode="json") for step in step_records(sealed)]
        )
