"""Where memory does not suffice, a worker goes down the ladder that `separate` declares."""

from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest
import torch
from demucs.htdemucs import HTDemucs

from librarian.media import read_audio
from librarian.testing import Conformance
from librarian.testing.trial import TIMEOUT, check_done, trying
from librarian.workers.asking import ask
from librarian.workers.inline import Inline
from librarian_separation.networks import Network

RATE = 8000


class Separated(Conformance):
    """20 s of stereo, done by a worker in this process with a network of 7.8 s."""

    package, operation = "librarian-separation", "separate"
    seconds, rate, channels = 20.0, RATE, 2

    def __init__(self, lab, folder, **given):
        self._lab = lab
        self.settings = {"model": "htdemucs", "stems": ["vocals", "drums"], **given}
        (folder / "task").mkdir(parents=True)
        with trying(self._subject(), folder) as trial:
            message = trial.request(trial.inputs()) | {"folder": str(folder / "task")}
        with closing(Inline(print)) as worker:
            self.answer = ask(worker, message, TIMEOUT)
        check_done(self.answer)
        files = [each["file"] for each in self.answer["outputs"]]
        assert {each.name for each in (folder / "task").iterdir()} == set(files)
        self.stems = np.stack([read_audio(folder / "task" / file)[0] for file in files])

    def models(self, folder):
        network = self._lab.network(HTDemucs, segment=Fraction(39, 5))
        return {"htdemucs": self._lab.save_pickle(folder / "made", "955717e8-8726e21a", network)}


class Asked(list):
    """(segments, frames) of each batch that a network was given; more than `most` of either is too much."""

    most = (256, 1 << 30)


@pytest.fixture
def asked(monkeypatch):
    """What networks were given; too much fails as on a GPU that is full."""
    asked, call = Asked(), Network.__call__

    def called(self, mix):
        asked.append((mix.shape[0], mix.shape[-1]))
        if any(each > most for each, most in zip(asked[-1], asked.most, strict=True)):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return call(self, mix)

    monkeypatch.setattr(Network, "__call__", called)
    return asked


def test_segments_are_computed_singly_where_several_are_too_many(lab, tmp_path, asked):
    whole = Separated(lab, tmp_path / "whole", batch=4)
    assert max(asked)[0] == 4
    assert "rungs" not in whole.answer
    asked.clear()
    asked.most = (1, 1 << 30)
    made = Separated(lab, tmp_path / "singly", batch=4)
    assert asked[0][0] == 4
    assert {segments for segments, _ in asked[1:]} == {1}
    assert (made.answer["rungs"], made.answer["degraded"]) == ([{"settings": {"batch": 1}}], False)
    np.testing.assert_allclose(made.stems, whole.stems, atol=2**-22)


def test_then_in_shorter_ones_as_if_these_had_been_asked_for(lab, tmp_path, asked):
    asked.most = (1, 3 * RATE)
    made = Separated(lab, tmp_path / "made", batch=4)
    assert made.answer["degraded"]
    assert [each["settings"].get("segment") for each in made.answer["rungs"]] == [None, 4.0, 2.0]
    short = Separated(lab, tmp_path / "short", segment="2 s")
    np.testing.assert_array_equal(made.stems, short.stems)
