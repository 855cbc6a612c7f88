"""The levels of a sound, and what a gain makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from librarian import Measurement, UnusableInputError
from librarian.audio import loudness
from librarian.audio.layout import weights
from librarian.audio.meter import Levels as Metered
from librarian.audio.meter import Meter
from librarian.audio.moments import Moments, to_rms
from librarian.media import Sampled, floats
from librarian_normalization import NormalizeSettings

DECIMALS = 4
"""Of every level that is reported: finer than any meter, coarser than what machines' logarithms differ by."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """The levels of a sound.

    Attributes:
        loudness: integrated, LUFS; −inf where nothing is louder than −70 LUFS, nan under 400 ms.
        true_peak: dBTP; −inf for digital silence.
        sample_peak: dBFS; −inf for digital silence.
        powers: of each gating block, `[blocks]`.
        power: mean square of all samples.
        frames: the length.
    """

    loudness: float
    true_peak: float
    sample_peak: float
    powers: NDArray[np.float64]
    power: float
    frames: int

    def value(self, by: str) -> float:
        """The level that is brought to a target."""
        return {"loudness": self.loudness, "peak": self.true_peak, "rms": to_rms(self.power)}[by]

    def amplified(self, gain: float) -> Levels:
        """The levels after a gain (dB): exact, for the gates are applied anew to the powers of the blocks."""
        if not gain:
            return self
        powers = self.powers * math.pow(10.0, gain / 10.0)
        return Levels(
            loudness=loudness.gated(powers) if powers.size else math.nan,
            true_peak=self.true_peak + gain,
            sample_peak=self.sample_peak + gain,
            powers=powers,
            power=self.power * math.pow(10.0, gain / 10.0),
            frames=self.frames,
        )

    def measurements(self, when: str) -> list[Measurement]:
        """For a report; `when` ends the names."""
        return [
            Measurement(name=f"integrated_loudness_{when}", value=reported(self.loudness), unit="LUFS"),
            Measurement(name=f"true_peak_{when}", value=reported(self.true_peak), unit="dBTP"),
            Measurement(name=f"sample_peak_{when}", value=reported(self.sample_peak), unit="dBFS"),
        ]


def reported(level: float) -> float | None:
    """A level as it is reported, None where it is not defined; the sum turns −0 into 0."""
    return round(level, DECIMALS) + 0.0 if math.isfinite(level) else None


def together(levels: Sequence[Levels]) -> Levels:
    """The levels of sounds played one after the other: all gating blocks, the highest peaks."""
    if len(levels) == 1:
        return levels[0]
    powers = np.concatenate([each.powers for each in levels])
    frames = sum(each.frames for each in levels)
    return Levels(
        loudness=loudness.gated(powers) if powers.size else math.nan,
        true_peak=max(each.true_peak for each in levels),
        sample_peak=max(each.sample_peak for each in levels),
        powers=powers,
        power=sum(each.power * each.frames for each in levels) / max(1, frames),
        frames=frames,
    )


class _Metering(Protocol):
    def add(self, samples: Sampled) -> None: ...

    def levels(self) -> Metered: ...


class LevelMeter:
    """Measures a sound that comes in blocks, as the settings say.

    Args:
        settings: those of the operation.
        rate: Hz.
        channels: of the sound.
        layout: their order.

    Raises:
        UnusableInputError: `unsupported` where loudness is not defined for the layout or the rate.
    """

    def __init__(self, settings: NormalizeSettings, rate: int, channels: int, layout: str) -> None:
        try:
            meter = Meter(rate, weights(channels, layout))
        except ValueError as error:
            raise UnusableInputError("unsupported", str(error)) from None
        self._meter: _Metering = meter
        if settings.meter == "pyloudnorm":
            from librarian_normalization.peer import PyloudnormMeter

            self._meter = PyloudnormMeter(meter, rate, channels, layout)
        self._needs_moments = settings.by == "rms" or settings.remove_dc
        self.moments = Moments(channels)
        self._frames = 0

    def add(self, samples: Sampled) -> None:
        """Take a block, `[channels, frames]`."""
        self._meter.add(samples)
        if self._needs_moments:
            self.moments.add(floats(samples))
        self._frames += samples.shape[1]

    def heard(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """The blocks of a sound, measured as they pass."""
        for samples in blocks:
            self.add(samples)
            yield samples

    def all_of(self, blocks: Iterable[Sampled]) -> Levels:
        """The levels of a whole sound."""
        for samples in blocks:
            self.add(samples)
        return self.levels()

    def levels(self) -> Levels:
        """The levels of what came."""
        found = self._meter.levels()
        return Levels(
            loudness=found.integrated,
            true_peak=found.true_peak,
            sample_peak=found.sample_peak,
            powers=found.powers,
            power=self.moments.power(),
            frames=self._frames,
        )
