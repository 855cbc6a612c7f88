"""A name and a number, planted everywhere a run can meet them, are in no byte that it leaves but the vault's."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
import soundfile
from harness import RECORDINGS, Archive

FIRST, LAST, NUMBER = "Ottilie", "Brandstätter", "+1 555 014 8822"
EXTENSION = """
from librarian import Audio, Field, Measurements, Operation, Settings, hookimpl
from pydantic import field_validator

class NoteSettings(Settings):
    note: str = Field(description="A note.")

    @field_validator("note")
    @classmethod
    def not_refused(cls, value):
        if "refuse" in value:
            raise ValueError(f"the note {value} is refused")
        return value

@hookimpl
def librarian_operations():
    return [Operation(name="note", version="1", run="librarian_note_work:run", settings=NoteSettings,
                      description="Note.", inputs={"audio": Audio}, outputs={"report": Measurements})]
"""
WORK = """
import sys
from librarian import Measurements

def run(task):
    print("seen", task.inputs["audio"].path, task.settings.note)
    print("seen too", task.settings.note, file=sys.stderr)
    if "raise" in task.settings.note:
        raise LookupError(f"cannot look up {task.settings.note} of {task.inputs['audio'].path}")
    return {"report": Measurements(measurements=[])}
"""


@pytest.fixture
def planted(archive: Archive, make_extension) -> Archive:  # type: ignore[no-untyped-def]
    path = make_extension("note", EXTENSION)
    path.with_name("librarian_note_work.py").write_text(WORK)
    folder = archive.root / f"Family {LAST}"
    folder.mkdir()
    sound, rate = soundfile.read(RECORDINGS / "calls" / next(RECORDINGS.glob("calls/out*.wav")).name)
    tagged = folder / f"{FIRST}_{LAST}_{NUMBER.replace(' ', '')}.flac"
    with soundfile.SoundFile(tagged, "w", rate, 1) as file:
        file.artist, file.comment = f"{FIRST} {LAST}", f"call {NUMBER}"
        file.write(sound)
    (folder / f"{NUMBER} {FIRST}.flac").write_bytes(b"no sound at all")
    archive.environment["USER"] = archive.environment["LOGNAME"] = FIRST.lower()
    return archive


def job(archive: Archive, *notes: str) -> None:
    steps = [{"id": f"s{number}", "use": "note", "with": {"note": note}} for number, note in enumerate(notes)]
    steps.append({"id": "voice", "use": "normalize"})
    archive.job(
        json.dumps(
            {"librarian": 1, "name": "planted", "recordings": [{"id": "all", "path": "*/*.flac"}], "steps": steps}
        )
    )


def spellings() -> set[bytes]:
    digits = "".join(char for char in NUMBER if char.isdigit())
    words = {FIRST, LAST, NUMBER, NUMBER.replace(" ", ""), NUMBER.replace(" ", "-"), digits, digits[-10:], digits[-7:]}
    words |= {each.replace("ä", "a\N{COMBINING DIAERESIS}") for each in words} | {"Brandst", "randst"}
    words |= {json.dumps(each)[1:-1] for each in words}
    forms = {unicodedata.normalize(form, each) for each in words for form in ("NFC", "NFD")}
    return {each.lower().encode() for each in forms}


def assert_clean(place: str, content: bytes) -> None:
    lowered = content.decode(errors="replace").lower().encode() + content.lower()
    for each in spellings():
        assert each not in lowered, f"{each!r} stands in {place}"


def assert_nothing_left(archive: Archive) -> None:
    for folder in ("library", "manifests", ".librarian"):
        for name, content in archive.files(folder).items():
            if not name.startswith("vault.db"):
                assert_clean(f"{folder}/{name}", name.encode() + b"\n" + content)


def test_nothing_but_the_vault_holds_what_was_planted(planted: Archive) -> None:
    job(planted, f"of {FIRST} {LAST}", f"raise {NUMBER} of {LAST}")
    done = planted.librarian("run", "job.yaml", code=1)
    assert_clean("stdout", done.stdout.encode())
    assert_clean("stderr", done.stderr.encode())
    assert_nothing_left(planted)
    for command in (["plan", "job.yaml"], ["verify", "--read-data"], ["extensions"], ["plan", "job.yaml", "--json"]):
        said = planted.librarian(*command)
        assert_clean(str(command), (said.stdout + said.stderr).encode())
    vault = b"".join(content for name, content in planted.files(".librarian").items() if name.startswith("vault.db"))
    assert FIRST.encode() in vault
    lines = "".join(path.read_text() for path in (planted.root / "manifests").iterdir())
    assert "cannot look up" in lines  # the message itself was kept
    log = next((planted.root / ".librarian" / "logs").iterdir()).read_text()
    assert "seen" in log


def test_a_rejected_value_is_not_echoed_and_leaves_no_record(planted: Archive) -> None:
    job(planted, f"refuse {FIRST} {LAST} {NUMBER}")
    done = planted.librarian("run", "job.yaml", code=2)
    assert "job.yaml:1:" in done.stderr
    assert_clean("stderr", done.stderr.encode())
    assert not (planted.root / "manifests").exists()


def test_the_debug_way_is_as_clean(planted: Archive) -> None:
    job(planted, f"raise {NUMBER} of {LAST}")
    done = planted.librarian("--debug", "run", "job.yaml", "--workers", "0", code=1)
    assert_clean("stderr", done.stderr.encode())
    assert_nothing_left(planted)


def test_sound_that_is_written_carries_no_tags(planted: Archive) -> None:
    job(planted)
    planted.librarian("run", "job.yaml", code=1)
    (made,) = (planted.root / "library").glob("*/*/*/*.flac")
    with soundfile.SoundFile(made) as file:
        assert set(file.copy_metadata().values()) <= {""}


def test_the_owners_list_of_names_is_kept_out_too(planted: Archive) -> None:
    (planted.root / "names.txt").write_text("# people\nZebulon Quist\n")
    job(planted, "raise for zebulon_quist")
    text = json.loads((planted.root / "job.yaml").read_text())
    (planted.root / "job.yaml").write_text(json.dumps({**text, "privacy": {"names": "names.txt"}}))
    done = planted.librarian("run", "job.yaml", code=1)
    for content in [done.stderr, *map(bytes.decode, planted.files("manifests").values())]:
        assert "quist" not in content.lower()
    text["name"] = "quist"
    (planted.root / "job.yaml").write_text(json.dumps({**text, "privacy": {"names": "names.txt"}}))
    assert "quist" not in planted.librarian("run", "job.yaml", code=4).stderr.lower().replace("job.yaml", "")


def test_a_library_is_its_owners_alone(planted: Archive) -> None:
    job(planted)
    planted.librarian("run", "job.yaml", code=1)
    for top in ("library", "manifests", ".librarian"):
        for path in [planted.root / top, *(planted.root / top).rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, path
    for path in (planted.root / "library").glob("*/*/*/*"):
        assert path.stat().st_mode & 0o777 == 0o400


def test_what_is_said_before_there_is_a_scrubber_is_held_back(planted: Archive) -> None:
    module = Path(planted.environment["PYTHONPATH"]) / "librarian_note.py"
    module.write_text(f"print('{FIRST} {LAST}')\n" + module.read_text())
    job(planted, "fine")
    planted.librarian("run", "job.yaml", code=1)
    assert_nothing_left(planted)
