"""The models that are known by name, and which of the installed ones is used. Light: a plan needs it."""

from __future__ import annotations

from collections.abc import Mapping

from librarian import KnownFile, KnownModel, Model

LOADER = "clap"
"""Of models.lock: a folder with a ClapModel of transformers, its weights as safetensors."""
FILES = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")

KNOWN = tuple(
    KnownModel(
        name=name,
        files=tuple(map(KnownFile, FILES)),
        licence="Apache-2.0",
        loader=LOADER,
        source=f"hub:{repository}",
        description=description,
    )
    for name, repository, description in (
        ("larger-clap-general", "laion/larger_clap_general", "sounds, music and speech; the larger one"),
        ("clap-htsat-unfused", "laion/clap-htsat-unfused", "sounds and music; bearable on a CPU"),
    )
)
"""The best first: what `auto` takes of those that are installed."""
TO_INSTALL = "clap-htsat-unfused"
"""What `auto` asks for where none is there."""


def best(installed: Mapping[str, Model]) -> str:
    """The best that is installed, known ones before the owner's own; where none is, the one to install."""
    own = sorted(name for name, model in installed.items() if model.loader == LOADER)
    return next((name for name in (*(model.name for model in KNOWN), *own) if name in installed), TO_INSTALL)
