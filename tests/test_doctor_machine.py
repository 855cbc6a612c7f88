"""Memory, room, ffmpeg and file systems as doctor sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctoring import found, lay_torch, of
from harness import Archive

from librarian.cli.doctor import disk
from librarian.cli.doctor.machine import memory

GIB = float(1 << 30)
MOUNTS = """\
21 26 0:20 / /proc rw,nosuid shared:13 - proc proc rw
26 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw
40 26 0:35 / {top}/nas rw,relatime shared:9 - nfs4 host:/export rw,vers=4.2
41 26 0:36 / {top}/share\\040of\\040all rw shared:9 - cifs //host/share rw
42 26 0:37 / {top}/memory rw - tmpfs tmpfs rw
43 40 0:38 / {top}/nas/local rw - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("whole", "free", "finding"),
    [
        (16 * GIB, 12 * GIB, ("ok", "16.0 GiB, 12.0 GiB of it free")),
        (16 * GIB, None, ("ok", "16.0 GiB")),
        (2 * GIB, 30 * GIB, ("warn", "2.0 GiB, 2.0 GiB of it free: little for tasks with models")),
        (16 * GIB, GIB / 2, ("warn", "16.0 GiB, 512.0 MiB of it free: end what else is running")),
    ],
)
def test_little_memory_is_said_with_what_to_do(whole: float, free: float | None, finding: tuple[str, str]) -> None:
    said = memory(whole, free)
    assert (said.state, said.text.startswith(finding[1])) == (finding[0], True)


@pytest.mark.parametrize(
    ("folder", "state", "kind"),
    [
        ("project", "ok", "(ext4)"),
        ("nas", "fail", "network file system (nfs4)"),
        ("nas/project", "fail", "network file system (nfs4)"),
        ("share of all/project", "fail", "network file system (cifs)"),
        ("memory/project", "warn", "in memory (tmpfs)"),
        ("nas/local/project", "ok", "(xfs)"),
    ],
)
def test_where_a_project_lies_is_told_by_what_is_mounted(tmp_path: Path, folder: str, state: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(top=tmp_path))
    said = disk.place(tmp_path / folder, mounts)
    assert (said.state, kind in said.text, said.code) == (state, True, 6 if state == "fail" else 0)
    assert disk.place(tmp_path / folder, tmp_path / "none").text == ".librarian lies on a local disk"


def test_a_folder_that_takes_nothing_fails_and_leaves_nothing(tmp_path: Path) -> None:
    assert disk.free_in("scratch", tmp_path, "for temporary files", 1, "set TMPDIR").state == "ok"
    assert list(tmp_path.iterdir()) == []
    said = disk.free_in("scratch", tmp_path, "for temporary files", 1 << 62, "set TMPDIR")
    assert (said.state, said.text.endswith("free for temporary files; set TMPDIR")) == ("warn", True)
    said = disk.free_in("scratch", tmp_path / "none", "for temporary files", 1, "set TMPDIR")
    assert (said.state, said.code) == ("fail", 6)
    assert said.text.startswith("nothing can be written for temporary files (")


def test_ffmpeg_is_looked_at_and_not_needed(archive: Archive, tmp_path: Path) -> None:
    lay_torch(archive, tmp_path / "site")
    programs = tmp_path / "bin"
    programs.mkdir()
    archive.environment["PATH"] = str(programs)
    assert of(found(archive), "ffmpeg") == ("ok", "not there, and not needed")
    ffmpeg = programs / "ffmpeg"
    for script, finding in (
        ("echo ffmpeg version 7.1-of-mine built with love", ("ok", "7.1-of-mine; nothing of librarian needs it")),
        ("exit 127", ("warn", "the one on PATH does not start; nothing of librarian needs it: mend or remove it")),
    ):
        ffmpeg.write_text(f"#!/bin/sh\n{script}\n")
        ffmpeg.chmod(0o755)
        assert of(found(archive), "ffmpeg") == finding


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder here that takes nothing from anybody")
def test_a_cache_that_cannot_be_written_is_said(archive: Archive, tmp_path: Path) -> None:
    lay_torch(archive, tmp_path / "site")
    archive.environment["XDG_CACHE_HOME"] = "/proc"
    assert of(found(archive), "cache") == (
        "warn",
        "no cache folder can be written: every start compiles anew; set XDG_CACHE_HOME",
    )
