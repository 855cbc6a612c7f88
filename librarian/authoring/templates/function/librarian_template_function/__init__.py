"""An extension for librarian: `template_function` lets the loudness of a recording swing."""

from __future__ import annotations

from librarian import Audio, Fact, Field, Frequency, Operation, Resources, Settings, hookimpl

LIBRARIAN_API = 1
"""The version of the contract that this is written for."""


class TemplateFunctionSettings(Settings):
    """How it swings."""

    rate: Frequency = Field("5 Hz", description="Swings in a second (Hz, 0.1 to 20).", ge=0.1, le=20)
    depth: float = Field(0.8, description="How far down it swings (0 to 1; at 1 to silence).", ge=0, le=1)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`template_function`."""
    return [
        Operation(
            name="template_function",
            version="1",
            run="librarian_template_function.swing:swing",
            settings=TemplateFunctionSettings,
            inputs={"audio": Audio},
            outputs={"audio": Audio},
            facts={"swings": Fact("How often the loudness swings.")},
            description="Let the loudness of a recording swing.",
            resources=Resources(memory="64 MiB"),
            reproducible="bytes",
        )
    ]
