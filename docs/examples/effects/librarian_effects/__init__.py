"""An example of an extension for librarian: `effects` puts recordings through a chain of pedalboard."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from librarian import Audio, Duration, Fact, Field, Frequency, Gain, Level, Operation, Resources, Settings, hookimpl

GATE_OFF = -100.0
"""A threshold (dBFS) below which there is nothing to shut out."""


class EffectsSettings(Settings):
    """The chain, in the order in which the sound passes it. What is left at its default is left out."""

    high_pass: Frequency = Field("0 Hz", ge=0, le=1000, description="What lies below goes (Hz, 0 to 1000; 0: off).")
    low_pass: Frequency = Field("0 Hz", ge=0, le=20_000, description="What lies above goes (Hz, to 20 000; 0: off).")
    gate: Level = Field("-100 dBFS", ge=-100, le=0, description="Below it is silence (dBFS, −100 to 0; −100: off).")
    threshold: Level = Field("0 dBFS", ge=-60, le=0, description="The compressor's (dBFS, −60 to 0; 0: off).")
    ratio: float = Field(4.0, ge=1, le=20, description="The compressor's: so many dB above come out as 1 (1 to 20).")
    attack: Duration = Field("5 ms", ge=0.0001, le=0.5, description="How fast it closes (s, 0.0001 to 0.5).")
    release: Duration = Field("100 ms", ge=0.001, le=5, description="How fast it opens (s, 0.001 to 5).")
    gain: Gain = Field("0 dB", ge=-60, le=60, description="Behind the compressor (dB, −60 to 60).")
    reverb: float = Field(0.0, ge=0, le=1, description="How much of the sound comes from the room (0 to 1; 0: off).")
    room: float = Field(0.5, ge=0, le=1, description="How large that is (0 to 1).")


EFFECTS = Operation(
    name="effects",
    version="1",
    run="librarian_effects.chain:effects",
    settings=EffectsSettings,
    inputs={"audio": Audio},
    outputs={"audio": Audio},
    facts={
        "peak": Fact("Greatest sample of what the chain made; null of silence.", "dBFS"),
        "turned_down": Fact("What was taken off behind the chain so that nothing is cut off.", "dB"),
        "effects": Fact("How many stood in the chain."),
    },
    description="Put a recording through filters, a gate, a compressor, gain and reverb.",
    resources=Resources(memory="512 MiB"),
    reproducible="tolerance",
    example={"high_pass": "80 Hz", "threshold": "-24 dBFS", "reverb": 0.2},
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`effects`."""
    return [EFFECTS]


@hookimpl
def librarian_checks() -> list[Mapping[str, str]]:
    """Whether pedalboard is there: it has no wheel for every machine."""
    if importlib.util.find_spec("pedalboard") is None:
        return [{"what": "pedalboard", "state": "fail", "text": "is not installed; type: pip install pedalboard"}]
    from importlib.metadata import version

    return [{"what": "pedalboard", "state": "ok", "text": version("pedalboard")}]
