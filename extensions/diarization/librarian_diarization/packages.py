"""Weights that lie in installed packages: where, without importing them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from librarian.errors import MissingError


def file_of(module: str, name: str, package: str) -> Path:
    """A file in the folder of an installed module.

    Args:
        module: what it is imported as.
        name: of the file, below the module's folder.
        package: what it is installed as.

    Raises:
        MissingError: the package is not installed, or holds no such file.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingError(f"{package} is not installed: pip install {package}")
    path = Path(spec.origin).parent / name
    if not path.is_file():
        raise MissingError(f"the installed {package} lacks its weights: pip install --upgrade {package}")
    return path
