"""Separation for librarian: a recording in stems, by Demucs or by a method that needs no model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import ValidationInfo, field_validator, model_validator

from librarian import (
    Audio,
    Duration,
    Fact,
    Field,
    KnownFile,
    KnownModel,
    Model,
    Operation,
    Resources,
    Settings,
    hookimpl,
)
from librarian.operation import NAME_PATTERN
from librarian_separation.known import BAGS, LOADER, SOURCE, STEMS, WITHOUT_WEIGHTS

REST = "rest"
"""The output that is the mix without the stems that were chosen."""
OWN = "own"
"""In the record: a model of models.lock that is none of those known by name."""
OF_NETWORKS = ("overlap", "segment", "ending", "precision")
"""Settings that mean nothing to a method without weights."""

KnownName = Literal[
    "auto",
    "htdemucs",
    "htdemucs_ft",
    "htdemucs_6s",
    "hdemucs_mmi",
    "mdx",
    "mdx_extra",
    "centre",
    "repet",
    "repet_centre",
    "hpss",
]
Stem = Literal[
    "vocals",
    "drums",
    "bass",
    "other",
    "guitar",
    "piano",
    "accompaniment",
    "harmonic",
    "percussive",
    "residual",
]
"""Words that stand in a record as they are; other names of models and stems may be given too."""


class SeparateSettings(Settings):
    """By what, into what, how thoroughly."""

    model: KnownName | str = Field(
        "auto",
        max_length=48,
        description="What separates: a model of Demucs, one of your own in models.lock, or without any model: repet, "
        "centre, repet_centre (voice), hpss (tones and strokes). auto: the best that is installed and has the stems.",
    )
    stems: tuple[Stem | str, ...] = Field(
        (), max_length=16, description="Which stems are written; none named: all that the model has."
    )
    rest: bool = Field(False, description="Whether the mix without those stems is written too, as `rest`.")
    residual: Literal["leave", "spread"] | Stem | str = Field(
        "leave",
        max_length=32,
        description="Where that goes which all stems together lack of the mix: leave, spread over all of them, or the "
        "name of a stem; but for the first they add up to the mix.",
    )
    margin: float = Field(
        1.0,
        ge=1,
        le=10,
        description="By how much tones must exceed strokes, or strokes tones, where hpss is not to put them into the "
        "residual (1 to 10; at 1 there is none).",
    )
    shifts: int = Field(
        0, ge=0, le=20, description="How often it is done, each time shifted by up to 0.5 s; the mean counts (0 to 20)."
    )
    overlap: float = Field(0.25, ge=0, le=0.95, description="Overlap of the segments (0 to 0.95 of one).")
    segment: Duration = Field(
        "0 s", ge=0, le=600, description="Sound that a model works on at once (s); 0: what it was trained with."
    )
    ending: Literal["demucs", "short"] = Field(
        "demucs",
        description="How a sound ends for Demucs: demucs adds a segment where what is left was covered by one before; "
        "short does not.",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="What is computed with: bf16 is faster, with an error about 50 dB below the sound."
    )
    batch: int = Field(
        0,
        ge=0,
        le=256,
        changes_result=False,
        description="Segments that are computed together (to 256); 0: 16 on a GPU, 1 on a CPU.",
    )

    @field_validator("stems")
    @classmethod
    def _stems_are_known(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names a stem twice")
        model = info.data.get("model", "")
        choices = [stem for stems in STEMS.values() for stem in stems] if model == "auto" else STEMS.get(model, value)
        if not set(value) <= set(choices):
            raise ValueError(f"the stems are {', '.join(dict.fromkeys(choices))}")
        if REST in value or not all(re.fullmatch(NAME_PATTERN, stem) for stem in value):
            raise ValueError(f"a stem is named like {NAME_PATTERN}, and not {REST}")
        return value

    @model_validator(mode="after")
    def _residual_is_known(self) -> Self:
        choices = self.stems or STEMS.get(self.model)
        if self.residual not in ("leave", "spread") and choices and self.residual not in choices:
            raise ValueError(f"residual goes nowhere: write leave, spread or one of {', '.join(choices)}")
        return self

    @model_validator(mode="after")
    def _hpss_leaves_a_residual(self) -> Self:
        if self.model == "hpss" and self.margin == 1 and "residual" in self.stems:
            raise ValueError("with a margin of 1 nothing is left over; raise the margin, to 2 for instance")
        return self


def resolve(settings: SeparateSettings, installed: Mapping[str, Model]) -> tuple[SeparateSettings, Sequence[str]]:
    """The model that `auto` means, and all of its stems where none were named.

    Settings that mean nothing to the model stand at their defaults, so that changing one makes nothing anew.

    Raises:
        ValueError: no model has all of the stems, or it is one of the owner's own, and no model of Demucs, or what it
            separates into is not said.
    """
    model = _best(settings.stems, installed) if settings.model == "auto" else settings.model
    if model in installed and installed[model].loader not in ("", LOADER):
        raise ValueError(f"the model has another loader in models.lock than {LOADER}, and cannot separate")
    stems = settings.stems or stems_of(settings, model)
    if not stems and model not in installed:
        raise ValueError("no such model is known or installed; what there is: librarian models list --known")
    if not stems:
        raise ValueError("say which stems the model has that are to be written: stems: [one, two]")
    idle = (*(OF_NETWORKS if model in WITHOUT_WEIGHTS else ()), *(("margin",) if model != "hpss" else ()))
    wanted = {name: value for name, value in settings.model_dump().items() if name not in idle}
    resolved = SeparateSettings.model_validate({**wanted, "model": model, "stems": stems})
    return resolved, () if model in WITHOUT_WEIGHTS else (model,)


def _best(stems: Sequence[str], installed: Mapping[str, Model]) -> str:
    """The best that has them and is installed or needs no model; where there is none, the best to install."""
    able = [name for name, has in STEMS.items() if set(stems) <= set(has)]
    there = [name for name in able if name in installed or name in WITHOUT_WEIGHTS]
    if not able:
        raise ValueError("no model has all of these stems")
    return there[0] if there else ("htdemucs" if "htdemucs" in able else able[0])


def stems_of(settings: SeparateSettings, model: str) -> tuple[str, ...]:
    """All that a model has, as far as it is known: without a residual where there is none."""
    stems = STEMS.get(model, ())
    return stems[:-1] if model == "hpss" and settings.margin == 1 else stems


def output_names(settings: SeparateSettings) -> tuple[str, ...]:
    """In the order in which they are made."""
    return (*(settings.stems or stems_of(settings, settings.model)), *([REST] if settings.rest else []))


def outputs(settings: SeparateSettings) -> dict[str, type[Audio]]:
    """A sound for each stem, and the rest."""
    return {name: Audio for name in output_names(settings)}


def scratch(settings: SeparateSettings) -> float:
    """Bytes for a second of stereo at 48 kHz: all outputs lie as float until it is known how loud they are."""
    return 48_000.0 * 2 * 4 * len(output_names(settings))


def ladder(settings: SeparateSettings) -> list[dict[str, Any]]:
    """One segment at a time, then shorter ones."""
    if settings.model in WITHOUT_WEIGHTS:
        return [{"batch": 1}]
    shorter = [each for each in (4.0, 2.0) if not settings.segment or each < settings.segment]
    return [{"batch": 1}, *({"batch": 1, "segment": each} for each in shorter)]


SEPARATE = Operation(
    name="separate",
    version="1",
    run="librarian_separation.separate:Separator",
    settings=SeparateSettings,
    inputs={"audio": Audio},
    outputs=outputs,
    facts={
        "model": Fact("What separated it; own: another model of models.lock.", words=(*STEMS, OWN)),
        "gain": Fact(
            "Gain of all stems alike, so that none is cut off; 0 where all fit or are written as float.", "dB"
        ),
        "peak": Fact("Greatest sample of all stems, before that gain.", "dBFS"),
        "channels_given": Fact(
            "How the channels went through the model.", words=("together", "doubled", "in_pairs", "apart")
        ),
    },
    description="Separate a recording into stems: voice, drums, bass and others.",
    resources=Resources(gpu="optional", memory="6 GiB", gpu_memory="8 GiB"),
    reproducible="tolerance",
    keeps_clean=True,
    models=tuple(
        KnownModel(
            name=name,
            files=tuple(
                KnownFile(file, file.partition("-")[2].removesuffix(".th"), url=f"{SOURCE}{bag.folder}/{file}")
                for file in bag.files
            ),
            licence="MIT",
            loader=LOADER,
            source=f"{SOURCE}{bag.folder}",
            description=bag.description,
        )
        for name, bag in BAGS.items()
    ),
    resolve=resolve,
    ladder=ladder,
    scratch=scratch,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`separate`."""
    return [SEPARATE]
