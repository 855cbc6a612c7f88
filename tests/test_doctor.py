from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest
from harness import SHIPPED, Archive

from librarian.cli import doctor


def findings(archive: Archive, code: int = 0) -> dict[str, tuple[str, str]]:
    found = json.loads(archive.librarian("doctor", "--json", code=code).stdout)
    return {each["what"]: (each["state"], each["text"]) for each in found}


def test_a_sound_installation_is_said_to_be(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    found = findings(calls)
    told = json.loads(calls.librarian("doctor", "--json").stdout)
    extensions = {each["text"].split()[0]: each for each in told if each["what"] == "extension"}
    assert {name: each["state"] for name, each in extensions.items()} == {f"librarian-{name}": "ok" for name in SHIPPED}
    text = extensions["librarian-normalization"]["text"]
    assert re.fullmatch(r"librarian-normalization 0\.1\.0: normalize, .*measure", text)
    assert {found[name][0] for name in ("librarian", "project", "secrets")} == {"ok"}
    assert "name" not in found
    assert re.fullmatch(r"\d+\.\d [GT]iB free where the library lies.*", found["disk"][1])
    shown = calls.librarian("doctor")
    assert {tuple(line.split()[:2]) for line in shown.stdout.splitlines()} == {(found[name][0], name) for name in found}
    assert shown.stderr == "nothing fails; next: librarian run job.yaml\n"


@pytest.mark.parametrize(
    ("held", "finding"),
    [
        (("seccomp", "landlock"), ("ok", "the kernel keeps workers from network and other folders")),
        (("seccomp", "hook"), ("warn", "only their Python code is kept from other folders,")),
        (("hook", "landlock"), ("warn", "only their Python code is kept from network,")),
        (("hook",), ("warn", "only their Python code is kept from network and other folders,")),
    ],
)
def test_what_keeps_workers_from_network_and_folders_is_said(
    monkeypatch: pytest.MonkeyPatch, held: tuple[str, ...], finding: tuple[str, str]
) -> None:
    monkeypatch.setattr(doctor, "offered", lambda: held)
    (found,) = doctor._fence()
    assert found.state == finding[0]
    assert found.text.startswith(finding[1])


def test_a_key_that_others_can_read_and_one_that_is_missing_fail(archive: Archive) -> None:
    archive.environment.clear()
    archive.librarian("init")
    key = archive.root / ".librarian" / "keys" / "id"
    key.chmod(0o644)
    (archive.root / ".librarian" / "words.db").write_bytes(b"")
    (archive.root / ".librarian" / "words.db").chmod(0o640)
    said = "2 files can be read by others: chmod 600 .librarian/*.db .librarian/keys/*"
    assert findings(archive, code=1)["secrets"] == ("fail", said)
    key.unlink()
    state, text = findings(archive, code=1)["project"]
    assert (state, "restore" in text) == ("fail", True)


def test_a_broken_extension_fails_with_its_reason(archive: Archive, make_extension) -> None:  # type: ignore[no-untyped-def]
    make_extension("bad", "raise ValueError('it is not well')\n")
    said = archive.librarian("doctor", code=1).stdout
    assert "librarian-bad 1.0: ValueError: it is not well" in said
    assert "no project" not in said
    assert "mend what fails" in archive.librarian("doctor", code=1).stderr


def torch_that(archive: Archive, tmp_path: Path, code: str) -> None:
    """Lay a package called torch where it is found; the parent process says so if it is the one that imports it."""
    (tmp_path / "torch.py").write_text(f"import sys\nassert 'librarian' not in sys.modules\n{code}\n")
    archive.environment["PYTHONPATH"] = str(tmp_path)


FAKE_GPU = """
from types import SimpleNamespace as cuda
__version__ = "2.9.0+cu128"
properties = cuda(total_memory=150_000_000_000)
cuda = cuda(is_available=lambda: {there}, device_count=lambda: 2, get_device_name=lambda number: f"NVIDIA H{{number}}",
            get_device_properties=lambda number: properties)
"""


def test_a_gpu_is_asked_of_torch_in_a_process_of_its_own(archive: Archive, tmp_path: Path) -> None:
    torch_that(archive, tmp_path, FAKE_GPU.format(there=True))
    said = "NVIDIA H0, 139.7 GiB; NVIDIA H1, 139.7 GiB, seen by torch 2.9.0+cu128"
    assert findings(archive)["GPU"] == ("ok", said)
    torch_that(archive, tmp_path, FAKE_GPU.format(there=False))
    state, text = findings(archive)["GPU"]
    assert (state, "torch 2.9.0+cu128 sees none" in text) == ("warn", True)
    for dying in ("import os; os.kill(os.getpid(), 11)", "raise ImportError('libcudart')", "print('odd')"):
        torch_that(archive, tmp_path, dying)
        state, text = findings(archive)["GPU"]
        assert state == "warn"
        assert "does not load; type: python -c 'import torch'" in text


def test_the_other_package_called_librarian_is_named_with_the_way_out(archive: Archive, tmp_path: Path) -> None:
    metadata = tmp_path / "librarian-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: librarian\nVersion: 1.0\n")
    archive.environment["PYTHONPATH"] = str(tmp_path)
    state, text = findings(archive, code=1)["name"]
    assert state == "fail"
    assert "pip uninstall librarian && pip install --force-reinstall --no-deps librarian-media" in text


def test_another_program_of_that_name_that_comes_first_is_named(archive: Archive, tmp_path: Path) -> None:
    for script, warned in (("#!/bin/sh\necho cards\n", True), ("#!/bin/sh\npython -m librarian.cli\n", False)):
        other = tmp_path / "librarian"
        other.write_text(script)
        other.chmod(0o755)
        archive.environment["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        found = findings(archive)
        assert ("name" in found) == warned
    other.write_text("cards")
    state, text = findings(archive)["name"]
    assert (state, "type: python -m librarian" in text) == ("warn", True)


@pytest.fixture
def kept(calls: Archive) -> Archive:
    """A project that has worked, and whose keys lie in files."""
    calls.environment.clear()
    calls.librarian("run", "job.yaml")
    return calls


def backed_up(archive: Archive, folder: Path, code: int = 0) -> tuple[str, str]:
    said = archive.librarian("doctor", "--backup", str(folder), "--json", code=code)
    return next((each["state"], each["text"]) for each in json.loads(said.stdout) if each["what"] == "backup")


def test_a_backup_is_known_to_be_good_once_it_was_looked_at(kept: Archive, tmp_path: Path) -> None:
    state, text = findings(kept)["backup"]
    assert (state, "type: librarian doctor --backup FOLDER" in text) == ("warn", True)
    copy = tmp_path / "copy"
    shutil.copytree(kept.root, copy)
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert backed_up(kept, copy)[0] == "ok"
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before
    assert re.search(r"looked at, \d+ \w+ \d{4}$", findings(kept)["backup"][1])
    assert backed_up(kept, copy / ".librarian")[0] == "ok"
    later = time.time() + 10
    os.utime(kept.root / ".librarian" / "keys" / "pseudonym", (later, later))
    assert findings(kept)["backup"][0] == "warn"  # the keys have changed since


def test_what_a_backup_lacks_is_named(kept: Archive, tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    def fault() -> str:
        state, text = backed_up(kept, copy, 1)
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
    copy = kept.root
    assert fault() == "--backup: that is the project itself"
    assert findings(kept)["backup"][0] == "warn"
    assert "does not exist" in kept.librarian("doctor", "--backup", "nowhere", code=2).stderr


def test_a_project_with_its_key_in_the_environment_has_that_to_keep(calls: Archive, tmp_path: Path) -> None:
    calls.librarian("run", "job.yaml")
    assert "nothing can re-make LIBRARIAN_KEY and .librarian/vault.db" in findings(calls)["backup"][1]
    shutil.copytree(calls.root / ".librarian", tmp_path / "copy")
    assert backed_up(calls, tmp_path / "copy")[0] == "ok"
