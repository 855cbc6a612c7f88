"""The audit finds what names someone wherever it stands, counts it by type and place, and never says it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from harness import Archive
from tagged import MAKERS

NAME, NUMBER = "Ottilie Brandstätter", "+1 555 014 8822"
SPELT = "ottilie_brandstaetter"


@pytest.fixture
def audited(calls: Archive, tmp_path: Path) -> Archive:
    """A project with private and clean results, of recordings one of which is called after somebody."""
    first = next((calls.root / "calls").glob("*.wav"))
    first.rename(first.with_name(f"{NAME} {NUMBER}.wav"))
    calls.environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    calls.librarian("run", "job.yaml")
    return calls


def audit(archive: Archive, *more: str, code: int) -> dict[tuple[str, str], int]:
    done = archive.librarian("privacy", "audit", *more, "--json", code=code)
    for word in ("ottilie", "brandst", "8822", "rossi"):
        assert word not in (done.stdout + done.stderr).lower()
    return {(each["place"], each["type"]): each["count"] for each in json.loads(done.stdout)["findings"]}


def write(path: Path, content: bytes) -> None:
    path.parent.chmod(0o700)
    if path.exists():
        path.chmod(0o600)
    path.write_bytes(content)


def test_a_project_as_it_is_made_holds_nothing(audited: Archive) -> None:
    for name in ("words.db", "words.db-journal"):  # what was said is private, and this its index
        (audited.root / ".librarian" / name).write_text(f"{SPELT} {NUMBER}")
    done = audited.librarian("privacy", "audit")
    assert done.stdout.startswith("nothing that names anyone\nsearched: ")
    assert audit(audited, code=0) == {}


def test_what_is_planted_is_found_in_every_place(audited: Archive) -> None:
    root, state = audited.root, audited.root / ".librarian"
    clean = next(name for name in sorted(audited.files()) if name.endswith(".measure.report.json"))
    sounds = sorted(name for name in audited.files() if name.endswith(".flac"))
    # In the way of each place, in another spelling each time.
    write(root / "library" / clean, json.dumps({"measurements": [{"name": SPELT}]}).encode())
    MAKERS["flac"](tagged := root / "tagged.flac", [NAME, NUMBER])
    write(root / "library" / sounds[0], tagged.read_bytes())
    (manifest,) = (root / "manifests").glob("*.jsonl")
    lines = manifest.read_text().splitlines()
    line = json.loads(lines[1])
    line["body"]["cause"] = {"message": "asked OTTILIE BRANDSTÄTTER at 1-555-014-8822 and Giulia Rossi"}
    write(manifest, "\n".join([lines[0], json.dumps(line, ensure_ascii=True), *lines[2:]]).encode() + b"\n")
    (state / "logs" / "more.log").write_text("sent to giulia.rossi@example.org\nottiliebrandstätter%20\n")
    (root / "library" / f"{NAME}.tmp").write_bytes(b"")
    cache = Path(audited.environment["XDG_CACHE_HOME"]) / "librarian"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "index").write_bytes(b"\x80\x04" + NAME.encode("utf-16-le") + b"\xff\xfe\x00")
    found = audit(audited, code=4)
    wanted = {
        ("clean contents", "NAME"),
        ("embedded metadata", "METADATA"),
        ("embedded metadata", "NAME"),
        ("embedded metadata", "PHONE"),
        ("manifests", "NAME"),
        ("manifests", "PHONE"),
        ("logs", "EMAIL"),
        ("logs", "NAME"),
        ("file names", "NAME"),
        ("caches", "KNOWN"),
    }
    assert wanted <= found.keys()
    assert found["manifests", "NAME"] == 2
    said = audited.librarian("privacy", "audit", code=4).stdout
    assert said.splitlines()[-2].endswith(" findings of what may name someone")
    assert f"manifests/{manifest.name}" in said


def test_the_catalog_is_searched_value_by_value(audited: Archive) -> None:
    with sqlite3.connect(audited.root / ".librarian" / "catalog.db") as catalog:
        catalog.execute("INSERT INTO settled VALUES (?, 'x', 1, ?, '[]')", (SPELT, json.dumps({"a": [NUMBER]})))
    catalog.close()
    assert audit(audited, code=4) == {("catalog", "NAME"): 1, ("catalog", "PHONE"): 1}


def test_names_of_a_list_are_looked_for_and_words_can_be_allowed(audited: Archive) -> None:
    (audited.root / ".librarian" / "logs" / "more.log").write_text("heard of zebulonqx and Giulia Rossi\n")
    assert audit(audited, code=4) == {("logs", "NAME"): 1}
    (audited.root / "names.txt").write_text("Zebulonqx\n")
    (audited.root / "allow.txt").write_text("Giulia Rossi\n")
    assert audit(audited, "--names", "names.txt", code=4) == {("logs", "NAME"): 2}
    assert audit(audited, "--allow", "allow.txt", code=0) == {}
    (audited.root / ".librarian" / "names.txt").write_text("Zebulonqx\n")
    assert audit(audited, "--allow", "allow.txt", code=4) == {("logs", "NAME"): 1}


def test_a_folder_outside_a_project(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    (folder / "fine").mkdir(parents=True)
    (folder / "fine" / "turns.csv").write_text("start,end,speaker\n0.12,3.50,1\n")
    assert audit(archive, str(folder), code=0) == {}
    (folder / "Giulia Rossi.txt").write_text("call +39 06 1234 5678\n" * 2)
    MAKERS["mp3"](folder / "one.mp3", ["Giulia Rossi", "giulia@example.org"])
    (folder / "blob.bin").write_bytes(bytes(range(256)) * 10)
    found = audit(archive, str(folder), code=4)
    assert found["contents", "PHONE"] == 2
    assert found["file names", "NAME"] == 1
    assert {("embedded metadata", "NAME"), ("embedded metadata", "EMAIL")} <= found.keys()
    done = archive.librarian("privacy", "audit", str(folder), code=4)
    assert "1 file of other kinds left out" in done.stdout
    assert not (archive.root / ".librarian").exists()


def test_an_export_is_searched_for_what_the_project_knows(audited: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "note.txt").write_text("as ottiliebrandstätter said\n")
    assert audit(audited, str(folder), code=4) == {("contents", "NAME"): 1}


def test_without_a_project_a_folder_is_asked_for(archive: Archive) -> None:
    assert "no project here or above" in archive.librarian("privacy", "audit", code=2).stderr


def test_memory_is_flat(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    small = archive.measured("privacy", "audit", str(folder)).mib
    with open(folder / "long.txt", "w") as file:
        file.writelines(f"{number / 7:.3f} s: {'and so on ' * 300}\n" for number in range(15_000))
    large = archive.measured("privacy", "audit", str(folder))
    assert large.code == 0, large.said
    assert large.mib < small + 60
