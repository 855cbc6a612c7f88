from __future__ import annotations

from types import MappingProxyType

import dictated

from librarian import Span, Spans, Words
from librarian.testing import Conformance


class _WithWords(Conformance):
    package = "librarian-redaction"
    files = 2

    def input(self, name, kind, folder):
        """Words and spans within three seconds of sound."""
        made = {
            "words/1": Words(language="en", words=dictated.in_a_row("I am Peter Jones my friend", 0.2)),
            "spans/1": Spans(spans=[Span(start=1.0, end=1.8, type="NAME", number=1, text="Peter Jones")]),
        }
        if kind not in made:
            return super().input(name, kind, folder)
        return made[kind]


class TestFindPrivate(_WithWords):
    operation = "find_private"


class TestRedact(_WithWords):
    operation = "redact"
    settings = MappingProxyType({"replace": "tone"})
    channels = 2


class TestRedactGroup(_WithWords):
    operation = "redact_group"


class TestRedactText(Conformance):
    package = "librarian-redaction"
    operation = "redact_text"

    def input(self, name, kind, folder):
        (folder / name).write_text("Peter Jones is at 555 0148 822, Peter Jones is")
        return folder / name
