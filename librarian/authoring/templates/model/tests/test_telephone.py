import numpy as np
from librarian.testing import FileTask, tone

from librarian_template_model import BUILT_IN, KNOWN, TemplateModelSettings, resolve
from librarian_template_model.telephone import RATE, Telephone

SETTINGS = TemplateModelSettings(model=BUILT_IN)


def test_it_lets_speech_through_and_keeps_bass_back():
    heard, kept = Telephone(SETTINGS, "cpu").compute([tone(1000, 1, RATE), tone(60, 1, RATE)])
    middle = slice(RATE // 4, -RATE // 4)
    assert np.abs(heard[:, middle]).max() > 0.09
    assert np.abs(kept[:, middle]).max() < 0.01


def test_a_batch_gives_what_each_gives_by_itself():
    telephone = Telephone(SETTINGS, "cpu")
    sounds = [tone(500, 0.5, RATE, channels=2), tone(800, 0.3, RATE)]
    for together, alone in zip(telephone.compute(sounds), sounds, strict=True):
        assert np.allclose(together, telephone.compute([alone])[0], atol=1e-6)


def test_a_task_is_read_computed_and_written(tmp_path):
    telephone, task = Telephone(SETTINGS, "cpu"), FileTask(tmp_path, [tone(1000, 1, 44100)], 44100, SETTINGS)
    made = telephone.write(task, telephone.compute([telephone.read(task)])[0])
    assert made["audio"].is_file()


def test_auto_takes_the_known_model_where_it_is_there():
    auto = TemplateModelSettings()
    assert resolve(auto, {}) == (SETTINGS, [])
    assert resolve(auto, {KNOWN.name: None})[1] == [KNOWN.name]
