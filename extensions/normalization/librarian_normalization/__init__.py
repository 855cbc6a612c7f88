"""Loudness for librarian: `measure` it, or `normalize` it to a target (ITU-R BS.1770-5)."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import ValidationInfo, field_validator

from librarian import (
    Audio,
    Fact,
    Field,
    Frequency,
    LoudnessRange,
    Many,
    Measurements,
    Operation,
    Quantity,
    Resources,
    Settings,
    TruePeak,
    hookimpl,
)

UNITS = {"loudness": ("LUFS", "LKFS"), "peak": ("dBTP",), "rms": ("dBFS",)}
"""How a target is written, by what is brought to it."""

Target = Annotated[
    float,
    Quantity("LUFS", unit_by={"by": {by: units[0] for by, units in UNITS.items()}}, LKFS=1.0, dBTP=1.0, dBFS=1.0),
]


class NormalizeSettings(Settings):
    """Where to, how far at most, and by which means."""

    by: Literal["loudness", "peak", "rms"] = Field(
        "loudness",
        description="What is brought to the target: integrated loudness (ITU-R BS.1770-5), true peak, or RMS level.",
    )
    target: Target = Field(
        "-16 LUFS",
        ge=-70,
        le=0,
        description="Level to reach (−70 to 0): in LUFS by loudness, in dBTP by peak, in dBFS by rms.",
    )
    ceiling: TruePeak = Field("-1 dBTP", ge=-20, le=0, description="True peak that is never exceeded (dBTP, −20 to 0).")
    limiter: bool = Field(
        False,
        description="Whether peaks that would rise above the ceiling are limited, so that the target is reached.",
    )
    leave_within: LoudnessRange = Field(
        "0 LU", ge=0, le=20, description="How far from the target a sound may be and is left alone (LU, 0 to 20)."
    )
    remove_dc: bool = Field(False, description="Whether the mean of each channel is taken off first.")
    high_pass: Frequency = Field(
        "0 Hz",
        ge=0,
        le=1000,
        description="Corner of a high-pass of 24 dB an octave that comes first (Hz, up to 1000; 0 for none).",
    )
    meter: Literal["librarian", "pyloudnorm"] = Field(
        "librarian",
        description="What measures loudness; pyloudnorm holds the whole sound in memory, and must be installed.",
    )

    @field_validator("target", mode="before")
    @classmethod
    def _target_fits(cls, value: Any, info: ValidationInfo) -> Any:
        by = info.data.get("by", "loudness")
        unit = re.search(r"[A-Za-z]+$", value.strip()) if isinstance(value, str) else None
        if unit and unit[0] not in UNITS[by] and any(unit[0] in units for units in UNITS.values()):
            raise ValueError(f"a target by {by} is given in {UNITS[by][0]}, not in {unit[0]}")
        return value

    @field_validator("ceiling")
    @classmethod
    def _ceiling_is_above(cls, value: float, info: ValidationInfo) -> float:
        if info.data.get("by") == "peak" and value < info.data.get("target", value):
            raise ValueError("lies below the peak that is the target; raise it, or lower the target")
        return value

    @field_validator("meter")
    @classmethod
    def _meter_is_there(cls, value: str) -> str:
        if value == "pyloudnorm" and find_spec("pyloudnorm") is None:
            raise ValueError("pyloudnorm is not installed: pip install pyloudnorm")
        return value


class MeasureSettings(Settings):
    """Nothing to set."""


CHANGE = {
    "loudness_before": Fact("Integrated loudness of the input.", "LUFS"),
    "loudness_after": Fact("Integrated loudness of the output.", "LUFS"),
    "true_peak_before": Fact("True peak of the input.", "dBTP"),
    "true_peak_after": Fact("True peak of the output.", "dBTP"),
    "rms_before": Fact("RMS level of the input, by rms.", "dBFS"),
    "rms_after": Fact("RMS level of the output, by rms.", "dBFS"),
    "gain": Fact("Gain from input to output.", "dB"),
    "result": Fact(
        "What came of it.",
        words=("normalized", "limited", "held_by_ceiling", "left_alone", "silent", "too_short"),
    ),
    "reduction_max": Fact("Most that the limiter took away.", "dB"),
    "reduction_mean": Fact("What it took away over the time that it limited.", "dB"),
    "limited_share": Fact("Share of the time that it limited, by more than 0.1 dB."),
    "dc_removed": Fact("Greatest offset that was taken off a channel; full scale is 1."),
}

NORMALIZE = Operation(
    name="normalize",
    version="2",
    run="librarian_normalization.normalize:Normalizer",
    settings=NormalizeSettings,
    inputs={"audio": Audio},
    outputs={"audio": Audio, "report": Measurements},
    facts=CHANGE,
    description="Bring a recording to a loudness with one gain, under a true-peak ceiling.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
    keeps_clean=True,
)

NORMALIZE_GROUP = Operation(
    name="normalize_group",
    version="2",
    run="librarian_normalization.normalize:GroupNormalizer",
    settings=NormalizeSettings,
    inputs={"audio": Many(Audio)},
    outputs={"audio": Many(Audio)},
    each="group",
    facts=CHANGE,
    description="Bring the recordings of a group to a loudness with one gain for all, so that their balance stays.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
    keeps_clean=True,
)

MEASURE = Operation(
    name="measure",
    version="2",
    run="librarian_normalization.measure:Measurer",
    settings=MeasureSettings,
    inputs={"audio": Audio},
    outputs={"report": Measurements},
    facts={
        "loudness": Fact("Integrated loudness.", "LUFS"),
        "loudness_range": Fact("Loudness range.", "LU"),
        "momentary_max": Fact("Loudest 400 ms.", "LUFS"),
        "short_term_max": Fact("Loudest 3 s.", "LUFS"),
        "true_peak": Fact("True peak.", "dBTP"),
        "sample_peak": Fact("Greatest sample.", "dBFS"),
        "duration": Fact("Length of the recording.", "s"),
        "clipped_share": Fact("Share of the samples that were cut off."),
        "dc_offset": Fact("Offset of the channel in which it is greatest; full scale is 1."),
        "noise_floor": Fact("Level of the pauses.", "dBFS"),
        "speech_to_noise": Fact("Level of speech above the pauses.", "dB"),
        "bandwidth": Fact("Up to where there is sound.", "Hz"),
        "silence_share": Fact("Share of the time below −60 dBFS."),
        "dropouts": Fact("Stretches that stand still in the middle of sound."),
        "correlation": Fact("Of two channels, −1 to 1."),
        "mono_as_stereo": Fact(
            "Whether two channels are one, and how.", words=("no", "identical", "rounding", "gain", "one_empty")
        ),
        "result": Fact("What came of it.", words=("measured", "silent", "too_short")),
    },
    description="Measure loudness and peaks of a recording, and what is wrong with its sound.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`normalize`, `normalize_group` and `measure`."""
    return [NORMALIZE, NORMALIZE_GROUP, MEASURE]
