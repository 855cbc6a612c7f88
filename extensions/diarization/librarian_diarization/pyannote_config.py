"""The `config.yaml` of a pyannote pipeline, held to a schema: it names networks and numbers, and nothing that runs.

The library imports and calls whatever class such a file names. Here it can name one pipeline, two ways of clustering
and places inside its own folder; any other key is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from librarian.errors import ModelMissingError, RefusedError
from librarian.operation import message_of

CONFIG = "config.yaml"
CHECKPOINT = "pytorch_model.bin"
MAX_BYTES = 1 << 16

Part = Literal["segmentation", "embedding", "plda"]
Place = Annotated[
    str, Field(pattern=r"^(\$model/)?[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95}){0,3}$")
]
"""A file or folder of the model's folder: no part of it begins with a dot or a slash, so none leads out of it."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class Networks(_Strict):
    """`pipeline.params`: which networks, and how they are moved over the sound."""

    segmentation: Place
    segmentation_step: float = Field(0.1, ge=0.01, le=1)
    segmentation_batch_size: int = Field(1, ge=1, le=1024)
    embedding: Place
    embedding_batch_size: int = Field(1, ge=1, le=1024)
    embedding_exclude_overlap: bool = False
    clustering: Literal["VBxClustering", "AgglomerativeClustering"] = "VBxClustering"
    plda: Place | None = None


class Pipeline(_Strict):
    """`pipeline`: the one that is known."""

    name: Literal[
        "pyannote.audio.pipelines.SpeakerDiarization",
        "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
    ]
    params: Networks


class SegmentationNumbers(_Strict):
    """`params.segmentation`: the longest silence (s) that a turn goes on through."""

    min_duration_off: float = Field(0.0, ge=0, le=60)


class VBxNumbers(_Strict):
    """`params.clustering` of VBx (Landini et al. 2022): where linkage stops, and the factors F_A and F_B."""

    threshold: float = Field(0.6, ge=0, le=2)
    Fa: float = Field(0.07, gt=0, le=100)
    Fb: float = Field(0.8, gt=0, le=100)


class AgglomerativeNumbers(_Strict):
    """`params.clustering` of agglomerative clustering."""

    threshold: float = Field(ge=0, le=2)
    method: Literal["average", "centroid", "complete", "median", "single", "ward", "weighted"]
    min_cluster_size: int = Field(ge=1, le=1000)


class Numbers(_Strict):
    """`params`: the numbers of the pipeline."""

    segmentation: SegmentationNumbers = SegmentationNumbers()
    clustering: VBxNumbers | AgglomerativeNumbers = VBxNumbers()


class Config(_Strict):
    """A whole `config.yaml`.

    `version` and `dependencies` say what it was made with, and are not looked at.
    """

    version: str | float | None = None
    dependencies: dict[str, str | float] = {}
    pipeline: Pipeline
    params: Numbers = Numbers()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        vbx = self.pipeline.params.clustering == "VBxClustering"
        if vbx is not isinstance(self.params.clustering, VBxNumbers):
            raise ValueError("params.clustering has the numbers of another clustering than pipeline.params.clustering")
        return self

    @property
    def networks(self) -> Networks:
        """Which networks, and how they are moved over the sound."""
        return self.pipeline.params


def read_config(folder: Path) -> Config:
    """The configuration of a pipeline's folder.

    Raises:
        ModelMissingError: there is none.
        RefusedError: it holds what is not known, and what.
    """
    file = folder / CONFIG
    if not file.is_file():
        raise ModelMissingError(f"the model's folder has no {CONFIG}: it holds {CONFIG} and the folders that it names")
    try:
        return Config.model_validate(_parsed(file))
    except ValidationError as error:
        raise RefusedError(_line(error)) from None


def find(folder: Path, place: str, part: Part) -> Path:
    """Where a part of the pipeline lies: a checkpoint, or the folder of the PLDA.

    `$model/x` is the entry `x` of the folder. `owner/name`, as a hub calls it, is looked for as `owner/name`, as `name`
    and as what it is: `segmentation`, `embedding` or `plda`.

    Raises:
        ModelMissingError: it is not there.
    """
    name = place.removeprefix("$model/")
    for candidate in (name,) if name != place else (name, name.rpartition("/")[2], part):
        entry = folder / candidate
        if entry.is_dir() and (part == "plda" or (entry / CHECKPOINT).is_file()):
            return entry if part == "plda" else entry / CHECKPOINT
        if part != "plda" and entry.is_file():
            return entry
    wanted = f"{part}/" if part == "plda" else f"{part}/{CHECKPOINT}"
    raise ModelMissingError(f"the model's folder lacks what {CONFIG} names as {part}: put it at {wanted}")


def _parsed(file: Path) -> Any:
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise RefusedError(f"{CONFIG} is larger than {MAX_BYTES >> 10} KiB")
    try:
        return YAML(typ="safe", pure=True).load(data.decode())
    except (YAMLError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        raise RefusedError(f"{CONFIG} is no plain YAML") from None


def _line(error: ValidationError) -> str:
    """The first problem, with its place; what the schema does not know is the file's own text, and not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part in _KEYS)
    what = "holds an unknown key" if first["type"] == "extra_forbidden" else message_of(first)
    return f"{CONFIG}: {place + ': ' if place else ''}{what}"


_MODELS = (Config, Pipeline, Networks, Numbers, SegmentationNumbers, VBxNumbers, AgglomerativeNumbers)
_KEYS = {name for model in _MODELS for name in model.model_fields}
