"""Recordings in other forms for librarian: `convert` changes rate, channels and format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ValidationInfo, field_validator

from librarian import Audio, Fact, Field, Frequency, Operation, Quantity, Resources, Settings, hookimpl

RATES: Mapping[str, tuple[int, ...]] = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "m4a": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
    "opus": (8000, 12000, 16000, 24000, 48000),
}
"""Sample rates (Hz) of the formats for listening."""

BitRate = Annotated[float, Quantity("kbit/s")]


class ConvertSettings(Settings):
    """What is to be another."""

    format: Literal["job", "mp3", "m4a", "opus"] = Field(
        "job",
        description="The job's format (flac or wav, with its bits), or a copy to listen to: mp3, m4a (AAC), opus.",
    )
    rate: Frequency = Field(
        "0 Hz",
        ge=0,
        le=384_000,
        description="Sample rate (whole Hz; 0 for the recording's, or the next above it that the format has).",
    )
    channels: Literal["leave", "mono", "stereo"] = Field(
        "leave", description="Mixed down after ITU-R BS.775, or left; copies to listen to are stereo at the most."
    )
    bitrate: BitRate = Field(
        "128 kbit/s", ge=16, le=320, description="Of a copy to listen to (kbit/s, 16 to 320), both channels together."
    )

    @field_validator("rate")
    @classmethod
    def _rate_is_there(cls, value: float, info: ValidationInfo) -> float:
        if value != round(value):
            raise ValueError("a sample rate is a whole number of Hz")
        rates = RATES.get(info.data.get("format", ""), ())
        if value and rates and value not in rates:
            raise ValueError(f"{info.data['format']} has the rates {', '.join(map(str, rates))} Hz")
        return value


CONVERT = Operation(
    name="convert",
    version="1",
    run="librarian_conversion.convert:convert",
    settings=ConvertSettings,
    inputs={"audio": Audio},
    outputs={"audio": Audio},
    facts={
        "gain": Fact("What was taken off so that nothing is cut off; 0 where all fits.", "dB"),
        "peak": Fact("Greatest sample of the result, before it is encoded.", "dBFS"),
        "source_rate": Fact("Sample rate of the input.", "Hz"),
        "source_channels": Fact("Channels of the input."),
    },
    description="Change sample rate, channels or format of a recording, or make a copy to listen to.",
    resources=Resources(memory="512 MiB"),
    reproducible="tolerance",
    keeps_clean=True,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`convert`."""
    return [CONVERT]
