"""The conformance suite: what every operation must keep to. Subclass it in your tests, a class an operation.

    class TestNormalize(Conformance):
        package = "librarian-normalization"
        operation = "normalize"

It drives the installed package through a real worker process, as `librarian run` does.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar

import pytest

from librarian.models.installed import Installed
from librarian.operation import Declaration, Resolved
from librarian.project import STATE
from librarian.testing.models import install_models
from librarian.testing.sound import voice_like
from librarian.workers import requests
from librarian.workers.asking import Workers
from librarian.workers.declared import GROUP, Validator, extensions, reason_of
from librarian.workers.messages import Message
from librarian.workers.pool import Pool
from librarian.workers.requests import Request

_UNIT = "rec_aaaaaaaaaaaaa"
_LIGHT = frozenset({"librarian", "pydantic", "pydantic_core", "pluggy", "annotated_types", "typing_extensions"})
_LIGHT_TOO = frozenset({"typing_inspection", "sitecustomize", "usercustomize"})
_TIMEOUT = 300.0
Inputs = dict[str, Message | list[Message]]


class Conformance:
    """Five checks of one operation.

    Attributes:
        package: the distribution that offers it.
        operation: its name.
        settings: the settings to run it with, as a job file would give them.
        seconds, rate, channels: of the sound that its audio inputs are given.
        files: how many go into an input that takes many.
    """

    package: ClassVar[str]
    operation: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = {}
    seconds: ClassVar[float] = 3.0
    rate: ClassVar[int] = 16000
    channels: ClassVar[int] = 1
    files: ClassVar[int] = 3

    def test_import_is_light(self) -> None:
        """Importing the package loads itself, librarian and what that stands on, and nothing else from outside."""
        module = self._entry_point().module
        script = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
        done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
        tops = {name.partition(".")[0] for name in done.stdout.split()}
        outside = tops - sys.stdlib_module_names - _LIGHT - _LIGHT_TOO - {module.partition(".")[0]}
        strangers = {name for name in outside if not name.startswith("_")}
        assert not strangers, f"import {module} loads {sorted(strangers)}; put that into the module that `run` names"

    def test_settings_are_described(self) -> None:
        """Every setting and the operation itself say what they are, and the defaults are valid."""
        with self._worker() as workers:
            declaration = self._declaration(workers)
        assert declaration.description, "give the Operation a description"
        for name, schema in declaration.settings_schema.get("properties", {}).items():
            assert schema.get("description"), f"describe the setting {name}"

    def test_outputs_are_as_declared(self, tmp_path: Path) -> None:
        """The files that come out are those that the operation declares, and no others."""
        with self._worker() as workers:
            declaration = self._declaration(workers)
            answer = self._run(workers, declaration, tmp_path)
            resolved = self._resolved(workers, declaration, self._models(declaration, tmp_path))
        made = {each["file"]: each for each in answer["outputs"] if "file" in each}
        assert {each.name for each in (tmp_path / "task").iterdir()} == set(made)
        for each in made.values():
            port = resolved.outputs[each["output"]]
            assert each["kind"] == port.kind or port.kind in ("data", "file")
        missing = {name for name, port in resolved.outputs.items() if not port.many}
        assert {each["output"] for each in answer["outputs"]} >= missing

    def test_writes_only_in_its_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Home, current and temporary folder, and the inputs, are the same afterwards."""
        outside = tmp_path / "outside"
        for name in ("home", "tmp", "here"):
            (outside / name).mkdir(parents=True)
        monkeypatch.setenv("HOME", str(outside / "home"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("TMPDIR", str(outside / "tmp"))
        monkeypatch.chdir(outside / "here")
        with self._worker() as workers:
            declaration = self._declaration(workers)
            inputs = self._inputs(declaration, outside)
            before = _snapshot(outside)
            self._run(workers, declaration, tmp_path, inputs)
        assert _snapshot(outside) == before

    def test_same_bytes_twice(self, tmp_path: Path) -> None:
        """Where the operation promises `bytes`, two fresh workers make the same files."""
        made = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            with self._worker() as workers:
                declaration = self._declaration(workers)
                if declaration.reproducible != "bytes":
                    pytest.skip(f"{self.operation} promises {declaration.reproducible}, not bytes")
                self._run(workers, declaration, tmp_path / name)
            made.append(_snapshot(tmp_path / name / "task"))
        assert made[0] == made[1]

    def _entry_point(self) -> EntryPoint:
        for point in entry_points(group=GROUP):
            if point.dist and point.dist.name == self.package:
                return point
        raise AssertionError(f"{self.package} is not installed, or has no entry point in the group {GROUP}")

    @contextmanager
    def _worker(self) -> Iterator[Workers]:
        pool = Pool(1, lambda line: None)
        try:
            yield pool
        finally:
            pool.close()

    def _declaration(self, workers: Workers) -> Declaration:
        found = {each.package: each for each in extensions(workers)}[self.package]
        assert not found.problem, found.problem
        return {each.name: each for each in found.declarations}[self.operation]

    def models(self, folder: Path) -> Mapping[str, Path]:
        """The models for the run: name → a folder with its files. Override it for operations that need any.

        Args:
            folder: an empty one, to make them in.
        """
        return {}

    def _models(self, declaration: Declaration, folder: Path) -> Installed:
        made = self.models(Path(tempfile.mkdtemp(dir=folder)))
        return install_models(made, folder / "models", declaration.models)

    def _resolved(self, workers: Workers, declaration: Declaration, models: Installed) -> Resolved:
        answer = Validator(workers, models=models)(declaration, self.settings)
        assert isinstance(answer, Resolved), answer
        assert not answer.missing, f"override `models` to make {', '.join(answer.missing)}"
        return answer

    def _inputs(self, declaration: Declaration, folder: Path) -> Inputs:
        found: Inputs = {}
        for name, port in declaration.inputs.items():
            if port.many:
                found[name] = [self.input(f"{name}{number}", port.kind, folder) for number in range(1, self.files + 1)]
            elif not port.optional:
                found[name] = self.input(name, port.kind, folder)
        return found

    def input(self, name: str, kind: str, folder: Path) -> Message:
        """One input for the run. Override it for operations that take more than sound."""
        assert kind == "audio", f"override `input` to make something for the input {name}"
        from librarian.media import write_audio

        path = folder / f"{name}.wav"
        sound = voice_like(self.seconds, self.rate, channels=self.channels)
        write_audio(path, sound, self.rate, audio_format="wav", bits=16, seed=1)
        facts = {"sample_rate": self.rate, "frames": sound.shape[1], "channels": self.channels}
        return requests.source(path, kind, "", facts)

    def _run(
        self,
        workers: Workers,
        declaration: Declaration,
        folder: Path,
        inputs: Inputs | None = None,
    ) -> Message:
        models = self._models(declaration, folder)
        resolved = self._resolved(workers, declaration, models)
        workers.open_to(folder / "staging", folder / STATE)
        message = requests.run(
            declaration,
            resolved.settings,
            inputs or self._inputs(declaration, folder),
            unit=_UNIT,
            seed=1,
            audio={"format": "flac", "bits": 24},
            device="cpu",
            models=models.given(resolved.models),
        )

        def prepare(worker: str) -> None:
            made = folder / "staging" / worker / "task"
            made.mkdir()
            message["folder"] = os.fspath(made)

        workers.submit(Request(message, _TIMEOUT, prepare=prepare, hosts=resolved.hosts))
        ((_, answer),) = workers.wait(None)
        assert answer["type"] == "done", reason_of(answer)
        os.rename(message["folder"], folder / "task")
        return answer


def _snapshot(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }
