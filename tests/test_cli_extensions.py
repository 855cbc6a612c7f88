"""`librarian extensions check`, many extensions at once, and one that goes away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Archive, install
from scaffolded import lay
from test_conformance import GOOD, WORK

from librarian.testing.suite import CHECKS


@pytest.fixture
def toy(archive: Archive, make_extension) -> Path:
    """The toy of the conformance suite, installed for the command line."""
    path: Path = make_extension("toy", GOOD)
    path.with_name("librarian_toy_work.py").write_text(WORK)
    return path


def wrong(toy: Path, way: str) -> None:
    """Have the toy do something wrong, by its example."""
    toy.write_text(toy.read_text().replace('reproducible="bytes"', f'reproducible="bytes", example={{"way": "{way}"}}'))


def checked(archive: Archive, package: str, code: int = 0) -> dict[str, tuple[str, str]]:
    """Check → its state and text."""
    found = json.loads(archive.librarian("extensions", "check", package, "--json", code=code).stdout)
    assert all(each.keys() == {"operation", "check", "state", "text"} for each in found)
    return {each["check"]: (each["state"], each["text"]) for each in found}


def test_a_good_extension_passes_line_by_line(archive: Archive, toy: Path) -> None:
    done = archive.librarian("extensions", "check", "librarian-toy")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["ok", "import"]
    assert lines[1] == "toy"
    assert [re.split("  +", line.strip())[1] for line in lines[2:]] == [name for name, _ in CHECKS]
    assert not re.search("^  failed", done.stdout, re.MULTILINE)
    assert re.fullmatch(r"librarian-toy: \d+ ok(, \d not applicable)?\n", done.stderr)


def test_what_fails_is_said_with_its_remedy(archive: Archive, toy: Path) -> None:
    wrong(toy, "stereo")
    done = archive.librarian("extensions", "check", "toy", code=1)
    assert re.search(r"^  failed          odd sounds   a sound that is 5\.1 ends with IndexError.*UnusableInputError",
                     done.stdout, re.MULTILINE)  # fmt: skip
    assert "1 failed" in done.stderr
    assert "mend what fails" in done.stderr


def test_a_name_that_an_extension_tells_is_not_shown(archive: Archive, toy: Path) -> None:
    toy.with_name("librarian_toy_work.py").write_text("def run(task): raise LookupError('call +44 7700 900123')\n")
    states = checked(archive, "toy", code=1)
    assert states["outputs"][0] == "failed"
    assert "<PHONE:" in states["outputs"][1]
    assert "900123" not in str(states)


def test_one_that_cannot_be_imported_ends_with_3(archive: Archive, make_extension) -> None:
    make_extension("sick", "1 / 0\n")
    states = checked(archive, "sick", code=3)
    assert states["import"][0] == states["declared"][0] == "failed"
    assert "ZeroDivisionError" in states["declared"][1]


def test_one_that_offers_nothing_fails(archive: Archive, make_extension) -> None:
    make_extension("empty", "")
    assert "implement librarian_operations" in checked(archive, "empty", code=1)["declared"][1]


def test_a_package_with_two_entry_points_is_said_to_be_broken(archive: Archive, toy: Path) -> None:
    (points,) = toy.parent.glob("librarian_toy-*.dist-info/entry_points.txt")
    points.write_text(f"{points.read_text()}other = librarian_other\n")
    assert "several entry points" in archive.librarian("extensions", code=3).stdout
    assert "several entry points" in checked(archive, "librarian-toy", code=3)["declared"][1]


def test_settings_that_nobody_can_resolve_fail_and_all_else_is_said(archive: Archive, toy: Path) -> None:
    toy.write_text(f"{toy.read_text()}\n\ndef choose(settings, installed): raise KeyError('no')\n")
    toy.write_text(toy.read_text().replace('reproducible="bytes"', 'reproducible="bytes", resolve=choose'))
    states = checked(archive, "toy", code=1)
    assert states["import"][0] == "ok"
    assert states["settings"][0] == "failed"
    assert "cannot validate its settings: KeyError: 'no'" in states["settings"][1]


def test_what_cannot_be_tried_is_not_called_good(archive: Archive, toy: Path) -> None:
    toy.write_text(toy.read_text().replace('Field("none", ', "Field("))
    state, text = checked(archive, "toy")["settings"]
    assert state == "not applicable"
    assert "way: is missing; declare an example" in text


def test_a_model_that_is_not_there_is_no_fault(archive: Archive) -> None:
    from scaling import scaling

    scaling(archive.root.parent / "site", archive)
    found = json.loads(archive.librarian("extensions", "check", "scaling", "--json", code=1).stdout)
    ((check, state, text),) = [
        (each["check"], each["state"], each["text"]) for each in found if each["operation"] == "scale"
    ]
    assert (check, state) == ("settings", "not applicable")
    assert "it lacks the model loud: librarian models" in text
    assert "did not say that it uses the model" in str([each for each in found if each["operation"] == "stray"])


def test_a_package_is_known_by_its_names_and_its_folder(archive: Archive) -> None:
    archive.librarian("extensions", "new", "members", "--kind", "recognizer")
    package = archive.root / "librarian-members"
    said = archive.librarian("extensions", "check", "librarian-members", code=3).stderr
    assert "it is not installed; type in that folder: pip install -e ." in said
    site = archive.root.parent / "site"
    lay(package, site)
    archive.environment["PYTHONPATH"] = os.fspath(site)
    for name in ("librarian-members", "Librarian_Members", "members", os.fspath(package)):
        assert checked(archive, name)["recognizers"] == ("ok", "can be read: MEMBER, SHELF")
    copy = archive.root / "elsewhere"
    package.rename(copy)
    (site / "librarian_members").unlink()
    (site / "librarian_members").mkdir()
    (site / "librarian_members" / "__init__.py").write_text("")
    assert "is another copy" in archive.librarian("extensions", "check", "elsewhere", code=3).stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[project", "cannot be read"),
        ("\udcff", "cannot be read"),
        ("x = 1", "has no [project.entry-points.librarian]"),
        ("[project]\nname = 'x'", "has no [project.entry-points.librarian]"),
        ("project = 3", "has no [project.entry-points.librarian]"),
        ("#" * 2**21, "cannot be read"),
    ],
)
def test_a_folder_that_is_no_extension_is_refused(archive: Archive, text: str, why: str) -> None:
    (archive.root / "odd").mkdir()
    (archive.root / "odd" / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    said = archive.librarian("extensions", "check", "odd", code=2).stderr
    assert why in said
    assert said.count("\n") == 1


def test_who_is_not_there_is_said_not_to_be(archive: Archive) -> None:
    said = archive.librarian("extensions", "check", "normalizaton", code=3).stderr
    assert said.startswith("librarian: no extension of that name is installed")
    assert "normalization" in said
    (archive.root / "bare").mkdir()
    assert "no pyproject.toml in that folder" in archive.librarian("extensions", "check", "bare", code=2).stderr


def test_the_parent_imports_neither_the_extension_nor_pytest(archive: Archive) -> None:
    code = "import sys; from librarian.cli.extensions import check; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert not {"pytest", "numpy", "torch"} & set(done.stdout.split())


MANY = 50


@pytest.fixture
def crowd(calls: Archive) -> Archive:
    """Fifty extensions beside those that ship, one of them broken."""
    site = calls.root.parent / "site"
    for number in range(MANY):
        code = GOOD.replace('name="toy"', f'name="toy{number}"') if number else "1 / 0\n"
        install(site, calls, f"toy{number}", code)
    return calls


def test_fifty_extensions_are_listed_and_a_broken_one_is_harmless(crowd: Archive) -> None:
    assert crowd.librarian("--help").stdout == Archive(crowd.root).librarian("--help").stdout
    for _ in range(2):  # asked, then remembered
        listed = json.loads(crowd.librarian("extensions", "--json", code=3).stdout)
        problems = {each["package"]: each["problem"] for each in listed}
        broken = {package for package, problem in problems.items() if problem}
        assert {f"librarian-toy{number}" for number in range(MANY)} <= problems.keys()
        assert broken == {"librarian-toy0"}
        assert problems["librarian-toy0"].startswith("ZeroDivisionError")
    crowd.librarian("run", "job.yaml")
    assert "  toy49 " in crowd.librarian("extensions", code=3).stdout


def test_what_is_remembered_is_asked_again_when_its_code_changes(archive: Archive, toy: Path) -> None:
    assert "A toy." in archive.librarian("extensions").stdout
    toy.write_text(toy.read_text().replace("A toy.", "Another toy."))
    assert "Another toy." in archive.librarian("extensions").stdout


def test_an_extension_that_is_gone_is_named_with_what_to_type(calls: Archive, toy: Path) -> None:
    job = calls.root / "job.yaml"
    job.write_text(job.read_text() + "  - {id: played, use: toy, from: calls}\n")
    calls.librarian("run", "job.yaml")
    for path in toy.parent.iterdir():
        if path.suffix == ".dist-info":
            (path / "entry_points.txt").unlink()
    said = calls.librarian("run", "job.yaml", code=3).stderr
    assert "toy was done here before by librarian-toy, which is gone; type: pip install librarian-toy\n" in said
    assert "steps.2.use: no installed extension offers it" in said
    assert "Traceback" not in said


def test_a_job_file_of_others_makes_nobody_install_anything(calls: Archive) -> None:
    job = calls.root / "job.yaml"
    job.write_text(job.read_text() + "  - {id: played, use: librarian-evil/toy, from: calls}\n")
    assert "pip install" not in calls.librarian("run", "job.yaml", code=3).stderr
