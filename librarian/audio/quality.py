"""The quality ledger of a recording: what is wrong with its sound, measured in one pass and in constant memory.

After blocks of any sizes the ledger holds the same, bit for bit: it cuts what comes into seconds of its own.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from librarian.audio.bandwidth import Spectrum, bandwidth
from librarian.audio.clipping import Clipping
from librarian.audio.dropouts import Dropouts
from librarian.audio.kernels import planar
from librarian.audio.levels import NOISE, SPEECH, Floor
from librarian.audio.pairs import MonoAsStereo, Pair
from librarian.audio.windows import WINDOWS_PER_SECOND, window_frames, windows_of

STEREO = 2


@dataclass(frozen=True)
class Quality:
    """What is wrong with a sound; None where something is not defined.

    Attributes:
        frames: its length.
        clipped_runs: runs of cut-off tops, of all channels; see `clipping.Clipping`.
        clipped_share: samples in them, of all samples.
        dc_offset: mean of the channel in which it is farthest from 0 (full scale at 1.0).
        noise_floor: level of the pauses (dBFS RMS: a full-scale sine has −3.01); None where all is digital silence.
        speech_to_noise: dB; see `levels.Floor` for what it can tell and what not. None where noise_floor is.
        bandwidth: up to where the spectrum holds sound (Hz); None in silence. See `bandwidth.bandwidth`.
        silence_share: share of the time below −60 dBFS RMS.
        dropouts: stretches that stand still in the middle of sound; see `dropouts.Dropouts`.
        dropout_seconds: their length, of all channels (s).
        correlation: of both channels, −1…1; None unless there are two and both hold sound.
        mono_as_stereo: whether, and how, the two channels are one: see `pairs.Pair`. None unless there are two.
        channel_gain: level of the second channel above the first (dB), where they are alike up to a gain.
    """

    frames: int
    clipped_runs: int
    clipped_share: float
    dc_offset: float
    noise_floor: float | None
    speech_to_noise: float | None
    bandwidth: float | None
    silence_share: float
    dropouts: int
    dropout_seconds: float
    correlation: float | None
    mono_as_stereo: MonoAsStereo | None
    channel_gain: float | None


class Ledger:
    """Measures the quality of a sound that comes block by block.

    Args:
        rate: Hz.
        channels: how many.

    >>> ledger = Ledger(8000, 2)
    >>> ledger.add(np.zeros((2, 12000), np.float32))
    >>> ledger.quality().silence_share
    1.0
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.second = WINDOWS_PER_SECOND * window_frames(rate)
        """Frames that are looked at together: blocks of as many are not copied."""
        self._rate = rate
        self._waiting = np.empty((channels, self.second), np.float32)
        self._held = 0
        self._measures = _Measures(rate, channels)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take in what comes next; samples are finite.

        Shape:
            - samples: `[channels, frames]`
        """
        samples = planar(samples)
        at = 0
        while at < samples.shape[1]:
            if not self._held and samples.shape[1] - at >= self.second:
                self._measures.add(np.ascontiguousarray(samples[:, at : at + self.second]))
                at += self.second
                continue
            taken = min(self.second - self._held, samples.shape[1] - at)
            self._waiting[:, self._held : self._held + taken] = samples[:, at : at + taken]
            self._held += taken
            at += taken
            if self._held == self.second:
                self._measures.add(self._waiting)
                self._held = 0

    def quality(self) -> Quality:
        """What was found up to here; more may be added afterwards."""
        return self._ended().quality()

    def spectrum(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The long-term average spectrum up to here; see `bandwidth.Spectrum.bands`."""
        return self._ended().spectrum.bands()

    def _ended(self) -> _Measures:
        measures = copy.deepcopy(self._measures)
        if self._held:
            measures.add(np.ascontiguousarray(self._waiting[:, : self._held]))
        return measures


class _Measures:
    """What is carried from second to second."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._channels = rate, channels
        self._window = window_frames(rate)
        self._last = np.zeros(channels, np.float32)
        self._frames = 0
        self._sums = np.zeros(channels)
        self._clipping = Clipping(channels)
        self._dropouts = Dropouts(rate, channels)
        self._floor = Floor()
        self._pair = Pair() if channels == STEREO else None
        self.spectrum = Spectrum(rate)

    def add(self, samples: NDArray[np.float32]) -> None:
        windows = windows_of(samples, self._last, self._window)
        self._frames += samples.shape[1]
        self._sums += windows.sums.sum(axis=1)
        self._clipping.add(samples, windows, self._window, self._last)
        self._dropouts.add(samples, windows, self._window, self._last, self._clipping.tops)
        self._floor.add(windows)
        if self._pair:
            self._pair.add(samples, windows)
        self.spectrum.add(samples)
        self._last = samples[:, -1].copy()

    def quality(self) -> Quality:
        frames = self._frames
        means = self._sums / max(1, frames)
        noise, speech = self._floor.level(NOISE), self._floor.level(SPEECH)
        alike, gain = self._pair.alike() if self._pair and frames else (None, None)
        return Quality(
            frames=frames,
            clipped_runs=self._clipping.runs,
            clipped_share=self._clipping.samples / max(1, frames * self._channels),
            dc_offset=float(max(means, key=abs, default=0.0)),
            noise_floor=noise,
            speech_to_noise=None if noise is None or speech is None else speech - noise,
            bandwidth=None if noise is None else bandwidth(*self.spectrum.bands(), self._rate / 2),
            silence_share=self._floor.silence_share,
            dropouts=self._dropouts.runs,
            dropout_seconds=self._dropouts.frames / self._rate,
            correlation=self._pair.correlation if self._pair and frames else None,
            mono_as_stereo=alike,
            channel_gain=gain,
        )
