"""The contract with extensions: what a task is given, and gives back. What an operation declares: `operation`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from librarian.errors import UnusableInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from librarian.kinds import Data

DataKind = TypeVar("DataKind", bound="Data")


@dataclass(frozen=True)
class Artifact:
    """One input of a task, as the extension sees it.

    Attributes:
        path: the file; read only.
        kind: word of its kind, such as `audio` or `turns/1`.
        role: its role in a group; empty otherwise.
        sample_rate: Hz; 0 where it is not audio.
        frames: samples per channel, as far as the container knows (`facts["frames_exact"]`); 0 where it is not audio.
        channels: number of channels; 0 where it is not audio.
        facts: what was measured when it was made.
        recording: id of the recording or group that it comes from, where it was gathered; empty otherwise.
        item: its number in a list, from 1; 0 where it stands in none.
        revised: whether a person made it (`librarian revise`) in the place of what a step had made. It fits its kind
            all the same; `facts` are then what the core measures only, and none of the step's own.
    """

    path: Path
    kind: str
    role: str = ""
    sample_rate: int = 0
    frames: int = 0
    channels: int = 0
    facts: Mapping[str, float | bool | str | None] = field(default_factory=dict)
    recording: str = ""
    item: int = 0
    revised: bool = False

    def read_data(self, kind: type[DataKind]) -> DataKind:
        """What it holds, as a kind of data: `task.inputs["turns"].read_data(Turns)`.

        Raises:
            UnusableInputError: `corrupt` where it holds something else.
        """
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            return kind.model_validate({name: value for name, value in document.items() if name != "schema"})
        except (ValueError, AttributeError, RecursionError):
            raise UnusableInputError("corrupt", f"it holds no {kind.word}") from None


@dataclass(frozen=True)
class Output:
    """What a task made for one output (or one item of a `Many`), with the facts it measured."""

    value: Any
    facts: Mapping[str, float | bool | str | None] = field(default_factory=dict)


class State(Protocol):
    """A small JSON object that outlives a crash: what `save` wrote, the next attempt at the same key finds."""

    value: dict[str, Any]

    def save(self) -> None:
        """Make `value` durable."""


class AudioStream(Protocol):
    """A sound that is read in blocks, once, from its beginning to its end.

    Attributes:
        sample_rate: Hz.
        channels: number of channels.
        layout: the order of the channels, `mono`, `stereo`, `5.1` …; empty where the file does not say.
        frames: samples per channel; an estimate unless `frames_exact`.
        frames_exact: whether the container states the length to the frame.
        bits: a file of so many holds its samples exactly: 16, 24, or 32 (float); 0 where nobody knows, as of an mp3.
    """

    sample_rate: int
    channels: int
    layout: str
    frames: int
    frames_exact: bool
    bits: int

    def blocks(self, frames: int | None = None) -> Iterator[NDArray[np.float32]]:
        """Blocks of `[channels, frames]` float32, of half a MiB where no number is given; only the last is shorter.

        The next one is decoded while you work on one. Of a damaged sound an UnusableInputError comes where the damage
        shows, maybe after the last block: let it pass.
        """

    def sampled_blocks(self, frames: int | None = None) -> Iterator[NDArray[np.float32] | NDArray[np.int16]]:
        """The same, as int16 where the file holds whole numbers of up to 16 bits: nobody makes floats of them.

        Meters and writers take both; `librarian.media.floats` makes floats.
        """


class AudioWriter(Protocol):
    """A sound that is written in blocks.

    Attributes:
        path: the file, whole once its `with` block has ended; gone where that ended with an error.
    """

    path: Path

    def write(self, samples: NDArray[np.float32] | NDArray[np.int16], factor: float = 1.0) -> None:
        """Add `[channels, frames]`, of any length, times a factor; int16 stands for −1…1 as in `sampled_blocks`.

        How a sound is cut plays no part in the bytes of its file.
        """


class Task(Protocol):
    """What an operation is given, and how it gives back.

    It returns a mapping: output → a path in `folder`, a `Data` object, an `Output` around one of the two, or a list
    of those where the output is `Many`.

    Attributes:
        unit: id of what it works on, such as a recording: the only name for it that may stand in a file.
        inputs: port → artifact, or a tuple of artifacts where the port is `Many`: by role, recording and item.
        settings: the validated settings.
        device: `cpu`, `cuda:0` …
        seed: 32 bits, from the task key.
        folder: the only place to write.
        bits: of the sounds that it writes: 16 or 24, in which nothing rises above full scale, or 32 for float.
        state: a small JSON object kept across attempts.
    """

    unit: str
    inputs: Mapping[str, Any]
    settings: Any
    device: str
    seed: int
    folder: Path
    bits: int
    state: State

    def progress(self, fraction: float) -> None:
        """Say how much is done, 0 to 1."""

    def read_audio(self, port: str | Artifact) -> tuple[NDArray[np.float32], int]:
        """The sound of an input (by its port, or one of those of a `Many` port), and its sample rate (Hz).

        Returns:
            `[channels, frames]` float32 in −1…1.
        """

    def open_audio(self, port: str | Artifact) -> AbstractContextManager[AudioStream]:
        """The same in blocks, whatever the length: `with task.open_audio("audio") as sound: …`."""

    def write_audio(self, output: str, samples: NDArray[np.float32], rate: int, layout: str = "") -> Path:
        """Write `[channels, frames]` in the job's format, without tags, and say where it lies.

        The layout is the order of the channels, `5.1` …; of one or two the usual one.
        """

    def create_audio(
        self, output: str, rate: int, channels: int, layout: str = "", bits: int = 0
    ) -> AbstractContextManager[AudioWriter]:
        """The same in blocks: `with task.create_audio("audio", rate, channels) as writer: …`.

        With `bits` (16, 24, or 32 for float, which is a wav then) instead of the job's; 0: the job's.
        """
