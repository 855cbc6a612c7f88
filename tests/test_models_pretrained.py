"""Models of transformers come in by one door: nothing in a folder is run, and nothing that is missing is made up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import speech_folders
import torch
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2ForCTC

from librarian.errors import RefusedError
from librarian.models.given import model_folder
from librarian.models.pretrained import check_folder, load_pretrained, read_json
from librarian.testing import given_models


class Opens:
    """What a hostile file holds: unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mknod, (str(self.path),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return speech_folders.wav2vec2(tmp_path / "made")


@pytest.fixture
def given(folder: Path, tmp_path: Path) -> Iterator[Any]:
    """Loads what the folder holds by then, as a worker does."""
    stores = iter(range(100))

    def load() -> Any:
        with given_models({"own": folder}, tmp_path / f"store{next(stores)}"):
            handed = model_folder("own")
            check_folder(handed)
            return load_pretrained(handed, Wav2Vec2ForCTC, "cpu", torch.float32)

    yield load


def test_a_model_comes_in_with_its_weights_and_ready(given: Any, folder: Path) -> None:
    model = given()
    assert not model.training
    for name, tensor in load_file(folder / "model.safetensors").items():
        torch.testing.assert_close(model.state_dict()[name], tensor)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "modeling.py", "sub/code.so"])
def test_what_could_run_is_refused_before_it_is_opened(given: Any, folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    torch.save(Opens(tmp_path / "ran"), folder / name)
    with pytest.raises(RefusedError, match=f"the model is not loaded: .* it holds {name}"):
        given()
    assert not (tmp_path / "ran").exists()


def test_settings_that_ask_for_code_are_refused(given: Any, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(RefusedError, match=r"config\.json asks for code of its own \(auto_map\)"):
        given()


def test_weights_that_are_missing_or_do_not_fit_are_not_made_up(given: Any, folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(each for each in weights if each.endswith("lm_head.weight"))
    save_file({**weights, name: torch.zeros(3, 3)}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RefusedError, match="do not fit"):
        given()
    del weights[name]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RefusedError, match="1 of its weights are missing"):
        given()


def test_json_that_is_no_file_of_a_model_of_this_task_is_not_read(folder: Path) -> None:
    with pytest.raises(RefusedError, match=r"config\.json is no file of a model that this task uses"):
        read_json(folder / "config.json")
