"""What comes out: rates, channels, lengths, levels, the rest, and what adds up."""

import numpy as np
import pytest
import soxr
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from librarian import UnusableInputError
from librarian.errors import RefusedError
from librarian_separation import networks
from librarian_separation.arrangement import groups
from librarian_separation.networks import Network

ROUNDING = 1e-6
"""Full scale is 1: sums in another order."""
STEMS = ("drums", "bass", "other", "vocals")


class Given(torch.nn.Module):
    """In place of a network's computation: stems that are known parts of the mix, so that what is around it shows."""

    parts = (0.5, -0.25, 1.5, 0.125)

    def forward(self, mix):
        return torch.stack([part * mix for part in self.parts], dim=1)


@pytest.fixture
def model(lab, tmp_path, monkeypatch):
    """A model of which every stem is a part of the mix."""
    monkeypatch.setattr(HTDemucs, "forward", Given.forward)
    monkeypatch.setattr(HTDemucs, "parts", Given.parts, raising=False)
    return lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs))


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 11025])
@pytest.mark.parametrize("frames", [1, 999, 60001])
def test_any_rate_comes_back_as_long_and_at_the_same_time(separated, model, noise, rate, frames):
    samples = noise(frames)
    made, _ = separated(model, samples, rate, stems=("vocals", "bass"))
    if frames == 1:
        return
    there = soxr.resample(samples.T, rate, 8000, quality="VHQ")
    back = soxr.resample(there, 8000, rate, quality="VHQ").T if rate != 8000 else samples
    within = slice(200, min(frames, back.shape[1]) - 200)  # at its ends a resampled sound rings
    for name, part in (("vocals", 0.125), ("bass", -0.25)):
        # demucs adds the mean of the mix to every stem, so that what it takes off is part of each
        expected = part * back + samples.mean() * (1 - part)
        np.testing.assert_allclose(made[name][:, within], expected[:, within], atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_the_rest_is_the_mix_without_what_was_chosen(separated, model, noise, rate):
    samples = noise(40001)
    made, _ = separated(model, samples, rate, stems=("vocals", "drums"), rest=True)
    assert list(made) == ["vocals", "drums", "rest"]
    np.testing.assert_allclose(made["rest"], samples - made["vocals"] - made["drums"], atol=ROUNDING)


@pytest.mark.parametrize("residual", ["spread", "other"])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_stems_add_up_to_the_mix_where_that_is_asked_for(separated, model, noise, rate, residual):
    samples = noise(40001)
    plain, _ = separated(model, samples, rate)
    made, _ = separated(model, samples, rate, residual=residual)
    np.testing.assert_allclose(sum(made.values()), samples, atol=ROUNDING)
    assert np.abs(sum(plain.values()) - samples).max() > 0.1
    lacking = samples - sum(plain.values())
    for name in STEMS:
        share = {"spread": 0.25, "other": float(name == "other")}[residual]
        np.testing.assert_allclose(made[name], plain[name] + share * lacking, atol=ROUNDING)
    chosen, _ = separated(model, samples, rate, residual=residual, stems=("other", "bass"))
    np.testing.assert_array_equal(chosen["other"], made["other"])


def test_one_gain_holds_all_stems_below_full_scale_where_the_format_ends_there(separated, model, noise):
    samples = noise(40001, level=0.7).clip(-0.99, 0.99)
    floating, outputs = separated(model, samples, rest=True)
    assert np.abs(floating["other"]).max() > 1
    assert (outputs["other"].facts["gain"], outputs["other"].facts["model"]) == (0, "own")
    made, outputs = separated(model, samples, subtype="PCM_24", bits=24, rest=True)
    gain, peak = (outputs["drums"].facts[name] for name in ("gain", "peak"))
    assert {output.facts["gain"] for output in outputs.values()} == {gain}
    assert peak == pytest.approx(20 * np.log10(max(np.abs(stem).max() for stem in floating.values())), abs=1e-3)
    assert gain == pytest.approx(-peak, abs=1e-3)
    for name, stem in made.items():
        np.testing.assert_allclose(stem, 10 ** (gain / 20) * floating[name], atol=2**-21)


def test_what_fits_is_left_as_loud_as_it_is(separated, model, noise):
    samples = noise(20001, level=0.2)
    floating, _ = separated(model, samples)
    made, outputs = separated(model, samples, subtype="PCM_24", bits=24)
    assert outputs["other"].facts["gain"] == 0
    np.testing.assert_allclose(made["other"], floating["other"], atol=2**-22)


def test_of_surround_sound_left_and_right_go_together(separated, lab, noise, tmp_path):
    model = lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs))
    samples = np.concatenate([noise(20001, seed=seed) for seed in (1, 2, 3)])
    samples *= np.float32([1, 0.5, 0.2, 0.1, 0.4, 0.8])[:, np.newaxis]
    made, outputs = separated(model, samples, layout="5.1", stems=("vocals",))
    assert outputs["vocals"].facts["channels_given"] == "in_pairs"
    swapped, _ = separated(model, samples[[4, 5, 2, 3, 0, 1]], layout="5.1", stems=("vocals",))
    np.testing.assert_allclose(swapped["vocals"], made["vocals"][[4, 5, 2, 3, 0, 1]], atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "layout", "wanted", "expected"),
    [
        (2, "stereo", 2, [(0, 1)]),
        (1, "mono", 2, [(0,)]),
        (6, "5.1", 2, [(0, 1), (2,), (3,), (4, 5)]),
        (8, "7.1", 2, [(0, 1), (2,), (3,), (4, 5), (6, 7)]),
        (3, "", 2, [(0,), (1,), (2,)]),
        (3, "2.1", 2, [(0, 1), (2,)]),
        (5, "", None, [(0, 1, 2, 3, 4)]),
        (4, "quad", 4, [(0, 1, 2, 3)]),
        (2, "stereo", 1, [(0,), (1,)]),
    ],
)
def test_which_channels_go_together(channels, layout, wanted, expected):
    assert [group.channels for group in groups(channels, layout, wanted)] == expected


def test_a_model_of_many_channels_is_given_no_others():
    with pytest.raises(UnusableInputError, match="wants 4 channels, and the sound has 2"):
        groups(2, "stereo", 4)


def test_a_stem_that_the_model_does_not_have_is_said(separated, model, noise):
    with pytest.raises(RefusedError, match="it has the stems drums, bass, other, vocals, and not piano"):
        separated(model, noise(100), stems=("piano",))


def test_a_longer_sound_holds_no_more_memory(separated, model, tmp_path, monkeypatch):
    """Blocks come and go: what is held of the sound is never more than some segments."""
    from librarian_separation import cutting, flow

    most = []
    reach, add = cutting.Passing.reach, flow.Separation.add

    def added(self, lane, part, estimates):
        add(self, lane, part, estimates)
        waiting = sum(block.shape[1] for block in list(self._mix))
        most.extend([waiting, self._waiting.shape[-1], self._sum._sum.shape[-1]])

    monkeypatch.setattr(flow.Separation, "add", added)
    monkeypatch.setattr(
        cutting.Passing, "reach", lambda self, stop: (reach(self, stop), most.append(self._held.shape[1]))[0]
    )
    for seconds in (60, 600):
        samples = np.zeros((2, 8000 * seconds), np.float32)
        samples[:, ::100] = 0.1
        separated(model, samples, stems=("vocals",), subtype="PCM_16", bits=16)
    assert max(most) < 8000 * 30


def test_how_a_sound_ends_is_a_setting(separated, model, noise, monkeypatch):
    asked = []
    monkeypatch.setattr(HTDemucs, "forward", lambda self, mix: asked.append(mix.shape) or Given.forward(self, mix))
    for ending, number in (("demucs", 3), ("short", 2)):
        separated(model, noise(20500), ending=ending)  # segments of 12000 frames, one every 9000
        assert len(asked) == number, ending
        asked.clear()


def test_a_shorter_segment_is_what_a_network_is_given(separated, model, noise, monkeypatch):
    asked = []
    monkeypatch.setattr(HTDemucs, "forward", lambda self, mix: asked.append(mix.shape[-1]) or Given.forward(self, mix))
    separated(model, noise(20500), segment="0.5 s")
    assert set(asked) == {4000}


def test_progress_goes_on_to_the_end(lab, model, noise, tmp_path):
    from librarian.testing import FileTask, given_models
    from librarian_separation import SeparateSettings
    from librarian_separation.separate import Separator

    settings = SeparateSettings(model="own", stems=STEMS, shifts=2)
    (tmp_path / "task").mkdir()
    task = FileTask(tmp_path / "task", [noise(80000)], 8000, settings)
    with given_models({"own": model}, tmp_path / "store"):
        runner = Separator(settings, "cpu")
        runner.write(task, runner.compute([runner.read(task)])[0])
    assert task.fractions == sorted(task.fractions)
    assert len(task.fractions) > 5
    assert task.fractions[-1] > 0.9


def test_bf16_is_near_fp32(lab, separated, noise, tmp_path):
    model = lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs))
    samples = noise(20000)
    exact, _ = separated(model, samples)
    made, _ = separated(model, samples, precision="bf16")
    assert 30 < decibels_above_error(list(exact.values()), list(made.values())) < 90


@pytest.mark.parametrize("architecture", [HTDemucs, HDemucs, Demucs])
def test_with_bf16_the_ends_of_every_network_stay_exact(lab, noise, monkeypatch, architecture):
    mix = noise(12000, level=1.0)[None]

    def computed(**how):
        return Network(lab.network(architecture), "cpu", None, 0.25, **how)(mix).numpy()

    exact, made = computed(bf16=False), computed(bf16=True)
    assert made.dtype == np.float32
    monkeypatch.setattr(networks, "_within", lambda *given: [])
    assert decibels_above_error(exact, made) > decibels_above_error(exact, computed(bf16=True)) + 1


def decibels_above_error(exact, made):
    """How far the error lies below the sound."""
    error = np.sum(np.square(np.subtract(made, exact), dtype=np.float64))
    return 10 * np.log10(np.sum(np.square(exact, dtype=np.float64)) / error)
