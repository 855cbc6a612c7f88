"""A task on real files, for tests of an operation alone: as the core has it, but without a worker around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from librarian.media import AudioStream, AudioWriter

_BITS = {"PCM_16": 16, "PCM_24": 24, "FLOAT": 32}


class FileTask:
    """What an operation is given: sounds that lie in a folder, under the port `audio`.

    Args:
        folder: an empty one, for the sounds and for what is made of them.
        sounds: one for each artifact of the port.
        rate: Hz, of all.
        settings: of the operation.
        suffix: `.wav` or `.flac`, of the sounds and of what is written.
        subtype: `PCM_16`, `PCM_24` or `FLOAT` (wav only), likewise.
        layout: of the channels of the sounds.
        many: whether the port takes many; else its input is the first of them, as a task has it.

    Attributes:
        fractions: what it said of its progress.
        bits: of what is written, 32 for float.

    Shape:
        - sounds: `[channels, frames]` each
    """

    def __init__(
        self,
        folder: Path,
        sounds: Sequence[NDArray[np.float32]],
        rate: int,
        settings: Any,
        *,
        suffix: str = ".wav",
        subtype: str = "FLOAT",
        layout: str = "",
        many: bool = True,
    ) -> None:
        self.settings, self.folder = settings, folder
        self.unit, self.device, self.seed = "rec_aaaaaaaaaaaaa", "cpu", 0
        self.fractions: list[float] = []
        self._numbers = itertools.count(1)
        self._suffix, self.bits = suffix, _BITS[subtype]
        paths = []
        for samples in sounds:
            with self.create_audio("source", rate, len(samples), layout) as writer:
                writer.write(samples)
            paths.append(writer.path)
        given = tuple(SimpleNamespace(path=path) for path in paths)
        self.inputs: dict[str, Any] = {"audio": given if many else given[0]}

    def progress(self, fraction: float) -> None:
        """Keep it."""
        assert 0 <= fraction <= 1
        self.fractions.append(fraction)

    def open_audio(self, port: Any) -> AbstractContextManager[AudioStream]:
        """The sound of an artifact, or the first of a port."""
        from librarian.media import open_audio

        return open_audio(self._artifact(port).path)

    def read_audio(self, port: Any) -> tuple[NDArray[np.float32], int]:
        """The whole sound of an artifact, or the first of a port, and its sample rate (Hz)."""
        from librarian.media import read_audio

        return read_audio(self._artifact(port).path)

    def write_audio(self, output: str, samples: NDArray[np.float32], rate: int, layout: str = "") -> Path:
        """A whole sound into the folder."""
        with self.create_audio(output, rate, len(samples), layout) as writer:
            writer.write(samples)
        return writer.path

    def _artifact(self, port: Any) -> Any:
        given = self.inputs[port] if isinstance(port, str) else port
        return given[0] if isinstance(given, tuple) else given

    @contextmanager
    def create_audio(
        self, output: str, rate: int, channels: int, layout: str = "", bits: int = 0
    ) -> Iterator[AudioWriter]:
        """A sound in the folder, in the form of the sources."""
        from librarian.media import create_audio

        bits = bits or self.bits
        form = "wav" if bits == _BITS["FLOAT"] else self._suffix[1:]
        path = self.folder / f"{output}.{next(self._numbers)}.{form}"
        with create_audio(path, rate, channels, layout=layout, audio_format=form, bits=bits, seed=0) as writer:
            yield writer
