"""For tests of extensions: the conformance suite, a task without a worker, models, synthetic sound.

Each name is resolved on first use: what checks an extension without any test needs no pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from librarian.testing.conformance import Conformance
    from librarian.testing.distortion import sdr
    from librarian.testing.models import given_models, install_models
    from librarian.testing.recognizing import RecognizerConformance
    from librarian.testing.sound import tone, voice_like
    from librarian.testing.task import FileTask

_HOMES = {
    "Conformance": "conformance",
    "FileTask": "task",
    "RecognizerConformance": "recognizing",
    "given_models": "models",
    "install_models": "models",
    "sdr": "distortion",
    "tone": "sound",
    "voice_like": "sound",
}

__all__ = [
    "Conformance",
    "FileTask",
    "RecognizerConformance",
    "given_models",
    "install_models",
    "sdr",
    "tone",
    "voice_like",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'librarian.testing' has no attribute {name!r}")
    return getattr(import_module(f"librarian.testing.{_HOMES[name]}"), name)
