"""Why a task is done again that takes what a person made, and whether there is any other reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger import ID_KEY, Ledger, document, outcome, recording

from librarian.acts.act import act
from librarian.manifest.act_lines import WithdrawnLine
from librarian.manifest.catalog import Catalog
from librarian.manifest.records import Consumed, OutcomeLine, Revises
from librarian.manifest.revisions import Revision
from librarian.plan.revised import ByHand, Revised
from librarian.plan.shape import Input
from librarian.project import Project

UNIT = recording(1)
PLACE = {"job_name": "calls", "step": "voice", "unit": UNIT}


class Record:
    """A record in which a result was revised."""

    def __init__(self, root: Path) -> None:
        self.ledger = Ledger(root)
        self.machine = self.ledger.done(UNIT, {"audio.flac": b"machine"})
        self.ledger.write(self.machine)
        (self.old,) = (each.id for each in self.machine.produced)
        self.act(self.revision())
        made = {**document(UNIT), "inputs": [["audio", "", self.by_hand]]}
        read = [Consumed(port="audio", role=None, id=self.by_hand, digest=ID_KEY.content("0" * 64, private=True))]
        self.then = self.ledger.done(UNIT, {"audio.flac": b"then"}, key_of=made, step="after", consumed=read)
        self.ledger.write(self.then)

    def act(self, line: OutcomeLine | WithdrawnLine) -> None:
        root = self.ledger.library.parent
        (root / ".librarian").mkdir(exist_ok=True)
        with act(
            Project(root, self.ledger.library, self.ledger.manifests, ID_KEY, bytes(32)), "revise", print
        ) as doing:
            doing.record(line)

    def revision(self) -> OutcomeLine:
        made = {**document(UNIT), "operation": "librarian-media/revise", "inputs": [["audio", "", self.old]]}
        line = self.ledger.done(UNIT, {"audio.wav": b"by hand"}, key_of=made)
        (produced,) = line.produced
        self.by_hand = produced.id
        of = {"artifact": produced.id, "output": "audio", "machine": self.old}
        revises = Revises.model_validate({**of, "digest": self.machine.produced[0].digest})
        return line.model_copy(update={"revises": revises})

    @contextlib.contextmanager
    def catalog(self) -> Iterator[Catalog]:
        with contextlib.closing(self.ledger.catalog()) as catalog:
            yield catalog


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path)


def taken(*ids: tuple[str, bool]) -> list[Input]:
    return [Input("audio", "", artifact, "voice", "audio", revised=revised) for artifact, revised in ids]


def before(*ids: str) -> dict[str, object]:
    return {**document(UNIT), "inputs": [["audio", "", each] for each in ids]}


OTHER = ID_KEY.artifact("another", "audio")


def test_what_was_revised_is_the_reason(record: Record) -> None:
    with record.catalog() as catalog:
        by_hand = ByHand(catalog, ID_KEY)
        assert by_hand.reason(before(record.old), taken((record.by_hand, True))) == ("voice revised by hand", True)
        both = taken((record.by_hand, True), (OTHER, False))
        assert by_hand.reason(before(record.old), both) == ("voice revised by hand", False)
        assert by_hand.reason(before(record.old, OTHER), both) == ("voice revised by hand", True)
        assert by_hand.reason(before(record.old), taken((OTHER, False))) == ("", False)


def test_what_comes_of_it_is_no_other_reason(record: Record) -> None:
    with record.catalog() as catalog:
        came = record.then.produced[0].id
        assert ByHand(catalog, ID_KEY).reason(before(OTHER), taken((came, False))) == ("", True)


def test_nor_is_what_it_was_before_it_was_revised(record: Record) -> None:
    record.act(WithdrawnLine.model_validate({**PLACE, "output": "audio", "artifact": record.by_hand}))
    with record.catalog() as catalog:
        by_hand = ByHand(catalog, ID_KEY)
        said = ("revision of voice taken back", True)
        assert by_hand.reason(before(record.by_hand), taken((record.old, False))) == said
        one_more = taken((record.old, False), (OTHER, False))
        assert not by_hand.reason(before(record.by_hand), one_more)[1]


def test_the_catalog_knows_it_until_it_is_taken_back(record: Record) -> None:
    with record.catalog() as catalog:
        (found,) = catalog.revisions(job_name="calls", step="voice")
        assert found == Revision(
            **{**PLACE, "output": "audio", "item": 0, "artifact": record.by_hand, "machine": record.old},
            **{"key": catalog.key_of(record.by_hand), "digest": record.machine.produced[0].digest, "because": None},
            **{"job": catalog.jobs()[1], "now": record.old, "newer": False, "counts": True},
        )
        assert catalog.is_revision(record.by_hand) and not catalog.is_revision(record.old)
        assert catalog.made_by_hand() == {record.by_hand, record.then.produced[0].id}
        standing = Revised([found])
        assert standing and standing.of("voice", UNIT, "audio") == record.by_hand
        assert not standing.of("voice", recording(2), "audio") and not standing.of_item(record.old)
    record.act(WithdrawnLine.model_validate({**PLACE, "output": "audio", "artifact": record.by_hand}))
    with record.catalog() as catalog:
        assert catalog.revisions() == [] and catalog.made_by_hand() == frozenset()
        assert catalog.is_revision(record.by_hand)


def test_the_machine_is_ahead_where_another_key_or_other_bytes_are_current(record: Record) -> None:
    record.ledger.write(record.ledger.done(UNIT, {"audio.flac": b"other bytes"}))
    with record.catalog() as catalog:
        assert [each.newer for each in catalog.revisions()] == [True]
    record.ledger.write(record.machine)
    with record.catalog() as catalog:
        assert [each.newer for each in catalog.revisions()] == [False]
    record.ledger.write(record.ledger.done(UNIT, {"audio.flac": b"x"}, key_of=document(UNIT, target=-20.0)))
    with record.catalog() as catalog:
        assert catalog.newer_versions("calls") == 1 and catalog.newer_versions("others") == 0
    record.ledger.write(outcome(UNIT, "failed"))
    with record.catalog() as catalog:
        (found,) = catalog.revisions()
        assert (found.now, found.newer, found.counts) == (None, False, True)
