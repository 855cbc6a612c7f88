"""The pieces where extensions use them: in a worker behind its fence, held to the memory of a task."""

from __future__ import annotations

import numpy as np
import torch
from units import artifact, lines, outcomes, sound

from librarian.audio.resample import resample
from librarian.media import read_audio
from librarian.workers.fence import offered

CODE = """
    import numpy as np
    from librarian import Audio, Operation, Settings, hookimpl

    class NoSettings(Settings):
        pass

    def halve(task):
        import torch
        from librarian.audio import device, mel, medians, resample

        sound, rate = task.read_audio("audio")
        assert (device.choose(task.device), torch.get_num_threads()) == ("cpu", device.threads())
        product = torch.ones(300, 200) @ torch.ones(200, 400)
        assert float(product.sum()) == 300 * 200 * 400
        tensor = torch.from_numpy(sound)
        halved = resample.resample(tensor, rate, rate // 2).numpy()
        assert halved.shape == resample.resample(sound, rate, rate // 2).shape
        heard = mel.whisper_spectrogram(tensor).numpy()
        assert np.array_equal(medians.running_median(heard, 5), medians.running_median(torch.from_numpy(heard), 5))
        return {"audio": task.write_audio("audio", halved, rate // 2)}

    @hookimpl
    def librarian_operations():
        return [Operation(name="halve", version="1", run=f"{__name__}:halve", settings=NoSettings, description="Halve.",
                          inputs={"audio": Audio}, outputs={"audio": Audio}, reproducible="tolerance")]
"""
STEPS = 3 * 2.0**-23
"""Of samples in 24 bits: one of rounding, and dither of up to one on either side."""


def test_torch_and_the_kernels_compute_behind_the_fence(archive, make_extension):
    make_extension("halving", CODE)
    paths = [sound(archive.root / f"{number}.wav", number) for number in (1, 2)]
    archive.job("""
        librarian: 1
        name: halves
        audio: {format: wav, bits: 24}
        recordings:
          - {id: all, path: '*.wav'}
        steps:
          - {id: half, use: halve}
    """)
    archive.librarian("run", "job.yaml", "--workers", "2")
    assert lines(archive)[0]["fence"] == "+".join(offered())
    done = outcomes(archive)
    assert [each["outcome"] for each in done] == ["done", "done"], done
    found = [read_audio(artifact(archive, each, "audio")) for each in done]
    for path in paths:
        samples, rate = read_audio(path)
        expected = resample(torch.from_numpy(samples), rate, rate // 2).numpy()
        assert any(half == rate // 2 and np.abs(out - expected).max() <= STEPS for out, half in found)
