"""The models of Demucs that are known by name, and the methods without weights: their stems, their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FOUR = ("drums", "bass", "other", "vocals")
SIX = (*FOUR, "guitar", "piano")

LOADER = "demucs"
"""The kind of loading that models.lock says of them."""


@dataclass(frozen=True)
class Bag:
    """A model of Demucs: one network, or several of which the mean is taken.

    Attributes:
        stems: in the order of its estimates.
        files: one for each network, `<signature>-<beginning of its sha256>.th`.
        folder: where they lie below the source.
        weights: how much each network counts for each stem; empty: all the same.
        segment: of the sound that it works on at once (s); None: as each network says.
        description: a few words.
    """

    stems: tuple[str, ...]
    files: tuple[str, ...]
    folder: str
    weights: tuple[tuple[float, ...], ...] = ()
    segment: float | None = None
    description: str = ""

    @property
    def signatures(self) -> tuple[str, ...]:
        """What the files are called by."""
        return tuple(file.partition("-")[0] for file in self.files)


SOURCE = "https://dl.fbaipublicfiles.com/demucs/"
_HYBRID_TRANSFORMER, _MDX = "hybrid_transformer", "mdx_final"
_ONE_EACH = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
_OF_MDX = ((1.0, 1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 1.0), (1.0, 0.0, 1.0, 1.0))

BAGS: Mapping[str, Bag] = {
    "htdemucs_ft": Bag(
        FOUR,
        ("f7e0c4bc-ba3fe64a.th", "d12395a8-e57c48e6.th", "92cfc3b6-ef3bcb9c.th", "04573f0d-f3cf25b2.th"),
        _HYBRID_TRANSFORMER,
        weights=_ONE_EACH,
        description="htdemucs, tuned for each stem: four times the time",
    ),
    "htdemucs": Bag(FOUR, ("955717e8-8726e21a.th",), _HYBRID_TRANSFORMER, description="Hybrid Transformer Demucs"),
    "hdemucs_mmi": Bag(
        FOUR, ("75fc33f5-1941ce65.th",), _HYBRID_TRANSFORMER, segment=44, description="Hybrid Demucs, version 3"
    ),
    "mdx_extra": Bag(
        FOUR,
        ("e51eebcc-c1b80bdd.th", "a1d90b5c-ae9d2452.th", "5d2d6c55-db83574e.th", "cfa93e08-61801ae1.th"),
        _MDX,
        segment=44,
        description="four networks, trained with more songs",
    ),
    "mdx": Bag(
        FOUR,
        ("0d19c1c6-0f06f20e.th", "7ecf8ec1-70f50cc9.th", "c511e2ab-fe698775.th", "7d865c68-3d5dd56b.th"),
        _MDX,
        weights=_OF_MDX,
        segment=44,
        description="four networks, trained with MUSDB HQ alone",
    ),
    "htdemucs_6s": Bag(
        SIX, ("5c90dfd2-34c22ccb.th",), _HYBRID_TRANSFORMER, description="guitar and piano too, the piano badly"
    ),
}
"""From the one that is best at its stems downwards: what `auto` takes of those that are installed."""

WITHOUT_WEIGHTS: Mapping[str, tuple[str, ...]] = {
    "repet": ("vocals", "accompaniment"),
    "repet_centre": ("vocals", "accompaniment"),
    "centre": ("vocals", "accompaniment"),
    "hpss": ("harmonic", "percussive", "residual"),
}
"""Methods that need no model, and their stems; `auto` takes the first that has what is asked for."""

STEMS: Mapping[str, tuple[str, ...]] = {**{name: bag.stems for name, bag in BAGS.items()}, **WITHOUT_WEIGHTS}
