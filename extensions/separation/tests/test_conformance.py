from __future__ import annotations

from types import MappingProxyType

import pytest
from demucs.htdemucs import HTDemucs

from librarian.testing import Conformance


class TestSeparateWithoutWeights(Conformance):
    package = "librarian-separation"
    operation = "separate"
    channels = 2


class TestSeparateByDemucs(Conformance):
    package = "librarian-separation"
    operation = "separate"
    settings = MappingProxyType({"model": "htdemucs", "stems": ["vocals", "bass"], "rest": True})

    @pytest.fixture(autouse=True)
    def _lab(self, lab):
        self.lab = lab

    def models(self, folder):
        return {"htdemucs": self.lab.save_pickle(folder / "made", "955717e8-8726e21a", self.lab.network(HTDemucs))}


class TestSeparateIntoWhatAddsUp(TestSeparateByDemucs):
    settings = MappingProxyType({"model": "htdemucs", "residual": "other", "shifts": 1, "precision": "bf16"})
    rate = 44100
    channels = 2
