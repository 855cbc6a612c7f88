"""What comes through the door, and that nothing in a folder is run."""

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from librarian.errors import ModelMissingError, RefusedError

REFUSED = "the model is not loaded"


class Opens:
    """What a hostile file holds: unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mknod, (str(self.path),)


@pytest.fixture
def copy(folder, tmp_path):
    """A copy of a model's folder, to be spoilt."""

    def make(family="whisper"):
        return shutil.copytree(folder(family), tmp_path / "copy")

    return make


def change(path, **keys):
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **keys}))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "model.ckpt", "model.nemo"])
@pytest.mark.parametrize("beside", [True, False])
def test_a_pickle_is_refused_before_it_is_opened(copy, opened, tmp_path, name, beside):
    place, made = copy(), tmp_path / "made"
    torch.save({"model.weight": Opens(made)}, place / name)
    if not beside:
        (place / "model.safetensors").unlink()
    with pytest.raises(RefusedError, match=f"{REFUSED}: weights are safetensors .* holds {name}"):
        opened(place)
    assert not made.exists()
    torch.load(place / name, weights_only=False)
    assert made.exists(), "the file of this test does nothing, and shows nothing"


@pytest.mark.parametrize("name", ["modeling_whisper.py", "tokenization.py", "sub/code.py", "native.so", "run.sh"])
def test_code_in_the_folder_is_refused(copy, opened, name):
    place = copy()
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text("raise SystemExit('it ran')")
    with pytest.raises(RefusedError, match=f"holds {name}"):
        opened(place)


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("config.json", {"auto_map": {"AutoModel": "evil.Model"}}),
        ("config.json", {"trust_remote_code": True}),
        ("config.json", {"quantization_config": {"quant_method": "bitsandbytes"}}),
        ("generation_config.json", {"custom_generate": "someone/repository"}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}),
        ("preprocessor_config.json", {"auto_map": {"AutoFeatureExtractor": "evil--evil.Extractor"}}),
        ("processor_config.json", {"inner": {"auto_map": {"AutoProcessor": "evil.Processor"}}}),
    ],
)
def test_settings_that_ask_for_code_are_refused(copy, opened, file, keys):
    place = copy()
    change(place / file, **keys)
    with pytest.raises(RefusedError, match=f"{REFUSED}: {file} asks for code of its own"):
        opened(place)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("config.json", "{", "config.json is no JSON"),
        ("config.json", "[" * 100_000, "config.json is no JSON"),
        ("config.json", "[]", "config.json holds no settings"),
        ("config.json", '{"model_type": "llama"}', "names no family that is known"),
        ("config.json", '{"model_type": ["whisper"]}', "names no family that is known"),
        ("config.json", "{}", "names no family that is known"),
        ("config.json", '{"model_type": "whisper", "d_model": -4}', "do not fit"),
        ("config.json", '{"model_type": "whisper", "vocab_size": "many"}', "do not fit"),
        ("generation_config.json", "{}", "generation_config.json does not say no_timestamps_token_id"),
        ("tokenizer.json", "{}", "holds no tokenizer.json"),
        ("tokenizer.json", '{"version": "1.0"}', "tokenizer.json is none"),
        ("model.safetensors", "\x08", "do not fit"),
    ],
)
def test_a_folder_that_does_not_hang_together_is_refused(copy, opened, name, content, match):
    place = copy()
    (place / name).write_text(content)
    with pytest.raises(RefusedError, match=match):
        opened(place)


@pytest.mark.parametrize(
    "keys",
    [
        {"alignment_heads": "all"},
        {"alignment_heads": [[1]]},
        {"lang_to_id": ["<|en|>"]},
        {"lang_to_id": {"<|en|>": "first"}},
        {"task_to_id": {}},
        {"task_to_id": None},
    ],
)
def test_settings_of_another_form_are_refused(copy, opened, keys):
    place = copy()
    change(place / "generation_config.json", **keys)
    with pytest.raises(RefusedError, match="its settings are not those of its family"):
        opened(place)


def test_weights_that_are_missing_are_not_made_up(copy, opened):
    place = copy()
    weights = load_file(place / "model.safetensors")
    taken = next(name for name in weights if name.endswith("fc1.weight"))
    del weights[taken]
    save_file(weights, place / "model.safetensors", {"format": "pt"})
    with pytest.raises(RefusedError, match="1 of its weights are missing"):
        opened(place)


def test_weights_of_another_shape_are_refused(copy, opened):
    place = copy()
    change(place / "config.json", encoder_ffn_dim=48)
    with pytest.raises(RefusedError, match="do not fit"):
        opened(place)


@pytest.mark.parametrize("durations", [[0, 2, 4], [1, 2, 3, 4, 5]])
def test_durations_that_transformers_would_misread_are_refused(copy, opened, durations):
    place = copy("parakeet_tdt")
    change(place / "config.json", durations=durations)
    with pytest.raises(RefusedError, match=r"durations are not|do not fit|missing"):
        opened(place)


def test_a_folder_that_no_task_uses_is_not_read(folder):
    from librarian_transcription.door import open_model

    with pytest.raises((RefusedError, ModelMissingError)):
        open_model(folder("whisper"))
