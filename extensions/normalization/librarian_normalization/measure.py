"""The levels of a recording and what is wrong with its sound: the operation that reports them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from librarian import Measurement, Measurements, Output, Task
from librarian.audio.measuring import Measured, measure
from librarian_normalization import MEASURE, MeasureSettings

if TYPE_CHECKING:
    from librarian.media import AudioStream

REPORTED = {
    "integrated_loudness": "integrated_lufs",
    "loudness_range": "loudness_range_lu",
    "momentary_max": "momentary_max_lufs",
    "short_term_max": "short_term_max_lufs",
    "true_peak": "true_peak_dbtp",
    "sample_peak": "sample_peak_dbfs",
    "clipped_share": "clipped_share",
    "dc_offset": "dc_offset",
    "noise_floor": "noise_floor_dbfs",
    "speech_to_noise": "speech_to_noise_db",
    "bandwidth": "bandwidth_hz",
    "silence_share": "silence_share",
    "dropouts": "dropouts",
    "correlation": "correlation",
}
"""What the report calls a value, and what `librarian.audio.measuring` calls it."""

FACTS = {"integrated_loudness": "loudness"}
"""Facts that are not called as in the report."""

Facts = dict[str, float | bool | str | None]


class Measurer:
    """The operation `measure`."""

    def __init__(self, settings: MeasureSettings, device: str) -> None:
        self.settings = settings

    def __call__(self, task: Task) -> Mapping[str, Output]:
        """Report the levels of one recording."""
        with task.open_audio("audio") as sound:
            measured = measure(cast("AudioStream", sound), task.progress)
        found = measured.values()
        values = {name: _number(found[key]) for name, key in REPORTED.items()}
        values["duration"] = measured.frames / measured.sample_rate
        report = Measurements(measurements=[_measurement(name, value) for name, value in values.items()])
        facts: Facts = {FACTS.get(name, name): value for name, value in values.items()}
        if measured.quality.mono_as_stereo:
            facts["mono_as_stereo"] = measured.quality.mono_as_stereo
        return {"report": Output(report, facts | {"result": _result(measured)})}


def _number(value: float | int | str | None) -> float | None:
    return None if isinstance(value, str) else value


def _measurement(name: str, value: float | None) -> Measurement:
    return Measurement(name=name, value=value, unit=MEASURE.facts[FACTS.get(name, name)].unit)


def _result(measured: Measured) -> str:
    loudness = measured.levels.integrated
    if math.isnan(loudness):
        return "too_short"
    return "measured" if math.isfinite(loudness) else "silent"
