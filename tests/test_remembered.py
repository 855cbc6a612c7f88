"""What an extension declares is asked for once, until its files change; no text of the owner's is kept for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import MakeExtension
from harness import Archive

NAME = "Anna Oberhauser"
CODE = """
from librarian import Audio, Field, Operation, Settings, Text, hookimpl

with open({imports!r}, "a") as file:
    file.write("x")

class NoteSettings(Settings):
    note: str = Field("", description="A text.")
    quiet: str = Field("", description="A text that changes nothing.", changes_result=False)
    counts: dict[str, int] = Field({{}}, description="A number for each text.")
    level: float = Field(1.0, description="A number.")

def write(task):
    path = task.folder / "note.txt"
    path.write_text(str(task.settings.level))
    return {{"note": path}}

@hookimpl
def librarian_operations():
    return [Operation(name="note", version="1", run=f"{{__name__}}:write", settings=NoteSettings,
                      inputs={{"audio": Audio}}, outputs={{"note": Text}}, description="Write a note.")]
"""


@pytest.fixture
def imports(calls: Archive, make_extension: MakeExtension, tmp_path: Path) -> Path:
    """A job that uses an extension which leaves a mark whenever it is imported, and where it leaves it."""
    marks = tmp_path / "cache" / "librarian" / "extensions" / "imports"  # where it may write
    marks.parent.mkdir(parents=True)
    marks.touch()
    make_extension("notes", CODE.format(imports=str(marks)))
    calls.environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    job(calls, "level: 2")
    return marks


def job(calls: Archive, settings: str) -> None:
    calls.job(
        f"""\
        librarian: 1
        name: notes
        recordings: [{{id: calls, path: calls/*.wav}}]
        steps:
          - {{id: note, use: note, with: {{{settings}}}}}
        """
    )


def kept(tmp_path: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*.json"))


def test_it_is_imported_once(calls: Archive, imports: Path) -> None:
    first = calls.librarian("plan", "job.yaml", "--json").stdout
    assert imports.read_text() == "x"
    assert calls.librarian("plan", "job.yaml", "--json").stdout.count('"new": 3') == first.count('"new": 3') == 1
    assert imports.read_text() == "x"


def test_other_settings_are_asked_for(calls: Archive, imports: Path) -> None:
    calls.librarian("plan", "job.yaml")
    job(calls, "level: no number")
    assert "steps.0.with.level" in calls.librarian("plan", "job.yaml", code=2).stderr
    assert imports.read_text() == "xx"


def test_a_changed_file_is_asked_again(calls: Archive, imports: Path, tmp_path: Path) -> None:
    calls.librarian("plan", "job.yaml")
    module = tmp_path / "site" / "librarian_notes.py"
    module.write_text(module.read_text().replace('name="note"', 'name="remark"'))
    said = calls.librarian("plan", "job.yaml", code=3).stderr
    assert "no installed extension offers it" in said
    assert imports.read_text() == "xx"


@pytest.mark.parametrize("setting", [f"note: {NAME}", f"quiet: {NAME}", f"counts: {{{NAME}: 2}}"])
def test_a_text_of_the_owners_is_not_kept(calls: Archive, imports: Path, tmp_path: Path, setting: str) -> None:
    job(calls, setting)
    for _ in range(2):
        calls.librarian("plan", "job.yaml")
    assert kept(tmp_path)
    assert NAME.encode() not in kept(tmp_path)


def test_where_nothing_can_be_kept_it_is_asked_each_time(calls: Archive, imports: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / "librarian" / "answers").write_text("no folder")
    for _ in range(2):
        calls.librarian("plan", "job.yaml")
    assert imports.read_text() == "xx"
