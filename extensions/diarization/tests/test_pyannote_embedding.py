from __future__ import annotations

import numpy as np
import pyannote_folders
import pytest

CLOSE = 2e-5
"""Of unit-sized numbers: the batch has another size, so sums are made in another order."""
FRAMES = 115


@pytest.fixture(scope="module", params=["WeSpeakerResNet34", "XVectorSincNet"])
def network(request, library):
    from librarian_diarization.pyannote_stack import torch

    torch.manual_seed(1)
    return pyannote_folders.embedding_network(pyannote_folders.Made(embedding=request.param))


@pytest.fixture
def embedder(network):
    from librarian_diarization.pyannote_embedding import Embedder

    return lambda **options: Embedder(network, **{"exclude_overlap": False} | options)


@pytest.fixture(scope="module")
def sounds(voices):
    """Five chunks of two seconds, `[5, 1, samples]`."""
    from librarian_diarization.pyannote_stack import torch

    return torch.from_numpy(voices[0, : 5 * 32000].reshape(5, 1, 32000))


@pytest.fixture
def active():
    """Who speaks when: in the second chunk nobody, in the third one voice alone and at times the other two."""
    active = (np.random.default_rng(2).random((5, FRAMES, 3)) > 0.6).astype(np.float32)
    active[1] = 0
    active[2, :60, 0] = 0
    active[2, :, 2] = active[2, :, 1]
    return active


def least_frames(network):
    """Frames that are as long as the shortest sound it can be applied to."""
    from librarian_diarization.pyannote_stack import PyannoteAudioPretrainedSpeakerEmbedding, contained

    with contained():
        return np.ceil(FRAMES * PyannoteAudioPretrainedSpeakerEmbedding(network).min_num_samples / 32000)


def one_by_one(network, sounds, masks):
    """As the library has it: the whole network for each voice of each chunk."""
    from librarian_diarization.pyannote_stack import PyannoteAudioPretrainedSpeakerEmbedding, torch

    whole = PyannoteAudioPretrainedSpeakerEmbedding(network)
    rows = [
        [whole(sound[None], masks=torch.from_numpy(np.ascontiguousarray(mask))[None])[0] for mask in masks_here.T]
        for sound, masks_here in zip(sounds, masks, strict=True)
    ]
    return np.array(rows)


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_one_application_a_chunk_gives_what_one_a_voice_gives(network, embedder, sounds, active, batch):
    mine, expected = embedder(), one_by_one(network, sounds, active)
    starts = range(0, len(sounds), batch)
    made = np.concatenate([mine(sounds[start : start + batch], active[start : start + batch]) for start in starts])

    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(made, expected, rtol=0, atol=CLOSE * np.abs(expected).max())
    assert np.abs(made[0, 0] - made[0, 1]).max() > 100 * CLOSE * np.abs(expected).max()
    assert mine.applied == 4


def test_where_voices_overlap_they_are_left_out_if_enough_is_left(network, embedder, sounds, active):
    alone = active * (active.sum(axis=2, keepdims=True) < 2)
    masks = np.where(alone.sum(axis=1, keepdims=True) > least_frames(network), alone, active)
    assert (masks != active).any()
    assert (masks[2, :, 1] == active[2, :, 1]).all()

    made = embedder(exclude_overlap=True)(sounds, active)

    expected = one_by_one(network, sounds, masks)
    np.testing.assert_allclose(made, expected, rtol=0, atol=CLOSE * np.abs(expected).max())


def test_silence_costs_nothing(embedder, sounds, active):
    mine = embedder()
    made = mine(sounds, np.zeros_like(active))
    assert mine.applied == 0
    assert (made == made[0, 0]).all()


def test_a_cpu_is_given_one_chunk_at_a_time(embedder, sounds, active, monkeypatch):
    mine, given = embedder(), []
    embedded = mine._embedded
    monkeypatch.setattr(mine, "_embedded", lambda some, masks: given.append(len(some)) or embedded(some, masks))
    mine(sounds, active)
    assert given[-4:] == [1, 1, 1, 1]


def test_a_network_that_pools_one_mask_is_applied_once_for_each(network, embedder, sounds, active, monkeypatch):
    from librarian_diarization import pyannote_embedding

    expected = embedder()(sounds, active)
    monkeypatch.setattr(pyannote_embedding, "POOLS_MANY", ())
    made = embedder()(sounds, active)
    np.testing.assert_allclose(made, expected, rtol=0, atol=CLOSE * np.abs(expected).max())


@pytest.mark.gpu
def test_a_gpu_gives_the_same(library, sounds, active):
    from librarian_diarization.precision import full_precision
    from librarian_diarization.pyannote_embedding import Embedder
    from librarian_diarization.pyannote_stack import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    network = pyannote_folders.embedding_network(pyannote_folders.Made())
    expected = Embedder(network, exclude_overlap=True)(sounds, active)
    with full_precision():
        made = Embedder(network.to("cuda:0"), exclude_overlap=True)(sounds, active)
    np.testing.assert_allclose(made, expected, rtol=0, atol=10 * CLOSE * np.abs(expected).max())


def test_a_network_without_its_normalizations_gives_the_same(network, sounds):
    from copy import deepcopy

    from librarian_diarization.pyannote_folding import folded
    from librarian_diarization.pyannote_stack import torch

    uneven = deepcopy(network)
    for module in uneven.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as new, they change next to nothing
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    with torch.inference_mode():
        expected = uneven(sounds).numpy()
        made = folded(uneven, torch.device("cpu"))
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in made.modules())
        np.testing.assert_allclose(made(sounds).numpy(), expected, rtol=0, atol=CLOSE * np.abs(expected).max())
