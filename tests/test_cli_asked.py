"""What may be typed to ask for a thing: ids, their beginnings, paths and names, mistyped ones too."""

from __future__ import annotations

import shutil

import pytest
from asking import data, units
from harness import RECORDINGS, Archive


@pytest.fixture
def done(calls: Archive) -> Archive:
    """The calls, after their first run."""
    calls.librarian("run", "job.yaml")
    return calls


def test_beginnings_that_fit_several_are_refused_with_a_few(done: Archive) -> None:
    said = done.librarian("show", "art_", code=2).stderr
    assert said.count("art_") == 5
    assert "and more" in said
    assert len(said.splitlines()) == 1
    unit = units(done)[0]
    assert data(done, "show", unit[:12])["id"] == unit


def test_a_mistyped_id_is_answered_with_the_near_one(done: Archive) -> None:
    unit = units(done)[0]
    said = done.librarian("trace", unit[:-1] + ("a" if unit[-1] != "a" else "b"), code=2).stderr
    assert said == f"librarian: nothing has that id; did you mean {unit}?\n"
    for unknown in ("", "nobody", "rec_zz", "../..", "\udcff", "a" * 5000, "%", "job_"[:3]):
        said = done.librarian("show", unknown, code=2).stderr
        assert said.startswith("librarian: nothing is known under that id, path or name")
        assert len(said.splitlines()) == 1


def test_a_mistyped_name_is_answered_with_the_id_of_the_near_one(done: Archive) -> None:
    path = sorted((done.root / "calls").iterdir())[0]
    unit = data(done, "show", path.name)["id"]
    for typed in (path.stem, path.name.upper(), f"calls/{path.name[:3]}{path.name[4:]}"):
        said = done.librarian("show", typed, code=2).stderr
        assert said.startswith("librarian: no recording has that name; did you mean rec_")
        assert unit in said
        assert path.stem not in said


def test_recordings_are_found_by_path_and_name_with_their_disk_away(done: Archive) -> None:
    path = sorted((done.root / "calls").iterdir())[0]
    shown = done.librarian("show", str(path)).stdout
    done.root.joinpath("calls").rename(done.root / "away")
    for typed in (str(path), f"calls/{path.name}", f"./calls/../calls/{path.name}", path.name):
        assert done.librarian("show", typed).stdout == shown
    # The same bytes under a name that was never seen:
    shutil.copy(done.root / "away" / path.name, done.root / "new name.wav")
    assert done.librarian("show", "new name.wav").stdout == shown


def test_a_name_that_several_have_is_answered_with_their_ids(archive: Archive) -> None:
    one, other = sorted((RECORDINGS / "calls").glob("*.wav"))[:2]
    for folder, source in (("a", one), ("b", other)):
        (archive.root / folder).mkdir()
        shutil.copy(source, archive.root / folder / "talk.wav")
    archive.job("librarian: 1\nname: two\nrecordings: [{id: all, path: '*/*.wav'}]\nsteps: [{id: m, use: measure}]\n")
    archive.librarian("run", "job.yaml")
    said = archive.librarian("show", "talk.wav", code=2).stderr
    assert {word.strip(",;") for word in said.split() if word.startswith("rec_")} == set(units(archive))
    assert "talk" not in said
    assert data(archive, "show", "b/talk.wav")["id"] in units(archive)
