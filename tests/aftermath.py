"""An archive with one recording, and what a run leaves behind that it should not."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psutil
from harness import Archive
from hostile_media import pcm, wav

PHONE, ADDRESS = "+44 7700 900123", "maria@example.org"
"""What misbehaving extensions say, and no byte but the vault's may hold."""


@contextlib.contextmanager
def watched(archive: Archive) -> Iterator[None]:
    """Give an archive a recording, and end what its command line left running."""
    (archive.root.parent / "outside").mkdir()
    (archive.root / "tapes").mkdir()
    (archive.root / "tapes" / "a.wav").write_bytes(wav(pcm()))
    archive.environment |= {"WILD_OUTSIDE": str(archive.root.parent / "outside"), "WILD_MARK": uuid.uuid4().hex}
    try:
        yield
    finally:
        for process in marked(archive):
            process.kill()


def left_behind(archive: Archive) -> list[str]:
    """Processes, staging, files beside the project and undeclared ones in it, that a run left."""
    root = archive.root
    found = [f"process {each.name()}" for each in marked(archive)]
    found += [str(path) for path in (root.parent / "outside").iterdir()]
    found += [str(path) for path in (root / "library" / ".staging", root / "library" / "planted.flac") if path.exists()]
    return found


def marked(archive: Archive) -> list[psutil.Process]:
    """Processes that live and come of the archive's command line."""
    return [each for each in psutil.process_iter() if mark_of(each) == archive.environment["WILD_MARK"]]


def mark_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("WILD_MARK", "") if process.status() != psutil.STATUS_ZOMBIE else ""
    except psutil.Error:
        return ""


def tells_a_number(archive: Archive, printed: str) -> list[str]:
    """Files outside the vault, or the terminal, that hold the telephone number or the address."""
    written = {str(path): path.read_bytes() for path in archive.root.rglob("*") if path.is_file()}
    words = (PHONE[4:].encode(), PHONE[-6:].encode(), ADDRESS[:5].encode())
    return [
        path
        for path, content in {**written, "terminal": printed.encode()}.items()
        if "vault.db" not in path and any(word in content for word in words)
    ]
