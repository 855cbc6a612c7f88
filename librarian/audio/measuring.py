"""All that is measured of a recording, in one pass over it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from librarian.audio.curves import Curves, curves
from librarian.audio.layout import weights
from librarian.audio.meter import Levels, Meter
from librarian.audio.quality import Ledger, Quality
from librarian.errors import UnusableInputError

if TYPE_CHECKING:
    from librarian.media import AudioStream

Value = float | int | str | None

DECIMALS = 4
"""Of every value: finer than any meter, coarser than what machines' logarithms differ by."""


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        sample_rate: Hz.
        channels: number of channels.
        frames: the length.
        levels: loudness and peaks.
        quality: what is wrong with the sound.
        spectrum: centres (Hz) and density (dB re full scale² per Hz) of the bands of its long-term average spectrum.
    """

    sample_rate: int
    channels: int
    frames: int
    levels: Levels
    quality: Quality
    spectrum: tuple[NDArray[np.float64], NDArray[np.float64]] = field(repr=False, compare=False)

    def curves(self) -> Curves:
        """What a picture of it is drawn from."""
        return curves(self.levels.powers, self.spectrum)

    def values(self) -> dict[str, Value]:
        """Every value under a name that ends with its unit; what is not defined, or minus infinity, is None."""
        levels, quality = self.levels, self.quality
        found: dict[str, Value] = {
            "seconds": self.frames / self.sample_rate,
            "sample_rate_hz": self.sample_rate,
            "channels": self.channels,
            "integrated_lufs": levels.integrated,
            "loudness_range_lu": levels.loudness_range,
            "momentary_max_lufs": levels.momentary_max,
            "short_term_max_lufs": levels.short_term_max,
            "true_peak_dbtp": levels.true_peak,
            "sample_peak_dbfs": levels.sample_peak,
            "clipped_runs": quality.clipped_runs,
            "clipped_share": quality.clipped_share,
            "dc_offset": quality.dc_offset,
            "noise_floor_dbfs": quality.noise_floor,
            "speech_to_noise_db": quality.speech_to_noise,
            "bandwidth_hz": quality.bandwidth,
            "silence_share": quality.silence_share,
            "dropouts": quality.dropouts,
            "dropout_seconds": quality.dropout_seconds,
            "correlation": quality.correlation,
            "mono_as_stereo": quality.mono_as_stereo,
            "channel_gain_db": quality.channel_gain,
        }
        return {name: _plain(value) for name, value in found.items()}


def measure(stream: AudioStream, progress: Callable[[float], None] = lambda fraction: None) -> Measured:
    """Measure a sound from its beginning to its end, in constant memory.

    Args:
        stream: a sound that was opened with `librarian.media.open_audio` and not read yet.
        progress: told after each second which fraction has been read, 0 to 1.

    Raises:
        UnusableInputError: it is damaged; or `unsupported`: loudness is not defined for its layout or its rate.
    """
    try:
        meter = Meter(stream.sample_rate, weights(stream.channels, stream.layout))
    except ValueError as error:
        raise UnusableInputError("unsupported", str(error)) from None
    ledger = Ledger(stream.sample_rate, stream.channels)
    frames = 0
    for samples in stream.blocks(ledger.second):
        meter.add(samples)
        ledger.add(samples)
        frames += samples.shape[1]
        progress(min(1.0, frames / max(1, stream.frames)))
    return Measured(stream.sample_rate, stream.channels, frames, meter.levels(), ledger.quality(), ledger.spectrum())


def _plain(value: Value) -> Value:
    """A value as JSON has it; the sum turns −0 into 0."""
    if not isinstance(value, float):
        return value
    return round(value, DECIMALS) + 0.0 if math.isfinite(value) else None
