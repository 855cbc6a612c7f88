"""Models for tests: folders that a test has made, installed beside it and handed out as a worker hands them out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from librarian.files import names_below
from librarian.models.given import give
from librarian.models.installed import Installed
from librarian.models.known import KnownModel
from librarian.models.lock import Lock, locked
from librarian.models.store import Store


def install_models(folders: Mapping[str, Path], store: Path, known: Sequence[KnownModel] = ()) -> Installed:
    """Install models whose files a test has made; digests that are known of the real ones do not count.

    Args:
        folders: name → folder with its files.
        store: an empty folder for the copies.
        known: says the loader of each.
    """
    loaders = {model.name: model.loader for model in known}
    kept = Store(store)
    models = []
    for name, folder in sorted(folders.items()):
        with kept.staging() as staging:
            files = [staging.add(file, [(folder / file).read_bytes()]) for file in names_below(folder)]
            models.append(locked(name, files, loader=loaders.get(name, "")))
            kept.keep(staging, models[-1])
    lock = Lock(models=tuple(models))
    return Installed(lock, kept, hashlib.sha256(lock.text().encode()).hexdigest())


@contextmanager
def given_models(folders: Mapping[str, Path], store: Path, known: Sequence[KnownModel] = ()) -> Iterator[Installed]:
    """Let `librarian.model_folder` hand out models in this process: for an operation that is called without a worker.

    with given_models({"htdemucs": made}, tmp_path / "models"):
        Separator(settings, "cpu")(FileTask(tmp_path / "task", [sound], 44100, settings))
    """
    installed = install_models(folders, store, known)
    give(installed.given(folders))
    try:
        yield installed
    finally:
        give({})
