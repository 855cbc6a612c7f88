"""On a GPU: the stems of the CPU, and those of several sounds in one batch."""

import numpy as np
import pytest
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from librarian.media import read_audio
from librarian.testing import FileTask, given_models
from librarian_separation import SeparateSettings
from librarian_separation.separate import Separator

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
NEAR = 60.0
"""dB that the difference lies below the stems: convolutions may be computed with TF32."""


@pytest.mark.parametrize("architecture", [HTDemucs, HDemucs, Demucs])
@pytest.mark.parametrize(("precision", "least"), [("fp32", NEAR), ("bf16", 30.0)])
def test_a_gpu_makes_the_stems_of_the_cpu(lab, noise, tmp_path, architecture, precision, least):
    folder = lab.save_pickle(tmp_path / "model", "own", lab.network(architecture))
    made = {}
    for device in ("cpu", "cuda:0"):
        settings = SeparateSettings(
            model="own", stems=("vocals", "drums"), precision="fp32" if device == "cpu" else precision
        )
        tasks = []
        for number, frames in enumerate((34567, 100, 50001)):
            (place := tmp_path / f"{device}-{number}").mkdir()
            tasks.append(FileTask(place, [noise(frames, seed=number)], 8000, settings))
        with given_models({"own": folder}, tmp_path / f"store-{device}"):
            runner = Separator(settings, device)
            results = runner.compute([runner.read(task) for task in tasks])
            outputs = [runner.write(task, result) for task, result in zip(tasks, results, strict=True)]
        made[device] = [read_audio(output[stem].value)[0] for output in outputs for stem in settings.stems]
    for ours, theirs in zip(made["cuda:0"], made["cpu"], strict=True):
        error = np.square(ours - theirs, dtype=np.float64).sum()
        assert 10 * np.log10(np.square(theirs, dtype=np.float64).sum() / error) > least
