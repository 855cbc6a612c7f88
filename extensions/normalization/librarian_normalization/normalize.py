"""One gain that brings a recording to a loudness, with no peak above a ceiling."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from librarian import Measurement, Measurements, Output, Task
from librarian.audio import loudness, peak
from librarian_normalization import NormalizeSettings
from librarian_normalization.measure import DECIMALS, Levels, measured, rounded


class Normalizer:
    """The operation `normalize`.

    What is reported as "after" was measured on the samples handed over for writing. Rounding them to the
    file's bits, with dither, comes later: it moves a peak by a step or two of the format, loudness by less.
    """

    def __init__(self, settings: NormalizeSettings, device: str) -> None:
        self.settings = settings

    def __call__(self, task: Task) -> Mapping[str, Output]:
        """Normalize one recording."""
        samples, rate = task.read_audio("audio")
        before = measured(samples, rate)
        gain, result = self.gain(before)
        samples, after = applied(samples, rate, before, gain)
        path = task.write_audio("audio", samples, rate)
        return {
            "audio": Output(path, change(before, after, gain) | {"result": result}),
            "report": Output(report(before, after, gain)),
        }

    def gain(self, levels: Levels) -> tuple[float, str]:
        """The gain (dB) and what it achieves; 0 where loudness is not defined.

        It is rounded down to a ten-thousandth of a dB, so that the record states exactly what was applied and
        the ceiling still holds.
        """
        if levels.loudness is None or levels.true_peak is None:
            return 0.0, levels.result
        wanted = loudness.gain_for(levels.powers, self.settings.target)
        allowed = self.settings.ceiling - levels.true_peak
        steps = 10**DECIMALS
        gain = math.floor(min(wanted, allowed) * steps) / steps
        return gain, "normalized" if wanted <= allowed else "held_by_ceiling"


def applied(samples: NDArray[np.float32], rate: int, before: Levels, gain: float) -> tuple[NDArray[np.float32], Levels]:
    """The samples with a gain (dB), and their levels then; untouched where the gain is 0.

    Shape:
        - samples: `[channels, frames]`
        - output: `[channels, frames]`
    """
    if not gain:
        return samples, before
    louder = amplified(samples, gain)
    return louder, measured(louder, rate)


def change(before: Levels, after: Levels, gain: float) -> dict[str, float | str | None]:
    """The facts of a result: levels before and after, and the gain (dB)."""
    return {
        "loudness_before": rounded(before.loudness),
        "loudness_after": rounded(after.loudness),
        "true_peak_before": rounded(before.true_peak),
        "true_peak_after": rounded(after.true_peak),
        "gain": gain,
    }


def amplified(samples: NDArray[np.float32], gain: float) -> NDArray[np.float32]:
    """The samples with a gain in dB.

    Shape:
        - samples: `[channels, frames]`
        - output: `[channels, frames]`
    """
    return samples * np.float32(peak.amplitude(gain))


def report(before: Levels, after: Levels, gain: float) -> Measurements:
    """All levels before and after, and the gain (dB)."""
    return Measurements(
        measurements=[
            *before.measurements("_before"),
            *after.measurements("_after"),
            Measurement(name="gain", value=gain, unit="dB"),
        ]
    )
