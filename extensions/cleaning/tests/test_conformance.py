from __future__ import annotations

from pathlib import Path

from librarian.testing import Conformance
from librarian.workers.messages import Message


class TestClean(Conformance):
    package = "librarian-cleaning"
    operation = "clean"

    def input(self, name: str, kind: str, folder: Path) -> Message:
        return super().input(name, "audio", folder)
