"""Models of transformers, in a worker: a folder that was looked at, a class that is known, weights that fit it.

For extensions too. What may lie in a folder, and what its JSON may say: nothing that runs code, nothing left to chance.
Weights come as safetensors; there is no way from here to a pickle, to a network or to a class that a folder names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from librarian.errors import RefusedError
from librarian.models.given import handed

if TYPE_CHECKING:
    import torch

MOST_JSON = 64 << 20
"""Bytes: tokenizers of many languages have some ten of these."""
MAY_LIE_THERE = (".json", ".safetensors", ".txt", ".md", ".jinja", ".model")
"""By their endings: settings, weights, words. Templates and sentencepiece's own files are never read."""
RUNS_CODE = ("auto_map", "custom_generate", "custom_pipelines", "trust_remote_code", "quantization_config")
"""Keys by which a folder asks for classes of its own, or for a loader that is not known here."""


class UnusableModelError(RefusedError):
    """A model's folder is not made of what is allowed, or does not hang together."""


def check_folder(folder: Path) -> None:
    """See that nothing in a folder could run code, and that weights are safetensors.

    Raises:
        UnusableModelError: there is something else, or no weights.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    strangers = [name for name in names if not name.endswith(MAY_LIE_THERE) and name != "LICENSE"]
    if strangers:
        raise UnusableModelError(
            f"the model is not loaded: weights are safetensors and settings JSON, and it holds {strangers[0]}; add it "
            "again without that"
        )
    if "model.safetensors" not in names and "model.safetensors.index.json" not in names:
        raise UnusableModelError("the model is not loaded: it holds no model.safetensors")
    for name in names:
        if name.endswith(".json"):
            _check_keys(read_json(folder / name), name)


def read_json(path: Path) -> dict[str, Any]:
    """The mapping that a file of a model holds; empty where there is no such file.

    Raises:
        UnusableModelError: it holds something else, or far too much.
    """
    if not path.is_file():
        return {}
    if handed(path) is None:
        raise UnusableModelError(f"{path.name} is no file of a model that this task uses")
    try:
        if path.stat().st_size > MOST_JSON:
            raise ValueError
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise UnusableModelError(f"the model is not loaded: {path.name} is no JSON") from None
    if not isinstance(found, dict):
        raise UnusableModelError(f"the model is not loaded: {path.name} holds no settings")
    return found


def load_pretrained(folder: Path, architecture: Any, device: str, dtype: torch.dtype) -> Any:
    """The model of a folder, ready to compute. `check_folder` comes first.

    Args:
        folder: from `librarian.model_folder`, checked.
        architecture: a class of transformers: the caller's choice, never the folder's.
        device: `cpu`, `cuda:0` …
        dtype: that it computes with.

    Raises:
        UnusableModelError: its weights are missing, or do not fit its config.json.
    """
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, report = architecture.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            weights_only=True,
            trust_remote_code=False,
            dtype=dtype,
            output_loading_info=True,
        )
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a library makes of a file that fits nothing
        if "alloc" in str(error) or isinstance(error, MemoryError):
            raise
        raise UnusableModelError(
            f"the model is not loaded: its weights and its config.json do not fit ({type(error).__name__})"
        ) from None
    lacking = [*report["missing_keys"], *report["mismatched_keys"]]
    if lacking:
        raise UnusableModelError(f"the model is not loaded: {len(lacking)} of its weights are missing or do not fit")
    return model.to(device).eval()


def _check_keys(found: Mapping[str, Any], name: str) -> None:
    for key in RUNS_CODE:
        if _says(found, key, depth=0):
            raise UnusableModelError(f"the model is not loaded: {name} asks for code of its own ({key})")


def _says(value: Any, key: str, depth: int) -> bool:
    """Whether a key stands anywhere near the top with a value that means something."""
    if not isinstance(value, dict) or depth > 3:  # noqa: PLR2004 (settings are nested no deeper)
        return False
    return bool(value.get(key)) or any(_says(each, key, depth + 1) for each in value.values())
