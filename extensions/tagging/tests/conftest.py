from __future__ import annotations

import itertools
import socket

import clap_folders
import numpy as np
import pytest

from librarian import model_folder
from librarian.testing import FileTask, given_models


@pytest.fixture
def _no_network(monkeypatch):
    """Whoever connects anywhere fails, and says so."""

    def refuse(*_):
        raise AssertionError("something wants to go over the network")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def clap_folder(tmp_path_factory):
    """A small CLAP, made once."""
    return clap_folders.clap(tmp_path_factory.mktemp("clap") / "model")


@pytest.fixture
def opened(tmp_path, _no_network):
    """The model of a folder, loaded as a worker does."""
    from librarian_tagging.clap import Clap

    numbers = itertools.count(1)

    def load(place, **how):
        with given_models({"own": place}, tmp_path / f"store{next(numbers)}"):
            return Clap(model_folder("own"), **how)

    return load


@pytest.fixture
def tagged(tmp_path, clap_folder, _no_network):
    """What `tag` makes of sounds: for each its events, probabilities and facts."""
    from librarian_tagging import TagSettings
    from librarian_tagging.tag import Tagger

    numbers = itertools.count(1)

    def run(*sounds, rate=48000, **given):
        settings = TagSettings(**{"model": "own", "sounds": {"laughter": {"prompt": "laughter"}}, **given})
        with given_models({"own": clap_folder}, tmp_path / f"store{next(numbers)}"):
            tagger = Tagger(settings, "cpu")
            tasks = []
            for sound in sounds:
                place = tmp_path / f"task{next(numbers)}"
                place.mkdir()
                tasks.append(FileTask(place, [np.atleast_2d(sound)], rate, settings))
            results = tagger.compute([tagger.read(task) for task in tasks])
            made = [tagger.write(task, result) for task, result in zip(tasks, results, strict=True)]
        return [(each["events"].value.events, each["probabilities"].value, each["events"].facts) for each in made]

    return run
