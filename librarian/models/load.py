"""Guarded loads of model files, for workers: what an extension builds its models from runs no code of the file's.

Only files that `model_folder` may hand out are loaded, and only while they are what models.lock says. There is no way
from here to an unsafe load: what cannot be loaded so is refused.
"""

from __future__ import annotations

import os
import pickle
import re
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from librarian.errors import ModelMissingError, RefusedError
from librarian.files import open_regular, stat_key
from librarian.models.given import handed, verified

if TYPE_CHECKING:
    import torch

SAFE_SINCE = (2, 10)
"""Before this version of torch a file could run code though only weights were asked for (CVE-2025-32434,
CVE-2026-24747)."""
_NAMED = re.compile(r"(?:GLOBAL|class|function|type) `?([A-Za-z_][\w.]{0,100})")
_LOADING = threading.Lock()
"""What torch allows is one list for the whole process."""


def load_checkpoint(path: Path, allow: Iterable[Any] = ()) -> Any:
    """What a file holds that `torch.save` wrote (`.th`, `.pt`, `.bin`), with its tensors on the CPU.

    Args:
        path: below a folder that `model_folder` gave.
        allow: classes and functions that the file may name beside tensors and plain Python values. What libraries
            allowed for themselves does not count.

    Raises:
        ModelMissingError: it is no file of a model of this task, or not what models.lock says.
        RefusedError: it names something else, or is no such file.
    """
    import torch

    _check_version(torch.__version__)
    with _checked(path) as file, _only(torch, allow):
        _check_archive(file, path.name)
        file.seek(0)
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            named = _NAMED.search(str(error))
            what = f"it names {named[1]}, which is not among what may be loaded" if named else "it does more than that"
            raise RefusedError(f"{path.name} is not loaded: a checkpoint holds weights, and {what}") from None
        except (EOFError, LookupError, ValueError, RuntimeError, AttributeError) as error:
            if "alloc" in str(error):  # there is no memory for it
                raise
            raise RefusedError(f"{path.name} is not loaded: it is no checkpoint ({type(error).__name__})") from None


def load_tensors(path: Path, device: str = "cpu") -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors of a safetensors file, and its metadata: words of the file, to be compared and never called.

    Args:
        path: below a folder that `model_folder` gave.
        device: where to put the tensors.

    Raises:
        ModelMissingError: it is no file of a model of this task, or not what models.lock says.
        RefusedError: it is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    with _checked(path):
        try:
            with safe_open(path, framework="pt", device=device) as file:
                return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})
        except SafetensorError:
            raise RefusedError(f"{path.name} is not loaded: it is no safetensors file") from None


@contextmanager
def _checked(path: Path) -> Iterator[BinaryIO]:
    """A file of a model of this task, open, which is what models.lock says before and after."""
    found = handed(path)
    if found is None:
        raise ModelMissingError(f"{path.name} is no file of a model that this task uses")
    then = verified(found[0], os.fspath(path), *found[1:])
    with open(open_regular(path), "rb") as file:
        yield file
        if stat_key(os.fstat(file.fileno())) != then:
            verified(found[0], os.fspath(path), *found[1:])


@contextmanager
def _only(torch: Any, allow: Iterable[Any]) -> Iterator[None]:
    allowed = torch.serialization
    with _LOADING:
        before = allowed.get_safe_globals()
        allowed.clear_safe_globals()
        try:
            allowed.add_safe_globals(list(allow))
            yield
        finally:
            allowed.clear_safe_globals()
            allowed.add_safe_globals(before)


def _check_version(version: str) -> None:
    numbers = tuple(int(each) for each in re.findall(r"\d+", version)[:2])
    if numbers < SAFE_SINCE:
        raise RefusedError(f"torch {version} does not load checkpoints safely; install torch>=2.11")


def _check_archive(file: BinaryIO, name: str) -> None:
    """A checkpoint that is a zip archive holds its tensors as they are: what unpacks to more is none."""
    if not zipfile.is_zipfile(file):
        return
    try:
        entries = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, ValueError):
        raise RefusedError(f"{name} is not loaded: it is a damaged archive") from None
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > os.fstat(file.fileno()).st_size:
        raise RefusedError(f"{name} is not loaded: it unpacks to more than it is")
