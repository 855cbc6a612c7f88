"""librarian: a trustworthy, plugin-based media-processing librarian.

These are the names for extension authors. Each is resolved on first use, so that `import librarian` loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from librarian.errors import ModelMissingError, UnreachableError, UnusableInputError
    from librarian.hookspecs import hookimpl
    from librarian.kinds import (
        Audio,
        Data,
        Event,
        Events,
        File,
        Image,
        Kind,
        Many,
        Measurement,
        Measurements,
        Span,
        Spans,
        Text,
        Turn,
        Turns,
        Video,
        Voice,
        Voices,
        Word,
        Words,
    )
    from librarian.models.given import model_folder
    from librarian.models.known import KnownFile, KnownModel, Model
    from librarian.operation import (
        Address,
        Fact,
        Field,
        Operation,
        Resources,
        Settings,
    )
    from librarian.privacy.finding import PrivateFinder
    from librarian.quantity import (
        Duration,
        Frequency,
        Gain,
        Level,
        Loudness,
        LoudnessRange,
        Quantity,
        Size,
        TruePeak,
    )
    from librarian.task import Artifact, AudioStream, AudioWriter, Output, Task

LIBRARIAN_API = 1
"""The version of the contract with extensions. An extension may say `LIBRARIAN_API = n`; a larger n is refused."""

_HOMES = (
    "librarian.operation",
    "librarian.task",
    "librarian.quantity",
    "librarian.kinds",
    "librarian.hookspecs",
    "librarian.models.known",
    "librarian.models.given",
    "librarian.errors",
    "librarian.privacy.finding",
)

__all__ = [
    "LIBRARIAN_API",
    "Address",
    "Artifact",
    "Audio",
    "AudioStream",
    "AudioWriter",
    "Data",
    "Duration",
    "Event",
    "Events",
    "Fact",
    "Field",
    "File",
    "Frequency",
    "Gain",
    "Image",
    "Kind",
    "KnownFile",
    "KnownModel",
    "Level",
    "Loudness",
    "LoudnessRange",
    "Many",
    "Measurement",
    "Measurements",
    "Model",
    "ModelMissingError",
    "Operation",
    "Output",
    "PrivateFinder",
    "Quantity",
    "Resources",
    "Settings",
    "Size",
    "Span",
    "Spans",
    "Task",
    "Text",
    "TruePeak",
    "Turn",
    "Turns",
    "UnreachableError",
    "UnusableInputError",
    "Video",
    "Voice",
    "Voices",
    "Word",
    "Words",
    "hookimpl",
    "model_folder",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("librarian-media")
    for home in _HOMES if name in __all__ else ():
        module = import_module(home)
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module 'librarian' has no attribute {name!r}")
