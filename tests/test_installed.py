"""What is installed is told by the files that lie there: whatever is put in, taken out or changed shows."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from librarian.workers.installed import state_of, state_of_all


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the search path, with a package and another that is only metadata."""
    for name in ("here-1.0.dist-info", "there-1.0.dist-info", "old-1.0.egg-info"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "METADATA").write_text(f"Name: {name[:-14]}\nVersion: 1.0\n")
    (tmp_path / "here-1.0.dist-info" / "entry_points.txt").write_text("[librarian]\nhere = here_package\n")
    (tmp_path / "here_package" / "deep").mkdir(parents=True)
    for name in ("__init__.py", "deep/inside.py"):
        (tmp_path / "here_package" / name).write_text("word = 1\n")
    monkeypatch.setattr(sys, "path", [os.fspath(tmp_path), *sys.path])
    return tmp_path


def one_more(site: Path) -> None:
    (site / "new-1.0.dist-info").mkdir()


def one_less(site: Path) -> None:
    os.rename(site / "there-1.0.dist-info", site / "there")


def old_form(site: Path) -> None:
    (site / "old-1.0.egg-info" / "PKG-INFO").touch()


def entry_point(site: Path) -> None:
    (site / "here-1.0.dist-info" / "entry_points.txt").write_text("[librarian]\nhere = her_package\n")


def version(site: Path) -> None:
    (site / "there-1.0.dist-info" / "METADATA").write_text("Name: there\nVersion: 2.0\n")


def another_folder(site: Path) -> None:
    sys.path.append(os.fspath(site / "here_package"))


def zipped(site: Path) -> None:
    with zipfile.ZipFile(site / "all.zip", "a") as file:
        file.writestr(f"package-{os.urandom(4).hex()}.dist-info/METADATA", "")


@pytest.mark.parametrize(
    "change", [one_more, one_less, old_form, entry_point, version, another_folder], ids=lambda change: change.__name__
)
def test_all_of_it_is_another_where_a_distribution_is(site: Path, change: Callable[[Path], None]) -> None:
    before = state_of_all()
    assert state_of_all() == before
    change(site)
    assert state_of_all() != before


def test_a_zip_file_is_looked_at_as_a_whole(site: Path) -> None:
    sys.path.append(os.fspath(site / "all.zip"))
    zipped(site)
    before = state_of_all()
    zipped(site)
    assert state_of_all() != before


def test_what_is_no_distribution_does_not_count(site: Path) -> None:
    before = state_of_all()
    (site / "here_package" / "more.py").touch()
    (site / "notes.txt").touch()
    assert state_of_all() == before


def test_an_extension_is_another_where_a_file_of_it_is(site: Path) -> None:
    before = state_of("here", "1.0", "here_package:plugin")
    assert before == state_of("here", "1.0", "here_package:plugin")
    assert len({before, state_of("here", "1.1", "here_package:plugin"), state_of("here", "1.0", "here_package")}) == 3
    (site / "here_package" / "deep" / "inside.py").write_text("word = 12\n")
    assert state_of("here", "1.0", "here_package:plugin") != before


def test_what_cannot_be_found_has_no_state(site: Path) -> None:
    assert state_of("gone", "1.0", "gone_package:plugin") == ""
