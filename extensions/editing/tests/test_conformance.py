from __future__ import annotations

from types import MappingProxyType

from librarian.testing import Conformance


class TestCut(Conformance):
    package = "librarian-editing"
    operation = "cut"
    settings = MappingProxyType({"by": "length", "length": "1.3 s"})


class TestCall(Conformance):
    package = "librarian-editing"
    operation = "call"
    settings = MappingProxyType({"left": "1", "right": "2", "both": "3", "drift": "correct"})


class TestMix(Conformance):
    package = "librarian-editing"
    operation = "mix"
    settings = MappingProxyType({"parts": {"1": {"pan": -1}, "2": {"gain": "-6 dB"}}, "bed_gain": "-12 dB"})


class TestMixGroup(Conformance):
    package = "librarian-editing"
    operation = "mix_group"


class TestJoin(Conformance):
    package = "librarian-editing"
    operation = "join"
    settings = MappingProxyType({"fade": "200 ms"})
