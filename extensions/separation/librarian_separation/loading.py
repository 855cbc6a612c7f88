"""Demucs' files, read so that nothing in them is run: pickles, safetensors, and the yaml of a bag.

demucs' own loaders unpickle anything, and import and call whatever class the metadata of a safetensors file names. Here
three architectures are known, their arguments are plain values, their weights tensors; anything else is refused, in
words that hold nothing of the file. That the files are those of models.lock was seen to before.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from demucs.apply import Model
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from demucs.states import load_model

from librarian.models.load import load_checkpoint, load_tensors
from librarian.operation import NAME_PATTERN
from librarian_separation.bags import BagFile, UnusableModelError, read_bag
from librarian_separation.known import BAGS

ARCHITECTURES: Mapping[str, type[Model]] = {
    f"{each.__module__}.{each.__name__}": each for each in (HTDemucs, HDemucs, Demucs)
}
MOST_METADATA = 1 << 20
"""Characters of JSON in a safetensors file."""
_QUANTIZED = "its weights are quantised, which needs diffq and a loader that runs code; use it unquantised (mdx_extra)"


@dataclass(frozen=True)
class Networks:
    """What a model's folder holds.

    Attributes:
        models: one or more networks with the same stems, rate and channels.
        weights: how much each counts for each stem.
    """

    models: tuple[Model, ...]
    weights: tuple[tuple[float, ...], ...]


def load(folder: Path, name: str) -> Networks:
    """The networks of a model.

    Args:
        folder: holds `<signature>.safetensors` or `<signature>[-<checksum>].th`, and where these are several the yaml
            that says how they belong together, unless the model is known by name.
        name: the model's.

    Raises:
        UnusableModelError: it is not made of what is allowed, or does not hang together.
    """
    files = _weights_in(folder)
    bag = _bag_of(folder, name, tuple(files))
    models = tuple(_load(files[signature]) for signature in bag.models if signature in files)
    if len(models) < len(bag.models):
        raise UnusableModelError("files of networks are missing that belong to it")
    first = models[0]
    _check_form(first)
    for model in models:
        if (model.sources, model.samplerate, model.audio_channels) != (
            *(first.sources, first.samplerate, first.audio_channels),
        ):
            raise UnusableModelError("its networks differ in stems, sample rate or channels")
        if bag.segment and (not isinstance(model, HTDemucs) or bag.segment <= model.segment):
            model.segment = bag.segment
    weights = bag.weights or ((1.0,) * len(first.sources),) * len(models)
    if any(len(row) != len(first.sources) for row in weights):
        raise UnusableModelError("it has not as many weights as stems")
    return Networks(models, weights)


def _weights_in(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".th", ".safetensors"):
            signature = path.stem.partition("-")[0] if path.suffix == ".th" else path.stem
            if signature in found:
                raise UnusableModelError("it holds two files for one network")
            found[signature] = path
    if not found:
        raise UnusableModelError("it holds no .th and no .safetensors file")
    return found


def _bag_of(folder: Path, name: str, signatures: tuple[str, ...]) -> BagFile:
    described = sorted(folder.glob("*.yaml"))
    if len(described) > 1:
        raise UnusableModelError("it holds more than one .yaml")
    if described:
        return read_bag(described[0])
    if name in BAGS and set(BAGS[name].signatures) == set(signatures):
        bag = BAGS[name]
        return BagFile(bag.signatures, bag.weights, bag.segment)
    if len(signatures) > 1:
        raise UnusableModelError("it holds several networks, and no .yaml that says how they belong together")
    return BagFile(signatures)


def _load(path: Path) -> Model:
    package = _from_safetensors(path) if path.suffix == ".safetensors" else _from_pickle(path)
    args, kwargs = package["args"], package["kwargs"]
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict):
        raise UnusableModelError("its arguments are none")
    _check_plain([args, kwargs])
    _check_state(package["state"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # arguments of older versions are dropped, as demucs does
            model: Model = load_model({**package, "kwargs": dict(kwargs)})  # type: ignore[no-untyped-call]
            return model
    except (TypeError, ValueError, RuntimeError, LookupError, AssertionError, AttributeError) as error:
        if "alloc" in str(error):  # there is no memory for it
            raise
        raise UnusableModelError("its weights do not fit the architecture that it says it has") from None


def _from_pickle(path: Path) -> dict[str, Any]:
    """A `.th`: tensors, plain values, and one of the three classes."""
    package = load_checkpoint(path, allow=[*ARCHITECTURES.values(), Fraction])
    if not isinstance(package, dict) or not {"klass", "args", "kwargs", "state"} <= package.keys():
        raise UnusableModelError("a .th file is none of Demucs': klass, args, kwargs or state is missing")
    if not any(package["klass"] is each for each in ARCHITECTURES.values()):
        raise UnusableModelError("a .th file names an architecture that is none of Demucs'")
    return package


def _from_safetensors(path: Path) -> dict[str, Any]:
    """A `.safetensors`: tensors, and in its metadata the name of one of the three classes and JSON."""
    state, metadata = load_tensors(path)
    if metadata.get("klass") not in ARCHITECTURES:
        raise UnusableModelError("a .safetensors file names an architecture that is none of Demucs'")
    if "structure" in metadata:
        state = _structured(_json(metadata["structure"]), state)
    args, kwargs = (_fractions(_json(metadata.get(key, ""))) for key in ("args", "kwargs"))
    return {"klass": ARCHITECTURES[metadata["klass"]], "args": args, "kwargs": kwargs, "state": state}


def _json(text: str) -> Any:
    if len(text) > MOST_METADATA:
        raise UnusableModelError("the metadata of a .safetensors file are too long")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UnusableModelError("the metadata of a .safetensors file are no JSON") from None


def _structured(structure: Any, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The state that a structure spells out; one with classes in it, or lists, is a quantised one."""
    if not isinstance(structure, dict) or structure.keys() != {"_dict"}:
        raise UnusableModelError(_QUANTIZED)
    try:
        pairs = [(key, node["_tensor"]) for key, node in structure["_dict"] if node.keys() == {"_tensor"}]
        if len(pairs) < len(structure["_dict"]):
            raise UnusableModelError(_QUANTIZED)
        return {str(key): tensors[tensor] for key, tensor in pairs}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UnusableModelError(_QUANTIZED) from None


def _fractions(value: Any) -> Any:
    """JSON with the fractions that Demucs writes as mappings."""
    match value:
        case {"_type": "fraction", "numerator": int(above), "denominator": int(below)} if below:
            return Fraction(above, below)
        case dict():
            return {key: _fractions(each) for key, each in value.items()}
        case list():
            return [_fractions(each) for each in value]
    return value


def _check_form(model: Model) -> None:
    stems = model.sources
    named = isinstance(stems, (list, tuple)) and all(isinstance(each, str) for each in stems)
    if not named or not all(re.fullmatch(NAME_PATTERN, each) for each in stems) or len(set(stems)) < len(stems):
        raise UnusableModelError(f"its stems are not named like {NAME_PATTERN}, each once")
    numbers = (model.samplerate, model.audio_channels, model.segment)
    if not all(isinstance(each, (int, float, Fraction)) and each > 0 for each in numbers):
        raise UnusableModelError("its sample rate, channels or segment is no number above 0")


def _check_state(state: Any) -> None:
    if isinstance(state, Mapping) and state.get("__quantized"):
        raise UnusableModelError(_QUANTIZED)
    named = isinstance(state, dict) and all(isinstance(key, str) for key in state)
    if not named or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UnusableModelError("its weights are no tensors by name")


def _check_plain(values: Sequence[Any]) -> None:
    for value in _leaves(values, depth=0):
        if not isinstance(value, (bool, int, float, str, Fraction, type(None))):
            raise UnusableModelError("its arguments are no plain values")


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    if depth > 8:  # noqa: PLR2004
        raise UnusableModelError("its arguments are no plain values")
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each, depth + 1)
    else:
        yield value
