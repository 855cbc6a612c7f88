"""The net against the wheel's own model, and how it is loaded."""

import sys
import threading
import warnings
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
import soundfile
import torch
from harness import RECORDINGS

from librarian.audio import silero
from librarian.audio.resample import resample
from librarian.audio.silero import WINDOW, Listener, Silero, one_thread
from librarian.errors import MissingError

NAMES = {
    "stft_conv.weight": "stft.forward_basis_buffer",
    **{
        f"conv{number + 1}.{part}": f"encoder.{number}.reparam_conv.{part}"
        for number in range(4)
        for part in ("weight", "bias")
    },
    **{
        f"lstm_cell.{part}_{which}": f"decoder.rnn.{part}_{which}"
        for part in ("weight", "bias")
        for which in ("ih", "hh")
    },
    "final_conv.weight": "decoder.decoder.2.weight",
    "final_conv.bias": "decoder.decoder.2.bias",
}
"""What our net calls the weights, and what the wheel's model does."""
ROUNDING = 1e-4
"""Of single precision, carried along by the state."""


@pytest.fixture(scope="module")
def theirs():
    """The wheel's model at 16 kHz."""
    path = silero.weights_file().parent / "silero_vad.jit"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.load is on its way out
        return torch.jit.load(path, map_location="cpu").eval()


def one_by_one(model, samples):
    model.reset_states()
    found = []
    with torch.inference_mode():
        for start in range(0, len(samples), WINDOW):
            found.append(model(torch.from_numpy(samples[start : start + WINDOW]), 16000).item())
    return np.array(found)


def recording(name):
    """A conversation that ships: samples `[channels, frames]` and their rate (Hz)."""
    samples, rate = soundfile.read(RECORDINGS / "conversations" / f"{name}.flac", dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T), rate


@pytest.fixture
def sound():
    samples, _ = recording("two_speakers")
    return np.ascontiguousarray(samples[0, : 300 * WINDOW])


def test_with_the_weights_of_the_wheels_model_it_hears_what_that_hears(theirs, sound):
    found = theirs._model.state_dict()
    net = Listener(Silero({name: found[their_name] for name, their_name in NAMES.items()}))
    np.testing.assert_allclose(net.add(sound), one_by_one(theirs, sound), atol=ROUNDING)


def test_with_its_own_weights_it_decides_as_the_wheels_model_does(theirs, sound):
    ours = Listener(Silero()).add(sound) >= 0.5
    assert (ours == (one_by_one(theirs, sound) >= 0.5)).mean() > 0.97


def test_however_a_sound_is_cut_the_same_is_heard(sound):
    silero = Silero()
    whole = Listener(silero).add(sound)
    listener = Listener(silero)
    parts = [
        listener.add(sound[: 7 * WINDOW]),
        listener.add(sound[7 * WINDOW : 8 * WINDOW]),
        listener.add(sound[8 * WINDOW :]),
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=ROUNDING)


def test_threads_share_a_net_and_do_not_hear_each_other(sound):
    other = resample(recording("two_channel_call")[0][:1], 8000, 16000)[0, : len(sound)].copy()
    silero = Silero()
    alone = [Listener(silero).add(each) for each in (sound, other)]
    found = [None, None]

    def hear(place, samples):
        listener = Listener(silero)
        blocks = np.split(samples, 30)
        found[place] = np.concatenate([listener.add(block) for block in blocks])

    threads = [threading.Thread(target=hear, args=each) for each in enumerate((sound, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for together, by_itself in zip(found, alone, strict=True):
        np.testing.assert_allclose(together, by_itself, atol=ROUNDING)


def test_loading_it_leaves_torch_as_it_was(sound):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            Listener(Silero()).add(sound)
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        assert "silero_vad" not in sys.modules
    finally:
        torch.set_num_threads(before)


def test_what_is_not_installed_is_said_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"silero-vad is not installed.*: pip install --upgrade silero-vad"):
        Silero()
    hollow = ModuleSpec("silero_vad", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(silero, "find_spec", lambda name: hollow)
    with pytest.raises(MissingError, match="lacks its weights"):
        Silero()
