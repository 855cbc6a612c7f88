"""The PLDA of a VBx pipeline: two npz files of numbers, read without pickles and within bounds."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian.errors import RefusedError
from librarian_diarization.pyannote_stack import PLDA

TRANSFORM, MODEL = "xvec_transform.npz", "plda.npz"
MAX_BYTES = 1 << 26
"""Of one array: four thousand by two thousand of float64."""


def read_plda(folder: Path, dimension: int) -> PLDA:
    """The PLDA of a folder.

    Args:
        folder: holds `xvec_transform.npz` (means and LDA) and `plda.npz` (mean, transform and variances).
        dimension: of the embeddings it is for.

    Raises:
        RefusedError: a file is missing, damaged, holds anything but numbers, or numbers that do not fit together.
    """
    transform = _arrays(folder / TRANSFORM, ("mean1", "mean2", "lda"))
    model = _arrays(folder / MODEL, ("mu", "tr", "psi"))
    reduced = model["mu"].size
    wanted = {"mean1": (dimension,), "mean2": (reduced,), "lda": (dimension, reduced)}
    wanted |= {"mu": (reduced,), "tr": (reduced, reduced), "psi": (reduced,)}
    if any((transform | model)[name].shape != shape for name, shape in wanted.items()):
        raise RefusedError(f"the PLDA is not one for embeddings of {dimension} numbers")
    try:
        return PLDA(_as_file(transform), _as_file(model))
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        raise RefusedError("the PLDA's numbers are no PLDA: its matrices cannot be inverted") from None


def _arrays(file: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.floating]]:
    try:
        with zipfile.ZipFile(file) as archive:
            return {name: _array(archive, f"{name}.npy") for name in names}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        raise RefusedError(f"{file.name} is missing, damaged, or holds anything but numbers") from None


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[np.floating]:
    with archive.open(name) as stream:
        data = stream.read(MAX_BYTES + 1)
    form = np.lib.format
    header = io.BytesIO(data)
    read = form.read_array_header_1_0 if form.read_magic(header) == (1, 0) else form.read_array_header_2_0
    shape, _, kind = read(header)
    if kind.kind != "f" or len(data) > MAX_BYTES or header.tell() + kind.itemsize * int(np.prod(shape)) > len(data):
        raise ValueError(name)
    array = form.read_array(io.BytesIO(data), allow_pickle=False)
    if not np.isfinite(array).all():
        raise ValueError(name)
    return array


def _as_file(arrays: dict[str, NDArray[np.floating]]) -> Any:
    """What was looked at, as the file that the library opens."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    file.seek(0)
    return file
