"""The conformance suite: what every operation must keep to. Subclass it in your tests, a class an operation.

    class TestNormalize(Conformance):
        package = "librarian-normalization"
        operation = "normalize"

It drives the installed package through real worker processes, as `librarian run` does. `librarian extensions check`
does the same without any test.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from librarian.models.installed import Installed
from librarian.operation import Declaration
from librarian.testing import checks, secrecy, strain
from librarian.testing.inputs import Given
from librarian.testing.models import install_models
from librarian.testing.subject import Fault, Lacking, NotApplicable, Subject


class Conformance:
    """Ten checks of one operation.

    Attributes:
        package: the distribution that offers it.
        operation: its name.
        settings: the settings to run it with, as a job file would give them; none: those of `Operation.example`.
        seconds, rate, channels: of the sound that its audio inputs are given.
        files: how many go into an input that takes many.
        long: seconds of the sound (48 kHz, stereo) by which memory is measured.
    """

    package: ClassVar[str]
    operation: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = {}
    seconds: ClassVar[float] = 3.0
    rate: ClassVar[int] = 16000
    channels: ClassVar[int] = 1
    files: ClassVar[int] = 3
    long: ClassVar[float] = 30.0

    def test_import_is_light(self, tmp_path: Path) -> None:
        """Importing the package loads itself, librarian and what that stands on, and nothing else from outside."""
        self._check(checks.import_is_light, tmp_path)

    def test_settings_are_described(self, tmp_path: Path) -> None:
        """The operation and every setting say what they are, and settings that were resolved resolve to themselves."""
        self._check(checks.settings_are_described, tmp_path)

    def test_outputs_are_as_declared(self, tmp_path: Path) -> None:
        """The files that come out are those that the operation declares, and no others."""
        self._check(checks.outputs_are_as_declared, tmp_path)

    def test_writes_only_in_its_folder(self, tmp_path: Path) -> None:
        """Home, current and temporary folder, and the inputs, are the same afterwards."""
        self._check(checks.writes_only_in_its_folder, tmp_path)

    def test_same_bytes_twice(self, tmp_path: Path) -> None:
        """Where the operation promises `bytes`, two fresh workers make the same files."""
        self._check(checks.same_bytes_twice, tmp_path)

    def test_names_no_one(self, tmp_path: Path) -> None:
        """Neither facts, results nor errors hold the name of a file or its tags; clean results nothing that is said."""
        self._check(secrecy.names_no_one, tmp_path)

    def test_needs_no_network(self, tmp_path: Path) -> None:
        """Without hosts it asks for no network at all; with hosts it says `unreachable` where they are not reached."""
        self._check(secrecy.needs_no_network, tmp_path)

    def test_takes_or_refuses_odd_sounds(self, tmp_path: Path) -> None:
        """Mono, 5.1, 8 kHz, silent, empty and broken sounds: each is done, or fails by what the recording is."""
        self._check(strain.takes_or_refuses_odd_sounds, tmp_path)

    def test_starts_again_where_it_was_ended(self, tmp_path: Path) -> None:
        """Ended in the middle, it is done by the next try, from what its state says."""
        self._check(strain.starts_again_where_it_was_ended, tmp_path)

    def test_memory_is_as_declared(self, tmp_path: Path) -> None:
        """A long sound takes no more main memory, beside what it loads, than the operation declares."""
        self._check(strain.memory_is_as_declared, tmp_path)

    def models(self, folder: Path) -> Mapping[str, Path]:
        """The models for the run: name → a folder with its files. Override it for operations that need any.

        Args:
            folder: an empty one, to make them in.
        """
        return {}

    def input(self, name: str, kind: str, folder: Path) -> Given:
        """One input for the run. Override it where what is made of the kinds of `librarian.kinds` will not do.

        Args:
            name: of the port, and its number where it takes many.
            kind: the word of its kind, such as `audio` or `turns/1`.
            folder: where to make a file.

        Returns:
            The path of a file, or a `Data` object.
        """
        return self._run_with.made(name, kind, folder)

    def _give(self, subject: Subject, name: str, kind: str, folder: Path) -> Given:
        self._run_with = subject  # a check may want a longer sound than the class says
        return self.input(name, kind, folder)

    def _subject(self) -> Subject:
        return Subject(
            self.package,
            self.operation,
            self.settings,
            *(self.seconds, self.rate, self.channels, self.files, self.long),
            give=self._give,
            models=self._models,
        )

    def _models(self, declaration: Declaration, folder: Path) -> Installed:
        made = self.models(Path(tempfile.mkdtemp(dir=folder)))
        return install_models(made, folder / "models", declaration.models)

    def _check(self, check: Callable[[Subject, Path], str], folder: Path) -> None:
        try:
            check(self._subject(), folder)
        except Lacking as error:
            raise Fault(str(error)) from None
        except NotApplicable as error:
            pytest.skip(f"{self.operation}: {error}")
