"""Answers from records made by hand: sentences, jobs and trees that no operation at hand leads to yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, Ledger, job_line, recording

from librarian.cli import tree as trees
from librarian.cli.asked import Asked
from librarian.cli.jobs import _row
from librarian.cli.sentence import made_sentence, unit_sentence
from librarian.cli.show import _made_lines
from librarian.cli.show_job import job_json, job_lines
from librarian.cli.tree import graph_of, tree
from librarian.errors import UsageError
from librarian.manifest.history import History
from librarian.manifest.journal import Journal, new_job_id
from librarian.manifest.lineage import Lineage
from librarian.manifest.records import OutcomeLine, SummaryLine
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import open_or_make

FIRST, SECOND = recording(1), recording(2)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


@contextlib.contextmanager
def asking(ledger: Ledger, root: Path, *lines: OutcomeLine) -> Iterator[Asked]:
    """A project that holds one job, open for questions."""
    project = open_or_make(root)
    ledger.write(*lines)
    with (
        contextlib.closing(ledger.catalog()) as catalog,
        contextlib.closing(Vault(project.vault, owned=False)) as vault,
    ):
        lineage = Lineage(catalog, lambda file, size: (ledger.library / file).exists())
        history = History(catalog, ledger.manifests)
        yield Asked(project, catalog, vault, lineage, history, Scrubber(b"key"))


def read_from(*units: str, **roles: str) -> list[dict[str, Any]]:
    digest = ID_KEY.content("ab" * 32, private=True)
    given = [(None, unit) for unit in units] + list(roles.items())
    return [{"port": "audio", "role": role, "id": unit, "digest": digest} for role, unit in given]


@pytest.mark.parametrize(
    ("read", "source"),
    [
        (read_from(FIRST), FIRST),
        (read_from(FIRST, FIRST), FIRST),
        (read_from(left=FIRST, right=SECOND), f"{FIRST} and {SECOND}"),
        (read_from(*map(recording, range(40))), "40 inputs"),
        ([], "nothing"),
    ],
)
def test_a_sentence_names_a_few_inputs_and_counts_many(
    ledger: Ledger, tmp_path: Path, read: list[dict[str, Any]], source: str
) -> None:
    line = ledger.done(FIRST, {"audio.flac": b"x"}, consumed=read, timings={"compute": 0.375, "wait": 90.0})
    with asking(ledger, tmp_path, line) as project:
        said = made_sentence(project, project.lineage.made(str(line.key)))
    assert said == f"made on 2 January 2026 from {source} by normalize 1: lowered 1.5 dB, 0.38 s"


def test_what_was_absent_and_what_was_degraded_is_said(ledger: Ledger, tmp_path: Path) -> None:
    line = ledger.done(
        FIRST,
        {"audio.flac": b"x"},
        consumed=read_from(left=FIRST),
        absent=[
            {"port": "audio", "role": "right", "unit": None, "step": None},
            {"port": "audio", "role": "both", "unit": SECOND, "step": "stems"},
        ],
        word="degraded",
        cause={"reason": "out_of_memory"},
    )
    with asking(ledger, tmp_path, line) as project:
        lines = list(_made_lines(project, line.produced[0].id))
    assert lines[0] == (
        f"made on 2 January 2026 from {FIRST} without right and both by normalize 1: lowered 1.5 dB, out of memory, 0 s"
    )
    assert "  without right  no such recording" in lines
    assert f"  without both   {SECOND}  the step stems left nothing" in lines


def many(ledger: Ledger, count: int) -> OutcomeLine:
    """A task that made a list."""
    line = ledger.done(FIRST, {"audio.flac": b"x"}, consumed=read_from(FIRST))
    one = line.produced[0].model_dump()
    items = [
        {**one, "id": ID_KEY.artifact(str(line.key), "clips", number), "item": number, "output": "clips"}
        | {"file": f"{FIRST}.normalize.clips.{number:04d}.flac"}
        for number in range(1, count + 1)
    ]
    return OutcomeLine.model_validate({**line.model_dump(), "produced": items})


def test_a_long_tree_is_cut_where_it_is_shown_and_whole_where_it_is_traced(ledger: Ledger, tmp_path: Path) -> None:
    line = many(ledger, 60)
    with asking(ledger, tmp_path, line) as project:
        graph = graph_of(project, FIRST)
        assert unit_sentence(project, graph) == f"recording {FIRST}: seen in 0 places, 60 results"
        assert len(list(tree(project, graph))) == 61
        assert list(tree(project, graph, 10))[-1] == f"  and 50 more; all: librarian trace {FIRST}"
        shown = list(_made_lines(project, line.produced[0].id))
        assert sum(each.startswith("  beside it ") for each in shown) == 11
        assert "  beside it   49 more" in shown
        assert len(list(tree(project, graph_of(project, str(line.key))))) == 63


def test_a_task_that_made_too_much_to_be_followed_is_shown_without_its_tree(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = many(ledger, 101)
    with asking(ledger, tmp_path, line) as project:
        with pytest.raises(UsageError, match=r"that task made 101 results; type one of them, such as art_"):
            graph_of(project, str(line.key))
        shown = list(_made_lines(project, str(line.key)))
    assert shown[1] == "in detail"
    assert "  artifact    91 more" in shown
    assert trees.MOST_FOLLOWED == 100


def test_a_job_tells_what_was_typed_and_what_was_left(ledger: Ledger) -> None:
    job = new_job_id(ledger.manifests)
    step = {
        **{"id": "voice", "operation": "librarian-normalization/normalize", "version": "1", "package_version": "0.1.0"},
        **{"settings": {"target": -16.0}, "given": ["target"], "inputs": {"audio": ["calls"]}, "audio": None},
    }
    options = {"upgrade": False, "sample": 5, "to": "voice", "redo": ["voice", "suspect"]}
    first = type(job_line(job)).model_validate({**job_line(job).model_dump(), "steps": [step], "options": options})
    journal = Journal.create(ledger.manifests, job, first)
    journal.append([SummaryLine(recordings=1, counts={"voice": {"cached": 9}}, withheld={"voice": 4})])
    journal.seal("complete")
    with contextlib.closing(ledger.catalog()) as catalog:
        history = History(catalog, ledger.manifests)
        lines = list(job_lines(history, job))
        assert job_json(history, job)["withheld"] == {"voice": 4}
    assert lines[1] == (
        "  voice: librarian-normalization/normalize 1, 9 done before, 4 left as they are that would be done again"
    )
    assert "  asked for   redo voice and suspect, sample 5, to voice" in lines


def test_a_job_that_did_not_come_to_its_end_is_listed_so(ledger: Ledger) -> None:
    path = ledger.write(seal="interrupted")
    left_open = ledger.begin()
    left_open.close()
    with contextlib.closing(ledger.catalog()) as catalog:
        history = History(catalog, ledger.manifests)
        rows = [_row(job, history.job(job)) for job in (path.stem, left_open.path.stem)]
    assert rows == [
        (path.stem, " 2 Jan 2026, 03:04 UTC", "calls", "interrupted, nothing done"),
        (left_open.path.stem, " 2 Jan 2026, 03:04 UTC", "calls", "open, nothing done"),
    ]
