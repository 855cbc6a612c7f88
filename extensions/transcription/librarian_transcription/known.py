"""The models that are known by name, and which of the installed ones is used. Light: a plan needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from librarian import KnownFile, KnownModel, Model

LOADER = "transformers"
"""Of models.lock: a folder that transformers reads, with its weights as safetensors."""

_TEXT = ("config.json", "model.safetensors", "tokenizer.json")
_LETTERS = ("config.json", "model.safetensors", "preprocessor_config.json", "vocab.json")
_GENERATES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json")


class Known(NamedTuple):
    """A model, where it is, and the languages that it knows; none named: many."""

    repository: str
    files: tuple[str, ...]
    licence: str
    description: str
    languages: tuple[str, ...] = ()


MODELS: Mapping[str, Known] = {
    "whisper-large-v3-turbo": Known(
        "openai/whisper-large-v3-turbo", _GENERATES, "MIT", "100 languages; near large-v3, several times as fast"
    ),
    "whisper-large-v3": Known("openai/whisper-large-v3", _GENERATES, "Apache-2.0", "100 languages, the best Whisper"),
    "parakeet-tdt-0-6b-v3": Known(
        "nvidia/parakeet-tdt-0.6b-v3", _TEXT, "CC-BY-4.0", "25 European languages, fast; does not say which"
    ),
    "canary-1b-v2": Known("nvidia/canary-1b-v2", _TEXT, "CC-BY-4.0", "25 European languages"),
    "whisper-medium": Known("openai/whisper-medium", _GENERATES, "Apache-2.0", "99 languages"),
    "whisper-small": Known("openai/whisper-small", _GENERATES, "Apache-2.0", "99 languages; bearable on a CPU"),
    "parakeet-ctc-1-1b": Known("nvidia/parakeet-ctc-1.1b", _TEXT, "CC-BY-4.0", "English, no punctuation", ("en",)),
    "whisper-base": Known("openai/whisper-base", _GENERATES, "Apache-2.0", "99 languages, less sure"),
    "moonshine-base": Known("UsefulSensors/moonshine-base", _TEXT, "MIT", "English, small and fast", ("en",)),
    "whisper-tiny": Known("openai/whisper-tiny", _GENERATES, "Apache-2.0", "99 languages, to try things with"),
    "moonshine-tiny": Known("UsefulSensors/moonshine-tiny", _TEXT, "MIT", "English, smaller", ("en",)),
    "wav2vec2-base-960h": Known(
        "facebook/wav2vec2-base-960h", _LETTERS, "Apache-2.0", "English, capital letters only", ("en",)
    ),
}
"""The best first: what `auto` takes of those that are installed."""
TO_INSTALL = "whisper-small"
"""What `auto` asks for where none is there."""

KNOWN = tuple(
    KnownModel(
        name=name,
        files=tuple(map(KnownFile, known.files)),
        licence=known.licence,
        loader=LOADER,
        source=f"hub:{known.repository}",
        description=known.description,
    )
    for name, known in MODELS.items()
)


def best(installed: Mapping[str, Model]) -> str:
    """The best that is installed, known ones before the owner's own; where none is, the one to install."""
    own = sorted(name for name, model in installed.items() if model.loader == LOADER)
    return next((name for name in (*(model.name for model in KNOWN), *own) if name in installed), TO_INSTALL)


def languages_of(model: str) -> tuple[str, ...]:
    """The languages of a model that knows few; empty: many, or nobody said."""
    return MODELS[model].languages if model in MODELS else ()
