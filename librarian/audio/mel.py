"""The mel scale: its two customary forms, banks of triangular filters, and the log-mel spectrogram of Whisper."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import Array, library, moved
from librarian.audio.spectral import stft

Scale = Literal["slaney", "htk"]
"""`slaney`: M. Slaney's Auditory Toolbox, linear up to 1 kHz; the default of librosa, and what Whisper takes.
`htk`: 2595 log10(1 + f / 700), the default of torchaudio; O'Shaughnessy (1987), the HTK Book, eq. (5.13)."""

LINEAR = 200.0 / 3.0
"""Hz for each mel below the bend (slaney)."""

BEND = 1000.0
"""Hz (slaney)."""

LOG_STEP = np.log(6.4) / 27.0
"""Logarithm of the frequency for each mel above the bend (slaney)."""

WHISPER_RATE, WHISPER_SIZE, WHISPER_HOP = 16000, 400, 160
"""Hz, samples, samples."""

WHISPER_RANGE = 8.0
"""Powers of ten below the loudest at which the spectrogram is cut."""


def mels(hertz: NDArray[np.floating] | float, scale: Scale = "slaney") -> NDArray[np.float64]:
    """Where frequencies (Hz) lie on the mel scale.

    >>> mels(np.array([200.0, 1000.0, 6400.0])).round(9).tolist()
    [3.0, 15.0, 42.0]
    """
    hertz = np.asarray(hertz, np.float64)
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hertz / 700.0))
    above = BEND / LINEAR + np.log(np.maximum(hertz, BEND) / BEND) / LOG_STEP
    return np.where(hertz < BEND, hertz / LINEAR, above)


def hertz(mels: NDArray[np.floating] | float, scale: Scale = "slaney") -> NDArray[np.float64]:
    """The frequencies (Hz) that lie there on the mel scale: the inverse of `mels`."""
    mels = np.asarray(mels, np.float64)
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))
    bend = BEND / LINEAR
    return np.where(mels < bend, mels * LINEAR, BEND * np.exp(LOG_STEP * (np.maximum(mels, bend) - bend)))


def mel_filters(
    rate: int,
    size: int,
    bands: int,
    *,
    low: float = 0.0,
    high: float | None = None,
    scale: Scale = "slaney",
    equal_area: bool = True,
) -> NDArray[np.float32]:
    """Triangles, equally spaced in mel, that sum the bins of a spectrum into bands.

    Each rises from the middle of the band before to its own, and falls to the middle of the next. Where bands are
    narrower than bins (many bands, small windows), some may be empty.

    Args:
        rate: Hz.
        size: of the windows of the `stft`, in samples.
        bands: how many, 1 or more.
        low: Hz, where the first begins.
        high: Hz, where the last ends; half the rate if not given.
        scale: see `Scale`.
        equal_area: whether a wider band weighs as much as a narrow one (`norm="slaney"` elsewhere); else each
            triangle has a height of 1.

    Shape:
        - output: `[bands, size / 2 + 1]`

    Raises:
        ValueError: no band, or low and high are not in order between 0 and half the rate.

    >>> mel_filters(16000, 400, 80).shape
    (80, 201)
    """
    high = rate / 2 if high is None else high
    if bands < 1 or not 0 <= low < high <= rate / 2:
        raise ValueError(f"{bands} band(s) from {low} Hz to {high} Hz do not fit below {rate / 2} Hz")
    edges = hertz(np.linspace(mels(low, scale), mels(high, scale), bands + 2), scale)[:, np.newaxis]
    bins = np.arange(size // 2 + 1) * rate / size
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    if equal_area:
        triangles *= 2.0 / (edges[2:] - edges[:-2])
    return triangles.astype(np.float32)


def whisper_spectrogram(samples: Array, bands: int = 80) -> Array:
    """What Whisper and its kin hear: log10 of the mel power, no more than 8 below its greatest, scaled to about ±1.

    The greatest is that of the whole input, so it is given a window (30 s, padded with silence) and not a stream.

    Args:
        samples: at 16 kHz, −1…1.
        bands: 80; 128 from large-v3 on.

    Shape:
        - samples: `[..., frames]` float32, 201 or more
        - output: `[..., bands, frames // 160]`: 100 a second; each of what stands before frames is by itself

    >>> whisper_spectrogram(np.zeros((1, 480000), np.float32)).shape
    (1, 80, 3000)
    """
    spectra = stft(samples, WHISPER_SIZE, WHISPER_HOP)[..., :-1]
    filters = moved(mel_filters(WHISPER_RATE, WHISPER_SIZE, bands), samples)
    powers: Any = filters @ (spectra.real**2 + spectra.imag**2)
    logs = library(samples).log10(powers.clip(1e-10))
    floor = library(samples).amax(logs, (-2, -1))[..., None, None] - WHISPER_RANGE
    return cast(Array, (library(samples).maximum(logs, floor) + 4.0) / 4.0)
