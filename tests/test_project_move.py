"""A library that is moved: copied, read back, and only then used; cut off anywhere, the old one stays in use."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from unittest import mock

import pytest
from harness import Archive
from units import here, outcomes, run, sound, toy_archive

from librarian.run import moving

JOB = r"""
librarian: 1
name: moved
recordings:
  - {id: talks, path: 'talks/*.wav'}
steps:
  - {id: voice, use: louder, with: {gain: 1 dB}}
  - {id: note, use: note, from: voice}
""".lstrip()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = toy_archive(tmp_path / "archive")
    for number in (1, 2, 3):
        sound(made.root / "talks" / f"{number}.wav", number)
    made.job(JOB)
    run(made)
    here(made, "view", "view")
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("inside", [True, False])
def test_it_is_used_from_then_on(archive: Archive, inside: bool) -> None:
    new = archive.root / "results" / "all" if inside else archive.root.parent / "big disk" / "library"
    before = files(archive.root / "library")
    said = here(archive, "project", "move", str(new)).stderr
    assert "6 results copied (" in said
    assert files(new) == files(archive.root / "library") == before
    shutil.rmtree(archive.root / "library")
    assert here(archive, "verify", "--read-data").returncode == 0
    assert all(os.path.exists(each) for each in (archive.root / "view").rglob("*.flac"))
    run(archive)
    assert outcomes(archive) == []
    sound(archive.root / "talks" / "4.wav", 4)
    run(archive)
    assert len(list(new.rglob("*.louder.audio.flac"))) == 4
    assert not (archive.root / "library").exists()
    assert all(path.stat().st_mode & 0o777 == 0o400 for path in new.glob("*/*/*/*"))


def test_cut_off_the_old_one_stays_in_use_and_the_same_command_goes_on(archive: Archive) -> None:
    new, real, calls = archive.root.parent / "new", moving._copied, []

    def full(source: Path, target: Path) -> str:
        calls.append(target)
        if len(calls) > 2:
            target.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return real(source, target)

    with mock.patch.object(moving, "_copied", full):
        here(archive, "project", "move", str(new), code=6)
    assert here(archive, "verify", "--read-data").returncode == 0
    run(archive)
    assert outcomes(archive) == []
    assert "4 results copied (" in (said := here(archive, "project", "move", str(new)).stderr)
    assert "2 were there" in said
    assert files(new) == files(archive.root / "library")


def test_what_is_not_as_recorded_is_left_out(archive: Archive) -> None:
    first, second, *_ = sorted((archive.root / "library").rglob("*.flac"))
    first.unlink()
    second.chmod(0o600)
    second.write_bytes(bytes(second.stat().st_size))
    new = archive.root.parent / "new"
    assert "2 results missing or damaged" in here(archive, "project", "move", str(new)).stderr
    run(archive)
    assert len(outcomes(archive, step="voice")) == 2
    assert here(archive, "verify", "--read-data").returncode == 0


def test_a_copy_that_went_wrong_is_not_used(archive: Archive) -> None:
    real = moving._copied

    def wrong(source: Path, target: Path) -> str:
        digest = real(source, target)
        target.write_bytes(bytes(target.stat().st_size))
        return digest

    new = archive.root.parent / "new"
    with mock.patch.object(moving, "_copied", wrong):
        assert "nothing was switched" in here(archive, "project", "move", str(new), code=6).stderr
    (archive.root.parent / "new").rename(archive.root.parent / "aside")
    assert here(archive, "verify", "--read-data").returncode == 0


@pytest.mark.parametrize("folder", ["library", "library/new", ".", "talks", ".librarian/x", "full"])
def test_places_that_are_refused(archive: Archive, folder: str) -> None:
    (archive.root / "full").mkdir()
    (archive.root / "full" / "mine.txt").write_text("mine")
    before = (archive.root / ".librarian" / "project.toml").read_text(), files(archive.root / "library")
    assert "name a" in here(archive, "project", "move", folder, code=2).stderr
    assert ((archive.root / ".librarian" / "project.toml").read_text(), files(archive.root / "library")) == before
