"""The conformance suite notices an extension that does not keep to the contract: each check fails where it should."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from harness import Archive, install
from scaling import folder_of, scaling

from librarian import ModelMissingError
from librarian.testing import Conformance, FileTask, given_models

GOOD = """
from librarian import Audio, Field, Measurements, Operation, Settings, hookimpl

class ToySettings(Settings):
    way: str = Field("none", description="What it does wrong.")

@hookimpl
def librarian_operations():
    return [Operation(name="toy", version="1", run="librarian_toy_work:run", settings=ToySettings, description="A toy.",
                      inputs={"audio": Audio}, outputs={"audio": Audio}, reproducible="bytes")]
"""
WORK = """
import os, pathlib

def run(task):
    samples, rate = task.read_audio("audio")
    way = task.settings.way
    if way == "home": (pathlib.Path.home() / "notes.txt").write_text("x")
    if way == "here": pathlib.Path("notes.txt").write_text("x")
    if way == "input": os.utime(task.inputs["audio"].path); open(task.inputs["audio"].path, "ab").write(b"x")
    if way == "random": samples[0, 0] = int.from_bytes(os.urandom(2), "big") / 2**17
    if way == "litter": (task.folder / "left").write_text("x")
    return {"audio": task.write_audio("audio", samples, rate)}
"""


@pytest.fixture
def toy(tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed toy extension, visible to this process and to its workers."""
    path = install(tmp_path / "site", archive, "toy", GOOD)
    path.with_name("librarian_toy_work.py").write_text(WORK)
    monkeypatch.setenv("PYTHONPATH", str(path.parent), prepend=os.pathsep)
    monkeypatch.syspath_prepend(str(path.parent))
    return path


def suite(way: str = "none") -> Conformance:
    return type("Toy", (Conformance,), {"package": "librarian-toy", "operation": "toy", "settings": {"way": way}})()


def test_a_good_extension_passes(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite().test_import_is_light()
    suite().test_settings_are_described()
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    suite().test_outputs_are_as_declared(tmp_path / "a")
    suite().test_writes_only_in_its_folder(tmp_path / "b", monkeypatch)
    suite().test_same_bytes_twice(tmp_path / "c")


def test_a_heavy_import_is_noticed(toy: Path) -> None:
    toy.write_text("import numpy\n" + toy.read_text())
    with pytest.raises(AssertionError, match="numpy"):
        suite().test_import_is_light()


def test_a_missing_description_is_noticed(toy: Path) -> None:
    toy.write_text(toy.read_text().replace('description="A toy."', 'description=""'))
    with pytest.raises(AssertionError, match="description"):
        suite().test_settings_are_described()


def test_an_undeclared_file_is_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        suite("litter").test_outputs_are_as_declared(tmp_path)


@pytest.mark.parametrize("way", ["home", "here", "input"])
def test_writing_elsewhere_is_noticed(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    with pytest.raises(AssertionError):
        suite(way).test_writes_only_in_its_folder(tmp_path, monkeypatch)


def test_other_bytes_are_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        suite("random").test_same_bytes_twice(tmp_path)


class Scaling(Conformance):
    package, operation, settings = "librarian-scaling", "scale", {"model": "quiet"}

    def models(self, folder: Path) -> dict[str, Path]:
        return {"quiet": folder_of(folder, "quiet")}


@pytest.fixture
def scaled(tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    site = scaling(tmp_path / "site", archive).parent
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.syspath_prepend(str(site))


def test_an_operation_runs_with_a_model_that_its_test_made(scaled: None, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    Scaling().test_outputs_are_as_declared(tmp_path / "a")
    Scaling().test_same_bytes_twice(tmp_path / "b")


def test_a_model_that_no_test_made_is_noticed(scaled: None, tmp_path: Path) -> None:
    without = type("Without", (Scaling,), {"models": Conformance.models})
    with pytest.raises(AssertionError, match="override `models` to make quiet"):
        without().test_outputs_are_as_declared(tmp_path)


def test_an_operation_is_called_with_a_model_without_a_worker(scaled: None, tmp_path: Path) -> None:
    from librarian_scaling import ScaleSettings
    from librarian_scaling_work import Scale

    settings = ScaleSettings(model="mine")
    with given_models({"mine": folder_of(tmp_path, "mine")}, tmp_path / "models"):
        task = FileTask(tmp_path, [np.full((1, 100), 0.25, np.float32)], 8000, settings)
        made = Scale(settings, "cpu")(task)
    samples, _ = soundfile.read(made["audio"])
    assert np.allclose(samples, 0.375)
    with pytest.raises(ModelMissingError, match="did not say that it uses the model mine"):
        Scale(settings, "cpu")


def test_the_toy_is_gone_when_it_is_not_installed() -> None:
    assert not any("site" in entry and "pytest" in entry for entry in sys.path)
    with pytest.raises(AssertionError, match="not installed"):
        suite().test_import_is_light()
