"""The pyannote pipelines that are known by name, and which of the installed ones is used. Light: a plan needs it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from librarian import KnownFile, KnownModel, Model

LOADER = "pyannote"
"""Of models.lock: a pipeline of pyannote.audio, a folder with a config.yaml."""
NONE = "none"

_NETWORKS = ("config.yaml", "segmentation/pytorch_model.bin", "embedding/pytorch_model.bin")

COMMUNITY_1 = KnownModel(
    name="pyannote-community-1",
    files=tuple(map(KnownFile, (*_NETWORKS, "plda/plda.npz", "plda/xvec_transform.npz"))),
    licence="CC-BY-4.0",
    loader=LOADER,
    source="hub:pyannote/speaker-diarization-community-1",
    description="pyannote.audio 4: counts and assigns speakers best",
)
V3_1 = KnownModel(
    name="pyannote-3-1",
    files=tuple(map(KnownFile, _NETWORKS)),
    licence="MIT AND CC-BY-4.0",
    loader=LOADER,
    description="pyannote.audio 3.1: its config.yaml and the two networks that it names",
)
KNOWN = (COMMUNITY_1, V3_1)
"""The best first."""


def best(installed: Mapping[str, Model]) -> str:
    """The best pipeline that is installed, known ones before the owner's own; `none` where there is none."""
    own = sorted(name for name, model in installed.items() if model.loader == LOADER)
    return next((name for name in (*(model.name for model in KNOWN), *own) if name in installed), NONE)


def is_there() -> bool:
    """Whether pyannote.audio is installed."""
    return find_spec("pyannote") is not None and find_spec("pyannote.audio") is not None
