"""The same weights and settings give what demucs' own `apply_model` gives."""

import random
from unittest.mock import patch

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

SAME = 1e-4
"""Of the greatest sample of the stems: the bound that demucs' own batches keep."""
EVERY = [HTDemucs, HDemucs, Demucs]
LENGTHS = {
    "one sample": 1,
    "shorter than a segment": 5001,
    "a segment": 16000,
    "odd": 34567,
    "with a segment of which all was covered": 22000,
}


def by_demucs(model, samples, seed=0, **given):
    """What demucs' Separator makes of two channels: standardized, applied, and back.

    Its shifts are drawn from a generator of their own here: the global one, the networks draw from as well.
    """
    mix = torch.from_numpy(samples.copy())
    reference = mix.mean(0)
    mean = reference.mean()
    deviation = (reference.std() if len(reference) > 1 else torch.zeros(())) + 1e-8
    with torch.no_grad(), patch("demucs.apply.random", random.Random(seed)):
        out = apply_model(model, ((mix - mean) / deviation)[None], **{"shifts": 0, **given})
    return (out * deviation + mean)[0].numpy()


def assert_same(made, expected, stems):
    scale = max(np.abs(expected).max(), 1e-3)
    assert np.isfinite(expected).all()
    for number, stem in enumerate(stems):
        assert np.abs(made[stem] - expected[number]).max() < SAME * scale, stem


@pytest.mark.parametrize("architecture", EVERY)
@pytest.mark.parametrize("frames", LENGTHS.values(), ids=LENGTHS)
def test_every_architecture_at_every_length(lab, separated, noise, tmp_path, architecture, frames):
    model = lab.network(architecture)
    samples = noise(frames)
    made, _ = separated(lab.save_pickle(tmp_path / "model", "own", model), samples)
    expected = by_demucs(model, samples)
    assert_same(made, expected, model.sources)
    assert frames == 1 or not np.allclose(made["drums"], made["bass"], atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("architecture", EVERY)
def test_silence_stays_silence_as_far_as_demucs_has_it(lab, separated, tmp_path, architecture):
    model = lab.network(architecture)
    samples = np.zeros((2, 20001), np.float32)
    made, _ = separated(lab.save_pickle(tmp_path / "model", "own", model), samples)
    assert_same(made, by_demucs(model, samples), model.sources)
    assert max(np.abs(stem).max() for stem in made.values()) < 1e-6


@pytest.mark.parametrize("architecture", EVERY)
def test_one_channel_is_doubled_and_the_mean_taken(lab, separated, noise, tmp_path, architecture):
    model = lab.network(architecture)
    samples = noise(34567, channels=1)
    made, outputs = separated(lab.save_pickle(tmp_path / "model", "own", model), samples)
    expected = by_demucs(model, np.repeat(samples, 2, axis=0)).mean(axis=1, keepdims=True)
    assert_same(made, expected, model.sources)
    assert outputs["vocals"].facts["channels_given"] == "doubled"


@pytest.mark.parametrize("architecture", EVERY)
@pytest.mark.parametrize(("shifts", "overlap"), [(1, 0.25), (3, 0.4)])
def test_with_shifts_and_another_overlap(lab, separated, noise, tmp_path, architecture, shifts, overlap):
    model = lab.network(architecture)
    samples = noise(34567)
    expected = by_demucs(model, samples, 77, shifts=shifts, overlap=overlap)
    folder = lab.save_pickle(tmp_path / "model", "own", model)
    made, _ = separated(folder, samples, seed=77, shifts=shifts, overlap=overlap)
    assert_same(made, expected, model.sources)
    again, _ = separated(folder, samples, seed=77, shifts=shifts, overlap=overlap)
    other, _ = separated(folder, samples, seed=78, shifts=shifts, overlap=overlap)
    assert all((made[stem] == again[stem]).all() for stem in made)
    assert np.abs(made["vocals"] - other["vocals"]).max() > SAME * np.abs(expected).max()


WEIGHTS = [[1.0, 1.0, 0.0, 0.0], [0.0, 2.0, 1.0, 1.0], [0.5, 0.0, 1.0, 3.0]]


@pytest.mark.parametrize("shifts", [0, 2])
def test_a_bag_with_weights_of_networks_that_differ(lab, separated, noise, tmp_path, shifts):
    models = [lab.network(HTDemucs, 1), lab.network(HDemucs, 2), lab.network(Demucs, 3)]
    for name, model in zip("abc", models, strict=True):
        lab.save_pickle(tmp_path / "model", name, model)
    (tmp_path / "model" / "own.yaml").write_text(f"models: [a, b, c]\nweights: {WEIGHTS}\nsegment: 1.25\n")
    samples = noise(34567)
    expected = by_demucs(BagOfModels(models, WEIGHTS, 1.25), samples, 5, shifts=shifts)
    made, _ = separated(tmp_path / "model", samples, seed=5, shifts=shifts)
    assert_same(made, expected, models[0].sources)
    only, _ = separated(tmp_path / "model", samples, seed=5, shifts=shifts, stems=("drums",))
    np.testing.assert_array_equal(only["drums"], made["drums"])


def test_networks_that_count_for_no_stem_that_is_wanted_are_not_asked(lab, separated, noise, tmp_path, monkeypatch):
    for name in "abcd":
        lab.save_pickle(tmp_path / "model", name, lab.network(HTDemucs, ord(name)))
    weights = np.eye(4).tolist()
    (tmp_path / "model" / "own.yaml").write_text(f"models: [a, b, c, d]\nweights: {weights}\n")
    asked = []
    forward = HTDemucs.forward
    monkeypatch.setattr(HTDemucs, "forward", lambda self, mix: asked.append(self) or forward(self, mix))
    separated(tmp_path / "model", noise(9000), stems=("bass", "vocals"))
    assert len(set(asked)) == 2
    separated(tmp_path / "model", noise(9000), stems=("bass",), residual="bass")
    assert len(set(asked)) == 2 + 4


def test_six_stems_are_those_of_the_network(lab, separated, noise, tmp_path):
    sources = ("drums", "bass", "other", "vocals", "guitar", "piano")
    model = lab.network(HTDemucs, sources=sources)
    samples = noise(20000)
    made, _ = separated(lab.save_tensors(tmp_path / "model", "own", model), samples, stems=sources)
    assert_same(made, by_demucs(model, samples), sources)


def test_a_network_of_one_channel_is_given_each_alone(lab, separated, noise, tmp_path):
    model = lab.network(HTDemucs, audio_channels=1)
    samples = noise(20000, channels=2)
    made, outputs = separated(lab.save_pickle(tmp_path / "model", "own", model), samples)
    assert outputs["drums"].facts["channels_given"] == "apart"
    mono = samples.mean(axis=0)
    mean, deviation = mono.mean(), mono.std(ddof=1) + 1e-8
    for channel in range(2):
        mix = torch.from_numpy((samples[channel : channel + 1] - mean) / deviation)[None]
        with torch.no_grad():
            expected = (apply_model(model, mix, shifts=0)[0] * deviation + mean).numpy()
        alone = {stem: sound[channel : channel + 1] for stem, sound in made.items()}
        assert_same(alone, expected, model.sources)


def test_fused_segments_of_several_sounds_are_those_of_each_alone(lab, noise, tmp_path):
    from librarian.media import read_audio
    from librarian.testing import FileTask, given_models
    from librarian_separation import SeparateSettings
    from librarian_separation.separate import Separator

    folder = lab.save_pickle(tmp_path / "model", "own", lab.network(HDemucs))
    made = []
    for batch in (1, 4):
        settings = SeparateSettings(model="own", stems=("vocals",), batch=batch)
        tasks = []
        for number, frames in enumerate((30001, 17000, 50, 40000)):
            (place := tmp_path / f"{batch}-{number}").mkdir()
            tasks.append(FileTask(place, [noise(frames, seed=number)], 8000, settings))
        with given_models({"own": folder}, tmp_path / f"store{batch}"):
            runner = Separator(settings, "cpu")
            results = runner.compute([runner.read(task) for task in tasks])
            outputs = [runner.write(task, result)["vocals"] for task, result in zip(tasks, results, strict=True)]
        made.append([read_audio(output.value)[0] for output in outputs])
    for alone, together in zip(*made, strict=True):
        assert alone.shape == together.shape
        np.testing.assert_allclose(together, alone, atol=1e-6)
