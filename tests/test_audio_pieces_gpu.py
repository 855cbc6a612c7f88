"""On a real GPU the pieces give what they give on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from librarian.audio import mel, spectral
from librarian.audio.masks import soft_mask
from librarian.audio.medians import running_median
from librarian.audio.networks import median_of_rows
from librarian.audio.overlap import Joiner, segments, triangle
from librarian.audio.resample import resample
from librarian.audio.similarity import similar_frames

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]
ROUNDING = 2e-6
"""float32 sums in another order. TF32, which must not be used, would be a thousand times as far off."""


@pytest.fixture
def sound():
    return torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (2, 50000)).astype(np.float32))


@pytest.mark.parametrize(("rate", "to"), [(44100, 48000), (48000, 16000), (16000, 48000)])
def test_resampling(sound, rate, to):
    there = resample(sound.cuda(), rate, to)
    assert there.is_cuda
    torch.testing.assert_close(there.cpu(), resample(sound, rate, to), atol=ROUNDING, rtol=0)


def test_transforms(sound):
    there = spectral.stft(sound.cuda(), 1024, 256)
    torch.testing.assert_close(there.cpu(), spectral.stft(sound, 1024, 256), atol=1024 * ROUNDING, rtol=0)
    torch.testing.assert_close(spectral.istft(there, 256, 50000).cpu(), sound, atol=ROUNDING, rtol=0)
    heard = mel.whisper_spectrogram(sound.cuda()).cpu()
    torch.testing.assert_close(heard, mel.whisper_spectrogram(sound), atol=1e-4, rtol=0)


def test_medians_are_the_same_bits(sound):
    levels = spectral.stft(sound, 512, 128).abs()
    for axis in (1, 2):
        assert torch.equal(running_median(levels.cuda(), 31, axis).cpu(), running_median(levels, 31, axis))


def test_what_is_similar_and_its_median(sound):
    levels = spectral.stft(sound, 512, 128)[0].abs().mT.contiguous()
    rows = similar_frames(levels, 20, 10)
    there = similar_frames(levels.cuda(), 20, 10).cpu()
    assert (there.sort().values == rows.sort().values).float().mean() > 0.99  # two may be all but as similar
    medians = median_of_rows(levels.cuda(), rows.cuda())
    assert torch.equal(medians.cpu(), median_of_rows(levels, rows))
    shares = soft_mask(medians, levels.cuda()).cpu()
    torch.testing.assert_close(shares, soft_mask(medians.cpu(), levels), atol=ROUNDING, rtol=0)


def test_segments_and_back(sound):
    joiner = Joiner(triangle(4000), 3000)
    pieces = [joiner.add(each, each.samples) for each in segments([sound.cuda()], 4000, 3000)]
    assert torch.equal(torch.cat([*pieces, joiner.end()], dim=1).cpu(), sound)
