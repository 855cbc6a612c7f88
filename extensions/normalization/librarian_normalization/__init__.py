"""Loudness for librarian: `measure` it, or `normalize` it to a target (ITU-R BS.1770-4)."""

from __future__ import annotations

from librarian import (
    Audio,
    Fact,
    Field,
    Loudness,
    Many,
    Measurements,
    Operation,
    Resources,
    Settings,
    TruePeak,
    hookimpl,
)


class NormalizeSettings(Settings):
    """Where to, and how far at most."""

    target: Loudness = Field(
        "-16 LUFS",
        ge=-70,
        le=0,
        description="Integrated loudness to reach (LUFS, −70 to 0; ITU-R BS.1770-4).",
    )
    ceiling: TruePeak = Field("-1 dBTP", ge=-20, le=0, description="True peak that is never exceeded (dBTP, −20 to 0).")


class MeasureSettings(Settings):
    """Nothing to set."""


CHANGE = {
    "loudness_before": Fact("Integrated loudness of the input.", "LUFS"),
    "loudness_after": Fact("Integrated loudness of the output.", "LUFS"),
    "true_peak_before": Fact("True peak of the input.", "dBTP"),
    "true_peak_after": Fact("True peak of the output.", "dBTP"),
    "gain": Fact("Gain from input to output.", "dB"),
    "result": Fact("What came of it.", words=("normalized", "held_by_ceiling", "silent", "too_short")),
}

NORMALIZE = Operation(
    name="normalize",
    version="1",
    run="librarian_normalization.normalize:Normalizer",
    settings=NormalizeSettings,
    inputs={"audio": Audio},
    outputs={"audio": Audio, "report": Measurements},
    facts=CHANGE,
    description="Bring a recording to a loudness with one gain, under a true-peak ceiling.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
)

NORMALIZE_GROUP = Operation(
    name="normalize_group",
    version="1",
    run="librarian_normalization.group:GroupNormalizer",
    settings=NormalizeSettings,
    inputs={"audio": Many(Audio)},
    outputs={"audio": Many(Audio)},
    each="group",
    facts=CHANGE,
    description="Bring the recordings of a group to a loudness with one gain for all, so that their balance stays.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
)

MEASURE = Operation(
    name="measure",
    version="1",
    run="librarian_normalization.measure:Meter",
    settings=MeasureSettings,
    inputs={"audio": Audio},
    outputs={"report": Measurements},
    facts={
        "loudness": Fact("Integrated loudness.", "LUFS"),
        "true_peak": Fact("True peak.", "dBTP"),
        "sample_peak": Fact("Greatest sample.", "dBFS"),
        "duration": Fact("Length of the recording.", "s"),
        "result": Fact("What came of it.", words=("measured", "silent", "too_short")),
    },
    description="Measure integrated loudness, true peak and sample peak of a recording.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`normalize`, `normalize_group` and `measure`."""
    return [NORMALIZE, NORMALIZE_GROUP, MEASURE]
