"""A vault behind a passphrase: no byte is plain, another passphrase is refused, and it is asked for once."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from faults import points, watch, why_not
from harness import Archive

from librarian.errors import EnvironmentFailedError, RefusedError
from librarian.privacy import sealing
from librarian.privacy.vault import Vault
from librarian.workers.environment import environment_of

PASSPHRASE, OTHER = "nine small 'boats' and a pier", "another one that is long"
NAME = "Ottilie Brandstaetter"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A plain vault with a name in it."""
    path = tmp_path / "vault.db"
    with contextlib.closing(Vault(path, owned=True)) as vault:
        vault.note_label("rec_1", NAME, public=False)
        vault.commit()
    return path


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_ASKED", {})
    monkeypatch.setattr(sealing, "_SOURCES", {})


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


class TestFile:
    def test_no_byte_of_it_is_plain_also_while_it_is_written(self, place: Path) -> None:
        assert NAME.encode() in everything(place.parent)
        sealing.seal(place, PASSPHRASE)
        assert [path.name for path in place.parent.iterdir()] == ["vault.db"]
        assert place.stat().st_mode & 0o777 == 0o600
        with contextlib.closing(Vault(place, owned=True)) as vault:
            assert vault.label("rec_1") == (NAME, False)
            for number in range(500):
                vault.note_text(f"text:{number}", f"{NAME} {number}")
            vault.commit()
            assert (place.parent / "vault.db-wal").stat().st_size > 0
            held = everything(place.parent)
            assert not [word for word in (NAME, "Ottilie", "sightings", "SQLite format") if word.encode() in held]
            options = {option for (option,) in vault._db.execute("PRAGMA compile_options")}
            assert "TEMP_STORE=2" in options  # in memory, unless somebody asks for a file
        with contextlib.closing(Vault(place, owned=True)) as vault:
            vault.forget(["rec_1"])
            vault.keep_only((), ())
            vault.clean()
            assert vault.label("rec_1") == ("", False)

    def test_with_another_passphrase_it_is_refused_and_left_as_it_is(self, place: Path) -> None:
        sealing.seal(place, PASSPHRASE)
        sealed = place.read_bytes()
        sealing._ASKED.clear()
        sealing.ask_with(place, lambda: OTHER)
        for owned in (True, False):
            with pytest.raises(RefusedError, match="that is not the passphrase of this vault"):
                Vault(place, owned=owned)
        assert place.read_bytes() == sealed

    def test_it_is_asked_for_once(self, place: Path) -> None:
        sealing.seal(place, PASSPHRASE)
        sealing._ASKED.clear()
        asked: list[str] = []
        sealing.ask_with(place, lambda: asked.append("?") or PASSPHRASE)
        for owned in (True, False, True):
            Vault(place, owned=owned).close()
        assert asked == ["?"]

    def test_nobody_to_ask(self, place: Path) -> None:
        sealing.seal(place, PASSPHRASE)
        sealing._ASKED.clear()
        with pytest.raises(RefusedError, match="sealed"):
            Vault(place, owned=False)

    def test_there_and_back(self, place: Path) -> None:
        sealing.seal(place, PASSPHRASE)
        with pytest.raises(RefusedError, match="sealed already"):
            sealing.seal(place, PASSPHRASE)
        sealing.unseal(place)
        assert NAME.encode() in place.read_bytes()
        with pytest.raises(RefusedError, match="is not sealed"):
            sealing.unseal(place)
        with contextlib.closing(sqlite3.connect(place)) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with contextlib.closing(Vault(place, owned=True)) as vault:
            assert vault.label("rec_1") == (NAME, False)

    def test_a_short_passphrase_is_refused(self, place: Path) -> None:
        before = place.read_bytes()
        with pytest.raises(RefusedError, match="at least 12 characters"):
            sealing.seal(place, "too short")
        assert place.read_bytes() == before

    def test_one_that_is_being_read_is_left_as_it_is(self, place: Path) -> None:
        code = (
            "import pathlib, sys; from librarian.privacy.vault import Vault\n"
            f"reader = Vault(pathlib.Path({str(place)!r}), owned=False)\n"
            "print(reader.label('rec_1')[0], flush=True); sys.stdin.read(); print(reader.label('rec_1')[0])"
        )
        reader = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert reader.stdout is not None
        assert reader.stdout.readline() == f"{NAME}\n"
        with pytest.raises(EnvironmentFailedError, match="being read by another command"):
            sealing.seal(place, PASSPHRASE)
        assert not sealing.is_sealed(place)
        assert reader.communicate(timeout=60)[0] == f"{NAME}\n"
        sealing.seal(place, PASSPHRASE)
        assert sealing.is_sealed(place)

    @pytest.mark.parametrize("begins", ["sealed", "plain"])
    def test_killed_anywhere_it_is_the_one_or_the_other_and_nothing_plain_lies_beside_it(
        self, place: Path, begins: str
    ) -> None:
        if reason := why_not():
            pytest.skip(reason)
        if begins == "sealed":
            sealing.seal(place, PASSPHRASE)
        doing = "sealing.unseal(p)" if begins == "sealed" else f"sealing.seal(p, {PASSPHRASE!r})"
        code = (
            "import pathlib; from librarian.privacy import sealing\n"
            f"p = pathlib.Path({str(place)!r}); sealing.ask_with(p, lambda: {PASSPHRASE!r}); {doing}"
        )
        command = [sys.executable, "-c", code]
        before = place.read_bytes()

        def fresh() -> None:
            for path in place.parent.iterdir():
                path.unlink()
            place.write_bytes(before)

        undisturbed = watch(command, place.parent)
        assert undisturbed.code == 0, undisturbed.err
        for fault in points(undisturbed, "kill all", 6, begins):
            fresh()
            assert watch(command, place.parent, fault).code
            sealing._ASKED.clear()
            sealing.ask_with(place, lambda: PASSPHRASE)
            with contextlib.closing(Vault(place, owned=True)) as vault:
                assert vault.label("rec_1") == (NAME, False)
            assert (NAME.encode() in everything(place.parent)) != sealing.is_sealed(place)


@pytest.fixture
def sealed(calls: Archive) -> Archive:
    """An archive after a run whose vault is sealed."""
    calls.job((calls.root / "job.yaml").read_text().replace("  - {id: check, use: measure, from: voice.audio}\n", ""))
    calls.librarian("run", "job.yaml")
    calls.environment["LIBRARIAN_PASSPHRASE"] = PASSPHRASE
    calls.librarian("privacy", "seal")
    return calls


def test_a_sealed_vault_on_the_command_line(sealed: Archive) -> None:
    vault = sealed.root / ".librarian" / "vault.db"
    name = next((sealed.root / "calls").glob("*.wav"))
    assert sealing.is_sealed(vault)
    assert "3 done before" in sealed.librarian("run", "job.yaml").stderr
    assert "recording rec_" in sealed.librarian("show", name.name).stdout
    assert name.stem.encode() not in everything_below(sealed.root / ".librarian")
    assert "sealed already" in sealed.librarian("privacy", "seal", code=4).stderr

    sealed.environment["LIBRARIAN_PASSPHRASE"] = OTHER
    for arguments in (("run", "job.yaml"), ("show", name.name), ("privacy", "unseal")):
        assert "that is not the passphrase of this vault" in sealed.librarian(*arguments, code=4).stderr
    del sealed.environment["LIBRARIAN_PASSPHRASE"]
    refused = sealed.librarian("run", "job.yaml", "--redo", "voice", code=4).stderr
    assert "type it on a terminal, or give it by LIBRARIAN_PASSPHRASE or librarian --passphrase-fd N" in refused
    sealed.librarian("verify")  # needs no names
    by_descriptor(sealed, name)
    on_a_terminal_once(sealed)


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def by_descriptor(sealed: Archive, name: Path) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, f"{PASSPHRASE}\n".encode())
    os.close(theirs)
    process = sealed.start("--passphrase-fd", str(ours), "show", name.name, pass_fds=(ours,))
    os.close(ours)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "recording rec_" in out


def on_a_terminal_once(sealed: Archive) -> None:
    """A run that has something to do opens the vault several times, and asks once."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "librarian", "run", "job.yaml", "--redo", "voice", "--redo-ok"]
    process = subprocess.Popen(
        command, cwd=sealed.root, env={**os.environ, **sealed.variables()}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the process is gone
        while True:
            said += os.read(ours, 4096)
            if said.endswith(b"passphrase of the vault: "):
                os.write(ours, f"{PASSPHRASE}\n".encode())
                said += b"\n"
    os.close(ours)
    assert process.wait(timeout=60) == 0, said.decode()
    assert said.count(b"passphrase of the vault") == 1
    assert PASSPHRASE.encode() not in said


def test_no_worker_gets_the_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBRARIAN_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("LIBRARIAN_KEY", "a key that no worker gets")
    assert not {"LIBRARIAN_PASSPHRASE", "LIBRARIAN_KEY"} & environment_of(1, None).keys()


def test_a_backup_of_a_sealed_vault_is_a_sealed_one(sealed: Archive, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sealed.root / ".librarian", copy / ".librarian")
    assert "a copy held" in sealed.librarian("doctor", "--backup", str(copy), code=None).stdout
    sealed.librarian("privacy", "unseal")
    shutil.copy(sealed.root / ".librarian" / "vault.db", copy / ".librarian" / "vault.db")
    sealed.environment["LIBRARIAN_PASSPHRASE"] = PASSPHRASE
    sealed.librarian("privacy", "seal")
    said = sealed.librarian("doctor", "--backup", str(copy), code=None)
    assert "its vault.db is not sealed, as this project's is" in said.stdout
