"""A high-pass: takes the deep end out of a sound."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from librarian.audio.kernels import planar
from librarian.compiled import kernel

MOST_ORDER = 8

FORGOTTEN = 1e-30
"""Where input and states lie below it the states are 0: in silence they would decay to subnormals, which are slow."""


def butterworth_high_pass(rate: int, frequency: float, order: int) -> NDArray[np.float64]:
    """A Butterworth high-pass as second-order sections, through the prewarped bilinear transform.

    The poles of the analog prototype lie on the unit circle (Butterworth 1930), its pairs have
    Q = 1 / (2 sin((2 k + 1) π / (2 order))); an odd order has a real pole beside them.

    Args:
        rate: Hz.
        frequency: Hz, where it is 3 dB down; above 0, below half the rate.
        order: 1 to 8; each takes 6 dB an octave.

    Shape:
        - output: `[(order + 1) // 2, 5]`, each b0, b1, b2, a1, a2 with a0 = 1

    Raises:
        ValueError: the frequency or the order lies outside its range.

    >>> butterworth_high_pass(48000, 80.0, 2).round(6).tolist()
    [[0.992623, -1.985245, 0.992623, -1.985191, 0.9853]]
    """
    if not 0 < frequency < rate / 2:
        raise ValueError(f"a high-pass at {rate} Hz lies between 0 and {rate / 2:g} Hz, not at {frequency:g} Hz")
    if not 1 <= order <= MOST_ORDER:
        raise ValueError(f"the order is 1 to {MOST_ORDER}, not {order}")
    k = math.tan(math.pi * frequency / rate)
    sections = [_pair(k, 2.0 * math.sin((2 * pair + 1) * math.pi / (2 * order))) for pair in range(order // 2)]
    if order % 2:
        sections.append((1.0 / (1.0 + k), -1.0 / (1.0 + k), 0.0, (k - 1.0) / (k + 1.0), 0.0))
    return np.array(sections)


def _pair(k: float, damping: float) -> tuple[float, ...]:
    a0 = 1.0 + damping * k + k * k
    return 1.0 / a0, -2.0 / a0, 1.0 / a0, 2.0 * (k * k - 1.0) / a0, (1.0 - damping * k + k * k) / a0


class HighPass:
    """A Butterworth high-pass on a sound that comes in blocks. The result does not depend on their sizes.

    Against rumble, wind, hum and breath below a voice. It starts from silence: a sound with an offset begins with a
    thump unless the offset is taken off before (`librarian.audio.moments`).

    Args:
        rate: Hz.
        channels: of the sound.
        frequency: Hz, where it is 3 dB down; above 0, below half the rate.
        order: 1 to 8; each takes 6 dB an octave.

    Raises:
        ValueError: the frequency or the order lies outside its range.

    >>> high_pass = HighPass(48000, 1, 80.0)
    >>> bool(abs(high_pass.add(np.ones((1, 48000), np.float32))[0, -1]) < 1e-6)
    True
    """

    def __init__(self, rate: int, channels: int, frequency: float, order: int = 4) -> None:
        self._sections = butterworth_high_pass(rate, frequency, order)
        self._state = np.zeros((channels, len(self._sections), 2))

    def add(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Take a block and give it back filtered.

        Args:
            samples: finite.

        Shape:
            - samples: `[channels, frames]`
            - output: `[channels, frames]`

        Raises:
            ValueError: samples are not `[channels, frames]` with as many channels as before.
        """
        samples = planar(samples)
        if len(samples) != len(self._state):
            raise ValueError(f"expected {len(self._state)} channels, got {len(samples)}")
        out = np.empty_like(samples)
        for channel, filtered, state in zip(samples, out, self._state, strict=True):
            _filter(channel, self._sections, state, filtered)
        return out


@kernel
def _filter(
    x: NDArray[np.float32], sections: NDArray[np.float64], state: NDArray[np.float64], out: NDArray[np.float32]
) -> None:
    """Sections one after the other, transposed direct form II, in double precision between them."""
    for i in range(x.size):
        value = np.float64(x[i])
        for section in range(sections.shape[0]):
            b0, b1, b2, a1, a2 = sections[section]
            y = b0 * value + state[section, 0]
            first = b1 * value - a1 * y + state[section, 1]
            second = b2 * value - a2 * y
            silent = max(abs(value), abs(first), abs(second)) < FORGOTTEN
            state[section, 0] = 0.0 if silent else first
            state[section, 1] = 0.0 if silent else second
            value = y
        out[i] = value
