"""Small networks with random weights, saved and loaded as real ones are."""

import itertools
import json
from contextlib import ExitStack
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

from librarian.media import read_audio
from librarian.testing import FileTask, given_models
from librarian_separation import SeparateSettings
from librarian_separation.separate import Separator

STEMS = ("drums", "bass", "other", "vocals")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def network(architecture, seed=0, sources=STEMS, **kwargs):
    """A small network of 8 kHz, so that a test takes no longer than it must."""
    small = {
        HTDemucs: {
            "channels": 8,
            "dconv_comp": 4,
            "dconv_depth": 1,
            "bottom_channels": 16,
            "t_layers": 1,
            "t_heads": 2,
            "t_hidden_scale": 1.0,
            "nfft": 2048,
            "segment": Fraction(3, 2),
        },
        HDemucs: {"channels": 4, "dconv_comp": 2, "dconv_depth": 1, "segment": 2},
        Demucs: {"channels": 4, "depth": 3, "dconv_comp": 2, "lstm_layers": 1, "segment": 2},
    }[architecture]
    torch.manual_seed(seed)
    model = architecture(sources=list(sources), **{**small, "samplerate": 8000, **kwargs}).eval()
    with torch.no_grad():  # as they are made, the estimates hardly hang on the sound
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model


def package(model):
    args, kwargs = model._init_args_kwargs
    return {"klass": type(model), "args": args, "kwargs": kwargs, "state": model.state_dict(), "training_args": {}}


def save_pickle(folder, name, model, **changes):
    folder.mkdir(exist_ok=True)
    torch.save({**package(model), **changes}, folder / f"{name}.th")
    return folder


def save_tensors(folder, name, model, **changes):
    folder.mkdir(exist_ok=True)
    held = package(model)
    metadata = {
        "klass": f"{held['klass'].__module__}.{held['klass'].__name__}",
        "args": json.dumps(held["args"], default=encoded),
        "kwargs": json.dumps(held["kwargs"], default=encoded),
        **changes,
    }
    save_file(
        {key: value.contiguous() for key, value in held["state"].items()}, folder / f"{name}.safetensors", metadata
    )
    return folder


def encoded(value):
    return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}


@pytest.fixture
def lab():
    """How networks are made and saved."""
    return SimpleNamespace(network=network, package=package, save_pickle=save_pickle, save_tensors=save_tensors)


@pytest.fixture
def noise():
    """Noise with a tone, `[channels, frames]`, left and right not the same."""

    def make(frames, channels=2, level=0.2, seed=3):
        rng = np.random.default_rng(seed)
        tone = np.sin(np.arange(frames) * 0.2) + 0.02
        return (level * (0.3 * rng.standard_normal((channels, frames)) + tone)).astype(np.float32)

    return make


@pytest.fixture
def separated(tmp_path):
    """What `separate` makes of a sound with a model that a test made: stems by name, facts, and the task."""
    numbers = itertools.count(1)

    def run(folder, samples, rate=8000, *, seed=0, subtype="FLOAT", bits=32, layout="", **given):
        number = next(numbers)
        given = {"model": "own", "stems": STEMS, **given}
        settings = SeparateSettings(**given)
        (place := tmp_path / f"task{number}").mkdir()
        with ExitStack() as stack:
            if folder:
                stack.enter_context(given_models({settings.model: folder}, tmp_path / f"store{number}"))
            task = FileTask(place, [samples], rate, settings, subtype=subtype, layout=layout)
            task.seed, task.bits = seed, bits
            before = set(place.iterdir())
            runner = Separator(settings, "cpu")
            outputs = runner.write(task, runner.compute([runner.read(task)])[0])
            assert set(place.iterdir()) - before == {output.value for output in outputs.values()}
        made = {name: read_audio(output.value) for name, output in outputs.items()}
        assert all(sound.shape == samples.shape and its == rate for sound, its in made.values())
        return {name: sound for name, (sound, _) in made.items()}, outputs

    return run
