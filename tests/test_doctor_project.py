"""A project as doctor sees it: keys, backup, room, lock, record, clock, models."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import faults
import pytest
from doctoring import found, holding, lay_torch, of, suspend
from harness import Archive

from librarian import project as projects
from librarian.cli.doctor import project as looking
from librarian.cli.doctor.finding import Finding

CLOCK = """
import os, time
if 'LIBRARIAN_LATE' in os.environ:
    now = time.time
    time.time = lambda: now() + float(os.environ['LIBRARIAN_LATE'])
"""


@pytest.fixture
def kept(calls: Archive, tmp_path: Path) -> Archive:
    """A project that has worked, and whose keys lie in files."""
    calls.environment.clear()
    calls.librarian("run", "job.yaml")
    lay_torch(calls, tmp_path / "site")
    return calls


def looked(archive: Archive, monkeypatch: pytest.MonkeyPatch, backup: Path | None = None) -> dict[str, Finding]:
    """The findings about the project alone, and of each sort the worst."""
    monkeypatch.delenv("LIBRARIAN_KEY", raising=False)
    findings = list(looking.findings(archive.root, backup))
    return {each.what: each for each in sorted(findings, key=lambda each: each.code)}


def test_what_others_can_read_fails(kept: Archive) -> None:
    state = kept.root / ".librarian"
    (state / "keys" / "id").chmod(0o644)
    (state / "vault.db").chmod(0o640)
    said = ("fail", "2 files can be read by others: chmod -R go= .librarian")
    assert of(found(kept, code=4), "secrets") == said
    subprocess.run(["chmod", "-R", "go=", ".librarian"], cwd=kept.root, check=True)
    assert of(found(kept), "secrets")[0] == "ok"


@pytest.mark.parametrize(("content", "said"), [(b"no vault" * 1000, "damaged"), (None, "not there")])
def test_a_vault_that_is_lost_fails(
    kept: Archive, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    assert "vault" not in looked(kept, monkeypatch)
    vault = kept.root / ".librarian" / "vault.db"
    vault.write_bytes(content) if content else vault.unlink()
    finding = looked(kept, monkeypatch)["vault"]
    assert (finding.state, finding.code) == ("fail", 6)
    assert finding.text.startswith(f".librarian/vault.db is {said}; restore it from your backup")


def test_a_vault_that_somebody_writes_is_not_called_damaged(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("librarian.cli.backup._PATIENCE", 0.0)
    with contextlib.closing(sqlite3.connect(kept.root / ".librarian" / "vault.db")) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        assert "vault" not in looked(kept, monkeypatch)


def test_a_vault_is_not_missed_before_anything_has_run(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.environment.clear()
    archive.librarian("init")
    assert "vault" not in looked(archive, monkeypatch)


def test_an_open_folder_of_keys_fails(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept.root / ".librarian" / "keys").chmod(0o755)
    assert looked(kept, monkeypatch)["secrets"].code == 4


def test_who_holds_the_lock_is_said_and_the_lock_is_left_alone(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(kept, monkeypatch)["lock"].text == "free"
    lock = kept.root / ".librarian" / "lock"
    before = lock.read_bytes(), lock.stat().st_mtime_ns
    with holding(lock) as holder:
        finding = looked(kept, monkeypatch)["lock"]
        assert (finding.state, f"held by process {holder.pid}: others wait" in finding.text) == ("ok", True)
        suspend(holder)
        finding = looked(kept, monkeypatch)["lock"]
        assert (finding.state, f"kill -CONT {holder.pid}" in finding.text) == ("warn", True)
    with open(lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert (lock.read_bytes(), lock.stat().st_mtime_ns) == before


def test_a_run_that_was_killed_is_said(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    status = kept.root / ".librarian" / "runs" / "status.json"
    text = status.read_text()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    status.write_text(json.dumps(json.loads(text) | {"pid": ended.pid, "state": "running"}))
    finding = looked(kept, monkeypatch)["lock"]
    assert (finding.state, "the last run was killed" in finding.text) == ("warn", True)


def test_catalog_and_manifests_are_compared(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    state, (manifest,) = kept.root / ".librarian", (kept.root / "manifests").glob("*.jsonl")
    assert looked(kept, monkeypatch)["record"].text == "1 manifest, and the catalog is in step"
    whole = manifest.read_bytes()
    with open(manifest, "ab") as file:
        file.write(b"{}\n")
    finding = looked(kept, monkeypatch)["record"]
    assert (finding.state, finding.text.startswith("1 manifest of 1 not in the catalog yet")) == ("ok", True)
    for content in (whole[:-10], None):
        manifest.write_bytes(content) if content else manifest.unlink()
        finding = looked(kept, monkeypatch)["record"]
        assert (finding.state, finding.code, "librarian verify" in finding.text) == ("fail", 6, True)
    manifest.write_bytes(whole)
    (state / "catalog.db").write_bytes(b"no catalog" * 1000)
    finding = looked(kept, monkeypatch)["record"]
    assert (finding.state, "librarian catalog rebuild" in finding.text) == ("warn", True)
    kept.librarian("catalog", "rebuild")
    assert looked(kept, monkeypatch)["record"].state == "ok"
    (state / "catalog.db").unlink()
    assert looked(kept, monkeypatch)["record"].state == "ok"


def test_a_clock_that_was_set_back_is_noticed(kept: Archive, tmp_path: Path) -> None:
    (tmp_path / "site" / "sitecustomize.py").write_text(CLOCK)
    kept.environment["LIBRARIAN_LATE"] = "-7200"
    state, text = of(found(kept), "clock")
    assert (state, bool(re.match(r"1 h 59 min behind the last job|2 h 0 min behind the last job", text))) == (
        "warn",
        True,
    )
    kept.environment["LIBRARIAN_LATE"] = "7200"
    state, text = of(found(kept), "clock")
    assert (state, "library's disk is 2 h 0 min behind this machine's" in text) == ("warn", True)


@pytest.mark.skipif(bool(faults.why_not()), reason="disk errors at chosen calls cannot be made to happen here")
def test_a_full_disk_fails_and_leaves_nothing(kept: Archive) -> None:
    before = sorted(kept.root.rglob("*"))
    fault = faults.Fault("full from there on", 1)
    command = [sys.executable, "-P", "-m", "librarian", "doctor"]
    environment = {**os.environ, **kept.variables()}
    ended = faults.watch(command, kept.root, fault, cwd=kept.root, environment=environment)
    assert (ended.code, ended.struck is not None) == (6, True)
    assert "nothing can be written where the library lies (No space left on device); make room" in ended.out
    assert sorted(kept.root.rglob("*")) == before


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no file system in memory here")
def test_a_project_in_memory_is_warned_of(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path("/dev/shm") / f"librarian-test-{os.getpid()}"
    root.mkdir()
    try:
        monkeypatch.delenv("LIBRARIAN_KEY", raising=False)
        projects.init(root)
        finding = next(each for each in looking.findings(root, None) if each.what == "place")
    finally:
        shutil.rmtree(root)
    assert (finding.state, "gone after a restart" in finding.text) == ("warn", True)


def test_models_are_looked_at_by_size_and_with_digests_by_every_byte(kept: Archive, tmp_path: Path) -> None:
    model = tmp_path / "tiny"
    model.mkdir()
    (model / "weights.bin").write_bytes(bytes(1000))
    kept.librarian("models", "add", str(model), "--name", "tiny")
    assert of(found(kept), "models")[1].startswith("tiny there, by the sizes of their files; every byte:")
    assert of(found(kept, "--digests"), "models") == ("ok", "tiny verified")
    (file,) = Path(kept.variables()["LIBRARIAN_MODELS"]).glob("tiny/*/weights.bin")
    file.chmod(0o600)
    file.write_bytes(bytes(999) + b"1")
    assert of(found(kept), "models")[0] == "ok"
    said = ("fail", "tiny changed; type: librarian models verify")
    assert of(found(kept, "--digests", code=5), "models") == said
    file.write_bytes(b"")
    assert of(found(kept, code=5), "models") == said
    file.unlink()
    assert of(found(kept, code=5), "models") == ("fail", "tiny missing; type: librarian models verify")


def backed_up(archive: Archive, monkeypatch: pytest.MonkeyPatch, folder: Path) -> tuple[str, str]:
    finding = looked(archive, monkeypatch, folder)["backup"]
    return finding.state, finding.text


def test_a_backup_is_known_to_be_good_once_it_was_looked_at(
    kept: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = looked(kept, monkeypatch)["backup"]
    assert (finding.state, "type: librarian doctor --backup FOLDER" in finding.text) == ("warn", True)
    copy = tmp_path / "copy"
    shutil.copytree(kept.root, copy)
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert of(found(kept, "--backup", str(copy)), "backup")[0] == "ok"
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before
    assert re.search(r"looked at, \d+ \w+ \d{4}$", looked(kept, monkeypatch)["backup"].text)
    assert backed_up(kept, monkeypatch, copy / ".librarian")[0] == "ok"
    later = time.time() + 10
    os.utime(kept.root / ".librarian" / "keys" / "pseudonym", (later, later))
    assert looked(kept, monkeypatch)["backup"].state == "warn"  # the keys have changed since


def test_what_a_backup_lacks_is_named(kept: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy"

    def fault() -> str:
        state, text = backed_up(kept, monkeypatch, copy)
        assert state == "fail"
        assert text.endswith("; nothing can re-make .librarian/keys and .librarian/vault.db")
        return text.partition("; ")[0]

    copy.mkdir()
    assert fault() == "--backup: keys/id is not in it"
    shutil.copytree(kept.root / ".librarian" / "keys", copy / "keys")
    assert fault() == "--backup: vault.db is not in it"
    (copy / "vault.db").write_bytes(b"no vault" * 1000)
    assert fault() == "--backup: its vault.db is damaged"
    (copy / "vault.db").write_bytes(b"")
    assert fault() == "--backup: its vault.db is damaged"
    (copy / "keys" / "id").write_text("ab" * 32)
    assert fault() == "--backup: its keys/id is not this project's"
    found(kept, "--backup", str(copy), code=1)
    copy = kept.root
    assert fault() == "--backup: that is the project itself"
    assert looked(kept, monkeypatch)["backup"].state == "warn"
    assert "does not exist" in kept.librarian("doctor", "--backup", "nowhere", code=2).stderr


def test_a_project_with_its_key_in_the_environment_has_that_to_keep(calls: Archive, tmp_path: Path) -> None:
    calls.librarian("run", "job.yaml")
    lay_torch(calls, tmp_path / "site")
    assert "nothing can re-make LIBRARIAN_KEY and .librarian/vault.db" in of(found(calls), "backup")[1]
    shutil.copytree(calls.root / ".librarian", tmp_path / "copy")
    assert of(found(calls, "--backup", str(tmp_path / "copy")), "backup")[0] == "ok"
