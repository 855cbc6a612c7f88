"""What `template_model` does: a class that is built once per worker. Loaded in workers only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from librarian import Task, model_folder
from librarian.audio.resample import resample
from librarian.errors import RefusedError
from librarian.models.load import load_tensors
from numpy.typing import NDArray

from . import BUILT_IN

if TYPE_CHECKING:
    from . import TemplateModelSettings

RATE = 16000
"""Of the network (Hz): what goes in is resampled, and what comes out has it."""
_LOW, _HIGH, _TAPS = 300.0, 3400.0, 255


class Telephone:
    """The network, on a device, with what reads for it and writes what it gives.

    Reading, computing and writing overlap: while `compute` works on some recordings the next ones are read.

    Args:
        settings: of the operation; the same for all tasks of this instance.
        device: `cpu` or `cuda:0`.

    Attributes:
        batch: recordings that are computed together at the most.
    """

    def __init__(self, settings: TemplateModelSettings, device: str) -> None:
        self.batch = 1 if device == "cpu" else 8
        self._device = device
        weight = band_pass() if settings.model == BUILT_IN else _installed(settings.model)
        self._weight = weight.to(device)

    def read(self, task: Task) -> NDArray[np.float32]:
        """The sound of a task at the network's rate, `[channels, frames]`."""
        samples, rate = task.read_audio("audio")
        return resample(samples, rate, RATE)

    def compute(self, sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """As many results as sounds: all channels of all of them are rows of one tensor."""
        longest = max(sound.shape[1] for sound in sounds)
        rows = [np.pad(sound, ((0, 0), (0, longest - sound.shape[1]))) for sound in sounds]
        given = torch.from_numpy(np.concatenate(rows)).to(self._device)[:, None]
        with torch.inference_mode():
            heard = torch.nn.functional.conv1d(given, self._weight, padding="same")[:, 0]
        found = np.split(heard.cpu().numpy(), np.cumsum([len(sound) for sound in sounds])[:-1])
        return [each[:, : sound.shape[1]] for each, sound in zip(found, sounds, strict=True)]

    def write(self, task: Task, heard: NDArray[np.float32]) -> dict[str, Path]:
        """The output of a task."""
        return {"audio": task.write_audio("audio", heard, RATE)}


def band_pass() -> torch.Tensor:
    """A windowed sinc that lets 300 to 3400 Hz through: what a trained network would bring.

    Shape:
        - output: `[1, 1, taps]`
    """
    time = torch.arange(_TAPS) - _TAPS // 2
    low, high = (2 * cut / RATE * torch.sinc(2 * cut / RATE * time) for cut in (_LOW, _HIGH))
    return ((high - low) * torch.hann_window(_TAPS, periodic=False))[None, None]


def _installed(name: str) -> torch.Tensor:
    """The weights of a model: verified files, loaded without running any code of theirs."""
    tensors, _ = load_tensors(model_folder(name) / "model.safetensors")
    weight = tensors.get("weight")
    if weight is None or weight.ndim != 3 or weight.shape[:2] != (1, 1) or weight.dtype != torch.float32:
        raise RefusedError(f"{name} is not used: it holds no float32 weight of [1, 1, taps]")
    return weight
