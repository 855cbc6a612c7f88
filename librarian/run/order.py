"""What is to be run: the job, its recordings, and what was typed beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from librarian.events import FactValue
from librarian.job import GROUP, JOB, RECORDING, Job, Sighting, Step
from librarian.models.installed import Installed
from librarian.plan import Policy, Shape
from librarian.recordings import Scan
from librarian.recordings.scan import alone
from librarian.run.standing import Plain


@dataclass(frozen=True)
class Order:
    """What is to be run.

    Attributes:
        job: the job.
        scan: its recordings, those that were asked for.
        steps: its steps, those that were asked for.
        policy: what is done again.
        options: what was typed beside the job file, for the record.
        plain: what it hangs on, where nothing was asked for beside the job file.
        models: what its tasks can use.
        partial: whether some of the recordings were left out on purpose.
        waiting: files that had just changed and wait for the next run.
        absent_ok: whether recordings that earlier runs had may be absent.
    """

    job: Job
    scan: Scan
    steps: tuple[Step, ...]
    policy: Policy = field(default_factory=Policy)
    options: Mapping[str, FactValue | list[str]] = field(default_factory=dict)
    plain: Plain | None = None
    models: Installed = field(default_factory=Installed)
    partial: bool = False
    waiting: tuple[Sighting, ...] = ()
    absent_ok: bool = False

    def expected(self, shape: Shape) -> dict[str, int]:
        """Step → tasks, as far as names tell: files with the same content are counted apart, items not at all."""
        found = {step.id: int(step.level == JOB) for step in shape.steps}
        for (entries, entry), number in self._groups().items():
            for step in shape.applying(entries):
                if shape.by_id[step].level == GROUP and (entry in shape.entries[step] or not shape.entries[step]):
                    found[step] += number
        for (entries, grouped), number in self._files().items():
            for step in shape.applying(entries) - (frozenset() if grouped else shape.of_groups):
                if shape.by_id[step].level == RECORDING:
                    found[step] += number
        return found

    def _groups(self) -> Counter[tuple[frozenset[str], str]]:
        """(entries that its files belong to, its own entry) → groups."""
        groups = (family for family in self.scan.families if family[0].group) if self.scan.sightings.groups else ()
        return Counter((frozenset().union(*map(self.scan.entries, each)), each[0].entry) for each in groups)

    def _files(self) -> Counter[tuple[frozenset[str], bool]]:
        """(entries that it belongs to, whether it is in a group) → files."""
        if not (self.scan.shared or self.scan.sightings.groups):
            return Counter(
                {(alone(entry), False): files for entry, files in Counter(self.scan.sightings.entries).items()}
            )
        members = ((each, bool(family[0].group)) for family in self.scan.families for each in family)
        once = {each.path: (each, grouped) for each, grouped in members} if self.scan.shared else None
        found = members if once is None else once.values()
        return Counter((self.scan.entries(each), grouped) for each, grouped in found)
