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
        self._start = 0  # where in what is pending the next window starts
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
    stream: IstftStream[Array] = IstftStream(2 * (spectra.shape[-2] - 1), hop, window)
    return joined([stream.add(spectra), stream.end(frames)])


class IstftStream(Generic[Array]):
    """`istft` of a stream. However it is cut into blocks, the same bits come out (of tensors: within 1e-6).

    `add` gives the sound that is complete so far, `end` the rest. Arguments and errors are those of `istft`, and
    `size` that of the `stft`.

    >>> stream = IstftStream(400, 160)
    >>> first = stream.add(np.zeros((2, 201, 60), np.complex64))
    >>> second = stream.add(np.zeros((2, 201, 41), np.complex64))
    >>> [part.shape[-1] for part in (first, second, stream.end(16000))]
    [9400, 6560, 40]
    """

    def __init__(self, size: int, hop: int, window: NDArray[np.float32] | None = None) -> None:
        self._window = _checked(size, hop, hann(size) if window is None else window)
        self._size, self._hop = size, hop
        self._over = -(-size // hop) - 1  # rows of `hop` samples that a window reaches beyond its own
        self._late = int(hop > size // 2)  # rows that are kept when complete: the sound may end within them
        self._sums: Array | None = None
        self._weights = np.zeros(self._over * hop)
        self._before = size // 2  # samples still to come before the first of the sound
        self._windows = self._given = 0

    def add(self, spectra: Array) -> Array:
        """Take a block and give the sound that is complete.

        Shape:
            - spectra: `[..., size / 2 + 1, *]`, the same for all blocks but for the last
            - output: `[..., *]`
        """
        if spectra.ndim < 2 or spectra.shape[-2] != self._size // 2 + 1:  # noqa: PLR2004
            raise ValueError(f"spectra must be [..., {self._size // 2 + 1}, windows], got {list(spectra.shape)}")
        hop, count = self._hop, spectra.shape[-1]
        kept = zeros([*spectra.shape[:-2], len(self._weights)], spectra.real) if self._sums is None else self._sums
        first = len(self._weights) // hop - self._over
        self._sums = joined([kept, silence(count * hop, kept)])
        self._weights = np.append(self._weights, np.zeros(count * hop))
        squares = np.broadcast_to(self._window.astype(np.float64) ** 2, (count, self._size))
        _overlap_add(_rows(self._weights, hop)[first:], squares)
        _add_windows(_rows(self._sums, hop)[..., first:, :], spectra, self._window)
        self._windows += count
        return self._next(max(0, first + count - self._late) * hop)

    def end(self, frames: int) -> Array:
        """Give what is left of a sound of so many frames, once, after the last block.

        Shape:
            - output: `[..., *]`

        Raises:
            ValueError: it has another number of spectra than were added, or windows leave gaps.
        """
        count = frames // self._hop + 1
        if self._sums is None or self._windows != count:
            raise ValueError(f"{frames} frames have {count} spectra at a hop of {self._hop}, got {self._windows}")
        return self._next(self._before + frames - self._given)

    def _next(self, samples: int) -> Array:
        """So many of the sums, over the sums of their squared windows; without those before the sound."""
        held, weights = cast(Array, self._sums), self._weights[:samples]
        outside = min(self._before, samples)
        if len(weights) < samples or (samples > outside and weights[outside:].min() < GAP):
            raise ValueError(f"windows of {self._size} samples every {self._hop} leave gaps; choose a smaller hop")
        self._sums, self._weights = held[..., samples:], self._weights[samples:]
        self._before -= outside
        self._given += samples - outside
        sound: Any = held[..., outside:samples] / moved(weights[outside:], held)
        return cast(Array, sound)


def _rows(sums: Array, hop: int) -> Array:
    rows: Any = sums.reshape([*sums.shape[:-1], sums.shape[-1] // hop, hop])
    return cast(Array, rows)


def _add_windows(sums: Array, spectra: Array, window: NDArray[np.float32]) -> None:
    """Add the windows that have these spectra, some at a time."""
    step = max(1, AT_ONCE // len(window))
    if is_tensor(spectra):
        step = max(1, spectra.shape[-1])
    for start in range(0, spectra.shape[-1], step):
        some = spectra[..., start : start + step].swapaxes(-1, -2)
        windows: Any = library(spectra).fft.irfft(some, len(window))
        _overlap_add(sums[..., start:, :], windows * moved(window, spectra))


def _overlap_add(total: Array, windows: Array) -> None:
    """Add windows, each one row after the one before.

    Cut into slices as long as a row, slice j of all windows falls on one stretch of rows. The last slice comes first:
    so a row sums its windows in their order, whatever came in an earlier call.

    Shape:
        - total: `[..., rows, hop]`, changed
        - windows: `[..., count, size]`
    """
    (count, size), hop = windows.shape[-2:], total.shape[-1]
    for j in reversed(range(-(-size // hop))):
        piece = windows[..., j * hop : (j + 1) * hop]
        total[..., j : j + count, : piece.shape[-1]] += piece
