"""Demucs' files in both layouts, and that nothing in them is run."""

import json
import os
from fractions import Fraction

import pytest
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from librarian.errors import RefusedError
from librarian.testing import given_models
from librarian_separation.loading import load

EVERY = [HTDemucs, HDemucs, Demucs]


@pytest.fixture
def loaded(tmp_path):
    """The networks in a folder, loaded as a worker does."""
    from librarian import model_folder

    def run(folder, name="own"):
        with given_models({name: folder}, tmp_path / "store"):
            return load(model_folder(name), name)

    return run


def same(loaded, model):
    return type(loaded) is type(model) and all(
        torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items()
    )


@pytest.mark.parametrize("architecture", EVERY)
@pytest.mark.parametrize("form", ["save_pickle", "save_tensors"])
def test_every_architecture_in_both_forms(lab, loaded, tmp_path, architecture, form):
    model = lab.network(architecture)
    found = loaded(getattr(lab, form)(tmp_path / "model", "955717e8", model))
    assert same(found.models[0], model)
    assert found.models[0].segment == model.segment
    assert found.weights == ((1.0,) * 4,)


def test_the_layout_of_the_hub(lab, loaded, tmp_path):
    models = [lab.network(HTDemucs, seed) for seed in (1, 2)]
    for signature, model in zip(("f7e0c4bc", "d12395a8"), models, strict=True):
        lab.save_tensors(tmp_path / "model", signature, model)
    text = "models: ['d12395a8', 'f7e0c4bc']\nweights: [\n  [1., 0., 1., 1.],\n  [0., 1., 1., 1.],\n]\nsegment: 1\n"
    (tmp_path / "model" / "htdemucs_ft.yaml").write_text(text)
    found = loaded(tmp_path / "model")
    assert same(found.models[0], models[1]) and same(found.models[1], models[0])
    assert found.weights == ((1.0, 0.0, 1.0, 1.0), (0.0, 1.0, 1.0, 1.0))
    assert [model.segment for model in found.models] == [1, 1]


def test_the_older_layout_needs_no_yaml_where_the_model_is_known(lab, loaded, tmp_path):
    models = [lab.network(HTDemucs, seed) for seed in range(4)]
    names = ("f7e0c4bc-ba3fe64a", "d12395a8-e57c48e6", "92cfc3b6-ef3bcb9c", "04573f0d-f3cf25b2")
    for name, model in zip(names, models, strict=True):
        lab.save_pickle(tmp_path / "model", name, model)
    found = loaded(tmp_path / "model", "htdemucs_ft")
    assert all(same(one, other) for one, other in zip(found.models, models, strict=True))
    assert found.weights[2] == (0.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"sources": ("Jane Doe", "b")}, "its stems are not named like"),
        ({"sources": ("a", "a")}, "its stems are not named like"),
        ({"segment": -1}, "no number above 0"),
    ],
)
def test_a_network_whose_stems_cannot_be_named_is_refused(lab, loaded, tmp_path, given, match):
    folder = lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs, **given))
    with pytest.raises(RefusedError, match=match):
        loaded(folder)


def test_weights_of_half_precision_are_computed_with_in_full(lab, loaded, tmp_path):
    model = lab.network(HTDemucs)
    state = {name: value.half() for name, value in model.state_dict().items()}
    found = loaded(lab.save_pickle(tmp_path / "model", "own", model, state=state))
    assert {each.dtype for each in found.models[0].parameters()} == {torch.float32}


class Opens:
    """What a hostile file holds: unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mknod, (str(self.path),)


@pytest.mark.parametrize("where", ["klass", "args", "kwargs", "state", "training_args", "beside"])
def test_a_pickle_that_runs_code_is_refused_before_it_does(lab, loaded, tmp_path, where):
    made = tmp_path / "made"
    changes = {"args": (Opens(made),), "kwargs": {"channels": Opens(made)}, "state": {"w": Opens(made)}}
    changes |= {"klass": Opens(made), "training_args": {"a": Opens(made)}, "beside": Opens(made)}
    folder = lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs), **{where: changes[where]})
    with pytest.raises(RefusedError, match="mknod"):
        loaded(folder)
    assert not made.exists()
    torch.load(folder / "own.th", weights_only=False)
    assert made.exists(), "the file of this test does nothing, and shows nothing"


def test_metadata_that_name_another_class_are_refused_before_it_is_called(lab, loaded, tmp_path):
    from demucs.hf import load_safetensors_model

    made = tmp_path / "made"
    model = lab.network(HTDemucs)
    call = {"klass": "os.mknod", "args": json.dumps([str(made)]), "kwargs": "{}"}
    folder = lab.save_tensors(tmp_path / "model", "own", model, **call)
    with pytest.raises(RefusedError, match="none of Demucs'"):
        loaded(folder)
    assert not made.exists()
    with pytest.raises(Exception):  # noqa: B017 (whatever demucs says of it, after it was called)
        load_safetensors_model(folder / "own.safetensors")
    assert made.exists(), "the file of this test does nothing, and shows nothing"


def test_a_yaml_that_runs_code_is_refused_before_it_does(lab, loaded, tmp_path):
    import yaml

    made = tmp_path / "made"
    text = f"models: !!python/object/apply:os.mknod ['{made}']\n"
    lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs))
    (tmp_path / "model" / "own.yaml").write_text(text)
    with pytest.raises(RefusedError, match="more than plain values"):
        loaded(tmp_path / "model")
    assert not made.exists()
    yaml.unsafe_load(text)
    assert made.exists(), "the file of this test does nothing, and shows nothing"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"klass": Fraction}, "none of Demucs'"),
        ({"kwargs": {"sources": [b"x"]}}, "no plain values|is not loaded"),
        ({"kwargs": {"sources": torch.zeros(1)}}, "no plain values"),
        ({"kwargs": []}, "arguments are none"),
        ({"state": {"__quantized": True}}, "quantised"),
        ({"state": {"a": 1.0}}, "no tensors by name"),
        ({"state": {"a": torch.zeros(1)}}, "do not fit"),
        ({"kwargs": {"sources": ["a"], "channels": -5}}, "do not fit"),
    ],
)
def test_a_pickle_of_another_form_is_refused(lab, loaded, tmp_path, changes, match):
    folder = lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs), **changes)
    with pytest.raises(RefusedError, match=match):
        loaded(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"args": "no JSON"}, "no JSON"),
        ({"args": "[" * 10_000}, "no JSON"),
        ({"args": "{}"}, "arguments are none"),
        ({"structure": '{"_dict": [["a", {"_class": "os.system"}]]}'}, "quantised"),
        ({"structure": '{"_list": []}'}, "quantised"),
        ({"structure": '{"_dict": [["a", {"_tensor": "nowhere"}]]}'}, "quantised"),
    ],
)
def test_tensors_with_other_metadata_are_refused(lab, loaded, tmp_path, changes, match):
    folder = lab.save_tensors(tmp_path / "model", "own", lab.network(HTDemucs), **changes)
    with pytest.raises(RefusedError, match=match):
        loaded(folder)


def test_a_state_that_is_spelt_out_is_taken(lab, loaded, tmp_path):
    model = lab.network(HTDemucs)
    structure = json.dumps({"_dict": [[name, {"_tensor": name}] for name in model.state_dict()]})
    found = loaded(lab.save_tensors(tmp_path / "model", "own", model, structure=structure))
    assert same(found.models[0], model)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("models: [own, other]\n", "are missing"),
        ("models: []\n", "no list of signatures"),
        ("models: [../own]\n", "no list of signatures"),
        ("models: [own]\nweights: [[1, 1]]\n", "not as many weights"),
        ("models: [own]\nweights: [[1, 1, 1, -1]]\n", "no list of numbers"),
        ("models: [own]\nweights: [[0, 1, 1, 1]]\n", "without a network"),
        ("models: [own]\nweights: [[1, 1, 1, 1], [1, 1, 1, 1]]\n", "no list of numbers"),
        ("models: [own]\nsegment: -1\n", "no number of seconds"),
        ("models: [own]\nsegment: .nan\n", "no number of seconds"),
        ("models: [own]\nmore: 1\n", "no bag's"),
        ("- own\n", "no bag's"),
        ("models: [own\n", "is damaged"),
        ("x" * 70_000, "too long"),
    ],
)
def test_a_yaml_of_another_form_is_refused(lab, loaded, tmp_path, text, match):
    folder = lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs))
    (folder / "own.yaml").write_text(text)
    with pytest.raises(RefusedError, match=match):
        loaded(folder)


def test_networks_that_do_not_belong_together_are_refused(lab, loaded, tmp_path):
    lab.save_pickle(tmp_path / "model", "a", lab.network(HTDemucs))
    lab.save_pickle(tmp_path / "model", "b", lab.network(HTDemucs, sources=("drums", "bass", "vocals", "other")))
    with pytest.raises(RefusedError, match=r"no \.yaml"):
        loaded(tmp_path / "model")
    (tmp_path / "model" / "own.yaml").write_text("models: [a, b]\n")
    with pytest.raises(RefusedError, match="differ in stems"):
        loaded(tmp_path / "model")
