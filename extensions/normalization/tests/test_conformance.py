from __future__ import annotations

from types import MappingProxyType

from librarian.testing import Conformance


class TestNormalize(Conformance):
    package = "librarian-normalization"
    operation = "normalize"
    settings = MappingProxyType({"target": "-20 LUFS"})


class TestNormalizeStereo(Conformance):
    package = "librarian-normalization"
    operation = "normalize"
    channels = 2
    rate = 44100


class TestNormalizeGroup(Conformance):
    package = "librarian-normalization"
    operation = "normalize_group"


class TestMeasure(Conformance):
    package = "librarian-normalization"
    operation = "measure"


class TestNormalizeByEveryMeans(Conformance):
    package = "librarian-normalization"
    operation = "normalize"
    settings = MappingProxyType(
        {"target": "-12 LUFS", "ceiling": "-6 dBTP", "limiter": True, "remove_dc": True, "high_pass": "80 Hz"}
    )
    channels = 2
