"""The levels of a recording, and the operation that reports them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from librarian import Measurement, Measurements, Output, Task, UnusableInputError
from librarian.audio import loudness, peak
from librarian_normalization import MeasureSettings

DECIMALS = 4
"""Of every level that is reported: finer than any meter, coarser than what machines' logarithms differ by."""


@dataclass(frozen=True)
class Levels:
    """The levels of a recording; None where one is not defined.

    Attributes:
        result: `silent` where nothing is louder than −70 LUFS, `too_short` under 400 ms.
        powers: of each gating block, `[blocks]`; see `librarian.audio.loudness.block_powers`.
        loudness: integrated loudness, LUFS.
        true_peak: dBTP.
        sample_peak: dBFS.
    """

    result: Literal["measured", "silent", "too_short"]
    powers: NDArray[np.float64]
    loudness: float | None
    true_peak: float | None
    sample_peak: float | None

    def measurements(self, when: str = "") -> list[Measurement]:
        """For a report; `when` ends the names."""
        return [
            Measurement(name=f"integrated_loudness{when}", value=rounded(self.loudness), unit="LUFS"),
            Measurement(name=f"true_peak{when}", value=rounded(self.true_peak), unit="dBTP"),
            Measurement(name=f"sample_peak{when}", value=rounded(self.sample_peak), unit="dBFS"),
        ]


def rounded(level: float | None) -> float | None:
    """A level as it is reported; the sum turns −0 into 0."""
    return None if level is None else round(level, DECIMALS) + 0.0


def measured(samples: NDArray[np.float32], rate: int) -> Levels:
    """Measure a recording.

    Shape:
        - samples: `[channels, frames]`, mono or stereo

    Raises:
        UnusableInputError: `corrupt` where a sample is not finite; `unsupported` where it is neither mono nor
            stereo, or its rate is below 4 kHz.
    """
    _check(samples, rate)
    too_short = samples.shape[1] < loudness.block_frames(rate)
    powers = np.empty(0) if too_short else loudness.block_powers(samples, rate)
    value = _defined(loudness.gated(powers))
    return Levels(
        result="too_short" if too_short else "silent" if value is None else "measured",
        powers=powers,
        loudness=value,
        true_peak=_defined(peak.decibels(peak.true_peak(samples, rate))),
        sample_peak=_defined(peak.decibels(peak.sample_peak(samples))),
    )


def _check(samples: NDArray[np.float32], rate: int) -> None:
    channels = len(samples)
    if channels not in loudness.CHANNEL_WEIGHTS:
        raise UnusableInputError(
            "unsupported", f"loudness is measured in mono and stereo, this has {channels} channels"
        )
    if rate < loudness.LOWEST_RATE:
        raise UnusableInputError(
            "unsupported", f"loudness is measured from {loudness.LOWEST_RATE} Hz, this has {rate} Hz"
        )
    if not math.isfinite(peak.sample_peak(samples)):
        raise UnusableInputError("corrupt", "some samples are not numbers (NaN or infinity)")


def _defined(level: float) -> float | None:
    return level if math.isfinite(level) else None


class Meter:
    """The operation `measure`."""

    def __init__(self, settings: MeasureSettings, device: str) -> None:
        self.settings = settings

    def __call__(self, task: Task) -> Mapping[str, Output]:
        """Report the levels of one recording."""
        samples, rate = task.read_audio("audio")
        levels = measured(samples, rate)
        duration = samples.shape[1] / rate
        report = Measurements(
            measurements=[*levels.measurements(), Measurement(name="duration", value=duration, unit="s")]
        )
        facts = {
            "loudness": rounded(levels.loudness),
            "true_peak": rounded(levels.true_peak),
            "sample_peak": rounded(levels.sample_peak),
            "duration": duration,
            "result": levels.result,
        }
        return {"report": Output(report, facts)}
