"""librarian: a trustworthy, plugin-based media-processing librarian.

These are the names for extension authors. Each is resolved on first use, so that `import librarian` loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from librarian.errors import UnusableInputError
    from librarian.hookspecs import hookimpl
    from librarian.kinds import (
        Audio,
        Data,
        Event,
        Events,
        Image,
        Many,
        Measurement,
        Measurements,
        Text,
        Turn,
        Turns,
        Video,
        Word,
        Words,
    )
    from librarian.operation import (
        Artifact,
        Duration,
        Fact,
        Field,
        Frequency,
        Gain,
        Level,
        Loudness,
        LoudnessRange,
        Operation,
        Output,
        Quantity,
        Resources,
        Settings,
        Size,
        Task,
        TruePeak,
    )

LIBRARIAN_API = 1
"""The version of the contract with extensions. An extension may say `LIBRARIAN_API = n`; a larger n is refused."""

_HOMES = {
    "librarian.errors": ("UnusableInputError",),
    "librarian.hookspecs": ("hookimpl",),
    "librarian.kinds": (
        "Audio",
        "Data",
        "Event",
        "Events",
        "Image",
        "Many",
        "Measurement",
        "Measurements",
        "Text",
        "Turn",
        "Turns",
        "Video",
        "Word",
        "Words",
    ),
    "librarian.operation": (
        "Artifact",
        "Duration",
        "Fact",
        "Field",
        "Frequency",
        "Gain",
        "Level",
        "Loudness",
        "LoudnessRange",
        "Operation",
        "Output",
        "Quantity",
        "Resources",
        "Settings",
        "Size",
        "Task",
        "TruePeak",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604
    "LIBRARIAN_API",
    *sorted(_HOME_OF),
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("librarian-media")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'librarian' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
