"""What a voice sounds like, as a vector of 256 numbers: the GE2E speaker encoder of resemblyzer (an optional extra).

Only its weights are used. They are read with `weights_only=True`, so no code of the file runs, and the package, which
imports webrtcvad, is not imported.

Wan et al. (2018), Generalized end-to-end loss for speaker verification.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from librarian.audio.mel import mel_filters
from librarian.audio.spectral import stft
from librarian_diarization.packages import file_of

RATE = 16000
"""Hz."""
SIZE, HOP, BANDS = 400, 160, 40
WINDOW = 25600
"""Frames that one vector is of: 1.6 s."""
DIMENSIONS = 256
LOUDNESS = 10 ** (-30 / 20)
"""RMS to which what is fainter is raised, as in training."""


class Encoder:
    """The encoder.

    Args:
        device: `cpu`, `cuda:0` …

    Raises:
        MissingError: resemblyzer is not installed, or without its weights.
    """

    def __init__(self, device: str = "cpu") -> None:
        import torch
        from torch import nn

        path = file_of("resemblyzer", "pretrained.pt", "resemblyzer")
        weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        self._lstm, self._linear = nn.LSTM(BANDS, DIMENSIONS, 3, batch_first=True), nn.Linear(DIMENSIONS, DIMENSIONS)
        for layer, prefix in ((self._lstm, "lstm."), (self._linear, "linear.")):
            own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
            layer.load_state_dict(own)
            layer.to(device)
        self._device = device
        self._filters = mel_filters(RATE, SIZE, BANDS)

    def vectors(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """A vector of length 1 for each window.

        Args:
            windows: 16 kHz, silence where the sound is shorter.

        Shape:
            - windows: `[windows, 25600]`
            - output: `[windows, 256]`
        """
        import torch

        power = np.sqrt((windows**2).mean(axis=1, keepdims=True))
        louder = windows * np.maximum(1.0, LOUDNESS / np.maximum(power, 1e-9)).astype(np.float32)
        spectra = stft(louder, SIZE, HOP, "constant")[..., :-1]
        mels = self._filters @ (spectra.real**2 + spectra.imag**2)
        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(mels.swapaxes(1, 2))).to(self._device)
            _, (hidden, _) = self._lstm(given)
            found = self._linear(hidden[-1]).relu()
            return np.asarray(torch.nn.functional.normalize(found).cpu().numpy())
