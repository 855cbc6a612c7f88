"""The suite for extensions that say what to look for in texts. Subclass it in your tests.

    class TestMembers(RecognizerConformance):
        package = "librarian-members"
        hits = {"Member no. AB-123456": {"MEMBER": "AB-123456"}}
        misses = ("the part AB-123456 fits",)

Like `Conformance` it asks the installed package, in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from librarian.privacy.declared import recognizers_of
from librarian.privacy.search import search_at
from librarian.testing import checks
from librarian.testing.subject import Subject
from librarian.testing.trial import trying


class RecognizerConformance:
    """Three checks of what an extension looks for.

    Attributes:
        package: the distribution that offers it.
        hits: text → what has to be found in it, type → stretch.
        misses: texts in which nothing of the extension's may be found.
    """

    package: ClassVar[str]
    hits: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    misses: ClassVar[Sequence[str]] = ()

    def test_import_is_light(self, tmp_path: Path) -> None:
        """Importing the package loads itself, librarian and what that stands on, and nothing else from outside."""
        checks.import_is_light(Subject(self.package, ""), tmp_path)

    def test_finds_what_it_says(self, tmp_path: Path) -> None:
        """Each stretch of `hits` is found, whole."""
        found = self._found(tmp_path, list(self.hits))
        for text, wanted in self.hits.items():
            assert found[text] == wanted, f"{found[text] or 'nothing'} is found in a text that holds {wanted}"

    def test_leaves_the_rest_alone(self, tmp_path: Path) -> None:
        """Nothing is found in any of `misses`."""
        for text, stretches in self._found(tmp_path, self.misses).items():
            assert not stretches, f"{stretches} is found in {text!r}"

    def _found(self, folder: Path, texts: Sequence[str]) -> dict[str, dict[str, str]]:
        with trying(Subject(self.package, ""), folder) as trial:
            declared = trial.extension.recognizers
        search, own = search_at("strict", recognizers_of(declared)), {each["type"] for each in declared}
        return {
            text: {span.type: text[span.start : span.end] for span in search.find(text) if span.type in own}
            for text in texts
        }
