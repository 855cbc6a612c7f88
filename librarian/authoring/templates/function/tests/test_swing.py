import numpy as np
from librarian.media import read_audio
from librarian.testing import FileTask

from librarian_template_function import TemplateFunctionSettings
from librarian_template_function.swing import gains, swing


def test_it_swings_between_the_sound_and_silence(tmp_path):
    settings = TemplateFunctionSettings(rate=2, depth=1)
    task = FileTask(tmp_path, [np.full((2, 8000), 0.5, np.float32)], 8000, settings)
    made = swing(task)["audio"]
    samples, rate = read_audio(made.value)
    assert (samples.shape, rate) == ((2, 8000), 8000)
    assert np.allclose(samples[0, [0, 2000, 4000, 6000]], [0.5, 0, 0.5, 0])
    assert made.facts["swings"] == 2


def test_without_depth_nothing_changes():
    assert (gains(np.arange(100) / 8000, 5.0, 0.0) == 1).all()
