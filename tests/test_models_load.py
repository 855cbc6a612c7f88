"""Guarded loads: weights come out, code in a file does not run, and nothing is loaded that was not handed out."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from librarian import ModelMissingError, model_folder
from librarian.errors import RefusedError
from librarian.models.load import load_checkpoint, load_tensors
from librarian.testing import given_models

WEIGHTS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(2, dtype=torch.float16)}


class Touches:
    """What unpickling would run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


class Settings:
    """A class of ours that a file may be allowed to name."""

    def __init__(self, depth: int) -> None:
        self.depth = depth


@pytest.fixture
def hand_out(tmp_path: Path) -> Iterator[Callable[[bytes], Path]]:
    """Install a file as the model `made` and hand it out."""
    contexts = []

    def given(content: bytes, name: str = "weights.pt") -> Path:
        folder = tmp_path / "made"
        folder.mkdir()
        (folder / name).write_bytes(content)
        contexts.append(given_models({"made": folder}, tmp_path / "models"))
        contexts[-1].__enter__()
        return model_folder("made") / name

    yield given
    for each in contexts:
        each.__exit__(None, None, None)


def saved(value: Any, **how: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **how)
    return file.getvalue()


@pytest.mark.parametrize("legacy", [False, True])
def test_weights_come_out_as_they_went_in(hand_out, legacy):
    found = load_checkpoint(hand_out(saved(WEIGHTS, _use_new_zipfile_serialization=not legacy)))
    assert found.keys() == WEIGHTS.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in WEIGHTS.items())


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_checkpoint_does_not_run(hand_out, tmp_path, legacy):
    ran = tmp_path / "ran"
    path = hand_out(saved({**WEIGHTS, "more": Touches(ran)}, _use_new_zipfile_serialization=not legacy))
    with pytest.raises(RefusedError, match=r"weights\.pt is not loaded.*names posix\.system"):
        load_checkpoint(path, allow=[Fraction])
    assert not ran.exists()
    pickle.loads(pickle.dumps(Touches(ran)))
    assert ran.exists()  # it would have


def test_a_plain_pickle_does_not_run_either(hand_out, tmp_path):
    with pytest.raises(RefusedError):
        load_checkpoint(hand_out(pickle.dumps(Touches(tmp_path / "ran"), protocol=2)))
    assert not (tmp_path / "ran").exists()


def test_a_class_is_named_only_where_it_is_allowed(hand_out):
    path = hand_out(saved({"settings": Settings(3), "segment": Fraction(39, 5), "weight": WEIGHTS["weight"]}))
    with pytest.raises(RefusedError, match="Fraction"):
        load_checkpoint(path, allow=[Settings])
    found = load_checkpoint(path, allow=[Settings, Fraction])
    assert (found["settings"].depth, found["segment"]) == (3, Fraction(39, 5))


def test_what_a_library_allowed_for_itself_does_not_count(hand_out):
    path = hand_out(saved(Settings(3)))
    with torch.serialization.safe_globals([Settings]):
        before = torch.serialization.get_safe_globals()
        with pytest.raises(RefusedError, match="Settings"):
            load_checkpoint(path)
        assert set(torch.serialization.get_safe_globals()) == set(before)


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(hand_out):
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved({"weight": torch.zeros(1 << 16)}))) as plain,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for entry in plain.infolist():
            archive.writestr(entry.filename, plain.read(entry))
    with pytest.raises(RefusedError, match="unpacks to more"):
        load_checkpoint(hand_out(packed.getvalue()))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"weights", saved(WEIGHTS)[:-200]], ids=len)
def test_what_is_no_checkpoint_is_refused(hand_out, content):
    with pytest.raises(RefusedError, match="is not loaded"):
        load_checkpoint(hand_out(content))


def test_code_is_no_checkpoint(hand_out):
    script = io.BytesIO()
    with pytest.warns(FutureWarning):
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), script)
    with pytest.raises(RefusedError, match="is not loaded"):
        load_checkpoint(hand_out(script.getvalue()))


def test_tensors_and_words_come_out_of_safetensors(hand_out, tmp_path):
    """What a class would be imported and called from is a text."""
    words = {"class": "os.system", "args": f'["touch {tmp_path / "ran"}"]'}
    tensors, metadata = load_tensors(hand_out(safetensors.torch.save(WEIGHTS, words), "w.safetensors"))
    assert metadata == words
    assert all(torch.equal(tensors[name], tensor) for name, tensor in WEIGHTS.items())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"\xff" * 8 + b"{}", saved(WEIGHTS)], ids=len)
def test_what_is_no_safetensors_file_is_refused(hand_out, content):
    with pytest.raises(RefusedError, match="no safetensors"):
        load_tensors(hand_out(content, "w.safetensors"))


@pytest.mark.parametrize("load", [load_checkpoint, load_tensors])
def test_only_what_was_handed_out_is_loaded(hand_out, tmp_path, load):
    hand_out(saved(WEIGHTS))
    with pytest.raises(ModelMissingError, match="no file of a model that this task uses"):
        load(tmp_path / "made" / "weights.pt")


@pytest.mark.parametrize("load", [load_checkpoint, load_tensors])
def test_a_byte_that_changed_since_it_was_handed_out_is_noticed(hand_out, load):
    content = bytearray(saved(WEIGHTS))
    path = hand_out(bytes(content))
    content[len(content) // 2] ^= 1
    times = path.stat()
    path.chmod(0o600)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # who changes it may set that back
    with pytest.raises(ModelMissingError, match=r"not what models\.lock says"):
        load(path)


def test_an_old_torch_is_refused(hand_out, monkeypatch):
    path = hand_out(saved(WEIGHTS))
    monkeypatch.setattr(torch, "__version__", "2.9.1+cu128")
    with pytest.raises(RefusedError, match=r"torch 2\.9\.1\+cu128 does not load checkpoints safely"):
        load_checkpoint(path)
