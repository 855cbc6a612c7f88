"""Copies for others: clean unless the owner says otherwise, verified, provable, and never over what is not theirs."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from harness import Archive
from units import here, lines, run, sound, toy_archive

from librarian.keys import canonical
from librarian.manifest.chain import link, sha256
from librarian.view.export import read_sums, write_sums

JOB = r"""
librarian: 1
name: given
recordings:
  - {id: talks, path: 'talks/**/*.wav', label: 'OH-\d+'}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: level, use: profile, from: voice}
""".lstrip()
NAMES = ("talks/Anna/OH-1.wav", "talks/Bo.wav")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = toy_archive(tmp_path / "archive")
    for number, name in enumerate(NAMES, 1):
        sound(made.root / name, number)
    made.job(JOB)
    run(made)
    return made


def copies(archive: Archive, folder: str = "out") -> set[str]:
    return {name for name in archive.files(folder) if not name.startswith(("SHA256SUMS", "proof/"))}


def exported(archive: Archive) -> dict[str, Any]:
    """What the record says of the last export."""
    first, line, seal = lines(archive)
    assert (first["act"], seal["state"]) == ("export", "complete")
    return line


def test_what_is_clean_is_copied_with_its_sums(archive: Archive) -> None:
    said = here(archive, "export", "level", "out").stderr
    (name,) = copies(archive)
    assert name.startswith("set_") and name.endswith(".level.json")
    command = ["sha256sum", "-c", "SHA256SUMS"]
    done = subprocess.run(command, cwd=archive.root / "out", capture_output=True, text=True, check=True)
    assert done.stdout == f"{name}: OK\n"
    assert "1 file, " in said and "1 copied now" in said
    assert exported(archive) | {"salt": "", "artifacts": []} == {
        **{"type": "export", "salt": "", "steps": ["level"], "names": False, "private": False, "artifacts": []}
    }
    assert here(archive, "verify", "--read-data").returncode == 0


def test_what_is_private_stays_unless_the_owner_says_so(archive: Archive) -> None:
    before = archive.files("manifests")
    assert "all 2 results may name someone" in here(archive, "export", "voice", "out", code=4).stderr
    assert not (archive.root / "out").exists()
    assert archive.files("manifests") == before
    assert "2 results may name someone and stayed" in here(archive, "export", "voice", "level", "out").stderr
    assert len(copies(archive)) == 1
    here(archive, "export", "voice", "out", "--private")
    assert len(copies(archive)) == 3
    line = exported(archive)
    assert line["private"] and len(line["artifacts"]) == 2


def test_names_are_given_only_where_they_are_asked_for(archive: Archive) -> None:
    here(archive, "export", "voice", "out", "--private")
    names = copies(archive)
    assert "OH-1.voice.flac" in names and not any("Bo" in each or "Anna" in each for each in names)
    here(archive, "export", "voice", "named", "--private", "--names")
    assert copies(archive, "named") == {"talks/Anna/OH-1.voice.flac", "talks/Bo.voice.flac"}
    assert exported(archive)["names"]
    for name, content in archive.files(".").items():
        inside = name.startswith(("talks/", "named/", ".librarian/vault.db"))
        assert inside or b"Anna" not in content, name


def test_what_lies_beside_it_proves_how_it_was_made(archive: Archive) -> None:
    here(archive, "export", "level", "out")
    (path,) = (archive.root / "out" / "proof").iterdir()
    prev, bodies = "", []
    for raw in path.read_text().splitlines():
        line = json.loads(raw)
        assert not prev or line["prev"] == prev
        assert line["body"] is None or sha256(canonical(line["body"])) == line["digest"]
        prev = link(line["seq"], line["prev"], line["digest"])
        bodies.append(line["body"])
    assert [body and body["type"] for body in bodies] == ["job", None, None, "outcome", "summary", "seal"]
    (name,) = copies(archive)
    assert bodies[3]["produced"][0]["digest"] == f"sha256:{read_sums(archive.root / 'out' / 'SHA256SUMS')[name]}"


def test_it_goes_on_where_it_was_cut_off(archive: Archive) -> None:
    import librarian.view.export as module

    real, calls = module._copied, []

    def full(source: Path, target: Path) -> str:
        calls.append(target)
        if len(calls) > 1:
            target.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return real(source, target)

    with mock.patch.object(module, "_copied", full):
        assert "No space left" in here(archive, "export", "voice", "out", "--private", code=6).stderr
    assert "1 copied now" in here(archive, "export", "voice", "out", "--private").stderr
    assert len(copies(archive)) == 2  # and nothing half
    assert "0 copied now" in here(archive, "export", "voice", "out", "--private").stderr


def test_a_later_result_takes_the_place_of_an_earlier_one(archive: Archive) -> None:
    here(archive, "export", "voice", "out", "--private")
    before = archive.files("out")
    archive.job(JOB.replace("1 dB", "2 dB"))
    run(archive, "--redo-ok")
    here(archive, "export", "voice", "out", "--private")
    after = archive.files("out")
    assert before.keys() & copies(archive) == copies(archive)
    assert all(before[name] != after[name] for name in copies(archive))
    assert read_sums(archive.root / "out" / "SHA256SUMS").keys() == copies(archive)


@pytest.mark.parametrize("what", ["changed", "link", "folder", "sums"])
def test_what_no_export_wrote_is_not_overwritten(archive: Archive, what: str, tmp_path: Path) -> None:
    here(archive, "export", "voice", "out", "--private")
    path = archive.root / "out" / "OH-1.voice.flac"
    if what == "sums":
        shutil.rmtree(archive.root / "out")
        (archive.root / "out").mkdir()
        (archive.root / "out" / "SHA256SUMS").write_text("none of ours\n")
    else:
        path.unlink()
    if what == "changed":
        path.write_bytes(b"edited by somebody")
    elif what == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif what == "folder":
        path.mkdir()
    before = archive.files("out"), archive.files("manifests")
    assert "no export wrote them" in here(archive, "export", "voice", "out", "--private", code=2).stderr
    assert (archive.files("out"), archive.files("manifests")) == before
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_on_the_way_is_not_followed(archive: Archive, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (archive.root / "out").mkdir()
    (archive.root / "out" / "talks").symlink_to(elsewhere)
    here(archive, "export", "voice", "out", "--private", "--names", code=2)
    assert list(elsewhere.iterdir()) == []


def test_a_damaged_result_is_not_handed_on(archive: Archive) -> None:
    path = next((archive.root / "library").rglob("*.profile.json"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    assert "is not what was recorded" in here(archive, "export", "level", "out", code=6).stderr
    assert copies(archive) == set()


def test_what_is_typed_wrongly_is_said(archive: Archive) -> None:
    assert "name a step and the folder" in here(archive, "export", "out", code=2).stderr
    assert "there are level, level.profile, voice" in here(archive, "export", "vioce", "out", code=2).stderr
    assert "name another" in here(archive, "export", "level", "library/out", code=2).stderr
    assert "name another" in here(archive, "export", "level", "talks", code=2).stderr


@pytest.mark.parametrize("names", [["plain"], ["back\\slash", "two  spaces", " begin", "bad\udcff"]])
def test_sums_are_read_as_they_were_written(tmp_path: Path, names: list[str]) -> None:
    sums = {name: sha256(name.encode(errors="surrogateescape")) for name in names}
    (tmp_path / "sums").write_bytes(write_sums(sums))
    assert read_sums(tmp_path / "sums") == sums
