"""What the model hears and says, beside plain calls of transformers; and what comes through the door."""

import json
import os
import shutil

import clap_folders
import numpy as np
import pytest
import torch

from librarian.errors import RefusedError
from librarian.testing import tone, voice_like
from librarian_tagging.clap import probabilities
from librarian_tagging.sounds import Sound

RATE = 48000
TOLERANCE = 2e-4
"""Of a probability: transformers makes its features in float64, we in float32 (0.001 dB of a band)."""


@pytest.fixture(scope="module")
def sounds():
    """A full window, a short one and a very short one."""
    long = voice_like(10, RATE)[0] + tone(440, 10, RATE)[0]
    return [long, tone(1000, 3.3, RATE)[0], voice_like(0.7, RATE, seed=3)[0], np.full(1, 0.5, np.float32)]


def test_probabilities_are_those_of_transformers(clap_folder, opened, sounds):
    clap = opened(clap_folder)
    expected = clap_folders.Plain(clap_folder)(sounds, ["a dog barks in a yard", "background noise"])
    directions = clap.directions([Sound(prompt="a dog barks in a yard")], ["background noise"])
    found = probabilities(clap.embed(sounds), directions)[:, 0]
    assert np.ptp(expected) > 0.02, "the sounds of this test are all the same to the model, and show nothing"
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


def test_several_prompts_are_averaged_and_the_same_twice_is_one(clap_folder, opened, sounds):
    clap = opened(clap_folder)
    one, twice, two = clap.directions(
        [Sound(prompt="a bell"), Sound(prompt=["a bell", "a bell"]), Sound(prompt=["a bell", "a phone"])], ["noise"]
    )
    np.testing.assert_allclose(one, twice, atol=1e-12)
    assert np.abs(one - two).max() > 1e-3


def test_a_sound_may_have_a_contrast_of_its_own(clap_folder, opened):
    clap = opened(clap_folder)
    own, usual, other = clap.directions(
        [Sound(prompt="a bell", contrast=["speech"]), Sound(prompt="a bell"), Sound(prompt="a bell")], ["noise"]
    )
    np.testing.assert_array_equal(usual, other)
    np.testing.assert_allclose(own, clap.directions([Sound(prompt="a bell")], ["speech"])[0], atol=1e-12)
    assert np.abs(own - usual).max() > 1e-3


def test_what_fits_prompt_and_contrast_alike_has_one_half(clap_folder, opened, sounds):
    clap = opened(clap_folder)
    directions = clap.directions([Sound(prompt="noise")], ["noise"])
    np.testing.assert_allclose(probabilities(clap.embed(sounds), directions), 0.5, atol=1e-12)


def test_a_prompt_that_is_too_long_is_refused(tmp_path, clap_folder, opened):
    with pytest.raises(RefusedError, match=r"a prompt has .* tokens, and the model takes 512: write a shorter one"):
        opened(clap_folder).directions([Sound(prompt="\N{GRINNING FACE}" * 300)], ["noise"])


def change(path, **keys):
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


@pytest.fixture
def copy(clap_folder, tmp_path):
    return shutil.copytree(clap_folder, tmp_path / "copy")


class Opens:
    """What a hostile file holds: unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mknod, (str(self.path),)


def test_a_pickle_is_refused_before_it_is_opened(copy, opened, tmp_path):
    (copy / "model.safetensors").unlink()
    torch.save({"logit_scale_a": Opens(tmp_path / "made")}, copy / "pytorch_model.bin")
    with pytest.raises(RefusedError, match=r"weights are safetensors .* holds pytorch_model\.bin"):
        opened(copy)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("file", "keys", "match"),
    [
        ("config.json", {"auto_map": {"AutoModel": "evil.Model"}}, "asks for code of its own"),
        ("config.json", {"model_type": "whisper"}, "another family than clap"),
        ("config.json", {"audio_config": {"enable_fusion": True}}, "fuses long sounds"),
        ("config.json", {"projection_dim": 64}, "do not fit"),
        ("preprocessor_config.json", {"sampling_rate": 1e12}, "does not say what a CLAP hears"),
        ("preprocessor_config.json", {"hop_length": 0}, "does not say what a CLAP hears"),
        ("preprocessor_config.json", {"frequency_max": 48000}, "does not say what a CLAP hears"),
        ("preprocessor_config.json", {"max_length_s": None}, "does not say what a CLAP hears"),
        ("preprocessor_config.json", {"feature_size": 32}, "differ in the number of bands"),
    ],
)
def test_a_folder_that_does_not_hang_together_is_refused(copy, opened, file, keys, match):
    change(copy / file, **keys)
    with pytest.raises(RefusedError, match=match):
        opened(copy)


def test_a_model_that_fuses_long_sounds_is_refused(tmp_path, opened):
    folder = clap_folders.clap(tmp_path / "fused", enable_fusion=True, fusion_type="channel_map")
    with pytest.raises(RefusedError, match="fuses long sounds, which windows never are; take clap-htsat-unfused"):
        opened(folder)


def test_bf16_is_near(clap_folder, opened, sounds):
    found = []
    for precision in ("fp32", "bf16"):
        clap = opened(clap_folder, precision=precision)
        found.append(probabilities(clap.embed(sounds), clap.directions([Sound(prompt="a bell")], ["noise"])))
    np.testing.assert_allclose(found[1], found[0], atol=0.1)
