"""Child side: one task, from its inputs to the files in its folder. The extension's code runs here."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from librarian.errors import UnusableInputError
from librarian.kinds import Audio, Data, File, Image, Kind, Video
from librarian.media.probing import probe
from librarian.operation import FILE, MEDIA, Fact, Operation, Settings
from librarian.task import Artifact, Output
from librarian.workers.discovery import kind_of, outputs_of
from librarian.workers.failures import BadOutputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from librarian.media import AudioStream, AudioWriter

LARGEST_NUMBER = 2**53
"""Whole numbers beyond it are not the same in every reader of JSON."""
FLOAT = 32
"""Bits of sounds that are written as float, which no flac is."""
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


@dataclass
class TaskState:
    """`task.state`: a small JSON object that survives a crash."""

    value: dict[str, Any]
    send: Callable[[dict[str, Any]], None] = field(repr=False)

    def save(self) -> None:
        """Make `value` durable."""
        self.send({"type": "state", "value": self.value})


@dataclass
class Timer:
    """Seconds a task spent, by stage."""

    read: float = 0.0
    load: float = 0.0
    compute: float = 0.0
    write: float = 0.0


class RunningTask:
    """What the extension is given: `librarian.Task`."""

    def __init__(
        self,
        request: Mapping[str, Any],
        settings: Settings,
        device: str,
        send: Callable[[dict[str, Any]], None],
        *,
        bare: bool = False,
    ) -> None:
        self.unit: str = request["stem"].partition(".")[0]
        self._given: Mapping[str, Any] = request["inputs"]
        self._is_bare = bare
        self._copies: Path | None = None
        self._settings = settings
        self.device = device
        self.seed: int = request["seed"]
        self.folder = Path(request["folder"])
        self.state = TaskState(request["state"], send)
        self.timer = Timer()
        self._audio = request["audio"]
        self.bits: int = (self._audio or {}).get("bits", 0)
        self._send = send
        self._written = 0

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Port → artifact, or a tuple of artifacts."""
        if self._is_bare:
            self._copies = Path(tempfile.mkdtemp(prefix="bare-"))
        return {
            port: tuple(map(self._input, each)) if isinstance(each, list) else self._input(each)
            for port, each in self._given.items()
        }

    def _input(self, message: Mapping[str, Any]) -> Artifact:
        """An input; where it may leave the machine, without what is embedded in it and without its name."""
        given = artifact_of(message)
        if self._copies is None or given.kind not in (*MEDIA, FILE):
            return given
        from librarian.privacy import tags

        stem = f"{len(os.listdir(self._copies)) + 1:04d}"
        if tags.remains(given.path):
            return replace(given, path=tags.remove(given.path, self._copies, stem)[0])
        link = self._copies / f"{stem}{tags.format_of(given.path).suffix}"
        link.symlink_to(given.path)
        return replace(given, path=link)

    def drop_copies(self) -> None:
        """Remove the copies of inputs that were made for it."""
        if self._copies is not None:
            shutil.rmtree(self._copies, ignore_errors=True)

    @cached_property
    def settings(self) -> Settings:
        """A copy of its own: lists in it can be changed, and others get the same."""
        return self._settings.model_copy(deep=True)

    def progress(self, fraction: float) -> None:
        """Say how much is done, 0 to 1."""
        if math.isfinite(fraction):
            self._send({"type": "progress", "fraction": min(1.0, max(0.0, float(fraction)))})

    def read_audio(self, port: str | Artifact) -> tuple[NDArray[np.float32], int]:
        """The sound of an input, `[channels, frames]` float32 in −1…1, and its sample rate (Hz)."""
        from librarian.media import read_audio

        began = time.perf_counter()
        try:
            return read_audio(self._path(port))
        finally:
            self.timer.read += time.perf_counter() - began

    @contextmanager
    def open_audio(self, port: str | Artifact) -> Iterator[AudioStream]:
        """The sound of an input in blocks, whatever its length."""
        from librarian.media import open_audio

        began = time.perf_counter()
        with open_audio(self._path(port)) as stream:
            stream.seconds += time.perf_counter() - began
            try:
                yield stream
            finally:
                self.timer.read += stream.seconds

    def write_audio(self, output: str, samples: NDArray[np.float32], rate: int, layout: str = "") -> Path:
        """Write `[channels, frames]` in the job's format, without tags, and say where it lies."""
        from librarian.media import write_audio

        began = time.perf_counter()
        path, form = self._next(output)
        write_audio(path, samples, rate, layout=layout, **form)
        self.timer.write += time.perf_counter() - began
        return path

    @contextmanager
    def create_audio(
        self, output: str, rate: int, channels: int, layout: str = "", bits: int = 0
    ) -> Iterator[AudioWriter]:
        """Write a sound in blocks, in the job's format, without tags; it is whole once the `with` block has ended."""
        from librarian.media import create_audio

        path, form = self._next(output, bits)
        with create_audio(path, rate, channels, layout=layout, **form) as writer:
            yield writer
        self.timer.write += writer.seconds

    def _next(self, output: str, bits: int = 0) -> tuple[Path, dict[str, Any]]:
        self._written += 1
        bits = bits or self._audio["bits"]
        form = "wav" if bits == FLOAT else self._audio["format"]
        return self.folder / f"{output}.{self._written}.{form}", {"audio_format": form, "bits": bits, "seed": self.seed}

    def _path(self, port: str | Artifact) -> Path:
        artifact: Artifact = self.inputs[port] if isinstance(port, str) else port
        return artifact.path


def artifact_of(message: Mapping[str, Any]) -> Artifact:
    """An input as the extension sees it."""
    return Artifact(**{**message, "path": Path(message["path"])})


def collect(task: RunningTask, operation: Operation, result: Any, stem: str) -> list[dict[str, Any]]:
    """Check what a task gave back, give the files their names, measure them.

    Args:
        task: the task.
        operation: its operation.
        result: what the extension returned.
        stem: what file names begin with, `<unit>.<operation>`.

    Raises:
        BadOutputError: it is not what the operation declares.
    """
    if not os.path.isdir(task.folder):
        raise BadOutputError("the folder that it was given is gone")
    outputs = outputs_of(operation, task._settings)
    if not isinstance(result, Mapping):
        raise BadOutputError("it returned no mapping of its outputs")
    if missing := outputs.keys() - result.keys():
        raise BadOutputError(f"it returned no {', '.join(sorted(missing))}")
    if len(result) > len(outputs):
        raise BadOutputError("it returned an output that it does not declare")
    found = []
    for output in outputs:
        kind, many = kind_of(outputs, output)
        for item, value in _items(result[output], many):
            name = f"{stem}.{output}" if item is None else f"{stem}.{output}.{item:04d}"
            found.append(_one(task, operation, kind, Output(value) if not isinstance(value, Output) else value, name))
            found[-1] |= {"output": output, "item": item}
    return found


def _items(value: Any, many: bool) -> Iterator[tuple[int | None, Any]]:
    if not many:
        yield None, value
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value, 1)
    else:
        raise BadOutputError("an output of many files is no list")


def _one(task: RunningTask, operation: Operation, kind: type[Kind], output: Output, name: str) -> dict[str, Any]:
    facts = checked_facts(operation.facts, output.facts)
    if issubclass(kind, Data) and kind.secret:
        if facts:
            raise BadOutputError("an output that stays in the vault has facts")
        return {"secret": _document(kind, output.value)}
    if issubclass(kind, Data):
        file = f"{name}.json"
        document = json.dumps(_document(kind, output.value), indent=1, ensure_ascii=False, allow_nan=False)
        (task.folder / file).write_text(document + "\n", encoding="utf-8")
    else:
        file = _take_file(os.fspath(task.folder), output.value, name)
    word = kind.word
    if issubclass(kind, (Audio, Image, Video, File)):
        word = _bare(task.folder / file, word)
    if word == Audio.word:
        facts |= audio_facts(task.folder / file)
    return {"file": file, "kind": word, "facts": facts}


def _bare(path: Path, kind: str) -> str:
    """See to it that a media file holds no embedded metadata, and say what it is where any kind will do.

    Raises:
        BadOutputError: nobody can tell what it holds.
    """
    from librarian.privacy import tags

    try:
        found = tags.format_of(path).kind
        if tags.remains(path):
            bare, removed = tags.remove(path, path.parent, f".{path.stem}")
            os.replace(bare, path)
            found = removed.kind
    except UnusableInputError as error:
        raise BadOutputError(f"an output cannot be kept: {error}") from None
    return found if kind == File.word else kind


def media_facts(path: Path | str) -> dict[str, Any]:
    """What the core says of a recording: of a sound what `audio_facts` says, of a picture what it is."""
    try:
        return audio_facts(path)
    except UnusableInputError as error:
        from librarian.privacy import tags

        with suppress(UnusableInputError):
            found = tags.format_of(path)
            if found.kind == Image.word or error.cause == "unsupported":
                return {"container": found.word}
        raise


def _document(kind: type[Data], value: Any) -> dict[str, Any]:
    if not isinstance(value, kind) and kind is not Data:
        raise BadOutputError(f"an output is no {kind.word}")
    try:
        checked = type(value).model_validate(value.model_dump())
    except (ValidationError, AttributeError):
        raise BadOutputError(f"an output does not fit the schema {kind.word}") from None
    return {"schema": type(value).word, **checked.model_dump(mode="json")}


def _take_file(folder: str, value: Any, name: str) -> str:
    """Give a file that the task wrote its name."""
    if not isinstance(value, (str, Path)):
        raise BadOutputError("an output is no path")
    path = os.path.join(folder, value)
    if not _is_file_in(folder, path):
        raise BadOutputError("an output is no file in the task's folder")
    suffix = os.path.splitext(path)[1]
    if not _SUFFIX.fullmatch(suffix):
        raise BadOutputError("the file name of an output has no plain ending")
    os.rename(path, f"{folder}/{name}{suffix}")
    return f"{name}{suffix}"


def _is_file_in(folder: str, path: str) -> bool:
    """Whether a plain file lies in a folder itself, however that is written."""
    try:
        above = os.path.dirname(path)
        return stat.S_ISREG(os.lstat(path).st_mode) and (above == folder or os.path.samefile(above, folder))
    except (OSError, ValueError):  # a NUL in a name
        return False


def audio_facts(path: Path | str) -> dict[str, Any]:
    """What the core itself says of every sound file."""
    info = probe(path)
    return {
        "container": info.container,
        "codec": info.codec,
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "frames": info.frames,
        "frames_exact": info.frames_exact,
        "seconds": round(info.frames / info.sample_rate, 6) if info.sample_rate else 0.0,
    }


def checked_facts(declared: Mapping[str, Fact], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts that the operation declares, with values that a record may hold.

    Raises:
        BadOutputError: one is not declared, or is no number, flag or declared word.
    """
    found: dict[str, Any] = {}
    for name, value in facts.items():
        if name not in declared:
            raise BadOutputError("it gave a fact that it does not declare")
        found[name] = _fact(name, declared[name], value)
    return found


_FORMS = {"version": re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}"), "digest": re.compile(r"sha256:[0-9a-f]{64}")}


def _fact(name: str, fact: Fact, value: Any) -> Any:
    if fact.form:
        if value is not None and not (isinstance(value, str) and _FORMS[fact.form].fullmatch(value)):
            raise BadOutputError(f"the fact {name} is no {fact.form}")
        return value
    if fact.words:
        if value not in fact.words:
            raise BadOutputError(f"the fact {name} is none of its words")
        return value
    if value is None or isinstance(value, bool):
        return value
    try:
        number = int(value) if isinstance(value, int) else float(value)
    except (TypeError, ValueError):
        raise BadOutputError(f"the fact {name} is no number") from None
    if isinstance(value, str) or not abs(number) <= LARGEST_NUMBER:
        raise BadOutputError(f"the fact {name} is no finite number")
    return number
