from __future__ import annotations

from types import MappingProxyType

from librarian.testing import Conformance


class TestConvert(Conformance):
    package = "librarian-conversion"
    operation = "convert"
    settings = MappingProxyType({"rate": "44.1 kHz", "channels": "mono"})
    channels = 2


class TestConvertToListenTo(Conformance):
    package = "librarian-conversion"
    operation = "convert"
    settings = MappingProxyType({"format": "m4a"})
