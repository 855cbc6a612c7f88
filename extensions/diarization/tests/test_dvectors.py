"""The encoder, with small random weights through the real loading code, and its spectra against a plain reckoning."""

import os
import pickle

import numpy as np
import pytest
import torch

from librarian.errors import MissingError
from librarian_diarization.dvectors import DIMENSIONS, WINDOW, Encoder


@pytest.fixture
def encoder(package):
    return Encoder()


def test_vectors_have_length_1_and_do_not_depend_on_what_stands_beside_them(encoder):
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, (3, WINDOW)).astype(np.float32)
    together = encoder.vectors(sound)
    assert together.shape == (3, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.vectors(each[np.newaxis]) for each in sound])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_what_is_faint_is_made_louder_first(encoder):
    sound = np.random.default_rng(0).uniform(-1, 1, (1, WINDOW)).astype(np.float32)
    faint, fainter, loud = (encoder.vectors(sound * level) for level in (0.02, 0.002, 0.9))
    np.testing.assert_allclose(faint, fainter, atol=1e-4)
    assert np.abs(faint - loud).max() > 1e-3


def test_silence_is_no_error(encoder):
    assert np.isfinite(encoder.vectors(np.zeros((1, WINDOW), np.float32))).all()


def test_no_code_in_the_file_of_weights_runs(package, tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"model_state": Harm()}, package)
    with pytest.raises(pickle.UnpicklingError):
        Encoder()
    assert not (tmp_path / "harm").exists()


def test_without_the_weights_the_remedy_is_said(package):
    package.unlink()
    with pytest.raises(MissingError, match="pip install --upgrade resemblyzer"):
        Encoder()
