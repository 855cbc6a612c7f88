"""A network from a checkpoint of pytorch-lightning, which is a pickle: read as weights and plain values only.

The library's own loader runs what a checkpoint contains. Here tensors, plain values and four types that pyannote's
checkpoints need are let in, one of a few known networks is built, and every value is looked at before it is taken.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from librarian.errors import RefusedError
from librarian.models.load import load_checkpoint
from librarian_diarization.pyannote_stack import Model, Problem, Resolution, Specifications, torch

ARCHITECTURES = {
    "segmentation": frozenset({("pyannote.audio.models.segmentation.PyanNet", "PyanNet")}),
    "embedding": frozenset(
        {
            ("pyannote.audio.models.embedding.xvector", "XVectorSincNet"),
            *(
                ("pyannote.audio.models.embedding.wespeaker", f"WeSpeakerResNet{layers}")
                for layers in (34, 152, 221, 293)
            ),
        }
    ),
}
"""Module and class of the networks that may be built."""

MOST_LAYERS = 64
MOST = 1 << 20
"""Of any other whole number among a network's arguments."""


def read_network(file: Path, part: Literal["segmentation", "embedding"]) -> Model:
    """The network of a checkpoint, on the CPU, ready to be applied.

    Args:
        file: the checkpoint, in a folder that `librarian.model_folder` gave.
        part: what it is for.

    Raises:
        RefusedError: the file holds more than weights and plain values, or not what such a network is made of.
    """
    checkpoint = _loaded(file, part)
    try:
        about = _About.model_validate(checkpoint.get("pyannote.audio"))
        specifications = _Specified.model_validate(vars(about.specifications)).rebuilt()
    except ValidationError:
        raise RefusedError(f"the {part} checkpoint does not describe its network as pyannote.audio does") from None
    if (about.architecture.module, about.architecture.class_name) not in ARCHITECTURES[part]:
        raise RefusedError(f"the {part} checkpoint is of a network that is not among those known: {_known(part)}")
    network = getattr(import_module(about.architecture.module), about.architecture.class_name)
    return _built(network, checkpoint, specifications, part)


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, arbitrary_types_allowed=True)


class _Architecture(_Plain):
    module: str
    class_name: str = Field(alias="class")


class _About(_Plain):
    architecture: _Architecture
    specifications: Specifications


class _Specified(_Plain):
    """The attributes of a `Specifications`, which unpickling sets without looking."""

    model_config = ConfigDict(strict=True)

    problem: Problem
    resolution: Resolution
    duration: float = Field(ge=0.1, le=120)
    min_duration: float | None = Field(None, ge=0, le=120)
    warm_up: tuple[float, float] = (0.0, 0.0)
    classes: list[str] | None = Field(None, max_length=1 << 17)
    powerset_max_classes: int | None = Field(None, ge=1, le=8)
    permutation_invariant: bool = False

    def rebuilt(self) -> Specifications:
        return Specifications(**{name: getattr(self, name) for name in type(self).model_fields})


def _loaded(file: Path, part: str) -> Mapping[str, Any]:
    checkpoint = load_checkpoint(file, (Specifications, Problem, Resolution, torch.torch_version.TorchVersion))
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise RefusedError(f"the {part} checkpoint has no weights of a network")
    return checkpoint


def _built(network: Any, checkpoint: Mapping[str, Any], specifications: Specifications, part: str) -> Model:
    arguments = _arguments(network, checkpoint.get("hyper_parameters", {}), part)
    weights = {name: tensor for name, tensor in checkpoint["state_dict"].items() if not _of_training(name)}
    try:
        with torch.device("meta"):  # no memory is taken before the sizes are known to be those of the weights
            sizes = _sizes(_made(network, arguments, specifications).state_dict())
        if sizes != _sizes(weights):
            raise ValueError
        model = _made(network, arguments, specifications)
        model.load_state_dict(weights, strict=True)
    except Exception:  # arguments that the network cannot be made with end in whatever torch makes of them
        raise RefusedError(f"the weights of the {part} checkpoint are not those of the network it describes") from None
    return model.eval()


def _made(network: Any, arguments: Mapping[str, Any], specifications: Specifications) -> Model:
    model = network(**arguments)
    model.specifications = specifications
    model.setup()
    return model


def _arguments(network: Any, given: Any, part: str) -> dict[str, Any]:
    """Those that the network takes, as lightning would pass them."""
    taken = set(inspect.signature(network.__init__).parameters) - {"self", "task"}
    arguments = {name: value for name, value in given.items() if name in taken} if isinstance(given, dict) else {}
    if not all(_bounded(name, value) for name, value in arguments.items()):
        raise RefusedError(f"the {part} checkpoint describes its network with values that none has")
    return arguments


def _bounded(name: str, value: Any) -> bool:
    match value:
        case dict():
            return all(
                isinstance(key, str) and not isinstance(item, dict) and _bounded(key, item)
                for key, item in value.items()
            )
        case bool() | None:
            return True
        case int() | float():
            return abs(value) <= (MOST_LAYERS if name == "num_layers" else MOST)
        case str():
            return len(value) < MOST_LAYERS
    return False


def _of_training(name: Any) -> bool:
    """Whether it is a weight of the loss, which is not there when a network is applied."""
    return isinstance(name, str) and name.startswith("loss_func.")


def _sizes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def _known(part: str) -> str:
    return ", ".join(sorted(name for _, name in ARCHITECTURES[part]))
