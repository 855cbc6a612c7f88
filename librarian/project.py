"""A project: the folder that holds library, manifests, vault and keys.

`find` walks up from the current folder, `init` makes one. The id key is never re-made: a project that lost it is
refused, and so is a library that another project owns.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from librarian.errors import EnvironmentFailedError, RefusedError, UsageError
from librarian.files import naming, write_file
from librarian.keys import KEY_VARIABLE, IdKey, hide_variable

FORMAT = 1
STATE = ".librarian"
MODELS_LOCK = "models.lock"
OWNER = ".owner"
"""A file in a library: whose it is."""
PROJECT_VARIABLE = "LIBRARIAN_PROJECT"
KEY_BYTES = 32
_SETTINGS = """\
format = {format}
keys = "{keys}"
key_fingerprint = "{key}"

[places]
library = {library}
manifests = {manifests}
"""
SHORTEST_KEY = 16
"""Characters that LIBRARIAN_KEY must have at least: what it derives protects names against guessing."""


@dataclass(frozen=True)
class Project:
    """Where everything of a project lies, and its two keys."""

    root: Path
    library: Path
    manifests: Path
    id_key: IdKey
    pseudonym_key: bytes = field(repr=False)

    @property
    def state(self) -> Path:
        """The folder of everything that is not the owner's to read: `.librarian`."""
        return self.root / STATE

    @property
    def vault(self) -> Path:
        """The only file that holds names."""
        return self.state / "vault.db"

    @property
    def catalog(self) -> Path:
        """The index over the manifests."""
        return self.state / "catalog.db"

    @property
    def words(self) -> Path:
        """The index over what was said: as private as the results that it is made from."""
        return self.state / "words.db"

    @property
    def models_lock(self) -> Path:
        """Which models it uses, and the digests of their files."""
        return self.state / MODELS_LOCK

    @property
    def logs(self) -> Path:
        """What workers said, scrubbed."""
        return self.state / "logs"

    @property
    def staging(self) -> Path:
        """Where outputs are made before they are committed."""
        return self.library / ".staging"


def find(explicit: Path | None = None, start: Path | None = None) -> Path | None:
    """The root of the project: `explicit`, else LIBRARIAN_PROJECT, else the nearest one above `start`.

    Raises:
        UsageError: the folder that was named is not a project.
    """
    named = explicit or (Path(value) if (value := os.environ.get(PROJECT_VARIABLE)) else None)
    if named is not None:
        if not _is_project(named):
            raise UsageError("that folder is not a librarian project; make it one with: librarian init FOLDER")
        return named.resolve()
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if _is_project(folder)), None)


def _is_project(folder: Path) -> bool:
    return (folder / STATE / "project.toml").is_file()


def init(root: Path) -> Project:
    """Make `root` a project.

    Raises:
        UsageError: it is one already.
        RefusedError: its library belongs to another project, or the key is too short.
    """
    if _is_project(root):
        raise UsageError("this folder is a librarian project already; next: librarian run job.yaml")
    return open_or_make(root)


def open_or_make(root: Path, models: str = "") -> Project:
    """The project at `root`, made where there is none. One that was begun and cut off keeps the keys it has.

    Args:
        root: its folder.
        models: the text of the models.lock of a new one; empty: without one.

    Raises:
        RefusedError: its library belongs to another project, or a key is missing or too short.
    """
    state = root / STATE
    if not _is_project(root):
        _check_claim(root / "library", _keys_to_be(root, state)[1])
        with locked(_folder(state) / "lock"):
            if not _is_project(root):
                _make(root, state, models)
    return load(root)


def _make(root: Path, state: Path, models: str) -> None:
    keys, id_key, pseudonym_key = _keys_to_be(root, state)
    library = _folder(root / "library")
    for folder in (state / "keys", state / "logs", root / "manifests"):
        _folder(folder)
    if keys == "files":
        for name, key in (("id", id_key.secret), ("pseudonym", pseudonym_key)):
            if not (state / "keys" / name).exists():
                write_file(state / "keys" / name, key.hex().encode())
    write_file(library / OWNER, id_key.fingerprint().encode())
    for folder in (library, state):
        write_file(folder / ".gitignore", b"*\n")
    if models:
        write_file(state / MODELS_LOCK, models.encode())
    _write_settings(state, keys, id_key.fingerprint())


def _write_settings(state: Path, keys: str, key: str, library: str = "library", manifests: str = "manifests") -> None:
    places = {"library": json.dumps(library), "manifests": json.dumps(manifests)}  # JSON's strings are TOML's too
    write_file(state / "project.toml", _SETTINGS.format(format=FORMAT, keys=keys, key=key, **places).encode())


def place_library(root: Path, library: Path) -> None:
    """Let a project use another library, which is there and its own. The caller holds the project's lock.

    Raises:
        UsageError: its path is no text.
    """
    place = os.path.relpath(library, root) if library.is_relative_to(root) else os.fspath(library)
    if not place.isprintable():
        raise UsageError("that path cannot be written down; name a folder in letters and digits")
    settings = _read_settings(root / STATE / "project.toml")
    _write_settings(root / STATE, settings["keys"], settings["key_fingerprint"], place, settings["manifests"])


def _keys_to_be(root: Path, state: Path) -> tuple[str, IdKey, bytes]:
    """Where the keys of a project that is being made come from, and the keys: those it has already, else new ones.

    New ones are made only where no project was ever finished here; the id key is the first to be written.
    """
    files = [state / "keys" / name for name in ("id", "pseudonym")]
    if os.environ.get(KEY_VARIABLE) and not files[0].exists():
        return "environment", *_load_keys(state, "environment")
    finished = files[0].exists() and (root / "library" / OWNER).exists()
    if finished or files[1].exists() or _was_used(root / "manifests", state):
        return "files", *_load_keys(state, "files")
    id_key = _read_key(files[0]) if files[0].exists() else os.urandom(KEY_BYTES)
    return "files", IdKey(id_key), os.urandom(KEY_BYTES)


def _was_used(manifests: Path, state: Path) -> bool:
    return (state / "vault.db").exists() or any(manifests.glob("job_*.jsonl"))


def load(root: Path) -> Project:
    """Open the project at `root`.

    Raises:
        RefusedError: the id key is missing or another one, or the library is another project's.
        EnvironmentFailedError: project.toml cannot be read.
    """
    state = root / STATE
    settings = _read_settings(state / "project.toml")
    id_key, pseudonym_key = _load_keys(state, settings["keys"])
    if id_key.fingerprint() != settings["key_fingerprint"]:
        raise RefusedError(f"the id key is not the one this project was made with; restore {_where(settings['keys'])}")
    library = root / settings["library"]
    manifests = root / settings["manifests"]
    if not (library / OWNER).exists():
        if _was_used(manifests, state):
            raise EnvironmentFailedError(
                "the library is not there; mount it, or, if it is gone for good, let the next run make it again: "
                f"mkdir -p {settings['library']} && echo {id_key.fingerprint()} > {settings['library']}/.owner"
            )
        write_file(_folder(library) / ".owner", id_key.fingerprint().encode())
    _check_claim(library, id_key)
    return Project(root, library, _folder(manifests), id_key, pseudonym_key)


def _read_settings(path: Path) -> Mapping[str, str]:
    try:
        document = tomllib.loads(path.read_text())
        if document["format"] != FORMAT:
            raise EnvironmentFailedError(
                f"{STATE}/project.toml has another format than {FORMAT}; upgrade librarian-media"
            )
        found = {name: str(document[name]) for name in ("keys", "key_fingerprint")}
        if found["keys"] not in ("files", "environment"):
            raise ValueError("keys")
        return found | {name: str(document["places"][name]) for name in ("library", "manifests")}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise EnvironmentFailedError(
            f"{STATE}/project.toml cannot be read ({type(error).__name__}); restore it"
        ) from None


def _where(keys: str) -> str:
    return KEY_VARIABLE if keys == "environment" else f"{STATE}/keys/ from your backup"


def rotate(project: Project, key: bytes) -> None:
    """Put another pseudonym key into the place of the one there is. A crash leaves the one or the other.

    A project whose keys come from LIBRARIAN_KEY has it in a file from then on; the id key stays where it was.
    """
    write_file(_folder(project.state / "keys") / "pseudonym", key.hex().encode())


def _load_keys(state: Path, keys: str) -> tuple[IdKey, bytes]:
    rotated = state / "keys" / "pseudonym"
    if keys == "environment":
        id_key, derived = _keys_from_environment()
        return id_key, _read_key(rotated) if rotated.exists() else derived
    return IdKey(_read_key(state / "keys" / "id")), _read_key(state / "keys" / "pseudonym")


def _read_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise RefusedError(f"a key of this project is missing; it is never re-made: restore {_where('files')}")
    return key


def _keys_from_environment() -> tuple[IdKey, bytes]:
    value = os.environ.get(KEY_VARIABLE, "")
    if not value:
        raise RefusedError(
            f"this project's keys come from {KEY_VARIABLE}, which is not set; set it as you did when it was made"
        )
    if len(value) < SHORTEST_KEY:
        raise RefusedError(
            f"{KEY_VARIABLE} is shorter than {SHORTEST_KEY} characters; make one with: openssl rand -hex 32"
        )
    hide_variable()
    both = hashlib.scrypt(os.fsencode(value), salt=b"librarian/keys/1", n=2**14, r=8, p=1, dklen=2 * KEY_BYTES)
    return IdKey(both[:KEY_BYTES]), both[KEY_BYTES:]


def _check_claim(library: Path, id_key: IdKey) -> None:
    owner = library / OWNER
    if owner.exists() and owner.read_bytes().strip() != id_key.fingerprint().encode():
        raise RefusedError(
            "library/ belongs to a project with another id key; restore that key, or choose another folder"
        )


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def writer_lock(project: Project, *, wait: bool, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Be the one writer of a project. The lock of a dead holder is gone with it.

    Args:
        project: the project.
        wait: whether to wait for the holder.
        on_wait: told once whom we wait for.

    Raises:
        EnvironmentFailedError: held by another, and `wait` is False.
    """

    def held(holder: str) -> None:
        if not wait:
            raise EnvironmentFailedError(f"the project is in use by {holder}; leave out --no-wait to wait for it")
        on_wait(holder)

    path = project.state / "lock"
    with locked(path, held) as handle:
        with naming(path):
            os.truncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "started": int(time.time())}).encode(), 0)
        yield


@contextlib.contextmanager
def locked(path: Path, on_held: Callable[[str], None] = lambda holder: None) -> Iterator[int]:
    """Hold a file's lock, which a dead holder leaves with its process; a handle to the file.

    Args:
        path: the file; made where there is none.
        on_held: told who holds it, before it is waited for.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_held(_holder(handle))
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        words = json.loads(os.pread(handle, 200, 0))
        started = time.strftime("%H:%M:%S", time.localtime(int(words["started"])))
        return f"process {int(words['pid'])}, started at {started}"
    except (ValueError, KeyError, TypeError):
        return "another process"
