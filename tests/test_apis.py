"""An extension that was written for an older contract goes on for a stated time, and how long is said."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from harness import RECORDINGS, Archive
from scaffolded import lay

import librarian
from librarian import apis

FROZEN = Path(__file__).parent / "frozen_extension_api1"
DIGEST = "02567b2b825af04c"
"""Of the frozen extension: whoever changes it has to change what extensions of others can count on."""
LATER = """\
from librarian import apis
apis.SUPPORTED_APIS = {SUPPORTED}
"""
JOB = """\
librarian: 1
name: frozen
recordings:
  - {id: calls, path: calls/*.wav}
steps:
  - {id: loud, use: louden, with: {gain: 3 dB, note: for Jane Roe}}
  - {id: parts, use: halves, from: loud.audio}
  - {id: text, use: describe, from: {audio: parts}}
"""


@pytest.fixture
def frozen(archive: Archive) -> Archive:
    """An archive with the frozen extension and a job that uses all of it."""
    site = archive.root.parent / "site"
    lay(FROZEN, site)
    archive.environment["PYTHONPATH"] = os.fspath(site)
    shutil.copytree(RECORDINGS / "calls", archive.root / "calls")
    archive.job(JOB)
    return archive


def in_a_time_of(archive: Archive, supported: dict[int, str]) -> None:
    """Have librarian take these versions of the contract, in its own process and in workers."""
    site = Path(archive.environment["PYTHONPATH"])
    (site / "sitecustomize.py").write_text(LATER.replace("{SUPPORTED}", repr(supported)))


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".toml"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def test_the_frozen_extension_is_as_it_was() -> None:
    assert digest(FROZEN) == DIGEST


def test_the_newest_is_the_one_that_is_written_for() -> None:
    assert apis.newest() == librarian.LIBRARIAN_API
    assert apis.SUPPORTED_APIS[apis.newest()] == ""


def test_the_frozen_extension_works(frozen: Archive) -> None:
    said = frozen.librarian("run", "job.yaml").stderr
    assert "loud   3 done" in said
    assert "parts  3 done" in said
    assert "text   1 done" in said
    assert "may no longer take it" not in frozen.librarian("extensions").stdout


def test_it_goes_on_when_there_is_a_newer_contract_and_it_is_said_for_how_long(frozen: Archive) -> None:
    in_a_time_of(frozen, {1: "2029-07-01", 2: ""})
    shown = frozen.librarian("extensions").stdout
    line = "  written for API 1, 2 is the newest: releases from 1 July 2029 on may no longer take it; upgrade it"
    assert f"librarian-frozen 1.0.0\n{line}\n" in shown
    listed = json.loads(frozen.librarian("extensions", "louden", "--json").stdout)
    assert [(each["api"], each["leaving"]) for each in listed] == [(1, "2029-07-01")]
    assert "loud   3 done" in frozen.librarian("run", "job.yaml").stderr


def test_it_is_refused_when_its_time_is_over(frozen: Archive) -> None:
    in_a_time_of(frozen, {2: "", 3: ""})
    shown = frozen.librarian("extensions", code=3).stdout
    assert "cannot be used: it was written for LIBRARIAN_API 1, and 2 is the oldest that is taken; upgrade it" in shown
    assert (
        "cannot be used: librarian-frozen; why: librarian extensions"
        in frozen.librarian("run", "job.yaml", code=3).stderr
    )


@pytest.mark.parametrize(("said", "why"), [("99", "it needs LIBRARIAN_API 99, this is 1"), ("'1'", "no whole number")])
def test_what_cannot_be_taken_is_refused(archive: Archive, make_extension, said: str, why: str) -> None:
    make_extension("odd", f"LIBRARIAN_API = {said}\n")
    assert why in archive.librarian("extensions", code=3).stdout


def test_who_says_nothing_is_taken_for_the_first(frozen: Archive, make_extension) -> None:
    in_a_time_of(frozen, {1: "2029-07-01", 2: ""})
    make_extension("silent", "")
    listed = json.loads(frozen.librarian("extensions", "--json").stdout)
    assert {each["package"]: each["api"] for each in listed}["librarian-silent"] == 1
