"""A record and a library made by hand: outcome lines, manifests, and the files that they tell of."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from librarian.keys import IdKey, key_document
from librarian.manifest.catalog import Catalog
from librarian.manifest.fields import MachineRecord
from librarian.manifest.journal import Journal, new_job_id
from librarian.manifest.records import Body, Cause, JobLine, OutcomeLine, Produced, SummaryLine
from librarian.manifest.store import folder_of
from librarian.manifest.verify import Report, verify

ID_KEY = IdKey(bytes(range(32)))
NOBODY = 65534


def recording(number: int) -> str:
    """The id of a recording."""
    return ID_KEY.recording(hashlib.sha256(str(number).encode()).hexdigest())


def document(unit: str, *, version: str = "1", target: float = -16.0) -> dict[str, Any]:
    """The key document of a normalization."""
    return key_document(
        operation="librarian-normalization/normalize",
        version=version,
        settings={"target": target},
        models={},
        inputs=[("audio", "", unit)],
        audio={"format": "flac", "bits": 24},
    )


def job_line(job: str) -> JobLine:
    """The first line of a manifest."""
    machine = MachineRecord(id=ID_KEY.machine("host"), system="Linux", processor="x86_64", cores=2, memory=1 << 30)
    return JobLine.model_validate(
        {
            **{"job": job, "act": "run", "name": "calls", "file": ID_KEY.content("ab" * 32, private=True), "steps": []},
            **{"versions": {"librarian-media": "0.1.0"}, "machine": machine, "device": "cpu", "workers": 2},
            **{"fence": "none", "options": {}, "started": "2026-01-02T03:04:05.678Z"},
        }
    )


def outcome(
    unit: str, word: str = "done", *, step: str = "voice", key_of: Mapping[str, Any] | None = None, **more: Any
) -> OutcomeLine:
    """How a task ended, without results; `key_of` is its key document."""
    made = dict(key_of or document(unit))
    if word in ("failed", "skipped"):
        more = {"cause": Cause(reason="corrupt")} | more
    return OutcomeLine.model_validate(
        {
            **{"job_name": "calls", "step": step, "unit": unit, "outcome": word},
            **{"key": ID_KEY.task(made), "document": made, "given": ["target"], **more},
        }
    )


class Ledger:
    """A project's folders, written by hand."""

    def __init__(self, root: Path) -> None:
        self.library, self.manifests, self.index = root / "library", root / "manifests", root / "catalog.db"
        self.library.mkdir(parents=True)
        self.manifests.mkdir()

    def begin(self) -> Journal:
        """A manifest with its first line."""
        job = new_job_id(self.manifests)
        return Journal.create(self.manifests, job, job_line(job))

    def write(self, *bodies: Body, seal: str = "complete") -> Path:
        """A whole manifest."""
        journal = self.begin()
        for body in bodies:
            journal.append([body])
        journal.append([SummaryLine(recordings=1, counts={})])
        journal.seal(seal)
        return journal.path

    def done(
        self, unit: str, files: Mapping[str, bytes], *, key_of: Mapping[str, Any] | None = None, **more: Any
    ) -> OutcomeLine:
        """An outcome with results, `output.ending` → content, that lie in the library."""
        made = dict(key_of or document(unit))
        key = ID_KEY.task(made)
        folder = folder_of(unit, "normalize", key)
        (self.library / folder).mkdir(parents=True, exist_ok=True)
        produced = [self._artifact(unit, key, folder, *each) for each in files.items()]
        return outcome(unit, key_of=made, folder=folder, produced=produced, **more)

    def _artifact(self, unit: str, key: str, folder: str, name: str, content: bytes) -> Produced:
        file = f"{unit}.normalize.{name}"
        path = self.library / folder / file
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        path.chmod(0o400)
        output, _, ending = name.partition(".")
        private = ending != "json"
        digest = ID_KEY.content(hashlib.sha256(content).hexdigest(), private=private)
        return Produced.model_validate(
            {
                **{"id": ID_KEY.artifact(key, output), "output": output, "kind": "audio", "file": file},
                **{"bytes": len(content), "digest": digest, "private": private, "facts": {"gain": -1.5}},
            }
        )

    def catalog(self, *, owned: bool = True) -> Catalog:
        """The index, caught up."""
        return Catalog(self.index, self.manifests, owned=owned)

    def verify(self, *, read_data: bool = True) -> Report:
        """What `librarian verify` finds."""
        with contextlib.closing(self.catalog(owned=False)) as catalog:
            return verify(catalog, self.manifests, self.library, ID_KEY, read_data=read_data)


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes meanwhile: a disk that is full, for those who write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def plain_user() -> Iterator[Path]:
    """A folder of a user to whom permissions apply; where we are root, we are somebody else meanwhile."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)
