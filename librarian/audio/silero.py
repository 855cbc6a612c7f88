"""Silero's voice activity detector at 16 kHz: the weights in its wheel, through a net of our own.

The weights are read as safetensors, so that no code of a file runs, and silero_vad, which sets torch to one thread for
the whole process when it is imported, is not imported. The convolutions of many windows run at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from librarian.errors import MissingError

if TYPE_CHECKING:
    import torch

WINDOW = 512
"""Frames that one probability is of."""
CONTEXT = 64
"""Frames before a window that it is heard with."""
BINS, STEP, CELLS = 129, 128, 128
STRIDES = {"conv1": 1, "conv2": 2, "conv3": 2, "conv4": 1}
"""Of the convolutions, by their names in the file."""

Weights = dict[str, "torch.Tensor"]


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch, and as many as before afterwards: the net is so small that more of them only wait."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Silero:
    """The net. It keeps nothing of what it hears, so that threads and channels may share it.

    Args:
        weights: by their names in the wheel's safetensors; those of the wheel if not given.

    Raises:
        MissingError: silero-vad is not installed, or lacks its weights.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        from safetensors.torch import load_file
        from torch import nn

        found = weights or load_file(weights_file())
        self._weights = found
        self._lstm = nn.LSTM(CELLS, CELLS)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self._lstm.load_state_dict({f"{name}_l0": found[f"lstm_cell.{name}"] for name in names})

    def heard(self, windows: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Probabilities of speech in windows that follow each other, and the state behind them.

        Shape:
            - windows: `[windows, 64 + 512]`, each with the frames before it
            - output: `[windows]`
        """
        from torch.nn import functional

        padded = functional.pad(windows.unsqueeze(1), (0, CONTEXT), "reflect")
        spectra = functional.conv1d(padded, self._weights["stft_conv.weight"], stride=STEP)
        found = (spectra[:, :BINS] ** 2 + spectra[:, BINS:] ** 2).sqrt()
        for name, stride in STRIDES.items():
            weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
            found = functional.conv1d(found, weight, bias, stride=stride, padding=1).relu()
        hidden, state = self._lstm(found.squeeze(-1), state)
        weight, bias = self._weights["final_conv.weight"], self._weights["final_conv.bias"]
        return functional.conv1d(hidden.relu().unsqueeze(-1), weight, bias).flatten().sigmoid(), state


class Listener:
    """Hears one channel, block after block.

    Args:
        silero: the net.
    """

    def __init__(self, silero: Silero) -> None:
        self._silero = silero
        self._state: Any = None
        self._context = np.zeros(CONTEXT, np.float32)

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """How probably there is speech in each window, 0 to 1.

        Args:
            samples: at 16 kHz.

        Shape:
            - samples: `[512 · windows]`
            - output: `[windows]`
        """
        import torch

        sound = np.concatenate([self._context, samples])
        self._context = sound[-CONTEXT:]
        with torch.inference_mode():
            windows = torch.from_numpy(sound).unfold(0, CONTEXT + WINDOW, WINDOW)
            found, self._state = self._silero.heard(windows, self._state)
        return np.asarray(found.numpy())


def weights_file() -> Path:
    """Where the wheel has its weights.

    Raises:
        MissingError: silero-vad is not installed, or lacks its weights.
    """
    spec = find_spec("silero_vad")
    path = Path(spec.origin).parent / "data/silero_vad_16k.safetensors" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise MissingError("silero-vad is not installed, or lacks its weights: pip install --upgrade silero-vad")
    return path
