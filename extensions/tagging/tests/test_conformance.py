from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import clap_folders

from librarian.testing import Conformance


class TestTag(Conformance):
    package = "librarian-tagging"
    operation = "tag"
    settings = MappingProxyType(
        {"model": "clap-htsat-unfused", "sounds": {"laughter": {"prompt": "people laughing", "threshold": 0.4}}}
    )

    def models(self, folder: Path) -> dict[str, Path]:
        return {"clap-htsat-unfused": clap_folders.clap(folder / "made")}


class TestTones(Conformance):
    package = "librarian-tagging"
    operation = "tones"


del Conformance
