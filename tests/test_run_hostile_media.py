"""`librarian run` over a folder of hostile files among good ones: each costs itself and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest
from harness import KEY, Archive, Typed
from hostile_containers import knocked
from hostile_folder import PERSON, Filled, fill
from hostile_media import SPECIMENS, Make
from hostile_sizes import SIZES

from librarian import project

JOB = """\
librarian: 1
name: tapes
recordings:
  - {id: tapes, path: 'tapes/*/*'}
steps:
  - {id: voice, use: normalize, with: {target: -30 LUFS}}
  - {id: check, use: measure}
"""


def no_number(word: str) -> NoReturn:
    raise AssertionError(f"{word} is no JSON")


def bodies(archive: Archive) -> list[dict[str, Any]]:
    """The lines of the one manifest, read strictly."""
    (manifest,) = (archive.root / "manifests").glob("*.jsonl")
    return [json.loads(line, parse_constant=no_number)["body"] for line in manifest.read_text().splitlines()]


def seen(folder: Path) -> dict[bytes, tuple[str, int, int]]:
    """Digest, mode and mtime of every file and folder."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        status = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        found[os.fsencode(path)] = (digest, status.st_mode, status.st_mtime_ns)
    return found


@pytest.fixture
def tapes(archive: Archive) -> tuple[Archive, Filled]:
    filled = fill(archive.root / "tapes" / PERSON)
    archive.job(JOB)
    return archive, filled


def test_good_files_come_out_of_a_hostile_folder_and_bad_ones_say_why(
    tapes: tuple[Archive, Filled], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, filled = tapes
    before = seen(archive.root / "tapes")
    done = archive.librarian("run", "job.yaml", "--workers", "2", code=1)
    lines = bodies(archive)
    monkeypatch.setenv("LIBRARIAN_KEY", KEY)
    key = project.load(archive.root).id_key
    ids = {key.recording(hashlib.sha256(path.read_bytes()).hexdigest()): path for path in filled.good}
    assert len(ids) == len(filled.good)

    ended = {(each["unit"], each["step"]): each for each in lines if each["type"] == "outcome"}
    for unit, path in ids.items():
        want = filled.good[path]
        outcomes = {step: ended.pop((unit, step)) for step in ("voice", "check")}
        assert {each["outcome"] for each in outcomes.values()} == {"done"}, (path.name, outcomes)
        (facts,) = (each["facts"] for each in outcomes["voice"]["produced"] if each["output"] == "audio")
        assert (facts["sample_rate"], facts["channels"]) == (want.rate, want.channels), path.name
        assert want.frames <= facts["frames"] <= want.frames + want.more, path.name
        (report,) = outcomes["check"]["produced"]
        assert report["facts"]["duration"] == facts["frames"] / want.rate
    assert {each["outcome"] for each in ended.values()} == {"failed"}, [path.name for path in filled.bad]
    assert len(ended) == 2 * (len(filled.bad) + filled.not_files)
    for each in ended.values():
        message = each["cause"]["message"]
        assert message and message.isprintable(), each["cause"]
        assert each["cause"]["reason"] in ("corrupt", "unsupported", "unreadable"), each["cause"]

    assert seen(archive.root / "tapes") == before
    assert not knocked()
    assert "Traceback" not in done.stderr + done.stdout
    assert all(line.isprintable() for line in (done.stderr + done.stdout).splitlines())
    assert not (archive.root / "owned").exists()
    assert says_nobody(archive, done.stdout + done.stderr)
    archive.librarian("verify", "--read-data")


def says_nobody(archive: Archive, printed: str) -> bool:
    """Whether no byte but the vault's tells a name."""
    written = {path: path.read_bytes() for path in archive.root.rglob("*") if path.is_file() and not path.is_symlink()}
    open_to_see = [
        content for path, content in written.items() if "tapes" not in path.parts and "vault.db" not in path.name
    ]
    words = [word.encode() for word in PERSON.split()]
    return not any(word in content for word in words for content in (*open_to_see, printed.encode()))


def test_every_specimen_says_what_it_is() -> None:
    assert all(each.about.endswith(".") for each in SPECIMENS.values())


MOST_SECONDS, MOST_MIB = 60.0, 4096
"""That a file may cost on two cores of a server."""


def alone(archive: Archive, name: str, make: Make) -> Typed:
    """Run over one file by itself, print what it costs."""
    (archive.root / "tapes" / PERSON).mkdir(parents=True)
    make(archive.root / "tapes" / PERSON / f"1{os.path.splitext(name)[1]}")
    archive.job(JOB)
    cost = archive.measured("run", "job.yaml", "--workers", "1")
    print(f"{name:48} exit {cost.code} {cost.seconds:6.1f} s {cost.mib:6.0f} MiB")
    return cost


@pytest.mark.torture
@pytest.mark.parametrize("name", SPECIMENS)
def test_no_specimen_costs_much(archive: Archive, name: str) -> None:
    cost = alone(archive, name, SPECIMENS[name].make)
    assert cost.code == (not SPECIMENS[name].good)
    assert cost.seconds < MOST_SECONDS and cost.mib < MOST_MIB


@pytest.mark.torture
@pytest.mark.parametrize("name", SIZES)
def test_no_size_costs_much(archive: Archive, name: str) -> None:
    cost = alone(archive, name, SIZES[name].make)
    assert cost.code == (not SIZES[name].good)
    assert cost.seconds < MOST_SECONDS and cost.mib < MOST_MIB
