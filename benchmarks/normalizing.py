"""The operation `normalize` in a process that runs already, beside reading and writing int16, in turns.

    python benchmarks/normalizing.py FILES… --repeat 5

WAV, 16 bits in and out, to −16 LUFS under −1 dBTP; printed are medians of time and of processor time.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import soundfile

from librarian.media import AudioWriter, create_audio, open_audio
from librarian_normalization import NormalizeSettings
from librarian_normalization.normalize import Normalizer

NORMALIZER = Normalizer(NormalizeSettings(target="-16 LUFS", ceiling="-1 dBTP"), "cpu")

Work = Callable[[Path, Path], None]


def copy(path: Path, made: Path) -> None:
    """The limit."""
    with (
        soundfile.SoundFile(path) as file,
        soundfile.SoundFile(made, "w", file.samplerate, file.channels, "PCM_16") as out,
    ):
        while len(block := file.read(1 << 18, dtype="int16")):
            out.write(block)


def normalize(path: Path, made: Path) -> None:
    """The operation, on a task that has what it asks for."""

    @contextlib.contextmanager
    def create(_: str, rate: int, channels: int, layout: str = "") -> Iterator[AudioWriter]:
        with create_audio(made, rate, channels, layout=layout, audio_format="wav", bits=16, seed=0) as writer:
            yield writer

    task: Any = SimpleNamespace(
        progress=lambda fraction: None, open_audio=lambda port: open_audio(path), create_audio=create
    )
    NORMALIZER(task)


def taken(work: Work, paths: list[Path], folder: Path) -> tuple[float, float]:
    """Seconds, and those of processors."""
    for path in paths:
        (folder / path.name).unlink(missing_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    for path in paths:
        work(path, folder / path.name)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print two rows; the first turn loads the kernels and does not count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    rows: dict[Work, list[tuple[float, float]]] = {copy: [], normalize: []}
    with tempfile.TemporaryDirectory() as made:
        for _ in range(1 + options.repeat):
            for work, each in rows.items():
                each.append(taken(work, options.files, Path(made)))
    limit = median(wall for wall, _ in rows[copy][1:])
    for name, each in (("decode + encode (limit)", rows[copy][1:]), ("normalize", rows[normalize][1:])):
        wall, cpu = (median(column) for column in zip(*each, strict=True))
        print(f"{name:30} {wall:7.2f} s  {wall / limit:4.1f} × limit  processor {cpu:.2f} s")


if __name__ == "__main__":
    main()
