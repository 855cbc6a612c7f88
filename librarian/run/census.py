"""Which recordings and groups of earlier runs are there, and which are not."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from librarian.keys import IdKey
from librarian.manifest.act_lines import DecisionLine
from librarian.manifest.catalog import Catalog
from librarian.privacy.vault import Vault
from librarian.run.order import Order

ABSENT = "absent"
MANY = 1 / 5
"""Of what was known before: where more is absent, a disk may be away, and what gathers all recordings waits."""


@dataclass
class Census:
    """What a run finds of what earlier runs of its job had.

    Attributes:
        known: recordings and groups of earlier runs whose absence nobody has accepted.
        accepted: those whose absence somebody has.
        waiting: of all of them, those whose files wait for the next run.
        absent_ok: whether absence is accepted this time, for good.
        absent: those that are not there; empty until all that is there is known.
    """

    job_name: str
    known: Set[str]
    accepted: Set[str]
    waiting: Set[str]
    absent_ok: bool
    absent: Set[str] = frozenset()
    returned: Set[str] = frozenset()

    @classmethod
    def of(cls, order: Order, catalog: Catalog, vault: Vault, id_key: IdKey) -> Census:
        """The census of a run; of one that looks at a part of the recordings, an empty one."""
        name = order.job.name
        if order.partial:
            return cls(name, frozenset(), frozenset(), frozenset(), order.absent_ok)
        accepted = {each.unit for each in catalog.decisions(reason=ABSENT) if each.job_name == name}
        waiting = {id_key.group(each.entry, each.group) for each in order.waiting if each.group}
        waiting |= {found for each in order.waiting if (found := vault.recording_at(each.path))}
        return cls(name, catalog.known_units(name) - accepted, accepted, waiting, order.absent_ok)

    def take(self, units: Set[str]) -> None:
        """Take in all that is there."""
        there = units | self.waiting
        self.absent, self.returned = self.known - there, self.accepted & there

    @property
    def too_few(self) -> bool:
        """Whether so much is absent that what gathers all recordings had better wait."""
        return not self.absent_ok and len(self.absent) > MANY * len(self.known)

    def decisions(self) -> Iterator[DecisionLine]:
        """What is to be recorded: absence that is accepted, and what has come back."""
        for units, stands in ((self.absent if self.absent_ok else (), True), (self.returned, False)):
            for unit in sorted(units):
                yield DecisionLine(job_name=self.job_name, unit=unit, reason="absent", stands=stands)
