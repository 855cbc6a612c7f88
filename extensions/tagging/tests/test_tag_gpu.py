"""On a GPU: the probabilities of the CPU."""

import numpy as np
import pytest
import torch

from librarian.testing import tone, voice_like
from librarian_tagging.clap import probabilities
from librarian_tagging.sounds import Sound

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


@pytest.mark.parametrize(("precision", "near"), [("fp32", 0.005), ("bf16", 0.1)])
def test_a_gpu_gives_what_a_cpu_gives(clap_folder, opened, precision, near):
    windows = [voice_like(10, 48000)[0], tone(440, 4, 48000)[0]]
    found = []
    for device, how in (("cpu", "fp32"), ("cuda:0", precision)):
        clap = opened(clap_folder, device=device, precision=how)
        directions = clap.directions([Sound(prompt="a bell"), Sound(prompt="people laughing")], ["noise"])
        found.append(probabilities(clap.embed(windows), directions))
    np.testing.assert_allclose(found[1], found[0], atol=near)
