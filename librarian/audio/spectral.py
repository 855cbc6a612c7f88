"""Short-time Fourier transform and its inverse: whole sounds and streams, arrays and tensors, in single precision.

Frames are centred, as those of `torch.stft` and `librosa.stft` are: frame k lies around sample k · hop, and half
a window is padded at both ends. For the mel scale see `librarian.audio.mel`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, cast

import numpy as np
from numpy.typing import NDArray

from librarian.audio.arrays import Array, is_tensor, joined, library, moved, silence, zeros

if TYPE_CHECKING:
    import torch

Padding = Literal["reflect", "constant"]
"""`reflect`: the sound mirrored at its ends, the default of `torch.stft`. `constant`: silence, that of librosa."""

AT_ONCE = 1 << 18
"""Samples in windows that are transformed together: they stay in the processor's cache."""

GAP = 1e-6
"""Sum of squared windows below which a sample cannot be had back."""


def hann(size: int) -> NDArray[np.float32]:
    """A periodic Hann window.

    Shape:
        - output: `[size]`

    >>> hann(4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)


def stft(
    samples: Array, size: int, hop: int, padding: Padding = "reflect", window: NDArray[np.float32] | None = None
) -> Array:
    """Spectra of overlapping windows: X[f, k] = Σ x[n + k · hop − size / 2] w[n] exp(−2πi f n / size).

    Args:
        samples: the sound.
        size: samples in a window, even.
        hop: samples from one window to the next, 1 or more.
        padding: what lies beyond the ends.
        window: of `size` samples; `hann` if not given.

    Shape:
        - samples: `[..., frames]` float32
        - output: `[..., size / 2 + 1, frames // hop + 1]` complex64

    Raises:
        ValueError: size, hop or window are not as above, or the sound is too short to be mirrored.

    >>> stft(np.zeros((2, 16000), np.float32), 400, 160).shape
    (2, 201, 101)
    """
    window = _checked(size, hop, hann(size) if window is None else window)
    half, frames = size // 2, samples.shape[-1]
    if padding == "reflect" and frames <= half:
        raise _too_short(half)
    before, after = samples[..., 1 : half + 1], samples[..., -half - 1 : -1]
    padded = joined([_beyond(before, half, padding), samples, _beyond(after, half, padding)])
    return _spectra(padded, frames // hop + 1, hop, window)


class StftStream(Generic[Array]):
    """`stft` of a stream. However it is cut into blocks, the same bits come out (of tensors: within 1e-6).

    `add` gives the spectra that are complete so far, `end` the rest. Arguments and errors are those of `stft`.

    >>> stream = StftStream(400, 160)
    >>> first = stream.add(np.zeros((2, 10000), np.float32))
    >>> second = stream.add(np.zeros((2, 6000), np.float32))
    >>> [part.shape[-1] for part in (first, second, stream.end())]
    [62, 37, 2]
    """

    def __init__(
        self, size: int, hop: int, padding: Padding = "reflect", window: NDArray[np.float32] | None = None
    ) -> None:
        self._window = _checked(size, hop, hann(size) if window is None else window)
        self._size, self._half, self._hop, self._padding = size, size // 2, hop, padding
        self._pending: Array | None = None
        self._start = 0
        """Where in what is pending the next window starts."""
        self._begun = False

    def add(self, samples: Array) -> Array:
        """Take a block and give the spectra that are complete.

        Shape:
            - samples: `[..., frames]`, the same for all blocks but for frames
            - output: `[..., size / 2 + 1, *]`
        """
        pending = samples if self._pending is None else joined([self._pending, samples])
        if not self._begun and (self._padding == "constant" or pending.shape[-1] > self._half):
            self._begun = True
            pending = joined([_beyond(pending[..., 1 : self._half + 1], self._half, self._padding), pending])
        return self._complete(pending)

    def end(self) -> Array:
        """Give what is left, once, after the last block.

        Shape:
            - output: `[..., size / 2 + 1, *]`

        Raises:
            ValueError: nothing was added, or too little to be mirrored.
        """
        if self._pending is None or not self._begun:
            raise _too_short(self._half)
        after = _beyond(self._pending[..., -self._half - 1 : -1], self._half, self._padding)
        return self._complete(joined([self._pending, after]))

    def _complete(self, pending: Array) -> Array:
        """Transform what can be; keep what the next windows want, and what a mirror at the end would show."""
        count = max(0, (pending.shape[-1] - self._start - self._size) // self._hop + 1) if self._begun else 0
        spectra = _spectra(pending[..., self._start :], count, self._hop, self._window)
        self._start += count * self._hop
        done = max(0, min(self._start, pending.shape[-1] - self._half - 1))
        self._start -= done
        self._pending = pending[..., done:]
        return spectra


def _checked(size: int, hop: int, window: NDArray[np.float32]) -> NDArray[np.float32]:
    if size < 2 or size % 2 or hop < 1:  # noqa: PLR2004
        raise ValueError(f"a window of {size} samples every {hop}: the window must be even, and both positive")
    if window.shape != (size,):
        raise ValueError(f"the window must be [{size}], got {list(window.shape)}")
    return window


def _beyond(edge: Array, half: int, padding: Padding) -> Array:
    """What lies beyond an end of the sound, of which `edge` would be the mirror."""
    if padding == "constant":
        return silence(half, edge)
    return cast(Array, library(edge).flip(edge, (-1,)))


def _too_short(half: int) -> ValueError:
    return ValueError(f"a sound is mirrored from {half + 1} frames on; write padding='constant'")


def _spectra(samples: Array, count: int, hop: int, window: NDArray[np.float32]) -> Array:
    """Transform `count` windows, some at a time.

    Shape:
        - output: `[..., size / 2 + 1, count]`
    """
    size = len(window)
    if is_tensor(samples):
        return _spectra_of_tensor(samples, count, hop, window)
    spectra = np.empty((*samples.shape[:-1], count, size // 2 + 1), np.complex64)
    if count:
        windows = np.lib.stride_tricks.sliding_window_view(samples, size, -1)[..., ::hop, :]
        for start in range(0, count, step := max(1, AT_ONCE // size)):
            some = slice(start, min(count, start + step))
            np.fft.rfft(windows[..., some, :] * window, out=spectra[..., some, :])
    return spectra.swapaxes(-1, -2)


def _spectra_of_tensor(samples: torch.Tensor, count: int, hop: int, window: NDArray[np.float32]) -> torch.Tensor:
    import torch

    size = len(window)
    if not count:  # MKL refuses to transform nothing
        return samples.new_zeros(*samples.shape[:-1], size // 2 + 1, 0, dtype=torch.complex64)
    windows = samples.unfold(-1, size, hop)[..., :count, :]
    spectra: torch.Tensor = torch.fft.rfft(windows * moved(window, samples))
    return spectra.mT


def istft(spectra: Array, hop: int, frames: int, window: NDArray[np.float32] | None = None) -> Array:
    """The sound whose windows have these spectra, or the nearest to it in the sense of least squares.

    D. W. Griffin and J. S. Lim, Signal estimation from modified short-time Fourier transform (1984), eq. (6).
    What `stft` made comes back within 1e-6 of full scale, whatever its padding.

    Args:
        spectra: as `stft` gives them.
        hop: that of the `stft`.
        frames: length of the sound.
        window: that of the `stft`; `hann` if not given.

    Shape:
        - spectra: `[..., size / 2 + 1, frames // hop + 1]` complex64
        - output: `[..., frames]` float32

    Raises:
        ValueError: the windows leave gaps, or do not reach to the end.

    >>> istft(np.zeros((2, 201, 101), np.complex64), 160, 16000).shape
    (2, 16000)
    """
    size = 2 * (spectra.shape[-2] - 1)
    window = _checked(size, hop, hann(size) if window is None else window)
    count = spectra.shape[-1]
    if count != frames // hop + 1:
        raise ValueError(f"{frames} frames have {frames // hop + 1} spectra at a hop of {hop}, got {count}")
    length = count - 1 + -(-size // hop)
    weights = np.zeros((length, hop))
    _overlap_add(weights, np.broadcast_to(window.astype(np.float64) ** 2, (count, size)))
    ours = slice(size // 2, size // 2 + frames)
    weights = weights.reshape(-1)[ours]
    if frames and weights.min() < GAP:
        raise ValueError(f"windows of {size} samples every {hop} leave gaps; choose a smaller hop")
    total = zeros([*spectra.shape[:-2], length, hop], spectra.real)
    step = max(1, AT_ONCE // size)
    if is_tensor(spectra):
        step = count
    for start in range(0, count, step):
        some = spectra[..., start : start + step].swapaxes(-1, -2)
        windows: Any = library(spectra).fft.irfft(some, size)
        _overlap_add(total[..., start:, :], windows * moved(window, spectra))
    sound = total.reshape([*spectra.shape[:-2], length * hop])[..., ours]
    sound /= moved(weights, spectra)
    return sound


def _overlap_add(total: Array, windows: Array) -> None:
    """Add windows, each one row after the one before.

    Cut into slices as long as a row, slice j of all windows falls on one stretch of rows.

    Shape:
        - total: `[..., rows, hop]`, changed
        - windows: `[..., count, size]`
    """
    (count, size), hop = windows.shape[-2:], total.shape[-1]
    for j in range(-(-size // hop)):
        piece = windows[..., j * hop : (j + 1) * hop]
        total[..., j : j + count, : piece.shape[-1]] += piece
