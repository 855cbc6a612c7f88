"""All that is measured of a recording, in one pass over it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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

UNSAID = {1: "mono", 2: "stereo"}
"""Layouts where a file does not say them."""

Value = float | int | str | None

DECIMALS = 4
"""Of a level: finer than any meter, coarser than what machines' logarithms differ by."""
SHARE_DECIMALS = 8
"""Of what is a share of full scale or of the whole."""


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        sample_rate: Hz.
        channels: number of channels.
        layout: of the channels; empty where it is unknown, and loudness therefore not defined.
        frames: the length.
        levels: loudness and peaks.
        quality: what is wrong with the sound.
        spectrum: centres (Hz) and density (dB re full scale² per Hz) of the bands of its long-term average spectrum.
    """

    sample_rate: int
    channels: int
    layout: str
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
            "layout": self.layout or "unknown",
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
        return {name: _plain(name, value) for name, value in found.items()}


def measure(
    stream: AudioStream, progress: Callable[[float], None] = lambda fraction: None, *, any_layout: bool = False
) -> Measured:
    """Measure a sound from its beginning to its end, in constant memory.

    Args:
        stream: a sound that was opened with `librarian.media.open_audio` and not read yet.
        progress: told after each second which fraction has been read, 0 to 1.
        any_layout: measure all but the loudness where that is not defined for the layout: it is nan then.

    Raises:
        UnusableInputError: it is damaged; or `unsupported`: loudness is not defined for its layout or its rate.
    """
    layout, meter = _metered(stream, any_layout)
    ledger = Ledger(stream.sample_rate, stream.channels)
    frames = 0
    for samples in stream.blocks(ledger.second):
        meter.add(samples)
        ledger.add(samples)
        frames += samples.shape[1]
        progress(min(1.0, frames / max(1, stream.frames)))
    levels = meter.levels() if layout else _without_loudness(meter.levels())
    return Measured(stream.sample_rate, stream.channels, layout, frames, levels, ledger.quality(), ledger.spectrum())


def _metered(stream: AudioStream, any_layout: bool) -> tuple[str, Meter]:
    """The name of the layout, empty where it is unknown, and a meter for it."""
    rate, channels = stream.sample_rate, stream.channels
    try:
        try:
            known = weights(channels, stream.layout)
        except ValueError:
            if not any_layout:
                raise
            return "", Meter(rate, [0.0] * channels)
        return stream.layout or UNSAID[channels], Meter(rate, known)
    except ValueError as error:
        raise UnusableInputError("unsupported", str(error)) from None


def _without_loudness(levels: Levels) -> Levels:
    nan = math.nan
    return replace(levels, integrated=nan, momentary_max=nan, short_term_max=nan, loudness_range=nan)


def _plain(name: str, value: Value) -> Value:
    """A value as JSON has it; the sum turns −0 into 0."""
    if not isinstance(value, float):
        return value
    decimals = SHARE_DECIMALS if name in ("clipped_share", "dc_offset", "silence_share", "correlation") else DECIMALS
    return round(value, decimals) + 0.0 if math.isfinite(value) else None
