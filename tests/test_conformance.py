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

from librarian import ModelMissingError, Turn, Turns
from librarian.testing import Conformance, FileTask, given_models, tone
from librarian.testing.subject import Fault

GOOD = """
from librarian import Audio, Field, Measurements, Operation, Resources, Settings, hookimpl
from pydantic import model_validator

class ToySettings(Settings):
    way: str = Field("none", description="What it does wrong.")
    number: int = Field(1, description="Doubled, where that is wrong.")

    @model_validator(mode="before")
    @classmethod
    def _doubles(cls, given):
        doubled = given.get("way") == "doubles"
        return {**given, "number": 2 * given.get("number", 1)} if doubled else given

@hookimpl
def librarian_operations():
    return [Operation(name="toy", version="1", run="librarian_toy_work:run", settings=ToySettings, description="A toy.",
                      inputs={"audio": Audio}, outputs={"audio": Audio}, resources=Resources(memory="64 MiB"),
                      reproducible="bytes")]
"""
WORK = """
import contextlib, os, pathlib, socket, threading
from librarian import UnusableInputError

seen = []

def run(task):
    way, path = task.settings.way, task.inputs["audio"].path
    if way == "told":
        try: task.read_audio("audio")
        except UnusableInputError as error: raise UnusableInputError("corrupt", f"{path} is broken") from None
    with task.open_audio("audio") as sound:
        channels = sound.channels
        if way == "short" and sound.frames == 1: raise UnusableInputError("too_short", f"{path} is short")
        with task.create_audio("audio", sound.sample_rate, channels, sound.layout) as writer:
            for block in sound.blocks():
                if way == "random": block[0, 0] = int.from_bytes(os.urandom(2), "big") / 2**17
                if way == "stereo": block[{1: 0, 2: 1}[channels] if channels < 3 else 9]
                writer.write(block * 0.5 if task.state.value else block)
    if way == "home": (pathlib.Path.home() / "notes.txt").write_text("x")
    if way == "here": pathlib.Path("notes.txt").write_text("x")
    if way == "input": os.utime(path); open(path, "ab").write(b"x")
    if way == "litter": (task.folder / "left").write_text("x")
    if way == "name": (task.folder / writer.path.name).open("ab").write(str(path).encode())
    if way == "looks up":
        with contextlib.suppress(OSError): socket.getaddrinfo("telemetry.invalid", 443)
    if way == "talks":
        with contextlib.suppress(OSError): socket.create_connection(("192.0.2.1", 443), timeout=1)
    if way == "hoards": b"x" * (sound.frames * 150)
    seen.append(task)
    if way == "resumes" and len(seen) == 2:
        task.state.value = {"half": True}
        task.state.save()
        threading.Event().wait()
    return {"audio": writer.path}
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


CHECKS = [name for name in dir(Conformance) if name.startswith("test_")]


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_extension_passes(toy: Path, tmp_path: Path, check: str) -> None:
    getattr(suite(), check)(tmp_path)


def test_a_heavy_import_is_noticed(toy: Path, tmp_path: Path) -> None:
    toy.write_text("import numpy\n" + toy.read_text())
    with pytest.raises(Fault, match="loads numpy; put that into the module that `run` names"):
        suite().test_import_is_light(tmp_path)


def test_an_import_that_fails_is_noticed(toy: Path, tmp_path: Path) -> None:
    toy.write_text("import there_is_no_such_module\n" + toy.read_text())
    with pytest.raises(Fault, match="ModuleNotFoundError"):
        suite().test_import_is_light(tmp_path)


def test_a_missing_description_is_noticed(toy: Path, tmp_path: Path) -> None:
    toy.write_text(toy.read_text().replace('description="A toy."', 'description=""'))
    with pytest.raises(Fault, match="description"):
        suite().test_settings_are_described(tmp_path)


def test_settings_that_resolve_to_others_each_time_are_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="resolve to others the second time"):
        suite("doubles").test_settings_are_described(tmp_path)


def test_an_undeclared_file_is_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="leaves 1 more in its folder"):
        suite("litter").test_outputs_are_as_declared(tmp_path)


@pytest.mark.parametrize("way", ["home", "here", "input"])
def test_writing_elsewhere_is_noticed(toy: Path, tmp_path: Path, way: str) -> None:
    with pytest.raises(Fault):
        suite(way).test_writes_only_in_its_folder(tmp_path)


def test_other_bytes_are_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="other bytes"):
        suite("random").test_same_bytes_twice(tmp_path)


@pytest.mark.parametrize(("way", "what"), [("name", "the output audio holds the name"), ("told", "an error holds the")])
def test_the_name_of_an_input_is_noticed(toy: Path, tmp_path: Path, way: str, what: str) -> None:
    with pytest.raises(Fault, match=what):
        suite(way).test_names_no_one(tmp_path)


@pytest.mark.parametrize("way", ["looks up", "talks"])
def test_asking_for_the_network_is_noticed_though_nobody_complains(toy: Path, tmp_path: Path, way: str) -> None:
    with pytest.raises(Fault, match="asks for the network"):
        suite(way).test_needs_no_network(tmp_path)


@pytest.mark.parametrize(("code", "said"), [(0, "exit code 0"), (3, "exit code 3")])
def test_a_run_that_ends_its_process_is_a_fault_of_it(toy: Path, tmp_path: Path, code: int, said: str) -> None:
    toy.with_name("librarian_toy_work.py").write_text(f"import os\ndef run(task): os._exit({code})\n")
    with pytest.raises(Fault, match=f"a run ends its process .{said}."):
        suite().test_needs_no_network(tmp_path)


def test_a_run_that_fails_for_want_of_the_network_is_told_so(toy: Path, tmp_path: Path) -> None:
    code = "import socket\ndef run(task): socket.create_connection(('192.0.2.1', 80), 1)\n"
    toy.with_name("librarian_toy_work.py").write_text(code)
    with pytest.raises(Fault, match="asks for the network"):
        suite().test_needs_no_network(tmp_path)


def test_a_run_without_an_end_is_a_fault_of_it(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("librarian.testing.secrecy.TIMEOUT", 2.0)
    toy.with_name("librarian_toy_work.py").write_text("import signal\ndef run(task): signal.pause()\n")
    with pytest.raises(Fault, match="takes longer than 2 s"):
        suite().test_needs_no_network(tmp_path)


def test_an_odd_sound_whose_name_is_told_is_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="an error holds the name"):
        suite("short").test_takes_or_refuses_odd_sounds(tmp_path)


def test_a_sound_that_breaks_it_is_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"a sound that is 5\.1 ends with IndexError"):
        suite("stereo").test_takes_or_refuses_odd_sounds(tmp_path)


def test_a_state_that_spoils_the_next_try_is_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="ended in the middle and done again it makes other bytes"):
        suite("resumes").test_starts_again_where_it_was_ended(tmp_path)


def test_more_memory_than_declared_is_noticed(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"it takes \d+ MiB for 30 s of stereo, 64 MiB declared; work in blocks"):
        suite("hoards").test_memory_is_as_declared(tmp_path)


def test_settings_are_those_of_the_example_where_a_test_gives_none(toy: Path, tmp_path: Path) -> None:
    toy.write_text(toy.read_text().replace('reproducible="bytes"', 'reproducible="bytes", example={"way": "litter"}'))
    with pytest.raises(Fault, match="leaves 1 more"):
        type("Toy", (Conformance,), {"package": "librarian-toy", "operation": "toy"})().test_outputs_are_as_declared(
            tmp_path
        )


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


def test_the_toy_is_gone_when_it_is_not_installed(tmp_path: Path) -> None:
    assert not any("site" in entry and "pytest" in entry for entry in sys.path)
    with pytest.raises(AssertionError, match="not installed"):
        suite().test_import_is_light(tmp_path)


class Clipping(Conformance):
    package, operation = "librarian-diarization", "clip"

    def input(self, name: str, kind: str, folder: Path) -> Path | Turns:
        """A file where sound goes in, and a document where data does: no message of a worker's."""
        if kind != "audio":
            turn = Turn(start=0.1, end=1.2, speaker=1)
            return Turns(speakers=1, counted="given", turns=[turn], exclusive=[turn])
        path = folder / "tone.wav"
        soundfile.write(path, tone(440, 2, 8000).T, 8000)
        return path


def test_an_input_is_a_path_or_a_document(tmp_path: Path) -> None:
    Clipping().test_outputs_are_as_declared(tmp_path)
