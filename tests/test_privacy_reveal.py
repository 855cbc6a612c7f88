"""`privacy reveal` and `privacy key rotate`: the owner's eyes, and what the record says of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import data, on_a_terminal, units
from conftest import MakeExtension
from harness import KEY, RECORDINGS, Archive

NAME, NUMBER = "Ottilie Brandstätter", "+15550148822"
PSEUDONYM = re.compile(r"<[A-Z]+:[a-z2-7]{8}>")
RAISES = """
from pathlib import Path
from librarian import Audio, Operation, Settings, Text, hookimpl

def tell(task):
    raise RuntimeError("no good: " + Path(task.inputs["audio"].path).stem + " and Jochanan Quellwasser")

@hookimpl
def librarian_operations():
    return [Operation(name="tell", version="1", run=f"{__name__}:tell", settings=Settings, inputs={"audio": Audio},
                      outputs={"text": Text}, description="For a test.", reproducible="bytes")]
"""
JOB = """\
librarian: 1
name: calls
recordings: [{id: calls, path: calls/*.wav}]
steps:
  - {id: told, use: tell}
"""


@pytest.fixture
def told(archive: Archive, make_extension: MakeExtension) -> Archive:
    """An archive whose record holds pseudonyms."""
    (archive.root / "calls").mkdir()
    shutil.copy(next((RECORDINGS / "calls").glob("*.wav")), archive.root / "calls" / f"{NAME} {NUMBER}.wav")
    make_extension("telling", RAISES)
    archive.job(JOB)
    archive.librarian("run", "job.yaml", code=1)
    return archive


def newest(archive: Archive) -> Path:
    return max((archive.root / "manifests").glob("*.jsonl"))


def bodies(path: Path) -> list[dict[str, object]]:
    return [json.loads(line)["body"] for line in path.read_text().splitlines()]


def pseudonyms(archive: Archive) -> Iterator[str]:
    for body in bodies(newest(archive)):
        if body["type"] == "outcome":
            yield from PSEUDONYM.findall(str(body["cause"]["message"]))  # type: ignore[index]


def unit_of(archive: Archive) -> str:
    return next(str(body["unit"]) for body in bodies(newest(archive)) if body["type"] == "outcome")


def test_ids_and_pseudonyms_are_shown_on_a_terminal_and_that_is_recorded(told: Archive) -> None:
    unit = unit_of(told)
    found = list(pseudonyms(told))
    known = [each for each in found if each.startswith("<NAME")]
    assert known
    said = on_a_terminal(told, "privacy", "reveal", unit, known[0].strip("<>"))
    assert f"{unit}  seen at  {told.root}/calls/{NAME} {NUMBER}.wav" in said
    assert re.search(rf"{known[0]}  stands for  .*Brandstätter", said)
    revealed = next(body for body in bodies(newest(told)) if body["type"] == "revealed")
    assert (revealed["units"], revealed["pseudonyms"]) == ([unit], [known[0].strip("<>")])
    assert revealed["values"] == len(
        [line for line in said.splitlines() if "  seen at  " in line or "stands for" in line]
    )
    record = newest(told).read_text()
    assert not [word for word in ("Ottilie", "Brandst", "0148822") if word in record]
    job = newest(told).stem
    assert data(told, "jobs")[-1] | {"started": "", "ended": ""} == {
        **{"id": job, "act": "reveal", "name": None, "state": "complete", "started": "", "ended": ""},
        **{"recordings": None, "counts": {}},
    }
    assert "reveal" in told.librarian("jobs").stdout
    assert data(told, "show", job)["lines"][0]["units"] == [unit]
    shown = told.librarian("show", job).stdout
    assert f"revealed  pseudonyms {known[0].strip('<>')}, units {unit}, values {revealed['values']}" in shown
    assert "0 problems" in told.librarian("verify").stdout
    elsewhere(told)


def elsewhere(told: Archive) -> None:
    """In a pipe nothing is shown, and nothing is recorded then."""
    before = newest(told)
    for arguments in (("reveal", unit_of_first(told)), ("reveal", "NAME:aaaaaaaa")):
        refused = told.librarian("privacy", *arguments, code=2)
        assert "on a terminal only" in refused.stderr
        assert NAME not in refused.stdout + refused.stderr
    assert newest(told) == before


def unit_of_first(archive: Archive) -> str:
    first = min((archive.root / "manifests").glob("*.jsonl"))
    return next(str(body["unit"]) for body in bodies(first) if body["type"] == "outcome")


@pytest.mark.parametrize("keys", ["environment", "files"])
def test_a_rotation_renews_pseudonyms_and_never_ids(told: Archive, tmp_path: Path, keys: str) -> None:
    if keys == "files":
        shutil.rmtree(told.root / "library")
        shutil.rmtree(told.root / ".librarian")
        shutil.rmtree(told.root / "manifests")
        del told.environment["LIBRARIAN_KEY"]
        told.librarian("run", "job.yaml", code=1)
    before, unit, record = list(pseudonyms(told)), unit_of(told), newest(told)
    text = record.read_bytes()
    said = told.librarian("privacy", "key", "rotate")
    assert "can no longer be revealed" in said.stderr
    rotated = next(body for body in bodies(newest(told)) if body["type"] == "rotated")
    assert rotated["before"] != rotated["after"]
    assert record.read_bytes() == text
    told.librarian("run", "job.yaml", code=1)
    after = list(pseudonyms(told))
    assert len(after) == len(before)
    assert not set(after) & set(before)
    assert unit_of(told) == unit
    assert "0 problems" in told.librarian("verify").stdout
    if keys == "environment":
        assert told.environment["LIBRARIAN_KEY"] == KEY


def test_nothing_is_made_again_after_a_rotation(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    made = units(calls)
    calls.librarian("privacy", "key", "rotate")
    again = calls.librarian("run", "job.yaml")
    assert "6 done before" in again.stdout + again.stderr
    assert units(calls) == made
